/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/oci.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"

#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

static bool one_of(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, s) == 0)
			return true;
	return false;
}

/* --- descriptors --- */

/* Member KEY as text; what it is stays alone when there is none. */
static int optional(const struct ac_json *o, const char *path, const char *key,
		    const char **out, struct ac_err *err)
{
	int ret = ac_field_str(o, path, key, out, err);

	if (ret > 0 && (*out)[0] == '\0')
		*out = NULL;
	return ret < 0 ? -1 : 0;
}

static int parse_desc(struct ac_oci_desc *d, const struct ac_json *o,
		      const char *path, struct ac_err *err)
{
	AC_FREE char *platform_at = ac_field_path(path, "platform");
	AC_FREE char *notes_at = ac_field_path(path, "annotations");
	struct ac_json *platform = NULL;
	struct ac_json *notes = NULL;
	const char *digest = NULL;
	int64_t size = -1;

	*d = (struct ac_oci_desc){.media_type = "", .doc = o};
	if (ac_field_str(o, path, "mediaType", &d->media_type, err) < 0 ||
	    ac_field_str(o, path, "digest", &digest, err) < 0 ||
	    ac_field_int(o, path, "size", &size, err) < 0 ||
	    ac_field_object(o, path, "platform", &platform, err) < 0 ||
	    ac_field_object(o, path, "annotations", &notes, err) < 0)
		return -1;
	if (digest == NULL)
		return ac_err_set(err, AC_E_INVALID, "%s: digest must be set",
				  path);
	if (ac_digest_parse(&d->digest, digest, ':', err) < 0)
		return ac_err_ctx(err, "%s.digest", path);
	if (size < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: size must be set, and not negative",
				  path);
	d->size = (uint64_t)size;
	if (platform != NULL &&
	    (optional(platform, platform_at, "os", &d->os, err) < 0 ||
	     optional(platform, platform_at, "architecture", &d->arch, err) <
		     0 ||
	     optional(platform, platform_at, "variant", &d->variant, err) < 0))
		return -1;
	if (notes != NULL)
		return optional(notes, notes_at, AC_OCI_REF_NAME, &d->ref_name,
				err);
	return 0;
}

static int parse_descs(const struct ac_json *doc, const char *key,
		       struct ac_oci_desc **out, size_t *n, struct ac_err *err)
{
	AC_FREE struct ac_oci_desc *v = NULL;
	struct ac_json *list = NULL;
	int ret = ac_field_list(doc, "", key, AC_JSON_OBJECT, &list, err);
	size_t len;

	if (ret < 0)
		return -1;
	len = ac_json_len(list);
	if (len > ac_limit(AC_LIMIT_LAYERS))
		return ac_limit_err(err, AC_LIMIT_LAYERS,
				    ac_limit(AC_LIMIT_LAYERS), "%s: %zu", key,
				    len);
	v = ac_xcalloc(len + 1, sizeof(*v));
	for (size_t i = 0; i < len; i++) {
		AC_FREE char *at = ac_field_path_at("", key, i);

		if (parse_desc(&v[i], ac_json_at(list, i), at, err) < 0)
			return -1;
	}
	*out = ac_steal_ptr(&v);
	*n = len;
	return 0;
}

/* --- index and manifest --- */

static int has_member(const struct ac_json *doc, const char *key,
		      struct ac_err *err)
{
	struct ac_json *v = NULL;

	return ac_field_find(doc, "", key, &v, err);
}

