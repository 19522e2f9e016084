/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/oci.h"
#include "common/net/registry.h"
#include "common/sys/interrupt.h"
#include "fetch/cosign.h"
#include "fetch/puller.h"

enum {
	MAX_MANIFEST = 8 << 20,
	MAX_CONFIG = 8 << 20,
	MAX_NESTED = 4, /* indexes within indexes */
	MAX_TAKEN = 32, /* of all that they name */
};

/* One image on its way. */
struct image {
	struct puller *p;
	const struct ac_ref *ref;
	char *name;   /* canonical reference */
	char *prefix; /* its name for the keystore, which is the manifest's */
	bool verify;  /* signatures are to be looked at */
	struct ac_strv signers;
	struct ac_registry *reg;
	struct ac_buf manifest; /* of the one platform */
	struct ac_digest digest;
	int taken; /* manifests and indexes that indexes name */
	struct ac_oci_manifest m;
	struct ac_buf config;
	struct ac_oci_config c;
	struct ac_ingest **layers;
};

/* There are no OpenPGP signatures of these images: who wants one verified pins
 * a plain key, names the content itself, or says that none is wanted.  A policy
 * wants signatures of what is named by its digest too. */
static int allowed(struct image *x, struct ac_err *err)
{
	bool policy = false;
	int wanted;

	if ((x->p->insecure & AC_INSECURE_IMAGE) != 0)
		return 0;
	wanted = cosign_wanted(x->p->g, x->prefix, &policy, err);
	if (wanted < 0)
		return -1;
	x->verify = wanted > 0 && (policy || x->ref->digest == NULL);
	if (x->verify || x->ref->digest != NULL)
		return 0;
	return ac_err_set(err, AC_E_DENIED,
			  "signature verification for docker images is not "
			  "supported (try --insecure-options=image, or give a "
			  "@digest in place of the tag), but by cosign's "
			  "signatures with a plain key that is trusted: "
			  "acfetch trust --prefix \"%s\" KEY.pub",
			  x->prefix);
}

/* Whoever signed it signed what the reference names: the index, of one. */
static int check_signed(struct image *x, struct ac_err *err)
{
	const struct cosign c = {.g = x->p->g,
				 .name = x->prefix,
				 .what = x->name,
				 .reg = x->reg,
				 .manifest = &x->manifest,
				 .digest = &x->digest};

	return x->verify ? cosign_verify(&c, &x->signers, err) : 0;
}

static int settle(struct image *x, int depth, struct ac_err *err);

/* Take a manifest or index that an index names, in its place. */
static int take(struct image *x, const struct ac_oci_desc *d, int depth,
		struct ac_err *err)
{
	char digest[AC_DIGEST_TEXT];
	int ret;

	if (depth == MAX_NESTED || ++x->taken > MAX_TAKEN)
		return ac_err_set(err, AC_E_LIMIT,
				  "indexes within indexes: more than %d deep, "
				  "or more than %d of them",
				  MAX_NESTED, MAX_TAKEN);
	ac_digest_print(&d->digest, ':', digest);
	x->digest = d->digest;
	ac_buf_reset(&x->manifest);
	ret = ac_oci_desc_data(d, &x->manifest, err);
	if (ret < 0)
		return ac_err_ctx(err, "manifest '%s'", digest);
	if (ret == 0 && ac_registry_manifest(x->reg, digest, &x->manifest,
					     &x->digest, err) < 0)
		return -1;
	if (d->size != x->manifest.len)
		return ac_err_set(
			err, AC_E_VERIFY,
			"manifest '%s' has %zu bytes, where its index "
			"says %ju",
			digest, x->manifest.len, (uintmax_t)d->size);
	return settle(x, depth + 1, err);
}

/* The manifest for the platform in an index, in place of the index.  Entries
 * that do not say their platform are looked into, one after the other. */
