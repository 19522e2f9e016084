/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/below.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/digest.h"
#include "common/store/merge.h"
#include "common/store/plan.h"
#include "common/store/root.h"
#include "common/store/stack.h"
#include "common/sys/interrupt.h"

enum { MAX_PLAN = 256 << 20 };

/* The image itself has no layers yet, and no id; nothing in a store depends on
 * it. */
static int make_plan(struct ac_plan *p, const struct ac_store *s,
		     const struct ac_image *m, struct ac_err *err)
{
	char none[] = "";
	struct ac_record self = AC_RECORD_INIT;

	self.id = none;
	self.image = *m;
	return ac_plan_make(s, &self, p, err);
}

int ac_below_open(struct ac_below *b, const struct ac_store *s,
		  const struct ac_image *m, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_PLAN);
	struct ac_digest digest;

	b->images = ac_xcalloc(1, sizeof(*b->images));
	b->root = ac_xcalloc(1, sizeof(*b->root));
	*b->images = AC_PLAN_INIT;
	*b->root = AC_ROOT_INIT;
	if (make_plan(b->images, s, m, err) < 0 ||
	    ac_root_open(b->root, s, b->images, err) < 0)
		return -1;
	ac_plan_print(b->images, &text);
	if (ac_buf_check(&text, "the plan of the root", err) < 0)
		return -1;
	ac_digest_of(AC_SHA256, text.p, text.len, &digest);
	ac_digest_hex(&digest, b->plan);
	b->flat = b->images->flat && b->root->n != 0;
	for (size_t i = 0; i < b->images->n; i++)
		for (size_t k = 0; k < b->images->v[i].layers.n; k++)
			ac_strv_pushf(&b->paths, "%s/layers/%s/rootfs", s->path,
				      b->images->v[i].layers.v[k]);
	return 0;
}

void ac_below_release(struct ac_below *b)
{
	if (b->root != NULL)
		ac_root_release(b->root);
	if (b->images != NULL)
		ac_plan_release(b->images);
	free(b->root);
	free(b->images);
	ac_strv_release(&b->paths);
	*b = AC_BELOW_INIT;
}

int ac_below_render(const struct ac_below *b, int dirfd, struct ac_err *err)
{
	return ac_plan_render(b->root, dirfd, err);
}

int ac_merged_each(const int *roots, size_t n, ac_merged_fn fn, void *ctx,
		   struct ac_err *err)
{
	AC_FREE struct ac_merge_layer *layers =
		ac_xcalloc(n + 1, sizeof(*layers));
	struct ac_merge *m;
	struct ac_entry e;
	int fd;
	int r;

	for (size_t i = 0; i < n; i++)
		layers[i].root = roots[i];
	m = ac_merge_new(layers, n);
	while ((r = ac_merge_next(m, &e, &fd, err)) > 0)
		if (ac_interrupt_check(err) < 0 || fn(ctx, &e, fd, err) < 0) {
			r = -1;
			break;
		}
	ac_merge_free(m);
	return r;
}

int ac_merged_has(const int *roots, size_t n, const char *path, bool *is_dir,
		  struct ac_err *err)
{
	const struct ac_stack s = {.roots = roots, .n = n};
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	int r = ac_stack_find(&s, path, false, &h, err);

	*is_dir = r > 0 && S_ISDIR(h.st.st_mode);
	return r;
}
