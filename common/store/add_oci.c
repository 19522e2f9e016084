/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/store/add.h"
#include "common/store/ingest_priv.h"
#include "common/store/publish.h"
#include "common/sys/io.h"

static void chain_name(const struct ac_digest *chain, char out[AC_DIGEST_TEXT])
{
	ac_digest_print(chain, '-', out);
}

/* An OCI image on its way into the store. */
struct oci {
	struct ac_store *s;
	const struct ac_oci_parts *parts;
	struct ac_oci_manifest manifest;
	struct ac_oci_config config;
	struct ac_digest manifest_digest;
	struct ac_digest *chains;
	int *roots;            /* rootfs of each layer */
	struct ac_scratch dir; /* manifest and configuration */
};

static void release_oci(struct oci *o)
{
	for (size_t i = 0; o->roots != NULL && i < o->manifest.n_layers; i++)
		if (o->roots[i] >= 0)
			(void)close(o->roots[i]);
	free(o->roots);
	free(o->chains);
	ac_oci_manifest_release(&o->manifest);
	ac_oci_config_release(&o->config);
	ac_scratch_release(&o->dir);
}

static int parse_oci(struct oci *o, struct ac_err *err)
{
	const struct ac_oci_parts *p = o->parts;
	struct ac_digest got;

	if (ac_oci_manifest_parse(&o->manifest, p->manifest, p->manifest_len,
				  err) < 0 ||
	    ac_oci_config_parse(&o->config, p->config, p->config_len,
				o->manifest.n_layers, err) < 0)
		return -1;
	if (p->n_layers != o->manifest.n_layers)
		return ac_err_set(err, AC_E_INVALID,
				  "the manifest has %zu layers, %zu are given",
				  o->manifest.n_layers, p->n_layers);
	ac_digest_of(o->manifest.config.digest.alg, p->config, p->config_len,
		     &got);
	if (!ac_digest_equal(&got, &o->manifest.config.digest))
		return ac_err_set(err, AC_E_VERIFY,
				  "the configuration does not have the digest "
				  "that the manifest says");
	ac_digest_of(AC_SHA256, p->manifest, p->manifest_len,
		     &o->manifest_digest);
	o->chains = ac_xcalloc(p->n_layers + 1, sizeof(*o->chains));
	ac_oci_chain_ids(o->config.diff_ids, p->n_layers, o->chains);
	o->roots = ac_xcalloc(p->n_layers + 1, sizeof(*o->roots));
	for (size_t i = 0; i < p->n_layers; i++)
		o->roots[i] = -1;
	return 0;
}

static int move_ingest(const struct ac_store *s, const struct ac_ingest *in,
		       const char *layer, struct ac_err *err)
{
	if (ac_add_move_blob(s, in->blobdir, "blob", &in->blob, err) < 0)
		return -1;
	/* One that was there already, and so was not settled. */
	if (in->layer.w != NULL)
		return 0;
	return ac_publish_move(s, in->dir.fd, "layer", "layers", layer, err) < 0
		       ? -1
		       : 0;
}

/* What was unpacked as layer I must be what the image says. */
static int check_layer(const struct oci *o, size_t i, struct ac_err *err)
{
	const struct ac_ingest *in = o->parts->layers[i];
	const struct ac_digest *blob = &o->manifest.layers[i].digest;

	if (in == NULL)
		return ac_store_has_layer(o->s, &o->chains[i], blob)
			       ? 0
			       : ac_err_set(err, AC_E_NOT_FOUND,
					    "layer %zu is not in the store",
					    i + 1);
	if (!in->finished || in->opts.kind != AC_IMAGE_OCI)
		return ac_err_set(err, AC_E_USAGE, "%s is not complete",
				  in->what);
	if (!ac_digest_equal(&in->blob, blob) ||
	    !ac_digest_equal(&in->diff, &o->config.diff_ids[i]))
		return ac_err_set(err, AC_E_VERIFY,
				  "%s is not what the image's manifest and "
				  "configuration say",
				  in->what);
	return 0;
}

