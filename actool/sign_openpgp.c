/* SPDX-License-Identifier: Apache-2.0 */
/* sign: by GnuPG's keys. */
#include "actool/sign.h"
#include "common/codec/pgp.h"
#include "common/store/sig.h"

static int make(void *ctx, const struct ac_sig_file *f, const char *old,
		size_t old_len, char **text, size_t *len, struct ac_err *err)
{
	return ac_pgp_sign(ctx, f->fd, f->name, old, old_len, text, len, err);
}

static void free_signer(void *ctx)
{
	ac_pgp_signer_free(ctx);
}

int sig_openpgp_maker(struct sig_maker *m, const struct sign_opts *o,
		      const struct ac_secret *secret, struct ac_err *err)
{
	struct ac_pgp_signer_opts so = {.homedir = o->homedir,
					.users = &o->local_users,
					.secret = secret};

	*m = (struct sig_maker){
		.suffix = ".asc",
		.ctx = ac_pgp_signer_new(&so, err),
		.make = make,
		.free = free_signer,
	};
	return m->ctx != NULL ? 0 : -1;
}
