/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/store/store.h"

enum {
	MODE_STORE = 0750,
	MODE_MEMBERS = 01730, /* make one's own, and see no other */
	MAX_GROUP = 1 << 20,  /* bytes of one group with its members */
};

/* What readers see; all else is root's alone. */
static const char *const open_dirs[] = {"blobs", "blobs/sha256", "blobs/sha512",
					"images", "used"};
static const char *const open_files[] = {"version", "images.idx", "oci-layout",
					 "index.json"};
/* What must be closed before anybody makes it. */
static const char *const closed_dirs[] = {"layers", "ingest", "partial",
					  "http"};
/* Who can open a file can hold its lock, for ever. */
static const char *const closed_files[] = {"lock", "images.lock"};

struct groups {
	gid_t read, add;
	bool has_add;
};

/* The line of /etc/group of the group NAME, or, when that is NULL, of *GID.
 * The groups of a machine's own programs are there, and a static program cannot
 * ask elsewhere.  Its name is the caller's; NULL when there is none. */
static char *find_group(const char *name, gid_t *gid)
{
	FILE *f = fopen("/etc/group", "re");
	AC_FREE char *buf = ac_xmalloc(MAX_GROUP);
	struct group g;
	struct group *found = NULL;
	char *out = NULL;

	while (f != NULL && out == NULL &&
	       fgetgrent_r(f, &g, buf, MAX_GROUP, &found) == 0)
		if (name != NULL ? strcmp(g.gr_name, name) == 0
				 : g.gr_gid == *gid) {
			*gid = g.gr_gid;
			out = ac_xstrdup(g.gr_name);
		}
	if (f != NULL)
		(void)fclose(f);
	return out;
}

static bool group_id(const char *name, gid_t *gid)
{
	AC_FREE char *found = find_group(name, gid);

	return found != NULL;
}

static bool find_groups(struct groups *g)
{
	if (!group_id(AC_SHARE_READERS, &g->read))
		return false;
	g->has_add = group_id(AC_SHARE_ADDERS, &g->add);
	return true;
}

static bool is_system(const char *path)
{
	struct ac_str p = ac_str(path);

	while (p.len > 1 && p.p[p.len - 1] == '/')
		p.len--;
	return ac_str_eq(p, AC_SHARE_SYSTEM);
}

static bool has(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool members_settled(int dir, const struct groups *g)
{
	struct stat st;

	return fstatat(dir, AC_SHARE_MEMBERS, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == 0 && st.st_gid == g->add &&
	       (st.st_mode & 07777) == MODE_MEMBERS;
}

static bool closed(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & 077) == 0;
}

/* Somebody may have given the directory away by hand. */
static bool settled(int dir, const struct stat *st, const struct groups *g)
{
	for (size_t i = 0; i < AC_LEN(closed_dirs); i++)
		if (!closed(dir, closed_dirs[i]))
			return false;
	for (size_t i = 0; i < AC_LEN(closed_files); i++)
		if (!closed(dir, closed_files[i]))
			return false;
	return st->st_gid == g->read && (st->st_mode & 07777) == MODE_STORE &&
	       (!g->has_add || members_settled(dir, g));
}

/* Set the bits OR of NAME, and those of AND alone; links have none. */
static int set_bits(int dir, const char *name, mode_t and_bits, mode_t or_bits,
		    struct ac_err *err)
{
	/* What is looked at is what is changed, whoever may write here. */
	AC_CLOSE int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[sizeof("/proc/self/fd/") + 12];
	struct stat st;
	mode_t mode;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "look at '%s'", name);
	mode = ((st.st_mode & and_bits) | or_bits) & 07777;
	if (S_ISLNK(st.st_mode) || mode == (st.st_mode & 07777))
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, mode) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", name);
	return 0;
}

typedef int (*each_fn)(int dir, const char *name, struct ac_err *err);

