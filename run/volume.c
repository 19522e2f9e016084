/* SPDX-License-Identifier: Apache-2.0 */
#include "run/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/image/pod.h"
#include "common/sys/path.h"
#include "run/poddir.h"

enum { MAX_MOUNTS = 4096 };

static const struct ac_volume *find(const struct ac_pod *pod, const char *name)
{
	for (size_t i = 0; i < pod->n_volumes; i++)
		if (strcmp(pod->volumes[i].name, name) == 0)
			return &pod->volumes[i];
	return NULL;
}

/* "/a/b" without surprises; what the engine mounts itself is not to be
 * covered. */
static char *clean_target(const char *path, struct ac_err *err)
{
	AC_FREE char *clean = NULL;

	if (path[0] == '/' && !ac_path_has_dotdot(path))
		clean = ac_path_clean(path);
	if (clean == NULL || clean[0] == '\0') {
		(void)ac_err_set(err, AC_E_INVALID,
				 "mount point '%s' is not an absolute path "
				 "below the root",
				 path);
		return NULL;
	}
	if (ac_path_within(clean, "proc") || ac_path_within(clean, "sys") ||
	    strcmp(clean, "dev") == 0) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "mount point '%s' lies in a tree of the pod's "
				 "own (/proc, /sys, /dev)",
				 path);
		return NULL;
	}
	return ac_xasprintf("/%s", clean);
}

static bool is_taken(const struct volumes *v, const char *target)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i].target, target) == 0)
			return true;
	return false;
}

/* A path of the host that is what it says: a link on the way could be turned
 * elsewhere by whoever may write there. */
static int open_host(const char *source, struct ac_err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, AT_FDCWD, source, &how, sizeof(how));
	AC_FREE char *real = NULL;

	if (fd >= 0)
		return (int)fd;
	if (errno != ELOOP)
		return ac_err_sys(err, errno, "open the volume's source '%s'",
				  source);
	real = realpath(source, NULL);
	return ac_err_set(err, AC_E_INVALID,
			  "the volume's source '%s' leads through a symbolic "
			  "link; give the real path%s%s%s",
			  source, real != NULL ? " '" : "",
			  real != NULL ? real : "", real != NULL ? "'" : "");
}

