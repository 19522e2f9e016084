/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/oci.h"
#include "common/store/add.h"
#include "common/store/ingest_priv.h"
#include "common/store/plan.h"
#include "common/store/publish.h"
#include "common/store/reap.h"
#include "common/store/relist.h"
#include "common/store/render.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

enum { CHUNK = 1 << 18, MAX_CONFIG = 8 << 20 };

void ac_verifier_release(struct ac_verifier *v)
{
	ac_set_release(&v->good);
	ac_set_release(&v->bad);
}

int ac_verify_blob(const struct ac_store *s, const struct ac_blob *b,
		   struct ac_err *err)
{
	AC_FREE char *chunk = ac_xmalloc(CHUNK);
	AC_CLOSE int fd = ac_store_open_blob(s, &b->digest, err);
	char text[AC_DIGEST_TEXT];
	struct ac_hash *h;
	struct ac_digest got;
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0 && err->code == AC_E_INVALID)
		return ac_err_set(err, AC_E_VERIFY, "it is no regular file");
	if (fd < 0)
		return -1;
	ac_digest_print(&b->digest, ':', text);
	h = ac_hash_new(b->digest.alg);
	while ((n = ac_io_read(fd, chunk, CHUNK, text, err)) > 0 &&
	       ac_interrupt_check(err) == 0) {
		ac_hash_add(h, chunk, (size_t)n);
		total += (uint64_t)n;
	}
	ac_hash_final(h, &got);
	ac_hash_free(h);
	if (n != 0)
		return -1;
	if (total != b->size)
		return ac_err_set(err, AC_E_VERIFY,
				  "it has %llu bytes, not %llu",
				  (unsigned long long)total,
				  (unsigned long long)b->size);
	if (!ac_digest_equal(&got, &b->digest))
		return ac_err_set(err, AC_E_VERIFY, "its bytes are others");
	return 0;
}

/* Put IN's layer in the place of NAME, of which LOCK (or -1) holds what is
 * there now. */
static int swap(const struct ac_store *s, struct ac_ingest *in,
		const char *name, struct ac_err *err)
{
	AC_CLOSE int layers = ac_publish_dir(s, "layers", err);
	AC_CLOSE int lock = -1;
	int held;

	if (layers < 0 || ac_store_flush(s, err) < 0)
		return -1;
	held = ac_reap_hold(s, name, &lock, err);
	if (held < 0)
		return -1;
	if (renameat2(in->dir.fd, "layer", layers, name,
		      held > 0 ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
		return ac_err_sys(err, errno, "put layer '%s' in its place",
				  name);
	if (fsync(layers) < 0)
		return ac_err_sys(err, errno, "flush '%s/layers'", s->path);
	return 0;
}

static int repair_aci(struct ac_store *s, const struct ac_record *r,
		      struct ac_secret *secret, struct ac_err *err)
{
	struct ac_digest id;
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI,
					 .blob = &r->blobs[0].digest,
					 .size = r->blobs[0].size,
					 .diff = &id,
					 .secret = secret,
					 .what = "the stored archive"};
	struct ac_ingest *in;
	int rc;

	if (ac_digest_parse(&id, r->id, '-', err) < 0)
		return -1;
	in = ac_ingest_new(s, &o, err);
	if (in == NULL)
		return -1;
	rc = ac_ingest_from_store(in, s, &r->blobs[0].digest, err);
	if (rc == 0)
		rc = swap(s, in, r->id, err);
	ac_ingest_free(in);
	return rc;
}

/* The diff id of layer I, by the configuration. */
static int diff_id(const struct ac_store *s, const struct ac_record *r,
		   size_t i, struct ac_digest *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_CONFIG);
	AC_CLEANUP(ac_oci_config_release)
	struct ac_oci_config c = {.doc = NULL};
	AC_CLOSE int fd = -1;

	if (r->n_blobs != r->layers.n + 2)
		return ac_err_set(err, AC_E_INVALID,
				  "its record has %zu layers and %zu blobs",
				  r->layers.n, r->n_blobs);
	fd = ac_store_open_blob(s, &r->blobs[1].digest, err);
	if (fd < 0 || ac_io_slurp(fd, &text, "the configuration", err) < 0 ||
	    ac_oci_config_parse(&c, ac_buf_str(&text), text.len, r->layers.n,
				err) < 0)
		return -1;
	*out = c.diff_ids[i];
	return 0;
}

