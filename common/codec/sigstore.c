/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/sigstore.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"

static const struct {
	const char *name;
	enum ac_alg alg;
} algs[] = {
	{"SHA2_256", AC_SHA256},
	{"SHA2_384", AC_SHA384},
	{"SHA2_512", AC_SHA512},
};

enum { MAX_HINT = 1024, MAX_TYPE = 256 };

void ac_sigstore_release(struct ac_sigstore *b)
{
	free(b->hint);
	free(b->sig);
	free(b->payload_type);
	free(b->payload);
	*b = (struct ac_sigstore){.hint = NULL};
}

/* --- reading --- */

bool ac_sigstore_next(struct ac_str *rest, struct ac_str *one)
{
	struct ac_str all = ac_str_trim(*rest);
	bool newline = false;
	size_t end = 0; /* of what is no space */

	/* Within JSON, no "{" follows a "}" but behind a comma. */
	for (size_t i = 0; i < all.len; i++) {
		if (all.p[i] == '\n')
			newline = true;
		if (strchr(" \t\r\n", all.p[i]) != NULL)
			continue;
		if (newline && all.p[i] == '{' && all.p[end - 1] == '}')
			break;
		newline = false;
		end = i + 1;
	}
	*one = ac_strn(all.p, end);
	*rest = ac_strn(all.p + end, all.len - end);
	return end != 0;
}

/* Base64 in the member KEY: 1 there, 0 not (or empty), -1.  The caller frees
 * *out. */
