/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/sys/confine_priv.h"

/*
 * All mounts become read-only and lose their devices at once, so what keeps
 * more must be a mount of its own: copies of the directories that are written
 * to, and of /dev, are put over these before, and get back what they had.
 */

enum { NO_DEVICES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

struct copy {
	const char *path;
	int fd;                /* the copy */
	unsigned long had;     /* statvfs's flags */
	unsigned long restore; /* mount attributes that it may lose again */
};

static bool covered(const char *what)
{
	ac_debug("not confined by mounts: %s: %s", what, strerror(errno));
	return false;
}

static bool copy_of(struct copy *c, const char *path, unsigned long restore)
{
	struct statvfs v;

	*c = (struct copy){.path = path, .fd = -1, .restore = restore};
	if (statvfs(path, &v) < 0)
		return covered(path);
	c->had = v.f_flag;
	c->fd = open_tree(AT_FDCWD, path,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return c->fd >= 0 || covered(path);
}

static bool put(const struct copy *c)
{
	AC_CLOSE int at = open(c->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0 ||
	    move_mount(c->fd, "", at, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return covered(c->path);
	return true;
}

static int give_back(const struct copy *c, struct ac_err *err)
{
	struct mount_attr a = {.attr_clr = c->restore};

	if ((c->had & ST_RDONLY) != 0)
		a.attr_clr &= ~(unsigned long)MOUNT_ATTR_RDONLY;
	if ((c->had & ST_NODEV) != 0)
		a.attr_clr &= ~(unsigned long)MOUNT_ATTR_NODEV;
	if (a.attr_clr != 0 &&
	    mount_setattr(c->fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a,
			  sizeof(a)) < 0)
		return ac_err_sys(err, errno,
				  "let the mount of '%s' be used "
				  "(ACUTILS_SANDBOX=off does without)",
				  c->path);
	return 0;
}

/* The copies in place, all else closed. */
static int arrange(const struct copy *v, size_t n, const char *cwd,
		   struct ac_err *err)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY | NO_DEVICES};

	for (size_t i = 0; i < n; i++)
		if (!put(&v[i]))
			return 0;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &a, sizeof(a)) < 0) {
		(void)covered("/");
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (give_back(&v[i], err) < 0)
			return -1;
	/* We are still in what lies below a copy. */
	if (chdir(cwd) < 0)
		return ac_err_sys(err, errno, "go back to '%s'", cwd);
	return 0;
}

/* A namespace where nothing we do is seen outside. */
static bool own_namespace(void)
{
	struct mount_attr a = {.propagation = MS_SLAVE};

	if (unshare(CLONE_NEWNS) < 0)
		return covered("unshare");
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &a, sizeof(a)) < 0)
		return covered("mount_setattr");
	return true;
}

int ac_confine_mounts(const struct ac_strv *writes, struct ac_err *err)
{
	AC_FREE struct copy *v = ac_xcalloc(writes->n + 1, sizeof(*v));
	AC_FREE char *cwd = getcwd(NULL, 0);
	size_t n = 0;
	bool ok;
	int ret = 0;

	if (cwd == NULL || ac_strv_has(writes, "/")) {
		errno = cwd == NULL ? errno : EBUSY;
		(void)covered(cwd == NULL ? "getcwd" : "/");
		return 0;
	}
	if (!own_namespace())
		return 0;
	ok = copy_of(&v[n++], "/dev", MOUNT_ATTR_NODEV);
	for (size_t i = 0; ok && i < writes->n; i++)
		ok = copy_of(&v[n++], writes->v[i], MOUNT_ATTR_RDONLY);
	if (ok)
		ret = arrange(v, n, cwd, err);
	for (size_t i = 0; i < n; i++)
		ac_own_closep(&v[i].fd);
	return ret;
}
