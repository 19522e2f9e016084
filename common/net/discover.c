/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/discover.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/net/url.h"

enum { MAX_PAGE = 10 << 20, MAX_URL = 16 << 10 };

void ac_discovered_release(struct ac_discovered *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->endpoints[i].aci);
		free(d->endpoints[i].asc);
	}
	free(d->endpoints);
	ac_strv_release(&d->keys);
	ac_strv_release(&d->attempts);
	*d = AC_DISCOVERED_INIT;
}

bool ac_discover_match(const char *content, const char *name,
		       struct ac_str *url)
{
	struct ac_str rest = ac_str_trim(ac_str(content));
	struct ac_str prefix = rest;
	size_t n = 0;

	while (n < rest.len && strchr(" \t\r\n\f", rest.p[n]) == NULL)
		n++;
	prefix.len = n;
	*url = ac_str_trim(ac_strn(rest.p + n, rest.len - n));
	while (prefix.len != 0 && prefix.p[prefix.len - 1] == '/')
		prefix.len--;
	n = prefix.len;
	return n != 0 && url->len != 0 && strncmp(name, prefix.p, n) == 0 &&
	       (name[n] == '\0' || name[n] == '/');
}

static bool expand(struct ac_buf *b, struct ac_str var,
		   const struct ac_ref *name, const char *ext)
{
	AC_FREE char *label = ac_xstrndup(var.p, var.len);
	const char *value = ac_pairs_get(&name->labels, label);

	if (strcmp(label, "name") == 0) {
		ac_url_encode(b, ac_str(name->name), true);
		return true;
	}
	if (strcmp(label, "ext") == 0)
		value = ext;
	if (strcmp(label, "version") == 0 &&
	    (value == NULL || value[0] == '\0'))
		value = "latest";
	if (value == NULL)
		return false;
	ac_url_encode(b, ac_str(value), false);
	return true;
}

char *ac_discover_render(struct ac_str template, const struct ac_ref *name,
			 const char *ext)
{
	struct ac_buf b = AC_BUF_INIT(MAX_URL);
	struct ac_str rest = template;
	bool ok = true;

	while (ok && rest.len != 0) {
		struct ac_str part;
		struct ac_str var;

		if (!ac_str_cut(&rest, '{', &part)) {
			ac_buf_add(&b, part.p, part.len);
			break;
		}
		ac_buf_add(&b, part.p, part.len);
		ok = ac_str_cut(&rest, '}', &var) && expand(&b, var, name, ext);
	}
	if (!ok || b.overflow) {
		ac_buf_release(&b);
		return NULL;
	}
	return ac_buf_steal(&b);
}

/* One walk. */
struct walk {
	struct ac_http *http;
	const struct ac_ref *name;
	const struct ac_discover_opts *opts;
	unsigned int missing; /* of what is wanted */
	const char *page;     /* under way, for messages */
	bool down;            /* the host did not answer, in all tries */
	struct ac_discovered *out;
};

/* May a page send us there? */
static bool usable(const struct walk *w, const char *url)
{
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *shown = ac_url_show(url);

	if (ac_url_parse(&u, url, &err) < 0) {
		ac_strv_pushf(&w->out->attempts, "'%s': %s", w->page, err.msg);
		return false;
	}
	if (strcmp(u.scheme, "https") == 0 || ac_http_allows_http(w->http))
		return true;
	ac_strv_pushf(&w->out->attempts,
		      "'%s': it names '%s', and plain http is not allowed",
		      w->page, shown);
	return false;
}

/* Which of several tags was for which names. */
static void debug_tag(const struct walk *w, const char *tag,
		      const char *content, bool used)
{
	AC_FREE char *shown = NULL;

	if (!ac_log_debugging())
		return;
	shown = ac_str_show(content);
	ac_debug("'%s': %s %s '%s'", w->page, used ? "takes" : "passes over",
		 tag, shown);
}

static bool add_endpoint(struct walk *w, const char *content)
{
	struct ac_discovered *d = w->out;
	struct ac_str template;
	char *aci;
	char *asc;

	if (!ac_discover_match(content, w->name->name, &template))
		return false;
	aci = ac_discover_render(template, w->name, "aci");
	asc = ac_discover_render(template, w->name, "aci.asc");
	if (aci == NULL || asc == NULL || !usable(w, aci)) {
		if (aci == NULL)
			ac_strv_pushf(&d->attempts,
				      "'%s': '%.*s' needs a label that the "
				      "name does not have",
				      w->page, AC_STR_FMT(template));
		free(aci);
		free(asc);
		return false;
	}
	d->endpoints =
		ac_xrealloc(d->endpoints, d->n + 1, sizeof(d->endpoints[0]));
	d->endpoints[d->n++] = (struct ac_endpoint){.aci = aci, .asc = asc};
	w->missing &= ~(unsigned int)AC_DISCOVER_IMAGE;
	return true;
}

static bool add_key(struct walk *w, const char *content)
{
	AC_FREE char *url = NULL;
	struct ac_str text;

	if (!ac_discover_match(content, w->name->name, &text))
		return false;
	url = ac_xstrndup(text.p, text.len);
	if (!usable(w, url))
		return false;
	ac_strv_push(&w->out->keys, url);
	w->missing &= ~(unsigned int)AC_DISCOVER_KEYS;
	return true;
}