/* The layer as it is in the store already, or newly made on those below. */
static int settle_layer(struct oci *o, size_t i, struct ac_err *err)
{
	const struct ac_stack below = {.roots = o->roots, .n = i};
	struct ac_ingest *in = o->parts->layers[i];
	char name[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;

	chain_name(&o->chains[i], name);
	path = ac_xasprintf("layers/%s/rootfs", name);
	o->roots[i] = openat(o->s->dirfd, path,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (o->roots[i] >= 0)
		return 0;
	if (errno != ENOENT || in == NULL)
		return ac_err_sys(err, errno, "open '%s/%s'", o->s->path, path);
	if (ac_ingest_settle(in, &below, err) < 0)
		return -1;
	o->roots[i] = fcntl(in->layer.rootfs, F_DUPFD_CLOEXEC, 0);
	return o->roots[i] >= 0 ? 0 : ac_err_sys(err, errno, "open a rootfs");
}

static int write_text(struct oci *o, const char *name, const char *text,
		      size_t len, struct ac_err *err)
{
	AC_CLOSE int fd = openat(o->dir.fd, name,
				 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		return ac_err_sys(err, errno, "make the %s's file", name);
	return ac_io_write_close(&fd, text, len, name, err);
}

static int move_all(struct oci *o, struct ac_err *err)
{
	const struct ac_oci_parts *p = o->parts;
	char name[AC_DIGEST_TEXT];

	if (ac_add_move_blob(o->s, o->dir.fd, "manifest", &o->manifest_digest,
			     err) < 0 ||
	    ac_add_move_blob(o->s, o->dir.fd, "config",
			     &o->manifest.config.digest, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_layers; i++) {
		chain_name(&o->chains[i], name);
		if (p->layers[i] != NULL &&
		    move_ingest(o->s, p->layers[i], name, err) < 0)
			return -1;
	}
	return ac_add_sync_names(o->s, err);
}

static const char *type_or(const char *type, const char *other)
{
	return type != NULL && type[0] != '\0' ? type : other;
}

static int layer_bytes(const struct oci *o, size_t i, const char *name,
		       uint64_t *bytes, struct ac_err *err)
{
	const struct ac_ingest *in = o->parts->layers[i];

	return in != NULL && in->layer.w == NULL
		       ? ac_list_bytes(in->layer.files, bytes, err)
		       : ac_publish_layer_bytes(o->s, name, bytes, err);
}

static int fill_record(struct oci *o, struct ac_record *r, struct ac_err *err)
{
	const struct ac_oci_manifest *m = &o->manifest;
	const char *type = NULL;

	if (ac_json_get_str(m->doc, "", "mediaType", &type, err) < 0)
		return -1;
	ac_add_blob(r, &o->manifest_digest, o->parts->manifest_len,
		    type_or(type, AC_OCI_MANIFEST));
	ac_add_blob(r, &m->config.digest, o->parts->config_len,
		    type_or(m->config.media_type, AC_OCI_CONFIG));
	for (size_t i = 0; i < m->n_layers; i++) {
		char name[AC_DIGEST_TEXT];
		uint64_t bytes = 0;

		chain_name(&o->chains[i], name);
		ac_strv_push(&r->layers, name);
		ac_add_blob(r, &m->layers[i].digest, m->layers[i].size,
			    type_or(m->layers[i].media_type, AC_OCI_LAYER));
		if (layer_bytes(o, i, name, &bytes, err) < 0)
			return -1;
		r->size += bytes;
	}
	return 0;
}

static int settle_all(struct oci *o, struct ac_err *err)
{
	const struct ac_oci_parts *p = o->parts;

	for (size_t i = 0; i < p->n_layers; i++)
		if (check_layer(o, i, err) < 0)
			return -1;
	for (size_t i = 0; i < p->n_layers; i++)
		if (settle_layer(o, i, err) < 0)
			return -1;
	return 0;
}

static int add_oci(struct oci *o, struct ac_record *r,
		   const struct ac_about *about, struct ac_err *err)
{
	AC_CLEANUP(ac_pending_release)
	struct ac_pending pending = AC_PENDING_INIT;
	AC_CLOSE int lock = -1;
	const struct ac_oci_parts *p = o->parts;

	if (parse_oci(o, err) < 0 || settle_all(o, err) < 0 ||
	    ac_scratch_open(&o->dir, o->s, err) < 0 ||
	    write_text(o, "manifest", p->manifest, p->manifest_len, err) < 0 ||
	    write_text(o, "config", p->config, p->config_len, err) < 0 ||
	    fill_record(o, r, err) < 0)
		return -1;
	lock = ac_add_begin_record(o->s, r, &pending, err);
	if (lock < 0 || ac_store_flush(o->s, err) < 0 || move_all(o, err) < 0)
		return -1;
	if (ac_add_end_record(o->s, r, &pending, about->name, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_layers; i++)
		if (p->layers[i] != NULL)
			ac_ingest_published(p->layers[i]);
	return 0;
}

int ac_store_add_oci(struct ac_store *s, const struct ac_oci_parts *parts,
		     const struct ac_about *about, char id[AC_DIGEST_TEXT],
		     struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct oci o = {.s = s, .parts = parts, .dir = AC_SCRATCH_INIT};
	struct ac_digest d;
	char text[AC_DIGEST_TEXT];
	int rc;

	ac_digest_of(AC_SHA512, parts->manifest, parts->manifest_len, &d);
	ac_digest_print(&d, '-', text);
	r.id = ac_xstrdup(text);
	r.kind = AC_IMAGE_OCI;
	ac_add_describe(&r, about);
	rc = ac_image_load(&r.image, ac_json_copy(parts->appc), NULL, err);
	if (rc == 0)
		rc = add_oci(&o, &r, about, err);
	release_oci(&o);
	if (rc < 0)
		return -1;
	memcpy(id, text, AC_DIGEST_TEXT);
	return 0;
}
