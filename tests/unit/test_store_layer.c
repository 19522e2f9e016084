/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "common/store/list.h"
#include "common/store/merge.h"
#include "common/store/stack.h"
#include "tests/unit/storetest.h"

/* A directory by one line a file: "d NAME", "f NAME" (its content is the
 * layer's name), "l NAME TARGET", "w NAME" (a whiteout), "o NAME" (opaque),
 * "h NAME TARGET" (a hard link). */
static int layer(const struct scratch *d, const char *name,
		 const char *const *lines)
{
	int fd;

	CHECK(mkdirat(d->fd, name, 0755) == 0);
	fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	for (; *lines != NULL; lines++) {
		AC_FREE char *path = ac_xstrdup(*lines + 2);
		char *to = strchr(path, ' ');
		AC_FREE char *full = NULL;

		if (to != NULL)
			*to++ = '\0';
		full = ac_xasprintf("%s/%s/%s", d->path, name, path);
		switch ((*lines)[0]) {
		case 'o':
			CHECK(mkdirat(fd, path, 0755) == 0);
			CHECK(setxattr(full, "user.overlay.opaque", "y", 1,
				       0) == 0);
			break;
		case 'd':
			CHECK(mkdirat(fd, path, 0755) == 0);
			break;
		case 'f':
			scratch_write(fd, path, name);
			break;
		case 'l':
			CHECK(symlinkat(to, fd, path) == 0);
			break;
		case 'h':
			CHECK(linkat(fd, to, fd, path, 0) == 0);
			break;
		default:
			CHECK(mknodat(fd, path, S_IFCHR, makedev(0, 0)) == 0);
		}
	}
	return fd;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

struct two {
	int fds[2];
};

static struct two two_layers(const struct scratch *d)
{
	return (struct two){
		{layer(d, "low",
		       LINES("d a", "f a/x", "f a/y", "d b", "f b/x", "d c",
			     "f c/deep", "l in a", "l abs /b", "l up ../../a/",
			     "l loop loop2", "l loop2 loop", "l gone no/where",
			     "f file", "h same file")),
		 layer(d, "top",
		       LINES("d a", "w a/x", "f a/z", "o b", "f b/new", "w c",
			     "l here in/y"))}};
}

static void close_two(struct two *t)
{
	CHECK(close(t->fds[0]) == 0 && close(t->fds[1]) == 0);
}

/* "LAYER:PATH", "-" for nothing, "-:PATH" with a place it would have. */
static const char *find(const struct two *t, const char *path, bool follow)
{
	static char text[512];
	const struct ac_stack s = {.roots = t->fds, .n = 2};
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	struct ac_err err = AC_ERR_INIT;
	int r = ac_stack_find(&s, path, follow, &h, &err);

	if (r < 0)
		(void)snprintf(text, sizeof(text), "error %d", err.code);
	else if (r > 0)
		(void)snprintf(text, sizeof(text), "%zu:%s", h.layer, h.path);
	else
		(void)snprintf(text, sizeof(text), "-%s%s",
			       h.path != NULL ? ":" : "",
			       h.path != NULL ? h.path : "");
	return text;
}

TEST(the_merged_view)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(close_two) struct two t = two_layers(&d);
	static const struct {
		const char *path;
		bool follow;
		const char *want;
	} cases[] = {
		{"a", false, "1:a"},
		{"a/y", false, "0:a/y"},
		{"a/z", false, "1:a/z"},
		{"a/x", false, "-"}, /* removed */
		{"b/x", false, "-"}, /* opaque */
		{"b/new", false, "1:b/new"},
		{"c", false, "-"},
		{"c/deep", false, "-"},
		{"", false, "1:"},
		{"in", false, "0:in"},
		{"in", true, "0:in"}, /* the last is not followed */
		{"in/.", true, "1:a"},
		{"in/y", false, "-"},
		{"in/y", true, "0:a/y"},
		{"here/.", true, "-:a/y"}, /* a file, not a directory */
		{"abs/new", true, "1:b/new"},
		{"up/z", true, "1:a/z"}, /* no further up than the top */
		{"gone/x", true, "-:no/where/x"},
		{"loop/x", true, "error 5"},
		{"file/x", false, "-"},
		{"file/x", true, "-:file/x"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		const char *got = find(&t, cases[i].path, cases[i].follow);

		if (strcmp(got, cases[i].want) != 0)
			fprintf(stderr, "# %s: %s\n", cases[i].path, got);
		CHECK(strcmp(got, cases[i].want) == 0);
	}
}

static void walk(const struct ac_merge_layer *l, size_t n, struct ac_buf *out)
{
	struct ac_merge *m = ac_merge_new(l, n);
	struct ac_err err = AC_ERR_INIT;
	struct ac_entry e;
	char c = '\0';
	int fd;
	int r;

	while ((r = ac_merge_next(m, &e, &fd, &err)) > 0) {
		if (fd >= 0)
			CHECK(read(fd, &c, 1) == 1);
		ac_buf_addf(out, "%c%s%s%.1s ", e.type, e.path,
			    fd >= 0 ? "=" : "", fd >= 0 ? &c : "");
	}
	CHECK(r == 0);
	ac_merge_free(m);
}

TEST(merged_trees)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(close_two) struct two t = two_layers(&d);
	AC_CLEANUP(ac_buf_release) struct ac_buf one = AC_BUF_INIT(4096);
	AC_CLEANUP(ac_buf_release) struct ac_buf two = AC_BUF_INIT(4096);
	struct ac_merge_layer l[2] = {{.root = t.fds[0]}, {.root = t.fds[1]}};

	walk(l, 2, &one);
	CHECK(strcmp(one.p, "d da fa/y=l fa/z=t labs db fb/new=t ffile=l lgone "
			    "lhere lin lloop lloop2 hsame lup ") == 0);
	/* In two images a removal reaches nothing of the other. */
	l[1].image = 1;
	walk(l, 2, &two);
	CHECK(strcmp(two.p,
		     "d da fa/x=l fa/y=l fa/z=t labs db fb/new=t fb/x=l dc "
		     "fc/deep=l ffile=l lgone lhere lin lloop lloop2 hsame "
		     "lup ") == 0);
}

