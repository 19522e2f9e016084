/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a build of mode oci, and the layout that is made of it. */
#include "acbuild/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acbuild/cmd.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/oci.h"
#include "common/image/ocilayout.h"

#define STATE "oci.json"

/* --- the state --- */

struct ac_json *oci_state_new(struct ac_json *config)
{
	static const char *const lists[] = {"layers", "history", "tags",
					    "others", "blobs",   "made"};
	struct ac_json *doc = ac_json_object();

	ac_json_set(doc, "config", config);
	ac_json_set(doc, "annotations", ac_json_object());
	for (size_t i = 0; i < AC_LEN(lists); i++)
		ac_json_set(doc, lists[i], ac_json_array());
	ac_json_set_int(doc, "base", 0);
	ac_json_set_int(doc, "newest", -1);
	ac_json_set_str(doc, "top", "none");
	ac_json_set(doc, "start", ac_json_null());
	return doc;
}

enum oci_top oci_top(const struct work *w)
{
	const char *s = ac_json_text(ac_json_get(w->doc, "top"), NULL);

	if (s != NULL && strcmp(s, "open") == 0)
		return OCI_TOP_OPEN;
	return s != NULL && strcmp(s, "sealed") == 0 ? OCI_TOP_SEALED
						     : OCI_TOP_NONE;
}

void oci_set_top(struct work *w, enum oci_top top)
{
	static const char *const names[] = {
		[OCI_TOP_NONE] = "none",
		[OCI_TOP_OPEN] = "open",
		[OCI_TOP_SEALED] = "sealed",
	};

	ac_json_set_str(w->doc, "top", names[top]);
}

/* The state is ours, but it is on disk: what is used without a further look
 * must be there. */
static int check_state(const struct ac_json *doc, struct ac_err *err)
{
	static const struct {
		const char *key;
		enum ac_json_type type;
	} members[] = {
		{"config", AC_JSON_OBJECT}, {"annotations", AC_JSON_OBJECT},
		{"layers", AC_JSON_ARRAY},  {"history", AC_JSON_ARRAY},
		{"tags", AC_JSON_ARRAY},    {"others", AC_JSON_ARRAY},
		{"blobs", AC_JSON_ARRAY},   {"made", AC_JSON_ARRAY},
		{"base", AC_JSON_INT},      {"newest", AC_JSON_INT},
		{"top", AC_JSON_STRING},
	};

	for (size_t i = 0; i < AC_LEN(members); i++) {
		const struct ac_json *v = ac_json_get(doc, members[i].key);

		if (v == NULL || ac_json_type(v) != members[i].type)
			return ac_err_set(err, AC_E_INVALID,
					  "'.acbuild/" STATE "' is damaged: "
					  "'%s' is missing; 'acbuild end' and "
					  "begin again",
					  members[i].key);
	}
	return 0;
}

bool oci_begun(const struct work *w)
{
	return w->doc != NULL && ac_json_get(w->doc, "layers") != NULL;
}

int oci_load(struct work *w, struct ac_err *err)
{
	w->doc = read_manifest(w->dir, STATE, err);
	if (w->doc == NULL || check_state(w->doc, err) < 0)
		return -1;
	if (oci_top(w) == OCI_TOP_NONE)
		return 0;
	w->rootfs = open_dir(w->dir, OCI_TOP_DIR "/rootfs", err);
	return w->rootfs < 0 ? -1 : 0;
}

int oci_save_state(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	ac_json_write(w->doc, 0, false, &b);
	if (ac_buf_check(&b, "the build's state", err) < 0)
		return -1;
	return work_put(w->dir, STATE, b.p, b.len, err);
}

/* --- history --- */

static bool is_empty(const struct ac_json *entry)
{
	return ac_json_bool(ac_json_get(entry, "empty_layer"));
}

static size_t count_layers(const struct ac_json *history)
{
	size_t n = 0;

	for (size_t i = 0; i < ac_json_len(history); i++)
		n += !is_empty(ac_json_at(history, i));
	return n;
}

