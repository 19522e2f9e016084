/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/plan.h"
#include "tests/unit/storetest.h"

#define DEPS(...) ",\"dependencies\":[" __VA_ARGS__ "]"
#define DEP(name) "{\"imageName\":\"example.com/" name "\"}"

/* An image with one file of its own name, and the file `who`. */
static char *add(struct ac_store *s, const char *name, const char *more)
{
	AC_FREE char *full = ac_xasprintf("example.com/%s", name);

	return aci_add(s,
		       aci_make(full, "1", more,
				FILES(name, name, "who", name)),
		       NULL);
}

static int order(const struct ac_store *s, const char *id, struct ac_strv *out,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;

	CHECK(ac_store_get(s, id, &r, err) == 1);
	return ac_store_layers(s, &r, out, err);
}

static struct ac_record record(const struct ac_store *s, const char *id)
{
	struct ac_record r = AC_RECORD_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_store_get(s, id, &r, &err) == 1);
	return r;
}

TEST(order_of_the_specification)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_FREE char *dd = add(&s, "d", "");
	AC_FREE char *c = add(&s, "c", DEPS(DEP("d")));
	AC_FREE char *b = add(&s, "b", "");
	AC_FREE char *a = add(&s, "a", DEPS(DEP("b") "," DEP("c")));

	CHECK(order(&s, a, &v, &err) == 0);
	CHECK(v.n == 4);
	CHECK(strcmp(v.v[0], b) == 0 && strcmp(v.v[1], dd) == 0 &&
	      strcmp(v.v[2], c) == 0 && strcmp(v.v[3], a) == 0);
}

TEST(a_diamond_names_no_layer_twice)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_FREE char *dd = add(&s, "d", "");
	AC_FREE char *b = add(&s, "b", DEPS(DEP("d")));
	AC_FREE char *c = add(&s, "c", DEPS(DEP("d")));
	AC_FREE char *a = add(&s, "a", DEPS(DEP("b") "," DEP("c")));

	/* D, B, D, C, A; the first D is all covered by the second. */
	CHECK(order(&s, a, &v, &err) == 0);
	CHECK(v.n == 4);
	CHECK(strcmp(v.v[0], b) == 0 && strcmp(v.v[1], dd) == 0 &&
	      strcmp(v.v[2], c) == 0);
}

TEST(missing_and_circular)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_FREE char *a = add(&s, "a", DEPS(DEP("b")));
	AC_FREE char *b = NULL;

	CHECK(order(&s, a, &v, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strstr(err.msg, "dependency 'example.com/b'") != NULL);
	b = add(&s, "b", DEPS(DEP("a")));
	CHECK(order(&s, a, &v, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(strstr(err.msg, "depends on itself") != NULL);
}

TEST(what_a_dependency_asks_for)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_FREE char *b = add(&s, "b", "");
	AC_FREE char *by_id = ac_xasprintf(
		DEPS("{\"imageName\":\"example.com/b\",\"imageID\":\"%s\"}"),
		b);
	AC_FREE char *other = ac_xasprintf(
		DEPS("{\"imageName\":\"example.com/x\",\"imageID\":\"%s\"}"),
		b);
	AC_FREE char *good = add(&s, "good", by_id);
	AC_FREE char *bad = add(&s, "bad", other);
	AC_FREE char *size = add(&s, "size",
				 DEPS("{\"imageName\":\"example.com/b\","
				      "\"size\":1}"));
	AC_FREE char *label = add(&s, "label",
				  DEPS("{\"imageName\":\"example.com/b\","
				       "\"labels\":[{\"name\":\"version\","
				       "\"value\":\"2\"}]}"));

	CHECK(order(&s, good, &v, &err) == 0 && v.n == 2);
	CHECK(order(&s, bad, &v, &err) < 0 && err.code == AC_E_VERIFY);
	CHECK(order(&s, size, &v, &err) < 0 && err.code == AC_E_VERIFY);
	CHECK(order(&s, label, &v, &err) < 0 && err.code == AC_E_NOT_FOUND);
}

/* Two levels of eighty images, each with all of the next: 6400 visits. */
TEST(a_bomb_of_dependencies)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf deps = AC_BUF_INIT(1 << 16);
	AC_FREE AC_UNUSED char *leaf = add(&s, "leaf", "");
	AC_FREE char *mid = NULL;
	AC_FREE char *top = NULL;

	ac_buf_adds(&deps, ",\"dependencies\":[" DEP("leaf"));
	for (int i = 1; i < 80; i++)
		ac_buf_adds(&deps, "," DEP("leaf"));
	ac_buf_addc(&deps, ']');
	mid = add(&s, "mid", deps.p);
	for (char *p = deps.p; (p = strstr(p, "leaf")) != NULL;)
		memcpy(p, "mid\"", 4);
	for (char *p = deps.p; (p = strstr(p, "\"\"")) != NULL;)
		memcpy(p, "\" ", 2);
	top = add(&s, "top", deps.p);
	CHECK(order(&s, mid, &v, &err) == 0 && v.n == 2);
	CHECK(order(&s, top, &v, &err) < 0);
	CHECK(err.code == AC_E_LIMIT);
}