/* The layers below layer I, held. */
struct lower {
	int *roots, *locks;
	size_t n;
};

static void release_lower(struct lower *l)
{
	for (size_t i = 0; i < l->n; i++) {
		(void)close(l->roots[i]);
		(void)close(l->locks[i]);
	}
	free(l->roots);
	free(l->locks);
}

static int open_lower(struct lower *l, const struct ac_store *s,
		      const struct ac_record *r, size_t i, struct ac_err *err)
{
	l->roots = ac_xcalloc(i + 1, sizeof(*l->roots));
	l->locks = ac_xcalloc(i + 1, sizeof(*l->locks));
	for (; l->n < i; l->n++)
		if (ac_store_open_layer(s, r->layers.v[l->n], &l->roots[l->n],
					&l->locks[l->n], err) < 0)
			return -1;
	return 0;
}

static int repair_oci(struct ac_store *s, const struct ac_record *r, size_t i,
		      struct ac_err *err)
{
	AC_CLEANUP(release_lower) struct lower low = {.n = 0};
	const struct ac_blob *b = &r->blobs[i + 2];
	struct ac_digest diff;
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_OCI,
					 .blob = &b->digest,
					 .size = b->size,
					 .diff = &diff,
					 .what = "the stored layer"};
	struct ac_stack below;
	struct ac_ingest *in;
	int rc;

	if (diff_id(s, r, i, &diff, err) < 0 ||
	    open_lower(&low, s, r, i, err) < 0)
		return -1;
	in = ac_ingest_new(s, &o, err);
	if (in == NULL)
		return -1;
	below = (struct ac_stack){.roots = low.roots, .n = low.n};
	rc = ac_ingest_from_store(in, s, &b->digest, err);
	if (rc == 0)
		rc = ac_ingest_settle(in, &below, err);
	if (rc == 0)
		rc = swap(s, in, r->layers.v[i], err);
	ac_ingest_free(in);
	return rc;
}

int ac_repair_layer(struct ac_store *s, const struct ac_record *r, size_t i,
		    struct ac_secret *secret, struct ac_err *err)
{
	AC_CLOSE int lock = -1;

	/* Not worth the work when it cannot be put in place. */
	if (ac_reap_hold(s, r->layers.v[i], &lock, err) < 0)
		return -1;
	ac_own_closep(&lock);
	lock = -1;
	if (r->n_blobs == 0)
		return ac_err_set(err, AC_E_INVALID, "its record has no blob");
	return r->kind == AC_IMAGE_ACI ? repair_aci(s, r, secret, err)
				       : repair_oci(s, r, i, err);
}

static void tell(const struct ac_verifier *v, const struct ac_record *r,
		 const struct ac_fault *f)
{
	if (v->tell != NULL)
		v->tell(v->ctx, r, f);
}

/* Was NAME looked at?  1 good, 0 bad, -1 no. */
static int known(const struct ac_verifier *v, const char *name)
{
	if (ac_set_has(&v->good, name))
		return 1;
	return ac_set_has(&v->bad, name) ? 0 : -1;
}

static int learn(struct ac_verifier *v, const char *name, int good)
{
	(void)ac_set_add(good ? &v->good : &v->bad, name);
	return good;
}

/* A damaged blob is of no use to anybody, and would keep a pull from getting
 * it. */
