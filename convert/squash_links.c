/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/path.h"
#include "convert/squash_priv.h"

enum {
	/* How often one layer is read again: a chain of hidden links, each to
	 * the next, costs a round a link, and nobody makes one. */
	MAX_ROUNDS = 16,
	MAX_BYTES = 32 << 20,
};

static struct path *find(const struct squash *q, const char *path)
{
	return paths_get(&q->paths, path, strlen(path));
}

static const struct late *late_at(const struct squash *q, const char *path)
{
	/* Places in a list that grows, counted from 1. */
	uintptr_t i = (uintptr_t)ac_map_get(&q->waiting, path, strlen(path));

	return i != 0 ? &q->late[i - 1] : NULL;
}

/* The name under which the file PATH of this layer was written, or NULL. */
static const char *written(const struct squash *q, const char *path)
{
	const struct path *p = find(q, path);

	if (p != NULL && p->first == q->layer &&
	    (p->flags & PATH_FIRST_DIR) == 0 && late_at(q, path) == NULL)
		return path;
	return ac_map_get(&q->given, path, strlen(path));
}

static int to_directory(const char *path, const char *target,
			struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "hard link '%s' leads to the directory '%s'", path,
			  target);
}

/* Let LINK, of which the path is moved here, wait. */
static int wait_for(struct squash *q, struct link *link, const char *target,
		    struct ac_err *err)
{
	q->late_bytes += strlen(link->path) + strlen(target) + sizeof(*q->late);
	if (q->late_bytes > MAX_BYTES)
		return ac_err_set(err, AC_E_LIMIT,
				  "hard links before their targets, with more "
				  "than %d bytes of names",
				  MAX_BYTES);
	/* Grows at powers of two. */
	if ((q->n_late & (q->n_late - 1)) == 0)
		q->late =
			ac_xrealloc(q->late, q->n_late != 0 ? 2 * q->n_late : 1,
				    sizeof(*q->late));
	q->late[q->n_late++] = (struct late){
		.link = *link,
		.target = ac_xstrdup(target),
	};
	link->path = NULL;
	return 0;
}

