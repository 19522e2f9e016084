/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/keystore.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "tests/unit/tap.h"
#include "tests/unit/world.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"

#define D "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd1"

static struct ac_key_name pgp(const char *fingerprint)
{
	return (struct ac_key_name){AC_KEY_PGP, fingerprint};
}

static struct ac_key_name pem(const char *fingerprint)
{
	return (struct ac_key_name){AC_KEY_PEM, fingerprint};
}

/* Write DIR/trustedkeys/PLACE/NAME with TEXT. */
static void put(const char *dir, const char *place, const char *name,
		const char *text)
{
	AC_FREE char *path = ac_xasprintf("%s/trustedkeys/%s", dir, place);
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AC_CLOSE int d = ac_at_mkdirs(root, path, 0755, &err);
	AC_CLOSE int fd =
		openat(d, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* The contents of the keys for NAME, in order: "one two". */
static bool loads(const struct world *w, const char *name, const char *want)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust k = AC_TRUST_INIT;
	struct ac_err err = AC_ERR_INIT;
	char got[256] = "";
	size_t at = 0;

	CHECK(ac_keystore_load(&w->ks, name, &k, &err) == 0);
	for (size_t i = 0; i < k.n; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s",
				       at != 0 ? " " : "", k.v[i].key);
	if (strcmp(got, want) != 0)
		fprintf(stderr, "# %s: got '%s', want '%s'\n",
			name != NULL ? name : "(all)", got, want);
	return strcmp(got, want) == 0;
}

TEST(nothing_is_no_keys)
{
	struct world w;

	world_new(&w);
	CHECK(loads(&w, "example.com/a", ""));
	CHECK(loads(&w, NULL, ""));
	world_end(&w);
}

TEST(prefixes_go_by_components)
{
	struct world w;

	world_new(&w);
	put(w.sys, "prefix.d/example.com/foo", A, "foo");
	put(w.local, "prefix.d/example.com", B, "host");
	put(w.local, "root.d", C, "root");
	CHECK(loads(&w, "example.com/foo", "root foo host"));
	CHECK(loads(&w, "example.com/foo/bar/baz", "root foo host"));
	CHECK(loads(&w, "example.com/foobar", "root host"));
	CHECK(loads(&w, "example.com", "root host"));
	CHECK(loads(&w, "example.co", "root"));
	CHECK(loads(&w, NULL, "root foo host"));
	world_end(&w);
}

TEST(an_empty_file_masks)
{
	struct world w;

	world_new(&w);
	put(w.sys, "root.d", A, "root");
	put(w.sys, "prefix.d/example.com", B, "host");
	put(w.local, "root.d", A, "");
	CHECK(loads(&w, "example.com/x", "host"));
	put(w.local, "prefix.d/example.com/x", B, "");
	CHECK(loads(&w, "example.com/x", ""));
	CHECK(loads(&w, "example.com/y", "host"));
	/* In the list a mask speaks for its own place only. */
	CHECK(loads(&w, NULL, "host"));
	/* The user's directory is read last, and only when there is one. */
	put(w.user, "root.d", A, "again");
	CHECK(loads(&w, "example.com/x", ""));
	w.ks.user = w.user;
	CHECK(loads(&w, "example.com/x", "again"));
	world_end(&w);
}

TEST(other_names_are_passed_over)
{
	struct world w;

	world_new(&w);
	put(w.local, "root.d", "README", "readme");
	put(w.local, "root.d", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "up");
	put(w.local, "prefix.d", A, "above");
	put(w.local, "prefix.d/example.com", B, "good");
	CHECK(loads(&w, "example.com", "good"));
	CHECK(loads(&w, NULL, "good"));
	world_end(&w);
}

TEST(a_name_is_never_a_path)
{
	struct world w;
	AC_CLEANUP(ac_trust_release) struct ac_trust k = AC_TRUST_INIT;
	struct ac_err err = AC_ERR_INIT;
	char *path = NULL;

	world_new(&w);
	put(w.local, "root.d", A, "root");
	CHECK(ac_keystore_load(&w.ks, "../root.d", &k, &err) < 0);
	CHECK(ac_keystore_load(&w.ks, "example.com/../..", &k, &err) < 0);
	CHECK(ac_keystore_add(&w.ks, "../x", pgp(A), "key", &path, &err) < 0);
	CHECK(ac_keystore_add(&w.ks, "example.com", pgp("../x"), "key", &path,
			      &err) < 0);
	world_end(&w);
}

/* They are told by their names, and mask only their own kind. */
TEST(plain_keys)
{
	struct world w;
	AC_CLEANUP(ac_trust_release) struct ac_trust k = AC_TRUST_INIT;
	AC_FREE char *path = NULL;
	struct ac_err err = AC_ERR_INIT;

	world_new(&w);
	put(w.sys, "root.d", D, "pgp");
	put(w.sys, "root.d", D ".pub", "pem");
	put(w.sys, "root.d", A ".pub", "short");
	put(w.sys, "root.d", D ".pem", "other");
	CHECK(loads(&w, "example.com", "pgp pem"));
	put(w.local, "root.d", D ".pub", "");
	CHECK(loads(&w, "example.com", "pgp"));
	CHECK(ac_keystore_add(&w.ks, "example.com", pem(D), "mine", &path,
			      &err) == 0);
	CHECK(ac_str_ends(ac_str(path), "/prefix.d/example.com/" D ".pub"));
	CHECK(loads(&w, "example.com/x", "pgp mine"));
	CHECK(ac_keystore_load(&w.ks, NULL, &k, &err) == 0);
	CHECK(ac_trust_has(&k, "example.com", pem(D)));
	CHECK(!ac_trust_has(&k, "example.com", pgp(D)));
	CHECK(ac_trust_has(&k, NULL, pgp(D)) &&
	      !ac_trust_has(&k, NULL, pem(D)));
	CHECK(ac_trust_has_kind(&k, AC_KEY_PEM));
	CHECK(ac_keystore_remove(&w.ks, "example.com", pem(D), &err) == 0);
	CHECK(loads(&w, "example.com/x", "pgp"));
	world_end(&w);
}

TEST(fingerprints_as_they_are_typed)
{
	char hex[AC_FINGERPRINT_MAX + 1];

	CHECK(ac_fingerprint_read("8B86 DE38  890d", hex));
	CHECK(strcmp(hex, "8b86de38890d") == 0);
	CHECK(ac_fingerprint_read(D, hex) && strcmp(hex, D) == 0);
	CHECK(!ac_fingerprint_read(D "1", hex));
	CHECK(!ac_fingerprint_read("", hex) && !ac_fingerprint_read("  ", hex));
	CHECK(!ac_fingerprint_read("12x4", hex));
	CHECK(!ac_fingerprint_read("0x12", hex));
}

/* What cannot be read is not trusted, and masks: never more trust than
 * meant. */
TEST(links_do_not_lead_out)
{
	struct world w;
	AC_FREE char *link = NULL;

	world_new(&w);
	put(w.sys, "root.d", A, "system");
	put(w.sys, "root.d", B, "other");
	put(w.local, "root.d", C, "local");
	link = ac_xasprintf("%s/trustedkeys/root.d/" A, w.local);
	CHECK(symlink("/etc/passwd", link) == 0);
	CHECK(loads(&w, "example.com", "other local"));
	CHECK(unlink(link) == 0);
	CHECK(symlink(C, link) == 0);
	CHECK(loads(&w, "example.com", "other local local"));
	world_end(&w);
}

TEST(adding_and_removing)
{
	struct world w;
	AC_FREE char *path = NULL;
	AC_FREE char *want = NULL;
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	world_new(&w);
	put(w.sys, "prefix.d/example.com/a", A, "system");
	CHECK(ac_keystore_add(&w.ks, "example.com/a", pgp(A), "mine", &path,
			      &err) == 0);
	want = ac_xasprintf("%s/trustedkeys/prefix.d/example.com/a/" A,
			    w.local);
	CHECK(strcmp(path, want) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
	CHECK(loads(&w, "example.com/a", "mine"));
	/* Removing it takes the system's trust back too. */
	CHECK(ac_keystore_remove(&w.ks, "example.com/a", pgp(A), &err) == 0);
	CHECK(loads(&w, "example.com/a", ""));
	CHECK(stat(path, &st) == 0 && st.st_size == 0);
	CHECK(ac_keystore_remove(&w.ks, "example.com/a", pgp(A), &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	world_end(&w);
}
