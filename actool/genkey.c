/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/genkey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/keyfile.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/cosignkey.h"
#include "common/codec/pkey.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"
#include "common/sys/secret.h"

const struct ac_opt genkey_options[] = {
	AC_OPT_STRING(struct genkey_opts, passphrase_fd, "passphrase-fd", "N",
		      "read the passphrase from this descriptor"),
	AC_OPT_BOOL(struct genkey_opts, overwrite, "overwrite",
		    "replace a key pair that is there already"),
	AC_OPT_END,
};

enum { MAX_TEXT = 64 << 10 };

/* Both texts; what is secret in them is encrypted. */
static int make(struct ac_buf *key, struct ac_buf *pub,
		const struct ac_secret *pass, struct ac_err *err)
{
	AC_PKEY struct ac_pkey *k = ac_pkey_generate(err);

	if (k == NULL)
		return -1;
	if (ac_cosignkey_write(k, pass, key, err) < 0)
		return -1;
	return ac_pkey_write_public(k, pub, err);
}

static int put(struct ac_out *out, const struct ac_buf *b, const char *name,
	       struct ac_err *err)
{
	return ac_io_write(out->fd, ac_buf_str(b), b->len, name, err);
}

static int generate(const char *key_name, const char *pub_name,
		    const struct genkey_opts *o, struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out key_out = AC_OUT_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out pub_out = AC_OUT_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret pass = AC_SECRET_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf key = AC_BUF_INIT(MAX_TEXT);
	AC_CLEANUP(ac_buf_release) struct ac_buf pub = AC_BUF_INIT(MAX_TEXT);

	if (ac_out_open(&key_out, key_name, o->overwrite, err) < 0 ||
	    ac_out_open(&pub_out, pub_name, o->overwrite, err) < 0)
		return -1;
	if (fchmod(key_out.fd, 0600) < 0)
		return ac_err_sys(err, errno, "close '%s' to others", key_name);
	if (ac_secret_option(&pass, o->passphrase_fd, err) < 0 ||
	    keyfile_new_passphrase(&pass, key_name, err) < 0)
		return -1;
	if (pass.len == 0)
		ac_warn("the passphrase is empty: whoever reads '%s' can sign "
			"with it",
			key_name);
	if (make(&key, &pub, &pass, err) < 0 ||
	    put(&key_out, &key, key_name, err) < 0 ||
	    put(&pub_out, &pub, pub_name, err) < 0 ||
	    ac_interrupt_check(err) < 0)
		return -1;
	if (ac_out_commit(&key_out, err) < 0)
		return -1;
	if (ac_out_commit(&pub_out, err) == 0)
		return 0;
	if (!o->overwrite)
		(void)unlinkat(key_out.dirfd, key_out.name, 0);
	return -1;
}

int run_genkey(struct ac_call *c, struct ac_err *err)
{
	const struct genkey_opts *o = c->opts;
	AC_FREE char *key_name = ac_xasprintf("%s.key", c->argv[0]);
	AC_FREE char *pub_name = ac_xasprintf("%s.pub", c->argv[0]);
	AC_FREE char *shown = ac_str_show(c->argv[0]);

	(void)ac_interrupt_catch();
	if (generate(key_name, pub_name, o, err) < 0)
		return -1;
	printf("%s.key: the private key\n%s.pub: the public key\n", shown,
	       shown);
	return 0;
}