TEST(filtered_trees)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(close_two) struct two t = two_layers(&d);
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(4096);
	AC_CLEANUP(ac_set_release) struct ac_set only = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set ways = AC_SET_INIT;
	struct ac_merge_layer l[2] = {{.root = t.fds[0],
				       .only = &only,
				       .ways = &ways},
				      {.root = t.fds[1], .image = 1}};

	(void)ac_set_add(&only, "c/deep");
	(void)ac_set_add(&only, "same");
	(void)ac_set_add(&ways, "c");
	walk(l, 2, &out);
	/* The first name that stays is the file. */
	CHECK(strcmp(out.p, "d da fa/z=t db fb/new=t dc fc/deep=l lhere "
			    "fsame=l ") == 0);
	ac_buf_reset(&out);
	walk(l, 0, &out);
	CHECK(out.len == 0);
}

static int lines(void *ctx, const struct ac_list_line *l, struct ac_err *err)
{
	(void)err;
	if (l->type == AC_LIST_XATTR) {
		ac_buf_addf(ctx, "x[%s]%llu", l->xattr,
			    (unsigned long long)l->e.size);
		return 0;
	}
	ac_buf_addf(ctx, "%c[%s][%s]", l->type, l->e.path,
		    l->e.link != NULL ? l->e.link : "");
	if (l->type == AC_F_REG)
		ac_buf_addf(ctx, "%o,%u,%lld.%09u,%llu,%02x", l->e.mode,
			    l->e.uid, (long long)l->e.mtime, l->e.mtime_ns,
			    (unsigned long long)l->e.size, l->xxh3[0]);
	if (l->type == AC_F_CHR)
		ac_buf_addf(ctx, "%u:%u", l->e.dev_major, l->e.dev_minor);
	return 0;
}

