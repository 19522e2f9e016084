/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/acifile.h"
#include "common/image/acipatch.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"

#define EDIT(m, name, arg, help) \
	AC_OPT_LIST(struct patch_opts, edits.m, name, arg, help)

/* clang-format off */
const struct ac_opt patch_options[] = {
	AC_OPT_STRING(struct patch_opts, manifest, "manifest", "FILE",
		      "put this manifest in, and no other edits"),
	EDIT(name, "name", "NAME", "replace the name"),
	EDIT(labels, "label", "NAME=VALUE", "set a label (repeat)"),
	EDIT(no_labels, "remove-label", "NAME", "remove a label (repeat)"),
	EDIT(annotations, "annotation", "NAME=VALUE",
	     "set an annotation (repeat)"),
	EDIT(no_annotations, "remove-annotation", "NAME",
	     "remove an annotation (repeat)"),
	EDIT(dependencies, "dependency", "NAME[,LABEL=VALUE...]",
	     "set a dependency, also with imageID= and size= (repeat)"),
	EDIT(no_dependencies, "remove-dependency", "NAME",
	     "remove a dependency (repeat)"),
	EDIT(whitelist, "path-whitelist", "PATH",
	     "add a path to the whitelist (repeat)"),
	EDIT(no_whitelist, "remove-path-whitelist", "PATH",
	     "remove a path from it (repeat)"),
	EDIT(exec, "exec", "COMMAND", "replace the command; spaces part it"),
	EDIT(exec_arg, "exec-arg", "WORD",
	     "replace the command, word by word (repeat)"),
	EDIT(user, "user", "USER", "replace the user"),
	EDIT(group, "group", "GROUP", "replace the group"),
	EDIT(groups, "supplementary-groups", "GID,...",
	     "replace the supplementary groups"),
	EDIT(directory, "working-directory", "PATH",
	     "replace the working directory; empty: remove it"),
	EDIT(environment, "environment", "NAME=VALUE",
	     "set a variable (repeat)"),
	EDIT(no_environment, "remove-environment", "NAME",
	     "remove a variable (repeat)"),
	EDIT(handlers, "event-handler", "EVENT=COMMAND",
	     "set the command of pre-start or post-stop (repeat)"),
	EDIT(no_handlers, "remove-event-handler", "EVENT", "remove it"),
	EDIT(mounts, "mounts", "NAME,path=PATH[,readOnly=true][:...]",
	     "set mount points (repeat)"),
	EDIT(no_mounts, "remove-mount", "NAME",
	     "remove a mount point (repeat)"),
	EDIT(ports, "ports", "NAME,protocol=P,port=N[,count=N][:...]",
	     "set ports (repeat)"),
	EDIT(no_ports, "remove-port", "NAME", "remove a port (repeat)"),
	EDIT(isolators, "isolators", "NAME,KEY=VALUE...[:...]|NAME=JSON",
	     "set isolators (repeat)"),
	EDIT(no_isolators, "remove-isolator", "NAME",
	     "remove an isolator (repeat)"),
	EDIT(capability, "capability", "CAP,...",
	     "the app has these capabilities"),
	EDIT(revoke, "revoke-capability", "CAP,...",
	     "the app loses these capabilities"),
	EDIT(seccomp_mode, "seccomp-mode", "remove|retain[,errno=E]",
	     "set the seccomp isolator..."),
	EDIT(seccomp_set, "seccomp-set", "CALL,...",
	     "...with these system calls"),
	EDIT(user_annotations, "user-annotation", "NAME=VALUE",
	     "set a user annotation (repeat)"),
	EDIT(no_user_annotations, "remove-user-annotation", "NAME",
	     "remove a user annotation (repeat)"),
	EDIT(user_labels, "user-label", "NAME=VALUE",
	     "set a user label (repeat)"),
	EDIT(no_user_labels, "remove-user-label", "NAME",
	     "remove a user label (repeat)"),
	AC_OPT_BOOL(struct patch_opts, replace, "replace",
		    "replace IN.aci itself"),
	AC_OPT_BOOL(struct patch_opts, overwrite, "overwrite",
		    "replace OUT.aci when it is there already"),
	AC_OPT_BOOL(struct patch_opts, no_compression, "no-compression",
		    "the same as --compression none"),
	AC_OPT_CHOICE(struct patch_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS,
		      "how to compress the result, by default as IN.aci"),
	AC_OPT_UINT(struct patch_opts, level, "level", "N",
		    "compress all again: 1 (fast) to 9, gzip to 12"),
	AC_OPT_BOOL(struct patch_opts, verify, "verify",
		    "read the result to its end before it replaces anything"),
	AC_OPT_BOOL(struct patch_opts, print_id, "print-id",
		    "print the id of the result, which reads it, too"),
	AC_OPT_END,
};
/* clang-format on */

