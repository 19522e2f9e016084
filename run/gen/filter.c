/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Build tool: prints the default filter as data, for
 * run/sandbox/filter_default.c, made by the code that makes all others.
 */

#include <linux/filter.h>
#include <stdio.h>

#include "common/base/err.h"
#include "run/sandbox/filter.h"

int main(void)
{
	struct ac_err err = AC_ERR_INIT;
	struct filter_rules rules = {.mode = FILTER_DEFAULT,
				     .caps = FILTER_DEFAULT_CAPS};
	struct filter f = FILTER_INIT;

	if (filter_build(&f, &rules, NULL, &err) < 0) {
		fprintf(stderr, "gen-filter: %s\n", err.msg);
		return 1;
	}
	printf("/* The default filter: %zu instructions. */\n", f.n);
	for (size_t i = 0; i < f.n; i++)
		printf("{0x%02x, %u, %u, 0x%08x},\n", f.insns[i].code,
		       f.insns[i].jt, f.insns[i].jf, f.insns[i].k);
	filter_release(&f);
	return 0;
}