void oci_history(struct work *w, const struct ac_call *c)
{
	struct ac_json *list = ac_json_get(w->doc, "history");
	size_t layers = oci_lower_count(w) + (oci_top(w) != OCI_TOP_NONE);
	bool new_layer = w->files && count_layers(list) < layers;
	AC_FREE char *text = NULL;
	struct ac_json *entry;

	/* A tag is no part of the image. */
	if (c != NULL && strcmp(c->path, "set-tag") == 0)
		return;
	text = c != NULL ? history_text(c) : NULL;
	if (text == NULL && !new_layer)
		return;
	entry = ac_json_object();
	if (text != NULL)
		ac_json_set_str(entry, "created_by", text);
	if (!new_layer)
		ac_json_set(entry, "empty_layer", ac_json_new_bool(true));
	ac_json_push(list, entry);
}

void oci_mark_history(struct work *w)
{
	struct ac_json *list = ac_json_get(w->doc, "history");

	for (size_t i = 0; i < ac_json_len(list); i++)
		ac_json_set(ac_json_at(list, i), "empty_layer",
			    ac_json_new_bool(true));
}

/* Exactly one entry a layer must not be marked as empty. */
static struct ac_json *history(const struct work *w, const char *created)
{
	struct ac_json *list = ac_json_copy(ac_json_get(w->doc, "history"));
	size_t layers = ac_json_len(ac_json_get(w->doc, "layers"));
	size_t have = count_layers(list);

	for (size_t i = 0; i < ac_json_len(list); i++) {
		struct ac_json *e = ac_json_at(list, i);

		if (ac_json_get(e, "created") == NULL)
			ac_json_set_str(e, "created", created);
	}
	for (; have < layers; have++) {
		struct ac_json *e = ac_json_object();

		ac_json_set_str(e, "created", created);
		ac_json_set_str(e, "created_by", "acbuild begin");
		ac_json_push(list, e);
	}
	for (size_t i = ac_json_len(list); i-- > 0 && have > layers;) {
		struct ac_json *e = ac_json_at(list, i);

		if (is_empty(e))
			continue;
		ac_json_set(e, "empty_layer", ac_json_new_bool(true));
		have--;
	}
	return list;
}

/* --- documents --- */

/* When the image was made, as far as that may be said: SOURCE_DATE_EPOCH, or
 * the time of the newest file packed here, or when START was. */
static void set_created(const struct work *w, struct ac_json *doc)
{
	int64_t t = ac_json_number(ac_json_get(w->doc, "newest"));
	char text[AC_DATE_TEXT];

	if (getenv("SOURCE_DATE_EPOCH") != NULL)
		t = build_time();
	else if (t < 0 && ac_json_text(ac_json_get(doc, "created"), NULL))
		return;
	ac_date_print(t < 0 ? 0 : t, 0, text);
	ac_json_set_str(doc, "created", text);
}

struct ac_json *oci_config(const struct work *w)
{
	struct ac_json *doc = ac_json_copy(ac_json_get(w->doc, "config"));
	const struct ac_json *layers = ac_json_get(w->doc, "layers");
	struct ac_json *rootfs = ac_json_object();
	struct ac_json *ids = ac_json_array();

	set_created(w, doc);
	for (size_t i = 0; i < ac_json_len(layers); i++)
		ac_json_push(ids,
			     ac_json_copy(ac_json_get(ac_json_at(layers, i),
						      "diffID")));
	ac_json_set_str(rootfs, "type", "layers");
	ac_json_set(rootfs, "diff_ids", ids);
	ac_json_del(doc, "rootfs");
	ac_json_set(doc, "rootfs", rootfs);
	ac_json_del(doc, "history");
	ac_json_set(doc, "history",
		    history(w,
			    ac_json_text(ac_json_get(doc, "created"), NULL)));
	return doc;
}

static int to_text(const struct ac_json *doc, struct ac_buf *b,
		   struct ac_err *err)
{
	ac_json_write(doc, 0, false, b);
	return ac_buf_check(b, "a document of the image", err);
}

struct ac_json *oci_descriptor(const char *type, const struct ac_digest *d,
			       uint64_t size)
{
	struct ac_json *o = ac_json_object();
	char text[AC_DIGEST_TEXT];

	ac_digest_print(d, ':', text);
	ac_json_set_str(o, "mediaType", type);
	ac_json_set_str(o, "digest", text);
	ac_json_set_int(o, "size", (int64_t)size);
	return o;
}

static struct ac_json *describe(const char *type, const struct ac_buf *b)
{
	struct ac_digest d;

	ac_digest_of(AC_SHA256, ac_buf_str(b), b->len, &d);
	return oci_descriptor(type, &d, b->len);
}

