/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a discovery, and what its tags say. */
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/net/discover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_pair labels[] = {{"version", "1.0"}, {"os", "linux"}};
	char name[] = "example.com/app";
	struct ac_ref ref = {.kind = AC_REF_NAME,
			     .name = name,
			     .labels = {.v = labels, .n = AC_LEN(labels)}};
	struct ac_strv e = AC_STRV_INIT;
	struct ac_strv k = AC_STRV_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (ac_discover_parse((const char *)data, size, &e, &k, &err) == 0) {
		for (size_t i = 0; i < e.n; i++) {
			struct ac_str url;
			char *s;

			if (!ac_discover_match(e.v[i], name, &url))
				continue;
			s = ac_discover_render(url, &ref, "aci");
			if (s != NULL && strlen(s) == 0)
				abort();
			free(s);
		}
	} else if (err.code == AC_E_UNSUPPORTED) {
		abort(); /* nothing would be tested */
	}
	ac_strv_release(&e);
	ac_strv_release(&k);
	return 0;
}
