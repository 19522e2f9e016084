/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/limitopt.h"
#include "common/cli/print.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/image/name.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "common/sys/out.h"
#include "common/sys/path.h"
#include "convert/cmd.h"
#include "convert/confine.h"
#include "convert/squash.h"

const char to_aci_about[] =
	"INPUT is an OCI layout (a directory or a tar), an archive of\n"
	"'docker save', both perhaps compressed, '-' for one of these on\n"
	"standard input, or an OCI image of the store: store:REF, an id, or a\n"
	"reference it was pulled by.  All its layers become one ACI.\n"
	"\n"
	"OUTPUT is a file that ends in .aci, or a directory.  Without it the\n"
	"file is made in the current directory and called after the image:\n"
	"library/busybox:1.36 becomes library-busybox-1.36.aci.\n"
	"\n"
	"Pipes and compressed archives are decompressed to a temporary file in\n"
	"$TMPDIR first, because blobs may stand in any order.\n";

const struct ac_opt to_aci_opts[] = {
	AC_OPT_STRING(struct to_aci_opts, image, "image", "NAME[:TAG]",
		      "which one, when there are several"),
	AC_OPT_STRING(struct to_aci_opts, name, "name", "NAME",
		      "the name of the ACI; default: from the image's "
		      "reference or the file's name"),
	AC_OPT_STRING(struct to_aci_opts, platform, "platform",
		      "OS/ARCH[/VARIANT]",
		      "of a multi-platform image, such as linux/arm64; "
		      "default: this machine's"),
	AC_OPT_CHOICE(struct to_aci_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS, "how to compress, gzip by default"),
	AC_OPT_UINT(struct to_aci_opts, level, "level", "N",
		    "how hard to compress: 1 to 9, gzip to 12; default: 6"),
	AC_OPT_BOOL(struct to_aci_opts, overwrite, "overwrite",
		    "replace OUTPUT when it is there"),
	AC_OPT_LIMIT(struct to_aci_opts, limits),
	AC_OPT_END,
};

/* One conversion. */
struct job {
	const struct to_aci_opts *o;
	struct ac_ocisrc source;
	struct ac_ociimg image;
	struct ac_image manifest;
	struct ac_buf text; /* of the manifest */
	struct ac_aci_build build;
	char *path; /* of the output; owned */
	struct ac_out out;
};

static void release(struct job *j)
{
	ac_ocisrc_release(&j->source);
	ac_ociimg_release(&j->image);
	ac_image_release(&j->manifest);
	ac_buf_release(&j->text);
	free(j->path);
	ac_out_release(&j->out);
}