int squash_link(struct squash *q, const struct ac_entry *e, const char *path,
		const char *target, struct ac_err *err)
{
	AC_FREE char *own = ac_xstrdup(path);
	struct link l = {
		.path = own,
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = e->mtime,
		.mtime_ns = e->mtime_ns,
	};
	const char *name = written(q, target);

	if (strcmp(path, target) == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' leads to itself", path);
	if (name != NULL)
		return squash_emit_link(q, &l, name, err);
	if (wait_for(q, &l, target, err) < 0)
		return -1;
	own = NULL; /* it is the link's now */
	name = q->late[q->n_late - 1].link.path;
	ac_map_put(&q->waiting, name, strlen(name),
		   (void *)(uintptr_t)q->n_late);
	return 0;
}

int squash_relink(struct squash *q, struct want *want, const char *target,
		  struct ac_err *err)
{
	for (size_t i = 0; i < want->n; i++)
		if (wait_for(q, &want->v[i], target, err) < 0)
			return -1;
	return 0;
}

void squash_forget_links(struct squash *q)
{
	for (size_t i = 0; i < q->n_late; i++) {
		free(q->late[i].link.path);
		free(q->late[i].target);
	}
	free(q->late);
	q->late = NULL;
	q->n_late = 0;
	q->late_bytes = 0;
	ac_map_release(&q->waiting);
	ac_map_release(&q->given);
	ac_strv_release(&q->names);
}

/* Write LINK to TARGET, or find out who will: its path is moved away then. */
static int settle_one(struct squash *q, struct link *link, const char *target,
		      struct ac_err *err)
{
	const struct late *l;
	const struct path *p;
	const char *name;
	size_t steps = 0;

	while ((l = late_at(q, target)) != NULL) {
		target = l->target;
		if (++steps > q->n_late)
			return ac_err_set(err, AC_E_INVALID,
					  "hard link '%s' leads in a circle",
					  link->path);
	}
	p = find(q, target);
	if (p != NULL && p->last == q->layer && (p->flags & PATH_LAST_DIR) != 0)
		return to_directory(link->path, target, err);
	name = written(q, target);
	if (name != NULL)
		return squash_emit_link(q, link, name, err);
	return wants_add(p != NULL && p->last == q->layer ? &q->here
							  : &q->below,
			 target, link, q->layer, err);
}

/* An entry of a layer that is read once more. */
static int on_entry(struct squash *q, const struct ac_entry *e,
		    struct ac_err *err)
{
	AC_FREE char *path = NULL;
	AC_FREE char *target = NULL;
	AC_CLEANUP(want_freep) struct want *want = NULL;

	if (squash_is_mark(e->path))
		return 0;
	path = squash_moved(q, e->path, err);
	if (path == NULL)
		return -1;
	want = wants_take(&q->here, path);
	if (want == NULL)
		return 0;
	if (e->type != AC_F_HARD)
		return squash_emit_wanted(q, e, want, err);
	target = squash_moved(q, e->link, err);
	if (target == NULL)
		return -1;
	for (size_t i = 0; i < want->n; i++)
		if (settle_one(q, &want->v[i], target, err) < 0)
			return -1;
	return 0;
}

static int read_again(struct squash *q, size_t i, struct ac_err *err)
{
	AC_CLEANUP(ac_ocilayer_close) struct ac_ocilayer in = AC_OCILAYER_INIT;

	if (ac_ocilayer_open(&in, q->im, q->s, i, err) < 0)
		return -1;
	return squash_read_entries(q, &in, on_entry, err);
}

/* Does the layer just read remove the target of W from those below it?  What it
 * has in the place of a directory counts for the links of layers above: its
 * own may have been made before. */
static bool is_removed(const struct squash *q, const struct want *w)
{
	const char *path = w->target;
	const struct path *p = find(q, path);
	size_t n = strlen(path);

	/* Of its own layer: the file goes, and keeps the link's name. */
	if (w->since == q->layer)
		return false;
	if (p != NULL && p->white_last == q->layer)
		return true;
	while (n != 0) {
		while (n != 0 && path[n - 1] != '/')
			n--;
		n -= n != 0;
		p = paths_get(&q->paths, path, n);
		if (p != NULL &&
		    (p->white_last == q->layer || p->opaque_last == q->layer ||
		     (w->since != q->layer && p->last == q->layer &&
		      (p->flags & PATH_LAST_DIR) == 0)))
			return true;
	}
	return false;
}

static int dangling(const struct want *w, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "hard link '%s' leads to '%s', which is in no layer "
			  "below it",
			  w->v[0].path, w->target);
}

int squash_settle(struct squash *q, size_t i, struct ac_err *err)
{
	for (size_t k = 0; k < q->n_late; k++) {
		AC_FREE char *own = ac_xstrdup(q->late[k].link.path);
		struct link l = q->late[k].link;
		int ret;

		l.path = own;
		ret = settle_one(q, &l, q->late[k].target, err);
		own = l.path;
		if (ret < 0)
			return -1;
	}
	for (int round = 0; q->here.waiting != 0; round++) {
		if (round == MAX_ROUNDS)
			return ac_err_set(err, AC_E_LIMIT,
					  "hard links to hard links to removed "
					  "files, more than %d of them in a "
					  "row",
					  MAX_ROUNDS);
		if (read_again(q, i, err) < 0)
			return -1;
	}
	wants_release(&q->here);
	squash_forget_links(q);
	for (size_t k = 0; k < q->below.n; k++) {
		const struct want *w = q->below.v[k];

		if (w != NULL && is_removed(q, w))
			return dangling(w, err);
	}
	return 0;
}

int squash_settled(const struct squash *q, struct ac_err *err)
{
	for (size_t i = 0; i < q->below.n; i++)
		if (q->below.v[i] != NULL)
			return dangling(q->below.v[i], err);
	return 0;
}
