/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/confine.h"

#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/image/acifile.h"
#include "common/store/config.h"
#include "common/store/sig.h"
#include "common/sys/confine.h"

static void add_file(struct ac_confine *c, const char *file, bool *owners)
{
	struct stat st;

	ac_aci_file_expect(file);
	ac_confine_read(c, file);
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		AC_FREE char *sig =
			ac_xasprintf("%s%s", file, ac_sig_methods[k]->suffix);

		ac_confine_read(c, sig);
	}
	/* All attributes of the files in a layout are told. */
	*owners = *owners || (stat(file, &st) == 0 && S_ISDIR(st.st_mode));
}

int confine_files(char *const *files, int n, const char *output, bool owners,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;

	if (ac_config_limits(NULL, NULL, err) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (strcmp(files[i], "-") != 0)
			add_file(&c, files[i], &owners);
	if (output != NULL)
		ac_confine_write_beside(&c, output);
	return ac_confine_enter(&c, owners ? AC_CONFINE_OWNERS : 0, err);
}
