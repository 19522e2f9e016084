/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/xxh.h"
#include "common/image/name.h"
#include "common/store/list.h"
#include "common/store/publish.h"
#include "common/sys/io.h"

enum {
	MAX_INDEX = 512 << 20,
	WORTH_IT = 128, /* records: fewer are read as fast */
	STAMP = 128,
	HEAD = STAMP + 40,
	CHECKSUM = 2 * AC_XXH_SIZE,
	PART = 16 << 10,
	MAX_STEPS = 1000, /* more lines are not looked for one by one */
	/* The steps of a file's times, with room to spare: what changed within
	 * them may change again without a trace. */
	COARSE_NS = 50 * 1000 * 1000,
};

static const char magic[] = "acutils-index 1 ";

/* What a file or directory looks like while it is the same. */
static void stamp(const struct stat *st, char out[STAMP])
{
	(void)snprintf(out, STAMP,
		       "%" PRIuMAX ":%" PRIdMAX ":%" PRIdMAX ".%09ld:%" PRIdMAX
		       ".%09ld",
		       (uintmax_t)st->st_ino, (intmax_t)st->st_size,
		       (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		       (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* This run of the machine; "-" when nobody says. */
static char boot[40];

static void read_boot(void)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(256);
	struct ac_err ignored;

	(void)!ac_io_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id",
			       &text, &ignored);
	(void)snprintf(boot, sizeof(boot), "%.36s",
		       text.len >= 36 ? text.p : "-");
}

/* What images/ looks like, and this run of the machine: what is written without
 * a sync may be torn after another. */
static bool stamp_dir(const struct ac_store *s, struct stat *st, char out[HEAD])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char dir[STAMP];

	(void)pthread_once(&once, read_boot);
	if (fstatat(s->dirfd, "images", st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	stamp(st, dir);
	(void)snprintf(out, HEAD, "%s:%s", boot, dir);
	return boot[1] != '\0';
}

/* Could it change again and look the same? */
static bool fresh(const struct stat *st)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return ns_of(st->st_ctim) > ns_of(now) - COARSE_NS ||
	       ns_of(st->st_mtim) > ns_of(now) - COARSE_NS;
}

static void put_strings(struct ac_buf *b, const struct ac_strv *v)
{
	ac_buf_addf(b, " %zu", v->n);
	for (size_t i = 0; i < v->n; i++)
		ac_list_escape(b, v->v[i]);
}

/* "STAMP ID KIND IMPORTED NS SIZE NAME N LABEL VALUE... N NAME... N LAYER... N
 * DIGEST SIZE TYPE..." */
static void put_line(struct ac_buf *b, const char *when,
		     const struct ac_record *r)
{
	char digest[AC_DIGEST_TEXT];

	ac_buf_addf(b, "%s %s %d %" PRId64 " %u %" PRIu64, when, r->id,
		    (int)r->kind, r->imported, r->imported_ns, r->size);
	ac_list_escape(b, r->image.name);
	ac_buf_addf(b, " %zu", r->image.labels.n);
	for (size_t i = 0; i < r->image.labels.n; i++) {
		ac_list_escape(b, r->image.labels.v[i].name);
		ac_list_escape(b, r->image.labels.v[i].value);
	}
	put_strings(b, &r->names);
	put_strings(b, &r->layers);
	ac_buf_addf(b, " %zu", r->n_blobs);
	for (size_t i = 0; i < r->n_blobs; i++) {
		ac_digest_print(&r->blobs[i].digest, ':', digest);
		ac_buf_addf(b, " %s %" PRIu64, digest, r->blobs[i].size);
		ac_list_escape(b, r->blobs[i].media_type != NULL
					  ? r->blobs[i].media_type
					  : "");
	}
	ac_buf_addc(b, '\n');
}

/* A line being read: the first bad field makes all the rest bad. */
struct line {
	struct ac_str rest;
	bool bad;
};

static struct ac_str field(struct line *l)
{
	struct ac_str f = {.p = ""};

	if (l->rest.len == 0)
		l->bad = true;
	(void)ac_str_cut(&l->rest, ' ', &f);
	return f;
}

static uint64_t number(struct line *l, uint64_t max)
{
	uint64_t n = 0;

	if (ac_num_max(field(l), max, &n) < 0)
		l->bad = true;
	return n;
}

static char *text(struct line *l)
{
	struct ac_str f = field(l);
	char *s = ac_xstrndup(f.p, f.len);

	if (memchr(f.p, '\\', f.len) != NULL && ac_list_unescape(s) < 0)
		l->bad = true;
	return s;
}

/* No line has more fields than bytes. */
static size_t how_many(struct line *l)
{
	return (size_t)number(l, l->rest.len);
}

static void get_strings(struct line *l, struct ac_strv *out)
{
	for (size_t n = how_many(l); n != 0 && !l->bad; n--)
		ac_strv_take(out, text(l));
}

/* The name and the labels, as strings one behind the other in r->brief. */
static void get_image(struct line *l, struct ac_record *r)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	size_t n;
	char *p;

	ac_strv_take(&v, text(l));
	for (n = 2 * how_many(l); n != 0 && !l->bad; n--)
		ac_strv_take(&v, text(l));
	for (size_t i = 0; i < v.n; i++)
		n += strlen(v.v[i]) + 1;
	r->brief = p = ac_xmalloc(n + 1);
	r->image.labels.v = ac_xcalloc(v.n / 2 + 1, sizeof(*r->image.labels.v));
	for (size_t i = 0; i < v.n; i++) {
		size_t len = strlen(v.v[i]) + 1;

		memcpy(p, v.v[i], len);
		if (i == 0)
			r->image.name = p;
		else if (i % 2 == 1)
			r->image.labels.v[i / 2].name = p;
		else
			r->image.labels.v[r->image.labels.n++].value = p;
		p += len;
	}
}

static void get_blobs(struct line *l, struct ac_record *r)
{
	size_t n = how_many(l);

	r->blobs = ac_xcalloc(n + 1, sizeof(*r->blobs));
	while (r->n_blobs < n && !l->bad) {
		struct ac_blob *b = &r->blobs[r->n_blobs++];
		AC_FREE char *digest = text(l);
		struct ac_err ignored;

		if (ac_digest_parse(&b->digest, digest, ':', &ignored) < 0)
			l->bad = true;
		b->size = number(l, INT64_MAX);
		b->media_type = text(l);
	}
}

/* The record that a line (from its id on) is about: 0, or -1. */
static int get_line(struct ac_str s, struct ac_record *out)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct line l = {.rest = s};

	r.id = text(&l);
	r.kind = number(&l, 1) == AC_IMAGE_OCI ? AC_IMAGE_OCI : AC_IMAGE_ACI;
	if (ac_num_i64(field(&l), &r.imported) < 0)
		l.bad = true;
	r.imported_ns = (uint32_t)number(&l, 999999999);
	r.size = number(&l, INT64_MAX);
	get_image(&l, &r);
	get_strings(&l, &r.names);
	get_strings(&l, &r.layers);
	for (size_t i = 0; i < r.layers.n; i++)
		if (!ac_layer_name_ok(r.layers.v[i]))
			l.bad = true;
	get_blobs(&l, &r);
	if (l.bad || l.rest.len != 0)
		return -1;
	*out = r;
	r = AC_RECORD_INIT;
	return 0;
}

