/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/record.h"
#include "common/store/used.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum {
	MAX_DEPTH = 64,    /* dependencies of dependencies */
	MAX_IMAGES = 4096, /* visits: a diamond of diamonds multiplies */
	MAX_PLAN = 256 << 20,
};

struct walk {
	const struct ac_store *s;
	struct ac_plan *plan;
	struct ac_records all;
	bool loaded;                /* .all is */
	const char *way[MAX_DEPTH]; /* ids from the top to here */
	size_t depth;
	size_t visits;
};

static void release_image(struct ac_plan_image *p)
{
	free(p->id);
	ac_strv_release(&p->layers);
	ac_set_release(&p->only);
}

void ac_plan_release(struct ac_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		release_image(&p->v[i]);
	free(p->v);
	*p = AC_PLAN_INIT;
}

/* What R's own whitelist leaves of what ABOVE left (NULL: everything).  Paths
 * that leave the root match nothing. */
static void filter(const struct ac_record *r, const struct ac_set *above,
		   struct ac_set *out)
{
	for (size_t i = 0; i < r->image.whitelist.n; i++) {
		AC_FREE char *path = ac_path_clean(r->image.whitelist.v[i]);

		if (path != NULL && (above == NULL || ac_set_has(above, path)))
			(void)ac_set_add(out, path);
	}
}

static void copy_set(const struct ac_set *from, struct ac_set *to)
{
	const char *path;
	size_t it = 0;

	while ((path = ac_set_next(from, &it)) != NULL)
		(void)ac_set_add(to, path);
}

static bool same_only(const struct ac_plan_image *a,
		      const struct ac_plan_image *b)
{
	const char *path;
	size_t it = 0;

	if (a->filtered != b->filtered ||
	    ac_set_len(&a->only) != ac_set_len(&b->only))
		return false;
	while ((path = ac_set_next(&a->only, &it)) != NULL)
		if (!ac_set_has(&b->only, path))
			return false;
	return true;
}

/* Add P (taken over).  The same image with the same paths further down is all
 * overridden by this one: an overlay must not name a layer twice. */
static void add(struct ac_plan *plan, struct ac_plan_image p)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (strcmp(plan->v[i].id, p.id) != 0 ||
		    !same_only(&plan->v[i], &p))
			continue;
		release_image(&plan->v[i]);
		memmove(&plan->v[i], &plan->v[i + 1],
			(plan->n - i - 1) * sizeof(*plan->v));
		plan->n--;
		break;
	}
	plan->v = ac_xrealloc(plan->v, plan->n + 1, sizeof(*plan->v));
	plan->v[plan->n++] = p;
}

static int check_dependency(const struct ac_dependency *d,
			    const struct ac_record *r, struct ac_err *err)
{
	if (!ac_image_matches(&r->image, d->name, &d->labels))
		return ac_err_set(err, AC_E_VERIFY,
				  "dependency '%s': image %.20s has another "
				  "name or other labels",
				  d->name, r->id);
	if (d->size != 0 && r->n_blobs != 0 && r->blobs[0].size != d->size &&
	    r->kind == AC_IMAGE_ACI)
		return ac_err_set(
			err, AC_E_VERIFY,
			"dependency '%s': image %.20s has %llu bytes, "
			"not the %llu that are asked for",
			d->name, r->id, (unsigned long long)r->blobs[0].size,
			(unsigned long long)d->size);
	return 0;
}

/* The image that D names by its id, which manifests may have cut (spec/image.md
 * T5): of several that begin so, one of the name and labels. */
static const struct ac_record *by_id(const struct ac_records *all,
				     const struct ac_dependency *d)
{
	const struct ac_record *other = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct ac_record *r = &all->v[i];

		if (strncmp(r->id, d->image_id, strlen(d->image_id)) != 0)
			continue;
		if (ac_image_matches(&r->image, d->name, &d->labels))
			return r;
		other = r;
	}
	return other;
}

static const struct ac_record *find_dependency(struct walk *w,
					       const struct ac_dependency *d,
					       struct ac_err *err)
{
	const struct ac_record *r;

	if (!w->loaded && ac_records_read_all(w->s, &w->all, err) < 0)
		return NULL;
	w->loaded = true;
	r = d->image_id != NULL ? by_id(&w->all, d)
				: ac_records_pick(&w->all, d->name, &d->labels);
	if (r == NULL) {
		(void)ac_err_set(err, AC_E_NOT_FOUND,
				 "dependency '%s'%s%.20s is not in the store; "
				 "pull it first",
				 d->name,
				 d->image_id != NULL ? " with id " : "",
				 d->image_id != NULL ? d->image_id : "");
		return NULL;
	}
	return check_dependency(d, r, err) < 0 ? NULL : r;
}

