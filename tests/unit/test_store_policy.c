/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/policy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/keystore.h"
#include "common/sys/at.h"
#include "tests/unit/tap.h"
#include "tests/unit/world.h"

#define A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define D    "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd1"
#define HEAD "{\"rktKind\": \"trustPolicy\", \"rktVersion\": \"v1\""

/* Make DIR/trustedkeys/policy.d/PLACE and return it. */
static int make(const char *dir, const char *place)
{
	AC_FREE char *path =
		ac_xasprintf("%s/trustedkeys/policy.d/%s", dir, place);
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int d = ac_at_mkdirs(root, path, 0755, &err);

	CHECK(d >= 0);
	return d;
}

/* Write the policy of PLACE. */
static void put(const char *dir, const char *place, const char *text)
{
	AC_CLOSE int d = make(dir, place);
	AC_CLOSE int fd =
		openat(d, "_policy.json",
		       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* How many signatures images called NAME need; 0: they are refused, and the
 * message has PART. */
static size_t needs(const struct world *w, const char *name, const char *part)
{
	AC_CLEANUP(ac_policy_release) struct ac_policy p = AC_POLICY_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (ac_policy_find(&w->ks, name, &p, &err) == 0)
		return p.require;
	CHECK(p.path == NULL && p.keys.n == 0 && p.require == 1);
	if (strstr(err.msg, part) == NULL)
		fprintf(stderr, "# '%s' lacks '%s'\n", err.msg, part);
	CHECK(strstr(err.msg, part) != NULL);
	return 0;
}

TEST(none_is_one_signature)
{
	struct world w;

	world_new(&w);
	CHECK(needs(&w, "example.com/a", "") == 1);
	put(w.local, "example.org", HEAD ",\"require\":3}");
	CHECK(needs(&w, "example.com/a", "") == 1);
	CHECK(needs(&w, "example.orga", "") == 1);
	world_end(&w);
}

TEST(the_longest_prefix_of_the_last_directory)
{
	struct world w;

	world_new(&w);
	put(w.sys, "", HEAD ",\"require\":2}");
	put(w.sys, "example.com/a", HEAD ",\"require\":4}");
	put(w.local, "example.com", HEAD ",\"require\":3}");
	CHECK(needs(&w, "example.org", "") == 2);
	CHECK(needs(&w, "example.com", "") == 3);
	CHECK(needs(&w, "example.com/ab", "") == 3);
	CHECK(needs(&w, "example.com/a", "") == 4);
	CHECK(needs(&w, "example.com/a/b/c", "") == 4);
	put(w.user, "example.com/a", HEAD ",\"require\":1}");
	CHECK(needs(&w, "example.com/a", "") == 4);
	w.ks.user = w.user;
	CHECK(needs(&w, "example.com/a/b", "") == 1);
	world_end(&w);
}

TEST(what_is_not_understood_refuses)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"", "line 1"},
		{"{", "line 1"},
		{"[]", "expected an object"},
		{"{}", "rktKind: it must be 'trustPolicy'"},
		{HEAD "}", "neither 'require' nor 'keys'"},
		{HEAD ",\"keys\":[]}", "neither"},
		{HEAD ",\"require\":0}", "require: it is a number"},
		{HEAD ",\"require\":-1}", "require"},
		{HEAD ",\"require\":101}", "1 to 100"},
		{HEAD ",\"require\":2.5}", "require"},
		{HEAD ",\n\"require\":\"2\"}", "line 2: require"},
		{HEAD ",\n\n\"requires\":2}", "line 3: requires: unknown"},
		{HEAD ",\"require\":2,\n\"keys\":\n[\"" A "\",\n\"12\"]}",
		 "line 4: keys[1]"},
		{HEAD ",\"require\":2,\"keys\":[7]}", "keys[0]"},
		{HEAD ",\"require\":2,\"require\":1}", "require"},
		{HEAD ",\"require\":2}x", "line 1"},
		{"{\"rktKind\":\"auth\",\"rktVersion\":\"v1\"}", "rktKind"},
		{"{\"rktKind\":\"trustPolicy\",\"rktVersion\":\"v2\","
		 "\"require\":1}",
		 "rktVersion"},
	};
	struct world w;

	world_new(&w);
	put(w.sys, "", HEAD ",\"require\":2}");
	for (size_t i = 0; i < AC_LEN(bad); i++) {
		put(w.local, "example.com/a", bad[i].text);
		CHECK(needs(&w, "example.com/a/b", bad[i].part) == 0);
		CHECK(needs(&w, "example.com/a",
			    "images of 'example.com/a' are refused: policy '") ==
		      0);
		CHECK(needs(&w, "example.com", "") == 2);
	}
	/* A longer one that is right counts for what is below it. */
	put(w.sys, "example.com/a/b", HEAD ",\"require\":5}");
	CHECK(needs(&w, "example.com/a/b", "") == 5);
	CHECK(needs(&w, "example.com/a/c", "") == 0);
	world_end(&w);
}

