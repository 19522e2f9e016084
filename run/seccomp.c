/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "run/isolator.h"

/* The number of "EPERM" and the like: 0 without one. */
static int error_number(const char *name)
{
	static const struct {
		char name[12];
		int number;
	} aliases[] = {
		{"EWOULDBLOCK", EWOULDBLOCK},
		{"EDEADLOCK", EDEADLOCK},
		{"ENOTSUP", ENOTSUP},
		{"EOPNOTSUPP", EOPNOTSUPP},
	};

	for (size_t i = 0; i < AC_LEN(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].number;
	for (int e = 1; e < 134; e++) {
		const char *known = strerrorname_np(e);

		if (known != NULL && strcmp(known, name) == 0)
			return e;
	}
	return 0;
}

/* Names of whole sets: @appc.io/all and @appc.io/empty mask all others; the
 * lists that rkt and docker call their default are ours. */
enum wildcard {
	NO_WILDCARD,
	ALL,
	EMPTY,
	DEFAULT_LIST,
	DEFAULT_REST, /* all that the default refuses */
	UNKNOWN_LIST,
};

static enum wildcard wildcard(const char *name)
{
	static const char *const defaults[] = {
		"@rkt/default-whitelist",
		"@docker/default-whitelist",
		"@acutils/default",
	};

	if (name[0] != '@')
		return NO_WILDCARD;
	if (strcmp(name, "@appc.io/all") == 0)
		return ALL;
	if (strcmp(name, "@appc.io/empty") == 0)
		return EMPTY;
	for (size_t i = 0; i < AC_LEN(defaults); i++)
		if (strcmp(name, defaults[i]) == 0)
			return DEFAULT_LIST;
	return strcmp(name, "@rkt/default-blacklist") == 0 ||
			       strcmp(name, "@docker/default-blacklist") == 0
		       ? DEFAULT_REST
		       : UNKNOWN_LIST;
}

/* The default, ready made when the capabilities are the usual. */
static int use_default(struct isolation *out, struct ac_err *err)
{
	struct ac_filter_rules rules = {.mode = AC_FILTER_DEFAULT,
					.caps = out->caps};

	if (out->caps == FILTER_DEFAULT_CAPS) {
		out->filter = filter_default(&out->n_filter);
		return 0;
	}
	if (ac_filter_build(&out->made, &rules, NULL, err) < 0)
		return -1;
	out->filter = out->made.insns;
	out->n_filter = out->made.n;
	return 0;
}

static int use_names(struct isolation *out, const struct ac_filter_rules *rules,
		     struct ac_strv *unenforced, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv unknown = AC_STRV_INIT;

	if (ac_filter_build(&out->made, rules, &unknown, err) < 0)
		return -1;
	for (size_t i = 0; i < unknown.n; i++)
		ac_strv_pushf(unenforced,
			      "system call '%s' is not known on this "
			      "architecture: left out of the filter",
			      unknown.v[i]);
	out->filter = out->made.insns;
	out->n_filter = out->made.n;
	return 0;
}

int seccomp_make(struct isolation *out, const struct ac_json *value,
		 bool retain, struct ac_strv *unenforced, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv set = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	const char *error = "";
	struct ac_filter_rules rules = {
		.mode = retain ? AC_FILTER_RETAIN : AC_FILTER_REMOVE,
		.caps = out->caps,
	};

	if (value == NULL)
		return use_default(out, err);
	if (ac_field_strings(value, "value", "set", &set, err) < 0 ||
	    ac_field_str(value, "value", "errno", &error, err) < 0)
		return -1;
	for (size_t i = 0; i < set.n; i++) {
		switch (wildcard(set.v[i])) {
		case NO_WILDCARD:
			ac_strv_push(&names, set.v[i]);
			break;
		case ALL:
			if (retain)
				return 0; /* no filter */
			return ac_err_set(err, AC_E_INVALID,
					  "@appc.io/all cannot be removed: "
					  "nothing would run");
		case EMPTY:
			if (!retain)
				return use_default(out, err);
			return ac_err_set(err, AC_E_INVALID,
					  "@appc.io/empty cannot be retained: "
					  "nothing would run");
		case DEFAULT_LIST:
			if (retain)
				ac_strv_push(&names, "@default");
			break;
		case DEFAULT_REST:
			if (!retain)
				break;
			AC_FALLTHROUGH;
		case UNKNOWN_LIST:
			return ac_err_set(err, AC_E_UNSUPPORTED,
					  "unknown set of system calls '%s'",
					  set.v[i]);
		}
	}
	rules.error = error[0] != '\0' ? error_number(error) : 0;
	if (error[0] != '\0' && rules.error == 0)
		return ac_err_set(err, AC_E_INVALID, "unknown errno '%s'",
				  error);
	rules.names = (const char *const *)names.v;
	rules.n = names.n;
	return use_names(out, &rules, unenforced, err);
}
