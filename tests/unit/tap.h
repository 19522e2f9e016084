#ifndef AC_TESTS_TAP_H
#define AC_TESTS_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*fn)(void);
	struct tap_test *next;
};

void tap_add(struct tap_test *t);

/* TEST(name) { ... }: registers itself; a failed check aborts the binary. */
#define TEST(id)                                                  \
	static void test_##id(void);                              \
	static struct tap_test reg_##id = {#id, test_##id, NULL}; \
	__attribute__((constructor)) static void add_##id(void)   \
	{                                                         \
		tap_add(&reg_##id);                               \
	}                                                         \
	static void test_##id(void)

#define CHECK(cond)                                                          \
	do {                                                                 \
		if (!(cond)) {                                               \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, \
				#cond);                                      \
			abort();                                             \
		}                                                            \
	} while (0)

#endif
