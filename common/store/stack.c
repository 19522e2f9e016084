/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/path.h"

enum { MAX_LINKS = 40, MAX_TEXT = 64 << 10, MAX_STEPS = 100000 };

enum kind {
	GONE, /* nothing is there */
	DIRECTORY,
	OTHER,
};

/* A directory of the merged view: the layers that have a part in it, top
 * first. */
struct level {
	int *fds;      /* owned */
	size_t *layer; /* of each */
	size_t n;
};

struct walk {
	const struct ac_stack *s;
	struct level at;
	char *path; /* of .at, without links */
	char *rest; /* components to come */
	int links;
};

void ac_hit_release(struct ac_hit *h)
{
	free(h->path);
	free(h->name);
	if (h->parent >= 0)
		(void)close(h->parent);
	*h = AC_HIT_INIT;
}

bool ac_stack_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

bool ac_stack_opaque(int dirfd, const char *name)
{
	static const char *const marks[] = {"trusted.overlay.opaque",
					    "user.overlay.opaque"};
	char path[64 + 256];
	char c;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < AC_LEN(marks); i++)
		if (lgetxattr(path, marks[i], &c, 1) == 1 && c == 'y')
			return true;
	return false;
}

static void release_level(struct level *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fds[i]);
	free(l->fds);
	free(l->layer);
	*l = (struct level){.n = 0};
}

static int push(struct level *l, size_t max, int dirfd, const char *name,
		size_t layer, struct ac_err *err)
{
	int fd = openat(dirfd, name,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s' in a layer", name);
	if (l->fds == NULL) {
		l->fds = ac_xcalloc(max, sizeof(*l->fds));
		l->layer = ac_xcalloc(max, sizeof(*l->layer));
	}
	l->fds[l->n] = fd;
	l->layer[l->n++] = layer;
	return 0;
}

static int to_root(struct walk *w, struct ac_err *err)
{
	release_level(&w->at);
	free(w->path);
	w->path = ac_xstrdup("");
	for (size_t i = w->s->n; i-- > 0;)
		if (push(&w->at, w->s->n, w->s->roots[i], ".", i, err) < 0)
			return -1;
	return 0;
}

/* What NAME is in the directory w->at; *top its index there.  A directory
 * becomes *next. */
static int look(const struct walk *w, const char *name, struct level *next,
		size_t *top, struct stat *st, struct ac_err *err)
{
	enum kind kind = GONE;

	for (size_t i = 0; i < w->at.n; i++) {
		int fd = w->at.fds[i];
		struct stat here;

		if (fstatat(fd, name, &here, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT || errno == ENAMETOOLONG)
				continue;
			return ac_err_sys(err, errno, "look at '%s' in a layer",
					  name);
		}
		if (kind == GONE && !ac_stack_whiteout(&here)) {
			*st = here;
			*top = i;
			kind = S_ISDIR(here.st_mode) ? DIRECTORY : OTHER;
		}
		if (!S_ISDIR(here.st_mode))
			break;
		if (push(next, w->at.n, fd, name, w->at.layer[i], err) < 0)
			return -1;
		if (ac_stack_opaque(fd, name))
			break;
	}
	return kind;
}

/* The next component of w->rest into NAME: false at the end. */
static bool next_name(struct walk *w, char name[4096])
{
	size_t skip = strspn(w->rest, "/");
	size_t n = strcspn(w->rest + skip, "/");

	if (n == 0)
		return false;
	(void)snprintf(name, 4096, "%.*s", (int)n, w->rest + skip);
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	return true;
}

static int follow_link(struct walk *w, int dirfd, const char *name,
		       struct ac_err *err)
{
	char to[4096];
	ssize_t n = readlinkat(dirfd, name, to, sizeof(to) - 1);
	char *rest;

	if (n < 0)
		return ac_err_sys(err, errno, "read the link '%s'", name);
	to[n] = '\0';
	if (++w->links > MAX_LINKS || strlen(w->rest) > MAX_TEXT)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is a link in a loop, or one of more "
				  "than %d",
				  name, MAX_LINKS);
	rest = ac_xasprintf("%s/%s", to, w->rest);
	free(w->rest);
	w->rest = rest;
	return to[0] == '/' ? to_root(w, err) : 0;
}

/* Nothing is at NAME: where the path would be.  Links may still have led out of
 * the top, where ".." stays. */
