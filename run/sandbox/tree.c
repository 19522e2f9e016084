/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"

static unsigned int attributes(unsigned int flags)
{
	return ((flags & TREE_READ_ONLY) != 0 ? MOUNT_ATTR_RDONLY : 0) |
	       ((flags & TREE_NO_DEVICES) != 0 ? MOUNT_ATTR_NODEV : 0) |
	       ((flags & TREE_NO_SUID) != 0 ? MOUNT_ATTR_NOSUID : 0);
}

/* Layers one by one, by descriptor: Linux 6.13.  EINVAL without it. */
static int layers_by_fd(int fs, const int *layers, size_t n, int upper,
			int work)
{
	for (size_t i = 0; i < n; i++)
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL,
			     layers[i]) < 0)
			return -1;
	if (upper < 0)
		return 0;
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper) < 0)
		return -1;
	return fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work);
}

/* The same by names in /proc/self/fd, which are short and need no escapes: as
 * many layers fit in the page of options that older kernels allow as an image
 * can have. */
static int layers_by_name(int fs, const int *layers, size_t n, int upper,
			  int work)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	char name[40];

	for (size_t i = 0; i < n; i++)
		ac_buf_addf(&b, "%s/proc/self/fd/%d", i != 0 ? ":" : "",
			    layers[i]);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", ac_buf_str(&b), 0) <
	    0)
		return -1;
	if (upper < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", upper);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", name, 0) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", work);
	return fsconfig(fs, FSCONFIG_SET_STRING, "workdir", name, 0);
}

/* Options beside the layers.  Images are not to be trusted: what their layers
 * say about redirects and metadata-only files is not followed.  Nothing is
 * flushed when the pod ends: what an exited pod left behind may be lost with
 * the machine, as the pod was. */
static int options(int fs, bool writable, unsigned int flags)
{
	int r = fsconfig(fs, FSCONFIG_SET_STRING, "metacopy", "off", 0);

	if (r == 0)
		r = fsconfig(fs, FSCONFIG_SET_STRING, "redirect_dir",
			     "nofollow", 0);
	if (r == 0)
		r = fsconfig(fs, FSCONFIG_SET_STRING, "index", "off", 0);
	if (r == 0 && writable)
		r = fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
	if (r == 0 && (flags & TREE_ROOTLESS) != 0)
		r = fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
	return r;
}

/* The kernel's own words about the last failure, if it has any. */
static void kernel_says(int fs, char *out, size_t size)
{
	ssize_t n = read(fs, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
}

static int fail(int fs, size_t n, struct ac_err *err)
{
	int sys = errno;
	char text[256] = "";

	kernel_says(fs, text, sizeof(text));
	return ac_err_sys(err, sys, "mount the overlay of %zu layers%s%s%s", n,
			  text[0] != '\0' ? " (" : "", text,
			  text[0] != '\0' ? ")" : "");
}

int tree_overlay(const int *layers, size_t n, int upper, int work,
		 unsigned int flags, struct ac_err *err)
{
	AC_CLOSE int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd;

	if (fs >= 0 && layers_by_fd(fs, layers, n, upper, work) < 0) {
		(void)close(fs);
		fs = fsopen("overlay", FSOPEN_CLOEXEC);
		if (fs >= 0 && layers_by_name(fs, layers, n, upper, work) < 0)
			return fail(fs, n, err);
	}
	if (fs < 0)
		return ac_err_sys(err, errno, "open an overlay file system");
	if (options(fs, upper >= 0, flags) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail(fs, n, err);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes(flags));
	if (fd < 0)
		return ac_err_sys(err, errno, "mount the overlay");
	return fd;
}

int tree_bind(int fd, const char *what, unsigned int flags, struct ac_err *err)
{
	unsigned int below =
		(flags & TREE_RECURSIVE) != 0 ? (unsigned int)AT_RECURSIVE : 0;
	struct mount_attr attr = {
		.attr_set = attributes(flags),
		.propagation = MS_PRIVATE,
	};
	AC_CLOSE int tree =
		open_tree(fd, "",
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				  (unsigned int)AT_EMPTY_PATH | below);

	if (tree < 0)
		return ac_err_sys(err, errno, "bind '%s'", what);
	if (mount_setattr(tree, "", (unsigned int)AT_EMPTY_PATH | below, &attr,
			  sizeof(attr)) < 0)
		return ac_err_sys(err, errno, "set the attributes of '%s'",
				  what);
	return ac_steal_fd(&tree);
}
