/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_SIGN_H
#define ACTOOL_SIGN_H

/* sign: signatures beside images. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct ac_secret;
struct ac_sig_file;

struct sign_opts {
	bool overwrite;
	bool append;
	const char *output;
	const char *key;    /* a private key file: not by GnuPG */
	const char *type;   /* with it: sigstore, bare, raw */
	const char *digest; /* with it: instead of the usual one */
	const char *homedir;
	struct ac_strv local_users;
	const char *passphrase_fd;
};
extern const struct ac_opt sign_options[];

int run_sign(struct ac_call *c, struct ac_err *err);

/* What signatures are made with; sign.c has the files: it opens the image, sees
 * that it does not change meanwhile, and writes the result beside it. */
struct sig_maker {
	const char *suffix; /* ".asc": of the file beside the image */
	void *ctx;          /* the keys, a passphrase, ... */
	/* Sign F, for a file of its own or, when OLD is not NULL, to be added
	 * to the signatures in OLD.  *text is the caller's to free. */
	int (*make)(void *ctx, const struct ac_sig_file *f, const char *old,
		    size_t old_len, char **text, size_t *len,
		    struct ac_err *err);
	void (*free)(void *ctx);
};

/* SECRET, the passphrase that was given, is borrowed until M is freed. */
AC_MUSTUSE int sig_openpgp_maker(struct sig_maker *m, const struct sign_opts *o,
				 const struct ac_secret *secret,
				 struct ac_err *err);
/* By the private key file that O names. */
AC_MUSTUSE int sig_key_maker(struct sig_maker *m, const struct sign_opts *o,
			     const struct ac_secret *secret,
			     struct ac_err *err);

#endif
