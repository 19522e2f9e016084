/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/ociimg.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/ref.h"

enum { MAX_DEPTH = 4 }; /* of indexes within indexes */

void ac_ociimg_release(struct ac_ociimg *im)
{
	ac_oci_config_release(&im->config);
	for (size_t i = 0; i < im->n_layers; i++) {
		free(im->layers[i].path);
		free(im->layers[i].what);
	}
	free(im->layers);
	free(im->name);
	free(im->tag);
	free(im->original);
	free(im->registry);
	free(im->repository);
	free(im->manifest_digest);
	free(im->image_id);
	*im = AC_OCIIMG_INIT;
}

/* --- names --- */

static bool is_hub(const char *registry)
{
	return strcmp(registry, "registry-1.docker.io") == 0;
}

static int parse_reference(struct ac_ref *r, const char *text)
{
	AC_FREE char *docker = ac_xasprintf("docker://%s", text);
	struct ac_err err = AC_ERR_INIT;

	return ac_ref_parse(r, docker, &err);
}

int ac_ociimg_set_reference(struct ac_ociimg *im, const char *text)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref r = AC_REF_INIT;
	AC_FREE char *full = NULL;

	if (strncmp(text, "docker://", 9) == 0)
		text += 9;
	if (parse_reference(&r, text) < 0)
		return 0;
	full = is_hub(r.registry)
		       ? ac_xstrdup(r.repository)
		       : ac_xasprintf("%s/%s", r.registry, r.repository);
	free(im->name);
	im->name = ac_identifier_sanitize(full);
	free(im->tag);
	im->tag = ac_xstrdup(r.tag);
	free(im->original);
	im->original = ac_xstrdup(text);
	free(im->registry);
	im->registry = ac_xstrdup(r.registry);
	free(im->repository);
	im->repository = ac_xstrdup(r.repository);
	return 1;
}

bool ac_ociimg_answers(const char *have, const char *want)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref h = AC_REF_INIT;
	AC_CLEANUP(ac_ref_release) struct ac_ref w = AC_REF_INIT;
	const char *colon = strrchr(want, ':');
	bool any_tag = strchr(want, '@') == NULL &&
		       (colon == NULL || strchr(colon, '/') != NULL);

	if (strcmp(have, want) == 0)
		return true;
	if (parse_reference(&h, have) < 0 || parse_reference(&w, want) < 0 ||
	    strcmp(h.repository, w.repository) != 0 ||
	    strcmp(h.registry, w.registry) != 0)
		return false;
	return any_tag ||
	       (h.tag != NULL && w.tag != NULL && strcmp(h.tag, w.tag) == 0);
}

/* The last part of PATH, up to its first dot: "x/my.img.oci" -> "my". */
static char *base_name(const char *path)
{
	AC_FREE char *copy = ac_xstrdup(path);
	size_t n = strlen(copy);
	const char *base;
	AC_FREE char *cut = NULL;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	base = strrchr(copy, '/');
	base = base != NULL ? base + 1 : copy;
	cut = ac_xstrndup(base, strcspn(base, "."));
	return ac_identifier_sanitize(cut);
}

int ac_ociimg_list(const struct ac_strv *names, const char *want,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	const char *colon = want != NULL ? strrchr(want, ':') : NULL;

	if (names->n == 0)
		return ac_err_set(err, AC_E_NOT_FOUND, "no images found");
	for (size_t i = 0; i < names->n; i++)
		ac_buf_addf(&b, "%s'%s'", i != 0 ? ", " : "", names->v[i]);
	if (want == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "several images found, use option --image "
				  "with one of: %s",
				  ac_buf_str(&b));
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s \"%s\" not found; there are: %s",
			  colon != NULL && strchr(colon, '/') == NULL ? "tag"
								      : "app",
			  want, ac_buf_str(&b));
}

/* --- OCI --- */

