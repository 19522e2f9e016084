/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/file.h>

#include "common/store/config.h"
#include "tests/unit/storetest.h"

static char *add(struct ac_store *s)
{
	return aci_add(s, aci_make("example.com/a", "1", "", FILES("f", "x")),
		       NULL);
}

TEST(what_a_pod_holds_stays)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	STORE reader = AC_STORE_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *id = add(&s);
	AC_FREE char *record = ac_xasprintf("images/%s.json", id);
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;
	uint64_t bytes;

	CHECK(ac_store_open(&reader, s.path, false, &err) == 0);
	CHECK(ac_store_open_layer(&reader, id, &root, &lock, &err) == 0);
	CHECK(ac_store_remove(&s, id, &err) < 0);
	CHECK(err.code == AC_E_BUSY && strstr(err.msg, "pod") != NULL);
	/* Nothing is half removed: not the record either. */
	CHECK(!scratch_missing(s.dirfd, record));
	/* Also without a record, which only an accident takes away. */
	CHECK(unlinkat(s.dirfd, record, 0) == 0);
	CHECK(ac_store_gc(&s, &bytes, &err) == 0);
	CHECK(!store_dir_empty(&s, "layers"));
	CHECK(strcmp(scratch_read(root, "f"), "x") == 0);
	CHECK(close(ac_steal_fd(&lock)) == 0);
	CHECK(ac_store_gc(&s, &bytes, &err) == 0 && bytes == 1);
	CHECK(store_dir_empty(&s, "layers") && store_dir_empty(&s, "ingest"));
	CHECK(ac_store_open_layer(&reader, id, &root, &lock, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
}

TEST(an_inherited_lock_holds)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *id = add(&s);
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;
	AC_CLOSE int kept = -1;

	CHECK(ac_store_open_layer(&s, id, &root, &lock, &err) == 0);
	kept = dup(lock); /* as a child has it after fork */
	CHECK(close(ac_steal_fd(&lock)) == 0);
	CHECK(ac_store_remove(&s, id, &err) < 0 && err.code == AC_E_BUSY);
	CHECK(close(ac_steal_fd(&kept)) == 0);
	CHECK(ac_store_remove(&s, id, &err) == 0);
}

TEST(left_over_and_under_way)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	STORE other = AC_STORE_INIT;
	struct ac_err err = AC_ERR_INIT;
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI};
	struct ac_ingest *in = ac_ingest_new(&s, &o, &err);

	CHECK(in != NULL);
	CHECK(mkdirat(s.dirfd, "ingest/dead", 0700) == 0);
	CHECK(mkdirat(s.dirfd, "ingest/dead/layer", 0000) == 0);
	scratch_write(s.dirfd, "ingest/deadfile", "x");
	CHECK(ac_store_open(&other, s.path, true, &err) == 0);
	CHECK(scratch_missing(s.dirfd, "ingest/dead"));
	CHECK(scratch_missing(s.dirfd, "ingest/deadfile"));
	CHECK(!store_dir_empty(&s, "ingest"));
	ac_ingest_free(in);
	CHECK(store_dir_empty(&s, "ingest"));
}

TEST(who_adds_and_who_collects)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int lock = openat(s.dirfd, "lock", O_RDONLY | O_CLOEXEC);

	/* One who adds is here. */
	CHECK(lock >= 0);
	CHECK(flock(lock, LOCK_EX | LOCK_NB) < 0);
	CHECK(flock(lock, LOCK_SH | LOCK_NB) == 0);
	CHECK(flock(lock, LOCK_UN) == 0);
	/* And is still here after it has collected. */
	CHECK(ac_store_gc(&s, NULL, &err) == 0);
	CHECK(flock(lock, LOCK_EX | LOCK_NB) < 0);
	ac_store_release(&s);
	CHECK(flock(lock, LOCK_EX | LOCK_NB) == 0);
}

