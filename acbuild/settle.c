/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/settle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acbuild/removed.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { MAX_RUNNING = 1 << 20 };

struct settling {
	int root; /* borrowed */
	struct under under;
	struct ac_strv todo; /* directories */
};

int settle_begin(struct work *w, const struct ac_strv *lower,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_RUNNING);

	for (size_t i = 0; i < lower->n; i++)
		ac_buf_add(&b, lower->v[i], strlen(lower->v[i]) + 1);
	if (ac_buf_check(&b, "the list of layers", err) < 0)
		return -1;
	return work_put(w->dir, "running", b.p, b.len, err);
}

/* Overlay's own attributes of the file PATH ("/proc/self/fd/..."): removed.
 * True when it was opaque. */
static bool strip(const char *path)
{
	static const char *const spaces[] = {"trusted.overlay.",
					     "user.overlay."};
	char names[XATTR_LIST_MAX];
	ssize_t n = llistxattr(path, names, sizeof(names));
	bool opaque = false;
	char c;

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
		for (size_t i = 0; i < AC_LEN(spaces); i++) {
			size_t len = strlen(spaces[i]);

			if (strncmp(names + at, spaces[i], len) != 0)
				continue;
			if (strcmp(names + at + len, "opaque") == 0)
				opaque = lgetxattr(path, names + at, &c, 1) ==
						 1 &&
					 c == 'y';
			/* This mark goes last, when it has been noted. */
			if (strcmp(names + at + len, "opaque") != 0)
				(void)lremovexattr(path, names + at);
		}
	return opaque;
}

static void unmark(const char *path)
{
	(void)lremovexattr(path, "trusted.overlay.opaque");
	(void)lremovexattr(path, "user.overlay.opaque");
}

/* NAME in DIRFD, whose path is DIR. */
static int settle_entry(struct settling *s, int dirfd, const char *dir,
			const char *name, bool *changed, struct ac_err *err)
{
	AC_FREE char *path = ac_path_join(dir, name);
	AC_FREE char *proc = ac_xasprintf("/proc/self/fd/%d/%s", dirfd, name);
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_sys(err, errno, "stat '/%s'", path);
	if (S_ISSOCK(st.st_mode)) {
		ac_debug("/%s is a socket: removed", path);
		(void)unlinkat(dirfd, name, 0);
		*changed = true;
		return 0;
	}
	if (S_ISCHR(st.st_mode) && st.st_rdev == 0) {
		if (removed_add(&s->under, path, err) < 0)
			return -1;
		if (unlinkat(dirfd, name, 0) < 0)
			return ac_err_sys(err, errno, "remove '/%s'", path);
		*changed = true;
		return 0;
	}
	if (strip(proc) && S_ISDIR(st.st_mode) &&
	    removed_add(&s->under, path, err) < 0)
		return -1;
	unmark(proc);
	if (S_ISDIR(st.st_mode))
		ac_strv_take(&s->todo, ac_steal_ptr(&path));
	return 0;
}

static int settle_dir(struct settling *s, const char *path, struct ac_err *err)
{
	int fd = ac_at_open(s->root, path, O_RDONLY | O_DIRECTORY, 0, err);
	bool changed = false;
	struct dirent *e;
	struct stat st;
	DIR *d;
	int r = 0;

	if (fd < 0 && err->sys == ENAMETOOLONG) {
		ac_warn("a directory too deep to be looked at: '/%.60s...'",
			path);
		return 0;
	}
	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (d == NULL || fstat(fd, &st) < 0) {
		(void)close(fd);
		return ac_err_sys(err, errno, "read '/%s'", path);
	}
	while (r == 0 && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = settle_entry(s, fd, path, e->d_name, &changed, err);
	if (changed) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
						  st.st_mtim};

		(void)futimens(fd, times);
	}
	(void)closedir(d);
	return r;
}

static int settle_all(struct settling *s, struct ac_err *err)
{
	AC_FREE char *top = ac_xasprintf("/proc/self/fd/%d/.", s->root);

	(void)strip(top);
	ac_strv_push(&s->todo, "");
	while (s->todo.n != 0) {
		AC_FREE char *path = s->todo.v[--s->todo.n];

		s->todo.v[s->todo.n] = NULL;
		if (settle_dir(s, path, err) < 0)
			return -1;
	}
	return 0;
}

static int read_running(struct work *w, struct ac_strv *lower,
			struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_RUNNING);

	if (ac_io_read_file(w->dir, "running", &b, err) < 0)
		return -1;
	(void)ac_buf_str(&b);
	for (size_t at = 0; at < b.len; at += strlen(b.p + at) + 1)
		ac_strv_push(lower, b.p + at);
	return 0;
}

static void settling_release(struct settling *s)
{
	under_release(&s->under);
	ac_strv_release(&s->todo);
}

int settle(struct work *w, const struct ac_set *before, struct ac_err *err)
{
	AC_CLEANUP(settling_release)
	struct settling s = {.root = w->rootfs, .under = UNDER_INIT};
	AC_CLEANUP(ac_strv_release) struct ac_strv lower = AC_STRV_INIT;

	if (read_running(w, &lower, err) < 0 ||
	    under_open(&s.under, w, &lower, err) < 0 ||
	    settle_all(&s, err) < 0 ||
	    whitelist_update(w, &s.under, before, err) < 0)
		return -1;
	if (work_save_changed(w, err) < 0)
		return -1;
	if (unlinkat(w->dir, "running", 0) < 0)
		return ac_err_sys(err, errno, "remove '.acbuild/running'");
	removed_tell(&s.under);
	return 0;
}

int settle_copy(int root, struct ac_err *err)
{
	AC_CLEANUP(settling_release)
	struct settling s = {.root = root, .under = UNDER_INIT};

	return settle_all(&s, err);
}

int settle_if_needed(struct work *w, struct ac_err *err)
{
	if (faccessat(w->dir, "running", F_OK, 0) < 0)
		return 0;
	ac_debug("a command was interrupted: the rootfs is settled");
	return settle(w, NULL, err);
}
