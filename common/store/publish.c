/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/publish.h"

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
#include "common/store/list.h"
#include "common/store/record.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"

int ac_publish_dir(const struct ac_store *s, const char *dir,
		   struct ac_err *err)
{
	int fd = openat(s->dirfd, dir,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd
		       : ac_err_sys(err, errno, "open '%s/%s'", s->path, dir);
}

int ac_publish_move(const struct ac_store *s, int dirfd, const char *from,
		    const char *dir, const char *name, struct ac_err *err)
{
	AC_CLOSE int to = ac_publish_dir(s, dir, err);

	if (to < 0)
		return -1;
	if (renameat2(dirfd, from, to, name, RENAME_NOREPLACE) == 0)
		return 1;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return 0;
	return ac_err_sys(err, errno, "rename to '%s/%s/%s'", s->path, dir,
			  name);
}

int ac_publish_sync(const struct ac_store *s, const char *dir,
		    struct ac_err *err)
{
	AC_CLOSE int fd = ac_publish_dir(s, dir, err);

	if (fd < 0)
		return -1;
	if (fsync(fd) < 0)
		return ac_err_sys(err, errno, "flush '%s/%s'", s->path, dir);
	return 0;
}

int ac_publish_lock(const struct ac_store *s, struct ac_err *err)
{
	return ac_lock_file(s->dirfd, "images.lock", AC_LOCK_EXCLUSIVE, true,
			    err);
}

void ac_pending_release(struct ac_pending *p)
{
	ac_scratch_release(&p->dir);
}

int ac_pending_write(struct ac_pending *p, const struct ac_store *s,
		     const struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_RECORD_MAX);
	AC_CLOSE int fd = -1;

	if (ac_record_write(r, &text, err) < 0 ||
	    ac_scratch_open(&p->dir, s, err) < 0)
		return -1;
	fd = openat(p->dir.fd, "record",
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return ac_err_sys(err, errno, "make a record");
	if (ac_io_write(fd, text.p, text.len, "the record", err) < 0)
		return -1;
	/* Whatever the umask. */
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return ac_err_sys(err, errno, "flush the record");
	return 0;
}

int ac_pending_place(struct ac_pending *p, const struct ac_store *s,
		     const char *id, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("%s.json", id);
	AC_CLOSE int images = ac_publish_dir(s, "images", err);

	if (images < 0)
		return -1;
	if (renameat(p->dir.fd, "record", images, name) < 0)
		return ac_err_sys(err, errno, "rename to '%s/images/%s'",
				  s->path, name);
	if (fsync(images) < 0)
		return ac_err_sys(err, errno, "flush '%s/images'", s->path);
	return 0;
}

int ac_publish_record(const struct ac_store *s, const struct ac_record *r,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_pending_release) struct ac_pending p = AC_PENDING_INIT;

	if (ac_pending_write(&p, s, r, err) < 0)
		return -1;
	return ac_pending_place(&p, s, r->id, err);
}

int ac_publish_derived(const struct ac_store *s, const char *name,
		       const void *p, size_t len, struct ac_err *err)
{
	AC_CLEANUP(ac_scratch_release) struct ac_scratch d = AC_SCRATCH_INIT;
	AC_CLOSE int fd = -1;

	if (ac_scratch_open(&d, s, err) < 0)
		return -1;
	fd = openat(d.fd, "derived", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return ac_err_sys(err, errno, "make '%s/%s'", s->path, name);
	/* Whatever the umask. */
	if (fchmod(fd, 0644) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", name);
	if (ac_io_write_close(&fd, p, len, name, err) < 0)
		return -1;
	if (renameat(d.fd, "derived", s->dirfd, name) < 0)
		return ac_err_sys(err, errno, "rename to '%s/%s'", s->path,
				  name);
	return 0;
}

int ac_publish_layer_bytes(const struct ac_store *s, const char *chain,
			   uint64_t *bytes, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("layers/%s/files", chain);
	AC_CLOSE int fd = ac_store_open_file(s, name, err);

	return fd >= 0 ? ac_list_bytes(fd, bytes, err) : -1;
}
