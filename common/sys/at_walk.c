/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/at_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/own.h"

enum {
	LOOK = O_PATH | O_NOFOLLOW | O_CLOEXEC,
	MAX_TARGET = 4096,
	MAX_LINKS = 40,
	/* Each ".." may cost a walk from the top: a path that plays with them
	 * must not cost a minute. */
	MAX_RESTARTS = 512,
};

int ac_at_walk_name(const char **path, char name[AC_AT_NAME])
{
	for (;;) {
		const char *p = *path + strspn(*path, "/");
		size_t n = strcspn(p, "/");

		*path = p + n;
		if (n == 0)
			return 0;
		if (n >= AC_AT_NAME) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (n == 1 && p[0] == '.')
			continue;
		memcpy(name, p, n);
		name[n] = '\0';
		return 1;
	}
}

/* Open the last component: never through a link; a link itself only when the
 * caller asked for that (O_PATH | O_NOFOLLOW). */
static int open_last(int at, const char *name, int flags, mode_t mode)
{
	AC_CLOSE int fd = openat(at, name, flags | O_NOFOLLOW, mode);
	struct stat st;

	if (fd >= 0 && flags & O_PATH && !(flags & O_NOFOLLOW)) {
		if (fstat(fd, &st) < 0)
			return -1;
		if (S_ISLNK(st.st_mode)) {
			errno = ELOOP;
			return -1;
		}
	}
	return ac_steal_fd(&fd);
}

int ac_at_walk(int dirfd, const char *path, int flags, mode_t mode)
{
	AC_CLOSE int at = -1;
	char name[AC_AT_NAME];
	char next[AC_AT_NAME];
	int more = ac_at_walk_name(&path, name);

	if (more < 0)
		return -1;
	if (more == 0)
		return openat(dirfd, ".", flags);
	while ((more = ac_at_walk_name(&path, next)) > 0) {
		int fd = openat(at >= 0 ? at : dirfd, name, LOOK | O_DIRECTORY);

		if (fd < 0)
			return -1;
		ac_own_closep(&at);
		at = fd;
		memcpy(name, next, sizeof(name));
	}
	if (more < 0)
		return -1;
	return open_last(at >= 0 ? at : dirfd, name, flags, mode);
}

size_t ac_at_walk_link(int dirfd, const char *path)
{
	AC_CLOSE int at = -1;
	const char *p = path;
	char name[AC_AT_NAME];

	while (ac_at_walk_name(&p, name) > 0) {
		struct stat st;
		int fd = openat(at >= 0 ? at : dirfd, name, LOOK);

		ac_own_closep(&at);
		at = fd;
		if (fd < 0 || fstat(fd, &st) < 0)
			return 0;
		if (S_ISLNK(st.st_mode))
			return (size_t)(p - path);
	}
	return 0;
}

/* Where the resolution in a root stands. */
struct walk {
	int root;           /* borrowed */
	int at;             /* owned: the directory DONE; -1 for the root */
	bool stale;         /* DONE was shortened: AT must be found anew */
	struct ac_buf done; /* resolved so far: only directories, no links */
	struct ac_buf todo; /* what is left, from pos on */
	size_t pos;
	unsigned int links, restarts;
};

static void release(struct walk *w)
{
	ac_own_closep(&w->at);
	ac_buf_release(&w->done);
	ac_buf_release(&w->todo);
}

static int too_many(void)
{
	errno = ELOOP;
	return -1;
}

static int here(const struct walk *w)
{
	return w->at >= 0 ? w->at : w->root;
}

static void move(struct walk *w, int fd)
{
	ac_own_closep(&w->at);
	w->at = fd;
}

/* Make AT the directory DONE again. */
static int refresh(struct walk *w)
{
	int fd = -1;

	if (!w->stale)
		return 0;
	if (++w->restarts > MAX_RESTARTS)
		return too_many();
	if (w->done.len != 0) {
		fd = ac_at_walk(w->root, ac_buf_str(&w->done),
				LOOK | O_DIRECTORY, 0);
		if (fd < 0)
			return -1;
	}
	move(w, fd);
	w->stale = false;
	return 0;
}

static void up(struct walk *w)
{
	if (w->done.len == 0)
		return;
	while (w->done.len != 0 && w->done.p[--w->done.len] != '/')
		;
	w->done.p[w->done.len] = '\0';
	w->stale = true;
}

static void down(struct walk *w, const char *name, int fd)
{
	if (w->done.len != 0)
		ac_buf_addc(&w->done, '/');
	ac_buf_adds(&w->done, name);
	move(w, fd);
}

/* Put the target of the link open as FD in front of what is left. */
static int follow(struct walk *w, int fd)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(w->todo.max);
	char target[MAX_TARGET];
	struct ac_buf swap;
	struct statfs fs;
	ssize_t n;

	if (++w->links > MAX_LINKS)
		return too_many();
	if (fstatfs(fd, &fs) < 0)
		return -1;
	if (fs.f_type == PROC_SUPER_MAGIC)
		return too_many();
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -1;
	ac_buf_add(&b, target, (size_t)n);
	ac_buf_adds(&b, w->todo.p + w->pos);
	if (b.overflow || (size_t)n == sizeof(target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (n != 0 && target[0] == '/') {
		ac_buf_reset(&w->done);
		w->stale = true;
	}
	swap = w->todo;
	w->todo = b;
	w->pos = 0;
	b = swap;
	return 0;
}

/* Take one step, by NAME.  1 when it ended the way, at *out. */
static int step(struct walk *w, const char *name, int flags, int *out)
{
	AC_CLOSE int fd = -1;
	bool last = w->todo.p[w->pos] == '\0';
	struct stat st;

	if (refresh(w) < 0)
		return -1;
	fd = openat(here(w), name, LOOK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode) && !(last && flags & O_NOFOLLOW))
		return follow(w, fd);
	if (last) {
		*out = openat(here(w), name, flags | O_NOFOLLOW);
		return *out >= 0 ? 1 : -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	down(w, name, ac_steal_fd(&fd));
	return 0;
}

int ac_at_walk_in_root(int dirfd, const char *path, int flags)
{
	AC_CLEANUP(release)
	struct walk w = {.root = dirfd,
			 .at = -1,
			 .done = AC_BUF_INIT(MAX_TARGET),
			 .todo = AC_BUF_INIT((MAX_LINKS + 1) * MAX_TARGET)};
	char name[AC_AT_NAME];
	int out = -1;
	int r = 0;

	ac_buf_adds(&w.todo, path);
	while (r == 0) {
		const char *rest = w.todo.p + w.pos;

		if (w.todo.overflow || w.done.overflow) {
			errno = ENAMETOOLONG;
			return -1;
		}
		r = ac_at_walk_name(&rest, name);
		if (r < 0)
			return -1;
		if (r == 0)
			return refresh(&w) == 0 ? openat(here(&w), ".", flags)
						: -1;
		w.pos = (size_t)(rest - w.todo.p);
		r = 0;
		if (strcmp(name, "..") == 0)
			up(&w);
		else
			r = step(&w, name, flags, &out);
	}
	return r > 0 ? out : -1;
}
