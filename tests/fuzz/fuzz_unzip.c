/* Decompression: the first byte chooses the steps and the format that is
 * told; the output stays below its limit, and is the same in any steps. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/unzip.h"

enum { MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int collect(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	(void)err;
	ac_buf_add(ctx, p, n);
	return 0;
}

static char slot[777];

static void *lend(void *ctx, size_t *cap, struct ac_err *err)
{
	(void)ctx;
	(void)err;
	*cap = sizeof(slot);
	return slot;
}

static int unzip(const uint8_t *p, size_t n, size_t step, bool zlib, bool lent,
		 struct ac_buf *out)
{
	struct ac_err err;
	struct ac_unzip_limits l = {.max_out = MAX, .max_ratio = 1000};
	struct ac_unzip *u = ac_unzip_new(&l, collect, out);
	int ret = 0;

	if (zlib)
		ac_unzip_expect(u, AC_ZIP_ZLIB);
	if (lent)
		ac_unzip_lend(u, lend);
	for (size_t i = 0; i < n && ret == 0; i += step)
		ret = ac_unzip_feed(u, p + i, n - i < step ? n - i : step,
				    &err);
	if (ret == 0)
		ret = ac_unzip_finish(u, &err);
	ac_unzip_free(u);
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
	a = unzip(data + 1, size - 1, size, data[0] & 1, false, &whole);
	b = unzip(data + 1, size - 1, 1 + (data[0] >> 1), data[0] & 1, true,
		  &steps);
	if (a != b || whole.overflow || steps.overflow)
		abort();
	if (a == 0 &&
	    (whole.len != steps.len ||
	     (whole.len != 0 && memcmp(whole.p, steps.p, whole.len) != 0)))
		abort();
	ac_buf_release(&whole);
	ac_buf_release(&steps);
	return 0;
}
