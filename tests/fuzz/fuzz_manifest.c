#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Image and pod manifests.  What was read and written must read the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf a = AC_BUF_INIT(64 << 20);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 20);
	struct ac_findings f = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_pod p = AC_POD_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (ac_image_parse(&m, (const char *)data, size, &f, &err) == 0) {
		ac_image_write(m.doc, &a);
		ac_image_release(&m);
		if (ac_image_parse(&m, a.p, a.len, NULL, &err) < 0)
			abort();
		ac_image_write(m.doc, &b);
		if (strcmp(a.p, b.p) != 0)
			abort();
	} else if (err.code == AC_OK || err.msg[0] == '\0') {
		abort();
	}
	ac_image_release(&m);
	ac_findings_release(&f);
	if (ac_pod_parse(&p, (const char *)data, size, &f, &err) == 0)
		ac_pod_release(&p);
	ac_findings_release(&f);
	return 0;
}