/* What is there and cannot be opened is not "none". */
TEST(what_cannot_be_read_refuses)
{
	struct world w;
	AC_CLOSE int d = -1;

	world_new(&w);
	d = make(w.local, "example.com");
	CHECK(symlinkat("nowhere", d, "_policy.json") == 0);
	CHECK(needs(&w, "example.com", "_policy.json") == 0);
	CHECK(unlinkat(d, "_policy.json", 0) == 0);
	CHECK(symlinkat("/etc/passwd", d, "_policy.json") == 0);
	CHECK(needs(&w, "example.com", "_policy.json") == 0);
	CHECK(unlinkat(d, "_policy.json", 0) == 0);
	CHECK(mkdirat(d, "_policy.json", 0755) == 0);
	CHECK(needs(&w, "example.com", "is not a file") == 0);
	CHECK(unlinkat(d, "_policy.json", AT_REMOVEDIR) == 0);
	CHECK(mkfifoat(d, "_policy.json", 0644) == 0);
	CHECK(needs(&w, "example.com", "is not a file") == 0);
	CHECK(unlinkat(d, "_policy.json", 0) == 0);
	CHECK(needs(&w, "example.com", "") == 1);
	/* On the way to it. */
	CHECK(symlinkat("nowhere", d, "a") == 0);
	CHECK(needs(&w, "example.com/a/b", "") == 0);
	CHECK(needs(&w, "example.com/b", "") == 1);
	CHECK(unlinkat(d, "a", 0) == 0);
	CHECK(close(openat(d, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0);
	CHECK(needs(&w, "example.com/a/b", "") == 0);
	CHECK(needs(&w, "example.com/b", "") == 1);
	world_end(&w);
}

static bool met(const struct ac_policy *p, const char *a, const char *b,
		const char *want)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv signers = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(500);
	bool ok;

	if (a != NULL)
		ac_strv_push(&signers, a);
	if (b != NULL)
		ac_strv_push(&signers, b);
	ok = ac_policy_met(p, &signers, &why);
	if (strcmp(ac_buf_str(&why), want) != 0)
		fprintf(stderr, "# '%s' is not '%s'\n", ac_buf_str(&why), want);
	CHECK(strcmp(ac_buf_str(&why), want) == 0);
	return ok;
}

TEST(enough_and_the_right_ones)
{
	struct ac_policy p = AC_POLICY_INIT;

	CHECK(met(&p, A, NULL, ""));
	CHECK(!met(&p, NULL, NULL, "good signatures by 0 of 1 required keys"));
	p.require = 2;
	CHECK(met(&p, A, B, ""));
	CHECK(!met(&p, A, NULL, "good signatures by 1 of 2 required keys"));
	ac_strv_push(&p.keys, D);
	CHECK(!met(&p, A, B, "no good signature by the required " D));
	CHECK(!met(
		&p, A, NULL,
		"good signatures by 1 of 2 required keys; missing that of " D));
	CHECK(met(&p, A, D, ""));
	ac_policy_release(&p);
}

TEST(writing_listing_and_removing)
{
	AC_CLEANUP(ac_policies_release)
	struct ac_policies all = AC_POLICIES_INIT;
	struct ac_policy p = AC_POLICY_INIT;
	AC_FREE char *path = NULL;
	AC_FREE char *root = NULL;
	struct ac_err err = AC_ERR_INIT;
	struct world w;

	world_new(&w);
	CHECK(ac_policy_list(&w.ks, &all, &err) == 0 && all.n == 0);
	p.require = 2;
	ac_strv_push(&p.keys, A);
	CHECK(ac_policy_write(&w.ks, "example.com/a", &p, &path, &err) == 0);
	CHECK(ac_str_ends(ac_str(path), "/local/trustedkeys/policy.d/"
					"example.com/a/_policy.json"));
	CHECK(ac_policy_write(&w.ks, NULL, &p, &root, &err) == 0);
	CHECK(needs(&w, "example.com/a", "") == 2);
	CHECK(needs(&w, "example.org", "") == 2);
	put(w.sys, "example.com/a", HEAD ",\"require\":9}");
	put(w.sys, "example.com/b", "broken");
	CHECK(ac_policy_list(&w.ks, &all, &err) == 0 && all.n == 3);
	CHECK(all.v[0].prefix == NULL && all.v[0].require == 2);
	CHECK(strcmp(all.v[1].prefix, "example.com/a") == 0);
	CHECK(all.v[1].require == 2 && all.v[1].fault == NULL);
	CHECK(all.v[1].keys.n == 1 && strcmp(all.v[1].keys.v[0], A) == 0);
	CHECK(strcmp(all.v[2].prefix, "example.com/b") == 0);
	CHECK(all.v[2].fault != NULL);
	CHECK(ac_policy_remove(&w.ks, "example.com/a", &err) == 0);
	CHECK(needs(&w, "example.com/a", "") == 9);
	CHECK(ac_policy_remove(&w.ks, "example.com/a", &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(ac_policy_write(&w.ks, "../x", &p, &path, &err) < 0);
	ac_policy_release(&p);
	world_end(&w);
}
