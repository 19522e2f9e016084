/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_TESTS_SCRATCH_H
#define AC_TESTS_SCRATCH_H

/* A directory of a test's own, and small files in it. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/tree.h"
#include "tests/unit/tap.h"

struct scratch {
	char path[32];
	int fd;
};

static inline struct scratch scratch_make(void)
{
	struct scratch s = {.path = "/tmp/ac-unit-XXXXXX"};

	CHECK(mkdtemp(s.path) != NULL);
	s.fd = open(s.path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	CHECK(s.fd >= 0);
	return s;
}

static inline void scratch_remove(struct scratch *s)
{
	struct ac_err err = AC_ERR_INIT;

	CHECK(close(s->fd) == 0);
	CHECK(ac_tree_remove(AT_FDCWD, s->path, &err) == 0);
}

#define SCRATCH AC_CLEANUP(scratch_remove) struct scratch

static inline void scratch_write(int dirfd, const char *name, const char *text)
{
	AC_CLOSE int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		       0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* The content of a small file; static memory. */
static inline const char *scratch_read(int dirfd, const char *name)
{
	static char text[4096];
	AC_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n >= 0);
	text[n] = '\0';
	return text;
}

static inline struct stat scratch_stat(int dirfd, const char *name)
{
	struct stat st;

	CHECK(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return st;
}

static inline int scratch_missing(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

#endif
