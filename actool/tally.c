/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actool/filecap.h"
#include "actool/tally.h"
#include "common/base/alloc.h"
#include "common/base/own.h"

/* Names of 4 KiB each would make short lists long. */
enum { MAX_NAMES = 2 << 20, MAX_IDS = 4096 };

static struct tally_file file_of(const struct ac_entry *e)
{
	struct tally_file f = {.path = ac_xstrdup(e->path),
			       .type = e->type,
			       .mode = e->mode,
			       .uid = e->uid,
			       .gid = e->gid,
			       .size = e->size,
			       .dev_major = e->dev_major,
			       .dev_minor = e->dev_minor};

	for (size_t i = 0; i < e->n_xattrs && f.caps == NULL; i++)
		if (strcmp(e->xattrs[i].name, "security.capability") == 0)
			f.caps = filecap_text(e->xattrs[i].value,
					      e->xattrs[i].len);
	return f;
}

static void release_file(struct tally_file *f)
{
	free(f->path);
	free(f->caps);
}

static void list_add(struct tally_list *l, size_t limit,
		     const struct ac_entry *e)
{
	size_t len = strlen(e->path) + 1;

	l->total++;
	if (l->n >= limit || len > MAX_NAMES - l->bytes)
		return;
	if ((l->n & (l->n - 1)) == 0)
		l->v = ac_xrealloc(l->v, l->n != 0 ? l->n * 2 : 1,
				   sizeof(*l->v));
	l->v[l->n++] = file_of(e);
	l->bytes += len;
}

static void list_release(struct tally_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		release_file(&l->v[i]);
	free(l->v);
}

/* Is A smaller?  Of two with one size the one that sorts last is. */
static bool smaller(const struct tally_file *a, const struct tally_file *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	return strcmp(a->path, b->path) > 0;
}

static void swap(struct tally_file *a, struct tally_file *b)
{
	struct tally_file t = *a;

	*a = *b;
	*b = t;
}

/* The list is a heap whose top is the smallest: it goes first. */
static void sink(struct tally_list *l, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < l->n; c++)
			if (smaller(&l->v[c], &l->v[least]))
				least = c;
		if (least == i)
			return;
		swap(&l->v[i], &l->v[least]);
		i = least;
	}
}

static void big_add(struct tally_list *l, size_t limit,
		    const struct ac_entry *e)
{
	size_t i = l->n;
	size_t n = l->n;

	list_add(l, limit, e);
	if (l->n > n) {
		for (; i != 0 && smaller(&l->v[i], &l->v[(i - 1) / 2]);
		     i = (i - 1) / 2)
			swap(&l->v[i], &l->v[(i - 1) / 2]);
	} else if (n != 0 && e->size >= l->v[0].size) {
		struct tally_file f = file_of(e);

		if (smaller(&l->v[0], &f)) {
			l->bytes -= strlen(l->v[0].path) + 1;
			l->bytes += strlen(f.path) + 1;
			swap(&l->v[0], &f);
			sink(l, 0);
		}
		release_file(&f);
	}
}

static void count_id(struct tally_ids *t, uint32_t id)
{
	size_t low = 0;
	size_t high = t->n;

	if (t->n != 0 && t->v[t->last].id == id) {
		t->v[t->last].files++;
		return;
	}
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == t->n || t->v[low].id != id) {
		if (t->n == MAX_IDS) {
			t->others++;
			return;
		}
		t->v = ac_xrealloc(t->v, t->n + 1, sizeof(*t->v));
		memmove(t->v + low + 1, t->v + low,
			(t->n - low) * sizeof(*t->v));
		t->v[low].id = id;
		t->v[low].files = 0;
		t->n++;
	}
	t->v[low].files++;
	t->last = low;
}

static void count_time(struct tally *t, const struct ac_entry *e, bool first)
{
	if (first || e->mtime < t->oldest ||
	    (e->mtime == t->oldest && e->mtime_ns < t->oldest_ns)) {
		t->oldest = e->mtime;
		t->oldest_ns = e->mtime_ns;
	}
	if (first || e->mtime > t->newest ||
	    (e->mtime == t->newest && e->mtime_ns > t->newest_ns)) {
		t->newest = e->mtime;
		t->newest_ns = e->mtime_ns;
	}
}

