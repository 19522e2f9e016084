/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "tests/unit/storetest.h"

static const struct ac_about nobody = {.name = NULL};

static struct ac_ingest *start(struct ac_store *s,
			       const struct ac_ingest_opts *o)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_ingest *in = ac_ingest_new(s, o, &err);

	CHECK(in != NULL);
	return in;
}

static void nothing_left(const struct ac_store *s)
{
	CHECK(store_dir_empty(s, "ingest") && store_dir_empty(s, "layers") &&
	      store_dir_empty(s, "blobs/sha256") &&
	      store_dir_empty(s, "blobs/sha256") &&
	      store_dir_empty(s, "images"));
}

static void freep(struct ac_ingest **in)
{
	ac_ingest_free(*in);
}
#define INGEST AC_CLEANUP(freep) struct ac_ingest

static int make(void)
{
	return aci_make("example.com/a", "1", "", FILES("f", "content"));
}

TEST(byte_by_byte)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI};
	AC_CLOSE int fd = make();
	AC_CLOSE int blob = -1;
	AC_CLOSE int root = -1;
	AC_CLOSE int lock = -1;
	char id[AC_DIGEST_TEXT];
	char c;

	{
		INGEST *in = start(&s, &o);

		while (read(fd, &c, 1) == 1)
			CHECK(ac_ingest_feed(in, &c, 1, &err) == 0);
		CHECK(ac_ingest_finish(in, &err) == 0);
		CHECK(strcmp(ac_ingest_image(in)->name, "example.com/a") == 0);
		CHECK(pread(ac_ingest_blob_fd(in), &c, 1, 0) == 1 &&
		      c == '\x1f');
		CHECK(ac_store_add_aci(&s, in, &nobody, id, &err) == 0);
		blob = ac_store_open_blob(&s, ac_ingest_blob(in), &err);
		CHECK(blob >= 0);
		/* The manifest is still there to look at. */
		CHECK(strcmp(ac_ingest_image(in)->name, "example.com/a") == 0);
	}
	CHECK(store_dir_empty(&s, "ingest"));
	CHECK(ac_store_open_layer(&s, id, &root, &lock, &err) == 0);
	CHECK(strcmp(scratch_read(root, "f"), "content") == 0);
}

TEST(wrong_digests_and_sizes)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	const struct ac_digest wrong = {.alg = AC_SHA512};
	const struct ac_ingest_opts bad[] = {
		{.kind = AC_IMAGE_ACI, .blob = &wrong, .what = "the blob"},
		{.kind = AC_IMAGE_ACI, .diff = &wrong, .what = "the blob"},
		{.kind = AC_IMAGE_ACI, .size = 10, .what = "the blob"},
		{.kind = AC_IMAGE_ACI, .size = 10 << 20, .what = "the blob"},
	};

	for (size_t i = 0; i < AC_LEN(bad); i++) {
		AC_CLOSE int fd = make();
		INGEST *in = start(&s, &bad[i]);
		char id[AC_DIGEST_TEXT];

		if (ac_ingest_feed_fd(in, fd, &err) == 0)
			CHECK(ac_ingest_finish(in, &err) < 0);
		CHECK(err.code == AC_E_VERIFY);
		CHECK(strncmp(err.msg, "the blob: ", 10) == 0);
		/* It stays so. */
		CHECK(ac_ingest_finish(in, &err) < 0);
		CHECK(ac_ingest_feed(in, "x", 1, &err) < 0);
		CHECK(ac_store_add_aci(&s, in, &nobody, id, &err) < 0);
	}
	nothing_left(&s);
}

static int feed_all(struct ac_store *s, const struct ac_ingest_opts *o,
		    const void *p, size_t n, struct ac_err *err)
{
	INGEST *in = start(s, o);

	if (ac_ingest_feed(in, p, n, err) < 0)
		return -1;
	return ac_ingest_finish(in, err);
}

TEST(broken_at_every_place)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI};
	AC_CLOSE int fd = make();
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	CHECK(n > 100 && n < 4096);
	for (ssize_t cut = 0; cut < n; cut += 7) {
		struct ac_err err = AC_ERR_INIT;

		CHECK(feed_all(&s, &o, text, (size_t)cut, &err) < 0);
		CHECK(err.code != AC_OK && err.msg[0] != '\0');
	}
	for (ssize_t i = 12; i < n; i += 5) {
		struct ac_err err = AC_ERR_INIT;

		text[i] ^= 0x10;
		(void)!feed_all(&s, &o, text, (size_t)n, &err);
		text[i] ^= 0x10;
	}
	nothing_left(&s);
}

