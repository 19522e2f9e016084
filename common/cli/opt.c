/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/opt.h"

#include <string.h>
#include <strings.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/suggest.h"

bool ac_opt_is(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0' && strcmp(arg, "--") != 0;
}

static const struct ac_opt *find(const struct ac_optset *sets, size_t n,
				 struct ac_str name, size_t *set)
{
	for (size_t s = 0; s < n; s++) {
		AC_OPT_EACH(o, sets[s].opts)
		{
			if (ac_str_eq(name, o->name)) {
				*set = s;
				return o;
			}
		}
	}
	return NULL;
}

/* The place of ONE among the words of VALUES, or -1. */
static int value_index(const char *values, struct ac_str one, bool any_case)
{
	struct ac_str rest = ac_str(values);
	struct ac_str v;

	for (int i = 0; rest.len != 0; i++) {
		(void)ac_str_cut(&rest, ' ', &v);
		if (v.len == one.len &&
		    (any_case ? strncasecmp(v.p, one.p, v.len)
			      : strncmp(v.p, one.p, v.len)) == 0)
			return i;
	}
	return -1;
}

/* "gzip, none or xz". */
static void list_values(const char *values, struct ac_buf *out)
{
	struct ac_str rest = ac_str(values);
	struct ac_str v;
	bool first = true;

	while (rest.len != 0) {
		bool more = ac_str_cut(&rest, ' ', &v);

		ac_buf_addf(out, "%s%.*s",
			    first  ? ""
			    : more ? ", "
				   : " or ",
			    AC_STR_FMT(v));
		first = false;
	}
}

static int check_values(const struct ac_opt *o, const char *value,
			struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf all = AC_BUF_INIT(4096);
	struct ac_str rest = ac_str(value);
	struct ac_str one = rest;
	uint64_t seen = 0;

	if (o->each && one.len == 0)
		return 0;
	do {
		bool more = o->each && ac_str_cut(&rest, ',', &one);
		int i;

		one = o->each ? ac_str_trim(one) : one;
		i = value_index(o->values, one, o->each);

		if (i < 0) {
			list_values(o->values, &all);
			return ac_err_set(err, AC_E_USAGE,
					  "bad value '%.*s' for option --%s; "
					  "it is %s",
					  AC_STR_FMT(one), o->name,
					  ac_buf_str(&all));
		}
		if ((seen & UINT64_C(1) << i) != 0)
			return ac_err_set(err, AC_E_USAGE,
					  "'%.*s' twice in option --%s",
					  AC_STR_FMT(one), o->name);
		seen |= UINT64_C(1) << i;
		if (!more)
			return 0;
	} while (true);
}

static struct ac_strv *list_of(const struct ac_opt *o, void *into)
{
	return (struct ac_strv *)(void *)((char *)into + o->offset);
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
		if (o->values != NULL && check_values(o, value, err) < 0)
			return -1;
		*(const char **)(void *)at = value;
		break;
	case AC_OPT_T_LIST:
		ac_strv_push(list_of(o, into), value);
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

static int unknown(const struct ac_optset *sets, size_t n, struct ac_str name,
		   const char *arg, struct ac_err *err)
{
	struct ac_suggest near = ac_suggest(name);

	for (size_t s = 0; s < n; s++)
		AC_OPT_EACH(o, sets[s].opts)
	if (o->help != NULL)
		ac_suggest_try(&near, o->name);
	if (near.best == NULL)
		return ac_err_set(err, AC_E_USAGE, "unknown flag: %s", arg);
	return ac_err_set(err, AC_E_USAGE,
			  "unknown flag: %s; did you mean '--%s'?", arg,
			  near.best);
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
		return unknown(sets, n, name, arg, err);
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

void ac_opt_copy(const struct ac_optset *set, const void *from, size_t size)
{
	memcpy(set->into, from, size);
	AC_OPT_EACH(o, set->opts)
	if (o->type == AC_OPT_T_LIST) {
		struct ac_strv *list = list_of(o, set->into);
		const struct ac_strv old = *list;

		*list = AC_STRV_INIT;
		for (size_t i = 0; i < old.n; i++)
			ac_strv_push(list, old.v[i]);
	}
}

void ac_opt_release(const struct ac_optset *set)
{
	AC_OPT_EACH(o, set->opts)
	if (o->type == AC_OPT_T_LIST)
		ac_strv_release(list_of(o, set->into));
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

	AC_OPT_EACH(o, opts)
	{
		AC_CLEANUP(ac_buf_release)
		struct ac_buf text = AC_BUF_INIT(4096);
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
		ac_buf_adds(&text, o->help);
		if (o->values != NULL && !o->each) {
			ac_buf_adds(&text, " (");
			list_values(o->values, &text);
			ac_buf_adds(&text, ")");
		}
		wrap(out, ac_buf_str(&text), COLUMN);
	}
}
