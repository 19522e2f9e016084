/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/base/str.h"

static const struct {
	const char *name;
	const char *evp;
	size_t size;
} algs[] = {
	[AC_SHA256] = {"sha256", "SHA2-256", 32},
	[AC_SHA512] = {"sha512", "SHA2-512", 64},
};

/* Looking an algorithm up costs more than digesting a small blob: once. */
static EVP_MD *fetched[AC_LEN(algs)];
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

/* The library fails only when memory is out, or when it is installed without
 * SHA-2: nothing here works then. */
static void must(bool ok)
{
	if (!ok) {
		static const char msg[] = "acutils: libcrypto cannot digest\n";

		(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
		abort();
	}
}

static void fetch(void)
{
	for (size_t i = 0; i < AC_LEN(algs); i++) {
		fetched[i] = EVP_MD_fetch(NULL, algs[i].evp, NULL);
		must(fetched[i] != NULL);
	}
}

static const EVP_MD *md(enum ac_alg alg)
{
	(void)pthread_once(&fetch_once, fetch);
	return fetched[alg];
}

const char *ac_digest_alg_name(enum ac_alg alg)
{
	return algs[alg].name;
}

size_t ac_digest_size(enum ac_alg alg)
{
	return algs[alg].size;
}

static int parse(struct ac_digest *d, struct ac_str s, char sep)
{
	struct ac_str name;

	if (!ac_str_cut(&s, sep, &name))
		return -1;
	for (size_t i = 0; i < AC_LEN(algs); i++) {
		/* appc knows only sha512. */
		if (!ac_str_eq(name, algs[i].name) ||
		    (sep == '-' && i != AC_SHA512))
			continue;
		*d = (struct ac_digest){.alg = (enum ac_alg)i};
		return ac_hex_decode(d->bytes, algs[i].size, s.p, s.len);
	}
	return -1;
}

int ac_digest_parse(struct ac_digest *d, const char *text, char sep,
		    struct ac_err *err)
{
	struct ac_digest got;

	if (parse(&got, ac_str(text), sep) < 0) {
		AC_FREE char *show = ac_str_show(text);

		return ac_err_set(err, AC_E_INVALID,
				  "bad digest '%.160s': expected %s", show,
				  sep == '-' ? "sha512-<128 lower hex digits>"
					     : "sha256:<64 lower hex digits> "
					       "or sha512:<128>");
	}
	*d = got;
	return 0;
}

void ac_digest_print(const struct ac_digest *d, char sep,
		     char out[AC_DIGEST_TEXT])
{
	size_t n = strlen(algs[d->alg].name);

	memcpy(out, algs[d->alg].name, n);
	out[n] = sep;
	ac_hex_encode(out + n + 1, d->bytes, algs[d->alg].size);
}

void ac_digest_hex(const struct ac_digest *d, char out[AC_DIGEST_TEXT])
{
	ac_hex_encode(out, d->bytes, algs[d->alg].size);
}

bool ac_digest_equal(const struct ac_digest *a, const struct ac_digest *b)
{
	return a->alg == b->alg &&
	       memcmp(a->bytes, b->bytes, algs[a->alg].size) == 0;
}

void ac_digest_of(enum ac_alg alg, const void *p, size_t n,
		  struct ac_digest *out)
{
	*out = (struct ac_digest){.alg = alg};
	must(EVP_Digest(p, n, out->bytes, NULL, md(alg), NULL) == 1);
}

struct ac_hash {
	EVP_MD_CTX *ctx;
	enum ac_alg alg;
};

struct ac_hash *ac_hash_new(enum ac_alg alg)
{
	struct ac_hash *h = ac_xmalloc(sizeof(*h));

	*h = (struct ac_hash){.ctx = EVP_MD_CTX_new(), .alg = alg};
	must(h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, md(alg), NULL) == 1);
	return h;
}

void ac_hash_add(struct ac_hash *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n) == 1);
}

void ac_hash_final(struct ac_hash *h, struct ac_digest *out)
{
	*out = (struct ac_digest){.alg = h->alg};
	must(EVP_DigestFinal_ex(h->ctx, out->bytes, NULL) == 1);
	must(EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1);
}

void ac_hash_free(struct ac_hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}
