/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/cmd.h"
#include "acbuild/lock.h"
#include "acbuild/oci.h"
#include "acbuild/script.h"
#include "acbuild/settle.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

int open_dir(int dirfd, const char *path, struct ac_err *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : ac_err_sys(err, errno, "open '%s'", path);
}

static int no_build(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "no build in progress in this working dir - try "
			  "\"acbuild begin\"");
}

/* 1 when buildMode says that there is a build, 0 without it. */
static int has_build(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf mode = AC_BUF_INIT(64);
	struct ac_str is;

	if (ac_io_read_file(w->dir, "buildMode", &mode, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	is = ac_str_trim(ac_str(ac_buf_str(&mode)));
	w->oci = ac_str_eq(is, "oci");
	if (!w->oci && !ac_str_eq(is, "appc"))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the build in progress is of mode '%s', "
				  "neither appc nor oci",
				  ac_buf_str(&mode));
	return 1;
}

int work_appc_only(const struct work *w, const char *what, struct ac_err *err)
{
	if (!w->oci)
		return 0;
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "oci build mode does not support %s", what);
}

int read_file(int dirfd, const char *name, struct ac_buf *out,
	      struct ac_err *err)
{
	int r = strcmp(name, "-") == 0
			? ac_io_slurp(STDIN_FILENO, out, "standard input", err)
			: ac_io_read_file(dirfd, name, out, err);

	if (r < 0 && err->code == AC_E_NOT_FOUND)
		return ac_err_set(err, AC_E_INVALID,
				  "open %s: no such file or directory", name);
	return r;
}

struct ac_json *read_manifest(int dirfd, const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	struct ac_json *doc;

	if (read_file(dirfd, name, &b, err) < 0)
		return NULL;
	doc = ac_json_parse(ac_buf_str(&b), b.len, name, err);
	if (doc != NULL && ac_json_type(doc) != AC_JSON_OBJECT) {
		ac_json_free(doc);
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s' is not a manifest: expected an object",
				 name);
		return NULL;
	}
	return doc;
}

/* Open .acbuild and lock it.  1: there is a build; 0: what was killed. */
static int open_locked(struct work *w, const struct globals *g,
		       struct ac_err *err)
{
	w->base = open_dir(AT_FDCWD, g->work_path != NULL ? g->work_path : ".",
			   err);
	if (w->base < 0)
		return -1;
	w->dir = open_dir(w->base, ".acbuild", err);
	if (w->dir < 0)
		return err->sys == ENOENT ? no_build(err) : -1;
	w->lock = lock_build(w->dir, g->wait, err);
	if (w->lock < 0)
		/* While we waited it was ended. */
		return err->sys == ENOENT ? no_build(err) : -1;
	return has_build(w, err);
}

/* Is it the script's own build, or one that --work-path or --modify on its line
 * names? */
static bool in_script(const struct globals *g)
{
	return g->script != NULL && g->work_path == g->script->path &&
	       g->modify == NULL && g->modify_oci == NULL;
}

/* Take over what the command before had open. */
static int reopen(struct work *w, struct work *home, struct ac_err *err)
{
	const struct ac_config *config = w->config;

	*w = *home;
	*home = WORK_INIT;
	w->home = home;
	w->config = config;
	w->files = false;
	if (w->oci)
		return 0;
	if (w->rootfs < 0)
		w->rootfs = open_dir(w->aci, "rootfs", err);
	return w->rootfs < 0 ? -1 : 0;
}

int work_open(struct work *w, const struct globals *g, struct ac_err *err)
{
	int r;

	w->config = &g->config;
	if (in_script(g) && g->script->work.doc != NULL)
		return reopen(w, &g->script->work, err);
	r = open_locked(w, g, err);
	if (r <= 0)
		return r < 0 ? -1 : no_build(err);
	if (ac_tree_remove(w->dir, "staging", err) < 0)
		return -1;
	w->aci = open_dir(w->dir, "currentaci", err);
	if (w->aci < 0)
		return -1;
	if (w->oci)
		return oci_load(w, err);
	w->rootfs = open_dir(w->aci, "rootfs", err);
	if (w->rootfs < 0)
		return -1;
	w->doc = read_manifest(w->aci, "manifest", err);
	if (w->doc == NULL)
		return -1;
	w->old = ac_json_copy(w->doc);
	return settle_if_needed(w, err);
}

static int already(struct ac_err *err)
{
	return ac_err_set(err, AC_E_EXISTS,
			  "build already in progress in this working dir");
}