const char patch_about[] =
	"The rest of the image stays as it is.  An element of a list is set in "
	"the\nplace of the one with its name, or at the end; removals come "
	"first.";

/* One patch under way. */
struct patch {
	const struct patch_opts *o;
	const char *in, *target;
	struct ac_aci_patch *image; /* owned */
	struct ac_buf text;         /* the new manifest */
	bool changed;               /* it is another one */
	struct ac_aci_patch_zip zip;
	bool again; /* compress all */
};

static void release(struct patch *p)
{
	ac_aci_patch_free(p->image);
	ac_buf_release(&p->text);
}

static int check_call(const struct ac_call *c, struct ac_err *err)
{
	const struct patch_opts *o = c->opts;
	const char *slash;
	const char *dot;

	if (o->replace && o->overwrite)
		return ac_err_set(err, AC_E_INVALID,
				  "Cannot use both --replace and --overwrite");
	if (o->replace && c->argc != 1)
		return ac_err_set(err, AC_E_INVALID, "Must provide one file");
	if (!o->replace && c->argc != 2)
		return ac_err_set(err, AC_E_INVALID,
				  "Must provide input and output files (or use "
				  "--replace)");
	if (o->manifest != NULL && patch_edits_any(&o->edits))
		return ac_err_set(err, AC_E_INVALID,
				  "--manifest is incompatible with other "
				  "manifest editing options");
	if (o->replace)
		return 0;
	slash = strrchr(c->argv[1], '/');
	dot = strrchr(slash != NULL ? slash : c->argv[1], '.');
	if (dot == NULL || strcmp(dot, ".aci") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "Extension must be .aci (given %s)",
				  dot != NULL ? dot : "");
	return 0;
}

static int choose_zip(struct patch *p, struct ac_err *err)
{
	const struct patch_opts *o = p->o;
	enum ac_zip format = ac_aci_patch_format(p->image);
	struct ac_aci_build how = {.zip = AC_ZIP_NONE};

	if (!o->no_compression && o->compression == NULL && o->level == 0)
		return 0;
	if (ac_buildopt(&how,
			o->no_compression        ? "none"
			: o->compression != NULL ? o->compression
						 : ac_zip_name(format),
			o->level, err) < 0)
		return -1;
	p->zip.format = how.zip;
	p->zip.level = how.level;
	p->again =
		how.zip != format || (o->level != 0 && how.zip != AC_ZIP_NONE);
	return 0;
}

/* --manifest: the file as it is. */
static int read_manifest(struct patch *p, const struct ac_json *old,
			 struct ac_err *err)
{
	const char *file = p->o->manifest;
	AC_JSON struct ac_json *doc = NULL;
	const char *was;
	size_t len;
	int r = strcmp(file, "-") == 0
			? ac_io_slurp(STDIN_FILENO, &p->text, "-", err)
			: ac_io_read_file(AT_FDCWD, file, &p->text, err);

