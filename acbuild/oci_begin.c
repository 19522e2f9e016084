/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning a build of mode oci with an image. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/apart.h"
#include "acbuild/oci.h"
#include "acbuild/oci_start.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/image/oci.h"
#include "common/sys/interrupt.h"
#include "common/sys/tree.h"

/* --- blobs --- */

static int sink_part(struct ac_ocilayout *l, const struct ac_part *p,
		     const char *what, struct ac_err *err)
{
	enum { CHUNK = 256 << 10 };
	AC_FREE char *buf = ac_xmalloc(CHUNK);
	uint64_t done = 0;

	do {
		size_t n = p->size - done < CHUNK ? (size_t)(p->size - done)
						  : CHUNK;
		ssize_t got = pread(p->fd, buf, n, (off_t)(p->off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ac_err_sys(err, errno, "read %s", what);
		if (got == 0 && n != 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s: the file ends in it", what);
		if (ac_interrupt_check(err) < 0 ||
		    ac_ocilayout_sink(l, buf, (size_t)got, err) < 0)
			return -1;
		done += (uint64_t)got;
	} while (done < p->size);
	return 0;
}

/* Blobs are kept under their SHA-256, whatever START called them. */
int start_copy(struct ac_ocilayout *l, const struct ac_part *p,
	       const struct ac_digest *want, const char *what,
	       struct ac_digest *got, struct ac_err *err)
{
	uint64_t size;

	if (want != NULL && want->alg != AC_SHA256 &&
	    ac_part_verify(p, want, what, err) < 0)
		return -1;
	if (sink_part(l, p, what, err) < 0 ||
	    ac_ocilayout_blob_end(l, got, &size, err) < 0)
		return -1;
	if (want == NULL || want->alg != AC_SHA256)
		return 0;
	return ac_digest_expect(got, want, what, err);
}

static int plain_digest(const struct ac_part *p, const char *what,
			struct ac_digest *out, struct ac_err *err)
{
	const struct ac_unzip_limits limits = {
		.max_out = ac_limit(AC_LIMIT_UNPACKED),
		.max_ratio = ac_limit_ratio(AC_LAYER_MAX_RATIO),
	};
	AC_CLEANUP(ac_unzipfd_freep)
	struct ac_unzipfd *in = ac_unzipfd_new_range(p->fd, p->off, p->size,
						     NULL, what, &limits);
	struct ac_hash *h = ac_hash_new(AC_SHA256);
	const void *bytes;
	ssize_t n;

	while ((n = ac_unzipfd_source(in, &bytes, err)) > 0) {
		if (ac_interrupt_check(err) < 0)
			n = -1;
		else
			ac_hash_add(h, bytes, (size_t)n);
		if (n < 0)
			break;
	}
	ac_hash_final(h, out);
	ac_hash_free(h);
	return n < 0 ? -1 : 0;
}

/* What a layer is by its first bytes; NULL when OCI has no name for it. */
static const char *layer_type(const struct ac_part *p)
{
	char magic[6];
	ssize_t n = pread(p->fd, magic, sizeof(magic), (off_t)p->off);

	switch (ac_zip_detect(magic, n > 0 ? (size_t)n : 0)) {
	case AC_ZIP_NONE:
		return AC_OCI_LAYER;
	case AC_ZIP_GZIP:
		return AC_OCI_LAYER_GZ;
	case AC_ZIP_ZSTD:
		return AC_OCI_LAYER_ZST;
	default:
		return NULL;
	}
}

/* --- layers --- */

/* One layer of START into the layout and the state.  DIFF is the expected
 * digest of its plain bytes, or NULL; SURE: it need not be checked now. */
static int take_layer(struct work *w, struct ac_ocilayout *l,
		      const struct ac_part *p, const struct ac_digest *want,
		      const struct ac_digest *diff, bool sure, const char *what,
		      struct ac_err *err)
{
	const char *type = layer_type(p);
	char text[AC_DIGEST_TEXT];
	struct ac_digest plain;
	struct ac_digest got;
	struct ac_json *desc;

	if (type == NULL)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "%s: OCI layers are compressed by gzip or "
				  "zstd, or not at all",
				  what);
	if (start_copy(l, p, want, what, &got, err) < 0)
		return -1;
	if (sure) {
		plain = *diff;
	} else if (plain_digest(p, what, &plain, err) < 0) {
		return ac_err_ctx(err, "%s", what);
	}
	if (diff != NULL && ac_digest_expect(&plain, diff, what, err) < 0)
		return -1;
	desc = oci_descriptor(type, &got, p->size);
	oci_push_hex(ac_json_get(w->doc, "blobs"), desc);
	ac_digest_print(&plain, ':', text);
	ac_json_set_str(desc, "diffID", text);
	ac_json_push(ac_json_get(w->doc, "layers"), desc);
	return 0;
}

static int take_layers(struct work *w, struct ac_ocilayout *l,
		       const struct ac_ocisrc *s, const struct ac_ociimg *im,
		       struct ac_err *err)
{
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct ac_ociimg_layer *layer = &im->layers[i];
		AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;

		/* With a digest of its own, the layer is what the image's
		 * maker saw; else this is all there is to go by. */
		if (ac_ociimg_layer(im, s, i, &p, err) < 0 ||
		    take_layer(w, l, &p,
			       layer->has_digest ? &layer->digest : NULL,
			       &layer->diff, layer->has_digest, layer->what,
			       err) < 0)
			return -1;
	}
	return 0;
}

/* --- documents --- */

/* The entry of a layer that START had. */
static void push_begin(struct ac_json *history)
{
	struct ac_json *e = ac_json_object();

	ac_json_set_str(e, "created_by", "acbuild begin");
	ac_json_push(history, e);
}

/* The history is kept when it is one, with an entry for each layer. */
static void take_history(struct work *w, const struct ac_json *config)
{
	const struct ac_json *list = ac_json_get(config, "history");
	size_t layers = ac_json_len(ac_json_get(w->doc, "layers"));
	struct ac_json *out = ac_json_array();

	for (size_t i = 0; i < ac_json_len(list); i++) {
		const struct ac_json *e = ac_json_at(list, i);

		if (ac_json_type(e) == AC_JSON_OBJECT)
			ac_json_push(out, ac_json_copy(e));
		if (ac_json_type(e) == AC_JSON_OBJECT &&
		    !ac_json_bool(ac_json_get(e, "empty_layer")))
			layers -= layers != 0;
	}
	for (; layers != 0; layers--)
		push_begin(out);
	ac_json_set(w->doc, "history", out);
}

void start_state(struct work *w, const struct ac_json *config)
{
	struct ac_json *own = ac_json_copy(config);

	ac_json_del(own, "rootfs");
	ac_json_del(own, "history");
	if (ac_json_text(ac_json_get(own, "os"), NULL) == NULL)
		ac_json_set_str(own, "os", "linux");
	ac_json_free(w->doc);
	w->doc = oci_state_new(own);
}

/* Annotations that are text, of the manifest TEXT. */
static void take_annotations(struct work *w, const struct ac_json *manifest)
{
	const struct ac_json *notes = ac_json_get(manifest, "annotations");
	struct ac_json *own = ac_json_get(w->doc, "annotations");
	struct ac_json *v;
	const char *key;
	void *it = NULL;

	if (ac_json_type(notes) != AC_JSON_OBJECT)
		return;
	while (ac_json_each(notes, &it, &key, &v))
		if (ac_json_text(v, NULL) != NULL)
			ac_json_set(own, key, ac_json_copy(v));
}

static int read_annotations(struct work *w, const struct ac_ocisrc *s,
			    const struct ac_ociimg *im, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *doc = NULL;
	struct ac_digest d;

	if (im->manifest_digest == NULL)
		return 0;
	if (ac_digest_parse(&d, im->manifest_digest, ':', err) < 0 ||
	    ac_ocisrc_read(s, &d, UINT64_MAX, &b, err) < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&b), b.len, "image manifest", err);
	if (doc == NULL)
		return -1;
	take_annotations(w, doc);
	return 0;
}

