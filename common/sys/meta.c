/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/sys/treerd_priv.h"

void ac_meta_release(struct ac_meta *m)
{
	free((char *)(uintptr_t)m->e.link);
	if (m->xattrs != NULL)
		treerd_release_xattrs(m->xattrs);
	free(m->xattrs);
	*m = AC_META_INIT;
}

static int type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return AC_F_REG;
	case S_IFDIR:
		return AC_F_DIR;
	case S_IFLNK:
		return AC_F_LINK;
	case S_IFCHR:
		return AC_F_CHR;
	case S_IFBLK:
		return AC_F_BLK;
	case S_IFIFO:
		return AC_F_FIFO;
	default:
		return -1;
	}
}

static int read_link(struct ac_meta *m, int dirfd, const char *name,
		     struct ac_err *err)
{
	char to[4096];
	ssize_t n = readlinkat(dirfd, name, to, sizeof(to));

	if (n < 0)
		return ac_err_sys(err, errno, "read the link '%s'", name);
	m->e.link = ac_xstrndup(to, (size_t)n);
	return 0;
}

int ac_meta_read(struct ac_meta *m, int dirfd, const char *name,
		 struct ac_err *err)
{
	const struct stat *st = &m->st;
	struct treerd_xattrs *kept = m->xattrs; /* its memory is used again */
	int type;

	m->xattrs = NULL;
	ac_meta_release(m);
	m->xattrs = kept;
	if (fstatat(dirfd, name, &m->st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) <
	    0)
		return ac_err_sys(err, errno, "stat '%s'", name);
	type = type_of(st->st_mode);
	if (type < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is a socket, which no image can hold; "
				  "remove it",
				  name);
	m->e = (struct ac_entry){.type = (enum ac_ftype)type,
				 .mode = st->st_mode & 07777,
				 .uid = st->st_uid,
				 .gid = st->st_gid,
				 .mtime = st->st_mtim.tv_sec,
				 .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
				 .dev_major = major(st->st_rdev),
				 .dev_minor = minor(st->st_rdev)};
	if (type == AC_F_REG)
		m->e.size = (uint64_t)st->st_size;
	if (type == AC_F_LINK && read_link(m, dirfd, name, err) < 0)
		return -1;
	if (m->xattrs == NULL)
		m->xattrs = ac_xcalloc(1, sizeof(*m->xattrs));
	return treerd_xattrs(m->xattrs, -1, dirfd, name[0] != '\0' ? name : ".",
			     name, &m->e, err);
}
