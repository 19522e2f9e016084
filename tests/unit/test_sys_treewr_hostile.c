/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "common/sys/treewr.h"
#include "tests/unit/scratch.h"

/* Archives that must be refused, each for one reason, at the entry or at the
 * end; and nothing may have been touched outside. */

struct item {
	enum ac_ftype type;
	const char *path, *link;
	uint64_t size;
	unsigned int major, minor;
	enum { PLAIN, WHITEOUT, OPAQUE } what;
};

struct archive {
	const char *why;   /* part of the message */
	enum ac_code code; /* 0: AC_E_INVALID */
	struct item items[5];
};

#define REG(p)                                \
	{                                     \
		.type = AC_F_REG, .path = (p) \
	}
#define DIR(p)                                \
	{                                     \
		.type = AC_F_DIR, .path = (p) \
	}
#define LINK(p, t)                                          \
	{                                                   \
		.type = AC_F_LINK, .path = (p), .link = (t) \
	}
#define HARD(p, t)                                          \
	{                                                   \
		.type = AC_F_HARD, .path = (p), .link = (t) \
	}
#define CHR(p, a, b)                                                      \
	{                                                                 \
		.type = AC_F_CHR, .path = (p), .major = (a), .minor = (b) \
	}
#define WH(p)                                                   \
	{                                                       \
		.type = AC_F_CHR, .path = (p), .what = WHITEOUT \
	}
#define OPQ(p)                                                \
	{                                                     \
		.type = AC_F_CHR, .path = (p), .what = OPAQUE \
	}

static const struct archive bad[] = {
	/* Names that are no paths beneath a directory. */
	{"not a path beneath", 0, {REG("../outside")}},
	{"not a path beneath", 0, {REG("/outside")}},
	{"not a path beneath", 0, {REG("a/../../outside")}},
	{"not a path beneath", 0, {DIR("..")}},
	{"not a path beneath", 0, {DIR("a//b")}},
	{"not a path beneath", 0, {REG("a/")}},
	{"not a path beneath", 0, {REG("./a")}},
	{"not a path beneath", 0, {WH("../outside")}},
	{"not a path beneath", 0, {OPQ("../outside")}},
	{"the root is not a directory", 0, {REG("")}},
	{"the root is not a directory", 0, {LINK("", "/")}},
	{"the root is not a directory", 0, {HARD("", "a")}},
	{"whiteout of the root", 0, {WH("")}},

	/* Links as parents. */
	{"'a' is a symbolic link", 0, {LINK("a", ".."), REG("a/outside")}},
	{"'a' is a symbolic link", 0, {LINK("a", "/tmp"), REG("a/b/c")}},
	{"'a' is a symbolic link", 0, {LINK("a", "d"), DIR("d"), DIR("a")}},
	{"'a' is a symbolic link", 0, {LINK("a", "."), DIR("a/b")}},
	{"'d/a' is a symbolic link", 0, {LINK("d/a", ".."), LINK("d/a/b", "")}},
	{"'a' is a symbolic link", 0, {LINK("a", "a"), REG("a/b")}},
	{"'a' is a symbolic link", 0, {LINK("a", ".."), HARD("a/b", "a")}},
	{"'a' is a symbolic link", 0, {LINK("a", ".."), WH("a/b")}},
	{"'a' is a symbolic link", 0, {LINK("a", ".."), OPQ("a/b")}},
	{"'a' is a symbolic link", 0, {LINK("a", ".."), OPQ("a")}},
	{"'h' is a symbolic link",
	 0,
	 {LINK("a", ".."), HARD("h", "a"), REG("h/outside")}},
	{"another kind of file", 0, {REG("a"), REG("a/b")}},
	{"another kind of file", 0, {REG("a"), DIR("a")}},

	/* The same name twice. */
	{"in the tree already", 0, {REG("a"), REG("a")}},
	{"in the tree already", 0, {LINK("a", "/etc/passwd"), REG("a")}},
	{"in the tree already", 0, {REG("a"), LINK("a", "b")}},
	{"in the tree already", 0, {REG("b"), REG("a"), HARD("a", "b")}},
	{"in the tree already", 0, {HARD("a", "b"), REG("a"), REG("b")}},
	{"is a directory in the same tree", 0, {DIR("a"), REG("a")}},
	{"is a directory in the same tree", 0, {REG("a/b"), LINK("a", "/")}},
	{"is a directory in the same tree",
	 0,
	 {REG("b"), DIR("a"), HARD("a", "b")}},

	/* Hard links to what is not there, or not in the tree. */
	{"no such file", 0, {HARD("a", "missing")}},
	{"no such file", 0, {HARD("a", "b"), HARD("b", "a")}},
	{"no such file", 0, {WH("b"), HARD("a", "b")}},
	{"to itself", 0, {HARD("a", "a")}},
	{"not in the tree", 0, {HARD("a", "../outside")}},
	{"not in the tree", 0, {HARD("a", "/etc/passwd")}},
	{"that is a directory", 0, {DIR("d"), HARD("a", "d")}},
	{"that is a directory", 0, {HARD("a", "d"), DIR("d")}},
	{"that is a directory", 0, {HARD("a", "")}},
	{"'l' is a symbolic link",
	 0,
	 {LINK("l", "/etc"), HARD("a", "l/passwd")}},
	{"'l' is a symbolic link",
	 0,
	 {HARD("a", "l/passwd"), LINK("l", "/etc")}},
	{"hard link 'a'", 0, {REG("f"), HARD("a", "f/x")}},

	/* Links without target, sizes, data. */
	{"has no target", 0, {LINK("a", "")}},
	{"impossible size",
	 0,
	 {{.type = AC_F_REG, .path = "a", .size = 1ULL << 63}}},
	{"more than 1000 bytes",
	 AC_E_LIMIT,
	 {{.type = AC_F_REG, .path = "a", .size = 1001}}},
	{"more than 4 entries",
	 AC_E_LIMIT,
	 {REG("a"), REG("b"), REG("c"), REG("d"), REG("e")}},
	{"more than 4 entries", AC_E_LIMIT, {REG("1/2/3/4/5")}},
	{"ends after 0 of 5 bytes",
	 0,
	 {{.type = AC_F_REG, .path = "a", .size = 5}, REG("b")}},
	{"ends after 0 of 5 bytes",
	 0,
	 {{.type = AC_F_REG, .path = "a", .size = 5}}},
	{"unknown kind", 0, {{.type = (enum ac_ftype)'s', .path = "a"}}},
};

