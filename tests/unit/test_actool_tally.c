/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "actool/filecap.h"
#include "actool/tally.h"
#include "common/base/own.h"
#include "tests/unit/tap.h"

static void add(struct tally *t, const char *path, enum ac_ftype type,
		mode_t mode, uint64_t size, uid_t uid)
{
	const struct ac_entry e = {.type = type,
				   .path = path,
				   .link = "target",
				   .mode = mode,
				   .size = size,
				   .uid = uid,
				   .gid = uid,
				   .mtime = (int64_t)size};

	tally_add(t, &e);
}

TEST(the_biggest_are_kept_whatever_the_order)
{
	for (unsigned int seed = 1; seed < 50; seed++) {
		AC_CLEANUP(tally_release) struct tally t = {.limit = 7};
		unsigned int at = seed;

		for (unsigned int i = 0; i < 101; i++) {
			char name[16];

			at = (at + 37) % 101; /* each of 0 to 100 once */
			(void)snprintf(name, sizeof(name), "f%03u", at);
			add(&t, name, AC_F_REG, 0644, at / 2, 0);
		}
		tally_end(&t);
		CHECK(t.biggest.n == 7 && t.biggest.total == 101);
		CHECK(strcmp(t.biggest.v[0].path, "f100") == 0);
		CHECK(strcmp(t.biggest.v[1].path, "f098") == 0);
		CHECK(strcmp(t.biggest.v[2].path, "f099") == 0);
		CHECK(strcmp(t.biggest.v[6].path, "f095") == 0);
	}
}

TEST(lists_have_a_limit_and_a_count)
{
	AC_CLEANUP(tally_release) struct tally t = {.limit = 3};

	for (unsigned int i = 0; i < 10; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%u", i);
		add(&t, name, AC_F_REG, 04755, 1, 0);
	}
	add(&t, "target", AC_F_REG, 02755, 1, 0);
	add(&t, "other", AC_F_HARD, 02755, 0, 0);
	add(&t, "link", AC_F_LINK, 0777, 0, 0);
	add(&t, "tmp", AC_F_DIR, 01777, 0, 0);
	tally_end(&t);
	CHECK(t.lists[TALLY_SETUID].n == 3);
	CHECK(t.lists[TALLY_SETUID].total == 10);
	CHECK(t.lists[TALLY_SETGID].n == 2);
	CHECK(t.lists[TALLY_SETGID].v[1].type == AC_F_HARD);
	CHECK(t.lists[TALLY_WRITABLE].n == 1 && t.lists[TALLY_STICKY].n == 1);
	CHECK(t.files == 11 && t.hard == 1 && t.links == 1 && t.dirs == 1);
}

TEST(ids_are_counted_and_many_do_no_harm)
{
	AC_CLEANUP(tally_release) struct tally t = {.limit = 3};

	for (uint32_t i = 0; i < 20000; i++)
		add(&t, "f", AC_F_REG, 0644, 1, (i * 7919) % 10000);
	CHECK(t.users.n == 4096 && t.groups.n == 4096);
	CHECK(t.users.others == 20000 - 2 * 4096);
	for (size_t i = 0; i < t.users.n; i++)
		CHECK(t.users.v[i].files == 2 &&
		      (i == 0 || t.users.v[i - 1].id < t.users.v[i].id));
}

TEST(sums_do_not_overflow)
{
	AC_CLEANUP(tally_release) struct tally t = {.limit = 3};

	for (unsigned int i = 0; i < 3; i++)
		add(&t, "f", AC_F_REG, 0644, INT64_MAX, 0);
	CHECK(t.bytes == UINT64_MAX);
}

TEST(modes_are_shown_as_ls_does)
{
	static const struct {
		enum ac_ftype type;
		mode_t mode;
		const char *text;
	} cases[] = {
		{AC_F_REG, 0644, "-rw-r--r--"},
		{AC_F_REG, 06755, "-rwsr-sr-x"},
		{AC_F_REG, 07644, "-rwSr-Sr-T"},
		{AC_F_DIR, 01777, "drwxrwxrwt"},
		{AC_F_HARD, 0, "----------"},
		{AC_F_FIFO, 0600, "prw-------"},
		{AC_F_CHR, 0666, "crw-rw-rw-"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		const struct tally_file f = {.type = cases[i].type,
					     .mode = cases[i].mode};
		char out[11];

		tally_mode(&f, out);
		CHECK(strcmp(out, cases[i].text) == 0);
	}
}

TEST(capabilities_are_shown)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
		{"\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20,
		 "cap_net_raw=ep"},
		{"\0\0\0\2\1\0\0\0\3\0\0\0\0\1\0\0\0\0\0\0", 20,
		 "cap_chown=ip cap_checkpoint_restore=p cap_dac_override=i"},
		{"\1\0\0\3\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0", 24,
		 "cap_chown=ep [rootid=5]"},
		{"\0\0\0\1\1\0\0\0\0\0\0\0", 12, "cap_chown=p"},
		{"\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\200\0\0\0\0", 20, "cap_63=p"},
		{"\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, "="},
		{"\0\0\0\2\0\0\0\0", 8, "?"},
		{"\0\0\0\11", 4, "?"},
		{"", 0, "?"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_FREE char *text = filecap_text(cases[i].bytes, cases[i].n);

		if (strcmp(text, cases[i].text) != 0)
			fprintf(stderr, "# %zu: %s\n", i, text);
		CHECK(strcmp(text, cases[i].text) == 0);
	}
}
