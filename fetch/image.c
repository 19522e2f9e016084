/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/image/ref.h"
#include "common/store/offers.h"
#include "common/store/render.h"
#include "common/sys/io.h"
#include "common/sys/out.h"
#include "fetch/imagegc.h"

int image_find(const struct ac_store *s, const char *text, struct ac_record *r,
	       struct ac_err *err)
{
	struct ac_ref ref = AC_REF_INIT;
	int found = -1;

	if (ac_ref_parse(&ref, text, err) == 0)
		found = ac_store_find(s, &ref, r, err);
	if (found == 0 && ref.kind == AC_REF_ID && ac_offers_has(s, ref.name)) {
		found = ac_err_set(err, AC_E_NOT_FOUND,
				   "image '%s' is not in the store '%s', but a "
				   "member of the group offers it; 'acfetch "
				   "pull' of its whole id takes it",
				   text, s->path);
	} else if (found == 0) {
		(void)ac_err_set(err, AC_E_NOT_FOUND,
				 "image '%s' is not in the store '%s'; "
				 "'acfetch image list' shows what is, "
				 "'acfetch pull' gets more",
				 text, s->path);
		found = ac_ref_explain(&ref, err);
	}
	ac_ref_release(&ref);
	return found < 0 ? -1 : 0;
}

char *image_title(const struct ac_record *r)
{
	const char *version = ac_pairs_get(&r->image.labels, "version");

	return version != NULL ? ac_xasprintf("%s:%s", r->image.name, version)
			       : ac_xstrdup(r->image.name);
}

uint64_t image_size(const struct ac_record *r)
{
	uint64_t size = r->size;

	for (size_t i = 0; i < r->n_blobs; i++)
		size += r->blobs[i].size;
	return size;
}

/* What the commands on one image begin with. */
static int open_image(const struct ac_call *c, struct ac_store *s,
		      struct ac_record *r, struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (open_store(g, false, s, err) < 0)
		return -1;
	return image_find(s, c->argv[0], r, err);
}

struct cat_opts {
	const char *pretty; /* --pretty-print[=BOOL]; NULL: true */
};

static const struct ac_opt cat_opts[] = {
	AC_OPT_OPTIONAL(struct cat_opts, pretty, "pretty-print", "BOOL",
			"indent it (default: true)"),
	AC_OPT_END,
};

static int cat_run(struct ac_call *c, struct ac_err *err)
{
	const struct cat_opts *o = c->opts;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(64 << 20);
	bool pretty = true;

	if (o->pretty != NULL && o->pretty[0] != '\0' &&
	    ac_num_bool(ac_str(o->pretty), &pretty) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--pretty-print: 'true' or 'false', not '%s'",
				  o->pretty);
	if (open_image(c, &s, &r, err) < 0)
		return -1;
	if (pretty)
		ac_json_write(r.image.doc, -1, true, &text);
	else
		ac_image_write(r.image.doc, &text);
	if (ac_buf_check(&text, "the manifest", err) < 0)
		return -1;
	puts(ac_buf_str(&text));
	return 0;
}

struct export_opts {
	bool overwrite;
	const char *compression;
	const char *passphrase_fd;
};

static const struct ac_opt export_opts[] = {
	AC_OPT_BOOL(struct export_opts, overwrite, "overwrite",
		    "replace the output file"),
	AC_OPT_CHOICE(struct export_opts, compression, "compression", "FORMAT",
		      "none gzip bzip2 xz",
		      "how to compress it, not by default"),
	AC_OPT_PASSPHRASE(struct export_opts, passphrase_fd),
	AC_OPT_END,
};

/* Write the image to the file PATH, whole or not at all. */
static int export_file(const struct ac_store *s, const struct ac_record *r,
		       const char *path, bool overwrite, enum ac_zip zip,
		       struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;

	if (ac_out_open(&out, path, overwrite, err) < 0 ||
	    ac_export(s, r, out.fd, zip, secret, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

static int export_run(struct ac_call *c, struct ac_err *err)
{
	const struct export_opts *o = c->opts;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	enum ac_zip zip = o->compression != NULL
				  ? ac_zip_by_name(o->compression)
				  : AC_ZIP_NONE;
	int ok;

	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0 ||
	    open_image(c, &s, &r, err) < 0)
		return -1;
	if (strcmp(c->argv[1], "-") != 0)
		ok = export_file(&s, &r, c->argv[1], o->overwrite, zip, &secret,
				 err);
	else if (isatty(STDOUT_FILENO))
		return ac_err_set(err, AC_E_USAGE,
				  "an image is nothing for a terminal");
	else
		ok = ac_export(&s, &r, STDOUT_FILENO, zip, &secret, err);
	return ok < 0 ? ac_err_ctx(err, "export image '%s'", c->argv[0]) : 0;
}

const struct ac_cmd image_cmds[] = {
	{.name = "list",
	 .alias = "ls",
	 .help = "list the images",
	 .opts = list_opts,
	 .opt_size = sizeof(struct list_opts),
	 .run = list_run},
	{.name = "cat-manifest",
	 .args = "IMAGE",
	 .help = "print an image's manifest",
	 .opts = cat_opts,
	 .opt_size = sizeof(struct cat_opts),
	 .min = 1,
	 .max = 1,
	 .run = cat_run},
	{.name = "export",
	 .args = "IMAGE FILE",
	 .help = "write an image as an ACI file ('-': to standard output)",
	 .opts = export_opts,
	 .opt_size = sizeof(struct export_opts),
	 .min = 2,
	 .max = 2,
	 .run = export_run},
	{.name = "render",
	 .args = "IMAGE DIR",
	 .help = "write an image's files, dependencies included, to DIR",
	 .opts = render_opts,
	 .opt_size = sizeof(struct render_opts),
	 .min = 2,
	 .max = 2,
	 .run = render_run},
	{.name = "extract",
	 .args = "IMAGE DIR",
	 .help = "write the files of an image alone to DIR",
	 .opts = render_opts,
	 .opt_size = sizeof(struct render_opts),
	 .min = 2,
	 .max = 2,
	 .run = extract_run},
	{.name = "tree",
	 .args = "IMAGE...",
	 .help = "show what an image is made of",
	 .min = 1,
	 .max = -1,
	 .run = tree_run},
	{.name = "du",
	 .args = "[IMAGE...]",
	 .help = "show what the store, or images of it, take up",
	 .max = -1,
	 .run = du_run},
	{.name = "rm",
	 .args = "IMAGE...",
	 .help = "remove images",
	 .min = 1,
	 .max = -1,
	 .run = rm_run},
	{.name = "gc",
	 .help = "remove what no image needs, and images not in use",
	 .opts = gc_opts,
	 .opt_size = sizeof(struct gc_opts),
	 .run = gc_run},
	{.name = "verify",
	 .args = "[IMAGE...]",
	 .help = "compare what is stored with its digests, and repair it",
	 .opts = verify_opts,
	 .opt_size = sizeof(struct verify_opts),
	 .max = -1,
	 .run = verify_run},
	AC_CMD_END,
};
