/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/store/ociimg.h"
#include "common/sys/path.h"

/* Archives of `docker save`: manifest.json is a list of {Config, RepoTags,
 * Layers}, which name files of the archive. */

/* The path that a member KEY of an image names.  Caller frees. */
static char *path_of(const struct ac_json *v, const char *key,
		     struct ac_err *err)
{
	const char *text = ac_json_text(v, NULL);
	char *path = text != NULL ? ac_path_clean(text) : NULL;

	if (path == NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "manifest.json: bad path in '%s'", key);
	return path;
}

/* One name of an image, as the user sees it. */
static const char *tag_of(const struct ac_json *image, size_t i)
{
	return ac_json_text(ac_json_at(ac_json_get_nocase(image, "RepoTags"),
				       i),
			    NULL);
}

/* The image to take, and the name it was found by (or its first). */
static const struct ac_json *choose(const struct ac_json *list,
				    const char *want, const char **name,
				    struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	const struct ac_json *found = NULL;
	size_t images = 0;

	for (size_t i = 0; i < ac_json_len(list); i++) {
		const struct ac_json *im = ac_json_at(list, i);
		const char *hit = NULL;
		const char *tag;
		size_t k = 0;

		for (; (tag = tag_of(im, k)) != NULL; k++) {
			ac_strv_push(&names, tag);
			if (hit == NULL &&
			    (want == NULL || ac_ociimg_answers(tag, want)))
				hit = tag;
		}
		if (k == 0)
			ac_strv_push(&names, "(no name)");
		if (hit == NULL && want != NULL)
			continue;
		images++;
		found = im;
		*name = hit;
	}
	if (images == 1)
		return found;
	return ac_ociimg_list(&names, images > 1 ? NULL : want, err) < 0
		       ? NULL
		       : found;
}

/* Older archives call the configuration "<sha256>.json", newer ones
 * "blobs/sha256/<sha256>": the name must be true. */
static int check_config(const char *path, const struct ac_buf *text,
			struct ac_ociimg *im, struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	struct ac_digest d;
	char hex[AC_DIGEST_TEXT];

	ac_path_split(path, &dir, &base);
	ac_digest_of(AC_SHA256, ac_buf_str(text), text->len, &d);
	ac_digest_hex(&d, hex);
	im->image_id = ac_xasprintf("sha256:%s", hex);
	if (ac_str_ends(base, ".json"))
		base.len -= strlen(".json");
	if (base.len != 64 || ac_str_eq(base, hex))
		return 0;
	return ac_err_set(err, AC_E_VERIFY,
			  "the digest of the configuration '%s' is sha256:%s; "
			  "it is damaged, get the image again",
			  path, hex);
}

static int set_config(struct ac_ociimg *im, const struct ac_ocisrc *s,
		      const struct ac_json *doc, size_t n_layers,
		      struct ac_err *err)
{
	AC_FREE char *path =
		path_of(ac_json_get_nocase(doc, "Config"), "Config", err);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	int ret;

	if (path == NULL)
		return -1;
	ret = ac_ocisrc_file(s, path, &p, err);
	if (ret == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "the configuration '%s' is missing", path);
	if (ret < 0 || ac_part_read(&p, path, &text, err) < 0 ||
	    check_config(path, &text, im, err) < 0)
		return -1;
	return ac_ociimg_set_config(im, ac_buf_str(&text), text.len, n_layers,
				    err);
}

int ac_ociimg_pick_docker(struct ac_ociimg *im, const struct ac_ocisrc *s,
			  const struct ac_ociimg_choice *c,
			  const struct ac_part *list, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *doc = NULL;
	const struct ac_json *layers;
	const struct ac_json *found;
	const char *name = NULL;

	if (ac_part_read(list, "manifest.json", &text, err) < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&text), text.len, "manifest.json", err);
	if (doc == NULL)
		return -1;
	found = choose(doc, c->image, &name, err);
	if (found == NULL)
		return -1;
	layers = ac_json_get_nocase(found, "Layers");
	if (set_config(im, s, found, ac_json_len(layers), err) < 0)
		return -1;
	for (size_t i = 0; i < im->n_layers; i++) {
		im->layers[i].path =
			path_of(ac_json_at(layers, i), "Layers", err);
		if (im->layers[i].path == NULL)
			return -1;
	}
	if (name == NULL || ac_ociimg_set_reference(im, name) == 0)
		im->name = name != NULL ? ac_identifier_sanitize(name) : NULL;
	return 0;
}
