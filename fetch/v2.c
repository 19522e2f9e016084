/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/v2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "fetch/range.h"

enum { MAX_ANSWER = 64 << 20 };

static const struct header api[] = {
	{"Docker-Distribution-API-Version", "registry/2.0"},
	{NULL, NULL},
};

/* /v2/NAME/VERB/REF, taken apart. */
struct target {
	char *name, *verb, *ref;
};

static void target_release(struct target *t)
{
	free(t->name);
	free(t->verb);
	free(t->ref);
}

bool v2_path(const char *path)
{
	return strcmp(path, "/v2") == 0 || strncmp(path, "/v2/", 4) == 0;
}

/* {"errors":[{"code":CODE,"message":...}]}, with more headers. */
static enum MHD_Result fail_with(const struct request *q, unsigned int status,
				 const char *code, const char *message,
				 const struct header *more)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_ANSWER);
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_json *list = ac_json_array();
	struct ac_json *one = ac_json_object();

	ac_json_set_str(one, "code", code);
	ac_json_set_str(one, "message", message);
	ac_json_push(list, one);
	ac_json_set(doc, "errors", list);
	ac_json_write(doc, 0, false, &text);
	ac_buf_addc(&text, '\n');
	return answer_text(q, status, "application/json", ac_buf_str(&text),
			   text.len, more);
}

static enum MHD_Result fail(const struct request *q, unsigned int status,
			    const char *code, const char *message)
{
	return fail_with(q, status, code, message, api);
}

/* Our own failure: the client is told that, we are told why. */
static enum MHD_Result broken(const struct request *q, const struct ac_err *err)
{
	ac_warn("%s: %s", q->path, err->msg);
	return fail(q, MHD_HTTP_INTERNAL_SERVER_ERROR, "UNKNOWN",
		    "the server could not read its data");
}

/* The part of V that ?n= and ?last= ask for: [from, to). */
static int page(const struct request *q, const struct ac_strv *v, size_t *from,
		size_t *to)
{
	const char *last = request_query(q, "last");
	const char *count = request_query(q, "n");
	uint64_t n = v->n;

	*from = 0;
	if (count != NULL && ac_num_u64(ac_str(count), &n) < 0)
		return -1;
	while (last != NULL && *from < v->n && strcmp(v->v[*from], last) <= 0)
		*from += 1;
	*to = n < v->n - *from ? *from + n : v->n;
	return 0;
}

/* The names in V, a page of them, as MEMBER of DOC. */
static enum MHD_Result answer_list(const struct request *q,
				   const struct ac_strv *v, const char *member,
				   struct ac_json *doc)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_ANSWER);
	AC_FREE char *link = NULL;
	struct ac_json *list = ac_json_array();
	struct header more[] = {api[0], {NULL, NULL}, {NULL, NULL}};
	size_t from;
	size_t to;

	if (page(q, v, &from, &to) < 0) {
		ac_json_free(list);
		return fail(q, MHD_HTTP_BAD_REQUEST,
			    "PAGINATION_NUMBER_INVALID", "n is not a number");
	}
	for (size_t i = from; i < to; i++)
		ac_json_push_str(list, v->v[i]);
	ac_json_set(doc, member, list);
	ac_json_write(doc, 0, false, &text);
	ac_buf_addc(&text, '\n');
	/* With n=0 there is no last one to go on from. */
	if (to < v->n && to > from) {
		link = ac_xasprintf("<%s?n=%zu&last=%s>; rel=\"next\"", q->path,
				    to - from, v->v[to - 1]);
		more[1] = (struct header){"Link", link};
	}
	return answer_text(q, MHD_HTTP_OK, "application/json",
			   ac_buf_str(&text), text.len, more);
}

static enum MHD_Result catalog(struct repos *repos, const struct request *q)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_err err = AC_ERR_INIT;

	if (repos_list(repos, &names, &err) < 0)
		return broken(q, &err);
	return answer_list(q, &names, "repositories", doc);
}

static enum MHD_Result tags(struct repos *repos, const struct request *q,
			    const struct target *t)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv list = AC_STRV_INIT;
	AC_JSON struct ac_json *doc = ac_json_object();
	struct ac_err err = AC_ERR_INIT;
	int r = repos_tags(repos, t->name, &list, &err);

	if (r < 0)
		return broken(q, &err);
	if (r == 0)
		return fail(q, MHD_HTTP_NOT_FOUND, "NAME_UNKNOWN",
			    "no such repository here");
	ac_json_set_str(doc, "name", t->name);
	return answer_list(q, &list, "tags", doc);
}