static void count_type(struct tally *t, const struct ac_entry *e)
{
	switch (e->type) {
	case AC_F_REG:
		t->files++;
		if (__builtin_add_overflow(t->bytes, e->size, &t->bytes))
			t->bytes = UINT64_MAX;
		t->sparse += e->extents != NULL;
		big_add(&t->biggest, t->limit, e);
		break;
	case AC_F_DIR:
		t->dirs++;
		break;
	case AC_F_LINK:
		t->links++;
		break;
	case AC_F_HARD:
		break;
	case AC_F_CHR:
		t->chr++;
		break;
	case AC_F_BLK:
		t->blk++;
		break;
	case AC_F_FIFO:
		t->fifos++;
		break;
	}
}

static uint64_t all(const struct tally *t)
{
	return t->files + t->dirs + t->links + t->hard + t->chr + t->blk +
	       t->fifos;
}

static bool has_caps(const struct ac_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (strcmp(e->xattrs[i].name, "security.capability") == 0)
			return true;
	return false;
}

/* The lists that E belongs in, as bits. */
static uint32_t kinds_of(const struct ac_entry *e)
{
	const bool is[TALLY_KINDS] = {
		[TALLY_SETUID] = (e->mode & 04000) != 0,
		[TALLY_SETGID] = (e->mode & 02000) != 0,
		[TALLY_CAPS] = has_caps(e),
		[TALLY_DEVICES] = e->type == AC_F_CHR || e->type == AC_F_BLK,
		[TALLY_WRITABLE] = (e->mode & 02) != 0,
		[TALLY_STICKY] = (e->mode & 01000) != 0,
	};
	uint32_t bits = 0;

	for (unsigned int i = 0; i < TALLY_KINDS; i++)
		bits |= (uint32_t)is[i] << i;
	return bits;
}

static void add_to_lists(struct tally *t, const struct ac_entry *e,
			 uint32_t bits)
{
	for (unsigned int i = 0; i < TALLY_KINDS; i++)
		if ((bits >> i & 1) != 0)
			list_add(&t->lists[i], t->limit, e);
}

/* Another name of a file that was counted: it has nothing of its own but the
 * rights that it gives away, too. */
static void add_name(struct tally *t, const struct ac_entry *e)
{
	const uint32_t *bits =
		ac_fpmap_get(&t->privileged, e->link, strlen(e->link));

	if (bits != NULL)
		add_to_lists(t, e, *bits);
}

void tally_add(struct tally *t, const struct ac_entry *e)
{
	const uint32_t giving =
		1U << TALLY_SETUID | 1U << TALLY_SETGID | 1U << TALLY_CAPS;
	uint32_t bits;
	uint32_t *kept;

	if (e->type == AC_F_HARD) {
		t->hard++;
		add_name(t, e);
		return;
	}
	count_time(t, e, all(t) == t->hard);
	count_type(t, e);
	count_id(&t->users, e->uid);
	count_id(&t->groups, e->gid);
	t->with_xattrs += e->n_xattrs != 0;
	if (e->type == AC_F_LINK)
		return; /* its mode means nothing */
	bits = kinds_of(e);
	add_to_lists(t, e, bits);
	if (e->type != AC_F_REG || (bits & giving) == 0)
		return;
	(void)ac_fpmap_add(&t->privileged, e->path, strlen(e->path), &kept);
	*kept = bits & giving;
}

static int by_size(const void *a, const void *b)
{
	return smaller(a, b) ? 1 : -1;
}

void tally_end(struct tally *t)
{
	if (t->biggest.n > 1)
		qsort(t->biggest.v, t->biggest.n, sizeof(*t->biggest.v),
		      by_size);
}

void tally_release(struct tally *t)
{
	for (size_t i = 0; i < TALLY_KINDS; i++)
		list_release(&t->lists[i]);
	list_release(&t->biggest);
	ac_fpmap_release(&t->privileged);
	free(t->users.v);
	free(t->groups.v);
}

static char type_letter(enum ac_ftype t)
{
	return t == AC_F_REG || t == AC_F_HARD ? '-' : (char)t;
}

void tally_mode(const struct tally_file *f, char out[11])
{
	static const char bits[] = "rwxrwxrwx";

	out[0] = type_letter(f->type);
	for (unsigned int i = 0; i < 9; i++)
		out[1 + i] = '-';
	for (unsigned int i = 0; i < 9; i++)
		if ((f->mode >> (8 - i) & 1) != 0)
			out[1 + i] = bits[i];
	if ((f->mode & 04000) != 0)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if ((f->mode & 02000) != 0)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if ((f->mode & 01000) != 0)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
}
