/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/tree.h"

static int open_ingest(const struct ac_store *s, struct ac_err *err)
{
	int fd = openat(s->dirfd, "ingest",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd
		       : ac_err_sys(err, errno, "open '%s/ingest'", s->path);
}

bool ac_scratch_same(int fd, int parent, const char *name)
{
	struct stat a;
	struct stat b;

	return fstat(fd, &a) == 0 &&
	       fstatat(parent, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int random_name(char name[24], struct ac_err *err)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return ac_err_sys(err, errno, "getrandom");
	(void)snprintf(name, 24, "%016jx", (uintmax_t)r);
	return 0;
}

/* 1 when it is ours, 0 when a sweep was faster than our lock. */
static int try_open(struct ac_scratch *d, struct ac_err *err)
{
	if (random_name(d->name, err) < 0)
		return -1;
	if (mkdirat(d->parent, d->name, 0700) < 0)
		return errno == EEXIST ? 0
				       : ac_err_sys(err, errno,
						    "make a directory in "
						    "the store's ingest");
	d->fd = openat(d->parent, d->name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd >= 0 && flock(d->fd, LOCK_EX | LOCK_NB) == 0 &&
	    ac_scratch_same(d->fd, d->parent, d->name))
		return 1;
	if (d->fd >= 0)
		(void)close(ac_steal_fd(&d->fd));
	return 0;
}

int ac_scratch_open(struct ac_scratch *d, const struct ac_store *s,
		    struct ac_err *err)
{
	struct ac_scratch new = AC_SCRATCH_INIT;
	int r = 0;

	new.parent = open_ingest(s, err);
	if (new.parent < 0)
		return -1;
	for (int tries = 0; r == 0 && tries < 100; tries++)
		r = try_open(&new, err);
	if (r == 0)
		(void)ac_err_set(err, AC_E_BUSY,
				 "no directory in '%s/ingest' stays: is "
				 "something clearing it?",
				 s->path);
	if (r <= 0) {
		(void)close(new.parent);
		return -1;
	}
	*d = new;
	return 0;
}

void ac_scratch_release(struct ac_scratch *d)
{
	struct ac_err err;

	if (d->fd >= 0) {
		if (ac_tree_remove(d->parent, d->name, &err) < 0)
			ac_warn("%s; it is tried again later", err.msg);
		(void)close(d->fd);
	}
	if (d->parent >= 0)
		(void)close(d->parent);
	*d = AC_SCRATCH_INIT;
}

/* Not ours to report: a directory that a process holds, or that another sweep
 * has just removed. */
static int sweep_one(int parent, const char *name, struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(parent, name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	/* A link, which no process of ours makes, and none can lock. */
	if (fd < 0 && errno == ELOOP)
		return ac_tree_remove(parent, name, err);
	if (fd < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "open '%s' in the store's ingest",
				  name);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? 0
			       : ac_err_sys(err, errno,
					    "lock '%s' in the store's ingest",
					    name);
	if (!ac_scratch_same(fd, parent, name))
		return 0;
	if (ac_tree_remove(parent, name, err) < 0)
		return ac_err_ctx(err, "the store's ingest");
	return 0;
}

int ac_scratch_discard(const struct ac_store *s, int dirfd, const char *name,
		       struct ac_err *err)
{
	AC_CLOSE int parent = open_ingest(s, err);
	struct ac_err left;
	char to[24];

	if (parent < 0 || random_name(to, err) < 0)
		return -1;
	if (renameat2(dirfd, name, parent, to, RENAME_NOREPLACE) < 0)
		return ac_err_sys(err, errno, "move '%s' to '%s/ingest'", name,
				  s->path);
	if (sweep_one(parent, to, &left) < 0)
		ac_warn("%s; it is tried again later", left.msg);
	return 0;
}

int ac_scratch_sweep(const struct ac_store *s, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLOSE int fd = open_ingest(s, err);
	struct ac_err other;
	int rc = 0;
	int parent;
	const struct dirent *de;

	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (d == NULL)
		return ac_err_sys(err, errno, "read '%s/ingest'", s->path);
	parent = ac_steal_fd(&fd); /* d owns it now */
	while (errno = 0, (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			ac_strv_push(&names, de->d_name);
	if (errno != 0)
		rc = ac_err_sys(err, errno, "read '%s/ingest'", s->path);
	for (size_t i = 0; i < names.n; i++)
		if (sweep_one(parent, names.v[i], rc == 0 ? err : &other) < 0)
			rc = -1;
	return rc;
}
