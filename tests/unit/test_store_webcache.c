/* SPDX-License-Identifier: Apache-2.0 */
/* What web servers said about images. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/digest.h"
#include "common/store/webcache.h"
#include "tests/unit/storetest.h"
#include "tests/unit/tap.h"

static const char url[] = "https://example.com/x.aci";

static char *file_of(const char *of)
{
	char hex[AC_DIGEST_TEXT];
	struct ac_digest d;

	ac_digest_of(AC_SHA256, of, strlen(of), &d);
	ac_digest_hex(&d, hex);
	return ac_xasprintf("%s.json", hex);
}

static void put(const struct ac_store *s, const char *name, const char *text)
{
	AC_FREE char *path = ac_xasprintf("http/%s", name);

	scratch_write(s->dirfd, path, text);
}

static bool is_there(const struct ac_store *s, const char *name)
{
	AC_FREE char *path = ac_xasprintf("http/%s", name);
	struct stat st;

	return fstatat(s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

TEST(written_and_read)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *id =
		aci_add(&s, aci_make("example.com/x", "1", "", NULL), NULL);
	AC_FREE char *name = file_of(url);
	AC_CLEANUP(ac_webcache_release)
	struct ac_webcache got = AC_WEBCACHE_INIT;
	const struct ac_webcache c = {.image = id,
				      .url = ac_xstrdup("https://example.com/"),
				      .etag = ac_xstrdup("\"1\""),
				      .checked = 1000,
				      .max_age = 60};
	struct ac_webcache none = {.image = id};
	struct ac_err err = AC_ERR_INIT;

	CHECK(!ac_webcache_read(&s, url, &got));
	CHECK(ac_webcache_write(&s, url, &c, &err) == 0);
	CHECK(ac_webcache_check(&s, name, &err) == 0);
	CHECK(!ac_webcache_read(&s, "https://example.com/y.aci", &got));
	CHECK(ac_webcache_read(&s, url, &got));
	CHECK(strcmp(got.image, id) == 0 && strcmp(got.etag, "\"1\"") == 0);
	CHECK(got.modified == NULL && got.checked == 1000 && got.max_age == 60);
	CHECK(ac_webcache_fresh(&got, 1000) && ac_webcache_fresh(&got, 1059));
	CHECK(!ac_webcache_fresh(&got, 1060) && !ac_webcache_fresh(&got, 999));
	got.checked = INT64_MIN;
	CHECK(!ac_webcache_fresh(&got, INT64_MAX));
	/* What a server may not say goes neither in nor out. */
	none.etag = ac_xstrdup("a\r\nCookie: b");
	CHECK(ac_webcache_write(&s, url, &none, &err) == 0);
	CHECK(!is_there(&s, name)); /* and nothing else was of use */
	free(none.etag);
	free(c.url);
	free(c.etag);
}