/* "library-busybox-latest.aci", as docker2aci called it. */
static char *default_name(const struct job *j)
{
	const struct ac_ociimg *im = &j->image;
	const char *base = im->repository != NULL && j->o->name == NULL
				   ? im->repository
				   : im->name;
	char *file =
		ac_xasprintf("%s%s%s.aci", base, im->tag != NULL ? "-" : "",
			     im->tag != NULL ? im->tag : "");

	for (char *p = file; *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	return file;
}

static int set_path(struct job *j, const char *output, struct ac_err *err)
{
	AC_FREE char *name = default_name(j);
	struct stat st;
	size_t n;

	if (output == NULL) {
		j->path = ac_steal_ptr(&name);
		return 0;
	}
	if (stat(output, &st) == 0 && S_ISDIR(st.st_mode)) {
		j->path = ac_path_join(output, name);
		return 0;
	}
	n = strlen(output);
	if (n <= 4 || strcmp(output + n - 4, ".aci") != 0)
		return ac_err_set(err, AC_E_USAGE,
				  "the name of an image must end in .aci, not "
				  "'%s'",
				  output);
	j->path = ac_xstrdup(output);
	return 0;
}

static int make_manifest(struct job *j, struct ac_err *err)
{
	const struct ac_ociimg *im = &j->image;
	const struct ac_oci_source src = {
		.name = im->name,
		.tag = im->tag,
		.original = im->original,
		.registry = im->registry,
		.repository = im->repository,
		.manifest_digest = im->manifest_digest,
		.image_id = im->image_id,
	};
	struct ac_json *doc = ac_oci_to_appc(&im->config, &src, err);
	struct ac_findings f = {.v = NULL};
	int ret;

	if (doc == NULL)
		return ac_err_ctx(err, "image configuration");
	ret = ac_image_load(&j->manifest, doc, &f, err);
	for (size_t i = 0; i < f.n; i++)
		ac_debug("%s: %s (%s)", f.v[i].path, f.v[i].text, f.v[i].rule);
	ac_findings_release(&f);
	if (ret < 0)
		return ac_err_ctx(err, "the converted manifest");
	ac_image_write(j->manifest.doc, &j->text);
	return ac_buf_check(&j->text, "the manifest", err);
}

/* One try: as squash. */
static int write_once(struct job *j, struct aliases *a, struct ac_digest *id,
		      struct ac_err *err)
{
	struct ac_aci_writer *w =
		ac_aci_writer_new(j->out.fd, j->build.zip, j->build.level);
	int ret;

	if (id != NULL)
		ac_aci_writer_identify(w);
	ret = ac_aci_write_manifest(w, j->text.p, j->text.len, 0, err);
	if (ret == 0)
		ret = squash(&j->image, &j->source, a, w, err);
	if (ret == 0)
		ret = ac_aci_writer_finish(w, id, err);
	ac_aci_writer_free(w);
	return ret;
}

static int write_image(struct job *j, struct ac_digest *id, struct ac_err *err)
{
	AC_CLEANUP(aliases_release) struct aliases a = {.v = NULL};
	int ret;

	while ((ret = write_once(j, &a, id, err)) > 0 && a.n != 0) {
		ac_debug("'%s' is a link below, beginning anew",
			 a.v[a.n - 1].from);
		if (lseek(j->out.fd, 0, SEEK_SET) < 0 ||
		    ftruncate(j->out.fd, 0) < 0)
			return ac_err_sys(err, errno, "rewind '%s'", j->path);
	}
	return ret;
}

static void print_human(const struct job *j)
{
	const struct ac_app *app = &j->manifest.app;

	if (app->n_mounts != 0)
		printf("\nConverted volumes:\n");
	for (size_t i = 0; i < app->n_mounts; i++)
		printf("\tname: \"%s\", path: \"%s\", readOnly: %s\n",
		       app->mounts[i].name, app->mounts[i].path,
		       app->mounts[i].read_only ? "true" : "false");
	if (app->n_ports != 0)
		printf("\nConverted ports:\n");
	for (size_t i = 0; i < app->n_ports; i++) {
		const struct ac_port *p = &app->ports[i];

		printf("\tname: \"%s\", protocol: \"%s\", port: %u, count: %u, "
		       "socketActivated: %s\n",
		       p->name, p->protocol, p->port, p->count,
		       p->socket_activated ? "true" : "false");
	}
	printf("\nGenerated ACI(s):\n%s\n", j->path);
}

static int print_json(const struct job *j, const struct ac_digest *id,
		      struct ac_err *err)
{
	AC_JSON struct ac_json *o = ac_json_object();
	char text[AC_DIGEST_TEXT];

	ac_digest_print(id, '-', text);
	ac_json_set_str(o, "file", j->path);
	ac_json_set_str(o, "id", text);
	ac_json_set_str(o, "name", j->image.name);
	if (j->image.tag != NULL)
		ac_json_set_str(o, "version", j->image.tag);
	return ac_print_json(o, 0, err);
}

static int convert(struct job *j, const struct ac_call *call,
		   struct ac_digest *id, struct ac_err *err)
{
	const struct globals *g = call->globals;
	const struct ac_ociimg_choice choice = {
		.image = j->o->image,
		.name = j->o->name,
		.platform = j->o->platform,
	};

	if (ac_config_limits(NULL, &j->o->limits, err) < 0 ||
	    ac_buildopt(&j->build, j->o->compression, j->o->level, err) < 0)
		return -1;
	if (j->o->name != NULL &&
	    ac_identifier_check(j->o->name, AC_NAME_STRICT, err) < 0) {
		err->code = AC_E_USAGE;
		return ac_err_ctx(err, "--name '%s'", j->o->name);
	}
	if (confine(call->argv[0], call->argc > 1 ? call->argv[1] : "x", g->dir,
		    err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	if (ac_ocisrc_open(&j->source, call->argv[0], g->dir, err) < 0 ||
	    ac_ociimg_pick(&j->image, &j->source, &choice, err) < 0 ||
	    make_manifest(j, err) < 0 ||
	    set_path(j, call->argc > 1 ? call->argv[1] : NULL, err) < 0 ||
	    ac_out_open(&j->out, j->path, j->o->overwrite, err) < 0)
		return -1;
	if (write_image(j, id, err) < 0)
		return ac_err_ctx(err, "'%s'", call->argv[0]);
	return ac_out_commit(&j->out, err);
}

int to_aci_run(struct ac_call *call, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct job j = {
		.o = call->opts,
		.source = AC_OCISRC_INIT,
		.image = AC_OCIIMG_INIT,
		.manifest = AC_IMAGE_INIT,
		.text = AC_BUF_INIT(AC_ACI_MAX_MANIFEST),
		.out = AC_OUT_INIT,
	};
	const struct globals *g = call->globals;
	struct ac_digest id;

	if (convert(&j, call, g->json ? &id : NULL, err) < 0)
		return -1;
	if (g->json)
		return print_json(&j, &id, err);
	print_human(&j);
	return 0;
}
