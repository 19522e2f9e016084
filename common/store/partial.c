/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/xxh.h"
#include "common/store/scratch.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"

enum {
	MAX_STATE = 64 << 20, /* enough for hundreds of gigabytes */
	MAX_PART = 8 << 20,
};

static const char magic[] = AC_PARTIAL_MAGIC;

/* A part of the bytes, as the state has it. */
struct part {
	uint64_t end;
	uint8_t sum[AC_XXH_SIZE];
	size_t text; /* where its line ends in the state */
};

struct ac_partial {
	int parent, dir, blob, state;
	char *name;
	bool pinned; /* the name is a digest */
	uint64_t size, total;
	char *validator;
	struct part *parts; /* of an earlier process, until they are replayed */
	size_t n_parts;
	size_t head; /* where the lines of the parts begin */
};

char *ac_partial_of_url(const char *url)
{
	char hex[AC_DIGEST_TEXT];
	struct ac_digest d;

	ac_digest_of(AC_SHA256, url, strlen(url), &d);
	ac_digest_hex(&d, hex);
	return ac_xasprintf("url-%s", hex);
}

char *ac_partial_of_blob(const struct ac_digest *d)
{
	char text[AC_DIGEST_TEXT];

	ac_digest_print(d, '-', text);
	return ac_xstrdup(text);
}

uint64_t ac_partial_size(const struct ac_partial *p)
{
	return p->size;
}

const char *ac_partial_validator(const struct ac_partial *p)
{
	return p->validator;
}

uint64_t ac_partial_total(const struct ac_partial *p)
{
	return p->total;
}

int ac_partial_fd(const struct ac_partial *p)
{
	return p->blob;
}

int ac_partial_dir(const struct ac_partial *p)
{
	return p->dir;
}

static int failed(const struct ac_partial *p, int sys, struct ac_err *err)
{
	return ac_err_sys(err, sys, "'partial/%s' in the store", p->name);
}

/* "END SUM": the next part. */
static bool parse_part(struct ac_partial *p, struct ac_str line, size_t text)
{
	struct part new = {.text = text};
	struct ac_str end;

	if (!ac_str_cut(&line, ' ', &end) || ac_num_u64(end, &new.end) < 0 ||
	    new.end <= p->size || new.end - p->size > MAX_PART ||
	    ac_hex_decode(new.sum, AC_XXH_SIZE, line.p, line.len) < 0)
		return false;
	p->parts = ac_xrealloc(p->parts, p->n_parts + 1, sizeof(*p->parts));
	p->parts[p->n_parts++] = new;
	p->size = new.end;
	return true;
}

/* What an earlier process wrote; it may have been killed in the middle of a
 * line, or the machine may have lost its power. */
static void parse(struct ac_partial *p, const struct ac_buf *text)
{
	struct ac_str rest = ac_strn(text->p, text->len);
	struct ac_str line;
	bool known = false;

	while (rest.len != 0 && memchr(rest.p, '\n', rest.len) != NULL) {
		(void)ac_str_cut(&rest, '\n', &line);
		if (!known && !ac_str_eq(line, magic))
			return;
		if (!known) {
			known = true;
		} else if (p->n_parts == 0 && ac_str_starts(line, "total ")) {
			if (ac_num_u64(ac_strn(line.p + 6, line.len - 6),
				       &p->total) < 0)
				return;
		} else if (p->n_parts == 0 && p->validator == NULL &&
			   ac_str_starts(line, "validator ")) {
			p->validator = ac_xstrndup(line.p + 10, line.len - 10);
		} else if (!parse_part(p, line, (size_t)(rest.p - text->p))) {
			return;
		}
		if (p->n_parts == 0)
			p->head = (size_t)(rest.p - text->p);
	}
}

static void forget_parts(struct ac_partial *p)
{
	free(p->parts);
	p->parts = NULL;
	p->n_parts = 0;
}

/* Cut both files behind the first N parts. */
static int cut(struct ac_partial *p, size_t n, struct ac_err *err)
{
	off_t text = (off_t)(n != 0 ? p->parts[n - 1].text : p->head);

	p->size = n != 0 ? p->parts[n - 1].end : 0;
	if (ftruncate(p->blob, (off_t)p->size) < 0 ||
	    ftruncate(p->state, text) < 0)
		return failed(p, errno, err);
	forget_parts(p);
	return 0;
}

static int load(struct ac_partial *p, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_STATE);
	struct ac_err ignored = AC_ERR_INIT;
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;

	p->blob = openat(p->dir, "blob", flags, 0644);
	/* One that was complete is for reading only. */
	if (p->blob < 0 && errno == EACCES &&
	    fchmodat(p->dir, "blob", 0644, 0) == 0)
		p->blob = openat(p->dir, "blob", flags, 0644);
	p->state = openat(p->dir, "state", flags | O_APPEND, 0644);
	if (p->blob < 0 || p->state < 0)
		return failed(p, errno, err);
	if (ac_io_slurp(p->state, &text, "state", &ignored) == 0)
		parse(p, &text);
	if (p->pinned && p->head == 0)
		return ac_partial_begin(p, NULL, 0, err);
	/* Nobody could tell what these bytes are of. */
	if (!p->pinned && p->validator == NULL)
		return cut(p, 0, err);
	return 0;
}

/* 1 when the directory is ours; without WAIT, 0 when somebody else has it now.
 */
