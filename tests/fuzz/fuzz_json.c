/* JSON: what is parsed writes as text that parses as the same; what the walk
 * over the text refuses is not parsed, and its places are in the text. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json.h"
#include "common/codec/json_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ac_json *j, int indent, bool html)
{
	struct ac_err err;
	struct ac_buf b = AC_BUF_INIT(64 << 20);
	struct ac_json *back;

	ac_json_write(j, indent, html, &b);
	back = ac_json_parse(ac_buf_str(&b), b.len, "again", &err);
	if (back == NULL || !ac_json_equal(j, back))
		abort();
	ac_json_free(back);
	ac_buf_release(&b);
}

struct text {
	const char *p;
	size_t len, last;
};

static void visit(void *ctx, const char *path, const struct ac_json_place *at)
{
	struct text *t = ctx;
	struct ac_json_place same = ac_json_place_of(t->p, t->len, at->offset);

	(void)path;
	if (at->offset < t->last || at->offset > t->len)
		abort();
	/* Looked up for some: it is slow. */
	if (at->offset < 4096 &&
	    (same.line != at->line || same.column != at->column))
		abort();
	t->last = at->offset;
}

/* Returns whether the walk takes the text. */
static bool walk(const char *p, size_t size)
{
	struct text t = {.p = p, .len = size};
	struct ac_err err = AC_ERR_INIT;

	if (ac_json_walk(p, size, visit, &t, &err) == 0)
		return true;
	if (err.line == 0 || err.column == 0)
		abort();
	free(ac_json_excerpt(p, size, err.line, err.column));
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool walked = walk((const char *)data, size);
	struct ac_err err = AC_ERR_INIT;
	struct ac_json *j =
		ac_json_parse((const char *)data, size, "input", &err);

	if (j == NULL) {
		if (err.code == AC_E_INVALID && err.line == 0)
			abort();
		return 0;
	}
	if (!walked)
		abort();
	check(j, 0, false);
	check(j, 4, true);
	ac_json_free(j);
	return 0;
}
