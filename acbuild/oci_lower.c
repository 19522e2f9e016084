/* SPDX-License-Identifier: Apache-2.0 */
/* The layers below the top one, unpacked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acbuild/apart.h"
#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/aci_check.h"
#include "common/image/oci.h"
#include "common/store/config.h"
#include "common/store/ocilayer.h"
#include "common/store/unpack.h"
#include "common/sys/at.h"
#include "common/sys/tree.h"

#define NEW_LAYER "new"

size_t oci_lower_count(const struct work *w)
{
	size_t n = ac_json_len(ac_json_get(w->doc, "layers"));

	return oci_top(w) == OCI_TOP_SEALED && n != 0 ? n - 1 : n;
}

static int digest_of(const struct ac_json *layer, const char *key,
		     struct ac_digest *d, struct ac_err *err)
{
	const char *text = ac_json_text(ac_json_get(layer, key), NULL);

	return ac_digest_parse(d, text != NULL ? text : "", ':', err);
}

/* Chain ids of the first N layers; NULL on failure.  Caller frees. */
static struct ac_digest *chains(const struct work *w, size_t n,
				struct ac_err *err)
{
	const struct ac_json *layers = ac_json_get(w->doc, "layers");
	AC_FREE struct ac_digest *diffs = ac_xcalloc(n + 1, sizeof(*diffs));
	AC_FREE struct ac_digest *out = ac_xcalloc(n + 1, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		if (digest_of(ac_json_at(layers, i), "diffID", &diffs[i], err) <
		    0)
			return NULL;
	ac_oci_chain_ids(diffs, n, out);
	return ac_steal_ptr(&out);
}

static char *tree_name(const struct ac_digest *chain)
{
	char hex[AC_DIGEST_TEXT];

	ac_digest_hex(chain, hex);
	return ac_xasprintf("ociblobs/%s/%s", ac_digest_alg_name(chain->alg),
			    hex);
}

char *oci_lower_name(const struct work *w, size_t n)
{
	struct ac_err ignored = AC_ERR_INIT;
	AC_FREE struct ac_digest *ids = chains(w, n, &ignored);

	return ids != NULL && n != 0 ? tree_name(&ids[n - 1]) : NULL;
}

int oci_open_blob(const struct work *w, const struct ac_json *desc,
		  struct ac_err *err)
{
	struct ac_digest d;
	char hex[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;

	if (digest_of(desc, "digest", &d, err) < 0)
		return -1;
	ac_digest_hex(&d, hex);
	path = ac_xasprintf("blobs/%s/%s", ac_digest_alg_name(d.alg), hex);
	return ac_at_open(w->aci, path, O_RDONLY | O_CLOEXEC, 0, err);
}

/* --- unpacking --- */

/* One layer of currentaci, as the reader of images wants it. */
struct unpacking {
	struct ac_ocisrc source;
	struct ac_ociimg image; /* of one layer */
	struct ac_unpack to;
};

static void release(struct unpacking *u)
{
	ac_unpack_release(&u->to);
	ac_ociimg_release(&u->image);
	ac_ocisrc_release(&u->source);
}

static int describe(struct unpacking *u, const struct work *w, size_t i,
		    struct ac_err *err)
{
	const struct ac_json *layers = ac_json_get(w->doc, "layers");
	const struct ac_json *desc = ac_json_at(layers, i);
	struct ac_ociimg_layer *l;