static int pick(struct image *x, int depth, struct ac_err *err)
{
	AC_CLEANUP(ac_oci_index_release) struct ac_oci_index index = {.n = 0};
	const struct puller *p = x->p;
	const struct ac_oci_desc *d;
	int ret = -1;

	if (ac_oci_index_parse(&index, ac_buf_str(&x->manifest),
			       x->manifest.len, err) < 0)
		return -1;
	d = ac_oci_pick(&index, p->os != NULL ? p->os : ac_host_os(),
			p->arch != NULL ? p->arch : ac_host_go_arch(),
			p->os != NULL ? p->variant : ac_host_go_variant(), err);
	if (d == NULL)
		return -1;
	if (d->arch != NULL)
		return take(x, d, depth, err);
	for (size_t i = 0; i < index.n; i++) {
		if (index.v[i].os != NULL || index.v[i].arch != NULL)
			continue;
		ret = take(x, &index.v[i], depth, err);
		if (ret == 0 || err->code != AC_E_NOT_FOUND)
			break;
	}
	return ret;
}

/* Come from what there is in x->manifest to the manifest of one image. */
static int settle(struct image *x, int depth, struct ac_err *err)
{
	AC_JSON struct ac_json *doc =
		ac_json_parse(ac_buf_str(&x->manifest), x->manifest.len,
			      "manifest", err);
	int is_index = doc != NULL ? ac_oci_is_index(doc, err) : -1;

	return is_index == 1 ? pick(x, depth, err) : is_index;
}

static int get_manifest(struct image *x, struct ac_err *err)
{
	const char *what =
		x->ref->digest != NULL ? x->ref->digest : x->ref->tag;

	if (ac_registry_manifest(x->reg, what, &x->manifest, &x->digest, err) <
		    0 ||
	    check_signed(x, err) < 0 || settle(x, 0, err) < 0)
		return -1;
	return ac_oci_manifest_parse(&x->m, ac_buf_str(&x->manifest),
				     x->manifest.len, err);
}

static int append(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_buf *b = ctx;

	ac_buf_add(b, p, n);
	return ac_buf_check(b, "the configuration", err);
}

/* Which machine it is for: told by an index, or only by itself. */
static int check_platform(const struct image *x, struct ac_err *err)
{
	const struct puller *p = x->p;
	const char *os = p->os != NULL ? p->os : ac_host_os();
	const char *arch = p->arch != NULL ? p->arch : ac_host_go_arch();

	if (x->c.os == NULL || x->c.arch == NULL ||
	    (strcmp(os, x->c.os) == 0 && strcmp(arch, x->c.arch) == 0))
		return 0;
	if (p->os != NULL)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "the image is for %s/%s only", x->c.os,
				  x->c.arch);
	ac_warn("'%s' is for %s/%s, this machine is %s/%s", x->name, x->c.os,
		x->c.arch, os, arch);
	return 0;
}

static int get_config(struct image *x, struct ac_err *err)
{
	const struct ac_oci_desc *d = &x->m.config;
	struct ac_digest is;
	char want[AC_DIGEST_TEXT];
	int inside;

	if (d->size > MAX_CONFIG)
		return ac_err_set(err, AC_E_LIMIT,
				  "the configuration has %llu bytes, at most "
				  "%d are accepted",
				  (unsigned long long)d->size, MAX_CONFIG);
	inside = ac_oci_desc_data(d, &x->config, err);
	if (inside < 0 ||
	    (inside == 0 &&
	     ac_registry_blob(x->reg, d, append, &x->config, err) < 0))
		return -1;
	ac_digest_of(d->digest.alg, ac_buf_str(&x->config), x->config.len, &is);
	if (!ac_digest_equal(&is, &d->digest)) {
		ac_digest_print(&d->digest, ':', want);
		return ac_err_set(err, AC_E_VERIFY,
				  "digest of the configuration does not match "
				  "'%s'",
				  want);
	}
	if (ac_oci_config_parse(&x->c, ac_buf_str(&x->config), x->config.len,
				x->m.n_layers, err) < 0)
		return -1;
	return check_platform(x, err);
}

