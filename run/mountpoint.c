/* SPDX-License-Identifier: Apache-2.0 */
#include "run/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int enter(struct points_dir *d, int at, const char *name,
		 struct ac_err *err)
{
	struct stat st;

	d->fd = openat(at, name, OPEN_DIR);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return ac_err_sys(err, errno, "open '%s' in the root", name);
	d->before = st.st_mtim;
	return 0;
}

static void note_time(struct points_dir *d)
{
	struct stat st;

	if (d->fd >= 0 && fstat(d->fd, &st) == 0)
		d->after = st.st_mtim;
}

static void note_made(struct points *p, int dirfd, const char *name,
		      bool is_dir)
{
	p->made[p->n].dirfd = dirfd;
	p->made[p->n].name = name;
	p->made[p->n++].is_dir = is_dir;
}

static int make_dir(struct points *p, const char *name, mode_t mode,
		    struct ac_err *err)
{
	int root = p->root.fd;

	if (mkdirat(root, name, 0755) < 0)
		return errno == EEXIST
			       ? 0
			       : ac_err_sys(err, errno, "make '/%s'", name);
	note_made(p, root, name, true);
	if (fchmodat(root, name, mode, 0) < 0)
		return ac_err_sys(err, errno, "set the mode of '/%s'", name);
	return 0;
}

static int make_file(struct points *p, const char *name, bool *made,
		     struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(p->etc.fd, name,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0644);

	if (fd < 0)
		return errno == EEXIST
			       ? 0
			       : ac_err_sys(err, errno, "make '/etc/%s'", name);
	note_made(p, p->etc.fd, name, false);
	*made = true;
	return 0;
}

/* An /etc that is a link stays without. */
static int make_files(struct points *p, struct ac_err *err)
{
	struct stat st;

	if (make_dir(p, "etc", 0755, err) < 0)
		return -1;
	if (fstatat(p->root.fd, "etc", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	if (enter(&p->etc, p->root.fd, "etc", err) < 0 ||
	    make_file(p, "resolv.conf", &p->resolver, err) < 0)
		return -1;
	return make_file(p, "hosts", &p->hosts, err);
}

int points_make(struct points *p, int root, bool files, struct ac_err *err)
{
	static const struct {
		char name[8];
		mode_t mode;
	} dirs[] = {{"dev", 0755},
		    {"proc", 0555},
		    {"sys", 0555},
		    {"run", 0755},
		    {"tmp", 01777}};

	if (enter(&p->root, root, ".", err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(dirs); i++)
		if (make_dir(p, dirs[i].name, dirs[i].mode, err) < 0)
			return -1;
	if (files && make_files(p, err) < 0)
		return -1;
	note_time(&p->root);
	note_time(&p->etc);
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Did nobody else change it since? */
static bool is_ours(const struct points_dir *d)
{
	struct stat st;

	return d->fd >= 0 && fstat(d->fd, &st) == 0 &&
	       same_time(&st.st_mtim, &d->after);
}

static void give_back(const struct points_dir *d)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, d->before};

	(void)futimens(d->fd, times);
}

void points_remove(struct points *p)
{
	bool root = is_ours(&p->root);
	bool etc = is_ours(&p->etc);
	struct stat st;

	for (size_t i = p->n; i-- > 0;) {
		int fd = p->made[i].dirfd;
		const char *name = p->made[i].name;

		if (p->made[i].is_dir)
			(void)unlinkat(fd, name, AT_REMOVEDIR);
		else if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISREG(st.st_mode) && st.st_size == 0)
			(void)unlinkat(fd, name, 0);
	}
	if (etc)
		give_back(&p->etc);
	if (root)
		give_back(&p->root);
}

void points_release(struct points *p)
{
	ac_own_closep(&p->root.fd);
	ac_own_closep(&p->etc.fd);
	*p = POINTS_INIT;
}
