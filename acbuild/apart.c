/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/apart.h"

#include <fcntl.h>
#include <stdint.h>

#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/store/store.h"
#include "common/sys/apart.h"
#include "common/sys/confine.h"

struct job {
	struct work *w;
	const char *path; /* of .acbuild */
	const struct apart *needs;
	apart_fn fn;
	const void *ctx;
};

/* In the child. */
static int in_child(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const struct job *j = ctx;
	struct work *w = j->w;
	int r;

	w->base = w->rootfs = w->aci = -1;
	w->dir = open_dir(AT_FDCWD, j->path, err);
	if (w->dir < 0)
		return -1;
	w->aci = open_dir(w->dir, "currentaci", err);
	if (w->aci < 0)
		return -1;
	r = j->fn(w, j->ctx, err);
	if (r >= 0 && j->needs->doc && w->doc != NULL)
		ac_json_write(w->doc, 0, false, out);
	return r;
}

static void allow(struct ac_confine *c, const struct apart *needs,
		  const char *path)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv more = AC_STRV_INIT;

	ac_confine_write(c, path);
	ac_confine_read(c, needs->file);
	if (needs->store == NULL)
		return;
	ac_confine_read(c, needs->store);
	ac_store_more(&more);
	for (size_t i = 0; i < more.n; i++)
		ac_confine_read(c, more.v[i]);
}

int apart(struct work *w, const struct apart *needs, apart_fn fn,
	  const void *ctx, struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf out = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	/* The build stays locked as long as the child is there. */
	const int keep[] = {w->lock, needs->fd};
	AC_FREE char *path = work_path(w, err);
	struct job j = {
		.w = w, .path = path, .needs = needs, .fn = fn, .ctx = ctx};
	const struct ac_apart how = {
		.confine = &c,
		.flags = AC_CONFINE_OWNERS | (needs->tmp ? AC_CONFINE_TMP : 0),
		.keep = keep,
		.n_keep = AC_LEN(keep),
		.what = needs->what,
	};
	struct ac_json *doc;
	int r;

	if (path == NULL)
		return -1;
	allow(&c, needs, path);
	r = ac_apart(&how, in_child, &j, &out, err);
	if (r < 0 || !needs->doc || (r > 0 && out.len == 0))
		return r;
	doc = ac_json_parse(ac_buf_str(&out), out.len, "the image's manifest",
			    err);
	if (doc == NULL)
		return -1;
	if (ac_json_type(doc) != AC_JSON_OBJECT) {
		ac_json_free(doc);
		return ac_err_set(err, AC_E_INVALID,
				  "the image's manifest is not an object");
	}
	ac_json_free(w->doc);
	w->doc = doc;
	return r;
}

int apart_file(const char *file, const char *also, bool write, ac_apart_fn fn,
	       const void *ctx, struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_FREE char *what = ac_xasprintf("'%s'", file);
	const struct ac_apart how = {.confine = &c,
				     .flags = AC_CONFINE_OWNERS,
				     .what = what};

	ac_confine_read(&c, file);
	ac_confine_read(&c, also);
	if (write)
		ac_confine_write_beside(&c, file);
	return ac_apart(&how, fn, (void *)(uintptr_t)ctx, out, err);
}
