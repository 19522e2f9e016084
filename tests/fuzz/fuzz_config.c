/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the configuration, and those of Docker: what is refused is refused
 * at a place in the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/store/config.h"
#include "fetch/credentials.h"
#include "fetch/dockerauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths are taken as they are there: two values, of one file. */
static int take(void *ctx, const struct ac_config_file *f, struct ac_err *err)
{
	struct ac_config_value *v = ctx;

	return ac_config_take(f, "data", v, err) < 0 ? -1 : 0;
}

static void check(int ret, const struct ac_err *err)
{
	if (ret == 0)
		return;
	if (strncmp(err->msg, "f:", 2) != 0 &&
	    strncmp(err->msg, "'f': ", 5) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size != 0 ? (const char *)data : "";
	struct credentials c = CREDENTIALS_INIT;
	struct credentials d = CREDENTIALS_INIT;
	struct ac_config_value v = {NULL};
	struct ac_err err = AC_ERR_INIT;

	check(ac_config_parse("f", "auth.d", 0, text, size, credentials_read,
			      &c, &err),
	      &err);
	for (size_t i = 0; i < c.n; i++)
		if (c.v[i].host == NULL || c.v[i].host[0] == '\0')
			abort();
	err = AC_ERR_INIT;
	check(ac_config_parse("f", "paths.d", 0, text, size, take, &v, &err),
	      &err);
	err = AC_ERR_INIT;
	check(dockerauth_parse("f", text, size, &d, &err), &err);
	for (size_t i = 0; i < d.n; i++)
		(void)credentials_fit(d.v[i].host, "host", "a/b");
	credentials_release(&c);
	credentials_release(&d);
	ac_config_value_release(&v);
	return 0;
}
