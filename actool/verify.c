/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actool/sig.h"
#include "actool/subject.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/store/keystore.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/stamp.h"

const struct ac_opt verify_options[] = {
	AC_OPT_LIST(struct verify_opts, keys, "key", "FILE",
		    "accept signatures of the public keys in FILE (repeat)"),
	AC_OPT_LIST(struct verify_opts, keyrings, "keyring", "FILE",
		    "and of those in this GnuPG keyring (repeat)"),
	AC_OPT_BOOL(struct verify_opts, trusted, "trusted",
		    "and of those that acfetch trusts for the image's name "
		    "(the default)"),
	AC_OPT_STRING(struct verify_opts, system_config, "system-config", "DIR",
		      "where acfetch's trusted keys of the system are"),
	AC_OPT_STRING(struct verify_opts, local_config, "local-config", "DIR",
		      "those of this machine"),
	AC_OPT_STRING(struct verify_opts, user_config, "user-config", "DIR",
		      "those of the user"),
	AC_OPT_UINT(struct verify_opts, require, "require", "N",
		    "good signatures by N different keys (default: 1)"),
	AC_OPT_LIST(struct verify_opts, signatures, "signature", "FILE",
		    "the signature, when it is not beside the image (repeat)"),
	AC_OPT_LIST(struct verify_opts, signatures, "bundle", "FILE",
		    "the same, as cosign calls it for a Sigstore bundle"),
	AC_OPT_PASSPHRASE(struct verify_opts, passphrase_fd),
	AC_OPT_BOOL(struct verify_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};

/* Every kind of signature there is.  A kind whose files are told from others
 * only by being nothing else comes last. */
static const struct sig_method *const methods[] = {
	&sig_openpgp,
	&sig_sigstore,
	&sig_bare,
};

enum { MAX_KEYS = 16 << 20, MAX_SIGNATURE = 16 << 20, MAX_REQUIRE = 1000 };

/* One call of the command. */
struct run {
	const struct verify_opts *o;
	void *keys[AC_LEN(methods)]; /* of each method; NULL: none */
	bool trusted;                /* use the keystore */
	struct ac_keystore keystore;
	struct ac_secret secret; /* of encrypted images */
};

static int add_keys(struct run *r, const struct ac_strv *files,
		    struct ac_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(MAX_KEYS);
		const char *file = files->v[i];
		size_t taken = 0;

		if (ac_io_read_file(AT_FDCWD, file, &b, err) < 0)
			return -1;
		for (size_t m = 0; m < AC_LEN(methods); m++) {
			const char *text = ac_buf_str(&b);

			if (!methods[m]->is_key(text, b.len))
				continue;
			if (methods[m]->add_key(&r->keys[m], text, b.len, file,
						err) < 0)
				return ac_err_ctx(err, "keys in '%s'", file);
			taken++;
		}
		if (taken == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "keys in '%s': no public key of a "
					  "known kind",
					  file);
	}
	return 0;
}

/* The signatures of method M in the file NAME: 1, or 0 when there is no such
 * file. */
static int check_beside(struct run *r, size_t m, const struct sig_file *f,
			const char *name, struct sigs *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(methods[m]->max);
	struct ac_err bad = AC_ERR_INIT; /* hides no good one */

	if (ac_io_read_regular(AT_FDCWD, name, &b, &bad) < 0) {
		if (bad.code == AC_E_NOT_FOUND)
			return 0;
		sigs_add(out, (struct sig){.kind = methods[m]->kind,
					   .created = -1,
					   .reason = ac_xstrdup(bad.msg)});
		return 1;
	}
	if (methods[m]->check(r->keys[m], f, ac_buf_str(&b), b.len, name, out,
			      err) < 0)
		return -1;
	return 1;
}

static int check_all_beside(struct run *r, const struct sig_file *f,
			    struct sigs *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf tried = AC_BUF_INIT(1 << 16);
	bool found = false;

	for (size_t m = 0; m < AC_LEN(methods); m++) {
		AC_FREE char *name =
			ac_xasprintf("%s%s", f->name, methods[m]->suffix);
		int n;

		if (r->keys[m] == NULL)
			continue;
		n = check_beside(r, m, f, name, out, err);
		if (n < 0)
			return -1;
		found = found || n > 0;
		ac_buf_addf(&tried, "%s'%s'", tried.len != 0 ? " and " : "",
			    name);
	}
	if (found)
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no signature: there is no file %s",
			  ac_buf_str(&tried));
}

/* The kind of the signature file NAME: the first that takes it and has keys,
 * because some kinds cannot be told apart for sure. */
static int kind_of(const struct run *r, const char *name,
		   const struct ac_buf *b, size_t *kind, struct ac_err *err)
{
	size_t without = AC_LEN(methods);

	for (size_t m = 0; m < AC_LEN(methods); m++) {
		if (!methods[m]->is_signature(ac_buf_str(b), b->len))
			continue;
		if (r->keys[m] != NULL) {
			*kind = m;
			return 0;
		}
		if (without == AC_LEN(methods))
			without = m;
	}
	if (without == AC_LEN(methods))
		return ac_err_set(err, AC_E_INVALID, "'%s' is no signature",
				  name);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no key was given for the %s in '%s'",
			  methods[without]->what, name);
}

