/* SPDX-License-Identifier: Apache-2.0 */
/* Where one bundle of a file ends and the next begins. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/sigstore.h"
#include "tests/unit/tap.h"

/* The bundles in TEXT, each in brackets. */
static void split(const char *text, struct ac_buf *out)
{
	struct ac_str rest = ac_str(text);
	struct ac_str one;

	while (ac_sigstore_next(&rest, &one)) {
		ac_buf_addc(out, '[');
		ac_buf_add(out, one.p, one.len);
		ac_buf_addc(out, ']');
	}
}

TEST(bundles_of_a_file)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{" \r\n\t\n", ""},
		{"{}", "[{}]"},
		{"\n {} \n", "[{}]"},
		{"{}\n{}", "[{}][{}]"},
		{"{}\r\n\r\n \t{}\n", "[{}][{}]"},
		{"{\n}\n{\n}", "[{\n}][{\n}]"},
		/* Without a line between them they are one, and broken. */
		{"{} {}", "[{} {}]"},
		/* Laid out strangely, and one. */
		{"{\"a\":{}\n,\"b\":{}}", "[{\"a\":{}\n,\"b\":{}}]"},
		{"{\"a\":\n{}\n}", "[{\"a\":\n{}\n}]"},
		{"[{},\n{}]", "[[{},\n{}]]"},
		{"{}\nx\n{}", "[{}\nx\n{}]"},
		{"}\n{\n}\n{", "[}][{\n}][{]"},
		{"\n{", "[{]"},
		{"x", "[x]"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(999);

		split(cases[i].text, &out);
		CHECK(strcmp(ac_buf_str(&out), cases[i].want) == 0);
	}
}
