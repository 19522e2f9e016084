/* SPDX-License-Identifier: Apache-2.0 */
#include "run/image.h"

#include <string.h>

#include "common/base/err.h"
#include "common/image/name.h"

int image_check_platform(const struct ac_image *m, struct ac_err *err)
{
	const char *os = ac_pairs_get(&m->labels, "os");
	const char *arch = ac_pairs_get(&m->labels, "arch");

	if (os != NULL && strcmp(os, ac_host_os()) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "bad os \"%s\": image '%s' does not run on "
				  "this host (%s)",
				  os, m->name, ac_host_os());
	if (os != NULL && arch != NULL && strcmp(arch, ac_host_arch()) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "bad arch \"%s\" for linux: image '%s' does "
				  "not run on this host (%s)",
				  arch, m->name, ac_host_arch());
	return 0;
}
