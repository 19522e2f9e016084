/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/aci_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/fpmap.h"
#include "common/base/limit.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/path.h"

enum { MAX_LATE = 16 << 20 }; /* bytes of the names of late links */

/* What is known of a path below rootfs. */
enum {
	LISTED = 1, /* it has an entry */
	LEAF = 2,   /* which is not a directory */
	PARENT = 4, /* something is below it */
	FILE_ = 8,  /* there is a file to link to */
};

/* A hard link whose target was not there when it came. */
struct late {
	char *path, *target; /* owned */
	struct late *to;     /* when the target is such a link, too */
	bool seen;
};

struct ac_aci_check {
	bool overlay_ok;
	ac_aci_warn_fn warn;
	void *ctx;
	struct ac_fpmap seen;
	bool has_manifest, has_root;
	struct ac_entry root; /* attributes of the entry `rootfs` */
	char *foreign;        /* the first name that does not belong here */
	uint64_t bytes;
	bool too_big;

	struct late *late;
	size_t n_late, late_bytes;
};

struct ac_aci_check *ac_aci_check_new(ac_aci_warn_fn warn, void *ctx,
				      bool overlay_ok)
{
	struct ac_aci_check *c = ac_xcalloc(1, sizeof(*c));

	c->warn = warn;
	c->ctx = ctx;
	c->overlay_ok = overlay_ok;
	return c;
}

void ac_aci_check_free(struct ac_aci_check *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_late; i++) {
		free(c->late[i].path);
		free(c->late[i].target);
	}
	free(c->late);
	ac_fpmap_release(&c->seen);
	free(c->foreign);
	free(c);
}

/* The layout's own faults, in the original's words: about PATH, which they may
 * name themselves. */
static int fault(struct ac_err *err, const char *rule, const char *path,
		 const char *fmt, ...) AC_PRINTF(4, 5);
static int fault(struct ac_err *err, const char *rule, const char *path,
		 const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)ac_err_at(err, rule, "", "%s", text);
	(void)snprintf(err->path, sizeof(err->path), "%s", path);
	return -1;
}

/* What can be passed over by who only checks. */
static int unsafe(const struct ac_aci_check *c, struct ac_err *err)
{
	if (c->warn == NULL)
		return -1;
	c->warn(c->ctx, err);
	*err = AC_ERR_INIT;
	return 0;
}

/* "rootfs/PATH" for a message.  Caller frees. */
static char *show(const char *path)
{
	AC_FREE char *whole = ac_path_join("rootfs", path);

	return ac_str_show(whole);
}

static int duplicate(const char *path, struct ac_err *err)
{
	AC_FREE char *s = ac_str_show(path);

	return fault(err, "A2", s, "duplicate file entry in archive: %s", s);
}

static int bad_parent(const struct ac_aci_check *c, const char *path, size_t n,
		      struct ac_err *err)
{
	AC_FREE char *dir = ac_xstrndup(path, n);
	AC_FREE char *s = show(dir);

	(void)ac_err_at(err, "A10", s,
			"has files below it and is not a directory");
	return unsafe(c, err);
}

/* Take in that PATH is there, which needs its parents to be directories: what
 * is written through a link is not where it seems to be. */
static int note_path(struct ac_aci_check *c, const char *path, bool dir,
		     struct ac_err *err)
{
	size_t len = strlen(path);
	uint32_t *v = NULL;

	(void)ac_fpmap_add(&c->seen, path, len, &v);
	if ((*v & LISTED) != 0) {
		AC_FREE char *whole = ac_path_join("rootfs", path);

		return duplicate(whole, err);
	}
	*v |= dir ? LISTED : LISTED | LEAF;
	if (!dir && (*v & PARENT) != 0 && bad_parent(c, path, len, err) < 0)
		return -1;
	while (len-- > 0) {
		bool told;

		if (path[len] != '/')
			continue;
		(void)ac_fpmap_add(&c->seen, path, len, &v);
		told = (*v & PARENT) != 0;
		*v |= PARENT;
		if (told)
			return 0; /* and so are those above */
		if ((*v & LEAF) != 0)
			return bad_parent(c, path, len, err);
	}
	return 0;
}

/* --- hard links --- */

static int bad_link(const struct ac_aci_check *c, const char *path,
		    const char *target, const char *why, struct ac_err *err)
{
	AC_FREE char *s = show(path);
	AC_FREE char *t = show(target);

	(void)ac_err_at(err, "A9", s, "hard link to '%s': %s", t, why);
	return unsafe(c, err);
}

static int later(struct ac_aci_check *c, const struct ac_entry *e,
		 struct ac_err *err)
{
	c->late_bytes += strlen(e->path) + strlen(e->link) + 2;
	if (c->late_bytes > MAX_LATE)
		return ac_err_set(err, AC_E_LIMIT,
				  "the names of hard links that come before "
				  "their files have more than %d bytes",
				  MAX_LATE);
	if ((c->n_late & (c->n_late - 1)) == 0)
		c->late =
			ac_xrealloc(c->late, c->n_late != 0 ? c->n_late * 2 : 1,
				    sizeof(*c->late));
	c->late[c->n_late++] = (struct late){.path = ac_xstrdup(e->path),
					     .target = ac_xstrdup(e->link)};
	return 0;
}

