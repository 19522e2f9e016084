/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/difftree.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"

enum { BLOCK = 4096, CHUNK = 256 << 10, MAX_CHAIN = 64 };

static const char zeros[BLOCK];

/* The block of the current file that is not complete yet. */
struct difftree_block {
	uint64_t index;
	bool any; /* bytes were put into it */
	char bytes[BLOCK];
};

/* Memory for names comes in chunks, each beginning with the one before. */
struct chunk {
	char *before;
	char bytes[];
};

void difftree_init(struct difftree *t, size_t *bytes)
{
	*t = (struct difftree){.bytes = bytes};
	t->hash = ac_hash_new(AC_SHA256);
	t->block = ac_xcalloc(1, sizeof(*t->block));
}

void difftree_release(struct difftree *t)
{
	while (t->last != NULL) {
		char *before = ((struct chunk *)(void *)t->last)->before;

		free(t->last);
		t->last = before;
	}
	free(t->v);
	free(t->block);
	ac_hash_free(t->hash);
}

/* N bytes that live as long as the tree. */
static char *room(struct difftree *t, size_t n)
{
	size_t size = n > CHUNK ? n : CHUNK;
	struct chunk *c;

	if (t->room < n) {
		c = ac_xmalloc(sizeof(*c) + size);
		c->before = t->last;
		t->last = (char *)c;
		t->room = size;
	}
	c = (struct chunk *)(void *)t->last;
	/* From the end: how much is left says where. */
	t->room -= n;
	return c->bytes + t->room;
}

static const char *keep(struct difftree *t, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(room(t, n), s, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ac_xattr *)a)->name,
		      ((const struct ac_xattr *)b)->name);
}

static size_t xattr_bytes(const struct ac_entry *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_xattrs; i++)
		n += strlen(e->xattrs[i].name) + 1 + sizeof(uint32_t) +
		     e->xattrs[i].len;
	return n;
}

static void keep_xattrs(struct difftree *t, struct difftree_file *f,
			const struct ac_entry *e)
{
	AC_FREE struct ac_xattr *v = ac_xcalloc(e->n_xattrs + 1, sizeof(*v));
	char *to;

	if (e->n_xattrs == 0)
		return;
	memcpy(v, e->xattrs, e->n_xattrs * sizeof(*v));
	qsort(v, e->n_xattrs, sizeof(*v), by_name);
	f->n_xattrs = xattr_bytes(e);
	f->xattrs = to = room(t, f->n_xattrs);
	for (size_t i = 0; i < e->n_xattrs; i++) {
		uint32_t len = (uint32_t)v[i].len;

		to = stpcpy(to, v[i].name) + 1;
		memcpy(to, &len, sizeof(len));
		to += sizeof(len);
		if (len != 0)
			memcpy(to, v[i].value, len);
		to += len;
	}
}

/* Zeros count as a hole. */
static void hash_block(struct difftree *t, uint64_t index, const char *bytes)
{
	uint64_t le = htole64(index);

	if (memcmp(bytes, zeros, BLOCK) == 0)
		return;
	ac_hash_add(t->hash, &le, sizeof(le));
	ac_hash_add(t->hash, bytes, BLOCK);
}

/* The block is complete. */
static void end_block(struct difftree *t)
{
	struct difftree_block *b = t->block;

	if (b->any)
		hash_block(t, b->index, b->bytes);
	if (b->any)
		memset(b->bytes, 0, BLOCK);
	b->any = false;
}

void difftree_data(struct difftree *t, const void *p, size_t n, uint64_t off)
{
	struct difftree_block *b = t->block;
	const char *from = p;

	while (n != 0) {
		size_t at = off % BLOCK;
		size_t step = BLOCK - at < n ? BLOCK - at : n;

		if (off / BLOCK != b->index) {
			end_block(t);
			b->index = off / BLOCK;
		}
		if (step == BLOCK) {
			hash_block(t, b->index, from);
		} else {
			memcpy(b->bytes + at, from, step);
			b->any = true;
		}
		from += step;
		off += step;
		n -= step;
	}
}

static void end_file(struct difftree *t)
{
	struct ac_digest d;

	if (t->n == 0)
		return;
	end_block(t);
	t->block->index = 0;
	ac_hash_final(t->hash, &d);
	memcpy(t->v[t->n - 1].content, d.bytes, sizeof(t->v->content));
}

