/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/verify.h"
#include "tests/unit/storetest.h"
#include "tests/unit/tap.h"

/* Another store, in SUB of D. */
static struct ac_store other_make(const struct scratch *d, const char *sub)
{
	struct ac_store s = AC_STORE_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *path = ac_xasprintf("%s/%s", d->path, sub);

	CHECK(ac_store_open(&s, path, true, &err) == 0);
	return s;
}

/* An image in S, and its record. */
static void put(struct ac_store *s, struct ac_record *r)
{
	AC_FREE char *id = aci_add(s,
				   aci_make("example.com/a", "1", "",
					    FILES("a", "one", "b", "two")),
				   "example.com/a");
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_store_get(s, id, r, &err) == 1);
	ac_strv_push(&r->signers, "0123");
}

static int take(struct ac_store *s, const struct ac_store *from,
		const struct ac_record *r, bool trusted, struct ac_err *err)
{
	const struct ac_take t = {.from = from,
				  .record = r,
				  .trusted = trusted};

	*err = AC_ERR_INIT;
	return ac_store_take(s, &t, err);
}

static char *blob_of(const struct ac_store *s, const struct ac_record *r)
{
	char name[AC_DIGEST_TEXT];

	ac_digest_print(&r->blobs[0].digest, '/', name);
	return ac_xasprintf("%s/blobs/%s", s->path, name);
}

static bool right(struct ac_store *s, const struct ac_record *r)
{
	AC_CLEANUP(ac_verifier_release) struct ac_verifier v = {.s = s};
	struct ac_err err = AC_ERR_INIT;

	return ac_verify_image(&v, r, &err) == 1;
}

TEST(what_counts_of_a_record)
{
	SCRATCH d = scratch_make();
	STORE from = other_make(&d, "from");
	STORE strange = other_make(&d, "strange");
	STORE known = other_make(&d, "known");
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record a = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record b = AC_RECORD_INIT;
	struct ac_err err;

	put(&from, &r);
	CHECK(take(&strange, &from, &r, false, &err) == 0);
	CHECK(ac_store_get(&strange, r.id, &a, &err) == 1);
	CHECK(a.names.n == 0 && a.signers.n == 0);
	CHECK(strcmp(a.origin, from.path) == 0);
	CHECK(right(&strange, &a));

	CHECK(take(&known, &from, &r, true, &err) == 0);
	CHECK(ac_store_get(&known, r.id, &b, &err) == 1);
	CHECK(b.names.n == 1 && strcmp(b.names.v[0], "example.com/a") == 0);
	CHECK(b.signers.n == 1 && strcmp(b.origin, "here") == 0);
	CHECK(right(&known, &b));
}

TEST(other_bytes_are_refused)
{
	SCRATCH d = scratch_make();
	STORE from = other_make(&d, "from");
	STORE s = other_make(&d, "to");
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record none = AC_RECORD_INIT;
	AC_FREE char *blob = NULL;
	AC_FREE char *kept = NULL;
	struct ac_err err;
	uint64_t size;

	put(&from, &r);
	blob = blob_of(&from, &r);
	kept = ac_xasprintf("%s/kept", d.path);
	/* A record that lies. */
	size = r.blobs[0].size;
	r.blobs[0].size = size - 1;
	CHECK(take(&s, &from, &r, false, &err) < 0);
	r.blobs[0].size = size;
	r.kind = AC_IMAGE_OCI;
	CHECK(take(&s, &from, &r, false, &err) < 0);
	CHECK(strstr(err.msg, "the manifest") != NULL);
	r.kind = AC_IMAGE_ACI;
	r.n_blobs = 0;
	CHECK(take(&s, &from, &r, false, &err) < 0);
	CHECK(strstr(err.msg, "its record has 0 blobs") != NULL);
	r.kind = AC_IMAGE_OCI;
	CHECK(take(&s, &from, &r, false, &err) < 0);
	r.kind = AC_IMAGE_ACI;
	r.n_blobs = 1;

	/* What is no file is neither followed nor waited for. */
	CHECK(rename(blob, kept) == 0 && symlink(kept, blob) == 0);
	CHECK(take(&s, &from, &r, false, &err) < 0);
	CHECK(strstr(err.msg, "symbolic link") != NULL);
	CHECK(unlink(blob) == 0 && mkfifo(blob, 0600) == 0);
	CHECK(take(&s, &from, &r, false, &err) < 0);
	CHECK(strstr(err.msg, "not a regular file") != NULL);
	CHECK(unlink(blob) == 0);
	CHECK(take(&s, &from, &r, false, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);

	CHECK(ac_store_get(&s, r.id, &none, &err) == 0);
	CHECK(rename(kept, blob) == 0);
	CHECK(take(&s, &from, &r, false, &err) == 0);
}

static int refuse(void *ctx, const struct ac_image *m, int blob,
		  AC_UNUSED struct ac_strv *signers, struct ac_err *err)
{
	int *seen = ctx;

	CHECK(strcmp(m->name, "example.com/a") == 0 && blob >= 0);
	(*seen)++;
	return ac_err_set(err, AC_E_VERIFY, "not by those");
}

TEST(a_check_comes_before_there_is_anything)
{
	SCRATCH d = scratch_make();
	STORE from = other_make(&d, "from");
	STORE s = other_make(&d, "to");
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record none = AC_RECORD_INIT;
	AC_FREE char *layer = NULL;
	struct ac_err err = AC_ERR_INIT;
	int seen = 0;
	struct ac_take t = {.from = &from,
			    .record = &r,
			    .check = refuse,
			    .ctx = &seen};

	put(&from, &r);
	CHECK(ac_store_take(&s, &t, &err) < 0 && seen == 1);
	CHECK(strstr(err.msg, "not by those") != NULL);
	CHECK(ac_store_get(&s, r.id, &none, &err) == 0);
	layer = ac_xasprintf("%s/layers/%s", s.path, r.id);
	CHECK(access(layer, F_OK) < 0 && errno == ENOENT);
}
