/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/challenge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum { MAX_CHALLENGES = 16, MAX_VALUE = 16 << 10 };

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_token(char c)
{
	return isalnum((unsigned char)c) ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static const char *skip(const char *p, bool commas)
{
	while (is_space(*p) || (commas && *p == ','))
		p++;
	return p;
}

/* The value at *P, quoted or plain, and *P behind it.  Caller frees. */
static char *value(const char **p)
{
	struct ac_buf b = AC_BUF_INIT(MAX_VALUE);
	const char *c = *p;

	if (*c == '"') {
		for (c++; *c != '\0' && *c != '"'; c++) {
			if (*c == '\\' && c[1] != '\0')
				c++;
			ac_buf_addc(&b, *c);
		}
		c += *c == '"';
	} else {
		for (; *c != '\0' && *c != ',' && !is_space(*c); c++)
			ac_buf_addc(&b, *c);
	}
	*p = c;
	if (b.overflow)
		ac_buf_reset(&b);
	return ac_buf_steal(&b);
}

static void set(struct ac_challenge *c, struct ac_str name, const char *text)
{
	const struct {
		const char *name;
		char **to;
	} known[] = {
		{"realm", &c->realm},
		{"service", &c->service},
		{"scope", &c->scope},
		{"error", &c->error},
	};

	for (size_t i = 0; i < AC_LEN(known); i++)
		if (ac_str_eq_any_case(name, known[i].name) &&
		    *known[i].to == NULL)
			*known[i].to = ac_xstrdup(text);
}

static struct ac_challenge *begin(struct ac_challenges *c, struct ac_str scheme)
{
	struct ac_challenge *n;

	c->v = ac_xrealloc(c->v, c->n + 1, sizeof(c->v[0]));
	n = &c->v[c->n++];
	*n = (struct ac_challenge){.scheme = ac_xstrndup(scheme.p, scheme.len)};
	for (char *s = n->scheme; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
	return n;
}

void ac_challenges_add(struct ac_challenges *c, const char *text)
{
	struct ac_challenge *now = NULL;
	const char *p = skip(text, true);

	while (*p != '\0') {
		struct ac_str word = ac_strn(p, 0);
		const char *next;

		while (is_token(p[word.len]))
			word.len++;
		next = skip(p + word.len, false);
		if (word.len == 0) {
			p++; /* not in the grammar: pass over it */
		} else if (*next == '=') {
			AC_FREE char *v = NULL;

			next = skip(next + 1, false);
			v = value(&next);
			if (now != NULL)
				set(now, word, v);
			p = next;
		} else if (c->n < MAX_CHALLENGES) {
			now = begin(c, word);
			p = next;
		} else {
			return;
		}
		p = skip(p, true);
	}
}

void ac_challenges_release(struct ac_challenges *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].scheme);
		free(c->v[i].realm);
		free(c->v[i].service);
		free(c->v[i].scope);
		free(c->v[i].error);
	}
	free(c->v);
	*c = AC_CHALLENGES_INIT;
}

const struct ac_challenge *ac_challenges_find(const struct ac_challenges *c,
					      const char *scheme)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].scheme, scheme) == 0)
			return &c->v[i];
	return NULL;
}
