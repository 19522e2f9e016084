/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/image/manifest.h"

/* A hostile document could break a rule in each of its values. */
enum { MAX_FINDINGS = 1000, MAX_TEXT = 1000 };

void ac_findings_add(struct ac_findings *f, const char *rule, const char *path,
		     const char *fmt, ...)
{
	char text[MAX_TEXT];
	va_list ap;

	if (f == NULL || f->n >= MAX_FINDINGS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->v = ac_xrealloc(f->v, f->n + 1, sizeof(f->v[0]));
	f->v[f->n++] = (struct ac_finding){
		.rule = ac_xstrdup(rule),
		.path = ac_xstrdup(path),
		.text = ac_str_show(text),
	};
}

void ac_findings_release(struct ac_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].rule);
		free(f->v[i].path);
		free(f->v[i].text);
	}
	free(f->v);
	*f = (struct ac_findings){.v = NULL};
}

const char *ac_pairs_get(const struct ac_pairs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return p->v[i].value;
	return NULL;
}
