/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/newdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/io.h"
#include "common/sys/meta.h"
#include "common/sys/tree.h"
#include "common/sys/treewr.h"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

static int list(int fd, struct ac_strv *names, struct ac_err *err)
{
	return ac_io_names(fd, ".", names) == 0
		       ? 0
		       : ac_err_sys(err, errno, "read the output directory");
}

/* Split PATH, as the user wrote it, and open where its last name is. */
static int open_parent(struct ac_newdir *d, const char *path,
		       struct ac_err *err)
{
	AC_FREE char *copy = ac_xstrdup(path);
	size_t n = strlen(copy);
	char *slash;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	d->name = ac_xstrdup(slash != NULL ? slash + 1 : copy);
	if (d->name[0] == '\0' || strcmp(d->name, ".") == 0 ||
	    strcmp(d->name, "..") == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "output directory '%s': give it a name of "
				  "its own",
				  path);
	if (slash == copy)
		slash++;
	if (slash != NULL)
		*slash = '\0';
	d->parent = open(slash != NULL ? copy : ".", OPEN_DIR);
	if (d->parent < 0)
		return ac_err_sys(err, errno, "open the directory of '%s'",
				  path);
	return 0;
}

/* PATH is there, open as FD. */
static int open_existing(struct ac_newdir *d, const char *path, int *fd,
			 bool overwrite, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_FREE char *real = NULL;

	if (list(*fd, &names, err) < 0)
		return -1;
	if (names.n == 0) {
		d->parent = ac_steal_fd(fd);
		return 0;
	}
	/* What the name means, before what is wrong with it. */
	if (open_parent(d, path, err) < 0)
		return -1;
	if (!overwrite)
		return ac_err_set(err, AC_E_EXISTS,
				  "output directory '%s' exists (try "
				  "--overwrite)",
				  path);
	/* Not the link to it is replaced. */
	real = realpath(path, NULL);
	if (real == NULL)
		return ac_err_sys(err, errno, "open '%s'", path);
	free(ac_steal_ptr(&d->name));
	ac_own_closep(&d->parent);
	d->parent = -1;
	d->replace = true;
	return open_parent(d, real, err);
}

static int begin(struct ac_newdir *d, const char *path, struct ac_err *err)
{
	struct stat st;
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return ac_err_sys(err, errno, "getrandom");
	(void)snprintf(d->tmp, sizeof(d->tmp), ".tmp-%016" PRIx64, r);
	if (mkdirat(d->parent, d->tmp, 0777) < 0) {
		int saved = errno;

		d->tmp[0] = '\0';
		return ac_err_sys(err, saved, "make the output directory '%s'",
				  path);
	}
	d->fd = openat(d->parent, d->tmp, OPEN_DIR | O_NOFOLLOW);
	if (d->fd < 0 || fstat(d->fd, &st) < 0 || fchmod(d->fd, 0700) < 0)
		return ac_err_sys(err, errno, "open the output directory '%s'",
				  path);
	d->mode = st.st_mode & 07777;
	return 0;
}

int ac_newdir_open(struct ac_newdir *d, const char *path, bool overwrite,
		   struct ac_err *err)
{
	AC_CLOSE int fd = open(path, OPEN_DIR);
	int r;

	if (fd >= 0)
		r = open_existing(d, path, &fd, overwrite, err);
	else if (errno == ENOTDIR)
		r = ac_err_set(err, AC_E_INVALID, "'%s' is no directory", path);
	else if (errno == ENOENT)
		r = open_parent(d, path, err);
	else
		r = ac_err_sys(err, errno, "open '%s'", path);
	return r < 0 ? -1 : begin(d, path, err);
}

/* Rename NAME out of FROM.  A directory that gets another parent must be
 * writable itself, for its "..". */
static int move_up(int from, const char *name, int to, struct ac_err *err)
{
	struct stat st;

	if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EACCES &&
	    fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode) && fchmodat(from, name, 0700, 0) == 0 &&
	    renameat2(from, name, to, name, RENAME_NOREPLACE) == 0 &&
	    fchmodat(to, name, st.st_mode & 07777, 0) == 0)
		return 0;
	return ac_err_sys(err, errno, "make '%s'", name);
}

/* The directory TO gets the attributes of ENTRY. */
static int dress(int to, struct ac_entry *entry, struct ac_err *err)
{
	const struct ac_treewr_opts opts = {.shared_root = true,
					    .no_owner = geteuid() != 0};
	struct ac_treewr *w = ac_treewr_new(to, &opts);
	int r;

	entry->path = "";
	r = ac_treewr_add(w, entry, err);
	if (r == 0)
		r = ac_treewr_finish(w, err);
	ac_treewr_free(w);
	return r;
}

static void take_back(int parent, const struct ac_strv *names, size_t from)
{
	struct ac_err err = AC_ERR_INIT;

	for (size_t i = from; i < names->n; i++)
		if (ac_tree_remove(parent, names->v[i], &err) < 0)
			ac_warn("%s", err.msg);
}

/* PATH was there, empty, and so is its place: all goes up into it, the last
 * name first, so that a layout has its manifest when it is complete. */
static int commit_inside(struct ac_newdir *d, bool keep, struct ac_err *err)
{
	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	size_t up;
	int r = 0;

	if ((keep && ac_meta_read(&m, d->fd, "", err) < 0) ||
	    list(d->fd, &names, err) < 0)
		return -1;
	if (fchmod(d->fd, 0700) < 0)
		return ac_err_sys(err, errno, "make the output directory");
	for (up = names.n; up != 0; up--) {
		r = move_up(d->fd, names.v[up - 1], d->parent, err);
		if (r < 0)
			break;
	}
	if (r == 0 && unlinkat(d->parent, d->tmp, AT_REMOVEDIR) < 0)
		r = ac_err_sys(err, errno, "remove '%s'", d->tmp);
	if (r == 0) {
		d->tmp[0] = '\0';
		if (keep)
			r = dress(d->parent, &m.e, err);
	}
	if (r < 0)
		take_back(d->parent, &names, up);
	return r;
}

int ac_newdir_commit(struct ac_newdir *d, bool keep, struct ac_err *err)
{
	if (d->name == NULL)
		return commit_inside(d, keep, err);
	if (!keep && fchmod(d->fd, d->mode) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", d->name);
	/* What is replaced stays behind under our name, to be removed. */
	if (d->replace && renameat2(d->parent, d->tmp, d->parent, d->name,
				    RENAME_EXCHANGE) == 0)
		return 0;
	if (d->replace && errno != ENOENT)
		return ac_err_sys(err, errno, "replace '%s'", d->name);
	if (renameat2(d->parent, d->tmp, d->parent, d->name, RENAME_NOREPLACE) <
	    0)
		return ac_err_sys(err, errno, "make '%s'", d->name);
	d->tmp[0] = '\0';
	return 0;
}

void ac_newdir_release(struct ac_newdir *d)
{
	struct ac_err err = AC_ERR_INIT;
	int saved = errno;

	if (d->tmp[0] != '\0' && ac_tree_remove(d->parent, d->tmp, &err) < 0)
		ac_warn("%s", err.msg);
	ac_own_closep(&d->fd);
	ac_own_closep(&d->parent);
	free(d->name);
	*d = AC_NEWDIR_INIT;
	errno = saved;
}
