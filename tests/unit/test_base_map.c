/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/xxh.h"
#include "tests/unit/tap.h"

/* Put, find and take thousands of keys, checked against a plain array. */
TEST(map_agrees_with_an_array)
{
	enum { N = 5000 };
	AC_CLEANUP(ac_map_release) struct ac_map m = AC_MAP_INIT;
	static char keys[N][8];
	static int here[N];
	unsigned int x = 1;

	for (int i = 0; i < N; i++)
		(void)snprintf(keys[i], sizeof(keys[i]), "k%d", i);
	for (int round = 0; round < 50000; round++) {
		unsigned int i;

		x = x * 1103515245 + 12345;
		i = (x >> 8) % N;
		if (here[i]) {
			CHECK(ac_map_get(&m, keys[i], strlen(keys[i])) ==
			      keys[i]);
			CHECK(ac_map_take(&m, keys[i], strlen(keys[i])) ==
			      keys[i]);
		} else {
			CHECK(ac_map_get(&m, keys[i], strlen(keys[i])) == NULL);
			CHECK(ac_map_take(&m, keys[i], strlen(keys[i])) ==
			      NULL);
			ac_map_put(&m, keys[i], strlen(keys[i]), keys[i]);
		}
		here[i] = !here[i];
	}
	for (int i = 0; i < N; i++) {
		CHECK((ac_map_get(&m, keys[i], strlen(keys[i])) != NULL) ==
		      (here[i] != 0));
		m.n -= here[i] != 0;
	}
	CHECK(m.n == 0);
}

TEST(map_keys_are_bytes)
{
	AC_CLEANUP(ac_map_release) struct ac_map m = AC_MAP_INIT;
	int a;
	int b;

	CHECK(ac_map_get(&m, "", 0) == NULL);
	ac_map_put(&m, "", 0, &a);
	ac_map_put(&m, "a\0b", 3, &b);
	CHECK(ac_map_get(&m, "", 0) == &a && ac_map_get(&m, "a", 1) == NULL);
	CHECK(ac_map_get(&m, "a\0b", 3) == &b);
	ac_map_put(&m, "a\0b", 3, &a);
	CHECK(m.n == 2 && ac_map_get(&m, "a\0b", 3) == &a);
}

/* The published value for no bytes, and one way against the other. */
TEST(xxh)
{
	static const uint8_t empty[AC_XXH_SIZE] = {0x99, 0xaa, 0x06, 0xd3,
						   0x01, 0x47, 0x98, 0xd8,
						   0x60, 0x01, 0xc3, 0x24,
						   0x46, 0x8d, 0x49, 0x7f};
	struct ac_xxh *x = ac_xxh_new();
	uint8_t a[AC_XXH_SIZE];
	uint8_t b[AC_XXH_SIZE];
	char *p = calloc(1, 200003);

	ac_xxh_end(x, a);
	CHECK(memcmp(a, empty, sizeof(a)) == 0);
	memcpy(p + 100001, "middle", 6);
	ac_xxh_once(p, 200003, a);
	ac_xxh_zeros(x, 100001);
	ac_xxh_add(x, "mid", 3);
	ac_xxh_add(x, "dle", 3);
	ac_xxh_zeros(x, 200003 - 100007);
	ac_xxh_end(x, b);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	ac_xxh_free(x);
	free(p);
}