int ac_oci_is_index(const struct ac_json *doc, struct ac_err *err)
{
	static const char *const indexes[] = {AC_OCI_INDEX, AC_DOCKER_LIST,
					      NULL};
	static const char *const manifests[] = {AC_OCI_MANIFEST,
						AC_DOCKER_MANIFEST, NULL};
	const char *type = "";
	int64_t version = 0;
	int list;
	int layers;
	int config;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID,
				  "expected an object, found %s",
				  ac_json_type_name(ac_json_type(doc)));
	list = has_member(doc, "manifests", err);
	layers = list < 0 ? -1 : has_member(doc, "layers", err);
	config = layers < 0 ? -1 : has_member(doc, "config", err);
	if (config < 0 ||
	    ac_field_int(doc, "", "schemaVersion", &version, err) < 0 ||
	    ac_field_str(doc, "", "mediaType", &type, err) < 0)
		return -1;
	if (version == 1)
		return ac_err_set(
			err, AC_E_UNSUPPORTED,
			"an image manifest of Docker's schema 1, which is not "
			"read any more; pull and push the image with a "
			"current tool, which makes an OCI image of it");
	if (version != 2)
		return ac_err_set(err, AC_E_INVALID,
				  "schemaVersion must be 2, not %lld",
				  (long long)version);
	if (list && (layers || config))
		return ac_err_set(err, AC_E_INVALID,
				  "both an index and a manifest "
				  "(CVE-2021-41190)");
	if (type[0] != '\0' && !one_of(type, indexes) &&
	    !one_of(type, manifests))
		return ac_err_set(
			err, AC_E_UNSUPPORTED,
			"media type '%s' is neither an image manifest "
			"nor an index",
			type);
	if (list && !one_of(type, manifests))
		return 1;
	if (!list && layers && config && !one_of(type, indexes))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "neither an image manifest nor an index: %s",
			  type[0] != '\0'
				  ? "it has not what its media type "
				    "says"
				  : "no 'manifests', or no 'config' and "
				    "'layers'");
}

static int parse_kind(struct ac_json **doc, const char *text, size_t len,
		      const char *what, int index, struct ac_err *err)
{
	int ret;

	*doc = ac_json_parse(text, len, what, err);
	if (*doc == NULL)
		return -1;
	ret = ac_oci_is_index(*doc, err);
	if (ret >= 0 && ret != index)
		ret = ac_err_set(err, AC_E_INVALID, "expected %s, found %s",
				 index ? "an index" : "an image manifest",
				 index ? "an image manifest" : "an index");
	return ret < 0 ? ac_err_ctx(err, "%s", what) : 0;
}

int ac_oci_index_parse(struct ac_oci_index *x, const char *text, size_t len,
		       struct ac_err *err)
{
	*x = (struct ac_oci_index){.doc = NULL};
	if (parse_kind(&x->doc, text, len, "image index", 1, err) == 0) {
		if (parse_descs(x->doc, "manifests", &x->v, &x->n, err) == 0)
			return 0;
		(void)ac_err_ctx(err, "image index");
	}
	ac_oci_index_release(x);
	return -1;
}

void ac_oci_index_release(struct ac_oci_index *x)
{
	ac_json_free(x->doc);
	free(x->v);
	*x = (struct ac_oci_index){.doc = NULL};
}

static int check_layer_type(const char *type, size_t i, struct ac_err *err)
{
	static const char *const known[] = {
		"",
		AC_OCI_LAYER,
		AC_OCI_LAYER_GZ,
		AC_OCI_LAYER_ZST,
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
		"application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.diff.tar.gzip",
		"application/vnd.docker.image.rootfs.diff.tar.zstd",
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		NULL,
	};

	if (one_of(type, known))
		return 0;
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "layers[%zu]: media type '%s' is not a layer of "
			  "files",
			  i, type);
}

static int parse_manifest(struct ac_oci_manifest *m, struct ac_err *err)
{
	static const char *const configs[] = {"", AC_OCI_CONFIG, DOCKER_CONFIG,
					      NULL};
	struct ac_json *config = NULL;
	const char *artifact = NULL;
	int ret = ac_field_object(m->doc, "", "config", &config, err);

	if (ret < 0)
		return -1;
	if (ret == 0)
		return ac_err_set(err, AC_E_INVALID, "config must be set");
	if (parse_desc(&m->config, config, "config", err) < 0)
		return -1;
	if (ac_field_str(m->doc, "", "artifactType", &artifact, err) < 0)
		return -1;
	if (!one_of(m->config.media_type, configs))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "not a container image: %s of type '%s'",
				  artifact != NULL ? "an artifact"
						   : "its configuration is",
				  artifact != NULL ? artifact
						   : m->config.media_type);
	if (parse_descs(m->doc, "layers", &m->layers, &m->n_layers, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_layers; i++)
		if (check_layer_type(m->layers[i].media_type, i, err) < 0)
			return -1;
	return 0;
}

