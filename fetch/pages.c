/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pages.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/discover.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"
#include "fetch/catalog.h"
#include "fetch/publish.h"
#include "fetch/publishone.h"
#include "fetch/sitefile.h"

#define GENERATOR "<meta name=\"generator\" content=\"acfetch publish\">"

/* Clients that look for tags take 1 MiB of a page. */
enum { MAX_PAGE = 64 << 20, MAX_ROWS = 2000 };

/* What stands behind the host in a name: "" for the host itself. */
static const char *below_host(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash != NULL ? slash + 1 : "";
}

static void add_html(struct ac_buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			ac_buf_adds(b, "&amp;");
		else if (*text == '<')
			ac_buf_adds(b, "&lt;");
		else if (*text == '>')
			ac_buf_adds(b, "&gt;");
		else if (*text == '"')
			ac_buf_adds(b, "&quot;");
		else
			ac_buf_addc(b, *text);
	}
}

/* The tags for images of PREFIX. */
static void add_tags(struct ac_buf *b, const char *prefix, const char *url,
		     const struct ac_strv *keys)
{
	ac_buf_adds(b, "<meta name=\"ac-discovery\" content=\"");
	add_html(b, prefix);
	ac_buf_addc(b, ' ');
	add_html(b, url);
	ac_buf_adds(b, "/" PUBLISH_TEMPLATE "\">\n");
	for (size_t i = 0; i < keys->n; i++) {
		ac_buf_adds(b,
			    "<meta name=\"ac-discovery-pubkeys\" content=\"");
		add_html(b, prefix);
		ac_buf_addc(b, ' ');
		add_html(b, url);
		ac_buf_addf(b, "/%s\">\n", keys->v[i]);
	}
}

static void add_key_link(struct ac_buf *b, const char *url, const char *file)
{
	bool openpgp = strstr(file, ".gpg") != NULL;

	ac_buf_adds(b, "<p><a href=\"");
	add_html(b, url);
	ac_buf_addf(b, "/%s\">%s%.16s</a></p>\n", file,
		    openpgp ? "Public keys" : "Public key ",
		    openpgp ? "" : file);
}

static void add_row(struct ac_buf *b, const struct entry *e, const char *url)
{
	ac_buf_adds(b, "<tr><td>");
	add_html(b, e->name);
	ac_buf_adds(b, "</td><td>");
	add_html(b, e->version != NULL ? e->version : "");
	ac_buf_addf(b, "</td><td>%s</td><td>%s</td><td><a href=\"", e->os,
		    e->arch);
	add_html(b, url);
	ac_buf_addc(b, '/');
	add_html(b, e->path);
	ac_buf_adds(b, "\">ACI</a></td></tr>\n");
}

/* "HOST/LEVEL" for each host of the images at this level, once. */
static void prefixes_at(const struct catalog *c, const char *level,
			struct ac_strv *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->v[i].name;
		AC_FREE char *host = ac_xstrndup(name, strcspn(name, "/"));
		AC_FREE char *prefix = NULL;

		if (!ac_path_within(below_host(name), level))
			continue;
		prefix = ac_path_join(host, level);
		if (!ac_strv_has(out, prefix))
			ac_strv_push(out, prefix);
	}
	ac_strv_sort(out);
}

static void make_page(struct ac_buf *b, const struct catalog *c,
		      const char *level, const char *url,
		      const struct ac_strv *keys)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv prefixes = AC_STRV_INIT;
	size_t rows = 0;

	prefixes_at(c, level, &prefixes);
	ac_buf_adds(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		       "<meta charset=\"utf-8\">\n" GENERATOR "\n"
		       "<title>App container images</title>\n");
	for (size_t i = 0; i < prefixes.n; i++)
		add_tags(b, prefixes.v[i], url, keys);
	ac_buf_adds(b, "</head>\n<body>\n<h1>App container images</h1>\n");
	for (size_t i = 0; i < keys->n; i++)
		add_key_link(b, url, keys->v[i]);
	ac_buf_adds(b, "<table>\n<tr><th>Name</th><th>Version</th><th>OS</th>"
		       "<th>Architecture</th><th>File</th></tr>\n");
	for (size_t i = 0; i < c->n; i++)
		if (ac_path_within(below_host(c->v[i].name), level) &&
		    ++rows <= MAX_ROWS)
			add_row(b, &c->v[i], url);
	if (rows > MAX_ROWS)
		ac_buf_addf(b, "<tr><td>and %zu more</td></tr>\n",
			    rows - MAX_ROWS);
	ac_buf_adds(b, "</table>\n</body>\n</html>\n");
}

/* The page at PATH: 1, 0 when there is none. */
static int read_page(int dirfd, const char *path, struct ac_buf *out,
		     struct ac_err *err)
{
	AC_CLOSE int fd =
		ac_at_open(dirfd, path, O_RDONLY | O_NONBLOCK, 0, err);

