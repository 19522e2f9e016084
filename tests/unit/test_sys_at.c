/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/tree.h"
#include "tests/unit/tap.h"

/* A root with everything that may stand in the way, beside a secret. */
static char top[] = "/tmp/ac-unit-XXXXXX";
static int root = -1;

static void touch(int dirfd, const char *name, const char *text)
{
	AC_CLOSE int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void set_up(void)
{
	AC_CLOSE int t = -1;

	if (root >= 0)
		return;
	CHECK(mkdtemp(top) != NULL);
	t = open(top, O_DIRECTORY | O_CLOEXEC);
	touch(t, "secret", "outside");
	CHECK(mkdirat(t, "root", 0755) == 0);
	root = openat(t, "root", O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(root, "d", 0755) == 0 && mkdirat(root, "d/e", 0755) == 0);
	touch(root, "secret", "inside");
	touch(root, "d/f", "d/f");
	touch(root, "d/e/g", "d/e/g");
	CHECK(symlinkat("d", root, "rel") == 0);
	CHECK(symlinkat("/d", root, "abs") == 0);
	CHECK(symlinkat("../secret", root, "up") == 0);
	CHECK(symlinkat("../../../secret", root, "d/up") == 0);
	CHECK(symlinkat("/secret", root, "d/e/abs") == 0);
	CHECK(symlinkat("..", root, "d/e/dotdot") == 0);
	CHECK(symlinkat("loop2", root, "loop1") == 0);
	CHECK(symlinkat("loop1", root, "loop2") == 0);
	CHECK(symlinkat("nowhere", root, "dangling") == 0);
	CHECK(symlinkat("d/../abs/e/../../rel/f", root, "maze") == 0);
	CHECK(symlinkat("d/", root, "slash") == 0);
	for (int i = 0; i < 45; i++) {
		char from[16];
		char to[16];

		(void)snprintf(from, sizeof(from), "c%d", i);
		(void)snprintf(to, sizeof(to), i == 0 ? "secret" : "c%d",
			       i - 1);
		CHECK(symlinkat(to, root, from) == 0);
	}
}

/* "code" or the file's content. */
static const char *content(int fd, const struct ac_err *err)
{
	static char text[64];
	ssize_t n;

	if (fd < 0)
		return err->code == AC_E_INVALID     ? "INVALID"
		       : err->code == AC_E_NOT_FOUND ? "NOT_FOUND"
						     : "SYS";
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return "DIR";
	text[n] = '\0';
	return text;
}

struct row {
	const char *path, *want;
};

static void no_links(void)
{
	static const struct row t[] = {
		{"secret", "inside"},
		{"/secret", "inside"},
		{"//./secret", "inside"},
		{"d/f", "d/f"},
		{"d//./e/g", "d/e/g"},
		{"", "DIR"},
		{"/", "DIR"},
		{".", "DIR"},
		{"d", "DIR"},
		{"d/", "DIR"},
		{"d/.", "DIR"},
		{"secret/", "SYS"},
		{"secret/.", "SYS"},
		{"d/f/x", "SYS"},
		{"nope", "NOT_FOUND"},
		{"d/nope/x", "NOT_FOUND"},
		{"rel", "INVALID"},
		{"rel/f", "INVALID"},
		{"abs/f", "INVALID"},
		{"up", "INVALID"},
		{"d/up", "INVALID"},
		{"d/e/dotdot/f", "INVALID"},
		{"loop1", "INVALID"},
		{"dangling", "INVALID"},
		{"..", "INVALID"},
		{"../secret", "INVALID"},
		{"d/../secret", "INVALID"},
		{"d/..", "INVALID"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_err err = AC_ERR_INIT;
		AC_CLOSE int fd =
			ac_at_open(root, t[i].path, O_RDONLY, 0, &err);

		if (strcmp(content(fd, &err), t[i].want) != 0)
			fprintf(stderr, "# '%s': %s\n", t[i].path, err.msg);
		CHECK(fd < 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		if (fd >= 0)
			CHECK(lseek(fd, 0, SEEK_SET) == 0);
		CHECK(strcmp(content(fd, &err), t[i].want) == 0);
	}
}

static void names_the_link(void)
{
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_at_open(root, "d/e/dotdot/f", O_RDONLY, 0, &err) < 0);
	CHECK(strstr(err.msg, "'d/e/dotdot' is a symbolic link") != NULL);
}

static void creates(void)
{
	struct ac_err err = AC_ERR_INIT;
	struct stat st;
	int fd = ac_at_open(root, "d/new", O_WRONLY | O_CREAT | O_EXCL, 0640,
			    &err);

	CHECK(fd >= 0 && fstat(fd, &st) == 0 && close(fd) == 0);
	CHECK((st.st_mode & 07777) == 0640);
	CHECK(unlinkat(root, "d/new", 0) == 0);
	/* Through a link to nowhere nothing is made. */
	CHECK(ac_at_open(root, "dangling", O_WRONLY | O_CREAT, 0600, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(fstatat(root, "nowhere", &st, 0) < 0);
	CHECK(ac_at_open(root, "rel/new", O_WRONLY | O_CREAT, 0600, &err) < 0);
	CHECK(fstatat(root, "d/new", &st, 0) < 0);
	CHECK(ac_at_open(root, "up", O_WRONLY | O_CREAT | O_EXCL, 0600, &err) <
	      0);
	CHECK(err.code == AC_E_SYS && err.sys == EEXIST);
}

/* A link itself can be opened, when that is what is asked for. */
static void link_itself(void)
{
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int fd =
		ac_at_open(root, "d/up", O_PATH | O_NOFOLLOW, 0, &err);
	AC_CLOSE int in =
		ac_at_open_in_root(root, "rel/up", O_PATH | O_NOFOLLOW, &err);
	char text[64];

	CHECK(fd >= 0 && readlinkat(fd, "", text, sizeof(text)) == 15);
	CHECK(in >= 0 && readlinkat(in, "", text, sizeof(text)) == 15);
	CHECK(ac_at_open(root, "d/up", O_PATH, 0, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}

static void in_root(void)
{
	static const struct row t[] = {
		{"secret", "inside"},
		{"rel/f", "d/f"},
		{"abs/f", "d/f"},
		{"abs/e/g", "d/e/g"},
		{"up", "inside"},
		{"d/up", "inside"},
		{"rel/e/abs", "inside"},
		{"d/e/dotdot/f", "d/f"},
		{"d/e/dotdot/e/dotdot/../secret", "inside"},
		{"..", "DIR"},
		{"../..", "DIR"},
		{"../../secret", "inside"},
		{"d/../../../secret", "inside"},
		{"d/..", "DIR"},
		{"/d/e/../../secret", "inside"},
		{"maze", "d/f"},
		{"slash", "DIR"},
		{"slash/f", "d/f"},
		{"", "DIR"},
		{"/", "DIR"},
		{"c38", "inside"},
		{"c44", "INVALID"},
		{"loop1", "INVALID"},
		{"loop1/x", "INVALID"},
		{"dangling", "NOT_FOUND"},
		{"nope/../secret", "NOT_FOUND"},
		{"secret/../secret", "SYS"},
		{"secret/", "SYS"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_err err = AC_ERR_INIT;
		AC_CLOSE int fd =
			ac_at_open_in_root(root, t[i].path, O_RDONLY, &err);
		const char *got = content(fd, &err);

		if (strcmp(got, t[i].want) != 0)
			fprintf(stderr, "# '%s': %s: %s\n", t[i].path, got,
				err.msg);
		CHECK(strcmp(got, t[i].want) == 0);
	}
}

static void magic(void)
{
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(ac_at_open_in_root(slash, "proc/self/root/etc", O_PATH, &err) <
	      0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_at_open_in_root(slash, "proc/self/fd/0", O_PATH, &err) < 0);
	CHECK(ac_at_open(slash, "proc/self/exe", O_PATH, 0, &err) < 0);
}

static void limits(void)
{
	AC_FREE char *path = ac_xmalloc(4096);
	struct ac_err err = AC_ERR_INIT;
	size_t n = 0;
	AC_CLOSE int fd = -1;

	memset(path, 'n', 300);
	path[300] = '\0';
	CHECK(ac_at_open(root, path, O_RDONLY, 0, &err) < 0);
	CHECK(err.code == AC_E_SYS && err.sys == ENAMETOOLONG);
	/* As long as a path may be, up and down all the way. */
	while (n + 5 < 4095) {
		memcpy(path + n, "d/../", 5);
		n += 5;
	}
	path[n] = '\0';
	CHECK(ac_at_open(root, path, O_RDONLY, 0, &err) < 0);
	fd = ac_at_open_in_root(root, path, O_RDONLY, &err);
	/* The walk bounds its work; it may give up, but not leave. */
	CHECK(fd >= 0 || (ac_at_walks() && err.code == AC_E_INVALID));
}

static void mkdirs(void)
{
	struct ac_err err = AC_ERR_INIT;
	mode_t umask_was = umask(077);
	struct stat st;
	AC_CLOSE int fd = ac_at_mkdirs(root, "/m/./n//o/", 0755, &err);
	AC_CLOSE int again = ac_at_mkdirs(root, "m/n/o", 0700, &err);

	CHECK(fd >= 0 && again >= 0);
	CHECK(fstatat(root, "m/n/o", &st, 0) == 0);
	CHECK((st.st_mode & 07777) == 0755 && S_ISDIR(st.st_mode));
	CHECK(fstatat(root, "m", &st, 0) == 0);
	CHECK((st.st_mode & 07777) == 0755);
	CHECK(fsync(fd) == 0); /* a real descriptor, not O_PATH */
	CHECK(ac_at_mkdirs(root, "rel/x", 0755, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_at_mkdirs(root, "dangling", 0755, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_at_mkdirs(root, "d/f/x", 0755, &err) < 0);
	CHECK(err.code == AC_E_SYS && err.sys == ENOTDIR);
	CHECK(ac_at_mkdirs(root, "m/../../x", 0755, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(unlinkat(root, "m/n/o", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(root, "m/n", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(root, "m", AT_REMOVEDIR) == 0);
	(void)umask(umask_was);
}

static void both(void (*fn)(void))
{
	set_up();
	ac_at_force_walk(true);
	CHECK(ac_at_walks());
	fn();
	ac_at_force_walk(false);
	/* Under tests/fault/no_openat2 both ways are the walk. */
	fn();
}

#define BOTH(name)          \
	TEST(name##_both)   \
	{                   \
		both(name); \
	}

BOTH(no_links)
BOTH(names_the_link)
BOTH(creates)
BOTH(link_itself)
BOTH(in_root)
BOTH(magic)
BOTH(limits)
BOTH(mkdirs)

/* The two ways agree on every short path over a small alphabet. */
TEST(ways_agree)
{
	static const char *const part[] = {"d",   "e",  "f",     "..",    "rel",
					   "abs", "up", "loop1", "dotdot"};
	enum { N = sizeof(part) / sizeof(part[0]) };

	set_up();
	for (unsigned int i = 0; i < N * N * N * N; i++) {
		struct ac_err err = AC_ERR_INIT;
		char path[64];
		char kernel[64];

		(void)snprintf(path, sizeof(path), "%s/%s/%s/%s", part[i % N],
			       part[i / N % N], part[i / N / N % N],
			       part[i / N / N / N]);
		for (int walk = 0; walk < 2; walk++) {
			AC_CLOSE int fd = -1;

			ac_at_force_walk(walk != 0);
			fd = ac_at_open_in_root(root, path, O_RDONLY, &err);
			if (walk == 0)
				(void)snprintf(kernel, sizeof(kernel), "%s",
					       content(fd, &err));
			else
				CHECK(strcmp(content(fd, &err), kernel) == 0);
		}
	}
	ac_at_force_walk(false);
}

/* For tests/cli/fallback.bats: which way was taken in the end. */
TEST(way_taken)
{
	printf("# way: %s\n", ac_at_walks() ? "walk" : "openat2");
}

TEST(clean_up)
{
	struct ac_err err = AC_ERR_INIT;

	CHECK(close(root) == 0);
	CHECK(ac_tree_remove(AT_FDCWD, top, &err) == 0);
}