int ac_ociimg_set_config(struct ac_ociimg *im, const char *text, size_t len,
			 size_t n_layers, struct ac_err *err)
{
	if (ac_oci_config_parse(&im->config, text, len, n_layers, err) < 0)
		return -1;
	im->n_layers = n_layers;
	im->layers = ac_xcalloc(n_layers + 1, sizeof(*im->layers));
	for (size_t i = 0; i < n_layers; i++) {
		im->layers[i].diff = im->config.diff_ids[i];
		im->layers[i].what =
			ac_xasprintf("layer %zu of %zu", i + 1, n_layers);
	}
	return 0;
}

static char *digest_text(const struct ac_digest *d)
{
	char text[AC_DIGEST_TEXT];

	ac_digest_print(d, ':', text);
	return ac_xstrdup(text);
}

static int set_manifest(struct ac_ociimg *im, const struct ac_ocisrc *s,
			const struct ac_oci_manifest *m, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf config = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	if (ac_ocisrc_read(s, &m->config.digest, m->config.size, &config, err) <
		    0 ||
	    ac_ociimg_set_config(im, ac_buf_str(&config), config.len,
				 m->n_layers, err) < 0)
		return -1;
	im->image_id = digest_text(&m->config.digest);
	for (size_t i = 0; i < m->n_layers; i++) {
		im->layers[i].has_digest = true;
		im->layers[i].digest = m->layers[i].digest;
		im->layers[i].size = m->layers[i].size;
	}
	return 0;
}

/* "OS/ARCH[/VARIANT]" in pieces of TEXT, which is changed. */
static int split_platform(char *text, const char **os, const char **arch,
			  const char **variant, struct ac_err *err)
{
	char *slash = strchr(text, '/');

	*os = text;
	*variant = NULL;
	if (slash == NULL || slash == text || slash[1] == '\0')
		return ac_err_set(err, AC_E_USAGE,
				  "platform '%s': expected OS/ARCH or "
				  "OS/ARCH/VARIANT, such as linux/arm64",
				  text);
	*slash = '\0';
	*arch = slash + 1;
	slash = strchr(slash + 1, '/');
	if (slash != NULL) {
		*slash = '\0';
		*variant = slash + 1;
	}
	return 0;
}

/* The entry of X for the wanted platform, copied to OUT. */
static int pick_platform(const struct ac_oci_index *x,
			 const struct ac_ociimg_choice *c,
			 struct ac_oci_desc *out, struct ac_err *err)
{
	AC_FREE char *text = ac_xstrdup(c->platform);
	const char *os = ac_host_os();
	const char *arch = ac_host_go_arch();
	const char *variant = NULL;
	const struct ac_oci_desc *d;

	if (text != NULL && split_platform(text, &os, &arch, &variant, err) < 0)
		return -1;
	d = ac_oci_pick(x, os, arch, variant, err);
	if (d == NULL)
		return ac_err_ctx(err, "use --platform");
	*out = *d;
	return 0;
}

/* The manifest or index that D describes; on to the manifest. */
static int follow_desc(struct ac_ociimg *im, const struct ac_ocisrc *s,
		       const struct ac_ociimg_choice *c,
		       struct ac_digest digest, uint64_t size,
		       struct ac_err *err)
{
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
		AC_JSON struct ac_json *doc = NULL;
		AC_CLEANUP(ac_oci_manifest_release)
		struct ac_oci_manifest m = {.doc = NULL};
		AC_CLEANUP(ac_oci_index_release)
		struct ac_oci_index x = {.doc = NULL};
		struct ac_oci_desc d = {.media_type = ""};
		int index;

		if (ac_ocisrc_read(s, &digest, size, &text, err) < 0)
			return -1;
		doc = ac_json_parse(ac_buf_str(&text), text.len,
				    "image manifest", err);
		index = doc != NULL ? ac_oci_is_index(doc, err) : -1;
		if (index < 0)
			return -1;
		if (index == 0) {
			im->manifest_digest = digest_text(&digest);
			return ac_oci_manifest_parse(&m, ac_buf_str(&text),
						     text.len, err) < 0
				       ? -1
				       : set_manifest(im, s, &m, err);
		}
		if (ac_oci_index_parse(&x, ac_buf_str(&text), text.len, err) <
			    0 ||
		    pick_platform(&x, c, &d, err) < 0)
			return -1;
		digest = d.digest;
		size = d.size;
	}
	return ac_err_set(err, AC_E_LIMIT,
			  "indexes within indexes, more than %d levels",
			  MAX_DEPTH);
}

