/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "common/sys/io.h"

enum {
	FLUSH = 64 << 10,
	MAX_LINE = 64 << 10, /* two paths of 4095 bytes, all escaped, fit */
};

int ac_list_init(struct ac_list *l, int fd, struct ac_err *err)
{
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "empty the list of files");
	*l = (struct ac_list){.fd = fd, .buf = AC_BUF_INIT(FLUSH + MAX_LINE)};
	return 0;
}

void ac_list_release(struct ac_list *l)
{
	ac_buf_release(&l->buf);
}

void ac_list_escape(struct ac_buf *b, const char *s)
{
	ac_buf_addc(b, ' ');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c == 0x7f || c == '\\')
			ac_buf_addf(b, "\\x%02x", c);
		else
			ac_buf_addc(b, *s);
	}
}

static int flush(struct ac_list *l, size_t above, struct ac_err *err)
{
	if (l->buf.len <= above)
		return 0;
	if (ac_io_write(l->fd, l->buf.p, l->buf.len, "the list of files", err) <
	    0)
		return -1;
	ac_buf_reset(&l->buf);
	return 0;
}

static int add_xattrs(struct ac_list *l, const struct ac_entry *e,
		      struct ac_err *err)
{
	struct ac_buf *b = &l->buf;
	uint8_t sum[16];
	uint64_t size;
	char hex[33];

	for (size_t i = 0; i < e->n_xattrs; i++) {
		if (!ac_list_xattr(e, i, &size, sum))
			continue;
		ac_hex_encode(hex, sum, 16);
		ac_buf_addf(b, "%c - - - - %" PRIu64 " %s", AC_LIST_XATTR, size,
			    hex);
		ac_list_escape(b, e->xattrs[i].name);
		ac_buf_addc(b, '\n');
		l->xattrs++;
		if (flush(l, FLUSH, err) < 0)
			return -1;
	}
	return 0;
}

int ac_list_add(struct ac_list *l, const struct ac_entry *e,
		const uint8_t xxh3[16], struct ac_err *err)
{
	struct ac_buf *b = &l->buf;
	char hex[33];

	l->entries++;
	if (e->type == AC_F_HARD) {
		ac_buf_adds(b, "h - - - - - -");
	} else {
		ac_buf_addf(b, "%c %04o %u %u %" PRId64 ".%09u ", e->type,
			    (unsigned int)e->mode, e->uid, e->gid, e->mtime,
			    e->mtime_ns);
		if (e->type == AC_F_REG) {
			ac_hex_encode(hex, xxh3, 16);
			ac_buf_addf(b, "%" PRIu64 " %s", e->size, hex);
			l->bytes += e->size;
		} else if (e->type == AC_F_CHR || e->type == AC_F_BLK) {
			ac_buf_addf(b, "%u:%u -", e->dev_major, e->dev_minor);
		} else {
			ac_buf_adds(b, "- -");
		}
	}
	ac_list_escape(b, e->path[0] != '\0' ? e->path : ".");
	if (e->type == AC_F_LINK || e->type == AC_F_HARD)
		ac_list_escape(b, e->link);
	ac_buf_addc(b, '\n');
	if (flush(l, FLUSH, err) < 0)
		return -1;
	/* Other names of a file have nothing of their own. */
	return e->n_xattrs == 0 || e->type == AC_F_HARD ? 0
							: add_xattrs(l, e, err);
}

int ac_list_mark(struct ac_list *l, char mark, const char *path,
		 struct ac_err *err)
{
	l->entries++;
	ac_buf_addf(&l->buf, "%c - - - - - -", mark);
	ac_list_escape(&l->buf, path[0] != '\0' ? path : ".");
	ac_buf_addc(&l->buf, '\n');
	return flush(l, FLUSH, err);
}

int ac_list_finish(struct ac_list *l, struct ac_err *err)
{
	ac_buf_addf(&l->buf, "= %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		    l->entries, l->bytes, l->xattrs);
	return flush(l, 0, err);
}

static int damaged(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "the list of a layer's files is damaged; remove its "
			  "images and pull them again");
}

int ac_list_open(int dirfd, struct ac_err *err)
{
	return ac_at_open_file(dirfd, "files", err);
}

/* LINE is "= ENTRIES BYTES [XATTRS]". */
static int get_end(char *line, struct ac_list_end *end)
{
	struct ac_str rest = ac_str(line);
	struct ac_str f[4] = {{NULL, 0}};
	size_t n = 0;

	while (rest.len != 0 && n < AC_LEN(f))
		(void)ac_str_cut(&rest, ' ', &f[n++]);
	end->has_xattrs = n == AC_LEN(f);
	if (n < 3 || rest.len != 0 || !ac_str_eq(f[0], "=") ||
	    ac_num_u64(f[1], &end->entries) < 0 ||
	    ac_num_u64(f[2], &end->bytes) < 0)
		return -1;
	return end->has_xattrs ? ac_num_u64(f[3], &end->xattrs) : 0;
}

int ac_list_end(int fd, struct ac_list_end *end, struct ac_err *err)
{
	enum { TAIL = 80 }; /* three numbers of 20 digits */
	char tail[TAIL + 1];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > TAIL ? size - TAIL : 0;
	ssize_t n = size >= 0 ? pread(fd, tail, TAIL, from) : -1;
	char *line;

	if (n < 0)
		return ac_err_sys(err, errno, "read the list of files");
	tail[n] = '\0';
	if (n < 2 || tail[n - 1] != '\n')
		return damaged(err);
	tail[n - 1] = '\0';
	line = strrchr(tail, '\n');
	line = line != NULL ? line + 1 : tail;
	*end = (struct ac_list_end){.at = (uint64_t)from +
					  (uint64_t)(line - tail)};
	end->len = (uint64_t)size - end->at;
	return get_end(line, end) < 0 ? damaged(err) : 0;
}

