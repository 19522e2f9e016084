/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_openat2 PROGRAM [ARGUMENT]...
 *
 * Run PROGRAM as on a kernel without openat2(2) or, with NO_OPENAT2=eperm in
 * the environment, as behind a filter that does not know the call.  Whole test
 * suites go through the fallback so:
 *
 *	no_openat2 build/tests/test_sys_at
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int install(unsigned int answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO | (answer & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]),
				  .filter = code};

	/* Root needs no promise, and keeps setuid programs working. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int main(int argc, char **argv)
{
	const char *mode = getenv("NO_OPENAT2");
	unsigned int answer =
		mode != NULL && strcmp(mode, "eperm") == 0 ? EPERM : ENOSYS;

	if (argc < 2) {
		fputs("usage: no_openat2 PROGRAM [ARGUMENT]...\n", stderr);
		return 2;
	}
	if (install(answer) < 0) {
		perror("no_openat2: seccomp");
		return 125;
	}
	(void)execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
