/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/tmpdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/lock.h"
#include "common/sys/tree.h"

enum { RANDOM = 6 }; /* letters, as mkdtemp has it */

/* Open NAME when it is a directory of ours that nobody has locked. */
static int open_left(int parent, const char *name)
{
	struct ac_err none = AC_ERR_INIT;
	struct stat st;
	AC_CLOSE int fd =
		openat(parent, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, false, name, &none) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

/* Remove what killed processes left. */
static void sweep(int parent, const char *prefix)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (dir == NULL) {
		ac_own_closep(&fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		struct ac_err err = AC_ERR_INIT;
		AC_CLOSE int left = -1;

		if (!ac_str_starts(ac_str(e->d_name), prefix) ||
		    strlen(e->d_name) != strlen(prefix) + RANDOM)
			continue;
		left = open_left(parent, e->d_name);
		if (left >= 0 && ac_tree_remove(parent, e->d_name, &err) < 0)
			ac_debug("%s", err.msg);
	}
	(void)closedir(dir);
}

const char *ac_tmpdir_base(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp != NULL && tmp[0] == '/' ? tmp : "/tmp";
}

int ac_tmpdir_file(const char *dir, struct ac_err *err)
{
	AC_FREE char *name = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system has O_TMPFILE. */
	name = ac_xasprintf("%s/.tmp-XXXXXX", dir);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno,
				  "make a temporary file in '%s' (TMPDIR)",
				  dir);
	(void)unlink(name);
	return fd;
}

int ac_tmpdir_make(struct ac_tmpdir *s, const char *parent, const char *prefix,
		   struct ac_err *err)
{
	struct stat st = {.st_nlink = 0};

	s->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->parent < 0)
		return ac_err_sys(err, errno, "open '%s'", parent);
	sweep(s->parent, prefix);
	/* Another's sweep may take it before it is locked. */
	while (st.st_nlink == 0) {
		ac_own_closep(&s->fd);
		s->fd = -1;
		free(s->path);
		s->path = ac_xasprintf("%s/%sXXXXXX", parent, prefix);
		if (mkdtemp(s->path) == NULL) {
			free(ac_steal_ptr(&s->path));
			return ac_err_sys(err, errno,
					  "create a directory in '%s'", parent);
		}
		s->fd = open(s->path,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (s->fd < 0 && errno == ENOENT)
			continue;
		if (s->fd < 0)
			return ac_err_sys(err, errno, "open '%s'", s->path);
		if (ac_lock_fd(s->fd, AC_LOCK_EXCLUSIVE, true, s->path, err) <
		    0)
			return -1;
		if (fstat(s->fd, &st) < 0)
			return ac_err_sys(err, errno, "stat '%s'", s->path);
	}
	return 0;
}

void ac_tmpdir_release(struct ac_tmpdir *s)
{
	struct ac_err err = AC_ERR_INIT;

	if (s->path != NULL &&
	    ac_tree_remove(s->parent, strrchr(s->path, '/') + 1, &err) < 0)
		ac_warn("%s", err.msg);
	ac_own_closep(&s->fd);
	ac_own_closep(&s->parent);
	free(s->path);
	*s = AC_TMPDIR_INIT;
}
