/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/store/plan.h"
#include "common/store/publish.h"
#include "common/store/reap.h"
#include "common/store/record.h"
#include "common/sys/treerd.h"

/* A layer or blob. */
struct part {
	struct part *next;
	uint64_t bytes;
	uint64_t told; /* by a record: of all its layers, for the top one */
	bool measured;
	size_t users;
	bool layer;
	char name[]; /* of a layer, or "alg:hex" */
};

struct ac_space {
	const struct ac_store *s;
	struct ac_map parts;
	struct part *list; /* all, owned */
};

static struct part *part_of(struct ac_space *sp, const char *name, bool layer)
{
	size_t len = strlen(name);
	struct part *p = ac_map_get(&sp->parts, name, len);

	if (p != NULL)
		return p;
	p = ac_xcalloc(1, sizeof(*p) + len + 1);
	memcpy(p->name, name, len);
	p->layer = layer;
	p->next = sp->list;
	sp->list = p;
	ac_map_put(&sp->parts, p->name, len, p);
	return p;
}

static struct part *blob_part(struct ac_space *sp, const struct ac_blob *b)
{
	char text[AC_DIGEST_TEXT];
	struct part *p;

	ac_digest_print(&b->digest, ':', text);
	p = part_of(sp, text, false);
	p->bytes = b->size;
	p->measured = true;
	return p;
}

static uint64_t measure(struct ac_space *sp, struct part *p)
{
	struct ac_err why;
	int got;

	if (p->measured)
		return p->bytes;
	got = ac_publish_layer_bytes(sp->s, p->name, &p->bytes, &why);
	for (size_t i = 0; got < 0 && i < sp->s->n_more; i++)
		got = ac_publish_layer_bytes(&sp->s->more[i], p->name,
					     &p->bytes, &why);
	/* A layer that is not there takes up nothing; of one that is not for
	 * us to see the records tell. */
	if (got < 0)
		p->bytes = why.sys == EACCES ? p->told : 0;
	p->measured = true;
	return p->bytes;
}

/* The parts of R, each once. */
struct parts {
	struct part **v;
	size_t n;
};

static void add_part(struct parts *out, struct part *p)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i] == p)
			return;
	out->v[out->n++] = p;
}

static void parts_of(struct ac_space *sp, const struct ac_record *r,
		     struct parts *out)
{
	AC_FREE char *flat = ac_plan_layer(r);

	out->n = 0;
	out->v =
		ac_xcalloc(r->layers.n + r->n_blobs + 1, sizeof(struct part *));
	for (size_t i = 0; i < r->layers.n; i++)
		add_part(out, part_of(sp, r->layers.v[i], true));
	for (size_t i = 0; i < r->n_blobs; i++)
		add_part(out, blob_part(sp, &r->blobs[i]));
	add_part(out, part_of(sp, flat, true));
}

static int count(void *ctx, const struct ac_record *r,
		 AC_UNUSED struct ac_err *err)
{
	struct ac_space *sp = ctx;
	struct parts p;

	parts_of(sp, r, &p);
	for (size_t i = 0; i < p.n; i++)
		p.v[i]->users++;
	if (r->layers.n != 0)
		part_of(sp, r->layers.v[r->layers.n - 1], true)->told = r->size;
	free(p.v);
	return 0;
}

struct ac_space *ac_space_new(const struct ac_store *s, struct ac_err *err)
{
	struct ac_space *sp = ac_xcalloc(1, sizeof(*sp));

	sp->s = s;
	if (ac_store_each_brief(s, count, sp, err) < 0) {
		ac_space_free(sp);
		return NULL;
	}
	return sp;
}

void ac_space_free(struct ac_space *sp)
{
	if (sp == NULL)
		return;
	while (sp->list != NULL) {
		struct part *next = sp->list->next;

		free(sp->list);
		sp->list = next;
	}
	ac_map_release(&sp->parts);
	free(sp);
}

void ac_space_image(struct ac_space *sp, const struct ac_record *r,
		    struct ac_usage *out)
{
	struct parts p;

	*out = (struct ac_usage){.blobs = 0};
	parts_of(sp, r, &p);
	for (size_t i = 0; i < p.n; i++) {
		uint64_t n = measure(sp, p.v[i]);

		*(p.v[i]->layer ? &out->layers : &out->blobs) += n;
		if (p.v[i]->users > 1)
			out->shared += n;
	}
	free(p.v);
}

uint64_t ac_space_shared(struct ac_space *sp, const struct ac_record *r)
{
	uint64_t shared = 0;
	struct parts p;

	parts_of(sp, r, &p);
	for (size_t i = 0; i < p.n; i++)
		if (p.v[i]->users > 1)
			shared += measure(sp, p.v[i]);
	free(p.v);
	return shared;
}

void ac_space_total(struct ac_space *sp, struct ac_usage *out)
{
	*out = (struct ac_usage){.blobs = 0};
	for (struct part *p = sp->list; p != NULL; p = p->next) {
		uint64_t n = measure(sp, p);

		*(p->layer ? &out->layers : &out->blobs) += n;
		if (p->users > 1)
			out->shared += n;
	}
}

uint64_t ac_space_layer(struct ac_space *sp, const char *layer, size_t *users)
{
	struct part *p = part_of(sp, layer, true);

	*users = p->users;
	return measure(sp, p);
}

uint64_t ac_space_blob(struct ac_space *sp, const struct ac_blob *b,
		       size_t *users)
{
	struct part *p = blob_part(sp, b);

	*users = p->users;
	return p->bytes;
}

/* What others remove meanwhile does not count. */
static uint64_t below(int dirfd, const char *name)
{
	AC_CLOSE int fd =
		openat(dirfd, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct ac_treerd *t;
	struct ac_entry e;
	struct ac_err ignored;
	uint64_t bytes = 0;
	int file;

	if (fd < 0)
		return 0;
	t = ac_treerd_new(fd);
	ac_treerd_holes_on_disk(t);
	while (ac_treerd_next(t, &e, &file, &ignored) > 0)
		if (e.type == AC_F_REG)
			bytes += e.size;
	ac_treerd_free(t);
	return bytes;
}

static uint64_t all_in(const struct ac_store *s, const char *dir)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	struct ac_err ignored;
	AC_CLOSE int fd = ac_publish_dir(s, dir, &ignored);
	uint64_t bytes = 0;

	if (fd < 0 || ac_reap_names(s, dir, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
		else if (S_ISDIR(st.st_mode))
			bytes += below(fd, names.v[i]);
	}
	return bytes;
}

void ac_space_rest(const struct ac_store *s, struct ac_space_rest *out)
{
	*out = (struct ac_space_rest){.ingest = all_in(s, "ingest"),
				      .partial = all_in(s, "partial"),
				      .http = all_in(s, "http")};
}
