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
#include "common/sys/out.h"

const struct ac_opt write_options[] = {
	AC_OPT_BOOL(struct write_opts, overwrite, "overwrite",
		    "replace FILE when it is there already"),
	AC_OPT_CHOICE(struct write_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS, "how to compress, gzip by default"),
	AC_OPT_UINT(struct write_opts, level, "level", "N",
		    "1 (fast) to 9 (small), gzip to 12"),
	AC_OPT_BOOL(struct write_opts, sign, "sign", NULL),
	AC_OPT_END,
};

/* Names that the image must not keep, and what it should have. */
static int check_ready(const struct ac_json *doc, struct ac_err *err)
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

int run_write(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct write_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	char text[AC_DIGEST_TEXT];
	struct ac_aci_build how = {0};
	struct ac_digest id;

	if (no_modify(c, err) < 0)
		return -1;
	if (o->sign)
		return ac_err_set(err, AC_E_INVALID,
				  "the sign flag has been removed, please "
				  "invoke 'actool sign %s'",
				  c->argv[0]);
	if (ac_buildopt(&how, o->compression, o->level, err) < 0 ||
	    work_open(&w, g, err) < 0)
		return -1;
	if (w.oci)
		return oci_run_write(&w, c->argv[0], o, err);
	if (below_whitelist(&w, g->dir, err) < 0 || check_ready(w.doc, err) < 0)
		return -1;
	if (ac_out_open(&out, c->argv[0], o->overwrite, err) < 0)
		return err->code == AC_E_EXISTS
			       ? ac_err_set(err, AC_E_EXISTS,
					    "ACI already exists: %s; "
					    "--overwrite replaces it",
					    c->argv[0])
			       : -1;
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (write_to(&w, out.fd, &how, c->argv[0], &id, err) < 0 ||
	    ac_interrupt_check(err) < 0 || ac_out_commit(&out, err) < 0)
		return -1;
	ac_digest_print(&id, '-', text);
	printf("%s\n", text);
	return 0;
}
