/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/links.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

enum { MAX_BYTES = 16 << 20 };

int wants_add(struct wants *w, const char *target, struct link *link,
	      unsigned int since, struct ac_err *err)
{
	size_t len = strlen(target);
	struct want *to = ac_map_get(&w->map, target, len);

	w->bytes += len + strlen(link->path) + sizeof(*link);
	if (w->bytes > MAX_BYTES)
		return ac_err_set(err, AC_E_LIMIT,
				  "hard links to files of other layers, with "
				  "more than %d bytes of names",
				  MAX_BYTES);
	if (to == NULL) {
		to = ac_xcalloc(1, sizeof(*to));
		to->target = ac_xstrdup(target);
		to->since = since;
		w->v = ac_xrealloc(w->v, w->n + 1, sizeof(struct want *));
		to->at = w->n;
		w->v[w->n++] = to;
		w->waiting++;
		ac_map_put(&w->map, to->target, len, to);
	}
	to->v = ac_xrealloc(to->v, to->n + 1, sizeof(*to->v));
	to->v[to->n++] = *link;
	link->path = NULL;
	return 0;
}

struct want *wants_take(struct wants *w, const char *target)
{
	struct want *found;

	if (w->waiting == 0)
		return NULL;
	found = ac_map_take(&w->map, target, strlen(target));
	if (found == NULL)
		return NULL;
	w->waiting--;
	w->v[found->at] = NULL;
	return found;
}

void want_free(struct want *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].path);
	free(w->v);
	free(w->target);
	free(w);
}

void wants_release(struct wants *w)
{
	for (size_t i = 0; i < w->n; i++)
		want_free(w->v[i]);
	free(w->v);
	ac_map_release(&w->map);
	*w = (struct wants){.v = NULL};
}
