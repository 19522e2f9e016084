/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/xfer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"

enum {
	MAX_HEAD_BYTES = 256 << 10,
	MAX_HEAD_LINES = 1000,
	MAX_ERROR_BODY = 64 << 10,
	DEFAULT_MAX_BODY = 8 << 20,
	MAX_VALIDATOR = 1024,
	SURE_SECONDS =
		60, /* what changed so long ago does not in this second */
};

long ac_xfer_status(const struct ac_xfer *x)
{
	long status = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

bool ac_xfer_is_content(const struct ac_xfer *x, long status)
{
	if (x->q->sink == NULL)
		return status / 100 == 2;
	return status == 200 || status == 206;
}

/* A callback found something wrong: remember, and make libcurl stop. */
static size_t fail(struct ac_xfer *x)
{
	x->failed = true;
	return 0;
}

static void add_header(struct ac_http_response *r, struct ac_str line)
{
	struct ac_str name;
	char *text;

	if (!ac_str_cut(&line, ':', &name) || name.len == 0)
		return;
	name = ac_str_trim(name);
	line = ac_str_trim(line);
	text = ac_xasprintf("%.*s: %.*s", AC_STR_FMT(name), AC_STR_FMT(line));
	for (size_t i = 0; i < name.len; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	ac_strv_take(&r->headers, text);
}

/* One line of a head: also of interim answers (1xx), whose number only the
 * limits bound, and of trailers. */
size_t ac_xfer_on_head(char *p, size_t size, size_t n, void *ctx)
{
	struct ac_xfer *x = ctx;
	struct ac_str line = ac_strn(p, size * n);

	x->head_bytes += line.len;
	x->head_lines++;
	if (x->head_bytes > MAX_HEAD_BYTES || x->head_lines > MAX_HEAD_LINES) {
		ac_err_set(x->err, AC_E_LIMIT,
			   "the head of the answer is larger than %d KiB or "
			   "%d lines",
			   MAX_HEAD_BYTES >> 10, MAX_HEAD_LINES);
		return fail(x);
	}
	if (x->head_done)
		return line.len;
	if (ac_str_starts(line, "HTTP/"))
		ac_strv_release(&x->r->headers);
	else
		add_header(x->r, line);
	return line.len;
}

/* A header that is to be sent back, or NULL. */
static const char *usable(const struct ac_http_response *r, const char *name)
{
	const char *v = ac_http_header(r, name);

	if (v == NULL || v[0] == '\0' || strlen(v) > MAX_VALIDATOR)
		return NULL;
	for (const char *c = v; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return NULL;
	return v;
}

static bool is_weak(const char *etag)
{
	return strncmp(etag, "W/", 2) == 0;
}

/* What tells one version of the content from another, or NULL. */
static const char *validator_of(const struct ac_http_response *r)
{
	const char *etag = usable(r, "etag");
	const char *modified = usable(r, "last-modified");

	if (etag != NULL && (!is_weak(etag) || modified == NULL))
		return etag;
	return modified;
}

/* The same, but only what still tells them apart tomorrow: not a weak ETag, nor
 * the time of a change that another one may follow within its second. */
static const char *lasting_validator(const struct ac_http_response *r)
{
	const char *v = validator_of(r);
	const char *date = ac_http_header(r, "date");
	time_t changed;

	if (v == NULL || is_weak(v))
		return NULL;
	if (v == ac_http_header(r, "etag"))
		return v;
	changed = curl_getdate(v, NULL);
	if (date == NULL || changed < 0 ||
	    curl_getdate(date, NULL) - changed < SURE_SECONDS)
		return NULL;
	return v;
}

static int changed(struct ac_err *err)
{
	return ac_err_set(err, AC_E_NET,
			  "the content changed on the server while it was "
			  "fetched; try again");
}

/* Is this still what the sink has the first part of? */
static bool same_content(const struct ac_xfer *x, uint64_t total)
{
	const char *v = validator_of(x->r);

	if (x->total != 0 && total != 0 && total != x->total)
		return false;
	if (x->q->pinned)
		return true;
	return v != NULL && x->validator != NULL &&
	       strcmp(v, x->validator) == 0;
}

/* This answer is of no use for the bytes of an earlier call: all of it may
 * be. */
static int ask_for_all(struct ac_xfer *x, struct ac_err *err)
{
	x->anew = true;
	return changed(err);
}

static int begin_part(struct ac_xfer *x, struct ac_err *err)
{
	const char *range = ac_http_header(x->r, "content-range");
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;

	if (x->got == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the server sends a part (status 206) where "
				  "the whole was asked for");
	if (range == NULL ||
	    !ac_xfer_content_range(range, &first, &last, &total) ||
	    first != x->from) {
		if (x->inherited && !x->whole)
			return ask_for_all(x, err);
		return ac_err_set(err, AC_E_INVALID,
				  "the server sends another part than asked "
				  "for (Content-Range '%.64s')",
				  range != NULL ? range : "");
	}
	if (!same_content(x, total))
		return x->inherited && !x->whole ? ask_for_all(x, err)
						 : changed(err);
	x->skip = x->got - x->from;
	x->inherited = false;
	return 0;
}

static int begin_whole(struct ac_xfer *x, uint64_t length, struct ac_err *err)
{
	const char *v = validator_of(x->r);
	uint64_t expected = x->q->expect_size;

	if (expected != 0 && length != 0 && length != expected)
		return ac_err_set(err, AC_E_VERIFY,
				  "the server has %llu bytes, where %llu were "
				  "expected",
				  (unsigned long long)length,
				  (unsigned long long)expected);
	if (x->got != 0 && same_content(x, length)) {
		x->skip = x->got;
		x->inherited = false;
		return 0;
	}
	if (x->got != 0 && (!x->inherited || x->q->begin == NULL))
		return changed(err);
	x->got = 0;
	x->inherited = x->whole = false;
	free(x->validator);
	x->validator = ac_xstrdup(v);
	x->total = length;
	if (length != 0 && x->q->on_total != NULL)
		x->q->on_total(x->q->ctx, length);
	if (x->q->begin == NULL)
		return 0;
	return x->q->begin(x->q->ctx, lasting_validator(x->r), length, err);
}

/* The head is complete and a body begins. */
int ac_xfer_begin(struct ac_xfer *x, struct ac_err *err)
{
	long status = ac_xfer_status(x);
	curl_off_t length = -1;

	x->head_done = true;
	if (x->q->sink == NULL || !ac_xfer_is_content(x, status))
		return 0;
	if (status == 206)
		return begin_part(x, err);
	(void)curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
				&length);
	return begin_whole(x, length > 0 ? (uint64_t)length : 0, err);
}

/* N more bytes on top of HAVE: within what was announced and allowed? */
static int check_size(const struct ac_xfer *x, uint64_t have, size_t n,
		      struct ac_err *err)
{
	uint64_t max = x->q->max_body;

	if (max == 0 && x->q->sink == NULL)
		max = DEFAULT_MAX_BODY;
	if (x->q->expect_size != 0 && n > x->q->expect_size - have)
		return ac_err_set(err, AC_E_VERIFY,
				  "the server sends more than the %llu bytes "
				  "that were expected",
				  (unsigned long long)x->q->expect_size);
	if (max != 0 && n > max - have)
		return ac_err_set(err, AC_E_LIMIT,
				  "the server sends more than the limit of "
				  "%llu bytes",
				  (unsigned long long)max);
	return 0;
}

static int to_sink(struct ac_xfer *x, const char *p, size_t n,
		   struct ac_err *err)
{
	size_t skip = n < x->skip ? n : (size_t)x->skip;

	x->skip -= skip;
	p += skip;
	n -= skip;
	if (n == 0)
		return 0;
	if (check_size(x, x->got, n, err) < 0 ||
	    x->q->sink(x->q->ctx, p, n, err) < 0)
		return -1;
	x->got += n;
	return 0;
}

size_t ac_xfer_on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct ac_xfer *x = ctx;
	bool good;

	n *= size;
	if (!x->head_done && ac_xfer_begin(x, x->err) < 0)
		return fail(x);
	good = ac_xfer_is_content(x, ac_xfer_status(x));
	x->body += n;
	if (good && x->q->sink != NULL)
		return to_sink(x, p, n, x->err) < 0 ? fail(x) : n;
	if (good) {
		if (check_size(x, x->r->body.len, n, x->err) < 0)
			return fail(x);
	} else if (x->r->body.len + n > MAX_ERROR_BODY) {
		x->enough = true; /* nobody reads that much of an error */
		return 0;
	}
	ac_buf_add(&x->r->body, p, n);
	return n;
}

bool ac_xfer_content_range(const char *text, uint64_t *first, uint64_t *last,
			   uint64_t *total)
{
	struct ac_str rest = ac_str(text);
	struct ac_str a;
	struct ac_str b;

	if (!ac_str_starts(rest, "bytes "))
		return false;
	rest = ac_strn(rest.p + 6, rest.len - 6);
	if (!ac_str_cut(&rest, '-', &a) || !ac_str_cut(&rest, '/', &b) ||
	    ac_num_u64(a, first) < 0 || ac_num_u64(b, last) < 0)
		return false;
	*total = 0;
	if (!ac_str_eq(rest, "*") &&
	    (ac_num_u64(rest, total) < 0 || *total <= *last))
		return false;
	return *first <= *last;
}
