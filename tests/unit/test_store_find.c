/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/record.h"
#include "tests/unit/storetest.h"

static char *add(struct ac_store *s, const char *version, const char *name)
{
	return aci_add(s, aci_make("example.com/app", version, "", NULL), name);
}

static void expect(const struct ac_store *s, const char *ref, const char *id)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_err err = AC_ERR_INIT;
	int got = find_text(s, ref, &r, &err);

	CHECK(got == (id != NULL));
	if (id != NULL)
		CHECK(strcmp(r.id, id) == 0);
}

TEST(by_name)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *one = add(&s, "1", NULL);
	AC_FREE char *two = add(&s, "2", NULL);

	expect(&s, "example.com/app", two);
	expect(&s, "example.com/app:1", one);
	expect(&s, "example.com/app:3", NULL);
	expect(&s, "example.com/ap", NULL);
	expect(&s, "example.com/app:1,arch=s390x", NULL);
}

TEST(the_latest_was_asked_for_without_a_version)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *two = add(&s, "2", "example.com/app");
	AC_FREE char *one = add(&s, "1", "example.com/app:1");

	expect(&s, "example.com/app", two);
	expect(&s, "example.com/app:1", one);
	/* Imported again: the newest of those without the mark still loses. */
	free(one);
	one = add(&s, "1", NULL);
	expect(&s, "example.com/app", two);
}

