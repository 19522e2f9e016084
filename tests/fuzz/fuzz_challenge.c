/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate, Content-Range, Cache-Control and Retry-After: what headers
 * of a server hold. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/net/challenge.h"
#include "common/net/http.h"
#include "common/net/xfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_xstrndup(size != 0 ? (const char *)data : "", size);
	struct ac_challenges c = AC_CHALLENGES_INIT;
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;

	ac_challenges_add(&c, text);
	if (c.n > 16)
		abort();
	for (size_t i = 0; i < c.n; i++)
		if (c.v[i].scheme[0] == '\0')
			abort();
	ac_challenges_release(&c);
	if (ac_xfer_content_range(text, &first, &last, &total) &&
	    (first > last || (total != 0 && total <= last)))
		abort();
	ac_strv_pushf(&r.headers, "cache-control: %s", text);
	ac_strv_pushf(&r.headers, "retry-after: %s", text);
	if (ac_http_max_age(&r) > 1U << 31)
		abort();
	(void)ac_http_retry_after(&r);
	ac_http_response_release(&r);
	free(text);
	return 0;
}
