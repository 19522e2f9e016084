/* Signatures, with keys made for the occasion in a homedir of our own. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/sys/secret.h"
#include "common/sys/tree.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

extern char **environ;

static struct ac_err err;
static char base[] = "/tmp/ac-test-pgp-XXXXXX";
static char home[64];

/* Run gpg (or gpgconf) with ARGS; its standard output goes to OUT. */
static int run(const char *args[], struct ac_buf *out)
{
	posix_spawn_file_actions_t fa;
	int fds[2];
	int status;
	ssize_t n;
	pid_t pid;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK(posix_spawn_file_actions_init(&fa) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&fa, fds[1], 1) == 0);
	CHECK(posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY,
					       0) == 0);
	CHECK(posix_spawnp(&pid, args[0], &fa, NULL,
			   (char *const *)(uintptr_t)args, environ) == 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(fds[1]);
	while ((n = read(fds[0], ac_buf_room(out, 4096), 4096)) > 0)
		out->len += (size_t)n;
	(void)close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define GPG(out, ...)                                                       \
	run((const char *[]){"gpg", "--homedir", home, "--batch", "--yes",  \
			     "--pinentry-mode", "loopback", "--passphrase", \
			     "", "--quiet", __VA_ARGS__, NULL},             \
	    out)

static void stop(void)
{
	BUF none = AC_BUF_INIT(1 << 16);

	(void)run((const char *[]){"gpgconf", "--homedir", home, "--kill",
				   "gpg-agent", NULL},
		  &none);
	CHECK(ac_tree_remove(AT_FDCWD, base, &err) == 0);
}

static void write_file(const char *name, const char *text)
{
	AC_FREE char *path = ac_xasprintf("%s/%s", home, name);
	FILE *f = fopen(path, "we");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* A check that fails, or a signal, leaves no agent either. */
static void ended(int sig)
{
	(void)signal(SIGABRT, SIG_DFL);
	stop();
	_exit(128 + sig);
}

/* The homedir, with keys of three people. */
static void start(void)
{
	static bool done;
	BUF out = AC_BUF_INIT(1 << 16);

	if (done)
		return;
	done = true;
	CHECK(mkdtemp(base) != NULL);
	(void)snprintf(home, sizeof(home), "%s/home", base);
	CHECK(mkdir(home, 0700) == 0);
	CHECK(atexit(stop) == 0);
	CHECK(signal(SIGABRT, ended) != SIG_ERR);
	CHECK(signal(SIGTERM, ended) != SIG_ERR);
	CHECK(signal(SIGINT, ended) != SIG_ERR);
	/* The usual count takes seconds a key. */
	write_file("gpg-agent.conf", "s2k-count 65536\n");
	CHECK(GPG(&out, "--faked-system-time", "20200101T000000!",
		  "--quick-gen-key", "Alice <alice@example.com>", "ed25519",
		  "sign", "never") == 0);
	CHECK(GPG(&out, "--quick-gen-key", "Bob <bob@example.com>", "ed25519",
		  "sign", "never") == 0);
	CHECK(GPG(&out, "--faked-system-time", "20200101T000000!",
		  "--quick-gen-key", "Old <old@example.com>", "ed25519", "sign",
		  "1d") == 0);
}

static void export(const char *who, struct ac_buf *out, bool armoured)
{
	CHECK(armoured ? GPG(out, "--armor", "--export", who) == 0
		       : GPG(out, "--export", who) == 0);
	CHECK(out->len != 0);
}

static int content(const char *text)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd; /* the offset is at the end: nobody may mind */
}

static void sign_as(const char *who, int fd, struct ac_buf *out)
{
	char *users[] = {ac_xstrdup(who), NULL};
	struct ac_strv list = {users, 1};
	struct ac_pgp_signer_opts o = {home, &list, NULL};
	struct ac_pgp_signer *s = ac_pgp_signer_new(&o, &err);
	AC_FREE char *sig = NULL;
	size_t len;

	if (s == NULL ||
	    ac_pgp_sign(s, fd, "the file", NULL, 0, &sig, &len, &err) < 0)
		fprintf(stderr, "# %s\n", err.msg);
	ac_pgp_signer_free(s);
	free(users[0]);
	CHECK(sig != NULL && len == strlen(sig));
	CHECK(strncmp(sig, "-----BEGIN PGP SIGNATURE-----\n", 30) == 0);
	ac_buf_add(out, sig, len);
}

/* Sign TEXT by gpg itself, with up to two options more. */
static void gpg_sign(const char *text, const char *who, const char *option,
		     const char *value, struct ac_buf *out)
{
	AC_FREE char *name = ac_xasprintf("%s/text", home);

	write_file("text", text);
	CHECK(GPG(out, "--local-user", who, "--output", "-", option, value,
		  "--detach-sign", name) == 0);
	CHECK(out->len != 0);
}

/* What is said of a file without a good signature.  That a key is not in the
 * ring is said only when nothing else is wrong. */
static int explain(const struct ac_pgp_result *all, const char *what,
		   struct ac_err *e)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(sizeof(e->msg));
	enum ac_code code = AC_E_NOT_FOUND;

	for (size_t i = 0; i < all->n_rejected; i++)
		if (all->rejected[i].code != AC_E_NOT_FOUND)
			code = all->rejected[i].code;
	for (size_t i = 0; i < all->n_rejected; i++) {
		const struct ac_pgp_sig *s = &all->rejected[i];

		if (s->code == AC_E_NOT_FOUND && code != s->code)
			continue;
		ac_buf_adds(&b, b.len != 0 ? "; " : "");
		if (s->subkey[0] != '\0')
			ac_buf_addf(&b, "signature by key %s: ", s->subkey);
		ac_buf_adds(&b, s->fault);
	}
	return ac_err_set(e, code, "%s: %s", what, ac_buf_str(&b));
}

