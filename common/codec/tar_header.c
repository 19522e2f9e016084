/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/tar_fmt.h"

/* From an entry to its header: the way back of tar_entry.c. */

static bool is_ascii(const char *s)
{
	while (*s > 0)
		s++;
	return *s == '\0';
}

static bool is_utf8(const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = ac_utf8_len(s);
		if (n == 0)
			return false;
	}
	return true;
}

bool ac_tar_octal(char *field, size_t size, uint64_t v)
{
	bool fits = v >> 3 * (size - 1) == 0;
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*jo", (int)(size - 1),
		       (uintmax_t)(fits ? v : 0));
	memcpy(field, text, size);
	return fits;
}

void ac_tar_pax_number(struct ac_buf *records, const char *key, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ju", (uintmax_t)v);

	ac_tar_pax_add(records, key, text, (size_t)n);
}

/* Seconds and the part of one, which counts upwards even before 1970. */
static void record_time(struct ac_buf *records, int64_t s, uint32_t ns)
{
	bool up = s < 0 && ns != 0;
	char text[40];
	int n;

	if (up) {
		s++;
		ns = 1000000000 - ns;
	}
	n = snprintf(text, sizeof(text), "%s%jd", up && s == 0 ? "-" : "",
		     (intmax_t)s);
	if (ns != 0) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09u", ns);
		while (text[n - 1] == '0')
			n--;
	}
	ac_tar_pax_add(records, "mtime", text, (size_t)n);
}

static void record_text(struct ac_buf *records, const char *key,
			const char *text)
{
	ac_tar_pax_add(records, key, text, strlen(text));
}

/* Put NAME where the header has room for it; a name that does not fit or that
 * is not ASCII (but is UTF-8, which all take it for) gets a record as well.
 * What is neither goes as it is: pax records are UTF-8. */
static void put_name(struct ac_buf *records, struct ac_tar_raw *h,
		     const char *name)
{
	size_t n = strlen(name);
	const char *slash = NULL;
	bool whole = n <= sizeof(h->name);

	/* The shortest prefix that leaves a name of at most 100 bytes. */
	if (!whole)
		slash = strchr(name + n - sizeof(h->name) - 1, '/');
	if (slash != NULL && slash[1] != '\0' && slash != name &&
	    (size_t)(slash - name) <= sizeof(h->prefix)) {
		memcpy(h->prefix, name, (size_t)(slash - name));
		memcpy(h->name, slash + 1, n - (size_t)(slash + 1 - name));
		whole = true;
	} else {
		memcpy(h->name, name, whole ? n : sizeof(h->name));
	}
	if (!whole || (!is_ascii(name) && is_utf8(name)))
		record_text(records, "path", name);
}

static void put_link(struct ac_buf *records, struct ac_tar_raw *h,
		     const char *link)
{
	size_t n = strlen(link);
	bool whole = n <= sizeof(h->link);

	memcpy(h->link, link, whole ? n : sizeof(h->link));
	if (!whole || (!is_ascii(link) && is_utf8(link)))
		record_text(records, "linkpath", link);
}

