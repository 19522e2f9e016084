/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_TESTS_STORETEST_H
#define AC_TESTS_STORETEST_H

/* A store of a test's own, and small images to put into it. */

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/image/aci.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/store/render.h"
#include "common/store/store.h"
#include "tests/unit/scratch.h"

#define STORE AC_CLEANUP(ac_store_release) struct ac_store

static inline struct ac_store store_make(const struct scratch *d)
{
	struct ac_store s = AC_STORE_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *path = ac_xasprintf("%s/store", d->path);

	CHECK(ac_store_open(&s, path, true, &err) == 0);
	return s;
}

/* An image archive as an open file.  FILES: names and contents in turn, NULL at
 * the end; a content of NULL makes a directory.  MORE: further members of the
 * manifest, each with a comma in front, or "". */
static inline int aci_make(const char *name, const char *version,
			   const char *more, const char *const *files)
{
	AC_FREE char *manifest = ac_xasprintf(
		"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
		"\"name\":\"%s\",\"labels\":[{\"name\":\"version\",\"value\":"
		"\"%s\"}]%s}",
		name, version, more);
	int fd = memfd_create("aci", MFD_CLOEXEC);
	struct ac_aci_writer *w = ac_aci_writer_new(fd, AC_ZIP_GZIP, 1);
	struct ac_entry root = {.type = AC_F_DIR, .path = "", .mode = 0755};
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest id;

	CHECK(fd >= 0);
	ac_aci_writer_identify(w);
	CHECK(ac_aci_write_manifest(w, manifest, strlen(manifest), 0, &err) ==
	      0);
	CHECK(ac_aci_write_entry(w, &root, -1, &err) == 0);
	for (; files != NULL && files[0] != NULL; files += 2) {
		struct ac_entry e = {.type = files[1] != NULL ? AC_F_REG
							      : AC_F_DIR,
				     .path = files[0],
				     .mode = files[1] != NULL ? 0644 : 0755};

		e.size = files[1] != NULL ? strlen(files[1]) : 0;
		CHECK(ac_aci_write_entry(w, &e, -1, &err) == 0);
		if (e.size != 0)
			CHECK(ac_aci_write_data(w, files[1], e.size, &err) ==
			      0);
	}
	CHECK(ac_aci_writer_finish(w, &id, &err) == 0);
	ac_aci_writer_free(w);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Put the archive FD (closed) into S; its id, owned by the caller.  NAME may be
 * NULL. */
static inline char *aci_add(struct ac_store *s, int fd, const char *name)
{
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI, .what = "test"};
	const struct ac_about about = {.name = name, .origin = "here"};
	struct ac_err err = AC_ERR_INIT;
	struct ac_ingest *in = ac_ingest_new(s, &o, &err);
	char id[AC_DIGEST_TEXT];

	CHECK(in != NULL);
	CHECK(ac_ingest_feed_fd(in, fd, &err) == 0);
	CHECK(ac_ingest_finish(in, &err) == 0);
	CHECK(ac_store_add_aci(s, in, &about, id, &err) == 0);
	ac_ingest_free(in);
	CHECK(close(fd) == 0);
	return ac_xstrdup(id);
}

/* The image that TEXT means: 1 with its record, or 0, or -1. */
static inline int find_text(const struct ac_store *s, const char *text,
			    struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;

	CHECK(ac_ref_parse(&ref, text, err) == 0);
	return ac_store_find(s, &ref, r, err);
}

/* Is nothing in DIR of the store? */
static inline int store_dir_empty(const struct ac_store *s, const char *dir)
{
	AC_CLOSE int fd =
		openat(s->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	/* A directory with nothing in it has no more than its two links, and
	 * can be removed. */
	if (unlinkat(s->dirfd, dir, AT_REMOVEDIR) < 0)
		return 0;
	CHECK(mkdirat(s->dirfd, dir, 0755) == 0);
	return 1;
}

#endif
