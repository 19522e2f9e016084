/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/push.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acbuild/below.h"
#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/sign.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/codec/digest.h"
#include "common/image/aci.h"
#include "common/store/obtain.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"
#include "common/sys/tree.h"

enum { MAX_SIGNATURE = 1 << 20 };

const struct ac_opt push_options[] = {
	AC_OPT_STRING(struct push_opts, site, "site", "DIR",
		      "publish it in the site DIR"),
	AC_OPT_STRING(struct push_opts, url, "url", "URL",
		      "where the site will be"),
	AC_OPT_BOOL(struct push_opts, sign, "sign",
		    "sign it first (with --site)"),
	AC_OPT_LIST(struct push_opts, local_users, "local-user", "KEY",
		    "with this key of GnuPG (repeat)"),
	AC_OPT_LIST(struct push_opts, keys, "key", "FILE",
		    "publish this public key with it (repeat)"),
	AC_OPT_BOOL(struct push_opts, allow_unsigned, "allow-unsigned",
		    "publish it without a signature"),
	AC_OPT_BOOL(struct push_opts, insecure, "insecure",
		    "do not insist on certificates and https"),
	AC_OPT_END,
};

static int check(const struct ac_call *c, struct ac_err *err)
{
	const struct push_opts *o = c->opts;
	const struct globals *g = c->globals;
	bool registry = c->argc != 0;

	if (registry == (o->site != NULL))
		return ac_err_set(err, AC_E_USAGE,
				  "say where to: --site=DIR, or "
				  "docker://HOST/NAME[:TAG]");
	if (registry && strncmp(c->argv[0], "docker://", 9) != 0)
		return ac_err_set(err, AC_E_USAGE,
				  "'%s' is no place in a registry; it is "
				  "written docker://HOST[:PORT]/NAME[:TAG]",
				  c->argv[0]);
	if (registry && (o->sign || o->url != NULL || o->keys.n != 0 ||
			 o->local_users.n != 0 || o->allow_unsigned))
		return ac_err_set(err, AC_E_USAGE,
				  "--url, --key, --sign, --local-user and "
				  "--allow-unsigned go with --site");
	if (o->local_users.n != 0 && !o->sign)
		return ac_err_set(err, AC_E_USAGE,
				  "--local-user goes with --sign");
	if (o->sign && g->modify != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "an image that is written already is signed "
				  "by 'actool sign %s'",
				  g->modify);
	return 0;
}

static int put_signature(int dirfd, int image, const struct push_opts *o,
			 struct ac_err *err)
{
	const struct sign_how how = {.local_users = &o->local_users};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_SIGNATURE);

	if (sign_fd(image, &how, &b, err) < 0)
		return -1;
	return work_put(dirfd, "image.aci.asc", b.p, b.len, err);
}

/* Write the build to image.aci in the directory DIRFD, signed when it is to
 * be. */
static int put_image(struct work *w, int dirfd, const struct push_opts *o,
		     struct ac_err *err)
{
	AC_CLOSE int fd = openat(dirfd, "image.aci",
				 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	struct ac_aci_build how = {0};

	if (fd < 0)
		return ac_err_sys(err, errno, "create an image to push");
	if (ac_buildopt(&how, NULL, 0, err) < 0 ||
	    write_to(w, fd, &how, "image.aci", NULL, err) < 0)
		return -1;
	return o->sign ? put_signature(dirfd, fd, o, err) : 0;
}

static int push(const struct ac_call *c, const char *file, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct push_opts *o = c->opts;
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;

	ac_strv_take(&argv, ac_spawn_sibling("acfetch"));
	ac_strv_push(&argv, o->site != NULL ? "publish" : "push");
	if (g->dir != NULL)
		ac_strv_pushf(&argv, "--dir=%s", g->dir);
	ac_obtain_config(&g->config, &argv);
	if (o->insecure)
		ac_strv_push(&argv, "--insecure-options=http,tls");
	else if (g->insecure != NULL)
		ac_strv_pushf(&argv, "--insecure-options=%s", g->insecure);
	if (o->url != NULL)
		ac_strv_pushf(&argv, "--url=%s", o->url);
	if (o->allow_unsigned)
		ac_strv_push(&argv, "--allow-unsigned");
	for (size_t i = 0; i < o->keys.n; i++)
		ac_strv_pushf(&argv, "--key=%s", o->keys.v[i]);
	ac_strv_push(&argv, "--");
	if (o->site != NULL)
		ac_strv_push(&argv, o->site);
	ac_strv_push(&argv, file);
	if (o->site == NULL)
		ac_strv_push(&argv, c->argv[0]);
	return ac_spawn_fds(argv.v, NULL, 0, err);
}

/* The build under way as *file in the directory DIRFD, which is DIR. */
static int put(struct work *w, int dirfd, const char *dir,
	       const struct push_opts *o, char **file, struct ac_err *err)
{
	AC_FREE char *layout = NULL;

	if (!w->oci) {
		*file = ac_xasprintf("%s/image.aci", dir);
		return put_image(w, dirfd, o, err);
	}
	*file = ac_xasprintf("%s/layout", dir);
	layout = ac_xasprintf("%s/", *file);
	return oci_write(w, layout, false, true, err);
}

static int make_ready(struct work *w, const struct ac_call *c,
		      struct ac_err *err)
{
	const struct push_opts *o = c->opts;

	if (!w->oci)
		return below_whitelist(w, c, err) < 0
			       ? -1
			       : write_ready(w->doc, err);
	if (o->site != NULL)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "a site has App Container Images; an image "
				  "of mode oci goes to a registry");
	return oci_seal(w, err) < 0 ? -1 : oci_save(w, err);
}

static int push_build(const struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLOSE int staging = -1;
	AC_FREE char *build = NULL;
	AC_FREE char *dir = NULL;
	AC_FREE char *file = NULL;
	struct ac_err ignored = AC_ERR_INIT;
	int r;

	if (work_open(&w, g, err) < 0)
		return -1;
	history_flush(&w);
	if (make_ready(&w, c, err) < 0)
		return -1;
	build = work_path(&w, err);
	staging = build == NULL ? -1 : work_staging(&w, err);
	if (staging < 0)
		return -1;
	dir = ac_xasprintf("%s/staging", build);
	r = put(&w, staging, dir, c->opts, &file, err);
	if (r == 0)
		r = push(c, file, err);
	(void)!ac_tree_remove(w.dir, "staging", &ignored);
	return r;
}

int run_push(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (check(c, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	return g->modify != NULL ? push(c, g->modify, err) : push_build(c, err);
}
