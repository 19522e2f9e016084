/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_gpgme.h"
#include "common/codec/pgp_sigfile.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"
#include "common/sys/spawn.h"

enum { MAX_OUTPUT = 1 << 20 };
/* The descriptors gpg gets beside the standard ones. */
enum { STATUS_FD = 3, PASSPHRASE_FD = 4 };

/*
 * GPGME looks keys up, exports and verifies them; the signature itself is made
 * by gpg run directly, because GPGME cannot choose the digest and a gpg.conf
 * can ask for SHA-1.
 */
struct ac_pgp_signer {
	char *homedir; /* NULL: the user's */
	gpgme_ctx_t ctx;
	struct ac_strv users; /* "FINGERPRINT", "FINGERPRINT!"; none: gpg's
				 default */
	const struct ac_secret *secret; /* borrowed; NULL: the agent asks */
	struct ac_pgp_ring *ring;       /* the public keys: to verify */
	struct ac_strv known;           /* fingerprints in the ring */
};

void ac_pgp_signer_free(struct ac_pgp_signer *s)
{
	if (s == NULL)
		return;
	free(s->homedir);
	gpgme_release(s->ctx);
	ac_strv_release(&s->users);
	ac_strv_release(&s->known);
	ac_pgp_ring_free(s->ring);
	free(s);
}

static int memory_file(const char *name, struct ac_err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	return fd >= 0 ? fd : ac_err_sys(err, errno, "memory for gpg");
}

/* One key that fits a name. */
struct choice {
	char *fingerprint; /* owned; NULL: none yet */
	char *fault;       /* owned: why the last other one is not usable */
	size_t usable;
};

static void free_choice(struct choice *c)
{
	free(c->fingerprint);
	free(c->fault);
}

static void look_at(struct choice *c, gpgme_key_t key)
{
	char *fault = ac_gpgme_key_fault(key);

	if (fault != NULL) {
		free(c->fault);
		c->fault = fault;
	} else if (c->usable++ == 0) {
		c->fingerprint = ac_xstrdup(key->subkeys->fpr);
	}
}

/* The secret keys that USER names. */
static int look_up(gpgme_ctx_t ctx, const char *user, struct choice *c,
		   struct ac_err *err)
{
	gpgme_error_t e = gpgme_op_keylist_start(ctx, user, 1);

	while (e == 0) {
		AC_GPGME_KEY key = NULL;

		e = gpgme_op_keylist_next(ctx, &key);
		if (e == 0 && key->subkeys != NULL && key->subkeys->fpr != NULL)
			look_at(c, key);
	}
	(void)gpgme_op_keylist_end(ctx);
	if (gpgme_err_code(e) != GPG_ERR_EOF)
		return ac_gpgme_err(err, e, user);
	return 0;
}

static int choose_key(struct ac_pgp_signer *s, const char *user,
		      struct ac_err *err)
{
	AC_CLEANUP(free_choice) struct choice c = {.usable = 0};
	bool exact = ac_str_ends(ac_str(user), "!");

	if (*user == '\0')
		return ac_err_set(err, AC_E_USAGE, "a key without a name");
	if (look_up(s->ctx, user, &c, err) < 0)
		return -1;
	if (c.usable > 1)
		return ac_err_set(err, AC_E_INVALID,
				  "several secret keys for '%s'; give a "
				  "fingerprint",
				  user);
	if (c.usable == 0 && c.fault != NULL)
		return ac_err_set(err, AC_E_INVALID, "'%s' cannot sign: %s",
				  user, c.fault);
	if (c.usable == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no secret key for '%s'; 'gpg "
				  "--list-secret-keys' shows those there are",
				  user);
	if (!ac_strv_has(&s->users, exact ? user : c.fingerprint))
		ac_strv_push(&s->users, exact ? user : c.fingerprint);
	return 0;
}

static int check_homedir(const char *dir, struct ac_err *err)
{
	struct stat st;

	if (dir == NULL)
		return 0;
	if (stat(dir, &st) < 0)
		return ac_err_sys(err, errno, "GnuPG's directory '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return ac_err_set(err, AC_E_INVALID, "'%s' is not a directory",
				  dir);
	return 0;
}

static int set_up(struct ac_pgp_signer *s, const struct ac_pgp_signer_opts *o,
		  struct ac_err *err)
{
	if (check_homedir(o->homedir, err) < 0)
		return -1;
	s->ctx = ac_gpgme_ctx(o->homedir, err);
	s->ring = ac_pgp_ring_new();
	if (s->ring == NULL)
		return -1;
	for (size_t i = 0; o->users != NULL && i < o->users->n; i++)
		if (choose_key(s, o->users->v[i], err) < 0)
			return -1;
	return 0;
}

struct ac_pgp_signer *ac_pgp_signer_new(const struct ac_pgp_signer_opts *o,
					struct ac_err *err)
{
	struct ac_pgp_signer *s = ac_xcalloc(1, sizeof(*s));

	s->homedir = ac_xstrdup(o->homedir);
	if (o->secret != NULL && o->secret->known)
		s->secret = o->secret;
	if (set_up(s, o, err) < 0) {
		ac_pgp_signer_free(s);
		return NULL;
	}
	return s;
}