/* Those that only root gets as far as. */
static const struct archive bad_devices[] = {
	{"would hide files", 0, {CHR("a", 0, 0)}},
	{"no such device number", 0, {CHR("a", 4096, 1)}},
	{"no such device number", 0, {CHR("a", 1, 1 << 20)}},
	{"is a directory in the same tree", 0, {DIR("a"), CHR("a", 1, 3)}},
	{"in the tree already", 0, {REG("a"), CHR("a", 1, 3)}},
	{"another kind of file", 0, {CHR("a", 1, 3), REG("a/b")}},
	{"in the tree already", 0, {CHR("a", 1, 3), REG("a")}},
	{"another kind of file", 0, {CHR("a", 1, 3), OPQ("a")}},
};

static int add(struct ac_treewr *w, const struct item *i, struct ac_err *err)
{
	struct ac_entry e = {.type = i->type,
			     .path = i->path,
			     .link = i->link,
			     .mode = 0755,
			     .uid = geteuid(),
			     .gid = getegid(),
			     .size = i->size,
			     .dev_major = i->major,
			     .dev_minor = i->minor};

	if (i->what == WHITEOUT)
		return ac_treewr_whiteout(w, i->path, err);
	if (i->what == OPAQUE)
		return ac_treewr_opaque(w, i->path, err);
	return ac_treewr_add(w, &e, err);
}

static void refuse(const struct archive *a)
{
	SCRATCH s = scratch_make();
	struct ac_treewr_opts o = {.no_owner = geteuid() != 0,
				   .user_xattr = geteuid() != 0,
				   .max_bytes = 1000,
				   .max_entries = 4};
	struct ac_err err = AC_ERR_INIT;
	struct ac_treewr *w;
	AC_CLOSE int root = -1;
	int r = 0;

	if (a->items[0].size > INT64_MAX)
		o.max_bytes = 0;
	scratch_write(s.fd, "outside", "untouched");
	CHECK(mkdirat(s.fd, "root", 0700) == 0);
	root = openat(s.fd, "root", O_DIRECTORY | O_CLOEXEC);
	w = ac_treewr_new(root, &o);
	for (size_t i = 0; r == 0 && i < AC_LEN(a->items); i++)
		if (a->items[i].path != NULL)
			r = add(w, &a->items[i], &err);
	if (r == 0)
		r = ac_treewr_finish(w, &err);
	if (r == 0 || strstr(err.msg, a->why) == NULL ||
	    err.code != (a->code != 0 ? a->code : AC_E_INVALID))
		fprintf(stderr, "# expected '%s', got %d: %s\n", a->why,
			(int)err.code, err.msg);
	CHECK(r < 0 && strstr(err.msg, a->why) != NULL);
	CHECK(err.code == (a->code != 0 ? a->code : AC_E_INVALID));
	ac_treewr_free(w);
	CHECK(strcmp(scratch_read(s.fd, "outside"), "untouched") == 0);
	CHECK(scratch_stat(s.fd, "outside").st_nlink == 1);
}

