/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/paths.h"

#include <stdlib.h>

#include "common/base/alloc.h"

struct path *paths_at(struct paths *p, const char *path, size_t len)
{
	uint32_t *index;

	if (ac_fpmap_add(&p->map, path, len, &index)) {
		if (p->n == p->cap) {
			p->cap = p->cap != 0 ? p->cap + p->cap / 2 : 256;
			p->v = ac_xrealloc(p->v, p->cap, sizeof(*p->v));
		}
		p->v[p->n] = (struct path){.first = 0};
		*index = (uint32_t)p->n++;
	}
	return &p->v[*index];
}

struct path *paths_get(const struct paths *p, const char *path, size_t len)
{
	const uint32_t *index = ac_fpmap_get(&p->map, path, len);

	return index != NULL ? &p->v[*index] : NULL;
}

void paths_release(struct paths *p)
{
	ac_fpmap_release(&p->map);
	free(p->v);
	*p = (struct paths){.v = NULL};
}
