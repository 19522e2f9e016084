/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/store/partial.h"
#include "common/store/scratch.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

enum { MAX_KEPT = 32 };

/* One that is there. */
struct found {
	char *name;
	int64_t touched;
	uint64_t bytes;
};

struct list {
	struct found *v;
	size_t n;
};

static void list_release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
}

static void look(struct list *l, int parent, const char *name)
{
	static const char *const files[] = {"", "/blob", "/state"};
	struct found f = {.name = ac_xstrdup(name)};

	for (size_t i = 0; i < AC_LEN(files); i++) {
		AC_FREE char *path = ac_xasprintf("%s%s", name, files[i]);
		struct stat st;

		if (fstatat(parent, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_mtime > f.touched)
			f.touched = st.st_mtime;
		if (S_ISREG(st.st_mode))
			f.bytes += (uint64_t)st.st_size;
	}
	l->v = ac_xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = f;
}

static int newest_first(const void *pa, const void *pb)
{
	const struct found *a = pa;
	const struct found *b = pb;

	if (a->touched != b->touched)
		return a->touched < b->touched ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* True when it was nobody's, and is gone; DRY: would be. */
static bool remove_free(int parent, const char *name, bool dry)
{
	AC_CLOSE int fd =
		openat(parent, name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct ac_err err = AC_ERR_INIT;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    !ac_scratch_same(fd, parent, name))
		return false;
	if (dry || ac_tree_remove(parent, name, &err) == 0)
		return true;
	ac_warn("%s", err.msg);
	return false;
}

static int open_dir(const struct ac_store *s)
{
	return openat(s->dirfd, "partial",
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int ac_partial_names(const struct ac_store *s, struct ac_strv *out,
		     struct ac_err *err)
{
	/* A store of an earlier version has none. */
	if (ac_io_names(s->dirfd, "partial", out) == 0 || errno == ENOENT)
		return 0;
	return ac_err_sys(err, errno, "read '%s/partial'", s->path);
}

static bool well_named(const char *name)
{
	static const struct {
		const char *prefix;
		size_t digits;
	} kinds[] = {{"url-", 64}, {"sha256-", 64}, {"sha512-", 128}};

	for (size_t i = 0; i < AC_LEN(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(name, kinds[i].prefix, len) == 0)
			return ac_hex_is(name + len, kinds[i].digits, "");
	}
	return false;
}

/* Is nothing in the directory FD but the two files? */
static bool only_files(int fd)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *de;
	struct stat st;

	if (own < 0 || (d = fdopendir(own)) == NULL)
		return false;
	(void)ac_steal_fd(&own);
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		if ((strcmp(de->d_name, "blob") != 0 &&
		     strcmp(de->d_name, "state") != 0) ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			return false;
	}
	return true;
}

/* An empty state is one that was begun. */
static bool has_state(int fd)
{
	static const char magic[] = AC_PARTIAL_MAGIC "\n";
	AC_CLOSE int state =
		openat(fd, "state", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char head[sizeof(magic)];
	ssize_t n = state >= 0 ? read(state, head, sizeof(magic) - 1) : 0;

	return n >= 0 && memcmp(head, magic, (size_t)n) == 0;
}

int ac_partial_check(const struct ac_store *s, const char *name,
		     struct ac_err *err)
{
	AC_CLOSE int parent = open_dir(s);
	AC_CLOSE int fd = parent < 0 ? -1
				     : openat(parent, name,
					      O_RDONLY | O_DIRECTORY |
						      O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
		return ac_err_sys(err, errno, "open '%s/partial/%s'", s->path,
				  name);
	if (fd < 0 || !well_named(name))
		return ac_err_set(err, AC_E_INVALID,
				  "it does not belong there");
	if (!only_files(fd))
		return ac_err_set(err, AC_E_INVALID,
				  "there is more in it than a download");
	if (!has_state(fd))
		return ac_err_set(err, AC_E_VERIFY,
				  "its state is damaged: nobody can go on with "
				  "it");
	return 0;
}

static bool is_damaged(const struct ac_store *s, const char *name)
{
	struct ac_err why = AC_ERR_INIT;

	return ac_partial_check(s, name, &why) < 0 && why.code == AC_E_VERIFY;
}

int ac_partial_sweep(const struct ac_store *s, const struct ac_partial_sweep *o,
		     struct ac_err *err)
{
	AC_CLEANUP(list_release) struct list all = {.n = 0};
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLOSE int parent = -1;
	int64_t now = (int64_t)time(NULL);

	if (ac_partial_names(s, &names, err) < 0)
		return -1;
	if (names.n == 0)
		return 0;
	parent = open_dir(s);
	if (parent < 0)
		return ac_err_sys(err, errno, "open '%s/partial'", s->path);
	for (size_t i = 0; i < names.n; i++)
		look(&all, parent, names.v[i]);
	qsort(all.v, all.n, sizeof(all.v[0]), newest_first);
	for (size_t i = 0; i < all.n; i++) {
		const struct found *f = &all.v[i];

		if ((i >= MAX_KEPT || now - f->touched >= o->grace ||
		     is_damaged(s, f->name)) &&
		    remove_free(parent, f->name, o->dry) && o->tell != NULL)
			o->tell(o->ctx, f->name, f->bytes);
	}
	return 0;
}

int ac_partial_remove(const struct ac_store *s, const char *name,
		      struct ac_err *err)
{
	AC_CLOSE int parent = open_dir(s);

	if (parent < 0)
		return ac_err_sys(err, errno, "open '%s/partial'", s->path);
	if (ac_tree_remove(parent, name, err) < 0)
		return ac_err_ctx(err, "'%s/partial'", s->path);
	return 0;
}
