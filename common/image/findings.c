/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json_walk.h"

/* A hostile document could break a rule in each of its values.  Half of the
 * room is for errors, so that warnings cannot crowd them out. */
enum { MAX_FINDINGS = 2000, MAX_TEXT = 1000 };

static bool has_room(struct ac_findings *f, bool error)
{
	size_t errors = f->errors - f->lost;

	if ((error ? errors : f->n - errors) < MAX_FINDINGS / 2)
		return true;
	f->more++;
	f->lost += error;
	return false;
}

static struct ac_finding *push(struct ac_findings *f)
{
	f->v = ac_xrealloc(f->v, f->n + 1, sizeof(f->v[0]));
	f->v[f->n] = (struct ac_finding){.rule = NULL};
	return &f->v[f->n++];
}

void ac_findings_add(struct ac_findings *f, const char *rule, const char *path,
		     const char *fmt, ...)
{
	char text[MAX_TEXT];
	struct ac_finding *to;
	va_list ap;

	if (f == NULL)
		return;
	f->last_kept = has_room(f, false);
	if (!f->last_kept)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to = push(f);
	to->rule = ac_xstrdup(rule);
	to->path = ac_xstrdup(path);
	to->text = ac_str_show(text);
}

void ac_findings_fix(struct ac_findings *f, const char *fmt, ...)
{
	char text[MAX_TEXT];
	va_list ap;

	if (f == NULL || !f->last_kept)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(f->v[f->n - 1].fix);
	f->v[f->n - 1].fix = ac_str_show(text);
}

/* The message without what the finding says elsewhere. */
static char *bare_text(const struct ac_err *err)
{
	const char *p = err->msg;
	size_t path = strlen(err->path);
	size_t fix = strlen(err->fix);
	char place[64];
	size_t n;

	(void)snprintf(place, sizeof(place), "line %u, column %u: ", err->line,
		       err->column);
	if (err->line != 0 && strstr(p, place) != NULL)
		p = strstr(p, place) + strlen(place);
	if (path != 0 && strncmp(p, err->path, path) == 0 &&
	    strncmp(p + path, ": ", 2) == 0)
		p += path + 2;
	n = strlen(p);
	if (fix != 0 && n > fix + 2 && strcmp(p + n - fix, err->fix) == 0 &&
	    strncmp(p + n - fix - 2, "; ", 2) == 0)
		n -= fix + 2;
	return ac_xstrndup(p, n);
}

int ac_findings_take(struct ac_findings *f, struct ac_err *err)
{
	AC_FREE char *text = NULL;
	struct ac_finding *to;
	bool room;

	if (f == NULL || (err->code != AC_E_INVALID && err->code != AC_E_LIMIT))
		return -1;
	room = has_room(f, true);
	f->errors++;
	if (!room) {
		*err = AC_ERR_INIT;
		return 0;
	}
	text = bare_text(err);
	to = push(f);
	to->error = true;
	to->rule = ac_xstrdup(err->rule[0] != '\0' || err->path[0] == '\0'
				      ? err->rule
				      : ac_findings_rule(err->path));
	to->path = ac_xstrdup(err->path);
	to->text = ac_str_show(text);
	to->fix = err->fix[0] != '\0' ? ac_str_show(err->fix) : NULL;
	to->line = err->line;
	to->column = err->column;
	*err = AC_ERR_INIT;
	return 0;
}

bool ac_findings_stop(struct ac_findings *f, int ret, struct ac_err *err)
{
	return ret < 0 && ac_findings_take(f, err) < 0;
}

struct ac_findings_mark ac_findings_mark(const struct ac_findings *f)
{
	return (struct ac_findings_mark){.n = f != NULL ? f->n : 0,
					 .errors = f != NULL ? f->errors : 0};
}

int ac_findings_result(const struct ac_findings *f,
		       struct ac_findings_mark from, struct ac_err *err)
{
	if (f == NULL || f->errors == from.errors)
		return 0;
	for (size_t i = from.n; i < f->n; i++) {
		const struct ac_finding *e = &f->v[i];

		if (!e->error)
			continue;
		(void)ac_err_at(err, e->rule, e->path, "%s", e->text);
		err->line = e->line;
		err->column = e->column;
		return e->fix != NULL ? ac_err_fix(err, "%s", e->fix) : -1;
	}
	return ac_err_set(err, AC_E_INVALID, "too many errors to list");
}

/* --- places --- */

/* A path that a finding has, or the path of something it is in. */
struct want {
	char *path;  /* owned */
	char *lower; /* owned */
	bool exact;  /* found as it is written, not in another case */
	struct ac_json_place at;
};

struct wants {
	struct ac_map exact, lower;
	struct want **v;
	size_t n;
};

static void release(struct wants *w)
{
	ac_map_release(&w->exact);
	ac_map_release(&w->lower);
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i]->path);
		free(w->v[i]->lower);
		free(w->v[i]);
	}
	free(w->v);
}

static char *lower(const char *s)
{
	char *out = ac_xstrdup(s);

	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return out;
}

