/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acbuild/words.h"
#include "common/base/buf.h"
#include "common/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words in quotes are the same words. */
static void again(const struct words *w)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 24);
	AC_CLEANUP(words_release) struct words v = {.next = 1};
	struct ac_err err = AC_ERR_INIT;

	for (size_t i = 0; i < w->v.n; i++) {
		ac_buf_addc(&b, '"');
		for (const char *s = w->v.v[i]; *s != '\0'; s++) {
			ac_buf_addc(&b, '\\');
			ac_buf_addc(&b, *s);
		}
		ac_buf_adds(&b, "\" ");
	}
	v.rest = ac_str(ac_buf_str(&b));
	if (words_next(&v, &err) != 1 || v.v.n != w->v.n)
		abort();
	for (size_t i = 0; i < w->v.n; i++)
		if (strcmp(v.v.v[i], w->v.v[i]) != 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_CLEANUP(words_release)
	struct words w = WORDS_OF(((struct ac_str){(const char *)data, size}));
	struct ac_err err = AC_ERR_INIT;
	unsigned int line = 0;

	while (words_next(&w, &err) > 0) {
		if (w.line <= line || w.next <= w.line || w.v.n == 0)
			abort();
		line = w.line;
		again(&w);
	}
	return 0;
}
