/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/out.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

/* What may be replaced: a file, or a link that leads to one or nowhere.  Links
 * as /dev/stdout lead to what is no file. */
static bool replaceable(int dirfd, const char *name, const struct stat *st)
{
	struct stat target;

	if (!S_ISLNK(st->st_mode))
		return S_ISREG(st->st_mode);
	return fstatat(dirfd, name, &target, 0) < 0 || S_ISREG(target.st_mode);
}

/* Split PATH and open its directory. */
static int open_parent(struct ac_out *o, const char *path, struct ac_err *err)
{
	const char *slash = strrchr(path, '/');
	AC_FREE char *dir = slash == NULL ? ac_xstrdup(".")
			    : slash == path
				    ? ac_xstrdup("/")
				    : ac_xstrndup(path, (size_t)(slash - path));

	o->name = ac_xstrdup(slash != NULL ? slash + 1 : path);
	if (o->name[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "'%s' names no file",
				  path);
	o->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dirfd < 0)
		return ac_err_sys(err, errno, "open directory '%s'", dir);
	return 0;
}

static int begin(struct ac_out *o, mode_t mode, struct ac_err *err)
{
	if (ac_atomic_open(&o->file, o->dirfd, o->name, mode, err) < 0)
		return -1;
	o->fd = o->file.fd;
	return 0;
}

int ac_out_open(struct ac_out *o, const char *path, bool overwrite,
		struct ac_err *err)
{
	struct stat st;

	if (open_parent(o, path, err) < 0)
		return -1;
	if (fstatat(o->dirfd, o->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!replaceable(o->dirfd, o->name, &st))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is not a regular file", path);
		if (!overwrite)
			return ac_err_set(err, AC_E_EXISTS,
					  "'%s' is there already; --overwrite "
					  "replaces it",
					  path);
	} else if (errno != ENOENT) {
		return ac_err_sys(err, errno, "stat '%s'", path);
	}
	if (begin(o, 0666, err) < 0)
		return -1;
	o->file.fresh = !overwrite;
	return 0;
}

/* What belongs to the name, not to the content (as signatures of it do). */
static bool belongs_to_file(const char *name)
{
	return strncmp(name, "user.", 5) == 0 ||
	       strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "security.selinux") == 0;
}

/* As far as that is allowed, and known to the file system. */
static void keep_attributes(const char *path, int fd)
{
	AC_FREE char *names = ac_xmalloc(XATTR_LIST_MAX);
	AC_FREE char *value = ac_xmalloc(XATTR_SIZE_MAX);
	ssize_t n = listxattr(path, names, XATTR_LIST_MAX);

	for (const char *s = names; n > 0 && s < names + n;
	     s += strlen(s) + 1) {
		ssize_t len = belongs_to_file(s)
				      ? getxattr(path, s, value, XATTR_SIZE_MAX)
				      : -1;

		if (len >= 0)
			(void)!fsetxattr(fd, s, value, (size_t)len, 0);
	}
}

int ac_out_replace(struct ac_out *o, const char *path, struct ac_err *err)
{
	AC_FREE char *real = realpath(path, NULL);
	struct stat st;

	if (real == NULL)
		return ac_err_sys(err, errno, "open '%s'", path);
	if (open_parent(o, real, err) < 0)
		return -1;
	if (fstatat(o->dirfd, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_sys(err, errno, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a regular file", path);
	if (begin(o, 0600, err) < 0)
		return -1;
	/* Another's file becomes ours where we may not give it away. */
	if (fchown(o->fd, st.st_uid, st.st_gid) < 0 &&
	    (errno != EPERM ||
	     (fchown(o->fd, (uid_t)-1, st.st_gid) < 0 && errno != EPERM)))
		return ac_err_sys(err, errno, "set the owner of '%s'", path);
	if (fchmod(o->fd, st.st_mode & 0777) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", path);
	keep_attributes(real, o->fd);
	return 0;
}

int ac_out_commit(struct ac_out *o, struct ac_err *err)
{
	o->fd = -1;
	return ac_atomic_commit(&o->file, err);
}

void ac_out_release(struct ac_out *o)
{
	int saved = errno;

	ac_atomic_release(&o->file);
	if (o->dirfd >= 0)
		(void)close(o->dirfd);
	free(o->name);
	*o = AC_OUT_INIT;
	errno = saved;
}
