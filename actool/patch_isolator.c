/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "actool/patch.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/check.h"
#include "common/image/name.h"

/* How the values of isolators can be said in words. */
struct form {
	const char *pattern; /* of the name */
	const char *keys;    /* of KEY=VALUE, between spaces; "*": any */
	enum {
		NO_WORDS,
		SET,     /* words are the elements of its set */
		LITERAL, /* the only word is the value, as JSON */
	} words;
};

static const struct form forms[] = {
	{"resource/*", " request limit default ", NO_WORDS},
	{"os/linux/no-new-privileges", "", LITERAL},
	{"os/linux/oom-score-adj", "", LITERAL},
	{"os/linux/cpu-shares", "", LITERAL},
	{"os/linux/capabilities-*-set", "", SET},
	{"os/linux/seccomp-*-set", " errno ", SET},
	{"os/linux/selinux-context", " user role type level ", NO_WORDS},
	{"os/linux/apparmor-profile", " profile ", NO_WORDS},
	{"os/unix/sysctl", "*", NO_WORDS},
};

static const struct form *form_of(const char *name)
{
	for (size_t i = 0; i < AC_LEN(forms); i++)
		if (fnmatch(forms[i].pattern, name, FNM_PATHNAME) == 0)
			return &forms[i];
	return NULL;
}

/* KEY=VALUE into the value V. */
static int add_member(const struct form *f, struct ac_json *v, const char *key,
		      const char *value, struct ac_err *err)
{
	AC_FREE char *as_word = ac_xasprintf(" %s ", key);
	bool flag = false;

	if (f->keys[0] != '*' && strstr(f->keys, as_word) == NULL)
		return ac_err_set(err, AC_E_INVALID, "unknown parameter \"%s\"",
				  key);
	if (ac_json_get(v, key) != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "parameter \"%s\" with multiple values", key);
	if (strcmp(key, "default") != 0) {
		ac_json_set_str(v, key, value);
		return 0;
	}
	if (ac_num_bool(ac_str(value), &flag) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "default is \"%s\", not true or false",
				  value);
	ac_json_set(v, key, ac_json_new_bool(flag));
	return 0;
}

/* One word or KEY=VALUE of an isolator; *v is its value so far. */
static int add_arg(const struct form *f, struct ac_json **v, struct ac_str arg,
		   struct ac_err *err)
{
	AC_FREE char *text = ac_xstrndup(arg.p, arg.len);
	char *equal = strchr(text, '=');
	struct ac_json *set;

	if (equal != NULL && f->words != LITERAL) {
		*equal = '\0';
		return add_member(f, *v, text, equal + 1, err);
	}
	switch (f->words) {
	case SET:
		set = ac_json_get(*v, "set");
		if (set == NULL) {
			set = ac_json_array();
			ac_json_set(*v, "set", set);
		}
		if (text[0] == '\0')
			return ac_err_set(err, AC_E_INVALID,
					  "an empty name in the set");
		ac_json_push_str(set, text);
		return 0;
	case LITERAL:
		if (ac_json_type(*v) != AC_JSON_OBJECT)
			return ac_err_set(err, AC_E_INVALID,
					  "more than one value");
		ac_json_free(*v);
		*v = ac_json_parse(text, strlen(text), "value", err);
		return *v != NULL ? 0 : -1;
	default:
		return ac_err_set(err, AC_E_INVALID,
				  "parameter \"%s\" without a value", text);
	}
}

/* {name, value}, checked. */
static struct ac_json *new_isolator(const char *name, struct ac_json *value,
				    struct ac_err *err)
{
	AC_JSON struct ac_json *app = ac_json_object();
	AC_FREE struct ac_isolator *checked = NULL;
	struct ac_json *o = ac_json_object();
	struct ac_json *list = ac_json_array();
	size_t n = 0;

	ac_json_set_str(o, "name", name);
	ac_json_set(o, "value", value);
	ac_json_push(list, ac_json_copy(o));
	ac_json_set(app, "isolators", list);
	if (ac_check_isolators(app, "", false, &checked, &n, NULL, err) >= 0)
		return o;
	(void)ac_err_ctx(err, "cannot unmarshal isolator %s", name);
	ac_json_free(o);
	return NULL;
}

/* The value of the isolator NAME from "ARG,ARG". */
static struct ac_json *value_of(const char *name, struct ac_str args, bool any,
				struct ac_err *err)
{
	const struct form *f = form_of(name);
	AC_JSON struct ac_json *v = ac_json_object();
	struct ac_str one;

	if (f == NULL) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "isolator %s is not supported for patching; "
				 "say it as %s=JSON",
				 name, name);
		return NULL;
	}
	while (any) {
		any = ac_str_cut(&args, ',', &one);
		if (add_arg(f, &v, one, err) < 0) {
			(void)ac_err_ctx(err, "cannot unmarshal isolator %s",
					 name);
			return NULL;
		}
	}
	return ac_steal_ptr(&v);
}

struct ac_json *patch_isolator(struct ac_str *text, struct ac_err *err)
{
	size_t end = 0;
	struct ac_json *value;
	AC_FREE char *name = NULL;
	struct ac_str one;
	struct ac_str head;
	bool any;

	while (end < text->len && strchr(",:=", text->p[end]) == NULL)
		end++;
	name = ac_xstrndup(text->p, end);
	if (ac_identifier_check(name, AC_NAME_READ, err) < 0) {
		(void)ac_err_ctx(err, "isolator '%s'", name);
		return NULL;
	}
	if (end < text->len && text->p[end] == '=') {
		/* All that is left: JSON has colons. */
		value = ac_json_parse(text->p + end + 1, text->len - end - 1,
				      name, err);
		*text = ac_strn(text->p + text->len, 0);
	} else {
		(void)ac_str_cut(text, ':', &one);
		any = ac_str_cut(&one, ',', &head);
		value = value_of(name, one, any, err);
	}
	return value != NULL ? new_isolator(name, value, err) : NULL;
}

struct ac_json *patch_set(const char *name, const char *words,
			  struct ac_err *err)
{
	struct ac_json *value = value_of(name, ac_str(words), true, err);

	return value != NULL ? new_isolator(name, value, err) : NULL;
}

struct ac_json *patch_seccomp(const char *mode, const char *set,
			      struct ac_err *err)
{
	struct ac_str rest = ac_str(mode);
	struct ac_str kind;
	bool more = ac_str_cut(&rest, ',', &kind);
	AC_FREE char *args = NULL;

	if (!ac_str_eq(kind, "remove") && !ac_str_eq(kind, "retain")) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "unknown seccomp mode %.*s; it is remove or "
				 "retain",
				 AC_STR_FMT(kind));
		return NULL;
	}
	if (more && !ac_str_starts(rest, "errno=")) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "invalid seccomp-mode optional argument: %.*s",
				 AC_STR_FMT(rest));
		return NULL;
	}
	if (set == NULL || *set == '\0') {
		(void)ac_err_set(err, AC_E_INVALID,
				 "set must be non-empty; say --seccomp-set, "
				 "too");
		return NULL;
	}
	args = ac_xasprintf("%s%s%.*s", set, more ? "," : "", AC_STR_FMT(rest));
	return patch_set(ac_str_eq(kind, "remove")
				 ? "os/linux/seccomp-remove-set"
				 : "os/linux/seccomp-retain-set",
			 args, err);
}
