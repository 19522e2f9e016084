/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a build out of .acbuild: as a directory, or as an archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/oci_start.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/buildopt.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/zip.h"
#include "common/image/aci.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/newdir.h"
#include "common/sys/out.h"
#include "common/sys/tree.h"

enum { OUT_SIZE = 256 << 10, ARCHIVE_LEVEL = 2 };

/* --- a directory --- */

static int copy_file(const struct work *w, int to, const char *path,
		     struct ac_err *err)
{
	if (ac_interrupt_check(err) < 0)
		return -1;
	return ac_tree_copy(w->aci, path, to, path, false, err);
}

static int to_dir(struct work *w, const struct ac_set *blobs, int to,
		  struct ac_err *err)
{
	AC_FREE const char **v = ac_set_sorted(blobs);

	if (mkdirat(to, "blobs", 0755) < 0 ||
	    mkdirat(to, "blobs/sha256", 0755) < 0)
		return ac_err_sys(err, errno, "make the directory 'blobs'");
	for (size_t i = 0; v[i] != NULL; i++)
		if (copy_file(w, to, v[i], err) < 0)
			return -1;
	return copy_file(w, to, "index.json", err) < 0
		       ? -1
		       : copy_file(w, to, "oci-layout", err);
}

/* Only a layout is replaced. */
static int check_dir(const char *path, bool overwrite, struct ac_err *err)
{
	AC_FREE char *mark = ac_xasprintf("%s/oci-layout", path);
	AC_FREE char *index = ac_xasprintf("%s/index.json", path);
	struct stat st;

	if (!overwrite || stat(path, &st) < 0 || lstat(mark, &st) == 0 ||
	    lstat(index, &st) == 0 || rmdir(path) == 0)
		return 0;
	return ac_err_set(err, AC_E_EXISTS,
			  "'%s' exists and is no OCI layout: it is not "
			  "replaced",
			  path);
}

static int write_dir(struct work *w, const struct ac_set *blobs,
		     const char *path, bool overwrite, struct ac_err *err)
{
	AC_CLEANUP(ac_newdir_release) struct ac_newdir d = AC_NEWDIR_INIT;

	if (check_dir(path, overwrite, err) < 0)
		return -1;
	if (ac_newdir_open(&d, path, overwrite, err) < 0)
		return err->code == AC_E_EXISTS
			       ? ac_err_set(err, AC_E_EXISTS,
					    "image already exists: %s; "
					    "--overwrite replaces it",
					    path)
			       : -1;
	if (to_dir(w, blobs, d.fd, err) < 0)
		return -1;
	return ac_newdir_commit(&d, false, err);
}

/* --- an archive --- */

struct archive {
	int fd;
	struct ac_zipper *zip;
	struct ac_tar_writer *tar;
	struct ac_buf out;
};

static void release(struct archive *a)
{
	ac_tar_writer_free(a->tar);
	ac_zipper_free(a->zip);
	ac_buf_release(&a->out);
}

static int flush(struct archive *a, struct ac_err *err)
{
	if (a->out.len != 0 &&
	    ac_io_write(a->fd, a->out.p, a->out.len, "the archive", err) < 0)
		return -1;
	ac_buf_reset(&a->out);
	return 0;
}

static int to_file(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct archive *a = ctx;

	if (a->out.len + n > OUT_SIZE && flush(a, err) < 0)
		return -1;
	if (n >= OUT_SIZE)
		return ac_io_write(a->fd, p, n, "the archive", err);
	ac_buf_add(&a->out, p, n);
	return 0;
}

static int to_zipper(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct archive *a = ctx;

	return ac_interrupt_check(err) < 0 ? -1
					   : ac_zipper_feed(a->zip, p, n, err);
}

static int add_dir(struct archive *a, const char *path, struct ac_err *err)
{
	const struct ac_entry e = {.type = AC_F_DIR,
				   .path = path,
				   .mode = 0755,
				   .mtime = build_time()};

	return ac_tar_add(a->tar, &e, err);
}

static int add_file(struct archive *a, const struct work *w, const char *path,
		    struct ac_err *err)
{
	AC_CLOSE int fd = openat(w->aci, path, O_RDONLY | O_CLOEXEC);
	struct ac_entry e = {.type = AC_F_REG,
			     .path = path,
			     .mode = 0644,
			     .mtime = build_time()};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "open '.acbuild/currentaci/%s'",
				  path);
	e.size = (uint64_t)st.st_size;
	if (ac_tar_add(a->tar, &e, err) < 0)
		return -1;
	return ac_tar_write_fd(a->tar, fd, err);
}

