#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fpmap.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/image/aci.h"
#include "common/sys/tree.h"
#include "tests/unit/tap.h"

#define MANIFEST                                       \
	"{\"acKind\":\"ImageManifest\",\"acVersion\":" \
	"\"0.8.11\",\"name\":\"a\"}"

static int to_buf(void *ctx, const void *p, size_t n,
		  AC_UNUSED struct ac_err *err)
{
	ac_buf_add(ctx, p, n);
	return 0;
}

/* A tar of entries given as "TYPE PATH[ LINK]"; files hold their path, and
 * "manifest" the manifest. */
static struct ac_buf tar_of(const char *const *v)
{
	struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	struct ac_tar_writer *w = ac_tar_writer_new(to_buf, &b);

	for (; *v != NULL; v++) {
		struct ac_str rest = ac_str(*v + 2);
		struct ac_str path;
		bool link = ac_str_cut(&rest, ' ', &path);
		AC_FREE char *name = strndup(path.p, path.len);
		const char *text =
			strcmp(name, "manifest") == 0 ? MANIFEST : name;
		struct ac_entry e = {.type = (enum ac_ftype)(*v)[0],
				     .path = name,
				     .link = link ? rest.p : NULL,
				     .mode = 0644};

		if (e.type == AC_F_REG)
			e.size = strlen(text);
		CHECK(ac_tar_add(w, &e, &err) == 0);
		if (e.type == AC_F_REG)
			CHECK(ac_tar_write(w, text, strlen(text), &err) == 0);
	}
	CHECK(ac_tar_finish(w, &err) == 0);
	ac_tar_writer_free(w);
	return b;
}

static ssize_t from_buf(void *ctx, const void **p, AC_UNUSED struct ac_err *err)
{
	struct ac_buf *b = ctx;
	size_t n = b->len;

	*p = b->p;
	b->len = 0;
	return (ssize_t)n;
}

/* What the events tell, as text. */
static int tell_manifest(void *ctx, const char *text, size_t len,
			 AC_UNUSED struct ac_err *err)
{
	ac_buf_addf(ctx, "M%zu ", len);
	CHECK(strlen(text) == len);
	return 0;
}
static int tell_entry(void *ctx, const struct ac_entry *e,
		      AC_UNUSED struct ac_err *err)
{
	ac_buf_addf(ctx, "%c'%s'", e->type, e->path);
	if (e->type == AC_F_HARD)
		ac_buf_addf(ctx, "->%s", e->link);
	ac_buf_adds(ctx, " ");
	return 0;
}
static int tell_data(void *ctx, const void *p, size_t n, uint64_t off,
		     AC_UNUSED struct ac_err *err)
{
	ac_buf_addf(ctx, "[%llu:%.*s] ", (unsigned long long)off, (int)n,
		    (const char *)p);
	return 0;
}

static struct ac_aci_events events(struct ac_buf *b)
{
	return (struct ac_aci_events){.manifest = tell_manifest,
				      .entry = tell_entry,
				      .data = tell_data,
				      .ctx = b};
}

