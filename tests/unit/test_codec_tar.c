/* tar archives written and read back, by us and by others. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

enum { MAX = 16 << 20 };

static struct ac_err err;

#define N60  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define N240 N60 N60 N60 N60

static const struct ac_xattr xattrs[] = {
	{"user.b", "x=y\n\0z", 6},
	{"user.a", "", 0},
	{"security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
};

static const struct ac_extent pieces[] = {{0, 3},
					  {100000, 1000},
					  {5000000000, 5}};
static const struct ac_extent none[1];

static const struct {
	struct ac_entry e;
	const char *content; /* of a file; its size when not sparse */
	bool pax;            /* a pax header is in front */
} all[] = {
	{{.type = AC_F_DIR, .path = "", .mode = 0755}, NULL, false},
	{{.type = AC_F_DIR, .path = "dir", .mode = 01777}, NULL, false},
	{{.type = AC_F_REG, .path = "dir/empty", .mode = 0}, "", false},
	{{.type = AC_F_REG, .path = "dir/f", .mode = 06755, .mtime = 5},
	 "hello",
	 false},
	{{.type = AC_F_HARD, .path = "hard", .link = "dir/f"}, NULL, false},
	{{.type = AC_F_LINK, .path = "sym", .link = "/x/../y", .mode = 0777},
	 NULL,
	 false},
	{{.type = AC_F_CHR, .path = "chr", .dev_major = 4095, .dev_minor = 3},
	 NULL,
	 false},
	{{.type = AC_F_BLK,
	  .path = "blk",
	  .dev_major = 8,
	  .dev_minor = 0xfffff},
	 NULL,
	 false},
	{{.type = AC_F_FIFO, .path = "fifo"}, NULL, false},
	/* Names: what just fits, what a prefix takes, what nothing takes. */
	{{.type = AC_F_REG,
	  .path = N60 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"},
	 "",
	 false},
	{{.type = AC_F_REG, .path = N60 "/" N60}, "", false},
	{{.type = AC_F_REG,
	  .path = N60 "/" N60 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"},
	 "",
	 false},
	{{.type = AC_F_REG,
	  .path = N60 "/" N60 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"},
	 "",
	 true},
	{{.type = AC_F_REG, .path = N240}, "", true},
	{{.type = AC_F_REG, .path = N240 "/" N240 "/" N240}, "long", true},
	{{.type = AC_F_LINK, .path = "longlink", .link = N240 "/" N240},
	 NULL,
	 true},
	{{.type = AC_F_HARD, .path = "longhard", .link = N240}, NULL, true},
	{{.type = AC_F_REG, .path = "\xc3\xa9t\xc3\xa9"}, "", true},
	{{.type = AC_F_REG, .path = "e\xcc\x81"}, "", true}, /* not NFC */
	{{.type = AC_F_REG, .path = "a\xff\xfe/\n"}, "", false},
	{{.type = AC_F_REG, .path = N240 "/\xff"}, "", true},
	{{.type = AC_F_LINK, .path = "l", .link = "a\xff"}, NULL, false},
	{{.type = AC_F_LINK, .path = "l2", .link = "\xc3\xa9"}, NULL, true},
	/* Numbers. */
	{{.type = AC_F_REG, .path = "ids", .uid = 2097151, .gid = 2097151},
	 "",
	 false},
	{{.type = AC_F_REG, .path = "big", .uid = 2097152, .gid = 4294967294},
	 "",
	 true},
	{{.type = AC_F_REG, .path = "t1", .mtime = 8589934591}, "", false},
	{{.type = AC_F_REG, .path = "t2", .mtime = 8589934592}, "", true},
	{{.type = AC_F_REG, .path = "t3", .mtime = -1}, "", true},
	{{.type = AC_F_REG, .path = "t4", .mtime = -1, .mtime_ns = 500000000},
	 "",
	 true},
	{{.type = AC_F_REG, .path = "t5", .mtime = -2, .mtime_ns = 1},
	 "",
	 true},
	{{.type = AC_F_REG, .path = "t6", .mtime = 1, .mtime_ns = 999999999},
	 "",
	 true},
	{{.type = AC_F_REG, .path = "t7", .mtime = INT64_MIN + 1}, "", true},
	{{.type = AC_F_REG,
	  .path = "x",
	  .xattrs = xattrs,
	  .n_xattrs = AC_LEN(xattrs)},
	 "with attributes",
	 true},
	{{.type = AC_F_REG,
	  .path = "sparse",
	  .size = 5000000006,
	  .extents = pieces,
	  .n_extents = AC_LEN(pieces)},
	 "sparse",
	 true},
	{{.type = AC_F_REG,
	  .path = N240 "/hole",
	  .size = 7000,
	  .extents = none,
	  .n_extents = 0},
	 "",
	 true},
};

static char filler[1000]; /* the second piece */

static int collect(void *ctx, const void *p, size_t n, struct ac_err *e)
{
	(void)e;
	CHECK(n != 0);
	ac_buf_add(ctx, p, n);
	return 0;
}

static struct ac_entry entry(size_t i)
{
	struct ac_entry e = all[i].e;

	if (e.type == AC_F_REG && e.extents == NULL)
		e.size = strlen(all[i].content);
	return e;
}

static void write_all(struct ac_buf *out)
{
	struct ac_tar_writer *w = ac_tar_writer_new(collect, out);

	for (size_t i = 0; i < AC_LEN(all); i++) {
		struct ac_entry e = entry(i);
		size_t before = out->len;

		CHECK(ac_tar_add(w, &e, &err) == 0);
		CHECK((out->p[before + 156] == 'x') == all[i].pax);
		if (e.n_extents > 1) {
			CHECK(ac_tar_write(w, "abc", 3, &err) == 0);
			CHECK(ac_tar_write(w, filler, 1000, &err) == 0);
			CHECK(ac_tar_write(w, "defgh", 5, &err) == 0);
		} else if (e.size != 0 && e.extents == NULL) {
			CHECK(ac_tar_write(w, all[i].content, 1, &err) == 0);
			CHECK(ac_tar_write(w, "", 0, &err) == 0);
			CHECK(ac_tar_write(w, all[i].content + 1, e.size - 1,
					   &err) == 0);
		}
		CHECK(out->len % 512 == 0);
	}
	CHECK(ac_tar_finish(w, &err) == 0);
	ac_tar_writer_free(w);
}

struct chunks {
	const char *p;
	size_t n, step;
	char *copy; /* of its own size, for the sanitizers to watch */
};

static ssize_t source(void *ctx, const void **p, struct ac_err *e)
{
	struct chunks *c = ctx;
	size_t n = c->n < c->step ? c->n : c->step;

	(void)e;
	free(c->copy);
	c->copy = ac_xmemdup(c->p, n);
	*p = c->copy;
	c->p += n;
	c->n -= n;
	return (ssize_t)n;
}

static bool same_xattrs(const struct ac_entry *a, const struct ac_entry *b)
{
	size_t found = 0;

	for (size_t i = 0; i < a->n_xattrs; i++)
		for (size_t j = 0; j < b->n_xattrs; j++)
			found += strcmp(a->xattrs[i].name, b->xattrs[j].name) ==
					 0 &&
				 a->xattrs[i].len == b->xattrs[j].len &&
				 memcmp(a->xattrs[i].value, b->xattrs[j].value,
					a->xattrs[i].len) == 0;
	return a->n_xattrs == b->n_xattrs && found == a->n_xattrs;
}

static void check_same(const struct ac_entry *a, const struct ac_entry *b)
{
	CHECK(a->type == b->type && strcmp(a->path, b->path) == 0);
	CHECK((a->link == NULL) == (b->link == NULL));
	CHECK(a->link == NULL || strcmp(a->link, b->link) == 0);
	CHECK(a->mode == b->mode && a->uid == b->uid && a->gid == b->gid);
	CHECK(a->mtime == b->mtime && a->mtime_ns == b->mtime_ns);
	CHECK(a->size == b->size);
	CHECK(a->dev_major == b->dev_major && a->dev_minor == b->dev_minor);
	CHECK(same_xattrs(a, b));
	CHECK((a->extents == NULL) == (b->extents == NULL));
	CHECK(a->n_extents == b->n_extents);
	for (size_t i = 0; i < a->n_extents; i++)
		CHECK(a->extents[i].off == b->extents[i].off &&
		      a->extents[i].len == b->extents[i].len);
}

TEST(what_is_written_is_read)
{
	static const size_t steps[] = {1, 511, 513, 4096, MAX};
	BUF tar = AC_BUF_INIT(MAX);

	memset(filler, 'F', sizeof(filler));
	write_all(&tar);
	for (size_t s = 0; s < AC_LEN(steps); s++) {
		struct chunks c = {tar.p, tar.len, steps[s], NULL};
		struct ac_tar_reader *r = ac_tar_reader_new(NULL, source, &c);
		struct ac_entry e;

		for (size_t i = 0; i < AC_LEN(all); i++) {
			struct ac_entry want = entry(i);
			BUF data = AC_BUF_INIT(MAX);
			const void *p;
			size_t n;
			uint64_t off;
			uint64_t last = 0;

			CHECK(ac_tar_next(r, &e, &err) == 1);
			check_same(&want, &e);
			if (i % 3 == 0)
				continue; /* skipped by the next */
			while (ac_tar_data(r, &p, &n, &off, &err) > 0) {
				CHECK(n != 0 && off >= last);
				CHECK(off + n <= e.size);
				last = off + n;
				ac_buf_add(&data, p, n);
			}
			if (e.extents == NULL && e.type == AC_F_REG)
				CHECK(strcmp(ac_buf_str(&data),
					     all[i].content) == 0);
			else if (e.n_extents != 0)
				CHECK(data.len == 1008 &&
				      memcmp(data.p, "abcF", 4) == 0);
			else
				CHECK(data.len == 0);
		}
		CHECK(ac_tar_next(r, &e, &err) == 0);
		ac_tar_reader_free(r);
		free(c.copy);
	}
}

TEST(the_same_bytes)
{
	BUF a = AC_BUF_INIT(MAX);
	BUF b = AC_BUF_INIT(MAX);
	struct ac_tar_writer *w = ac_tar_writer_new(collect, &a);
	struct ac_entry e = {.type = AC_F_FIFO, .path = "p", .n_xattrs = 2};
	struct ac_xattr turned[] = {xattrs[1], xattrs[0]};

	/* An empty archive is two blocks; a plain entry is one more. */
	CHECK(ac_tar_finish(w, &err) == 0);
	CHECK(a.len == 1024);
	ac_tar_writer_free(w);
	ac_buf_reset(&a);

	w = ac_tar_writer_new(collect, &a);
	e.xattrs = xattrs;
	CHECK(ac_tar_add(w, &e, &err) == 0);
	ac_tar_writer_free(w);
	w = ac_tar_writer_new(collect, &b);
	e.xattrs = turned;
	CHECK(ac_tar_add(w, &e, &err) == 0);
	ac_tar_writer_free(w);
	CHECK(a.len == b.len && memcmp(a.p, b.p, a.len) == 0);
}

TEST(exactly_what_was_announced)
{
	BUF out = AC_BUF_INIT(MAX);
	struct ac_tar_writer *w = ac_tar_writer_new(collect, &out);
	struct ac_entry e = {.type = AC_F_REG, .path = "f", .size = 5};
	struct ac_entry link = {.type = AC_F_LINK, .path = "l", .link = ""};
	struct ac_xattr odd = {.name = "user.a=b", .value = "x", .len = 1};
	struct ac_extent turned[] = {{5, 5}, {0, 5}};

	CHECK(ac_tar_write(w, "x", 1, &err) < 0);
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write(w, "123456", 6, &err) < 0);
	CHECK(strcmp(err.msg, "'f' changed while it was read: it grew") == 0);
	CHECK(ac_tar_write(w, "123", 3, &err) == 0);
	CHECK(ac_tar_add(w, &e, &err) < 0);
	CHECK(strstr(err.msg, "2 bytes are missing") != NULL);
	CHECK(ac_tar_finish(w, &err) < 0);
	CHECK(ac_tar_write(w, "45", 2, &err) == 0);

	CHECK(ac_tar_add(w, &link, &err) < 0);
	link.link = NULL;
	CHECK(ac_tar_add(w, &link, &err) < 0);
	e.mtime_ns = 1000000000;
	CHECK(ac_tar_add(w, &e, &err) < 0);
	e.mtime_ns = 0;
	e.xattrs = &odd;
	e.n_xattrs = 1;
	CHECK(ac_tar_add(w, &e, &err) < 0 && err.code == AC_E_UNSUPPORTED);
	e.n_xattrs = 0;
	e.size = 10;
	e.extents = turned;
	e.n_extents = 2;
	CHECK(ac_tar_add(w, &e, &err) < 0);
	ac_tar_writer_free(w);
	ac_tar_writer_free(NULL);
}

TEST(from_files)
{
	BUF out = AC_BUF_INIT(MAX);
	struct ac_tar_writer *w = ac_tar_writer_new(collect, &out);
	struct ac_entry e = {.type = AC_F_REG, .path = "f", .size = 1000000};
	struct ac_extent two[] = {{10, 10}, {500000, 500000}};
	AC_CLOSE int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(ftruncate(fd, 1000000) == 0);
	CHECK(pwrite(fd, "0123456789", 10, 10) == 10);
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write_fd(w, fd, &err) == 0);
	CHECK(out.len == 512 + 1000448);
	CHECK(memcmp(out.p + 512 + 10, "0123456789", 10) == 0);
	ac_buf_reset(&out);
	e.extents = two;
	e.n_extents = 2;
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write_fd(w, fd, &err) == 0);
	CHECK(out.len == 3 * 512 + 512 + 500224);
	CHECK(memcmp(out.p + 4 * 512, "0123456789\0", 11) == 0);

	e.extents = NULL;
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ftruncate(fd, 1000001) == 0);
	CHECK(ac_tar_write_fd(w, fd, &err) < 0);
	CHECK(strstr(err.msg, "it grew") != NULL);
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ftruncate(fd, 999999) == 0);
	CHECK(ac_tar_write_fd(w, fd, &err) < 0);
	CHECK(strstr(err.msg, "1 bytes are missing") != NULL);
	ac_tar_writer_free(w);
}

