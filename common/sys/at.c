/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/at.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at_walk.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { EAGAIN_TRIES = 128 };

static atomic_bool forced;  /* by a test */
static atomic_bool missing; /* openat2 answered ENOSYS */

void ac_at_force_walk(bool on)
{
	atomic_store(&forced, on);
}

bool ac_at_walks(void)
{
	return atomic_load(&forced) || atomic_load(&missing);
}

/* A filter may answer EPERM for a call it does not know, and so may a file:
 * what can be opened by anybody tells which. */
static bool filtered(void)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC};
	AC_CLOSE int fd =
		(int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	return fd < 0 && errno == EPERM;
}

/* The descriptor, or -1: errno is ENOSYS when the walk must decide. */
static int by_openat2(int dirfd, const char *path, int flags, mode_t mode,
		      uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(unsigned int)flags,
			       .resolve = resolve};
	long fd = -1;

	if (ac_at_walks()) {
		errno = ENOSYS;
		return -1;
	}
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		how.mode = mode & 07777;
	for (int i = 0; i < EAGAIN_TRIES; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (fd < 0 && errno == EPERM)
		errno = filtered() ? ENOSYS : EPERM;
	if (fd < 0 && errno == ENOSYS)
		atomic_store(&missing, true);
	return (int)fd;
}

/* Flags and path as both ways take them: "" and "/" are ".", and what ends as
 * a directory must be one. */
static const char *normal(const char *path, int *flags)
{
	size_t n = strlen(path);

	if ((n >= 1 && path[n - 1] == '/') ||
	    (n >= 2 && path[n - 2] == '/' && path[n - 1] == '.'))
		*flags |= O_DIRECTORY;
	*flags |= O_CLOEXEC;
	path += strspn(path, "/");
	return *path != '\0' ? path : ".";
}

static int no_links(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	path = normal(path, &flags);
	fd = by_openat2(dirfd, path, flags, mode,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				RESOLVE_NO_MAGICLINKS);
	if (fd < 0 && errno == ENOSYS)
		return ac_at_walk(dirfd, path, flags, mode);
	return fd;
}

/* Say why PATH could not be opened; E is its errno. */
static int fail(int dirfd, const char *path, int e, struct ac_err *err)
{
	if (e == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND, "no file '%s'", path);
	if (e == ELOOP || e == ENOTDIR) {
		size_t n = ac_at_walk_link(dirfd, path);

		if (n != 0)
			return ac_err_set(
				err, AC_E_INVALID,
				"open '%s': '%.*s' is a symbolic link", path,
				(int)n, path);
	}
	return ac_err_sys(err, e, "open '%s'", path);
}

static int no_dotdot(const char *path, struct ac_err *err)
{
	if (ac_path_has_dotdot(path))
		return ac_err_set(err, AC_E_INVALID, "'%s' contains '..'",
				  path);
	return 0;
}

int ac_at_open(int dirfd, const char *path, int flags, mode_t mode,
	       struct ac_err *err)
{
	int fd;

	if (no_dotdot(path, err) < 0)
		return -1;
	fd = no_links(dirfd, path, flags, mode);
	return fd >= 0 ? fd : fail(dirfd, path, errno, err);
}

int ac_at_open_file(int dirfd, const char *path, struct ac_err *err)
{
	AC_CLOSE int fd = ac_at_open(dirfd, path,
				     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	struct stat st;

	if (fd < 0 || ac_io_regular(fd, path, &st, err) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

int ac_at_open_in_root(int dirfd, const char *path, int flags,
		       struct ac_err *err)
{
	const char *p = normal(path, &flags);
	int fd = by_openat2(dirfd, p, flags, 0,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd < 0 && errno == ENOSYS)
		fd = ac_at_walk_in_root(dirfd, p, flags);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND, "no file '%s'", path);
	if (errno == ELOOP || errno == EXDEV)
		return ac_err_set(err, AC_E_INVALID,
				  "open '%s': its symbolic links are too many, "
				  "or lead out",
				  path);
	return ac_err_sys(err, errno, "open '%s'", path);
}

/* Open the directory NAME in AT, making it when it is missing.  -1 with errno
 * on failure. */
static int enter_or_make(int at, const char *name, mode_t mode)
{
	enum { FLAGS = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	int fd = openat(at, name, O_PATH | FLAGS);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(at, name, mode) < 0) {
		/* Somebody else was faster: its mode is theirs. */
		return errno == EEXIST ? openat(at, name, O_PATH | FLAGS) : -1;
	}
	fd = openat(at, name, O_RDONLY | FLAGS);
	if (fd >= 0 && fchmod(fd, mode) < 0) {
		ac_own_closep(&fd);
		return -1;
	}
	return fd;
}

int ac_at_mkdirs(int dirfd, const char *path, mode_t mode, struct ac_err *err)
{
	AC_CLOSE int at = -1;
	const char *rest = path;
	char name[AC_AT_NAME];
	int fd;

	if (no_dotdot(path, err) < 0)
		return -1;
	fd = no_links(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return fail(dirfd, path, errno, err);
	while ((fd = ac_at_walk_name(&rest, name)) > 0) {
		fd = enter_or_make(at >= 0 ? at : dirfd, name, mode);
		if (fd < 0)
			break;
		ac_own_closep(&at);
		at = fd;
	}
	if (fd >= 0)
		fd = openat(at >= 0 ? at : dirfd, ".",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : fail(dirfd, path, errno, err);
}
