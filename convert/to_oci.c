/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/limitopt.h"
#include "common/cli/print.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/zip.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"
#include "common/image/oci.h"
#include "common/image/ocilayout.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "common/sys/path.h"
#include "convert/cmd.h"
#include "convert/confine.h"

const char to_oci_about[] =
	"ACI is an App Container Image in a file, DIR a new directory, which\n"
	"becomes an OCI layout with this one image, of one layer.  Its tag is\n"
	"the image's version label, or 'latest'.\n"
	"\n"
	"The digest of the OCI manifest is printed.\n";

const struct ac_opt to_oci_opts[] = {
	AC_OPT_STRING(struct to_oci_opts, tag, "tag", "TAG",
		      "tag the image with TAG instead"),
	AC_OPT_UINT(struct to_oci_opts, level, "level", "N",
		    "how hard to compress the layer: 1 to 12; default: 6"),
	AC_OPT_BOOL(struct to_oci_opts, overwrite, "overwrite",
		    "replace DIR when it is an OCI layout"),
	AC_OPT_PASSPHRASE(struct to_oci_opts, passphrase_fd),
	AC_OPT_LIMIT(struct to_oci_opts, limits),
	AC_OPT_END,
};

/* One conversion: archive -> tar -> digest of it, gzip -> blob. */
struct job {
	const char *what;
	struct ac_secret secret;
	struct ac_image image;
	struct ac_set only; /* pathWhitelist; */
	struct ac_set ways; /* the directories that lead there */
	bool filtered;
	struct ac_ocilayout layout;
	struct ac_tar_writer *tar;
	struct ac_zipper *zip;
	bool skipping;
	struct ac_digest diff;
};

static void release(struct job *j)
{
	ac_secret_release(&j->secret);
	ac_tar_writer_free(j->tar);
	ac_zipper_free(j->zip);
	ac_set_release(&j->only);
	ac_set_release(&j->ways);
	ac_image_release(&j->image);
	ac_ocilayout_release(&j->layout);
}

static int to_layer(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct job *j = ctx;

	return ac_zipper_feed(j->zip, p, n, err);
}

/* --- what stays --- */

static void load_whitelist(struct job *j)
{
	j->filtered = j->image.whitelist.n != 0;
	for (size_t i = 0; i < j->image.whitelist.n; i++) {
		AC_FREE char *path = ac_path_clean(j->image.whitelist.v[i]);
		char *slash;

		if (path == NULL)
			continue;
		(void)ac_set_add(&j->only, path);
		while ((slash = strrchr(path, '/')) != NULL) {
			*slash = '\0';
			(void)ac_set_add(&j->ways, path);
		}
	}
}

static bool stays(const struct job *j, const char *path, bool dir)
{
	return !j->filtered || path[0] == '\0' || ac_set_has(&j->only, path) ||
	       (dir && ac_set_has(&j->ways, path));
}

static int on_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	struct job *j = ctx;

	j->skipping = !stays(j, e->path, e->type == AC_F_DIR);
	if (j->skipping)
		return 0;
	if (strncmp(e->path, ".wh.", 4) == 0 ||
	    strstr(e->path, "/.wh.") != NULL)
		return ac_err_set(
			err, AC_E_UNSUPPORTED,
			"'%s': OCI takes names that begin with '.wh.' "
			"for removed files",
			e->path);
	if (e->type == AC_F_HARD && !stays(j, e->link, false))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "hard link '%s' leads to '%s', which the "
				  "image's pathWhitelist leaves out",
				  e->path, e->link);
	return ac_tar_add(j->tar, e, err);
}

static int on_data(void *ctx, const void *p, size_t n, AC_UNUSED uint64_t off,
		   struct ac_err *err)
{
	struct job *j = ctx;

	return j->skipping ? 0 : ac_tar_write(j->tar, p, n, err);
}

/* --- the parts --- */

/* Twice: for the manifest, whose whitelist says what goes into the layer, and
 * for the layer. */
