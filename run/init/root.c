/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

/* From <sys/mount.h>, which does not go together with <linux/mount.h>. */
enum {
	OLD_RDONLY = 1,
	OLD_NOSUID = 2,
	OLD_NODEV = 4,
	OLD_NOEXEC = 8,
	OLD_REMOUNT = 32,
	OLD_BIND = 4096,
	DETACH = 2,
	OLD_PRIVATE = 1 << 18,
};

/* Seen through the kernel's files, another pod's or the host's business: what
 * is hidden (a directory with a slash behind it), and what may only be read. */
static const char HIDE_PROC[][20] = {
	"acpi/",       "config.gz",  "kallsyms",      "kcore",
	"keys",        "kmem",       "latency_stats", "mem",
	"sched_debug", "scsi/",      "timer_list",    "timer_stats",
	"kpagecgroup", "kpagecount", "kpageflags",    "vmallocinfo",
	"slabinfo",
};
static const char HIDE_SYS[][28] = {
	"firmware/", "fs/",        "hypervisor/",   "module/",
	"power/",    "dev/block/", "kernel/debug/", "devices/virtual/powercap/",
};
static const char READ_ONLY_PROC[][16] = {
	"asound", "bus", "fs", "irq", "sys", "sysrq-trigger",
};

long root_open(int root, const char *path, int flags, uint64_t how)
{
	struct open_how h;
	long r;

	memset(&h, 0, sizeof(h));
	h.flags = (uint64_t)(uint32_t)(flags | O_CLOEXEC);
	h.resolve = how | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	do {
		r = SYS4(SYS_openat2, root, path, &h, sizeof(h));
	} while (r == -EAGAIN);
	return r;
}

static long attach(int tree, int dirfd, const char *path)
{
	return SYS5(SYS_move_mount, tree, "", dirfd, path,
		    MOVE_MOUNT_F_EMPTY_PATH |
			    (path[0] == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0));
}

static void need(const struct pod *p, const struct app *a, long r,
		 const char *what, const char *which)
{
	if (r < 0)
		die(p, a, r, what, which);
}

/* The new root is mounted over "/": a place that every host has.  Then "." is
 * the new root and what it covers, and the host's tree goes from under it. */
static void pivot(const struct pod *p, const struct app *a, int root)
{
	need(p, a, SYS1(SYS_fchdir, root), "enter the new root", "");
	need(p, a, SYS2(SYS_pivot_root, ".", "."), "pivot into the new root",
	     "");
	need(p, a, SYS2(SYS_umount2, ".", DETACH), "leave the old root", "");
	need(p, a, SYS1(SYS_chdir, "/"), "enter the new root", "");
}

static void make_file(const struct pod *p, const char *path)
{
	long fd = SYS4(SYS_openat, AT_FDCWD, path,
		       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	need(p, NULL, fd, "create ", path);
	(void)SYS1(SYS_close, fd);
}

/* Without the right to make device nodes the host's are bound, once for the
 * pod; /dev gets them from here. */
static void keep_nodes(const struct pod *p)
{
	const int32_t *fds = pod_at(p, p->plan->nodes.at);
	unsigned int major;
	unsigned int minor;

	if (p->plan->nodes.n == 0)
		return;
	need(p, NULL, SYS3(SYS_mkdirat, AT_FDCWD, "/nodes", 0755), "create ",
	     "/nodes");
	need(p, NULL, SYS1(SYS_chdir, "/nodes"), "enter ", "/nodes");
	for (uint32_t i = 0; i < p->plan->nodes.n; i++) {
		const char *name = dev_name(i, &major, &minor);

		make_file(p, name);
		need(p, NULL, attach(fds[i], AT_FDCWD, name), "bind /dev/",
		     name);
		(void)SYS1(SYS_close, fds[i]);
	}
	(void)SYS1(SYS_chdir, "/");
}

void root_pod(struct pod *p)
{
	struct mount_attr private = {.propagation = OLD_PRIVATE};
	struct mount_attr locked = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NOEXEC,
	};
	long root;
	long r;

	r = SYS5(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &private,
		 sizeof(private));
	need(p, NULL, r, "part from the host's mounts", "");
	r = SYS5(SYS_mount, "pod", "/", "tmpfs", OLD_NOSUID, "mode=0755");
	need(p, NULL, r, "mount the pod's root", "");
	root = SYS4(SYS_openat, AT_FDCWD, "/..", O_PATH | O_CLOEXEC, 0);
	need(p, NULL, root, "open the pod's root", "");
	pivot(p, NULL, (int)root);
	(void)SYS1(SYS_close, root);
	make_file(p, "/null");
	need(p, NULL, SYS3(SYS_mkdirat, AT_FDCWD, "/empty", 0555), "create ",
	     "/empty");
	need(p, NULL, SYS3(SYS_mkdirat, AT_FDCWD, "/root", 0755), "create ",
	     "/root");
	need(p, NULL, SYS3(SYS_mkdirat, AT_FDCWD, "/shm", 01777), "create ",
	     "/shm");
	keep_nodes(p);
	r = SYS5(SYS_mount_setattr, AT_FDCWD, "/", 0, &locked, sizeof(locked));
	need(p, NULL, r, "lock the pod's root", "");
}