/* The file: "MAGIC CHECKSUM STAMP-OF-IMAGES" and the lines. */
struct index {
	struct ac_buf text;
	struct ac_str lines;
	struct ac_str when; /* of images/ */
	const char *sum;
};

/* Cut the first line off REST: what images/ looked like, in x->when. */
static bool get_head(struct ac_str *rest, struct index *x)
{
	const size_t fixed = strlen(magic) + CHECKSUM + 1;
	struct ac_str head;

	if (!ac_str_cut(rest, '\n', &head) || !ac_str_starts(head, magic) ||
	    head.len < fixed)
		return false;
	x->sum = head.p + strlen(magic);
	x->when = ac_strn(head.p + fixed, head.len - fixed);
	return true;
}

/* Read it.  CHECK: whatever happened to it. */
static void load(const struct ac_store *s, struct index *x, bool check)
{
	struct ac_err ignored;
	uint8_t sum[AC_XXH_SIZE];
	char hex[CHECKSUM + 1];
	struct ac_str rest;

	*x = (struct index){.text = AC_BUF_INIT(MAX_INDEX)};
	if (ac_io_read_regular(s->dirfd, "images.idx", &x->text, &ignored) < 0)
		return;
	rest = ac_strn(x->text.p, x->text.len);
	if (!get_head(&rest, x))
		return;
	if (check) {
		ac_xxh_once(rest.p, rest.len, sum);
		ac_hex_encode(hex, sum, sizeof(sum));
		if (memcmp(x->sum, hex, CHECKSUM) != 0)
			return;
	}
	x->lines = rest;
}

