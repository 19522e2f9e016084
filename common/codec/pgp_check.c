/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_gpgme.h"
#include "common/codec/pgp_sigfile.h"

enum { CLOCK_SKEW = 10 * 60 }; /* seconds that clocks may differ */

/* The numbers of RFC 9580, 9.5. */
enum hash { MD5 = 1, SHA1 = 2, RIPEMD160 = 3, SHA256 = 8, SHA224 = 11 };

static void free_sigs(struct ac_pgp_sig *sigs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(sigs[i].fingerprint);
		free(sigs[i].subkey);
		free(sigs[i].identity);
		free(sigs[i].fault);
	}
	free(sigs);
}

void ac_pgp_result_release(struct ac_pgp_result *r)
{
	free_sigs(r->sigs, r->n);
	free_sigs(r->rejected, r->n_rejected);
	*r = (struct ac_pgp_result){.sigs = NULL};
}

static void add_sig(struct ac_pgp_result *out, struct ac_pgp_sig s)
{
	bool good = s.fault == NULL;
	struct ac_pgp_sig **list = good ? &out->sigs : &out->rejected;
	size_t *n = good ? &out->n : &out->n_rejected;

	*list = ac_xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = s;
}

/* A signature that is rejected before gpg sees it; FAULT is taken over. */
static void reject(struct ac_pgp_result *out, enum ac_code code,
		   const struct ac_pgp_sigpacket *p, char *fault)
{
	add_sig(out, (struct ac_pgp_sig){
			     .fingerprint = ac_xstrdup(""),
			     .subkey = ac_xstrdup(p != NULL ? p->issuer : ""),
			     .identity = ac_xstrdup(""),
			     .created = p != NULL ? p->created : -1,
			     .code = code,
			     .fault = fault,
		     });
}

/* Why the packet P is not for gpg, or NULL.  Caller frees. */
static char *packet_fault(const struct ac_pgp_sigpacket *p)
{
	if (p->version != 3 && p->version != 4)
		return ac_xasprintf("a signature of version %u is unknown",
				    p->version);
	if (p->type == 1)
		return ac_xstrdup("made over text, whose line ends it does not "
				  "cover; sign the file as binary");
	if (p->type != 0)
		return ac_xasprintf("it certifies a key, or says something "
				    "else than that a file is signed (type "
				    "0x%02x)",
				    p->type);
	switch (p->hash) {
	case MD5:
		return ac_xstrdup("made with a digest that is weak, MD5");
	case SHA1:
		return ac_xstrdup("made with a digest that is weak, SHA-1");
	case RIPEMD160:
		return ac_xstrdup("made with a digest that is weak, RIPEMD160");
	default:
		break;
	}
	if (p->hash < SHA256 || p->hash > SHA224)
		return ac_xasprintf("made with an unknown digest, number %u",
				    p->hash);
	if (p->created > (int64_t)time(NULL) + CLOCK_SKEW)
		return ac_xstrdup("made in the future; is the clock right?");
	return NULL;
}

/* Why S does not count, or NULL.  KEY (NULL: not in the ring) made it.  Caller
 * frees. */