static struct ac_json *manifest_of(const struct work *w,
				   const struct ac_buf *config)
{
	struct ac_json *doc = ac_json_object();
	struct ac_json *layers = ac_json_copy(ac_json_get(w->doc, "layers"));
	const struct ac_json *notes = ac_json_get(w->doc, "annotations");

	for (size_t i = 0; i < ac_json_len(layers); i++)
		ac_json_del(ac_json_at(layers, i), "diffID");
	ac_json_set_int(doc, "schemaVersion", 2);
	ac_json_set_str(doc, "mediaType", AC_OCI_MANIFEST);
	ac_json_set(doc, "config", describe(AC_OCI_CONFIG, config));
	ac_json_set(doc, "layers", layers);
	if (ac_json_len(notes) != 0)
		ac_json_set(doc, "annotations", ac_json_copy(notes));
	return doc;
}

/* Both documents as text. */
static int make_texts(const struct work *w, struct ac_buf *config,
		      struct ac_buf *manifest, struct ac_err *err)
{
	AC_JSON struct ac_json *c = oci_config(w);
	AC_JSON struct ac_json *m = NULL;

	if (to_text(c, config, err) < 0)
		return -1;
	m = manifest_of(w, config);
	return to_text(m, manifest, err);
}

struct ac_json *oci_manifest(const struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf config = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *c = oci_config(w);

	return to_text(c, &config, err) < 0 ? NULL : manifest_of(w, &config);
}

int oci_id(const struct work *w, struct ac_digest *id, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf config = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	if (make_texts(w, &config, &manifest, err) < 0)
		return -1;
	ac_digest_of(AC_SHA256, ac_buf_str(&manifest), manifest.len, id);
	return 0;
}

int oci_image(const struct work *w, struct ac_image *m, struct ac_err *err)
{
	static const struct ac_oci_source source = {.name = "image"};
	AC_CLEANUP(ac_oci_config_release)
	struct ac_oci_config c = {.doc = NULL};
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *config = oci_config(w);
	struct ac_json *doc;
	size_t n = ac_json_len(ac_json_get(w->doc, "layers"));

	if (to_text(config, &b, err) < 0 ||
	    ac_oci_config_parse(&c, ac_buf_str(&b), b.len, n, err) < 0)
		return -1;
	doc = ac_oci_to_appc(&c, &source, err);
	return doc == NULL ? -1 : ac_image_load(m, doc, NULL, err);
}

/* --- the index --- */

const char *oci_ref_of(const struct ac_json *desc)
{
	return ac_json_text(ac_json_get(ac_json_get(desc, "annotations"),
					AC_OCI_REF_NAME),
			    NULL);
}

/* Does the image under construction take the place of START's entry DESC? */
static bool replaced(const struct work *w, const struct ac_json *desc)
{
	const struct ac_json *tags = ac_json_get(w->doc, "tags");
	const char *start = ac_json_text(ac_json_get(w->doc, "start"), NULL);
	const char *ref = oci_ref_of(desc);

	/* An image without a name is lost when nothing names it. */
	if (ref == NULL)
		return start == NULL;
	for (size_t i = 0; i < ac_json_len(tags); i++)
		if (strcmp(ac_json_text(ac_json_at(tags, i), NULL), ref) == 0)
			return true;
	return ac_json_len(tags) == 0 &&
	       strcmp(ref, start != NULL ? start : "latest") == 0;
}

static struct ac_json *platform(const struct work *w)
{
	static const char *const keys[] = {"architecture", "os", "variant"};
	const struct ac_json *config = ac_json_get(w->doc, "config");
	struct ac_json *o = ac_json_object();

	for (size_t i = 0; i < AC_LEN(keys); i++)
		if (ac_json_get(config, keys[i]) != NULL)
			ac_json_set(o, keys[i],
				    ac_json_copy(ac_json_get(config, keys[i])));
	return o;
}

static void push_entry(const struct work *w, struct ac_json *list,
		       const struct ac_json *desc, const char *ref)
{
	struct ac_json *e = ac_json_copy(desc);
	struct ac_json *notes = ac_json_object();

	ac_json_set_str(notes, AC_OCI_REF_NAME, ref);
	ac_json_set(e, "annotations", notes);
	ac_json_set(e, "platform", platform(w));
	ac_json_push(list, e);
}

struct ac_json *oci_index(const struct work *w, const struct ac_json *manifest)
{
	const struct ac_json *others = ac_json_get(w->doc, "others");
	const struct ac_json *tags = ac_json_get(w->doc, "tags");
	const char *start = ac_json_text(ac_json_get(w->doc, "start"), NULL);
	struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();

