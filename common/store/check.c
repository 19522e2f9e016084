/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/check_priv.h"

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
#include "common/base/log.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/store/layout.h"
#include "common/store/ocidir.h"
#include "common/store/publish.h"
#include "common/store/reap.h"
#include "common/store/record.h"
#include "common/store/share.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"

#define LOST "lost+found"

void check_tell(struct check *c, const struct ac_fault *f)
{
	if (!f->repaired && !f->leftover)
		c->left++;
	if (c->o->tell != NULL)
		c->o->tell(c->o->ctx, f);
}

void check_told(struct check *c, const char *object, const char *name,
		const char *what, const char *done, const char *would)
{
	check_tell(c, &(struct ac_fault){.object = object,
					 .name = name,
					 .what = what,
					 .how = c->o->repair ? done : would,
					 .repaired = c->o->repair,
					 .repairable = !c->o->repair});
}

void check_leftover(struct check *c, const char *object, const char *name,
		    const char *what, const char *done)
{
	check_tell(c, &(struct ac_fault){
			      .object = object,
			      .name = name,
			      .what = what,
			      .how = c->o->repair ? done
						  : "'acfetch image gc' or "
						    "--repair puts that right",
			      .repaired = c->o->repair,
			      .repairable = !c->o->repair,
			      .leftover = true});
}

/* One that nobody repairs. */
static void stays(struct check *c, const char *object, const char *name,
		  const char *what, const char *how)
{
	check_tell(c, &(struct ac_fault){.object = object,
					 .name = name,
					 .what = what,
					 .how = how});
}

static int repair_dir(const struct check *c, const char *name, bool missing,
		      struct ac_err *err)
{
	mode_t mode = ac_share_mode(c->s, name);

	if (!c->o->repair)
		return 0;
	if (missing ? mkdirat(c->s->dirfd, name, mode) < 0
		    : fchmodat(c->s->dirfd, name, mode, 0) < 0)
		return ac_err_sys(err, errno, "%s '%s/%s'",
				  missing ? "make" : "set the mode of",
				  c->s->path, name);
	return 0;
}

