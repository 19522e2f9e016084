/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/sys/io.h"

enum { MAX_TEXT = 8 << 20 }; /* of a manifest, of a configuration */

/* One image on its way. */
struct way {
	struct ac_store *s;
	const struct ac_take *t;
	char *origin;
	struct ac_buf manifest, config; /* of an OCI image */
	struct ac_oci_manifest m;
	struct ac_oci_config c;
	struct ac_ingest **in; /* of an ACI: one */
	size_t n;
};

static void way_release(struct way *w)
{
	for (size_t i = 0; i < w->n; i++)
		ac_ingest_free(w->in[i]);
	free(w->in);
	free(w->origin);
	ac_buf_release(&w->manifest);
	ac_buf_release(&w->config);
	ac_oci_manifest_release(&w->m);
	ac_oci_config_release(&w->c);
}

/* What the record says besides, when it is believed. */
static struct ac_about about(const struct way *w, const struct ac_strv *signers)
{
	const struct ac_record *r = w->t->record;

	return (struct ac_about){
		.name = w->t->trusted && r->names.n != 0 ? r->names.v[0] : NULL,
		.origin = w->origin,
		.signers = w->t->trusted ? &r->signers : signers};
}

static int name_all(const struct way *w, const char *id, struct ac_err *err)
{
	const struct ac_strv *names = &w->t->record->names;

	for (size_t i = 1; w->t->trusted && i < names->n; i++)
		if (ac_store_name(w->s, id, names->v[i], NULL, err) < 0)
			return -1;
	return 0;
}

static int take_aci(struct way *w, char id[AC_DIGEST_TEXT], struct ac_err *err)
{
	const struct ac_record *r = w->t->record;
	AC_CLEANUP(ac_strv_release) struct ac_strv signers = AC_STRV_INIT;
	struct ac_digest diff;
	const struct ac_ingest_opts o = {
		.kind = AC_IMAGE_ACI,
		.blob = r->n_blobs != 0 ? &r->blobs[0].digest : NULL,
		.size = r->n_blobs != 0 ? r->blobs[0].size : 0,
		.diff = &diff,
		.secret = w->t->secret,
		.what = "its archive"};
	struct ac_about said;

	if (r->n_blobs != 1)
		return ac_err_set(err, AC_E_INVALID,
				  "its record has %zu blobs, not one",
				  r->n_blobs);
	w->in = ac_xcalloc(1, sizeof(struct ac_ingest *));
	if (ac_digest_parse(&diff, r->id, '-', err) < 0 ||
	    (w->in[0] = ac_ingest_new(w->s, &o, err)) == NULL)
		return -1;
	w->n = 1;
	if (ac_ingest_from_store(w->in[0], w->t->from, &r->blobs[0].digest,
				 err) < 0 ||
	    (w->t->check != NULL &&
	     w->t->check(w->t->ctx, ac_ingest_image(w->in[0]),
			 ac_ingest_blob_fd(w->in[0]), &signers, err) < 0))
		return -1;
	said = about(w, &signers);
	return ac_store_add_aci(w->s, w->in[0], &said, id, err);
}

/* A small blob with the digest D. */
static int read_text(const struct way *w, const struct ac_digest *d,
		     struct ac_buf *out, const char *what, struct ac_err *err)
{
	AC_CLOSE int fd = ac_store_open_blob(w->t->from, d, err);
	struct ac_digest is;

	if (fd < 0 || ac_io_slurp(fd, out, what, err) < 0)
		return -1;
	ac_digest_of(d->alg, ac_buf_str(out), out->len, &is);
	if (!ac_digest_equal(&is, d))
		return ac_err_set(err, AC_E_VERIFY,
				  "%s has not the bytes that its digest says",
				  what);
	return 0;
}