static int try_hold(struct ac_partial *p, bool wait, struct ac_err *err)
{
	for (;;) {
		AC_CLOSE int fd = -1;

		if (mkdirat(p->parent, p->name, 0700) < 0 && errno != EEXIST)
			return failed(p, errno, err);
		fd = openat(p->parent, p->name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue; /* whoever had it is done */
		if (fd < 0)
			return failed(p, errno, err);
		if (ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, wait, p->name, err) < 0)
			return err->code == AC_E_BUSY ? 0 : -1;
		if (!ac_scratch_same(fd, p->parent, p->name))
			continue;
		p->dir = ac_steal_fd(&fd);
		return 1;
	}
}

static int hold(struct ac_partial *p, const char *what, bool *waited,
		struct ac_err *err)
{
	int r = try_hold(p, false, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!*waited)
		ac_log("another process is fetching '%s'; waiting for it",
		       what);
	*waited = true;
	return try_hold(p, true, err) < 0 ? -1 : 0;
}

static void drop(struct ac_partial *p)
{
	if ((unlinkat(p->dir, "blob", 0) < 0 && errno != ENOENT) ||
	    (unlinkat(p->dir, "state", 0) < 0 && errno != ENOENT) ||
	    unlinkat(p->parent, p->name, AT_REMOVEDIR) < 0)
		ac_debug("'partial/%s': %s", p->name, strerror(errno));
}

void ac_partial_free(struct ac_partial *p, bool keep)
{
	if (p == NULL)
		return;
	if (p->size == 0 || (!p->pinned && p->validator == NULL))
		keep = false;
	if (p->dir >= 0 && !keep)
		drop(p);
	if (p->blob >= 0)
		(void)close(p->blob);
	if (p->state >= 0)
		(void)close(p->state);
	if (p->dir >= 0)
		(void)close(p->dir);
	if (p->parent >= 0)
		(void)close(p->parent);
	forget_parts(p);
	free(p->validator);
	free(p->name);
	free(p);
}

struct ac_partial *ac_partial_open(const struct ac_store *s, const char *name,
				   const char *what, bool *waited,
				   struct ac_err *err)
{
	struct ac_partial *p = ac_xcalloc(1, sizeof(*p));

	*p = (struct ac_partial){.parent = -1,
				 .dir = -1,
				 .blob = -1,
				 .state = -1,
				 .pinned = strncmp(name, "sha", 3) == 0,
				 .name = ac_xstrdup(name)};
	p->parent = openat(s->dirfd, "partial",
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->parent < 0)
		(void)ac_err_sys(err, errno, "open '%s/partial'", s->path);
	if (p->parent < 0 || hold(p, what, waited, err) < 0 ||
	    load(p, err) < 0) {
		ac_partial_free(p, true);
		return NULL;
	}
	return p;
}

int ac_partial_begin(struct ac_partial *p, const char *validator,
		     uint64_t total, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_STATE);

	p->head = 0;
	if (cut(p, 0, err) < 0)
		return -1;
	free(p->validator);
	p->validator = ac_xstrdup(validator);
	p->total = total;
	ac_buf_addf(&b, "%s\n", magic);
	if (total != 0)
		ac_buf_addf(&b, "total %llu\n", (unsigned long long)total);
	if (validator != NULL)
		ac_buf_addf(&b, "validator %s\n", validator);
	p->head = b.len;
	return ac_io_write(p->state, ac_buf_str(&b), b.len,
			   "the state of a download", err);
}

int ac_partial_add(struct ac_partial *p, const void *bytes, size_t n,
		   struct ac_err *err)
{
	const char *at = bytes;

	while (n != 0) {
		size_t part = n < MAX_PART ? n : MAX_PART;
		uint8_t sum[AC_XXH_SIZE];
		char hex[2 * AC_XXH_SIZE + 1];
		AC_FREE char *line = NULL;

		if (ac_io_pwrite(p->blob, at, part, p->size,
				 "the store's partial", err) < 0)
			return -1;
		p->size += part;
		at += part;
		n -= part;
		ac_xxh_once(at - part, part, sum);
		ac_hex_encode(hex, sum, sizeof(sum));
		line = ac_xasprintf("%llu %s\n", (unsigned long long)p->size,
				    hex);
		if (ac_io_write(p->state, line, strlen(line),
				"the state of a download", err) < 0)
			return -1;
	}
	return 0;
}

/* 1 and the bytes of part I, which begins at OFF; 0 when they are not what was
 * written. */
static int read_part(struct ac_partial *p, size_t i, uint64_t off, char *into,
		     struct ac_err *err)
{
	size_t n = (size_t)(p->parts[i].end - off);
	uint8_t sum[AC_XXH_SIZE];
	ssize_t got = ac_io_read(p->blob, into, n, "the store's partial", err);

	if (got < 0)
		return -1;
	ac_xxh_once(into, n, sum);
	return (size_t)got == n &&
	       memcmp(sum, p->parts[i].sum, sizeof(sum)) == 0;
}

int ac_partial_replay(struct ac_partial *p, ac_sink_fn sink, void *ctx,
		      struct ac_err *err)
{
	AC_FREE char *bytes = ac_xmalloc(MAX_PART);
	uint64_t off = 0;
	size_t i = 0;
	int r = 1;

	if (lseek(p->blob, 0, SEEK_SET) < 0)
		return failed(p, errno, err);
	for (; i < p->n_parts; i++) {
		uint64_t n = p->parts[i].end - off;

		r = read_part(p, i, off, bytes, err);
		if (r <= 0)
			break;
		if (ac_interrupt_check(err) < 0 ||
		    sink(ctx, bytes, (size_t)n, err) < 0)
			return -1;
		off += n;
	}
	if (r == 0)
		ac_debug("'partial/%s' is damaged behind %llu bytes", p->name,
			 (unsigned long long)off);
	return r < 0 ? -1 : cut(p, i, err);
}
