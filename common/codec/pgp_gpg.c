/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_inline.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"

/* Its descriptors; what it is given for them has higher numbers. */
enum { RING = 3, IN = 4, OURS = 10 };

enum { PIPE_SIZE = 1 << 20 };

/* A directory that is none, and never will be: so nothing is looked for, made
 * or locked there.  Whether a key is to be trusted the caller has decided by
 * putting it in the ring.  Nothing is started beside gpg, so nothing is left
 * running. */
static const char *const basic[] = {
	"gpg",
	"--no-options",
	"--homedir",
	"/dev/null/gnupg",
	"--batch",
	"--no-tty",
	"--lock-never",
	"--no-autostart",
	"--disable-dirmngr",
	"--no-auto-check-trustdb",
	"--no-random-seed-file",
	"--trust-model",
	"always",
	"--charset",
	"utf8",
	"--enable-special-filenames",
	"--no-default-keyring",
	"--keyring",
	"/proc/self/fd/3",
};

struct gpg {
	int ring, in; /* -1: none */
	int out, null;
	pid_t pid;
};
#define GPG_INIT ((struct gpg){.ring = -1, .in = -1, .out = -1, .null = -1})

static void close_all(struct gpg *g)
{
	int *all[] = {&g->ring, &g->in, &g->out, &g->null};

	for (size_t i = 0; i < AC_LEN(all); i++)
		ac_own_closep(all[i]);
}

/* FD, which is closed, with a number that is none of gpg's. */
static int above(int fd)
{
	int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, OURS) : -1;

	ac_own_closep(&fd);
	return high;
}

/* A file in memory with the bytes of B. */
static int memory(const struct ac_buf *b, struct ac_err *err)
{
	AC_CLOSE int fd = above(memfd_create("gpg", MFD_CLOEXEC));

	if (fd < 0)
		return ac_err_sys(err, errno, "memory for gpg");
	if (b != NULL && ac_io_pwrite(fd, ac_buf_str(b), b->len, 0,
				      "memory for gpg", err) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

static int missing(struct ac_err *err)
{
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "signatures need gpg, and it is not installed; "
			  "install the package 'gnupg'");
}

int ac_pgp_ready(struct ac_err *err)
{
	struct ac_str rest = ac_str(getenv("PATH"));

	while (rest.len != 0) {
		struct ac_str dir;
		AC_FREE char *name = NULL;

		(void)ac_str_cut(&rest, ':', &dir);
		name = ac_xasprintf("%.*s/gpg", (int)dir.len, dir.p);
		if (access(name, X_OK) == 0)
			return 0;
	}
	return missing(err);
}

static int begin(struct gpg *g, const char *const *words, size_t n,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	const struct ac_spawn_fd map[] = {{g->null, STDIN_FILENO},
					  {g->out, STDOUT_FILENO},
					  {g->null, STDERR_FILENO},
					  {g->ring, RING},
					  {g->in, IN}};

	for (size_t i = 0; i < AC_LEN(basic); i++)
		ac_strv_push(&argv, basic[i]);
	for (size_t i = 0; i < n; i++)
		ac_strv_push(&argv, words[i]);
	g->pid = ac_spawn_start(argv.v, map, AC_LEN(map), err);
	if (g->pid >= 0)
		return 0;
	return err->code == AC_E_NOT_FOUND ? missing(err) : -1;
}

static int prepare(struct gpg *g, const struct ac_buf *ring, struct ac_err *err)
{
	g->null = above(open("/dev/null", O_RDWR | O_CLOEXEC));
	if (g->null < 0)
		return ac_err_sys(err, errno, "open '/dev/null'");
	g->ring = memory(ring, err);
	g->out = g->ring >= 0 ? memory(NULL, err) : -1;
	return g->out >= 0 ? 0 : -1;
}

/* Wait for it, and read what it said. */
static int end(struct gpg *g, struct ac_buf *out, struct ac_err *err)
{
	int code = ac_spawn_finish(g->pid, "gpg", err);

	if (code < 0)
		return -1;
	/* Its own codes are 0, 1 (a bad signature) and 2 (a fault in what it
	 * read); what it says tells more. */
	if (code > 2)
		return ac_err_set(err, AC_E_SYS, "gpg ended with %d", code);
	if (lseek(g->out, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "read what gpg says");
	return ac_io_slurp(g->out, out, "what gpg says", err);
}

static int pipe_to(struct gpg *g, struct ac_err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "a pipe to gpg");
	g->in = above(p[0]);
	/* With a small one it takes longer, no more. */
	(void)fcntl(p[1], F_SETPIPE_SZ, PIPE_SIZE);
	if (g->in >= 0)
		return p[1];
	(void)ac_err_sys(err, errno, "a pipe to gpg");
	(void)close(p[1]);
	return -1;
}

int ac_gpg_verify(const struct ac_buf *ring,
		  const struct ac_pgp_sigpacket *const *p, size_t n,
		  const struct ac_gpg_data *d, struct ac_buf *out,
		  struct ac_err *err)
{
	static const char *const words[] = {"--status-fd", "1", "--verify",
					    "--", "-&4"};
	AC_CLEANUP(close_all) struct gpg g = GPG_INIT;
	struct ac_err later = AC_ERR_INIT;
	AC_CLOSE int pipe = pipe_to(&g, err);
	int r;

	if (pipe < 0 || prepare(&g, ring, err) < 0 ||
	    begin(&g, words, AC_LEN(words), err) < 0)
		return -1;
	ac_own_closep(&g.in);
	g.in = -1;
	r = ac_pgp_inline_write(p, n, d, pipe, err);
	(void)close(ac_steal_fd(&pipe));
	/* Without the rest it ends as well. */
	if (end(&g, out, r < 0 ? &later : err) < 0 || r < 0)
		return -1;
	return out->len != 0 ? 0
			     : ac_err_set(err, AC_E_SYS,
					  "gpg says nothing of the signature");
}

int ac_gpg_ask_keys(const struct ac_buf *keys, struct ac_buf *out,
		    struct ac_err *err)
{
	static const char *const words[] = {
		"--with-colons", "--with-fingerprint", "--with-fingerprint",
		/* Nothing about trust. */
		"--fast-list-mode", "--import-options", "import-show",
		"--dry-run", "--import", "--", "-&4"};
	AC_CLEANUP(close_all) struct gpg g = GPG_INIT;

	g.in = memory(keys, err);
	if (g.in < 0 || prepare(&g, NULL, err) < 0 ||
	    begin(&g, words, AC_LEN(words), err) < 0)
		return -1;
	return end(&g, out, err);
}
