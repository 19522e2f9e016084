/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "acbuild/cmd.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/edit.h"

static const char prefix[] = "coreos.com/acbuild/command-";

void history_quote(struct ac_buf *b, const char *s)
{
	static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"";

	ac_buf_addc(b, '"');
	while (*s != '\0') {
		size_t n = ac_utf8_len(s);
		unsigned char ch = (unsigned char)*s;
		const char *e = escapes;

		while (*e != '\0' && e[1] != *s)
			e += 2;
		if (*e != '\0')
			ac_buf_addf(b, "\\%c", *e);
		else if (n == 0 || ch < ' ' || ch == 0x7f)
			ac_buf_addf(b, "\\x%02x", ch);
		else
			ac_buf_add(b, s, n);
		s += n != 0 ? n : 1;
	}
	ac_buf_addc(b, '"');
}

static uint64_t highest(const struct ac_json *annotations)
{
	uint64_t max = 0;

	for (size_t i = 0; i < ac_json_len(annotations); i++) {
		const struct ac_json *a = ac_json_at(annotations, i);
		const char *name =
			ac_json_text(ac_json_get_nocase(a, "name"), NULL);
		uint64_t n;

		if (name != NULL && ac_str_starts(ac_str(name), prefix) &&
		    ac_num_max(ac_str(name + strlen(prefix)), INT64_MAX - 1,
			       &n) == 0 &&
		    n > max)
			max = n;
	}
	return max;
}

char *history_text(const struct ac_call *c)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(8 << 20);

	ac_buf_addf(&b, "acbuild %s", c->path);
	for (int i = 0; i < c->argc; i++) {
		ac_buf_addc(&b, ' ');
		history_quote(&b, c->argv[i]);
	}
	return ac_xstrdup(ac_buf_str(&b));
}

/* The list of DOC that they go to. */
static struct ac_json *list_of(struct ac_json *doc)
{
	struct ac_json *list = ac_json_get_nocase(doc, "annotations");

	if (list == NULL || ac_json_type(list) != AC_JSON_ARRAY) {
		list = ac_json_array();
		ac_json_set(doc, "annotations", list);
	}
	return list;
}

static void push(struct ac_json *list, uint64_t n, const char *text)
{
	AC_FREE char *name = ac_xasprintf("%s%ju", prefix, (uintmax_t)n);

	ac_json_push(list, ac_edit_pair(name, text));
}

void history_add(struct ac_json *doc, const struct ac_call *c)
{
	struct ac_json *list = list_of(doc);
	AC_FREE char *text = history_text(c);

	push(list, highest(list) + 1, text);
}

void history_flush(struct work *w)
{
	struct ac_json *list;
	uint64_t n;

	if (w->notes.n == 0)
		return;
	list = list_of(w->doc);
	n = highest(list);
	for (size_t i = 0; i < w->notes.n; i++)
		push(list, ++n, w->notes.v[i]);
	ac_strv_release(&w->notes);
}
