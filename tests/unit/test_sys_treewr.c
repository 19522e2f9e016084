/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "common/base/alloc.h"
#include "common/base/xxh.h"
#include "common/sys/at.h"
#include "common/sys/treewr.h"
#include "tests/unit/scratch.h"

static struct ac_entry entry(enum ac_ftype type, const char *path, mode_t mode)
{
	return (struct ac_entry){.type = type,
				 .path = path,
				 .mode = mode,
				 .uid = geteuid(),
				 .gid = getegid(),
				 .mtime = 1000000000,
				 .mtime_ns = 123456789};
}

static struct ac_treewr *writer(int fd, struct ac_treewr_opts o)
{
	o.no_owner = geteuid() != 0;
	return ac_treewr_new(fd, &o);
}

static void put(struct ac_treewr *w, struct ac_entry e, const char *text)
{
	struct ac_err err = AC_ERR_INIT;

	e.size = strlen(text);
	if (ac_treewr_add(w, &e, &err) < 0 ||
	    ac_treewr_data(w, text, e.size, 0, &err) < 0)
		fprintf(stderr, "# %s\n", err.msg);
	CHECK(err.code == AC_OK);
}

static void link_to(struct ac_treewr *w, enum ac_ftype type, const char *path,
		    const char *target)
{
	struct ac_entry e = entry(type, path, 0777);
	struct ac_err err = AC_ERR_INIT;

	e.link = target;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
}

static void done(struct ac_treewr *w)
{
	struct ac_err err = AC_ERR_INIT;

	if (ac_treewr_finish(w, &err) < 0)
		fprintf(stderr, "# %s\n", err.msg);
	CHECK(err.code == AC_OK);
	ac_treewr_free(w);
}

static int as_root(void)
{
	if (geteuid() == 0)
		return 1;
	printf("# left out: needs root\n");
	return 0;
}

TEST(attributes)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	mode_t umask_was = umask(077);
	struct ac_entry e = entry(AC_F_DIR, "", 01751);
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	e.mtime = 7;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e = entry(AC_F_DIR, "d", 0555);
	e.mtime = -1000; /* before 1970 */
	e.mtime_ns = 5;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	put(w, entry(AC_F_REG, "d/f", 0644), "content");
	put(w, entry(AC_F_REG, "d/empty", 0), "");
	put(w, entry(AC_F_REG, "d/suid", 06755), "x");
	put(w, entry(AC_F_REG, "d/all", 0777), "x");
	link_to(w, AC_F_LINK, "d/l", "/etc/passwd");
	link_to(w, AC_F_HARD, "d/h", "d/f");
	link_to(w, AC_F_HARD, "d/hl", "d/l");
	e = entry(AC_F_FIFO, "d/p", 0622);
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	put(w, entry(AC_F_REG, "missing/parents/f", 0600), "x");
	done(w);
	(void)umask(umask_was);

	st = scratch_stat(s.fd, ".");
	CHECK((st.st_mode & 07777) == 01751 && st.st_mtim.tv_sec == 7);
	st = scratch_stat(s.fd, "d");
	CHECK((st.st_mode & 07777) == 0555);
	CHECK(st.st_mtim.tv_sec == -1000 && st.st_mtim.tv_nsec == 5);
	st = scratch_stat(s.fd, "d/f");
	CHECK(st.st_mode == (S_IFREG | 0644) && st.st_nlink == 2);
	CHECK(st.st_mtim.tv_sec == 1000000000 &&
	      st.st_mtim.tv_nsec == 123456789 &&
	      st.st_atim.tv_sec == 1000000000);
	CHECK(strcmp(scratch_read(s.fd, "d/h"), "content") == 0);
	CHECK(scratch_stat(s.fd, "d/empty").st_mode == S_IFREG);
	CHECK(scratch_stat(s.fd, "d/suid").st_mode == (S_IFREG | 06755));
	CHECK(scratch_stat(s.fd, "d/all").st_mode == (S_IFREG | 0777));
	st = scratch_stat(s.fd, "d/hl");
	CHECK(S_ISLNK(st.st_mode) && st.st_nlink == 2);
	CHECK(st.st_mtim.tv_sec == 1000000000);
	CHECK(scratch_stat(s.fd, "d/p").st_mode == (S_IFIFO | 0622));
	st = scratch_stat(s.fd, "missing/parents");
	CHECK(st.st_mode == (S_IFDIR | 0755) && st.st_mtim.tv_sec == 0);
}

