/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/squash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/below.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/deps.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/removed.h"
#include "acbuild/work.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/image/edit.h"
#include "common/store/obtain.h"
#include "common/store/render.h"
#include "common/sys/interrupt.h"
#include "common/sys/tree.h"

const struct ac_opt squash_options[] = {
	AC_OPT_BOOL(struct squash_opts, insecure, "insecure",
		    "fetch without signatures, certificates or https"),
	AC_OPT_END,
};

/* The whole root of BUILD as the new directory NAME in DIRFD. */
static int render(const struct work *w, const struct ac_store *s,
		  const struct ac_record *build, int dirfd, const char *name,
		  struct ac_err *err)
{
	AC_CLOSE int fd = -1;

	if (mkdirat(dirfd, name, 0755) < 0)
		return ac_err_sys(err, errno, "create '.acbuild/staging/%s'",
				  name);
	fd = open_dir(dirfd, name, err);
	if (fd < 0)
		return -1;
	return ac_render_under(s, build, w->rootfs, fd, err);
}

/* The tree NAME in DIRFD becomes the rootfs.  Whoever is killed between this
 * and the new manifest can squash again: the same comes of it. */
static int replace_rootfs(struct work *w, int dirfd, const char *name,
			  struct ac_err *err)
{
	int fd = open_dir(dirfd, name, err);

	if (fd < 0)
		return -1;
	if (renameat2(dirfd, name, w->aci, "rootfs", RENAME_EXCHANGE) < 0) {
		(void)close(fd);
		return ac_err_sys(err, errno, "replace the rootfs");
	}
	(void)close(w->rootfs);
	w->rootfs = fd;
	return ac_tree_remove(dirfd, name, err);
}

static int squash_from(struct work *w, struct ac_obtain *from,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record build = AC_RECORD_INIT;
	AC_CLOSE int staging = -1;

	if (deps_obtain(w->doc, from, &build, err) < 0)
		return -1;
	if (build.image.n_deps == 0 && build.image.whitelist.n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "nothing to squash: the image has no "
				  "dependencies and no path whitelist");
	staging = work_staging(w, err);
	if (staging < 0 ||
	    render(w, &from->store, &build, staging, "rootfs", err) < 0 ||
	    ac_interrupt_check(err) < 0 ||
	    replace_rootfs(w, staging, "rootfs", err) < 0)
		return -1;
	if (removed_forget(w, err) < 0)
		return -1;
	ac_edit_del(w->doc, "dependencies");
	ac_edit_del(w->doc, "pathWhitelist");
	return 0;
}

static int squash(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	const struct squash_opts *o = c->opts;
	struct ac_obtain from = deps_source(c, o->insecure);
	int ret;

	if (w->oci)
		return oci_squash(w, err);
	ret = below_whitelist(w, c, err);
	if (ret == 0)
		ret = squash_from(w, &from, err);
	ac_store_release(&from.store);
	return ret < 0 ? deps_failed(err) : 0;
}

int run_squash(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const char *oci;

	(void)ac_interrupt_catch();
	oci = oci_modify_file(g);
	if (oci != NULL)
		return oci_modify(c, oci, squash, true, err);
	return g->modify != NULL ? modify_files(c, squash, err)
				 : change(c, squash, err);
}
