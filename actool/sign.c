/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/store/sig.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"
#include "common/sys/secret.h"
#include "common/sys/stamp.h"

const struct ac_opt sign_options[] = {
	AC_OPT_LIST(struct sign_opts, local_users, "local-user", "KEY",
		    "sign with this key (fingerprint, id or mail address; "
		    "repeat)"),
	AC_OPT_STRING(struct sign_opts, homedir, "homedir", "DIR",
		      "GnuPG's directory with the secret keys"),
	AC_OPT_STRING(struct sign_opts, key, "key", "FILE",
		      "sign with the private key in FILE (PEM), not by GnuPG"),
	AC_OPT_CHOICE(struct sign_opts, type, "type", "TYPE",
		      "sigstore bare raw",
		      "with --key: a bundle (the default), the signature in "
		      "base64, or as it is"),
	AC_OPT_CHOICE(struct sign_opts, digest, "digest", "ALG",
		      "sha256 sha384 sha512",
		      "with --key: this one and not the key's usual"),
	AC_OPT_STRING(struct sign_opts, passphrase_fd, "passphrase-fd", "N",
		      "read the passphrase from this descriptor"),
	AC_OPT_BOOL(struct sign_opts, append, "append",
		    "add to the signatures that are there already"),
	AC_OPT_BOOL(struct sign_opts, overwrite, "overwrite",
		    "replace a signature that is there already"),
	AC_OPT_STRING(struct sign_opts, output, "output", "FILE",
		      "write the signature to FILE ('-': standard output)"),
	AC_OPT_STRING(struct sign_opts, output, "bundle", "FILE",
		      "the same, as cosign calls it for a Sigstore bundle"),
	AC_OPT_END,
};

enum { MAX_OLD = 1 << 20 };

static bool is_stdio(const char *name)
{
	return strcmp(name, "-") == 0;
}

/* The name of the signature of FILE.  Caller frees. */
static char *target_of(const char *file, const struct sign_opts *o,
		       const struct sig_maker *m, struct ac_err *err)
{
	if (o->output != NULL)
		return ac_xstrdup(o->output);
	if (!ac_str_ends(ac_str(file), ".aci")) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "the name of an image ends in .aci, that of "
				 "its signature in .aci%s; another name is "
				 "given by --output",
				 m->suffix);
		return NULL;
	}
	return ac_xasprintf("%s%s", file, m->suffix);
}

/* The signatures in the file TARGET, if there is one: 1, 0. */
static int read_old(const char *target, struct ac_buf *old, struct ac_err *err)
{
	if (ac_io_read_regular(AT_FDCWD, target, old, err) == 0)
		return 1;
	if (err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

/* Sign F: the signature is of what F was and still is. */
static int make(const struct sig_maker *m, const struct ac_sig_file *f,
		const struct ac_buf *old, char **text, size_t *len,
		struct ac_err *err)
{
	struct ac_stamp stamp;

	if (ac_stamp_take(&stamp, f->fd, f->name, err) < 0)
		return -1;
	if (!S_ISREG(stamp.st.st_mode))
		return ac_err_set(err, AC_E_INVALID, "not a regular file");
	if (m->make(m->ctx, f, old != NULL ? ac_buf_str(old) : NULL,
		    old != NULL ? old->len : 0, text, len, err) < 0 ||
	    ac_stamp_check(&stamp, f->fd, f->name, err) < 0)
		return -1;
	return is_stdio(f->name) ? 0 : ac_stamp_named(&stamp, f->name, err);
}

static int sign_file(const char *file, const struct sign_opts *o,
		     const struct sig_maker *m, struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf old = AC_BUF_INIT(MAX_OLD);
	AC_FREE char *target = target_of(file, o, m, err);
	AC_CLOSE int fd = -1;
	AC_FREE char *text = NULL;
	struct ac_sig_file f = {.name = file};
	int have = 0;
	size_t len = 0;

	if (target == NULL)
		return -1;
	fd = is_stdio(file)
		     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		     : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return ac_err_sys(err, errno, "open");
	f.fd = fd;
	if (is_stdio(target)) {
		if (make(m, &f, NULL, &text, &len, err) < 0)
			return -1;
		return ac_io_write(STDOUT_FILENO, text, len, "standard output",
				   err);
	}
	if (o->append)
		have = read_old(target, &old, err);
	if (have < 0 ||
	    ac_out_open(&out, target, o->overwrite || have > 0, err) < 0 ||
	    make(m, &f, have > 0 ? &old : NULL, &text, &len, err) < 0 ||
	    ac_io_write(out.fd, text, len, target, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

static int check_opts(const struct ac_call *c, struct ac_err *err)
{
	const struct sign_opts *o = c->opts;

	if (o->key == NULL && (o->type != NULL || o->digest != NULL))
		return ac_err_set(err, AC_E_USAGE,
				  "--type and --digest go with --key");
	if (o->key != NULL && (o->local_users.n != 0 || o->homedir != NULL))
		return ac_err_set(err, AC_E_USAGE,
				  "--local-user and --homedir are for OpenPGP, "
				  "and do not go with --key");
	if (o->append && o->type != NULL && strcmp(o->type, "sigstore") != 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--append: a file has one bare signature");
	if (o->append && o->overwrite)
		return ac_err_set(err, AC_E_USAGE,
				  "--append and --overwrite exclude each "
				  "other");
	if (o->output == NULL) {
		for (int i = 0; i < c->argc; i++)
			if (is_stdio(c->argv[i]))
				return ac_err_set(err, AC_E_USAGE,
						  "a signature of standard "
						  "input needs --output");
		return 0;
	}
	if (c->argc != 1)
		return ac_err_set(err, AC_E_USAGE,
				  "--output goes with one file");
	if (is_stdio(o->output) && o->append)
		return ac_err_set(err, AC_E_USAGE,
				  "--append needs a file to add to");
	return 0;
}

int run_sign(struct ac_call *c, struct ac_err *err)
{
	const struct sign_opts *o = c->opts;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	struct sig_maker m;
	int code = 0;

	if (check_opts(c, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	if ((o->key != NULL ? sig_key_maker(&m, o, &secret, err)
			    : sig_openpgp_maker(&m, o, &secret, err)) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (sign_file(c->argv[i], o, &m, &one) < 0)
			code = tell_file(c->argv[i], &one);
		if (ac_interrupt_check(err) < 0) {
			code = -1;
			break;
		}
	}
	m.free(m.ctx);
	return code;
}
