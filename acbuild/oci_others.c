/* SPDX-License-Identifier: Apache-2.0 */
/* The other images of the layout that a build began with: they stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acbuild/oci_start.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/json.h"
#include "common/image/oci.h"

enum { MAX_DEPTH = 8, MAX_BLOBS = 10000 };

struct others {
	struct work *w;
	struct ac_ocilayout *l; /* NULL: only find out what there is */
	struct ac_set *found;   /* then: paths */
	const struct ac_ocisrc *s;
	struct ac_set seen; /* digests */
};

int start_index(const struct ac_ocisrc *s, struct ac_json **index,
		struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	int r;

	*index = NULL;
	if (s->in_store)
		return 0;
	r = ac_ocisrc_file(s, "index.json", &p, err);
	if (r <= 0)
		return r;
	if (ac_part_read(&p, "index.json", &b, err) < 0)
		return -1;
	*index = ac_json_parse(ac_buf_str(&b), b.len, "index.json", err);
	return *index != NULL ? 0 : -1;
}

static const struct ac_json *entry_of(const struct ac_json *list,
				      const char *ref)
{
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *have = oci_ref_of(ac_json_at(list, i));

		if (have != NULL && strcmp(have, ref) == 0)
			return ac_json_at(list, i);
	}
	return NULL;
}

char *start_choose(const struct ac_json *index, const char **image)
{
	const struct ac_json *list = ac_json_get(index, "manifests");

	if (*image == NULL && ac_json_len(list) > 1 &&
	    entry_of(list, "latest") != NULL)
		*image = "latest";
	if (*image != NULL)
		return entry_of(list, *image) != NULL ? ac_xstrdup(*image)
						      : NULL;
	return ac_xstrdup(oci_ref_of(ac_json_at(list, 0)));
}

static bool is_index(const char *type)
{
	return strcmp(type, AC_OCI_INDEX) == 0 ||
	       strcmp(type, AC_DOCKER_LIST) == 0;
}

static bool is_manifest(const char *type)
{
	return strcmp(type, AC_OCI_MANIFEST) == 0 ||
	       strcmp(type, AC_DOCKER_MANIFEST) == 0;
}

static int keep(struct others *o, const struct ac_json *desc, int depth,
		struct ac_err *err);

static int keep_list(struct others *o, const struct ac_json *list, int depth,
		     struct ac_err *err)
{
	for (size_t i = 0; i < ac_json_len(list); i++)
		if (keep(o, ac_json_at(list, i), depth, err) < 0)
			return -1;
	return 0;
}

/* What the document P, of the media type TYPE, names. */
static int keep_named(struct others *o, const struct ac_part *p,
		      const char *type, int depth, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *doc = NULL;

	if (!is_index(type) && !is_manifest(type))
		return 0;
	if (depth == MAX_DEPTH)
		return ac_err_set(err, AC_E_LIMIT,
				  "indexes within indexes, more than %d levels",
				  MAX_DEPTH);
	if (ac_part_read(p, "a manifest", &b, err) < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&b), b.len, "a manifest", err);
	if (doc == NULL)
		return -1;
	if (is_index(type))
		return keep_list(o, ac_json_get(doc, "manifests"), depth + 1,
				 err);
	return keep(o, ac_json_get(doc, "config"), depth + 1, err) < 0
		       ? -1
		       : keep_list(o, ac_json_get(doc, "layers"), depth + 1,
				   err);
}

/* One descriptor and all that it names.  What the layout lacks, it lacked. */
static int keep(struct others *o, const struct ac_json *desc, int depth,
		struct ac_err *err)
{
	const char *text = ac_json_text(ac_json_get(desc, "digest"), NULL);
	const char *type = ac_json_text(ac_json_get(desc, "mediaType"), NULL);
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	AC_FREE char *what = NULL;
	char hex[AC_DIGEST_TEXT];
	struct ac_digest want;
	struct ac_digest got;

	if (text == NULL || !ac_set_add(&o->seen, text))
		return 0;
	if (ac_set_len(&o->seen) > MAX_BLOBS)
		return ac_err_set(err, AC_E_LIMIT, "more than %d blobs",
				  MAX_BLOBS);
	if (ac_digest_parse(&want, text, ':', err) < 0)
		return -1;
	if (want.alg != AC_SHA256)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "blob '%s': other images of a layout are "
				  "kept when their digests are of sha256",
				  text);
	if (ac_ocisrc_blob(o->s, &want, UINT64_MAX, &p, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	what = ac_xasprintf("blob %s", text);
	ac_digest_hex(&want, hex);
	if (o->l == NULL) {
		AC_FREE char *path = ac_xasprintf("blobs/sha256/%s", hex);

		(void)ac_set_add(o->found, path);
		return keep_named(o, &p, type != NULL ? type : "", depth, err);
	}
	/* The image that the build begins with has been copied already. */
	if (faccessat(o->l->blobs, hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    start_copy(o->l, &p, &want, what, &got, err) < 0)
		return -1;
	oci_push_hex(ac_json_get(o->w->doc, "blobs"), desc);
	return keep_named(o, &p, type != NULL ? type : "", depth, err);
}

int start_others(struct work *w, struct ac_ocilayout *l,
		 const struct ac_ocisrc *s, const struct ac_json *index,
		 struct ac_err *err)
{
	const struct ac_json *list = ac_json_get(index, "manifests");
	struct others o = {.w = w, .l = l, .s = s, .seen = AC_SET_INIT};
	int r = 0;

	if (index == NULL)
		return 0;
	r = keep_list(&o, list, 0, err);
	ac_set_release(&o.seen);
	if (r < 0)
		return -1;
	for (size_t i = 0; i < ac_json_len(list); i++)
		if (ac_json_type(ac_json_at(list, i)) == AC_JSON_OBJECT)
			ac_json_push(ac_json_get(w->doc, "others"),
				     ac_json_copy(ac_json_at(list, i)));
	return 0;
}

int start_closure(struct work *w, struct ac_set *blobs, struct ac_err *err)
{
	AC_CLEANUP(ac_ocisrc_release) struct ac_ocisrc s = AC_OCISRC_INIT;
	AC_JSON struct ac_json *index = NULL;
	struct others o = {.w = w,
			   .found = blobs,
			   .s = &s,
			   .seen = AC_SET_INIT};
	int r;

	s.what = ac_xstrdup(".acbuild/currentaci");
	s.dirfd = fcntl(w->aci, F_DUPFD_CLOEXEC, 3);
	if (s.dirfd < 0)
		return ac_err_sys(err, errno, "open '.acbuild/currentaci'");
	if (start_index(&s, &index, err) < 0)
		return -1;
	r = keep_list(&o, ac_json_get(index, "manifests"), 0, err);
	ac_set_release(&o.seen);
	return r;
}
