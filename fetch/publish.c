/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/codec/pgp.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"
#include "fetch/cmd.h"
#include "fetch/pages.h"
#include "fetch/publishone.h"
#include "fetch/sitefile.h"

const struct ac_opt publish_opts[] = {
	AC_OPT_STRING(struct publish_opts, url, "url", "BASE",
		      "where DIR will be served: https://example.com (needed "
		      "the first time)"),
	AC_OPT_LIST(struct publish_opts, keys, "key", "FILE",
		    "public keys that sign the images (repeat)"),
	AC_OPT_STRING(struct publish_opts, signature, "signature", "FILE",
		      "signature of the image, when it is not IMAGE.asc"),
	AC_OPT_BOOL(struct publish_opts, allow_unsigned, "allow-unsigned",
		    "publish images that have no signature"),
	AC_OPT_PASSPHRASE(struct publish_opts, passphrase_fd),
	AC_OPT_END,
};

const char publish_about[] =
	"Makes DIR a site where images are found by their names (appc "
	"discovery), on any\nweb server or by 'acfetch serve DIR'.  IMAGE is "
	"an ACI file, with its signature\nbeside it (IMAGE.asc), or an image "
	"of the store.  What DIR has already stays;\nwithout IMAGE its pages "
	"are made anew.";

/* The keys of TEXT into V: a newer copy of a key takes the place of the old. */
static int merge_keys(struct ac_strv *fingerprints, struct ac_strv *armoured,
		      const struct ac_buf *text, const char *what,
		      struct ac_err *err)
{
	struct ac_pgp_key *keys = NULL;
	size_t n = 0;
	int r = 0;

	if (ac_pgp_keys(ac_buf_str(text), text->len, what, &keys, &n, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		char *one = NULL;
		size_t at = 0;

		r = ac_pgp_extract(ac_buf_str(text), text->len, what,
				   keys[i].fingerprint, &one, err);
		while (at < fingerprints->n &&
		       strcmp(fingerprints->v[at], keys[i].fingerprint) != 0)
			at++;
		if (r == 0 && at < fingerprints->n) {
			free(armoured->v[at]);
			armoured->v[at] = one;
		} else if (r == 0) {
			ac_strv_push(fingerprints, keys[i].fingerprint);
			ac_strv_take(armoured, one);
		}
	}
	ac_pgp_keys_free(keys, n);
	return r;
}

/* Add the key files to those of the site; *out gets all of them. */
static int add_keys(int dirfd, const struct ac_strv *files, struct ac_buf *out,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv fingerprints = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv armoured = AC_STRV_INIT;
	int r = ac_io_read_file(dirfd, PUBLISH_KEYS, out, err);

	if (r < 0 && err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	if (files->n == 0)
		return 0;
	if (r == 0 && out->len != 0 &&
	    merge_keys(&fingerprints, &armoured, out, PUBLISH_KEYS, err) < 0)
		return -1;
	for (size_t i = 0; i < files->n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf text = AC_BUF_INIT(PUBLISH_MAX_KEYS);

		if (ac_io_read_file(AT_FDCWD, files->v[i], &text, err) < 0 ||
		    merge_keys(&fingerprints, &armoured, &text, files->v[i],
			       err) < 0)
			return ac_err_ctx(err, "--key");
	}
	ac_buf_reset(out);
	for (size_t i = 0; i < armoured.n; i++)
		ac_buf_adds(out, armoured.v[i]);
	if (ac_buf_check(out, PUBLISH_KEYS, err) < 0)
		return -1;
	return site_put(dirfd, PUBLISH_KEYS, ac_buf_str(out), out->len, err);
}

/* The site's URL without a slash at its end; caller frees. */
static int find_url(int dirfd, const char *given, char **url,
		    struct ac_err *err)
{
	size_t n = given != NULL ? strlen(given) : 0;
	size_t scheme = 0;
	int r;

	if (given == NULL) {
		r = pages_url(dirfd, url, err);
		return r != 0 ? r
			      : ac_err_set(err, AC_E_USAGE,
					   "--url BASE is needed the first "
					   "time: where DIR will be served");
	}
	if (strncmp(given, "https://", 8) == 0)
		scheme = 8;
	else if (strncmp(given, "http://", 7) == 0)
		scheme = 7;
	while (n > scheme && given[n - 1] == '/')
		n--;
	if (scheme == 0 || n == scheme || strpbrk(given, "?#{}\"<> \t\n"))
		return ac_err_set(err, AC_E_USAGE,
				  "--url '%s': not https://HOST[/PATH] or "
				  "http://HOST[/PATH]",
				  given);
	*url = ac_xstrndup(given, n);
	return 0;
}

static int open_site(const char *dir, struct ac_err *err)
{
	AC_CLOSE int fd = -1;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make the site '%s'", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the site '%s'", dir);
	if (ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, true, dir, err) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

static void add_json(struct ac_json *array, const struct published *p,
		     const char *url)
{
	struct ac_json *o = ac_json_object();
	AC_FREE char *link = ac_xasprintf("%s/%s", url, p->entry.path);

	ac_json_set_str(o, "name", p->entry.name);
	if (p->entry.version != NULL)
		ac_json_set_str(o, "version", p->entry.version);
	ac_json_set_str(o, "os", p->entry.os);
	ac_json_set_str(o, "arch", p->entry.arch);
	ac_json_set_str(o, "path", p->entry.path);
	ac_json_set_str(o, "url", link);
	ac_json_set(o, "signed", ac_json_new_bool(p->is_signed));
	ac_json_push(array, o);
}

int publish_run(struct ac_call *c, struct ac_err *err)
{
	const struct publish_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf keys = AC_BUF_INIT(PUBLISH_MAX_KEYS);
	AC_JSON struct ac_json *array = ac_json_array();
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_FREE char *url = NULL;
	AC_CLOSE int dir = -1;

	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (o->signature != NULL && c->argc != 2)
		return ac_err_set(err, AC_E_USAGE,
				  "--signature goes with one IMAGE");
	dir = open_site(c->argv[0], err);
	if (dir < 0)
		return -1;
	if (find_url(dir, o->url, &url, err) < 0 ||
	    add_keys(dir, &o->keys, &keys, err) < 0)
		return ac_err_ctx(err, "site '%s'", c->argv[0]);
	for (int i = 1; i < c->argc; i++) {
		AC_CLEANUP(published_release)
		struct published p = {.is_signed = false};

		if (publish_one(dir, g, o, &keys, c->argv[i], &secret, &p,
				err) < 0)
			return ac_err_ctx(err, "publish '%s'", c->argv[i]);
		add_json(array, &p, url);
		if (!g->json)
			printf("%s\n", p.entry.path);
	}
	if (pages_make(dir, url, &secret, err) < 0)
		return ac_err_ctx(err, "site '%s'", c->argv[0]);
	return g->json ? print_json(array, err) : 0;
}
