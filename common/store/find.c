/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/store/index.h"
#include "common/store/record.h"
#include "common/store/store.h"
#include "common/sys/io.h"

int ac_record_get(const struct ac_store *s, const char *id, struct ac_record *r,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record got = AC_RECORD_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_RECORD_MAX);
	AC_FREE char *name = ac_xasprintf("images/%s.json", id);
	AC_CLOSE int fd = -1;

	if (s->dirfd < 0)
		return 0;
	fd = ac_store_open_file(s, name, err);
	if (fd < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (ac_io_slurp(fd, &text, name, err) < 0)
		return -1;
	if (ac_record_parse(&got, ac_buf_str(&text), text.len, name, err) < 0)
		return -1;
	if (strcmp(got.id, id) != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is the record of another image", name);
	*r = got;
	got = AC_RECORD_INIT;
	return 1;
}

void ac_record_warn(const char *id, const struct ac_err *err)
{
	ac_warn("%s; 'acfetch image rm %s' removes it", err->msg, id);
}

bool ac_store_owns(const struct ac_store *s, const char *id)
{
	AC_FREE char *name = ac_xasprintf("images/%s.json", id);

	return s->dirfd >= 0 && ac_image_id_ok(id, true) &&
	       faccessat(s->dirfd, name, F_OK, 0) == 0;
}

int ac_store_get(const struct ac_store *s, const char *id, struct ac_record *r,
		 struct ac_err *err)
{
	int got = 0;

	if (!ac_image_id_ok(id, true))
		return 0;
	got = ac_record_get(s, id, r, err);
	for (size_t i = 0; got == 0 && i < s->n_more; i++)
		got = ac_record_get(&s->more[i], id, r, err);
	return got;
}

int ac_records_ids(const struct ac_store *s, const char *prefix,
		   struct ac_strv *out, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		openat(s->dirfd, "images",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *de;

	if (s->dirfd < 0 || (fd < 0 && errno == ENOENT))
		return 0;
	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return ac_err_sys(err, errno, "open '%s/images'", s->path);
	(void)ac_steal_fd(&fd);
	while (errno = 0, (de = readdir(d)) != NULL) {
		struct ac_str n = ac_str(de->d_name);
		AC_FREE char *id = NULL;

		if (!ac_str_ends(n, ".json") || !ac_str_starts(n, prefix))
			continue;
		id = ac_xstrndup(n.p, n.len - strlen(".json"));
		if (ac_image_id_ok(id, true))
			ac_strv_push(out, id);
	}
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s/images'", s->path);
	ac_strv_sort(out);
	return 0;
}

static int by_import(const void *pa, const void *pb)
{
	const struct ac_record *a = pa;
	const struct ac_record *b = pb;

	if (a->imported != b->imported)
		return a->imported < b->imported ? -1 : 1;
	if (a->imported_ns != b->imported_ns)
		return a->imported_ns < b->imported_ns ? -1 : 1;
	return strcmp(a->id, b->id);
}

void ac_records_order(struct ac_records *r)
{
	if (r->n != 0)
		qsort(r->v, r->n, sizeof(*r->v), by_import);
}

int ac_records_read(const struct ac_store *s, struct ac_records *out,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLEANUP(ac_records_release) struct ac_records got = AC_RECORDS_INIT;

	if (ac_records_ids(s, "", &ids, err) < 0)
		return -1;
	got.v = ac_xcalloc(ids.n + 1, sizeof(*got.v));
	for (size_t i = 0; i < ids.n; i++) {
		int r = ac_record_get(s, ids.v[i], &got.v[got.n], err);

		if (r > 0) {
			got.n++;
		} else if (r < 0) {
			ac_record_warn(ids.v[i], err);
			got.unreadable++;
		}
	}
	*err = AC_ERR_INIT;
	ac_records_order(&got);
	*out = got;
	got = AC_RECORDS_INIT;
	return 0;
}

static int by_id(const void *pa, const void *pb)
{
	return strcmp(((const struct ac_record *)pa)->id,
		      ((const struct ac_record *)pb)->id);
}

static bool has_id(const struct ac_records *all, const struct ac_record *r)
{
	return bsearch(r, all->v, all->n, sizeof(*all->v), by_id) != NULL;
}

/* Move those of FROM that ALL has not to it. */
static void merge(struct ac_records *all, struct ac_records *from)
{
	size_t n = all->n;

	all->v = ac_xrealloc(all->v, n + from->n + 1, sizeof(*all->v));
	qsort(all->v, n, sizeof(*all->v), by_id);
	for (size_t i = 0; i < from->n; i++) {
		struct ac_records before = {.v = all->v, .n = n};

		if (has_id(&before, &from->v[i]))
			continue;
		all->v[all->n++] = from->v[i];
		from->v[i] = AC_RECORD_INIT;
	}
	ac_records_order(all);
	ac_records_release(from);
}

typedef int (*read_fn)(const struct ac_store *s, struct ac_records *out,
		       struct ac_err *err);

/* The records of S and of the stores that are read with it. */
static int read_with_more(const struct ac_store *s, read_fn read_own,
			  struct ac_records *out, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;

	if (read_own(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_more; i++) {
		struct ac_records one = AC_RECORDS_INIT;

		if (read_own(&s->more[i], &one, err) < 0)
			return -1;
		all.unreadable += one.unreadable;
		merge(&all, &one);
	}
	*out = all;
	all = AC_RECORDS_INIT;
	return 0;
}

int ac_records_read_all(const struct ac_store *s, struct ac_records *out,
			struct ac_err *err)
{
	return read_with_more(s, ac_records_read, out, err);
}

void ac_records_release(struct ac_records *r)
{
	for (size_t i = 0; i < r->n; i++)
		ac_record_release(&r->v[i]);
	free(r->v);
	*r = AC_RECORDS_INIT;
}

static int each(const struct ac_store *s, read_fn read_own, ac_store_each_fn fn,
		void *ctx, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;

	if (read_with_more(s, read_own, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		int r = fn(ctx, &all.v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int ac_store_each(const struct ac_store *s, ac_store_each_fn fn, void *ctx,
		  struct ac_err *err)
{
	return each(s, ac_records_read, fn, ctx, err);
}

int ac_store_each_brief(const struct ac_store *s, ac_store_each_fn fn,
			void *ctx, struct ac_err *err)
{
	return each(s, ac_index_read, fn, ctx, err);
}

/* Was R fetched by NAME without a version ("NAME" or "NAME,label=...")?  Then
 * it was the latest. */
static bool is_latest(const struct ac_record *r, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < r->names.n; i++) {
		const char *s = r->names.v[i];

		if (strncmp(s, name, n) == 0 &&
		    (s[n] == '\0' ||
		     (s[n] == ',' && strstr(s + n, ",version=") == NULL)))
			return true;
	}
	return false;
}

bool ac_record_is_latest(const struct ac_record *r)
{
	return is_latest(r, r->image.name);
}

const struct ac_record *ac_records_pick(const struct ac_records *recs,
					const char *name,
					const struct ac_pairs *labels)
{
	bool any_version = ac_pairs_get(labels, "version") == NULL;
	const struct ac_record *best = NULL;
	bool best_latest = false;

	for (size_t i = 0; i < recs->n; i++) {
		const struct ac_record *r = &recs->v[i];
		bool latest = any_version && is_latest(r, name);

		if (!ac_image_matches(&r->image, name, labels) ||
		    (best_latest && !latest))
			continue;
		best = r;
		best_latest = latest;
	}
	return best;
}

static int ids_with_more(const struct ac_store *s, const char *prefix,
			 struct ac_strv *out, struct ac_err *err)
{
	if ((ac_index_ids(s, prefix, out) == 0 || out->n == 0) &&
	    ac_records_ids(s, prefix, out, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_more; i++) {
		AC_CLEANUP(ac_strv_release) struct ac_strv one = AC_STRV_INIT;

		if (ac_records_ids(&s->more[i], prefix, &one, err) < 0)
			return -1;
		for (size_t k = 0; k < one.n; k++)
			if (!ac_strv_has(out, one.v[k]))
				ac_strv_push(out, one.v[k]);
	}
	return 0;
}

/* One image by the beginning of its id. */
static int find_id(const struct ac_store *s, const char *prefix,
		   struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(600);

	if (ac_image_id_ok(prefix, true))
		return ac_store_get(s, prefix, r, err);
	if (ids_with_more(s, prefix, &ids, err) < 0)
		return -1;
	if (ids.n == 0)
		return 0;
	if (ids.n == 1)
		return ac_store_get(s, ids.v[0], r, err);
	for (size_t i = 0; i < ids.n && i < 8; i++)
		ac_buf_addf(&list, "%s %.32s", i != 0 ? "," : "", ids.v[i]);
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' is the beginning of %zu ids:%s%s; give more "
			  "digits",
			  prefix, ids.n, ac_buf_str(&list),
			  ids.n > 8 ? ", ..." : "");
}

/* The image that was fetched by a reference in this spelling, or that has the
 * manifest a Docker reference pins. */
static const struct ac_record *by_name(const struct ac_records *all,
				       const struct ac_ref *ref)
{
	AC_FREE char *canonical = ac_ref_canonical(ref);
	struct ac_digest pin = {.alg = AC_SHA256};
	struct ac_err ignored;
	bool pinned = ref->kind == AC_REF_DOCKER && ref->digest != NULL &&
		      ac_digest_parse(&pin, ref->digest, ':', &ignored) == 0;

	for (size_t i = all->n; i-- > 0;) {
		const struct ac_record *r = &all->v[i];

		if (ac_strv_has(&r->names, canonical) ||
		    ac_strv_has(&r->names, ref->text))
			return r;
		if (pinned && r->kind == AC_IMAGE_OCI && r->n_blobs != 0 &&
		    ac_digest_equal(&r->blobs[0].digest, &pin))
			return r;
	}
	return NULL;
}

static const struct ac_record *pick(const struct ac_records *all,
				    const struct ac_ref *ref)
{
	return ref->kind == AC_REF_NAME
		       ? ac_records_pick(all, ref->name, &ref->labels)
		       : by_name(all, ref);
}

/* By the index of a large store, when that is of this moment: 1, 0 when it was
 * no help (there may be such an image), -1. */
static int find_fast(const struct ac_store *s, const struct ac_ref *ref,
		     struct ac_record *r, struct ac_err *err)
{
	AC_FREE char *canonical = ac_ref_canonical(ref);
	const char *const texts[] = {ref->kind == AC_REF_NAME ? ref->name
							      : canonical,
				     ref->kind == AC_REF_NAME ? NULL
							      : ref->digest};

	for (size_t i = 0; i < AC_LEN(texts) && texts[i] != NULL; i++) {
		AC_CLEANUP(ac_records_release)
		struct ac_records some = AC_RECORDS_INIT;
		const struct ac_record *hit;
		struct ac_err ignored;
		int got = ac_index_search(s, texts[i], &some, err);

		if (got <= 0)
			return got;
		hit = pick(&some, ref);
		if (hit == NULL || ac_record_get(s, hit->id, r, &ignored) <= 0)
			continue;
		/* The record itself decides. */
		if (pick(&(struct ac_records){.v = r, .n = 1}, ref) == r)
			return 1;
		ac_record_release(r);
	}
	return 0;
}

static int find_name(const struct ac_store *s, const struct ac_ref *ref,
		     struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;
	const struct ac_record *hit;
	int got;

	if (ac_index_read(s, &all, err) < 0)
		return -1;
	hit = pick(&all, ref);
	if (hit == NULL)
		return 0;
	got = ac_record_get(s, hit->id, r, err);
	if (got <= 0 || pick(&(struct ac_records){.v = r, .n = 1}, ref) == r)
		return got;
	/* It is not what the index said: the records decide. */
	ac_record_release(r);
	ac_records_release(&all);
	if (ac_records_read(s, &all, err) < 0)
		return -1;
	hit = pick(&all, ref);
	return hit != NULL ? ac_record_get(s, hit->id, r, err) : 0;
}

int ac_store_find(const struct ac_store *s, const struct ac_ref *ref,
		  struct ac_record *r, struct ac_err *err)
{
	int got;

	if (ref->kind == AC_REF_ID)
		return find_id(s, ref->name, r, err);
	got = find_fast(s, ref, r, err);
	if (got == 0)
		got = find_name(s, ref, r, err);
	for (size_t i = 0; got == 0 && i < s->n_more; i++)
		got = find_name(&s->more[i], ref, r, err);
	return got;
}