/* Lends 1000 bytes at a time. */
struct lender {
	struct ac_buf out;
	char room[1000];
	size_t lent;
	bool refuse;
};

static int lender_sink(void *ctx, const void *p, size_t n, struct ac_err *e)
{
	struct lender *l = ctx;

	(void)e;
	ac_buf_add(&l->out, p, n);
	return 0;
}

static void *lender_lend(void *ctx, size_t *cap, struct ac_err *e)
{
	struct lender *l = ctx;

	if (l->refuse) {
		(void)ac_err_set(e, AC_E_SYS, "nothing to lend");
		return NULL;
	}
	*cap = sizeof(l->room);
	return l->room;
}

static int lender_lent(void *ctx, size_t n, struct ac_err *e)
{
	struct lender *l = ctx;

	(void)e;
	CHECK(n <= sizeof(l->room));
	ac_buf_add(&l->out, l->room, n);
	l->lent += n;
	return 0;
}

TEST(from_files_without_copying)
{
	static const size_t sizes[] = {0, 1, 999, 1000, 1001, 2000, 123456};
	struct lender l = {.out = AC_BUF_INIT(MAX)};
	BUF copied = AC_BUF_INIT(MAX);
	struct ac_tar_writer *w = ac_tar_writer_new(lender_sink, &l);
	struct ac_tar_writer *by_copy = ac_tar_writer_new(collect, &copied);
	struct ac_extent two[] = {{10, 10}, {100000, 2000}};
	AC_CLOSE int fd = memfd_create("test", MFD_CLOEXEC);
	size_t before = 0;

	ac_tar_writer_lend(w, lender_lend, lender_lent);
	for (size_t i = 0; i < AC_LEN(sizes); i++) {
		struct ac_entry e = {.type = AC_F_REG,
				     .path = "f",
				     .size = sizes[i]};

		CHECK(ftruncate(fd, 0) == 0);
		for (size_t at = 0; at < sizes[i]; at++)
			CHECK(pwrite(fd, &at, 1, (off_t)at) == 1);
		CHECK(ac_tar_add(w, &e, &err) == 0);
		CHECK(ac_tar_write_fd(w, fd, &err) == 0);
		CHECK(l.lent == before + sizes[i]);
		before = l.lent;
		CHECK(ac_tar_add(by_copy, &e, &err) == 0);
		CHECK(ac_tar_write_fd(by_copy, fd, &err) == 0);

		/* A byte more, or fewer. */
		CHECK(ftruncate(fd, (off_t)sizes[i] + 1) == 0);
		CHECK(ac_tar_add(by_copy, &e, &err) == 0);
		CHECK(ac_tar_write_fd(by_copy, fd, &err) < 0);
		CHECK(strcmp(err.msg,
			     "'f' changed while it was read: it grew") == 0);
		CHECK(ac_tar_add(w, &e, &err) == 0);
		CHECK(ac_tar_write_fd(w, fd, &err) < 0);
		CHECK(strcmp(err.msg,
			     "'f' changed while it was read: it grew") == 0);
		before = l.lent;
	}
	{
		/* Sparse, up to the end of the file and not. */
		struct ac_entry e = {.type = AC_F_REG,
				     .path = "s",
				     .size = 102000,
				     .extents = two,
				     .n_extents = 2};

		for (; e.size <= 102001; e.size++) {
			CHECK(ftruncate(fd, (off_t)e.size) == 0);
			CHECK(ac_tar_add(w, &e, &err) == 0);
			CHECK(ac_tar_write_fd(w, fd, &err) == 0);
			CHECK(ac_tar_add(by_copy, &e, &err) == 0);
			CHECK(ac_tar_write_fd(by_copy, fd, &err) == 0);
		}
		CHECK(ac_tar_add(w, &e, &err) == 0);
		CHECK(ftruncate(fd, 101999) == 0);
		CHECK(ac_tar_write_fd(w, fd, &err) < 0);
		CHECK(strstr(err.msg, "1 bytes are missing") != NULL);
	}
	CHECK(l.out.len > copied.len);
	CHECK(memcmp(l.out.p, copied.p, copied.len) == 0);
	l.refuse = true;
	CHECK(ac_tar_write_fd(w, fd, &err) < 0);
	CHECK(strcmp(err.msg, "nothing to lend") == 0);
	ac_tar_writer_free(by_copy);
	ac_tar_writer_free(w);
	ac_buf_release(&l.out);
}

