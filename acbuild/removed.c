/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/removed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/store/below.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"

enum { MAX_LIST = 64 << 20, SHOWN = 10 };

int under_open(struct under *u, struct work *w, const struct ac_strv *lower,
	       struct ac_err *err)
{
	int fd;

	u->roots = ac_xcalloc(lower->n + 2, sizeof(*u->roots));
	for (size_t i = 0; i < lower->n; i++) {
		fd = open_dir(AT_FDCWD, lower->v[i], err);
		/* After a crash nobody may have held it. */
		if (fd < 0 && err->sys != ENOENT)
			return -1;
		if (fd < 0)
			ac_warn("%s: what was deleted of it is back", err->msg);
		else
			u->roots[u->n++] = fd;
	}
	if (mkdirat(w->dir, "removed", 0755) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "create '.acbuild/removed'");
	fd = open_dir(w->dir, "removed", err);
	if (fd < 0)
		return -1;
	u->roots[u->n++] = fd;
	/* Another overlay, for one, has them for itself. */
	if (mknodat(fd, ".try", S_IFCHR, 0) < 0)
		u->no_whiteouts = errno == EPERM;
	else
		(void)unlinkat(fd, ".try", 0);
	return 0;
}

void under_release(struct under *u)
{
	for (size_t i = 0; i < u->n; i++)
		(void)close(u->roots[i]);
	free(u->roots);
	ac_set_release(&u->gone);
	ac_strv_release(&u->deleted);
	*u = UNDER_INIT;
}

/* Is PATH, or a directory above it, in GONE? */
static bool is_below(const struct ac_set *gone, const char *path)
{
	AC_FREE char *p = ac_xstrdup(path);
	char *slash = p;

	if (ac_set_len(gone) == 0)
		return false;
	while (slash != NULL && !ac_set_has(gone, p)) {
		slash = strrchr(p, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	return slash != NULL;
}

static int put_whiteout(const struct under *u, const char *path,
			struct ac_err *err)
{
	AC_FREE char *dir = NULL;
	AC_CLOSE int fd = -1;
	struct ac_str parent;
	struct ac_str base;

	ac_path_split(path, &parent, &base);
	dir = ac_xstrndup(parent.p, parent.len);
	fd = ac_at_mkdirs(u->roots[u->n - 1], dir, 0755, err);
	/* There may be whiteouts of what was in it. */
	if (fd < 0 || ac_tree_remove(fd, base.p, err) < 0)
		return -1;
	if (mknodat(fd, base.p, S_IFCHR, 0) < 0)
		return ac_err_sys(err, errno, "note that '/%s' was deleted",
				  path);
	return 0;
}

int removed_add(struct under *u, const char *path, struct ac_err *err)
{
	bool is_dir;
	int r;

	if (is_below(&u->gone, path))
		return 0;
	r = ac_merged_has(u->roots, u->n, path, &is_dir, err);
	if (r <= 0)
		return r;
	if (u->no_whiteouts)
		(void)ac_set_add(&u->gone, path);
	else if (put_whiteout(u, path, err) < 0)
		return -1;
	if (u->n_deleted++ < SHOWN)
		ac_strv_pushf(&u->deleted, "/%s", path);
	return 1;
}

void removed_tell(const struct under *u)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 10);

	if (u->n_deleted == 0)
		return;
	for (size_t i = 0; i < u->deleted.n; i++)
		ac_buf_addf(&b, "%s%s", i != 0 ? " " : "", u->deleted.v[i]);
	ac_log("deleted from dependencies: %s%s; the image's pathWhitelist "
	       "now leaves them out",
	       ac_buf_str(&b), u->n_deleted > u->deleted.n ? " ..." : "");
}