/* Make the last component of PATH, a directory or an empty file, its parents
 * being there: 0, or an error. */
static long make_last(int root, const char *path, size_t len, int dir)
{
	char part[1024];
	size_t slash = len;
	long fd;
	long r;

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len);
	part[len] = '\0';
	while (slash > 0 && part[slash - 1] != '/')
		slash--;
	if (slash != 0)
		part[slash - 1] = '\0';
	fd = root_open(root, slash > 1 ? part : "/", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (dir) {
		r = SYS3(SYS_mkdirat, fd, part + slash, 0755);
	} else {
		r = SYS4(SYS_openat, fd, part + slash,
			 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			 0644);
		if (r >= 0)
			(void)SYS1(SYS_close, r);
	}
	(void)SYS1(SYS_close, fd);
	return r == -EEXIST ? 0 : r;
}

/* Open the mount point PATH, making it and its parents where they miss. */
static long target(int root, const char *path, int dir, uint64_t how)
{
	int flags = O_PATH | (dir ? O_DIRECTORY : 0);
	long fd = root_open(root, path, flags, how);
	size_t len = strlen(path);
	long r = 0;

	if (fd != -ENOENT)
		return fd;
	for (size_t i = 1; i <= len && r == 0; i++)
		if (i == len || (path[i] == '/' && path[i - 1] != '/'))
			r = make_last(root, path, i, dir || i != len);
	return r < 0 ? r : root_open(root, path, flags, how);
}

/* What went wrong with one, for people. */
static const char *mount_point(long at)
{
	return at == -ELOOP ? "a symbolic link is no mount point: "
			    : "open the mount point ";
}

static void place(const struct pod *p, const struct app *a, int tree,
		  const char *path, int dir, uint64_t how)
{
	long at = target(a->plan->root_fd, path, dir, how);

	need(p, a, at, mount_point(at), path);
	need(p, a, attach(tree, (int)at, ""), "mount ", path);
	(void)SYS1(SYS_close, at);
}

/* Cover NAME in the working directory, a procfs or sysfs of our own, with an
 * empty file or directory. */
static void hide(const struct pod *p, const struct app *a, const char *name)
{
	size_t n = strlen(name);
	int dir = name[n - 1] == '/';
	long r = SYS5(SYS_mount, dir ? "/empty" : "/null", name, NULL, OLD_BIND,
		      NULL);

	/* A kernel where it is of the other kind. */
	if (r == -ENOTDIR && !dir)
		r = SYS5(SYS_mount, "/empty", name, NULL, OLD_BIND, NULL);
	if (r < 0 && r != -ENOENT)
		die(p, a, r, "hide ", name);
}

static void read_only(const struct pod *p, const struct app *a,
		      const char *name)
{
	long r = SYS5(SYS_mount, name, name, NULL, OLD_BIND, NULL);

	if (r == -ENOENT)
		return;
	need(p, a, r, "protect /proc/", name);
	r = SYS5(SYS_mount, NULL, name, NULL,
		 OLD_REMOUNT | OLD_BIND | OLD_RDONLY | OLD_NOSUID | OLD_NODEV |
			 OLD_NOEXEC,
		 NULL);
	need(p, a, r, "protect /proc/", name);
}

static void restrict_paths(const struct pod *p, const struct app *a)
{
	if ((a->plan->flags & PLAN_PATHS_OPEN) != 0)
		return;
	need(p, a, SYS1(SYS_fchdir, a->proc_fd), "enter ", "/proc");
	for (size_t i = 0; i < sizeof(HIDE_PROC) / sizeof(HIDE_PROC[0]); i++)
		hide(p, a, HIDE_PROC[i]);
	for (size_t i = 0;
	     i < sizeof(READ_ONLY_PROC) / sizeof(READ_ONLY_PROC[0]); i++)
		read_only(p, a, READ_ONLY_PROC[i]);
	need(p, a, SYS1(SYS_fchdir, a->sys_fd), "enter ", "/sys");
	for (size_t i = 0; i < sizeof(HIDE_SYS) / sizeof(HIDE_SYS[0]); i++)
		hide(p, a, HIDE_SYS[i]);
}

void root_app(const struct pod *p, const struct app *a)
{
	const struct plan_mount *m = pod_at(p, a->plan->mounts.at);
	int root = a->plan->root_fd;
	long dev;

	need(p, a, attach(root, AT_FDCWD, "/root"), "mount the root of the app",
	     "");
	/* These three must be what they seem: no link of the image leads
	 * elsewhere. */
	place(p, a, a->proc_fd, "/proc", 1, RESOLVE_NO_SYMLINKS);
	place(p, a, a->sys_fd, "/sys", 1, RESOLVE_NO_SYMLINKS);
	dev = target(root, "dev", 1, RESOLVE_NO_SYMLINKS);
	need(p, a, dev, mount_point(dev), "/dev");
	dev_mount(p, a, root);
	for (uint32_t i = 0; i < a->plan->mounts.n; i++)
		place(p, a, m[i].fd, pod_str(p, m[i].target), m[i].is_dir != 0,
		      0);
	restrict_paths(p, a);
	pivot(p, a, root);
}
