/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads that another process goes on with. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/partial.h"
#include "common/store/store.h"
#include "tests/unit/storetest.h"
#include "tests/unit/tap.h"

static struct ac_partial *open_url(const struct ac_store *s)
{
	AC_FREE char *name = ac_partial_of_url("https://example.com/x.aci");
	struct ac_err err = AC_ERR_INIT;
	bool waited = false;
	struct ac_partial *p = ac_partial_open(s, name, "x", &waited, &err);

	CHECK(p != NULL && !waited);
	return p;
}

static int collect(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_buf *b = ctx;

	ac_buf_add(b, p, n);
	return ac_buf_check(b, "the test", err);
}

/* What a replay gives. */
static void is_there(struct ac_partial *p, const char *text)
{
	struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_partial_replay(p, collect, &b, &err) == 0);
	CHECK(strcmp(ac_buf_str(&b), text) == 0);
	CHECK(ac_partial_size(p) == strlen(text));
	ac_buf_release(&b);
}

/* "one", "two" and "three" by a process that is gone. */
static void make(const struct ac_store *s, const char *validator)
{
	struct ac_partial *p = open_url(s);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_partial_begin(p, validator, 100, &err) == 0);
	CHECK(ac_partial_add(p, "one", 3, &err) == 0);
	CHECK(ac_partial_add(p, "two", 3, &err) == 0);
	CHECK(ac_partial_add(p, "three", 5, &err) == 0);
	ac_partial_free(p, true);
}

static int file_of(const struct ac_store *s, const char *name)
{
	AC_FREE char *key = ac_partial_of_url("https://example.com/x.aci");
	AC_FREE char *path = ac_xasprintf("partial/%s/%s", key, name);

	return openat(s->dirfd, path, O_RDWR | O_CLOEXEC);
}

TEST(goes_on)
{
	SCRATCH dir = scratch_make();
	STORE s = store_make(&dir);
	struct ac_err err = AC_ERR_INIT;
	struct ac_partial *p;

	make(&s, "\"1\"");
	p = open_url(&s);
	CHECK(ac_partial_size(p) == 11 && ac_partial_total(p) == 100);
	CHECK(strcmp(ac_partial_validator(p), "\"1\"") == 0);
	is_there(p, "onetwothree");
	CHECK(ac_partial_add(p, "four", 4, &err) == 0);
	ac_partial_free(p, true);
	p = open_url(&s);
	is_there(p, "onetwothreefour");
	CHECK(ac_partial_begin(p, "\"2\"", 0, &err) == 0);
	CHECK(ac_partial_add(p, "new", 3, &err) == 0);
	ac_partial_free(p, true);
	p = open_url(&s);
	CHECK(strcmp(ac_partial_validator(p), "\"2\"") == 0);
	CHECK(ac_partial_total(p) == 0);
	is_there(p, "new");
	ac_partial_free(p, false);
	CHECK(file_of(&s, "blob") < 0);
}

TEST(what_nobody_can_continue_is_not_kept)
{
	SCRATCH dir = scratch_make();
	STORE s = store_make(&dir);

	make(&s, NULL);
	CHECK(file_of(&s, "blob") < 0);
}

TEST(damage_is_cut_off)
{
	static const struct {
		const char *file;
		off_t at; /* -1: cut to SIZE; else one byte is changed */
		off_t size;
		const char *left;
	} t[] = {
		{"blob", 4, 0, "one"},     {"blob", 0, 0, ""},
		{"blob", 10, 0, "onetwo"}, {"blob", -1, 8, "onetwo"},
		{"blob", -1, 0, ""},       {"state", -1, 0, ""},
		{"state", -1, 10, ""},     {"state", 0, 0, ""},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		SCRATCH dir = scratch_make();
		STORE s = store_make(&dir);
		struct ac_err err = AC_ERR_INIT;
		struct ac_partial *p;
		int fd;

		make(&s, "\"1\"");
		fd = file_of(&s, t[i].file);
		if (t[i].at < 0)
			CHECK(ftruncate(fd, t[i].size) == 0);
		else
			CHECK(pwrite(fd, "\1", 1, t[i].at) == 1);
		(void)close(fd);
		p = open_url(&s);
		is_there(p, t[i].left);
		/* And what comes behind is read back. */
		if (ac_partial_validator(p) == NULL)
			CHECK(ac_partial_begin(p, "\"1\"", 0, &err) == 0);
		CHECK(ac_partial_add(p, "more", 4, &err) == 0);
		ac_partial_free(p, true);
		p = open_url(&s);
		CHECK(ac_partial_size(p) == strlen(t[i].left) + 4);
		ac_partial_free(p, false);
	}
}

/* Every length that a killed process may leave the state with. */
TEST(a_state_may_end_anywhere)
{
	SCRATCH dir = scratch_make();
	STORE s = store_make(&dir);
	struct stat st;
	int fd;

	make(&s, "\"1\"");
	fd = file_of(&s, "state");
	CHECK(fstat(fd, &st) == 0);
	(void)close(fd);
	for (off_t n = st.st_size; n >= 0; n--) {
		struct ac_partial *p;
		uint64_t size;

		make(&s, "\"1\"");
		fd = file_of(&s, "state");
		CHECK(ftruncate(fd, n) == 0);
		(void)close(fd);
		p = open_url(&s);
		size = ac_partial_size(p);
		CHECK(size == 0 || size == 3 || size == 6 || size == 11);
		CHECK((size == 11) == (n == st.st_size));
		is_there(p, size == 11  ? "onetwothree"
			    : size == 6 ? "onetwo"
			    : size == 3 ? "one"
					: "");
		ac_partial_free(p, false);
	}
}

TEST(a_blob_needs_no_validator)
{
	SCRATCH dir = scratch_make();
	STORE s = store_make(&dir);
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest d;
	AC_FREE char *name = NULL;
	struct ac_partial *p;
	bool waited = false;

	ac_digest_of(AC_SHA256, "x", 1, &d);
	name = ac_partial_of_blob(&d);
	p = ac_partial_open(&s, name, "x", &waited, &err);
	CHECK(p != NULL && ac_partial_add(p, "abc", 3, &err) == 0);
	ac_partial_free(p, true);
	p = ac_partial_open(&s, name, "x", &waited, &err);
	CHECK(p != NULL && !waited);
	is_there(p, "abc");
	ac_partial_free(p, false);
}