/* Where pinentry asks: gpg's own input is the file. */
static void add_terminal(struct ac_strv *argv)
{
	const char *type = getenv("TERM");
	const char *tty = getenv("GPG_TTY");
	char name[256];

	if (tty == NULL || *tty == '\0')
		tty = ttyname_r(STDERR_FILENO, name, sizeof(name)) == 0 ||
				      ttyname_r(STDIN_FILENO, name,
						sizeof(name)) == 0
			      ? name
			      : NULL;
	if (tty == NULL)
		return;
	ac_strv_push(argv, "--ttyname");
	ac_strv_push(argv, tty);
	if (type != NULL && *type != '\0') {
		ac_strv_push(argv, "--ttytype");
		ac_strv_push(argv, type);
	}
}

static void make_argv(const struct ac_pgp_signer *s, struct ac_strv *argv)
{
	ac_strv_push(argv, "gpg");
	if (s->homedir != NULL) {
		ac_strv_push(argv, "--homedir");
		ac_strv_push(argv, s->homedir);
	}
	ac_strv_push(argv, "--batch");
	ac_strv_push(argv, "--no-tty");
	ac_strv_pushf(argv, "--status-fd=%d", STATUS_FD);
	ac_strv_push(argv, "--digest-algo=SHA512");
	ac_strv_push(argv, "--no-textmode");
	ac_strv_push(argv, "--no-armor");
	add_terminal(argv);
	if (s->secret != NULL) {
		ac_strv_push(argv, "--pinentry-mode=loopback");
		ac_strv_pushf(argv, "--passphrase-fd=%d", PASSPHRASE_FD);
	}
	for (size_t i = 0; i < s->users.n; i++) {
		ac_strv_push(argv, "--local-user");
		ac_strv_push(argv, s->users.v[i]);
	}
	ac_strv_push(argv, "--output=-");
	ac_strv_push(argv, "--detach-sign");
}

/* What gpg wrote to the file in memory FD. */
static int read_back(int fd, struct ac_buf *out, struct ac_err *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "gpg's output");
	return ac_io_slurp(fd, out, "gpg's output", err);
}

/* The last line of gpg's messages, without "gpg: ". */
static struct ac_str last_line(const struct ac_buf *messages)
{
	struct ac_str rest = ac_str(ac_buf_str(messages));
	struct ac_str last = ac_str("");
	struct ac_str line;

	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		line = ac_str_trim(line);
		if (line.len != 0)
			last = line;
	}
	if (ac_str_starts(last, "gpg: "))
		last = ac_strn(last.p + 5, last.len - 5);
	return last;
}

/* Is the status WORD among gpg's?  *rest gets what follows it. */
static bool has_status(const struct ac_buf *status, const char *word,
		       struct ac_str *rest)
{
	struct ac_str all = ac_str(ac_buf_str(status));
	struct ac_str line;

	while (all.len != 0) {
		struct ac_str head;

		(void)ac_str_cut(&all, '\n', &line);
		(void)ac_str_cut(&line, ' ', &head);
		if (!ac_str_eq(head, "[GNUPG:]"))
			continue;
		(void)ac_str_cut(&line, ' ', &head);
		if (!ac_str_eq(head, word))
			continue;
		*rest = line;
		return true;
	}
	return false;
}

static int gpg_failed(const struct ac_pgp_signer *s,
		      const struct ac_buf *status,
		      const struct ac_buf *messages, struct ac_err *err)
{
	struct ac_str last = last_line(messages);
	struct ac_str what = ac_str("");
	struct ac_str code = ac_str("");
	uint64_t n = 0;

	if (ac_interrupt_check(err) < 0)
		return -1;
	(void)has_status(status, "FAILURE", &code);
	(void)ac_str_cut(&code, ' ', &what);
	for (size_t i = 0; i < code.len && code.p[i] >= '0' &&
			   code.p[i] <= '9' && n < UINT32_MAX;
	     i++)
		n = n * 10 + (uint64_t)(code.p[i] - '0');
	if (gpgme_err_code((gpgme_error_t)n) == GPG_ERR_NO_SECKEY &&
	    s->users.n == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no secret key to sign with; make one with "
				  "'gpg --quick-generate-key'");
	(void)ac_gpgme_err(err,
			   n != 0 ? (gpgme_error_t)n
				  : gpgme_error(GPG_ERR_GENERAL),
			   "sign");
	return ac_err_set(err, err->code, "gpg: %.*s", AC_STR_FMT(last));
}

/* FD as one that no descriptor of gpg's is in the way of; it is closed. */
static int raise_fd(int fd, struct ac_err *err)
{
	AC_CLOSE int low = fd;
	int high = -1;

	if (low < 0)
		return -1;
	high = fcntl(low, F_DUPFD_CLOEXEC, PASSPHRASE_FD + 1);
	return high >= 0 ? high : ac_err_sys(err, errno, "files for gpg");
}

