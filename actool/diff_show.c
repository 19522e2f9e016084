/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actool/diff.h"
#include "common/base/buf.h"
#include "common/base/date.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/sys/entry.h"

enum { MAX_TEXT = 16 << 20 };

static const struct {
	unsigned int bit;
	const char *name;
} whats[] = {
	{DIFF_TYPE, "type"},     {DIFF_MODE, "mode"},
	{DIFF_OWNER, "owner"},   {DIFF_MTIME, "mtime"},
	{DIFF_SIZE, "size"},     {DIFF_CONTENT, "content"},
	{DIFF_TARGET, "target"}, {DIFF_DEVICE, "device"},
	{DIFF_XATTRS, "xattrs"}, {DIFF_LINKS, "links"},
};

static const char *change(const void *a, const void *b)
{
	return a == NULL ? "added" : b == NULL ? "removed" : "changed";
}

/* --- JSON --- */

/* Print J, and what separates it from the one before. */
static void print_json(const struct ac_json *j, const char *before)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_TEXT);

	ac_json_write(j, 0, false, &b);
	printf("%s%s", before, b.overflow ? "{}" : ac_buf_str(&b));
}

static struct ac_json *side_json(const struct diff_side *s)
{
	struct ac_json *o = ac_json_object();
	char id[AC_DIGEST_TEXT];

	ac_json_set_str(o, "file", s->file);
	ac_json_set_str(o, "type", s->walk.layout ? "layout" : "appimage");
	if (!s->walk.layout) {
		ac_digest_print(&s->walk.id, '-', id);
		ac_json_set_str(o, "id", id);
	}
	return o;
}

static void field_json(const char *path, const struct ac_json *a,
		       const struct ac_json *b, bool first)
{
	AC_JSON struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "path", path);
	ac_json_set_str(o, "change", change(a, b));
	if (a != NULL)
		ac_json_set(o, "a", ac_json_copy(a));
	if (b != NULL)
		ac_json_set(o, "b", ac_json_copy(b));
	print_json(o, first ? "\n    " : ",\n    ");
}

/* What WHAT is in F. */
static struct ac_json *values_json(const struct difftree_file *f,
				   unsigned int what)
{
	struct ac_json *o = ac_json_object();
	char text[AC_DATE_TEXT];

	ac_json_set_str(o, "type", ac_ftype_name(f->type));
	if ((what & DIFF_MODE) != 0) {
		(void)snprintf(text, sizeof(text), "%04o",
			       (unsigned int)f->mode);
		ac_json_set_str(o, "mode", text);
	}
	if ((what & DIFF_OWNER) != 0) {
		ac_json_set_int(o, "uid", f->uid);
		ac_json_set_int(o, "gid", f->gid);
	}
	if ((what & DIFF_MTIME) != 0) {
		ac_date_print(f->mtime, f->mtime_ns, text);
		ac_json_set_str(o, "mtime", text);
	}
	if ((what & DIFF_SIZE) != 0)
		ac_json_set_int(o, "size", (int64_t)f->size);
	if ((what & DIFF_TARGET) != 0 && f->link != NULL)
		ac_json_set_str(o, "target", f->link);
	if ((what & DIFF_DEVICE) != 0) {
		(void)snprintf(text, sizeof(text), "%u:%u", f->dev_major,
			       f->dev_minor);
		ac_json_set_str(o, "device", text);
	}
	if ((what & DIFF_LINKS) != 0 && f->group != NULL)
		ac_json_set_str(o, "linked_to", f->group);
	return o;
}

static void file_json(const struct difftree_file *a,
		      const struct difftree_file *b, unsigned int what,
		      bool first)
{
	AC_JSON struct ac_json *o = ac_json_object();
	struct ac_json *list;

	ac_json_set_str(o, "path", a != NULL ? a->path : b->path);
	ac_json_set_str(o, "change", change(a, b));
	if (a != NULL && b != NULL) {
		list = ac_json_array();
		for (size_t i = 0; i < AC_LEN(whats); i++)
			if ((what & whats[i].bit) != 0)
				ac_json_push_str(list, whats[i].name);
		ac_json_set(o, "what", list);
	}
	if (a != NULL)
		ac_json_set(o, "a", values_json(a, what));
	if (b != NULL)
		ac_json_set(o, "b", values_json(b, what));
	print_json(o, first ? "\n    " : ",\n    ");
}

/* --- text --- */

static void add_json(struct ac_buf *out, const struct ac_json *j)
{
	ac_json_write(j, 0, false, out);
}

static void field_text(const char *path, const struct ac_json *a,
		       const struct ac_json *b)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(MAX_TEXT);
	AC_FREE char *where = ac_str_show(path);
	AC_FREE char *values = NULL;

	if (a != NULL)
		add_json(&out, a);
	if (a != NULL && b != NULL)
		ac_buf_adds(&out, " -> ");
	if (b != NULL)
		add_json(&out, b);
	values = ac_str_show(out.overflow ? "..." : ac_buf_str(&out));
	printf("%s manifest%s%s: %s\n", change(a, b), *where != '\0' ? " " : "",
	       where, values);
}

/* The next attribute of a list as difftree keeps it. */
struct xattr {
	const char *name, *value;
	uint32_t len;
};

static bool next_xattr(const struct difftree_file *f, size_t *at,
		       struct xattr *x)
{
	if (*at >= f->n_xattrs)
		return false;
	x->name = f->xattrs + *at;
	*at += strlen(x->name) + 1;
	memcpy(&x->len, f->xattrs + *at, sizeof(x->len));
	*at += sizeof(x->len);
	x->value = f->xattrs + *at;
	*at += x->len;
	return true;
}

