#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/digest.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "tests/unit/tap.h"

/* Parts of a file: by range, and archives whose data is jumped over. */

static ssize_t all_of(struct ac_unzipfd *u, struct ac_buf *out,
		      struct ac_err *err)
{
	const void *p;
	ssize_t n;

	while ((n = ac_unzipfd_source(u, &p, err)) > 0)
		ac_buf_add(out, p, (size_t)n);
	return n;
}

TEST(ranges)
{
	AC_CLOSE int fd = memfd_create("x", MFD_CLOEXEC);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;
	struct ac_hash *h = ac_hash_new(AC_SHA256);
	struct ac_unzipfd *u;
	struct ac_digest got;
	struct ac_digest want;

	CHECK(write(fd, "0123456789", 10) == 10);
	u = ac_unzipfd_new_range(fd, 3, 4, h, "x", NULL);
	CHECK(all_of(u, &b, &err) == 0);
	CHECK(strcmp(ac_buf_str(&b), "3456") == 0);
	ac_unzipfd_free(u);
	ac_hash_final(h, &got);
	ac_digest_of(AC_SHA256, "3456", 4, &want);
	CHECK(ac_digest_equal(&got, &want));
	CHECK(lseek(fd, 0, SEEK_CUR) == 10);
	u = ac_unzipfd_new_range(fd, 8, 4, NULL, "x", NULL);
	CHECK(all_of(u, &b, &err) < 0 && err.code == AC_E_INVALID);
	CHECK(strcmp(err.msg, "'x' ends 2 bytes early") == 0);
	ac_unzipfd_free(u);
	ac_hash_free(h);
}

struct file {
	const char *p;
	size_t len, at, given;
};

static ssize_t source(void *ctx, const void **p, AC_UNUSED struct ac_err *err)
{
	struct file *f = ctx;
	size_t n = f->len - f->at < 512 ? f->len - f->at : 512;

	*p = f->p + f->at;
	f->at += n;
	f->given += n;
	return (ssize_t)n;
}

static int jump(void *ctx, uint64_t n, AC_UNUSED struct ac_err *err)
{
	struct file *f = ctx;

	if (n > f->len - f->at)
		return 0;
	f->at += n;
	return 1;
}

static int to_buf(void *ctx, const void *p, size_t n,
		  AC_UNUSED struct ac_err *err)
{
	ac_buf_add(ctx, p, n);
	return 0;
}

static void add(struct ac_tar_writer *w, const char *path, char fill, size_t n)
{
	struct ac_entry e = {.type = AC_F_REG, .path = path, .size = n};
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *data = malloc(n);

	CHECK(data != NULL);
	memset(data, fill, n);
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write(w, data, n, &err) == 0);
}

TEST(jumping)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_tar_writer *w = ac_tar_writer_new(to_buf, &b);
	struct ac_tar_reader *r;
	struct ac_entry e;
	struct ac_err err = AC_ERR_INIT;
	struct file f;

	add(w, "a", 'A', 100000);
	add(w, "b", 'B', 7);
	CHECK(ac_tar_finish(w, &err) == 0);
	ac_tar_writer_free(w);
	f = (struct file){.p = b.p, .len = b.len};
	r = ac_tar_reader_new(NULL, source, &f);
	ac_tar_reader_seek(r, jump);
	CHECK(ac_tar_next(r, &e, &err) == 1 && strcmp(e.path, "a") == 0);
	CHECK(b.p[ac_tar_position(r)] == 'A');
	CHECK(b.p[ac_tar_position(r) - 1] != 'A');
	CHECK(ac_tar_next(r, &e, &err) == 1 && strcmp(e.path, "b") == 0);
	CHECK(memcmp(b.p + ac_tar_position(r), "BBBBBBB", 8) == 0);
	CHECK(ac_tar_next(r, &e, &err) == 0);
	CHECK(f.given < 5000);
	ac_tar_reader_free(r);

	/* An archive that stops in what is jumped over is broken. */
	f = (struct file){.p = b.p, .len = 4096};
	r = ac_tar_reader_new(NULL, source, &f);
	ac_tar_reader_seek(r, jump);
	CHECK(ac_tar_next(r, &e, &err) == 1);
	CHECK(ac_tar_next(r, &e, &err) < 0 && err.code == AC_E_INVALID);
	ac_tar_reader_free(r);
}