static int get_bytes(const struct ac_json *o, const char *path, const char *key,
		     uint8_t **out, size_t *n, struct ac_err *err)
{
	AC_FREE uint8_t *p = NULL;
	const char *text = "";
	size_t len;

	if (ac_json_get_str(o, path, key, &text, err) < 0)
		return -1;
	len = strlen(text);
	if (len == 0)
		return 0;
	p = ac_xmalloc(AC_BASE64_ROOM(len));
	if (ac_base64_decode(text, len, p, n) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s.%s: not base64 (standard alphabet, with "
				  "padding)",
				  path, key);
	*out = ac_steal_ptr(&p);
	return 1;
}

static int get_signature(const struct ac_json *o, const char *path,
			 const char *key, struct ac_sigstore *b,
			 struct ac_err *err)
{
	int r = get_bytes(o, path, key, &b->sig, &b->sig_len, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return ac_err_set(err, AC_E_INVALID, "%s.%s: there is none",
				  path, key);
	if (b->sig_len > AC_PKEY_MAX_SIGNATURE)
		return ac_err_set(err, AC_E_LIMIT,
				  "%s.%s: %zu bytes are no signature", path,
				  key, b->sig_len);
	return 0;
}

/* cosign leaves the digest out, or empty, for Ed25519. */
static int get_digest(const struct ac_json *message, struct ac_sigstore *b,
		      struct ac_err *err)
{
	static const char path[] = "messageSignature.messageDigest";
	AC_FREE uint8_t *p = NULL;
	struct ac_json *o = NULL;
	const char *name = "";
	size_t n = 0;
	int r;

	if (ac_json_get_object(message, "messageSignature", "messageDigest", &o,
			       err) < 0)
		return -1;
	if (o == NULL)
		return 0;
	if (ac_json_get_str(o, path, "algorithm", &name, err) < 0)
		return -1;
	r = get_bytes(o, path, "digest", &p, &n, err);
	if (r <= 0 || p == NULL)
		return r;
	for (size_t i = 0; i < AC_LEN(algs); i++) {
		if (strcmp(name, algs[i].name) != 0)
			continue;
		if (n != ac_digest_size(algs[i].alg))
			return ac_err_set(err, AC_E_INVALID,
					  "%s.digest: %zu bytes are no %s",
					  path, n, name);
		b->digest = (struct ac_digest){.alg = algs[i].alg};
		memcpy(b->digest.bytes, p, n);
		b->has_digest = true;
		return 0;
	}
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "%s.algorithm: SHA2_256, SHA2_384 and SHA2_512 are "
			  "supported",
			  path);
}

static int get_message(const struct ac_json *o, struct ac_sigstore *b,
		       struct ac_err *err)
{
	if (get_signature(o, "messageSignature", "signature", b, err) < 0)
		return -1;
	return get_digest(o, b, err);
}

static int get_envelope(const struct ac_json *o, struct ac_sigstore *b,
			struct ac_err *err)
{
	struct ac_json *sigs = NULL;
	const char *type = "";
	int r;

	if (ac_json_get_str(o, "dsseEnvelope", "payloadType", &type, err) < 0 ||
	    ac_json_get_array(o, "dsseEnvelope", "signatures", &sigs, err) < 0)
		return -1;
	r = get_bytes(o, "dsseEnvelope", "payload", &b->payload,
		      &b->payload_len, err);
	if (r < 0)
		return -1;
	if (r == 0 || *type == '\0' || strlen(type) > MAX_TYPE)
		return ac_err_set(
			err, AC_E_INVALID,
			"dsseEnvelope: no payload, or no payloadType");
	/* The format says so: with two, it would be a matter of taste whose
	 * statement it is. */
	if (ac_json_len(sigs) != 1)
		return ac_err_set(err, AC_E_INVALID,
				  "dsseEnvelope.signatures: %zu; exactly one "
				  "is allowed",
				  ac_json_len(sigs));
	b->enveloped = true;
	b->payload_type = ac_xstrdup(type);
	return get_signature(ac_json_at(sigs, 0), "dsseEnvelope.signatures[0]",
			     "sig", b, err);
}

static int get_material(const struct ac_json *doc, struct ac_sigstore *b,
			struct ac_err *err)
{
	static const char path[] = "verificationMaterial";
	struct ac_json *o = NULL;
	struct ac_json *cert = NULL;
	struct ac_json *key = NULL;
	struct ac_json *log = NULL;
	const char *hint = NULL;

	if (ac_json_get_object(doc, "", path, &o, err) < 0)
		return -1;
	if (ac_json_get_object(o, path, "certificate", &cert, err) < 0 ||
	    ac_json_get_object(o, path, "x509CertificateChain", &cert, err) < 0)
		return -1;
	if (cert != NULL)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the bundle has a certificate (keyless "
				  "signing), which is not supported; ask its "
				  "maker to sign with a key");
	if (ac_json_get_object(o, path, "publicKey", &key, err) < 0 ||
	    ac_json_get_array(o, path, "tlogEntries", &log, err) < 0)
		return -1;
	if (key == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "%s.publicKey: there is none", path);
	if (ac_json_get_str(key, "verificationMaterial.publicKey", "hint",
			    &hint, err) < 0)
		return -1;
	if (hint != NULL && strlen(hint) <= MAX_HINT)
		b->hint = ac_xstrdup(hint);
	b->logged = ac_json_len(log) != 0;
	return 0;
}

static int check_type(const char *type, struct ac_err *err)
{
	static const char *const known[] = {
		AC_SIGSTORE_TYPE,
		"application/vnd.dev.sigstore.bundle.v0.2+json",
		"application/vnd.dev.sigstore.bundle.v0.1+json",
		"application/vnd.dev.sigstore.bundle+json;version=0.3",
		"application/vnd.dev.sigstore.bundle+json;version=0.2",
		"application/vnd.dev.sigstore.bundle+json;version=0.1",
	};
	AC_FREE char *shown = ac_str_show(type);

	for (size_t i = 0; i < AC_LEN(known); i++)
		if (strcmp(type, known[i]) == 0)
			return 0;
	if (ac_str_starts(ac_str(type), "application/vnd.dev.sigstore.bundle"))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the bundle is a '%.100s'; v0.1 to v0.3 are "
				  "supported",
				  shown);
	return ac_err_set(err, AC_E_INVALID,
			  "mediaType: '%.100s' is no Sigstore bundle", shown);
}

