/* SPDX-License-Identifier: Apache-2.0 */
/* What a web server said about an image, as the store keeps it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/webcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond)
{
	if (!cond)
		abort();
}

/* It goes into the head of a request: one line, not too long. */
static void check_value(const char *s)
{
	if (s == NULL)
		return;
	must(s[0] != '\0' && strlen(s) <= 1024);
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hash[] = "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef";
	AC_CLEANUP(ac_webcache_release) struct ac_webcache c = AC_WEBCACHE_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (ac_webcache_parse((const char *)data, size, hash, &c, &err) < 0) {
		must(err.code != AC_OK && err.msg[0] != '\0');
		return 0;
	}
	must(ac_image_id_ok(c.image, true));
	check_value(c.etag);
	check_value(c.modified);
	/* No clock makes what is of the future fresh, nor a sum overflow. */
	must(!ac_webcache_fresh(&c, INT64_MIN) || c.checked == INT64_MIN);
	(void)ac_webcache_fresh(&c, INT64_MAX);
	must(!ac_webcache_fresh(&c, c.checked) || c.max_age != 0);
	return 0;
}