TEST(directory_named_again_and_late)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_DIR, "a", 0700);
	struct ac_err err = AC_ERR_INIT;

	put(w, entry(AC_F_REG, "a/b/f", 0644), "x"); /* implied first */
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e.mode = 0711;
	e.mtime = 5;
	CHECK(ac_treewr_add(w, &e, &err) == 0); /* the last one counts */
	put(w, entry(AC_F_REG, "a/g", 0644), "x");
	done(w);
	CHECK(scratch_stat(s.fd, "a").st_mode == (S_IFDIR | 0711));
	CHECK(scratch_stat(s.fd, "a").st_mtim.tv_sec == 5);
}

TEST(owners_and_devices)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_DIR, "d", 02775);
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	if (!as_root()) {
		ac_treewr_free(w);
		return;
	}
	e.uid = 1000;
	e.gid = 4294967294U;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e = entry(AC_F_REG, "d/suid", 06755);
	put(w, e, "root's"); /* the first file: what is learned from */
	e.path = "d/suid2";
	e.uid = 1;
	e.gid = 2;
	put(w, e, "x");
	e = entry(AC_F_LINK, "d/l", 0777);
	e.uid = 3;
	e.gid = 0;
	e.link = "x";
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e = entry(AC_F_CHR, "d/null", 0666);
	e.dev_major = 1;
	e.dev_minor = 3;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	e = entry(AC_F_BLK, "d/blk", 01660);
	e.dev_major = 4095;
	e.dev_minor = 1048575;
	e.gid = 6;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);

	st = scratch_stat(s.fd, "d");
	CHECK(st.st_mode == (S_IFDIR | 02775) && st.st_uid == 1000 &&
	      st.st_gid == 4294967294U);
	st = scratch_stat(s.fd, "d/suid");
	CHECK(st.st_mode == (S_IFREG | 06755) && st.st_gid == 0);
	st = scratch_stat(s.fd, "d/suid2");
	CHECK(st.st_mode == (S_IFREG | 06755) && st.st_uid == 1 &&
	      st.st_gid == 2);
	CHECK(scratch_stat(s.fd, "d/l").st_uid == 3);
	st = scratch_stat(s.fd, "d/null");
	CHECK(st.st_mode == (S_IFCHR | 0666) && st.st_rdev == makedev(1, 3));
	st = scratch_stat(s.fd, "d/blk");
	CHECK(st.st_mode == (S_IFBLK | 01660) && st.st_gid == 6 &&
	      st.st_rdev == makedev(4095, 1048575));
}

/* The parent directory's own mode and default ACL must not leak in. */
TEST(root_with_setgid)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w;
	struct ac_entry e = entry(AC_F_DIR, "d", 0750);
	struct ac_err err = AC_ERR_INIT;

	if (!as_root())
		return;
	CHECK(fchown(s.fd, 0, 77) == 0 && fchmod(s.fd, 02700) == 0);
	w = writer(s.fd, (struct ac_treewr_opts){0});
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	put(w, entry(AC_F_REG, "f", 0640), "x");
	done(w);
	CHECK(scratch_stat(s.fd, "f").st_gid == 0);
	CHECK(scratch_stat(s.fd, "d").st_mode == (S_IFDIR | 0750));
	CHECK(scratch_stat(s.fd, "d").st_gid == 0);
}

