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
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/store/config.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/lock.h"
#include "fetch/cmd.h"
#include "fetch/pages.h"
#include "fetch/publishone.h"
#include "fetch/sitefile.h"
#include "fetch/sitekeys.h"

const struct ac_opt publish_opts[] = {
	AC_OPT_STRING(struct publish_opts, url, "url", "BASE",
		      "where DIR will be served: https://example.com (needed "
		      "the first time)"),
	AC_OPT_LIST(struct publish_opts, keys, "key", "FILE",
		    "public keys that sign the images (repeat)"),
	AC_OPT_LIST(struct publish_opts, signatures, "signature", "FILE",
		    "signature of the image, when it is not beside it "
		    "(repeat)"),
	AC_OPT_BOOL(struct publish_opts, allow_unsigned, "allow-unsigned",
		    "publish images that have no signature"),
	AC_OPT_PASSPHRASE(struct publish_opts, passphrase_fd),
	AC_OPT_END,
};

const char publish_about[] =
	"Makes DIR a site where images are found by their names (appc "
	"discovery), on any\nweb server or by 'acfetch serve DIR'.  IMAGE is "
	"an ACI file, with its signatures\nbeside it (IMAGE.asc, "
	"IMAGE.sigstore.json), or an image of the store.  What DIR\nhas "
	"already stays; without IMAGE its pages are made anew.";

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
	struct ac_json *kinds = ac_json_array();
	AC_FREE char *link = ac_xasprintf("%s/%s", url, p->entry.path);

	ac_json_set_str(o, "name", p->entry.name);
	if (p->entry.version != NULL)
		ac_json_set_str(o, "version", p->entry.version);
	ac_json_set_str(o, "os", p->entry.os);
	ac_json_set_str(o, "arch", p->entry.arch);
	ac_json_set_str(o, "path", p->entry.path);
	ac_json_set_str(o, "url", link);
	ac_json_set(o, "signed", ac_json_new_bool(p->signatures != 0));
	for (size_t k = 0; k < AC_SIG_KINDS; k++)
		if ((p->signatures & 1U << k) != 0)
			ac_json_push_str(kinds, ac_sig_methods[k]->kind);
	ac_json_set(o, "signatures", kinds);
	ac_json_push(array, o);
}

int publish_run(struct ac_call *c, struct ac_err *err)
{
	const struct publish_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(site_keys_release) struct site_keys keys = SITE_KEYS_INIT;
	AC_JSON struct ac_json *array = ac_json_array();
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	struct ac_config where = config(g);
	AC_FREE char *url = NULL;
	AC_CLOSE int dir = -1;

	if (ac_config_limits(&where, NULL, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (o->signatures.n != 0 && c->argc != 2)
		return ac_err_set(err, AC_E_USAGE,
				  "--signature goes with one IMAGE");
	dir = open_site(c->argv[0], err);
	if (dir < 0)
		return -1;
	if (find_url(dir, o->url, &url, err) < 0 ||
	    site_keys_read(&keys, dir, &o->keys, err) < 0)
		return ac_err_ctx(err, "site '%s'", c->argv[0]);
	for (int i = 1; i < c->argc; i++) {
		AC_CLEANUP(published_release)
		struct published p = {.signatures = 0};

		if (publish_one(dir, g, o, &keys.keys, c->argv[i], &secret, &p,
				err) < 0)
			return ac_err_ctx(err, "publish '%s'", c->argv[i]);
		add_json(array, &p, url);
		if (!g->json)
			printf("%s\n", p.entry.path);
	}
	if (pages_make(dir, url, &keys.files, &secret, err) < 0)
		return ac_err_ctx(err, "site '%s'", c->argv[0]);
	return g->json ? ac_print_json(array, 2, err) : 0;
}