int ac_list_bytes(int fd, uint64_t *bytes, struct ac_err *err)
{
	struct ac_list_end end = {.entries = 0};

	if (ac_list_end(fd, &end, err) < 0)
		return -1;
	*bytes = end.bytes;
	return 0;
}

int ac_list_unescape(char *s)
{
	char *to = s;
	uint8_t c;

	while (*s != '\0') {
		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (s[1] != 'x' || strlen(s) < 4 ||
		    ac_hex_decode(&c, 1, s + 2, 2) < 0 || c == 0)
			return -1;
		*to++ = (char)c;
		s += 4;
	}
	*to = '\0';
	return 0;
}

/* Cut one field, ended by a NUL, off *AT. */
static char *cut(char **at)
{
	char *s = *at;
	char *blank = s != NULL ? strchr(s, ' ') : NULL;

	if (blank != NULL)
		*blank++ = '\0';
	*at = blank;
	return s;
}

static int get_mtime(char *text, struct ac_entry *e)
{
	char *dot = strchr(text, '.');
	uint64_t ns;

	if (dot == NULL || strlen(dot + 1) != 9 ||
	    ac_num_max(ac_str(dot + 1), 999999999, &ns) < 0)
		return -1;
	*dot = '\0';
	e->mtime_ns = (uint32_t)ns;
	return ac_num_i64(ac_str(text), &e->mtime);
}

static int get_size(char *text, struct ac_list_line *l)
{
	char *colon = strchr(text, ':');
	uint64_t n;

	if (l->type == AC_F_REG || l->type == AC_LIST_XATTR)
		return ac_num_u64(ac_str(text), &l->e.size);
	if (l->type != AC_F_CHR && l->type != AC_F_BLK)
		return 0;
	if (colon == NULL)
		return -1;
	*colon = '\0';
	if (ac_num_max(ac_str(text), UINT32_MAX, &n) < 0)
		return -1;
	l->e.dev_major = (unsigned int)n;
	if (ac_num_max(ac_str(colon + 1), UINT32_MAX, &n) < 0)
		return -1;
	l->e.dev_minor = (unsigned int)n;
	return 0;
}

static int get_sum(const char *hex, struct ac_list_line *l)
{
	return strlen(hex) == 32 ? ac_hex_decode(l->xxh3, 16, hex, 32) : -1;
}

/* The attributes: what is behind the type and before the path. */
static int get_attributes(char *f[6], struct ac_list_line *l)
{
	uint64_t mode;
	uint64_t uid;
	uint64_t gid;

	if (ac_num_octal(ac_str(f[0]), &mode) < 0 || mode > 07777 ||
	    ac_num_max(ac_str(f[1]), UINT32_MAX, &uid) < 0 ||
	    ac_num_max(ac_str(f[2]), UINT32_MAX, &gid) < 0 ||
	    get_mtime(f[3], &l->e) < 0 || get_size(f[4], l) < 0)
		return -1;
	l->e.mode = (mode_t)mode;
	l->e.uid = (uid_t)uid;
	l->e.gid = (gid_t)gid;
	return l->type == AC_F_REG ? get_sum(f[5], l) : 0;
}

/* The line of an extended attribute. */
static int get_xattr(char *f[6], const char *name, struct ac_list_line *l)
{
	l->xattr = name;
	l->e.path = NULL;
	return get_size(f[4], l) < 0 ? -1 : get_sum(f[5], l);
}

static int one_line(char *line, ac_list_fn fn, void *ctx, struct ac_err *err)
{
	struct ac_list_line l = {.type = line[0]};
	char *at = line;
	char *f[6];
	char *path;

	if (strlen(cut(&at)) != 1 || strchr("fdlhcbpwox", l.type) == NULL)
		return damaged(err);
	for (size_t i = 0; i < AC_LEN(f); i++)
		f[i] = cut(&at);
	path = cut(&at);
	if (path == NULL || ac_list_unescape(path) < 0 ||
	    (at != NULL && ac_list_unescape(at) < 0) ||
	    ((l.type == AC_F_LINK || l.type == AC_F_HARD) && at == NULL))
		return damaged(err);
	l.e.type = (enum ac_ftype)l.type;
	l.e.path = strcmp(path, ".") == 0 ? "" : path;
	l.e.link = at;
	if (l.type == AC_LIST_XATTR ? get_xattr(f, path, &l) < 0
				    : strchr("how", l.type) == NULL &&
					      get_attributes(f, &l) < 0)
		return damaged(err);
	return fn(ctx, &l, err);
}

static void fclosep(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

int ac_list_each(int fd, ac_list_fn fn, void *ctx, struct ac_err *err)
{
	AC_CLEANUP(fclosep) FILE *f = NULL;
	AC_FREE char *line = NULL;
	AC_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	size_t cap = 0;
	ssize_t n;

	if (own < 0 || lseek(own, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "read the list of files");
	f = fdopen(own, "r");
	if (f == NULL)
		return ac_err_sys(err, errno, "read the list of files");
	(void)ac_steal_fd(&own);
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] != '\n')
			break;
		line[n - 1] = '\0';
		if (line[0] == '=')
			return 0;
		if (one_line(line, fn, ctx, err) < 0)
			return -1;
	}
	return damaged(err);
}
