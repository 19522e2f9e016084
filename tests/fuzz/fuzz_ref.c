#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/pod.h"
#include "common/image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The canonical form of a reference is a reference with the same canonical
 * form; what is sanitised is a strict name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_FREE char *text = calloc(1, size + 1);
	AC_FREE char *ident = NULL;
	AC_FREE char *name = NULL;
	struct ac_ref r = AC_REF_INIT;
	struct ac_ref again = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (text == NULL)
		return 0;
	if (size != 0)
		memcpy(text, data, size);
	if (ac_ref_parse(&r, text, &err) == 0 &&
	    (r.kind == AC_REF_DOCKER || r.kind == AC_REF_NAME)) {
		AC_FREE char *one = ac_ref_canonical(&r);
		AC_FREE char *two = NULL;

		/* Labels of a cimd reference may hold what others cannot, and
		 * a name may look like a file's. */
		if (r.kind == AC_REF_DOCKER) {
			if (ac_ref_parse(&again, one, &err) < 0)
				abort();
			two = ac_ref_canonical(&again);
			if (strcmp(one, two) != 0)
				abort();
			ac_ref_release(&again);
		}
		ac_ref_default_platform(&r);
	}
	ac_ref_release(&r);
	ident = ac_identifier_sanitize(text);
	if (ident != NULL &&
	    ac_identifier_check(ident, AC_NAME_STRICT, &err) < 0)
		abort();
	name = ac_name_sanitize(text);
	if (name != NULL && ac_name_check(name, AC_NAME_STRICT, &err) < 0)
		abort();
	(void)!ac_version_check(text, AC_NAME_STRICT, &err);
	ac_json_free(ac_volume_from_string(text, &err));
	return 0;
}