/* Each file that is no note, and what it is said to be. */
TEST(what_does_not_count)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *id =
		aci_add(&s, aci_make("example.com/x", "1", "", NULL), NULL);
	AC_FREE char *name = file_of(url);
	AC_FREE char *image = ac_xasprintf("\"image\":\"%s\"", id);
	AC_FREE char *hash = ac_xasprintf("\"urlDigest\":\"%.64s\"", name);
	AC_FREE char *large = ac_xmalloc(20000);
	const struct {
		const char *text;
		enum ac_code code;
	} cases[] = {
		{"", AC_E_VERIFY},
		{"{}", AC_E_VERIFY},
		{"[]", AC_E_VERIFY},
		{"{\"format\":1,I,H}", AC_OK},
		{"{\"format\":1,I,H,\"more\":[1]}", AC_OK},
		{"{\"format\":1,I,H} x", AC_E_VERIFY},
		{"{\"format\":1,I,H", AC_E_VERIFY},
		{"{\"format\":2,I,H}", AC_E_VERIFY},
		{"{\"format\":\"1\",I,H}", AC_E_VERIFY},
		{"{\"format\":1,I}", AC_E_VERIFY},
		{"{\"format\":1,I,\"urlDigest\":\"00\"}", AC_E_VERIFY},
		{"{\"format\":1,H}", AC_E_VERIFY},
		{"{\"format\":1,H,\"image\":\"../x\"}", AC_E_VERIFY},
		{"{\"format\":1,H,\"image\":\"sha512-00\"}", AC_E_VERIFY},
		{"{\"format\":1,I,H,\"maxAge\":-1}", AC_E_VERIFY},
		{"{\"format\":1,I,H,\"maxAge\":1e99}", AC_E_VERIFY},
		{"{\"format\":1,I,H,\"etag\":\"\"}", AC_E_VERIFY},
		{"{\"format\":1,I,H,\"etag\":\"a\\nb\"}", AC_E_VERIFY},
		{"{\"format\":1,I,H,\"lastModified\":3}", AC_E_VERIFY},
		{large, AC_E_VERIFY},
	};

	memset(large, ' ', 19999);
	large[19999] = '\0';
	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_CLEANUP(ac_webcache_release)
		struct ac_webcache got = AC_WEBCACHE_INIT;
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(1 << 20);
		struct ac_err err = AC_ERR_INIT;
		bool right = cases[i].code == AC_OK;

		for (const char *p = cases[i].text; *p != '\0'; p++) {
			if (*p == 'I' || *p == 'H')
				ac_buf_adds(&b, *p == 'I' ? image : hash);
			else
				ac_buf_addc(&b, *p);
		}
		put(&s, name, ac_buf_str(&b));
		CHECK(ac_webcache_read(&s, url, &got) == right);
		CHECK(ac_webcache_check(&s, name, &err) == (right ? 0 : -1));
		CHECK(right || err.code == cases[i].code);
	}
}

TEST(forgotten)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *id =
		aci_add(&s, aci_make("example.com/x", "1", "", NULL), NULL);
	AC_FREE char *name = file_of(url);
	AC_FREE char *gone = file_of("https://example.com/gone");
	AC_FREE char *link = file_of("https://example.com/link");
	AC_CLEANUP(ac_strv_release) struct ac_strv left = AC_STRV_INIT;
	struct ac_webcache c = {.image = id, .max_age = 1};
	struct ac_err err = AC_ERR_INIT;
	char other[] =
		"sha512-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaa";

	CHECK(ac_webcache_write(&s, url, &c, &err) == 0);
	c.image = other;
	CHECK(ac_webcache_write(&s, "https://example.com/gone", &c, &err) == 0);
	CHECK(ac_webcache_check(&s, gone, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	put(&s, ".tmp-0123", "{");
	CHECK(ac_webcache_check(&s, ".tmp-0123", &err) < 0);
	CHECK(err.code == AC_E_VERIFY);
	put(&s, "readme", "hello");
	CHECK(ac_webcache_check(&s, "readme", &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(mkdirat(s.dirfd, "http/dir", 0755) == 0);
	put(&s, "dir/file", "x");
	{
		AC_FREE char *path = ac_xasprintf("http/%s", link);

		CHECK(symlinkat(name, s.dirfd, path) == 0);
		CHECK(ac_webcache_check(&s, link, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
	}
	CHECK(ac_webcache_check(&s, "nothing", &err) == 0);
	CHECK(ac_webcache_forget(&s, &err) == 0);
	CHECK(ac_webcache_names(&s, &left, &err) == 0);
	CHECK(left.n == 1 && strcmp(left.v[0], name) == 0);
	/* A store of an earlier version has no such directory. */
	CHECK(ac_webcache_remove(&s, name, &err) == 0);
	CHECK(unlinkat(s.dirfd, "http", AT_REMOVEDIR) == 0);
	ac_strv_release(&left);
	left = AC_STRV_INIT;
	CHECK(ac_webcache_names(&s, &left, &err) == 0 && left.n == 0);
	CHECK(ac_webcache_forget(&s, &err) == 0);
	CHECK(!ac_webcache_read(&s, url, &c));
}
