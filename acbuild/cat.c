/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/cat.h"

#include <stdio.h>
#include <string.h>

#include "acbuild/cmd.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"

const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_STRING(struct cat_opts, file, "file", "WHICH",
		      "\"manifest\" (the default), or \"config\" (OCI)"),
	AC_OPT_END,
};

/* HTML: as Go escapes it. */
static int print(const struct ac_json *doc, const struct cat_opts *o, bool html,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4 * AC_ACI_MAX_MANIFEST);

	ac_json_write(doc, o->pretty ? 4 : 0, html, &b);
	if (ac_buf_check(&b, "the manifest", err) < 0)
		return -1;
	printf("%s\n", ac_buf_str(&b));
	return 0;
}

static int unknown(const struct cat_opts *o, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "don't know how to print a \"%s\"",
			  o->file);
}

/* Manifest or configuration of an OCI image. */
static int print_oci(struct work *w, const struct ac_call *c,
		     struct ac_err *err)
{
	const struct cat_opts *o = c->opts;
	AC_JSON struct ac_json *doc = NULL;

	if (o->file != NULL && strcmp(o->file, "config") == 0)
		doc = oci_config(w);
	else if (o->file == NULL || strcmp(o->file, "manifest") == 0)
		doc = oci_manifest(w, err);
	else
		return unknown(o, err);
	return doc == NULL ? -1 : print(doc, o, false, err);
}

/* What was changed last belongs to it. */
static int seal_and_print(struct work *w, const struct ac_call *c,
			  struct ac_err *err)
{
	if (oci_seal(w, err) < 0 || oci_save(w, err) < 0)
		return -1;
	return print_oci(w, c, err);
}

int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct cat_opts *o = c->opts;
	const char *oci = oci_modify_file(g);
	AC_CLEANUP(work_release) struct work w = WORK_INIT;

	if (oci != NULL)
		return oci_modify(c, oci, print_oci, false, err);
	if (g->modify == NULL && work_open(&w, g, err) < 0)
		return -1;
	history_flush(&w);
	if (w.oci)
		return seal_and_print(&w, c, err);
	if (o->file != NULL && strcmp(o->file, "config") == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "can't print config, appc has no image "
				  "configs");
	if (o->file != NULL && strcmp(o->file, "manifest") != 0)
		return unknown(o, err);
	if (g->modify != NULL)
		w.doc = modify_read(g->modify, err);
	return w.doc == NULL ? -1 : print(w.doc, o, true, err);
}
