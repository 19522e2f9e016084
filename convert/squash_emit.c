/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/err.h"
#include "convert/squash_priv.h"

int squash_emit(struct squash *q, const struct ac_entry *e, const char *path,
		struct ac_err *err)
{
	struct ac_entry out = *e;
	const void *p;
	uint64_t off;
	size_t n;
	int ret;

	out.path = path;
	if (ac_aci_write_entry(q->w, &out, -1, err) < 0)
		return -1;
	if (e->type != AC_F_REG)
		return 0;
	while ((ret = ac_tar_data(q->tar, &p, &n, &off, err)) > 0)
		if (ac_aci_write_data(q->w, p, n, err) < 0)
			return -1;
	return ret;
}

int squash_emit_link(struct squash *q, const struct link *l, const char *target,
		     struct ac_err *err)
{
	const struct ac_entry e = {
		.type = AC_F_HARD,
		.path = l->path,
		.link = target,
		.mode = l->mode,
		.uid = l->uid,
		.gid = l->gid,
		.mtime = l->mtime,
		.mtime_ns = l->mtime_ns,
	};

	return ac_aci_write_entry(q->w, &e, -1, err);
}

int squash_emit_wanted(struct squash *q, const struct ac_entry *e,
		       const struct want *want, struct ac_err *err)
{
	if (e->type == AC_F_DIR)
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' leads to the directory '%s'",
				  want->v[0].path, want->target);
	if (squash_emit(q, e, want->v[0].path, err) < 0)
		return -1;
	ac_strv_push(&q->names, want->target);
	ac_strv_push(&q->names, want->v[0].path);
	ac_map_put(&q->given, q->names.v[q->names.n - 2], strlen(want->target),
		   q->names.v[q->names.n - 1]);
	for (size_t i = 1; i < want->n; i++)
		if (squash_emit_link(q, &want->v[i], want->v[0].path, err) < 0)
			return -1;
	return 0;
}