/* The pod's directory for an empty volume, made by the first who asks. */
static int open_empty(const struct ac_volume *v, const struct pod_dir *dir,
		      struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("volume-%s", v->name);
	AC_CLOSE int fd = -1;
	uint64_t mode = 0755;
	bool made = mkdirat(dir->fd, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return ac_err_sys(err, errno, "make the volume '%s'", v->name);
	fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the volume '%s'", v->name);
	if (!made)
		return ac_steal_fd(&fd);
	if (v->mode != NULL &&
	    (ac_num_octal(ac_str(v->mode), &mode) < 0 || mode > 07777))
		return ac_err_set(err, AC_E_INVALID,
				  "volume '%s': bad mode '%s'", v->name,
				  v->mode);
	if ((v->uid != 0 || v->gid != 0) &&
	    fchown(fd, (uid_t)v->uid, (gid_t)v->gid) < 0)
		return ac_err_sys(err, errno,
				  "give the volume '%s' to %lld:"
				  "%lld",
				  v->name, (long long)v->uid,
				  (long long)v->gid);
	if (fchmod(fd, (mode_t)mode) < 0)
		return ac_err_sys(err, errno, "set the mode of volume '%s'",
				  v->name);
	return ac_steal_fd(&fd);
}

static int add(struct volumes *out, const struct ac_volume *v, const char *path,
	       bool read_only, const struct pod_dir *dir, struct ac_err *err)
{
	AC_FREE char *target = clean_target(path, err);
	struct sb_mount m = {.source = -1};
	struct stat st;

	if (target == NULL)
		return -1;
	if (is_taken(out, target))
		return ac_err_set(err, AC_E_INVALID,
				  "two mounts on '%s'; a mount point takes one",
				  target);
	m.source =
		v->host ? open_host(v->source, err) : open_empty(v, dir, err);
	if (m.source < 0)
		return -1;
	out->v = ac_xrealloc(out->v, out->n + 1, sizeof(*out->v));
	if (fstat(m.source, &st) < 0)
		st.st_mode = S_IFDIR;
	m.what = v->host ? v->source : v->name;
	m.is_dir = S_ISDIR(st.st_mode);
	m.device = v->host && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
	m.read_only = v->read_only >= 0 ? v->read_only != 0 : read_only;
	m.recursive = v->host && m.is_dir && v->recursive != 0;
	m.target = ac_steal_ptr(&target);
	out->v[out->n++] = m;
	return 0;
}

static int asked_for(struct volumes *out, const struct ac_pod *pod,
		     const struct ac_pod_app *app, const struct pod_dir *dir,
		     struct ac_err *err)
{
	for (size_t i = 0; i < app->n_mounts; i++) {
		const struct ac_pod_mount *m = &app->mounts[i];
		const struct ac_volume *v = m->has_app_volume
						    ? &m->app_volume
						    : find(pod, m->volume);

		if (v == NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "dangling mount point \"%s\": volume "
					  "\"%s\" not found",
					  m->path, m->volume);
		if (add(out, v, m->path, false, dir, err) < 0)
			return -1;
	}
	return 0;
}

static int left_over(struct volumes *out, const struct ac_pod *pod,
		     const struct ac_pod_app *app, bool keep_content,
		     const struct pod_dir *dir, struct ac_err *err)
{
	for (size_t i = 0; i < app->app.n_mounts; i++) {
		const struct ac_mount_point *m = &app->app.mounts[i];
		const struct ac_volume *v = find(pod, m->name);
		AC_FREE char *target = clean_target(m->path, err);
		AC_FREE char *own = NULL;
		struct ac_volume empty = {.read_only = -1, .recursive = -1};

		if (target == NULL)
			return -1;
		if (is_taken(out, target))
			continue;
		if (v == NULL && keep_content)
			continue;
		if (v == NULL) {
			ac_warn("app '%s': no volume for the mount point "
				"\"%s\": it gets an empty one",
				app->name, m->name);
			empty.name = own =
				ac_xasprintf("%s-%s", app->name, m->name);
			v = &empty;
		}
		if (add(out, v, m->path, m->read_only, dir, err) < 0)
			return -1;
		if (v == &empty)
			out->v[out->n - 1].what = m->name;
	}
	return 0;
}

/* Each may be a directory on the disk, and is two descriptors and a mount: with
 * 20,000 a pod took half a minute to begin, where so many could be. */
static int check_number(const struct ac_pod_app *app, struct ac_err *err)
{
	size_t n = app->app.n_mounts + app->n_mounts;

	if (n <= MAX_MOUNTS)
		return 0;
	return ac_err_set(err, AC_E_LIMIT,
			  "%zu mount points and mounts; an app may have %d", n,
			  MAX_MOUNTS);
}

static int by_target(const void *a, const void *b)
{
	return strcmp(((const struct sb_mount *)a)->target,
		      ((const struct sb_mount *)b)->target);
}

int volumes_open(struct volumes *out, const struct ac_pod *pod,
		 const struct ac_pod_app *app, bool keep_content,
		 const struct pod_dir *dir, struct ac_err *err)
{
	if (check_number(app, err) < 0 ||
	    asked_for(out, pod, app, dir, err) < 0 ||
	    left_over(out, pod, app, keep_content, dir, err) < 0)
		return ac_err_ctx(err, "app '%s'", app->name);
	/* "/a" comes before "/a/b". */
	if (out->n > 1)
		qsort(out->v, out->n, sizeof(*out->v), by_target);
	return 0;
}

void volumes_release(struct volumes *v)
{
	for (size_t i = 0; i < v->n; i++) {
		ac_own_closep(&v->v[i].source);
		free((char *)(uintptr_t)v->v[i].target);
	}
	free(v->v);
	*v = (struct volumes){.n = 0};
}
