/* SPDX-License-Identifier: Apache-2.0 */

/*
 * measure FILE COMMAND...: run a command once and append one line to FILE:
 * wall milliseconds, processor milliseconds, peak KiB of memory, exit code.
 * The peak is that of the largest process among the command and those it
 * waited for.  Its output goes to /dev/null.
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double ms(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e3 +
	       (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

static double cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t fa;
	struct timespec from;
	struct timespec to;
	struct rusage use;
	FILE *out;
	pid_t pid;
	int status = 0;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: measure FILE COMMAND...\n");
		return 2;
	}
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null",
					       O_WRONLY, 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	r = posix_spawnp(&pid, argv[2], &fa, NULL, argv + 2, environ);
	if (r != 0) {
		fprintf(stderr, "measure: run '%s': %s\n", argv[2],
			strerror(r));
		return 1;
	}
	if (wait4(pid, &status, 0, &use) < 0)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	(void)posix_spawn_file_actions_destroy(&fa);

	out = fopen(argv[1], "ae");
	if (out == NULL) {
		perror(argv[1]);
		return 1;
	}
	status = WIFEXITED(status) ? WEXITSTATUS(status)
				   : 128 + WTERMSIG(status);
	fprintf(out, "%.3f %.3f %ld %d\n", ms(&from, &to), cpu_ms(&use),
		use.ru_maxrss, status);
	if (fclose(out) != 0)
		return 1;
	return status;
}