/* --- an image as it is today --- */

static int begin_current(struct work *w, struct ac_ocilayout *l,
			 const struct ac_ocisrc *s, const char *image,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_ociimg_release) struct ac_ociimg im = AC_OCIIMG_INIT;
	struct ac_ociimg_choice c = {.image = image, .name = "image"};
	AC_JSON struct ac_json *index = NULL;
	AC_FREE char *start = NULL;

	if (start_index(s, &index, err) < 0)
		return -1;
	start = start_choose(index, &c.image);
	if (ac_ociimg_pick(&im, s, &c, err) < 0)
		return -1;
	start_state(w, im.config.doc);
	if (start != NULL || (index == NULL && im.tag != NULL))
		ac_json_set_str(w->doc, "start",
				start != NULL ? start : im.tag);
	if (take_layers(w, l, s, &im, err) < 0 ||
	    read_annotations(w, s, &im, err) < 0 ||
	    start_others(w, l, s, index, err) < 0)
		return -1;
	take_history(w, im.config.doc);
	return 0;
}

/* --- and before OCI 1.0 --- */

static int list_refs(const struct ac_ocisrc *s, struct ac_strv *out,
		     struct ac_err *err)
{
	AC_CLOSE int fd = -1;
	struct dirent *de;
	DIR *d;