static struct ac_aci_file *open_image(struct job *j, struct ac_err *err)
{
	if (strcmp(j->what, "-") == 0) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "an image that is read twice must be a file; "
				 "for a file named '-' write './-'");
		return NULL;
	}
	return ac_aci_file_open(j->what, &j->secret, err);
}

static int load_manifest(struct job *j, struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = open_image(j, err);
	AC_FREE char *text = NULL;
	size_t len;

	if (f == NULL)
		return -1;
	if (ac_aci_file_manifest(f, &text, &len, err) < 0 ||
	    ac_image_parse(&j->image, text, len, NULL, err) < 0)
		return ac_err_ctx(err, "'%s'", j->what);
	if (j->image.n_deps != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "'%s' needs %zu other images, and OCI images "
				  "stand alone; acbuild can make one of all",
				  j->what, j->image.n_deps);
	load_whitelist(j);
	return 0;
}

static int write_layer(struct job *j, uint64_t level, struct ac_digest *digest,
		       uint64_t *size, struct ac_err *err)
{
	const struct ac_aci_events ev = {
		.entry = on_entry,
		.data = on_data,
		.ctx = j,
	};
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = open_image(j, err);
	struct ac_digest id;

	if (f == NULL)
		return -1;
	j->zip = ac_zipper_new(AC_ZIP_GZIP, (int)level, ac_ocilayout_sink,
			       &j->layout);
	ac_zipper_hash(j->zip, AC_SHA256);
	j->tar = ac_tar_writer_new(to_layer, j);
	if (ac_aci_file_read(f, &ev, &id, NULL, err) < 0)
		return ac_err_ctx(err, "'%s'", j->what);
	if (ac_tar_finish(j->tar, err) < 0 || ac_zipper_finish(j->zip, err) < 0)
		return -1;
	ac_zipper_digest(j->zip, &j->diff);
	return ac_ocilayout_blob_end(&j->layout, digest, size, err);
}

static struct ac_json *descriptor(const char *type, const struct ac_digest *d,
				  uint64_t size)
{
	struct ac_json *o = ac_json_object();
	char text[AC_DIGEST_TEXT];

	ac_digest_print(d, ':', text);
	ac_json_set_str(o, "mediaType", type);
	ac_json_set_str(o, "digest", text);
	ac_json_set_int(o, "size", (int64_t)size);
	return o;
}

/* Write DOC, which is taken, as a blob: its descriptor. */
static struct ac_json *put_json(struct job *j, struct ac_json *doc,
				const char *type, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4UL * AC_JSON_MAX_BYTES);
	struct ac_digest d;
	int ret;

	ac_json_write(doc, 0, false, &b);
	ac_json_free(doc);
	ret = ac_buf_check(&b, "a manifest", err);
	if (ret == 0)
		ret = ac_ocilayout_blob(&j->layout, b.p, b.len, &d, err);
	return ret == 0 ? descriptor(type, &d, b.len) : NULL;
}

static struct ac_json *new_manifest(struct ac_json *config,
				    struct ac_json *layer)
{
	struct ac_json *doc = ac_json_object();
	struct ac_json *layers = ac_json_array();

	ac_json_push(layers, layer);
	ac_json_set_int(doc, "schemaVersion", 2);
	ac_json_set_str(doc, "mediaType", AC_OCI_MANIFEST);
	ac_json_set(doc, "config", config);
	ac_json_set(doc, "layers", layers);
	return doc;
}

/* index.json, of the one manifest. */
static int put_index(struct job *j, struct ac_json *manifest,
		     const struct ac_json *config, const char *tag,
		     struct ac_err *err)
{
	static const char *const keys[] = {"architecture", "os", "variant"};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();
	struct ac_json *notes = ac_json_object();
	struct ac_json *platform = ac_json_object();

