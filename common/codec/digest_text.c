/* SPDX-License-Identifier: Apache-2.0 */
/* The spellings of digests, apart from the hashing so that a program which only
 * reads names does not link libcrypto. */
#include "common/codec/digest.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/base/str.h"

static const struct {
	const char *name;
	size_t size;
} algs[] = {
	[AC_SHA256] = {"sha256", 32},
	[AC_SHA512] = {"sha512", 64},
	[AC_SHA384] = {"sha384", 48},
};

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
		/* appc knows only sha512; nothing has a SHA-384 name. */
		if (!ac_str_eq(name, algs[i].name) || i == AC_SHA384 ||
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

int ac_digest_expect(const struct ac_digest *got, const struct ac_digest *want,
		     const char *what, struct ac_err *err)
{
	return ac_digest_expect_as(got, want, what, "digest", err);
}

int ac_digest_expect_as(const struct ac_digest *got,
			const struct ac_digest *want, const char *what,
			const char *kind, struct ac_err *err)
{
	char a[AC_DIGEST_TEXT];
	char b[AC_DIGEST_TEXT];

	if (ac_digest_equal(got, want))
		return 0;
	ac_digest_print(got, ':', a);
	ac_digest_print(want, ':', b);
	return ac_err_set(err, AC_E_VERIFY,
			  "%s: its %s is %s, not %s as expected; it is "
			  "damaged, get the image again",
			  what, kind, a, b);
}