static void add_xattrs(struct ac_buf *out, const struct difftree_file *a,
		       const struct difftree_file *b)
{
	struct xattr x = {.name = NULL};
	struct xattr y = {.name = NULL};
	size_t i = 0;
	size_t j = 0;
	bool in_a = next_xattr(a, &i, &x);
	bool in_b = next_xattr(b, &j, &y);

	while (in_a || in_b) {
		int c = !in_a ? 1 : !in_b ? -1 : strcmp(x.name, y.name);

		if (c != 0)
			ac_buf_addf(out, ", attribute %s %s",
				    c < 0 ? x.name : y.name,
				    c < 0 ? "removed" : "added");
		else if (x.len != y.len || memcmp(x.value, y.value, x.len) != 0)
			ac_buf_addf(out, ", attribute %s changed", x.name);
		if (c <= 0)
			in_a = next_xattr(a, &i, &x);
		if (c >= 0)
			in_b = next_xattr(b, &j, &y);
	}
}

static void add_mtimes(struct ac_buf *out, const struct difftree_file *a,
		       const struct difftree_file *b)
{
	char from[AC_DATE_TEXT];
	char to[AC_DATE_TEXT];

	ac_date_print(a->mtime, a->mtime_ns, from);
	ac_date_print(b->mtime, b->mtime_ns, to);
	ac_buf_addf(out, ", mtime %s -> %s", from, to);
}

static void add_changes(struct ac_buf *out, const struct difftree_file *a,
			const struct difftree_file *b, unsigned int what)
{
	if ((what & DIFF_TYPE) != 0)
		ac_buf_addf(out, ", %s -> %s", ac_ftype_name(a->type),
			    ac_ftype_name(b->type));
	if ((what & DIFF_MODE) != 0)
		ac_buf_addf(out, ", mode %04o -> %04o", (unsigned int)a->mode,
			    (unsigned int)b->mode);
	if ((what & DIFF_OWNER) != 0)
		ac_buf_addf(out,
			    ", owner %" PRIu32 ":%" PRIu32 " -> %" PRIu32
			    ":%" PRIu32,
			    a->uid, a->gid, b->uid, b->gid);
	if ((what & DIFF_MTIME) != 0)
		add_mtimes(out, a, b);
	if ((what & DIFF_SIZE) != 0)
		ac_buf_addf(out, ", size %" PRIu64 " -> %" PRIu64, a->size,
			    b->size);
	if ((what & DIFF_CONTENT) != 0)
		ac_buf_adds(out, ", content");
	if ((what & DIFF_TARGET) != 0)
		ac_buf_addf(out, ", target %s -> %s", a->link, b->link);
	if ((what & DIFF_DEVICE) != 0)
		ac_buf_addf(out, ", device %u:%u -> %u:%u", a->dev_major,
			    a->dev_minor, b->dev_major, b->dev_minor);
	if ((what & DIFF_XATTRS) != 0)
		add_xattrs(out, a, b);
	if ((what & DIFF_LINKS) != 0)
		ac_buf_addf(out, ", linked to %s -> %s",
			    a->group != NULL ? a->group : "nothing",
			    b->group != NULL ? b->group : "nothing");
}

static void file_text(const struct difftree_file *a,
		      const struct difftree_file *b, unsigned int what)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(MAX_TEXT);
	const struct difftree_file *f = a != NULL ? a : b;
	AC_FREE char *path = ac_str_show(f->path);
	AC_FREE char *text = NULL;

	if (a != NULL && b != NULL)
		add_changes(&out, a, b, what);
	else
		ac_buf_addf(&out, ", %s", ac_ftype_name(f->type));
	text = ac_str_show(out.overflow ? ", ..." : ac_buf_str(&out));
	printf("%s rootfs%s%s: %s\n", change(a, b), *path != '\0' ? "/" : "",
	       path, text + strlen(", "));
}

/* --- both --- */

void diff_show_begin(struct diff_show *s, const struct diff_side *a,
		     const struct diff_side *b)
{
	AC_JSON struct ac_json *ja = NULL;
	AC_JSON struct ac_json *jb = NULL;

	if (s->how != DIFF_JSON)
		return;
	ja = side_json(a);
	jb = side_json(b);
	print_json(ja, "{\n  \"a\": ");
	print_json(jb, ",\n  \"b\": ");
	printf(",\n  \"manifest\": [");
}

void diff_show_field(void *ctx, const char *path, const struct ac_json *a,
		     const struct ac_json *b)
{
	struct diff_show *s = ctx;

	s->different = true;
	if (s->how == DIFF_JSON)
		field_json(path, a, b, s->fields == 0);
	else if (s->how == DIFF_TEXT)
		field_text(path, a, b);
	s->fields++;
}

void diff_show_files(struct diff_show *s)
{
	if (s->how == DIFF_JSON)
		printf("],\n  \"files\": [");
}

void diff_show_file(struct diff_show *s, const struct difftree_file *a,
		    const struct difftree_file *b, unsigned int what)
{
	s->different = true;
	if (s->how == DIFF_JSON)
		file_json(a, b, what, s->files == 0);
	else if (s->how == DIFF_TEXT)
		file_text(a, b, what);
	s->files++;
}

void diff_show_end(const struct diff_show *s)
{
	if (s->how == DIFF_JSON)
		printf("],\n  \"same\": %s\n}\n",
		       s->different ? "false" : "true");
}
