/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/imagegc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/table.h"
#include "common/codec/digest.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/store/ingest.h"
#include "common/sys/io.h"
#include "fetch/image.h"

enum { CHUNK = 1 << 18 };

const struct ac_opt gc_opts[] = {
	AC_OPT_STRING(struct gc_opts, grace, "grace-period", "DURATION",
		      "also remove images that came longer ago than this (24h, "
		      "90m, 0) and that no pod uses"),
	AC_OPT_END,
};

int duration_parse(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};
	struct ac_str s = ac_str(text);
	int64_t total = 0;

	if (ac_str_eq(s, "0")) {
		*seconds = 0;
		return 0;
	}
	if (s.len == 0)
		return -1;
	for (size_t u = 0; s.len != 0; u++) {
		size_t digits = strspn(s.p, "0123456789");
		uint64_t n;

		if (ac_num_max(ac_strn(s.p, digits), 1U << 30, &n) < 0)
			return -1;
		while (u < AC_LEN(units) && s.p[digits] != units[u].unit)
			u++;
		if (u == AC_LEN(units))
			return -1;
		total += (int64_t)n * units[u].seconds;
		s = ac_strn(s.p + digits + 1, s.len - digits - 1);
	}
	*seconds = total;
	return 0;
}

/* The id of the image that TEXT means; caller frees. */
static char *resolve(const struct ac_store *s, const char *text,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;

	if (image_find(s, text, &r, err) == 0)
		return ac_xstrdup(r.id);
	/* A damaged record cannot be found, but its whole id removes it. */
	if (err->code != AC_E_NOT_FOUND && ac_image_id_ok(text, true))
		return ac_xstrdup(text);
	return NULL;
}

/* On standard output, or into LIST when there is one. */
static void tell_removed(const char *id, struct ac_json *list)
{
	if (list != NULL)
		ac_json_push_str(list, id);
	else
		printf("successfully removed aci for image: \"%s\"\n", id);
}

int rm_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_JSON struct ac_json *list = ac_json_array();
	size_t removed = 0;
	int failed = 0;

	if (ac_store_open(&s, g->dir, false, err) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;
		AC_FREE char *id = resolve(&s, c->argv[i], &one);

		if (id == NULL) {
			ac_log("%s", one.msg);
			failed++;
		} else if (!ac_strv_has(&ids, id)) {
			ac_strv_push(&ids, id);
		}
	}
	for (size_t i = 0; i < ids.n; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (ac_store_remove(&s, ids.v[i], &one) < 0) {
			ac_log("%s", one.msg);
			failed++;
			continue;
		}
		removed++;
		tell_removed(ids.v[i], g->json ? list : NULL);
	}
	if (removed != 0)
		ac_log("%zu image(s) successfully removed", removed);
	if (g->json && print_json(list, err) < 0)
		return -1;
	if (failed != 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "%d image(s) could not be removed", failed);
	return 0;
}

struct old {
	int64_t before;
	struct ac_strv ids;
};

static int collect_old(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	struct old *o = ctx;

	(void)err;
	if (r->imported <= o->before)
		ac_strv_push(&o->ids, r->id);
	return 0;
}

static int remove_old(struct ac_store *s, int64_t grace, struct ac_json *list,
		      struct ac_err *err)
{
	struct old o = {.before = (int64_t)time(NULL) - grace};
	int r = ac_store_each(s, collect_old, &o, err);

	for (size_t i = 0; r >= 0 && i < o.ids.n; i++) {
		r = ac_store_remove(s, o.ids.v[i], err);
		if (r < 0 && err->code == AC_E_BUSY) {
			ac_debug("%s", err->msg);
			*err = AC_ERR_INIT;
			r = 0;
			continue;
		}
		if (r >= 0)
			tell_removed(o.ids.v[i], list);
	}
	ac_strv_release(&o.ids);
	return r;
}

int gc_run(struct ac_call *c, struct ac_err *err)
{
	const struct gc_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();
	char size[AC_SHOW_TEXT];
	int64_t grace = 0;
	uint64_t bytes = 0;

	ac_json_set(doc, "removed", list);
	if (o->grace != NULL && duration_parse(o->grace, &grace) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--grace-period: '%s' is not a duration such "
				  "as 24h, 1h30m, 90s or 0",
				  o->grace);
	if (ac_store_open(&s, g->dir, false, err) < 0)
		return -1;
	if (o->grace != NULL &&
	    remove_old(&s, grace, g->json ? list : NULL, err) < 0)
		return -1;
	if (ac_store_gc(&s, &bytes, err) < 0)
		return -1;
	ac_show_size(bytes, size);
	ac_log("%s freed", size);
	ac_json_set_int(doc, "freed", (int64_t)bytes);
	return g->json ? print_json(doc, err) : 0;
}

static int verify_blob(const struct ac_store *s, const struct ac_blob *b,
		       struct ac_err *err)
{
	AC_FREE char *chunk = ac_xmalloc(CHUNK);
	AC_CLOSE int fd = ac_store_open_blob(s, &b->digest, err);
	char text[AC_DIGEST_TEXT];
	struct ac_hash *h;
	struct ac_digest got;
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	ac_digest_print(&b->digest, ':', text);
	h = ac_hash_new(b->digest.alg);
	while ((n = ac_io_read(fd, chunk, CHUNK, text, err)) > 0) {
		ac_hash_add(h, chunk, (size_t)n);
		total += (uint64_t)n;
	}
	ac_hash_final(h, &got);
	ac_hash_free(h);
	if (n < 0)
		return -1;
	if (!ac_digest_equal(&got, &b->digest) || total != b->size)
		return ac_err_set(err, AC_E_VERIFY,
				  "the stored file '%s' is damaged; 'acfetch "
				  "image rm' the image and pull it again",
				  text);
	return 0;
}

int verify_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_JSON struct ac_json *list = ac_json_array();

	if (ac_store_open(&s, g->dir, false, err) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		AC_CLEANUP(ac_record_release)
		struct ac_record r = AC_RECORD_INIT;

		if (image_find(&s, c->argv[i], &r, err) < 0)
			return -1;
		for (size_t b = 0; b < r.n_blobs; b++)
			if (verify_blob(&s, &r.blobs[b], err) < 0)
				return ac_err_ctx(err, "image '%s'",
						  c->argv[i]);
		if (!g->json)
			printf("successfully verified checksum for image: "
			       "\"%s\" (\"%s\")\n",
			       c->argv[i], r.id);
		ac_json_push_str(list, r.id);
	}
	return g->json ? print_json(list, err) : 0;
}
