/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

void ac_meta_release(struct ac_meta *m)
{
	free((char *)(uintptr_t)m->e.link);
	free((struct ac_xattr *)(uintptr_t)m->e.xattrs);
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

static bool wanted(const char *name)
{
	return strcmp(name, "security.selinux") != 0 &&
	       strncmp(name, "trusted.overlay.", 16) != 0 &&
	       strncmp(name, "user.overlay.", 13) != 0;
}

/* The values of LIST, N bytes of names, into one allocation with the names: the
 * kernel has at most 64 KiB of names and of each value. */
static int read_values(struct ac_meta *m, const char *path, const char *list,
		       size_t n, struct ac_err *err)
{
	char *value = ac_xmalloc(65536);
	struct ac_xattr *v = NULL;
	char *data = NULL;
	size_t count = 0;
	size_t used = 0;
	int rc = 0;

	for (const char *s = list; s < list + n; s += strlen(s) + 1) {
		size_t len = strlen(s) + 1;
		ssize_t got;

		if (!wanted(s))
			continue;
		got = lgetxattr(path, s, value, 65536);
		if (got < 0 && (errno == ENODATA || errno == ENOTSUP))
			continue;
		if (got < 0) {
			rc = ac_err_sys(err, errno, "read attribute '%s'", s);
			break;
		}
		data = ac_xrealloc(data, used + len + (size_t)got, 1);
		memcpy(data + used, s, len);
		memcpy(data + used + len, value, (size_t)got);
		v = ac_xrealloc(v, count + 1, sizeof(*v));
		v[count++] = (struct ac_xattr){.len = (size_t)got};
		used += len + (size_t)got;
	}
	if (rc == 0 && count != 0) {
		/* The array, and behind it what it points into. */
		char *at;

		v = ac_xrealloc(v, count * sizeof(*v) + used, 1);
		at = (char *)&v[count];
		memcpy(at, data, used);
		for (size_t i = 0; i < count; i++) {
			v[i].name = at;
			v[i].value = at + strlen(at) + 1;
			at += strlen(at) + 1 + v[i].len;
		}
		m->e.xattrs = v;
		m->e.n_xattrs = count;
		v = NULL;
	}
	free(v);
	free(data);
	free(value);
	return rc;
}

static int read_xattrs(struct ac_meta *m, int dirfd, const char *name,
		       struct ac_err *err)
{
	char path[64 + 256];
	char list[1024]; /* enough but for the strangest file */
	ssize_t n;
	char *big;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd,
		       name[0] != '\0' ? name : ".");
	n = llistxattr(path, list, sizeof(list));
	if (n >= 0)
		return n == 0 ? 0 : read_values(m, path, list, (size_t)n, err);
	if (errno == ENOTSUP)
		return 0;
	if (errno != ERANGE)
		return ac_err_sys(err, errno, "read the attributes of '%s'",
				  name);
	big = ac_xmalloc(65536);
	n = llistxattr(path, big, 65536);
	rc = n < 0 ? ac_err_sys(err, errno, "read the attributes of '%s'", name)
		   : read_values(m, path, big, (size_t)n, err);
	free(big);
	return rc;
}

int ac_meta_read(struct ac_meta *m, int dirfd, const char *name,
		 struct ac_err *err)
{
	const struct stat *st = &m->st;
	int type;

	ac_meta_release(m);
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
	return read_xattrs(m, dirfd, name, err);
}
