/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/begin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/begin_image.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/deps.h"
#include "acbuild/oci.h"
#include "acbuild/place.h"
#include "acbuild/script.h"
#include "acbuild/sources.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/limitopt.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/image/edit.h"
#include "common/store/config.h"
#include "common/store/obtain.h"
#include "common/sys/interrupt.h"

const struct ac_opt begin_options[] = {
	AC_OPT_BOOL(struct begin_opts, insecure, "insecure",
		    "fetch without signatures, certificates or https"),
	AC_OPT_STRING(struct begin_opts, build_mode, "build-mode", "MODE",
		      "\"appc\" (the default) or \"oci\""),
	AC_OPT_PASSPHRASE(struct begin_opts, passphrase_fd),
	AC_OPT_LIMIT(struct begin_opts, limits),
	AC_OPT_END,
};

static int begin_empty(struct work *w, struct ac_err *err)
{
	AC_CLOSE int parent = begin_parent(w, err);
	AC_CLOSE int fd = -1;

	if (parent < 0)
		return -1;
	w->doc = ac_image_new(UNNAMED);
	fd = make_dir(parent, "rootfs", err);
	return fd < 0 ? -1 : 0;
}

static bool is_local(const char *start)
{
	return start[0] == '.' || start[0] == '/';
}

static int fill(struct work *w, const struct ac_call *c,
		struct ac_secret *secret, struct ac_err *err)
{
	const struct begin_opts *o = c->opts;
	const char *start = c->argc != 0 ? c->argv[0] : NULL;
	struct ac_obtain from = deps_source(c, o->insecure);
	int ret;

	from.secret = secret;
	from.limits = &o->limits;
	if (start == NULL)
		return begin_empty(w, err);
	if (geteuid() != 0 && !w->oci)
		ac_warn("not root: all files of the image will belong to user "
			"and group 0, whatever '%s' says",
			start);
	if (is_local(start))
		return begin_from(w, start, secret, err);
	ret = begin_image(w, &from, start, err);
	ac_store_release(&from.store);
	return ret;
}

/* What a killed begin noted does not count. */
static int note_sources(struct work *w, const struct ac_call *c,
			struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (unlinkat(w->dir, "sources", 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '.acbuild/sources'");
	if (g->script != NULL && g->script->file != NULL &&
	    sources_add(w, g->script->file, err) < 0)
		return -1;
	return sources_of_call(w, c, err);
}

int run_begin(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct begin_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	struct ac_err ignored = AC_ERR_INIT;
	int base;

	if (no_modify(c, err) < 0 ||
	    ac_config_limits(&g->config, &o->limits, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (o->build_mode != NULL && strcmp(o->build_mode, "appc") != 0 &&
	    strcmp(o->build_mode, "oci") != 0)
		return ac_err_set(err, AC_E_INVALID, "invalid build mode: %s",
				  o->build_mode);
	base = open_dir(AT_FDCWD, g->work_path != NULL ? g->work_path : ".",
			err);
	if (base < 0 || work_create(&w, g, base, err) < 0)
		return -1;
	w.oci = o->build_mode != NULL && strcmp(o->build_mode, "oci") == 0;
	(void)ac_interrupt_catch();
	if (fill(&w, c, &secret, err) < 0 || note_sources(&w, c, err) < 0 ||
	    (w.oci && !oci_begun(&w) && oci_adopt(&w, c->argc != 0, err) < 0) ||
	    work_save(&w, err) < 0 || ac_interrupt_check(err) < 0 ||
	    work_begun(&w, err) < 0) {
		if (work_destroy(&w, &ignored) < 0)
			ac_warn("%s", ignored.msg);
		return -1;
	}
	return 0;
}

int run_end(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	return no_modify(c, err) < 0 ? -1 : work_end(g, err);
}