/* Attestations and signatures stand in indexes too. */
static bool is_image(const struct ac_oci_desc *d)
{
	static const char *const types[] = {"", AC_OCI_MANIFEST, AC_OCI_INDEX,
					    AC_DOCKER_MANIFEST, AC_DOCKER_LIST};

	if (d->os != NULL && strcmp(d->os, "unknown") == 0)
		return false;
	for (size_t i = 0; i < AC_LEN(types); i++)
		if (strcmp(types[i], d->media_type) == 0)
			return true;
	return false;
}

/* The full reference of an entry, as containerd and Docker write it beside the
 * tag, or the tag. */
static const char *entry_name(const struct ac_oci_index *x, size_t i)
{
	const struct ac_json *list = ac_json_get_nocase(x->doc, "manifests");
	const struct ac_json *notes =
		ac_json_get(ac_json_at(list, i), "annotations");
	const char *full =
		ac_json_text(ac_json_get(notes, "io.containerd.image.name"),
			     NULL);

	return full != NULL ? full : x->v[i].ref_name;
}

/* Does entry I of the layout BASE answer to WANT? */
static bool wanted(const struct ac_oci_index *x, size_t i, const char *base,
		   const char *want)
{
	const char *name = entry_name(x, i);
	const char *tag = x->v[i].ref_name;
	AC_FREE char *full = NULL;

	if (name == NULL)
		return false;
	if (ac_ociimg_answers(name, want) ||
	    (tag != NULL && strcmp(tag, want) == 0))
		return true;
	if (base == NULL || tag == NULL)
		return false;
	full = ac_xasprintf("%s:%s", base, tag);
	return ac_ociimg_answers(full, want);
}

/* Leave in X only the images that the choice leaves; *name gets the name of the
 * first (borrowed, or NULL). */
static int narrow(struct ac_oci_index *x, const char *base,
		  const struct ac_ociimg_choice *c, const char **name,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv left = AC_STRV_INIT;
	size_t n = 0;

	*name = NULL;
	for (size_t i = 0; i < x->n; i++) {
		const char *have = entry_name(x, i);
		const char *show = have != NULL ? have : "(no name)";

		if (!is_image(&x->v[i]))
			continue;
		if (!ac_strv_has(&names, show))
			ac_strv_push(&names, show);
		if (c->image != NULL && !wanted(x, i, base, c->image))
			continue;
		if (!ac_strv_has(&left, show))
			ac_strv_push(&left, show);
		if (n == 0)
			*name = have;
		x->v[n++] = x->v[i];
	}
	x->n = n;
	if (n == 0)
		return ac_ociimg_list(&names, c->image, err);
	return left.n > 1 ? ac_ociimg_list(&left, NULL, err) : 0;
}

/* A name for an image of a layout: its reference, or the file's name and the
 * tag. */
static void name_layout(struct ac_ociimg *im, const char *base, const char *ref)
{
	if (ref != NULL && strpbrk(ref, ":/@") != NULL &&
	    ac_ociimg_set_reference(im, ref) > 0)
		return;
	im->name = ac_xstrdup(base);
	im->tag = ac_xstrdup(ref);
	im->original = ac_xstrdup(ref);
}

static int pick_layout(struct ac_ociimg *im, const struct ac_ocisrc *s,
		       const struct ac_ociimg_choice *c,
		       const struct ac_part *index, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_CLEANUP(ac_oci_index_release) struct ac_oci_index x = {.doc = NULL};
	AC_FREE char *base = base_name(s->what);
	struct ac_oci_desc d = {.media_type = ""};
	const char *name;

	if (ac_part_read(index, "index.json", &text, err) < 0 ||
	    ac_oci_index_parse(&x, ac_buf_str(&text), text.len, err) < 0 ||
	    narrow(&x, base, c, &name, err) < 0)
		return -1;
	if (x.n == 1)
		d = x.v[0];
	else if (pick_platform(&x, c, &d, err) < 0)
		return -1;
	name_layout(im, base, name);
	return follow_desc(im, s, c, d.digest, d.size, err);
}

