/* SPDX-License-Identifier: Apache-2.0 */
/* Images that are on this machine already, in somebody else's store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/offers.h"
#include "common/store/share.h"
#include "common/store/take.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "fetch/puller.h"
#include "fetch/verify.h"

enum {
	MAX_SIGNATURE = 8 << 20,
	MAX_TRIES = 4, /* images of one name */
};

/* An image that is offered, while it is taken. */
struct taking {
	struct puller *p;
	const struct ac_offer *by;
	const char *id;
	const struct pull_want *want; /* or NULL */
	bool verify;
};

int pull_keep_signatures(const struct puller *p, const struct verify *v,
			 const char *id, struct ac_err *err)
{
	AC_CLOSE int dir = -1;

	if (!p->store.offered || v->n == 0)
		return 0;
	if (mkdirat(p->store.dirfd, "signatures", 0700) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make '%s/signatures'",
				  p->store.path);
	dir = openat(p->store.dirfd, "signatures",
		     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return ac_err_sys(err, errno, "open '%s/signatures'",
				  p->store.path);
	for (size_t i = 0; i < v->n && i < AC_SHARE_SIGNATURES; i++) {
		AC_CLEANUP(ac_atomic_release)
		struct ac_atomic a = AC_ATOMIC_INIT;
		AC_FREE char *name = ac_share_signature(id, i);
		const struct ac_buf *text = &v->files[i].text;

		if (ac_atomic_open(&a, dir, strchr(name, '/') + 1, 0600, err) <
			    0 ||
		    ac_io_write(a.fd, text->p, text->len, name, err) < 0 ||
		    ac_atomic_commit(&a, err) < 0)
			return -1;
	}
	return 0;
}

static int add_signatures(const struct taking *t, struct verify *v,
			  struct ac_err *err)
{
	for (size_t i = 0; i < AC_SHARE_SIGNATURES; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf text = AC_BUF_INIT(MAX_SIGNATURE);
		AC_FREE char *name = ac_share_signature(t->id, i);
		AC_CLOSE int fd = ac_store_open_file(&t->by->store, name, err);

		if (fd < 0 && err->code == AC_E_NOT_FOUND) {
			*err = AC_ERR_INIT;
			return 0;
		}
		if (fd < 0 || ac_io_slurp(fd, &text, name, err) < 0 ||
		    verify_add(v, AC_SIG_KINDS, &text, name, err) < 0)
			return -1;
	}
	return 0;
}

static int check_signatures(const struct taking *t, const struct ac_image *m,
			    int blob, struct ac_strv *signers,
			    struct ac_err *err)
{
	AC_CLEANUP(verify_release) struct verify v = VERIFY_INIT;

	if (verify_start(&v, t->p->g, m->name, m->name, err) < 0 ||
	    add_signatures(t, &v, err) < 0)
		return -1;
	if (v.n == 0)
		return ac_err_set(
			err, AC_E_DENIED,
			"user %ju offers it without a signature; "
			"--insecure-options=image takes it unverified",
			(uintmax_t)t->by->uid);
	if (verify_known(&v, err) < 0)
		return -1;
	return verify_image(&v, m->name, blob, signers, err);
}

static int check(void *ctx, const struct ac_image *m, int blob,
		 struct ac_strv *signers, struct ac_err *err)
{
	const struct taking *t = ctx;

	/* What its record said was its owner's word. */
	if (t->want != NULL && pull_check(m, t->want, err) < 0)
		return -1;
	return t->verify ? check_signatures(t, m, blob, signers, err) : 0;
}

static int take_offer(struct taking *t, const struct ac_record *r,
		      struct pulled *out, struct ac_err *err)
{
	const struct ac_take take = {.from = &t->by->store,
				     .record = r,
				     .secret = &t->p->secret,
				     .check = check,
				     .ctx = t};

	if (ac_store_take(&t->p->store, &take, err) < 0)
		return -1;
	ac_log("image %.20s: taken from what user %ju offers", r->id,
	       (uintmax_t)t->by->uid);
	(void)snprintf(out->id, sizeof(out->id), "%s", r->id);
	out->fetched = true;
	return 1;
}

/* By its whole id: of an OCI image that pins all there is. */
static int offered_id(struct puller *p, const struct ac_offers *offers,
		      const char *id, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct taking t = {.p = p,
			   .id = id,
			   .verify = (p->insecure & AC_INSECURE_IMAGE) == 0};

	return ac_image_id_ok(id, true) &&
			       ac_offers_find(offers, id, &t.by, &r) > 0
		       ? take_offer(&t, &r, out, err)
		       : 0;
}

struct candidate {
	const struct ac_offer *by;
	char *id;
	int64_t imported;
};
struct candidates {
	const struct pull_want *want;
	struct candidate v[MAX_TRIES]; /* the latest first */
	size_t n;
};

static void candidates_release(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].id);
}

