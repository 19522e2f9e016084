/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/ocidir.h"
#include "common/store/reap.h"
#include "common/store/used.h"

enum { MAX_ROUNDS = 64 }; /* dependencies of dependencies */

static const struct ac_record *by_id(const struct ac_records *all,
				     const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].id, id) == 0)
			return &all->v[i];
	return NULL;
}

static int remove_id(struct ac_reaper *r, const char *id, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record bad = AC_RECORD_INIT;
	const struct ac_record *rec = by_id(&r->all, id);
	int got;

	if (rec == NULL) {
		got = ac_store_get(r->s, id, &bad, err);
		if (got > 0)
			return ac_err_set(err, AC_E_DENIED,
					  "image '%s' (%.20s) is in a store "
					  "that is only read",
					  bad.image.name, id);
		if (got == 0)
			return ac_err_set(err, AC_E_NOT_FOUND,
					  "image '%s' is not in the store", id);
		/* A damaged record goes alone; collection takes the rest. */
		return ac_image_id_ok(id, true) ? ac_reaper_record(r, id, err)
						: -1;
	}
	if (ac_reaper_take(r, rec, false, err) == 0)
		return 0;
	if (err->code != AC_E_BUSY)
		return -1;
	return ac_err_set(
		err, AC_E_BUSY,
		"image '%s' (%.20s) is used by a pod, or by a command "
		"that reads it; remove the pod first",
		rec->image.name, id);
}

int ac_store_remove(struct ac_store *s, const char *id, struct ac_err *err)
{
	AC_CLEANUP(ac_reaper_release) struct ac_reaper r = AC_REAPER_INIT;

	if (ac_reaper_open(&r, s, false, err) < 0 || remove_id(&r, id, err) < 0)
		return -1;
	return ac_reaper_flush(&r, err);
}

int ac_store_remove_all(struct ac_store *s, const struct ac_strv *ids,
			ac_store_removed_fn fn, void *ctx, struct ac_err *err)
{
	AC_CLEANUP(ac_reaper_release) struct ac_reaper r = AC_REAPER_INIT;

	if (ac_reaper_open(&r, s, false, err) < 0)
		return -1;
	for (size_t i = 0; i < ids->n; i++) {
		struct ac_err one = AC_ERR_INIT;
		int rc = remove_id(&r, ids->v[i], &one);

		fn(ctx, ids->v[i], rc < 0 ? &one : NULL);
	}
	return ac_reaper_flush(&r, err);
}

/* An image that may go, and how soon. */
struct candidate {
	const struct ac_record *r;
	int64_t used;           /* by itself, or by what stands on it */
	int64_t level;          /* above 0: others stand on it */
	struct candidate *same; /* another image of its name */
};

static int sooner(const void *pa, const void *pb)
{
	const struct candidate *const *a = pa;
	const struct candidate *const *b = pb;

	if ((*a)->used != (*b)->used)
		return (*a)->used < (*b)->used ? -1 : 1;
	if ((*a)->level != (*b)->level)
		return (*a)->level < (*b)->level ? -1 : 1;
	return strcmp((*a)->r->id, (*b)->r->id);
}

/* What C stands on was used when C was, and goes after it.  Did that change
 * anything? */
static bool spread_one(const struct candidate *c, const struct ac_map *names)
{
	bool changed = false;

	for (size_t i = 0; i < c->r->image.n_deps; i++) {
		const struct ac_dependency *d = &c->r->image.deps[i];
		struct candidate *to =
			ac_map_get(names, d->name, strlen(d->name));

		for (; to != NULL; to = to->same) {
			if (to == c ||
			    !ac_image_matches(&to->r->image, d->name,
					      &d->labels) ||
			    (to->used >= c->used && to->level > c->level))
				continue;
			if (to->used < c->used)
				to->used = c->used;
			if (to->level <= c->level)
				to->level = c->level + 1;
			changed = true;
		}
	}
	return changed;
}

static void spread(struct candidate *v, size_t n)
{
	AC_CLEANUP(ac_map_release) struct ac_map names = AC_MAP_INIT;
	bool changed = true;

	for (size_t i = 0; i < n; i++) {
		const char *name = v[i].r->image.name;

		v[i].same = ac_map_get(&names, name, strlen(name));
		ac_map_put(&names, name, strlen(name), &v[i]);
	}
	for (int round = 0; changed && round < MAX_ROUNDS; round++) {
		changed = false;
		for (size_t i = 0; i < n; i++)
			if (v[i].r->image.n_deps != 0 &&
			    spread_one(&v[i], &names))
				changed = true;
	}
}

/* Does C go?  Images that the pods of this moment use do not. */
static int expire_one(struct ac_reaper *r, const struct candidate *c,
		      const struct ac_gc_opts *o, struct ac_err *err)
{
	bool old = o->by_age && c->used <= o->unused_since;
	bool large = o->has_max && r->total > o->max_bytes;

	if (!old && !large)
		return 0;
	if (ac_reaper_take(r, c->r, true, err) == 0)
		return 1;
	return err->code == AC_E_BUSY ? 0 : -1;
}

static int expire(struct ac_reaper *r, const struct ac_gc_opts *o,
		  struct ac_err *err)
{
	size_t n = r->all.n;
	AC_FREE struct candidate *v = ac_xcalloc(n + 1, sizeof(*v));
	AC_FREE struct candidate **order = ac_xcalloc(n + 1, sizeof(*order));

	if (!o->by_age && !o->has_max)
		return 0;
	for (size_t i = 0; i < n; i++) {
		v[i].r = &r->all.v[i];
		v[i].used = ac_store_used(r->s, v[i].r);
		order[i] = &v[i];
	}
	spread(v, n);
	qsort(order, n, sizeof(struct candidate *), sooner);
	for (size_t i = 0; i < n; i++)
		if (expire_one(r, order[i], o, err) < 0)
			return -1;
	return ac_reaper_flush(r, err);
}

int ac_store_gc_with(struct ac_store *s, const struct ac_gc_opts *o,
		     uint64_t *bytes, struct ac_err *err)
{
	AC_CLEANUP(ac_reaper_release) struct ac_reaper r = AC_REAPER_INIT;
	struct ac_err ignored;

	if (ac_reaper_open(&r, s, o->has_max, err) < 0)
		return -1;
	r.dry = o->dry_run;
	if (o->by_age && o->grace < r.grace)
		r.grace = o->grace;
	r.tell = o->tell;
	r.ctx = o->ctx;
	if (expire(&r, o, err) < 0 || ac_reaper_rest(&r, err) < 0)
		return -1;
	/* Whoever changed a record last may have been killed before this. */
	if (!o->dry_run && ac_ocidir_check(s, &ignored) == 0)
		ac_ocidir_update(s);
	if (bytes != NULL)
		*bytes = r.freed;
	return 0;
}

int ac_store_gc(struct ac_store *s, uint64_t *bytes, struct ac_err *err)
{
	const struct ac_gc_opts o = {.by_age = false};

	return ac_store_gc_with(s, &o, bytes, err);
}
