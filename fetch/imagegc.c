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
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/store/ingest.h"
#include "fetch/image.h"

const struct ac_opt gc_opts[] = {
	AC_OPT_STRING(struct gc_opts, grace, "grace-period", "DURATION",
		      "also remove images that nobody used, and downloads that "
		      "nobody went on with, for so long (24h, 90m, 0)"),
	AC_OPT_STRING(struct gc_opts, max_size, "max-size", "SIZE",
		      "also remove the images used least recently until the "
		      "store's images take up no more than this (20G)"),
	AC_OPT_BOOL(struct gc_opts, dry_run, "dry-run",
		    "remove nothing, only tell what would go"),
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

/* What is told about images and the rest that went. */
struct removal {
	bool dry;
	struct ac_json *list; /* of ids; NULL: standard output */
	size_t removed, failed;
};

static void tell_removed(const struct removal *r, const char *id)
{
	if (r->list != NULL)
		ac_json_push_str(r->list, id);
	else if (r->dry)
		printf("would remove aci for image: \"%s\"\n", id);
	else
		printf("successfully removed aci for image: \"%s\"\n", id);
}

static void removed(void *ctx, const char *id, const struct ac_err *err)
{
	struct removal *r = ctx;

	if (err != NULL) {
		ac_log("%s", err->msg);
		r->failed++;
		return;
	}
	r->removed++;
	tell_removed(r, id);
}

int rm_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_JSON struct ac_json *list = ac_json_array();
	struct removal r = {.list = g->json ? list : NULL};

	if (open_store(g, false, &s, err) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;
		AC_FREE char *id = resolve(&s, c->argv[i], &one);

		if (id == NULL) {
			ac_log("%s", one.msg);
			r.failed++;
		} else if (!ac_strv_has(&ids, id)) {
			ac_strv_push(&ids, id);
		}
	}
	if (ids.n != 0 && ac_store_remove_all(&s, &ids, removed, &r, err) < 0)
		return -1;
	if (r.removed != 0)
		ac_log("%zu image(s) successfully removed", r.removed);
	if (g->json && ac_print_json(list, 2, err) < 0)
		return -1;
	if (r.failed != 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "%zu image(s) could not be removed",
				  r.failed);
	return 0;
}

static void gone(void *ctx, enum ac_gone what, const char *name, uint64_t bytes)
{
	static const char *const kinds[] = {
		[AC_GONE_LAYER] = "layer",
		[AC_GONE_BLOB] = "blob",
		[AC_GONE_PARTIAL] = "unfinished download",
	};
	const struct removal *r = ctx;
	char size[AC_SHOW_TEXT];

	if (what == AC_GONE_IMAGE) {
		tell_removed(r, name);
		return;
	}
	ac_show_size(bytes, size);
	ac_log("%s %s \"%s\" (%s)", r->dry ? "would remove" : "removed",
	       kinds[what], name, size);
}

static int gc_options(const struct gc_opts *o, struct ac_gc_opts *out,
		      struct ac_err *err)
{
	int64_t grace = 0;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (o->grace != NULL && duration_parse(o->grace, &grace) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--grace-period: '%s' is not a duration such "
				  "as 24h, 1h30m, 90s or 0",
				  o->grace);
	out->by_age = o->grace != NULL;
	out->grace = grace;
	out->unused_since = (now.tv_sec - grace) * 1000000000 + now.tv_nsec;
	if (o->max_size == NULL)
		return 0;
	out->has_max = true;
	if (ac_num_size(ac_str(o->max_size), &out->max_bytes) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--max-size: '%s' is not a size such as 20G "
				  "or 500M",
				  o->max_size);
	return 0;
}

int gc_run(struct ac_call *c, struct ac_err *err)
{
	const struct gc_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();
	struct removal r = {.dry = o->dry_run, .list = g->json ? list : NULL};
	struct ac_gc_opts opts = {.dry_run = o->dry_run,
				  .tell = gone,
				  .ctx = &r};
	char size[AC_SHOW_TEXT];
	uint64_t bytes = 0;

	ac_json_set(doc, "removed", list);
	if (gc_options(o, &opts, err) < 0 ||
	    open_store(g, false, &s, err) < 0 ||
	    ac_store_gc_with(&s, &opts, &bytes, err) < 0)
		return -1;
	ac_show_size(bytes, size);
	ac_log("%s %s", size, o->dry_run ? "would be freed" : "freed");
	ac_json_set_int(doc, "freed", (int64_t)bytes);
	return g->json ? ac_print_json(doc, 2, err) : 0;
}
