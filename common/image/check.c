/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/check.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/field.h"
#include "common/image/name.h"

#define ADD_VERSION "add \"acVersion\": \"0.8.11\""

/* acKind must be KIND. */
static int check_kind(const struct ac_json *doc, const char *kind,
		      struct ac_err *err)
{
	const char *s = "";

	if (ac_field_str(doc, "", "acKind", &s, err) < 0)
		return -1;
	if (s[0] == '\0') {
		(void)ac_err_at(err, "T3", "", "ACKind must be set");
		return ac_err_fix(err, "add \"acKind\": \"%s\"", kind);
	}
	if (strcmp(s, "ImageManifest") != 0 && strcmp(s, "PodManifest") != 0) {
		(void)ac_err_at(err, "T3", "acKind", "bad ACKind: %s", s);
		return ac_err_fix(err, "write \"%s\"", kind);
	}
	if (strcmp(s, kind) != 0)
		return ac_err_at(err, "T3", "acKind",
				 "missing or bad ACKind (must be \"%s\")",
				 kind);
	return 0;
}

int ac_check_head(const struct ac_json *doc, const char *kind,
		  bool must_version, struct ac_findings *f, struct ac_err *err)
{
	const char *s = "";
	struct ac_err strict = AC_ERR_INIT;
	struct ac_json *version = NULL;
	int ret;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_at(err, "T3", "", "expected an object, found %s",
				 ac_json_type_name(ac_json_type(doc)));
	if (ac_findings_stop(f, check_kind(doc, kind, err), err))
		return -1;
	ret = ac_field_str(doc, "", "acVersion", &s, err);
	if (ret == 0) /* null is no absence here, but an empty version */
		ret = ac_field_find(doc, "", "acVersion", &version, err);
	if (ret < 0)
		return -1;
	if (ret == 0 && must_version) {
		(void)ac_err_at(err, "I1", "", "acVersion must be set");
		return ac_err_fix(err, ADD_VERSION);
	}
	if (ret == 0) {
		ac_findings_add(f, "P1", "acVersion", "missing");
		ac_findings_fix(f, ADD_VERSION);
		return 0;
	}
	if (ac_version_check(s, AC_NAME_READ, &strict) < 0)
		return ac_err_at(err, "T4", "acVersion", "%s", strict.msg);
	if (ac_version_check(s, AC_NAME_STRICT, &strict) < 0)
		ac_findings_add(f, "T4", "acVersion",
				"'%s' is not a version as semver.org has it",
				s);
	else if (strncmp(s, "0.", 2) != 0)
		ac_findings_add(f, "T4", "acVersion",
				"'%s' is newer than 0.8.11, the last version "
				"of the specification",
				s);
	return 0;
}

int ac_check_identifier(const char *s, const char *path, struct ac_findings *f,
			struct ac_err *err)
{
	struct ac_err strict = AC_ERR_INIT;

	if (ac_identifier_check(s, AC_NAME_READ, &strict) < 0)
		return ac_err_at(err, "T1", path, "%s", strict.msg);
	if (ac_identifier_check(s, AC_NAME_STRICT, &strict) < 0)
		ac_findings_add(f, "T1", path, "%s", strict.msg);
	return 0;
}

int ac_check_name(const char *s, const char *path, struct ac_findings *f,
		  struct ac_err *err)
{
	struct ac_err strict = AC_ERR_INIT;

	if (ac_name_check(s, AC_NAME_READ, &strict) < 0)
		return ac_err_at(err, "T2", path, "%s", strict.msg);
	if (ac_name_check(s, AC_NAME_STRICT, &strict) < 0)
		ac_findings_add(f, "T2", path, "%s", strict.msg);
	return 0;
}

int ac_check_name_field(const struct ac_json *o, const char *path,
			const char *key, bool name, const char **out,
			struct ac_findings *f, struct ac_err *err)
{
	AC_FREE char *at = ac_field_path(path, key);
	struct ac_json *v = NULL;
	const char *s = "";
	int ret = ac_field_find(o, path, key, &v, err);

	if (ret <= 0)
		return ret;
	if (ac_field_str(o, path, key, &s, err) < 0)
		return -1;
	ret = name ? ac_check_name(s, at, f, err)
		   : ac_check_identifier(s, at, f, err);
	if (ret < 0)
		return -1;
	*out = s;
	return 1;
}

