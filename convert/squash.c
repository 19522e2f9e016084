/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/squash.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/base/xxh.h"
#include "common/sys/path.h"
#include "convert/squash_priv.h"

#define WH        ".wh."
#define WH_META   ".wh..wh."
#define WH_OPAQUE ".wh..wh..opq"

enum { MAX_ALIASES = 32 };

void aliases_release(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].from);
		free(a->v[i].to);
	}
	free(a->v);
	*a = (struct aliases){.v = NULL};
}

/* --- names that belong elsewhere --- */

/* One step of PATH (which is taken): where an alias puts it, or NULL. */
static char *move_once(const struct squash *q, const char *path)
{
	for (size_t i = 0; i < q->aliases->n; i++) {
		const struct alias *a = &q->aliases->v[i];
		const char *rest = path + strlen(a->from);

		if (q->layer < a->above && ac_path_within(path, a->from))
			return ac_path_join(a->to,
					    *rest == '/' ? rest + 1 : rest);
	}
	return NULL;
}

char *squash_moved(const struct squash *q, const char *path, struct ac_err *err)
{
	char *now = ac_xstrdup(path);

	for (int i = 0; i <= MAX_ALIASES; i++) {
		char *next = move_once(q, now);
		size_t n;

		if (next == NULL)
			return now;
		free(now);
		now = next;
		/* Joined to nothing: "usr/" is "usr". */
		n = strlen(now);
		if (n != 0 && now[n - 1] == '/')
			now[n - 1] = '\0';
	}
	free(now);
	(void)ac_err_set(err, AC_E_INVALID,
			 "'%s' is below links that lead in a circle", path);
	return NULL;
}

/* Where a link at PATH to TEXT leads, as a process with the image as its root
 * sees it.  Caller frees. */
static char *resolve(const char *path, const char *text)
{
	struct ac_str dir;
	struct ac_str base;
	AC_FREE char *parent = NULL;
	AC_FREE char *joined = NULL;
	struct ac_str rest;
	struct ac_str part;
	char *out;
	size_t n = 0;
	bool more;

	ac_path_split(path, &dir, &base);
	parent = text[0] == '/' ? ac_xstrdup("") : ac_xstrndup(dir.p, dir.len);
	joined = ac_path_join(parent, text);
	out = ac_xmalloc(strlen(joined) + 2);
	rest = ac_str(joined);
	do {
		more = ac_str_cut(&rest, '/', &part);
		if (part.len == 0 || ac_str_eq(part, "."))
			continue;
		if (ac_str_eq(part, "..")) {
			while (n != 0 && out[--n] != '/')
				;
			continue;
		}
		if (n != 0)
			out[n++] = '/';
		memcpy(out + n, part.p, part.len);
		n += part.len;
	} while (more);
	out[n] = '\0';
	return out;
}

/* PATH, in which upper layers have files, is not a directory here. */
static int blocked(struct squash *q, const struct ac_entry *e, const char *path,
		   struct ac_err *err)
{
	struct aliases *a = q->aliases;

	if (e->type != AC_F_LINK)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a directory, but an upper layer "
				  "has files in it",
				  path);
	if (a->n == MAX_ALIASES)
		return ac_err_set(err, AC_E_LIMIT,
				  "layers write through more than %d links of "
				  "the layers below, '%s' is one",
				  MAX_ALIASES, path);
	a->v = ac_xrealloc(a->v, a->n + 1, sizeof(*a->v));
	a->v[a->n++] = (struct alias){
		.from = ac_xstrdup(path),
		.to = resolve(path, e->link),
		.above = q->layer,
	};
	q->again = true;
	return -1;
}

/* --- parents --- */

/* Do upper layers hide the directory P as this layer has it, and all in it? */
static bool is_hidden(const struct path *p, uint16_t layer)
{
	return (p->white != 0 && p->white < layer) ||
	       (p->first != 0 && p->first < layer &&
		(p->flags & PATH_FIRST_DIR) == 0);
}

static int note_implied(struct squash *q, const char *path, size_t len,
			struct ac_err *err)
{
	AC_FREE char *name = ac_xstrndup(path, len);

