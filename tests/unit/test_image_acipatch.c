#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "common/codec/zip.h"
#include "common/image/aci.h"
#include "common/image/acipatch.h"
#include "common/sys/io.h"
#include "tests/unit/tap.h"

static int to_buf(void *ctx, const void *p, size_t n,
		  AC_UNUSED struct ac_err *err)
{
	ac_buf_add(ctx, p, n);
	return 0;
}

static void add(struct ac_tar_writer *w, const char *name, const char *text)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_entry e = {.type = AC_F_REG,
			     .path = name,
			     .mode = 0600,
			     .uid = 7,
			     .mtime = 99,
			     .mtime_ns = 5, /* needs a pax header */
			     .size = strlen(text)};

	CHECK(ac_tar_add(w, &e, &err) == 0);
	CHECK(ac_tar_write(w, text, strlen(text), &err) == 0);
}

static struct ac_buf tar_of(const char *manifest, bool first)
{
	struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	struct ac_tar_writer *w = ac_tar_writer_new(to_buf, &b);

	if (first)
		add(w, "manifest", manifest);
	add(w, "rootfs/a", "some content");
	if (!first)
		add(w, "manifest", manifest);
	CHECK(ac_tar_finish(w, &err) == 0);
	ac_tar_writer_free(w);
	return b;
}

/* A file of TAR, in Z, with members that end at CUT (0: one). */
static int file_of(const struct ac_buf *tar, enum ac_zip z, size_t cut)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(1 << 20);
	struct ac_zipper *zip = ac_zipper_new(z, 0, to_buf, &out);
	struct ac_err err = AC_ERR_INIT;
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(ac_zipper_feed(zip, tar->p, cut, &err) == 0);
	CHECK(ac_zipper_cut(zip, &err) == 0);
	CHECK(ac_zipper_feed(zip, tar->p + cut, tar->len - cut, &err) == 0);
	CHECK(ac_zipper_finish(zip, &err) == 0);
	ac_zipper_free(zip);
	CHECK(ac_io_write(fd, out.p, out.len, "test", &err) == 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* FD, an image, with the manifest TEXT, is TAR without compression. */
static void check_patch(int fd, const char *text, const struct ac_buf *tar,
			const struct ac_aci_patch_zip *zip)
{
	AC_CLOSE int out = memfd_create("test", MFD_CLOEXEC);
	AC_CLOSE int plain = memfd_create("test", MFD_CLOEXEC);
	struct ac_aci_patch_zip none = {.format = AC_ZIP_NONE};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_aci_patch_freep)
	struct ac_aci_patch *p = ac_aci_patch_open(fd, "test", &err);
	AC_CLEANUP(ac_aci_patch_freep) struct ac_aci_patch *again = NULL;
	size_t len;

	CHECK(p != NULL);
	CHECK(strcmp(ac_aci_patch_text(p, &len), "old") == 0 && len == 3);
	CHECK(ac_aci_patch_write(p, text, strlen(text), zip, out, &err) == 0);
	again = ac_aci_patch_open(out, "test", &err);
	CHECK(again != NULL);
	CHECK(ac_aci_patch_format(again) ==
	      (zip != NULL ? zip->format : ac_aci_patch_format(p)));
	CHECK(ac_aci_patch_write(again, NULL, 0, &none, plain, &err) == 0);
	CHECK(lseek(plain, 0, SEEK_SET) == 0);
	CHECK(ac_io_slurp(plain, &b, "test", &err) == 0);
	CHECK(b.len == tar->len && memcmp(b.p, tar->p, b.len) == 0);
}

TEST(all_ways)
{
	static const enum ac_zip zips[] = {AC_ZIP_NONE, AC_ZIP_GZIP, AC_ZIP_XZ,
					   AC_ZIP_BZIP2};
	static const char *const texts[] = {"old", "",
					    "a longer one than that"};
	struct ac_aci_patch_zip to = {.level = 1};

	for (size_t first = 0; first < 2; first++)
		for (size_t i = 0; i < AC_LEN(zips); i++)
			for (size_t t = 0; t < AC_LEN(texts); t++) {
				AC_CLEANUP(ac_buf_release)
				struct ac_buf old = tar_of("old", first);
				AC_CLEANUP(ac_buf_release)
				struct ac_buf new = tar_of(texts[t], first);
				AC_CLOSE int fd = file_of(&old, zips[i], 0);
				AC_CLOSE int cut = file_of(&old, zips[i], 2048);

				check_patch(fd, texts[t], &new, NULL);
				check_patch(cut, texts[t], &new, NULL);
				to.format = zips[(i + 1) % AC_LEN(zips)];
				check_patch(fd, texts[t], &new, &to);
			}
}

TEST(set_size)
{
	char head[1536] = {0};

	/* A pax header with a record, and the entry's own. */
	memcpy(head + 124, "00000000014", 11);
	head[156] = 'x';
	memcpy(head + 512, "12 comment=\n", 12);
	CHECK(ac_tar_set_size(head, sizeof(head), 9));
	CHECK(memcmp(head + 1024 + 124, "00000000011", 12) == 0);
	memcpy(head + 512, "12 size=123\n", 12);
	CHECK(!ac_tar_set_size(head, sizeof(head), 10));
	memcpy(head + 512, "13 size=123\n", 12);
	CHECK(!ac_tar_set_size(head, sizeof(head), 10));
	CHECK(!ac_tar_set_size(head, 511, 10));
	CHECK(ac_tar_set_size(head + 1024, 512, 10));
}

TEST(changes_are_seen)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf tar = tar_of("old", true);
	AC_CLOSE int fd = file_of(&tar, AC_ZIP_GZIP, 0);
	AC_CLOSE int out = memfd_create("test", MFD_CLOEXEC);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_aci_patch_freep)
	struct ac_aci_patch *p = ac_aci_patch_open(fd, "test", &err);

	CHECK(p != NULL);
	CHECK(lseek(fd, 0, SEEK_END) > 0);
	CHECK(ac_io_write(fd, "\0", 1, "test", &err) == 0);
	CHECK(ac_aci_patch_write(p, "new", 3, NULL, out, &err) < 0);
	CHECK(strstr(err.msg, "changed while it was read") != NULL);
}