/* Run gpg over FD; SIG gets the binary signatures. */
static int run_gpg(const struct ac_pgp_signer *s, int fd, struct ac_buf *sig,
		   struct ac_buf *status, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf messages = AC_BUF_INIT(MAX_OUTPUT);
	AC_CLOSE int in = fcntl(fd, F_DUPFD_CLOEXEC, PASSPHRASE_FD + 1);
	AC_CLOSE int out = raise_fd(memory_file("signature", err), err);
	AC_CLOSE int log = raise_fd(memory_file("messages", err), err);
	AC_CLOSE int state = raise_fd(memory_file("status", err), err);
	AC_CLOSE int pass =
		s->secret != NULL
			? raise_fd(ac_secret_pipe(s->secret, err), err)
			: -1;
	struct ac_spawn_fd map[] = {{in, STDIN_FILENO},
				    {out, STDOUT_FILENO},
				    {log, STDERR_FILENO},
				    {state, STATUS_FD},
				    {pass, PASSPHRASE_FD}};
	int r;

	if (in < 0 || lseek(in, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "read from the start");
	if (out < 0 || log < 0 || state < 0 || (s->secret != NULL && pass < 0))
		return -1;
	make_argv(s, &argv);
	r = ac_spawn_fds(argv.v, map, s->secret != NULL ? 5 : 4, err);
	if (r < 0 || read_back(out, sig, err) < 0 ||
	    read_back(log, &messages, err) < 0 ||
	    read_back(state, status, err) < 0)
		return -1;
	return r == 0 ? 0 : gpg_failed(s, status, &messages, err);
}

/* Add the public keys of the signatures that gpg tells of to our ring. */
static int know_signers(struct ac_pgp_signer *s, const struct ac_buf *status,
			struct ac_err *err)
{
	struct ac_str all = ac_str(ac_buf_str(status));
	struct ac_str line;

	/* "[GNUPG:] SIG_CREATED D 22 10 00 1700000000 FINGERPRINT" */
	while (all.len != 0) {
		AC_GPGME_DATA data = NULL;
		AC_FREE char *fpr = NULL;
		struct ac_str field;
		char *text;
		size_t n = 0;
		gpgme_error_t e;

		(void)ac_str_cut(&all, '\n', &line);
		if (!ac_str_starts(line, "[GNUPG:] SIG_CREATED "))
			continue;
		for (int i = 0; i < 8; i++)
			(void)ac_str_cut(&line, ' ', &field);
		fpr = ac_xstrndup(field.p, field.len);
		if (ac_strv_has(&s->known, fpr))
			continue;
		e = gpgme_data_new(&data);
		if (e == 0)
			e = gpgme_op_export(s->ctx, fpr, 0, data);
		if (e != 0)
			return ac_gpgme_err(err, e, "export the public key");
		text = gpgme_data_release_and_get_mem(data, &n);
		data = NULL;
		if (ac_pgp_ring_add(s->ring, text != NULL ? text : "", n, fpr,
				    err) < 0)
			e = 1;
		gpgme_free(text);
		if (e != 0)
			return -1;
		ac_strv_push(&s->known, fpr);
	}
	return 0;
}

/* Is SIG what we would accept, of what FD now is? */
static int check_made(struct ac_pgp_signer *s, const struct ac_buf *sig, int fd,
		      const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result got = {0};
	size_t want = s->users.n != 0 ? s->users.n : 1;

	if (ac_pgp_check(s->ring, ac_buf_str(sig), sig->len, fd, what, &got,
			 err) < 0)
		return -1;
	if (got.n_rejected != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not signed: the signature by key "
				  "%s would be refused: %s",
				  what, got.rejected[0].subkey,
				  got.rejected[0].fault);
	if (got.n < want)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not signed: gpg made %zu of %zu "
				  "signatures",
				  what, got.n, want);
	return 0;
}

int ac_pgp_sign(struct ac_pgp_signer *s, int fd, const char *what,
		const char *old, size_t old_len, char **out, size_t *len,
		struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf sig = AC_BUF_INIT(MAX_OUTPUT);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf status = AC_BUF_INIT(MAX_OUTPUT);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf all = AC_BUF_INIT(2 * (size_t)MAX_OUTPUT);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(4 * (size_t)MAX_OUTPUT);
	struct ac_pgp_sigfile packets;

	/* Those that are there first: if they are none, nothing is asked. */
	if (old != NULL &&
	    (ac_pgp_dearmour(old, old_len, &all, err) < 0 ||
	     ac_pgp_sigfile_read(ac_buf_str(&all), all.len, &packets, err) < 0))
		return ac_err_ctx(err, "the signatures that are there");
	if (run_gpg(s, fd, &sig, &status, err) < 0 ||
	    know_signers(s, &status, err) < 0 ||
	    check_made(s, &sig, fd, what, err) < 0)
		return -1;
	ac_buf_add(&all, ac_buf_str(&sig), sig.len);
	if (ac_buf_check(&all, "the signatures", err) < 0 ||
	    ac_pgp_sigfile_read(ac_buf_str(&all), all.len, &packets, err) < 0)
		return -1;
	ac_pgp_armour(ac_buf_str(&all), all.len, &text);
	*len = text.len;
	*out = ac_buf_steal(&text);
	return 0;
}