static int tree(const struct ac_store *s, const char *id,
		const struct scratch *d, const char *name)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = record(s, id);
	struct ac_err err = AC_ERR_INIT;
	int fd;

	CHECK(mkdirat(d->fd, name, 0755) == 0);
	fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(ac_render(s, &r, fd, &err) == 0);
	return fd;
}

TEST(whitelists)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	/* C has x and y, keeps x alone; B, on C, keeps all; A keeps d/in and
	 * what C left. */
	AC_FREE AC_UNUSED char *c =
		aci_add(&s,
			aci_make("example.com/c", "1",
				 ",\"pathWhitelist\":[\"/x\"]",
				 FILES("x", "c", "y", "c")),
			NULL);
	AC_FREE char *b = aci_add(&s,
				  aci_make("example.com/b", "1", DEPS(DEP("c")),
					   FILES("y", "b", "z", "b")),
				  NULL);
	AC_FREE char *a = aci_add(
		&s,
		aci_make("example.com/a", "1",
			 DEPS(DEP("b")) ",\"pathWhitelist\":[\"/x\",\"./d/in\","
					"\"/e/\",\"y\",\"/../up\"]",
			 FILES("d", NULL, "d/in", "a", "d/out", "a", "e", NULL,
			       "e/f", "a")),
		NULL);
	AC_CLOSE int tb = tree(&s, b, &d, "b");
	AC_CLOSE int ta = tree(&s, a, &d, "a");
	AC_CLEANUP(ac_record_release) struct ac_record r = record(&s, a);
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;

	CHECK(strcmp(scratch_read(tb, "x"), "c") == 0);
	CHECK(strcmp(scratch_read(tb, "y"), "b") == 0);
	CHECK(strcmp(scratch_read(tb, "z"), "b") == 0);
	CHECK(strcmp(scratch_read(ta, "x"), "c") == 0);
	CHECK(strcmp(scratch_read(ta, "y"), "b") == 0);
	CHECK(scratch_missing(ta, "z"));
	CHECK(strcmp(scratch_read(ta, "d/in"), "a") == 0);
	CHECK(scratch_missing(ta, "d/out"));
	/* A directory in the list is itself alone. */
	CHECK(S_ISDIR(scratch_stat(ta, "e").st_mode));
	CHECK(scratch_missing(ta, "e/f"));
	/* To run it there is one layer, once it is made. */
	CHECK(ac_store_layers(&s, &r, &v, &err) < 0);
	CHECK(ac_store_prepare(&s, &r, &err) == 0);
	CHECK(ac_store_layers(&s, &r, &v, &err) == 0 && v.n == 1);
	CHECK(strncmp(v.v[0], "flat-", 5) == 0);
	CHECK(ac_store_open_layer(&s, v.v[0], &root, &lock, &err) == 0);
	CHECK(strcmp(scratch_read(root, "y"), "b") == 0);
	CHECK(scratch_missing(root, "z"));
}

TEST(a_flattened_tree_follows_its_dependencies)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	AC_FREE char *a =
		add(&s, "a", DEPS(DEP("b")) ",\"pathWhitelist\":[\"/b\"]");
	AC_FREE char *b = NULL;
	AC_FREE char *newer = NULL;
	AC_CLEANUP(ac_record_release) struct ac_record r = record(&s, a);
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;
	uint64_t bytes;

	CHECK(ac_store_prepare(&s, &r, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	b = add(&s, "b", "");
	CHECK(ac_store_layers(&s, &r, &v, &err) < 0);
	CHECK(err.code == AC_E_UNSUPPORTED);
	CHECK(strstr(err.msg, "pull the image again") != NULL);
	CHECK(ac_store_prepare(&s, &r, &err) == 0);
	CHECK(ac_store_layers(&s, &r, &v, &err) == 0);
	CHECK(ac_store_open_layer(&s, v.v[0], &root, &lock, &err) == 0);
	/* A newer B: what was made is not it any more, and who uses it keeps
	 * it. */
	newer = aci_add(&s,
			aci_make("example.com/b", "1", "", FILES("b", "newer")),
			NULL);
	CHECK(ac_store_layers(&s, &r, &v, &err) < 0);
	CHECK(ac_store_prepare(&s, &r, &err) == 0);
	CHECK(strcmp(scratch_read(root, "b"), "b") == 0);
	CHECK(!store_dir_empty(&s, "ingest"));
	CHECK(close(ac_steal_fd(&root)) == 0 && close(ac_steal_fd(&lock)) == 0);
	CHECK(ac_store_gc(&s, &bytes, &err) == 0);
	CHECK(store_dir_empty(&s, "ingest"));
	CHECK(ac_store_open_layer(&s, v.v[0], &root, &lock, &err) == 0);
	CHECK(strcmp(scratch_read(root, "b"), "newer") == 0);
}

TEST(plans_as_text)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	AC_FREE char *a = add(&s, "a", ",\"pathWhitelist\":[\"/q\",\"/p\"]");
	AC_CLEANUP(ac_record_release) struct ac_record r = record(&s, a);

	CHECK(ac_plan_make(&s, &r, &p, &err) == 0);
	CHECK(p.n == 1 && p.flat && p.v[0].filtered);
	ac_plan_print(&p, &b);
	CHECK(b.len > 10 && memmem(b.p, b.len, "p\0q\0", 4) != NULL);
}
