/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/crypt.h"

#include <errno.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/pgpcrypt.h"
#include "common/codec/zip.h"
#include "common/image/acifile.h"
#include "common/image/acipatch.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/out.h"

enum { PART = 256 << 10, BLOCK = 512 };

const struct ac_opt crypt_options[] = {
	AC_OPT_STRING(struct crypt_opts, passphrase_fd, "passphrase-fd", "N",
		      "read the passphrase from this descriptor"),
	AC_OPT_STRING(struct crypt_opts, homedir, "homedir", "DIR",
		      "GnuPG's directory, whose agent is asked otherwise"),
	AC_OPT_BOOL(struct crypt_opts, overwrite, "overwrite",
		    "replace OUT.aci when it is there already"),
	AC_OPT_BOOL(struct crypt_opts, replace, "replace",
		    "replace FILE.aci, keeping its mode and owner"),
	AC_OPT_END,
};

/* From where to where. */
struct job {
	const struct crypt_opts *o;
	const char *from, *to; /* the same with --replace */
	struct ac_out out;
	struct ac_pgp_encrypt *encrypt; /* NULL: decrypting */
};

static void job_release(struct job *j)
{
	ac_pgp_encrypt_free(j->encrypt);
	ac_out_release(&j->out);
}

static int job_init(struct job *j, const struct ac_call *c, struct ac_err *err)
{
	const struct crypt_opts *o = c->opts;

	*j = (struct job){.o = o, .from = c->argv[0], .out = AC_OUT_INIT};
	if (o->replace ? c->argc != 1 : c->argc != 2)
		return ac_err_set(err, AC_E_USAGE,
				  "give either FILE.aci and OUT.aci, or "
				  "--replace and FILE.aci");
	j->to = c->argv[c->argc - 1];
	if (!ac_str_ends(ac_str(j->to), ".aci"))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': the name of an image ends in .aci, "
				  "encrypted or not",
				  j->to);
	(void)ac_interrupt_catch();
	return 0;
}

static int to_out(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	const struct job *j = ctx;

	return ac_io_write(j->out.fd, p, n, j->to, err);
}

static int open_out(struct job *j, struct ac_err *err)
{
	return j->o->replace
		       ? ac_out_replace(&j->out, j->to, err)
		       : ac_out_open(&j->out, j->to, j->o->overwrite, err);
}

/* Does an image begin so? */
static int check_begin(const char *p, size_t n, const char *file,
		       struct ac_err *err)
{
	enum ac_zip zip = ac_zip_detect(p, n);

	if (zip != AC_ZIP_NONE ||
	    (n == BLOCK && memcmp(p + 257, "ustar", 5) == 0))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' has no image in it: neither a tar nor one "
			  "compressed by gzip, bzip2 or xz",
			  file);
}

static int pass(struct job *j, const char *p, size_t n, struct ac_err *err)
{
	if (ac_interrupt_check(err) < 0)
		return -1;
	return j->encrypt != NULL ? ac_pgp_encrypt_feed(j->encrypt, p, n, err)
				  : to_out(j, p, n, err);
}

static int copy(struct job *j, struct ac_aci_file *f, struct ac_err *err)
{
	AC_FREE char *buf = ac_xmalloc(PART);
	int fd = ac_aci_file_fd(f);
	ssize_t n = ac_io_read(fd, buf, BLOCK, j->from, err);

	if (n < 0 || check_begin(buf, (size_t)n, j->from, err) < 0)
		return -1;
	while (n > 0) {
		if (pass(j, buf, (size_t)n, err) < 0)
			return -1;
		n = ac_io_read(fd, buf, PART, j->from, err);
	}
	return n < 0 ? -1 : 0;
}

static int publish(struct job *j, struct ac_err *err)
{
	if (ac_interrupt_check(err) < 0 || ac_out_commit(&j->out, err) < 0)
		return -1;
	ac_aci_patch_warn(j->to);
	return 0;
}

int run_encrypt(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLEANUP(job_release) struct job j;

	if (job_init(&j, c, err) < 0 ||
	    ac_secret_option(&secret, j.o->passphrase_fd, err) < 0)
		return -1;
	secret.homedir = j.o->homedir;
	f = ac_aci_file_open(j.from, NULL, err);
	if (f == NULL || open_out(&j, err) < 0)
		return -1;
	j.encrypt = ac_pgp_encrypt_new(&secret, j.from, to_out, &j, err);
	if (j.encrypt == NULL || copy(&j, f, err) < 0 ||
	    ac_aci_file_end(f, err) < 0 ||
	    ac_pgp_encrypt_finish(j.encrypt, err) < 0)
		return -1;
	return publish(&j, err);
}

int run_decrypt(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLEANUP(job_release) struct job j;
	int rc;

	if (job_init(&j, c, err) < 0 ||
	    ac_secret_option(&secret, j.o->passphrase_fd, err) < 0)
		return -1;
	secret.homedir = j.o->homedir;
	f = ac_aci_file_open(j.from, &secret, err);
	if (f == NULL)
		return -1;
	if (!ac_aci_file_encrypted(f))
		return ac_err_set(err, AC_E_INVALID, "'%s' is not encrypted",
				  j.from);
	if (open_out(&j, err) < 0)
		return -1;
	rc = copy(&j, f, err);
	if (rc < 0 && err->code != AC_E_INVALID)
		return -1;
	/* Also when what came out is no image: it may be damaged. */
	if (ac_aci_file_end(f, err) < 0 || rc < 0)
		return -1;
	return publish(&j, err);
}
