/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/store/scratch.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"

int ac_layout_read(struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(64);
	AC_CLOSE int fd = -1;
	uint64_t n;

	s->layout = 0;
	fd = ac_store_open_file(s, "version", err);
	if (fd < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (ac_io_slurp(fd, &text, "version", err) < 0)
		return -1;
	if (ac_num_u64(ac_str_trim(ac_strn(text.p, text.len)), &n) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s/version' is damaged; it is '%d' where a "
				  "store is as this version makes it",
				  s->path, AC_LAYOUT);
	if (n < AC_LAYOUT_OLDEST || n > AC_LAYOUT)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "store '%s' has layout %llu, this version "
				  "knows %d to %d; use a newer one, or another "
				  "store (--dir)",
				  s->path, (unsigned long long)n,
				  AC_LAYOUT_OLDEST, AC_LAYOUT);
	s->layout = (int)n;
	return 1;
}

/* By one rename, of a file that is on the disk; the name is too when this
 * returns: what is written next is of that layout. */
int ac_layout_write(struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_scratch_release) struct ac_scratch d = AC_SCRATCH_INIT;
	AC_CLOSE int fd = -1;
	char text[16];

	(void)snprintf(text, sizeof(text), "%d\n", AC_LAYOUT);
	if (ac_scratch_open(&d, s, err) < 0)
		return -1;
	fd = openat(d.fd, "version", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return ac_err_sys(err, errno, "make '%s/version'", s->path);
	if (ac_io_write(fd, text, strlen(text), "version", err) < 0)
		return -1;
	/* Whatever the umask. */
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
	    renameat(d.fd, "version", s->dirfd, "version") < 0 ||
	    fsync(s->dirfd) < 0)
		return ac_err_sys(err, errno, "write '%s/version'", s->path);
	s->layout = AC_LAYOUT;
	return 0;
}

static int be_alone(struct ac_store *s, struct ac_err *err)
{
	if (ac_lock_fd(s->lockfd, AC_LOCK_EXCLUSIVE, false, "lock", err) == 0)
		return 0;
	if (err->code != AC_E_BUSY)
		return -1;
	ac_warn("waiting for those who add to '%s', to bring its layout from "
		"%d to %d",
		s->path, s->layout, AC_LAYOUT);
	return ac_lock_fd(s->lockfd, AC_LOCK_EXCLUSIVE, true, "lock", err);
}

/*
 * 1 to 2: nothing but the number.  Lists say themselves whether extended
 * attributes are in them (list.h), so those of layout 1 stay as they are, and
 * opening a store takes no time that grows with it.  What the attributes are,
 * only the archives know: who verifies reads these anyway, and completes the
 * lists then (relist.h).
 */
static int migrate(struct ac_store *s, struct ac_err *err)
{
	/* Another process may have done it while we waited. */
	if (ac_layout_read(s, err) < 0)
		return -1;
	return s->layout == AC_LAYOUT ? 0 : ac_layout_write(s, err);
}

int ac_layout_migrate(struct ac_store *s, bool exclusive, struct ac_err *err)
{
	struct ac_err back;
	int rc;

	if (s->layout == AC_LAYOUT)
		return 0;
	if (!exclusive && be_alone(s, err) < 0)
		return -1;
	rc = migrate(s, err);
	if (!exclusive &&
	    ac_lock_fd(s->lockfd, AC_LOCK_SHARED, true, "lock", &back) < 0) {
		*err = back;
		return -1;
	}
	return rc;
}
