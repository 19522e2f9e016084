/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/xxh.h"
#include "common/store/list.h"
#include "common/store/stack.h"
#include "common/store/verify.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/treerd.h"
#include "common/sys/xattr.h"

enum { CHUNK = 256 << 10 };

/* An extended attribute. */
struct attr {
	struct attr *next;
	bool seen;
	uint64_t size;
	uint8_t xxh3[AC_XXH_SIZE];
	char name[];
};

/* A name of the list, as its last line says. */
struct want {
	struct want *next;
	struct attr *attrs; /* owned */
	char type;
	bool opaque;
	bool seen;
	ino_t ino; /* when seen */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size;
	unsigned int dev_major, dev_minor;
	uint8_t xxh3[AC_XXH_SIZE];
	char *link; /* owned */
	char path[];
};

struct check {
	int root;
	bool owners;  /* they could be kept */
	bool devices; /* they could be made */
	bool xattrs;  /* they are in the list */
	struct ac_map names;
	struct want *all;  /* owned, last line first */
	struct want *last; /* that attributes are told of, or NULL */
	struct ac_xxh *xxh;
	char *buf;
	size_t faults;
	char first[400]; /* what the first is */
};

static void release_attrs(struct want *w)
{
	while (w->attrs != NULL) {
		struct attr *next = w->attrs->next;

		free(w->attrs);
		w->attrs = next;
	}
}

static void release_check(struct check *c)
{
	while (c->all != NULL) {
		struct want *next = c->all->next;

		release_attrs(c->all);
		free(c->all->link);
		free(c->all);
		c->all = next;
	}
	ac_map_release(&c->names);
	ac_xxh_free(c->xxh);
	free(c->buf);
}

AC_PRINTF(3, 4)
static void fault(struct check *c, const char *path, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (c->faults++ != 0)
		return;
	n = snprintf(c->first, sizeof(c->first),
		     "'%.200s': ", path[0] != '\0' ? path : "/");
	va_start(ap, fmt);
	(void)vsnprintf(c->first + n, sizeof(c->first) - (size_t)n, fmt, ap);
	va_end(ap);
}

static struct want *find(const struct check *c, const char *path)
{
	return ac_map_get(&c->names, path, strlen(path));
}

static struct want *want(struct check *c, const char *path)
{
	size_t len = strlen(path);
	struct want *w = find(c, path);

	if (w != NULL)
		return w;
	w = ac_xcalloc(1, sizeof(*w) + len + 1);
	memcpy(w->path, path, len);
	w->next = c->all;
	c->all = w;
	ac_map_put(&c->names, w->path, len, w);
	return w;
}

static int on_xattr(struct check *c, const struct ac_list_line *l,
		    struct ac_err *err)
{
	size_t len = strlen(l->xattr);
	struct attr *a;

	if (c->last == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "the list of a layer's files has an "
				  "attribute of nothing");
	a = ac_xcalloc(1, sizeof(*a) + len + 1);
	memcpy(a->name, l->xattr, len);
	a->size = l->e.size;
	memcpy(a->xxh3, l->xxh3, sizeof(a->xxh3));
	a->next = c->last->attrs;
	c->last->attrs = a;
	return 0;
}

static int on_line(void *ctx, const struct ac_list_line *l, struct ac_err *err)
{
	struct check *c = ctx;
	struct want *w;

	if (l->type == AC_LIST_XATTR)
		return on_xattr(c, l, err);
	w = want(c, l->e.path);
	c->last = strchr("how", l->type) == NULL ? w : NULL;
	if (l->type == AC_LIST_OPAQUE) {
		w->opaque = true;
		return 0;
	}
	release_attrs(w);
	w->type = l->type;
	w->mode = l->e.mode;
	w->uid = l->e.uid;
	w->gid = l->e.gid;
	w->mtime = l->e.mtime;
	w->mtime_ns = l->e.mtime_ns;
	w->size = l->e.size;
	w->dev_major = l->e.dev_major;
	w->dev_minor = l->e.dev_minor;
	memcpy(w->xxh3, l->xxh3, sizeof(w->xxh3));
	free(w->link);
	w->link = ac_xstrdup(l->e.link);
	return 0;
}

/* The name that the list tells the file under; NULL when links go round. */
static struct want *first_name(const struct check *c, struct want *w)
{
	for (int i = 0; w != NULL && w->type == AC_F_HARD; i++)
		w = i < 16 ? find(c, w->link) : NULL;
	return w;
}

