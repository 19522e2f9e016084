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
#include "common/store/publish.h"
#include "common/store/record.h"
#include "common/store/scratch.h"
#include "common/store/share.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"
#include "common/sys/path.h"
#include "common/sys/spread.h"

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
	struct ac_config own = {.user = NULL};

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

int ac_store_open_file(const struct ac_store *s, const char *path,
		       struct ac_err *err)
{
	int fd = ac_at_open_file(s->dirfd, path, err);

	return fd >= 0 ? fd : ac_err_ctx(err, "'%s'", s->path);
}

int ac_store_flush(const struct ac_store *s, struct ac_err *err)
{
	if (syncfs(s->dirfd) < 0)
		return ac_err_sys(err, errno, "flush the store '%s'", s->path);
	return 0;
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

/* The bare directory of a store; .dirfd is -1 when it cannot be opened. */
static struct ac_store bare(const char *path)
{
	return (struct ac_store){.path = ac_xstrdup(path),
				 .dirfd = open(path, O_RDONLY | O_DIRECTORY |
							     O_CLOEXEC),
				 .lockfd = -1};
}

/* Layers begin in ingest/.  Who opens the store tells what goes wrong. */
static void spread(const char *path)
{
	AC_CLEANUP(ac_store_release) struct ac_store s = bare(path);
	AC_CLOSE int ingest = -1;
	struct ac_err ignored;

	if (s.dirfd < 0 || make_subdirs(&s, &ignored) < 0)
		return;
	ingest = ac_publish_dir(&s, "ingest", &ignored);
	if (ingest >= 0)
		ac_spread(ingest);
}

/* A store of a layout that is not known is left alone. */
static int look(const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_store_release) struct ac_store s = bare(path);

	return s.dirfd >= 0 ? ac_layout_read(&s, err) : 0;
}

int ac_store_make(const char *path, struct ac_err *err)
{
	AC_FREE char *own = NULL;
	struct stat st;

	if (stat(path, &st) < 0 && errno == ENOENT && make_dirs(path, err) < 0)
		return -1;
	/* Confined, nobody could say who may. */
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 && errno == EACCES)
		return ac_share_denied(path, EACCES, err);
	if (look(path, err) < 0 || ac_share_settle(path, err) < 0 ||
	    ac_share_own(path, true, &own, err) < 0)
		return -1;
	spread(own != NULL ? own : path);
	return 0;
}

static int open_dir(struct ac_store *s, bool create, struct ac_err *err)
{
	s->dirfd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0 && errno == ENOENT && create) {
		if (ac_store_make(s->path, err) < 0)
			return -1;
		s->dirfd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->dirfd < 0 && errno == ENOENT)
		return no_store(s, err);
	return s->dirfd >= 0 ? 0 : ac_share_denied(s->path, errno, err);
}

/* Is it root's store before root's first pull, made for the groups?  Members
 * may have been there already. */
static bool is_prepared(const struct ac_store *s)
{
	AC_CLOSE int members = -1;

	return ac_share_members(s, &members) > 0;
}

/* To add: in a directory that is a store of this program's layout. */
static int open_to_add(struct ac_store *s, struct ac_err *err)
{
	const struct ac_partial_sweep old = {.grace = AC_PARTIAL_GRACE};
	struct ac_err left;
	int known;

	if (ac_share_settle(s->path, err) < 0 || make_subdirs(s, err) < 0)
		return -1;
	s->lockfd = ac_lock_file(s->dirfd, "lock", AC_LOCK_SHARED, true, err);
	if (s->lockfd < 0)
		return -1;
	/* Not before: who held it may have been another program. */
	known = ac_layout_read(s, err);
	if (known < 0)
		return -1;
	if ((known > 0 ? ac_layout_migrate(s, false, err)
		       : ac_layout_write(s, err)) < 0)
		return -1;
	/* What cannot be removed is in nobody's way. */
	if (ac_scratch_sweep(s, &left) < 0 ||
	    ac_partial_sweep(s, &old, &left) < 0)
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
	return known > 0 || is_prepared(s) ? 0 : no_store(s, err);
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

static int add_more(struct ac_store *s, const char *path, struct ac_err *err)
{
	struct ac_store more = AC_STORE_INIT;

	more.path = ac_xstrdup(path);
	if (open_at(&more, false, err) < 0) {
		ac_store_release(&more);
		return -1;
	}
	s->more = ac_xrealloc(s->more, s->n_more + 1, sizeof(*s->more));
	s->more[s->n_more++] = more;
	return 0;
}

static int open_more(struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv dirs = AC_STRV_INIT;

	ac_store_more(&dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		if (add_more(s, dirs.v[i], err) < 0) {
			err->code = AC_E_INVALID; /* that is no empty store */
			return ac_err_ctx(err, "--store-read");
		}
	}
	return 0;
}

/* Root's store and what the caller adds to it: what is added goes into the
 * latter, and both are read. */
static int open_shared(struct ac_store *s, bool create, struct ac_err *err)
{
	AC_FREE char *mine = NULL;
	AC_FREE char *other = NULL;
	struct ac_err why = AC_ERR_INIT;
	int r = ac_share_own(s->path, create, &mine, err);

	if (r <= 0)
		return r;
	other = ac_xstrdup(create ? s->path : mine);
	if (create) {
		free(s->path);
		s->path = ac_steal_ptr(&mine);
		s->offered = true;
	}
	/* Before there is anything in it, there is nothing to read. */
	if (add_more(s, other, &why) == 0 || why.code == AC_E_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
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
	    (s->n_more == 0 && !given(getenv("ACUTILS_STORE_READ"))))
		return -1;
	ac_own_closep(&s->dirfd);
	s->dirfd = -1;
	*err = AC_ERR_INIT;
	return 0;
}

int ac_store_open(struct ac_store *s, const char *dir, bool create,
		  struct ac_err *err)
{
	struct ac_store new = AC_STORE_INIT;

	if (ac_store_path(dir, NULL, &new.path, err) < 0)
		return -1;
	if (open_shared(&new, create, err) < 0 ||
	    open_own(&new, create, err) < 0 || open_more(&new, err) < 0) {
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

static int no_layer(const struct ac_store *s, const char *chain, int sys,
		    struct ac_err *err)
{
	if (sys != EACCES)
		return ac_err_sys(err, sys, "open layer '%s'", chain);
	return ac_err_sys(err, sys,
			  "open layer '%.19s': the unpacked layers of '%s' are "
			  "for its owner alone; 'acfetch --store-read=%s pull "
			  "IMAGE' unpacks the image in a store of your own",
			  chain, s->path, s->path);
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
			return errno == ENOENT ? 0
					       : no_layer(s, chain, errno, err);
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

static bool has_layers(const struct ac_store *s)
{
	return faccessat(s->dirfd, "layers", R_OK | X_OK, AT_EACCESS) == 0;
}

bool ac_store_usable(const struct ac_store *s, const char *id)
{
	if (ac_store_owns(s, id))
		return true;
	for (size_t i = 0; i < s->n_more; i++)
		if (ac_store_owns(&s->more[i], id))
			return has_layers(&s->more[i]);
	return true;
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
