/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/confine.h"

#include "common/base/own.h"
#include "common/image/acifile.h"
#include "common/store/store.h"
#include "common/sys/confine.h"

int confine(const char *input, const char *output, const char *dir,
	    struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv more = AC_STRV_INIT;
	AC_FREE char *store = NULL;

	if (ac_store_path(dir, NULL, &store, err) < 0)
		return -1;
	ac_store_more(&more);
	for (size_t i = 0; i < more.n; i++)
		ac_confine_read(&c, more.v[i]);
	ac_aci_file_expect(input);
	ac_confine_read(&c, input);
	ac_confine_read(&c, store);
	ac_confine_write_beside(&c, output);
	return ac_confine_enter(&c, AC_CONFINE_TMP, err);
}