/* Use the tags of one kind, and say so when none was of use. */
static void take_tags(struct walk *w, enum ac_discover_want kind,
		      const char *tag, const struct ac_strv *contents,
		      bool (*add)(struct walk *w, const char *content))
{
	if ((w->missing & kind) == 0)
		return;
	for (size_t i = 0; i < contents->n; i++)
		debug_tag(w, tag, contents->v[i], add(w, contents->v[i]));
	if ((w->missing & kind) != 0)
		ac_strv_pushf(&w->out->attempts,
			      "'%s': no %s tag for this name in the page",
			      w->page, tag);
}

static int read_page(struct walk *w, const struct ac_http_response *r,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv endpoints = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv keys = AC_STRV_INIT;

	if (ac_discover_parse(ac_buf_str(&r->body), r->body.len, &endpoints,
			      &keys, err) < 0)
		return -1;
	take_tags(w, AC_DISCOVER_IMAGE, "ac-discovery", &endpoints,
		  add_endpoint);
	take_tags(w, AC_DISCOVER_KEYS, "ac-discovery-pubkeys", &keys, add_key);
	return 0;
}

/* Ask one page by one scheme: 1 when it was read, 0 when not (and an attempt
 * says why), -1 when there is no sense in going on. */
static int try_page(struct walk *w, const char *scheme, const char *name,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	const char *slash = strchrnul(name, '/');
	int host = (int)(slash - name);
	AC_FREE char *port = w->opts->port != 0
				     ? ac_xasprintf(":%u", w->opts->port)
				     : ac_xstrdup("");
	AC_FREE char *shown =
		ac_xasprintf("%s://%.*s%s%s", scheme, host, name, port, slash);
	AC_FREE char *url = ac_xasprintf("%s%s?ac-discovery=1", shown,
					 slash[0] == '\0' ? "/" : "");
	struct ac_http_request q = {.url = url,
				    .max_body = MAX_PAGE,
				    .sign = w->opts->sign,
				    .sign_ctx = w->opts->sign_ctx};
	struct ac_err why = AC_ERR_INIT;

	w->page = shown;
	ac_debug("'%s': asking", shown);
	/* All pages are on one host: it is given time once. */
	q.probe = w->down || (strcmp(scheme, "https") == 0 &&
			      ac_http_allows_http(w->http));
	if (ac_http_do(w->http, &q, &r, &why) < 0) {
		if (why.code == AC_E_SYS) {
			*err = why;
			return -1;
		}
		w->down |= !q.probe;
		ac_strv_pushf(&w->out->attempts, "%s", why.msg);
		return 0;
	}
	if (r.status != 200) {
		ac_strv_pushf(&w->out->attempts, "'%s': status %ld", shown,
			      r.status);
		return 0;
	}
	if (read_page(w, &r, &why) < 0) {
		/* No other page would be read either. */
		if (why.code == AC_E_UNSUPPORTED) {
			*err = why;
			return -1;
		}
		ac_strv_pushf(&w->out->attempts, "'%s': %s", shown, why.msg);
		return 0;
	}
	return 1;
}

static int nothing_found(const struct walk *w, struct ac_err *err)
{
	struct ac_buf b = AC_BUF_INIT(600);
	const char *what = w->missing == AC_DISCOVER_IMAGE
				   ? "where its images are"
			   : w->missing == AC_DISCOVER_KEYS
				   ? "where its keys are"
				   : "where its images or keys are";

	for (size_t i = 0; i < w->out->attempts.n; i++)
		ac_buf_addf(&b, "%s%s", i != 0 ? "; " : "",
			    w->out->attempts.v[i]);
	ac_err_set(err, AC_E_NOT_FOUND,
		   "discovery of '%s' did not find %s; tried: %s%s",
		   w->name->name, what, ac_buf_str(&b),
		   b.overflow ? " (and more)" : "");
	ac_buf_release(&b);
	return -1;
}

int ac_discover(struct ac_http *h, const struct ac_ref *name,
		const struct ac_discover_opts *o, struct ac_discovered *out,
		struct ac_err *err)
{
	unsigned int want =
		o->want != 0 ? o->want : AC_DISCOVER_IMAGE | AC_DISCOVER_KEYS;
	struct walk w = {.http = h,
			 .name = name,
			 .opts = o,
			 .missing = want,
			 .out = out};
	AC_FREE char *at = ac_xstrdup(name->name);

	/* It becomes a URL. */
	if (ac_identifier_check(at, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "'%s' cannot be discovered", at);
	for (;;) {
		char *slash = strrchr(at, '/');
		int r = try_page(&w, "https", at, err);

		if (r == 0 && ac_http_allows_http(h))
			r = try_page(&w, "http", at, err);
		if (r < 0)
			return -1;
		if (w.missing == 0 || slash == NULL)
			break;
		*slash = '\0';
	}
	return w.missing == want ? nothing_found(&w, err) : 0;
}
