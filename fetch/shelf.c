/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "fetch/repos.h"

/* One name of one image. */
struct item {
	char *full;       /* "host/repository" */
	char *repository; /* "repository" */
	char *tag;        /* NULL: known by digest alone */
	size_t image;     /* index into images */
};

struct image {
	struct ac_digest *blobs; /* the manifest is the first */
	size_t n;
	char *type; /* of the manifest */
};

struct shelf {
	const struct ac_store *store;
	struct item *items; /* latest import first */
	size_t n;
	struct image *images;
	size_t n_images;
	struct timespec changed; /* mtime of images/ when it was read */
	bool valid;
};

struct shelf *shelf_new(const struct ac_store *store)
{
	struct shelf *s = ac_xcalloc(1, sizeof(*s));

	s->store = store;
	return s;
}

static void empty(struct shelf *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].full);
		free(s->items[i].repository);
		free(s->items[i].tag);
	}
	for (size_t i = 0; i < s->n_images; i++) {
		free(s->images[i].blobs);
		free(s->images[i].type);
	}
	free(s->items);
	free(s->images);
	s->items = NULL;
	s->images = NULL;
	s->n = 0;
	s->n_images = 0;
	s->valid = false;
}

void shelf_free(struct shelf *s)
{
	if (s == NULL)
		return;
	empty(s);
	free(s);
}

static void add_name(struct shelf *s, const char *name)
{
	struct ac_ref ref = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct item item = {.image = s->n_images};

	if (ac_ref_parse(&ref, name, &err) < 0 || ref.kind != AC_REF_DOCKER) {
		ac_ref_release(&ref);
		return;
	}
	item.repository = ac_xstrdup(ref.repository);
	item.full = ac_xasprintf("%s/%s", ref.registry, ref.repository);
	for (char *p = item.full; *p != '\0' && *p != '/'; p++) {
		if (*p == ':')
			*p = '_';
		else if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	if (ref.tag != NULL)
		item.tag = ac_xstrdup(ref.tag);
	ac_ref_release(&ref);
	s->items = ac_xrealloc(s->items, s->n + 1, sizeof(*s->items));
	s->items[s->n++] = item;
}

static int add_record(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	struct shelf *s = ctx;
	struct image image;

	(void)err;
	if (r->kind != AC_IMAGE_OCI || r->n_blobs == 0)
		return 0;
	image = (struct image){
		.blobs = ac_xcalloc(r->n_blobs, sizeof(*image.blobs)),
		.n = r->n_blobs,
		.type = ac_xstrdup(r->blobs[0].media_type != NULL
					   ? r->blobs[0].media_type
					   : ""),
	};
	for (size_t i = 0; i < r->n_blobs; i++)
		image.blobs[i] = r->blobs[i].digest;
	for (size_t i = 0; i < r->names.n; i++)
		add_name(s, r->names.v[i]);
	s->images = ac_xrealloc(s->images, s->n_images + 1, sizeof(*s->images));
	s->images[s->n_images++] = image;
	return 0;
}

/* Records come oldest first; the latest shall win. */
static void reverse(struct shelf *s)
{
	for (size_t i = 0; i < s->n / 2; i++) {
		struct item t = s->items[i];

		s->items[i] = s->items[s->n - 1 - i];
		s->items[s->n - 1 - i] = t;
	}
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Read the records if one came, changed or went.  Each of these changes the
 * directory's time, whose steps are coarse: what is younger than a second is
 * read again. */
static int refresh(struct shelf *s, struct ac_err *err)
{
	struct timespec now;
	struct stat st;

	if (fstatat(s->store->dirfd, "images", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return ac_err_sys(err, errno, "look at the store '%s'",
					  s->store->path);
		empty(s);
		return 0;
	}
	if (s->valid && same_time(s->changed, st.st_mtim))
		return 0;
	empty(s);
	if (ac_store_each(s->store, add_record, s, err) < 0)
		return -1;
	reverse(s);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	s->changed = st.st_mtim;
	s->valid = now.tv_sec - st.st_mtim.tv_sec > 1;
	return 0;
}

static bool is_in(const struct item *i, const char *name)
{
	return strcmp(i->full, name) == 0 || strcmp(i->repository, name) == 0;
}

int shelf_names(struct shelf *s, struct ac_strv *out, struct ac_err *err)
{
	if (refresh(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (repo_name_ok(s->items[i].full) &&
		    !ac_strv_has(out, s->items[i].full))
			ac_strv_push(out, s->items[i].full);
	return 0;
}

int shelf_tags(struct shelf *s, const char *name, struct ac_strv *out,
	       struct ac_err *err)
{
	int found = 0;

	if (refresh(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct item *it = &s->items[i];

		if (!is_in(it, name))
			continue;
		found = 1;
		if (it->tag != NULL && !ac_strv_has(out, it->tag))
			ac_strv_push(out, it->tag);
	}
	return found;
}

int shelf_resolve(struct shelf *s, const char *name, const char *tag,
		  struct ac_digest *d, char **type, struct ac_err *err)
{
	if (refresh(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct item *it = &s->items[i];

		if (!is_in(it, name) || it->tag == NULL ||
		    strcmp(it->tag, tag) != 0)
			continue;
		*d = s->images[it->image].blobs[0];
		if (s->images[it->image].type[0] != '\0')
			*type = ac_xstrdup(s->images[it->image].type);
		return 1;
	}
	return 0;
}

int shelf_blob(struct shelf *s, const char *name, const struct ac_digest *d,
	       int *fd, struct ac_err *err)
{
	bool mine = false;

	if (refresh(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n && !mine; i++) {
		const struct image *m = &s->images[s->items[i].image];

		for (size_t b = 0; is_in(&s->items[i], name) && b < m->n; b++)
			mine = mine || ac_digest_equal(&m->blobs[b], d);
	}
	if (!mine)
		return 0;
	*fd = ac_store_open_blob(s->store, d, err);
	if (*fd < 0 && err->code == AC_E_NOT_FOUND) {
		*err = AC_ERR_INIT;
		return 0;
	}
	return *fd < 0 ? -1 : 1;
}
