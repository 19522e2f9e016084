/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "actool/verify.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/codec/pgp.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"

const struct ac_opt verify_options[] = {
	AC_OPT_LIST(struct verify_opts, keys, "key", "FILE",
		    "accept signatures of the public keys in FILE (repeat)"),
	AC_OPT_LIST(struct verify_opts, keyrings, "keyring", "FILE",
		    "and of those in this GnuPG keyring (repeat)"),
	AC_OPT_STRING(struct verify_opts, signature, "signature", "FILE",
		      "the signature, when it is not beside the image"),
	AC_OPT_BOOL(struct verify_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};

enum { MAX_KEYS = 16 << 20, MAX_SIGNATURE = 1 << 20 };

/* GnuPG's keybox is not OpenPGP: only gpg reads it. */
static int export_keybox(const char *file, struct ac_buf *b, struct ac_err *err)
{
	static const char *const words[] = {"gpg",
					    "--batch",
					    "--quiet",
					    "--no-options",
					    "--no-default-keyring",
					    "--no-auto-check-trustdb"};
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	int r;

	for (size_t i = 0; i < AC_LEN(words); i++)
		ac_strv_push(&argv, words[i]);
	ac_strv_push(&argv, "--keyring");
	/* A name without a slash is one in GnuPG's own directory. */
	ac_strv_pushf(&argv, "%s%s", file[0] == '/' ? "" : "./", file);
	ac_strv_push(&argv, "--export");
	ac_buf_reset(b);
	r = ac_spawn_output(argv.v, b, err);
	if (r > 0)
		return ac_err_set(err, AC_E_INVALID,
				  "gpg cannot read the keyring (it ended with "
				  "%d)",
				  r);
	return r;
}

static int add_keys(struct ac_pgp_ring *ring, const struct ac_strv *files,
		    struct ac_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(MAX_KEYS);
		const char *file = files->v[i];
		bool keybox;

		if (ac_io_read_file(AT_FDCWD, file, &b, err) < 0)
			return -1;
		keybox = b.len > 12 && memcmp(b.p + 8, "KBXf", 4) == 0;
		if ((keybox && export_keybox(file, &b, err) < 0) ||
		    ac_pgp_ring_add(ring, ac_buf_str(&b), b.len, file, err) < 0)
			return ac_err_ctx(err, "keys in '%s'", file);
	}
	return 0;
}

static int check_signature(const char *file, const struct verify_opts *o,
			   struct ac_pgp_ring *ring,
			   struct ac_pgp_result *result, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf sig = AC_BUF_INIT(MAX_SIGNATURE);
	AC_FREE char *beside = ac_xasprintf("%s.asc", file);
	const char *name = o->signature != NULL ? o->signature : beside;
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return ac_err_sys(err, errno, "open");
	if (ac_io_read_file(AT_FDCWD, name, &sig, err) < 0)
		return ac_err_ctx(err, "no signature");
	return ac_pgp_verify(ring, ac_buf_str(&sig), sig.len, fd, name, result,
			     err);
}

/* As JSON has times: RFC 3339, in UTC. */
static void set_time(struct ac_json *o, const char *key, int64_t seconds)
{
	const time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) != 0)
		ac_json_set_str(o, key, text);
}

static struct ac_json *as_json(const char *file,
			       const struct ac_pgp_result *result,
			       const struct ac_err *err)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *list = ac_json_array();

	ac_json_set_str(o, "file", file);
	ac_json_set(o, "verified", ac_json_new_bool(err->code == AC_OK));
	if (err->code != AC_OK)
		ac_json_set_str(o, "error", err->msg);
	for (size_t i = 0; i < result->n; i++) {
		struct ac_json *s = ac_json_object();

		ac_json_set_str(s, "fingerprint", result->sigs[i].fingerprint);
		ac_json_set_str(s, "subkey", result->sigs[i].subkey);
		ac_json_set_str(s, "identity", result->sigs[i].identity);
		set_time(s, "created", result->sigs[i].created);
		ac_json_push(list, s);
	}
	ac_json_set(o, "signatures", list);
	return o;
}

static int verify(const char *file, const struct verify_opts *o,
		  struct ac_pgp_ring *ring, struct ac_json *all)
{
	AC_CLEANUP(ac_pgp_result_release)
	struct ac_pgp_result result = {.sigs = NULL};
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *shown = ac_str_show(file);
	int code = 0;

	if (check_signature(file, o, ring, &result, &err) < 0)
		code = tell_file(file, &err);
	for (size_t i = 0; i < result.n && !o->json; i++) {
		AC_FREE char *who = ac_str_show(result.sigs[i].identity);

		printf("%s: good signature by %s, key %s\n", shown,
		       *who != '\0' ? who : "a key without a name",
		       result.sigs[i].fingerprint);
	}
	ac_json_push(all, as_json(file, &result, &err));
	return code;
}

static int verify_all(struct ac_call *c, struct ac_pgp_ring *ring,
		      struct ac_err *err)
{
	const struct verify_opts *o = c->opts;
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 20);
	AC_JSON struct ac_json *all = ac_json_array();
	int code = 0;

	if (add_keys(ring, &o->keys, err) < 0 ||
	    add_keys(ring, &o->keyrings, err) < 0)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		if (verify(c->argv[i], o, ring, all) != 0)
			code = 1;
		if (ac_interrupt_check(err) < 0)
			return -1;
	}
	if (o->json) {
		ac_json_write(all, 2, false, &b);
		if (ac_buf_check(&b, "the result", err) < 0)
			return -1;
		printf("%s\n", ac_buf_str(&b));
	}
	return code;
}

int run_verify(struct ac_call *c, struct ac_err *err)
{
	const struct verify_opts *o = c->opts;
	struct ac_pgp_ring *ring;
	int r;

	if (o->keys.n == 0 && o->keyrings.n == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "whose signatures are good? give --key or "
				  "--keyring");
	if (o->signature != NULL && c->argc != 1)
		return ac_err_set(err, AC_E_USAGE,
				  "--signature goes with one file");
	(void)ac_interrupt_catch(); /* the ring is a directory: it must go */
	ring = ac_pgp_ring_new(err);
	if (ring == NULL)
		return -1;
	r = verify_all(c, ring, err);
	ac_pgp_ring_free(ring);
	return r;
}
