/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/store/config.h"
#include "common/store/layout.h"
#include "common/store/partial.h"
#include "common/store/record.h"
#include "common/store/scratch.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"
#include "common/sys/path.h"

static char *absolute(const char *path)
{
	AC_FREE char *cwd = NULL;

	if (path[0] == '/' || (cwd = getcwd(NULL, 0)) == NULL)
		return ac_xstrdup(path);
	return ac_path_join(cwd, path);
}

static bool given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* Where nobody says where. */
static char *default_path(void)
{
	const char *base = getenv("XDG_DATA_HOME");

	if (geteuid() == 0)
		return ac_xstrdup("/var/lib/acutils");
	/* The XDG specification: a relative path there is ignored. */
	if (given(base) && base[0] == '/')
		return ac_path_join(base, "acutils");
	base = getenv("HOME");
	return ac_path_join(given(base) ? base : "/", ".local/share/acutils");
}

int ac_store_path(const char *dir, const struct ac_config *c, char **path,
		  struct ac_err *err)
{
	AC_FREE char *user = NULL;
	AC_CLEANUP(ac_config_paths_release)
	struct ac_config_paths paths = AC_CONFIG_PATHS_INIT;
	struct ac_config own = {NULL};

	if (!given(dir))
		dir = getenv("ACUTILS_DIR");
	if (given(dir)) {
		*path = absolute(dir);
		return 0;
	}
	if (c == NULL) {
		own.user = user = ac_config_user();
		c = &own;
	}
	if (ac_config_paths(c, &paths, err) < 0)
		return -1;
	*path = paths.data.text != NULL ? ac_steal_ptr(&paths.data.text)
					: default_path();
	return 0;
}

/* The user named this path: links in it are the user's. */
static int make_dirs(const char *path, struct ac_err *err)
{
	AC_FREE char *p = ac_xstrdup(path);

	for (char *s = strchr(p + 1, '/'); s != NULL; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(p, 0755) < 0 && errno != EEXIST)
			return ac_err_sys(err, errno, "make '%s'", p);
		*s = '/';
	}
	if (mkdir(p, 0700) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno,
				  "make the store '%s' (--dir names another)",
				  p);
	return 0;
}

int ac_store_make(const char *path, struct ac_err *err)
{
	struct stat st;

	return stat(path, &st) == 0 || errno != ENOENT ? 0
						       : make_dirs(path, err);
}

static int no_store(const struct ac_store *s, struct ac_err *err)
{
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "there is no store in '%s'; 'acfetch pull' makes one",
			  s->path);
}

static int make_subdirs(const struct ac_store *s, struct ac_err *err)
{
	static const char *const dirs[] = {"blobs",        "blobs/sha256",
					   "blobs/sha512", "images",
					   "layers",       "ingest",
					   "used",         "partial",
					   "http"};

	for (size_t i = 0; i < AC_LEN(dirs); i++)
		if (mkdirat(s->dirfd, dirs[i], 0755) < 0 && errno != EEXIST)
			return ac_err_sys(err, errno, "make '%s/%s'", s->path,
					  dirs[i]);
	return 0;
}

static int open_dir(struct ac_store *s, bool create, struct ac_err *err)
{
	s->dirfd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0 && errno == ENOENT && create) {
		if (make_dirs(s->path, err) < 0)
			return -1;
		s->dirfd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->dirfd < 0 && errno == ENOENT)
		return no_store(s, err);
	if (s->dirfd < 0)
		return ac_err_sys(err, errno,
				  "open the store '%s' (--dir names another)",
				  s->path);
	return 0;
}

/* To add: in a directory that is a store of this program's layout. */
static int open_to_add(struct ac_store *s, struct ac_err *err)
{
	struct ac_err left;
	int known;

	if (make_subdirs(s, err) < 0)
		return -1;
	s->lockfd = ac_lock_file(s->dirfd, "lock", AC_LOCK_SHARED, true, err);
	if (s->lockfd < 0)
		return -1;
	/* Not before: who held it may have been another program. */
	known = ac_layout_read(s, err);
	if (known < 0)
		return -1;
	if ((known > 0 ? ac_layout_migrate(s, false, err)
		       : ac_layout_init(s, err)) < 0)
		return -1;
	/* What cannot be removed is in nobody's way. */
	if (ac_scratch_sweep(s, &left) < 0 ||
	    ac_partial_sweep(s, AC_PARTIAL_GRACE, NULL, &left) < 0)
		ac_warn("%s; it is tried again later", left.msg);
	return 0;
}

static int open_at(struct ac_store *s, bool create, struct ac_err *err)
{
	int known;

	if (open_dir(s, create, err) < 0)
		return -1;
	known = ac_layout_read(s, err);
	if (known < 0)
		return -1;
	if (create)
		return open_to_add(s, err);
	return known > 0 ? 0 : no_store(s, err);
}

void ac_store_more(struct ac_strv *out)
{
	const char *list = getenv("ACUTILS_STORE_READ");
	struct ac_str rest = ac_str(list != NULL ? list : "");
	struct ac_str one;

	while (rest.len != 0) {
		AC_FREE char *dir = NULL;

		(void)ac_str_cut(&rest, ':', &one);
		dir = ac_xstrndup(one.p, one.len);
		if (one.len != 0)
			ac_strv_take(out, absolute(dir));
	}
}