static int each_in(int dir, const char *name, each_fn fn, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		openat(dir, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *de;

	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return ac_err_sys(err, errno, "open '%s'", name);
	(void)ac_steal_fd(&fd);
	while (errno = 0, (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0 &&
		    fn(dirfd(d), de->d_name, err) < 0)
			return -1;
	return errno == 0 ? 0 : ac_err_sys(err, errno, "read '%s'", name);
}

static int close_one(int dir, const char *name, struct ac_err *err)
{
	if (has(open_dirs, AC_LEN(open_dirs), name) ||
	    has(open_files, AC_LEN(open_files), name) ||
	    strcmp(name, AC_SHARE_MEMBERS) == 0)
		return 0;
	return set_bits(dir, name, 0700, 0, err);
}

static int open_one(int dir, const char *name, struct ac_err *err)
{
	return set_bits(dir, name, 07755, 0444, err);
}

static int make_closed(int dir, struct ac_err *err)
{
	for (size_t i = 0; i < AC_LEN(closed_dirs); i++)
		if (mkdirat(dir, closed_dirs[i], 0700) < 0 && errno != EEXIST)
			return ac_err_sys(err, errno, "make '%s'",
					  closed_dirs[i]);
	for (size_t i = 0; i < AC_LEN(closed_files); i++) {
		AC_CLOSE int fd = openat(dir, closed_files[i],
					 O_RDONLY | O_CREAT | O_NOFOLLOW |
						 O_NONBLOCK | O_CLOEXEC,
					 0600);

		if (fd < 0)
			return ac_err_sys(err, errno, "make '%s'",
					  closed_files[i]);
	}
	return 0;
}

/* What was made under any umask. */
static int make_open(int dir, struct ac_err *err)
{
	for (size_t i = 0; i < AC_LEN(open_dirs); i++)
		if ((mkdirat(dir, open_dirs[i], 0755) < 0 && errno != EEXIST) ||
		    set_bits(dir, open_dirs[i], 0, 0755, err) < 0)
			return ac_err_sys(err, errno, "make '%s'",
					  open_dirs[i]);
	for (size_t i = 0; i < AC_LEN(open_files); i++)
		if (set_bits(dir, open_files[i], 0, 0644, err) < 0)
			return -1;
	if (each_in(dir, "blobs/sha256", open_one, err) < 0 ||
	    each_in(dir, "blobs/sha512", open_one, err) < 0 ||
	    each_in(dir, "images", open_one, err) < 0)
		return -1;
	return 0;
}

static int make_members(int dir, const struct groups *g, struct ac_err *err)
{
	AC_CLOSE int fd = -1;
	struct stat st;

	if (mkdirat(dir, AC_SHARE_MEMBERS, 0700) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make '" AC_SHARE_MEMBERS "'");
	fd = openat(dir, AC_SHARE_MEMBERS,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "open '" AC_SHARE_MEMBERS "'");
	if (st.st_uid != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'" AC_SHARE_MEMBERS "' is not root's");
	if (fchown(fd, 0, g->add) < 0 || fchmod(fd, MODE_MEMBERS) < 0)
		return ac_err_sys(err, errno,
				  "give '" AC_SHARE_MEMBERS
				  "' to the group " AC_SHARE_ADDERS);
	return 0;
}

static int give(int dir, const struct groups *g, struct ac_err *err)
{
	if (each_in(dir, ".", close_one, err) < 0 || make_closed(dir, err) < 0)
		return -1;
	if (make_open(dir, err) < 0 ||
	    (g->has_add && make_members(dir, g, err) < 0))
		return -1;
	if (fchown(dir, 0, g->read) < 0 || fchmod(dir, MODE_STORE) < 0)
		return ac_err_sys(err, errno, "give it away");
	return 0;
}

int ac_share_settle(const char *path, struct ac_err *err)
{
	AC_CLOSE int dir = -1;
	struct groups g;
	struct stat st;

	if (geteuid() != 0)
		return 0;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Whoever opens it says why that is not possible. */
	if (dir < 0 || fstat(dir, &st) < 0 || st.st_uid != 0 ||
	    !find_groups(&g) || (!is_system(path) && st.st_gid != g.read) ||
	    settled(dir, &st, &g))
		return 0;
	if (give(dir, &g, err) < 0)
		return ac_err_ctx(err,
				  "open the store '%s' to the "
				  "group " AC_SHARE_READERS,
				  path);
	return 0;
}

mode_t ac_share_mode(const struct ac_store *s, const char *name)
{
	struct stat st;

	return has(closed_dirs, AC_LEN(closed_dirs), name) &&
			       fstat(s->dirfd, &st) == 0 &&
			       (st.st_mode & 07777) == MODE_STORE
		       ? 0700
		       : 0755;
}

int ac_share_members(const struct ac_store *s, int *fd)
{
	AC_CLOSE int dir = -1;
	struct stat st;

	if (s->dirfd < 0)
		return 0;
	dir = openat(s->dirfd, AC_SHARE_MEMBERS,
		     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || st.st_uid != 0)
		return 0;
	*fd = ac_steal_fd(&dir);
	return 1;
}

char *ac_share_signature(const char *id, size_t i)
{
	return ac_xasprintf("signatures/%s.%zu", id, i);
}

static int may_not_add(const char *path, struct ac_err *err)
{
	return ac_err_set(err, AC_E_DENIED,
			  "add to the store '%s': it is root's, and you are "
			  "not in the group " AC_SHARE_ADDERS
			  "; without --dir and ACUTILS_DIR images go to a "
			  "store of your own",
			  path);
}

int ac_share_own(const char *path, bool create, char **own, struct ac_err *err)
{
	AC_FREE char *mine = NULL;
	AC_FREE char *members = ac_xasprintf("%s/" AC_SHARE_MEMBERS, path);
	uid_t me = geteuid();
	struct stat st;

	if (me == 0 || stat(path, &st) < 0 || st.st_uid != 0)
		return 0;
	if (lstat(members, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0)
		return create &&
				       faccessat(AT_FDCWD, path, W_OK,
						 AT_EACCESS) < 0 &&
				       faccessat(AT_FDCWD, path, X_OK,
						 AT_EACCESS) == 0
			       ? may_not_add(path, err)
			       : 0;
	mine = ac_xasprintf("%s/%ju", members, (uintmax_t)me);
	if (create && mkdir(mine, 0700) < 0 && errno != EEXIST)
		return errno == EACCES
			       ? may_not_add(path, err)
			       : ac_err_sys(err, errno, "make '%s'", mine);
	if (lstat(mine, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode) || st.st_uid != me)
		return create ? ac_err_set(err, AC_E_DENIED,
					   "'%s' is not yours, though it has "
					   "your number; have root remove it",
					   mine)
			      : 0;
	*own = ac_steal_ptr(&mine);
	return 1;
}

int ac_share_denied(const char *path, int sys, struct ac_err *err)
{
	AC_FREE char *group = NULL;
	struct stat st;

	if (sys == EACCES && stat(path, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & 07777) == MODE_STORE)
		group = find_group(NULL, &st.st_gid);
	if (group == NULL)
		return ac_err_sys(err, sys,
				  "open the store '%s' (--dir names another)",
				  path);
	return ac_err_sys(err, sys,
			  "open the store '%s', which is for root and the "
			  "group %s ('usermod -aG %s USER' adds one to it; "
			  "without --dir you have a store of your own)",
			  path, group, group);
}
