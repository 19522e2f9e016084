/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actool/layout.h"
#include "actool/report.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/codec/json_walk.h"
#include "common/image/acifile.h"
#include "common/image/field.h"
#include "common/sys/io.h"

enum { BLOCK = 512 };

/* Is the first block that of a tar from before POSIX, by its checksum? */
static bool is_old_tar(const unsigned char *p, size_t n)
{
	uint64_t sum = 0;
	uint64_t want;
	struct ac_str field = ac_strn((const char *)p + 148, 8);

	if (n < BLOCK)
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	while (field.len != 0 && (field.p[field.len - 1] == '\0' ||
				  field.p[field.len - 1] == ' '))
		field.len--;
	field = ac_str_trim(field);
	return ac_num_octal(field, &want) == 0 && want == sum;
}

/* As browsers and the original tell text from the rest. */
static bool is_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x09 || p[i] == 0x0b ||
		    (p[i] > 0x0d && p[i] < 0x20 && p[i] != 0x1b))
			return false;
	return true;
}

/* By content alone: a name proves nothing. */
static const char *detect(struct ac_aci_file *file, struct ac_err *err)
{
	unsigned char head[BLOCK];
	ssize_t n = ac_aci_file_peek(file, head, sizeof(head), err);
	enum ac_zip zip;

	if (n < 0)
		return NULL;
	zip = ac_zip_detect(head, (size_t)n);
	if (zip == AC_ZIP_GZIP || zip == AC_ZIP_BZIP2 || zip == AC_ZIP_XZ ||
	    ac_aci_file_encrypted(file))
		return "appimage";
	if (n == BLOCK && memcmp(head + 257, "ustar", 5) == 0)
		return "appimage";
	if (is_old_tar(head, (size_t)n)) {
		(void)ac_err_at(err, "A2", "",
				"a tar of the form before POSIX (v7), which "
				"images are not made of");
		(void)ac_err_fix(err, "pack it anew as ustar or pax");
	} else if (zip == AC_ZIP_ZSTD)
		(void)ac_err_at(err, "A5", "",
				"unable to detect filetype (try --type): "
				"compressed by zstd, which images are not");
	else if (n > 0 && is_text(head, (size_t)n))
		return "manifest";
	else
		(void)ac_err_set(err, AC_E_INVALID,
				 "unable to detect filetype (try --type)");
	return NULL;
}

/* The text is not JSON: show where. */
static void show_place(struct report *r, const struct ac_err *err,
		       const char *text, size_t len)
{
	if (err->line != 0 && r->excerpt == NULL)
		r->excerpt = ac_json_excerpt(text, len, err->line, err->column);
}

/* --- archives --- */

struct archive {
	struct report *r;
	struct ac_buf manifest;
};

static void release_archive(struct archive *a)
{
	ac_buf_release(&a->manifest);
}

static int keep_text(void *ctx, const char *text, size_t len,
		     AC_UNUSED struct ac_err *err)
{
	struct archive *a = ctx;

	ac_buf_add(&a->manifest, text, len);
	return 0;
}

static void odd_entry(void *ctx, const struct ac_err *why)
{
	const struct archive *a = ctx;
	const char *text = why->msg;
	size_t n = strlen(why->path);

	if (n != 0 && strncmp(text, why->path, n) == 0 &&
	    strncmp(text + n, ": ", 2) == 0)
		text += n + 2;
	ac_findings_add(&a->r->findings, why->rule, why->path,
			"%.*s; acfetch, acbuild and acconvert refuse it",
			(int)(strlen(text) -
			      (why->fix[0] != '\0' ? strlen(why->fix) + 2 : 0)),
			text);
	if (why->fix[0] != '\0')
		ac_findings_fix(&a->r->findings, "%s", why->fix);
}

/* The manifest of an archive or a layout, with errors of its own. */
static void check_inner(struct report *r, const char *text, size_t len)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_findings_mark mark = ac_findings_mark(&r->findings);

	r->inner = mark.n;
	if (ac_image_parse(&r->image, text, len, &r->findings, &err) == 0) {
		r->has_image = true;
		return;
	}
	show_place(r, &err, text, len);
	/* It has been told with all others, unless it is about the JSON. */
	if (r->findings.errors == mark.errors)
		report_fail(r, &err);
}

static int check_archive(struct report *r, struct ac_aci_file *file,
			 struct ac_err *err)
{
	AC_CLEANUP(release_archive)
	struct archive a = {.r = r,
			    .manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST)};
	struct ac_aci_events ev = {.manifest = keep_text,
				   .ctx = &a,
				   .warn = odd_entry};
	size_t n = strlen(r->file);
	struct ac_digest id;

	r->context = "error validating";
	r->inner_context = "error validating: image manifest validation failed";
	if (strcmp(r->file, "-") != 0 && strncmp(r->file, "/dev/", 5) != 0 &&
	    (n < 4 || strcmp(r->file + n - 4, ".aci") != 0)) {
		ac_findings_add(&r->findings, "A1", "",
				"the name of an image ends in .aci");
		ac_findings_fix(&r->findings, "rename it");
	}
	if (ac_aci_file_read(file, &ev, &id, NULL, err) < 0) {
		ac_err_rule(err, "A2");
		return -1;
	}
	ac_digest_print(&id, '-', r->id);
	check_inner(r, ac_buf_str(&a.manifest), a.manifest.len);
	r->what = "app container image";
	return 0;
}