static int put_away(const struct ac_verifier *v, const struct ac_blob *b,
		    struct ac_err *err)
{
	char name[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;

	ac_digest_print(&b->digest, '/', name);
	path = ac_xasprintf("blobs/%s", name);
	return ac_tree_remove(v->s->dirfd, path, err);
}

static int check_blob(struct ac_verifier *v, const struct ac_record *r,
		      const struct ac_blob *b, struct ac_err *err)
{
	char name[AC_DIGEST_TEXT];
	struct ac_err bad = AC_ERR_INIT;
	struct ac_fault f = {.object = "blob", .name = name};
	AC_FREE char *how = NULL;
	int seen;

	ac_digest_print(&b->digest, ':', name);
	seen = known(v, name);
	if (seen >= 0)
		return seen;
	if (ac_verify_blob(v->s, b, &bad) == 0)
		return learn(v, name, 1);
	if (bad.code != AC_E_VERIFY && bad.code != AC_E_NOT_FOUND) {
		*err = bad;
		return -1;
	}
	f.what = bad.code == AC_E_NOT_FOUND ? "it is missing" : bad.msg;
	if (v->repair && bad.code == AC_E_VERIFY && put_away(v, b, err) < 0)
		return -1;
	f.repairable = bad.code == AC_E_VERIFY && !v->repair;
	how = ac_xasprintf("%sget it again: 'acfetch pull --no-store%s%s'",
			   bad.code != AC_E_VERIFY ? ""
			   : v->repair             ? "it was removed; "
						   : "it would be removed; ",
			   r->names.n != 0 || r->origin[0] != '\0' ? " " : "",
			   r->names.n != 0 ? r->names.v[0] : r->origin);
	f.how = how;
	tell(v, r, &f);
	return learn(v, name, 0);
}

static int blobs(struct ac_verifier *v, const struct ac_record *r,
		 struct ac_err *err)
{
	int good = 1;

	for (size_t i = 0; i < r->n_blobs; i++) {
		int one = check_blob(v, r, &r->blobs[i], err);

		if (one < 0)
			return -1;
		good = good && one;
	}
	return good;
}

/* What a fault of a layer comes to. */
static int layer_fault(struct ac_verifier *v, const struct ac_record *r,
		       const char *name, const struct ac_err *bad,
		       const struct ac_err *why)
{
	struct ac_fault f = {.object = "layer",
			     .name = name,
			     .what = bad->code == AC_E_NOT_FOUND
					     ? "it is missing"
					     : bad->msg};
	AC_FREE char *how = NULL;

	if (why == NULL) {
		how = ac_xstrdup(v->repair ? "it was made again"
					   : "it would be made again");
		f.repaired = v->repair;
		f.repairable = !v->repair;
	} else if (why->code == AC_E_BUSY) {
		how = ac_xstrdup("a pod uses it: verify again when that is "
				 "gone");
	} else {
		how = ac_xasprintf("it could not be made again: %s", why->msg);
	}
	f.how = how;
	tell(v, r, &f);
	return learn(v, name, f.repaired);
}

/* Failures of the machine, not of what is stored. */
static bool serious(const struct ac_err *e)
{
	return e->code == AC_E_SYS || ac_interrupt_code() != 0;
}

/* Layer NAME is right, as far as its list knows. */
static int learn_right(struct ac_verifier *v, const char *name, bool xattrs)
{
	if (!xattrs)
		v->no_xattrs++;
	return learn(v, name, 1);
}

/* Complete a list of layout 1: an enum ac_relist.  -1: the machine failed. */
static int relist(const struct ac_verifier *v, const struct ac_record *r,
		  size_t i, struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	int got = ac_relist_layer(v->s, r, i, &why);

	if (got >= 0 || !serious(&why))
		return got >= 0 ? got : AC_RELIST_DONE;
	*err = why;
	return -1;
}

/* Layer I is right, but its list does not have its attributes: it is made again
 * where that can be. */
static int with_xattrs(struct ac_verifier *v, const struct ac_record *r,
		       size_t i, struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	bool made = ac_repair_layer(v->s, r, i, v->secret, &why) == 0;

	if (!made && serious(&why)) {
		*err = why;
		return -1;
	}
	return learn_right(v, r->layers.v[i], made);
}

static int check_layer(struct ac_verifier *v, const struct ac_record *r,
		       size_t i, bool blobs_good, struct ac_err *err)
{
	const char *name = r->layers.v[i];
	const struct ac_err no_blob = {.code = AC_E_VERIFY,
				       .msg = "a blob is not right either"};
	struct ac_err bad = AC_ERR_INIT;
	struct ac_err why = AC_ERR_INIT;
	int seen = known(v, name);
	int listed = AC_RELIST_DONE;
	bool xattrs = false;

	if (seen >= 0)
		return seen;
	if (v->repair && blobs_good)
		listed = relist(v, r, i, err);
	if (listed < 0)
		return -1;
	if (ac_verify_layer(v->s, name, &xattrs, &bad) == 0)
		return listed == AC_RELIST_AGAIN ? with_xattrs(v, r, i, err)
						 : learn_right(v, name, xattrs);
	if (bad.code != AC_E_VERIFY && bad.code != AC_E_NOT_FOUND) {
		*err = bad;
		return -1;
	}
	if (!blobs_good)
		return layer_fault(v, r, name, &bad, &no_blob);
	if (!v->repair)
		return layer_fault(v, r, name, &bad, NULL);
	if (ac_repair_layer(v->s, r, i, v->secret, &why) == 0)
		return layer_fault(v, r, name, &bad, NULL);
	if (serious(&why)) {
		*err = why;
		return ac_err_ctx(err, "layer '%s'", name);
	}
	return layer_fault(v, r, name, &bad, &why);
}

/* Make the flattened tree of R again: *bad (code AC_OK: nothing but that its
 * list has no attributes) is why. */
static int repair_flat(struct ac_verifier *v, const struct ac_record *r,
		       const char *name, const struct ac_err *bad,
		       struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	bool made = ac_store_prepare_again(v->s, r, &why) == 0;

	if (!made && serious(&why)) {
		*err = why;
		return -1;
	}
	if (bad->code == AC_OK)
		return learn_right(v, name, made);
	return layer_fault(v, r, name, bad, made ? NULL : &why);
}

/* The flattened tree of R, where it has one. */
static int check_flat(struct ac_verifier *v, const struct ac_record *r,
		      struct ac_err *err)
{
	AC_FREE char *name = ac_plan_layer(r);
	AC_FREE char *path = ac_xasprintf("layers/%s", name);
	struct ac_err bad = AC_ERR_INIT;
	int listed = AC_RELIST_DONE;
	bool xattrs = false;

