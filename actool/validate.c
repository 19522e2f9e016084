/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "actool/layout.h"
#include "actool/validate.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"
#include "common/sys/io.h"

const struct ac_opt validate_options[] = {
	AC_OPT_CHOICE(struct validate_opts, type, "type", "TYPE",
		      "appimage layout manifest",
		      "take it for this, whatever it looks like"),
	AC_OPT_BOOL(struct validate_opts, strict, "strict",
		    "what the specification forbids is an error, also where "
		    "it was always accepted"),
	AC_OPT_BOOL(struct validate_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};

enum { BLOCK = 512 };

/* What a file turned out to be, and what is to be said about it. */
struct report {
	const char *file;
	const char *type; /* as --type names it; NULL: not known */
	const char *what; /* "ImageManifest", ...; NULL: not valid */
	char id[AC_DIGEST_TEXT];
	struct ac_findings findings;
};

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
static const char *detect(int fd, struct ac_err *err)
{
	unsigned char head[BLOCK];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	enum ac_zip zip;

	if (n < 0) {
		(void)ac_err_sys(err, errno, "read");
		return NULL;
	}
	zip = ac_zip_detect(head, (size_t)n);
	if (zip == AC_ZIP_GZIP || zip == AC_ZIP_BZIP2 || zip == AC_ZIP_XZ)
		return "appimage";
	if (n == BLOCK && memcmp(head + 257, "ustar", 5) == 0)
		return "appimage";
	if (is_old_tar(head, (size_t)n))
		(void)ac_err_set(err, AC_E_INVALID,
				 "a tar of the form before POSIX (v7), which "
				 "images are not made of; pack it anew as "
				 "ustar or pax");
	else if (n > 0 && is_text(head, (size_t)n))
		return "manifest";
	else
		(void)ac_err_set(err, AC_E_INVALID,
				 "unable to detect filetype (try --type)");
	return NULL;
}

static int keep_text(void *ctx, const char *text, size_t len,
		     struct ac_err *err)
{
	struct ac_buf *b = ctx;

	(void)err;
	ac_buf_add(b, text, len);
	return 0;
}

static int check_archive(struct report *r, int fd, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	struct ac_aci_events ev = {.manifest = keep_text, .ctx = &b};
	struct ac_digest id;

	if (ac_aci_read_fd(fd, r->file, &ev, &id, NULL, err) < 0)
		return ac_err_ctx(err, "error validating");
	if (ac_image_parse(&m, ac_buf_str(&b), b.len, &r->findings, err) < 0)
		return ac_err_ctx(err, "error validating: image manifest "
				       "validation failed");
	ac_digest_print(&id, '-', r->id);
	r->what = "app container image";
	return 0;
}

/* The kind that DOC says it is. */
static int kind_of(const struct ac_json *doc, bool *pod, struct ac_err *err)
{
	const struct ac_json *kind;
	const char *text;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID,
				  "expected an object, found %s",
				  ac_json_type_name(ac_json_type(doc)));
	kind = ac_json_get_nocase(doc, "acKind");
	text = ac_json_text(kind, NULL);
	if (kind == NULL || (text != NULL && *text == '\0'))
		return ac_err_set(err, AC_E_INVALID, "ACKind must be set");
	if (text == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "acKind: expected a string, found %s",
				  ac_json_type_name(ac_json_type(kind)));
	*pod = strcmp(text, "PodManifest") == 0;
	if (!*pod && strcmp(text, "ImageManifest") != 0)
		return ac_err_set(err, AC_E_INVALID, "bad ACKind: %s", text);
	return 0;
}

static int check_manifest(struct report *r, int fd, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_CLEANUP(ac_pod_release) struct ac_pod p = AC_POD_INIT;
	AC_JSON struct ac_json *doc = NULL;
	bool pod = false;

	if (ac_io_slurp(fd, &b, r->file, err) < 0)
		return -1;
	doc = ac_json_parse(ac_buf_str(&b), b.len, "manifest", err);
	if (doc == NULL || kind_of(doc, &pod, err) < 0)
		return ac_err_ctx(err, "error unmarshaling manifest");
	if (pod && ac_pod_load(&p, ac_steal_ptr(&doc), &r->findings, err) < 0)
		return ac_err_ctx(err, "invalid PodManifest");
	if (!pod &&
	    ac_image_load(&m, ac_steal_ptr(&doc), &r->findings, err) < 0)
		return ac_err_ctx(err, "invalid ImageManifest");
	r->what = pod ? "PodManifest" : "ImageManifest";
	return 0;
}