TEST(by_what_it_was_fetched_as)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *one = add(&s, "1", "https://example.com/a.aci");
	AC_FREE char *two = add(&s, "2", "docker://example.com/a:x");

	expect(&s, "https://example.com/a.aci", one);
	expect(&s, "docker://example.com/a:x", two);
	/* A name belongs to one image. */
	CHECK(ac_store_name(&s, two, "https://example.com/a.aci", NULL, &err) ==
	      0);
	expect(&s, "https://example.com/a.aci", two);
	expect(&s, "docker://example.com/a:x", two);
	CHECK(ac_store_name(&s, "sha512-000000000000", "x", NULL, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
}

TEST(by_prefix)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_FREE char *prefix = NULL;
	AC_FREE char *longer = NULL;

	/* Until two ids begin with the same two digits. */
	for (int i = 0; prefix == NULL; i++) {
		AC_FREE char *version = ac_xasprintf("%d", i);
		AC_FREE char *id = add(&s, version, NULL);

		for (size_t k = 0; k < ids.n; k++)
			if (strncmp(ids.v[k], id, 9) == 0)
				prefix = ac_xstrndup(id, 9);
		ac_strv_push(&ids, id);
	}
	CHECK(find_text(&s, prefix, &r, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(strstr(err.msg, "2 ids: sha512-") != NULL);
	longer = ac_xstrndup(ids.v[ids.n - 1], 40);
	expect(&s, longer, ids.v[ids.n - 1]);
	expect(&s, ids.v[0], ids.v[0]);
	longer[39] = longer[39] == '0' ? '1' : '0';
	expect(&s, longer, NULL);
}

static int collect(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	(void)err;
	ac_strv_push(ctx, r->id);
	return 0;
}

TEST(a_damaged_record)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_FREE char *one = add(&s, "1", NULL);
	AC_FREE char *two = add(&s, "2", NULL);
	AC_FREE char *file = ac_xasprintf("images/%s.json", one);
	uint64_t bytes;

	scratch_write(s.dirfd, file, "{\"format\":1}");
	CHECK(ac_store_get(&s, one, &r, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_store_each(&s, collect, &ids, &err) == 0);
	CHECK(ids.n == 1 && strcmp(ids.v[0], two) == 0);
	/* Nobody knows what it needs. */
	CHECK(ac_store_gc(&s, &bytes, &err) < 0 && err.code == AC_E_INVALID);
	CHECK(ac_store_remove(&s, one, &err) == 0);
	CHECK(ac_store_gc(&s, &bytes, &err) == 0 && bytes != 0);
	expect(&s, two, two);
	CHECK(ac_store_remove(&s, two, &err) == 0);
	CHECK(store_dir_empty(&s, "layers") &&
	      store_dir_empty(&s, "blobs/sha256") &&
	      store_dir_empty(&s, "images") && store_dir_empty(&s, "ingest"));
	CHECK(ac_store_remove(&s, two, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
}

TEST(a_record_says_what_went_in)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record back = AC_RECORD_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 20);
	AC_FREE char *id =
		aci_add(&s,
			aci_make("example.com/x", "1", ",\"unknown\":[1]",
				 FILES("f", "12345", "g", "678")),
			"x");

	CHECK(ac_store_get(&s, id, &r, &err) == 1);
	CHECK(r.kind == AC_IMAGE_ACI && r.size == 8 && r.n_blobs == 1);
	CHECK(r.layers.n == 1 && strcmp(r.layers.v[0], id) == 0);
	CHECK(strcmp(r.origin, "here") == 0 && r.imported > 1500000000);
	CHECK(ac_strv_has(&r.names, "x") && r.blobs[0].size != 0);
	/* And comes back from its text, unknown members of the manifest too. */
	CHECK(ac_record_write(&r, &text, &err) == 0);
	CHECK(strstr(ac_buf_str(&text), "\"unknown\"") != NULL);
	CHECK(ac_record_parse(&back, text.p, text.len, "x", &err) == 0);
	CHECK(strcmp(back.id, id) == 0 && back.size == 8);
	CHECK(ac_digest_equal(&back.blobs[0].digest, &r.blobs[0].digest));
	CHECK(back.imported == r.imported && back.imported_ns == r.imported_ns);
}

TEST(names_of_layers)
{
	char good[136] = "sha512-";

	memset(good + 7, 'a', 128);
	CHECK(ac_layer_name_ok(good));
	good[134] = 'g';
	CHECK(!ac_layer_name_ok(good));
	good[134] = '\0';
	CHECK(!ac_layer_name_ok(good));
	CHECK(!ac_layer_name_ok("sha256-") && !ac_layer_name_ok("..") &&
	      !ac_layer_name_ok("flat-../../x") && !ac_layer_name_ok(""));
}

/* Many records, and nothing that they name. */
enum { MANY = 300 };

static char *many_id(int i)
{
	char text[32];
	char name[AC_DIGEST_TEXT];
	struct ac_digest d;

	(void)snprintf(text, sizeof(text), "image %d", i);
	ac_digest_of(AC_SHA512, text, strlen(text), &d);
	ac_digest_print(&d, '-', name);
	return ac_xstrdup(name);
}

static void many_write(const struct ac_store *s, int i, const char *name)
{
	AC_FREE char *id = many_id(i);
	AC_FREE char *file = ac_xasprintf("images/%s.json", id);
	AC_FREE char *tmp = ac_xasprintf("%s/tmp-%d", s->path, i);
	AC_FREE char *path = ac_xasprintf("%s/%s", s->path, file);
	FILE *f = fopen(tmp, "w");

	CHECK(f != NULL);
	CHECK(fprintf(f,
		      "{\"format\":1,\"id\":\"%s\",\"kind\":\"aci\","
		      "\"manifest\":{\"acKind\":\"ImageManifest\",\"acVersion\":"
		      "\"0.8.11\",\"name\":\"%s\",\"labels\":[{\"name\":"
		      "\"version\",\"value\":\"a b\\\\x\"}]},\"names\":[\"%s\"],"
		      "\"layers\":[\"%s\"],\"blobs\":[],\"origin\":\"\","
		      "\"imported\":%d,\"importedNs\":1,\"size\":7}",
		      id, name, name, id, 1000 + i) > 0);
	CHECK(fclose(f) == 0);
	CHECK(rename(tmp, path) == 0);
}

struct seen {
	int n;
	int64_t last;
	bool whole;
};

static int see(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	struct seen *s = ctx;

	(void)err;
	CHECK(r->imported >= s->last);
	CHECK(r->imported_ns == 1 && r->size == 7);
	CHECK(strcmp(ac_pairs_get(&r->image.labels, "version"), "a b\\x") == 0);
	CHECK(r->names.n == 1 && strcmp(r->names.v[0], r->image.name) == 0);
	CHECK(r->layers.n == 1 && strcmp(r->layers.v[0], r->id) == 0);
	s->whole = r->image.doc != NULL;
	s->last = r->imported;
	s->n++;
	return 0;
}

static int how_many(const struct ac_store *s)
{
	struct seen seen = {.n = 0};
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_store_each_brief(s, see, &seen, &err) == 0);
	return seen.n;
}

/* Read the list until the index is of this moment: a record that came in the
 * last instant is not trusted. */
static void settle_index(const struct ac_store *s)
{
	AC_FREE char *path = ac_xasprintf("%s/images.idx", s->path);
	char head[400] = "";

	for (int i = 0; i < 2000 && strstr(head, ":") == NULL; i++) {
		FILE *f;

		CHECK(how_many(s) > 0);
		f = fopen(path, "r");
		CHECK(f != NULL);
		CHECK(fgets(head, sizeof(head), f) != NULL);
		CHECK(fclose(f) == 0);
		(void)usleep(5000);
	}
	CHECK(strstr(head, ":") != NULL);
}

static int find_many(const struct ac_store *s, const char *what, int64_t import)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_err err = AC_ERR_INIT;
	int got = find_text(s, what, &r, &err);

	if (got > 0) {
		CHECK(r.imported == import);
		CHECK(r.image.doc != NULL);
	}
	return got;
}