static int read_texts(struct way *w, struct ac_err *err)
{
	const struct ac_record *r = w->t->record;
	struct ac_digest is;
	char id[AC_DIGEST_TEXT];

	if (r->n_blobs == 0)
		return ac_err_set(err, AC_E_INVALID, "its record has no blobs");
	if (read_text(w, &r->blobs[0].digest, &w->manifest, "the manifest",
		      err) < 0)
		return -1;
	ac_digest_of(AC_SHA512, ac_buf_str(&w->manifest), w->manifest.len, &is);
	ac_digest_print(&is, '-', id);
	if (strcmp(id, r->id) != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "the manifest is of another image");
	if (ac_oci_manifest_parse(&w->m, ac_buf_str(&w->manifest),
				  w->manifest.len, err) < 0 ||
	    read_text(w, &w->m.config.digest, &w->config, "the configuration",
		      err) < 0)
		return -1;
	return ac_oci_config_parse(&w->c, ac_buf_str(&w->config), w->config.len,
				   w->m.n_layers, err);
}

static int take_layer(struct way *w, size_t i, const struct ac_digest *chain,
		      struct ac_err *err)
{
	const struct ac_oci_desc *d = &w->m.layers[i];
	AC_FREE char *what = ac_xasprintf("its layer %zu", i + 1);
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_OCI,
					 .blob = &d->digest,
					 .size = d->size,
					 .diff = &w->c.diff_ids[i],
					 .what = what};

	if (ac_store_has_layer(w->s, chain, &d->digest))
		return 0;
	w->in[i] = ac_ingest_new(w->s, &o, err);
	return w->in[i] != NULL ? ac_ingest_from_store(w->in[i], w->t->from,
						       &d->digest, err)
				: -1;
}

/* Its name is not in its content: a stranger's word gives it none. */
static struct ac_json *appc_manifest(const struct way *w, struct ac_err *err)
{
	const struct ac_record *r = w->t->record;
	char manifest[AC_DIGEST_TEXT];
	char config[AC_DIGEST_TEXT];
	AC_FREE char *name = ac_xasprintf("localhost/offered/%.12s",
					  r->id + strlen("sha512-"));
	const struct ac_oci_source src = {.name = name,
					  .manifest_digest = manifest,
					  .image_id = config};

	if (w->t->trusted)
		return ac_json_copy(r->image.doc);
	ac_digest_print(&r->blobs[0].digest, ':', manifest);
	ac_digest_print(&w->m.config.digest, ':', config);
	return ac_oci_to_appc(&w->c, &src, err);
}

static int take_oci(struct way *w, char id[AC_DIGEST_TEXT], struct ac_err *err)
{
	AC_FREE struct ac_digest *chain = NULL;
	AC_JSON struct ac_json *appc = NULL;
	struct ac_oci_parts parts;
	struct ac_about said = about(w, NULL);

	if (read_texts(w, err) < 0 || (appc = appc_manifest(w, err)) == NULL)
		return -1;
	w->n = w->m.n_layers;
	w->in = ac_xcalloc(w->n + 1, sizeof(*w->in));
	chain = ac_xcalloc(w->n + 1, sizeof(*chain));
	ac_oci_chain_ids(w->c.diff_ids, w->n, chain);
	for (size_t i = 0; i < w->n; i++)
		if (take_layer(w, i, &chain[i], err) < 0)
			return -1;
	parts = (struct ac_oci_parts){.manifest = ac_buf_str(&w->manifest),
				      .manifest_len = w->manifest.len,
				      .config = ac_buf_str(&w->config),
				      .config_len = w->config.len,
				      .layers = w->in,
				      .n_layers = w->n,
				      .appc = appc};
	return ac_store_add_oci(w->s, &parts, &said, id, err);
}

int ac_store_take(struct ac_store *s, const struct ac_take *t,
		  struct ac_err *err)
{
	const struct ac_record *r = t->record;
	AC_CLEANUP(way_release)
	struct way w = {.s = s,
			.t = t,
			.origin = ac_xstrdup(t->trusted ? r->origin
							: t->from->path),
			.manifest = AC_BUF_INIT(MAX_TEXT),
			.config = AC_BUF_INIT(MAX_TEXT)};
	char id[AC_DIGEST_TEXT];

	if ((r->kind == AC_IMAGE_ACI ? take_aci(&w, id, err)
				     : take_oci(&w, id, err)) < 0 ||
	    name_all(&w, id, err) < 0)
		return ac_err_ctx(err, "take image %.20s from '%s'", r->id,
				  t->from->path);
	return 0;
}