static void save(const struct ac_store *s, const char *when,
		 const struct ac_buf *lines)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_INDEX);
	struct ac_err err = AC_ERR_INIT;
	uint8_t sum[AC_XXH_SIZE];
	char hex[CHECKSUM + 1];

	if (lines->overflow || lines->len == 0)
		return;
	ac_xxh_once(lines->p, lines->len, sum);
	ac_hex_encode(hex, sum, sizeof(sum));
	ac_buf_addf(&text, "%s%s %s\n", magic, hex, when);
	ac_buf_add(&text, lines->p, lines->len);
	if (text.overflow || faccessat(s->dirfd, ".", W_OK, AT_EACCESS) < 0)
		return;
	if (ac_publish_derived(s, "images.idx", text.p, text.len, &err) < 0)
		ac_debug("%s", err.msg);
}

/* A reading of all records, with what an index is made of. */
struct reading {
	const struct ac_store *s;
	int images;
	struct index old;
	struct ac_str at; /* the lines of .old that are still to come */
	struct ac_buf lines;
	struct ac_records *out;
	bool changed;
};

/* The line of ID in the old index, when it is for this STAMP. */
static bool find_line(struct reading *x, const char *id, const char *when,
		      struct ac_str *all, struct ac_str *about)
{
	while (x->at.len != 0) {
		struct ac_str next = x->at;
		struct ac_str line;
		struct ac_str old;
		int c;

		(void)ac_str_cut(&next, '\n', &line);
		*about = line;
		(void)ac_str_cut(about, ' ', &old);
		c = about->len > strlen(id) ? memcmp(about->p, id, strlen(id))
					    : -1;
		if (c > 0)
			return false;
		x->at = next;
		*all = line;
		if (c == 0)
			return ac_str_eq(old, when);
		x->changed = true; /* an image that is gone */
	}
	return false;
}

