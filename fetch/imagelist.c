/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/store/offers.h"
#include "common/store/space.h"
#include "common/store/used.h"
#include "fetch/confine.h"
#include "fetch/image.h"

#define FIELDS \
	"id name size importtime lastused latest kind shared alone offeredby"

const struct ac_opt list_opts[] = {
	AC_OPT_BOOL(struct list_opts, full, "full",
		    "whole ids, exact sizes and times"),
	AC_OPT_BOOL(struct list_opts, no_legend, "no-legend",
		    "no line of headings"),
	AC_OPT_CHOICE(struct list_opts, format, "format", "FORMAT",
		      "json json-pretty", "print JSON"),
	AC_OPT_CHOICES(struct list_opts, fields, "fields", "LIST", FIELDS,
		       "columns, separated by commas: id, name, size, "
		       "importtime, lastused, latest, kind, shared, alone, "
		       "offeredby (default: the first five)"),
	AC_OPT_CHOICE(struct list_opts, sort, "sort", "FIELD", FIELDS,
		      "order by this field (default: importtime)"),
	AC_OPT_CHOICE(struct list_opts, order, "order", "ORDER", "asc desc",
		      "which way, ascending by default"),
	AC_OPT_END,
};

enum field {
	F_ID,
	F_NAME,
	F_SIZE,
	F_IMPORT,
	F_USED,
	F_LATEST,
	F_KIND,
	F_SHARED,
	F_ALONE,
	F_OFFERED,
	N_FIELDS,
};

static const struct {
	const char *name, *title;
} fields[N_FIELDS] = {
	[F_ID] = {"id", "ID"},
	[F_NAME] = {"name", "NAME"},
	[F_SIZE] = {"size", "SIZE"},
	[F_IMPORT] = {"importtime", "IMPORT TIME"},
	[F_USED] = {"lastused", "LAST USED"},
	[F_LATEST] = {"latest", "LATEST"},
	[F_KIND] = {"kind", "KIND"},
	[F_SHARED] = {"shared", "SHARED"},
	[F_ALONE] = {"alone", "ALONE"},
	[F_OFFERED] = {"offeredby", "OFFERED BY"},
};

/* An image, as far as the list shows it. */
struct row {
	char *id, *title;
	uint64_t size, shared;
	int64_t imported, used; /* ns */
	bool latest;
	const char *kind;
	struct ac_strv names;
	bool offered; /* only, and by whom: */
	uid_t by_user;
	bool descending; /* the same in all: qsort has no context */
	enum field by;
};

struct rows {
	const struct ac_store *s;
	struct ac_space *space; /* NULL: nobody asks */
	struct row *v;
	size_t n;
	bool offered; /* is any of them? */
};

static void rows_release(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].id);
		free(r->v[i].title);
		ac_strv_release(&r->v[i].names);
	}
	free(r->v);
	ac_space_free(r->space);
}

static void add_row(struct rows *rows, const struct ac_record *r,
		    const struct ac_offer *by)
{
	struct row row = {
		.id = ac_xstrdup(r->id),
		.title = image_title(r),
		.size = image_size(r),
		.imported = r->imported * 1000000000 + r->imported_ns,
		.used = ac_store_used(rows->s, r),
		.latest = ac_record_is_latest(r),
		.kind = r->kind == AC_IMAGE_OCI ? "oci" : "aci",
	};

	if (by != NULL) {
		row.offered = rows->offered = true;
		row.by_user = by->uid;
	}
	if (rows->space != NULL && by == NULL)
		row.shared = ac_space_shared(rows->space, r);
	for (size_t i = 0; i < r->names.n; i++)
		ac_strv_push(&row.names, r->names.v[i]);
	if ((rows->n & (rows->n - 1)) == 0)
		rows->v = ac_xrealloc(rows->v, rows->n != 0 ? rows->n * 2 : 1,
				      sizeof(*rows->v));
	rows->v[rows->n++] = row;
}

static int add_stored(void *ctx, const struct ac_record *r,
		      AC_UNUSED struct ac_err *err)
{
	add_row(ctx, r, NULL);
	return 0;
}