static int check_dir(struct report *r, int fd, struct ac_err *err)
{
	if (r->type != NULL && strcmp(r->type, "layout") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "is a directory (wrong --type?)");
	r->type = "layout";
	if (check_layout(fd, NULL, &r->findings, err) < 0)
		return ac_err_ctx(err, "invalid image layout");
	r->what = "image layout";
	return 0;
}

static int check(struct report *r, struct ac_err *err)
{
	AC_CLOSE int fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "unable to access %s", r->file);
	if (S_ISDIR(st.st_mode))
		return check_dir(r, fd, err);
	if (!S_ISREG(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "is neither a regular file nor a directory");
	if (r->type == NULL)
		r->type = detect(fd, err);
	if (r->type == NULL)
		return -1;
	if (strcmp(r->type, "appimage") == 0)
		return check_archive(r, fd, err);
	if (strcmp(r->type, "manifest") == 0)
		return check_manifest(r, fd, err);
	return ac_err_set(err, AC_E_INVALID,
			  "is not a directory (wrong --type?)");
}

static void tell_findings(const struct report *r, bool strict)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct ac_finding *f = &r->findings.v[i];
		AC_FREE char *text = ac_str_show(f->text);
		AC_FREE char *path = ac_str_show(f->path);
		AC_FREE char *file = ac_str_show(r->file);

		if (f->error)
			continue;
		ac_log("%s: %s%s: %s [%s]", file,
		       strict ? "" : "warning: ", path, text, f->rule);
	}
}

/* One file's part of the --json output. */
static struct ac_json *as_json(const struct report *r, bool valid,
			       const struct ac_err *err)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *list = ac_json_array();

	ac_json_set_str(o, "file", r->file);
	if (r->type != NULL)
		ac_json_set_str(o, "type", r->type);
	if (r->what != NULL)
		ac_json_set_str(o, "what", r->what);
	ac_json_set(o, "valid", ac_json_new_bool(valid));
	if (r->id[0] != '\0')
		ac_json_set_str(o, "id", r->id);
	if (err->code != AC_OK)
		ac_json_set_str(o, "error", err->msg);
	for (size_t i = 0; i < r->findings.n; i++) {
		struct ac_json *f;

		if (r->findings.v[i].error)
			continue;
		f = ac_json_object();
		ac_json_set_str(f, "rule", r->findings.v[i].rule);
		ac_json_set_str(f, "path", r->findings.v[i].path);
		ac_json_set_str(f, "text", r->findings.v[i].text);
		ac_json_push(list, f);
	}
	ac_json_set(o, "findings", list);
	return o;
}

/* Returns whether FILE is valid. */
static bool validate(const char *file, const struct validate_opts *o,
		     struct ac_json *all)
{
	struct report r = {.file = file, .type = o->type};
	struct ac_err err = AC_ERR_INIT;
	bool valid = check(&r, &err) == 0;

	if (!valid)
		(void)tell_file(file, &err);
	tell_findings(&r, o->strict);
	if (o->strict && r.findings.n != 0)
		valid = false;
	if (valid && ac_log_debugging())
		ac_log("%s: valid %s", file, r.what);
	ac_json_push(all, as_json(&r, valid, &err));
	ac_findings_release(&r.findings);
	return valid;
}

int run_validate(struct ac_call *c, struct ac_err *err)
{
	const struct validate_opts *o = c->opts;
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(256 << 20);
	AC_JSON struct ac_json *all = ac_json_array();
	bool valid = true;

	if (c->argc == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "must pass one or more files");
	for (int i = 0; i < c->argc; i++)
		valid = validate(c->argv[i], o, all) && valid;
	if (o->json) {
		ac_json_write(all, 2, false, &b);
		if (ac_buf_check(&b, "the result", err) < 0)
			return -1;
		printf("%s\n", ac_buf_str(&b));
	}
	return valid ? 0 : 1;
}