static int libarchive_type(enum ac_ftype t)
{
	switch (t) {
	case AC_F_DIR:
		return AE_IFDIR;
	case AC_F_LINK:
		return AE_IFLNK;
	case AC_F_CHR:
		return AE_IFCHR;
	case AC_F_BLK:
		return AE_IFBLK;
	case AC_F_FIFO:
		return AE_IFIFO;
	default:
		return AE_IFREG;
	}
}

/* Another reader sees the same in what we write.  (It normalises names in a
 * UTF-8 locale, so it runs in the C locale, where it warns of them.) */
TEST(libarchive_reads_ours)
{
	BUF tar = AC_BUF_INIT(MAX);
	struct archive *a = archive_read_new();
	struct archive_entry *ae;

	write_all(&tar);
	CHECK(archive_read_support_format_tar(a) == ARCHIVE_OK);
	CHECK(archive_read_open_memory(a, tar.p, tar.len) == ARCHIVE_OK);
	for (size_t i = 0; i < AC_LEN(all); i++) {
		struct ac_entry e = entry(i);
		const char *path;

		CHECK(archive_read_next_header(a, &ae) >= ARCHIVE_WARN);
		path = archive_entry_pathname(ae);
		CHECK(strcmp(path, e.path[0] != '\0' ? e.path : ".") == 0);
		if (e.type == AC_F_HARD)
			CHECK(strcmp(archive_entry_hardlink(ae), e.link) == 0);
		else
			CHECK((int)archive_entry_filetype(ae) ==
			      libarchive_type(e.type));
		if (e.type == AC_F_LINK)
			CHECK(strcmp(archive_entry_symlink(ae), e.link) == 0);
		CHECK((archive_entry_perm(ae) & 07777U) == e.mode);
		CHECK(archive_entry_uid(ae) == (int64_t)e.uid);
		CHECK(archive_entry_gid(ae) == (int64_t)e.gid);
		/* It counts negative fractions the other way. */
		if (e.mtime >= 0) {
			CHECK(archive_entry_mtime(ae) == e.mtime);
			CHECK(archive_entry_mtime_nsec(ae) == (long)e.mtime_ns);
		}
		CHECK(archive_entry_size(ae) == (int64_t)e.size);
		CHECK(archive_entry_xattr_count(ae) == (int)e.n_xattrs);
		if (e.type == AC_F_CHR || e.type == AC_F_BLK)
			CHECK(archive_entry_rdevmajor(ae) == e.dev_major &&
			      archive_entry_rdevminor(ae) == e.dev_minor);
	}
	CHECK(archive_read_next_header(a, &ae) == ARCHIVE_EOF);
	(void)archive_read_free(a);
}