static int open_more(struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv dirs = AC_STRV_INIT;

	ac_store_more(&dirs);
	s->more = ac_xcalloc(dirs.n + 1, sizeof(*s->more));
	for (; s->n_more < dirs.n; s->n_more++) {
		struct ac_store *more = &s->more[s->n_more];

		*more = AC_STORE_INIT;
		more->path = ac_xstrdup(dirs.v[s->n_more]);
		if (open_at(more, false, err) < 0) {
			ac_store_release(more);
			err->code = AC_E_INVALID; /* that is no empty store */
			return ac_err_ctx(err, "--store-read");
		}
	}
	return 0;
}

void ac_store_read_also(const struct ac_strv *dirs)
{
	const char *old = getenv("ACUTILS_STORE_READ");
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(1 << 20);

	for (size_t i = 0; i < dirs->n; i++) {
		AC_FREE char *dir = absolute(dirs->v[i]);

		ac_buf_addf(&list, "%s%s", list.len != 0 ? ":" : "", dir);
	}
	if (list.len == 0)
		return;
	if (given(old))
		ac_buf_addf(&list, ":%s", old);
	(void)setenv("ACUTILS_STORE_READ", ac_buf_str(&list), 1);
}

/* A store of one's own may be missing when there are others to read. */
static int open_own(struct ac_store *s, bool create, struct ac_err *err)
{
	if (open_at(s, create, err) == 0)
		return 0;
	if (create || err->code != AC_E_NOT_FOUND ||
	    !given(getenv("ACUTILS_STORE_READ")))
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

int ac_store_open(struct ac_store *s, const char *dir, bool create,
		  struct ac_err *err)
{
	struct ac_store new = AC_STORE_INIT;

	if (ac_store_path(dir, NULL, &new.path, err) < 0)
		return -1;
	if (open_own(&new, create, err) < 0 || open_more(&new, err) < 0) {
		ac_store_release(&new);
		return -1;
	}
	*s = new;
	return 0;
}

int ac_store_hold(struct ac_store *s, struct ac_err *err)
{
	if (s->dirfd < 0)
		return no_store(s, err);
	if (s->lockfd < 0)
		s->lockfd = ac_lock_file(s->dirfd, "lock", AC_LOCK_SHARED, true,
					 err);
	return s->lockfd < 0 ? -1 : 0;
}

int ac_store_hold_to_write(struct ac_store *s, struct ac_err *err)
{
	if (ac_store_hold(s, err) < 0 || ac_layout_read(s, err) < 0)
		return -1;
	return ac_layout_migrate(s, false, err);
}

void ac_store_release(struct ac_store *s)
{
	free(s->path);
	if (s->dirfd >= 0)
		(void)close(s->dirfd);
	if (s->lockfd >= 0)
		(void)close(s->lockfd);
	for (size_t i = 0; i < s->n_more; i++)
		ac_store_release(&s->more[i]);
	free(s->more);
	*s = AC_STORE_INIT;
}

/* The same directory still?  It may have been removed while we waited for its
 * lock. */
static bool still_there(int fd, int dirfd, const char *name)
{
	struct stat a;
	struct stat b;

	return fstat(fd, &a) == 0 &&
	       fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 1, 0 when it is not there. */
static int open_layer(const struct ac_store *s, const char *chain, int *rootfs,
		      int *lock, struct ac_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	AC_FREE char *name = ac_xasprintf("layers/%s", chain);
	AC_CLOSE int held = -1;
	int fd;

	if (s->dirfd < 0)
		return 0;
	/* Another one may have come in its place while we waited. */
	for (int tries = 0; tries < 8; tries++) {
		ac_own_closep(&held);
		held = openat(s->dirfd, name, flags);
		if (held < 0)
			return errno == ENOENT
				       ? 0
				       : ac_err_sys(err, errno,
						    "open layer '%s'", chain);
		if (ac_lock_fd(held, AC_LOCK_SHARED, true, name, err) < 0)
			return -1;
		if (still_there(held, s->dirfd, name))
			break;
	}
	if (!still_there(held, s->dirfd, name))
		return 0;
	fd = openat(held, "rootfs", flags);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the rootfs of layer '%s'",
				  chain);
	*rootfs = fd;
	*lock = ac_steal_fd(&held);
	return 1;
}

int ac_store_open_layer(const struct ac_store *s, const char *chain,
			int *rootfs, int *lock, struct ac_err *err)
{
	int got;

	if (!ac_layer_name_ok(chain))
		return ac_err_set(err, AC_E_INVALID, "'%s' is no layer's name",
				  chain);
	got = open_layer(s, chain, rootfs, lock, err);
	for (size_t i = 0; got == 0 && i < s->n_more; i++)
		got = open_layer(&s->more[i], chain, rootfs, lock, err);
	if (got == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "layer '%s' is not in the store", chain);
	return got < 0 ? -1 : 0;
}
