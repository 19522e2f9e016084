/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actool/subject.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/store/config.h"
#include "common/store/keystore.h"
#include "common/store/sig.h"
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
		    "good signatures by N different keys (default: 1, or "
		    "more by the policy of acfetch trust)"),
	AC_OPT_LIST(struct verify_opts, signatures, "signature", "FILE",
		    "the signature, when it is not beside the image (repeat)"),
	AC_OPT_LIST(struct verify_opts, signatures, "bundle", "FILE",
		    "the same, as cosign calls it for a Sigstore bundle"),
	AC_OPT_PASSPHRASE(struct verify_opts, passphrase_fd),
	AC_OPT_BOOL(struct verify_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};

enum { MAX_KEYS = 16 << 20, MAX_SIGNATURE = 16 << 20, MAX_REQUIRE = 1000 };

/* One call of the command. */
struct run {
	const struct verify_opts *o;
	struct ac_sig_keys keys;
	bool trusted; /* use the keystore */
	struct ac_keystore keystore;
	char *name; /* whose trusted keys are among KEYS; NULL: nobody's */
	struct ac_secret secret; /* of encrypted images */
};

static int add_keys(struct run *r, const struct ac_strv *files,
		    struct ac_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(MAX_KEYS);
		const char *file = files->v[i];

		if (ac_io_read_file(AT_FDCWD, file, &b, err) < 0 ||
		    ac_sig_keys_add(&r->keys, ac_buf_str(&b), b.len, file,
				    err) < 0)
			return -1;
	}
	return 0;
}

/* The signatures of method M in the file NAME: 1, or 0 when there is no such
 * file. */
static int check_beside(struct run *r, size_t m, const struct ac_sig_file *f,
			const char *name, struct ac_sigs *out,
			struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(ac_sig_methods[m]->max);
	struct ac_err bad = AC_ERR_INIT; /* hides no good one */

	if (ac_io_read_regular(AT_FDCWD, name, &b, &bad) < 0) {
		if (bad.code == AC_E_NOT_FOUND)
			return 0;
		ac_sigs_add(out,
			    (struct ac_sig){.kind = ac_sig_methods[m]->kind,
					    .created = -1,
					    .reason = ac_xstrdup(bad.msg)});
		return 1;
	}
	if (ac_sig_methods[m]->check(r->keys.of[m], f, ac_buf_str(&b), b.len,
				     name, out, err) < 0)
		return -1;
	return 1;
}

static int check_all_beside(struct run *r, const struct ac_sig_file *f,
			    struct ac_sigs *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf tried = AC_BUF_INIT(1 << 16);
	bool found = false;

	for (size_t m = 0; m < AC_SIG_KINDS; m++) {
		AC_FREE char *name = ac_xasprintf("%s%s", f->name,
						  ac_sig_methods[m]->suffix);
		int n;

		if (r->keys.of[m] == NULL)
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

/* The signatures in a file that --signature names. */
static int check_named(struct run *r, const struct ac_sig_file *f,
		       const char *name, struct ac_sigs *out,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_SIGNATURE);
	size_t m = 0;

	if (ac_io_read_file(AT_FDCWD, name, &b, err) < 0 ||
	    ac_sig_kind(&r->keys, ac_buf_str(&b), b.len, name, &m, err) < 0)
		return -1;
	return ac_sig_methods[m]->check(r->keys.of[m], f, ac_buf_str(&b), b.len,
					name, out, err);
}

/* Take the keys that the keystore has for images called NAME. */
static int take_trusted(struct run *r, const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;

	if (r->name != NULL && strcmp(r->name, name) == 0)
		return 0;
	free(r->name);
	r->name = NULL;
	if (ac_keystore_load(&r->keystore, name, &t, err) < 0 ||
	    ac_sig_keys_trust(&r->keys, &t, err) < 0)
		return -1;
	r->name = ac_xstrdup(name);
	return 0;
}

/* Take the keys that the keystore has for the image in F, and its policy. */
static int trust(struct run *r, const struct ac_sig_file *f, struct verdict *v)
{
	struct ac_err *err = &v->err;

	if (subject_name(f->fd, f->name, &r->secret, &v->name, err) < 0)
		return ac_err_ctx(err,
				  "for whose name are keys trusted? (--key "
				  "needs none)");
	if (take_trusted(r, v->name, err) < 0 ||
	    ac_policy_find(&r->keystore, v->name, &v->policy, err) < 0)
		return -1;
	if (v->policy.require < r->o->require)
		v->policy.require = r->o->require;
	if (ac_sig_keys_any(&r->keys))
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no key is trusted for '%s'; run 'acfetch trust "
			  "--prefix=%s', or give --key",
			  v->name, v->name);
}

/* What the signatures turned out to be of. */
static void identify(struct run *r, const struct ac_sig_file *f,
		     struct verdict *v)
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
	struct ac_sig_file f = {.name = name, .fd = fd};
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
			    .policy = AC_POLICY_INIT};

	if (r->o->require != 0)
		v.policy.require = r->o->require;

	(void)check_file(r, file, &v); /* what is wrong is in V */
	if (r->o->json)
		ac_json_push(all, verdict_json(&v));
	if (!r->o->json || !v.verified)
		verdict_tell(&v);
	return v.verified ? 0 : 1;
}

static int verify_all(struct ac_call *c, struct run *r, struct ac_err *err)
{
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
	return ac_print_json(all, 2, err) < 0 ? -1 : code;
}

int run_verify(struct ac_call *c, struct ac_err *err)
{
	const struct verify_opts *o = c->opts;
	AC_FREE char *own = ac_config_user();
	struct run run = {
		.o = o,
		.trusted = o->trusted || (o->keys.n == 0 && o->keyrings.n == 0),
		.keystore = {.system = o->system_config,
			     .local = o->local_config,
			     .user = o->user_config != NULL ? o->user_config
							    : own},
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
	if (ac_config_limits(NULL, NULL, err) < 0 ||
	    ac_secret_option(&run.secret, o->passphrase_fd, err) < 0)
		return -1;
	(void)ac_interrupt_catch(); /* what is temporary must go */
	r = verify_all(c, &run, err);
	ac_sig_keys_release(&run.keys);
	free(run.name);
	ac_secret_release(&run.secret);
	return r;
}
