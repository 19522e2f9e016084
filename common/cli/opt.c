/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/opt.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/num.h"

bool ac_opt_is(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0' && strcmp(arg, "--") != 0;
}

static const struct ac_opt *find(const struct ac_optset *sets, size_t n,
				 struct ac_str name, size_t *set)
{
	for (size_t s = 0; s < n; s++) {
		const struct ac_opt *o = sets[s].opts;

		for (; o != NULL && o->type != AC_OPT_T_END; o++) {
			bool letter = name.len == 1 && o->letter != 0 &&
				      name.p[0] == o->letter;

			if (letter || ac_str_eq(name, o->name)) {
				*set = s;
				return o;
			}
		}
	}
	return NULL;
}

static int store(const struct ac_opt *o, void *into, const char *value,
		 struct ac_err *err)
{
	char *at = (char *)into + o->offset;
	int r = 0;

	switch (o->type) {
	case AC_OPT_T_BOOL:
		*(bool *)(void *)at = true;
		if (value != NULL)
			r = ac_num_bool(ac_str(value), (bool *)(void *)at);
		break;
	case AC_OPT_T_STRING:
		*(const char **)(void *)at = value;
		break;
	case AC_OPT_T_LIST:
		ac_strv_push((struct ac_strv *)(void *)at, value);
		break;
	case AC_OPT_T_UINT:
		r = ac_num_u64(ac_str(value), (uint64_t *)(void *)at);
		break;
	case AC_OPT_T_SIZE:
		r = ac_num_size(ac_str(value), (uint64_t *)(void *)at);
		break;
	case AC_OPT_T_END:
		break;
	}
	if (r < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%s' for option --%s", value,
				  o->name);
	return 0;
}

int ac_opt_one(const struct ac_optset *sets, size_t n, int argc, char **argv,
	       int *i, bool *help, struct ac_err *err)
{
	const char *arg = argv[*i];
	struct ac_str rest = ac_str(arg + (arg[1] == '-' ? 2 : 1));
	struct ac_str name;
	size_t set = 0;
	bool has_value = ac_str_cut(&rest, '=', &name);
	const char *value = has_value ? rest.p : NULL;
	const struct ac_opt *o = find(sets, n, name, &set);

	if (o == NULL) {
		*help = ac_str_eq(name, "help") || ac_str_eq(name, "h");
		if (*help)
			return 0;
		return ac_err_set(err, AC_E_USAGE, "unknown flag: %s", arg);
	}
	*i += 1;
	if (value == NULL && o->optional)
		value = "";
	if (value == NULL && o->type != AC_OPT_T_BOOL) {
		if (*i >= argc)
			return ac_err_set(err, AC_E_USAGE,
					  "flag needs an argument: --%s",
					  o->name);
		value = argv[(*i)++];
	}
	return store(o, sets[set].into, value, err);
}

void ac_opt_release(const struct ac_optset *set)
{
	const struct ac_opt *o = set->opts;

	for (; o != NULL && o->type != AC_OPT_T_END; o++)
		if (o->type == AC_OPT_T_LIST)
			ac_strv_release(
				(struct ac_strv *)(void *)((char *)set->into +
							   o->offset));
}

/* The help text of one option, wrapped at 80 columns behind COLUMN. */
static void wrap(FILE *out, const char *text, int column)
{
	int at = column;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (at != column && at + 1 + (int)n > 79) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		if (at != column) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)n, text);
		at += (int)n;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void ac_opt_help(FILE *out, const struct ac_opt *opts)
{
	enum { COLUMN = 30 };

	for (const struct ac_opt *o = opts;
	     o != NULL && o->type != AC_OPT_T_END; o++) {
		char left[80];
		int n;

		if (o->help == NULL)
			continue;
		n = snprintf(left, sizeof(left), "  --%s%s%s%s%s", o->name,
			     o->optional ? "[" : "", o->arg != NULL ? "=" : "",
			     o->arg != NULL ? o->arg : "",
			     o->optional ? "]" : "");
		fprintf(out, "%s", left);
		if (n >= COLUMN - 1) {
			fputc('\n', out);
			n = 0;
		}
		fprintf(out, "%*s", COLUMN - n, "");
		wrap(out, o->help, COLUMN);
	}
}