int work_create(struct work *w, const struct globals *g, int basefd,
		struct ac_err *err)
{
	int r;

	w->base = basefd;
	w->config = &g->config;
	if (in_script(g) && g->script->work.doc != NULL)
		return already(err);
	w->home = in_script(g) ? &g->script->work : NULL;
	if (mkdirat(w->base, ".acbuild", 0755) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "create '.acbuild'");
	w->dir = open_dir(w->base, ".acbuild", err);
	if (w->dir < 0)
		return -1;
	w->lock = lock_build(w->dir, g->wait, err);
	if (w->lock < 0)
		return -1;
	r = has_build(w, err);
	if (r != 0)
		return r < 0 ? -1 : already(err);
	if (ac_tree_remove(w->dir, "staging", err) < 0 ||
	    ac_tree_remove(w->dir, "ociblobs", err) < 0 ||
	    ac_tree_remove(w->dir, "currentaci", err) < 0)
		return -1;
	if (mkdirat(w->dir, "currentaci", 0755) < 0)
		return ac_err_sys(err, errno, "create '.acbuild/currentaci'");
	w->aci = open_dir(w->dir, "currentaci", err);
	return w->aci < 0 ? -1 : 0;
}

int work_put(int dirfd, const char *name, const char *text, size_t len,
	     struct ac_err *err)
{
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;

	if (ac_atomic_open(&a, dirfd, name, 0644, err) < 0 ||
	    ac_io_write(a.fd, text, len, name, err) < 0)
		return -1;
	/* A build that the power was cut from is begun again. */
	return ac_atomic_commit_unflushed(&a, err);
}

int work_begun(struct work *w, struct ac_err *err)
{
	const char *mode = w->oci ? "oci" : "appc";

	return work_put(w->dir, "buildMode", mode, strlen(mode), err);
}

int work_save(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);

	if (w->oci)
		return oci_save(w, err);
	if (ac_edit_check(w->doc, w->old, err) < 0)
		return -1;
	ac_image_write(w->doc, &b);
	if (ac_buf_check(&b, "the manifest", err) < 0)
		return -1;
	if (w->home == NULL &&
	    work_put(w->aci, "manifest", b.p, b.len, err) < 0)
		return -1;
	ac_json_free(w->old);
	w->old = ac_json_copy(w->doc);
	return 0;
}

int work_save_changed(struct work *w, struct ac_err *err)
{
	return ac_json_equal(w->old, w->doc) ? 0 : work_save(w, err);
}

char *work_path(const struct work *w, struct ac_err *err)
{
	AC_FREE char *link = ac_xasprintf("/proc/self/fd/%d", w->dir);
	char *path = realpath(link, NULL);

	if (path == NULL)
		(void)ac_err_sys(err, errno, "find '.acbuild'");
	return path;
}

int work_destroy(struct work *w, struct ac_err *err)
{
	/* Without buildMode it is no build any more, whatever comes between. */
	if (unlinkat(w->dir, "buildMode", 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '.acbuild/buildMode'");
	return ac_tree_remove(w->base, ".acbuild", err);
}

int work_end(const struct globals *g, struct ac_err *err)
{
	AC_CLEANUP(work_release) struct work w = WORK_INIT;

	if (in_script(g))
		return ac_err_set(err, AC_E_INVALID,
				  "calling end is unnecessary in a script, "
				  "cleanup is done automatically");
	return open_locked(&w, g, err) < 0 ? -1 : work_destroy(&w, err);
}

int work_staging(struct work *w, struct ac_err *err)
{
	if (ac_tree_remove(w->dir, "staging", err) < 0)
		return -1;
	if (mkdirat(w->dir, "staging", 0700) < 0)
		return ac_err_sys(err, errno, "create '.acbuild/staging'");
	return open_dir(w->dir, "staging", err);
}

void work_release(struct work *w)
{
	int fds[] = {w->rootfs, w->aci, w->lock, w->dir, w->base};

	if (w->home != NULL) {
		struct work *home = w->home;

		*home = *w;
		home->home = NULL;
		*w = WORK_INIT;
		return;
	}
	ac_json_free(w->doc);
	ac_json_free(w->old);
	oci_lower_free(w->lower);
	ac_strv_release(&w->notes);
	for (size_t i = 0; i < AC_LEN(fds); i++)
		ac_own_closep(&fds[i]);
	*w = WORK_INIT;
}
