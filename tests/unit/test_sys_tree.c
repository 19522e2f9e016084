/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/base/alloc.h"
#include "common/sys/treerd.h"
#include "common/sys/treewr.h"
#include "tests/unit/scratch.h"

TEST(remove_anything)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;

	scratch_write(s.fd, "keep", "kept");
	CHECK(mkdirat(s.fd, "d", 0755) == 0 && mkdirat(s.fd, "d/e", 0) == 0);
	CHECK(symlinkat("../keep", s.fd, "d/out") == 0);
	CHECK(symlinkat("..", s.fd, "d/up") == 0);
	CHECK(mkfifoat(s.fd, "d/fifo", 0600) == 0);
	scratch_write(s.fd, "d/f", "x");
	scratch_write(s.fd, "d/\n\xff", "x");
	CHECK(linkat(s.fd, "keep", s.fd, "d/hard", 0) == 0);
	CHECK(ac_tree_remove(s.fd, "d", &err) == 0);
	CHECK(scratch_missing(s.fd, "d"));
	CHECK(strcmp(scratch_read(s.fd, "keep"), "kept") == 0);

	CHECK(ac_tree_remove(s.fd, "d", &err) == 0); /* missing is fine */
	CHECK(symlinkat("keep", s.fd, "link") == 0);
	CHECK(ac_tree_remove(s.fd, "link", &err) == 0);
	CHECK(scratch_missing(s.fd, "link") && !scratch_missing(s.fd, "keep"));
	CHECK(ac_tree_remove(s.fd, "keep", &err) == 0);
	CHECK(ac_tree_remove(s.fd, "no/such/parent", &err) == 0);
	CHECK(ac_tree_remove(-1, "x", &err) < 0 && err.sys == EBADF);
}

TEST(remove_many_and_deep)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;
	int at = dup(s.fd);

	for (int i = 0; i < 3000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		scratch_write(s.fd, name, "");
	}
	/* Deeper than any path is long, and than descriptors there are. */
	for (int i = 0; i < 6000; i++) {
		int next;

		CHECK(mkdirat(at, "dd", 0755) == 0);
		next = openat(at, "dd", O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0 && close(at) == 0);
		at = next;
	}
	CHECK(close(at) == 0);
	CHECK(ac_tree_remove(s.fd, "dd", &err) == 0);
	CHECK(scratch_missing(s.fd, "dd"));
}

/* As nobody, who may not look into his own closed directories. */
TEST(remove_closed_directories)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	CHECK(chmod(s.path, 0777) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_err err = AC_ERR_INIT;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		if (mkdirat(s.fd, "a", 0700) < 0 ||
		    mkdirat(s.fd, "a/b", 0700) < 0 ||
		    mkdirat(s.fd, "a/b/c", 0) < 0 ||
		    symlinkat("/", s.fd, "a/b/l") < 0 ||
		    fchmodat(s.fd, "a/b", 0500, 0) < 0 ||
		    fchmodat(s.fd, "a", 0, 0) < 0)
			_exit(2);
		_exit(ac_tree_remove(s.fd, "a", &err) == 0 ? 0 : 3);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(scratch_missing(s.fd, "a"));
}

TEST(remove_stops_at_a_mount)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		printf("# left out: mount needs root\n");
		return;
	}
	CHECK(mkdirat(s.fd, "a", 0755) == 0 && mkdirat(s.fd, "a/m", 0755) == 0);
	CHECK(mkdirat(s.fd, "other", 0755) == 0);
	scratch_write(s.fd, "other/precious", "data");
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_err err = AC_ERR_INIT;

		if (fchdir(s.fd) < 0 || unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("other", "a/m", NULL, MS_BIND, NULL) < 0)
			_exit(1);
		_exit(ac_tree_remove(AT_FDCWD, "a", &err) < 0 &&
				      err.code == AC_E_BUSY &&
				      ac_tree_remove(AT_FDCWD, "a/m", &err) < 0
			      ? 0
			      : 2);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(strcmp(scratch_read(s.fd, "other/precious"), "data") == 0);
}

