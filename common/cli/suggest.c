/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/suggest.h"

#include <string.h>

enum { MAX_NAME = 40 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of its table at a time. */
static size_t distance(struct ac_str a, struct ac_str b)
{
	size_t rows[3][MAX_NAME + 1];
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];

			now[j] = least(least(last[j], now[j - 1]) + 1,
				       last[j - 1] + !same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b.len];
}

struct ac_suggest ac_suggest(struct ac_str typed)
{
	size_t n = typed.len;

	/* Of one or two letters everything short would be near. */
	return (struct ac_suggest){.typed = typed,
				   .changes = n < 3 || n > MAX_NAME ? 0
					      : n <= 5              ? 2
					      : n <= 8              ? 3
								    : 4};
}

void ac_suggest_try(struct ac_suggest *s, const char *name)
{
	struct ac_str b = ac_str(name);
	size_t d;

	if (s->changes == 0 || b.len > MAX_NAME)
		return;
	d = distance(s->typed, b);
	if (d < s->changes) {
		s->changes = d;
		s->best = name;
	}
}
