/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/sigstore.h"

/* As many as the reference implementation accepts. */
enum { MAX_SUBJECTS = 1024 };

#define IN_TOTO "application/vnd.in-toto+json"

static int other_file(struct ac_err *err)
{
	return ac_err_set(err, AC_E_VERIFY,
			  "it is the signature of another file: the digest in "
			  "it is not that of this one");
}

static int verify_message(const struct ac_sigstore *b, const struct ac_pkey *k,
			  struct ac_message *m, struct ac_err *err)
{
	enum ac_alg hint = b->has_digest ? b->digest.alg : ac_pkey_digest(k);
	struct ac_digest d;
	int r = ac_pkey_verify(k, m, hint, b->sig, b->sig_len, err);

	if (r <= 0 || !b->has_digest)
		return r;
	/* Nothing rests on it, but a bundle that contradicts itself was not
	 * made by a signer. */
	if (ac_message_digest(m, b->digest.alg, &d, err) < 0)
		return -1;
	return ac_digest_equal(&d, &b->digest) ? 1 : other_file(err);
}

/* 1: SUBJECT is M.  0: not.  Every digest that we know must be right, and there
 * must be one. */
static int is_subject(const struct ac_json *subject, struct ac_message *m,
		      struct ac_err *err)
{
	static const enum ac_alg known[] = {AC_SHA256, AC_SHA384, AC_SHA512};
	const struct ac_json *digests = ac_json_get(subject, "digest");
	bool some = false;

	for (size_t i = 0; i < AC_LEN(known); i++) {
		const char *hex =
			ac_json_text(ac_json_get(digests,
						 ac_digest_alg_name(known[i])),
				     NULL);
		struct ac_digest want = {.alg = known[i]};
		struct ac_digest is;

		if (hex == NULL)
			continue;
		if (ac_hex_decode(want.bytes, ac_digest_size(known[i]), hex,
				  strlen(hex)) < 0)
			return 0;
		if (ac_message_digest(m, known[i], &is, err) < 0)
			return -1;
		if (!ac_digest_equal(&is, &want))
			return 0;
		some = true;
	}
	return some;
}

static int check_subjects(const struct ac_json *list, struct ac_message *m,
			  struct ac_err *err)
{
	size_t n = ac_json_len(list);

	if (n > MAX_SUBJECTS)
		return ac_err_set(err, AC_E_VERIFY,
				  "the statement has more than %d subjects",
				  MAX_SUBJECTS);
	for (size_t i = 0; i < n; i++) {
		int r = is_subject(ac_json_at(list, i), m, err);

		if (r != 0)
			return r;
	}
	return other_file(err);
}

/* The payload, whose signature is good: does it sign M? */
static int check_statement(const struct ac_sigstore *b, struct ac_message *m,
			   struct ac_err *err)
{
	AC_JSON struct ac_json *doc =
		ac_json_parse((const char *)b->payload, b->payload_len,
			      "the statement", err);
	struct ac_json *subjects = NULL;
	const char *type = "";
	const char *predicate = "";

	if (doc == NULL || ac_json_get_str(doc, "", "_type", &type, err) < 0 ||
	    ac_json_get_str(doc, "", "predicateType", &predicate, err) < 0 ||
	    ac_json_get_array(doc, "", "subject", &subjects, err) < 0) {
		err->code = AC_E_VERIFY;
		return -1;
	}
	if (strcmp(type, "https://in-toto.io/Statement/v1") != 0 &&
	    strcmp(type, "https://in-toto.io/Statement/v0.1") != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "what is signed is no in-toto statement");
	if (strcmp(predicate, AC_SIGSTORE_SIGN) != 0) {
		AC_FREE char *shown = ac_str_show(predicate);

		return ac_err_set(err, AC_E_VERIFY,
				  "it is no signature but a statement of the "
				  "type '%.200s'",
				  shown);
	}
	return check_subjects(subjects, m, err);
}

static int verify_envelope(const struct ac_sigstore *b, const struct ac_pkey *k,
			   struct ac_message *m, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf pae = AC_BUF_INIT(16 << 20);
	struct ac_message signd;
	int r;

	/* DSSE's pre-authentication encoding. */
	ac_buf_addf(&pae, "DSSEv1 %zu %s %zu ", strlen(b->payload_type),
		    b->payload_type, b->payload_len);
	ac_buf_add(&pae, b->payload, b->payload_len);
	if (ac_buf_check(&pae, "the statement", err) < 0)
		return -1;
	ac_message_bytes(&signd, pae.p, pae.len);
	r = ac_pkey_verify(k, &signd, ac_pkey_digest(k), b->sig, b->sig_len,
			   err);
	if (r <= 0)
		return r;
	if (strcmp(b->payload_type, IN_TOTO) != 0) {
		AC_FREE char *shown = ac_str_show(b->payload_type);

		return ac_err_set(
			err, AC_E_VERIFY,
			"what is signed is a '%.200s', and no in-toto "
			"statement",
			shown);
	}
	return check_statement(b, m, err);
}

int ac_sigstore_verify(const struct ac_sigstore *b, const struct ac_pkey *k,
		       struct ac_message *m, struct ac_err *err)
{
	return b->enveloped ? verify_envelope(b, k, m, err)
			    : verify_message(b, k, m, err);
}