TEST(layouts)
{
	static const struct {
		const char *entries[8];
		const char *message; /* NULL: good */
		const char *told;
	} t[] = {
		{{"f manifest", "d rootfs", "d rootfs/b", "f rootfs/b/a"},
		 NULL,
		 "M58 d'' d'b' f'b/a' [0:rootfs/b/a] "},
		{{"f rootfs/a", "d rootfs", "h rootfs/b rootfs/a",
		  "f manifest"},
		 NULL,
		 "f'a' [0:rootfs/a] d'' h'b'->a M58 "},
		{{"d rootfs", "d rootfs", "f manifest"}, NULL, "d'' M58 "},
		{{"d rootfs"}, "no image manifest found in layout", NULL},
		{{"f manifest"}, "no rootfs found in layout", NULL},
		{{"f x", "f manifest"}, "no rootfs found in layout", NULL},
		{{"f x"}, "no image manifest found in layout", NULL},
		{{"f rootfs", "f manifest"}, "rootfs is not a directory", NULL},
		{{"l rootfs x", "f manifest"},
		 "rootfs is not a directory",
		 NULL},
		{{"d manifest", "d rootfs"}, "manifest is not a regular", NULL},
		{{"f manifest", "f manifest", "d rootfs"},
		 "duplicate file entry in archive: manifest",
		 NULL},
		{{"f manifest", "d rootfs", "f foo", "f bar"},
		 "unrecognized file path in layout: \"foo\"",
		 NULL},
		{{"f manifest", "d rootfs", "d rootfsx"},
		 "unrecognized file path in layout: \"rootfsx\"",
		 NULL},
		{{"f manifest", "d rootfs", "f rootfs/a", "f rootfs/a"},
		 "duplicate file entry in archive: rootfs/a",
		 NULL},
		{{"f manifest", "d rootfs", "d rootfs/a", "d rootfs/a"},
		 "duplicate file entry in archive: rootfs/a",
		 NULL},
		{{"f manifest", "d rootfs", "l rootfs/a/b x",
		  "f rootfs/a/b/c/d"},
		 "rootfs/a/b: has files below it and is not a directory",
		 NULL},
		{{"f manifest", "d rootfs", "f rootfs/a/b/c", "f rootfs/a"},
		 "rootfs/a: has files below it and is not a directory",
		 NULL},
		{{"f manifest", "d rootfs", "h rootfs/a manifest"},
		 "rootfs/a: hard link 'manifest' leads out of rootfs",
		 NULL},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf tar = tar_of(t[i].entries);
		AC_CLEANUP(ac_buf_release)
		struct ac_buf told = AC_BUF_INIT(1 << 16);
		struct ac_aci_events ev = events(&told);
		struct ac_err err = AC_ERR_INIT;
		int ret = ac_aci_read(from_buf, &tar, &ev, &err);

		CHECK((ret == 0) == (t[i].message == NULL));
		if (ret == 0) {
			if (strcmp(ac_buf_str(&told), t[i].told) != 0)
				fprintf(stderr, "# %s\n", ac_buf_str(&told));
			CHECK(strcmp(ac_buf_str(&told), t[i].told) == 0);
			continue;
		}
		CHECK(strstr(err.msg, t[i].message) != NULL);
		CHECK(err.code == AC_E_INVALID);
	}
}

static void tell_odd(void *ctx, const struct ac_err *why)
{
	ac_buf_addf(ctx, "%s:%s ", why->rule, why->path);
}

/* What is valid and cannot be unpacked: refused, and told to who asks. */
TEST(odd)
{
	static const struct {
		const char *entries[8];
		const char *told; /* NULL: good */
	} t[] = {
		{{"f manifest", "d rootfs", "d rootfs"}, NULL},
		{{"f manifest", "d rootfs", "h rootfs/b rootfs/a",
		  "f rootfs/a"},
		 NULL},
		{{"f manifest", "d rootfs", "h rootfs/c rootfs/b",
		  "h rootfs/b rootfs/a", "l rootfs/a x"},
		 NULL},
		{{"f manifest", "d rootfs", "l rootfs/l /", "f rootfs/l/x"},
		 "A10:rootfs/l "},
		{{"f manifest", "d rootfs", "f rootfs/l/x", "l rootfs/l /"},
		 "A10:rootfs/l "},
		{{"f manifest", "d rootfs", "f rootfs/l", "f rootfs/l/x/y",
		  "f rootfs/l/x/z"},
		 "A10:rootfs/l "},
		{{"f manifest", "d rootfs", "h rootfs/a manifest"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "h rootfs/a rootfs"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "h rootfs/a rootfs/none"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "h rootfs/a rootfs/a"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "h rootfs/a rootfs/b",
		  "h rootfs/b rootfs/a"},
		 "A9:rootfs/b A9:rootfs/a "},
		{{"f manifest", "d rootfs", "d rootfs/d",
		  "h rootfs/a rootfs/d"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "h rootfs/a rootfs/d",
		  "f rootfs/d/x"},
		 "A9:rootfs/a "},
		{{"f manifest", "d rootfs", "c rootfs/w"}, "A14:rootfs/w "},
		{{"f manifest", "d rootfs", "f rootfsx", "f rootfs-a/b"},
		 "A3:rootfsx A3:rootfs-a/b "},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf tar = tar_of(t[i].entries);
		AC_CLEANUP(ac_buf_release)
		struct ac_buf told = AC_BUF_INIT(1 << 16);
		struct ac_aci_events none = {.ctx = NULL};
		struct ac_aci_events ev = {.warn = tell_odd, .ctx = &told};
		struct ac_err err = AC_ERR_INIT;
		size_t len = tar.len;
		int ret = ac_aci_read(from_buf, &tar, &none, &err);

		if ((ret == 0) != (t[i].told == NULL))
			fprintf(stderr, "# %zu: %s\n", i, err.msg);
		CHECK((ret == 0) == (t[i].told == NULL));
		tar.len = len;
		CHECK(ac_aci_read(from_buf, &tar, &ev, &err) == 0);
		if (strcmp(ac_buf_str(&told), t[i].told ? t[i].told : "") != 0)
			fprintf(stderr, "# %zu: %s\n", i, ac_buf_str(&told));
		CHECK(strcmp(ac_buf_str(&told), t[i].told ? t[i].told : "") ==
		      0);
	}
}