static la_ssize_t to_buf(struct archive *a, void *ctx, const void *p, size_t n)
{
	(void)a;
	ac_buf_add(ctx, p, n);
	return (la_ssize_t)n;
}

/* Write what FORMAT can hold, by libarchive; *n counts. */
static void write_by_libarchive(struct ac_buf *out, int format, bool *took)
{
	struct archive *a = archive_write_new();

	CHECK(archive_write_set_format(a, format) == ARCHIVE_OK);
	(void)archive_write_set_bytes_per_block(a, 512);
	(void)archive_write_set_options(a, "hdrcharset=BINARY");
	CHECK(archive_write_open(a, out, NULL, to_buf, NULL) == ARCHIVE_OK);
	for (size_t i = 0; i < AC_LEN(all); i++) {
		struct archive_entry *ae = archive_entry_new();
		struct ac_entry e = entry(i);

		took[i] = false;
		archive_entry_set_pathname(ae,
					   e.path[0] != '\0' ? e.path : ".");
		archive_entry_set_filetype(ae, libarchive_type(e.type));
		archive_entry_set_perm(ae, e.mode);
		archive_entry_set_uid(ae, e.uid);
		archive_entry_set_gid(ae, e.gid);
		archive_entry_set_mtime(ae, e.mtime, e.mtime_ns);
		if (e.type == AC_F_REG)
			archive_entry_set_size(ae, (int64_t)e.size);
		if (e.type == AC_F_HARD)
			archive_entry_set_hardlink(ae, e.link);
		if (e.type == AC_F_LINK)
			archive_entry_set_symlink(ae, e.link);
		archive_entry_set_rdevmajor(ae, e.dev_major);
		archive_entry_set_rdevminor(ae, e.dev_minor);
		for (size_t j = 0; j < e.n_xattrs; j++)
			archive_entry_xattr_add_entry(ae, e.xattrs[j].name,
						      e.xattrs[j].value,
						      e.xattrs[j].len);
		if (e.extents == NULL &&
		    archive_write_header(a, ae) == ARCHIVE_OK) {
			took[i] = true;
			if (e.size != 0)
				CHECK(archive_write_data(a, all[i].content,
							 e.size) ==
				      (la_ssize_t)e.size);
		}
		archive_entry_free(ae);
	}
	CHECK(archive_write_close(a) == ARCHIVE_OK);
	(void)archive_write_free(a);
}