int removed_any(struct work *w, struct ac_err *err)
{
	if (unlinkat(w->dir, "removed", AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST
		       ? 1
		       : ac_err_sys(err, errno, "remove '.acbuild/removed'");
}

int removed_forget(struct work *w, struct ac_err *err)
{
	if (ac_tree_remove(w->dir, "removed", err) < 0 ||
	    ac_tree_remove(w->dir, "flat", err) < 0)
		return -1;
	return ac_tree_remove(w->dir, "whitelist", err);
}

bool removed_is_flat(const struct work *w)
{
	return faccessat(w->dir, "flat", F_OK, 0) == 0;
}

int whitelist_is_ours(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LIST);
	const struct ac_json *now = ac_edit_member(w->doc, "pathWhitelist");
	AC_JSON struct ac_json *ours = NULL;
	struct ac_err none = AC_ERR_INIT;

	if (now == NULL || ac_json_len(now) == 0)
		return 0;
	if (ac_io_read_file(w->dir, "whitelist", &b, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	/* Cut short by a crash it is nobody's. */
	ours = ac_json_parse(ac_buf_str(&b), b.len, "whitelist", &none);
	return ours != NULL && ac_json_equal(now, ours);
}

struct list {
	struct ac_json *array;
	struct ac_set *set;
	const struct ac_set *gone; /* left out of the array */
	const struct ac_set *own;  /* but for these */
};

static int list_add(void *ctx, const struct ac_entry *e, int fd,
		    struct ac_err *err)
{
	struct list *l = ctx;
	AC_FREE char *path = ac_xasprintf("/%s", e->path);

	(void)fd;
	(void)err;
	if (e->path[0] == '\0')
		return 0;
	if (l->set != NULL) {
		(void)ac_set_add(l->set, e->path);
		return 0;
	}
	if (is_below(l->gone, e->path) && !ac_set_has(l->own, e->path))
		return 0;
	if (!ac_str_utf8(path)) {
		ac_warn("'%s' is no UTF-8: no pathWhitelist can name it, so "
			"that it is left out of the image as well",
			path);
		return 0;
	}
	ac_json_push_str(l->array, path);
	return 0;
}

int rootfs_paths(struct work *w, struct ac_set *set, struct ac_err *err)
{
	struct list l = {.set = set};

	return ac_merged_each(&w->rootfs, 1, list_add, &l, err);
}

/* With the rootfs on top. */
static size_t with_rootfs(const struct work *w, const struct under *u)
{
	u->roots[u->n] = w->rootfs;
	return u->n + 1;
}

/* A list of nothing is none, and would leave everything: the root alone. */
static void not_empty(struct ac_json *array)
{
	if (ac_json_len(array) == 0)
		ac_json_push_str(array, "/");
}

static int make_list(struct work *w, const struct under *u, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LIST);
	AC_JSON struct ac_json *array = ac_json_array();
	AC_CLEANUP(ac_set_release) struct ac_set own = AC_SET_INIT;
	struct list l = {.array = array, .gone = &u->gone, .own = &own};

	if (ac_set_len(&u->gone) != 0 && rootfs_paths(w, &own, err) < 0)
		return -1;
	if (ac_merged_each(u->roots, with_rootfs(w, u), list_add, &l, err) < 0)
		return -1;
	not_empty(array);
	ac_json_write(array, -1, false, &b);
	if (ac_buf_check(&b, "the pathWhitelist", err) < 0 ||
	    work_put(w->dir, "whitelist", b.p, b.len, err) < 0)
		return -1;
	ac_edit_set(w->doc, "pathWhitelist", ac_steal_ptr(&array));
	return 0;
}

static int is_gone(const struct work *w, const struct under *u,
		   const char *path, struct ac_err *err)
{
	bool dir;
	int r;

	if (is_below(&u->gone, path))
		return ac_merged_has(&w->rootfs, 1, path, &dir, err) == 0;
	r = ac_merged_has(u->roots, with_rootfs(w, u), path, &dir, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	/* What never was there may stay in the list. */
	return ac_merged_has(u->roots, u->n - 1, path, &dir, err);
}

static int change_list(struct work *w, const struct under *u,
		       const struct ac_set *before, struct ac_err *err)
{
	const struct ac_json *old = ac_edit_member(w->doc, "pathWhitelist");
	AC_JSON struct ac_json *array = ac_json_array();
	AC_CLEANUP(ac_set_release) struct ac_set listed = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set own = AC_SET_INIT;
	AC_FREE const char **names = NULL;

	for (size_t i = 0; i < ac_json_len(old); i++) {
		const char *s = ac_json_text(ac_json_at(old, i), NULL);
		AC_FREE char *path = s != NULL ? ac_path_clean(s) : NULL;
		int gone = path != NULL ? is_gone(w, u, path, err) : 0;

		if (gone < 0)
			return -1;
		if (gone == 1 || s == NULL)
			continue;
		ac_json_push_str(array, s);
		if (path != NULL)
			(void)ac_set_add(&listed, path);
	}
	if (before != NULL && rootfs_paths(w, &own, err) < 0)
		return -1;
	names = ac_set_sorted(&own);
	for (size_t i = 0; names[i] != NULL; i++) {
		AC_FREE char *path = ac_xasprintf("/%s", names[i]);

		if (!ac_set_has(before, names[i]) &&
		    !ac_set_has(&listed, names[i]))
			ac_json_push_str(array, path);
	}
	not_empty(array);
	ac_edit_set(w->doc, "pathWhitelist", ac_steal_ptr(&array));
	return 0;
}

int whitelist_update(struct work *w, const struct under *u,
		     const struct ac_set *before, struct ac_err *err)
{
	const struct ac_json *now = ac_edit_member(w->doc, "pathWhitelist");
	int ours = whitelist_is_ours(w, err);
	int any;

	if (ours < 0)
		return -1;
	if (u->n == 1 && removed_forget(w, err) < 0)
		return -1;
	if (ac_set_len(&u->gone) != 0 &&
	    work_put(w->dir, "flat", "", 0, err) < 0)
		return -1;
	any = removed_any(w, err);
	if (any < 0)
		return -1;
	if (removed_is_flat(w))
		any = 1;
	if (ours == 1 && any == 0) {
		/* All of it is back, or nothing is below any more. */
		ac_edit_del(w->doc, "pathWhitelist");
		return 0;
	}
	if (ours == 1 || (any == 1 && ac_json_len(now) == 0))
		return make_list(w, u, err);
	if (ac_json_len(now) == 0)
		return 0;
	return change_list(w, u, before, err);
}
