/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/growing.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"

/* Its descriptors; what it is given for them has higher numbers. */
enum { RING = 3, SIG = 4, DATA = 5, OURS = 10 };

enum { PIPE_SIZE = 1 << 20, PART = 1 << 20 };

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
	int ring, sig, data; /* -1: none */
	int out, null;
	pid_t pid;
};
#define GPG_INIT \
	((struct gpg){.ring = -1, .sig = -1, .data = -1, .out = -1, .null = -1})

static void close_all(struct gpg *g)
{
	int *all[] = {&g->ring, &g->sig, &g->data, &g->out, &g->null};

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

static int begin(struct gpg *g, const char *const *words, size_t n,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	struct ac_spawn_fd map[6] = {{g->null, STDIN_FILENO},
				     {g->out, STDOUT_FILENO},
				     {g->null, STDERR_FILENO},
				     {g->ring, RING},
				     {g->sig, SIG}};
	size_t fds = 5;

	for (size_t i = 0; i < AC_LEN(basic); i++)
		ac_strv_push(&argv, basic[i]);
	for (size_t i = 0; i < n; i++)
		ac_strv_push(&argv, words[i]);
	if (g->data >= 0)
		map[fds++] = (struct ac_spawn_fd){g->data, DATA};
	g->pid = ac_spawn_start(argv.v, map, fds, err);
	if (g->pid >= 0)
		return 0;
	if (err->code == AC_E_NOT_FOUND)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "signatures need gpg, and it is not "
				  "installed; install the package 'gnupg'");
	return -1;
}

static int prepare(struct gpg *g, const struct ac_buf *ring,
		   const struct ac_buf *sig, struct ac_err *err)
{
	g->null = above(open("/dev/null", O_RDWR | O_CLOEXEC));
	if (g->null < 0)
		return ac_err_sys(err, errno, "open '/dev/null'");
	g->ring = memory(ring, err);
	g->sig = g->ring >= 0 ? memory(sig, err) : -1;
	g->out = g->sig >= 0 ? memory(NULL, err) : -1;
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

/* SIGPIPE of this thread is blocked: gpg may end before it has read all.  *was
 * gets what was blocked before. */
static void hold_pipes(sigset_t *was)
{
	sigset_t pipes;

	(void)sigemptyset(&pipes);
	(void)sigaddset(&pipes, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipes, was);
}

static void release_pipes(const sigset_t *was)
{
	const struct timespec now = {.tv_sec = 0};
	sigset_t pipes;

	(void)sigemptyset(&pipes);
	(void)sigaddset(&pipes, SIGPIPE);
	if (sigismember(was, SIGPIPE) == 0)
		while (sigtimedwait(&pipes, NULL, &now) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, was, NULL);
}

/* Bytes from *AT to at most TO into the pipe PIPE: 1; 0: there are no more, or
 * gpg wants none. */
static int pass_some(const struct ac_gpg_data *d, off64_t *at, uint64_t to,
		     int pipe, struct ac_err *err)
{
	uint64_t left = to - (uint64_t)*at;
	ssize_t n = splice(d->fd, at, pipe, NULL, left < PART ? left : PART, 0);

	if (n > 0 || (n < 0 && errno == EINTR))
		return 1;
	if (n == 0 || errno == EPIPE)
		return 0;
	return ac_err_sys(err, errno, "read '%s'", d->what);
}

/* All of D into the pipe PIPE. */
static int pass(const struct ac_gpg_data *d, int pipe, struct ac_err *err)
{
	uint64_t size = UINT64_MAX;
	off64_t at = 0;
	int r = 1;

	while (r > 0) {
		if (ac_interrupt_check(err) < 0 ||
		    (d->grows != NULL &&
		     ac_growing_wait(d->grows, (uint64_t)at, &size, err) < 0))
			return -1;
		r = (uint64_t)at < size ? pass_some(d, &at, size, pipe, err)
					: 0;
	}
	return r;
}

static int pass_all(struct gpg *g, const struct ac_gpg_data *d, int pipe,
		    struct ac_buf *out, struct ac_err *err)
{
	struct ac_err later = AC_ERR_INIT;
	sigset_t was;
	int r;

	hold_pipes(&was);
	r = pass(d, pipe, err);
	release_pipes(&was);
	(void)close(pipe);
	/* Without the rest it ends as well. */
	if (end(g, out, r < 0 ? &later : err) < 0 || r < 0)
		return -1;
	return out->len != 0 ? 0
			     : ac_err_set(err, AC_E_SYS,
					  "gpg says nothing of the signature");
}

int ac_gpg_verify(const struct ac_buf *ring, const struct ac_buf *sig,
		  const struct ac_gpg_data *d, struct ac_buf *out,
		  struct ac_err *err)
{
	static const char *const words[] = {"--status-fd", "1",   "--verify",
					    "--",          "-&4", "-&5"};
	AC_CLEANUP(close_all) struct gpg g = GPG_INIT;
	AC_CLOSE int pipe = -1;
	int p[2];

	if (prepare(&g, ring, sig, err) < 0)
		return -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "a pipe to gpg");
	pipe = p[1];
	g.data = above(p[0]);
	if (g.data < 0)
		return ac_err_sys(err, errno, "a pipe to gpg");
	/* With a small one it takes longer, no more. */
	(void)fcntl(pipe, F_SETPIPE_SZ, PIPE_SIZE);
	if (begin(&g, words, AC_LEN(words), err) < 0)
		return -1;
	ac_own_closep(&g.data);
	g.data = -1;
	return pass_all(&g, d, ac_steal_fd(&pipe), out, err);
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

	if (prepare(&g, NULL, keys, err) < 0 ||
	    begin(&g, words, AC_LEN(words), err) < 0)
		return -1;
	return end(&g, out, err);
}