/* What a member of the group offers, as long as root has not taken it. */
static int add_offered(void *ctx, const struct ac_offer *by,
		       const struct ac_record *r, AC_UNUSED struct ac_err *err)
{
	struct rows *rows = ctx;

	if (!ac_store_owns(rows->s, r->id))
		add_row(rows, r, by);
	return 0;
}

static enum field find_field(struct ac_str name)
{
	int i = 0;

	while (i + 1 < N_FIELDS && !ac_str_eq_any_case(name, fields[i].name))
		i++;
	return (enum field)i;
}

/* The columns to show: how many. */
static int pick_fields(const char *list, enum field out[N_FIELDS],
		       struct ac_err *err)
{
	struct ac_str rest = ac_str(
		list != NULL ? list : "id,name,size,importtime,lastused");
	struct ac_str one;
	int n = 0;

	while (rest.len != 0) {
		(void)ac_str_cut(&rest, ',', &one);
		out[n++] = find_field(ac_str_trim(one));
	}
	if (n == 0)
		return ac_err_set(err, AC_E_USAGE, "--fields: which ones?");
	return n;
}

static uint64_t alone(const struct row *r)
{
	return r->size > r->shared ? r->size - r->shared : 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare(const struct row *a, const struct row *b)
{
	int r = 0;

	switch (a->by) {
	case F_NAME:
		r = strcmp(a->title, b->title);
		break;
	case F_SIZE:
		r = order(a->size, b->size);
		break;
	case F_SHARED:
		r = order(a->shared, b->shared);
		break;
	case F_ALONE:
		r = order(alone(a), alone(b));
		break;
	case F_KIND:
		r = strcmp(a->kind, b->kind);
		break;
	case F_LATEST:
		r = (int)a->latest - (int)b->latest;
		break;
	case F_IMPORT:
		r = a->imported < b->imported ? -1 : a->imported > b->imported;
		break;
	case F_USED:
		r = a->used < b->used ? -1 : a->used > b->used;
		break;
	case F_OFFERED:
		r = order(a->offered ? a->by_user : 0,
			  b->offered ? b->by_user : 0);
		break;
	case F_ID:
	case N_FIELDS:
		break;
	}
	return r != 0 ? r : strcmp(a->id, b->id);
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa;
	const struct row *b = pb;

	return a->descending ? compare(b, a) : compare(a, b);
}

static void sort_rows(struct rows *rows, const struct list_opts *o)
{
	enum field by =
		o->sort != NULL ? find_field(ac_str(o->sort)) : F_IMPORT;
	bool descending = o->order != NULL && strcmp(o->order, "desc") == 0;

	for (size_t i = 0; i < rows->n; i++) {
		rows->v[i].by = by;
		rows->v[i].descending = descending;
	}
	if (rows->n != 0)
		qsort(rows->v, rows->n, sizeof(*rows->v), compare_rows);
}

static void show_size(uint64_t size, bool full, char text[AC_SHOW_TEXT])
{
	if (full)
		(void)snprintf(text, AC_SHOW_TEXT, "%ju", (uintmax_t)size);
	else
		ac_show_size(size, text);
}

static void show_time(int64_t ns, bool full, char text[AC_SHOW_TEXT])
{
	if (full)
		ac_show_time(ns, text);
	else
		ac_show_ago(ns / 1000000000, (int64_t)time(NULL), text);
}

static void add_cell(struct ac_table *t, const struct row *r, enum field f,
		     bool full)
{
	char text[AC_SHOW_TEXT] = "";

	switch (f) {
	case F_ID:
		if (full)
			ac_table_add(t, r->id);
		else
			ac_table_addf(t, "%.19s", r->id); /* sha512- and 12 */
		return;
	case F_NAME:
		ac_table_add(t, r->title);
		return;
	case F_SIZE:
		show_size(r->size, full, text);
		break;
	case F_SHARED:
		show_size(r->shared, full, text);
		break;
	case F_ALONE:
		show_size(alone(r), full, text);
		break;
	case F_IMPORT:
		show_time(r->imported, full, text);
		break;
	case F_USED:
		show_time(r->used, full, text);
		break;
	case F_LATEST:
		(void)snprintf(text, sizeof(text), "%s",
			       r->latest ? "true" : "false");
		break;
	case F_OFFERED:
		if (r->offered)
			(void)snprintf(text, sizeof(text), "%ju",
				       (uintmax_t)r->by_user);
		break;
	case F_KIND:
	case N_FIELDS:
		(void)snprintf(text, sizeof(text), "%s", r->kind);
		break;
	}
	ac_table_add(t, text);
}

static int print_table(const struct rows *rows, const struct list_opts *o,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_table_release) struct ac_table t = AC_TABLE_INIT(0);
	enum field shown[N_FIELDS] = {F_ID};
	int n = pick_fields(o->fields, shown, err);

	if (n < 0)
		return -1;
	if (o->fields == NULL && rows->offered)
		shown[n++] = F_OFFERED;
	t.columns = (size_t)n;
	for (int i = 0; i < n && !o->no_legend; i++)
		ac_table_add(&t, fields[shown[i]].title);
	for (size_t r = 0; r < rows->n; r++)
		for (int i = 0; i < n; i++)
			add_cell(&t, &rows->v[r], shown[i], o->full);
	ac_table_print(&t, stdout);
	return 0;
}

