/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Build tool: prints the system calls of one architecture, sorted by name, as
 * libseccomp knows them.
 *
 *	gen-syscalls x86_64 > syscalls.inc
 *
 * Lines of the form {number, "name"}, for common/sys/sysfilter.c.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HIGHEST = 1024 };

struct call {
	int nr;
	char *name;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct call *)a)->name,
		      ((const struct call *)b)->name);
}

int main(int argc, char **argv)
{
	static struct call calls[HIGHEST];
	uint32_t arch = argc == 2 ? seccomp_arch_resolve_name(argv[1]) : 0;
	size_t n = 0;

	if (arch == 0) {
		fprintf(stderr, "usage: gen-syscalls ARCH\n");
		return 2;
	}
	for (int nr = 0; nr < HIGHEST; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, nr);

		if (name != NULL)
			calls[n++] = (struct call){nr, name};
	}
	qsort(calls, n, sizeof(calls[0]), by_name);
	printf("/* System calls of %s. */\n", argv[1]);
	for (size_t i = 0; i < n; i++) {
		printf("{%d, \"%s\"},\n", calls[i].nr, calls[i].name);
		free(calls[i].name);
	}
	return n != 0 ? 0 : 1;
}
