/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "actool/sign.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/pgp.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"

const struct ac_opt sign_options[] = {
	AC_OPT_STRING(struct sign_opts, local_user, "local-user", "KEY",
		      "sign with this key (fingerprint, id or mail address)"),
	AC_OPT_STRING(struct sign_opts, homedir, "homedir", "DIR",
		      "GnuPG's directory with the secret keys"),
	AC_OPT_STRING(struct sign_opts, passphrase_fd, "passphrase-fd", "N",
		      "read the passphrase from this descriptor"),
	AC_OPT_BOOL(struct sign_opts, overwrite, "overwrite",
		    "replace a signature that is there already"),
	AC_OPT_END,
};

static int sign_file(const char *file, const struct sign_opts *o,
		     const struct ac_pgp_signer *s, struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_FREE char *target = ac_xasprintf("%s.asc", file);
	AC_CLOSE int fd = -1;
	AC_FREE char *text = NULL;
	size_t len;

	if (!ac_str_ends(ac_str(file), ".aci"))
		return ac_err_set(err, AC_E_INVALID,
				  "the name of an image ends in .aci, that of "
				  "its signature in .aci.asc");
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return ac_err_sys(err, errno, "open");
	if (ac_out_open(&out, target, o->overwrite, err) < 0 ||
	    ac_pgp_sign(s, fd, file, &text, &len, err) < 0 ||
	    ac_io_write(out.fd, text, len, target, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

int run_sign(struct ac_call *c, struct ac_err *err)
{
	const struct sign_opts *o = c->opts;
	struct ac_pgp_signer s = {.homedir = o->homedir,
				  .local_user = o->local_user,
				  .passphrase_fd = -1};
	uint64_t fd;
	int code = 0;

	if (o->passphrase_fd != NULL) {
		if (ac_num_max(ac_str(o->passphrase_fd), 1 << 20, &fd) < 0 ||
		    fcntl((int)fd, F_GETFD) < 0)
			return ac_err_set(err, AC_E_USAGE,
					  "bad value '%s' for option "
					  "--passphrase-fd: no open descriptor",
					  o->passphrase_fd);
		s.passphrase_fd = (int)fd;
	}
	(void)ac_interrupt_catch();
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (ac_interrupt_check(err) < 0)
			return -1;
		if (sign_file(c->argv[i], o, &s, &one) < 0)
			code = tell_file(c->argv[i], &one);
	}
	return code;
}
