/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/listed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

static struct listed *add(struct listeds *l, const char *name, size_t len)
{
	l->v = ac_xrealloc(l->v, l->n + 1, sizeof(l->v[0]));
	l->v[l->n] = (struct listed){.name = ac_xstrndup(name, len)};
	return &l->v[l->n++];
}

static int compile(regex_t *re, const char *text, struct ac_err *err)
{
	char why[200];
	int rc = regcomp(re, text, REG_EXTENDED | REG_NOSUB);

	if (rc == 0)
		return 0;
	(void)regerror(rc, re, why, sizeof(why));
	return ac_err_set(err, AC_E_INVALID, "'%s': %s", text, why);
}

static int take_line(struct listeds *l, const char *s, struct ac_err *err)
{
	struct listed *c = l->n != 0 ? &l->v[l->n - 1] : NULL;

	if (s[0] == '[') {
		(void)add(l, s + 1, strcspn(s + 1, "]"));
	} else if (c == NULL || strchr(" \t-", s[0]) != NULL) {
		return 0; /* the head, a title, an empty line */
	} else if (strcmp(s, "they: accept") == 0) {
		c->they_accept = true;
	} else if (strncmp(s, "theirs: ", 8) == 0 && !c->has_theirs) {
		c->has_theirs = true;
		return compile(&c->theirs, s + 8, err);
	} else if (strncmp(s, "ours: ", 6) == 0 && !c->has_ours) {
		c->has_ours = true;
		return compile(&c->ours, s + 6, err);
	} else if (strncmp(s, "input: ", 7) == 0 && !c->has_input) {
		c->has_input = true;
		return compile(&c->input, s + 7, err);
	} else if (strncmp(s, "why: ", 5) == 0) {
		c->has_why = true;
	} else if (strcmp(s, "they: refuse") != 0) {
		return ac_err_set(err, AC_E_INVALID, "what is '%s'?", s);
	}
	return 0;
}

static void close_file(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

int listed_load(struct listeds *l, const char *file, struct ac_err *err)
{
	AC_CLEANUP(close_file) FILE *f = fopen(file, "re");
	AC_FREE char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (f == NULL)
		return ac_err_sys(err, errno, "%s", file);
	while ((len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (take_line(l, line, err) < 0)
			return ac_err_ctx(err, "%s", file);
	}
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].has_why ||
		    (!l->v[i].has_ours && !l->v[i].has_theirs))
			return ac_err_set(err, AC_E_INVALID,
					  "%s: [%s] has no reason, or nothing "
					  "to know it by",
					  file, l->v[i].name);
	return 0;
}

void listed_release(struct listeds *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		if (l->v[i].has_theirs)
			regfree(&l->v[i].theirs);
		if (l->v[i].has_ours)
			regfree(&l->v[i].ours);
		if (l->v[i].has_input)
			regfree(&l->v[i].input);
	}
	free(l->v);
	*l = (struct listeds){.v = NULL};
}

static bool matches(const regex_t *re, const char *text)
{
	return regexec(re, text, 0, NULL, 0) == 0;
}

static bool one_matches(const regex_t *re, const struct ac_strv *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		if (matches(re, texts->v[i]))
			return true;
	return false;
}

/* The class of one of our errors, or (NULL) of what we said altogether. */
static struct listed *find(struct listeds *l, const struct verdict *theirs,
			   const struct verdict *ours, const char *error,
			   const char *text)
{
	for (size_t i = 0; i < l->n; i++) {
		struct listed *c = &l->v[i];

		if (c->they_accept != theirs->accept ||
		    (c->has_theirs && !matches(&c->theirs, theirs->msg)) ||
		    (c->has_input && !matches(&c->input, text)))
			continue;
		if (!c->has_ours ||
		    (error != NULL ? matches(&c->ours, error)
				   : one_matches(&c->ours, &ours->warnings)))
			return c;
	}
	return NULL;
}

struct listed *listed_find(struct listeds *l, const struct verdict *theirs,
			   const struct verdict *ours, const char *text)
{
	struct listed *first = NULL;

	if (ours->accept)
		return find(l, theirs, ours, NULL, text);
	for (size_t i = 0; i < ours->errors.n; i++) {
		struct listed *c =
			find(l, theirs, ours, ours->errors.v[i], text);

		if (c == NULL)
			return NULL;
		first = first != NULL ? first : c;
	}
	return first;
}
