/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_DIGEST_H
#define AC_CODEC_DIGEST_H

/* SHA-256 and SHA-512, and their two spellings: OCI's "sha256:<hex>" and
 * appc's "sha512-<hex>"; SHA-384 for signatures. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;

enum ac_alg {
	AC_SHA256,
	AC_SHA512,
	AC_SHA384, /* in signatures only: names no image and no blob */
};

struct ac_digest {
	enum ac_alg alg;
	uint8_t bytes[64]; /* ac_digest_size of them */
};

enum { AC_DIGEST_TEXT = 7 + 128 + 1 }; /* room for any spelling */

const char *ac_digest_alg_name(enum ac_alg alg); /* "sha256" */
size_t ac_digest_size(enum ac_alg alg);          /* 32, 64, 48 */

/* Parse "sha256:<64 lower hex>" or "sha512:<128>" (SEP ':'), or appc's
 * "sha512-" (SEP '-').  Anything else, upper case included, is AC_E_INVALID. */
AC_MUSTUSE int ac_digest_parse(struct ac_digest *d, const char *text, char sep,
			       struct ac_err *err);
void ac_digest_print(const struct ac_digest *d, char sep,
		     char out[AC_DIGEST_TEXT]);
/* Only the hex digits. */
void ac_digest_hex(const struct ac_digest *d, char out[AC_DIGEST_TEXT]);
bool ac_digest_equal(const struct ac_digest *a, const struct ac_digest *b);
/* GOT, the digest of what WHAT names, must be WANT: else AC_E_VERIFY, saying
 * that it is damaged. */
AC_MUSTUSE int ac_digest_expect(const struct ac_digest *got,
				const struct ac_digest *want, const char *what,
				struct ac_err *err);
/* The same where it has another name: KIND is "diff_id". */
AC_MUSTUSE int ac_digest_expect_as(const struct ac_digest *got,
				   const struct ac_digest *want,
				   const char *what, const char *kind,
				   struct ac_err *err);

/* Of bytes in memory. */
void ac_digest_of(enum ac_alg alg, const void *p, size_t n,
		  struct ac_digest *out);

/* Of a stream. */
struct ac_hash;
AC_MUSTUSE struct ac_hash *ac_hash_new(enum ac_alg alg);
void ac_hash_add(struct ac_hash *h, const void *p, size_t n);
/* The digest of all bytes so far; the hash is ready for a new stream. */
void ac_hash_final(struct ac_hash *h, struct ac_digest *out);
void ac_hash_free(struct ac_hash *h);

#endif
