/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/acifile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgpcrypt.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"

/* What is read of a pipe at once, so that it can be looked at: enough to know
 * tar, and little enough to be written to another pipe in one piece. */
enum { LOOK = 512 };
enum { PART = 256 << 10, PIPE = 1 << 20, POLL_MS = 200 };

/* A plain file is read as it is.  Else a thread reads it, decrypts it and
 * writes a pipe, which .fd reads; what cannot seek goes the same way, because
 * only reading tells whether it is encrypted. */
struct ac_aci_file {
	int fd;
	char *path;
	bool threaded, encrypted;

	pthread_t thread;
	bool running;
	int in, out; /* the thread's, while it runs */
	struct ac_secret *secret;
	struct ac_pgp_decrypt *decrypt;
	int rc; /* the thread's, when it was joined */
	struct ac_err err;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	enum { WAITING, FLOWING, ENDED } state;
};

static int check_type(int fd, const char *path, struct stat *st,
		      struct ac_err *err)
{
	if (fstat(fd, st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", path);
	if (S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) ||
	    S_ISSOCK(st->st_mode))
		return 0;
	return ac_err_set(err, AC_E_INVALID, "'%s' is %s, not an image file",
			  path,
			  S_ISDIR(st->st_mode) ? "a directory" : "a device");
}

/* --- the thread --- */

static void tell(struct ac_aci_file *f, int state)
{
	(void)pthread_mutex_lock(&f->lock);
	f->state = state;
	(void)pthread_cond_signal(&f->cond);
	(void)pthread_mutex_unlock(&f->lock);
}

static int to_pipe(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_aci_file *f = ctx;

	if (f->state == WAITING)
		tell(f, FLOWING);
	if (ac_interrupt_check(err) < 0)
		return -1;
	return ac_io_write(f->out, p, n, f->path, err);
}

/* Read up to N bytes once there are some.  Fails when nobody reads ours any
 * more, and when it is time to end, which reading alone would not notice. */
static ssize_t read_some(const struct ac_aci_file *f, char *buf, size_t n,
			 struct ac_err *err)
{
	struct pollfd p[] = {{.fd = f->in, .events = POLLIN}, {.fd = f->out}};
	ssize_t got = -1;

	while (got < 0) {
		int ready = poll(p, AC_LEN(p), POLL_MS);

		if (ac_interrupt_check(err) < 0)
			return -1;
		if (ready > 0 && (p[1].revents & POLLERR) != 0)
			return ac_err_sys(err, EPIPE, "read '%s'", f->path);
		if (ready <= 0 || p[0].revents == 0)
			continue;
		got = read(f->in, buf, n);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return ac_err_sys(err, errno, "read '%s'", f->path);
	}
	return got;
}

static int pass(struct ac_aci_file *f, const char *p, size_t n,
		struct ac_err *err)
{
	return f->decrypt != NULL ? ac_pgp_decrypt_feed(f->decrypt, p, n, err)
				  : to_pipe(f, p, n, err);
}

/* Is this the beginning of an encrypted image? */
static void look(struct ac_aci_file *f, const char *head, size_t n)
{
	if (!ac_pgp_is_encrypted(head, n))
		return;
	f->encrypted = true;
	f->decrypt = ac_pgp_decrypt_new(f->secret, f->path, to_pipe, f);
}

static int run(struct ac_aci_file *f, char *buf, struct ac_err *err)
{
	size_t head = 0;
	ssize_t n = 1;

	while (n > 0 && head < LOOK) {
		n = read_some(f, buf + head, LOOK - head, err);
		head += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return -1;
	look(f, buf, head);
	for (n = (ssize_t)head; n > 0; n = read_some(f, buf, PART, err))
		if (pass(f, buf, (size_t)n, err) < 0)
			return -1;
	if (n < 0)
		return -1;
	return f->decrypt != NULL ? ac_pgp_decrypt_finish(f->decrypt, err) : 0;
}

static void *work(void *ctx)
{
	struct ac_aci_file *f = ctx;
	AC_FREE char *buf = ac_xmalloc(PART);
	sigset_t pipes;

	/* Who reads may end early. */
	(void)sigemptyset(&pipes);
	(void)sigaddset(&pipes, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipes, NULL);
	f->rc = run(f, buf, &f->err);
	explicit_bzero(buf, PART);
	/* In this order: who sees the end can ask how it was. */
	tell(f, ENDED);
	(void)close(f->out);
	return NULL;
}

/* Wait for the thread: how did it end? */
static int join(struct ac_aci_file *f, struct ac_err *err)
{
	if (f->running)
		(void)pthread_join(f->thread, NULL);
	f->running = false;
	if (f->rc < 0)
		*err = f->err;
	return f->rc;
}

/* A state that is not BELOW. */
static int wait_for(struct ac_aci_file *f, int below)
{
	int state;

	(void)pthread_mutex_lock(&f->lock);
	while ((int)f->state < below)
		(void)pthread_cond_wait(&f->cond, &f->lock);
	state = (int)f->state;
	(void)pthread_mutex_unlock(&f->lock);
	return state;
}

static int start(struct ac_aci_file *f, struct ac_err *err)
{
	int p[2];
	int r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	(void)fcntl(p[1], F_SETPIPE_SZ, PIPE);
	f->in = f->fd;
	f->fd = p[0];
	f->out = p[1];
	r = pthread_create(&f->thread, NULL, work, f);
	if (r != 0) {
		(void)close(f->out);
		return ac_err_sys(err, r, "start a thread");
	}
	f->running = true;
	/* A wrong passphrase is told here, and not by who reads nothing. */
	return wait_for(f, FLOWING) == ENDED ? join(f, err) : 0;
}

/* A file that can be looked at needs no thread when it is not encrypted. */
static int begin(struct ac_aci_file *f, bool regular, struct ac_err *err)
{
	char head[AC_PGP_HEAD];
	ssize_t n;

	if (!regular)
		return start(f, err);
	n = pread(f->fd, head, sizeof(head), 0);
	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", f->path);
	return ac_pgp_is_encrypted(head, (size_t)n) ? start(f, err) : 0;
}

struct ac_aci_file *ac_aci_file_open(const char *path, struct ac_secret *secret,
				     struct ac_err *err)
{
	int fd = strcmp(path, "-") == 0
			 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		(void)ac_err_sys(err, errno, "open '%s'", path);
		return NULL;
	}
	return ac_aci_file_adopt(fd, path, secret, err);
}

struct ac_aci_file *ac_aci_file_adopt(int taken, const char *path,
				      struct ac_secret *secret,
				      struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLOSE int fd = taken;
	struct stat st;

	if (check_type(fd, path, &st, err) < 0)
		return NULL;
	f = ac_xcalloc(1, sizeof(*f));
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->cond, NULL);
	f->in = -1;
	f->fd = ac_steal_fd(&fd);
	f->path = ac_xstrdup(path);
	f->secret = secret;
	if (begin(f, S_ISREG(st.st_mode), err) < 0) {
		(void)ac_err_ctx(err, "'%s'", path);
		return NULL;
	}
	return ac_steal_ptr(&f);
}

