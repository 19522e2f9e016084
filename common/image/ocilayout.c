/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/ocilayout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/atomic.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"

#define NEW_BLOB ".new"

/* The directory PATH is in, and its name there. */
static int split(struct ac_ocilayout *l, struct ac_err *err)
{
	AC_FREE char *dir = ac_xstrdup(l->path);
	size_t n = strlen(dir);
	char *slash;

	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	slash = strrchr(dir, '/');
	l->name = ac_xstrdup(slash != NULL ? slash + 1 : dir);
	if (l->name[0] == '\0' || strcmp(l->name, ".") == 0 ||
	    strcmp(l->name, "..") == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "'%s' is not the name of a new directory",
				  l->path);
	if (slash == dir)
		slash++;
	if (slash != NULL)
		*slash = '\0';
	l->parent = open(slash != NULL ? dir : ".",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->parent < 0 ? ac_err_sys(err, errno, "open '%s'",
					  slash != NULL ? dir : ".")
			     : 0;
}

/* What is there already. */
static int check_target(struct ac_ocilayout *l, bool overwrite,
			struct ac_err *err)
{
	AC_FREE char *mark = ac_path_join(l->name, "oci-layout");
	struct stat st;

	if (fstatat(l->parent, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0
			       : ac_err_sys(err, errno, "stat '%s'", l->path);
	if (!overwrite)
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' exists (try --overwrite)", l->path);
	if (!S_ISDIR(st.st_mode) ||
	    faccessat(l->parent, mark, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' exists and is no OCI layout: it is not "
				  "replaced",
				  l->path);
	l->replace = true;
	return 0;
}

static int make_dir(int at, const char *name, int *out, struct ac_err *err)
{
	if (mkdirat(at, name, 0777) < 0)
		return ac_err_sys(err, errno, "make the directory '%s'", name);
	*out = openat(at, name,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out < 0 ? ac_err_sys(err, errno, "open '%s'", name) : 0;
}

int ac_ocilayout_open(struct ac_ocilayout *l, const char *path, bool overwrite,
		      struct ac_err *err)
{
	AC_CLOSE int blobs = -1;
	uint64_t r;

	*l = AC_OCILAYOUT_INIT;
	l->path = ac_xstrdup(path);
	if (split(l, err) < 0 || check_target(l, overwrite, err) < 0)
		return -1;
	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return ac_err_sys(err, errno, "getrandom");
	(void)snprintf(l->tmp, sizeof(l->tmp), ".tmp-%016llx",
		       (unsigned long long)r);
	if (make_dir(l->parent, l->tmp, &l->dir, err) < 0 ||
	    make_dir(l->dir, "blobs", &blobs, err) < 0 ||
	    make_dir(blobs, "sha256", &l->blobs, err) < 0)
		return -1;
	return 0;
}

int ac_ocilayout_attach(struct ac_ocilayout *l, int dirfd, struct ac_err *err)
{
	*l = AC_OCILAYOUT_INIT;
	l->path = ac_xstrdup("the layout");
	l->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (l->dir < 0)
		return ac_err_sys(err, errno, "open the layout");
	l->blobs = ac_at_mkdirs(l->dir, "blobs/sha256", 0755, err);
	if (l->blobs < 0)
		return -1;
	/* Of one who was killed. */
	if (unlinkat(l->blobs, NEW_BLOB, 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove an unfinished blob");
	return 0;
}

void ac_ocilayout_release(struct ac_ocilayout *l)
{
	struct ac_err err = AC_ERR_INIT;

	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->blobs >= 0)
		(void)close(l->blobs);
	if (l->dir >= 0)
		(void)close(l->dir);
	/* There is nobody to tell. */
	if (l->tmp[0] != '\0' && ac_tree_remove(l->parent, l->tmp, &err) < 0)
		l->tmp[0] = '\0';
	if (l->parent >= 0)
		(void)close(l->parent);
	ac_hash_free(l->hash);
	free(l->path);
	free(l->name);
	*l = AC_OCILAYOUT_INIT;
}

int ac_ocilayout_sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_ocilayout *l = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	if (l->fd < 0) {
		l->fd = openat(l->blobs, NEW_BLOB,
			       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (l->fd < 0)
			return ac_err_sys(err, errno, "create a blob in '%s'",
					  l->path);
		l->size = 0;
		if (l->hash == NULL)
			l->hash = ac_hash_new(AC_SHA256);
	}
	ac_hash_add(l->hash, p, n);
	l->size += n;
	return ac_io_write(l->fd, p, n, l->path, err);
}

int ac_ocilayout_blob_end(struct ac_ocilayout *l, struct ac_digest *d,
			  uint64_t *size, struct ac_err *err)
{
	char hex[AC_DIGEST_TEXT];

	ac_hash_final(l->hash, d);
	ac_digest_hex(d, hex);
	if (fsync(l->fd) < 0)
		return ac_err_sys(err, errno, "flush a blob of '%s'", l->path);
	if (renameat(l->blobs, NEW_BLOB, l->blobs, hex) < 0)
		return ac_err_sys(err, errno, "name a blob of '%s'", l->path);
	(void)close(ac_steal_fd(&l->fd));
	*size = l->size;
	return 0;
}

int ac_ocilayout_blob(struct ac_ocilayout *l, const void *p, size_t n,
		      struct ac_digest *d, struct ac_err *err)
{
	char hex[AC_DIGEST_TEXT];

	ac_digest_of(AC_SHA256, p, n, d);
	ac_digest_hex(d, hex);
	return ac_atomic_write(l->blobs, hex, 0666, p, n, err);
}

int ac_ocilayout_file(struct ac_ocilayout *l, const char *name, const void *p,
		      size_t n, struct ac_err *err)
{
	return ac_atomic_write(l->dir, name, 0666, p, n, err);
}

int ac_ocilayout_commit(struct ac_ocilayout *l, struct ac_err *err)
{
	/* The old one goes to the temporary name, and is removed there. */
	if (renameat2(l->parent, l->tmp, l->parent, l->name,
		      l->replace ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
		return ac_err_sys(err, errno, "put '%s' in its place", l->path);
	if (!l->replace)
		l->tmp[0] = '\0';
	if (fsync(l->parent) < 0)
		return ac_err_sys(err, errno, "flush the directory of '%s'",
				  l->path);
	return 0;
}
