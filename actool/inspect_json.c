/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "actool/inspect.h"
#include "common/base/date.h"
#include "common/codec/json.h"
#include "common/sys/entry.h"

static void set_count(struct ac_json *o, const char *key, uint64_t v)
{
	ac_json_set_int(o, key, v < INT64_MAX ? (int64_t)v : INT64_MAX);
}

static struct ac_json *file_json(const struct tally_file *f)
{
	struct ac_json *o = ac_json_object();
	char text[32];

	ac_json_set_str(o, "path", f->path);
	ac_json_set_str(o, "type", ac_ftype_name(f->type));
	(void)snprintf(text, sizeof(text), "%04o", (unsigned int)f->mode);
	ac_json_set_str(o, "mode", text);
	ac_json_set_int(o, "uid", f->uid);
	ac_json_set_int(o, "gid", f->gid);
	if (f->type == AC_F_REG)
		set_count(o, "size", f->size);
	if (f->type == AC_F_CHR || f->type == AC_F_BLK) {
		(void)snprintf(text, sizeof(text), "%u:%u", f->dev_major,
			       f->dev_minor);
		ac_json_set_str(o, "device", text);
	}
	if (f->caps != NULL)
		ac_json_set_str(o, "capabilities", f->caps);
	return o;
}

static void set_list(struct ac_json *o, const char *key,
		     const struct tally_list *l)
{
	struct ac_json *list = ac_json_object();
	struct ac_json *files = ac_json_array();

	set_count(list, "total", l->total);
	for (size_t i = 0; i < l->n; i++)
		ac_json_push(files, file_json(&l->v[i]));
	ac_json_set(list, "files", files);
	ac_json_set(o, key, list);
}

static void set_ids(struct ac_json *o, const char *key,
		    const struct tally_ids *t)
{
	struct ac_json *ids = ac_json_array();

	for (size_t i = 0; i < t->n; i++) {
		struct ac_json *id = ac_json_object();

		ac_json_set_int(id, "id", t->v[i].id);
		set_count(id, "files", t->v[i].files);
		ac_json_push(ids, id);
	}
	ac_json_set(o, key, ids);
}

static void set_entries(struct ac_json *o, const struct tally *t)
{
	struct ac_json *n = ac_json_object();

	set_count(n, "total",
		  t->files + t->dirs + t->links + t->hard + t->chr + t->blk +
			  t->fifos);
	set_count(n, "files", t->files);
	set_count(n, "directories", t->dirs);
	set_count(n, "symlinks", t->links);
	set_count(n, "hard_links", t->hard);
	set_count(n, "character_devices", t->chr);
	set_count(n, "block_devices", t->blk);
	set_count(n, "fifos", t->fifos);
	set_count(n, "sparse_files", t->sparse);
	set_count(n, "with_attributes", t->with_xattrs);
	ac_json_set(o, "entries", n);
	set_count(o, "content_size", t->bytes);
}

static void set_lists(struct ac_json *o, const struct tally *t)
{
	static const char *const keys[TALLY_KINDS] = {
		[TALLY_SETUID] = "setuid",
		[TALLY_SETGID] = "setgid",
		[TALLY_CAPS] = "capabilities",
		[TALLY_DEVICES] = "devices",
		[TALLY_WRITABLE] = "world_writable",
		[TALLY_STICKY] = "sticky",
	};
	char text[AC_DATE_TEXT];

	ac_date_print(t->oldest, t->oldest_ns, text);
	ac_json_set_str(o, "oldest", text);
	ac_date_print(t->newest, t->newest_ns, text);
	ac_json_set_str(o, "newest", text);
	set_ids(o, "users", &t->users);
	set_ids(o, "groups", &t->groups);
	for (size_t i = 0; i < TALLY_KINDS; i++)
		set_list(o, keys[i], &t->lists[i]);
	set_list(o, "biggest", &t->biggest);
}

static void set_sigs(struct ac_json *o, const struct inspection *i)
{
	struct ac_json *all = ac_json_array();

	for (size_t s = 0; s < i->n_sigs; s++) {
		const struct beside *b = &i->sigs[s];
		struct ac_json *one = ac_json_object();
		struct ac_json *keys = ac_json_array();

		ac_json_set_str(one, "file", b->file);
		ac_json_set_str(one, "kind", b->kind);
		for (size_t k = 0; k < b->keys.n; k++)
			ac_json_push_str(keys, b->keys.v[k]);
		ac_json_set(one, "keys", keys);
		if (b->fault != NULL)
			ac_json_set_str(one, "error", b->fault);
		ac_json_push(all, one);
	}
	ac_json_set(o, "signatures", all);
}

struct ac_json *inspect_json(const struct inspection *i)
{
	struct ac_json *o = ac_json_object();
	char id[AC_DIGEST_TEXT];

	ac_json_set_str(o, "file", i->file);
	ac_json_set_str(o, "type", i->walk.layout ? "layout" : "appimage");
	ac_json_set_str(o, "name", i->image.name);
	if (!i->walk.layout) {
		ac_digest_print(&i->walk.id, '-', id);
		ac_json_set_str(o, "id", id);
		ac_json_set(o, "encrypted",
			    ac_json_new_bool(i->walk.encrypted));
		ac_json_set_str(o, "compression", ac_zip_name(i->walk.zip));
		if (i->walk.size != 0)
			set_count(o, "size", i->walk.size);
		set_count(o, "tar_size", i->walk.tar_size);
		set_count(o, "warnings", i->warnings);
	}
	ac_json_set(o, "manifest", ac_json_copy(i->image.doc));
	set_entries(o, &i->tally);
	set_lists(o, &i->tally);
	set_sigs(o, i);
	return o;
}
