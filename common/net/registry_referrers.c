/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/registry_referrers.h"

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/registry_priv.h"

enum { MAX_INDEX = 4 << 20 };

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

int ac_registry_referrers(struct ac_registry *r, const struct ac_digest *of,
			  struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv accept = AC_STRV_INIT;
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.max_body = MAX_INDEX};
	AC_FREE char *path = NULL;
	char digest[AC_DIGEST_TEXT];

	ac_digest_print(of, ':', digest);
	path = ac_xasprintf("referrers/%s", digest);
	ac_strv_push(&accept, "Accept: " AC_OCI_INDEX);
	if (ac_registry_ask(r, path, &accept, &q, NULL, &a, err) < 0)
		return -1;
	/* Whatever else it answers, it does not know the question. */
	if (a.status != 200)
		return by_tag(r, of, out, err);
	ac_buf_reset(out);
	ac_buf_add(out, ac_buf_str(&a.body), a.body.len);
	return ac_buf_check(out, path, err) < 0 ? -1 : 1;
}