TEST(names)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	char name[256];
	char path[4096];
	size_t n = 0;
	struct ac_err err = AC_ERR_INIT;
	struct stat st;
	AC_CLOSE int fd = -1;

	memset(name, 'n', 255);
	name[255] = '\0';
	put(w, entry(AC_F_REG, name, 0644), "long");
	put(w, entry(AC_F_REG, "\xff\xfe\n\033[31m", 0644), "odd");
	put(w, entry(AC_F_REG, "\xc3\xa9", 0644), "composed");
	put(w, entry(AC_F_REG, "e\xcc\x81", 0644), "decomposed");
	put(w, entry(AC_F_REG, "E", 0644), "case");
	put(w, entry(AC_F_REG, "e", 0644), "case");
	put(w, entry(AC_F_REG, " ", 0644), "space");
	/* As deep and as long as a path may be. */
	while (n < 4092) {
		path[n++] = 'p';
		path[n++] = '/';
	}
	memcpy(path + n, "end", 4);
	put(w, entry(AC_F_REG, path, 0644), "deep");
	done(w);
	CHECK(strcmp(scratch_read(s.fd, name), "long") == 0);
	CHECK(strcmp(scratch_read(s.fd, "\xff\xfe\n\033[31m"), "odd") == 0);
	CHECK(strcmp(scratch_read(s.fd, "e\xcc\x81"), "decomposed") == 0);
	CHECK(strcmp(scratch_read(s.fd, " "), "space") == 0);
	fd = ac_at_open(s.fd, path, O_RDONLY, 0, &err);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 4);
}

/* More directories than are kept open, visited in every order. */
TEST(many_directories)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});

	for (int i = 0; i < 2000; i++) {
		char name[64];
		char target[64];

		(void)snprintf(name, sizeof(name), "d%d/e%d/f%d", i % 7,
			       i * 31 % 50, i);
		put(w, entry(AC_F_REG, name, 0644), "x");
		if (i < 50)
			continue;
		(void)snprintf(target, sizeof(target), "d%d/e%d/f%d",
			       (i - 50) % 7, (i - 50) * 31 % 50, i - 50);
		(void)snprintf(name, sizeof(name), "d%d/e%d/l%d", i % 7,
			       i * 31 % 50, i);
		link_to(w, AC_F_HARD, name, target);
	}
	done(w);
	CHECK(scratch_stat(s.fd, "d0/e0/f0").st_nlink == 2);
}

TEST(xattrs)
{
	/* cap_net_raw=ep, version 2: as "getcap ping" has it. */
	static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0x20};
	static const struct ac_xattr x[] = {
		{"user.binary", "a\0b\xff", 4},
		{"user.empty", "", 0},
		{"trusted.overlay.redirect", "/", 1},
		{"user.overlay.opaque", "y", 1},
		{"security.selinux", "label", 5},
		{"security.capability", cap, sizeof(cap)},
	};
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_REG, "f", 0755);
	struct ac_err err = AC_ERR_INIT;
	char path[64];
	char v[32];

	e.xattrs = x;
	e.n_xattrs = AC_LEN(x);
	put(w, e, "program");
	e.path = "chowned";
	e.uid = 5;
	put(w, e, "program");
	e = entry(AC_F_DIR, "d", 0555);
	e.xattrs = x;
	e.n_xattrs = 2;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	/* user. attributes cannot be on a link: left out, not an error. */
	e = entry(AC_F_LINK, "l", 0777);
	e.link = "f";
	e.xattrs = x;
	e.n_xattrs = 1;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);
	(void)snprintf(path, sizeof(path), "%s/f", s.path);
	if (getxattr(path, "user.binary", v, 0) < 0 && errno == ENOTSUP) {
		printf("# left out: no attributes in /tmp\n");
		return;
	}
	CHECK(getxattr(path, "user.binary", v, 32) == 4 &&
	      memcmp(v, "a\0b\xff", 4) == 0);
	CHECK(getxattr(path, "user.empty", v, 32) == 0);
	CHECK(getxattr(path, "trusted.overlay.redirect", v, 32) < 0);
	CHECK(getxattr(path, "user.overlay.opaque", v, 32) < 0);
	CHECK(getxattr(path, "security.selinux", v, 32) < 0);
	(void)snprintf(path, sizeof(path), "%s/d", s.path);
	CHECK(getxattr(path, "user.binary", v, 32) == 4);
	if (!as_root())
		return;
	(void)snprintf(path, sizeof(path), "%s/chowned", s.path);
	CHECK(getxattr(path, "security.capability", v, 32) == sizeof(cap) &&
	      memcmp(v, cap, sizeof(cap)) == 0);
}