static char *would_be(const struct walk *w, const char *name)
{
	AC_FREE char *text = ac_xasprintf("%s/%s", name, w->rest);
	struct ac_str rest = ac_str(text);
	char *path = ac_xstrdup(w->path);

	while (rest.len != 0) {
		struct ac_str c;
		struct ac_str dir;
		struct ac_str base;
		char *next;

		(void)ac_str_cut(&rest, '/', &c);
		if (c.len == 0 || ac_str_eq(c, "."))
			continue;
		if (ac_str_eq(c, "..")) {
			ac_path_split(path, &dir, &base);
			next = ac_xstrndup(dir.p, dir.len);
		} else {
			AC_FREE char *one = ac_xstrndup(c.p, c.len);

			next = ac_path_join(path, one);
		}
		free(path);
		path = next;
	}
	return path;
}

static int go_up(struct walk *w, struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	char *rest;

	/* Again from the top: ".." is rare, and its directory is not kept. */
	ac_path_split(w->path, &dir, &base);
	rest = ac_xasprintf("%.*s/%s", AC_STR_FMT(dir), w->rest);
	free(w->rest);
	w->rest = rest;
	return to_root(w, err);
}

static int hit(const struct walk *w, const char *name, size_t i,
	       const struct stat *st, struct ac_hit *h, struct ac_err *err)
{
	h->path = name[0] != '\0' ? ac_path_join(w->path, name)
				  : ac_xstrdup(w->path);
	h->name = ac_xstrdup(name);
	h->layer = w->at.layer[i];
	h->st = *st;
	h->parent = fcntl(w->at.fds[i], F_DUPFD_CLOEXEC, 0);
	if (h->parent < 0)
		return ac_err_sys(err, errno, "duplicate a descriptor");
	return 1;
}

static void step_into(struct walk *w, struct level *next, const char *name)
{
	char *path = ac_path_join(w->path, name);

	free(w->path);
	w->path = path;
	release_level(&w->at);
	w->at = *next;
	*next = (struct level){.n = 0};
}

static bool at_end(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* One component.  1 found, 0 not there, 2 go on, -1. */
static int step(struct walk *w, const char *name, bool follow, struct ac_hit *h,
		struct ac_err *err)
{
	AC_CLEANUP(release_level) struct level next = {.n = 0};
	struct stat st = {.st_mode = 0};
	size_t top = 0;
	int kind = look(w, name, &next, &top, &st, err);

	if (kind < 0)
		return -1;
	if (kind != GONE && at_end(w))
		return hit(w, name, top, &st, h, err);
	if (kind == DIRECTORY) {
		step_into(w, &next, name);
		return 2;
	}
	if (kind == OTHER && follow && S_ISLNK(st.st_mode))
		return follow_link(w, w->at.fds[top], name, err) < 0 ? -1 : 2;
	if (follow)
		h->path = would_be(w, name);
	return 0;
}

static int walk(struct walk *w, bool follow, struct ac_hit *h,
		struct ac_err *err)
{
	char name[4096]; /* of a link's target: longer than any file's */
	struct stat st;
	int steps = 0;
	int r = 2;

	if (to_root(w, err) < 0)
		return -1;
	while (r == 2 && next_name(w, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (++steps > MAX_STEPS)
			return ac_err_set(err, AC_E_LIMIT,
					  "links lead through more than %d "
					  "directories",
					  MAX_STEPS);
		if (strcmp(name, "..") == 0)
			r = go_up(w, err) < 0 ? -1 : 2;
		else
			r = step(w, name, follow, h, err);
	}
	if (r != 2 || w->at.n == 0)
		return r == 2 ? 0 : r;
	/* It ended in a directory by "." or "..", or is the root. */
	if (fstatat(w->at.fds[0], "", &st, AT_EMPTY_PATH) < 0)
		return ac_err_sys(err, errno, "stat '%s'", w->path);
	return hit(w, "", 0, &st, h, err);
}

int ac_stack_find(const struct ac_stack *s, const char *path, bool follow,
		  struct ac_hit *h, struct ac_err *err)
{
	struct walk w = {.s = s, .rest = ac_xstrdup(path)};
	int r;

	*h = AC_HIT_INIT;
	r = walk(&w, follow, h, err);
	release_level(&w.at);
	free(w.path);
	free(w.rest);
	if (r < 0)
		ac_hit_release(h);
	return r;
}