static int to_archive(struct archive *a, const struct work *w,
		      const struct ac_set *blobs, struct ac_err *err)
{
	AC_FREE const char **v = ac_set_sorted(blobs);

	/* In this order, because some read it as it comes. */
	if (add_file(a, w, "oci-layout", err) < 0 ||
	    add_file(a, w, "index.json", err) < 0 ||
	    add_dir(a, "blobs", err) < 0 || add_dir(a, "blobs/sha256", err) < 0)
		return -1;
	for (size_t i = 0; v[i] != NULL; i++)
		if (add_file(a, w, v[i], err) < 0)
			return -1;
	if (ac_tar_finish(a->tar, err) < 0 || ac_zipper_finish(a->zip, err) < 0)
		return -1;
	return flush(a, err);
}

static int write_archive(const struct work *w, const struct ac_set *blobs,
			 int fd, bool gzip, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct archive a = {.fd = fd, .out = AC_BUF_INIT(OUT_SIZE)};

	/* The layers in it are compressed already. */
	a.zip = ac_zipper_new(gzip ? AC_ZIP_GZIP : AC_ZIP_NONE,
			      gzip ? ARCHIVE_LEVEL : 0, to_file, &a);
	a.tar = ac_tar_writer_new(to_zipper, &a);
	return to_archive(&a, w, blobs, err);
}

/* --- both --- */

static bool is_dir(const char *path)
{
	size_t n = strlen(path);
	struct stat st;

	return (n > 1 && path[n - 1] == '/') ||
	       (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

int oci_write(struct work *w, const char *path, bool overwrite, bool gzip,
	      struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set blobs = AC_SET_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;

	if (start_closure(w, &blobs, err) < 0)
		return -1;
	if (is_dir(path))
		return write_dir(w, &blobs, path, overwrite, err);
	if (ac_out_open(&out, path, overwrite, err) < 0)
		return err->code == AC_E_EXISTS
			       ? ac_err_set(err, AC_E_EXISTS,
					    "ACI already exists: %s; "
					    "--overwrite replaces it",
					    path)
			       : -1;
	if (write_archive(w, &blobs, out.fd, gzip, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

int oci_put_back(struct work *w, const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set blobs = AC_SET_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLOSE int fd = -1;
	char magic[6];
	ssize_t n;

	if (start_closure(w, &blobs, err) < 0)
		return -1;
	if (is_dir(path))
		return write_dir(w, &blobs, path, true, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, magic, sizeof(magic), 0);
	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", path);
	if (ac_out_replace(&out, path, err) < 0 ||
	    write_archive(w, &blobs, out.fd,
			  ac_zip_detect(magic, (size_t)n) != AC_ZIP_NONE,
			  err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

/* --- the command --- */

static bool has_exec(const struct work *w)
{
	const struct ac_json *run =
		ac_json_get(ac_json_get(w->doc, "config"), "config");

	return ac_json_len(ac_json_get(run, "Entrypoint")) != 0 ||
	       ac_json_len(ac_json_get(run, "Cmd")) != 0;
}

int oci_run_write(struct work *w, const char *path, const struct write_opts *o,
		  struct ac_err *err)
{
	struct ac_aci_build how = {0};
	char text[AC_DIGEST_TEXT];
	struct ac_digest id;

	if (ac_buildopt(&how, o->compression, o->level, err) < 0)
		return -1;
	if (how.zip != AC_ZIP_GZIP && how.zip != AC_ZIP_NONE)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "OCI layers are compressed by gzip, or by "
				  "none");
	(void)ac_interrupt_catch();
	if (!has_exec(w))
		ac_warn("exec command was never set.");
	if (oci_seal(w, err) < 0)
		return -1;
	if ((o->compression != NULL || o->level != 0) &&
	    oci_recompress(w, &how, err) < 0)
		return -1;
	if (oci_save(w, err) < 0 ||
	    oci_write(w, path, o->overwrite, how.zip == AC_ZIP_GZIP, err) < 0 ||
	    oci_id(w, &id, err) < 0)
		return -1;
	ac_digest_print(&id, ':', text);
	printf("%s\n", text);
	return 0;
}