int difftree_add(struct difftree *t, const struct ac_entry *e,
		 struct ac_err *err)
{
	bool linked = e->type == AC_F_LINK || e->type == AC_F_HARD;
	size_t bytes = sizeof(*t->v) + strlen(e->path) + 1 + xattr_bytes(e) +
		       (linked ? strlen(e->link) + 1 : 0);
	struct difftree_file *f;

	end_file(t);
	if (bytes > DIFFTREE_MAX - *t->bytes)
		return ac_err_set(err, AC_E_LIMIT,
				  "too many files to compare: their names and "
				  "attributes need more than %d MiB",
				  DIFFTREE_MAX >> 20);
	*t->bytes += bytes;
	if ((t->n & (t->n - 1)) == 0)
		t->v = ac_xrealloc(t->v, t->n != 0 ? t->n * 2 : 1,
				   sizeof(*t->v));
	f = &t->v[t->n++];
	*f = (struct difftree_file){.path = keep(t, e->path),
				    .link = linked ? keep(t, e->link) : NULL,
				    .type = e->type,
				    .mode = e->mode,
				    .uid = e->uid,
				    .gid = e->gid,
				    .mtime = e->mtime,
				    .mtime_ns = e->mtime_ns,
				    .size = e->size,
				    .dev_major = e->dev_major,
				    .dev_minor = e->dev_minor};
	keep_xattrs(t, f, e);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct difftree_file *)a)->path,
		      ((const struct difftree_file *)b)->path);
}

/* The file that F is a name of, or NULL: also when names lead to names without
 * end. */
static struct difftree_file *target(const struct ac_map *files,
				    struct difftree_file *f)
{
	for (int i = 0; i < MAX_CHAIN && f != NULL && f->type == AC_F_HARD; i++)
		f = ac_map_get(files, f->link, strlen(f->link));
	return f != NULL && f->type != AC_F_HARD ? f : NULL;
}

/* Names of one file become the same file, each. */
static void join_names(struct difftree *t)
{
	AC_CLEANUP(ac_map_release) struct ac_map files = AC_MAP_INIT;
	AC_FREE struct difftree_file **to =
		ac_xcalloc(t->n + 1, sizeof(struct difftree_file *));

	for (size_t i = 0; i < t->n; i++)
		ac_map_put(&files, t->v[i].path, strlen(t->v[i].path),
			   &t->v[i]);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].type == AC_F_HARD)
			to[i] = target(&files, &t->v[i]);
	/* In the order of names, so the first that is seen is the first. */
	for (size_t i = 0; i < t->n; i++)
		if (to[i] != NULL && to[i]->group == NULL)
			to[i]->group = strcmp(to[i]->path, t->v[i].path) < 0
					       ? to[i]->path
					       : t->v[i].path;
	for (size_t i = 0; i < t->n; i++) {
		const char *path = t->v[i].path;

		if (to[i] == NULL)
			continue;
		t->v[i] = *to[i];
		t->v[i].path = path;
	}
}

void difftree_end(struct difftree *t)
{
	bool linked = false;

	end_file(t);
	if (t->n > 1)
		qsort(t->v, t->n, sizeof(*t->v), by_path);
	for (size_t i = 0; i < t->n && !linked; i++)
		linked = t->v[i].type == AC_F_HARD;
	if (linked)
		join_names(t);
}

static bool differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

unsigned int difftree_compare(const struct difftree_file *a,
			      const struct difftree_file *b)
{
	unsigned int what = 0;

	if (a->type != b->type)
		return DIFF_TYPE;
	if (a->type != AC_F_LINK && a->mode != b->mode)
		what |= DIFF_MODE;
	if (a->uid != b->uid || a->gid != b->gid)
		what |= DIFF_OWNER;
	if (a->mtime != b->mtime || a->mtime_ns != b->mtime_ns)
		what |= DIFF_MTIME;
	if (a->size != b->size)
		what |= DIFF_SIZE;
	if (a->type == AC_F_REG &&
	    (a->size != b->size ||
	     memcmp(a->content, b->content, sizeof(a->content)) != 0))
		what |= DIFF_CONTENT;
	if (differ(a->link, b->link))
		what |= DIFF_TARGET;
	if (a->dev_major != b->dev_major || a->dev_minor != b->dev_minor)
		what |= DIFF_DEVICE;
	if (a->n_xattrs != b->n_xattrs ||
	    (a->n_xattrs != 0 &&
	     memcmp(a->xattrs, b->xattrs, a->n_xattrs) != 0))
		what |= DIFF_XATTRS;
	if (differ(a->group, b->group))
		what |= DIFF_LINKS;
	return what;
}
