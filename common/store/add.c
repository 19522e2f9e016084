/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/store/add.h"
#include "common/store/index.h"
#include "common/store/ingest_priv.h"
#include "common/store/ocidir.h"
#include "common/store/publish.h"
#include "common/store/record.h"

static const char *const blob_dirs[] = {
	[AC_SHA256] = "blobs/sha256",
	[AC_SHA512] = "blobs/sha512",
};

static char *blob_path(const struct ac_digest *d)
{
	char hex[AC_DIGEST_TEXT];

	ac_digest_hex(d, hex);
	return ac_xasprintf("%s/%s", blob_dirs[d->alg], hex);
}

static bool exists(const struct ac_store *s, const char *path, mode_t type)
{
	struct stat st;

	return fstatat(s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == type;
}

static bool has_blob(const struct ac_store *s, const struct ac_digest *d)
{
	AC_FREE char *path = blob_path(d);

	return exists(s, path, S_IFREG);
}

bool ac_store_has_layer(const struct ac_store *s, const struct ac_digest *chain,
			const struct ac_digest *blob)
{
	char name[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;

	ac_digest_print(chain, '-', name);
	path = ac_xasprintf("layers/%s/rootfs", name);
	return exists(s, path, S_IFDIR) && has_blob(s, blob);
}

int ac_store_open_blob(const struct ac_store *s, const struct ac_digest *d,
		       struct ac_err *err)
{
	AC_FREE char *path = blob_path(d);
	int fd = s->dirfd < 0 ? ac_err_set(err, AC_E_NOT_FOUND, "no store")
			      : ac_store_open_file(s, path, err);

	for (size_t i = 0;
	     fd < 0 && err->code == AC_E_NOT_FOUND && i < s->n_more; i++)
		fd = ac_store_open_file(&s->more[i], path, err);
	if (fd < 0 && err->code == AC_E_NOT_FOUND)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "blob '%s' is not in the store", path);
	return fd;
}

int ac_add_move_blob(const struct ac_store *s, int dirfd, const char *from,
		     const struct ac_digest *d, struct ac_err *err)
{
	AC_CLOSE int to = ac_publish_dir(s, blob_dirs[d->alg], err);
	char hex[AC_DIGEST_TEXT];

	if (to < 0)
		return -1;
	ac_digest_hex(d, hex);
	/* Whatever the umask. */
	if (fchmodat(dirfd, from, 0444, 0) < 0)
		return ac_err_sys(err, errno, "set the mode of a blob");
	/* These bytes are known to be right; those that are there are the same
	 * or damaged. */
	if (renameat(dirfd, from, to, hex) < 0)
		return ac_err_sys(err, errno, "rename to '%s/%s/%s'", s->path,
				  blob_dirs[d->alg], hex);
	return 0;
}

int ac_add_sync_names(const struct ac_store *s, struct ac_err *err)
{
	for (size_t i = 0; i < AC_LEN(blob_dirs); i++)
		if (ac_publish_sync(s, blob_dirs[i], err) < 0)
			return -1;
	return ac_publish_sync(s, "layers", err);
}

void ac_add_blob(struct ac_record *r, const struct ac_digest *d, uint64_t size,
		 const char *type)
{
	r->blobs = ac_xrealloc(r->blobs, r->n_blobs + 1, sizeof(*r->blobs));
	r->blobs[r->n_blobs++] =
		(struct ac_blob){.digest = *d,
				 .size = size,
				 .media_type = ac_xstrdup(type)};
}

/* NAME belongs to the image ID alone.  The caller holds images.lock. */
static int drop_name(const struct ac_store *s, const char *id, const char *name,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_strv left = AC_STRV_INIT;
	int got = ac_record_get(s, id, &r, err);

	if (got <= 0 || !ac_strv_has(&r.names, name))
		return got < 0 ? -1 : 0;
	for (size_t k = 0; k < r.names.n; k++)
		if (strcmp(r.names.v[k], name) != 0)
			ac_strv_push(&left, r.names.v[k]);
	ac_strv_release(&r.names);
	r.names = left;
	return ac_publish_record(s, &r, err);
}

static int take_name(const struct ac_store *s, const char *id, const char *name,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;

	if (ac_index_read(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.v[i].id, id) != 0 &&
		    ac_strv_has(&all.v[i].names, name) &&
		    drop_name(s, all.v[i].id, name, err) < 0)
			return -1;
	return 0;
}

/* What an earlier import of the same image knew. */
static void inherit(struct ac_record *r, struct ac_record *old)
{
	struct ac_strv names = old->names;

	for (size_t i = 0; i < r->names.n; i++)
		if (!ac_strv_has(&names, r->names.v[i]))
			ac_strv_push(&names, r->names.v[i]);
	old->names = r->names;
	r->names = names;
	for (size_t i = 0; i < old->signers.n; i++)
		if (!ac_strv_has(&r->signers, old->signers.v[i]))
			ac_strv_push(&r->signers, old->signers.v[i]);
	if (r->origin[0] == '\0') {
		char *origin = r->origin;

		r->origin = old->origin;
		old->origin = origin;
	}
}

void ac_add_describe(struct ac_record *r, const struct ac_about *about)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	r->imported = now.tv_sec;
	r->imported_ns = (uint32_t)now.tv_nsec;
	if (about->name != NULL)
		ac_strv_push(&r->names, about->name);
	r->origin = ac_xstrdup(about->origin != NULL ? about->origin : "");
	for (size_t i = 0; about->signers != NULL && i < about->signers->n; i++)
		ac_strv_push(&r->signers, about->signers->v[i]);
}

