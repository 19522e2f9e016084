/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char NAMES[][8] = {"null",   "zero",    "full",
				"random", "urandom", "tty"};
static const unsigned char NUMBERS[][2] = {{1, 3}, {1, 5}, {1, 7},
					   {1, 8}, {1, 9}, {5, 0}};
static const char LINKS[][2][16] = {
	{"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"},
	{"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
};

const char *dev_name(uint32_t i, unsigned int *major, unsigned int *minor)
{
	if (i >= sizeof(NAMES) / sizeof(NAMES[0]))
		return NULL;
	*major = NUMBERS[i][0];
	*minor = NUMBERS[i][1];
	return NAMES[i];
}

static void need(const struct pod *p, const struct app *a, long r,
		 const char *what, const char *which)
{
	if (r < 0)
		die(p, a, r, what, which);
}

/* NAME in the working directory from the pod's /nodes. */
static void bind_node(const struct pod *p, const struct app *a,
		      const char *node, const char *name)
{
	char from[32];
	size_t n = str_add(from, sizeof(from), 0, "/nodes/");
	long fd = SYS4(SYS_openat, AT_FDCWD, name,
		       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	(void)str_add(from, sizeof(from), n, node);
	need(p, a, fd, "create /dev/", name);
	(void)SYS1(SYS_close, fd);
	need(p, a, SYS5(SYS_mount, from, name, NULL, MS_BIND, NULL),
	     "bind /dev/", name);
}

static void nodes(const struct pod *p, const struct app *a)
{
	int bind = p->plan->nodes.n != 0;
	unsigned int major = 0;
	unsigned int minor = 0;
	const char *name;

	for (uint32_t i = 0; (name = dev_name(i, &major, &minor)) != NULL;
	     i++) {
		if (bind)
			bind_node(p, a, name, name);
		else
			need(p, a,
			     SYS4(SYS_mknodat, AT_FDCWD, name, S_IFCHR | 0666,
				  makedev(major, minor)),
			     "create /dev/", name);
	}
	/* What an app writes to the console of a pod without a terminal goes
	 * nowhere. */
	if ((a->plan->flags & PLAN_TTY) != 0)
		need(p, a, SYS3(SYS_symlinkat, "pts/0", AT_FDCWD, "console"),
		     "create /dev/", "console");
	else if (bind)
		bind_node(p, a, "null", "console");
	else
		need(p, a,
		     SYS4(SYS_mknodat, AT_FDCWD, "console", S_IFCHR | 0666,
			  makedev(1, 3)),
		     "create /dev/", "console");
}

/* One directory of the pod's own tree: the apps share it. */
static void shared_memory(const struct pod *p, const struct app *a)
{
	long r = SYS5(SYS_mount, "/shm", "shm", NULL, MS_BIND, NULL);

	if (r >= 0)
		r = SYS5(SYS_mount, NULL, "shm", NULL,
			 MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV |
				 MS_NOEXEC,
			 NULL);
	need(p, a, r, "mount ", "/dev/shm");
}

void dev_mount(const struct pod *p, const struct app *a, int root)
{
	uint64_t how = RESOLVE_NO_SYMLINKS;
	int flags = O_PATH | O_DIRECTORY;
	int rootless = (p->plan->flags & PLAN_ROOTLESS) != 0;
	long fd = root_open(root, "dev", flags, how);

	need(p, a, fd, "open the mount point ", "/dev");
	need(p, a, SYS1(SYS_fchdir, fd), "enter ", "/dev");
	(void)SYS1(SYS_close, fd);
	need(p, a,
	     SYS5(SYS_mount, "dev", ".", "tmpfs", MS_NOSUID | MS_NOEXEC,
		  "mode=0755,size=1m"),
	     "mount ", "/dev");
	/* "." is still what was there before: come in again from above. */
	fd = root_open(root, "dev", flags, how);
	need(p, a, fd, "open ", "/dev");
	need(p, a, SYS1(SYS_fchdir, fd), "enter ", "/dev");
	(void)SYS1(SYS_close, fd);
	nodes(p, a);
	for (size_t i = 0; i < sizeof(LINKS) / sizeof(LINKS[0]); i++)
		need(p, a,
		     SYS3(SYS_symlinkat, LINKS[i][0], AT_FDCWD, LINKS[i][1]),
		     "create /dev/", LINKS[i][1]);
	need(p, a, SYS3(SYS_mkdirat, AT_FDCWD, "pts", 0755), "create ",
	     "/dev/pts");
	need(p, a, SYS3(SYS_mkdirat, AT_FDCWD, "shm", 01777), "create ",
	     "/dev/shm");
	need(p, a, SYS3(SYS_mkdirat, AT_FDCWD, "mqueue", 01777), "create ",
	     "/dev/mqueue");
	need(p, a,
	     SYS5(SYS_mount, "devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC,
		  rootless ? "newinstance,ptmxmode=0666,mode=0620"
			   : "newinstance,ptmxmode=0666,mode=0620,gid=5"),
	     "mount ", "/dev/pts");
	need(p, a,
	     SYS5(SYS_mount, "mqueue", "mqueue", "mqueue",
		  MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL),
	     "mount ", "/dev/mqueue");
	shared_memory(p, a);
}
