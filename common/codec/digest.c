/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/alloc.h"

static const char *const names[] = {
	[AC_SHA256] = "SHA2-256",
	[AC_SHA512] = "SHA2-512",
	[AC_SHA384] = "SHA2-384",
};

/* Looking an algorithm up costs more than digesting a small blob: once. */
static EVP_MD *fetched[AC_LEN(names)];
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
	for (size_t i = 0; i < AC_LEN(names); i++) {
		fetched[i] = EVP_MD_fetch(NULL, names[i], NULL);
		must(fetched[i] != NULL);
	}
}

static const EVP_MD *md(enum ac_alg alg)
{
	(void)pthread_once(&fetch_once, fetch);
	return fetched[alg];
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