static enum MHD_Result manifest(struct repos *repos, const struct request *q,
				const struct target *t)
{
	AC_CLEANUP(repo_manifest_release)
	struct repo_manifest m = REPO_MANIFEST_INIT;
	const char *have = request_header(q, MHD_HTTP_HEADER_IF_NONE_MATCH);
	struct ac_err err = AC_ERR_INIT;
	char digest[AC_DIGEST_TEXT];
	char etag[AC_DIGEST_TEXT + 2];
	const struct header more[] = {api[0],
				      {"Docker-Content-Digest", digest},
				      {MHD_HTTP_HEADER_ETAG, etag},
				      {NULL, NULL}};
	int r;

	if (!tag_ok(t->ref) &&
	    ac_digest_parse(&m.digest, t->ref, ':', &err) < 0)
		return fail(q, MHD_HTTP_NOT_FOUND, "MANIFEST_UNKNOWN",
			    "neither a tag nor a digest that is known here");
	err = AC_ERR_INIT;
	r = repos_manifest(repos, t->name, t->ref, &m, &err);
	if (r < 0)
		return broken(q, &err);
	if (r == 0)
		return fail(q, MHD_HTTP_NOT_FOUND, "MANIFEST_UNKNOWN",
			    "no such manifest in this repository");
	ac_digest_print(&m.digest, ':', digest);
	(void)snprintf(etag, sizeof(etag), "\"%s\"", digest);
	if (have != NULL && etag_listed(have, etag))
		return answer_text(q, MHD_HTTP_NOT_MODIFIED, NULL, "", 0, more);
	return answer_text(q, MHD_HTTP_OK, m.type, ac_buf_str(&m.text),
			   m.text.len, more);
}

static enum MHD_Result blob(struct repos *repos, const struct request *q,
			    const struct target *t)
{
	char etag[AC_DIGEST_TEXT + 2];
	const struct header more[] = {api[0],
				      {"Docker-Content-Digest", t->ref},
				      {NULL, NULL}};
	struct file f = {.type = "application/octet-stream",
			 .etag = etag,
			 .more = more};
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest d;
	int r;

	if (ac_digest_parse(&d, t->ref, ':', &err) < 0)
		return fail(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID",
			    "not a digest: sha256: or sha512: and lower-case "
			    "hex digits");
	r = repos_blob(repos, t->name, &d, &f.fd, &f.size, &err);
	if (r < 0)
		return broken(q, &err);
	if (r == 0)
		return fail(q, MHD_HTTP_NOT_FOUND, "BLOB_UNKNOWN",
			    "no such blob in this repository");
	(void)snprintf(etag, sizeof(etag), "\"%s\"", t->ref);
	return answer_file(q, &f);
}

/* Take "NAME/VERB/REF" apart at its last two slashes: NAME may have any. */
static bool split(struct target *t, const char *s)
{
	const char *ref = strrchr(s, '/');
	const char *verb = ref;

	if (ref == NULL)
		return false;
	while (verb != s && verb[-1] != '/')
		verb--;
	if (verb == s)
		return false;
	*t = (struct target){
		.name = ac_xstrndup(s, (size_t)(verb - 1 - s)),
		.verb = ac_xstrndup(verb, (size_t)(ref - verb)),
		.ref = ac_xstrdup(ref + 1),
	};
	return true;
}

static enum MHD_Result not_found(const struct request *q)
{
	return fail(q, MHD_HTTP_NOT_FOUND, "UNSUPPORTED",
		    "nothing of that kind here");
}

enum MHD_Result v2_answer(struct repos *repos, const struct request *q)
{
	static const struct header allow[] = {
		{"Docker-Distribution-API-Version", "registry/2.0"},
		{"Allow", "GET, HEAD"},
		{NULL, NULL}};
	AC_CLEANUP(target_release) struct target t = {.name = NULL};
	const char *rest = q->path + strlen("/v2");

	if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
		return fail_with(q, MHD_HTTP_METHOD_NOT_ALLOWED, "UNSUPPORTED",
				 "this registry is read-only", allow);
	rest += *rest == '/';
	if (*rest == '\0')
		return answer_text(q, MHD_HTTP_OK, "application/json", "{}\n",
				   3, api);
	if (strcmp(rest, "_catalog") == 0)
		return catalog(repos, q);
	if (!split(&t, rest))
		return not_found(q);
	if (!repo_name_ok(t.name))
		return fail(q, MHD_HTTP_NOT_FOUND, "NAME_INVALID",
			    "not the name of a repository");
	if (strcmp(t.verb, "tags") == 0 && strcmp(t.ref, "list") == 0)
		return tags(repos, q, &t);
	if (strcmp(t.verb, "manifests") == 0)
		return manifest(repos, q, &t);
	if (strcmp(t.verb, "blobs") == 0)
		return blob(repos, q, &t);
	return not_found(q);
}