static int by_name(const void *a, const void *b)
{
	const struct ac_xattr *const *x = a;
	const struct ac_xattr *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* In the order of their names: file systems list them in none. */
static int put_xattrs(struct ac_buf *records, const struct ac_entry *e,
		      struct ac_err *err)
{
	AC_FREE const struct ac_xattr **list = NULL;

	if (e->n_xattrs == 0)
		return 0;
	list = ac_xcalloc(e->n_xattrs, sizeof(*list));
	for (size_t i = 0; i < e->n_xattrs; i++)
		list[i] = &e->xattrs[i];
	qsort(list, e->n_xattrs, sizeof(*list), by_name);
	for (size_t i = 0; i < e->n_xattrs; i++) {
		AC_FREE char *key =
			ac_xasprintf("SCHILY.xattr.%s", list[i]->name);

		if (list[i]->name[0] == '\0' ||
		    strchr(list[i]->name, '=') != NULL)
			return ac_err_set(err, AC_E_UNSUPPORTED,
					  "'%s': tar cannot hold an extended "
					  "attribute named '%s'",
					  e->path, list[i]->name);
		ac_tar_pax_add(records, key, list[i]->value, list[i]->len);
	}
	return 0;
}

void ac_tar_seal(struct ac_tar_raw *h)
{
	int64_t sum;
	int64_t other;
	char text[16];

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	ac_tar_sum(h, &sum, &other);
	(void)snprintf(text, sizeof(text), "%06jo", (uintmax_t)sum);
	memcpy(h->sum, text, 7);
	h->sum[7] = ' ';
}

static char type_flag(enum ac_ftype t)
{
	switch (t) {
	case AC_F_DIR:
		return '5';
	case AC_F_LINK:
		return '2';
	case AC_F_HARD:
		return '1';
	case AC_F_CHR:
		return '3';
	case AC_F_BLK:
		return '4';
	case AC_F_FIFO:
		return '6';
	default:
		return '0';
	}
}

int ac_tar_header(const struct ac_entry *e, uint64_t stored,
		  struct ac_tar_raw *h, struct ac_buf *records,
		  struct ac_err *err)
{
	bool is_link = e->type == AC_F_LINK || e->type == AC_F_HARD;
	bool is_dev = e->type == AC_F_CHR || e->type == AC_F_BLK;

	*h = (struct ac_tar_raw){.type = type_flag(e->type)};
	put_name(records, h, e->path[0] != '\0' ? e->path : ".");
	if (is_link)
		put_link(records, h, e->link);
	(void)ac_tar_octal(h->mode, sizeof(h->mode), e->mode & 07777);
	if (!ac_tar_octal(h->uid, sizeof(h->uid), e->uid))
		ac_tar_pax_number(records, "uid", e->uid);
	if (!ac_tar_octal(h->gid, sizeof(h->gid), e->gid))
		ac_tar_pax_number(records, "gid", e->gid);
	if (!ac_tar_octal(h->size, sizeof(h->size), stored))
		ac_tar_pax_number(records, "size", stored);
	if (!ac_tar_octal(h->mtime, sizeof(h->mtime), (uint64_t)e->mtime) ||
	    e->mtime_ns != 0)
		record_time(records, e->mtime, e->mtime_ns);
	(void)ac_tar_octal(h->major, sizeof(h->major),
			   is_dev ? e->dev_major : 0);
	(void)ac_tar_octal(h->minor, sizeof(h->minor),
			   is_dev ? e->dev_minor : 0);
	ac_tar_seal(h);
	return put_xattrs(records, e, err);
}

/* Is one of the N bytes of pax records that of the size? */
static bool has_size_record(const char *p, size_t n)
{
	while (n != 0) {
		const char *space = memchr(p, ' ', n);
		uint64_t len;

		if (space == NULL ||
		    ac_num_max(ac_strn(p, (size_t)(space - p)), n, &len) < 0 ||
		    len == 0 || (size_t)(space - p) >= len)
			return true; /* no records: better not touch it */
		if (ac_str_starts(ac_strn(space + 1,
					  len - (size_t)(space + 1 - p)),
				  "size="))
			return true;
		p += len;
		n -= len;
	}
	return false;
}

/* Does one of the extended headers in N bytes? */
static bool says_size(const char *p, size_t n)
{
	while (n >= AC_TAR_BLOCK) {
		const struct ac_tar_raw *h = (const void *)p;
		int64_t size;
		size_t whole;

		if (ac_tar_number(h->size, sizeof(h->size), &size) < 0 ||
		    size < 0 || (uint64_t)size > n - AC_TAR_BLOCK)
			return true;
		if (h->type == 'x' &&
		    has_size_record(p + AC_TAR_BLOCK, (size_t)size))
			return true;
		whole = AC_TAR_BLOCK + ((size_t)size + AC_TAR_BLOCK - 1) /
					       AC_TAR_BLOCK * AC_TAR_BLOCK;
		if (whole > n)
			return true;
		p += whole;
		n -= whole;
	}
	return n != 0;
}

bool ac_tar_set_size(void *head, size_t n, uint64_t size)
{
	struct ac_tar_raw h;
	int64_t sum;
	int64_t as_signed;
	int64_t now;

	if (n < sizeof(h) || says_size(head, n - sizeof(h)))
		return false;
	memcpy(&h, (char *)head + n - sizeof(h), sizeof(h));
	/* In whatever form it says so. */
	if (ac_tar_number(h.size, sizeof(h.size), &now) == 0 &&
	    now == (int64_t)size)
		return true;
	if (!ac_tar_octal(h.size, sizeof(h.size), size))
		return false;
	ac_tar_sum(&h, &sum, &as_signed);
	(void)ac_tar_octal(h.sum, sizeof(h.sum) - 1, (uint64_t)sum);
	h.sum[7] = ' ';
	memcpy((char *)head + n - sizeof(h), &h, sizeof(h));
	return true;
}
