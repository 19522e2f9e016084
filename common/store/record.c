/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/record.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"

enum { FORMAT = 1 };

void ac_record_release(struct ac_record *r)
{
	free(r->id);
	ac_image_release(&r->image);
	ac_strv_release(&r->names);
	ac_strv_release(&r->layers);
	for (size_t i = 0; i < r->n_blobs; i++)
		free(r->blobs[i].media_type);
	free(r->blobs);
	ac_strv_release(&r->signers);
	free(r->origin);
	free(r->brief);
	*r = AC_RECORD_INIT;
}

bool ac_layer_name_ok(const char *s)
{
	static const char *const kinds[] = {"sha256-", "sha512-", "flat-"};

	for (size_t i = 0; i < AC_LEN(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(s, kinds[i], n) == 0)
			return ac_hex_is(s + n, i == 0 ? 64 : 128, "");
	}
	return false;
}

static int read_strings(const struct ac_json *o, const char *key,
			struct ac_strv *out, struct ac_err *err)
{
	struct ac_json *a = NULL;

	if (ac_json_get_array(o, "", key, &a, err) < 0)
		return -1;
	for (size_t i = 0; a != NULL && i < ac_json_len(a); i++) {
		const char *s = ac_json_text(ac_json_at(a, i), NULL);

		if (s == NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "%s[%zu]: expected a string", key, i);
		ac_strv_push(out, s);
	}
	return 0;
}

static int read_blob(const struct ac_json *o, struct ac_blob *b,
		     struct ac_err *err)
{
	const char *digest = "";
	const char *type = "";
	int64_t size = 0;

	if (ac_json_get_str(o, "blobs", "digest", &digest, err) < 0 ||
	    ac_json_get_str(o, "blobs", "mediaType", &type, err) < 0 ||
	    ac_json_get_int(o, "blobs", "size", &size, err) < 0 ||
	    ac_digest_parse(&b->digest, digest, ':', err) < 0)
		return -1;
	if (size < 0)
		return ac_err_set(err, AC_E_INVALID, "blobs: negative size");
	b->size = (uint64_t)size;
	b->media_type = ac_xstrdup(type);
	return 0;
}

static int read_blobs(const struct ac_json *o, struct ac_record *r,
		      struct ac_err *err)
{
	struct ac_json *a = NULL;
	size_t n;

	if (ac_json_get_array(o, "", "blobs", &a, err) < 0)
		return -1;
	n = a != NULL ? ac_json_len(a) : 0;
	r->blobs = ac_xcalloc(n + 1, sizeof(*r->blobs));
	for (; r->n_blobs < n; r->n_blobs++)
		if (read_blob(ac_json_at(a, r->n_blobs), &r->blobs[r->n_blobs],
			      err) < 0)
			return -1;
	return 0;
}

static int read_numbers(const struct ac_json *o, struct ac_record *r,
			struct ac_err *err)
{
	int64_t size = 0;
	int64_t ns = 0;
	int64_t format = 0;

	if (ac_json_get_int(o, "", "format", &format, err) < 0 ||
	    ac_json_get_int(o, "", "imported", &r->imported, err) < 0 ||
	    ac_json_get_int(o, "", "importedNs", &ns, err) < 0 ||
	    ac_json_get_int(o, "", "size", &size, err) < 0)
		return -1;
	if (format != FORMAT)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "format is %lld, this version reads %d",
				  (long long)format, FORMAT);
	if (size < 0 || ns < 0 || ns > 999999999)
		return ac_err_set(err, AC_E_INVALID, "number out of range");
	r->size = (uint64_t)size;
	r->imported_ns = (uint32_t)ns;
	return 0;
}

static int read_fields(const struct ac_json *o, struct ac_record *r,
		       struct ac_err *err)
{
	const char *id = "";
	const char *kind = "";
	const char *origin = "";
	struct ac_json *manifest = NULL;

