/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "actool/inspect.h"
#include "common/base/buf.h"
#include "common/base/date.h"
#include "common/base/own.h"
#include "common/cli/table.h"
#include "common/codec/json.h"

enum { MAX_LINE = 64 << 10 };

/* "label:         value", which may be foreign. */
static void line(const char *label, const char *value)
{
	AC_FREE char *show = ac_str_show(value);

	printf("%-14s %s\n", label, show);
}

/* The same from B, which is emptied; nothing when it is empty. */
static void flush(const char *label, struct ac_buf *b)
{
	if (b->overflow)
		line(label, "(too long to show; see --json)");
	else if (b->len != 0)
		line(label, ac_buf_str(b));
	b->overflow = false;
	ac_buf_reset(b);
}

static void add_pairs(struct ac_buf *b, const struct ac_pairs *p)
{
	for (size_t i = 0; i < p->n; i++)
		ac_buf_addf(b, "%s%s=%s", b->len != 0 ? ", " : "", p->v[i].name,
			    p->v[i].value);
}

static void add_strings(struct ac_buf *b, const struct ac_strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		ac_buf_addf(b, "%s%s", b->len != 0 ? ", " : "", v->v[i]);
}

/* As JSON, where borders matter. */
static void add_exec(struct ac_buf *b, const struct ac_strv *v)
{
	AC_JSON struct ac_json *list = ac_json_array();

	for (size_t i = 0; i < v->n; i++)
		ac_json_push_str(list, v->v[i]);
	if (v->n != 0)
		ac_json_write(list, 0, false, b);
}

static void print_ports(const struct ac_app *a, struct ac_buf *b)
{
	for (size_t i = 0; i < a->n_ports; i++) {
		const struct ac_port *p = &a->ports[i];

		ac_buf_addf(b, "%s %s %u", p->name, p->protocol, p->port);
		if (p->count > 1)
			ac_buf_addf(b, " (%u of them)", p->count);
		if (p->socket_activated)
			ac_buf_adds(b, ", socket-activated");
		flush("port:", b);
	}
}

static void print_app(const struct ac_app *a, struct ac_buf *b)
{
	add_exec(b, &a->exec);
	flush("exec:", b);
	ac_buf_addf(b, "user %s, group %s", a->user, a->group);
	for (size_t i = 0; i < a->n_gids; i++)
		ac_buf_addf(b, "%s %jd", i != 0 ? "," : ", supplementary",
			    (intmax_t)a->gids[i]);
	flush("runs as:", b);
	ac_buf_adds(b,
		    a->working_directory != NULL ? a->working_directory : "");
	flush("directory:", b);
	add_exec(b, &a->pre_start);
	flush("pre-start:", b);
	add_exec(b, &a->post_stop);
	flush("post-stop:", b);
	for (size_t i = 0; i < a->environment.n; i++) {
		ac_buf_addf(b, "%s=%s", a->environment.v[i].name,
			    a->environment.v[i].value);
		flush("environment:", b);
	}
	for (size_t i = 0; i < a->n_mounts; i++) {
		ac_buf_addf(b, "%s at %s%s", a->mounts[i].name,
			    a->mounts[i].path,
			    a->mounts[i].read_only ? ", read-only" : "");
		flush("mount:", b);
	}
	print_ports(a, b);
	for (size_t i = 0; i < a->n_isolators; i++) {
		ac_buf_addf(b, "%s ", a->isolators[i].name);
		if (a->isolators[i].value != NULL)
			ac_json_write(a->isolators[i].value, 0, false, b);
		flush("isolator:", b);
	}
}

static void print_manifest(const struct ac_image *m, struct ac_buf *b)
{
	line("name:", m->name);
	add_pairs(b, &m->labels);
	flush("labels:", b);
	for (size_t i = 0; i < m->annotations.n; i++) {
		ac_buf_addf(b, "%s: %s", m->annotations.v[i].name,
			    m->annotations.v[i].value);
		flush("annotation:", b);
	}
	for (size_t i = 0; i < m->n_deps; i++) {
		const struct ac_dependency *d = &m->deps[i];

		add_pairs(b, &d->labels);
		if (b->len != 0) {
			AC_FREE char *labels = ac_buf_steal(b);

			ac_buf_addf(b, "%s (%s)", d->name, labels);
		} else {
			ac_buf_adds(b, d->name);
		}
		if (d->image_id != NULL)
			ac_buf_addf(b, " %s", d->image_id);
		if (d->size != 0)
			ac_buf_addf(b, ", %" PRIu64 " bytes", d->size);
		flush("depends on:", b);
	}
	add_strings(b, &m->whitelist);
	flush("whitelist:", b);
	if (m->has_app)
		print_app(&m->app, b);
}

static void add_count(struct ac_buf *b, uint64_t n, const char *one,
		      const char *many)
{
	if (n != 0)
		ac_buf_addf(b, "%s%" PRIu64 " %s", b->len != 0 ? ", " : "", n,
			    n == 1 ? one : many);
}