TEST(no_events)
{
	/* Nobody listens. */
	static const char *const v[] = {"f manifest", "d rootfs", "f rootfs/x",
					NULL};
	AC_CLEANUP(ac_buf_release) struct ac_buf tar = tar_of(v);
	struct ac_aci_events ev = {.ctx = NULL};
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_aci_read(from_buf, &tar, &ev, &err) == 0);
}

TEST(big_manifest)
{
	struct ac_buf b = AC_BUF_INIT(64 << 20);
	struct ac_err err = AC_ERR_INIT;
	struct ac_aci_events ev = {.ctx = NULL};
	struct ac_tar_writer *w = ac_tar_writer_new(to_buf, &b);
	struct ac_entry e = {.type = AC_F_REG, .path = "manifest"};
	AC_FREE char *zeros = calloc(1, AC_ACI_MAX_MANIFEST + 1);

	CHECK(zeros != NULL);
	e.size = AC_ACI_MAX_MANIFEST + 1;
	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write(w, zeros, e.size, &err) == 0);
	CHECK(ac_tar_finish(w, &err) == 0);
	ac_tar_writer_free(w);
	CHECK(ac_aci_read(from_buf, &b, &ev, &err) < 0);
	CHECK(err.code == AC_E_LIMIT);
	ac_buf_release(&b);
}

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC,
			0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fd) == 0);
}

static int build(int dir, enum ac_zip zip, struct ac_digest *id)
{
	struct ac_aci_build opts = {.zip = zip,
				    .owner_root = true,
				    .max_mtime = 1000};
	struct ac_err err = AC_ERR_INIT;
	int fd = memfd_create("aci", MFD_CLOEXEC);

	CHECK(fd >= 0);
	if (ac_aci_build(fd, MANIFEST, strlen(MANIFEST), dir, &opts, id, &err) <
	    0)
		fprintf(stderr, "# %s\n", err.msg);
	CHECK(err.code == AC_OK);
	return fd;
}

static bool same_bytes(int a, int b)
{
	char x[4096];
	char y[4096];
	ssize_t n;

	for (off_t off = 0;; off += n) {
		n = pread(a, x, sizeof(x), off);
		if (n != pread(b, y, sizeof(y), off) || memcmp(x, y, (size_t)n))
			return false;
		if (n == 0)
			return true;
	}
}

