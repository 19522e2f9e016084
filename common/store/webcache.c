/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/webcache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

enum {
	FORMAT = 1,
	MAX_FILE = 16 << 10,
	MAX_VALUE = 1024, /* of what is sent back to the server */
	HEX = 64,         /* digits of a name */
};

void ac_webcache_release(struct ac_webcache *c)
{
	free(c->image);
	free(c->url);
	free(c->etag);
	free(c->modified);
	*c = AC_WEBCACHE_INIT;
}

/* It becomes part of a head. */
static bool sendable(const char *s)
{
	if (s == NULL || s[0] == '\0' || strlen(s) > MAX_VALUE ||
	    !ac_str_utf8(s))
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static int parse(const struct ac_json *doc, const char *hash,
		 struct ac_webcache *c, struct ac_err *err)
{
	const char *url = "";
	const char *image = "";
	const char *etag = NULL;
	const char *modified = NULL;
	int64_t format = 0;
	int64_t age = 0;

	if (ac_json_get_int(doc, "", "format", &format, err) < 0 ||
	    ac_json_get_str(doc, "", "urlDigest", &url, err) < 0 ||
	    ac_json_get_str(doc, "", "image", &image, err) < 0 ||
	    ac_json_get_str(doc, "", "etag", &etag, err) < 0 ||
	    ac_json_get_str(doc, "", "lastModified", &modified, err) < 0 ||
	    ac_json_get_int(doc, "", "checked", &c->checked, err) < 0 ||
	    ac_json_get_int(doc, "", "maxAge", &age, err) < 0)
		return -1;
	if (format != FORMAT)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "format is %lld, this version reads %d",
				  (long long)format, FORMAT);
	if (strcmp(url, hash) != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "urlDigest: it is about another URL");
	if (!ac_image_id_ok(image, true))
		return ac_err_set(err, AC_E_INVALID, "image: not an image id");
	if (age < 0 || (etag != NULL && !sendable(etag)) ||
	    (modified != NULL && !sendable(modified)))
		return ac_err_set(err, AC_E_INVALID,
				  "maxAge, etag or lastModified cannot be");
	c->max_age = (uint64_t)age;
	c->image = ac_xstrdup(image);
	c->etag = ac_xstrdup(etag);
	c->modified = ac_xstrdup(modified);
	return 0;
}

int ac_webcache_parse(const char *text, size_t len, const char *hash,
		      struct ac_webcache *out, struct ac_err *err)
{
	AC_JSON struct ac_json *doc = ac_json_parse(text, len, "it", err);

	return doc != NULL ? parse(doc, hash, out, err) : -1;
}

