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
#include "common/image/acifile.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/store/render.h"
#include "common/sys/io.h"
#include "fetch/image.h"
#include "fetch/sitefile.h"

enum { MAX_NAMED = 8 << 20, MAX_TEXT = 700 };

/* The signature files of an image, by kind; empty: none. */
struct signatures {
	struct ac_buf text[AC_SIG_KINDS];
	char *file[AC_SIG_KINDS];
	struct ac_buf tried; /* where there was none */
};

static void signatures_release(struct signatures *s)
{
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		ac_buf_release(&s->text[k]);
		free(s->file[k]);
	}
	ac_buf_release(&s->tried);
}

bool publish_has_kind(size_t kind)
{
	return ac_sig_methods[kind] != &ac_sig_bare;
}

void published_release(struct published *p)
{
	entry_release(&p->entry);
}

/* The image's bytes, and the file that they are (NULL: none). */
struct source {
	int fd;
	char *file;
};

static void source_release(struct source *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->file);
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
		s->file = ac_xstrdup(ref.name);
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

/* A signature file that --signature names: only it knows what it is. */
static int read_named(struct signatures *s, const char *file,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_NAMED);
	size_t k = 0;

	if (ac_io_read_file(AT_FDCWD, file, &text, err) < 0)
		return -1;
	while (k < AC_SIG_KINDS &&
	       !ac_sig_methods[k]->is_signature(ac_buf_str(&text), text.len))
		k++;
	if (k == AC_SIG_KINDS)
		return ac_err_set(err, AC_E_INVALID, "'%s' is no signature",
				  file);
	if (!publish_has_kind(k))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is no OpenPGP signature and no "
				  "Sigstore bundle, and nothing else is looked "
				  "for on sites",
				  file);
	if (s->file[k] != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' and '%s' are of one kind; put them "
				  "into one file",
				  s->file[k], file);
	s->file[k] = ac_xstrdup(file);
	s->text[k] = text;
	text = AC_BUF_INIT(MAX_NAMED);
	return 0;
}

/* Those beside the image. */
static int read_beside(struct signatures *s, const char *image,
		       struct ac_err *err)
{
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		const struct ac_sig_method *m = ac_sig_methods[k];
		AC_FREE char *file = ac_xasprintf("%s%s", image, m->suffix);

		if (!publish_has_kind(k))
			continue;
		s->text[k] = AC_BUF_INIT(m->max);
		if (ac_io_read_regular(AT_FDCWD, file, &s->text[k], err) == 0) {
			s->file[k] = ac_steal_ptr(&file);
			continue;
		}
		if (err->code != AC_E_NOT_FOUND)
			return -1;
		*err = AC_ERR_INIT;
		ac_buf_addf(&s->tried, "%s'%s'",
			    s->tried.len != 0 ? " or " : " ", file);
	}
	return 0;
}

static int read_signatures(struct signatures *s, const struct source *src,
			   const struct publish_opts *o, struct ac_err *err)
{
	s->tried = AC_BUF_INIT(MAX_TEXT);
	if (o->signatures.n == 0 && src->file != NULL &&
	    read_beside(s, src->file, err) < 0)
		return ac_err_ctx(err, "signature");
	for (size_t i = 0; i < o->signatures.n; i++)
		if (read_named(s, o->signatures.v[i], err) < 0)
			return ac_err_ctx(err, "signature");
	for (size_t k = 0; k < AC_SIG_KINDS; k++)
		if (s->file[k] != NULL)
			return 0;
	if (o->allow_unsigned)
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "there is no signature%s; sign it with 'actool "
			  "sign', name one by --signature=FILE, or give "
			  "--allow-unsigned",
			  ac_buf_str(&s->tried));
}

/* Why none of SIGS is good. */
static int refuse(const struct ac_sigs *sigs, const char *file,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);
	bool strangers = true;

	for (size_t i = 0; i < sigs->n; i++) {
		AC_FREE char *shown = ac_str_show(sigs->v[i].reason);

		strangers = strangers && sigs->v[i].stranger;
		ac_buf_addf(&why, "%s%s", i != 0 ? "; " : "", shown);
	}
	(void)ac_err_set(err, AC_E_VERIFY, "signature '%s': %s", file,
			 ac_buf_str(&why));
	return strangers ? ac_err_ctx(err, "the site has no such key; add it "
					   "by --key=FILE")
			 : -1;
}

/* The signature file of the kind K: is there a good one in it? */
static int check(const struct signatures *s, size_t k,
		 const struct ac_sig_keys *keys, const struct ac_sig_file *f,
		 struct ac_err *err)
{
	const struct ac_sig_method *m = ac_sig_methods[k];
	AC_CLEANUP(ac_sigs_release) struct ac_sigs sigs = AC_SIGS_INIT;

	if (keys->of[k] == NULL)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "the site has no key for the %s '%s'; add it "
				  "by --key=FILE, or name what is to be "
				  "published by --signature=FILE",
				  m->what, s->file[k]);
	if (m->check(keys->of[k], f, ac_buf_str(&s->text[k]), s->text[k].len,
		     s->file[k], &sigs, err) < 0)
		return -1;
	for (size_t i = 0; i < sigs.n; i++)
		if (sigs.v[i].reason == NULL)
			return 0;
	return refuse(&sigs, s->file[k], err);
}

static int check_all(const struct signatures *s, const struct ac_sig_keys *keys,
		     int fd, const char *what, unsigned int *found,
		     struct ac_err *err)
{
	const struct ac_sig_file f = {.name = what, .fd = fd};

	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		if (s->file[k] == NULL)
			continue;
		*found |= 1U << k;
		if (ac_sig_keys_any(keys) && check(s, k, keys, &f, err) < 0)
			return -1;
	}
	if (*found != 0 && !ac_sig_keys_any(keys))
		ac_warn("'%s': its signature was not checked: the site has no "
			"keys; add them by --key=FILE",
			what);
	return 0;
}

/* What an image of that name had before goes. */
static int put_signatures(int dirfd, const char *path,
			  const struct signatures *s, struct ac_err *err)
{
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		AC_FREE char *file =
			ac_xasprintf("%s%s", path, ac_sig_methods[k]->suffix);
		int r = 0;

		if (publish_has_kind(k))
			r = s->file[k] == NULL
				    ? site_remove(dirfd, file, err)
				    : site_put(dirfd, file,
					       ac_buf_str(&s->text[k]),
					       s->text[k].len, err);
		if (r < 0)
			return -1;
	}
	return 0;
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
		const struct publish_opts *o, const struct ac_sig_keys *keys,
		const char *text, struct ac_secret *secret,
		struct published *out, struct ac_err *err)
{
	AC_CLEANUP(signatures_release) struct signatures sigs = {.file = {0}};
	AC_CLEANUP(source_release) struct source s = {.fd = -1};
	struct ac_aci_events ev = {.manifest = take_manifest,
				   .ctx = &out->entry};

	if (open_source(&s, g, text, dirfd, err) < 0 ||
	    read_signatures(&sigs, &s, o, err) < 0 ||
	    read_image(s.fd, text, &ev, secret, err) < 0 ||
	    check_all(&sigs, keys, s.fd, text, &out->signatures, err) < 0 ||
	    put_signatures(dirfd, out->entry.path, &sigs, err) < 0)
		return -1;
	return site_put_fd(dirfd, out->entry.path, s.fd, err);
}