/* The signatures in a file that --signature names. */
static int check_named(struct run *r, const struct sig_file *f,
		       const char *name, struct sigs *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_SIGNATURE);
	size_t m = 0;

	if (ac_io_read_file(AT_FDCWD, name, &b, err) < 0 ||
	    kind_of(r, name, &b, &m, err) < 0)
		return -1;
	return methods[m]->check(r->keys[m], f, ac_buf_str(&b), b.len, name,
				 out, err);
}

/* Take the keys that the keystore has for the image in F. */
static int trust(struct run *r, const struct sig_file *f, struct verdict *v)
{
	struct ac_err *err = &v->err;
	bool any = false;

	if (subject_name(f->fd, f->name, &r->secret, &v->name, err) < 0)
		return ac_err_ctx(err,
				  "for whose name are keys trusted? (--key "
				  "needs none)");
	for (size_t m = 0; m < AC_LEN(methods); m++) {
		if (methods[m]->trust != NULL &&
		    methods[m]->trust(&r->keys[m], &r->keystore, v->name, err) <
			    0)
			return -1;
		any = any || r->keys[m] != NULL;
	}
	if (any)
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no key is trusted for '%s'; run 'acfetch trust "
			  "--prefix=%s', or give --key",
			  v->name, v->name);
}

/* What the signatures turned out to be of. */
static void identify(struct run *r, const struct sig_file *f, struct verdict *v)
{
	struct ac_err ignored = AC_ERR_INIT; /* anything may be signed */
	char id[AC_DIGEST_TEXT];
	char *name = NULL;

	if (subject_id(f->fd, f->name, r->secret.known ? &r->secret : NULL,
		       &name, id, &ignored) < 0)
		return;
	free(v->name);
	v->name = name;
	v->id = ac_xstrdup(id);
}

static int check_file(struct run *r, const char *name, struct verdict *v)
{
	const struct verify_opts *o = r->o;
	struct ac_err *err = &v->err;
	AC_CLOSE int fd = subject_open(name, err);
	struct sig_file f = {.name = name, .fd = fd};
	struct ac_stamp stamp;

	if (fd < 0 || ac_stamp_take(&stamp, fd, name, err) < 0 ||
	    (r->trusted && trust(r, &f, v) < 0))
		return -1;
	for (size_t i = 0; i < o->signatures.n; i++)
		if (check_named(r, &f, o->signatures.v[i], &v->sigs, err) < 0)
			return -1;
	if (o->signatures.n == 0 && check_all_beside(r, &f, &v->sigs, err) < 0)
		return -1;
	verdict_decide(v);
	if (v->verified && o->json)
		identify(r, &f, v);
	if (ac_stamp_check(&stamp, fd, name, err) < 0)
		v->verified = false;
	return 0;
}

static int verify(struct run *r, const char *file, struct ac_json *all)
{
	AC_CLEANUP(verdict_release)
	struct verdict v = {.file = file,
			    .err = AC_ERR_INIT,
			    .required = r->o->require != 0 ? r->o->require : 1};

	(void)check_file(r, file, &v); /* what is wrong is in V */
	if (r->o->json)
		ac_json_push(all, verdict_json(&v));
	if (!r->o->json || !v.verified)
		verdict_tell(&v);
	return v.verified ? 0 : 1;
}

static int verify_all(struct ac_call *c, struct run *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 20);
	AC_JSON struct ac_json *all = ac_json_array();
	int code = 0;

	if (add_keys(r, &r->o->keys, err) < 0 ||
	    add_keys(r, &r->o->keyrings, err) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		if (verify(r, c->argv[i], all) != 0)
			code = 1;
		if (ac_interrupt_check(err) < 0)
			return -1;
	}
	if (!r->o->json)
		return code;
	ac_json_write(all, 2, false, &b);
	if (ac_buf_check(&b, "the result", err) < 0)
		return -1;
	printf("%s\n", ac_buf_str(&b));
	return code;
}

int run_verify(struct ac_call *c, struct ac_err *err)
{
	const struct verify_opts *o = c->opts;
	struct run run = {
		.o = o,
		.trusted = o->trusted || (o->keys.n == 0 && o->keyrings.n == 0),
		.keystore = {o->system_config, o->local_config, o->user_config},
		.secret = AC_SECRET_INIT,
	};
	int r;

	for (int i = 0; i < c->argc; i++)
		if (strcmp(c->argv[i], "-") == 0 && o->signatures.n == 0)
			return ac_err_set(err, AC_E_USAGE,
					  "beside standard input is no "
					  "signature; give --signature");
	if (o->signatures.n != 0 && c->argc != 1)
		return ac_err_set(err, AC_E_USAGE,
				  "--signature goes with one file");
	if (o->require > MAX_REQUIRE)
		return ac_err_set(err, AC_E_USAGE, "--require: at most %d",
				  MAX_REQUIRE);
	if (ac_secret_option(&run.secret, o->passphrase_fd, err) < 0)
		return -1;
	(void)ac_interrupt_catch(); /* what is temporary must go */
	r = verify_all(c, &run, err);
	for (size_t m = 0; m < AC_LEN(methods); m++)
		methods[m]->free_keys(run.keys[m]);
	ac_secret_release(&run.secret);
	return r;
}
