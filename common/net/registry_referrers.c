/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/registry_referrers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/registry_priv.h"

enum { MAX_INDEX = 4 << 20, MAX_QUERY = 2048 };

/* By the tag that stands for the digest where there is no such API. */
static int by_tag(struct ac_registry *r, const struct ac_digest *of,
		  struct ac_buf *out, struct ac_err *err)
{
	char tag[AC_DIGEST_TEXT];
	struct ac_digest ignored;

	ac_digest_print(of, '-', tag);
	if (ac_registry_manifest(r, tag, out, &ignored, err) == 0)
		return 1;
	if (err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

/* What stands behind the "?" of the next page's URL, or NULL: where the pages
 * are, is known, and no answer sends us to another place.  Caller frees. */
static char *next_query(const struct ac_http_response *a)
{
	const char *link = ac_http_header(a, "link");
	struct ac_str rest = ac_str(link);
	struct ac_str before;
	struct ac_str params;
	struct ac_str url;

	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '<', &before);
		if (!ac_str_cut(&rest, '>', &url))
			return NULL;
		(void)ac_str_cut(&rest, ',', &params);
		if (memmem(params.p, params.len, "rel=\"next\"", 10) == NULL &&
		    memmem(params.p, params.len, "rel=next", 8) == NULL)
			continue;
		if (!ac_str_cut(&url, '?', &before) || url.len == 0 ||
		    url.len > MAX_QUERY || !ac_str_plain(url) ||
		    memchr(url.p, ' ', url.len) != NULL ||
		    memchr(url.p, '#', url.len) != NULL)
			return NULL;
		return ac_xstrndup(url.p, url.len);
	}
	return NULL;
}

/* Is it what the API answers, and not a page that stands for all there is? */
static bool is_index(const struct ac_http_response *a)
{
	const char *type = ac_http_header(a, "content-type");

	return a->status == 200 && ac_str_starts(ac_str(type), AC_OCI_INDEX);
}

int ac_registry_referrers(struct ac_registry *r, const struct ac_digest *of,
			  char **page, struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv accept = AC_STRV_INIT;
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.max_body = MAX_INDEX};
	AC_FREE char *query = ac_steal_ptr(page);
	AC_FREE char *path = NULL;
	char digest[AC_DIGEST_TEXT];

	ac_digest_print(of, ':', digest);
	path = ac_xasprintf("referrers/%s%s%s", digest,
			    query != NULL ? "?" : "",
			    query != NULL ? query : "");
	ac_strv_push(&accept, "Accept: " AC_OCI_INDEX);
	if (ac_registry_ask(r, path, &accept, &q, NULL, &a, err) < 0)
		return -1;
	/* Whatever else it answers, it does not know the question. */
	if (!is_index(&a))
		return query != NULL ? 0 : by_tag(r, of, out, err);
	*page = next_query(&a);
	ac_buf_reset(out);
	ac_buf_add(out, ac_buf_str(&a.body), a.body.len);
	return ac_buf_check(out, path, err) < 0 ? -1 : 1;
}