	if (r < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&p->text), p->text.len, file, err);
	if (doc == NULL)
		return -1;
	if (ac_edit_check(doc, old, err) < 0)
		return ac_err_ctx(err, "--manifest: '%s'", file);
	was = ac_aci_patch_text(p->image, &len);
	p->changed = len != p->text.len ||
		     memcmp(was, ac_buf_str(&p->text), len) != 0;
	return 0;
}

static int edit(struct patch *p, struct ac_err *err)
{
	AC_JSON struct ac_json *doc = NULL;
	AC_JSON struct ac_json *old = NULL;
	struct ac_err why = AC_ERR_INIT;
	const char *was;
	size_t len;

	was = ac_aci_patch_text(p->image, &len);
	old = ac_json_parse(was, len, "manifest", &why);
	if (p->o->manifest != NULL)
		return read_manifest(p, old, err);
	if (old == NULL || ac_json_type(old) != AC_JSON_OBJECT) {
		*err = why;
		return old == NULL ? -1
				   : ac_err_set(err, AC_E_INVALID,
						"the manifest is not an "
						"object");
	}
	doc = ac_json_copy(old);
	if (patch_edit(doc, &p->o->edits, err) < 0 ||
	    ac_edit_check(doc, old, err) < 0)
		return -1;
	p->changed = !ac_json_equal(doc, old);
	ac_image_write(doc, &p->text);
	return ac_buf_check(&p->text, "the manifest", err);
}

/* --verify, --print-id: read FD, the image, to its end. */
static int read_result(const struct patch *p, int fd, struct ac_digest *id,
		       struct ac_err *err)
{
	static const struct ac_aci_events none = {.overlay_ok = true};

	if (!p->o->verify && !p->o->print_id)
		return 0;
	return ac_aci_read_fd(fd, p->target, &none, id, NULL, err);
}

static int open_target(const struct patch *p, struct ac_out *out,
		       struct ac_err *err)
{
	if (p->o->replace)
		return ac_out_replace(out, p->target, err);
	if (ac_out_open(out, p->target, p->o->overwrite, err) == 0)
		return 0;
	return err->code == AC_E_EXISTS
		       ? ac_err_set(err, AC_E_EXISTS,
				    "Output file exists (try --overwrite): %s",
				    p->target)
		       : -1;
}

static int write_image(const struct patch *p, struct ac_digest *id,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;

	if (open_target(p, &out, err) < 0 ||
	    ac_aci_patch_write(p->image,
			       p->changed ? ac_buf_str(&p->text) : NULL,
			       p->text.len, p->again ? &p->zip : NULL, out.fd,
			       err) < 0 ||
	    read_result(p, out.fd, id, err) < 0 || ac_interrupt_check(err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

int run_patch(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct patch p = {.o = c->opts,
			  .text = AC_BUF_INIT(AC_ACI_MAX_MANIFEST)};
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	char text[AC_DIGEST_TEXT];
	struct ac_digest id;
	int r;

	if (check_call(c, err) < 0 || ac_config_limits(NULL, NULL, err) < 0)
		return -1;
	p.in = c->argv[0];
	p.target = c->argv[p.o->replace ? 0 : 1];
	f = ac_aci_file_open(p.in, NULL, err);
	if (f == NULL)
		return -1;
	p.image = ac_aci_patch_open(ac_aci_file_fd(f), p.in, err);
	if (p.image == NULL)
		return ac_err_ctx(err, "Unable to read %s", p.in);
	if (edit(&p, err) < 0)
		return ac_err_ctx(err, "%s", p.in);
	if (choose_zip(&p, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	/* What is as it was need not be written over itself. */
	r = p.o->replace && !p.changed && !p.again
		    ? read_result(&p, ac_aci_file_fd(f), &id, err)
		    : write_image(&p, &id, err);
	if (r < 0)
		return -1;
	if (!p.o->replace || p.changed || p.again)
		ac_aci_patch_warn(p.target);
	if (p.o->print_id) {
		ac_digest_print(&id, '-', text);
		(void)puts(text);
	}
	return 0;
}