static int check_dir(struct check *c, const char *name, struct ac_err *err)
{
	struct stat st;
	bool missing = fstatat(c->s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0;

	if (missing && errno != ENOENT)
		return ac_err_sys(err, errno, "look at '%s/%s'", c->s->path,
				  name);
	if (!missing && !S_ISDIR(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s/%s' is no directory; move it away",
				  c->s->path, name);
	if (missing) {
		check_told(c, "directory", name, "it is missing", "it was made",
			   "it would be made");
		return repair_dir(c, name, true, err);
	}
	if (st.st_uid != c->owner) {
		stays(c, "directory", name, "it belongs to another user",
		      "chown it");
		return 0;
	}
	if ((st.st_mode & 022) == 0)
		return 0;
	check_told(c, "directory", name, "others may write it",
		   "that was taken back", "that would be taken back");
	return repair_dir(c, name, false, err);
}

static int check_dirs(struct check *c, struct ac_err *err)
{
	static const char *const dirs[] = {"blobs",        "blobs/sha256",
					   "blobs/sha512", "images",
					   "layers",       "ingest"};

	for (size_t i = 0; i < AC_LEN(dirs); i++)
		if (check_dir(c, dirs[i], err) < 0)
			return -1;
	return 0;
}

/* Move images/NAME to where nobody looks for images, durably. */
static int put_aside(const struct check *c, const char *name,
		     struct ac_err *err)
{
	AC_FREE char *from = ac_xasprintf("images/%s", name);
	AC_FREE char *to = ac_xasprintf(LOST "/%s", name);

	if (mkdirat(c->s->dirfd, LOST, 0700) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make '%s/" LOST "'", c->s->path);
	if (renameat(c->s->dirfd, from, c->s->dirfd, to) < 0)
		return ac_err_sys(err, errno, "move '%s/%s' to " LOST,
				  c->s->path, from);
	if (ac_publish_sync(c->s, LOST, err) < 0)
		return -1;
	return ac_publish_sync(c->s, "images", err);
}

/* What a record that is no longer one says about how to get the image. */
static char *how_to_get(const struct check *c, const char *file)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_RECORD_MAX);
	AC_FREE char *path = ac_xasprintf("images/%s", file);
	struct ac_err ignored;
	const char *origin = "";
	struct ac_json *names = NULL;
	const char *name = NULL;
	AC_JSON struct ac_json *doc = NULL;

	if (ac_io_read_regular(c->s->dirfd, path, &text, &ignored) == 0)
		doc = ac_json_parse(ac_buf_str(&text), text.len, "", &ignored);
	if (doc != NULL) {
		(void)!ac_json_get_str(doc, "", "origin", &origin, &ignored);
		(void)!ac_json_get_array(doc, "", "names", &names, &ignored);
		name = names != NULL ? ac_json_text(ac_json_at(names, 0), NULL)
				     : NULL;
	}
	if (name == NULL)
		name = origin;
	return ac_xasprintf("pull the image again%s%s%s",
			    name[0] != '\0' ? ": '" : "", name,
			    name[0] != '\0' ? "'" : "");
}

static int bad_record(struct check *c, const char *file, const char *what,
		      struct ac_err *err)
{
	AC_FREE char *get = how_to_get(c, file);
	AC_FREE char *done = ac_xasprintf("it was moved to " LOST "; %s", get);
	AC_FREE char *would =
		ac_xasprintf("it would be moved to " LOST "; %s", get);

	if (c->o->repair && put_aside(c, file, err) < 0)
		return -1;
	if (!c->o->repair)
		c->unknown = true;
	check_told(c, "record", file, what, done, would);
	return 0;
}

/* Has R as many layers and blobs as its kind has? */
static const char *bad_shape(const struct ac_record *r)
{
	if (r->kind == AC_IMAGE_OCI)
		return r->n_blobs != r->layers.n + 2 ||
				       r->blobs[0].digest.alg != AC_SHA256
			       ? "its blobs are not those of its layers"
			       : NULL;
	return r->layers.n != 1 || strcmp(r->layers.v[0], r->id) != 0 ||
			       r->n_blobs != 1
		       ? "it has not the one layer and the one blob of an ACI"
		       : NULL;
}

/* A file of images/: a record that can be read? */
static int check_file(struct check *c, const char *file, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_str s = ac_str(file);
	AC_FREE char *id =
		ac_xstrndup(file, s.len > 5 ? s.len - strlen(".json") : 0);
	struct ac_err bad = AC_ERR_INIT;
	const char *what;
	int got;

	if (!ac_str_ends(s, ".json") || !ac_image_id_ok(id, true))
		return bad_record(c, file, "its name is no record's", err);
	got = ac_record_get(c->s, id, &r, &bad);
	if (got < 0 && bad.code == AC_E_SYS) {
		*err = bad;
		return -1;
	}
	/* Not ours to judge. */
	if (got < 0 && bad.code == AC_E_UNSUPPORTED) {
		c->unknown = true;
		stays(c, "record", file, bad.msg, "use a newer version");
		return 0;
	}
	what = got < 0 ? bad.msg : got > 0 ? bad_shape(&r) : NULL;
	return what != NULL ? bad_record(c, file, what, err) : 0;
}

static int check_files(struct check *c, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	struct stat st;

	if (fstatat(c->s->dirfd, "images", &st, 0) < 0)
		return 0; /* missing, which was told */
	if (ac_reap_names(c->s, "images", &names, err) < 0)
		return -1;
	ac_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (check_file(c, names.v[i], err) < 0)
			return -1;
	return 0;
}

/* Take NAME from R, in the store too. */
static int drop_name(const struct check *c, struct ac_record *r,
		     const char *name, struct ac_err *err)
{
	struct ac_strv left = AC_STRV_INIT;

	if (!c->o->repair)
		return 0;
	for (size_t i = 0; i < r->names.n; i++)
		if (strcmp(r->names.v[i], name) != 0)
			ac_strv_push(&left, r->names.v[i]);
	ac_strv_release(&r->names);
	r->names = left;
	return ac_publish_record(c->s, r, err);
}

/* A name belongs to the image that came by it last. */
static int check_names(struct check *c, struct ac_records *all,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_map_release) struct ac_map owners = AC_MAP_INIT;

	for (size_t i = all->n; i-- > 0;) {
		struct ac_record *r = &all->v[i];
		AC_CLEANUP(ac_strv_release)
		struct ac_strv doubled = AC_STRV_INIT;

		for (size_t k = 0; k < r->names.n; k++) {
			const char *name = r->names.v[k];
			const struct ac_record *of =
				ac_map_get(&owners, name, strlen(name));

			if (of != NULL && of != r)
				ac_strv_push(&doubled, name);
			else if (of == NULL)
				ac_map_put(&owners, name, strlen(name), r);
		}
		for (size_t k = 0; k < doubled.n; k++) {
			check_told(c, "name", doubled.v[k],
				   "two images have it",
				   "it was taken from the older one",
				   "it would be taken from the older one");
			if (drop_name(c, r, doubled.v[k], err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Is what R names there at all? */
static int quick(struct check *c, const struct ac_record *r)
{
	bool good = true;

	for (size_t i = 0; i < r->n_blobs; i++) {
		char name[AC_DIGEST_TEXT];
		AC_FREE char *path = NULL;
		struct stat st;

		ac_digest_print(&r->blobs[i].digest, '/', name);
		path = ac_xasprintf("blobs/%s", name);
		if (fstatat(c->s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) &&
		    (uint64_t)st.st_size == r->blobs[i].size)
			continue;
		good = false;
		stays(c, "blob", name, "it is missing, or has another size",
		      "pull its images again with --no-store");
	}
	for (size_t i = 0; i < r->layers.n; i++) {
		struct ac_err bad = AC_ERR_INIT;
		uint64_t bytes;
		AC_FREE char *path =
			ac_xasprintf("layers/%s/rootfs", r->layers.v[i]);

		if (ac_publish_layer_bytes(c->s, r->layers.v[i], &bytes,
					   &bad) == 0 &&
		    faccessat(c->s->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
			    0)
			continue;
		good = false;
		check_tell(c, &(struct ac_fault){
				      .object = "layer",
				      .name = r->layers.v[i],
				      .what = "it is missing, or not complete",
				      .how = "check without --quick",
				      .repairable = true});
	}
	return good;
}

/* S54: an earlier layout is as good, but for what it does not know. */
static void check_layout(struct check *c, int found, size_t no_xattrs)
{
	AC_FREE char *what = NULL;
	AC_FREE char *many = NULL;

	if (found != AC_LAYOUT) {
		what = ac_xasprintf("the store has layout %d", found);
		check_tell(
			c,
			&(struct ac_fault){
				.object = "file",
				.name = "version",
				.what = what,
				.how = c->o->repair
					       ? "it was brought to this "
						 "version's"
					       : "the next pull, or --repair, "
						 "brings it to this version's",
				.repaired = c->o->repair,
				.repairable = !c->o->repair,
				.leftover = true});
	}
	if (no_xattrs == 0)
		return;
	many = ac_xasprintf("the extended attributes of %zu layer(s) are not "
			    "in their lists, and were not compared",
			    no_xattrs);
	check_tell(
		c,
		&(struct ac_fault){
			.object = "store",
			.name = "layers/",
			.what = many,
			.how = c->o->repair
				       ? "a pod uses them, or they cannot be "
					 "made again"
				       : "'acfetch image verify' or --repair "
					 "adds them",
			.repairable = !c->o->repair,
			.leftover = true});
}

static int check_ocidir(struct check *c, struct ac_err *err)
{
	int right = ac_ocidir_check(c->s, err);

	if (right != 0)
		return right < 0 ? -1 : 0;
	check_leftover(c, "file", "index.json",
		       "it does not list the OCI images", "it was made again");
	return c->o->repair ? ac_ocidir_write(c->s, err) : 0;
}

struct images {
	struct check *c;
	bool held; /* by a pod: what is wrong with it waits */
	bool lost; /* a layer that cannot be made again */
};

static void image_fault(void *ctx, AC_UNUSED const struct ac_record *r,
			const struct ac_fault *f)
{
	struct images *x = ctx;

	if (strcmp(f->object, "layer") == 0 && !f->repaired && !f->repairable) {
		if (strstr(f->how, "a pod uses it") != NULL)
			x->held = true;
		else
			x->lost = true;
	}
	check_tell(x->c, f);
}

static int check_image(struct check *c, struct ac_verifier *v,
		       const struct ac_record *r, struct ac_err *err)
{
	struct images x = {.c = c};
	AC_FREE char *file = ac_xasprintf("%s.json", r->id);
	int good;

	if (c->o->quick)
		return quick(c, r);
	v->ctx = &x;
	good = ac_verify_image(v, r, err);
	if (good < 0)
		return ac_err_ctx(err, "image '%s'", r->image.name);
	/* What runs no more is no image; one that lacks a blob still runs. */
	if (x.lost && !x.held)
		return bad_record(c, file, "its layers cannot be made again",
				  err);
	return 0;
}

static int check_images(struct check *c, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;
	AC_CLEANUP(ac_verifier_release)
	struct ac_verifier v = {.s = c->s,
				.repair = c->o->repair,
				.secret = c->o->secret,
				.tell = image_fault};

	if (ac_records_read(c->s, &all, err) < 0)
		return -1;
	if (all.unreadable != 0 && !c->unknown)
		return ac_err_set(err, AC_E_INVALID,
				  "%zu records in '%s/images' could be read a "
				  "moment ago, and cannot any more",
				  all.unreadable, c->s->path);
	if (check_names(c, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (check_image(c, &v, &all.v[i], err) < 0)
			return -1;
	c->no_xattrs = v.no_xattrs;
	return 0;
}

static void orphan(void *ctx, enum ac_gone what, const char *name,
		   AC_UNUSED uint64_t bytes)
{
	if (what == AC_GONE_PARTIAL)
		return; /* an old one is no fault */
	check_leftover(ctx, what == AC_GONE_LAYER ? "layer" : "blob", name,
		       "no image needs it", "it was removed");
}

static int check_rest(struct check *c, struct ac_err *err)
{
	AC_CLEANUP(ac_reaper_release) struct ac_reaper r = AC_REAPER_INIT;

	if (c->unknown) {
		stays(c, "record", "images/", "some cannot be read",
		      "what no image needs is not looked for until then");
		return 0;
	}
	if (ac_reaper_open(&r, c->s, false, err) < 0)
		return -1;
	r.dry = !c->o->repair;
	r.tell = orphan;
	r.ctx = c;
	return ac_reaper_rest(&r, err);
}

/* Alone with the store, as far as we may write it. */
static int be_alone(struct ac_store *s, bool repair, struct ac_err *err)
{
	if (ac_store_hold(s, err) == 0) {
		if (ac_lock_fd(s->lockfd, AC_LOCK_EXCLUSIVE, false, "lock",
			       err) == 0)
			return 0;
		if (err->code != AC_E_BUSY)
			return -1;
		ac_warn("waiting for those who add to '%s'", s->path);
		return ac_lock_fd(s->lockfd, AC_LOCK_EXCLUSIVE, true, "lock",
				  err);
	}
	if (repair || err->code == AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

int ac_store_check(struct ac_store *s, const struct ac_check_opts *o,
		   size_t *left, struct ac_err *err)
{
	struct check c = {.s = s, .o = o};
	struct stat st;
	int found;

	if (be_alone(s, o->repair, err) < 0 || ac_layout_read(s, err) < 0)
		return -1;
	found = s->layout;
	if (fstat(s->dirfd, &st) < 0)
		return ac_err_sys(err, errno, "look at '%s'", s->path);
	c.owner = st.st_uid;
	if (check_dirs(&c, err) < 0 ||
	    (o->repair && ac_layout_migrate(s, true, err) < 0))
		return -1;
	/* Without its directories there is nothing to compare. */
	if ((c.left == 0 || o->repair) &&
	    (check_files(&c, err) < 0 || check_images(&c, err) < 0 ||
	     check_caches(&c, err) < 0 || check_rest(&c, err) < 0 ||
	     check_ocidir(&c, err) < 0))
		return -1;
	check_layout(&c, found, c.no_xattrs);
	*left = c.left;
	return 0;
}