/* --- manifests --- */

/* The kind that DOC says it is. */
static int kind_of(const struct ac_json *doc, bool *pod, struct ac_err *err)
{
	struct ac_json *kind = NULL;
	const char *text;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_at(err, "T3", "", "expected an object, found %s",
				 ac_json_type_name(ac_json_type(doc)));
	/* Two of them: which rules hold is not known. */
	if (ac_field_find(doc, "", "acKind", &kind, err) < 0)
		return -1;
	text = ac_json_text(kind, NULL);
	if (kind == NULL || (text != NULL && *text == '\0')) {
		(void)ac_err_at(err, "T3", "", "ACKind must be set");
		return ac_err_fix(err, "add \"acKind\": \"ImageManifest\" or "
				       "\"PodManifest\"");
	}
	if (text == NULL)
		return ac_err_at(err, "T3", "acKind",
				 "expected a string, found %s",
				 ac_json_type_name(ac_json_type(kind)));
	*pod = strcmp(text, "PodManifest") == 0;
	if (*pod || strcmp(text, "ImageManifest") == 0)
		return 0;
	(void)ac_err_at(err, "T3", "acKind", "bad ACKind: %s", text);
	return ac_err_fix(err, "write \"ImageManifest\" or \"PodManifest\"");
}

/* The document and its kind; NULL: it has none.  Owned by the caller. */
static struct ac_json *parse(struct report *r, const char *text, size_t len,
			     bool *pod, struct ac_err *err)
{
	AC_JSON struct ac_json *doc = ac_json_parse(text, len, "manifest", err);

	if (doc == NULL) {
		ac_err_rule(err, "T10");
		show_place(r, err, text, len);
		return NULL;
	}
	return kind_of(doc, pod, err) == 0 ? ac_steal_ptr(&doc) : NULL;
}

/* Errors are in the findings. */
static void load(struct report *r, struct ac_json *doc, bool pod)
{
	struct ac_err told = AC_ERR_INIT;

	r->inner = 0;
	r->inner_context =
		pod ? "invalid PodManifest" : "invalid ImageManifest";
	r->what = pod ? "PodManifest" : "ImageManifest";
	if (pod)
		r->has_pod =
			ac_pod_load(&r->pod, doc, &r->findings, &told) == 0;
	else
		r->has_image =
			ac_image_load(&r->image, doc, &r->findings, &told) == 0;
}

static int check_manifest(struct report *r, struct ac_aci_file *file,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	const struct ac_findings_mark all = {.n = 0};
	struct ac_json *doc;
	bool pod = false;

	r->context = "error unmarshaling manifest";
	if (ac_io_slurp(ac_aci_file_fd(file), &b, r->file, err) < 0)
		return -1;
	doc = parse(r, ac_buf_str(&b), b.len, &pod, err);
	if (doc != NULL)
		load(r, doc, pod);
	else
		report_fail(r, err);
	ac_findings_locate(&r->findings, all, ac_buf_str(&b), b.len);
	if (r->has_pod) {
		r->len = b.len;
		r->text = ac_buf_steal(&b);
	}
	return 0;
}

/* --- all --- */

static int check_dir(struct report *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLOSE int fd = -1;

	if (r->type != NULL && strcmp(r->type, "layout") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "is a directory (wrong --type?)");
	r->type = "layout";
	r->context = "invalid image layout";
	r->inner_context =
		"invalid image layout: image manifest validation failed";
	fd = open(r->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "unable to open");
	if (layout_manifest(fd, &b, err) < 0)
		return -1;
	check_inner(r, ac_buf_str(&b), b.len);
	r->what = "image layout";
	return 0;
}

static int check_file(struct report *r, struct ac_secret *secret,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *file = ac_aci_file_open(r->file, secret, err);

	if (file == NULL)
		return -1;
	if (r->type == NULL)
		r->type = detect(file, err);
	if (r->type == NULL)
		return -1;
	if (strcmp(r->type, "appimage") == 0)
		return check_archive(r, file, err);
	if (strcmp(r->type, "manifest") == 0)
		return check_manifest(r, file, err);
	return ac_err_set(err, AC_E_INVALID,
			  "is not a directory (wrong --type?)");
}

static int check(struct report *r, struct ac_secret *secret, struct ac_err *err)
{
	struct stat st = {.st_mode = S_IFIFO};

	if (strcmp(r->file, "-") != 0 && stat(r->file, &st) < 0)
		return ac_err_sys(err, errno, "unable to access %s", r->file);
	if (S_ISDIR(st.st_mode))
		return check_dir(r, err);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "is neither a regular file nor a directory");
	return check_file(r, secret, err);
}

void examine(struct report *r, struct ac_secret *secret)
{
	struct ac_err err = AC_ERR_INIT;

	if (check(r, secret, &err) < 0)
		report_fail(r, &err);
	if (r->findings.errors != 0)
		r->what = NULL;
}