static char *fault(gpgme_signature_t s, gpgme_key_t key)
{
	const unsigned int bad =
		GPGME_SIGSUM_RED | GPGME_SIGSUM_KEY_REVOKED |
		GPGME_SIGSUM_KEY_EXPIRED | GPGME_SIGSUM_SIG_EXPIRED |
		GPGME_SIGSUM_KEY_MISSING | GPGME_SIGSUM_BAD_POLICY |
		GPGME_SIGSUM_SYS_ERROR;
	char *why;

	switch (gpgme_err_code(s->status)) {
	case GPG_ERR_NO_ERROR:
		break;
	case GPG_ERR_BAD_SIGNATURE:
		return ac_xstrdup("it does not match the content");
	case GPG_ERR_SIG_EXPIRED:
		return ac_xstrdup("the signature has expired");
	case GPG_ERR_CERT_REVOKED:
		return ac_xstrdup("the key was revoked");
	case GPG_ERR_KEY_EXPIRED:
		return ac_xstrdup("the key has expired");
	case GPG_ERR_UNSUPPORTED_ALGORITHM:
		return ac_xstrdup("gpg does not know the key's algorithm");
	default:
		why = key != NULL ? ac_gpgme_key_fault(key, s->fpr) : NULL;
		return why != NULL ? why
				   : ac_xstrdup("the key may not sign: gpg "
						"refuses it, as it does a "
						"subkey without cross-"
						"certification");
	}
	why = ac_gpgme_key_fault(key, s->fpr);
	if (why != NULL)
		return why;
	if (s->wrong_key_usage)
		return ac_xstrdup("the key is not for signing");
	/* Nothing is said of trust in the key: the ring is the trusted ones. */
	if ((s->summary & bad) != 0)
		return ac_xstrdup("not valid");
	return NULL;
}

/* gpg names a key by its fingerprint, or by its id when it cannot use it. */
static int find_key(struct ac_pgp_ring *r, const char *fpr, gpgme_key_t *key,
		    struct ac_err *err)
{
	gpgme_error_t e = gpgme_get_key(r->ctx, fpr, key, 0);

	if (e == 0 || gpgme_err_code(e) == GPG_ERR_EOF)
		return 0;
	return ac_gpgme_err(err, e, "the key of a signature");
}

static int take_sig(struct ac_pgp_ring *r, gpgme_signature_t s,
		    const struct ac_pgp_sigpacket *p, struct ac_pgp_result *out,
		    struct ac_err *err)
{
	AC_GPGME_KEY key = NULL;
	gpgme_user_id_t uid;

	if (gpgme_err_code(s->status) == GPG_ERR_NO_PUBKEY) {
		reject(out, AC_E_NOT_FOUND, p,
		       ac_xstrdup("the key is not among the trusted ones"));
		return 0;
	}
	if (s->fpr == NULL || find_key(r, s->fpr, &key, err) < 0)
		return -1;
	if (key == NULL || key->subkeys == NULL) {
		reject(out, AC_E_VERIFY, p, ac_xstrdup("gpg has lost its key"));
		return 0;
	}
	uid = key->uids;
	add_sig(out, (struct ac_pgp_sig){
			     .fingerprint = ac_gpgme_lower(key->subkeys->fpr),
			     .subkey = ac_gpgme_lower(s->fpr),
			     .identity = ac_xstrdup(
				     uid != NULL && uid->uid != NULL ? uid->uid
								     : ""),
			     .created = p->created,
			     .code = AC_E_VERIFY,
			     .fault = fault(s, key),
		     });
	return 0;
}

/* Have gpg look at the packets P[0..N) in one pass over FD.  1: done; 0: it
 * did not look at all of them (it ends at the first bad one), and OUT has
 * nothing of them. */
static int run_gpg(struct ac_pgp_ring *r,
		   const struct ac_pgp_sigpacket *const *p, size_t n, int fd,
		   const char *what, struct ac_pgp_result *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(SIZE_MAX);
	struct ac_gpgme_file file = {.fd = fd};
	AC_GPGME_DATA sig = NULL;
	AC_GPGME_DATA data = NULL;
	gpgme_verify_result_t result;
	gpgme_error_t e;
	size_t found = 0;
	int ret = 1;

	for (size_t i = 0; i < n; i++)
		ac_buf_add(&b, p[i]->p, p[i]->len);
	sig = ac_gpgme_mem(ac_buf_str(&b), b.len, err);
	data = sig != NULL ? ac_gpgme_from(&file, err) : NULL;
	if (data == NULL)
		return -1;
	e = gpgme_op_verify(r->ctx, sig, data, NULL);
	if (e != 0 && gpgme_err_code(e) != GPG_ERR_NO_DATA &&
	    gpgme_err_code(e) != GPG_ERR_BAD_DATA)
		return ac_gpgme_err(err, e, what);
	result = gpgme_op_verify_result(r->ctx);
	if (result == NULL)
		return 0;
	/* The list is gone once the context looks for a key. */
	gpgme_result_ref(result);
	for (gpgme_signature_t s = result->signatures; s != NULL; s = s->next)
		found++;
	if (found != n)
		ret = 0;
	found = 0;
	for (gpgme_signature_t s = result->signatures; s != NULL && ret > 0;
	     s = s->next)
		if (take_sig(r, s, p[found++], out, err) < 0)
			ret = -1;
	gpgme_result_unref(result);
	return ret;
}

