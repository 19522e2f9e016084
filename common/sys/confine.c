/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/sys/confine_priv.h"
#include "common/sys/path.h"
#include "common/sys/tmpdir.h"

#define CAP(c) (1ULL << (c))

/* Attributes trusted.*, by which overlays tell that a directory hides what is
 * below, are for CAP_SYS_ADMIN alone.  What else it opens is refused by the
 * filter, by Landlock, and by mounts that cannot be changed. */
static const uint64_t owners_caps = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
				    CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_FOWNER) |
				    CAP(CAP_FSETID) | CAP(CAP_SETFCAP) |
				    CAP(CAP_MKNOD) | CAP(CAP_SYS_ADMIN);
static const uint64_t other_caps = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
				   CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_FOWNER) |
				   CAP(CAP_FSETID);

static bool done;
static struct ac_tmpdir tmp = {.parent = -1, .fd = -1}; /* goes at exit */

void ac_confine_read(struct ac_confine *c, const char *path)
{
	/* A link in /proc to what has no path is followed when it is opened. */
	if (path != NULL)
		ac_strv_push(&c->reads, path);
}

void ac_confine_write(struct ac_confine *c, const char *path)
{
	ac_strv_push(&c->writes, path);
}

static void add_parent(struct ac_strv *v, const char *path)
{
	AC_FREE char *dir = ac_xstrdup(path);
	size_t n = strlen(dir);
	char *slash;

	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	ac_strv_push(v, slash != NULL ? dir : ".");
}

void ac_confine_write_beside(struct ac_confine *c, const char *path)
{
	AC_FREE char *real = realpath(path, NULL);
	struct stat st;

	add_parent(&c->writes, path);
	if (stat(path, &st) < 0)
		return;
	/* What is there may be replaced where it is, and a directory filled. */
	if (real != NULL && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		add_parent(&c->writes, real);
	if (S_ISDIR(st.st_mode))
		ac_strv_push(&c->writes, path);
}

void ac_confine_release(struct ac_confine *c)
{
	ac_strv_release(&c->reads);
	ac_strv_release(&c->writes);
}

bool ac_confined(void)
{
	return done;
}

static void remove_tmp(void)
{
	ac_tmpdir_release(&tmp);
}

static int make_tmp(const char *parent, struct ac_err *err)
{
	if (ac_tmpdir_make(&tmp, parent, AC_CONFINE_TMP_PREFIX, err) < 0)
		return ac_err_ctx(err, "a temporary directory (TMPDIR)");
	if (atexit(remove_tmp) != 0 || setenv("TMPDIR", tmp.path, 1) != 0)
		return ac_err_set(err, AC_E_SYS, "out of memory");
	return 0;
}

static bool get_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return syscall(SYS_capget, &head, data) == 0;
}

static bool may_mount(void)
{
	struct __user_cap_data_struct d[2];

	return get_caps(d) && (d[0].effective & CAP(CAP_SYS_ADMIN)) != 0;
}

/* What is kept is for programs that we execute, too. */
static void drop_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2];

	if (geteuid() != 0)
		keep = 0;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; c < 64; c++)
		if ((keep >> c & 1) == 0 && prctl(PR_CAPBSET_DROP, c) < 0)
			break; /* beyond the kernel's last, or a user */
	if (!get_caps(d))
		return;
	for (int i = 0; i < 2; i++) {
		d[i].permitted &= (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, d) < 0)
		ac_debug("not confined by capabilities: %s", strerror(errno));
}

static void filter_calls(unsigned int flags)
{
	struct sock_fprog p;
	size_t n;

	/* The kernel does not write to it. */
	p.filter =
		(struct sock_filter *)(uintptr_t)ac_confine_filter(flags, &n);
	p.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0)
		ac_debug("not confined by a filter of system calls: %s",
			 strerror(errno));
}

static void no_dumps(void)
{
	const struct rlimit none = {.rlim_cur = 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	/* A sanitizer traces us to look for leaks. */
#ifndef AC_SANITIZED
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void add_real(struct ac_strv *v, const char *path)
{
	char *real = path != NULL ? realpath(path, NULL) : NULL;

	if (real != NULL)
		ac_strv_take(v, real);
}

/* A mount point could not be replaced: none within another. */
static bool covered(const struct ac_strv *v, size_t i)
{
	for (size_t k = 0; k < v->n; k++)
		if (k != i && ac_path_within(v->v[i] + 1, v->v[k] + 1) &&
		    (k < i || strcmp(v->v[k], v->v[i]) != 0))
			return true;
	return false;
}

static int mounts(const struct ac_confine *c, const char *parent,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;

	if (!may_mount())
		return 0;
	for (size_t i = 0; i < c->writes.n; i++)
		add_real(&all, c->writes.v[i]);
	add_real(&all, parent);
#ifdef AC_COVERAGE_DIR
	add_real(&all, AC_COVERAGE_DIR);
#endif
	for (size_t i = 0; i < all.n; i++)
		if (!covered(&all, i))
			ac_strv_push(&v, all.v[i]);
	return ac_confine_mounts(&v, err);
}

int ac_confine_enter(const struct ac_confine *c, unsigned int flags,
		     struct ac_err *err)
{
	const char *wanted = getenv("ACUTILS_SANDBOX");
	bool owners = (flags & AC_CONFINE_OWNERS) != 0;
	AC_FREE char *parent = NULL;
	bool files = true;

	if (wanted != NULL && strcmp(wanted, "off") == 0) {
		ac_debug("not confined: ACUTILS_SANDBOX=off");
		return 0;
	}
	/* Without one of these nobody is likely to have confined us. */
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		files = ac_confine_landlock_fits(ac_tmpdir_base());
	if ((flags & AC_CONFINE_TMP) != 0) {
		parent = ac_xstrdup(ac_tmpdir_base());
		if (make_tmp(parent, err) < 0)
			return -1;
	}
	no_dumps();
	if (mounts(c, parent, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ac_debug("not confined: no new privileges: %s",
			 strerror(errno));
	ac_confine_landlock(c, flags, tmp.path, files);
	drop_caps(owners ? owners_caps : other_caps);
	filter_calls(flags);
	done = true;
	return 0;
}
