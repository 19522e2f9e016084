/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/publishone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/image/acifile.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/store/render.h"
#include "common/sys/io.h"
#include "fetch/image.h"
#include "fetch/sitefile.h"

enum { MAX_SIGNATURE = 1 << 20 };

void published_release(struct published *p)
{
	entry_release(&p->entry);
}

/* The image's bytes, and where its signature would be (NULL: nowhere). */
struct source {
	int fd;
	char *asc;
};

static void source_release(struct source *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->asc);
}

/* An image of the store: an ACI as it was delivered, so that its signature
 * fits; an OCI image as an ACI of our making. */
static int open_stored(struct source *s, const struct globals *g,
		       const char *text, int dirfd, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store store = AC_STORE_INIT;

	if (open_store(g, false, &store, err) < 0 ||
	    image_find(&store, text, &r, err) < 0)
		return -1;
	if (r.kind == AC_IMAGE_ACI && r.n_blobs != 0) {
		s->fd = ac_store_open_blob(&store, &r.blobs[0].digest, err);
		return s->fd < 0 ? -1 : 0;
	}
	s->fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return ac_err_sys(err, errno, "make a temporary file");
	return ac_export(&store, &r, s->fd, AC_ZIP_GZIP, NULL, err);
}

static int open_source(struct source *s, const struct globals *g,
		       const char *text, int dirfd, struct ac_err *err)
{
	struct ac_ref ref = AC_REF_INIT;
	int r = ac_ref_parse(&ref, text, err);

	if (r == 0 && ref.kind == AC_REF_FILE) {
		s->fd = open(ref.name, O_RDONLY | O_CLOEXEC);
		if (s->fd < 0)
			r = ac_err_sys(err, errno, "open '%s'", ref.name);
		s->asc = ac_xasprintf("%s.asc", ref.name);
	} else if (r == 0) {
		r = open_stored(s, g, text, dirfd, err);
	}
	ac_ref_release(&ref);
	return r;
}

static int take_manifest(void *ctx, const char *text, size_t len,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;

	if (ac_image_parse(&m, text, len, NULL, err) < 0)
		return -1;
	return entry_of(&m, ctx, err);
}

/* The signature: 1 and its text, 0 when there is none. */
static int read_signature(const struct source *s, const struct publish_opts *o,
			  struct ac_buf *out, struct ac_err *err)
{
	const char *path = o->signature != NULL ? o->signature : s->asc;

	if (o->signature != NULL &&
	    ac_io_read_file(AT_FDCWD, path, out, err) == 0)
		return 1;
	if (o->signature == NULL && path != NULL &&
	    ac_io_read_regular(AT_FDCWD, path, out, err) == 0)
		return 1;
	if (path != NULL &&
	    (err->code != AC_E_NOT_FOUND || o->signature != NULL))
		return ac_err_ctx(err, "signature");
	*err = AC_ERR_INIT;
	if (o->allow_unsigned)
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "there is no signature%s%s%s; sign it with 'actool "
			  "sign', name one by --signature=FILE, or give "
			  "--allow-unsigned",
			  path != NULL ? " '" : "", path != NULL ? path : "",
			  path != NULL ? "'" : "");
}

static int check_signature(const struct ac_buf *sig, const struct ac_buf *keys,
			   int fd, const char *what, struct ac_err *err)
{
	struct ac_pgp_ring *ring = ac_pgp_ring_new(err);
	struct ac_pgp_result good = {.sigs = NULL};
	int r;

	if (ring == NULL)
		return -1;
	r = ac_pgp_ring_add(ring, ac_buf_str(keys), keys->len, PUBLISH_KEYS,
			    err);
	if (r == 0)
		r = ac_pgp_verify(ring, ac_buf_str(sig), sig->len, fd, what,
				  &good, err);
	if (r < 0 && err->code == AC_E_NOT_FOUND)
		(void)ac_err_ctx(err, "the site has no such key; add it by "
				      "--key=FILE");
	ac_pgp_result_release(&good);
	ac_pgp_ring_free(ring);
	return r;
}

static int put_signature(int dirfd, const char *path, const struct ac_buf *sig,
			 bool is_signed, struct ac_err *err)
{
	AC_FREE char *asc = ac_xasprintf("%s.asc", path);

	return is_signed ? site_put(dirfd, asc, ac_buf_str(sig), sig->len, err)
			 : site_remove(dirfd, asc, err);
}

/* From the first byte to the last. */
static int read_image(int fd, const char *what, const struct ac_aci_events *ev,
		      struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	struct ac_digest id;
	int own;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "seek in '%s'", what);
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return ac_err_sys(err, errno, "open '%s'", what);
	f = ac_aci_file_adopt(own, what, secret, err);
	return f != NULL ? ac_aci_file_read(f, ev, &id, NULL, err) : -1;
}

int publish_one(int dirfd, const struct globals *g,
		const struct publish_opts *o, const struct ac_buf *keys,
		const char *text, struct ac_secret *secret,
		struct published *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf sig = AC_BUF_INIT(MAX_SIGNATURE);
	AC_CLEANUP(source_release) struct source s = {.fd = -1};
	struct ac_aci_events ev = {.manifest = take_manifest,
				   .ctx = &out->entry};
	int r;

	if (open_source(&s, g, text, dirfd, err) < 0)
		return -1;
	r = read_signature(&s, o, &sig, err);
	if (r < 0 || read_image(s.fd, text, &ev, secret, err) < 0)
		return -1;
	out->is_signed = r > 0;
	if (out->is_signed && keys->len != 0 &&
	    check_signature(&sig, keys, s.fd, text, err) < 0)
		return -1;
	if (out->is_signed && keys->len == 0)
		ac_warn("'%s': its signature was not checked: the site has no "
			"keys; add them by --key=FILE",
			text);
	if (put_signature(dirfd, out->entry.path, &sig, out->is_signed, err) <
	    0)
		return -1;
	return site_put_fd(dirfd, out->entry.path, s.fd, err);
}