TEST(we_read_libarchives)
{
	static const int formats[] = {ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
				      ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
				      ARCHIVE_FORMAT_TAR_GNUTAR,
				      ARCHIVE_FORMAT_TAR_USTAR};

	for (size_t f = 0; f < AC_LEN(formats); f++) {
		BUF tar = AC_BUF_INIT(MAX);
		bool took[AC_LEN(all)];
		struct chunks c = {.step = 1000};
		struct ac_tar_reader *r;
		struct ac_entry e;
		size_t n = 0;

		write_by_libarchive(&tar, formats[f], took);
		c.p = tar.p;
		c.n = tar.len;
		r = ac_tar_reader_new(NULL, source, &c);
		for (size_t i = 0; i < AC_LEN(all); i++) {
			struct ac_entry want = entry(i);
			int ret;

			if (!took[i])
				continue;
			ret = ac_tar_next(r, &e, &err);
			if (ret < 0)
				fprintf(stderr, "# %zu: %s\n", i, err.msg);
			CHECK(ret == 1);
			n++;
			/* It writes times before 1970 another way, and the
			 * other formats have no room for these. */
			if (f != 0 || want.mtime < 0) {
				e.mtime = want.mtime;
				e.mtime_ns = want.mtime_ns;
			}
			if (f != 0) {
				e.n_xattrs = want.n_xattrs;
				e.xattrs = want.xattrs;
			}
			check_same(&want, &e);
		}
		CHECK(ac_tar_next(r, &e, &err) == 0);
		CHECK(n > (f == 3 ? 15 : 25));
		ac_tar_reader_free(r);
		free(c.copy);
	}
}