static int verify(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		  const char *what, struct ac_pgp_result *out, struct ac_err *e)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result all = {0};

	if (ac_pgp_check(r, sig, len, fd, what, &all, e) < 0)
		return -1;
	if (all.n == 0)
		return explain(&all, what, e);
	*out = all;
	all = (struct ac_pgp_result){.sigs = NULL};
	return 0;
}

TEST(good_signatures)
{
	BUF sig = AC_BUF_INIT(1 << 16);
	BUF key = AC_BUF_INIT(1 << 16);
	BUF binary = AC_BUF_INIT(1 << 16);
	AC_CLOSE int fd = content("the content\n");
	struct ac_pgp_ring *r;
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result got = {0};
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;

	start();
	sign_as("alice@example.com", fd, &sig);
	export("alice@example.com", &key, true);
	export("bob@example.com", &binary, false);

	r = ac_pgp_ring_new();
	CHECK(r != NULL);
	/* Not in the ring. */
	CHECK(verify(r, sig.p, sig.len, fd, "x.aci", &got, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strstr(err.msg, "x.aci: signature by key ") != NULL);
	CHECK(ac_pgp_ring_add(r, binary.p, binary.len, "bob", &err) == 0);
	CHECK(verify(r, sig.p, sig.len, fd, "x.aci", &got, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);

	CHECK(ac_pgp_ring_add(r, key.p, key.len, "alice", &err) == 0);
	CHECK(ac_pgp_ring_add(r, key.p, key.len, "alice", &err) == 0);
	if (verify(r, sig.p, sig.len, fd, "x.aci", &got, &err) < 0)
		fprintf(stderr, "# %s\n", err.msg);
	CHECK(got.n == 1 && strlen(got.sigs[0].fingerprint) == 40);
	CHECK(strcmp(got.sigs[0].fingerprint, got.sigs[0].subkey) == 0);
	CHECK(strcmp(got.sigs[0].identity, "Alice <alice@example.com>") == 0);
	CHECK(got.sigs[0].created > 1700000000);

	CHECK(ac_pgp_issuers(sig.p, sig.len, &ids, &err) == 0);
	CHECK(ids.n == 1 && strlen(ids.v[0]) == 16);
	CHECK(strcmp(ids.v[0], got.sigs[0].fingerprint + 24) == 0);
	ac_pgp_ring_free(r);
	ac_pgp_ring_free(NULL);
}

TEST(bad_signatures)
{
	BUF sig = AC_BUF_INIT(1 << 16);
	BUF key = AC_BUF_INIT(1 << 16);
	AC_CLOSE int fd = content("the content");
	AC_CLOSE int other = content("the Content");
	struct ac_pgp_ring *r = ac_pgp_ring_new();
	struct ac_pgp_result got = {0};
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	static const char *const junk[] = {
		"", "hello", "-----BEGIN PGP SIGNATURE-----\n\nabc\n",
		"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
		"\x88\x02\x04\x00"};

	start();
	sign_as("alice@example.com", fd, &sig);
	export("alice@example.com", &key, true);
	CHECK(ac_pgp_ring_add(r, key.p, key.len, "alice", &err) == 0);
	CHECK(verify(r, sig.p, sig.len, other, "x", &got, &err) < 0);
	CHECK(err.code == AC_E_VERIFY);
	CHECK(strstr(err.msg, "does not match the content") != NULL);
	for (size_t i = 0; i < AC_LEN(junk); i++) {
		CHECK(verify(r, junk[i], strlen(junk[i]), fd, "x", &got, &err) <
		      0);
		CHECK(err.code == AC_E_INVALID || err.code == AC_E_VERIFY);
		CHECK(ac_pgp_issuers(junk[i], strlen(junk[i]), &ids, &err) < 0);
	}
	/* A key is no signature, a signature no key. */
	CHECK(verify(r, key.p, key.len, fd, "x", &got, &err) < 0);
	CHECK(ac_pgp_ring_add(r, sig.p, sig.len, "k", &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(ac_pgp_ring_add(r, "junk", 4, "k", &err) < 0);
	CHECK(ac_pgp_ring_add(r, "", 0, "k", &err) < 0);
	CHECK(strstr(err.msg, "k: no usable OpenPGP public key") != NULL);
	CHECK(got.n == 0);
	ac_pgp_ring_free(r);
}

/* A key file of Bob's that has Alice's primary key as one of his subkeys:
 * nobody bound it to his key. */
static void borrow(struct ac_buf *out, const struct ac_buf *alice)
{
	const unsigned char *p = (const unsigned char *)alice->p;

	export("bob@example.com", out, false);
	CHECK(p[0] == 0x98); /* a public key, one byte of length */
	ac_buf_addc(out, (char)0xb8);
	ac_buf_add(out, p + 1, 1U + p[1]);
}

TEST(another_key_as_a_subkey)
{
	BUF sig = AC_BUF_INIT(1 << 16);
	BUF alice = AC_BUF_INIT(1 << 16);
	BUF bob = AC_BUF_INIT(1 << 16);
	AC_CLOSE int fd = content("the content\n");
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result got = {0};
	struct ac_pgp_ring *both = ac_pgp_ring_new();
	struct ac_pgp_ring *one = ac_pgp_ring_new();
	struct ac_pgp_key *keys = NULL;
	AC_FREE char *fpr = NULL;
	AC_FREE char *out = NULL;
	size_t n = 0;

	start();
	sign_as("alice@example.com", fd, &sig);
	export("alice@example.com", &alice, false);
	borrow(&bob, &alice);
	CHECK(ac_pgp_keys(alice.p, alice.len, "alice", &keys, &n, &err) == 0);
	fpr = ac_xstrdup(keys[0].fingerprint);
	ac_pgp_keys_free(keys, n);

	CHECK(ac_pgp_ring_add(both, bob.p, bob.len, "bob", &err) == 0);
	CHECK(!ac_pgp_ring_has(both, fpr));
	CHECK(ac_pgp_extract(bob.p, bob.len, "bob", fpr, &out, &err) < 0);
	CHECK(ac_pgp_ring_add(both, alice.p, alice.len, "alice", &err) == 0);
	CHECK(ac_pgp_ring_has(both, fpr));
	CHECK(ac_pgp_ring_same(both, both, fpr));
	/* Where it is not trusted, nothing found by it may stay. */
	CHECK(!ac_pgp_ring_same(both, one, fpr));
	CHECK(!ac_pgp_ring_same(both, NULL, fpr));
	CHECK(ac_pgp_ring_add(one, bob.p, bob.len, "bob", &err) == 0);
	CHECK(!ac_pgp_ring_same(both, one, fpr));
	CHECK(verify(one, sig.p, sig.len, fd, "x", &got, &err) < 0);
	CHECK(got.n == 0);
	ac_pgp_result_release(&got);
	/* gpg may take the first that it finds; then nobody signed. */
	(void)!verify(both, sig.p, sig.len, fd, "x", &got, &err);
	CHECK(got.n == 0 || strcmp(got.sigs[0].fingerprint, fpr) == 0);
	ac_pgp_ring_free(both);
	ac_pgp_ring_free(one);
}

TEST(expired_revoked_and_weak)
{
	BUF sig = AC_BUF_INIT(1 << 16);
	BUF key = AC_BUF_INIT(1 << 16);
	AC_FREE char *cert = NULL;
	AC_FREE char *text = NULL;
	AC_CLOSE int fd = content("text");
	struct ac_pgp_ring *r = ac_pgp_ring_new();
	struct ac_pgp_result got = {0};
	struct ac_pgp_key *keys;
	size_t n;
	FILE *f;

	start();
	export("alice@example.com", &key, true);
	export("bob@example.com", &key, true);
	export("old@example.com", &key, true);
	CHECK(ac_pgp_ring_add(r, key.p, key.len, "keys", &err) == 0);

	gpg_sign("text", "alice@example.com", "--digest-algo", "SHA1", &sig);
	CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) < 0);
	CHECK(err.code == AC_E_VERIFY &&
	      strstr(err.msg, "digest that is weak") != NULL);

	ac_buf_reset(&sig);
	gpg_sign("text", "old@example.com", "--faked-system-time",
		 "20200101T010000!", &sig);
	CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) < 0);
	CHECK(err.code == AC_E_VERIFY);
	CHECK(strstr(err.msg, "the key has expired") != NULL);

	for (int i = 0; i < 2; i++) {
		AC_FREE char *name = ac_xasprintf("%s/text", home);

		ac_buf_reset(&sig);
		CHECK(GPG(&sig, "--local-user", "alice@example.com",
			  "--faked-system-time",
			  i == 0 ? "20200201T000000!" : "20990101T000000!",
			  "--default-sig-expire", "1", "--output", "-",
			  "--detach-sign", name) == 0);
		CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) < 0);
		CHECK(err.code == AC_E_VERIFY);
		CHECK(strstr(err.msg, i == 0 ? "signature has expired"
					     : "in the future") != NULL);
	}

	/* Bob's key is revoked: gpg wrote the certificate when it made it. */
	ac_buf_reset(&sig);
	gpg_sign("text", "bob@example.com", "--digest-algo", "SHA512", &sig);
	CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) == 0);
	text = ac_xasprintf("%s/openpgp-revocs.d/%s.rev", home,
			    got.sigs[0].fingerprint);
	for (char *p = text + strlen(text) - 44; *p != '.'; p++)
		if (*p >= 'a' && *p <= 'f')
			*p -= 'a' - 'A';
	ac_pgp_result_release(&got);
	cert = ac_xcalloc(1, 65536);
	f = fopen(text, "re");
	CHECK(f != NULL && fread(cert, 1, 65535, f) > 0);
	(void)fclose(f);
	/* A colon before the dashes keeps it from being used by mistake. */
	CHECK(strstr(cert, ":-----BEGIN") != NULL);
	CHECK(ac_pgp_ring_add(r, strstr(cert, ":-----BEGIN") + 1,
			      strlen(strstr(cert, ":-----BEGIN") + 1), "rev",
			      &err) == 0);
	CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) < 0);
	CHECK(err.code == AC_E_VERIFY);
	CHECK(strstr(err.msg, "the key was revoked") != NULL);

	/* Alice signs as well: one good one is enough. */
	gpg_sign("text", "alice@example.com", "--digest-algo", "SHA512", &sig);
	CHECK(verify(r, sig.p, sig.len, fd, "x", &got, &err) == 0);
	CHECK(got.n == 1 && got.sigs[0].identity[0] == 'A');
	ac_pgp_result_release(&got);
	ac_pgp_ring_free(r);

	CHECK(ac_pgp_keys(key.p, key.len, "keys", &keys, &n, &err) == 0);
	CHECK(n == 3);
	CHECK(!keys[0].expired && !keys[1].revoked && keys[2].expired);
	CHECK(strcmp(keys[2].identities.v[0], "Old <old@example.com>") == 0);
	CHECK(strlen(keys[0].fingerprint) == 40);
	ac_pgp_keys_free(keys, n);
	CHECK(ac_pgp_keys("junk", 4, "junk", &keys, &n, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}

TEST(subkeys_and_passphrases)
{
	BUF out = AC_BUF_INIT(1 << 16);
	BUF key = AC_BUF_INIT(1 << 16);
	AC_CLOSE int fd = content("text");
	struct ac_pgp_ring *r = ac_pgp_ring_new();
	AC_CLEANUP(ac_strv_release) struct ac_strv who = AC_STRV_INIT;
	struct ac_secret wrong = {.known = true, .len = 4, .text = "open"};
	struct ac_secret right = {.known = true, .len = 6, .text = "sesame"};
	struct ac_pgp_signer_opts o = {home, &who, &wrong};
	struct ac_pgp_signer *s;
	struct ac_pgp_result got = {0};
	struct ac_pgp_key *keys;
	char *sig;
	size_t len;
	size_t n;

	start();
	CHECK(run((const char *[]){"gpg", "--homedir", home, "--batch",
				   "--pinentry-mode", "loopback",
				   "--passphrase", "sesame", "--quick-gen-key",
				   "Carol <carol@example.com>", "ed25519",
				   "cert", "never", NULL},
		  &out) == 0);
	export("carol@example.com", &key, true);
	CHECK(ac_pgp_keys(key.p, key.len, "carol", &keys, &n, &err) == 0);
	CHECK(n == 1 && keys[0].subkeys.n == 0);
	CHECK(run((const char *[]){"gpg", "--homedir", home, "--batch",
				   "--pinentry-mode", "loopback",
				   "--passphrase", "sesame", "--quick-add-key",
				   keys[0].fingerprint, "ed25519", "sign",
				   "never", NULL},
		  &out) == 0);
	ac_pgp_keys_free(keys, n);
	ac_buf_reset(&key);
	export("carol@example.com", &key, false);
	CHECK(ac_pgp_keys(key.p, key.len, "carol", &keys, &n, &err) == 0);
	CHECK(n == 1 && keys[0].subkeys.n == 1);
	CHECK(ac_pgp_ring_add(r, key.p, key.len, "carol", &err) == 0);

	/* The agent remembers the passphrase: make it forget. */
	CHECK(run((const char *[]){"gpgconf", "--homedir", home, "--reload",
				   "gpg-agent", NULL},
		  &out) == 0);
	ac_strv_push(&who, "carol@example.com");
	s = ac_pgp_signer_new(&o, &err);
	CHECK(s != NULL);
	CHECK(ac_pgp_sign(s, fd, "x", NULL, 0, &sig, &len, &err) < 0);
	CHECK(err.code == AC_E_DENIED);
	ac_pgp_signer_free(s);
	o.secret = &right;
	s = ac_pgp_signer_new(&o, &err);
	CHECK(s != NULL);
	if (ac_pgp_sign(s, fd, "x", NULL, 0, &sig, &len, &err) < 0) {
		fprintf(stderr, "# %s\n", err.msg);
		CHECK(false);
	}
	ac_pgp_signer_free(s);
	CHECK(verify(r, sig, len, fd, "x", &got, &err) == 0);
	CHECK(strcmp(got.sigs[0].fingerprint, keys[0].fingerprint) == 0);
	CHECK(strcmp(got.sigs[0].subkey, keys[0].subkeys.v[0]) == 0);
	free(sig);
	ac_pgp_result_release(&got);
	ac_pgp_keys_free(keys, n);
	ac_pgp_ring_free(r);

	ac_strv_push(&who, "nobody@example.com");
	o.secret = NULL;
	CHECK(ac_pgp_signer_new(&o, &err) == NULL);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strstr(err.msg, "'nobody@example.com'") != NULL);
}