	u->source.what = ac_xstrdup(".acbuild/currentaci");
	u->source.dirfd = fcntl(w->aci, F_DUPFD_CLOEXEC, 3);
	if (u->source.dirfd < 0)
		return ac_err_sys(err, errno, "open '.acbuild/currentaci'");
	u->image.n_layers = 1;
	u->image.layers = l = ac_xcalloc(2, sizeof(*l));
	l->has_digest = true;
	l->size = (uint64_t)ac_json_number(ac_json_get(desc, "size"));
	l->what = ac_xasprintf("layer %zu of %zu", i + 1, ac_json_len(layers));
	if (digest_of(desc, "digest", &l->digest, err) < 0 ||
	    digest_of(desc, "diffID", &l->diff, err) < 0)
		return -1;
	return 0;
}

static int read_layer(void *ctx, struct ac_err *err)
{
	struct unpacking *u = ctx;
	AC_CLEANUP(ac_ocilayer_close)
	struct ac_ocilayer in = AC_OCILAYER_INIT;

	if (ac_ocilayer_open(&in, &u->image, &u->source, 0, err) < 0)
		return -1;
	if (ac_unpack_read(&u->to, ac_ocilayer_source, &in, err) < 0)
		return ac_ocilayer_explain(&in, err);
	return ac_ocilayer_check(&in, err);
}

/* Layer I, as the directory NAME, on those BELOW: its limits are set. */
static int unpack(const struct work *w, size_t i, const char *name,
		  const struct ac_stack *below, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct unpacking u = {
		.source = AC_OCISRC_INIT,
		.image = AC_OCIIMG_INIT,
		.to = {.kind = AC_IMAGE_OCI,
		       .max_bytes = ac_limit(AC_LIMIT_UNPACKED),
		       .max_entries = ac_limit(AC_LIMIT_ENTRIES),
		       .dir = -1,
		       .rootfs = -1,
		       .files = -1},
	};
	AC_CLOSE int parent = ac_at_mkdirs(w->dir, "ociblobs", 0755, err);

	if (parent < 0 || ac_tree_remove(parent, NEW_LAYER, err) < 0 ||
	    describe(&u, w, i, err) < 0 ||
	    ac_unpack_open(&u.to, parent, NEW_LAYER, err) < 0 ||
	    read_layer(&u, err) < 0 ||
	    ac_unpack_settle(&u.to, below, read_layer, &u, err) < 0)
		return -1;
	if (renameat(parent, NEW_LAYER, w->dir, name) < 0)
		return ac_err_sys(err, errno, "put a layer into '.acbuild'");
	return 0;
}

static int open_tree(const struct work *w, const char *name, struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("%s/rootfs", name);

	return ac_at_open(w->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			  err);
}

/* Layer number l->n, whose chain id is CHAIN, unpacked unless it is. */
static int get(struct work *w, struct oci_lower *l,
	       const struct ac_digest *chain, struct ac_err *err)
{
	const struct ac_stack below = {.roots = l->fds, .n = l->n};
	AC_FREE char *name = tree_name(chain);
	int fd = open_tree(w, name, err);

	if (fd < 0 && err->code == AC_E_NOT_FOUND) {
		AC_FREE char *dir =
			ac_xasprintf("ociblobs/%s",
				     ac_digest_alg_name(chain->alg));
		AC_CLOSE int made = ac_at_mkdirs(w->dir, dir, 0755, err);

		if (made < 0 || unpack(w, l->n, name, &below, err) < 0)
			return -1;
		fd = open_tree(w, name, err);
	}
	if (fd < 0)
		return -1;
	l->fds[l->n++] = fd;
	return 0;
}

struct wanted {
	const struct ac_digest *chains;
	size_t n;
};

static struct oci_lower *lower_new(size_t n)
{
	struct oci_lower *l = ac_xcalloc(1, sizeof(*l));

	l->fds = ac_xcalloc(n + 1, sizeof(*l->fds));
	return l;
}

static int unpack_here(struct work *w, const void *ctx, struct ac_err *err)
{
	const struct wanted *want = ctx;
	struct oci_lower *l = lower_new(want->n);
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->n; i++)
		r = get(w, l, &want->chains[i], err);
	oci_lower_free(l);
	return r;
}

static int open_all(struct work *w, const struct wanted *want,
		    struct oci_lower *l, struct ac_err *err)
{
	while (l->n < want->n) {
		AC_FREE char *name = tree_name(&want->chains[l->n]);
		int fd = open_tree(w, name, err);

		if (fd < 0)
			return -1;
		l->fds[l->n++] = fd;
	}
	return 0;
}

/* What is missing is unpacked in a child. */
static int open_or_unpack(struct work *w, const struct wanted *want,
			  struct ac_err *err)
{
	const struct apart needs = {.what = "a layer", .fd = -1};
	int r = open_all(w, want, w->lower, err);

	if (r == 0 || err->code != AC_E_NOT_FOUND)
		return r;
	*err = AC_ERR_INIT;
	if (ac_config_limits(w->config, NULL, err) < 0)
		return -1;
	return apart(w, &needs, unpack_here, want, err) < 0
		       ? -1
		       : open_all(w, want, w->lower, err);
}

int oci_not_element(struct ac_err *err)
{
	if (err->code == AC_E_NOT_FOUND)
		err->code = AC_E_INVALID;
	return -1;
}

void oci_lower_forget(struct work *w)
{
	oci_lower_free(w->lower);
	w->lower = NULL;
}

int oci_open_lower(struct work *w, struct ac_err *err)
{
	size_t n = oci_lower_count(w);
	AC_FREE struct ac_digest *ids = NULL;

	if (w->lower != NULL)
		return 0;
	ids = chains(w, n, err);
	if (ids == NULL)
		return -1;
	w->lower = lower_new(n);
	if (open_or_unpack(w, &(struct wanted){ids, n}, err) < 0) {
		oci_lower_forget(w);
		return oci_not_element(err);
	}
	return 0;
}

void oci_lower_free(struct oci_lower *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fds[i]);
	free(l->fds);
	free(l);
}

int oci_lower_paths(struct work *w, const char *dir, struct ac_strv *out,
		    struct ac_err *err)
{
	size_t n = oci_lower_count(w);
	AC_FREE struct ac_digest *ids = chains(w, n, err);

	if (ids == NULL || oci_open_lower(w, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		AC_FREE char *name = tree_name(&ids[i]);

		ac_strv_pushf(out, "%s/%s/rootfs", dir, name);
	}
	return 0;
}