	if (len != 0 && ac_set_add(&q->implied, name))
		q->n_implied++;
	if (q->implied.bytes > ac_limit(AC_LIMIT_NAMES))
		return ac_limit_err(err, AC_LIMIT_NAMES,
				    ac_limit(AC_LIMIT_NAMES), "'%.60s...'",
				    name);
	if (q->n_implied > ac_limit(AC_LIMIT_ENTRIES))
		return ac_limit_err(err, AC_LIMIT_ENTRIES,
				    ac_limit(AC_LIMIT_ENTRIES), "'%.60s...'",
				    name);
	return ac_limit_implied(q->n_implied, q->n_entries, name, err);
}

/* The directory PATH[0..len) has something below it in this layer: 1 when upper
 * layers hide what it has, 0, -1.  MARK: no more than a name that is removed,
 * which makes no directory. */
static int walk_one(struct squash *q, const char *path, size_t len, bool hidden,
		    bool mark, struct ac_err *err)
{
	struct path *p = paths_at(&q->paths, path, len);

	if (p->last == q->layer && (p->flags & PATH_LAST_DIR) == 0 && !mark)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': its parent '%.*s' is not a directory "
				  "in the same layer",
				  path, (int)len, path);
	if (p->last != q->layer && !mark) {
		p->last = q->layer;
		p->flags |= PATH_LAST_DIR | PATH_LAST_GUESS;
	}
	if (hidden || is_hidden(p, q->layer)) {
		if (!mark && (p->flags & PATH_LAST_GUESS) != 0)
			p->under = q->layer;
		return 1;
	}
	if (p->through == 0)
		p->through = q->layer;
	hidden = p->opaque != 0 && p->opaque < q->layer;
	if (p->first == 0 && !mark && note_implied(q, path, len, err) < 0)
		return -1;
	return hidden;
}

/* All parents of PATH, from the root on: 1 when one hides it, 0, -1. */
static int walk_parents(struct squash *q, const char *path, bool mark,
			struct ac_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	int hidden = 0;

	if (path[0] == '\0')
		return 0;
	if (!mark && q->parent_known && q->parent.len == len &&
	    memcmp(ac_buf_str(&q->parent), path, len) == 0)
		return q->parent_hidden;
	for (size_t n = 0; hidden >= 0 && n <= len; n++)
		if (n == 0 || path[n] == '/')
			hidden = walk_one(q, path, n, hidden != 0, mark, err);
	if (hidden < 0 || mark)
		return hidden;
	ac_buf_reset(&q->parent);
	ac_buf_add(&q->parent, path, len);
	q->parent_known = true;
	q->parent_hidden = hidden != 0;
	return hidden;
}

/* --- marks of removed files --- */

/* A parent of PATH is named as a mark: 1 for those of aufs, whose content is
 * nothing to us, -1 for others, 0. */
static int odd_parent(const char *path, struct ac_err *err)
{
	struct ac_str rest = ac_str(path);
	struct ac_str part;

	while (ac_str_cut(&rest, '/', &part)) {
		if (ac_str_starts(part, WH_META))
			return 1;
		if (ac_str_starts(part, WH))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s': a parent is a removed file; "
					  "names that begin with '.wh.' mark "
					  "these",
					  path);
	}
	return 0;
}

bool squash_is_mark(const char *path)
{
	return strncmp(path, WH, strlen(WH)) == 0 ||
	       strstr(path, "/" WH) != NULL;
}

static void set_mark(uint16_t *first, uint16_t *last, uint16_t layer)
{
	if (*first == 0)
		*first = layer;
	*last = layer;
}

/* The layers below lose PATH, or what is in it. */
static int removed(struct squash *q, const char *path, bool opaque,
		   struct ac_err *err)
{
	AC_FREE char *at = squash_moved(q, path, err);
	AC_FREE char *inside = NULL;
	struct path *p;

	if (at == NULL)
		return -1;
	/* What is removed from a directory is below it. */
	inside = ac_xasprintf("%s%s", at, opaque && at[0] != '\0' ? "/x" : "");
	if (walk_parents(q, inside, true, err) < 0)
		return -1;
	p = paths_at(&q->paths, at, strlen(at));
	if (opaque)
		set_mark(&p->opaque, &p->opaque_last, q->layer);
	else
		set_mark(&p->white, &p->white_last, q->layer);
	return 0;
}

