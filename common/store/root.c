/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/root.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/own.h"

void ac_root_release(struct ac_root *r)
{
	for (size_t i = 0; i < r->n; i++) {
		(void)close(r->layers[i].root);
		(void)close(r->locks[i]);
	}
	for (size_t i = 0; i < r->n_images; i++)
		ac_set_release(&r->ways[i]);
	free(r->layers);
	free(r->locks);
	free(r->ways);
	*r = AC_ROOT_INIT;
}

/* All parents of all PATHS. */
static void find_ways(const struct ac_set *paths, struct ac_set *ways)
{
	const char *path;
	size_t it = 0;

	while ((path = ac_set_next(paths, &it)) != NULL) {
		AC_FREE char *p = ac_xstrdup(path);
		char *slash;

		while ((slash = strrchr(p, '/')) != NULL) {
			*slash = '\0';
			(void)ac_set_add(ways, p);
		}
	}
}

static int open_image(struct ac_root *r, const struct ac_store *s,
		      const struct ac_plan_image *image, struct ac_err *err)
{
	size_t at = r->n_images++;

	if (image->filtered)
		find_ways(&image->only, &r->ways[at]);
	for (size_t i = 0; i < image->layers.n; i++) {
		struct ac_merge_layer *l = &r->layers[r->n];

		*l = (struct ac_merge_layer){.image = at,
					     .only = image->filtered
							     ? &image->only
							     : NULL,
					     .ways = &r->ways[at]};
		if (ac_store_open_layer(s, image->layers.v[i], &l->root,
					&r->locks[r->n], err) < 0)
			return -1;
		r->n++;
	}
	return 0;
}

int ac_root_open(struct ac_root *r, const struct ac_store *s,
		 const struct ac_plan *p, struct ac_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].layers.n;
	*r = AC_ROOT_INIT;
	r->layers = ac_xcalloc(n + 1, sizeof(*r->layers));
	r->locks = ac_xcalloc(n + 1, sizeof(*r->locks));
	r->ways = ac_xcalloc(p->n + 1, sizeof(*r->ways));
	for (size_t i = 0; i < p->n; i++) {
		if (open_image(r, s, &p->v[i], err) < 0) {
			ac_root_release(r);
			return -1;
		}
	}
	return 0;
}
