/* SPDX-License-Identifier: Apache-2.0 */
#include "run/skel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"
#include "run/sandbox/sandbox.h"

/* The number is that of the content: another one, another name. */
static const char NAME[] = "skel-1";
static const char HOSTS[] = "127.0.0.1\tlocalhost\n"
			    "::1\tlocalhost ip6-localhost ip6-loopback\n";

static int write_file(int dir, const char *name, const char *text, size_t len,
		      struct ac_err *err)
{
	AC_CLOSE int fd = openat(dir, name,
				 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return ac_err_sys(err, errno, "create '%s'", name);
	return ac_io_write_close(&fd, text, len, name, err);
}

/* A file of the host's /etc, if it is there. */
static int copy_host_file(int etc, const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_FREE char *path = ac_xasprintf("/etc/%s", name);
	struct ac_err none = AC_ERR_INIT;

	if (ac_io_read_file(AT_FDCWD, path, &b, &none) < 0)
		return 0;
	return write_file(etc, name, ac_buf_str(&b), b.len, err);
}

static int fill(int dir, bool host_net, struct ac_err *err)
{
	static const struct {
		char name[8];
		mode_t mode;
	} dirs[] = {{"dev", 0755}, {"proc", 0555}, {"sys", 0555},
		    {"run", 0755}, {"etc", 0755},  {"tmp", 01777}};
	AC_CLOSE int etc = -1;

	for (size_t i = 0; i < AC_LEN(dirs); i++)
		if (mkdirat(dir, dirs[i].name, 0755) < 0 ||
		    fchmodat(dir, dirs[i].name, dirs[i].mode, 0) < 0)
			return ac_err_sys(err, errno, "make '%s'",
					  dirs[i].name);
	etc = openat(dir, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (etc < 0)
		return ac_err_sys(err, errno, "open 'etc'");
	if (host_net && (copy_host_file(etc, "resolv.conf", err) < 0 ||
			 copy_host_file(etc, "hosts", err) < 0))
		return -1;
	if (faccessat(etc, "hosts", F_OK, 0) == 0)
		return 0;
	return write_file(etc, "hosts", HOSTS, strlen(HOSTS), err);
}

static int open_dir(int at, const char *name, struct ac_err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : ac_err_sys(err, errno, "open '%s'", name);
}

static int make_dir(int at, const char *name, struct ac_err *err)
{
	if (mkdirat(at, name, 0755) < 0)
		return ac_err_sys(err, errno, "make '%s'", name);
	if (fchmodat(at, name, 0755, 0) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", name);
	return open_dir(at, name, err);
}

int skel_open(int pods, struct ac_err *err)
{
	AC_FREE char *tmp = NULL;
	AC_CLOSE int dir =
		openat(pods, NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		return ac_steal_fd(&dir);
	tmp = ac_xasprintf(".skel-%d", (int)getpid());
	if (ac_tree_remove(pods, tmp, err) < 0)
		return -1;
	dir = make_dir(pods, tmp, err);
	if (dir < 0 || fill(dir, false, err) < 0)
		return -1;
	/* Another pod may have been faster: then its tree is as good. */
	if (renameat(pods, tmp, pods, NAME) < 0) {
		if (errno != EEXIST && errno != ENOTEMPTY)
			return ac_err_sys(err, errno, "rename '%s' to '%s'",
					  tmp, NAME);
		if (ac_tree_remove(pods, tmp, err) < 0)
			return -1;
		return open_dir(pods, NAME, err);
	}
	return ac_steal_fd(&dir);
}

/* The place for a mount: a directory or an empty file, with its parents. */
static int make_target(int dir, const struct sb_mount *m, struct ac_err *err)
{
	AC_FREE char *path = ac_xstrdup(m->target + 1);
	char *base = strrchr(path, '/');
	AC_CLOSE int fd = -1;

	if (m->is_dir) {
		fd = ac_at_mkdirs(dir, path, 0755, err);
		return fd < 0 ? -1 : 0;
	}
	if (base != NULL)
		*base++ = '\0';
	fd = base != NULL ? ac_at_mkdirs(dir, path, 0755, err)
			  : ac_at_open(dir, "", O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return -1;
	if (faccessat(fd, base != NULL ? base : path, F_OK, 0) == 0)
		return 0;
	return write_file(fd, base != NULL ? base : path, "", 0, err);
}

int skel_make(int at, const char *name, const struct sb_mount *mounts, size_t n,
	      bool host_net, struct ac_err *err)
{
	AC_CLOSE int dir = make_dir(at, name, err);

	if (dir < 0 || fill(dir, host_net, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (make_target(dir, &mounts[i], err) < 0)
			return ac_err_ctx(err, "mount point '%s'",
					  mounts[i].target);
	return ac_steal_fd(&dir);
}
