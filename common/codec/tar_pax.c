/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/limit.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/tar_fmt.h"

enum { MAX_XATTRS = 1024 }; /* the kernel lists at most 64 KiB of names */

static int broken(struct ac_str key, struct ac_err *err)
{
	AC_FREE char *name = ac_xstrndup(key.p, key.len);
	AC_FREE char *show = ac_str_show(name);

	return ac_err_set(err, AC_E_INVALID, "broken pax record '%.100s'",
			  show);
}

/* A name: no NUL; empty takes the header's. */
static int take_text(struct ac_buf *b, bool *has, struct ac_str v)
{
	ac_buf_reset(b);
	*has = v.len != 0;
	if (v.len != 0 && memchr(v.p, '\0', v.len) != NULL)
		return -1;
	ac_buf_add(b, v.p, v.len);
	return b->overflow ? -1 : 0;
}

static int take_number(uint64_t *out, bool *has, struct ac_str v)
{
	*has = v.len != 0;
	return v.len == 0 ? 0 : ac_num_max(v, INT64_MAX, out);
}

/* Seconds since 1970: digits, with a sign and a fraction if need be. */
static int take_time(struct ac_tar_pax *x, struct ac_str v)
{
	struct ac_str whole;
	bool negative = ac_str_starts(v, "-");
	uint32_t ns = 0;

	x->has_mtime = v.len != 0;
	if (v.len == 0)
		return 0;
	(void)ac_str_cut(&v, '.', &whole);
	if (ac_num_i64(whole, &x->mtime) < 0 || x->mtime < -INT64_MAX)
		return -1;
	for (size_t i = 0; i < 9 || i < v.len; i++) {
		if (i < v.len && (v.p[i] < '0' || v.p[i] > '9'))
			return -1;
		if (i < 9)
			ns = ns * 10 +
			     (i < v.len ? (uint32_t)(v.p[i] - '0') : 0);
	}
	if (negative && ns != 0) {
		x->mtime--;
		ns = 1000000000 - ns;
	}
	x->mtime_ns = ns;
	return 0;
}

static void free_xattr(struct ac_xattr *a)
{
	free((void *)(uintptr_t)a->name);
	free((void *)(uintptr_t)a->value);
}

/* Takes ownership of NAME and VALUE.  Of two with a name the last counts. */
static int add_xattr(struct ac_tar_pax *x, char *name, char *value, size_t len,
		     struct ac_err *err)
{
	struct ac_xattr a = {.name = name, .value = value, .len = len};
	size_t n = strlen(name);
	size_t i = 0;

	if (n == 0 || n > 255) {
		free_xattr(&a);
		return ac_err_set(err, AC_E_INVALID,
				  "name of an extended attribute: %zu bytes, "
				  "at most 255",
				  n);
	}
	x->xattr_bytes += n + len;
	if (x->xattr_bytes > x->max_xattr_bytes || x->n_xattrs == MAX_XATTRS) {
		free_xattr(&a);
		return ac_limit_err(err, AC_LIMIT_XATTRS, x->max_xattr_bytes,
				    "'%s' (or more than %d attributes)",
				    x->has_path ? ac_buf_str(&x->path)
						: "an entry",
				    MAX_XATTRS);
	}
	while (i < x->n_xattrs && strcmp(x->xattrs[i].name, name) != 0)
		i++;
	if (i < x->n_xattrs) {
		free_xattr(&x->xattrs[i]);
	} else {
		x->xattrs = ac_xrealloc(x->xattrs, x->n_xattrs + 1,
					sizeof(*x->xattrs));
		x->n_xattrs++;
	}
	x->xattrs[i] = a;
	return 0;
}

/* %XX in place; -1 when it is broken or gives a NUL. */
static int url_decode(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '%') {
			int hi = ac_hex_digit(s[1]);
			int lo = hi < 0 ? -1 : ac_hex_digit(s[2]);

			if (lo < 0 || (hi | lo) == 0)
				return -1;
			*to++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return 0;
}