TEST(opening)
{
	SCRATCH d = scratch_make();
	struct ac_err err = AC_ERR_INIT;
	STORE s = AC_STORE_INIT;
	AC_FREE char *deep = ac_xasprintf("%s/a/b/c", d.path);
	AC_FREE char *file = ac_xasprintf("%s/f", d.path);

	CHECK(ac_store_open(&s, deep, false, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strstr(err.msg, "acfetch pull") != NULL);
	/* A directory that is no store is none to read. */
	CHECK(ac_store_open(&s, d.path, false, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(ac_store_open(&s, deep, true, &err) == 0);
	CHECK((scratch_stat(d.fd, "a/b/c").st_mode & 07777) == 0700);
	ac_store_release(&s);
	CHECK(ac_store_open(&s, deep, false, &err) == 0);
	CHECK(s.lockfd < 0 && s.layout == 2);
	ac_store_release(&s);
	/* An earlier one is read as it is, and migrated to add. */
	scratch_write(d.fd, "a/b/c/version", "1\n");
	CHECK(ac_store_open(&s, deep, false, &err) == 0 && s.layout == 1);
	CHECK(ac_store_hold(&s, &err) == 0 && s.layout == 1);
	ac_store_release(&s);
	CHECK(ac_store_open(&s, deep, true, &err) == 0 && s.layout == 2);
	ac_store_release(&s);
	CHECK(ac_store_open(&s, deep, false, &err) == 0 && s.layout == 2);
	ac_store_release(&s);
	scratch_write(d.fd, "a/b/c/version", "1\n");
	CHECK(ac_store_open(&s, deep, false, &err) == 0);
	CHECK(ac_store_hold_to_write(&s, &err) == 0 && s.layout == 2);
	ac_store_release(&s);
	scratch_write(d.fd, "a/b/c/version", "3\n");
	CHECK(ac_store_open(&s, deep, false, &err) < 0);
	CHECK(err.code == AC_E_UNSUPPORTED);
	CHECK(ac_store_open(&s, deep, true, &err) < 0);
	scratch_write(d.fd, "f", "");
	CHECK(ac_store_open(&s, file, true, &err) < 0);
	CHECK(err.code == AC_E_SYS);
}

TEST(where_it_is)
{
	AC_FREE char *given = NULL;
	AC_FREE char *env = NULL;
	AC_FREE char *relative = NULL;
	SCRATCH d = scratch_make();
	struct ac_config c = {.system = "/nonexistent",
			      .local = "/nonexistent"};
	struct ac_err err = AC_ERR_INIT;

	CHECK(setenv("ACUTILS_DIR", "/x/y", 1) == 0);
	CHECK(ac_store_path("/a", &c, &given, &err) == 0);
	CHECK(ac_store_path(NULL, &c, &env, &err) == 0);
	CHECK(ac_store_path("b", &c, &relative, &err) == 0);
	CHECK(strcmp(given, "/a") == 0 && strcmp(env, "/x/y") == 0);
	CHECK(relative[0] == '/' && strlen(relative) > 2);
	CHECK(unsetenv("ACUTILS_DIR") == 0);
	free(env);
	CHECK(ac_store_path(NULL, &c, &env, &err) == 0);
	CHECK(geteuid() != 0 || strcmp(env, "/var/lib/acutils") == 0);
	/* The configuration, where nothing else is said. */
	free(env);
	CHECK(mkdirat(d.fd, "paths.d", 0755) == 0);
	scratch_write(d.fd, "paths.d/a.json",
		      "{\"rktKind\":\"paths\",\"rktVersion\":\"v1\","
		      "\"data\":\"/srv/a\"}");
	c.local = d.path;
	CHECK(ac_store_path(NULL, &c, &env, &err) == 0);
	CHECK(strcmp(env, "/srv/a") == 0);
	free(env);
	CHECK(ac_store_path("/b", &c, &env, &err) == 0);
	CHECK(strcmp(env, "/b") == 0);
	scratch_write(d.fd, "paths.d/a.json", "{");
	CHECK(ac_store_path(NULL, &c, &relative, &err) < 0);
	CHECK(err.code == AC_E_INVALID && strstr(err.msg, "a.json:1:2: "));
}