static ssize_t peek_pipe(struct ac_aci_file *f, void *p, size_t n,
			 struct ac_err *err)
{
	AC_CLOSE int from = -1;
	AC_CLOSE int to = -1;
	int fds[2];
	ssize_t got;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	from = fds[0];
	to = fds[1];
	(void)wait_for(f, FLOWING);
	do
		got = tee(f->fd, to, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return ac_err_sys(err, errno, "read '%s'", f->path);
	return got == 0 ? 0 : ac_io_read(from, p, (size_t)got, f->path, err);
}

ssize_t ac_aci_file_peek(struct ac_aci_file *f, void *p, size_t n,
			 struct ac_err *err)
{
	ssize_t got;

	if (f->in >= 0)
		return peek_pipe(f, p, n, err);
	do
		got = pread(f->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? (ssize_t)ac_err_sys(err, errno, "read '%s'", f->path)
		       : got;
}

bool ac_aci_file_encrypted(struct ac_aci_file *f)
{
	if (f->running)
		(void)wait_for(f, FLOWING);
	return f->encrypted;
}

/* What is wrong with the message explains what is wrong with its content. */
static int result(struct ac_aci_file *f, int rc, struct ac_err *err)
{
	if (rc < 0 && err->code != AC_E_INVALID && err->code != AC_E_VERIFY)
		return -1;
	if (ac_aci_file_end(f, err) < 0)
		return -1;
	return rc;
}

int ac_aci_file_read(struct ac_aci_file *f, const struct ac_aci_events *ev,
		     struct ac_digest *id, enum ac_zip *zip, struct ac_err *err)
{
	return result(f, ac_aci_read_fd(f->fd, f->path, ev, id, zip, err), err);
}

int ac_aci_file_manifest(struct ac_aci_file *f, char **text, size_t *len,
			 struct ac_err *err)
{
	int rc = ac_aci_manifest_fd(f->fd, f->path, text, len, err);
	int ret = result(f, rc, err);

	if (rc == 0 && ret < 0) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

int ac_aci_file_fd(const struct ac_aci_file *f)
{
	return f->fd;
}

/* Only the end of an encrypted image tells whether it was changed. */
static int drain(struct ac_aci_file *f, struct ac_err *err)
{
	AC_FREE char *buf = ac_xmalloc(PART);
	ssize_t n;

	do
		n = read(f->fd, buf, PART);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? ac_err_sys(err, errno, "read '%s'", f->path) : 0;
}

int ac_aci_file_end(struct ac_aci_file *f, struct ac_err *err)
{
	int state;

	if (f->running && f->encrypted && drain(f, err) < 0)
		return -1;
	if (f->running) {
		state = wait_for(f, f->encrypted ? ENDED : FLOWING);
		if (state != ENDED)
			return 0;
	}
	return join(f, err) < 0 ? ac_err_ctx(err, "'%s'", f->path) : 0;
}

void ac_aci_file_free(struct ac_aci_file *f)
{
	struct ac_err ignored;

	if (f == NULL)
		return;
	(void)close(f->fd);
	(void)join(f, &ignored);
	if (f->in >= 0)
		(void)close(f->in);
	ac_pgp_decrypt_free(f->decrypt);
	(void)pthread_cond_destroy(&f->cond);
	(void)pthread_mutex_destroy(&f->lock);
	free(f->path);
	free(f);
}

void ac_aci_file_expect(const char *path)
{
	AC_CLOSE int fd = -1;
	char head[AC_PGP_HEAD];
	struct stat st;
	ssize_t n;

	/* Who writes a pipe would take us for its reader. */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;
	if (n > 0 && ac_pgp_is_encrypted(head, (size_t)n))
		ac_secret_start_agent();
}