/* The blob of the earlier import is the one that its signatures are about: it
 * stays while it is here, but for an encrypted one when this one is not. */
static void keep_blobs(const struct ac_store *s, struct ac_record *r,
		       struct ac_record *old)
{
	struct ac_blob *blobs = r->blobs;
	size_t n = r->n_blobs;

	if (r->kind != AC_IMAGE_ACI || old->n_blobs == 0 ||
	    (old->encrypted && !r->encrypted) ||
	    !has_blob(s, &old->blobs[0].digest))
		return;
	r->encrypted = old->encrypted;
	r->blobs = old->blobs;
	r->n_blobs = old->n_blobs;
	old->blobs = blobs;
	old->n_blobs = n;
}

int ac_add_begin_record(struct ac_store *s, struct ac_record *r,
			struct ac_pending *p, struct ac_err *err)
{
	AC_CLOSE int lock = ac_publish_lock(s, err);
	AC_CLEANUP(ac_record_release) struct ac_record old = AC_RECORD_INIT;
	struct ac_err ignored;

	if (lock < 0)
		return -1;
	/* One that cannot be read is replaced. */
	if (ac_store_get(s, r->id, &old, &ignored) > 0) {
		inherit(r, &old);
		keep_blobs(s, r, &old);
	}
	if (ac_pending_write(p, s, r, err) < 0)
		return -1;
	return ac_steal_fd(&lock);
}

int ac_add_end_record(struct ac_store *s, const struct ac_record *r,
		      struct ac_pending *p, const char *name,
		      struct ac_err *err)
{
	if (ac_pending_place(p, s, r->id, err) < 0 ||
	    (name != NULL && take_name(s, r->id, name, err) < 0))
		return -1;
	if (r->kind == AC_IMAGE_OCI)
		ac_ocidir_update(s);
	return 0;
}

static int add_aci(struct ac_store *s, struct ac_ingest *in,
		   struct ac_record *r, const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_pending_release) struct ac_pending p = AC_PENDING_INIT;
	AC_CLOSE int lock = -1;

	if (ac_list_bytes(in->layer.files, &r->size, err) < 0)
		return -1;
	lock = ac_add_begin_record(s, r, &p, err);
	if (lock < 0 || ac_store_flush(s, err) < 0)
		return -1;
	/* The same archive in another compression is not kept twice. */
	if (ac_digest_equal(&r->blobs[0].digest, &in->blob) &&
	    ac_add_move_blob(s, in->blobdir, "blob", &in->blob, err) < 0)
		return -1;
	if (ac_publish_move(s, in->dir.fd, "layer", "layers", r->id, err) < 0 ||
	    ac_add_sync_names(s, err) < 0)
		return -1;
	return ac_add_end_record(s, r, &p, name, err);
}

int ac_store_add_aci(struct ac_store *s, struct ac_ingest *in,
		     const struct ac_about *about, char id[AC_DIGEST_TEXT],
		     struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	char text[AC_DIGEST_TEXT];

	if (!in->finished || in->opts.kind != AC_IMAGE_ACI)
		return ac_err_set(err, AC_E_USAGE,
				  "%s is not a finished image archive",
				  in->what);
	ac_digest_print(&in->diff, '-', text);
	r.id = ac_xstrdup(text);
	r.kind = AC_IMAGE_ACI;
	r.encrypted = in->encrypted;
	ac_strv_push(&r.layers, r.id);
	ac_add_blob(&r, &in->blob, in->size, "application/appc.aci");
	ac_add_describe(&r, about);
	if (ac_image_load(&r.image, ac_json_copy(in->image.doc), NULL, err) <
		    0 ||
	    add_aci(s, in, &r, about->name, err) < 0)
		return ac_err_ctx(err, "%s", in->what);
	ac_ingest_published(in);
	memcpy(id, text, AC_DIGEST_TEXT);
	return 0;
}

/* True when V had not all of MORE. */
static bool add_all(struct ac_strv *v, const struct ac_strv *more)
{
	size_t before = v->n;

	for (size_t i = 0; more != NULL && i < more->n; i++)
		if (!ac_strv_has(v, more->v[i]))
			ac_strv_push(v, more->v[i]);
	return v->n != before;
}

int ac_store_name(struct ac_store *s, const char *id, const char *name,
		  const struct ac_strv *signers, struct ac_err *err)
{
	bool changed;

	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLOSE int lock = ac_publish_lock(s, err);
	/* Its own: a record of another store has nothing here to speak of. */
	int got = lock < 0 ? -1 : ac_record_get(s, id, &r, err);

	if (got == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image %.20s is not in the store", id);
	if (got < 0)
		return -1;
	changed = add_all(&r.signers, signers);
	if (!ac_strv_has(&r.names, name)) {
		ac_strv_push(&r.names, name);
		changed = true;
	}
	if (changed && ac_publish_record(s, &r, err) < 0)
		return -1;
	if (take_name(s, id, name, err) < 0)
		return -1;
	if (r.kind == AC_IMAGE_OCI)
		ac_ocidir_update(s);
	return 0;
}