static int print_rows_json(const struct rows *rows, bool pretty,
			   struct ac_err *err)
{
	AC_JSON struct ac_json *array = ac_json_array();

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];
		struct ac_json *o = ac_json_object();
		struct ac_json *names = ac_json_array();

		for (size_t n = 0; n < r->names.n; n++)
			ac_json_push_str(names, r->names.v[n]);
		ac_json_set_str(o, "id", r->id);
		ac_json_set_str(o, "name", r->title);
		ac_json_set_int(o, "import_time", r->imported);
		ac_json_set_int(o, "last_used_time", r->used);
		ac_json_set_int(o, "size", (int64_t)r->size);
		ac_json_set_int(o, "shared", (int64_t)r->shared);
		ac_json_set_str(o, "kind", r->kind);
		ac_json_set(o, "latest", ac_json_new_bool(r->latest));
		ac_json_set(o, "references", names);
		if (r->offered)
			ac_json_set_int(o, "offered_by", (int64_t)r->by_user);
		ac_json_push(array, o);
	}
	return ac_print_json(array, pretty ? -1 : 0, err);
}

/* Does the list show, or is it sorted by, what images share? */
static bool wants_space(const struct list_opts *o, bool json)
{
	const char *const lists[] = {o->fields, o->sort};

	for (size_t i = 0; i < AC_LEN(lists); i++)
		if (lists[i] != NULL &&
		    (strcasestr(lists[i], "shared") != NULL ||
		     strcasestr(lists[i], "alone") != NULL))
			return true;
	return json;
}

static int read_rows(struct rows *rows, bool space, struct ac_err *err)
{
	AC_CLEANUP(ac_offers_release) struct ac_offers offers = AC_OFFERS_INIT;

	if (space && (rows->space = ac_space_new(rows->s, err)) == NULL)
		return -1;
	if (ac_store_each_brief(rows->s, add_stored, rows, err) < 0)
		return -1;
	ac_offers_open(&offers, rows->s);
	return ac_offers_each(&offers, add_offered, rows, err);
}

int list_run(struct ac_call *c, struct ac_err *err)
{
	const struct list_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(rows_release) struct rows rows = {.s = &s};
	bool pretty =
		o->format != NULL && strcmp(o->format, "json-pretty") == 0;
	bool json = g->json || o->format != NULL;

	if (confine_list(g, err) < 0)
		return -1;
	if (open_store(g, false, &s, err) < 0) {
		if (err->code != AC_E_NOT_FOUND)
			return -1;
		*err = AC_ERR_INIT; /* no store is an empty one */
	} else if (read_rows(&rows, wants_space(o, json), err) < 0) {
		return -1;
	}
	sort_rows(&rows, o);
	return json ? print_rows_json(&rows, pretty, err)
		    : print_table(&rows, o, err);
}