static int pick_store(struct ac_ociimg *im, const struct ac_ocisrc *s,
		      const struct ac_ociimg_choice *c, struct ac_err *err)
{
	const struct ac_record *r = &s->record;

	for (size_t i = 0; i < r->names.n; i++)
		if (strncmp(r->names.v[i], "docker://", 9) == 0 &&
		    ac_ociimg_set_reference(im, r->names.v[i]) > 0)
			break;
	if (im->name == NULL) {
		im->name = ac_xstrdup(r->image.name);
		im->tag = ac_xstrdup(ac_pairs_get(&r->image.labels, "version"));
	}
	if (r->n_blobs == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the store has no blobs of the image");
	return follow_desc(im, s, c, r->blobs[0].digest, r->blobs[0].size, err);
}

/* What a tar or directory without an image is. */
static int no_image(const struct ac_ocisrc *s, struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;

	if (ac_ocisrc_file(s, "manifest", &p, err) > 0)
		return ac_err_set(err, AC_E_INVALID,
				  "an App Container Image already");
	if (ac_ocisrc_file(s, "repositories", &p, err) > 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "an archive of Docker before 1.10; save it "
				  "with a newer one");
	return ac_err_set(err, AC_E_INVALID,
			  "no index.json and no manifest.json: neither an OCI "
			  "layout nor an archive of 'docker save'");
}

static int pick(struct ac_ociimg *im, const struct ac_ocisrc *s,
		const struct ac_ociimg_choice *c, struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	int ret;

	if (s->in_store)
		return pick_store(im, s, c, err);
	/* Docker from 25 on saves both.  In an OCI layout everything has a
	 * digest, so that is the one to take. */
	ret = ac_ocisrc_file(s, "index.json", &p, err);
	if (ret != 0)
		return ret < 0 ? -1 : pick_layout(im, s, c, &p, err);
	ret = ac_ocisrc_file(s, "manifest.json", &p, err);
	if (ret != 0)
		return ret < 0 ? -1 : ac_ociimg_pick_docker(im, s, c, &p, err);
	return no_image(s, err);
}

int ac_ociimg_pick(struct ac_ociimg *im, const struct ac_ocisrc *s,
		   const struct ac_ociimg_choice *c, struct ac_err *err)
{
	*im = AC_OCIIMG_INIT;
	if (pick(im, s, c, err) < 0) {
		ac_ociimg_release(im);
		return ac_err_ctx(err, "'%s'", s->what);
	}
	if (c->name != NULL) {
		free(im->name);
		im->name = ac_xstrdup(c->name);
	}
	if (im->name != NULL)
		return 0;
	ac_ociimg_release(im);
	return ac_err_set(err, AC_E_USAGE,
			  "'%s' says no name for the image; give one with "
			  "--name",
			  s->what);
}

int ac_ociimg_layer(const struct ac_ociimg *im, const struct ac_ocisrc *s,
		    size_t i, struct ac_part *out, struct ac_err *err)
{
	const struct ac_ociimg_layer *l = &im->layers[i];
	int ret;

	if (l->path == NULL)
		return ac_ocisrc_blob(s, &l->digest, l->size, out, err) < 0
			       ? ac_err_ctx(err, "%s", l->what)
			       : 0;
	ret = ac_ocisrc_file(s, l->path, out, err);
	if (ret == 0)
		ret = ac_err_set(err, AC_E_NOT_FOUND,
				 "'%s' has no file '%s'; it is not complete",
				 s->what, l->path);
	return ret < 0 ? ac_err_ctx(err, "%s", l->what) : 0;
}