TEST(an_index_of_many)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	AC_FREE char *index = ac_xasprintf("%s/images.idx", s.path);
	AC_FREE char *gone = many_id(7);
	AC_FREE char *file = ac_xasprintf("%s/images/%s.json", s.path, gone);
	FILE *f;

	for (int i = 0; i < MANY; i++) {
		AC_FREE char *name = ac_xasprintf("example.com/n%d", i);

		many_write(&s, i, name);
	}
	CHECK(how_many(&s) == MANY);
	settle_index(&s);
	for (int i = 0; i < MANY; i += 7) {
		AC_FREE char *id = many_id(i);
		AC_FREE char *prefix = ac_xstrndup(id, 24);
		AC_FREE char *name = ac_xasprintf("example.com/n%d", i);

		CHECK(find_many(&s, prefix, 1000 + i) == 1);
		CHECK(find_many(&s, name, 1000 + i) == 1);
	}
	CHECK(find_many(&s, "example.com/n", 0) == 0);
	CHECK(find_many(&s, "sha512-0000000000000000", 0) == 0);
	/* One goes, one changes, one comes: seen at once. */
	CHECK(unlink(file) == 0);
	CHECK(find_many(&s, "example.com/n7", 0) == 0);
	CHECK(find_many(&s, gone, 0) == 0);
	CHECK(how_many(&s) == MANY - 1);
	many_write(&s, 8, "example.com/other");
	CHECK(find_many(&s, "example.com/n8", 0) == 0);
	CHECK(find_many(&s, "example.com/other", 1008) == 1);
	many_write(&s, MANY, "example.com/new");
	CHECK(find_many(&s, "example.com/new", 1000 + MANY) == 1);
	settle_index(&s);
	CHECK(how_many(&s) == MANY);
	CHECK(find_many(&s, "example.com/n8", 0) == 0);
	/* A damaged index is none. */
	f = fopen(index, "r+");
	CHECK(f != NULL);
	CHECK(fseek(f, 5000, SEEK_SET) == 0);
	CHECK(fputs("xxxxxxxx", f) >= 0);
	CHECK(fclose(f) == 0);
	CHECK(how_many(&s) == MANY);
	CHECK(truncate(index, 300) == 0);
	CHECK(how_many(&s) == MANY);
	CHECK(find_many(&s, "example.com/new", 1000 + MANY) == 1);
	CHECK(unlink(index) == 0);
	CHECK(how_many(&s) == MANY);
	settle_index(&s);
	CHECK(find_many(&s, "example.com/other", 1008) == 1);
}