TEST(sparse)
{
	static const struct ac_extent map[] = {{1 << 20, 4096}, {3 << 20, 10}};
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_REG, "s", 0644);
	struct ac_err err = AC_ERR_INIT;
	char data[4096];
	struct stat st;

	memset(data, 'd', sizeof(data));
	e.size = 8 << 20;
	e.extents = map;
	e.n_extents = 2;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	CHECK(ac_treewr_data(w, data, 1000, 1 << 20, &err) == 0);
	CHECK(ac_treewr_data(w, data, 3096, (1 << 20) + 1000, &err) == 0);
	CHECK(ac_treewr_data(w, data, 10, 3 << 20, &err) == 0);
	e.path = "hole";
	e.n_extents = 0;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);
	st = scratch_stat(s.fd, "s");
	CHECK(st.st_size == 8 << 20 && st.st_blocks * 512 < 64 << 10);
	st = scratch_stat(s.fd, "hole");
	CHECK(st.st_size == 8 << 20 && st.st_blocks == 0);
}

struct told {
	char text[4096];
	size_t n;
	uint8_t sum[16];
};

static int note(void *ctx, const struct ac_entry *e, const uint8_t xxh3[16],
		struct ac_err *err)
{
	struct told *t = ctx;

	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n,
				 "%c:%s ", e->type, e->path);
	memcpy(t->sum, xxh3, 16);
	if (strcmp(e->path, "stop") == 0)
		return ac_err_set(err, AC_E_LIMIT, "stopped");
	return 0;
}

static int implied(void *ctx, const struct ac_entry *e, const uint8_t xxh3[16],
		   struct ac_err *err)
{
	struct told *t = ctx;

	(void)xxh3;
	(void)err;
	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n,
				 "implied:%s ", e->path);
	return 0;
}

static int dangling(void *ctx, const struct ac_entry *e, const uint8_t xxh3[16],
		    struct ac_err *err)
{
	struct told *t = ctx;

	(void)xxh3;
	(void)err;
	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n,
				 "dangling:%s>%s ", e->path, e->link);
	return 0;
}

TEST(notes)
{
	SCRATCH s = scratch_make();
	struct told t = {.n = 0};
	struct ac_treewr *w =
		writer(s.fd, (struct ac_treewr_opts){.note = note,
						     .implied = implied,
						     .ctx = &t});
	struct ac_entry e = entry(AC_F_REG, "a/b/f", 0644);
	struct ac_err err = AC_ERR_INIT;
	static const struct ac_extent map[] = {{100, 5}};
	AC_FREE char *zeros = ac_xcalloc(1, 1000);
	uint8_t sum[16];

	put(w, e, "hello");
	ac_xxh_once("hello", 5, sum);
	CHECK(memcmp(t.sum, sum, 16) == 0);
	e.path = "parts";
	e.size = 5;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	CHECK(ac_treewr_data(w, "he", 2, 0, &err) == 0);
	CHECK(ac_treewr_data(w, "", 0, 2, &err) == 0);
	CHECK(ac_treewr_data(w, "llo", 3, 2, &err) == 0);
	CHECK(memcmp(t.sum, sum, 16) == 0);
	e.path = "sparse";
	e.size = 1000;
	e.extents = map;
	e.n_extents = 1;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	CHECK(ac_treewr_data(w, "hello", 5, 100, &err) == 0);
	memcpy(zeros + 100, "hello", 5);
	ac_xxh_once(zeros, 1000, sum);
	CHECK(memcmp(t.sum, sum, 16) == 0);
	put(w, entry(AC_F_REG, "empty", 0644), "");
	ac_xxh_once("", 0, sum);
	CHECK(memcmp(t.sum, sum, 16) == 0);
	e = entry(AC_F_DIR, "a", 0755);
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	link_to(w, AC_F_LINK, "l", "x");
	link_to(w, AC_F_HARD, "h", "late");
	put(w, entry(AC_F_REG, "late", 0644), "x");
	CHECK(ac_treewr_finish(w, &err) == 0);
	CHECK(strcmp(t.text, "implied:a implied:a/b f:a/b/f f:parts f:sparse "
			     "f:empty d:a l:l f:late h:h ") == 0);
	ac_treewr_free(w);

	w = writer(s.fd, (struct ac_treewr_opts){.note = note, .ctx = &t});
	e = entry(AC_F_REG, "stop", 0644);
	CHECK(ac_treewr_add(w, &e, &err) < 0 && err.code == AC_E_LIMIT);
	ac_treewr_free(w);
}

