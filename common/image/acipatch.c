/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/pgpcrypt.h"
#include "common/codec/tar.h"
#include "common/codec/zip.h"
#include "common/image/aci.h"
#include "common/image/acipatch_priv.h"
#include "common/sys/io.h"

enum {
	BLOCK = 512,
	READ_SIZE = 64 << 10,
	GZIP_STEP = 4 << 10, /* unpacks to 4 MiB at most */
	MAX_ENDS = 64,
};

static int to_buf(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	(void)err;
	ac_buf_add(ctx, p, n);
	return 0;
}

int acipatch_head(struct ac_buf *head, const struct ac_entry *e,
		  struct ac_err *err)
{
	struct ac_tar_writer *w;
	int r;

	if (ac_buf_check(head, "the manifest's headers", err) < 0)
		return -1;
	if (ac_tar_set_size(head->p, head->len, e->size))
		return 0;
	ac_buf_reset(head);
	w = ac_tar_writer_new(to_buf, head);
	r = ac_tar_add(w, e, err);
	ac_tar_writer_free(w);
	return r < 0 ? -1 : ac_buf_check(head, "the manifest's headers", err);
}

int acipatch_entry(const struct ac_buf *head, const char *text, size_t len,
		   struct ac_buf *out, struct ac_err *err)
{
	static const char zeros[BLOCK];
	size_t at = out->len;

	ac_buf_add(out, head->p, head->len);
	if (ac_buf_check(out, "the manifest", err) < 0)
		return -1;
	if (!ac_tar_set_size(out->p + at, head->len, len))
		return ac_err_set(err, AC_E_INVALID,
				  "the manifest's headers cannot be changed");
	ac_buf_add(out, text, len);
	ac_buf_add(out, zeros, (BLOCK - len % BLOCK) % BLOCK);
	return ac_buf_check(out, "the manifest", err);
}

/* --- without compression: from entry to entry --- */

struct plain {
	const struct ac_aci_patch *p;
	uint64_t off;
	char buf[READ_SIZE];
};

