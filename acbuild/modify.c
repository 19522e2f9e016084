/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/modify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/apart.h"
#include "acbuild/begin.h"
#include "acbuild/cmd.h"
#include "acbuild/dependency.h"
#include "acbuild/edit.h"
#include "acbuild/oci.h"
#include "acbuild/sources.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/acipatch.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "common/sys/out.h"
#include "common/sys/tmpdir.h"

static int open_image(const char *file, struct ac_err *err)
{
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return ac_err_set(err, AC_E_INVALID,
				  "image doesn't appear to exist: %s", file);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "open '%s'", file);
	if (S_ISDIR(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "image to modify is a directory: %s", file);
	return ac_steal_fd(&fd);
}

static struct ac_json *parse_manifest(const char *text, size_t len,
				      const char *file, struct ac_err *err)
{
	struct ac_json *doc = ac_json_parse(text, len, file, err);

	if (doc != NULL && ac_json_type(doc) != AC_JSON_OBJECT) {
		ac_json_free(doc);
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s': the manifest is not an object", file);
		return NULL;
	}
	return doc;
}

static int read_here(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const char *file = ctx;
	AC_CLOSE int fd = open_image(file, err);
	AC_JSON struct ac_json *doc = NULL;
	AC_FREE char *text = NULL;
	size_t len;

	if (fd < 0 || ac_aci_manifest_fd(fd, file, &text, &len, err) < 0)
		return -1;
	doc = parse_manifest(text, len, file, err);
	if (doc == NULL)
		return -1;
	ac_json_write(doc, 0, false, out);
	return 0;
}

struct ac_json *modify_read(const char *file, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	if (apart_file(file, NULL, false, read_here, file, &b, err) < 0)
		return NULL;
	return parse_manifest(ac_buf_str(&b), b.len, file, err);
}

/* How the image FD is compressed: what replaces it is, too. */
static int same_compression(int fd, struct ac_aci_build *how,
			    struct ac_err *err)
{
	unsigned char magic[6];
	ssize_t n = pread(fd, magic, sizeof(magic), 0);

	if (n < 0)
		return ac_err_sys(err, errno, "read the image");
	return ac_buildopt(how, ac_zip_name(ac_zip_detect(magic, (size_t)n)), 0,
			   err);
}

static int modify_here(void *ctx, struct ac_buf *answer, struct ac_err *err)
{
	const struct ac_call *c = ctx;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_aci_patch_freep) struct ac_aci_patch *image = NULL;
	AC_CLOSE int fd = -1;
	AC_JSON struct ac_json *doc = NULL;
	AC_JSON struct ac_json *old = NULL;
	const char *text;
	size_t len;

	(void)answer;
	if (oci_is_layout(g->modify))
		return MODIFY_LAYOUT;
	fd = open_image(g->modify, err);
	if (fd < 0)
		return -1;
	image = ac_aci_patch_open(fd, g->modify, err);
	if (image == NULL)
		return -1;
	text = ac_aci_patch_text(image, &len);
	doc = parse_manifest(text, len, g->modify, err);
	if (doc == NULL)
		return -1;
	old = ac_json_copy(doc);
	if (edit_manifest(doc, c, err) < 0)
		return -1;
	if (!g->no_history)
		history_add(doc, c);
	if (ac_edit_check(doc, old, err) < 0)
		return -1;
	ac_image_write(doc, &b);
	if (ac_buf_check(&b, "the manifest", err) < 0 ||
	    ac_out_replace(&out, g->modify, err) < 0 ||
	    ac_aci_patch_write(image, ac_buf_str(&b), b.len, NULL, out.fd,
			       err) < 0 ||
	    ac_interrupt_check(err) < 0 || ac_out_commit(&out, err) < 0)
		return -1;
	return 0;
}

/* The store gets its image before the child, which could not do it. */
static int prepare(const struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLOSE int fd = -1;

	if (oci_modify_file(g) != NULL)
		return MODIFY_LAYOUT;
	fd = open_image(g->modify, err);
	return fd < 0 ? -1 : dependency_prepare(c, err);
}

int modify_manifest(const struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_buf_release) struct ac_buf none = AC_BUF_INIT(0);
	int r = 0;

	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (dependency_has_file(c))
		r = prepare(c, err);
	if (r == 0)
		r = apart_file(g->modify, sources_file(c), true, modify_here, c,
			       &none, err);
	dependency_forget(c);
	if (r == 0)
		ac_aci_patch_warn(g->modify);
	return r;
}

/* The directory part of FILE.  Caller frees. */
static char *beside(const char *file, struct ac_err *err)
{
	char *real = realpath(file, NULL);

	if (real == NULL)
		(void)ac_err_sys(err, errno, "open '%s'", file);
	else
		*(strrchr(real, '/') + (strrchr(real, '/') == real)) = '\0';
	return real;
}

static int in_work(struct work *w, const struct ac_call *c, change_fn fn,
		   int fd, struct ac_err *err)
{
	const struct globals *g = c->globals;
	struct ac_aci_build how = {0};
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	int r;

	if (same_compression(fd, &how, err) < 0 ||
	    begin_from(w, g->modify, NULL, err) < 0 || work_save(w, err) < 0)
		return -1;
	w->rootfs = open_dir(w->aci, "rootfs", err);
	if (w->rootfs < 0)
		return -1;
	r = fn(w, c, err);
	if (r != 0)
		return r;
	if (ac_interrupt_check(err) < 0)
		return -1;
	if (!g->no_history)
		history_add(w->doc, c);
	if (ac_out_replace(&out, g->modify, err) < 0 ||
	    write_to(w, out.fd, &how, g->modify, NULL, err) < 0 ||
	    ac_interrupt_check(err) < 0 || ac_out_commit(&out, err) < 0)
		return -1;
	ac_aci_patch_warn(g->modify);
	return 0;
}

int modify_files(const struct ac_call *c, change_fn fn, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLOSE int fd = open_image(g->modify, err);
	AC_FREE char *dir = NULL;
	AC_CLEANUP(ac_tmpdir_release) struct ac_tmpdir tmp = AC_TMPDIR_INIT;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	int base;

	if (fd < 0 || ac_config_limits(&g->config, NULL, err) < 0)
		return -1;
	dir = beside(g->modify, err);
	if (dir == NULL)
		return -1;
	(void)ac_interrupt_catch(); /* what is unpacked must go */
	if (ac_tmpdir_make(&tmp, dir, ".acbuild-modify-", err) < 0)
		return -1;
	base = open_dir(AT_FDCWD, tmp.path, err);
	if (base < 0 || work_create(&w, g, base, err) < 0)
		return -1;
	return in_work(&w, c, fn, fd, err);
}
