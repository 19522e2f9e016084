/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Build tool: prints a filter as data, made by the code that makes all others.
 *
 *	gen-filter app|net|local [ptrace]
 *
 * That of apps by default (run/sandbox/filter_default.c), and those of our own
 * programs (common/sys/confine_filter.c).  A sanitizer looks for leaks by
 * ptrace(2).
 */

#include <linux/capability.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "run/sandbox/filter.h"

int main(int argc, char **argv)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_filter_rules rules = {.mode = AC_FILTER_DEFAULT};
	struct ac_filter f = AC_FILTER_INIT;
	const char *which = argc > 1 ? argv[1] : "";

	if (strcmp(which, "app") == 0)
		rules.caps = FILTER_DEFAULT_CAPS;
	else if (strcmp(which, "net") == 0)
		rules.own = AC_FILTER_OWN_NET;
	else if (strcmp(which, "local") == 0)
		rules.own = AC_FILTER_OWN_LOCAL;
	else
		return 2;
	if (argc > 2)
		rules.caps |= 1ULL << CAP_SYS_PTRACE;
	if (ac_filter_build(&f, &rules, NULL, &err) < 0) {
		fprintf(stderr, "gen-filter: %s\n", err.msg);
		return 1;
	}
	printf("/* %s: %zu instructions. */\n", which, f.n);
	for (size_t i = 0; i < f.n; i++)
		printf("{0x%02x, %u, %u, 0x%08x},\n", f.insns[i].code,
		       f.insns[i].jt, f.insns[i].jf, f.insns[i].k);
	ac_filter_release(&f);
	return 0;
}