static int hash_run(struct check *c, int fd, uint64_t off, uint64_t len,
		    const char *path, struct ac_err *err)
{
	while (len != 0) {
		size_t ask = len < CHUNK ? (size_t)len : CHUNK;
		ssize_t n = pread(fd, c->buf, ask, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", path);
		if (n == 0)
			return 0; /* shorter: another checksum */
		if (ac_interrupt_check(err) < 0)
			return -1;
		ac_xxh_add(c->xxh, c->buf, (size_t)n);
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int check_content(struct check *c, const struct want *w,
			 const struct ac_entry *e, int fd, struct ac_err *err)
{
	const struct ac_extent all = {.len = e->size};
	const struct ac_extent *x = e->extents != NULL ? e->extents : &all;
	size_t n = e->extents != NULL ? e->n_extents : 1;
	uint8_t sum[AC_XXH_SIZE];
	uint64_t at = 0;

	if (e->size != w->size) {
		fault(c, e->path, "it has %llu bytes, not %llu",
		      (unsigned long long)e->size, (unsigned long long)w->size);
		return 0;
	}
	for (; n != 0; n--, x++) {
		ac_xxh_zeros(c->xxh, x->off - at);
		if (hash_run(c, fd, x->off, x->len, e->path, err) < 0)
			return -1;
		at = x->off + x->len;
	}
	ac_xxh_zeros(c->xxh, e->size - at);
	ac_xxh_end(c->xxh, sum);
	if (memcmp(sum, w->xxh3, sizeof(sum)) != 0)
		fault(c, e->path, "its bytes are others");
	return 0;
}

/* File systems have their own limits and steps of time. */
static bool same_time(const struct want *w, const struct ac_entry *e)
{
	if (w->mtime < INT32_MIN || w->mtime > INT64_C(0x3fffffff) * 4)
		return true;
	return w->mtime == e->mtime &&
	       (w->mtime_ns == e->mtime_ns || e->mtime_ns == 0);
}

static void check_attributes(struct check *c, const struct want *w,
			     const struct ac_entry *e)
{
	if (w->type != AC_F_LINK && w->mode != e->mode)
		fault(c, e->path, "its mode is %04o, not %04o",
		      (unsigned int)e->mode, (unsigned int)w->mode);
	else if (c->owners && (w->uid != e->uid || w->gid != e->gid))
		fault(c, e->path, "it belongs to %u:%u, not to %u:%u", e->uid,
		      e->gid, w->uid, w->gid);
	else if (!same_time(w, e))
		fault(c, e->path, "its time is another one");
	else if ((w->type == AC_F_CHR || w->type == AC_F_BLK) &&
		 (w->dev_major != e->dev_major || w->dev_minor != e->dev_minor))
		fault(c, e->path, "it is another device");
	else if (w->type == AC_F_LINK && strcmp(w->link, e->link) != 0)
		fault(c, e->path, "it leads elsewhere");
}

static bool is_opaque(const struct check *c, const char *path)
{
	struct ac_err ignored;
	AC_CLOSE int fd =
		ac_at_open(c->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			   &ignored);

	return fd >= 0 && ac_stack_opaque(fd, ".");
}

/* Could this file have got the attribute NAME at all (spec/store.md S34; what a
 * file system cannot store is left out, too)? */
static bool can_have(const struct check *c, const struct ac_entry *e,
		     const char *name)
{
	bool user = strncmp(name, "user.", strlen("user.")) == 0;
	AC_CLOSE int fd = -1;
	struct ac_err ignored;
	char proc[32];

	if (user && e->type != AC_F_REG && e->type != AC_F_DIR)
		return false;
	if (!c->owners && (!user || (e->mode & 0200) == 0))
		return false;
	fd = ac_at_open(c->root, e->path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
			&ignored);
	if (fd < 0)
		return true;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return getxattr(proc, name, NULL, 0) >= 0 || errno != ENOTSUP;
}

static void check_xattr(struct check *c, const struct want *w,
			const struct ac_entry *e, size_t i)
{
	const char *name = e->xattrs[i].name;
	uint8_t sum[AC_XXH_SIZE];
	uint64_t size = 0;
	struct attr *a = w->attrs;

	if (ac_xattr_overlay(name)) {
		const char *mark = strchr(name, '.') + 1;

		if (!w->opaque || strcmp(mark, "overlay.opaque") != 0)
			fault(c, e->path, "it has the attribute '%.100s'",
			      name);
		return;
	}
	if (!c->xattrs || !ac_list_xattr(e, i, &size, sum))
		return;
	while (a != NULL && (a->seen || strcmp(a->name, name) != 0))
		a = a->next;
	if (a == NULL) {
		fault(c, e->path, "it has the attribute '%.100s'", name);
		return;
	}
	a->seen = true;
	if (a->size != size || memcmp(a->xxh3, sum, sizeof(sum)) != 0)
		fault(c, e->path, "its attribute '%.100s' is another one",
		      name);
}

static void check_xattrs(struct check *c, const struct want *w,
			 const struct ac_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		check_xattr(c, w, e, i);
	for (const struct attr *a = w->attrs; a != NULL; a = a->next)
		if (!a->seen && can_have(c, e, a->name))
			fault(c, e->path, "its attribute '%.100s' is missing",
			      a->name);
}

static bool is_whiteout(const struct ac_entry *e)
{
	return e->type == AC_F_CHR && e->dev_major == 0 && e->dev_minor == 0;
}

/* A file of the tree. */
static int check_entry(struct check *c, const struct ac_entry *e, ino_t ino,
		       int fd, struct ac_err *err)
{
	struct want *named = find(c, e->path);
	struct want *w = first_name(c, named);

	if (w == NULL || w->type == '\0') {
		fault(c, e->path, "it does not belong to the layer");
		return 0;
	}
	named->seen = true;
	named->ino = ino;
	if (e->type == AC_F_HARD)
		return 0; /* its attributes were seen before */
	if (w->type == AC_LIST_WHITEOUT ? !is_whiteout(e)
					: w->type != (char)e->type) {
		fault(c, e->path, "it is a %s", ac_ftype_name(e->type));
		return 0;
	}
	if (w->type == AC_LIST_WHITEOUT)
		return 0;
	check_attributes(c, w, e);
	check_xattrs(c, w, e);
	if (w->type == AC_F_DIR && w->opaque && !is_opaque(c, e->path))
		fault(c, e->path, "its mark as opaque is missing");
	return w->type == AC_F_REG ? check_content(c, w, e, fd, err) : 0;
}

static int check_tree(struct check *c, struct ac_treerd *t, struct ac_err *err)
{
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(t, &e, &fd, err)) > 0)
		if (ac_interrupt_check(err) < 0 ||
		    check_entry(c, &e, ac_treerd_stat(t)->st_ino, fd, err) < 0)
			return -1;
	if (r < 0 && err->code == AC_E_INVALID) {
		fault(c, "rootfs", "%.300s", err->msg);
		return 0;
	}
	return r;
}

/* What the list has and the tree has not. */
static void check_missing(struct check *c)
{
	for (struct want *w = c->all; w != NULL; w = w->next) {
		const struct want *first = first_name(c, w);
		bool device = w->type == AC_F_CHR || w->type == AC_F_BLK;

		if (w->type == '\0' || (device && !c->devices))
			continue;
		if (!w->seen)
			fault(c, w->path, "it is missing");
		else if (first != NULL && first != w && first->seen &&
			 first->ino != w->ino)
			fault(c, w->path, "it is no link of '%.100s' any more",
			      first->path);
	}
}

static int compare(struct check *c, int files, struct ac_err *err)
{
	struct ac_list_end end = {.entries = 0};
	struct ac_treerd *t;
	struct stat st;
	int rc;

	if (ac_list_end(files, &end, err) < 0 ||
	    ac_list_each(files, on_line, c, err) < 0) {
		if (err->code == AC_E_INVALID)
			err->code = AC_E_VERIFY;
		return -1;
	}
	c->xattrs = end.has_xattrs;
	if (fstat(c->root, &st) < 0)
		return ac_err_sys(err, errno, "stat a layer's rootfs");
	/* Made without privileges: all files are the user's. */
	c->owners = c->devices = geteuid() == 0;
	t = ac_treerd_new(c->root);
	ac_treerd_holes_on_disk(t);
	ac_treerd_overlay_xattrs(t);
	rc = check_tree(c, t, err);
	ac_treerd_free(t);
	if (rc < 0)
		return -1;
	if (c->faults == 0)
		check_missing(c);
	if (c->faults == 0)
		return 0;
	return c->faults == 1 ? ac_err_set(err, AC_E_VERIFY, "%s", c->first)
			      : ac_err_set(err, AC_E_VERIFY, "%s; and %zu more",
					   c->first, c->faults - 1);
}

int ac_verify_layer(const struct ac_store *s, const char *name, bool *xattrs,
		    struct ac_err *err)
{
	AC_CLEANUP(release_check) struct check c = {.faults = 0};
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;
	AC_CLOSE int files = -1;

	if (ac_store_open_layer(s, name, &root, &lock, err) < 0) {
		/* A directory without its tree is as good as none. */
		if (err->code == AC_E_SYS &&
		    (err->sys == ENOENT || err->sys == ENOTDIR))
			err->code = AC_E_NOT_FOUND;
		return -1;
	}
	files = ac_list_open(lock, err);
	if (files < 0 && err->code == AC_E_NOT_FOUND)
		return ac_err_set(err, AC_E_VERIFY,
				  "its list of files is missing");
	if (files < 0 && err->code == AC_E_INVALID)
		return ac_err_set(err, AC_E_VERIFY,
				  "its list of files is no regular file");
	if (files < 0)
		return ac_err_ctx(err, "layer '%s'", name);
	c.root = root;
	c.xxh = ac_xxh_new();
	c.buf = ac_xmalloc(CHUNK);
	if (compare(&c, files, err) < 0)
		return -1;
	*xattrs = c.xattrs;
	return 0;
}