static ssize_t plain_source(void *ctx, const void **p, struct ac_err *err)
{
	struct plain *s = ctx;
	ssize_t n;

	do
		n = pread(s->p->fd, s->buf, sizeof(s->buf), (off_t)s->off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", s->p->what);
	s->off += (uint64_t)n;
	*p = s->buf;
	return n;
}

static int plain_seek(void *ctx, uint64_t n, struct ac_err *err)
{
	struct plain *s = ctx;
	uint64_t size = (uint64_t)s->p->st.st_size;

	(void)err;
	if (s->off > size || n > size - s->off)
		return 0;
	s->off += n;
	return 1;
}

/* The headers of the entry E, which lie in the file as they are. */
static int plain_head(struct ac_aci_patch *p, const struct ac_entry *e,
		      uint64_t end, struct ac_err *err)
{
	size_t n = (size_t)(end - p->from);
	char *to = end - p->from <= ACIPATCH_MAX_HEAD ? ac_buf_room(&p->head, n)
						      : NULL;

	if (to == NULL)
		return ac_err_set(err, AC_E_LIMIT,
				  "the manifest's headers are too long");
	if (pread(p->fd, to, n, (off_t)p->from) != (ssize_t)n)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was read", p->what);
	p->head.len = n;
	return acipatch_head(&p->head, e, err);
}

static int find_plain(struct ac_aci_patch *p, struct ac_err *err)
{
	AC_FREE struct plain *s = ac_xmalloc(sizeof(*s));
	AC_CLEANUP(ac_tar_reader_freep) struct ac_tar_reader *tar = NULL;
	struct ac_entry e;
	int r;

	s->p = p;
	s->off = 0;
	tar = ac_tar_reader_new(NULL, plain_source, s);
	ac_tar_reader_seek(tar, plain_seek);
	while ((r = ac_tar_next(tar, &e, err)) > 0) {
		if (strcmp(e.path, "manifest") != 0)
			continue;
		p->from = ac_tar_entry_start(tar);
		p->to = ac_tar_entry_end(tar);
		p->cut = p->to <= (uint64_t)p->st.st_size;
		/* Other types of entries have no place for a content. */
		if (e.type == AC_F_REG && e.extents == NULL &&
		    plain_head(p, &e, ac_tar_position(tar), err) < 0)
			return -1;
		return ac_aci_slurp(tar, &e, &p->text, err);
	}
	return r < 0 ? -1
		     : ac_err_set(err, AC_E_INVALID,
				  "no image manifest found in layout");
}

/* --- gzip with the manifest in front --- */

struct front {
	struct ac_aci_patch *p;
	uint64_t off;
	struct ac_unzip *unzip;
	struct ac_buf plain; /* of the last step */
	bool headers;        /* those of the manifest come */
	struct {
		uint64_t in, out;
	} ends[MAX_ENDS]; /* of the members so far */
	size_t n_ends;
};

static void release_front(struct front *f)
{
	ac_unzip_free(f->unzip);
	ac_buf_release(&f->plain);
}

static int front_plain(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct front *f = ctx;

	(void)err;
	ac_buf_add(&f->plain, p, n);
	return 0;
}

static void front_member(void *ctx, uint64_t in, uint64_t out)
{
	struct front *f = ctx;

	if (f->n_ends < MAX_ENDS) {
		f->ends[f->n_ends].in = in;
		f->ends[f->n_ends++].out = out;
	}
}

static ssize_t front_source(void *ctx, const void **p, struct ac_err *err)
{
	struct front *f = ctx;
	char in[GZIP_STEP];

	ac_buf_reset(&f->plain);
	while (f->plain.len == 0) {
		ssize_t n = pread(f->p->fd, in, sizeof(in), (off_t)f->off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", f->p->what);
		if (n == 0)
			return 0;
		f->off += (uint64_t)n;
		if (ac_unzip_feed(f->unzip, in, (size_t)n, err) < 0 ||
		    ac_buf_check(&f->plain, "the manifest", err) < 0)
			return -1;
	}
	if (f->headers)
		ac_buf_add(&f->p->head, f->plain.p, f->plain.len);
	*p = f->plain.p;
	return (ssize_t)f->plain.len;
}

/* Can the first entry be cut out?  Only when members end where it does, and an
 * entry follows there: 1, 0 (then *err may say why), -1. */
static int try_front(struct front *f, struct ac_tar_reader *tar,
		     struct ac_err *err)
{
	struct ac_aci_patch *p = f->p;
	struct ac_entry e;
	uint64_t end;

	if (ac_tar_next(tar, &e, err) <= 0 || strcmp(e.path, "manifest") != 0 ||
	    e.type != AC_F_REG || e.extents != NULL || p->head.overflow)
		return 0;
	f->headers = false;
	p->head.len = (size_t)ac_tar_position(tar);
	end = ac_tar_entry_end(tar);
	if (acipatch_head(&p->head, &e, err) < 0 ||
	    ac_aci_slurp(tar, &e, &p->text, err) < 0 ||
	    ac_tar_next(tar, &e, err) <= 0)
		return 0;
	for (size_t i = 0; i < f->n_ends; i++)
		if (f->ends[i].out == end) {
			p->to = f->ends[i].in;
			return 1;
		}
	return 0;
}

static void find_front(struct ac_aci_patch *p)
{
	AC_CLEANUP(release_front)
	struct front f = {.p = p,
			  .plain = AC_BUF_INIT(8 << 20),
			  .headers = true};
	AC_CLEANUP(ac_tar_reader_freep) struct ac_tar_reader *tar = NULL;
	struct ac_err why = AC_ERR_INIT;

	f.unzip = ac_unzip_new(NULL, front_plain, &f);
	ac_unzip_on_member(f.unzip, front_member);
	tar = ac_tar_reader_new(NULL, front_source, &f);
	p->cut = try_front(&f, tar, &why) > 0;
	if (!p->cut)
		ac_buf_release(&p->text);
}

/* --- both --- */

static int detect(struct ac_aci_patch *p, struct ac_err *err)
{
	char magic[AC_PGP_HEAD];
	ssize_t n;

	if (ac_io_regular(p->fd, p->what, &p->st, err) < 0)
		return -1;
	n = pread(p->fd, magic, sizeof(magic), 0);
	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", p->what);
	if (ac_pgp_is_encrypted(magic, (size_t)n))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "'%s': it is encrypted; 'actool decrypt' it "
				  "first",
				  p->what);
	p->format = ac_zip_detect(magic, (size_t)n);
	return 0;
}

static int find(struct ac_aci_patch *p, struct ac_err *err)
{
	char *text;
	size_t len;

	if (detect(p, err) < 0)
		return -1;
	if (p->format == AC_ZIP_NONE)
		return find_plain(p, err);
	if (p->format == AC_ZIP_GZIP)
		find_front(p);
	if (p->cut)
		return 0;
	if (ac_aci_manifest_fd(p->fd, p->what, &text, &len, err) < 0)
		return -1;
	ac_buf_add(&p->text, text, len);
	free(text);
	return 0;
}

struct ac_aci_patch *ac_aci_patch_open(int fd, const char *what,
				       struct ac_err *err)
{
	struct ac_aci_patch *p = ac_xcalloc(1, sizeof(*p));

	p->fd = fd;
	p->what = what;
	p->text = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	p->head = AC_BUF_INIT(ACIPATCH_MAX_HEAD);
	if (find(p, err) == 0)
		return p;
	ac_aci_patch_free(p);
	return NULL;
}

void ac_aci_patch_free(struct ac_aci_patch *p)
{
	if (p == NULL)
		return;
	ac_buf_release(&p->text);
	ac_buf_release(&p->head);
	free(p);
}

const char *ac_aci_patch_text(const struct ac_aci_patch *p, size_t *len)
{
	*len = p->text.len;
	return ac_buf_str(&p->text);
}

enum ac_zip ac_aci_patch_format(const struct ac_aci_patch *p)
{
	return p->format;
}

/* The bytes B of a tar, compressed as the image is, into *b. */
static int compress(const struct ac_aci_patch *p, struct ac_buf *b,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf plain = *b;
	struct ac_zipper *z;
	int r;

	*b = AC_BUF_INIT(2 * ACIPATCH_MAX_HEAD);
	z = ac_zipper_new(p->format, 0, to_buf, b);
	ac_zipper_threads(z, 1);
	r = ac_zipper_feed(z, plain.p, plain.len, err);
	if (r == 0)
		r = ac_zipper_finish(z, err);
	ac_zipper_free(z);
	return r < 0 ? -1 : ac_buf_check(b, "the manifest", err);
}

static int write_ranges(const struct ac_aci_patch *p, const char *text,
			size_t len, int out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(2 * ACIPATCH_MAX_HEAD);
	uint64_t size = (uint64_t)p->st.st_size;

	if (acipatch_entry(&p->head, text, len, &b, err) < 0)
		return -1;
	if (p->format != AC_ZIP_NONE && compress(p, &b, err) < 0)
		return -1;
	if (ac_io_copy(p->fd, 0, p->from, out, p->what, err) < 0 ||
	    ac_io_write(out, b.p, b.len, "the image", err) < 0)
		return -1;
	return ac_io_copy(p->fd, p->to, size - p->to, out, p->what, err);
}

static int check_same(const struct ac_aci_patch *p, struct ac_err *err)
{
	struct stat st;

	if (fstat(p->fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", p->what);
	if (st.st_size != p->st.st_size ||
	    st.st_mtim.tv_sec != p->st.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != p->st.st_mtim.tv_nsec)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was read", p->what);
	return 0;
}

void ac_aci_patch_warn(const char *file)
{
	static const char *const ends[] = {".asc", ".sigstore.json", ".sig"};

	for (size_t i = 0; i < AC_LEN(ends); i++) {
		AC_FREE char *name = ac_xasprintf("%s%s", file, ends[i]);

		if (access(name, F_OK) == 0)
			ac_warn("'%s' is not a signature of this image any "
				"more; sign '%s' again",
				name, file);
	}
}

int ac_aci_patch_write(struct ac_aci_patch *p, const char *text, size_t len,
		       const struct ac_aci_patch_zip *zip, int out,
		       struct ac_err *err)
{
	struct ac_aci_patch_zip same = {.format = p->format};
	int r;

	if (text != NULL && len > AC_ACI_MAX_MANIFEST)
		return ac_err_set(err, AC_E_LIMIT,
				  "manifest of %zu bytes, at most %d", len,
				  AC_ACI_MAX_MANIFEST);
	if (zip == NULL && text == NULL)
		r = ac_io_copy(p->fd, 0, (uint64_t)p->st.st_size, out, p->what,
			       err);
	else if (zip == NULL && p->cut)
		r = write_ranges(p, text, len, out, err);
	else
		r = acipatch_stream(p, text, len, zip != NULL ? zip : &same,
				    out, err);
	return r < 0 ? -1 : check_same(p, err);
}