	for (size_t i = 0; i < AC_LEN(keys); i++)
		if (ac_json_get(config, keys[i]) != NULL)
			ac_json_set(platform, keys[i],
				    ac_json_copy(ac_json_get(config, keys[i])));
	ac_json_set_str(notes, AC_OCI_REF_NAME, tag);
	ac_json_set(manifest, "annotations", notes);
	ac_json_set(manifest, "platform", platform);
	ac_json_push(list, manifest);
	ac_json_set_int(doc, "schemaVersion", 2);
	ac_json_set_str(doc, "mediaType", AC_OCI_INDEX);
	ac_json_set(doc, "manifests", list);
	ac_json_write(doc, 0, false, &b);
	if (ac_buf_check(&b, "the index", err) < 0)
		return -1;
	return ac_ocilayout_file(&j->layout, "index.json", b.p, b.len, err);
}

static int write_documents(struct job *j, const struct ac_digest *layer,
			   uint64_t size, const char *tag,
			   char digest[AC_DIGEST_TEXT], struct ac_err *err)
{
	static const char mark[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AC_JSON struct ac_json *config =
		ac_oci_from_appc(j->image.doc, &j->diff, 1, err);
	struct ac_json *desc;
	const char *text;

	if (config == NULL)
		return -1;
	desc = put_json(j, ac_json_copy(config), AC_OCI_CONFIG, err);
	if (desc == NULL)
		return -1;
	desc = put_json(j,
			new_manifest(desc,
				     descriptor(AC_OCI_LAYER_GZ, layer, size)),
			AC_OCI_MANIFEST, err);
	if (desc == NULL)
		return -1;
	text = ac_json_text(ac_json_get(desc, "digest"), NULL);
	(void)snprintf(digest, AC_DIGEST_TEXT, "%s", text);
	if (put_index(j, desc, config, tag, err) < 0)
		return -1;
	return ac_ocilayout_file(&j->layout, "oci-layout", mark,
				 sizeof(mark) - 1, err);
}

static int print(const struct globals *g, const char *dir, const char *tag,
		 const char *digest, struct ac_err *err)
{
	AC_JSON struct ac_json *o = ac_json_object();

	if (!g->json) {
		printf("%s\n", digest);
		return 0;
	}
	ac_json_set_str(o, "directory", dir);
	ac_json_set_str(o, "tag", tag);
	ac_json_set_str(o, "digest", digest);
	return ac_print_json(o, 0, err);
}

int to_oci_run(struct ac_call *call, struct ac_err *err)
{
	const struct to_oci_opts *o = call->opts;
	AC_CLEANUP(release)
	struct job j = {
		.what = call->argv[0],
		.secret = AC_SECRET_INIT,
		.image = AC_IMAGE_INIT,
		.only = AC_SET_INIT,
		.ways = AC_SET_INIT,
		.layout = AC_OCILAYOUT_INIT,
	};
	char digest[AC_DIGEST_TEXT];
	struct ac_digest layer = {.alg = AC_SHA256};
	const char *tag = o->tag;
	uint64_t size = 0;

	if (o->level > 12)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value for option --level: 1 to 12");
	if (ac_config_limits(NULL, &o->limits, err) < 0 ||
	    ac_secret_option(&j.secret, o->passphrase_fd, err) < 0)
		return -1;
	if (confine(call->argv[0], call->argv[1], NULL, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	if (load_manifest(&j, err) < 0 ||
	    ac_ocilayout_open(&j.layout, call->argv[1], o->overwrite, err) < 0)
		return -1;
	if (tag == NULL)
		tag = ac_pairs_get(&j.image.labels, "version");
	if (tag == NULL || tag[0] == '\0')
		tag = "latest";
	if (write_layer(&j, o->level, &layer, &size, err) < 0 ||
	    write_documents(&j, &layer, size, tag, digest, err) < 0 ||
	    ac_ocilayout_commit(&j.layout, err) < 0)
		return -1;
	return print(call->globals, call->argv[1], tag, digest, err);
}