TEST(hard_links_before_their_targets)
{
	SCRATCH s = scratch_make();
	struct told t = {.n = 0};
	struct ac_treewr *w =
		writer(s.fd, (struct ac_treewr_opts){.dangling = dangling,
						     .ctx = &t});

	link_to(w, AC_F_HARD, "1", "d/target");
	link_to(w, AC_F_HARD, "3", "2"); /* a link to a late link */
	link_to(w, AC_F_HARD, "2", "1");
	link_to(w, AC_F_HARD, "x", "below/file");
	link_to(w, AC_F_HARD, "new/y", "x"); /* and to a dangling one */
	link_to(w, AC_F_HARD, "c1", "c2");   /* a circle */
	link_to(w, AC_F_HARD, "c2", "c1");
	put(w, entry(AC_F_REG, "d/target", 0644), "t");
	done(w);
	CHECK(scratch_stat(s.fd, "3").st_nlink == 4);
	CHECK(strcmp(scratch_read(s.fd, "3"), "t") == 0);
	CHECK(scratch_missing(s.fd, "x"));
	CHECK(scratch_stat(s.fd, "new").st_mode == (S_IFDIR | 0755));
	CHECK(strcmp(t.text, "dangling:x>below/file dangling:new/y>x "
			     "dangling:c2>c1 dangling:c1>c2 ") == 0);
}

/* Hard links to all that may have them; a file told twice by tar. */
TEST(hard_links)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_FIFO, "p", 0600);
	struct ac_err err = AC_ERR_INIT;

	put(w, entry(AC_F_REG, "f", 0444), "x");
	link_to(w, AC_F_LINK, "l", "/etc/shadow");
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	link_to(w, AC_F_HARD, "f", "f");
	link_to(w, AC_F_HARD, "hl", "l");
	link_to(w, AC_F_HARD, "hp", "p");
	/* Its own attributes are not applied to the file it names. */
	e = entry(AC_F_HARD, "hf", 0777);
	e.link = "f";
	e.mtime = 1;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);
	CHECK(scratch_stat(s.fd, "f").st_mode == (S_IFREG | 0444));
	CHECK(scratch_stat(s.fd, "f").st_mtim.tv_sec == 1000000000);
	CHECK(S_ISLNK(scratch_stat(s.fd, "hl").st_mode));
	CHECK(S_ISFIFO(scratch_stat(s.fd, "hp").st_mode));
}

