/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/lock.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"

/* Leave word of who holds it; without room on the disk nobody is told. */
static int sign_lock(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%10d\n", (int)getpid());

	(void)!pwrite(fd, text, (size_t)n, 0);
	return fd;
}

/* The command line of the acbuild that holds the lock in DIRFD, as " ('acbuild
 * copy a b', process 17)"; "" when it cannot be told.  Caller frees. */
static char *holder(int dirfd)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf pid = AC_BUF_INIT(64);
	AC_CLEANUP(ac_buf_release) struct ac_buf line = AC_BUF_INIT(1 << 20);
	AC_FREE char *name = NULL;
	AC_FREE char *shown = NULL;
	struct ac_err none = AC_ERR_INIT;
	const char *base;
	uint64_t n;

	if (ac_io_read_file(dirfd, "lock", &pid, &none) < 0)
		return ac_xstrdup("");
	if (ac_num_max(ac_str_trim(ac_str(ac_buf_str(&pid))), INT32_MAX, &n) <
	    0)
		return ac_xstrdup("");
	name = ac_xasprintf("/proc/%d/cmdline", (int)n);
	if (ac_io_read_file(AT_FDCWD, name, &line, &none) < 0 || line.len == 0)
		return ac_xstrdup("");
	/* The process of that number may be another by now. */
	base = strrchr(ac_buf_str(&line), '/');
	base = base != NULL ? base + 1 : ac_buf_str(&line);
	if (!ac_str_starts(ac_str(base), "acbuild"))
		return ac_xstrdup("");
	for (size_t i = 0; i + 1 < line.len; i++)
		if (line.p[i] == '\0')
			line.p[i] = ' ';
	shown = ac_str_show(ac_buf_str(&line));
	return ac_xasprintf(": process %d has it, '%.200s'", (int)n, shown);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* When to give up, in ms; 0: at once, INT64_MAX: never. */
static int deadline(const char *wait, int64_t *when, struct ac_err *err)
{
	uint64_t seconds;

	*when = wait == NULL ? 0 : INT64_MAX;
	if (wait == NULL || wait[0] == '\0')
		return 0;
	if (ac_num_max(ac_str(wait), UINT32_MAX, &seconds) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%s' for option --wait: how many "
				  "seconds?",
				  wait);
	*when = now_ms() + (int64_t)seconds * 1000;
	return 0;
}

int lock_build(int dirfd, const char *wait, struct ac_err *err)
{
	static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	AC_FREE char *who = NULL;
	int64_t until;

	if (deadline(wait, &until, err) < 0)
		return -1;
	for (;;) {
		int fd = ac_lock_file(dirfd, "lock", AC_LOCK_EXCLUSIVE, false,
				      err);

		if (fd >= 0)
			return sign_lock(fd);
		if (err->code != AC_E_BUSY)
			return -1;
		if (until == 0 || (until != INT64_MAX && now_ms() >= until))
			break;
		if (ac_interrupt_check(err) < 0)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	who = holder(dirfd);
	return ac_err_set(err, AC_E_BUSY,
			  "lock already held - is another acbuild running in "
			  "this working dir?%s%s",
			  who, wait == NULL ? "; --wait waits for it" : "");
}