	for (size_t i = 0; i < ac_json_len(others); i++)
		if (!replaced(w, ac_json_at(others, i)))
			ac_json_push(list, ac_json_copy(ac_json_at(others, i)));
	for (size_t i = 0; i < ac_json_len(tags); i++)
		push_entry(w, list, manifest,
			   ac_json_text(ac_json_at(tags, i), NULL));
	if (ac_json_len(tags) == 0)
		push_entry(w, list, manifest, start != NULL ? start : "latest");
	ac_json_set_int(doc, "schemaVersion", 2);
	ac_json_set_str(doc, "mediaType", AC_OCI_INDEX);
	ac_json_set(doc, "manifests", list);
	return doc;
}

/* --- saving --- */

static bool holds(const struct ac_json *list, const char *s)
{
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *t = ac_json_text(ac_json_at(list, i), NULL);

		if (t != NULL && strcmp(t, s) == 0)
			return true;
	}
	return false;
}

/* Blobs that an earlier save made, and nothing names any more. */
static void drop_old(const struct ac_ocilayout *l, const struct work *w,
		     const struct ac_json *old)
{
	const struct ac_json *made = ac_json_get(w->doc, "made");
	const struct ac_json *start = ac_json_get(w->doc, "blobs");

	for (size_t i = 0; i < ac_json_len(old); i++) {
		const char *hex = ac_json_text(ac_json_at(old, i), NULL);

		/* One that stays does no harm. */
		if (hex != NULL && strchr(hex, '/') == NULL &&
		    !holds(made, hex) && !holds(start, hex))
			(void)unlinkat(l->blobs, hex, 0);
	}
}

static void push_hex(struct ac_json *list, const struct ac_json *desc)
{
	const char *text = ac_json_text(ac_json_get(desc, "digest"), NULL);
	const char *colon = text != NULL ? strchr(text, ':') : NULL;

	if (colon != NULL && !holds(list, colon + 1))
		ac_json_push_str(list, colon + 1);
}

void oci_push_hex(struct ac_json *list, const struct ac_json *desc)
{
	push_hex(list, desc);
}

static struct ac_json *made_now(const struct work *w,
				const struct ac_json *config,
				const struct ac_json *manifest)
{
	const struct ac_json *layers = ac_json_get(w->doc, "layers");
	size_t base = (size_t)ac_json_number(ac_json_get(w->doc, "base"));
	struct ac_json *list = ac_json_array();

	push_hex(list, config);
	push_hex(list, manifest);
	for (size_t i = base; i < ac_json_len(layers); i++)
		push_hex(list, ac_json_at(layers, i));
	return list;
}

static int put_layout(struct ac_ocilayout *l, const struct work *w,
		      const struct ac_json *manifest, struct ac_err *err)
{
	static const char mark[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *index = oci_index(w, manifest);

	if (to_text(index, &b, err) < 0 ||
	    ac_ocilayout_file(l, "index.json", b.p, b.len, err) < 0)
		return -1;
	if (faccessat(l->dir, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return ac_ocilayout_file(l, "oci-layout", mark, sizeof(mark) - 1, err);
}

int oci_save(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_ocilayout_release)
	struct ac_ocilayout l = AC_OCILAYOUT_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf config = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *cdesc = NULL;
	AC_JSON struct ac_json *mdesc = NULL;
	AC_JSON struct ac_json *old = ac_json_copy(ac_json_get(w->doc, "made"));
	struct ac_digest cd;
	struct ac_digest md;

	if (make_texts(w, &config, &manifest, err) < 0 ||
	    ac_ocilayout_attach(&l, w->aci, err) < 0 ||
	    ac_ocilayout_blob(&l, config.p, config.len, &cd, err) < 0 ||
	    ac_ocilayout_blob(&l, manifest.p, manifest.len, &md, err) < 0)
		return -1;
	cdesc = oci_descriptor(AC_OCI_CONFIG, &cd, config.len);
	mdesc = oci_descriptor(AC_OCI_MANIFEST, &md, manifest.len);
	ac_json_set(w->doc, "made", made_now(w, cdesc, mdesc));
	/* The state is what counts; the layout follows it. */
	if (oci_save_state(w, err) < 0 || put_layout(&l, w, mdesc, err) < 0)
		return -1;
	drop_old(&l, w, old);
	return 0;
}
