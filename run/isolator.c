/* SPDX-License-Identifier: Apache-2.0 */
#include "run/isolator.h"

#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/insecure.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "common/image/manifest.h"
#include "run/args.h"
#include "run/cmd.h"

enum { LEAST_MEMORY = 4096 };

static const char MEMORY[] = "resource/memory";
static const char CPU[] = "resource/cpu";
static const char SHARES[] = "os/linux/cpu-shares";
static const char OOM[] = "os/linux/oom-score-adj";
static const char CAPS_RETAIN[] = "os/linux/capabilities-retain-set";
static const char CAPS_REMOVE[] = "os/linux/capabilities-remove-set";
static const char CALLS_RETAIN[] = "os/linux/seccomp-retain-set";
static const char CALLS_REMOVE[] = "os/linux/seccomp-remove-set";
static const char NO_NEW_PRIVS[] = "os/linux/no-new-privileges";

static void add(struct ac_json *list, const char *name, struct ac_json *value)
{
	struct ac_json *isolator = ac_json_object();

	ac_json_set_str(isolator, "name", name);
	ac_json_set(isolator, "value", value);
	ac_json_push(list, isolator);
}

static void drop(struct ac_json *list, const char *name)
{
	for (size_t i = ac_json_len(list); i-- > 0;) {
		const char *n = ac_json_text(
			ac_json_get_nocase(ac_json_at(list, i), "name"), NULL);

		if (n != NULL && strcmp(n, name) == 0)
			ac_json_remove(list, i);
	}
}

static void add_limit(struct ac_json *list, const char *name, const char *q)
{
	struct ac_json *value = ac_json_object();

	ac_json_set_str(value, "limit", q);
	add(list, name, value);
}

static int add_number(struct ac_json *list, const char *name, const char *flag,
		      const char *text, int64_t min, int64_t max,
		      struct ac_err *err)
{
	int64_t v;

	if (ac_num_i64(ac_str(text), &v) < 0 || v < min || v > max)
		return ac_err_set(err, AC_E_USAGE,
				  "--%s: '%s' is not a number from %lld to "
				  "%lld",
				  flag, text, (long long)min, (long long)max);
	drop(list, name);
	add(list, name, ac_json_int(v));
	return 0;
}

/* "A,B" as {"set": [...]}. */
static struct ac_json *set_of(struct ac_str text)
{
	struct ac_json *value = ac_json_object();
	struct ac_json *set = ac_json_array();
	struct ac_str one;

	ac_json_set(value, "set", set);
	while (text.len != 0) {
		AC_FREE char *name = NULL;

		(void)ac_str_cut(&text, ',', &one);
		name = ac_xstrndup(one.p, one.len);
		if (name[0] != '\0')
			ac_json_push_str(set, name);
	}
	return value;
}

static int add_caps(struct ac_json *list, const struct image_flags *f,
		    struct ac_err *err)
{
	const char *text =
		f->caps_retain != NULL ? f->caps_retain : f->caps_remove;

	if (text == NULL)
		return 0;
	if (f->caps_retain != NULL && f->caps_remove != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "cannot use both --caps-retain and "
				  "--caps-remove on the same image");
	drop(list, CAPS_RETAIN);
	drop(list, CAPS_REMOVE);
	add(list, f->caps_retain != NULL ? CAPS_RETAIN : CAPS_REMOVE,
	    set_of(ac_str(text)));
	return 0;
}

/* "mode=retain|remove[,errno=E],call,@group". */
static int add_seccomp(struct ac_json *list, const char *text,
		       struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_str part;
	AC_FREE char *error = NULL;
	struct ac_json *value;
	bool retain;

	(void)ac_str_cut(&rest, ',', &part);
	retain = ac_str_eq(part, "mode=retain");
	if (!retain && !ac_str_eq(part, "mode=remove"))
		return ac_err_set(err, AC_E_USAGE,
				  "--seccomp: '%s' does not begin with "
				  "mode=retain or mode=remove",
				  text);
	if (ac_str_starts(rest, "errno=")) {
		(void)ac_str_cut(&rest, ',', &part);
		error = ac_xstrndup(part.p + 6, part.len - 6);
	}
	value = set_of(rest);
	if (error != NULL)
		ac_json_set_str(value, "errno", error);
	drop(list, CALLS_RETAIN);
	drop(list, CALLS_REMOVE);
	add(list, retain ? CALLS_RETAIN : CALLS_REMOVE, value);
	return 0;
}

int isolators_from_flags(struct ac_json *list, const struct image_flags *f,
			 struct ac_err *err)
{
	if (f->memory != NULL)
		add_limit(list, MEMORY, f->memory);
	if (f->cpu != NULL)
		add_limit(list, CPU, f->cpu);
	if (f->cpu_shares != NULL &&
	    add_number(list, SHARES, "cpu-shares", f->cpu_shares, 2, 262144,
		       err) < 0)
		return -1;
	if (f->oom_score_adj != NULL &&
	    add_number(list, OOM, "oom-score-adj", f->oom_score_adj, -1000,
		       1000, err) < 0)
		return -1;
	if (add_caps(list, f, err) < 0)
		return -1;
	return f->seccomp != NULL ? add_seccomp(list, f->seccomp, err) : 0;
}

