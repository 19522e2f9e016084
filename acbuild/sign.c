/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/spawn.h"

enum { HIGH_FD = 10 }; /* above what a child's is to be */

char *sign_name(const char *file, const struct sign_how *how,
		struct ac_err *err)
{
	if (!ac_str_ends(ac_str(file), ".aci")) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s': the name of an image that is signed "
				 "ends in .aci",
				 file);
		return NULL;
	}
	return ac_xasprintf("%s%s", file,
			    how->key != NULL ? ".sigstore.json" : ".asc");
}

int sign_fd(int fd, const struct sign_how *how, struct ac_buf *out,
	    struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	struct ac_spawn_fd map = {.to = STDERR_FILENO + 1};
	AC_CLOSE int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	int code;

	if (high < 0)
		return ac_err_sys(err, errno, "duplicate a descriptor");
	map.from = high;
	ac_strv_take(&argv, ac_spawn_sibling("actool"));
	ac_strv_push(&argv, "sign");
	ac_strv_push(&argv, "--output=-");
	if (how->key != NULL)
		ac_strv_pushf(&argv, "--key=%s", how->key);
	for (size_t i = 0; i < how->local_users->n; i++)
		ac_strv_pushf(&argv, "--local-user=%s", how->local_users->v[i]);
	ac_strv_pushf(&argv, "/proc/self/fd/%d", map.to);
	code = ac_spawn_output_with(argv.v, &map, 1, out, err);
	if (code < 0)
		return -1;
	if (code != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the image was not signed: actool ended with "
				  "status %d",
				  code);
	return ac_buf_check(out, "the signature", err);
}