/* All in one pass; when one is bad, each in a pass of its own, so that none
 * hides another. */
static int check_packets(struct ac_pgp_ring *r,
			 const struct ac_pgp_sigpacket *const *p, size_t n,
			 int fd, const char *what, struct ac_pgp_result *out,
			 struct ac_err *err)
{
	int done = n != 0 ? run_gpg(r, p, n, fd, what, out, err) : 1;

	if (done != 0)
		return done < 0 ? -1 : 0;
	for (size_t i = 0; i < n; i++) {
		done = run_gpg(r, p + i, 1, fd, what, out, err);
		if (done < 0)
			return -1;
		if (done == 0)
			reject(out, AC_E_INVALID, p[i],
			       ac_xstrdup("a damaged OpenPGP signature"));
	}
	return 0;
}

static int check_all(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		     const char *what, struct ac_pgp_result *out,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(len);
	const struct ac_pgp_sigpacket *ask[AC_PGP_MAX_SIGNATURES] = {NULL};
	struct ac_pgp_sigfile all;
	struct ac_err why = AC_ERR_INIT;
	size_t n = 0;

	if (ac_pgp_dearmour(sig, len, &b, &why) < 0 ||
	    ac_pgp_sigfile_read(ac_buf_str(&b), b.len, &all, &why) < 0) {
		reject(out, AC_E_INVALID, NULL, ac_xstrdup(why.msg));
		return 0;
	}
	for (size_t i = 0; i < all.n; i++) {
		char *fault_text = packet_fault(&all.v[i]);

		if (fault_text != NULL)
			reject(out, AC_E_VERIFY, &all.v[i], fault_text);
		else
			ask[n++] = &all.v[i];
	}
	return check_packets(r, ask, n, fd, what, out, err);
}

int ac_pgp_check(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		 const char *what, struct ac_pgp_result *out,
		 struct ac_err *err)
{
	*out = (struct ac_pgp_result){.sigs = NULL};
	if (check_all(r, sig, len, fd, what, out, err) == 0)
		return 0;
	ac_pgp_result_release(out);
	return -1;
}

/* Why there is no good one.  That a key is not in the ring is said only when
 * nothing else is wrong. */
static int explain(const struct ac_pgp_result *all, const char *what,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(sizeof(err->msg));
	enum ac_code code = AC_E_NOT_FOUND;

	for (size_t i = 0; i < all->n_rejected; i++)
		if (all->rejected[i].code != AC_E_NOT_FOUND)
			code = all->rejected[i].code;
	for (size_t i = 0; i < all->n_rejected; i++) {
		const struct ac_pgp_sig *s = &all->rejected[i];

		if (s->code == AC_E_NOT_FOUND && code != s->code)
			continue;
		ac_buf_adds(&b, b.len != 0 ? "; " : "");
		if (s->subkey[0] != '\0')
			ac_buf_addf(&b, "signature by key %s: ", s->subkey);
		ac_buf_adds(&b, s->fault);
	}
	return ac_err_set(err, code, "%s: %s", what, ac_buf_str(&b));
}

int ac_pgp_verify(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		  const char *what, struct ac_pgp_result *out,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result all = {0};

	if (ac_pgp_check(r, sig, len, fd, what, &all, err) < 0)
		return -1;
	if (all.n == 0)
		return explain(&all, what, err);
	*out = all;
	all = (struct ac_pgp_result){.sigs = NULL};
	return 0;
}
