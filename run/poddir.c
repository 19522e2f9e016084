/* SPDX-License-Identifier: Apache-2.0 */
#include "run/poddir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"
#include "run/podlog.h"
#include "run/sandbox/sandbox.h"

static const char PLACES[POD_WHERES][16] = {"embryo", "run", "exited-garbage",
					    "garbage"};

void pod_dir_release(struct pod_dir *p)
{
	ac_own_closep(&p->fd);
	*p = POD_DIR_INIT;
}

int pods_open(const char *store, bool make, struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("%s/pods", store);
	AC_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return ac_err_sys(err, errno, "make '%s'", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND, "no pods in '%s'",
				  store);
	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", path);
	return ac_steal_fd(&fd);
}

static int make_uuid(char out[POD_UUID], struct ac_err *err)
{
	uint8_t b[16];
	char hex[33];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return ac_err_sys(err, errno, "get random bytes");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	ac_hex_encode(hex, b, sizeof(b));
	(void)snprintf(out, POD_UUID, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		       hex + 12, hex + 16, hex + 20);
	return 0;
}

static int place(char *out, size_t size, enum pod_where where, const char *uuid)
{
	return snprintf(out, size, "%s/%s", PLACES[where], uuid);
}

/* The first pod to come there makes the place. */
static int make_place(int pods, enum pod_where where, struct ac_err *err)
{
	if (mkdirat(pods, PLACES[where], 0700) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make 'pods/%s'", PLACES[where]);
	return 0;
}

/* 1 when made and locked; 0 when gc took it for one that a killed runner left,
 * before it was locked. */
static int create(struct pod_dir *p, int pods, struct ac_err *err)
{
	char path[64];

	if (make_uuid(p->uuid, err) < 0)
		return -1;
	p->where = POD_EMBRYO;
	(void)place(path, sizeof(path), POD_EMBRYO, p->uuid);
	if (mkdirat(pods, path, 0700) < 0 &&
	    (make_place(pods, POD_EMBRYO, err) < 0 ||
	     mkdirat(pods, path, 0700) < 0))
		return ac_err_sys(err, errno, "make 'pods/%s'", path);
	p->fd = openat(pods, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd < 0 && errno == ENOENT)
		return 0;
	if (p->fd < 0 || flock(p->fd, LOCK_EX) < 0)
		return ac_err_sys(err, errno, "lock 'pods/%s'", path);
	return faccessat(pods, path, F_OK, 0) == 0;
}

int pod_create(struct pod_dir *p, int pods, struct ac_err *err)
{
	int r;

	do {
		pod_dir_release(p);
		r = create(p, pods, err);
	} while (r == 0);
	return r < 0 ? -1 : 0;
}

int pod_move(struct pod_dir *p, int pods, enum pod_where to, struct ac_err *err)
{
	char from[64];
	char name[64];
	int r;

	(void)place(from, sizeof(from), p->where, p->uuid);
	(void)place(name, sizeof(name), to, p->uuid);
	r = renameat(pods, from, pods, name);
	if (r < 0 && errno == ENOENT) {
		if (make_place(pods, to, err) < 0)
			return -1;
		r = renameat(pods, from, pods, name);
	}
	if (r < 0 && errno == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND, "pod '%s' is gone",
				  p->uuid);
	if (r < 0)
		return ac_err_sys(err, errno, "move 'pods/%s' to 'pods/%s'",
				  from, name);
	p->where = to;
	return 0;
}

/* 1 when opened, 0 when there is none. */
static int open_pod(struct pod_dir *p, int pods, enum pod_where where,
		    const char *uuid, struct ac_err *err)
{
	char path[64];

	(void)place(path, sizeof(path), where, uuid);
	p->fd = openat(pods, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd < 0 && errno == ENOENT)
		return 0;
	if (p->fd < 0)
		return ac_err_sys(err, errno, "open 'pods/%s'", path);
	(void)snprintf(p->uuid, sizeof(p->uuid), "%s", uuid);
	p->where = where;
	p->locked = flock(p->fd, LOCK_SH | LOCK_NB) < 0;
	if (!p->locked)
		(void)flock(p->fd, LOCK_UN);
	return 1;
}

static int collect(int pods, enum pod_where where, const char *prefix,
		   struct ac_strv *out, struct ac_err *err)
{
	int fd =
		openat(pods, PLACES[where], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	DIR *dir;

	if (fd < 0 && errno == ENOENT)
		return 0;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return ac_err_sys(err, errno, "open 'pods/%s'", PLACES[where]);
	while ((d = readdir(dir)) != NULL)
		if (strlen(d->d_name) == POD_UUID - 1 &&
		    ac_str_starts(ac_str(d->d_name), prefix))
			ac_strv_push(out, d->d_name);
	(void)closedir(dir);
	return 0;
}

int pod_find(struct pod_dir *p, int pods, const char *uuid, struct ac_err *err)
{
	static const enum pod_where shown[] = {POD_RUN, POD_EXITED_GARBAGE};
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;

	if (uuid[0] == '\0')
		return ac_err_set(err, AC_E_USAGE, "UUID cannot be empty");
	for (size_t i = 0; i < AC_LEN(shown); i++)
		if (collect(pods, shown[i], uuid, &all, err) < 0)
			return -1;
	if (all.n > 1)
		return ac_err_set(err, AC_E_INVALID,
				  "ambiguous UUID \"%s\": %zu matches", uuid,
				  all.n);
	for (size_t i = 0; all.n == 1 && i < AC_LEN(shown); i++) {
		int r = open_pod(p, pods, shown[i], all.v[0], err);

		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return ac_err_set(err, AC_E_NOT_FOUND, "no matches found for \"%s\"",
			  uuid);
}

int pod_try_lock(const struct pod_dir *p, struct ac_err *err)
{
	/* A reader of the state holds it for a moment, shared. */
	for (int i = 0; i < 10; i++) {
		if (flock(p->fd, LOCK_EX | LOCK_NB) == 0)
			return 1;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ac_err_sys(err, errno, "lock pod '%s'", p->uuid);
		if (flock(p->fd, LOCK_SH | LOCK_NB) < 0)
			return 0;
		(void)flock(p->fd, LOCK_UN);
		(void)usleep(1000);
	}
	return 0;
}

const char *pod_state(const struct pod_dir *p)
{
	switch (p->where) {
	case POD_EMBRYO:
		return "embryo";
	case POD_RUN:
		return p->locked ? "running" : "exited";
	case POD_EXITED_GARBAGE:
		return p->locked ? "exited deleting" : "exited garbage";
	case POD_GARBAGE:
		return p->locked ? "deleting" : "garbage";
	case POD_WHERES:
		break;
	}
	return "unknown";
}

bool pod_is_running(const struct pod_dir *p)
{
	return p->where == POD_RUN && p->locked;
}

bool pod_is_exited(const struct pod_dir *p)
{
	return (p->where == POD_RUN && !p->locked) ||
	       p->where == POD_EXITED_GARBAGE;
}

int pod_each(int pods, enum pod_where where, pod_each_fn fn, void *ctx,
	     struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;

	if (collect(pods, where, "", &all, err) < 0)
		return -1;
	ac_strv_sort(&all);
	for (size_t i = 0; i < all.n; i++) {
		AC_CLEANUP(pod_dir_release) struct pod_dir p = POD_DIR_INIT;
		int r = open_pod(&p, pods, where, all.v[i], err);

		if (r < 0 || (r == 1 && fn(ctx, &p, err) < 0))
			return -1;
	}
	return 0;
}

int pod_write(const struct pod_dir *p, const char *name, const char *text,
	      size_t len, struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(p->fd, name,
		       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		       0644);

	if (fd < 0)
		return ac_err_sys(err, errno, "pod '%s': create '%s'", p->uuid,
				  name);
	return ac_io_write_close(&fd, text, len, name, err);
}

int pod_read(const struct pod_dir *p, const char *name, struct ac_buf *out,
	     struct ac_err *err)
{
	if (ac_io_read_file(p->fd, name, out, err) < 0)
		return ac_err_ctx(err, "pod '%s'", p->uuid);
	return 0;
}

int64_t pod_time(const struct pod_dir *p, const char *name)
{
	struct stat st;

	if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

int pod_remove(const struct pod_dir *p, int pods, struct ac_err *err)
{
	AC_CLEANUP(pod_log_release) struct pod_log log = POD_LOG_INIT;
	char path[64];

	(void)place(path, sizeof(path), p->where, p->uuid);
	if (pod_log_read(&log, p, err) < 0 ||
	    sb_cgroups_remove(&log.cgroups, err) < 0 ||
	    ac_tree_remove(pods, path, err) < 0)
		return ac_err_ctx(err, "remove pod '%s'", p->uuid);
	return 0;
}