/* The quantity KEY in thousandths; 0 when absent. */
static int quantity(const struct ac_json *value, const char *key,
		    uint64_t *milli, struct ac_err *err)
{
	const struct ac_json *q = ac_json_get_nocase(value, key);
	int64_t v;

	*milli = 0;
	if (q == NULL || ac_json_type(q) == AC_JSON_NULL)
		return 0;
	if (ac_quantity_parse(q, &v, err) < 0)
		return ac_err_ctx(err, "%s", key);
	if (v <= 0)
		return ac_err_set(err, AC_E_INVALID, "%s must be positive",
				  key);
	*milli = (uint64_t)v;
	return 0;
}

static int take_memory(struct isolation *out, const struct ac_json *value,
		       struct ac_err *err)
{
	uint64_t limit;
	uint64_t request;

	if (quantity(value, "limit", &limit, err) < 0 ||
	    quantity(value, "request", &request, err) < 0)
		return -1;
	if (limit != 0 && limit / 1000 < LEAST_MEMORY)
		return ac_err_set(err, AC_E_INVALID,
				  "memory limit of %llu bytes too low. Try a "
				  "reasonable value, such as --memory=16M",
				  (unsigned long long)(limit / 1000));
	out->limits.memory = limit / 1000;
	out->limits.memory_request = request / 1000;
	return 0;
}

static int take_cpu(struct isolation *out, const struct ac_json *value,
		    struct ac_err *err)
{
	uint64_t request;

	if (quantity(value, "limit", &out->limits.cpu_milli, err) < 0 ||
	    quantity(value, "request", &request, err) < 0)
		return -1;
	/* As Kubernetes counts: one processor is 1024 shares. */
	if (request != 0)
		out->limits.cpu_shares =
			request * 1024 / 1000 < 2 ? 2 : request * 1024 / 1000;
	return 0;
}

static int take_caps(struct isolation *out, const struct ac_json *value,
		     bool retain, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv set = AC_STRV_INIT;
	uint64_t bits = 0;

	if (ac_field_strings(value, "value", "set", &set, err) < 0)
		return -1;
	for (size_t i = 0; i < set.n; i++) {
		int c = sb_capability(set.v[i]);

		if (c < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "unknown capability '%s'", set.v[i]);
		bits |= 1ULL << c;
	}
	out->caps = retain ? bits : FILTER_DEFAULT_CAPS & ~bits;
	return 0;
}

/* 1 when it was one of ours, 0 when not, -1. */
static int take_limits(struct isolation *out, const struct ac_isolator *i,
		       struct ac_err *err)
{
	int r = 1;

	if (strcmp(i->name, MEMORY) == 0)
		r = take_memory(out, i->value, err);
	else if (strcmp(i->name, CPU) == 0)
		r = take_cpu(out, i->value, err);
	else if (strcmp(i->name, SHARES) == 0)
		out->limits.cpu_shares = (uint64_t)ac_json_number(i->value);
	else
		return 0;
	return r < 0 ? -1 : 1;
}

/* The same.  Filters come last: they depend on the capabilities. */
static int take_own(struct isolation *out, const struct ac_isolator *i,
		    struct ac_err *err)
{
	bool retain = strcmp(i->name, CAPS_RETAIN) == 0;

	if (retain || strcmp(i->name, CAPS_REMOVE) == 0)
		return take_caps(out, i->value, retain, err) < 0 ? -1 : 1;
	if (strcmp(i->name, NO_NEW_PRIVS) == 0) {
		out->no_new_privs = ac_json_bool(i->value);
		return 1;
	}
	if (strcmp(i->name, OOM) == 0) {
		out->has_oom_score_adj = true;
		out->oom_score_adj = (int)ac_json_number(i->value);
		return 1;
	}
	return strcmp(i->name, CALLS_RETAIN) == 0 ||
	       strcmp(i->name, CALLS_REMOVE) == 0;
}

static int take_filter(struct isolation *out, const struct ac_isolator *v,
		       size_t n, struct ac_strv *unenforced, struct ac_err *err)
{
	for (size_t i = 0; i < n; i++) {
		bool retain = strcmp(v[i].name, CALLS_RETAIN) == 0;

		if (retain || strcmp(v[i].name, CALLS_REMOVE) == 0)
			return seccomp_make(out, v[i].value, retain, unenforced,
					    err);
	}
	return seccomp_make(out, NULL, false, unenforced, err);
}

int isolation_make(struct isolation *out, const struct ac_isolator *v, size_t n,
		   bool in_pod, unsigned int insecure,
		   struct ac_strv *unenforced, struct ac_err *err)
{
	*out = (struct isolation){.caps = FILTER_DEFAULT_CAPS};
	for (size_t i = 0; i < n; i++) {
		int r = take_limits(out, &v[i], err);

		if (r == 0 && !in_pod)
			r = take_own(out, &v[i], err);
		if (r < 0)
			return ac_err_ctx(err, "isolator '%s'", v[i].name);
		if (r == 0)
			ac_strv_pushf(unenforced,
				      "isolator '%s' is not enforced: unknown "
				      "here",
				      v[i].name);
	}
	if ((insecure & AC_INSECURE_CAPABILITIES) != 0)
		out->caps = ~0ULL;
	if (in_pod || (insecure & AC_INSECURE_SECCOMP) != 0)
		return 0;
	return take_filter(out, v, n, unenforced, err);
}

void isolation_release(struct isolation *i)
{
	ac_filter_release(&i->made);
}