TEST(build_and_read_back)
{
	static const enum ac_zip zips[] = {AC_ZIP_NONE, AC_ZIP_GZIP, AC_ZIP_XZ,
					   AC_ZIP_BZIP2};
	char name[] = "/tmp/ac-unit-XXXXXX";
	AC_CLOSE int dir = -1;
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest first;

	CHECK(mkdtemp(name) != NULL);
	dir = open(name, O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(dir, "b", 0755) == 0 && symlinkat("x", dir, "c") == 0);
	put(dir, "b/z", "zz");
	put(dir, "a", "hello");
	CHECK(linkat(dir, "a", dir, "b/a", 0) == 0);
	for (size_t i = 0; i < AC_LEN(zips); i++) {
		struct ac_digest id;
		struct ac_digest id2;
		struct ac_digest read_id;
		AC_CLOSE int fd = build(dir, zips[i], &id);
		AC_CLOSE int again = build(dir, zips[i], &id2);
		AC_CLEANUP(ac_buf_release)
		struct ac_buf told = AC_BUF_INIT(1 << 16);
		struct ac_aci_events ev = events(&told);
		enum ac_zip zip;
		AC_FREE char *text = NULL;
		size_t len;

		CHECK(ac_digest_equal(&id, &id2) && same_bytes(fd, again));
		CHECK(ac_aci_read_fd(fd, "x", &ev, &read_id, &zip, &err) == 0);
		CHECK(ac_digest_equal(&id, &read_id) && zip == zips[i]);
		CHECK(strcmp(ac_buf_str(&told),
			     "M58 d'' f'a' [0:hello] d'b' h'b/a'->a f'b/z' "
			     "[0:zz] l'c' ") == 0);
		/* The id does not depend on the compression. */
		if (i == 0)
			first = id;
		CHECK(ac_digest_equal(&id, &first));
		CHECK(ac_aci_manifest_fd(fd, "x", &text, &len, &err) == 0);
		CHECK(strcmp(text, MANIFEST) == 0 && len == strlen(MANIFEST));
	}
	CHECK(ac_tree_remove(AT_FDCWD, name, &err) == 0);
}

TEST(writer_adds_a_root)
{
	AC_CLOSE int fd = memfd_create("aci", MFD_CLOEXEC);
	AC_CLEANUP(ac_buf_release) struct ac_buf told = AC_BUF_INIT(1 << 16);
	struct ac_aci_events ev = events(&told);
	struct ac_aci_writer *w = ac_aci_writer_new(fd, AC_ZIP_GZIP, 1);
	struct ac_entry e = {.type = AC_F_REG, .path = "f", .size = 3};
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest id;
	struct ac_digest read_id;

	ac_aci_writer_identify(w);
	CHECK(ac_aci_write_manifest(w, MANIFEST, strlen(MANIFEST), 0, &err) ==
	      0);
	CHECK(ac_aci_write_entry(w, &e, -1, &err) == 0);
	CHECK(ac_aci_write_data(w, "ab", 2, &err) == 0);
	CHECK(ac_aci_write_data(w, "c", 1, &err) == 0);
	CHECK(ac_aci_writer_finish(w, &id, &err) == 0);
	ac_aci_writer_free(w);
	CHECK(ac_aci_read_fd(fd, "x", &ev, &read_id, NULL, &err) == 0);
	CHECK(ac_digest_equal(&id, &read_id));
	CHECK(strcmp(ac_buf_str(&told), "M58 f'f' [0:abc] d'' ") == 0);
}

TEST(not_an_image)
{
	AC_CLOSE int fd = memfd_create("x", MFD_CLOEXEC);
	struct ac_aci_events ev = {.ctx = NULL};
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest id;
	char *text;
	size_t len;

	CHECK(ac_aci_read_fd(fd, "x", &ev, &id, NULL, &err) < 0);
	CHECK(strstr(err.msg, "no image manifest found") != NULL);
	CHECK(ac_aci_manifest_fd(fd, "x", &text, &len, &err) < 0);
	CHECK(write(fd, "<html>", 6) == 6);
	CHECK(ac_aci_read_fd(fd, "x", &ev, &id, NULL, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}

TEST(fingerprints)
{
	AC_CLEANUP(ac_fpmap_release) struct ac_fpmap m = AC_FPMAP_INIT;
	uint32_t *v;

	CHECK(ac_fpmap_get(&m, "a", 1) == NULL);
	for (uint32_t i = 0; i < 10000; i++) {
		CHECK(ac_fpmap_add(&m, &i, sizeof(i), &v) && *v == 0);
		*v = i;
	}
	for (uint32_t i = 0; i < 10000; i++) {
		CHECK(!ac_fpmap_add(&m, &i, sizeof(i), &v) && *v == i);
		CHECK(*ac_fpmap_get(&m, &i, sizeof(i)) == i);
	}
	CHECK(m.n == 10000);
	CHECK(ac_fpmap_add(&m, "", 0, NULL) && !ac_fpmap_add(&m, "", 0, NULL));
}
