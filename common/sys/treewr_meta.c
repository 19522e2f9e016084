/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/treewr_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/sys/xattr.h"

int treewr_learn(struct ac_treewr *w, int fd, struct ac_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", w->path);
	w->fresh_uid = st.st_uid;
	w->fresh_gid = st.st_gid;
	w->umask = 0777 & ~st.st_mode;
	w->fresh_known = true;
	return 0;
}

struct treewr_xattrs *treewr_copy_xattrs(const struct ac_entry *e)
{
	size_t n = e->n_xattrs;
	size_t size =
		sizeof(struct treewr_xattrs) + n * sizeof(struct ac_xattr);
	struct treewr_xattrs *x;
	char *to;

	if (n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		size += strlen(e->xattrs[i].name) + 1 + e->xattrs[i].len;
	x = ac_xmalloc(size);
	x->n = n;
	to = (char *)&x->v[n];
	for (size_t i = 0; i < n; i++) {
		const struct ac_xattr *from = &e->xattrs[i];
		size_t len = strlen(from->name) + 1;

		x->v[i] = (struct ac_xattr){.name = to,
					    .value = to + len,
					    .len = from->len};
		memcpy(to, from->name, len);
		if (from->len != 0)
			memcpy(to + len, from->value, from->len);
		to += len + from->len;
	}
	return x;
}

/* Where an attribute goes: a descriptor, or a path that names the file itself
 * when it cannot be opened. */
struct target {
	int fd;
	const char *proc;
	enum ac_ftype type;
	const char *path; /* for messages */
};

/* A refusal that is no failure: the file is whole without the attribute. */
static bool tolerable(struct ac_treewr *w, const struct target *t,
		      const char *name, int e)
{
	if (e == EPERM || e == EACCES) {
		bool special = t->type != AC_F_REG && t->type != AC_F_DIR;

		if (!w->o.no_owner &&
		    !(special && strncmp(name, "user.", 5) == 0))
			return false;
		ac_debug("'%s': no permission to set attribute '%s'", t->path,
			 name);
		return true;
	}
	if (e != ENOTSUP)
		return false;
	if (!w->warned_xattr)
		ac_warn("'%s': this file system cannot store attribute '%s'; "
			"going on without (told once)",
			t->path, name);
	w->warned_xattr = true;
	return true;
}

static int set_xattrs(struct ac_treewr *w, const struct target *t,
		      const struct ac_xattr *x, size_t n, struct ac_err *err)
{
	for (; n != 0; n--, x++) {
		int r;

		if (!ac_xattr_kept(x->name)) {
			ac_debug("'%s': attribute '%s' left out", t->path,
				 x->name);
			continue;
		}
		r = t->proc != NULL
			    ? lsetxattr(t->proc, x->name, x->value, x->len, 0)
			    : fsetxattr(t->fd, x->name, x->value, x->len, 0);
		if (r < 0 && !tolerable(w, t, x->name, errno))
			return ac_err_sys(err, errno,
					  "set attribute '%s' of '%s'", x->name,
					  t->path);
	}
	return 0;
}

static bool other_owner(const struct ac_treewr *w, uid_t uid, gid_t gid)
{
	return !w->o.no_owner &&
	       (!w->fresh_known || uid != w->fresh_uid || gid != w->fresh_gid);
}

/* Does a file that was made with mode MADE need a chmod to have MODE? */
static bool other_mode(const struct ac_treewr *w, mode_t made, mode_t mode)
{
	return !w->fresh_known || mode != (made & ~w->umask);
}

/* Both times: the access time of an unpacked file means nothing, and so it is
 * at least the same everywhere. */
static int times(int fd, const char *base, int64_t sec, uint32_t ns,
		 const char *path, struct ac_err *err)
{
	struct timespec ts[2] = {{.tv_sec = sec, .tv_nsec = ns},
				 {.tv_sec = sec, .tv_nsec = ns}};
	/* Of "", FD itself: a "." in it would need the right to search it. */
	int r = base != NULL ? utimensat(fd, base, ts,
					 AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
			     : futimens(fd, ts);

	if (r < 0)
		return ac_err_sys(err, errno, "set the time of '%s'", path);
	return 0;
}

/* The order matters: chown clears setuid and capabilities, so it comes first;
 * an ACL changes the mode, so that comes behind it. */
int treewr_set_fd(struct ac_treewr *w, int fd, const struct ac_entry *e,
		  struct ac_err *err)
{
	struct target t = {.fd = fd, .type = AC_F_REG, .path = e->path};

	if (other_owner(w, e->uid, e->gid) && fchown(fd, e->uid, e->gid) < 0)
		return ac_err_sys(err, errno, "set the owner of '%s'", e->path);
	if (set_xattrs(w, &t, e->xattrs, e->n_xattrs, err) < 0)
		return -1;
	if ((e->n_xattrs != 0 || other_mode(w, w->made, e->mode)) &&
	    fchmod(fd, e->mode & 07777) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", e->path);
	return times(fd, NULL, e->mtime, e->mtime_ns, e->path, err);
}

int treewr_set_at(struct ac_treewr *w, int dirfd, const char *base,
		  const struct ac_entry *e, struct ac_err *err)
{
	char proc[32 + 256];
	struct target t = {.proc = proc, .type = e->type, .path = e->path};

	if (other_owner(w, e->uid, e->gid) &&
	    fchownat(dirfd, base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_sys(err, errno, "set the owner of '%s'", e->path);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", dirfd, base);
	if (set_xattrs(w, &t, e->xattrs, e->n_xattrs, err) < 0)
		return -1;
	/* Not a link: we have just made it, and nobody else is here. */
	if (e->type != AC_F_LINK &&
	    (e->n_xattrs != 0 || other_mode(w, e->mode & 0777, e->mode)) &&
	    fchmodat(dirfd, base, e->mode & 07777, 0) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", e->path);
	return times(dirfd, base, e->mtime, e->mtime_ns, e->path, err);
}

static int set_opaque(struct ac_treewr *w, int fd, const char *path,
		      struct ac_err *err)
{
	const char *name = w->o.user_xattr ? "user.overlay.opaque"
					   : "trusted.overlay.opaque";

	if (fsetxattr(fd, name, "y", 1, 0) < 0)
		return ac_err_sys(err, errno, "mark '%s' as opaque", path);
	return 0;
}

/* What needs the directory open: attributes, marks, the mode. */
static int set_opened_dir(struct ac_treewr *w, int parentfd,
			  const struct treewr_dir *d, bool chmod_it,
			  struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(parentfd, d->parent != NULL ? d->name : ".",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct target t = {.fd = fd, .type = AC_F_DIR, .path = d->path};

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", d->path);
	if (d->opaque && set_opaque(w, fd, d->path, err) < 0)
		return -1;
	if (d->xattrs != NULL &&
	    set_xattrs(w, &t, d->xattrs->v, d->xattrs->n, err) < 0)
		return -1;
	if (chmod_it && fchmod(fd, d->mode & 07777) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", d->path);
	return 0;
}

int treewr_set_dir(struct ac_treewr *w, int parentfd,
		   const struct treewr_dir *d, struct ac_err *err)
{
	bool ours = d->named || !d->adopted;
	const char *name = d->parent != NULL ? d->name : "";
	bool chmod_it = ours && (d->adopted || d->xattrs != NULL ||
				 other_mode(w, d->made, d->mode));

	if (ours && !w->o.no_owner &&
	    (d->adopted || other_owner(w, d->uid, d->gid)) &&
	    fchownat(parentfd, name, d->uid, d->gid,
		     AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return ac_err_sys(err, errno, "set the owner of '%s'", d->path);
	if ((chmod_it || d->opaque || d->xattrs != NULL) &&
	    set_opened_dir(w, parentfd, d, chmod_it, err) < 0)
		return -1;
	if (!ours)
		return 0;
	return times(parentfd, name, d->mtime, d->mtime_ns, d->path, err);
}
