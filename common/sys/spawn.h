/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_SPAWN_H
#define AC_SYS_SPAWN_H

/* Other programs, by argument vector; never by a shell. */

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_err;

/* Run ARGV (looked up in PATH when it has no slash) with our environment and
 * standard descriptors and wait.  Returns its exit code, 128+signal when
 * killed, or -1 when it could not be started. */
AC_MUSTUSE int ac_spawn_wait(char *const argv[], struct ac_err *err);

/* The same with its standard output appended to OUT; it is told to end as by
 * ac_spawn_fds. */
AC_MUSTUSE int ac_spawn_output(char *const argv[], struct ac_buf *out,
			       struct ac_err *err);

/* Of the child: its descriptor TO is our FROM. */
struct ac_spawn_fd {
	int from;
	int to;
};
/* Run ARGV with the N descriptors of MAP (each FROM is above every TO) beside
 * the standard ones, and wait.  When it is time to end (interrupt.h) it is
 * told to end, too.  Returns as ac_spawn_wait. */
AC_MUSTUSE int ac_spawn_fds(char *const argv[], const struct ac_spawn_fd *map,
			    size_t n, struct ac_err *err);

/* The two halves of it.  The process is told nothing. */
AC_MUSTUSE pid_t ac_spawn_start(char *const argv[],
				const struct ac_spawn_fd *map, size_t n,
				struct ac_err *err);
/* Wait for the end of PID, called NAME: its exit code, or 128 and the number of
 * the signal that ended it. */
int ac_spawn_finish(pid_t pid, const char *name, struct ac_err *err);

/* As ac_spawn_output, with N descriptors more (at most AC_SPAWN_MORE). */
enum { AC_SPAWN_MORE = 2 };
AC_MUSTUSE int ac_spawn_output_with(char *const argv[],
				    const struct ac_spawn_fd *more, size_t n,
				    struct ac_buf *out, struct ac_err *err);

/* Ask ARGV one question: TEXT (at most 4096 bytes) is its standard input, OUT
 * gets its standard output, its standard error is dropped.  After SECONDS it is
 * killed, and AC_E_BUSY; as when it is time for us to end, or when it says more
 * than OUT takes (AC_E_LIMIT).  Returns as ac_spawn_wait. */
AC_MUSTUSE int ac_spawn_ask(char *const argv[], const char *text,
			    unsigned int seconds, struct ac_buf *out,
			    struct ac_err *err);

/* Become ARGV, for what is another program's job to the end: its output,
 * messages and exit code are the caller's.  Returns only on failure, -1. */
AC_MUSTUSE int ac_spawn_become(char *const argv[], struct ac_err *err);

/* The path of another program of this suite: beside our own executable when
 * it is there, else NAME for a PATH search.  Caller frees. */
AC_MUSTUSE char *ac_spawn_sibling(const char *name);

#endif