static uint32_t flags_of(const struct ac_aci_check *c, const char *path)
{
	const uint32_t *v = ac_fpmap_get(&c->seen, path, strlen(path));

	return v != NULL ? *v : 0;
}

static void set_file(struct ac_aci_check *c, const char *path)
{
	uint32_t *v = NULL;

	(void)ac_fpmap_add(&c->seen, path, strlen(path), &v);
	*v |= FILE_;
}

static bool is_dir(uint32_t flags)
{
	return (flags & PARENT) != 0 || (flags & (LISTED | LEAF)) == LISTED;
}

/* E->link was relative to the archive. */
static int check_link(struct ac_aci_check *c, struct ac_entry *e,
		      struct ac_err *err)
{
	uint32_t target;

	if (!ac_path_within(e->link, "rootfs") ||
	    strcmp(e->link, "rootfs") == 0) {
		AC_FREE char *s = show(e->path);
		AC_FREE char *t = ac_str_show(e->link);

		e->type = AC_F_FIFO;
		(void)ac_err_at(err, "A9", s,
				"hard link '%s' leads out of rootfs", t);
		return unsafe(c, err);
	}
	e->link += strlen("rootfs/");
	target = flags_of(c, e->link);
	if (strcmp(e->path, e->link) == 0)
		return bad_link(c, e->path, e->link, "that is itself", err);
	if ((target & FILE_) != 0) {
		set_file(c, e->path);
		return 0;
	}
	if (is_dir(target))
		return bad_link(c, e->path, e->link, "that is a directory",
				err);
	return later(c, e, err);
}

/* Which late links lead to late links. */
static void connect(struct ac_aci_check *c)
{
	AC_CLEANUP(ac_map_release) struct ac_map paths = AC_MAP_INIT;

	for (size_t i = 0; i < c->n_late; i++)
		ac_map_put(&paths, c->late[i].path, strlen(c->late[i].path),
			   &c->late[i]);
	for (size_t i = 0; i < c->n_late; i++) {
		struct late *l = &c->late[i];

		l->to = ac_map_get(&paths, l->target, strlen(l->target));
	}
}

static int settle(struct ac_aci_check *c, const struct late *l,
		  struct ac_err *err)
{
	uint32_t target = flags_of(c, l->target);

	if ((target & FILE_) != 0) {
		set_file(c, l->path);
		return 0;
	}
	if (is_dir(target))
		return bad_link(c, l->path, l->target, "that is a directory",
				err);
	return bad_link(c, l->path, l->target,
			l->to != NULL ? "that is no file either"
				      : "that is not in the image",
			err);
}

static int settle_links(struct ac_aci_check *c, struct ac_err *err)
{
	AC_FREE struct late **stack = ac_xcalloc(c->n_late + 1, sizeof(*stack));

	connect(c);
	for (size_t i = 0; i < c->n_late; i++) {
		size_t n = 0;

		/* Targets first; a circle is cut where it closes. */
		for (struct late *at = &c->late[i]; at != NULL && !at->seen;
		     at = at->to) {
			at->seen = true;
			stack[n++] = at;
		}
		while (n != 0)
			if (settle(c, stack[--n], err) < 0)
				return -1;
	}
	return 0;
}

/* --- entries --- */

int ac_aci_check_special(const struct ac_entry *e, struct ac_err *err)
{
	AC_FREE char *s = NULL;

	if (e->type == AC_F_CHR && e->dev_major == 0 && e->dev_minor == 0) {
		s = ac_str_show(e->path);
		(void)ac_err_at(err, "A14", s,
				"is a character device 0:0, which an overlay "
				"takes for a removed file");
		return ac_err_fix(err, "leave it out of the image");
	}
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const char *name = e->xattrs[i].name;
		AC_FREE char *attr = NULL;

		if (strncmp(name, "trusted.overlay.", 16) != 0 &&
		    strncmp(name, "user.overlay.", 13) != 0)
			continue;
		s = ac_str_show(e->path);
		attr = ac_str_show(name);
		(void)ac_err_at(err, "A14", s,
				"has the attribute '%s', which would steer the "
				"overlay",
				attr);
		return ac_err_fix(err, "leave it out of the image");
	}
	return 0;
}

static int check_size(struct ac_aci_check *c, const struct ac_entry *e,
		      struct ac_err *err)
{
	uint64_t max = ac_limit(AC_LIMIT_UNPACKED);

