/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/acifile.h"
#include "common/image/oci.h"
#include "common/image/ref.h"
#include "common/sys/spawn.h"
#include "common/sys/tmpdir.h"
#include "fetch/pusher.h"

enum { HIGH_FD = 10 }; /* above what a child's is to be */

void push_source_release(struct push_source *s)
{
	ac_ocisrc_release(&s->from);
	ac_tmpdir_release(&s->tmp);
}

static bool wanted(const struct ac_oci_desc *d, const char *tag)
{
	const char *name = d->ref_name;
	size_t n = name != NULL ? strlen(name) : 0;
	size_t t = tag != NULL ? strlen(tag) : 0;

	if (tag == NULL)
		return true;
	return name != NULL && n >= t && strcmp(name + n - t, tag) == 0 &&
	       (n == t || name[n - t - 1] == ':');
}

/* The one image of the layout, or the one that TAG names. */
static int pick(struct push_source *s, const char *what, const char *tag,
		struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	AC_CLEANUP(ac_oci_index_release) struct ac_oci_index x = {.doc = NULL};
	const struct ac_oci_desc *found = NULL;
	int r = ac_ocisrc_file(&s->from, "index.json", &p, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is neither an App Container Image nor "
				  "an OCI layout",
				  what);
	if (ac_part_read(&p, "index.json", &text, err) < 0 ||
	    ac_oci_index_parse(&x, ac_buf_str(&text), text.len, err) < 0)
		return ac_err_ctx(err, "'%s'", what);
	for (size_t i = 0; i < x.n; i++) {
		if (!wanted(&x.v[i], tag))
			continue;
		/* One image with two tags is still one. */
		if (found != NULL &&
		    !ac_digest_equal(&found->digest, &x.v[i].digest))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' has several images; say which "
					  "one with ':TAG' behind its name",
					  what);
		found = &x.v[i];
	}
	if (found == NULL)
		return ac_err_set(err, AC_E_NOT_FOUND, "'%s' has no image%s%s",
				  what, tag != NULL ? " with the tag " : "",
				  tag != NULL ? tag : "");
	s->digest = found->digest;
	s->size = found->size;
	return 0;
}

static int open_layout(struct push_source *s, const char *path, const char *tag,
		       struct ac_err *err)
{
	if (ac_ocisrc_open(&s->from, path, NULL, err) < 0)
		return -1;
	return pick(s, path, tag, err);
}

/* Another program's job: the ACI PATH as a layout. */
static int convert(struct push_source *s, const char *path,
		   const struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf said = AC_BUF_INIT(1 << 16);
	AC_FREE char *layout = NULL;
	AC_CLOSE int fd = -1;
	AC_CLOSE int high = -1;
	struct ac_spawn_fd map = {.to = STDERR_FILENO + 1};
	int code;

	if (ac_tmpdir_make(&s->tmp, ac_tmpdir_base(), "acfetch-push-", err) < 0)
		return -1;
	layout = ac_xasprintf("%s/layout", s->tmp.path);
	ac_strv_take(&argv, ac_spawn_sibling("acconvert"));
	ac_strv_push(&argv, "to-oci");
	if (secret->known) {
		fd = ac_secret_pipe(secret, err);
		high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
		if (fd < 0)
			return -1;
		if (high < 0)
			return ac_err_sys(err, errno, "keep the passphrase");
		map.from = high;
		ac_strv_pushf(&argv, "--passphrase-fd=%d", map.to);
	}
	ac_strv_push(&argv, "--");
	ac_strv_push(&argv, path);
	ac_strv_push(&argv, layout);
	code = ac_spawn_output_with(argv.v, &map, high >= 0, &said, err);
	if (code < 0)
		return -1;
	if (code != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' was not converted to an OCI image: "
				  "acconvert ended with status %d",
				  path, code);
	return open_layout(s, layout, NULL, err);
}

