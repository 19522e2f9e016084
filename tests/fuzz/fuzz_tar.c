/* tar: the entries are the same in any steps; what we accept we can write, and
 * what we write reads as the same, by libarchive too. */
#include <archive.h>
#include <archive_entry.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/tar.h"
#include "common/sys/path.h"

enum { MAX = 32 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct chunks {
	const uint8_t *p;
	size_t n, step;
	void *copy;
};

static ssize_t source(void *ctx, const void **p, struct ac_err *err)
{
	struct chunks *c = ctx;
	size_t n = c->n < c->step ? c->n : c->step;

	(void)err;
	free(c->copy);
	c->copy = malloc(n != 0 ? n : 1);
	if (c->copy == NULL)
		abort();
	if (n != 0)
		memcpy(c->copy, c->p, n);
	*p = c->copy;
	c->p += n;
	c->n -= n;
	return (ssize_t)n;
}

static int collect(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	(void)err;
	ac_buf_add(ctx, p, n);
	return 0;
}

/* What is promised of every entry. */
static void check(const struct ac_entry *e)
{
	uint64_t end = 0;

	if (!ac_path_is_clean(e->path) || e->mtime_ns > 999999999)
		abort();
	if (e->type == AC_F_HARD &&
	    (e->link[0] == '\0' || !ac_path_is_clean(e->link)))
		abort();
	if (e->type == AC_F_LINK && e->link[0] == '\0')
		abort();
	if (e->type != AC_F_REG && (e->size != 0 || e->extents != NULL))
		abort();
	for (size_t i = 0; i < e->n_extents; i++) {
		if (e->extents[i].off < end || e->extents[i].len == 0)
			abort();
		end = e->extents[i].off + e->extents[i].len;
	}
	if (end > e->size)
		abort();
}

struct total {
	uint64_t entries, sizes, bytes;
};

/* Lines about all entries with their data into LINES, and the archive written
 * anew into OUT. */
static int read_all(const uint8_t *p, size_t n, size_t step,
		    struct ac_buf *lines, struct ac_buf *out, struct total *t)
{
	struct ac_err err;
	struct chunks c = {.p = p, .n = n, .step = step};
	struct ac_tar_reader *r = ac_tar_reader_new(NULL, source, &c);
	struct ac_tar_writer *w = ac_tar_writer_new(collect, out);
	struct ac_entry e;
	int ret;

	while ((ret = ac_tar_next(r, &e, &err)) > 0) {
		const void *data;
		size_t len;
		uint64_t off;

		check(&e);
		t->entries++;
		t->sizes += e.size;
		ac_buf_addf(lines, "%c %s %s %o %u %u %jd.%u %ju %u %u %zu\n",
			    (char)e.type, e.path, e.link != NULL ? e.link : "",
			    e.mode, e.uid, e.gid, (intmax_t)e.mtime, e.mtime_ns,
			    (uintmax_t)e.size, e.dev_major, e.dev_minor,
			    e.n_extents);
		for (size_t i = 0; i < e.n_xattrs; i++) {
			/* '=' cannot be written; it is told by a name. */
			if (strchr(e.xattrs[i].name, '=') != NULL)
				e.n_xattrs = 0;
		}
		if (ac_tar_add(w, &e, &err) < 0)
			abort();
		while ((ret = ac_tar_data(r, &data, &len, &off, &err)) > 0) {
			ac_buf_add(lines, data, len);
			t->bytes += len;
			if (ac_tar_write(w, data, len, &err) < 0)
				abort();
		}
		if (ret < 0)
			break;
	}
	if (ret == 0 && ac_tar_finish(w, &err) < 0)
		abort();
	ac_tar_writer_free(w);
	ac_tar_reader_free(r);
	free(c.copy);
	return ret;
}

/* Count entries, sizes and bytes of data as libarchive sees them. */
static void compare(const struct ac_buf *tar, uint64_t entries, uint64_t sizes,
		    uint64_t bytes)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	const void *p;
	size_t n;
	la_int64_t off;
	int ret;

	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_empty(a);
	if (archive_read_open_memory(a, tar->p, tar->len) != ARCHIVE_OK)
		abort();
	while ((ret = archive_read_next_header(a, &e)) == ARCHIVE_OK ||
	       ret == ARCHIVE_WARN) {
		entries--;
		sizes -= (uint64_t)archive_entry_size(e);
		while ((ret = archive_read_data_block(a, &p, &n, &off)) ==
		       ARCHIVE_OK)
			bytes -= n;
		if (ret != ARCHIVE_EOF)
			break;
	}
	if (ret != ARCHIVE_EOF || entries != 0 || sizes != 0 || bytes != 0) {
		fprintf(stderr, "%d %s: %jd %jd %jd\n", ret,
			archive_error_string(a), (intmax_t)entries,
			(intmax_t)sizes, (intmax_t)bytes);
		abort();
	}
	(void)archive_read_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct total total = {0};
	struct ac_buf a = AC_BUF_INIT(MAX);
	struct ac_buf b = AC_BUF_INIT(MAX);
	struct ac_buf out = AC_BUF_INIT(MAX);
	struct ac_buf again = AC_BUF_INIT(MAX);
	int ret = read_all(data, size, size, &a, &out, &total);

	if (read_all(data, size, 333, &b, &again, &total) != ret)
		abort();
	if (a.len != b.len || (a.len != 0 && memcmp(a.p, b.p, a.len) != 0))
		abort();
	ac_buf_reset(&b);
	ac_buf_reset(&again);
	total = (struct total){0};
	if (ret == 0 && !out.overflow) {
		if (read_all((uint8_t *)out.p, out.len, 10000, &b, &again,
			     &total) != 0)
			abort();
		if (a.len != b.len ||
		    (a.len != 0 && memcmp(a.p, b.p, a.len) != 0) ||
		    out.len != again.len ||
		    memcmp(out.p, again.p, out.len) != 0)
			abort();
		compare(&out, total.entries, total.sizes, total.bytes);
	}
	ac_buf_release(&a);
	ac_buf_release(&b);
	ac_buf_release(&out);
	ac_buf_release(&again);
	return 0;
}
