/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/words.h"

#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Append the next line, with those it goes on in, to LINE. */
static void join(struct words *w, struct ac_buf *line)
{
	struct ac_str part;

	w->line = w->next;
	for (;;) {
		bool more = ac_str_cut(&w->rest, '\n', &part);

		w->next++;
		part = ac_str_trim(part);
		if (!more || part.len == 0 || part.p[part.len - 1] != '\\') {
			ac_buf_add(line, part.p, part.len);
			return;
		}
		ac_buf_add(line, part.p, part.len - 1);
		ac_buf_addc(line, ' ');
	}
}

/* A word under way. */
struct word {
	struct ac_buf *text;
	char quote; /* the one that is open, or 0 */
	bool quoted;
	bool escaped;
};

static void end_word(struct words *w, struct word *d)
{
	if (d->text->len != 0 || d->quoted)
		ac_strv_push(&w->v, ac_buf_str(d->text));
	ac_buf_reset(d->text);
	d->quoted = false;
}

/* False: a comment, the line is over. */
static bool take(struct words *w, struct word *d, char ch)
{
	bool open = d->quote != '\0';

	if (d->escaped || (open && ch != d->quote && ch != '\\')) {
		ac_buf_addc(d->text, ch);
		d->escaped = false;
	} else if (ch == '\\') {
		d->escaped = true;
	} else if (open) {
		d->quote = '\0';
	} else if (ch == ' ' || ch == '\t') {
		end_word(w, d);
	} else if (ch == '\'' || ch == '"') {
		d->quote = ch;
		d->quoted = true;
	} else if (ch == '#') {
		return false;
	} else {
		ac_buf_addc(d->text, ch);
	}
	return true;
}

static int split(struct words *w, const struct ac_buf *line, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(line->len + 1);
	struct word d = {.text = &text};
	size_t i = 0;

	while (i < line->len && take(w, &d, line->p[i]))
		i++;
	if (!d.escaped && d.quote == '\0')
		end_word(w, &d);
	if (d.quote != '\0')
		return ac_err_set(err, AC_E_INVALID,
				  "unterminated %s quote block",
				  d.quote == '"' ? "double" : "single");
	if (d.escaped)
		return ac_err_set(err, AC_E_INVALID, "ended with an escape");
	return 0;
}

int words_next(struct words *w, struct ac_err *err)
{
	while (w->rest.len != 0) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf line = AC_BUF_INIT(w->rest.len + 1);

		ac_strv_release(&w->v);
		join(w, &line);
		if (line.len != 0 && memchr(line.p, '\0', line.len) != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "there is a NUL byte: this is no "
					  "script");
		if (split(w, &line, err) < 0)
			return -1;
		if (w->v.n != 0)
			return 1;
	}
	return 0;
}

void words_release(struct words *w)
{
	ac_strv_release(&w->v);
}