	if (faccessat(v->s->dirfd, path, F_OK, 0) < 0)
		return 1;
	if (v->repair)
		listed = ac_relist_flat(v->s, r, err);
	if (listed < 0)
		return -1;
	if (ac_verify_layer(v->s, name, &xattrs, &bad) == 0)
		return listed == AC_RELIST_AGAIN
			       ? repair_flat(v, r, name, &bad, err)
			       : learn_right(v, name, xattrs);
	if (bad.code != AC_E_VERIFY && bad.code != AC_E_NOT_FOUND) {
		*err = bad;
		return -1;
	}
	return v->repair ? repair_flat(v, r, name, &bad, err)
			 : layer_fault(v, r, name, &bad, NULL);
}

static int verify(struct ac_verifier *v, const struct ac_record *r,
		  struct ac_err *err)
{
	int blobs_good = blobs(v, r, err);
	int good = blobs_good;

	if (v->blobs_only)
		return good;
	for (size_t i = 0; good >= 0 && i < r->layers.n; i++) {
		int one = check_layer(v, r, i, blobs_good > 0, err);

		good = one < 0 ? -1 : good && one;
	}
	if (good > 0) {
		int one = check_flat(v, r, err);

		good = one < 0 ? -1 : one;
	}
	return good;
}

int ac_verify_image(struct ac_verifier *v, const struct ac_record *r,
		    struct ac_err *err)
{
	bool repair = v->repair;
	bool blobs_only = v->blobs_only;
	int good;

	/* In another store nothing is changed. */
	v->repair = repair && ac_store_owns(v->s, r->id);
	v->blobs_only = blobs_only || !ac_store_usable(v->s, r->id);
	good = verify(v, r, err);
	v->repair = repair;
	v->blobs_only = blobs_only;
	return good;
}