static void want(struct wants *w, const char *path, size_t len)
{
	struct want *to;

	if (ac_map_get(&w->exact, path, len) != NULL)
		return;
	to = ac_xcalloc(1, sizeof(*to));
	to->path = ac_xstrndup(path, len);
	to->lower = lower(to->path);
	w->v = ac_xrealloc(w->v, w->n + 1, sizeof(struct want *));
	w->v[w->n++] = to;
	ac_map_put(&w->exact, to->path, len, to);
	if (ac_map_get(&w->lower, to->lower, len) == NULL)
		ac_map_put(&w->lower, to->lower, len, to);
}

static void visit(void *ctx, const char *path, const struct ac_json_place *at)
{
	const struct wants *w = ctx;
	size_t len = strlen(path);
	struct want *to = ac_map_get(&w->exact, path, len);
	AC_FREE char *low = NULL;

	if (to != NULL && !to->exact) {
		to->exact = true;
		to->at = *at;
	}
	if (to != NULL)
		return;
	low = lower(path);
	to = ac_map_get(&w->lower, low, len);
	if (to != NULL && to->at.line == 0)
		to->at = *at;
}

/* How much of PATH names what its value is in. */
static size_t parent(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '.' && path[len - 1] != '[')
		len--;
	return len > 0 ? len - 1 : 0;
}

void ac_findings_locate(struct ac_findings *f, struct ac_findings_mark from,
			const char *text, size_t len)
{
	AC_CLEANUP(release)
	struct wants w = {.exact = AC_MAP_INIT, .lower = AC_MAP_INIT};
	struct ac_err ignored = AC_ERR_INIT;

	for (size_t i = from.n; f != NULL && i < f->n; i++) {
		size_t n = strlen(f->v[i].path);

		if (f->v[i].line != 0)
			continue;
		for (want(&w, f->v[i].path, n); n > 0;) {
			n = parent(f->v[i].path, n);
			want(&w, f->v[i].path, n);
		}
	}
	if (w.n == 0 || ac_json_walk(text, len, visit, &w, &ignored) < 0)
		return;
	for (size_t i = from.n; i < f->n; i++) {
		struct ac_finding *to = &f->v[i];
		size_t n = strlen(to->path);

		/* What is missing would be in what is there. */
		while (to->line == 0) {
			const struct want *at =
				ac_map_get(&w.exact, to->path, n);

			to->line = at->at.line;
			to->column = at->at.column;
			if (n == 0)
				break;
			n = parent(to->path, n);
		}
	}
}

/* --- rules by place --- */

/* Is PATH the member NAME, or something in it? */
static bool in(const char *path, const char *name)
{
	size_t n = strlen(name);

	return strncmp(path, name, n) == 0 &&
	       (name[n - 1] == '[' || path[n] == '\0' || path[n] == '.' ||
		path[n] == '[');
}

/* Behind "apps[3].", say; NULL when PATH is not in that list. */
static const char *behind(const char *path, const char *list)
{
	const char *p = in(path, list) ? strstr(path, "].") : NULL;

	return p != NULL ? p + 2 : NULL;
}

const char *ac_findings_rule(const char *path)
{
	static const char *const rules[][2] = {
		{"acKind", "T3"},
		{"acVersion", "T4"},
		{"name", "I1"},
		{"labels", "I2"},
		{"app.exec", "I5.1"},
		{"app.user", "I5.2"},
		{"app.group", "I5.2"},
		{"app.supplementaryGIDs", "I5.3"},
		{"app.eventHandlers", "I5.4"},
		{"app.workingDirectory", "I5.5"},
		{"app.environment", "I5.6"},
		{"app.isolators", "I5.7"},
		{"app.mountPoints", "I5.8"},
		{"app.ports", "I5.9"},
		{"app.userAnnotations", "I5.10"},
		{"app.userLabels", "I5.10"},
		{"app", "I5"},
		{"dependencies", "I6"},
		{"pathWhitelist", "I7"},
		{"annotations", "I8"},
		{"apps[", "P2"},
		{"apps", "P1"},
		{"volumes", "P4"},
		{"isolators", "P5"},
		{"userAnnotations", "P5"},
		{"userLabels", "P5"},
		{"ports", "P6"},
	};
	const char *sub = behind(path, "apps");

	if (sub != NULL && in(sub, "mounts"))
		return "P3";
	if (sub != NULL && in(sub, "app"))
		path = sub;
	else if (sub != NULL && in(sub, "annotations"))
		return "I8";
	sub = behind(path, "dependencies");
	if (sub != NULL && in(sub, "labels"))
		return "I2";
	for (size_t i = 0; i < AC_LEN(rules); i++)
		if (in(path, rules[i][0]))
			return rules[i][1];
	return "T10";
}

void ac_findings_release(struct ac_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].rule);
		free(f->v[i].path);
		free(f->v[i].text);
		free(f->v[i].fix);
	}
	free(f->v);
	*f = (struct ac_findings){.v = NULL};
}