TEST(lists)
{
	SCRATCH d = scratch_make();
	AC_CLOSE int fd =
		openat(d.fd, "list", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	AC_CLEANUP(ac_list_release) struct ac_list l = {.fd = -1};
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(4096);
	struct ac_err err = AC_ERR_INIT;
	const uint8_t sum[16] = {0xab};
	const struct ac_xattr x[] = {
		{.name = "user.a b", .value = "12", .len = 2},
		{.name = "user.overlay.opaque", .value = "y", .len = 1},
		{.name = "security.selinux", .value = "s", .len = 1},
		{.name = "trusted.none"},
	};
	const struct ac_entry e[] = {
		{.type = AC_F_DIR,
		 .path = "",
		 .mode = 0755,
		 .xattrs = x,
		 .n_xattrs = AC_LEN(x)},
		{.type = AC_F_REG,
		 .path = "a b\n\\x41",
		 .size = 40,
		 .mode = 0640,
		 .uid = 7,
		 .mtime = -1,
		 .mtime_ns = 5},
		{.type = AC_F_REG, .path = "\xff\x7f", .size = 2},
		{.type = AC_F_LINK, .path = "l", .link = "to it"},
		{.type = AC_F_HARD,
		 .path = "h",
		 .link = "a b\n\\x41",
		 .xattrs = x,
		 .n_xattrs = 1},
		{.type = AC_F_CHR, .path = "c", .dev_major = 1, .dev_minor = 3},
	};
	struct ac_list_end end;
	uint64_t bytes;

	CHECK(ac_list_init(&l, fd, &err) == 0);
	for (size_t i = 0; i < AC_LEN(e); i++)
		CHECK(ac_list_add(&l, &e[i], sum, &err) == 0);
	CHECK(ac_list_mark(&l, AC_LIST_WHITEOUT, "gone", &err) == 0);
	CHECK(ac_list_bytes(fd, &bytes, &err) < 0); /* not finished */
	CHECK(ac_list_finish(&l, &err) == 0);
	CHECK(ac_list_bytes(fd, &bytes, &err) == 0 && bytes == 42);
	CHECK(ac_list_end(fd, &end, &err) == 0 && end.entries == 7);
	CHECK(end.has_xattrs && end.xattrs == 2);
	CHECK(ac_list_each(fd, lines, &out, &err) == 0);
	CHECK(strcmp(out.p,
		     "d[][]x[user.a b]2x[trusted.none]0f[a b\n\\x41][]640,7,-1.000000005,40,ab"
		     "f[\xff\x7f][]0,0,0.000000000,2,ab"
		     "l[l][to it]h[h][a b\n\\x41]c[c][]1:3w[gone][]") == 0);
	/* One of layout 1 ends so. */
	CHECK(pwrite(fd, "= 7 42\n", 7, (off_t)end.at) == 7);
	CHECK(ftruncate(fd, (off_t)end.at + 7) == 0);
	CHECK(ac_list_end(fd, &end, &err) == 0 && end.bytes == 42);
	CHECK(!end.has_xattrs && end.entries == 7 && end.len == 7);
	/* Cut short it is no list. */
	CHECK(ftruncate(fd, 60) == 0);
	CHECK(ac_list_bytes(fd, &bytes, &err) < 0);
	CHECK(ac_list_each(fd, lines, &out, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}

/* The value that a list would have of X: its size and the first digits of its
 * checksum; "" for none. */
static const char *as_listed(const char *name, const void *value, size_t len,
			     mode_t mode)
{
	static char text[64];
	const struct ac_xattr x = {.name = name, .value = value, .len = len};
	const struct ac_entry e = {.type = AC_F_REG,
				   .path = "f",
				   .mode = mode,
				   .xattrs = &x,
				   .n_xattrs = 1};
	uint8_t sum[16];
	uint64_t size = 0;

	text[0] = '\0';
	if (ac_list_xattr(&e, 0, &size, sum))
		(void)snprintf(text, sizeof(text), "%llu %02x%02x%02x%02x",
			       (unsigned long long)size, sum[0], sum[1], sum[2],
			       sum[3]);
	return text;
}

#define ACCESS      "system.posix_acl_access"
#define DEFAULT     "system.posix_acl_default"
#define HEAD        "\2\0\0\0"
#define NO_ID       "\xff\xff\xff\xff"
#define BYTES(text) (text), sizeof(text) - 1

/* What the kernel keeps in another form is listed in that. */
TEST(attributes_of_lists)
{
	static const char full[] =
		HEAD "\1\0\6\0" NO_ID "\2\0\7\0\x01\0\0\0"
		     "\4\0\4\0" NO_ID "\x10\0\6\0" NO_ID "\x20\0\4\0" NO_ID;
	/* Ids where there are none, and another mode: 0664 comes last. */
	static const char odd[] = HEAD "\1\0\7\0\0\0\0\0"
				       "\2\0\7\0\x01\0\0\0"
				       "\4\0\4\0\1\0\0\0"
				       "\x10\0\7\0\0\0\0\0"
				       "\x20\0\0\0\0\0\0\0";
	static const char mode[] =
		HEAD "\1\0\6\0" NO_ID "\4\0\4\0" NO_ID "\x20\0\4\0" NO_ID;
	static const char v3[] = "\1\0\0\3\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				 "\0\0\0\0";
	static const char v3_user[] =
		"\1\0\0\3\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\xa0\x86\1\0";
	static const char v2[] = "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	AC_FREE char *want = ac_xstrdup(as_listed(ACCESS, BYTES(full), 0664));

	CHECK(want[0] != '\0');
	CHECK(strcmp(as_listed(ACCESS, BYTES(odd), 0664), want) == 0);
	CHECK(strcmp(as_listed(ACCESS, BYTES(odd), 0660), want) != 0);
	/* The mode is not about what is made in a directory. */
	CHECK(strcmp(as_listed(DEFAULT, BYTES(odd), 0664), want) != 0);
	CHECK(strcmp(as_listed(DEFAULT, BYTES(full), 0664), want) == 0);
	/* An ACL that says no more than the mode is none. */
	CHECK(as_listed(ACCESS, BYTES(mode), 0644)[0] == '\0');
	CHECK(as_listed(DEFAULT, BYTES(mode), 0644)[0] != '\0');
	CHECK(as_listed(DEFAULT, BYTES(HEAD), 0644)[0] == '\0');
	/* What is no ACL is what it is. */
	CHECK(strncmp(as_listed(ACCESS, BYTES("\2\0\0"), 0644), "3 ", 2) == 0);
	CHECK(strncmp(as_listed(ACCESS, "", 0, 0644), "0 ", 2) == 0);
	free(want);
	want = ac_xstrdup(as_listed("security.capability", BYTES(v2), 0755));
	CHECK(strncmp(want, "20 ", 3) == 0);
	CHECK(strcmp(as_listed("security.capability", BYTES(v3), 0755), want) ==
	      0);
	CHECK(strncmp(as_listed("security.capability", BYTES(v3_user), 0755),
		      "24 ", 3) == 0);
	CHECK(strncmp(as_listed("user.x", BYTES(v3), 0755), "24 ", 3) == 0);
	CHECK(as_listed("trusted.overlay.opaque", "y", 1, 0755)[0] == '\0');
	CHECK(as_listed("trusted.SGI_ACL_FILE", "y", 1, 0755)[0] == '\0');
}