static int libarchive_xattr(struct ac_tar_pax *x, struct ac_str name,
			    struct ac_str v, struct ac_err *err)
{
	AC_FREE char *decoded = ac_xstrndup(name.p, name.len);
	AC_FREE char *value = ac_xmalloc(AC_BASE64_ROOM(v.len));
	size_t len;

	if (url_decode(decoded) < 0 ||
	    ac_base64_decode_bare(v.p, v.len, (uint8_t *)value, &len) < 0)
		return broken(name, err);
	return add_xattr(x, ac_steal_ptr(&decoded), ac_steal_ptr(&value), len,
			 err);
}

/* "off,len,off,len..." (format 0.1). */
static int take_map(struct ac_tar_pax *x, struct ac_str v, struct ac_err *err)
{
	ac_tar_map_reset(&x->map);
	while (v.len != 0) {
		struct ac_str off;
		struct ac_str len;
		uint64_t o;
		uint64_t l;

		if (!ac_str_cut(&v, ',', &off))
			return ac_err_set(err, AC_E_INVALID,
					  "broken sparse map");
		(void)ac_str_cut(&v, ',', &len);
		if (ac_num_u64(off, &o) < 0 || ac_num_u64(len, &l) < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "broken sparse map");
		if (ac_tar_map_add(&x->map, o, l, err) < 0)
			return -1;
	}
	return 0;
}

/* The keys behind "GNU.sparse.". */
static int take_sparse(struct ac_tar_pax *x, struct ac_str key, struct ac_str v,
		       struct ac_err *err)
{
	uint64_t n = 0;
	bool has = false;
	int ret = 0;

	x->sparse = true;
	if (ac_str_eq(key, "name"))
		ret = take_text(&x->name, &x->has_name, v);
	else if (ac_str_eq(key, "map"))
		return take_map(x, v, err);
	else if (ac_str_eq(key, "size") || ac_str_eq(key, "realsize"))
		ret = take_number(&x->real_size, &x->has_real_size, v);
	else if (ac_str_eq(key, "major"))
		ret = take_number(&x->sparse_major, &has, v);
	else if (ac_str_eq(key, "minor"))
		ret = take_number(&x->sparse_minor, &has, v);
	else if (ac_str_eq(key, "numblocks"))
		ret = take_number(&n, &has, v);
	else if (ac_str_eq(key, "offset")) {
		ret = x->has_off ? -1 : take_number(&x->off, &x->has_off, v);
	} else if (ac_str_eq(key, "numbytes")) {
		if (!x->has_off || take_number(&n, &has, v) < 0 || !has)
			return broken(key, err);
		x->has_off = false;
		return ac_tar_map_add(&x->map, x->off, n, err);
	} else {
		ret = -1;
	}
	return ret < 0 ? broken(key, err) : 0;
}

static int take(struct ac_tar_pax *x, struct ac_str key, struct ac_str v,
		struct ac_err *err)
{
	struct ac_tar_pax ignored = {.mtime = 0};
	int ret = 0;

	if (ac_str_starts(key, "SCHILY.xattr.")) {
		char *name = ac_xstrndup(key.p + 13, key.len - 13);

		return add_xattr(x, name, ac_xmemdup(v.p, v.len), v.len, err);
	}
	if (ac_str_starts(key, "LIBARCHIVE.xattr."))
		return libarchive_xattr(x, ac_strn(key.p + 17, key.len - 17), v,
					err);
	if (ac_str_starts(key, "GNU.sparse."))
		return take_sparse(x, ac_strn(key.p + 11, key.len - 11), v,
				   err);
	if (ac_str_eq(key, "path"))
		ret = take_text(&x->path, &x->has_path, v);
	else if (ac_str_eq(key, "linkpath"))
		ret = take_text(&x->link, &x->has_link, v);
	else if (ac_str_eq(key, "size"))
		ret = take_number(&x->size, &x->has_size, v);
	else if (ac_str_eq(key, "uid"))
		ret = take_number(&x->uid, &x->has_uid, v);
	else if (ac_str_eq(key, "gid"))
		ret = take_number(&x->gid, &x->has_gid, v);
	else if (ac_str_eq(key, "mtime"))
		ret = take_time(x, v);
	else if (ac_str_eq(key, "atime") || ac_str_eq(key, "ctime"))
		ret = take_time(&ignored, v);
	else if (ac_str_eq(key, "SCHILY.devmajor"))
		ret = take_number(&x->major, &x->has_major, v);
	else if (ac_str_eq(key, "SCHILY.devminor"))
		ret = take_number(&x->minor, &x->has_minor, v);
	return ret < 0 ? broken(key, err) : 0;
}