static int map_file(const char *name, struct ac_buf *b)
{
	AC_CLOSE int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, ac_buf_room(b, 65536), 65536)) > 0)
		b->len += (size_t)n;
	return (int)n;
}

/* By GNU tar 1.34 and git 2.39. */
TEST(archives_of_others)
{
	static const struct {
		const char *file;
		const char *lines;
	} t[] = {
		{"ustar", "d dir 0 \np fifo 0 \nf file 5 \nh hard 0 file\n"
			  "l sym 0 file\n"},
		{"v7", "d dir 0 \nf file 5 \nh hard 0 file\nl sym 0 file\n"},
		{"global", "f file 5 \n"},
		{"pax-sparse-0.0", "f sparse 1000000 \nf hole 700000 \n"},
		{"pax-sparse-0.1", "f sparse 1000000 \nf hole 700000 \n"},
		{"pax-sparse-1.0", "f sparse 1000000 \nf hole 700000 \n"},
		{"gnu-all",
		 "d dir 0 \np fifo 0 \nf file 5 \nh hard 0 file\n"
		 "f hole 700000 \nl longlink 0 " N60 N60 "/" N60 N60 "\n"
		 "d " N60 N60 " 0 \nf " N60 N60 "/" N60 N60 " 5 \n"
		 "f old 0 \nf sparse 1000000 \nl sym 0 file\n"
		 "f \xc3\xa9 1 \nf a\xff\xfe"
		 "b 1 \n"},
		{"pax-all", "d dir 0 \np fifo 0 \nf file 5 \nh hard 0 file\n"
			    "l longlink 0 " N60 N60 "/" N60 N60 "\n"
			    "d " N60 N60 " 0 \nf " N60 N60 "/" N60 N60 " 5 \n"
			    "f old 0 \nl sym 0 file\nf \xc3\xa9 1 \nf a\xff\xfe"
			    "b 1 \n"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *name =
			ac_xasprintf("tests/fuzz/corpus/tar/%s.tar", t[i].file);
		BUF tar = AC_BUF_INIT(MAX);
		BUF lines = AC_BUF_INIT(MAX);
		struct chunks c = {.step = 700};
		struct ac_tar_reader *r;
		struct ac_entry e;
		int ret;

		CHECK(map_file(name, &tar) == 0);
		c.p = tar.p;
		c.n = tar.len;
		r = ac_tar_reader_new(NULL, source, &c);
		while ((ret = ac_tar_next(r, &e, &err)) > 0) {
			const void *p;
			size_t n;
			uint64_t off;
			AC_FREE char *file = ac_xcalloc(e.size + 1, 1);

			ac_buf_addf(&lines, "%c %s %ju %s\n", (char)e.type,
				    e.path, (uintmax_t)e.size,
				    e.link != NULL ? e.link : "");
			while (ac_tar_data(r, &p, &n, &off, &err) > 0)
				memcpy(file + off, p, n);
			if (strcmp(e.path, "sparse") == 0) {
				CHECK(e.n_extents == 6);
				for (size_t at = 0; at <= 500000; at += 100000)
					CHECK(memcmp(file + at, "data at ",
						     8) == 0);
				CHECK(file[50000] == 0 && file[999999] == 0);
			}
			if (strcmp(e.path, "hole") == 0)
				CHECK(e.extents != NULL && e.n_extents == 0);
			if (strcmp(e.path, "old") == 0) {
				CHECK(e.mtime == -315619200);
				CHECK(e.mtime_ns ==
				      (t[i].file[0] == 'p' ? 250000000 : 0));
				CHECK(e.uid ==
				      (t[i].file[0] == 'p' ? 3000000 : 1000));
			}
		}
		CHECK(ret == 0);
		if (strcmp(ac_buf_str(&lines), t[i].lines) != 0)
			fprintf(stderr, "# %s: %s\n", name, ac_buf_str(&lines));
		CHECK(strcmp(ac_buf_str(&lines), t[i].lines) == 0);
		ac_tar_reader_free(r);
		free(c.copy);
	}
}