	for (size_t i = 0; i < s->n_members; i++)
		if (strncmp(s->members[i].path, "refs/", 5) == 0)
			ac_strv_push(out, s->members[i].path + 5);
	if (s->dirfd < 0)
		return 0;
	fd = openat(s->dirfd, "refs",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : ac_err_sys(err, errno, "open 'refs'");
	d = fdopendir(fd);
	if (d == NULL)
		return ac_err_sys(err, errno, "read 'refs'");
	(void)ac_steal_fd(&fd);
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			ac_strv_push(out, de->d_name);
	(void)closedir(d);
	ac_strv_sort(out);
	return 0;
}

/* Which of the names: WANT, the only one, or latest. */
static const char *pick_ref(const struct ac_strv *refs, const char *want,
			    const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	if (want == NULL && refs->n == 1)
		return refs->v[0];
	if (want == NULL)
		want = "latest";
	for (size_t i = 0; i < refs->n; i++) {
		if (strcmp(refs->v[i], want) == 0)
			return refs->v[i];
		ac_buf_addf(&b, "%s'%s'", i != 0 ? ", " : "", refs->v[i]);
	}
	(void)ac_err_set(err, AC_E_INVALID,
			 "'%s': no tag '%s'; put one of these behind its name "
			 "and a colon: %s",
			 what, want, ac_buf_str(&b));
	return NULL;
}

static struct ac_json *read_doc(const struct ac_ocisrc *s,
				const struct ac_json *desc, const char *what,
				struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	const char *text = ac_json_text(ac_json_get(desc, "digest"), NULL);
	struct ac_digest d;

	if (ac_digest_parse(&d, text != NULL ? text : "", ':', err) < 0 ||
	    ac_ocisrc_read(s, &d, UINT64_MAX, &b, err) < 0) {
		(void)ac_err_ctx(err, "%s", what);
		return NULL;
	}
	return ac_json_parse(ac_buf_str(&b), b.len, what, err);
}

/* The original acbuild wrote wrong types and diff_ids: they are found anew. */
static int old_layers(struct work *w, struct ac_ocilayout *l,
		      const struct ac_ocisrc *s, const struct ac_json *list,
		      struct ac_err *err)
{
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *text =
			ac_json_text(ac_json_get(ac_json_at(list, i), "digest"),
				     NULL);
		AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
		AC_FREE char *what = ac_xasprintf("layer %zu", i + 1);
		struct ac_digest d;

		if (ac_digest_parse(&d, text != NULL ? text : "", ':', err) <
			    0 ||
		    ac_ocisrc_blob(s, &d, UINT64_MAX, &p, err) < 0 ||
		    take_layer(w, l, &p, &d, NULL, false, what, err) < 0)
			return -1;
	}
	return 0;
}

