/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/words.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "tests/unit/tap.h"

/* All of TEXT: its words in < >, its lines by their number. */
static void read_all(const char *text, struct ac_buf *out)
{
	AC_CLEANUP(words_release) struct words w = WORDS_OF(ac_str(text));
	struct ac_err err = AC_ERR_INIT;
	int r;

	while ((r = words_next(&w, &err)) > 0) {
		ac_buf_addf(out, "%u", w.line);
		for (size_t i = 0; i < w.v.n; i++)
			ac_buf_addf(out, "<%s>", w.v.v[i]);
		ac_buf_addc(out, ' ');
	}
	if (r < 0)
		ac_buf_addf(out, "%u! %s", w.line, err.msg);
}

TEST(words)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"\n\n  \t\n", ""},
		{"a", "1<a> "},
		{"a b\tc", "1<a><b><c> "},
		{"\n a \n\nb", "2<a> 4<b> "},
		{"a 'b c' d", "1<a><b c><d> "},
		{"a 'b\"c' \"d'e\"", "1<a><b\"c><d'e> "},
		{"a'b'\"c\"d", "1<abcd> "},
		{"'' a \"\"", "1<><a><> "},
		{"a\\ b \\'c \\\\ '\\'' \"\\\"\"", "1<a b><'c><\\><'><\"> "},
		{"\\a\\n", "1<an> "},
		{"# a\n#\nb#c\n'd#'#", "3<b> 4<d#> "},
		{"\\# a", "1<#><a> "},
		{"a \\\nb\nc", "1<a><b> 3<c> "},
		{"a\\\nb", "1<a><b> "},
		{"'a\\\n  b'", "1<a b> "},
		{"# a \\\nb\nc", "3<c> "},
		{"a \\\n\\\n\\\nb", "1<a><b> "},
		{"a \\\n", "1<a> "},
		{"a \\\r\nb\r\n", "1<a><b> "},
		{"a\\\\\nb", "1<a b> "},
		{"a\nb \\", "1<a> 2! ended with an escape"},
		{"'a", "1! unterminated single quote block"},
		{"a\nb \\\n\"c", "1<a> 2! unterminated double quote block"},
		{"'a\\'", "1! unterminated single quote block"},
		{"\"'", "1! unterminated double quote block"},
		{"\xff \xc3\xa9", "1<\xff><\xc3\xa9> "},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf out = AC_BUF_INIT(1024);

		read_all(cases[i][0], &out);
		if (strcmp(ac_buf_str(&out), cases[i][1]) != 0)
			fprintf(stderr, "# %zu: %s\n", i, ac_buf_str(&out));
		CHECK(strcmp(ac_buf_str(&out), cases[i][1]) == 0);
	}
}

TEST(nul_is_refused)
{
	AC_CLEANUP(words_release)
	struct words w = WORDS_OF(((struct ac_str){"a\n\0b", 4}));
	struct ac_err err = AC_ERR_INIT;

	CHECK(words_next(&w, &err) == 1);
	CHECK(words_next(&w, &err) == -1);
	CHECK(w.line == 2);
}
