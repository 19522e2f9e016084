/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/check.h"
#include "common/image/field.h"
#include "common/image/name.h"
#include "common/sys/path.h"

static int load_name(struct ac_image *m, struct ac_findings *f,
		     struct ac_err *err)
{
	int ret = ac_check_name_field(m->doc, "", "name", false, &m->name, f,
				      err);

	if (ret == 0)
		return ac_err_at(err, "I1", "", "name must be set");
	return ret < 0 ? -1 : 0;
}

static int load_dependency(struct ac_dependency *d, const struct ac_json *e,
			   const char *at, struct ac_findings *f,
			   struct ac_err *err)
{
	AC_FREE char *id_at = ac_field_path(at, "imageID");
	AC_FREE char *size_at = ac_field_path(at, "size");
	int64_t size = 0;
	int ret = ac_check_name_field(e, at, "imageName", false, &d->name, f,
				      err);

	if (ret < 0)
		return -1;
	if (ret == 0)
		return ac_err_at(err, "I6", at, "imageName cannot be empty");
	ret = ac_field_str(e, at, "imageID", &d->image_id, err);
	if (ret < 0 ||
	    (ret > 0 && ac_check_image_id(d->image_id, id_at, f, err) < 0) ||
	    ac_check_labels(e, at, &d->labels, f, err) < 0 ||
	    ac_field_int(e, at, "size", &size, err) < 0)
		return -1;
	if (size < 0)
		return ac_err_at(err, "I6", size_at, "%lld is negative",
				 (long long)size);
	d->size = (uint64_t)size;
	return 0;
}

static int load_dependencies(struct ac_image *m, struct ac_findings *f,
			     struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret = ac_field_list(m->doc, "", "dependencies", AC_JSON_OBJECT,
				&list, err);

	if (ret <= 0)
		return ret;
	m->deps = ac_xcalloc(ac_json_len(list) + 1, sizeof(*m->deps));
	for (size_t i = 0; i < ac_json_len(list); i++) {
		AC_FREE char *at = ac_field_path_at("", "dependencies", i);

		m->n_deps = i + 1;
		if (ac_findings_stop(f,
				     load_dependency(&m->deps[i],
						     ac_json_at(list, i), at, f,
						     err),
				     err))
			return -1;
	}
	return 0;
}

static int load_whitelist(struct ac_image *m, struct ac_findings *f,
			  struct ac_err *err)
{
	AC_FREE const char **names = NULL;
	const char *twice;

	if (ac_field_strings(m->doc, "", "pathWhitelist", &m->whitelist, err) <
	    0)
		return -1;
	names = ac_xcalloc(m->whitelist.n + 1, sizeof(*names));
	for (size_t i = 0; i < m->whitelist.n; i++) {
		const char *s = m->whitelist.v[i];
		AC_FREE char *at = ac_field_path_at("", "pathWhitelist", i);

		names[i] = s;
		if (s[0] != '/')
			ac_findings_add(f, "I7", at,
					"'%s' is not an absolute path", s);
		else if (ac_path_has_dotdot(s))
			ac_findings_add(f, "I7", at, "'%s' has '..'", s);
	}
	twice = ac_names_duplicate(names, m->whitelist.n);
	if (twice != NULL)
		ac_findings_add(f, "I7", "pathWhitelist", "'%s' is there twice",
				twice);
	return 0;
}

static int load_app(struct ac_image *m, struct ac_findings *f,
		    struct ac_err *err)
{
	struct ac_json *app = NULL;
	int ret = ac_field_object(m->doc, "", "app", &app, err);

	if (ret <= 0)
		return ret;
	if (ac_app_load(&m->app, app, "app", f, err) < 0)
		return -1;
	m->has_app = true;
	return 0;
}

static int load(struct ac_image *m, struct ac_findings *f, struct ac_err *err)
{
	if (ac_json_type(m->doc) != AC_JSON_OBJECT)
		return ac_check_head(m->doc, "ImageManifest", true, f, err);
	if (ac_findings_stop(f,
			     ac_check_head(m->doc, "ImageManifest", true, f,
					   err),
			     err) ||
	    ac_findings_stop(f, load_name(m, f, err), err) ||
	    ac_findings_stop(f, ac_check_labels(m->doc, "", &m->labels, f, err),
			     err) ||
	    ac_findings_stop(f, load_app(m, f, err), err) ||
	    ac_findings_stop(f, load_dependencies(m, f, err), err) ||
	    ac_findings_stop(f, load_whitelist(m, f, err), err) ||
	    ac_findings_stop(f,
			     ac_check_annotations(m->doc, "", &m->annotations,
						  f, err),
			     err))
		return -1;
	return 0;
}

int ac_image_load(struct ac_image *m, struct ac_json *doc,
		  struct ac_findings *f, struct ac_err *err)
{
	struct ac_findings_mark mark = ac_findings_mark(f);

	*m = AC_IMAGE_INIT;
	m->doc = doc;
	if (load(m, f, err) == 0 && ac_findings_result(f, mark, err) == 0)
		return 0;
	ac_image_release(m);
	return -1;
}

int ac_image_parse(struct ac_image *m, const char *text, size_t len,
		   struct ac_findings *f, struct ac_err *err)
{
	struct ac_json *doc = ac_json_parse(text, len, "manifest", err);
	struct ac_findings_mark mark = ac_findings_mark(f);
	int ret;

	*m = AC_IMAGE_INIT;
	if (doc == NULL) {
		ac_err_rule(err, "T10");
		return -1;
	}
	ret = ac_image_load(m, doc, f, err);
	ac_findings_locate(f, mark, text, len);
	return ret;
}

void ac_image_release(struct ac_image *m)
{
	for (size_t i = 0; i < m->n_deps; i++)
		free(m->deps[i].labels.v);
	free(m->deps);
	free(m->labels.v);
	free(m->annotations.v);
	ac_strv_release(&m->whitelist);
	if (m->has_app)
		ac_app_release(&m->app);
	ac_json_free(m->doc);
	*m = AC_IMAGE_INIT;
}

static struct ac_json *new_label(const char *name, const char *value)
{
	struct ac_json *label = ac_json_object();

	ac_json_set_str(label, "name", name);
	ac_json_set_str(label, "value", value);
	return label;
}

struct ac_json *ac_image_new(const char *name)
{
	struct ac_json *doc = ac_json_object();
	struct ac_json *labels = ac_json_array();

	ac_json_set_str(doc, "acKind", "ImageManifest");
	ac_json_set_str(doc, "acVersion", "0.8.11");
	ac_json_set_str(doc, "name", name);
	ac_json_push(labels, new_label("arch", ac_host_arch()));
	ac_json_push(labels, new_label("os", ac_host_os()));
	ac_json_set(doc, "labels", labels);
	return doc;
}

const char *ac_pairs_get(const struct ac_pairs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return p->v[i].value;
	return NULL;
}

bool ac_image_matches(const struct ac_image *m, const char *name,
		      const struct ac_pairs *labels)
{
	if (name != NULL && strcmp(m->name, name) != 0)
		return false;
	for (size_t i = 0; labels != NULL && i < labels->n; i++) {
		const char *v = ac_pairs_get(&m->labels, labels->v[i].name);

		if (v == NULL || strcmp(v, labels->v[i].value) != 0)
			return false;
	}
	return true;
}