static int begin_old(struct work *w, struct ac_ocilayout *l,
		     const struct ac_ocisrc *s, const char *image,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv refs = AC_STRV_INIT;
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *desc = NULL;
	AC_JSON struct ac_json *manifest = NULL;
	AC_JSON struct ac_json *config = NULL;
	AC_FREE char *path = NULL;
	const char *ref;

	if (list_refs(s, &refs, err) < 0)
		return -1;
	ref = pick_ref(&refs, image, s->what, err);
	if (ref == NULL)
		return -1;
	path = ac_xasprintf("refs/%s", ref);
	if (ac_ocisrc_file(s, path, &p, err) <= 0 ||
	    ac_part_read(&p, path, &b, err) < 0)
		return ac_err_ctx(err, "'%s'", path);
	desc = ac_json_parse(ac_buf_str(&b), b.len, path, err);
	manifest =
		desc != NULL ? read_doc(s, desc, "image manifest", err) : NULL;
	config = manifest != NULL ? read_doc(s, ac_json_get(manifest, "config"),
					     "image configuration", err)
				  : NULL;
	if (config == NULL)
		return -1;
	if (ac_json_type(config) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID,
				  "the image configuration is not an object");
	start_state(w, config);
	ac_json_set_str(w->doc, "start", ref);
	if (old_layers(w, l, s, ac_json_get(manifest, "layers"), err) < 0)
		return -1;
	take_annotations(w, manifest);
	take_history(w, config);
	return 0;
}

/* Is S a layout of before 1.0: refs, and no index.json? */
static int is_old(const struct ac_ocisrc *s, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv refs = AC_STRV_INIT;
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	int r;

	if (s->in_store)
		return 0;
	r = ac_ocisrc_file(s, "index.json", &p, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	r = ac_ocisrc_file(s, "manifest.json", &p, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (list_refs(s, &refs, err) < 0)
		return -1;
	return refs.n != 0;
}

struct oci_start {
	const char *source, *image, *store;
};

static int begin_here(struct work *w, const void *ctx, struct ac_err *err)
{
	const struct oci_start *from = ctx;
	AC_CLEANUP(ac_ocisrc_release) struct ac_ocisrc s = AC_OCISRC_INIT;
	AC_CLEANUP(ac_ocilayout_release)
	struct ac_ocilayout l = AC_OCILAYOUT_INIT;
	int r;

	r = ac_ocisrc_open(&s, from->source, from->store, err);
	if (r >= 0)
		r = ac_ocilayout_attach(&l, w->aci, err);
	if (r >= 0)
		r = is_old(&s, err);
	if (r >= 0)
		r = r != 0 ? begin_old(w, &l, &s, from->image, err)
			   : begin_current(w, &l, &s, from->image, err);
	if (r < 0)
		return oci_not_element(err);
	ac_json_set_int(w->doc, "base",
			(int64_t)ac_json_len(ac_json_get(w->doc, "layers")));
	return 0;
}

int oci_begin_image(struct work *w, const char *source, const char *image,
		    const char *store, struct ac_err *err)
{
	const struct oci_start from = {source, image, store};
	AC_FREE char *what = ac_xasprintf("'%s'", source);
	const struct apart needs = {.what = what,
				    .file = store == NULL ? source : NULL,
				    .store = store,
				    .fd = -1,
				    .tmp = true,
				    .doc = true};

	return apart(w, &needs, begin_here, &from, err);
}

static bool has_dir(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

bool oci_is_old(int dirfd)
{
	return has_dir(dirfd, "refs") && has_dir(dirfd, "blobs/sha256") &&
	       faccessat(dirfd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int oci_adopt(struct work *w, bool files, struct ac_err *err)
{
	AC_JSON struct ac_json *manifest = NULL;
	AC_JSON struct ac_json *config = NULL;
	AC_CLOSE int dir = -1;

	if (ac_json_len(ac_json_get_nocase(w->doc, "dependencies")) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the image needs others, and OCI images "
				  "stand alone; begin in build mode appc");
	if (ac_json_len(ac_json_get_nocase(w->doc, "pathWhitelist")) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the image has a pathWhitelist, which OCI "
				  "has not; 'acconvert to-oci' obeys it");
	manifest = ac_steal_ptr(&w->doc);
	config = ac_oci_from_appc(manifest, NULL, 0, err);
	if (config == NULL)
		return -1;
	start_state(w, config);
	dir = open_dir(w->dir, OCI_TOP_DIR, err);
	if (dir < 0 || oci_check_tree(dir, "rootfs", err) < 0)
		return -1;
	w->rootfs = open_dir(dir, "rootfs", err);
	if (w->rootfs < 0)
		return -1;
	oci_set_top(w, OCI_TOP_OPEN);
	if (files && geteuid() != 0)
		ac_warn("not root: all files of the first layer will belong to "
			"user and group 0");
	if (files)
		push_begin(ac_json_get(w->doc, "history"));
	return 0;
}
