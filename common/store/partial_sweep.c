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
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/store/partial.h"
#include "common/store/scratch.h"
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

/* True when it was nobody's, and is gone. */
static bool remove_free(int parent, const char *name)
{
	AC_CLOSE int fd =
		openat(parent, name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct ac_err err = AC_ERR_INIT;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    !ac_scratch_same(fd, parent, name))
		return false;
	if (ac_tree_remove(parent, name, &err) == 0)
		return true;
	ac_warn("%s", err.msg);
	return false;
}

int ac_partial_sweep(const struct ac_store *s, int64_t grace, uint64_t *bytes,
		     struct ac_err *err)
{
	AC_CLEANUP(list_release) struct list all = {.n = 0};
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		openat(s->dirfd, "partial",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int64_t now = (int64_t)time(NULL);
	const struct dirent *de;
	int parent;

	if (fd < 0 && errno == ENOENT)
		return 0; /* a store of an earlier version */
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL)
		return ac_err_sys(err, errno, "read '%s/partial'", s->path);
	parent = ac_steal_fd(&fd); /* d owns it now */
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			look(&all, parent, de->d_name);
	if (all.n != 0)
		qsort(all.v, all.n, sizeof(all.v[0]), newest_first);
	for (size_t i = 0; i < all.n; i++)
		if ((i >= MAX_KEPT || now - all.v[i].touched >= grace) &&
		    remove_free(parent, all.v[i].name) && bytes != NULL)
			*bytes += all.v[i].bytes;
	return 0;
}
