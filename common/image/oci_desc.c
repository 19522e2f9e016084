/* SPDX-License-Identifier: Apache-2.0 */
/* Content of a descriptor that a registry need not have. */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "common/image/oci.h"

bool ac_oci_is_foreign(const struct ac_oci_desc *d)
{
	return strstr(d->media_type, ".nondistributable.") != NULL ||
	       strstr(d->media_type, ".foreign.") != NULL;
}

int ac_oci_desc_urls(const struct ac_oci_desc *d, struct ac_strv *out,
		     struct ac_err *err)
{
	int ret = ac_field_strings(d->doc, "descriptor", "urls", out, err);

	return ret < 0 ? -1 : 0;
}

int ac_oci_desc_data(const struct ac_oci_desc *d, struct ac_buf *out,
		     struct ac_err *err)
{
	AC_FREE uint8_t *bytes = NULL;
	const char *text = NULL;
	struct ac_digest is;
	size_t len;
	size_t n = 0;
	int ret = ac_field_str(d->doc, "descriptor", "data", &text, err);

	if (ret <= 0)
		return ret;
	len = strlen(text);
	bytes = ac_xmalloc(AC_BASE64_ROOM(len));
	if (ac_base64_decode(text, len, bytes, &n) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the data of a descriptor is not base64");
	ac_digest_of(d->digest.alg, bytes, n, &is);
	if (n != d->size || !ac_digest_equal(&is, &d->digest))
		return ac_err_set(err, AC_E_VERIFY,
				  "the data of a descriptor is not what its "
				  "digest and size say");
	ac_buf_add(out, bytes, n);
	return ac_buf_check(out, "the data of a descriptor", err) < 0 ? -1 : 1;
}
