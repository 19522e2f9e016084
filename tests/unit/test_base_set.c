/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "tests/unit/tap.h"

TEST(add_has_del)
{
	AC_CLEANUP(ac_set_release) struct ac_set s = AC_SET_INIT;
	char text[16] = "a";

	CHECK(!ac_set_has(&s, "a") && !ac_set_del(&s, "a"));
	CHECK(ac_set_add(&s, text));
	text[0] = 'b'; /* it keeps a copy */
	CHECK(ac_set_has(&s, "a") && !ac_set_has(&s, "b"));
	CHECK(!ac_set_add(&s, "a") && ac_set_len(&s) == 1 && s.bytes == 2);
	CHECK(ac_set_add(&s, "") && ac_set_has(&s, "") && s.bytes == 3);
	CHECK(ac_set_del(&s, "a") && !ac_set_has(&s, "a"));
	CHECK(ac_set_len(&s) == 1 && s.bytes == 1);
}

TEST(many)
{
	AC_CLEANUP(ac_set_release) struct ac_set s = AC_SET_INIT;
	AC_FREE const char **v = NULL;
	const char *p;
	size_t it = 0;
	size_t n = 0;

	for (int i = 0; i < 5000; i++) {
		AC_FREE char *text = ac_xasprintf("%04d", i);

		CHECK(ac_set_add(&s, text));
	}
	for (int i = 1; i < 5000; i += 2) {
		AC_FREE char *text = ac_xasprintf("%04d", i);

		CHECK(ac_set_del(&s, text));
	}
	while ((p = ac_set_next(&s, &it)) != NULL)
		n += ac_set_has(&s, p);
	CHECK(n == 2500 && ac_set_len(&s) == 2500);
	v = ac_set_sorted(&s);
	CHECK(v[n] == NULL && strcmp(v[0], "0000") == 0);
	for (size_t i = 1; i < n; i++)
		CHECK(strcmp(v[i - 1], v[i]) < 0);
}

TEST(empty)
{
	struct ac_set s = AC_SET_INIT;
	AC_FREE const char **v = ac_set_sorted(&s);
	size_t it = 0;

	CHECK(v[0] == NULL && ac_set_next(&s, &it) == NULL);
	ac_set_release(&s);
}