static void read_one(struct reading *x, const char *id)
{
	struct ac_record *r = &x->out->v[x->out->n];
	AC_FREE char *name = ac_xasprintf("%s.json", id);
	struct ac_err err = AC_ERR_INIT;
	char when[STAMP] = "-";
	struct ac_str all;
	struct ac_str about;
	struct stat st;
	int got;

	if (fstatat(x->images, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		stamp(&st, when);
	if (find_line(x, id, when, &all, &about) && get_line(about, r) == 0) {
		ac_buf_add(&x->lines, all.p, all.len + 1);
		x->out->n++;
		return;
	}
	x->changed = true;
	got = ac_record_get(x->s, id, r, &err);
	if (got > 0) {
		/* A line for a record that may change unseen is for none. */
		put_line(&x->lines, when[0] == '-' || fresh(&st) ? "-" : when,
			 r);
		x->out->n++;
	} else if (got < 0) {
		ac_record_warn(id, &err);
		x->out->unreadable++;
	}
}

/* The records of an index of this moment: 1, or 0 when it is not good. */
static int all_lines(struct ac_str lines, struct ac_records *out)
{
	AC_CLEANUP(ac_records_release) struct ac_records got = AC_RECORDS_INIT;
	size_t n = 0;

	for (size_t i = 0; i < lines.len; i++)
		n += lines.p[i] == '\n';
	got.v = ac_xcalloc(n + 1, sizeof(*got.v));
	while (lines.len != 0) {
		struct ac_str line;
		struct ac_str old;

		(void)ac_str_cut(&lines, '\n', &line);
		(void)ac_str_cut(&line, ' ', &old);
		if (got.n == n || get_line(line, &got.v[got.n]) < 0)
			return 0;
		got.n++;
	}
	ac_records_order(&got);
	*out = got;
	got = AC_RECORDS_INIT;
	return 1;
}

/* Read what the index does not know. */
static int read_records(struct reading *x, const char *when, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLOSE int images = openat(x->s->dirfd, "images",
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (ac_records_ids(x->s, "", &ids, err) < 0)
		return -1;
	x->images = images;
	x->at = x->old.lines;
	x->changed = !ac_str_eq(x->old.when, when);
	x->out->v = ac_xcalloc(ids.n + 1, sizeof(*x->out->v));
	for (size_t i = 0; i < ids.n; i++)
		read_one(x, ids.v[i]);
	ac_records_order(x->out);
	if (x->out->n >= WORTH_IT && (x->changed || x->at.len != 0))
		save(x->s, x->out->unreadable == 0 ? when : "-", &x->lines);
	return 0;
}

int ac_index_read(const struct ac_store *s, struct ac_records *out,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records got = AC_RECORDS_INIT;
	struct reading x = {.s = s,
			    .lines = AC_BUF_INIT(MAX_INDEX),
			    .out = &got};
	char when[HEAD];
	struct stat st;
	int rc = 0;

	if (!stamp_dir(s, &st, when) || fresh(&st))
		(void)snprintf(when, sizeof(when), "-");
	load(s, &x.old, true);
	if (when[1] == '\0' || !ac_str_eq(x.old.when, when) ||
	    x.old.lines.len == 0 || all_lines(x.old.lines, &got) == 0)
		rc = read_records(&x, when, err);
	ac_buf_release(&x.old.text);
	ac_buf_release(&x.lines);
	if (rc < 0)
		return -1;
	*out = got;
	got = AC_RECORDS_INIT;
	return 0;
}

/* The line around P. */
static struct ac_str line_at(struct ac_str lines, const char *p)
{
	const char *end = lines.p + lines.len;
	const char *from = memrchr(lines.p, '\n', (size_t)(p - lines.p));
	const char *to = memchr(p, '\n', (size_t)(end - p));

	from = from != NULL ? from + 1 : lines.p;
	return ac_strn(from, (size_t)((to != NULL ? to : end) - from));
}

static int search(struct ac_str lines, const char *what, struct ac_records *out)
{
	const char *end = lines.p + lines.len;
	const char *p = lines.p;

	while ((p = memmem(p, (size_t)(end - p), what, strlen(what))) != NULL) {
		struct ac_str line = line_at(lines, p);
		struct ac_str old;

		p = line.p + line.len;
		(void)ac_str_cut(&line, ' ', &old);
		if ((out->n & (out->n - 1)) == 0)
			out->v = ac_xrealloc(out->v,
					     out->n != 0 ? out->n * 2 : 1,
					     sizeof(*out->v));
		out->v[out->n] = AC_RECORD_INIT;
		if (get_line(line, &out->v[out->n]) < 0)
			return 0;
		out->n++;
	}
	return 1;
}

int ac_index_search(const struct ac_store *s, const char *what,
		    struct ac_records *out, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records got = AC_RECORDS_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf needle = AC_BUF_INIT(1 << 16);
	struct index x;
	char when[HEAD];
	struct stat st;
	int found = 0;

	ac_list_escape(&needle, what); /* with a blank in front */
	if (ac_buf_check(&needle, "the name", err) < 0)
		return -1;
	if (!stamp_dir(s, &st, when))
		return 0;
	load(s, &x, false);
	if (ac_str_eq(x.when, when))
		found = search(x.lines, needle.p, &got);
	ac_buf_release(&x.text);
	if (found <= 0)
		return found;
	ac_records_order(&got);
	*out = got;
	got = AC_RECORDS_INIT;
	return 1;
}

/* The index as a file, for looking at a part of it. */
struct part {
	int fd;
	off_t begin, end; /* of the lines */
	char *buf;        /* PART bytes and a NUL */
};

/* The first whole line behind AT: its id in *id, which lasts until the next
 * call, and where it begins.  False when there is none within reach. */
static bool line_behind(struct part *p, off_t at, struct ac_str *id,
			off_t *begin)
{
	ssize_t n = pread(p->fd, p->buf, PART, at);
	struct ac_str s = ac_strn(p->buf, n > 0 ? (size_t)n : 0);
	struct ac_str skipped;

	if (at != p->begin && !ac_str_cut(&s, '\n', &skipped))
		return false;
	*begin = at + (s.p - p->buf);
	(void)ac_str_cut(&s, ' ', &skipped);
	return ac_str_cut(&s, ' ', id);
}

static int compare(struct ac_str id, const char *prefix)
{
	size_t n = strlen(prefix);

	return memcmp(id.p, prefix, id.len < n ? id.len : n);
}

/* Where a line begins that no line of PREFIX is before. */
static off_t lower_bound(struct part *p, const char *prefix)
{
	off_t low = p->begin;
	off_t high = p->end;

	while (high - low > PART) {
		off_t middle = low + (high - low) / 2;
		struct ac_str id;
		off_t begin;

		if (!line_behind(p, middle, &id, &begin))
			break;
		if (begin < high && compare(id, prefix) < 0)
			low = begin;
		else
			high = middle;
	}
	return low;
}

static int ids_from(struct part *p, const char *prefix, struct ac_strv *out)
{
	off_t at = lower_bound(p, prefix);
	size_t n = 0;
	struct ac_str id;

	/* One line after the other. */
	while (at < p->end) {
		AC_FREE char *text = NULL;
		const char *eol;
		off_t begin;

		if (n++ > MAX_STEPS || !line_behind(p, at, &id, &begin))
			return 0;
		if (compare(id, prefix) > 0)
			return 1;
		text = ac_xstrndup(id.p, id.len);
		if (compare(id, prefix) == 0) {
			if (!ac_image_id_ok(text, true))
				return 0;
			ac_strv_push(out, text);
		}
		eol = strchr(id.p, '\n');
		if (eol == NULL)
			return 0;
		/* The newline, so that what is behind it is a whole line. */
		at = at + (eol - p->buf);
	}
	return 1;
}

int ac_index_ids(const struct ac_store *s, const char *prefix,
		 struct ac_strv *out)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_FREE char *buf = ac_xcalloc(PART + 1, 1);
	AC_CLOSE int fd =
		openat(s->dirfd, "images.idx",
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct part p = {.fd = fd, .buf = buf};
	struct index x = {.lines = {.p = ""}};
	struct ac_str rest;
	char when[HEAD];
	struct stat st;
	ssize_t n;

	if (fd < 0 || !stamp_dir(s, &st, when))
		return 0;
	n = pread(fd, buf, PART, 0);
	rest = ac_strn(buf, n > 0 ? (size_t)n : 0);
	if (!get_head(&rest, &x) || !ac_str_eq(x.when, when) ||
	    fstat(fd, &st) < 0)
		return 0;
	p.begin = rest.p - buf;
	p.end = st.st_size - 1; /* the last newline ends no line behind it */
	if (ids_from(&p, prefix, &ids) == 0)
		return 0;
	ac_strv_release(out);
	*out = ids;
	ids = AC_STRV_INIT;
	return 1;
}
