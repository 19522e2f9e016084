/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"

enum { MAX_LINE = 8192 };

void report_fail(struct report *r, struct ac_err *err)
{
	err->code = AC_E_INVALID;
	(void)ac_findings_take(&r->findings, err);
}

bool report_valid(const struct report *r, bool strict)
{
	return r->findings.errors == 0 &&
	       (!strict || r->findings.n + r->findings.more == 0);
}

/* Is the finding I about the manifest that is in an archive or a layout? */
static bool in_manifest(const struct report *r, size_t i)
{
	return i >= r->inner && r->type != NULL &&
	       strcmp(r->type, "manifest") != 0;
}

/* "line 3, column 7", of which text, and the rule. */
static void add_place(struct ac_buf *b, const struct report *r, size_t i)
{
	const struct ac_finding *f = &r->findings.v[i];

	if (f->line != 0)
		ac_buf_addf(b, " (%sline %u, column %u)",
			    in_manifest(r, i) ? "manifest " : "", f->line,
			    f->column);
	if (f->rule[0] != '\0')
		ac_buf_addf(b, " [%s]", f->rule);
}

static void tell_one(const struct report *r, size_t i, bool strict)
{
	const struct ac_finding *f = &r->findings.v[i];
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LINE);
	AC_FREE char *file = ac_str_show(r->file);
	AC_FREE char *path = ac_str_show(f->path);
	bool inner = i >= r->inner;
	const char *context = inner ? r->inner_context : r->context;

	ac_buf_adds(&b, file);
	if (!f->error)
		ac_buf_adds(&b, strict ? ": " : ": warning: ");
	else if (context[0] != '\0')
		ac_buf_addf(&b, ": %s: ", context);
	else
		ac_buf_adds(&b, ": ");
	/* The original's messages name some things themselves. */
	if (path[0] != '\0' && (inner || strstr(f->text, path) == NULL))
		ac_buf_addf(&b, "%s: ", path);
	ac_buf_adds(&b, f->text);
	if (f->fix != NULL)
		ac_buf_addf(&b, "; %s", f->fix);
	add_place(&b, r, i);
	ac_log("%s", ac_buf_str(&b));
}

/* The line and the mark below it. */
static void tell_excerpt(const struct report *r)
{
	const char *end;

	if (r->excerpt == NULL)
		return;
	end = strchr(r->excerpt, '\n');
	ac_log("%.*s", (int)(end - r->excerpt), r->excerpt);
	ac_log("%s", end + 1);
}

void report_tell(const struct report *r, bool strict)
{
	AC_FREE char *file = ac_str_show(r->file);

	for (size_t i = 0; i < r->findings.n; i++)
		tell_one(r, i, strict);
	tell_excerpt(r);
	if (r->findings.more != 0)
		ac_log("%s: and %zu more", file, r->findings.more);
	if (report_valid(r, strict) && ac_log_debugging())
		ac_log("%s: valid %s", file, r->what);
}

static struct ac_json *finding_json(const struct report *r, size_t i)
{
	const struct ac_finding *f = &r->findings.v[i];
	struct ac_json *o = ac_json_object();

	if (f->rule[0] != '\0')
		ac_json_set_str(o, "rule", f->rule);
	if (in_manifest(r, i))
		ac_json_set_str(o, "in", "manifest");
	ac_json_set_str(o, "path", f->path);
	if (f->line != 0) {
		ac_json_set_int(o, "line", f->line);
		ac_json_set_int(o, "column", f->column);
	}
	ac_json_set_str(o, "text", f->text);
	if (f->fix != NULL)
		ac_json_set_str(o, "fix", f->fix);
	return o;
}

static void add_image(struct ac_json *o, const struct ac_image *m)
{
	struct ac_json *labels = ac_json_object();

	ac_json_set_str(o, "name", m->name);
	for (size_t i = 0; i < m->labels.n; i++)
		ac_json_set_str(labels, m->labels.v[i].name,
				m->labels.v[i].value);
	ac_json_set(o, "labels", labels);
}

struct ac_json *report_json(const struct report *r, bool strict)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *errors = ac_json_array();
	struct ac_json *warnings = ac_json_array();

	ac_json_set_str(o, "file", r->file);
	if (r->type != NULL)
		ac_json_set_str(o, "type", r->type);
	if (r->what != NULL)
		ac_json_set_str(o, "what", r->what);
	ac_json_set(o, "valid", ac_json_new_bool(report_valid(r, strict)));
	if (r->id[0] != '\0')
		ac_json_set_str(o, "id", r->id);
	if (r->has_image)
		add_image(o, &r->image);
	for (size_t i = 0; i < r->findings.n; i++)
		ac_json_push(strict || r->findings.v[i].error ? errors
							      : warnings,
			     finding_json(r, i));
	ac_json_set(o, "errors", errors);
	ac_json_set(o, "warnings", warnings);
	if (r->findings.more != 0)
		ac_json_set_int(o, "more", (int64_t)r->findings.more);
	return o;
}

void report_release(struct report *r)
{
	ac_findings_release(&r->findings);
	free(r->excerpt);
	free(r->text);
	ac_image_release(&r->image);
	ac_pod_release(&r->pod);
	*r = REPORT_INIT;
}