	if (ac_json_get_str(o, "", "id", &id, err) < 0 ||
	    ac_json_get_str(o, "", "kind", &kind, err) < 0 ||
	    ac_json_get_str(o, "", "origin", &origin, err) < 0 ||
	    ac_json_get_object(o, "", "manifest", &manifest, err) < 0 ||
	    ac_json_get_bool(o, "", "encrypted", &r->encrypted, err) < 0)
		return -1;
	if (!ac_image_id_ok(id, true))
		return ac_err_set(err, AC_E_INVALID, "id: not an image id");
	if (strcmp(kind, "aci") != 0 && strcmp(kind, "oci") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "kind: neither 'aci' nor 'oci'");
	if (manifest == NULL)
		return ac_err_set(err, AC_E_INVALID, "manifest: missing");
	r->id = ac_xstrdup(id);
	r->kind = kind[0] == 'a' ? AC_IMAGE_ACI : AC_IMAGE_OCI;
	r->origin = ac_xstrdup(origin);
	if (read_numbers(o, r, err) < 0 ||
	    read_strings(o, "names", &r->names, err) < 0 ||
	    read_strings(o, "layers", &r->layers, err) < 0 ||
	    read_strings(o, "signers", &r->signers, err) < 0 ||
	    read_blobs(o, r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->layers.n; i++)
		if (!ac_layer_name_ok(r->layers.v[i]))
			return ac_err_set(err, AC_E_INVALID,
					  "layers[%zu]: not a layer name", i);
	return ac_image_load(&r->image, ac_json_copy(manifest), NULL, err);
}

int ac_record_parse(struct ac_record *r, const char *text, size_t len,
		    const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record got = AC_RECORD_INIT;
	AC_JSON struct ac_json *doc = ac_json_parse(text, len, what, err);

	if (doc == NULL)
		return -1;
	if (read_fields(doc, &got, err) < 0)
		return ac_err_ctx(err, "%s", what);
	*r = got;
	got = AC_RECORD_INIT;
	return 0;
}

static void put_strings(struct ac_json *o, const char *key,
			const struct ac_strv *v)
{
	struct ac_json *a = ac_json_array();

	for (size_t i = 0; i < v->n; i++)
		ac_json_push_str(a, v->v[i]);
	ac_json_set(o, key, a);
}

static void put_blobs(struct ac_json *o, const struct ac_record *r)
{
	struct ac_json *a = ac_json_array();

	for (size_t i = 0; i < r->n_blobs; i++) {
		struct ac_json *b = ac_json_object();
		char digest[AC_DIGEST_TEXT];

		ac_digest_print(&r->blobs[i].digest, ':', digest);
		ac_json_set_str(b, "digest", digest);
		ac_json_set_int(b, "size", (int64_t)r->blobs[i].size);
		if (r->blobs[i].media_type != NULL &&
		    r->blobs[i].media_type[0] != '\0')
			ac_json_set_str(b, "mediaType", r->blobs[i].media_type);
		ac_json_push(a, b);
	}
	ac_json_set(o, "blobs", a);
}

int ac_record_write(const struct ac_record *r, struct ac_buf *out,
		    struct ac_err *err)
{
	AC_JSON struct ac_json *o = ac_json_object();

	ac_json_set_int(o, "format", FORMAT);
	ac_json_set_str(o, "id", r->id);
	ac_json_set_str(o, "kind", r->kind == AC_IMAGE_ACI ? "aci" : "oci");
	ac_json_set(o, "manifest", ac_json_copy(r->image.doc));
	put_strings(o, "names", &r->names);
	put_strings(o, "layers", &r->layers);
	put_blobs(o, r);
	if (r->encrypted)
		ac_json_set(o, "encrypted", ac_json_new_bool(true));
	put_strings(o, "signers", &r->signers);
	ac_json_set_str(o, "origin", r->origin != NULL ? r->origin : "");
	ac_json_set_int(o, "imported", r->imported);
	ac_json_set_int(o, "importedNs", r->imported_ns);
	ac_json_set_int(o, "size", (int64_t)r->size);
	ac_json_write(o, 1, false, out);
	ac_buf_addc(out, '\n');
	return ac_buf_check(out, "the record", err);
}
