/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/progress.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/image/ref.h"
#include "common/net/registry_push.h"
#include "common/sys/interrupt.h"
#include "fetch/pusher.h"

enum { MAX_DEPTH = 4 }; /* indexes within indexes */

struct job {
	struct ac_registry *reg;
	const struct push_source *s;
	const char *prefer;
	struct push_count *count;
	struct ac_progress *progress;
	struct ac_set seen; /* digests of blobs that are done */
};

static void on_sent(void *ctx, size_t n)
{
	ac_progress_add(ctx, n);
}

static int count(struct push_count *c, int how)
{
	if (how == AC_PUSHED_SENT)
		c->sent++;
	else if (how == AC_PUSHED_THERE)
		c->there++;
	else if (how == AC_PUSHED_MOUNTED)
		c->mounted++;
	return how < 0 ? -1 : 0;
}

static int push_blob(struct job *j, const struct ac_oci_desc *d,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	struct ac_registry_blob_src b = {.digest = d->digest,
					 .size = d->size,
					 .mount_from = j->prefer,
					 .sent = on_sent,
					 .ctx = j->progress};
	char digest[AC_DIGEST_TEXT];

	ac_digest_print(&d->digest, ':', digest);
	if (!ac_set_add(&j->seen, digest))
		return 0;
	if (ac_interrupt_check(err) < 0 ||
	    ac_ocisrc_blob(&j->s->from, &d->digest, d->size, &p, err) < 0)
		return -1;
	b.fd = p.fd;
	b.off = p.off;
	ac_progress_expect(j->progress, d->size);
	return count(j->count, ac_registry_push_blob(j->reg, &b, err));
}

/* Layers that nobody may hand on stay where their manifest says they are. */
static bool is_foreign(const struct ac_oci_desc *d)
{
	return strstr(d->media_type, ".foreign.") != NULL ||
	       strstr(d->media_type, ".nondistributable.") != NULL;
}

static int push_parts(struct job *j, const struct ac_buf *text,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_oci_manifest_release)
	struct ac_oci_manifest m = {.doc = NULL};

	if (ac_oci_manifest_parse(&m, ac_buf_str(text), text->len, err) < 0)
		return -1;
	for (size_t i = 0; i < m.n_layers; i++)
		if (!is_foreign(&m.layers[i]) &&
		    push_blob(j, &m.layers[i], err) < 0)
			return -1;
	return push_blob(j, &m.config, err);
}

static int push_manifest(struct job *j, const struct ac_digest *d,
			 uint64_t size, const char *tag, int depth,
			 struct ac_err *err);

static int push_members(struct job *j, const struct ac_buf *text, int depth,
			struct ac_err *err)
{
	AC_CLEANUP(ac_oci_index_release) struct ac_oci_index x = {.doc = NULL};

	if (depth == MAX_DEPTH)
		return ac_err_set(err, AC_E_LIMIT,
				  "indexes within indexes, more than %d levels",
				  MAX_DEPTH);
	if (ac_oci_index_parse(&x, ac_buf_str(text), text->len, err) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++)
		if (push_manifest(j, &x.v[i].digest, x.v[i].size, NULL,
				  depth + 1, err) < 0)
			return -1;
	return 0;
}

/* The manifest or index D after all it names; without TAG by its digest. */
static int push_manifest(struct job *j, const struct ac_digest *d,
			 uint64_t size, const char *tag, int depth,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_JSON struct ac_json *doc = NULL;
	char digest[AC_DIGEST_TEXT];
	const char *type;
	int index;

	ac_digest_print(d, ':', digest);
	if (ac_ocisrc_read(&j->s->from, d, size, &text, err) < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&text), text.len, "manifest", err);
	index = doc != NULL ? ac_oci_is_index(doc, err) : -1;
	if (index < 0 || (index > 0 ? push_members(j, &text, depth, err)
				    : push_parts(j, &text, err)) < 0)
		return ac_err_ctx(err, "manifest '%s'", digest);
	type = ac_json_text(ac_json_get(doc, "mediaType"), NULL);
	if (type == NULL || strpbrk(type, "\r\n") != NULL)
		type = index > 0 ? AC_OCI_INDEX : AC_OCI_MANIFEST;
	return ac_registry_push_manifest(j->reg, tag != NULL ? tag : digest,
					 type, ac_buf_str(&text), text.len,
					 err);
}

int push_image(struct ac_registry *reg, const struct ac_ref *ref,
	       const struct push_source *s, const char *prefer,
	       struct push_count *total, struct ac_err *err)
{
	struct job j = {.reg = reg,
			.s = s,
			.prefer = prefer,
			.count = total,
			.progress = ac_progress_new(ref->repository, 0),
			.seen = AC_SET_INIT};
	int ret = push_manifest(&j, &s->digest, s->size, ref->tag, 0, err);

	ac_progress_free(j.progress);
	ac_set_release(&j.seen);
	return ret;
}