/* "LEN KEY=VALUE\n", LEN counting all of it: cut it off *s. */
static int cut_record(struct ac_str *s, struct ac_str *key, struct ac_str *v)
{
	const char *sp = memchr(s->p, ' ', s->len < 20 ? s->len : 20);
	uint64_t len;
	size_t digits;

	if (sp == NULL)
		return -1;
	digits = (size_t)(sp - s->p);
	if (ac_num_max(ac_strn(s->p, digits), s->len, &len) < 0 ||
	    len < digits + 3 || s->p[len - 1] != '\n')
		return -1;
	*v = ac_strn(sp + 1, len - digits - 2);
	*s = ac_strn(s->p + len, s->len - len);
	if (!ac_str_cut(v, '=', key) || key->len == 0)
		return -1;
	return memchr(key->p, '\0', key->len) != NULL ? -1 : 0;
}

/* What belongs to one entry alone, so that tools would disagree about what
 * it means for many. */
static bool of_one_entry(struct ac_str key)
{
	return ac_str_eq(key, "path") || ac_str_eq(key, "linkpath") ||
	       ac_str_eq(key, "size") || ac_str_starts(key, "GNU.sparse.");
}

int ac_tar_pax_parse(struct ac_tar_pax *x, const char *p, size_t n, bool global,
		     struct ac_err *err)
{
	struct ac_str s = ac_strn(p, n);
	struct ac_str key;
	struct ac_str v;

	while (s.len != 0) {
		if (cut_record(&s, &key, &v) < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "broken pax header");
		if (!global) {
			if (take(x, key, v, err) < 0)
				return -1;
		} else if (of_one_entry(key)) {
			return broken(key, err);
		}
	}
	if (x->has_off)
		return ac_err_set(err, AC_E_INVALID, "broken sparse map");
	x->map_in_data = x->sparse_major == 1 && x->sparse_minor == 0;
	if (x->sparse && !x->map_in_data &&
	    (x->sparse_major != 0 || x->sparse_minor > 1))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "sparse format %ju.%ju",
				  (uintmax_t)x->sparse_major,
				  (uintmax_t)x->sparse_minor);
	return 0;
}

/* All to the beginning; memory is kept for the next entry. */
void ac_tar_pax_reset(struct ac_tar_pax *x)
{
	struct ac_tar_pax fresh = {
		.path = x->path,
		.link = x->link,
		.name = x->name,
		.map = x->map,
		.max_xattr_bytes = x->max_xattr_bytes,
	};

	for (size_t i = 0; i < x->n_xattrs; i++)
		free_xattr(&x->xattrs[i]);
	free(x->xattrs);
	*x = fresh;
	ac_buf_reset(&x->path);
	ac_buf_reset(&x->link);
	ac_buf_reset(&x->name);
	ac_tar_map_reset(&x->map);
}

void ac_tar_pax_release(struct ac_tar_pax *x)
{
	ac_tar_pax_reset(x);
	ac_buf_release(&x->path);
	ac_buf_release(&x->link);
	ac_buf_release(&x->name);
	ac_tar_map_release(&x->map);
}

void ac_tar_pax_add(struct ac_buf *out, const char *key, const void *value,
		    size_t n)
{
	char digits[24];
	size_t body = strlen(key) + n + 3; /* space, '=', newline */
	size_t len;
	int d = 0;

	/* The length counts its own digits. */
	do {
		len = body + (size_t)d;
		d = snprintf(digits, sizeof(digits), "%zu", len);
	} while (len != body + (size_t)d);
	ac_buf_addf(out, "%zu %s=", len, key);
	ac_buf_add(out, value, n);
	ac_buf_addc(out, '\n');
}
