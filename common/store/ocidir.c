/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/ocidir.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/store/index.h"
#include "common/store/publish.h"
#include "common/sys/io.h"

enum { MAX_INDEX = 256 << 20 };

static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";

/* One manifest of the index, under NAME unless it is NULL. */
static void add_manifest(struct ac_json *list, const struct ac_record *r,
			 const char *name)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *notes;
	const char *type = r->blobs[0].media_type;
	char digest[AC_DIGEST_TEXT];

	ac_digest_print(&r->blobs[0].digest, ':', digest);
	ac_json_set_str(o, "mediaType",
			type != NULL && type[0] != '\0' ? type
							: AC_OCI_MANIFEST);
	ac_json_set_str(o, "digest", digest);
	ac_json_set_int(o, "size", (int64_t)r->blobs[0].size);
	if (name != NULL) {
		notes = ac_json_object();
		ac_json_set_str(notes, AC_OCI_REF_NAME, name);
		ac_json_set(o, "annotations", notes);
	}
	ac_json_push(list, o);
}

static void add_record(struct ac_json *list, const struct ac_record *r)
{
	static const char scheme[] = "docker://";
	bool named = false;

	if (r->kind != AC_IMAGE_OCI || r->n_blobs == 0)
		return;
	for (size_t i = 0; i < r->names.n; i++) {
		const char *name = r->names.v[i];

		if (strncmp(name, scheme, strlen(scheme)) != 0)
			continue;
		add_manifest(list, r, name + strlen(scheme));
		named = true;
	}
	if (!named)
		add_manifest(list, r, NULL);
}

/* The text of index.json; *n: of how many images. */
static int print(const struct ac_store *s, struct ac_buf *out, size_t *n,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();

	ac_json_set_int(doc, "schemaVersion", 2);
	ac_json_set(doc, "manifests", list);
	if (ac_index_read(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		add_record(list, &all.v[i]);
	*n = ac_json_len(list);
	ac_json_write(doc, 0, false, out);
	ac_buf_addc(out, '\n');
	return ac_buf_check(out, "index.json", err);
}

static bool has_index(const struct ac_store *s)
{
	return faccessat(s->dirfd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) ==
	       0;
}

int ac_ocidir_write(const struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_INDEX);
	size_t n = 0;

	if (print(s, &text, &n, err) < 0)
		return -1;
	if (n == 0 && !has_index(s))
		return 0;
	if (faccessat(s->dirfd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    ac_publish_derived(s, "oci-layout", layout, strlen(layout), err) <
		    0)
		return -1;
	return ac_publish_derived(s, "index.json", text.p, text.len, err);
}

void ac_ocidir_update(const struct ac_store *s)
{
	struct ac_err err = AC_ERR_INIT;

	if (ac_ocidir_write(s, &err) < 0)
		ac_warn("%s; 'acfetch store check --repair' makes it again",
			err.msg);
}

int ac_ocidir_check(const struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf want = AC_BUF_INIT(MAX_INDEX);
	AC_CLEANUP(ac_buf_release) struct ac_buf have = AC_BUF_INIT(MAX_INDEX);
	AC_CLEANUP(ac_buf_release) struct ac_buf head = AC_BUF_INIT(4096);
	size_t n = 0;

	if (print(s, &want, &n, err) < 0)
		return -1;
	if (n == 0 && !has_index(s))
		return 1;
	if (ac_io_read_regular(s->dirfd, "index.json", &have, err) < 0 ||
	    ac_io_read_regular(s->dirfd, "oci-layout", &head, err) < 0) {
		bool none = err->code != AC_E_SYS;

		return none ? 0 : -1;
	}
	return strcmp(ac_buf_str(&head), layout) == 0 && have.len == want.len &&
	       memcmp(have.p, want.p, want.len) == 0;
}