static int parse(struct ac_sigstore *b, const struct ac_json *doc,
		 struct ac_err *err)
{
	struct ac_json *message = NULL;
	struct ac_json *envelope = NULL;
	const char *type = NULL;

	if (ac_json_type(doc) == AC_JSON_ARRAY)
		return ac_err_set(err, AC_E_INVALID,
				  "it is no JSON object but an array; several "
				  "bundles in one file stand one a line");
	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID, "it is no JSON object");
	if (ac_json_get_str(doc, "", "mediaType", &type, err) < 0)
		return -1;
	if (type == NULL && ac_json_get(doc, "base64Signature") != NULL)
		return get_signature(doc, "bundle", "base64Signature", b, err);
	if (check_type(type != NULL ? type : "", err) < 0 ||
	    get_material(doc, b, err) < 0 ||
	    ac_json_get_object(doc, "", "messageSignature", &message, err) <
		    0 ||
	    ac_json_get_object(doc, "", "dsseEnvelope", &envelope, err) < 0)
		return -1;
	if ((message != NULL) == (envelope != NULL))
		return ac_err_set(err, AC_E_INVALID,
				  "the bundle needs a messageSignature or a "
				  "dsseEnvelope, and one of them only");
	return message != NULL ? get_message(message, b, err)
			       : get_envelope(envelope, b, err);
}

int ac_sigstore_parse(struct ac_sigstore *b, const char *text, size_t len,
		      struct ac_err *err)
{
	AC_JSON struct ac_json *doc =
		ac_json_parse(text, len, "the bundle", err);

	*b = (struct ac_sigstore){.hint = NULL};
	return doc != NULL ? parse(b, doc, err) : -1;
}

/* --- writing --- */

static char *base64_text(const void *p, size_t n)
{
	struct ac_buf b = AC_BUF_INIT(4096);

	ac_base64_encode(&b, p, n);
	return ac_buf_steal(&b);
}

char *ac_sigstore_hint(const struct ac_pkey *k)
{
	return base64_text(ac_pkey_id(k)->bytes, 32);
}

static const char *alg_name(enum ac_alg alg)
{
	for (size_t i = 0; i < AC_LEN(algs); i++)
		if (algs[i].alg == alg)
			return algs[i].name;
	return "";
}

int ac_sigstore_sign(const struct ac_pkey *k, struct ac_message *m,
		     enum ac_alg alg, struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf sig = AC_BUF_INIT(AC_PKEY_MAX_SIGNATURE);
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *material = ac_json_object();
	struct ac_json *key = ac_json_object();
	struct ac_json *message = ac_json_object();
	struct ac_json *digest = ac_json_object();
	AC_FREE char *hint = ac_sigstore_hint(k);
	AC_FREE char *digest_text = NULL;
	AC_FREE char *sig_text = NULL;
	struct ac_digest d;

	ac_json_set_str(doc, "mediaType", AC_SIGSTORE_TYPE);
	ac_json_set_str(key, "hint", hint);
	ac_json_set(material, "publicKey", key);
	ac_json_set(doc, "verificationMaterial", material);
	ac_json_set(message, "messageDigest", digest);
	ac_json_set(doc, "messageSignature", message);
	if (ac_message_digest(m, alg, &d, err) < 0 ||
	    ac_pkey_sign(k, m, alg, &sig, err) < 0)
		return -1;
	digest_text = base64_text(d.bytes, ac_digest_size(alg));
	sig_text = base64_text(ac_buf_str(&sig), sig.len);
	ac_json_set_str(digest, "algorithm", alg_name(alg));
	ac_json_set_str(digest, "digest", digest_text);
	ac_json_set_str(message, "signature", sig_text);
	ac_json_write(doc, 0, false, out);
	ac_buf_addc(out, '\n');
	return ac_buf_check(out, "the bundle", err);
}
