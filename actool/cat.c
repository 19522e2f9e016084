/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/cat.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"
#include "common/sys/io.h"

const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_PASSPHRASE(struct cat_opts, passphrase_fd),
	AC_OPT_END,
};

/* A stream of which the first bytes were looked at. */
struct peek {
	struct ac_unzipfd *unzip;
	const void *first;
	ssize_t n; /* -1 when that failed */
	struct ac_err err;
	bool used;
};

static ssize_t peek_source(void *ctx, const void **p, struct ac_err *err)
{
	struct peek *s = ctx;

	if (s->used)
		return ac_unzipfd_source(s->unzip, p, err);
	s->used = true;
	*p = s->first;
	if (s->n < 0)
		*err = s->err;
	return s->n;
}

/* Does the stream begin as a JSON object does, and not as a tar? */
static bool is_json(const struct peek *s)
{
	const char *p = s->first;
	struct ac_str text;

	if (s->n <= 0 || ac_unzipfd_format(s->unzip) != AC_ZIP_NONE ||
	    (s->n >= 262 && memcmp(p + 257, "ustar", 5) == 0))
		return false;
	text = ac_str_trim(ac_strn(p, (size_t)s->n));
	return text.len != 0 && text.p[0] == '{';
}

static int from_tar(struct peek *s, struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_tar_reader_freep)
	struct ac_tar_reader *tar = ac_tar_reader_new(NULL, peek_source, s);
	struct ac_entry e;
	int r;

	while ((r = ac_tar_next(tar, &e, err)) > 0)
		if (strcmp(e.path, "manifest") == 0)
			return ac_aci_slurp(tar, &e, out, err);
	return r < 0 ? -1
		     : ac_err_set(err, AC_E_INVALID,
				  "no image manifest found in layout");
}

static int from_text(struct peek *s, struct ac_buf *out, struct ac_err *err)
{
	const void *p;
	ssize_t n;

	while ((n = peek_source(s, &p, err)) > 0) {
		ac_buf_add(out, p, (size_t)n);
		if (ac_buf_check(out, "the manifest", err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

/* The manifest in FILE, which is an image or a manifest. */
static int from_file(const char *file, struct ac_secret *secret,
		     struct ac_buf *out, struct ac_err *err)
{
	static const struct ac_unzip_limits limits = {.max_ratio = 2000};
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = ac_aci_file_open(file, secret, err);
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *unzip = NULL;
	struct peek s = {.err = AC_ERR_INIT};
	struct ac_err end = AC_ERR_INIT;
	int r;

	if (f == NULL)
		return -1;
	unzip = ac_unzipfd_new(ac_aci_file_fd(f), file, &limits);
	s.unzip = unzip;
	s.n = ac_unzipfd_source(unzip, &s.first, &s.err);
	r = is_json(&s) ? from_text(&s, out, err) : from_tar(&s, out, err);
	/* It has the better reason when an encrypted image is damaged. */
	ac_unzipfd_free(unzip);
	unzip = NULL;
	if (ac_aci_file_end(f, &end) < 0) {
		*err = end;
		return -1;
	}
	return r;
}

static int from_layout(const char *dir, struct ac_buf *out, struct ac_err *err)
{
	AC_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", dir);
	if (ac_io_read_regular(fd, "manifest", out, err) == 0)
		return 0;
	return err->code == AC_E_NOT_FOUND
		       ? ac_err_set(err, AC_E_INVALID,
				    "no image manifest found in layout")
		       : -1;
}

/* Is it a manifest, of an image or a pod?  *doc gets the document. */
static int check(const struct ac_buf *text, struct ac_json **doc,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image image = AC_IMAGE_INIT;
	AC_CLEANUP(ac_pod_release) struct ac_pod pod = AC_POD_INIT;
	AC_JSON struct ac_json *j =
		ac_json_parse(ac_buf_str(text), text->len, "manifest", err);
	const char *kind;

	if (j == NULL)
		return -1;
	kind = ac_json_text(ac_json_get_nocase(j, "acKind"), NULL);
	*doc = ac_json_copy(j);
	if (kind != NULL && strcmp(kind, "PodManifest") == 0)
		return ac_pod_load(&pod, ac_steal_ptr(&j), NULL, err);
	return ac_image_load(&image, ac_steal_ptr(&j), NULL, err);
}

static void print(const struct ac_buf *b)
{
	(void)fwrite(ac_buf_str(b), 1, b->len, stdout);
	(void)putchar('\n');
}

static int cat(const struct cat_opts *o, const char *file,
	       struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf pretty = AC_BUF_INIT(8 * AC_ACI_MAX_MANIFEST);
	AC_JSON struct ac_json *doc = NULL;
	struct stat st;
	bool layout = strcmp(file, "-") != 0 && stat(file, &st) == 0 &&
		      S_ISDIR(st.st_mode);
	int r = layout ? from_layout(file, &text, err)
		       : from_file(file, secret, &text, err);

	if (r < 0)
		return -1;
	/* What is not valid is printed as it is: to be looked at. */
	r = check(&text, &doc, err);
	if (r < 0 || !o->pretty) {
		print(&text);
		return r;
	}
	ac_json_write(doc, 4, true, &pretty);
	if (ac_buf_check(&pretty, "the manifest", err) < 0)
		return -1;
	print(&pretty);
	return 0;
}

int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct cat_opts *o = c->opts;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;

	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (c->argc != 1)
		return ac_err_set(err, AC_E_INVALID, "Must provide one file");
	if (cat(o, c->argv[0], &secret, err) < 0)
		return ac_err_ctx(err, "Unable to read %s", c->argv[0]);
	return 0;
}