/* A tree as text: each file with all that can be seen of it. */
static char *listing(int dirfd, const char *name)
{
	AC_CLOSE int fd = openat(dirfd, name, O_DIRECTORY | O_CLOEXEC);
	struct ac_treerd *r = ac_treerd_new(fd);
	struct ac_err err = AC_ERR_INIT;
	struct ac_entry e;
	char *out = ac_xstrdup("");
	int in;

	while (ac_treerd_next(r, &e, &in, &err) > 0) {
		char head[64] = "";
		char *more;

		if (in >= 0)
			CHECK(read(in, head, sizeof(head) - 1) >= 0);
		more = ac_xasprintf(
			"%s%c '%s' %o %u:%u %lld.%u %llu %u:%u ->%s x%zu%s h%zu "
			"%s\n",
			out, e.type, e.path, e.mode, e.uid, e.gid,
			(long long)e.mtime, e.mtime_ns,
			(unsigned long long)e.size, e.dev_major, e.dev_minor,
			e.link != NULL ? e.link : "", e.n_xattrs,
			e.n_xattrs != 0 ? e.xattrs[0].name : "", e.n_extents,
			head);
		free(out);
		out = more;
	}
	CHECK(err.code == AC_OK);
	ac_treerd_free(r);
	return out;
}

static void make_sample(int fd)
{
	static const struct ac_xattr x[] = {{"user.a", "1", 1}};
	static const struct ac_extent map[] = {{1 << 20, 4096}};
	struct ac_treewr_opts o = {.no_owner = geteuid() != 0};
	struct ac_treewr *w = ac_treewr_new(fd, &o);
	bool root = geteuid() == 0;
	struct ac_entry t[] = {
		{.type = AC_F_DIR, .path = "", .mode = 0751},
		{.type = AC_F_DIR, .path = "b", .mode = 0700, .mtime = 5},
		{.type = AC_F_REG, .path = "b/f", .mode = 04755, .size = 7},
		{.type = AC_F_REG, .path = "a-", .mode = 0400},
		{.type = AC_F_REG,
		 .path = "a/z",
		 .mode = 0640,
		 .size = 7,
		 .xattrs = x,
		 .n_xattrs = 1},
		{.type = AC_F_HARD, .path = "zz", .link = "a/z"},
		{.type = AC_F_LINK,
		 .path = "l",
		 .link = "../../x",
		 .mode = 0777},
		{.type = AC_F_FIFO, .path = "p", .mode = 0600},
		{.type = AC_F_REG,
		 .path = "s",
		 .mode = 0640,
		 .size = 4 << 20,
		 .extents = map,
		 .n_extents = 1},
		{.type = AC_F_REG,
		 .path = "s0",
		 .mode = 0640,
		 .size = 4 << 20,
		 .extents = map},
		{.type = AC_F_CHR, .path = "c", .dev_major = 1, .dev_minor = 3},
	};
	char data[4096];
	struct ac_err err = AC_ERR_INIT;

	memset(data, 'd', sizeof(data));
	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_entry *e = &t[i];

		if (e->type == AC_F_CHR && !root)
			continue;
		e->uid = root ? (uid_t)i : geteuid();
		e->gid = root ? (gid_t)i * 2 : getegid();
		e->mtime_ns = (uint32_t)i;
		CHECK(ac_treewr_add(w, e, &err) == 0);
		if (e->size == 7)
			CHECK(ac_treewr_data(w, "content", 7, 0, &err) == 0);
		if (e->n_extents != 0)
			CHECK(ac_treewr_data(w, data, 4096, 1 << 20, &err) ==
			      0);
	}
	CHECK(ac_treewr_finish(w, &err) == 0);
	ac_treewr_free(w);
}

TEST(read_in_order)
{
	SCRATCH s = scratch_make();
	struct ac_treerd *r;
	struct ac_err err = AC_ERR_INIT;
	struct ac_entry e;
	char all[256] = "";
	size_t n = 0;
	int fd;

	make_sample(s.fd);
	r = ac_treerd_new(s.fd);
	while (ac_treerd_next(r, &e, &fd, &err) > 0) {
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%c:%s ",
				      e.type, e.path);
		CHECK((fd >= 0) == (e.type == AC_F_REG));
		if (strcmp(e.path, "s") == 0)
			CHECK(e.n_extents == 1 && e.extents[0].off == 1 << 20);
		if (strcmp(e.path, "s0") == 0)
			CHECK(e.n_extents == 0 && e.extents != NULL);
		if (strcmp(e.path, "zz") == 0)
			CHECK(strcmp(e.link, "a/z") == 0 && e.size == 0);
		if (strcmp(e.path, "a/z") == 0)
			CHECK(e.n_xattrs == 0 ||
			      strcmp(e.xattrs[0].name, "user.a") == 0);
	}
	if (err.code != AC_OK)
		printf("# %s\n", err.msg);
	CHECK(ac_treerd_next(r, &e, &fd, &err) == 0);
	ac_treerd_free(r);
	CHECK(strcmp(all, geteuid() == 0
				  ? "d: d:a f:a/z f:a- d:b f:b/f c:c l:l p:p "
				    "f:s f:s0 h:zz "
				  : "d: d:a f:a/z f:a- d:b f:b/f l:l p:p f:s "
				    "f:s0 h:zz ") == 0);
}