TEST(limits)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	const struct ac_ingest_opts o[] = {
		{.kind = AC_IMAGE_ACI, .max_bytes = 5},
		{.kind = AC_IMAGE_ACI, .max_entries = 1},
	};

	for (size_t i = 0; i < AC_LEN(o); i++) {
		struct ac_err err = AC_ERR_INIT;
		AC_CLOSE int fd = make();
		INGEST *in = start(&s, &o[i]);

		if (ac_ingest_feed_fd(in, fd, &err) == 0)
			CHECK(ac_ingest_finish(in, &err) < 0);
		CHECK(err.code == AC_E_LIMIT);
	}
	nothing_left(&s);
}

TEST(given_up)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI};
	AC_CLOSE int fd = make();
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	ac_ingest_free(start(&s, &o));
	ac_ingest_free(NULL);
	for (ssize_t cut = 1; cut < n; cut += 50) {
		INGEST *in = start(&s, &o);

		CHECK(ac_ingest_feed(in, text, (size_t)cut, &err) == 0);
	}
	nothing_left(&s);
}

struct job {
	struct ac_store *s;
	int i;
	char *id;
};

static void *one_of_many(void *ctx)
{
	struct job *j = ctx;
	/* Half of them the same image. */
	AC_FREE char *version = ac_xasprintf("%d", j->i % 4);

	j->id = aci_add(j->s,
			aci_make("example.com/a", version, "",
				 FILES("f", version)),
			j->i % 2 == 0 ? "same name" : NULL);
	return NULL;
}

static int count(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	int *n = ctx;

	(void)err;
	n[0]++;
	n[1] += ac_strv_has(&r->names, "same name");
	return 0;
}

TEST(side_by_side)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	struct job jobs[8];
	pthread_t t[AC_LEN(jobs)];
	int n[2] = {0, 0};

	for (int i = 0; i < (int)AC_LEN(jobs); i++) {
		jobs[i] = (struct job){.s = &s, .i = i};
		CHECK(pthread_create(&t[i], NULL, one_of_many, &jobs[i]) == 0);
	}
	for (size_t i = 0; i < AC_LEN(jobs); i++) {
		CHECK(pthread_join(t[i], NULL) == 0);
		free(jobs[i].id);
	}
	CHECK(ac_store_each(&s, count, n, &err) == 0);
	CHECK(n[0] == 4 && n[1] == 1);
	CHECK(store_dir_empty(&s, "ingest"));
}

TEST(the_same_archive_in_other_clothes)
{
	SCRATCH d = scratch_make();
	STORE s = store_make(&d);
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *id = aci_add(&s, make(), "one");
	AC_CLOSE int plain = memfd_create("plain", MFD_CLOEXEC);
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record q = AC_RECORD_INIT;
	AC_CLOSE int blob = -1;
	AC_FREE char *again = NULL;
	uint64_t bytes = 1;

	CHECK(ac_store_get(&s, id, &r, &err) == 1);
	CHECK(ac_export(&s, &r, plain, AC_ZIP_NONE, NULL, &err) == 0);
	CHECK(lseek(plain, 0, SEEK_SET) == 0);
	again = aci_add(&s, fcntl(plain, F_DUPFD_CLOEXEC, 0), "two");
	CHECK(strcmp(id, again) == 0);
	CHECK(ac_store_get(&s, id, &q, &err) == 1);
	/* The signed bytes stay. */
	CHECK(ac_digest_equal(&r.blobs[0].digest, &q.blobs[0].digest));
	CHECK(ac_strv_has(&q.names, "one") && ac_strv_has(&q.names, "two"));
	blob = ac_store_open_blob(&s, &q.blobs[0].digest, &err);
	CHECK(blob >= 0);
	CHECK(ac_store_gc(&s, &bytes, &err) == 0 && bytes == 0);
	/* Compressed anew it is the same image. */
	CHECK(ftruncate(plain, 0) == 0 && lseek(plain, 0, SEEK_SET) == 0);
	CHECK(ac_export(&s, &r, plain, AC_ZIP_GZIP, NULL, &err) == 0);
	CHECK(lseek(plain, 0, SEEK_SET) == 0);
	free(again);
	again = aci_add(&s, fcntl(plain, F_DUPFD_CLOEXEC, 0), NULL);
	CHECK(strcmp(id, again) == 0);
}