static int on_mark(struct squash *q, const struct ac_entry *e,
		   struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	AC_FREE char *parent = NULL;
	AC_FREE char *path = NULL;
	const char *name;
	int odd = odd_parent(e->path, err);

	if (odd != 0)
		return odd < 0 ? -1 : 0;
	ac_path_split(e->path, &dir, &base);
	parent = ac_xstrndup(dir.p, dir.len);
	if (ac_str_eq(base, WH_OPAQUE)) /* whatever kind of file it is */
		return removed(q, parent, true, err);
	if (ac_str_starts(base, WH_META))
		return 0;
	if (e->type == AC_F_DIR)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is a directory; names that begin with "
				  "'.wh.' mark removed files",
				  e->path);
	name = base.p + strlen(WH);
	if (name[0] == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' marks no file as removed", e->path);
	path = ac_path_join(parent, name);
	return removed(q, path, false, err);
}

/* --- files --- */

/* What two entries for one directory must have in common. */
static uint32_t attributes(const struct ac_entry *e)
{
	struct ac_xxh *x = ac_xxh_new();
	uint8_t out[AC_XXH_SIZE];
	uint32_t v;

	ac_xxh_add(x, &e->mode, sizeof(e->mode));
	ac_xxh_add(x, &e->uid, sizeof(e->uid));
	ac_xxh_add(x, &e->gid, sizeof(e->gid));
	for (size_t i = 0; i < e->n_xattrs; i++) {
		ac_xxh_add(x, e->xattrs[i].name, strlen(e->xattrs[i].name) + 1);
		ac_xxh_add(x, e->xattrs[i].value, e->xattrs[i].len);
	}
	ac_xxh_end(x, out);
	ac_xxh_free(x);
	memcpy(&v, out, sizeof(v));
	return v;
}

/* The path has been in this layer before: 1 when E may be passed over, 0 when
 * it is the first real one, -1. */
static int seen_here(const struct path *p, const struct ac_entry *e,
		     const char *path, struct ac_err *err)
{
	bool dir = e->type == AC_F_DIR;

	if (dir && (p->flags & PATH_LAST_GUESS) != 0)
		return 0;
	if ((p->flags & PATH_LAST_GUESS) != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a directory, but the same layer "
				  "has files in it",
				  path);
	if (!dir || (p->flags & PATH_LAST_DIR) == 0 ||
	    p->attrs != attributes(e))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is in the same layer twice", path);
	return 1;
}

/* E was written through by a layer above, and then replaced by one above that:
 * what was written is where E leads, which is too late to know now. */
static int check_under(const struct squash *q, struct path *p,
		       const struct ac_entry *e, const char *path,
		       struct ac_err *err)
{
	bool through = p->under != 0 && p->under < q->layer &&
		       p->white_last < p->under;

	p->under = 0;
	if (e->type != AC_F_LINK || !through)
		return 0;
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "layers write through the link '%s', and later ones "
			  "replace it",
			  path);
}

/* Note that the layer has the path of E: 1 when E is to be written, 0 when it
 * is hidden or known, -1; *again when it was in this layer before. */
static int enter(struct squash *q, const struct ac_entry *e, const char *path,
		 bool *again, struct ac_err *err)
{
	bool dir = e->type == AC_F_DIR;
	int hidden = walk_parents(q, path, false, err);
	struct path *p;

	*again = false;
	if (hidden < 0)
		return -1;
	p = paths_at(&q->paths, path, strlen(path));
	if (p->last == q->layer) {
		int ret = seen_here(p, e, path, err);

		*again = ret > 0;
		if (ret != 0)
			return ret < 0 ? -1 : 0;
	}
	p->last = q->layer;
	p->flags &= (uint16_t) ~(PATH_LAST_DIR | PATH_LAST_GUESS);
	if (dir) {
		p->flags |= PATH_LAST_DIR;
		p->attrs = attributes(e);
	}
	if (check_under(q, p, e, path, err) < 0)
		return -1;
	/* A directory above it began empty: what it replaced is gone. */
	if (!dir && p->opaque == 0 && (p->flags & PATH_FIRST_DIR) != 0)
		p->opaque = q->layer;
	if (hidden || p->first != 0 || (p->white != 0 && p->white < q->layer))
		return 0;
	if (!dir && p->through != 0 && p->through < q->layer)
		return blocked(q, e, path, err);
	p->first = q->layer;
	if (dir) {
		p->flags |= PATH_FIRST_DIR;
		(void)ac_set_del(&q->implied, path);
	}
	return 1;
}

