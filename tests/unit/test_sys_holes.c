/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/holes.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "tests/unit/scratch.h"

enum { BLOCK = 4096, RUN = 256 };

/* A file of SIZE bytes that are written, none a zero but the N blocks from
 * FROM on. */
static int make(int dirfd, off_t size, off_t from, off_t n)
{
	static char text[BLOCK];
	static const char zeros[BLOCK];
	int fd = openat(dirfd, "f", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	CHECK(fd >= 0);
	memset(text, 'x', sizeof(text));
	for (off_t at = 0; at < size; at += BLOCK) {
		off_t i = at / BLOCK;
		off_t left = size - at;
		size_t len = left < BLOCK ? (size_t)left : BLOCK;

		CHECK(write(fd, i >= from && i < from + n ? zeros : text,
			    len) == (ssize_t)len);
	}
	return fd;
}

/* The extents as text: "" when the file is whole. */
static const char *found(int fd, bool on_disk)
{
	static char text[256];
	AC_CLEANUP(ac_holes_release) struct ac_holes h = AC_HOLES_INIT;
	struct ac_entry e = {.path = "f"};
	struct ac_err err = AC_ERR_INIT;
	struct stat st;
	size_t n = 0;

	CHECK(fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK((on_disk ? ac_holes_on_disk(&h, fd, &st, "f", &e, &err)
		       : ac_holes_find(&h, fd, &st, "f", &e, &err)) == 0);
	CHECK(lseek(fd, 0, SEEK_CUR) == 0);
	text[0] = '\0';
	if (e.extents != NULL && e.n_extents == 0)
		return "all";
	for (size_t i = 0; i < e.n_extents; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%ju+%ju ",
				      (uintmax_t)e.extents[i].off / BLOCK,
				      (uintmax_t)e.extents[i].len);
	return text;
}

TEST(runs_wherever_they_are)
{
	SCRATCH s = scratch_make();

	/* Every place around the blocks that are looked at first. */
	for (off_t from = 0; from < 2 * RUN + 2; from += from % 50 == 2 ? 5 : 1)
		for (off_t n = RUN - 1; n <= RUN; n++) {
			AC_CLOSE int fd = make(s.fd, 4 * RUN * BLOCK, from, n);
			const char *x = found(fd, false);

			CHECK((*x != '\0') == (n == RUN));
		}
}

TEST(tails)
{
	SCRATCH s = scratch_make();
	static const struct {
		off_t size, from, n;
		const char *extents;
	} t[] = {
		{0, 0, 0, ""},
		{1, 0, 1, ""},
		{RUN * BLOCK - BLOCK, 0, RUN, ""},
		/* The last block may be a part of one. */
		{RUN * BLOCK - BLOCK + 1, 0, RUN, "all"},
		{RUN * BLOCK, 0, RUN, "all"},
		{RUN * BLOCK + 1, 0, RUN, "256+1 "},
		{RUN * BLOCK + 1, 1, RUN, "0+4096 "},
		{RUN * BLOCK + 1, 2, RUN, ""},
		{2 * RUN * BLOCK + 5, 3, RUN, "0+12288 259+1036293 "},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		AC_CLOSE int fd = make(s.fd, t[i].size, t[i].from, t[i].n);

		CHECK(strcmp(found(fd, false), t[i].extents) == 0);
	}
}

/* What is a hole on disk, or zeros there, is the same in the end. */
TEST(by_content)
{
	SCRATCH s = scratch_make();
	AC_CLOSE int whole = make(s.fd, 3 * RUN * BLOCK, 7, RUN);
	AC_CLOSE int fd = -1;

	CHECK(unlinkat(s.fd, "f", 0) == 0);
	CHECK(strcmp(found(whole, true), "") == 0);
	fd = make(s.fd, 7 * BLOCK, 0, 0);
	CHECK(ftruncate(fd, (off_t)3 * RUN * BLOCK) == 0);
	for (off_t i = 7 + RUN; i < 3 * RUN; i++)
		CHECK(pwrite(fd, "xxxxxxxx", 8, i * BLOCK) == 8);
	CHECK(strcmp(found(fd, false), "0+28672 263+2068480 ") == 0);
	CHECK(strcmp(found(whole, false), "0+28672 263+2068480 ") == 0);
	CHECK(strcmp(found(fd, true), "0+28672 263+2068480 ") == 0);
	/* Small holes make no sparse file of an archive, but of a copy. */
	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)8 * BLOCK) == 0 &&
	      pwrite(fd, "x", 1, 0) == 1);
	CHECK(strcmp(found(fd, false), "") == 0);
	CHECK(strcmp(found(fd, true), "0+4096 ") == 0);
}