static struct ac_json *appc_manifest(const struct image *x, struct ac_err *err)
{
	char manifest[AC_DIGEST_TEXT];
	char config[AC_DIGEST_TEXT];
	struct ac_oci_source src = {.name = x->prefix,
				    .tag = x->ref->tag,
				    .original = x->ref->text,
				    .registry = x->ref->registry,
				    .repository = x->ref->repository,
				    .manifest_digest = manifest,
				    .image_id = config};

	ac_digest_print(&x->digest, ':', manifest);
	ac_digest_print(&x->m.config.digest, ':', config);
	return ac_oci_to_appc(&x->c, &src, err);
}

static int publish(struct image *x, struct pulled *out, struct ac_err *err)
{
	AC_JSON struct ac_json *appc = appc_manifest(x, err);
	struct ac_about about = {.name = x->name,
				 .origin = x->name,
				 .signers = &x->signers};
	struct ac_oci_parts parts = {.manifest = ac_buf_str(&x->manifest),
				     .manifest_len = x->manifest.len,
				     .config = ac_buf_str(&x->config),
				     .config_len = x->config.len,
				     .layers = x->layers,
				     .n_layers = x->m.n_layers,
				     .appc = appc};

	if (appc == NULL || ac_interrupt_check(err) < 0)
		return -1;
	out->fetched = true;
	return ac_store_add_oci(&x->p->store, &parts, &about, out->id, err);
}

/* Is the image of this manifest in the store?  1 (and it has the name now), 0,
 * -1. */
static int present(struct image *x, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_digest id;
	int found;

	ac_digest_of(AC_SHA512, ac_buf_str(&x->manifest), x->manifest.len, &id);
	ac_digest_print(&id, '-', out->id);
	/* What is pulled is all in the store itself. */
	if (!ac_store_owns(&x->p->store, out->id))
		return 0;
	found = ac_store_get(&x->p->store, out->id, &r, err);
	if (found != 1)
		return found;
	out->fetched = false;
	pull_tell_cached(x->p, out->id);
	return ac_store_name(&x->p->store, out->id, x->name, &x->signers, err) <
			       0
		       ? -1
		       : 1;
}

static int transfer(struct image *x, struct pulled *out, struct ac_err *err)
{
	int found;

	if (allowed(x, err) < 0 || get_manifest(x, err) < 0)
		return -1;
	found = present(x, out, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (get_config(x, err) < 0)
		return -1;
	x->layers = ac_xcalloc(x->m.n_layers + 1, sizeof(*x->layers));
	if (pull_layers(x->p, x->reg, x->name, &x->m, &x->c, x->layers, err) <
	    0)
		return -1;
	return publish(x, out, err);
}

int pull_docker(struct puller *p, const struct ac_ref *ref, struct pulled *out,
		struct ac_err *err)
{
	struct image x = {.p = p,
			  .ref = ref,
			  .name = ac_ref_canonical(ref),
			  .manifest = AC_BUF_INIT(MAX_MANIFEST),
			  .config = AC_BUF_INIT(MAX_CONFIG)};
	struct ac_registry_auth auth =
		credentials_registry(&p->credentials, ref->registry,
				     ref->repository);
	AC_FREE char *place =
		ac_xasprintf("%s/%s", ref->registry, ref->repository);
	int ret;

	x.prefix = ac_identifier_sanitize(place);
	x.reg = ac_registry_new(p->http, ref, &auth);
	ret = transfer(&x, out, err);
	for (size_t i = 0; x.layers != NULL && i < x.m.n_layers; i++)
		ac_ingest_free(x.layers[i]);
	free(x.layers);
	ac_registry_free(x.reg);
	ac_oci_config_release(&x.c);
	ac_oci_manifest_release(&x.m);
	ac_buf_release(&x.manifest);
	ac_buf_release(&x.config);
	ac_strv_release(&x.signers);
	free(x.prefix);
	free(x.name);
	return ret;
}