/* The directory, or -1. */
static int open_dir(const struct ac_store *s)
{
	return openat(s->dirfd, "http",
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 1, 0 when there is no file NAME, -1 when it is not as it should be. */
static int load(int dirfd, const char *name, struct ac_webcache *c,
		struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_FILE);
	AC_FREE char *hash = ac_xstrndup(name, strcspn(name, "."));

	if (ac_io_read_regular(dirfd, name, &text, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	return ac_webcache_parse(ac_buf_str(&text), text.len, hash, c, err) == 0
		       ? 1
		       : -1;
}

static char *hash_of(const char *url)
{
	char hex[AC_DIGEST_TEXT];
	struct ac_digest d;

	ac_digest_of(AC_SHA256, url, strlen(url), &d);
	ac_digest_hex(&d, hex);
	return ac_xstrdup(hex);
}

bool ac_webcache_read(const struct ac_store *s, const char *url,
		      struct ac_webcache *out)
{
	AC_CLEANUP(ac_webcache_release) struct ac_webcache c = AC_WEBCACHE_INIT;
	AC_CLOSE int dirfd = open_dir(s);
	AC_FREE char *hash = hash_of(url);
	AC_FREE char *name = ac_xasprintf("%s.json", hash);
	struct ac_err why = AC_ERR_INIT;
	int r = dirfd >= 0 ? load(dirfd, name, &c, &why) : 0;

	if (r < 0)
		ac_warn("'%s/http/%s' is passed over: %s", s->path, name,
			why.msg);
	if (r <= 0)
		return false;
	*out = c;
	c = AC_WEBCACHE_INIT;
	return true;
}

bool ac_webcache_fresh(const struct ac_webcache *c, int64_t now)
{
	/* A clock that was put back says nothing. */
	return now >= c->checked &&
	       (uint64_t)now - (uint64_t)c->checked < c->max_age;
}

static int write_file(int dirfd, const char *name, const struct ac_json *doc,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_FILE);
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;

	ac_json_write(doc, 2, false, &text);
	ac_buf_addc(&text, '\n');
	if (ac_buf_check(&text, name, err) < 0 ||
	    ac_atomic_open(&a, dirfd, name, 0644, err) < 0 ||
	    ac_io_write(a.fd, ac_buf_str(&text), text.len, name, err) < 0)
		return -1;
	return ac_atomic_commit_unflushed(&a, err);
}

int ac_webcache_write(const struct ac_store *s, const char *url,
		      const struct ac_webcache *c, struct ac_err *err)
{
	AC_JSON struct ac_json *doc = ac_json_object();
	AC_CLOSE int dirfd = open_dir(s);
	AC_FREE char *hash = hash_of(url);
	AC_FREE char *name = ac_xasprintf("%s.json", hash);

	if (dirfd < 0)
		return ac_err_sys(err, errno, "open '%s/http'", s->path);
	ac_json_set_int(doc, "format", FORMAT);
	ac_json_set_str(doc, "urlDigest", hash);
	if (c->url != NULL)
		ac_json_set_str(doc, "url", c->url);
	ac_json_set_str(doc, "image", c->image);
	if (sendable(c->etag))
		ac_json_set_str(doc, "etag", c->etag);
	if (sendable(c->modified))
		ac_json_set_str(doc, "lastModified", c->modified);
	ac_json_set_int(doc, "checked", c->checked);
	ac_json_set_int(doc, "maxAge", (int64_t)c->max_age);
	if (sendable(c->etag) || sendable(c->modified) || c->max_age != 0)
		return write_file(dirfd, name, doc, err);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '%s/http/%s'", s->path,
				  name);
	return 0;
}

static bool has_record(const struct ac_store *s, const char *id)
{
	AC_FREE char *path = ac_xasprintf("images/%s.json", id);
	struct stat st;

	return fstatat(s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int ac_webcache_names(const struct ac_store *s, struct ac_strv *out,
		      struct ac_err *err)
{
	/* A store of an earlier version has none. */
	if (ac_io_names(s->dirfd, "http", out) == 0 || errno == ENOENT)
		return 0;
	return ac_err_sys(err, errno, "read '%s/http'", s->path);
}

/* Is NAME that of a file of ours: HEX.json? */
static bool well_named(const char *name)
{
	return ac_hex_is(name, HEX, ".json");
}

int ac_webcache_check(const struct ac_store *s, const char *name,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_webcache_release) struct ac_webcache c = AC_WEBCACHE_INIT;
	AC_CLOSE int dirfd = open_dir(s);
	struct stat st;
	int r;

	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0
			       : ac_err_sys(err, errno, "look at '%s/http/%s'",
					    s->path, name);
	if (S_ISREG(st.st_mode) && strncmp(name, ".tmp-", 5) == 0)
		return ac_err_set(err, AC_E_VERIFY, "it was never completed");
	if (!S_ISREG(st.st_mode) || !well_named(name))
		return ac_err_set(err, AC_E_INVALID,
				  "it does not belong there");
	r = load(dirfd, name, &c, err);
	if (r < 0 && err->code != AC_E_SYS)
		err->code = AC_E_VERIFY;
	if (r > 0 && !has_record(s, c.image))
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "its image is not in the store");
	return r < 0 ? -1 : 0;
}

int ac_webcache_remove(const struct ac_store *s, const char *name,
		       struct ac_err *err)
{
	AC_CLOSE int dirfd = open_dir(s);

	if (dirfd < 0)
		return ac_err_sys(err, errno, "open '%s/http'", s->path);
	if (ac_tree_remove(dirfd, name, err) < 0)
		return ac_err_ctx(err, "'%s/http'", s->path);
	return 0;
}

int ac_webcache_forget(const struct ac_store *s, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (ac_webcache_names(s, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct ac_err why;

		if (ac_webcache_check(s, names.v[i], &why) < 0 &&
		    ac_webcache_remove(s, names.v[i], err) < 0)
			return -1;
	}
	return 0;
}
