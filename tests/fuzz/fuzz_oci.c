#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void config(const char *text, size_t len)
{
	static const struct ac_oci_source src = {.name = "fuzz", .tag = "1"};
	struct ac_err err = AC_ERR_INIT;
	struct ac_oci_config c;
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_json *doc;

	if (ac_oci_config_parse(&c, text, len, 0, &err) < 0)
		return;
	doc = ac_oci_to_appc(&c, &src, &err);
	ac_oci_config_release(&c);
	if (doc == NULL)
		return;
	/* What we make of anything is a valid manifest, and goes back. */
	if (ac_image_load(&m, doc, NULL, &err) < 0)
		abort();
	ac_json_free(ac_oci_from_appc(m.doc, NULL, 0, &err));
	ac_image_release(&m);
}

static void descriptors(const struct ac_oci_desc *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
		AC_CLEANUP(ac_strv_release) struct ac_strv s = AC_STRV_INIT;
		struct ac_err err = AC_ERR_INIT;

		if (ac_oci_desc_data(&v[i], &b, &err) == 1 &&
		    b.len != v[i].size)
			abort();
		(void)!ac_oci_desc_urls(&v[i], &s, &err);
		(void)ac_oci_is_foreign(&v[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct ac_err err = AC_ERR_INIT;
	struct ac_oci_index x;
	struct ac_oci_manifest m;

	if (ac_oci_index_parse(&x, text, size, &err) == 0) {
		if (ac_oci_pick(&x, "linux", "arm", "v7", &err) == NULL &&
		    err.code != AC_E_NOT_FOUND)
			abort();
		descriptors(x.v, x.n);
		ac_oci_index_release(&x);
	}
	if (ac_oci_manifest_parse(&m, text, size, &err) == 0) {
		descriptors(&m.config, 1);
		descriptors(m.layers, m.n_layers);
		ac_oci_manifest_release(&m);
	}
	config(text, size);
	return 0;
}
