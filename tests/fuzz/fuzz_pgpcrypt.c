/* Encrypted messages: the first byte chooses the steps; whole and in steps the
 * result is the same, and so is what was given out. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/pgpcrypt.h"
#include "common/sys/secret.h"

enum { MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int collect(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_buf *b = ctx;

	ac_buf_add(b, p, n);
	return ac_buf_check(b, "the output", err);
}

static int decrypt(const uint8_t *p, size_t n, size_t step, struct ac_buf *out)
{
	struct ac_secret s = {.known = true, .len = 4, .text = "fuzz"};
	struct ac_err err = AC_ERR_INIT;
	struct ac_pgp_decrypt *d = ac_pgp_decrypt_new(&s, "fuzz", collect, out);
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i += step)
		ret = ac_pgp_decrypt_feed(d, p + i, n - i < step ? n - i : step,
					  &err);
	if (ret == 0)
		ret = ac_pgp_decrypt_finish(d, &err);
	ac_pgp_decrypt_free(d);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_buf whole = AC_BUF_INIT(MAX);
	struct ac_buf steps = AC_BUF_INIT(MAX);
	int a;
	int b;

	if (size == 0)
		return 0;
	(void)ac_pgp_is_encrypted(data + 1, size - 1);
	a = decrypt(data + 1, size - 1, size, &whole);
	b = decrypt(data + 1, size - 1, 1 + (data[0] >> 1), &steps);
	if (a != b)
		abort();
	if (a == 0 &&
	    (whole.len != steps.len ||
	     (whole.len != 0 && memcmp(whole.p, steps.p, whole.len) != 0)))
		abort();
	ac_buf_release(&whole);
	ac_buf_release(&steps);
	return 0;
}