static int visit(struct walk *w, const struct ac_record *r,
		 const struct ac_set *above, struct ac_err *err)
{
	struct ac_plan_image here = {.id = NULL};

	for (size_t i = 0; i < w->depth; i++)
		if (strcmp(w->way[i], r->id) == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "image '%s' depends on itself",
					  r->image.name);
	if (w->depth == MAX_DEPTH || ++w->visits > MAX_IMAGES)
		return ac_err_set(err, AC_E_LIMIT,
				  "dependencies are more than %d deep or more "
				  "than %d",
				  MAX_DEPTH, MAX_IMAGES);

	here.filtered = above != NULL || r->image.whitelist.n != 0;
	if (r->image.whitelist.n != 0)
		filter(r, above, &here.only);
	else if (above != NULL)
		copy_set(above, &here.only);
	w->way[w->depth++] = r->id;
	for (size_t i = 0; i < r->image.n_deps; i++) {
		const struct ac_record *d =
			find_dependency(w, &r->image.deps[i], err);

		if (d == NULL ||
		    visit(w, d, here.filtered ? &here.only : NULL, err) < 0) {
			release_image(&here);
			return ac_err_ctx(err, "image '%s'", r->image.name);
		}
	}
	w->depth--;
	here.id = ac_xstrdup(r->id);
	for (size_t i = 0; i < r->layers.n; i++)
		ac_strv_push(&here.layers, r->layers.v[i]);
	add(w->plan, here);
	return 0;
}

/* The removals in an OCI image's upper layers speak of its own lower ones; in
 * one overlay they would hide files of other images below too. */
static bool needs_flat(const struct ac_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].filtered || (i > 0 && p->v[i].layers.n > 1))
			return true;
	return false;
}

int ac_plan_make(const struct ac_store *s, const struct ac_record *r,
		 struct ac_plan *out, struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan plan = AC_PLAN_INIT;
	struct walk w = {.s = s, .plan = &plan};
	int rc = visit(&w, r, NULL, err);

	ac_records_release(&w.all);
	if (rc < 0)
		return -1;
	plan.flat = needs_flat(&plan);
	*out = plan;
	plan = AC_PLAN_INIT;
	return 0;
}

void ac_plan_print(const struct ac_plan *p, struct ac_buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct ac_plan_image *im = &p->v[i];
		AC_FREE const char **only = ac_set_sorted(&im->only);

		ac_buf_addf(out, "image %s%s\n", im->id,
			    im->filtered ? " only" : "");
		for (size_t k = 0; only[k] != NULL; k++)
			ac_buf_add(out, only[k], strlen(only[k]) + 1);
		for (size_t k = 0; k < im->layers.n; k++)
			ac_buf_addf(out, "layer %s\n", im->layers.v[k]);
	}
}

char *ac_plan_layer(const struct ac_record *r)
{
	return ac_xasprintf("flat-%s", r->id + strlen("sha512-"));
}

int ac_plan_is_made(const struct ac_store *s, const struct ac_record *r,
		    const struct ac_plan *p, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf want = AC_BUF_INIT(MAX_PLAN);
	AC_CLEANUP(ac_buf_release) struct ac_buf have = AC_BUF_INIT(MAX_PLAN);
	AC_FREE char *layer = ac_plan_layer(r);
	AC_FREE char *name = ac_xasprintf("layers/%s/plan", layer);
	int got = s->dirfd < 0 ? ac_err_set(err, AC_E_NOT_FOUND, "no store")
			       : ac_io_read_file(s->dirfd, name, &have, err);

	for (size_t i = 0;
	     got < 0 && err->code == AC_E_NOT_FOUND && i < s->n_more; i++)
		got = ac_io_read_file(s->more[i].dirfd, name, &have, err);
	if (got < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;

	ac_plan_print(p, &want);
	if (ac_buf_check(&want, "the plan of the root", err) < 0)
		return -1;
	return have.len == want.len && memcmp(have.p, want.p, want.len) == 0;
}

int ac_store_layers(const struct ac_store *s, const struct ac_record *r,
		    struct ac_strv *out, struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan plan = AC_PLAN_INIT;
	int made;

	if (ac_plan_make(s, r, &plan, err) < 0)
		return -1;
	ac_store_touch_plan(s, &plan);
	if (!plan.flat) {
		for (size_t i = 0; i < plan.n; i++)
			for (size_t k = 0; k < plan.v[i].layers.n; k++)
				ac_strv_push(out, plan.v[i].layers.v[k]);
		return 0;
	}
	made = ac_plan_is_made(s, r, &plan, err);
	if (made < 0)
		return -1;
	if (made == 0)
		return ac_err_set(
			err, AC_E_UNSUPPORTED,
			"the root of image '%s' needs one flattened "
			"tree (a pathWhitelist, or an OCI image as a "
			"dependency), which is not made yet; pull the "
			"image again",
			r->image.name);
	ac_strv_take(out, ac_plan_layer(r));
	return 0;
}