TEST(read_refuses)
{
	SCRATCH s = scratch_make();
	struct ac_treerd *r = ac_treerd_new(s.fd);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ac_entry e;
	int fd;

	scratch_write(s.fd, "grows", "x");
	CHECK(ac_treerd_next(r, &e, &fd, &err) == 1);
	CHECK(ac_treerd_next(r, &e, &fd, &err) == 1);
	scratch_write(s.fd, "grows", "longer");
	CHECK(ac_treerd_next(r, &e, &fd, &err) < 0);
	CHECK(err.code == AC_E_INVALID &&
	      strstr(err.msg, "'grows' changed") != NULL);
	ac_treerd_free(r);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/sock", s.path);
	CHECK(bind(sock, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	r = ac_treerd_new_at(s.fd, "sock");
	CHECK(ac_treerd_next(r, &e, &fd, &err) < 0);
	CHECK(err.code == AC_E_INVALID &&
	      strstr(err.msg, "'sock' is a socket") != NULL);
	ac_treerd_free(r);
}

TEST(copy_keeps_all)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int from = -1;
	AC_FREE char *a = NULL;
	AC_FREE char *b = NULL;

	CHECK(mkdirat(s.fd, "from", 0700) == 0);
	from = openat(s.fd, "from", O_DIRECTORY | O_CLOEXEC);
	make_sample(from);
	CHECK(ac_tree_copy(s.fd, "from/", s.fd, "to/the/copy", true, &err) ==
	      0);
	a = listing(s.fd, "from");
	b = listing(s.fd, "to/the/copy");
	if (strcmp(a, b) != 0)
		fprintf(stderr, "%s\n%s", a, b);
	CHECK(strcmp(a, b) == 0);
	CHECK(scratch_stat(s.fd, "to").st_mode == (S_IFDIR | 0755));
	CHECK(ac_tree_copy(from, ".", s.fd, "again", false, &err) == 0);
	CHECK(scratch_stat(s.fd, "again/b/f").st_uid == geteuid());
	CHECK(scratch_stat(s.fd, "again/b/f").st_mode == (S_IFREG | 04755));
}

TEST(copy_one_file)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;

	scratch_write(s.fd, "f", "text");
	CHECK(symlinkat("f", s.fd, "l") == 0);
	CHECK(mkdirat(s.fd, "d", 0755) == 0 && symlinkat("d", s.fd, "dl") == 0);
	CHECK(ac_tree_copy(s.fd, "f", s.fd, "d/g", true, &err) == 0);
	CHECK(strcmp(scratch_read(s.fd, "d/g"), "text") == 0);
	CHECK(ac_tree_copy(AT_FDCWD, "/proc/self/exe", s.fd, "exe", true,
			   &err) == 0);
	CHECK(S_ISLNK(scratch_stat(s.fd, "exe").st_mode));
	CHECK(ac_tree_copy(s.fd, "l", s.fd, "l2", true, &err) == 0);
	CHECK(S_ISLNK(scratch_stat(s.fd, "l2").st_mode));

	CHECK(ac_tree_copy(s.fd, "f", s.fd, "d/g", true, &err) < 0);
	CHECK(err.code == AC_E_EXISTS);
	CHECK(ac_tree_copy(s.fd, "f", s.fd, "l", true, &err) < 0);
	CHECK(err.code == AC_E_EXISTS);
	CHECK(ac_tree_copy(s.fd, "f", s.fd, ".", true, &err) < 0);
	CHECK(err.code == AC_E_EXISTS);
	CHECK(ac_tree_copy(s.fd, "nope", s.fd, "x", true, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(ac_tree_copy(s.fd, "f", s.fd, "dl/x", true, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_tree_copy(s.fd, "f", s.fd, "../x", true, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	/* A tree into itself does not end, and so it fails; nothing stays. */
	CHECK(ac_tree_copy(s.fd, ".", s.fd, "d/self", true, &err) < 0);
	CHECK(err.code == AC_E_LIMIT && scratch_missing(s.fd, "d/self"));
}