/* No directory and no process of a ring outlives it. */
TEST(nothing_is_left)
{
	AC_FREE char *tmp = ac_xasprintf("%s/tmp", base);
	AC_CLOSE int text = content("text");
	BUF key = AC_BUF_INIT(1 << 16);
	BUF sig = AC_BUF_INIT(1 << 16);
	struct ac_pgp_result got = {0};
	struct ac_pgp_ring *r;
	struct dirent *d;
	DIR *dir;

	start();
	export("alice@example.com", &key, true);
	gpg_sign("text", "alice@example.com", "--digest-algo", "SHA512", &sig);
	CHECK(mkdir(tmp, 0700) == 0 && setenv("TMPDIR", tmp, 1) == 0);
	r = ac_pgp_ring_new();
	CHECK(ac_pgp_ring_add(r, key.p, key.len, "alice", &err) == 0);
	CHECK(verify(r, sig.p, sig.len, text, "x", &got, &err) == 0);
	ac_pgp_result_release(&got);
	ac_pgp_ring_free(r);
	CHECK(rmdir(tmp) == 0); /* empty */
	CHECK(unsetenv("TMPDIR") == 0);

	dir = opendir("/proc");
	CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL) {
		AC_FREE char *name =
			ac_xasprintf("/proc/%s/cmdline", d->d_name);
		AC_CLOSE int fd = open(name, O_RDONLY | O_CLOEXEC);
		char line[4096];
		ssize_t n = fd >= 0 ? read(fd, line, sizeof(line)) : 0;

		CHECK(n <= 0 ||
		      memmem(line, (size_t)n, tmp, strlen(tmp)) == NULL);
	}
	(void)closedir(dir);
}