	if (fd < 0 && err->code == AC_E_NOT_FOUND) {
		*err = AC_ERR_INIT;
		return 0;
	}
	return fd < 0 || ac_io_slurp(fd, out, path, err) < 0 ? -1 : 1;
}

static int put_page(int dirfd, const struct catalog *c, const char *level,
		    const char *url, const struct ac_strv *keys,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf have = AC_BUF_INIT(MAX_PAGE);
	AC_CLEANUP(ac_buf_release) struct ac_buf page = AC_BUF_INIT(MAX_PAGE);
	AC_FREE char *path = ac_path_join(level, "index.html");
	int r = read_page(dirfd, path, &have, err);

	if (r < 0)
		return -1;
	if (r > 0 && strstr(ac_buf_str(&have), GENERATOR) == NULL)
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' was not made by acfetch publish and is "
				  "not overwritten; move it away",
				  path);
	make_page(&page, c, level, url, keys);
	if (ac_buf_check(&page, path, err) < 0)
		return -1;
	return site_put(dirfd, path, ac_buf_str(&page), page.len, err);
}

/* All levels of all names: "", "a", "a/b". */
static void levels_of(const struct catalog *c, struct ac_strv *out)
{
	ac_strv_push(out, "");
	for (size_t i = 0; i < c->n; i++) {
		const char *path = below_host(c->v[i].name);
		const char *end = path;

		while (*end != '\0') {
			AC_FREE char *level = NULL;

			end += strcspn(end, "/");
			level = ac_xstrndup(path, (size_t)(end - path));
			if (!ac_strv_has(out, level))
				ac_strv_push(out, level);
			end += *end == '/';
		}
	}
}

/* The entry that requests without a version get, of those of E's name, os and
 * arch; NULL when E is not the first of these, which speaks for all. */
static const struct entry *newest_of(const struct catalog *c, size_t first)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = &c->v[i];

		if (!catalog_same(e, &c->v[first]))
			continue;
		if (i < first)
			return NULL;
		if (best == NULL || catalog_newer(e, best))
			best = e;
	}
	return best;
}

static int alias_signatures(int dirfd, const char *from, const char *to,
			    struct ac_err *err)
{
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		const char *suffix = ac_sig_methods[k]->suffix;
		AC_FREE char *a = ac_xasprintf("%s%s", from, suffix);
		AC_FREE char *b = ac_xasprintf("%s%s", to, suffix);

		if (publish_has_kind(k) && site_alias(dirfd, a, b, err) < 0)
			return -1;
	}
	return 0;
}

static int make_aliases(int dirfd, const struct catalog *c, struct ac_err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = newest_of(c, i);
		AC_FREE char *latest = entry_latest(&c->v[i]);

		if (e == NULL || strcmp(e->path, latest) == 0)
			continue;
		if (alias_signatures(dirfd, e->path, latest, err) < 0 ||
		    site_alias(dirfd, e->path, latest, err) < 0)
			return -1;
	}
	return 0;
}

int pages_make(int dirfd, const char *url, const struct ac_strv *keys,
	       struct ac_secret *secret, struct ac_err *err)
{
	AC_CLEANUP(catalog_release) struct catalog c = CATALOG_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv levels = AC_STRV_INIT;

	c.secret = secret;
	if (catalog_read(dirfd, &c, err) < 0 ||
	    make_aliases(dirfd, &c, err) < 0)
		return -1;
	levels_of(&c, &levels);
	for (size_t i = 0; i < levels.n; i++)
		if (put_page(dirfd, &c, levels.v[i], url, keys, err) < 0)
			return -1;
	return 0;
}

int pages_url(int dirfd, char **url, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf page = AC_BUF_INIT(MAX_PAGE);
	AC_CLEANUP(ac_strv_release) struct ac_strv endpoints = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv keys = AC_STRV_INIT;
	int r = read_page(dirfd, "index.html", &page, err);
	struct ac_str content;
	struct ac_str prefix;

	if (r <= 0 || strstr(ac_buf_str(&page), GENERATOR) == NULL)
		return r < 0 ? -1 : 0;
	if (ac_discover_parse(ac_buf_str(&page), page.len, &endpoints, &keys,
			      err) < 0)
		return -1;
	if (endpoints.n == 0)
		return 0;
	content = ac_str(endpoints.v[0]);
	(void)ac_str_cut(&content, ' ', &prefix);
	content = ac_str_trim(content);
	if (!ac_str_ends(content, "/" PUBLISH_TEMPLATE))
		return 0;
	*url = ac_xstrndup(content.p,
			   content.len - strlen("/" PUBLISH_TEMPLATE));
	return 1;
}