static int place_link(struct squash *q, const struct ac_entry *e,
		      const char *path, bool visible, struct want *want,
		      struct ac_err *err)
{
	AC_FREE char *target = squash_moved(q, e->link, err);

	if (target == NULL ||
	    (visible && squash_link(q, e, path, target, err) < 0))
		return -1;
	return want != NULL ? squash_relink(q, want, target, err) : 0;
}

static int place(struct squash *q, const struct ac_entry *e, const char *path,
		 struct ac_err *err)
{
	AC_CLEANUP(want_freep) struct want *want = NULL;
	bool again;
	int visible = enter(q, e, path, &again, err);

	if (visible < 0)
		return -1;
	if (again)
		return 0;
	want = wants_take(&q->below, path);
	if (e->type == AC_F_HARD)
		return place_link(q, e, path, visible != 0, want, err);
	if (want != NULL && (e->type == AC_F_DIR || !visible))
		return squash_emit_wanted(q, e, want, err);
	if (visible && squash_emit(q, e, path, err) < 0)
		return -1;
	for (size_t i = 0; want != NULL && i < want->n; i++)
		if (squash_emit_link(q, &want->v[i], path, err) < 0)
			return -1;
	return 0;
}

/* --- layers --- */

static int on_entry(struct squash *q, const struct ac_entry *e,
		    struct ac_err *err)
{
	AC_FREE char *path = NULL;

	q->n_entries++;
	if (squash_is_mark(e->path))
		return on_mark(q, e, err);
	path = squash_moved(q, e->path, err);
	return path != NULL ? place(q, e, path, err) : -1;
}

int squash_read_entries(struct squash *q, struct ac_ocilayer *in,
			squash_entry_fn on, struct ac_err *err)
{
	struct ac_entry e;
	int ret;

	q->tar = in->tar;
	while ((ret = ac_tar_next(in->tar, &e, err)) > 0)
		if (on(q, &e, err) < 0)
			return -1;
	return ret < 0 ? -1 : ac_ocilayer_check(in, err);
}

static int read_layer(struct squash *q, size_t i, struct ac_err *err)
{
	AC_CLEANUP(ac_ocilayer_close) struct ac_ocilayer in = AC_OCILAYER_INIT;

	q->parent_known = false;
	if (ac_ocilayer_open(&in, q->im, q->s, i, err) < 0)
		return -1;
	if (squash_read_entries(q, &in, on_entry, err) < 0)
		return q->again ? -1 : ac_ocilayer_explain(&in, err);
	ac_ocilayer_close(&in);
	return squash_settle(q, i, err) < 0
		       ? ac_err_ctx(err, "%s", q->im->layers[i].what)
		       : 0;
}

/* Directories that no layer has an entry for. */
static int write_implied(struct squash *q, struct ac_err *err)
{
	AC_FREE const char **names = ac_set_sorted(&q->implied);

	for (size_t i = 0; names[i] != NULL; i++) {
		const struct ac_entry e = {.type = AC_F_DIR,
					   .path = names[i],
					   .mode = 0755};

		if (ac_aci_write_entry(q->w, &e, -1, err) < 0)
			return -1;
	}
	return 0;
}

static int run(struct squash *q, struct ac_err *err)
{
	for (size_t i = q->im->n_layers; i-- > 0;) {
		q->layer = (uint16_t)(q->im->n_layers - i);
		if (read_layer(q, i, err) < 0)
			return -1;
	}
	return squash_settled(q, err) < 0 ? -1 : write_implied(q, err);
}

static void release(struct squash *q)
{
	paths_release(&q->paths);
	ac_set_release(&q->implied);
	ac_buf_release(&q->parent);
	squash_forget_links(q);
	wants_release(&q->here);
	wants_release(&q->below);
}

int squash(const struct ac_ociimg *im, const struct ac_ocisrc *s,
	   struct aliases *a, struct ac_aci_writer *w, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct squash q = {
		.im = im,
		.s = s,
		.aliases = a,
		.w = w,
		.implied = AC_SET_INIT,
		.parent = AC_BUF_INIT(8192),
	};
	int ret = run(&q, err);

	return q.again ? 1 : ret;
}