static int is_whiteout(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static int is_opaque(const struct scratch *s, const char *name, bool user)
{
	char path[128];
	char v[2];

	(void)snprintf(path, sizeof(path), "%s/%s", s->path, name);
	return lgetxattr(path,
			 user ? "user.overlay.opaque"
			      : "trusted.overlay.opaque",
			 v, 2) == 1 &&
	       v[0] == 'y';
}

TEST(whiteouts)
{
	SCRATCH s = scratch_make();
	struct told t = {.n = 0};
	bool user = geteuid() != 0;
	struct ac_treewr *w =
		writer(s.fd, (struct ac_treewr_opts){.user_xattr = user,
						     .note = note,
						     .ctx = &t});
	struct ac_entry dir = entry(AC_F_DIR, "after", 0711);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_treewr_whiteout(w, "gone", &err) == 0);
	CHECK(ac_treewr_whiteout(w, "gone", &err) == 0);
	CHECK(ac_treewr_whiteout(w, "a/b/gone", &err) == 0);
	put(w, entry(AC_F_REG, "before", 0644), "kept");
	CHECK(ac_treewr_whiteout(w, "before", &err) == 0);
	CHECK(ac_treewr_whiteout(w, "file", &err) == 0);
	put(w, entry(AC_F_REG, "file", 0644), "kept");
	CHECK(ac_treewr_whiteout(w, "link", &err) == 0);
	link_to(w, AC_F_LINK, "link", "x");
	CHECK(ac_treewr_whiteout(w, "hard", &err) == 0);
	link_to(w, AC_F_HARD, "hard", "file");
	/* A directory that replaces what is below it must not merge. */
	CHECK(ac_treewr_whiteout(w, "after", &err) == 0);
	CHECK(ac_treewr_add(w, &dir, &err) == 0);
	dir.path = "first";
	CHECK(ac_treewr_add(w, &dir, &err) == 0);
	CHECK(ac_treewr_whiteout(w, "first", &err) == 0);
	CHECK(ac_treewr_whiteout(w, "implied", &err) == 0);
	put(w, entry(AC_F_REG, "implied/child", 0644), "kept");
	/* In an opaque directory there is nothing to hide. */
	CHECK(ac_treewr_whiteout(w, "o/x/gone", &err) == 0);
	put(w, entry(AC_F_REG, "o/kept", 0644), "kept");
	CHECK(ac_treewr_opaque(w, "o", &err) == 0);
	CHECK(ac_treewr_opaque(w, "o", &err) == 0);
	CHECK(ac_treewr_whiteout(w, "o/gone", &err) == 0);
	done(w);

	CHECK(is_whiteout(s.fd, "gone") && is_whiteout(s.fd, "a/b/gone"));
	CHECK(strcmp(scratch_read(s.fd, "before"), "kept") == 0);
	CHECK(strcmp(scratch_read(s.fd, "file"), "kept") == 0);
	CHECK(scratch_stat(s.fd, "file").st_nlink == 2);
	CHECK(S_ISLNK(scratch_stat(s.fd, "link").st_mode));
	CHECK(scratch_stat(s.fd, "after").st_mode == (S_IFDIR | 0711));
	CHECK(is_opaque(&s, "after", user) && is_opaque(&s, "first", user));
	CHECK(is_opaque(&s, "implied", user) && is_opaque(&s, "o", user));
	CHECK(!is_opaque(&s, "a", user) && !is_opaque(&s, "o/x", user));
	CHECK(scratch_missing(s.fd, "o/gone"));
	CHECK(scratch_missing(s.fd, "o/x/gone"));
	CHECK(strstr(t.text, "c:gone c:a/b/gone ") != NULL);
	CHECK(strstr(t.text, "c:file") == NULL);
	CHECK(strstr(t.text, "c:o/gone") == NULL);
}