	if (c->too_big)
		return 0;
	c->too_big = e->size > max || c->bytes + e->size > max;
	c->bytes += e->size;
	if (!c->too_big)
		return 0;
	(void)ac_limit_err(err, AC_LIMIT_UNPACKED, max, "'%s'", e->path);
	ac_err_rule(err, "A21");
	return unsafe(c, err);
}

/* `rootfs` again: the same, or nobody knows which counts. */
static int check_root(struct ac_aci_check *c, const struct ac_entry *e,
		      struct ac_err *err)
{
	const struct ac_entry *r = &c->root;

	if (e->type != AC_F_DIR)
		return fault(err, "A3", "rootfs", "rootfs is not a directory");
	if (!c->has_root) {
		c->has_root = true;
		c->root = *e;
		c->root.path = c->root.link = NULL;
		c->root.xattrs = NULL;
		return AC_ACI_FILE;
	}
	if (r->mode == e->mode && r->uid == e->uid && r->gid == e->gid &&
	    r->mtime == e->mtime && r->mtime_ns == e->mtime_ns &&
	    r->n_xattrs == 0 && e->n_xattrs == 0)
		return AC_ACI_NOTHING;
	(void)ac_err_at(err, "A2", "rootfs",
			"there are two entries of it, with different "
			"attributes");
	return unsafe(c, err) < 0 ? -1 : AC_ACI_NOTHING;
}

/* An entry below rootfs. */
static int check_file(struct ac_aci_check *c, struct ac_entry *e,
		      struct ac_err *err)
{
	struct ac_entry whole = *e;
	AC_FREE char *path = ac_path_join("rootfs", e->path);

	whole.path = path;
	if (note_path(c, e->path, e->type == AC_F_DIR, err) < 0)
		return -1;
	if (!c->overlay_ok && ac_aci_check_special(&whole, err) < 0 &&
	    unsafe(c, err) < 0)
		return -1;
	if (e->type == AC_F_REG && check_size(c, e, err) < 0)
		return -1;
	if (e->type == AC_F_HARD && check_link(c, e, err) < 0)
		return -1;
	if (e->type != AC_F_DIR && e->type != AC_F_HARD)
		set_file(c, e->path);
	return AC_ACI_FILE;
}

/* Names beside rootfs that begin like it were taken for it. */
static int check_foreign(struct ac_aci_check *c, const struct ac_entry *e,
			 struct ac_err *err)
{
	AC_FREE char *key = NULL;
	AC_FREE char *s = NULL;
	uint32_t *v = NULL;

	if (e->path[0] == '\0')
		return AC_ACI_NOTHING;
	if (strncmp(e->path, "rootfs", 6) != 0) {
		/* What is missing is worth more to say than what is too
		 * much. */
		if (c->foreign == NULL)
			c->foreign = ac_str_show(e->path);
		return AC_ACI_NOTHING;
	}
	/* No path below rootfs begins with a slash. */
	key = ac_xasprintf("/%s", e->path);
	(void)ac_fpmap_add(&c->seen, key, strlen(key), &v);
	if ((*v & LISTED) != 0)
		return duplicate(e->path, err);
	*v |= LISTED;
	s = ac_str_show(e->path);
	(void)fault(err, "A3", s, "unrecognized file path in layout: \"%s\"",
		    s);
	return unsafe(c, err) < 0 ? -1 : AC_ACI_NOTHING;
}

int ac_aci_check_entry(struct ac_aci_check *c, struct ac_entry *e,
		       struct ac_err *err)
{
	if (strcmp(e->path, "manifest") == 0) {
		if (c->has_manifest)
			return duplicate("manifest", err);
		c->has_manifest = true;
		if (e->type != AC_F_REG)
			return fault(err, "A3", "manifest",
				     "manifest is not a regular file");
		return AC_ACI_MANIFEST;
	}
	if (!ac_path_within(e->path, "rootfs"))
		return check_foreign(c, e, err);
	e->path += strlen("rootfs");
	e->path += *e->path == '/';
	return e->path[0] == '\0' ? check_root(c, e, err)
				  : check_file(c, e, err);
}

void ac_aci_check_odd(void *ctx, const struct ac_err *why)
{
	struct ac_aci_check *c = ctx;
	AC_FREE char *path = ac_path_clean(why->path);

	if (path != NULL && path[0] != '\0' && strcmp(path, "manifest") != 0 &&
	    strncmp(path, "rootfs", 6) != 0 && c->foreign == NULL)
		c->foreign = ac_steal_ptr(&path);
	c->warn(c->ctx, why);
}

int ac_aci_check_end(struct ac_aci_check *c, struct ac_err *err)
{
	if (!c->has_manifest)
		return fault(err, "A3", "",
			     "no image manifest found in layout");
	if (!c->has_root)
		return fault(err, "A3", "", "no rootfs found in layout");
	if (c->foreign != NULL)
		return fault(err, "A3", c->foreign,
			     "unrecognized file path in layout: \"%s\"",
			     c->foreign);
	return settle_links(c, err);
}