int ac_check_image_id(const char *s, const char *path, struct ac_findings *f,
		      struct ac_err *err)
{
	const char *dash = strchr(s, '-');

	if (dash == NULL || strchr(dash + 1, '-') != NULL) {
		(void)ac_err_at(err, "T5", path,
				"badly formatted hash string '%s'", s);
		return ac_err_fix(err, "write 'sha512-' and 128 hex digits");
	}
	if (dash == s)
		return ac_err_at(err, "T5", path, "unexpected empty hash type");
	if (strncmp(s, "sha512-", 7) != 0)
		return ac_err_at(err, "T5", path,
				 "unrecognized hash type: %.*s",
				 (int)(dash - s), s);
	if (dash[1] == '\0')
		return ac_err_at(err, "T5", path,
				 "unexpected empty hash value");
	if (!ac_image_id_ok(s, true))
		ac_findings_add(f, "T5", path,
				"'%s' is not 'sha512-' and 128 lower-case hex "
				"digits",
				s);
	return 0;
}

/* The names of labels or annotations: each an identifier, unique. */
static int check_pairs(const struct ac_json *o, const char *path,
		       const char *key, const char *rule, struct ac_pairs *out,
		       struct ac_findings *f, struct ac_err *err)
{
	struct ac_json *list = NULL;
	const char *twice;
	int ret = ac_field_pairs(o, path, key, out, err);

	if (ret <= 0)
		return ret;
	if (ac_field_list(o, path, key, AC_JSON_OBJECT, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		AC_FREE char *at = ac_field_path_at(path, key, i);
		const struct ac_json *e = ac_json_at(list, i);
		struct ac_json *v = NULL;
		const char *s;

		ret = ac_check_name_field(e, at, "name", false, &s, f, err);
		if (ac_findings_stop(f, ret, err))
			return -1;
		if (ret == 0)
			ac_findings_add(f, rule, at, "has no name");
		if (ac_field_find(e, at, "value", &v, err) == 0)
			ac_findings_add(f, rule, at, "has no value");
	}
	twice = ac_pairs_duplicate(out);
	if (twice != NULL) {
		AC_FREE char *at = ac_field_path(path, key);

		return ac_err_at(err, rule, at, "duplicate %s of name \"%s\"",
				 key, twice);
	}
	return 1;
}

int ac_check_labels(const struct ac_json *o, const char *path,
		    struct ac_pairs *out, struct ac_findings *f,
		    struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	int ret = check_pairs(o, path, "labels", "I2", out, f, err);

	if (ret <= 0)
		return ret;
	if (ac_pairs_get(out, "name") != NULL) {
		AC_FREE char *at = ac_field_path(path, "labels");

		return ac_err_at(err, "I2", at, "invalid label name: \"name\"");
	}
	if (ac_os_arch_known(ac_pairs_get(out, "os"), ac_pairs_get(out, "arch"),
			     &why) == 0) {
		AC_FREE char *at = ac_field_path(path, "labels");

		ac_findings_add(f, "I4", at, "%s", why.msg);
	}
	return 1;
}

int ac_check_annotations(const struct ac_json *o, const char *path,
			 struct ac_pairs *out, struct ac_findings *f,
			 struct ac_err *err)
{
	int ret = check_pairs(o, path, "annotations", "I8", out, f, err);

	for (size_t i = 0; ret > 0 && i < out->n; i++) {
		AC_FREE char *at = ac_field_path_at(path, "annotations", i);
		const struct ac_pair *p = &out->v[i];

		if (strcmp(p->name, "created") == 0 &&
		    ac_findings_stop(f, ac_check_date(p->value, at, f, err),
				     err))
			return -1;
		if ((strcmp(p->name, "homepage") == 0 ||
		     strcmp(p->name, "documentation") == 0) &&
		    ac_findings_stop(f, ac_check_url(p->value, at, f, err),
				     err))
			return -1;
		if (strcmp(p->name, "appc.io/executor/"
				    "supports-systemd-notify") == 0 &&
		    strcmp(p->value, "true") != 0 &&
		    strcmp(p->value, "false") != 0)
			ac_findings_add(f, "I8", at,
					"must be \"true\" or \"false\", not "
					"\"%s\"",
					p->value);
	}
	return ret;
}