/* Everything a user without privileges can have. */
TEST(as_nobody)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	CHECK(chmod(s.path, 0777) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_treewr_opts o = {.no_owner = true,
					   .skip_devices = true,
					   .user_xattr = true};
		struct ac_entry e = entry(AC_F_DIR, "d", 0500);
		struct ac_err err = AC_ERR_INIT;
		static const struct ac_xattr x[] = {{"security.capability",
						     "\1\0\0\2\0\x20\0\0\0\0"
						     "\0\0\0\0\0\0\0\0\0\0",
						     20}};
		struct ac_treewr *w;

		if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 ||
				       setresuid(65534, 65534, 65534) < 0))
			_exit(1);
		CHECK(mkdirat(s.fd, "mine", 0755) == 0);
		s.fd = openat(s.fd, "mine", O_DIRECTORY | O_CLOEXEC);
		w = ac_treewr_new(s.fd, &o);
		e.uid = 0;
		CHECK(ac_treewr_add(w, &e, &err) == 0);
		e = entry(AC_F_REG, "d/suid", 04755);
		e.uid = 0;
		e.xattrs = x;
		e.n_xattrs = 1;
		put(w, e, "x");
		e = entry(AC_F_CHR, "d/null", 0666);
		e.dev_major = 1;
		e.dev_minor = 3;
		CHECK(ac_treewr_add(w, &e, &err) == 0);
		link_to(w, AC_F_HARD, "d/null2", "d/null");
		CHECK(ac_treewr_whiteout(w, "d/gone", &err) == 0);
		CHECK(ac_treewr_opaque(w, "o", &err) == 0);
		done(w);
		CHECK(scratch_stat(s.fd, "d/suid").st_mode ==
		      (S_IFREG | 04755));
		CHECK(scratch_missing(s.fd, "d/null"));
		CHECK(scratch_missing(s.fd, "d/null2"));
		CHECK(is_whiteout(s.fd, "d/gone"));
		CHECK(scratch_stat(s.fd, "d").st_mode == (S_IFDIR | 0500));

		o.skip_devices = false;
		w = ac_treewr_new(s.fd, &o);
		e.path = "null";
		CHECK(ac_treewr_add(w, &e, &err) < 0);
		CHECK(err.code == AC_E_DENIED);
		ac_treewr_free(w);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* A root in use: what is there is neither changed nor followed. */
TEST(shared_root)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = NULL;
	struct ac_entry e = entry(AC_F_REG, "l/f", 0644);
	struct ac_err err = AC_ERR_INIT;

	CHECK(mkdirat(s.fd, "d", 0751) == 0 && symlinkat("d", s.fd, "l") == 0);
	w = writer(s.fd, (struct ac_treewr_opts){.shared_root = true});
	put(w, entry(AC_F_REG, "d/f", 0604), "x");
	put(w, entry(AC_F_REG, "d/new/f", 0604), "x");
	done(w);
	CHECK(scratch_stat(s.fd, "d").st_mode == (S_IFDIR | 0751));
	CHECK(scratch_stat(s.fd, "d/f").st_mode == (S_IFREG | 0604));
	CHECK(scratch_stat(s.fd, "d/new").st_mode == (S_IFDIR | 0755));
	w = writer(s.fd, (struct ac_treewr_opts){.shared_root = true});
	CHECK(ac_treewr_add(w, &e, &err) < 0 && err.code == AC_E_INVALID);
	ac_treewr_free(w);
}

/* A second writer of the same tree: directories pass on their group by now. */
TEST(second_writer)
{
	SCRATCH s = scratch_make();
	struct ac_treewr *w = writer(s.fd, (struct ac_treewr_opts){0});
	struct ac_entry e = entry(AC_F_DIR, "d", 02755);
	struct ac_err err = AC_ERR_INIT;

	if (!as_root()) {
		ac_treewr_free(w);
		return;
	}
	e.gid = 77;
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);
	w = writer(s.fd, (struct ac_treewr_opts){0});
	put(w, entry(AC_F_REG, "a", 0644), "x");
	put(w, entry(AC_F_REG, "d/b", 0644), "x");
	e = entry(AC_F_REG, "c", 0644);
	e.gid = 77;
	put(w, e, "x");
	e = entry(AC_F_DIR, "d/sub", 0755);
	CHECK(ac_treewr_add(w, &e, &err) == 0);
	done(w);
	CHECK(scratch_stat(s.fd, "d/b").st_gid == 0);
	CHECK(scratch_stat(s.fd, "c").st_gid == 77);
	CHECK(scratch_stat(s.fd, "d/sub").st_gid == 0);
	CHECK(scratch_stat(s.fd, "d/sub").st_mode == (S_IFDIR | 0755));
	CHECK(scratch_stat(s.fd, "d").st_mode == (S_IFDIR | 02755));
}