static bool has_signature(const struct ac_offer *by, const char *id)
{
	AC_FREE char *name = ac_share_signature(id, 0);
	struct ac_err ignored;
	AC_CLOSE int fd = ac_store_open_file(&by->store, name, &ignored);

	return fd >= 0;
}

/* Does R promise what is wanted by name?  Only an ACI has signatures that
 * say so. */
static int is_offered(const struct pull_want *want, const struct ac_record *r,
		      struct ac_err *err)
{
	if (r->kind != AC_IMAGE_ACI)
		return ac_err_set(err, AC_E_VERIFY,
				  "'%.20s' is no App Container Image", r->id);
	if (pull_check(&r->image, want, err) < 0)
		return -1;
	return pull_check_pin(want->pin, r->id,
			      r->n_blobs != 0 ? r->blobs[0].size : 0, err);
}

static int add_candidate(void *ctx, const struct ac_offer *by,
			 const struct ac_record *r,
			 AC_UNUSED struct ac_err *err)
{
	struct candidates *c = ctx;
	struct ac_err differs = AC_ERR_INIT;
	size_t at = 0;

	if (is_offered(c->want, r, &differs) < 0 || !has_signature(by, r->id))
		return 0;
	while (at < c->n && c->v[at].imported >= r->imported)
		at++;
	if (at == MAX_TRIES)
		return 0;
	if (c->n == MAX_TRIES)
		free(c->v[--c->n].id);
	memmove(&c->v[at + 1], &c->v[at], (c->n - at) * sizeof(c->v[0]));
	c->v[at] = (struct candidate){.by = by,
				      .id = ac_xstrdup(r->id),
				      .imported = r->imported};
	c->n++;
	return 0;
}

/* By its name, which anybody can give an image: only where a signature says
 * that it is that, whatever is insisted on elsewhere. */
static int offered_name(struct puller *p, const struct ac_offers *offers,
			const struct ac_ref *ref,
			const struct ac_dependency *pin, struct pulled *out,
			struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref full = AC_REF_INIT;
	struct pull_want want = {.name = ref->name, .pin = pin, .ref = ref};
	AC_CLEANUP(candidates_release) struct candidates c = {.want = &want};

	if (pull_with_platform(p, ref, &full, &want.any_platform, err) < 0)
		return -1;
	want.labels = &full.labels;
	if (ac_offers_each(offers, add_candidate, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < c.n; i++) {
		AC_CLEANUP(ac_record_release)
		struct ac_record r = AC_RECORD_INIT;
		struct taking t = {.p = p,
				   .id = c.v[i].id,
				   .want = &want,
				   .verify = true};
		struct ac_err why = AC_ERR_INIT;

		t.by = c.v[i].by;
		/* He may have changed it since it was looked at. */
		if (ac_store_get(&t.by->store, t.id, &r, &why) <= 0 ||
		    is_offered(&want, &r, &why) < 0 ||
		    take_offer(&t, &r, out, &why) < 0)
			ac_warn("%s; it is passed over", why.msg);
		else
			return 1;
	}
	return 0;
}

int pull_offered(struct puller *p, const struct ac_ref *ref,
		 const struct ac_dependency *pin, struct pulled *out,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_offers_release) struct ac_offers offers = AC_OFFERS_INIT;

	ac_offers_open(&offers, &p->store);
	if (ref->kind == AC_REF_ID)
		return offered_id(p, &offers, ref->name, out, err);
	if (ref->kind == AC_REF_NAME && p->policy != AC_OBTAIN_UPDATE)
		return offered_name(p, &offers, ref, pin, out, err);
	return 0;
}

int pull_take(struct puller *p, const struct ac_record *r, struct pulled *out,
	      struct ac_err *err)
{
	struct ac_take take = {.record = r,
			       .trusted = true,
			       .secret = &p->secret};

	for (size_t i = 0; take.from == NULL && i < p->store.n_more; i++)
		if (ac_store_owns(&p->store.more[i], r->id))
			take.from = &p->store.more[i];
	if (take.from == NULL)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image %.20s is gone from the other store",
				  r->id);
	if (ac_store_take(&p->store, &take, err) < 0)
		return -1;
	(void)snprintf(out->id, sizeof(out->id), "%s", r->id);
	out->fetched = true;
	return 0;
}
