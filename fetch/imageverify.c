/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/store/config.h"
#include "common/store/ingest.h"
#include "common/store/record.h"
#include "common/store/verify.h"
#include "common/sys/interrupt.h"
#include "fetch/image.h"

const struct ac_opt verify_opts[] = {
	AC_OPT_BOOL(struct verify_opts, no_repair, "no-repair",
		    "only tell what is wrong"),
	AC_OPT_PASSPHRASE(struct verify_opts, passphrase_fd),
	AC_OPT_END,
};

struct verifying {
	const struct globals *g;
	struct ac_store store;
	struct ac_secret secret;
	struct ac_verifier v;
	struct ac_json *good; /* ids */
	const char *text;     /* what the user calls the image */
	size_t bad;
	size_t unreadable; /* records */
};

static void release(struct verifying *x)
{
	ac_verifier_release(&x->v);
	ac_secret_release(&x->secret);
	ac_store_release(&x->store);
	ac_json_free(x->good);
}

static void tell(void *ctx, const struct ac_record *r, const struct ac_fault *f)
{
	const struct verifying *x = ctx;
	const char *text = x->text != NULL ? x->text : r->image.name;

	if (strcmp(f->object, "layer") == 0)
		ac_log("tree cache verification failed for image \"%s\": "
		       "layer %s: %s; %s",
		       text, f->name, f->what, f->how);
	else
		ac_log("checksum verification failed for image \"%s\": %s %s: "
		       "the stored file is damaged: %s; %s",
		       text, f->object, f->name, f->what, f->how);
}

static int verify(struct verifying *x, const struct ac_record *r,
		  const char *text, struct ac_err *err)
{
	int good;

	x->text = text;
	good = ac_verify_image(&x->v, r, err);
	if (good < 0)
		return ac_err_ctx(err, "image '%s'",
				  text != NULL ? text : r->image.name);
	if (good == 0) {
		x->bad++;
		return 0;
	}
	if (x->g->json)
		ac_json_push_str(x->good, r->id);
	else
		printf("successfully verified checksum for image: "
		       "\"%s\" (\"%s\")\n",
		       text != NULL ? text : r->image.name, r->id);
	return 0;
}

static int verify_every(struct verifying *x, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;

	if (ac_records_read_all(&x->store, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (verify(x, &all.v[i], NULL, err) < 0)
			return -1;
	x->unreadable = all.unreadable;
	return 0;
}

static int verify_named(struct verifying *x, const char *text,
			struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;

	return image_find(&x->store, text, &r, err) < 0
		       ? -1
		       : verify(x, &r, text, err);
}

static int verify_all(struct verifying *x, const struct ac_call *c,
		      struct ac_err *err)
{
	int rc = 0;

	if (c->argc == 0)
		return verify_every(x, err);
	for (int i = 0; rc == 0 && i < c->argc; i++)
		rc = verify_named(x, c->argv[i], err);
	return rc;
}

static void tell_no_xattrs(const struct verifying *x)
{
	if (x->v.no_xattrs != 0)
		ac_warn("the extended attributes of %zu layer(s) were not "
			"compared: %s",
			x->v.no_xattrs,
			x->v.repair ? "a pod uses them, they are in a store "
				      "that is only read, or they cannot be "
				      "made again"
				    : "an earlier version did not list them; "
				      "without --no-repair that is made up "
				      "for");
}

/* Of root's store, its readers see the blobs. */
static void look_around(struct verifying *x)
{
	if (x->store.dirfd < 0 ||
	    faccessat(x->store.dirfd, "layers", R_OK | X_OK, AT_EACCESS) == 0)
		return;
	ac_warn("the layers of '%s' are for its owner alone: only the blobs "
		"are compared, and nothing is repaired",
		x->store.path);
	x->v.repair = false;
	x->v.blobs_only = true;
}

int verify_run(struct ac_call *c, struct ac_err *err)
{
	const struct verify_opts *o = c->opts;
	AC_CLEANUP(release)
	struct verifying x = {.g = c->globals,
			      .store = AC_STORE_INIT,
			      .secret = AC_SECRET_INIT,
			      .good = ac_json_array()};
	struct ac_config where = config(x.g);

	(void)ac_interrupt_catch(); /* what is unfinished must go */
	x.v = (struct ac_verifier){.s = &x.store,
				   .repair = !o->no_repair,
				   .secret = &x.secret,
				   .tell = tell,
				   .ctx = &x};
	if (ac_config_limits(&where, NULL, err) < 0 ||
	    ac_secret_option(&x.secret, o->passphrase_fd, err) < 0 ||
	    open_store(x.g, false, &x.store, err) < 0)
		return -1;
	look_around(&x);
	if ((x.v.repair && ac_store_hold_to_write(&x.store, err) < 0) ||
	    verify_all(&x, c, err) < 0)
		return -1;
	tell_no_xattrs(&x);
	if (x.g->json && ac_print_json(x.good, 2, err) < 0)
		return -1;
	if (x.bad != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "%zu image(s) are not as they were stored",
				  x.bad);
	if (x.unreadable != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "%zu record(s) cannot be read, so nothing is "
				  "known of those images; see 'acfetch store "
				  "check'",
				  x.unreadable);
	return 0;
}