static void print_counts(const struct tally *t, struct ac_buf *b)
{
	char size[AC_SHOW_TEXT];

	add_count(b, t->files, "file", "files");
	add_count(b, t->dirs, "directory", "directories");
	add_count(b, t->links, "symbolic link", "symbolic links");
	add_count(b, t->hard, "hard link", "hard links");
	add_count(b, t->chr, "character device", "character devices");
	add_count(b, t->blk, "block device", "block devices");
	add_count(b, t->fifos, "fifo", "fifos");
	flush("entries:", b);
	ac_show_size(t->bytes, size);
	ac_buf_adds(b, size);
	add_count(b, t->sparse, "sparse file", "sparse files");
	add_count(b, t->with_xattrs, "file with attributes",
		  "files with attributes");
	flush("content:", b);
}

static void print_ids(const char *label, const struct tally_ids *t,
		      struct ac_buf *b)
{
	enum { SHOWN = 20 };

	for (size_t i = 0; i < t->n && i < SHOWN; i++)
		ac_buf_addf(b, "%s%" PRIu32 " (%" PRIu64 ")",
			    i != 0 ? ", " : "", t->v[i].id, t->v[i].files);
	if (t->n > SHOWN)
		ac_buf_addf(b, " and %zu more", t->n - SHOWN);
	flush(label, b);
}

static void print_list(const char *title, const struct tally_list *l)
{
	if (l->total == 0)
		return;
	printf("%s (%" PRIu64 "):\n", title, l->total);
	for (size_t i = 0; i < l->n; i++) {
		const struct tally_file *f = &l->v[i];
		AC_FREE char *show = ac_str_show(f->path);
		char size[AC_SHOW_TEXT];
		char mode[11];

		ac_show_size(f->size, size);
		if (f->type == AC_F_CHR || f->type == AC_F_BLK)
			(void)snprintf(size, sizeof(size), "%u:%u",
				       f->dev_major, f->dev_minor);
		if (f->type == AC_F_HARD)
			(void)snprintf(size, sizeof(size), "hard link");
		tally_mode(f, mode);
		printf("  %s %" PRIu32 ":%" PRIu32 " %9s /%s%s%s\n", mode,
		       f->uid, f->gid, size, show, f->caps != NULL ? " " : "",
		       f->caps != NULL ? f->caps : "");
	}
	if (l->n < l->total)
		printf("  and %" PRIu64 " more\n", l->total - l->n);
}

static void print_sigs(const struct inspection *i, struct ac_buf *b)
{
	for (size_t s = 0; s < i->n_sigs; s++) {
		const struct beside *f = &i->sigs[s];

		ac_buf_addf(b, "%s (%s)", f->file, f->kind);
		for (size_t k = 0; k < f->keys.n; k++)
			ac_buf_addf(b, "%s %s",
				    k == 0 ? ", not verified, by key" : ",",
				    f->keys.v[k]);
		if (f->fault != NULL)
			ac_buf_addf(b, ": %s", f->fault);
		flush("signature:", b);
	}
}

static void print_archive(const struct walk *w, struct ac_buf *b)
{
	char text[AC_DIGEST_TEXT];
	char size[AC_SHOW_TEXT];

	ac_digest_print(&w->id, '-', text);
	line("id:", text);
	if (w->size != 0) {
		ac_show_size(w->size, size);
		ac_buf_addf(b, "%s, ", size);
	}
	ac_show_size(w->tar_size, size);
	ac_buf_addf(b, "%s unpacked, compression %s%s", size,
		    ac_zip_name(w->zip), w->encrypted ? ", encrypted" : "");
	flush("size:", b);
}

void inspect_print(const struct inspection *i)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LINE);
	const struct tally *t = &i->tally;
	char from[AC_DATE_TEXT];
	char to[AC_DATE_TEXT];

	line(i->walk.layout ? "layout:" : "file:", i->file);
	if (!i->walk.layout)
		print_archive(&i->walk, &b);
	if (i->warnings != 0) {
		ac_buf_addf(&b,
			    "%" PRIu64 ", see actool validate: not every "
			    "program unpacks it",
			    i->warnings);
		flush("warnings:", &b);
	}
	print_manifest(&i->image, &b);
	print_sigs(i, &b);
	print_counts(t, &b);
	ac_date_print(t->oldest, t->oldest_ns, from);
	ac_date_print(t->newest, t->newest_ns, to);
	ac_buf_addf(&b, "%s to %s", from, to);
	flush("times:", &b);
	print_ids("users:", &t->users, &b);
	print_ids("groups:", &t->groups, &b);
	print_list("setuid", &t->lists[TALLY_SETUID]);
	print_list("setgid", &t->lists[TALLY_SETGID]);
	print_list("capabilities", &t->lists[TALLY_CAPS]);
	print_list("devices", &t->lists[TALLY_DEVICES]);
	print_list("writable by all", &t->lists[TALLY_WRITABLE]);
	print_list("sticky", &t->lists[TALLY_STICKY]);
	print_list("biggest files", &t->biggest);
}