/* Is the file PATH an App Container Image?  1, 0, -1. */
static int is_aci(const char *path, struct ac_err *err)
{
	struct ac_secret none = AC_SECRET_INIT;
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = ac_aci_file_open(path, &none, err);
	struct ac_err ignored = AC_ERR_INIT;
	AC_FREE char *text = NULL;
	size_t len;

	if (f == NULL)
		return -1;
	return ac_aci_file_encrypted(f) || ac_str_ends(ac_str(path), ".aci") ||
	       ac_aci_file_manifest(f, &text, &len, &ignored) == 0;
}

static int open_file(struct push_source *s, const char *path, const char *tag,
		     const struct ac_secret *secret, struct ac_err *err)
{
	struct stat st;
	int aci = 0;

	if (stat(path, &st) < 0)
		return ac_err_sys(err, errno, "'%s'", path);
	if (!S_ISDIR(st.st_mode))
		aci = is_aci(path, err);
	if (aci < 0)
		return -1;
	if (aci > 0 && tag != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is one image: ':%s' is too much", path,
				  tag);
	return aci > 0 ? convert(s, path, secret, err)
		       : open_layout(s, path, tag, err);
}

static int open_record(struct push_source *s, const struct ac_store *store,
		       const struct ac_record *r,
		       const struct ac_secret *secret, struct ac_err *err)
{
	AC_FREE char *text = ac_xasprintf("store:%s", r->id);
	AC_FREE char *path = NULL;
	char digest[AC_DIGEST_TEXT];
	char *colon;

	if (r->n_blobs == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the store has no blobs of image '%s'",
				  r->id);
	s->digest = r->blobs[0].digest;
	s->size = r->blobs[0].size;
	if (r->kind == AC_IMAGE_OCI)
		return ac_ocisrc_open(&s->from, text, store->path, err);
	ac_digest_print(&r->blobs[0].digest, ':', digest);
	colon = strchr(digest, ':');
	*colon = '/';
	path = ac_xasprintf("%s/blobs/%s", store->path, digest);
	return convert(s, path, secret, err);
}

static int open_stored(struct push_source *s, const char *text,
		       const struct ac_ref *ref, const struct globals *g,
		       const struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(ac_store_release) struct ac_store store = AC_STORE_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	int found = open_store(g, false, &store, err);

	if (found < 0 && err->code != AC_E_NOT_FOUND)
		return -1;
	if (found == 0)
		found = ac_store_find(&store, ref, &r, err);
	if (found < 0 && err->code != AC_E_NOT_FOUND)
		return -1;
	if (found <= 0) {
		(void)ac_err_set(err, AC_E_NOT_FOUND,
				 "'%s' is no file, and no image of the store",
				 text);
		return ac_ref_explain(ref, err);
	}
	return open_record(s, &store, &r, secret, err);
}

/* Is TEXT a path, or a path and behind its last colon a tag?  *path is owned by
 * the caller, *tag is of TEXT, or NULL. */
static bool is_path(const char *text, char **path, const char **tag)
{
	const char *colon = strrchr(text, ':');
	struct stat st;

	*tag = NULL;
	*path = ac_xstrdup(text);
	if (stat(*path, &st) == 0)
		return true;
	if (colon == NULL)
		return false;
	(*path)[colon - text] = '\0';
	*tag = colon + 1;
	return stat(*path, &st) == 0;
}

int push_source_open(struct push_source *s, const char *text,
		     const struct globals *g, const struct ac_secret *secret,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_FREE char *path = NULL;
	const char *tag;
	struct ac_err ignored = AC_ERR_INIT;
	bool parsed = ac_ref_parse(&ref, text, &ignored) == 0;

	/* What can be nothing else is no file, whatever files there are. */
	if ((!parsed || (ref.kind != AC_REF_DOCKER && ref.kind != AC_REF_ID)) &&
	    is_path(parsed && ref.kind == AC_REF_FILE ? ref.name : text, &path,
		    &tag))
		return open_file(s, path, tag, secret, err);
	if (!parsed) {
		*err = ignored;
		return -1;
	}
	if (ref.kind == AC_REF_FILE)
		return ac_err_set(err, AC_E_INVALID,
				  "no such file or directory: %s", text);
	return open_stored(s, text, &ref, g, secret, err);
}
