/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "tests/unit/tap.h"

TEST(cut)
{
	struct ac_str s = ac_str("a:b:c");
	struct ac_str head;

	CHECK(ac_str_cut(&s, ':', &head));
	CHECK(ac_str_eq_any_case(s, "B:c") && !ac_str_eq_any_case(s, "b:") &&
	      !ac_str_eq_any_case(s, "b:cd") && !ac_str_eq_any_case(s, "b:d"));
	CHECK(ac_str_eq(head, "a") && ac_str_eq(s, "b:c"));
	CHECK(!ac_str_cut(&s, '/', &head));
	CHECK(ac_str_eq(head, "b:c") && s.len == 0);
}

TEST(show_hides_what_confuses_a_terminal)
{
	static const char *const t[][2] = {
		{"plain", "plain"},
		{"a\033[31m", "a\\x1b[31m"},
		{"\xc3\xa9", "\xc3\xa9"},
		{"\xff", "\\xff"},
		{"\xc2\x9b", "\\xc2\\x9b"},
		{"a\nb", "a\\x0ab"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"a\xe2\x80\xae.b", "a\\xe2\\x80\\xae.b"},
		{"\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f",
		 "\\xe2\\x81\\xa6\\xd8\\x9c\\xe2\\x80\\x8f"},
		{"\xe2\x80\x90\xe2\x81\xaa", "\xe2\x80\x90\xe2\x81\xaa"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *s = ac_str_show(t[i][0]);

		CHECK(strcmp(s, t[i][1]) == 0);
	}
}

TEST(buf_limit_is_sticky)
{
	struct ac_buf b = AC_BUF_INIT(4);
	struct ac_err err = AC_ERR_INIT;

	ac_buf_adds(&b, "abcd");
	CHECK(ac_buf_check(&b, "x", &err) == 0);
	ac_buf_addc(&b, 'e');
	ac_buf_reset(&b);
	ac_buf_addf(&b, "%d", 12345);
	CHECK(ac_buf_check(&b, "x", &err) < 0 && err.code == AC_E_LIMIT);
	ac_buf_release(&b);
}

TEST(numbers)
{
	uint64_t u;
	int64_t i;

	CHECK(ac_num_u64(ac_str("18446744073709551615"), &u) == 0);
	CHECK(ac_num_u64(ac_str("18446744073709551616"), &u) < 0);
	CHECK(ac_num_u64(ac_str(""), &u) < 0 &&
	      ac_num_u64(ac_str("-1"), &u) < 0);
	CHECK(ac_num_u64(ac_str(" 1"), &u) < 0 &&
	      ac_num_u64(ac_str("0x1"), &u) < 0);
	CHECK(ac_num_i64(ac_str("-9223372036854775808"), &i) == 0 &&
	      i == INT64_MIN);
	CHECK(ac_num_i64(ac_str("9223372036854775808"), &i) < 0);
	CHECK(ac_num_octal(ac_str("0755"), &u) == 0 && u == 0755);
	CHECK(ac_num_octal(ac_str("8"), &u) < 0);
	CHECK(ac_num_size(ac_str("2K"), &u) == 0 && u == 2048);
	CHECK(ac_num_size(ac_str("99999999T"), &u) < 0);
}

TEST(strv)
{
	struct ac_strv v = AC_STRV_INIT;

	ac_strv_push(&v, "b");
	ac_strv_pushf(&v, "%s", "a");
	ac_strv_unshift(&v, "c");
	CHECK(v.n == 3 && v.v[3] == NULL && strcmp(v.v[0], "c") == 0);
	ac_strv_sort(&v);
	CHECK(strcmp(v.v[0], "a") == 0 && ac_strv_has(&v, "c"));
	ac_strv_release(&v);
	CHECK(v.v == NULL);
}