TEST(refused)
{
	for (size_t i = 0; i < AC_LEN(bad); i++)
		refuse(&bad[i]);
}

TEST(refused_devices)
{
	if (geteuid() != 0) {
		printf("# left out: devices need root\n");
		return;
	}
	for (size_t i = 0; i < AC_LEN(bad_devices); i++)
		refuse(&bad_devices[i]);
}

TEST(data_in_wrong_places)
{
	static const struct ac_extent overlap[] = {{0, 10}, {5, 10}};
	static const struct ac_extent beyond[] = {{0, 10}, {95, 10}};
	static const struct ac_extent wraps[] = {{UINT64_MAX, 10}};
	static const struct ac_extent fine[] = {{10, 10}, {50, 10}};
	static const struct {
		const struct ac_extent *map;
		size_t n;
		uint64_t off; /* of the ten bytes given; -1: none is given */
		const char *why;
	} t[] = {
		{overlap, 2, 0, "map of holes"},
		{beyond, 2, 0, "map of holes"},
		{wraps, 1, 0, "map of holes"},
		{fine, 2, 95, "wrong place"},
		{fine, 2, UINT64_MAX - 2, "wrong place"},
		{fine, 2, 10, "ends after 10 of 20"},
		{NULL, 0, 1, "wrong place"},
		{NULL, 0, 0, "ends after 10 of 100"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		SCRATCH s = scratch_make();
		struct ac_treewr_opts o = {.no_owner = true};
		struct ac_treewr *w = ac_treewr_new(s.fd, &o);
		struct ac_entry e = {.type = AC_F_REG,
				     .path = "f",
				     .size = 100,
				     .extents = t[i].map,
				     .n_extents = t[i].n};
		struct ac_err err = AC_ERR_INIT;

		if (ac_treewr_add(w, &e, &err) == 0 &&
		    ac_treewr_data(w, "0123456789", 10, t[i].off, &err) == 0)
			CHECK(ac_treewr_finish(w, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
		CHECK(strstr(err.msg, t[i].why) != NULL);
		ac_treewr_free(w);
	}
}

TEST(more_data_than_announced)
{
	SCRATCH s = scratch_make();
	struct ac_treewr_opts o = {.no_owner = true};
	struct ac_treewr *w = ac_treewr_new(s.fd, &o);
	struct ac_entry e = {.type = AC_F_REG, .path = "f", .size = 3};
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_treewr_add(w, &e, &err) == 0);
	CHECK(ac_treewr_data(w, "four", 4, 0, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_treewr_data(w, "abc", 3, 0, &err) == 0);
	CHECK(ac_treewr_data(w, "d", 1, 3, &err) < 0);
	ac_treewr_free(w);
}

TEST(impossible_time)
{
	SCRATCH s = scratch_make();
	struct ac_treewr_opts o = {.no_owner = true};
	struct ac_treewr *w = ac_treewr_new(s.fd, &o);
	struct ac_entry e = {.type = AC_F_REG,
			     .path = "f",
			     .mtime_ns = 1000000000};
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_treewr_add(w, &e, &err) < 0 && err.code == AC_E_INVALID);
	e.mtime_ns = 0;
	/* What a file system cannot express it rounds; it is no error. */
	e.mtime = INT64_MIN;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e.path = "g";
	e.mtime = INT64_MAX;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	CHECK(ac_treewr_finish(w, &err) == 0);
	ac_treewr_free(w);
}

/* A full disk is told as such. */
static int fill(const char *where)
{
	static char data[128 << 10];
	struct ac_entry e = {.type = AC_F_REG,
			     .path = "f",
			     .size = sizeof(data)};
	struct ac_treewr_opts o = {.no_owner = true};
	struct ac_err err = AC_ERR_INIT;
	struct ac_treewr *w;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", where, "tmpfs", 0, "size=64k") < 0)
		return 1;
	fd = open(where, O_DIRECTORY | O_CLOEXEC);
	w = ac_treewr_new(fd, &o);
	if (ac_treewr_add(w, &e, &err) < 0 ||
	    ac_treewr_data(w, data, sizeof(data), 0, &err) == 0)
		return 2;
	ac_treewr_free(w);
	return err.code == AC_E_SYS && err.sys == ENOSPC &&
			       strstr(err.msg, "write 'f'") != NULL
		       ? 0
		       : 3;
}

TEST(full_disk)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		printf("# left out: mount needs root\n");
		return;
	}
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(fill(s.path));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