int ac_oci_manifest_parse(struct ac_oci_manifest *m, const char *text,
			  size_t len, struct ac_err *err)
{
	*m = (struct ac_oci_manifest){.doc = NULL};
	if (parse_kind(&m->doc, text, len, "image manifest", 0, err) == 0) {
		if (parse_manifest(m, err) == 0)
			return 0;
		(void)ac_err_ctx(err, "image manifest");
	}
	ac_oci_manifest_release(m);
	return -1;
}

void ac_oci_manifest_release(struct ac_oci_manifest *m)
{
	ac_json_free(m->doc);
	free(m->layers);
	*m = (struct ac_oci_manifest){.doc = NULL};
}

/* --- configuration --- */

static int parse_diff_ids(struct ac_oci_config *c, size_t n_layers,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	struct ac_json *rootfs = NULL;
	const char *type = "";

	if (ac_field_object(c->doc, "", "rootfs", &rootfs, err) < 0 ||
	    ac_field_str(rootfs, "rootfs", "type", &type, err) < 0 ||
	    ac_field_strings(rootfs, "rootfs", "diff_ids", &ids, err) < 0)
		return -1;
	if (rootfs == NULL)
		return ac_err_set(err, AC_E_INVALID, "rootfs must be set");
	if (strcmp(type, "layers") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "rootfs.type must be 'layers', not '%s'",
				  type);
	if (ids.n != n_layers)
		return ac_err_set(err, AC_E_INVALID,
				  "%zu diff_ids for %zu layers", ids.n,
				  n_layers);
	c->diff_ids = ac_xcalloc(ids.n + 1, sizeof(*c->diff_ids));
	c->n_diff_ids = ids.n;
	for (size_t i = 0; i < ids.n; i++)
		if (ac_digest_parse(&c->diff_ids[i], ids.v[i], ':', err) < 0)
			return ac_err_ctx(err, "rootfs.diff_ids[%zu]", i);
	return 0;
}

static int parse_config(struct ac_oci_config *c, size_t n_layers,
			struct ac_err *err)
{
	if (ac_json_type(c->doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID,
				  "expected an object, found %s",
				  ac_json_type_name(ac_json_type(c->doc)));
	if (optional(c->doc, "", "os", &c->os, err) < 0 ||
	    optional(c->doc, "", "architecture", &c->arch, err) < 0 ||
	    optional(c->doc, "", "variant", &c->variant, err) < 0 ||
	    optional(c->doc, "", "created", &c->created, err) < 0 ||
	    optional(c->doc, "", "author", &c->author, err) < 0)
		return -1;
	return parse_diff_ids(c, n_layers, err);
}

int ac_oci_config_parse(struct ac_oci_config *c, const char *text, size_t len,
			size_t n_layers, struct ac_err *err)
{
	*c = (struct ac_oci_config){.doc = NULL};
	c->doc = ac_json_parse(text, len, "image configuration", err);
	if (c->doc == NULL)
		return -1;
	if (parse_config(c, n_layers, err) == 0)
		return 0;
	ac_oci_config_release(c);
	return ac_err_ctx(err, "image configuration");
}

void ac_oci_config_release(struct ac_oci_config *c)
{
	ac_json_free(c->doc);
	free(c->diff_ids);
	*c = (struct ac_oci_config){.doc = NULL};
}

void ac_oci_chain_ids(const struct ac_digest *diff_ids, size_t n,
		      struct ac_digest *out)
{
	for (size_t i = 0; i < n; i++) {
		char text[2 * AC_DIGEST_TEXT];
		char *p = text;

		if (i == 0) {
			out[0] = diff_ids[0];
			continue;
		}
		ac_digest_print(&out[i - 1], ':', p);
		p += strlen(p);
		*p++ = ' ';
		ac_digest_print(&diff_ids[i], ':', p);
		ac_digest_of(AC_SHA256, text, strlen(text), &out[i]);
	}
}
