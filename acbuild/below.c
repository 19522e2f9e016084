/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/below.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "acbuild/deps.h"
#include "acbuild/removed.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/store/obtain.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

static const char EXPANDED[] = "depstore-expanded";

/* Dependencies of dependencies are acfetch's to complete. */
static int open_layers(struct ac_below *b, const struct work *w,
		       struct ac_obtain *from, const struct ac_record *build,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record again = AC_RECORD_INIT;
	int r = ac_below_open(b, &from->store, &build->image, err);

	if (r == 0 || err->code != AC_E_NOT_FOUND ||
	    from->policy == AC_OBTAIN_NEVER)
		return r;
	from->policy = AC_OBTAIN_UPDATE;
	if (deps_obtain(w->doc, from, &again, err) < 0)
		return -1;
	ac_below_release(b);
	return ac_below_open(b, &from->store, &build->image, err);
}

static int is_expanded(struct work *w, const char *plan)
{
	AC_FREE char *file = ac_xasprintf("%s/plan", EXPANDED);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
	struct ac_err none = AC_ERR_INIT;

	return ac_io_read_file(w->dir, file, &b, &none) == 0 &&
	       strcmp(ac_buf_str(&b), plan) == 0;
}

/* One tree of all, made anew when it is another one than before. */
static int expand(struct work *w, const struct ac_below *b, struct ac_err *err)
{
	AC_CLOSE int dir = -1;
	AC_CLOSE int root = -1;

	if (is_expanded(w, b->plan))
		return 0;
	if (ac_tree_remove(w->dir, EXPANDED, err) < 0)
		return -1;
	if (mkdirat(w->dir, EXPANDED, 0755) < 0)
		return ac_err_sys(err, errno, "create '.acbuild/%s'", EXPANDED);
	dir = open_dir(w->dir, EXPANDED, err);
	if (dir < 0)
		return -1;
	if (mkdirat(dir, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "create '.acbuild/%s/rootfs'",
				  EXPANDED);
	root = open_dir(dir, "rootfs", err);
	if (root < 0 || ac_below_render(b, root, err) < 0)
		return -1;
	return work_put(dir, "plan", b->plan, strlen(b->plan), err);
}

static int fill(struct below *b, struct work *w, struct ac_err *err)
{
	AC_FREE char *path = NULL;

	if (!b->layers.flat) {
		for (size_t i = 0; i < b->layers.paths.n; i++)
			ac_strv_push(&b->lower, b->layers.paths.v[i]);
		return 0;
	}
	if (expand(w, &b->layers, err) < 0)
		return -1;
	path = work_path(w, err);
	if (path == NULL)
		return -1;
	ac_strv_pushf(&b->lower, "%s/%s/rootfs", path, EXPANDED);
	return 0;
}

int below_open(struct below *b, struct work *w, struct ac_obtain *from,
	       struct ac_err *err)
{
	const struct ac_json *deps = ac_edit_member(w->doc, "dependencies");
	AC_CLEANUP(ac_record_release) struct ac_record build = AC_RECORD_INIT;
	int ours = whitelist_is_ours(w, err);

	if (ours < 0)
		return -1;
	if (ac_json_len(deps) == 0)
		return 0;
	if (deps_obtain(w->doc, from, &build, err) < 0)
		return -1;
	/* What it leaves out is in .acbuild/removed, too. */
	if (ours == 1 && !removed_is_flat(w))
		ac_strv_release(&build.image.whitelist);
	if (open_layers(&b->layers, w, from, &build, err) < 0)
		return -1;
	return fill(b, w, err);
}

void below_release(struct below *b)
{
	ac_below_release(&b->layers);
	ac_strv_release(&b->lower);
}

static int update(struct work *w, struct ac_obtain *from, struct ac_err *err)
{
	AC_CLEANUP(below_release) struct below b = BELOW_INIT;
	AC_CLEANUP(under_release) struct under u = UNDER_INIT;

	if (below_open(&b, w, from, err) < 0 ||
	    under_open(&u, w, &b.lower, err) < 0 ||
	    whitelist_update(w, &u, NULL, err) < 0)
		return ac_err_ctx(err, "the image's pathWhitelist");
	return 0;
}

int below_whitelist(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	struct ac_obtain from = deps_source(c, false);
	int r = whitelist_is_ours(w, err);

	if (r <= 0)
		return r;
	from.policy = AC_OBTAIN_NEVER;
	r = update(w, &from, err);
	if (from.store.path != NULL)
		ac_store_release(&from.store);
	if (r < 0)
		return -1;
	return work_save_changed(w, err);
}
