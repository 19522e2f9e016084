/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/below.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/epoch.h"
#include "acbuild/oci.h"
#include "acbuild/sign.h"
#include "acbuild/sources.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/cli/progress.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"

const struct ac_opt write_options[] = {
	AC_OPT_BOOL(struct write_opts, overwrite, "overwrite",
		    "replace FILE when it is there already"),
	AC_OPT_CHOICE(struct write_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS, "how to compress, gzip by default"),
	AC_OPT_UINT(struct write_opts, level, "level", "N",
		    "1 (fast) to 9 (small), gzip to 12"),
	AC_OPT_BOOL(struct write_opts, sign, "sign",
		    "sign it, by GnuPG: FILE.asc is written too"),
	AC_OPT_LIST(struct write_opts, local_users, "local-user", "KEY",
		    "sign with this key of GnuPG (repeat)"),
	AC_OPT_STRING(struct write_opts, key, "key", "KEYFILE",
		      "sign with the private key in KEYFILE (PEM): "
		      "FILE.sigstore.json is written too"),
	AC_OPT_STRING(struct write_opts, depfile, "depfile", "DEPFILE",
		      "write a rule for make of the files that FILE is made "
		      "of"),
	AC_OPT_END,
};

int write_ready(const struct ac_json *doc, struct ac_err *err)
{
	struct ac_json *app = ac_json_get_nocase(doc, "app");
	const char *name = ac_json_text(ac_json_get_nocase(doc, "name"), NULL);

	if (name == NULL || strcmp(name, UNNAMED) == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "can't write ACI, name was never set; use "
				  "\"acbuild set-name\"");
	if (ac_json_type(app) == AC_JSON_OBJECT &&
	    ac_json_len(ac_json_get_nocase(app, "exec")) == 0)
		ac_warn("exec command was never set.");
	return 0;
}

int write_to(struct work *w, int fd, const struct ac_aci_build *how,
	     const char *file, struct ac_digest *id, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	struct ac_aci_build dated = *how;
	int r;

	if (ac_edit_check(w->doc, w->doc, err) < 0)
		return -1;
	/* The user's word goes before ours. */
	if (dated.max_mtime < 0 && epoch_get(w, &dated.max_mtime, err) < 0)
		return -1;
	ac_image_write(w->doc, &manifest);
	if (ac_buf_check(&manifest, "the manifest", err) < 0)
		return -1;
	dated.progress = ac_progress_on;
	dated.progress_ctx = ac_progress_new(file, 0);
	r = ac_aci_build(fd, ac_buf_str(&manifest), manifest.len, w->rootfs,
			 &dated, id, err);
	ac_progress_free(dated.progress_ctx);
	return r;
}

/* What is written beside the image, in a file of its own. */
struct beside {
	struct ac_out out;
	char *name;
};
#define BESIDE_INIT ((struct beside){.out = AC_OUT_INIT})

static void beside_release(struct beside *b)
{
	ac_out_release(&b->out);
	free(b->name);
}

static int exists(const char *file, struct ac_err *err)
{
	return ac_err_set(err, AC_E_EXISTS,
			  "ACI already exists: %s; --overwrite replaces it",
			  file);
}

/* Sign the image in FD, which will be FILE. */
static int sign(struct beside *b, const char *file, int fd,
		const struct write_opts *o, struct ac_err *err)
{
	const struct sign_how how = {.local_users = &o->local_users,
				     .key = o->key};
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 20);

	if (!o->sign)
		return 0;
	b->name = sign_name(file, &how, err);
	if (b->name == NULL || sign_fd(fd, &how, &text, err) < 0 ||
	    ac_out_open(&b->out, b->name, o->overwrite, err) < 0)
		return -1;
	return ac_io_write(b->out.fd, text.p, text.len, b->name, err);
}

static int write_rule(struct beside *b, struct work *w, const char *file,
		      const struct write_opts *o, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(256 << 20);

	if (o->depfile == NULL)
		return 0;
	if (ac_out_open(&b->out, o->depfile, true, err) < 0 ||
	    sources_rule(w, file, o->depfile, &text, err) < 0)
		return ac_err_ctx(err, "--depfile");
	if (ac_buf_check(&text, "the rule", err) < 0)
		return -1;
	return ac_io_write(b->out.fd, text.p, text.len, o->depfile, err);
}

static int commit(struct beside *b, struct ac_err *err)
{
	return b->out.fd < 0 ? 0 : ac_out_commit(&b->out, err);
}

/* All or nothing: the image is there last, and when that fails, what stands
 * beside it goes again. */
static int commit_all(struct ac_out *out, struct beside *signature,
		      struct beside *rule, struct ac_err *err)
{
	if (commit(signature, err) < 0)
		return -1;
	if (ac_out_commit(out, err) < 0) {
		if (signature->name != NULL)
			(void)unlink(signature->name);
		return -1;
	}
	return commit(rule, err);
}

static int check_options(const struct ac_call *c, struct ac_err *err)
{
	const struct write_opts *o = c->opts;
	const struct sign_how how = {.key = o->key};
	AC_FREE char *name = NULL;

	if (!o->sign && (o->key != NULL || o->local_users.n != 0))
		return ac_err_set(err, AC_E_USAGE,
				  "--key and --local-user go with --sign");
	if (o->key != NULL && o->local_users.n != 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--key and --local-user exclude each other");
	if (!o->sign)
		return 0;
	name = sign_name(c->argv[0], &how, err);
	if (name == NULL)
		return -1;
	/* Before the work of an image. */
	if (!o->overwrite && access(name, F_OK) == 0)
		return ac_err_set(err, AC_E_EXISTS,
				  "signature already exists: %s; --overwrite "
				  "replaces it",
				  name);
	return 0;
}

/* The same in OCI mode. */
static int write_layout(struct work *w, const char *file,
			const struct write_opts *o, struct ac_err *err)
{
	AC_CLEANUP(beside_release) struct beside rule = BESIDE_INIT;

	if (o->sign)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "--sign is for App Container Images");
	if (write_rule(&rule, w, file, o, err) < 0 ||
	    oci_run_write(w, file, o, err) < 0)
		return -1;
	return commit(&rule, err);
}

int run_write(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct write_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLEANUP(beside_release) struct beside signature = BESIDE_INIT;
	AC_CLEANUP(beside_release) struct beside rule = BESIDE_INIT;
	char text[AC_DIGEST_TEXT];
	struct ac_aci_build how = {0};
	struct ac_digest id;

	if (no_modify(c, err) < 0)
		return -1;
	if (check_options(c, err) < 0 ||
	    ac_buildopt(&how, o->compression, o->level, err) < 0 ||
	    work_open(&w, g, err) < 0)
		return -1;
	history_flush(&w);
	if (w.oci)
		return write_layout(&w, c->argv[0], o, err);
	if (below_whitelist(&w, c, err) < 0 || write_ready(w.doc, err) < 0)
		return -1;
	if (ac_out_open(&out, c->argv[0], o->overwrite, err) < 0)
		return err->code == AC_E_EXISTS ? exists(c->argv[0], err) : -1;
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (write_to(&w, out.fd, &how, c->argv[0], &id, err) < 0 ||
	    sign(&signature, c->argv[0], out.fd, o, err) < 0 ||
	    write_rule(&rule, &w, c->argv[0], o, err) < 0 ||
	    ac_interrupt_check(err) < 0 ||
	    commit_all(&out, &signature, &rule, err) < 0)
		return -1;
	ac_digest_print(&id, '-', text);
	printf("%s\n", text);
	return 0;
}
