/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_inline.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/pgp_gpg.h"
#include "common/codec/pgp_in.h"
#include "common/sys/growing.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"

/* A part's length is a power of two; the first has the packet's own header as
 * well, and 512 bytes at least (RFC 9580, 4.2.1.4). */
enum {
	HEADER = 6, /* binary, no name, no date */
	FIRST_BITS = 9,
	FIRST = 1 << FIRST_BITS,
	PART_BITS = 20,
	PART = 1 << PART_BITS,
	PARTIAL = 0xe0,
	TURN = 128 << 10, /* what gpg gets at once while it has time */
	NEW = 0xc0,
};

/* The key algorithm, in the packet P. */
static unsigned int algorithm(const struct ac_pgp_sigpacket *p)
{
	struct ac_pgp_in in = {p->p, p->len};
	struct ac_pgp_in body;
	unsigned int tag;
	size_t at = p->version == 4 ? 2 : 15;

	if (!ac_pgp_take_packet(&in, &tag, &body) || body.len <= at)
		return 0;
	return body.p[at];
}

/* Its last eight bytes are the key id of version 4 keys. */
static void add_issuer(const struct ac_pgp_sigpacket *p, struct ac_buf *out)
{
	size_t len = strlen(p->issuer);
	uint8_t id[8] = {0};

	if (len >= 2 * sizeof(id))
		(void)!ac_hex_decode(id, sizeof(id),
				     p->issuer + len - 2 * sizeof(id),
				     2 * sizeof(id));
	ac_buf_add(out, id, sizeof(id));
}

/* RFC 9580, 5.4. */
static void add_one_pass(const struct ac_pgp_sigpacket *p, bool last,
			 struct ac_buf *out)
{
	const unsigned char head[] = {
		NEW | TAG_ONE_PASS,         13, 3, p->type, p->hash,
		(unsigned char)algorithm(p)};

	ac_buf_add(out, head, sizeof(head));
	add_issuer(p, out);
	ac_buf_addc(out, last ? 1 : 0);
}

/* What stands before the data.  They nest: the first signature belongs to the
 * last of these. */
static void add_head(const struct ac_pgp_sigpacket *const *p, size_t n,
		     struct ac_buf *out)
{
	for (size_t i = n; i > 0; i--)
		add_one_pass(p[i - 1], i == 1, out);
	ac_buf_addc(out, (char)(NEW | TAG_LITERAL));
}

static void add_length(size_t n, struct ac_buf *out)
{
	const unsigned char b[] = {0xff, (unsigned char)(n >> 24),
				   (unsigned char)(n >> 16),
				   (unsigned char)(n >> 8), (unsigned char)n};

	ac_buf_add(out, b, sizeof(b));
}

/* How far the data is written, and known. */
struct feed {
	const struct ac_gpg_data *d;
	int pipe;
	off64_t at;
	uint64_t known;
	bool ended; /* known is all */
};

/* The next part: its header to OUT; how many bytes of the data it has. */
static size_t next_part(const struct feed *f, bool *last, struct ac_buf *out)
{
	static const char header[HEADER] = "b";
	size_t own = f->at == 0 ? HEADER : 0;
	size_t n = (f->at == 0 ? FIRST : PART) - own;

	*last = f->known - (uint64_t)f->at < n;
	if (*last) {
		n = (size_t)(f->known - (uint64_t)f->at);
		add_length(n + own, out);
	} else {
		ac_buf_addc(out, (char)(PARTIAL |
					(f->at == 0 ? FIRST_BITS : PART_BITS)));
	}
	ac_buf_add(out, header, own);
	return n;
}

/* Until a part of any size can be made. */
static int learn(struct feed *f, struct ac_err *err)
{
	uint64_t size;

	while (!f->ended && f->known - (uint64_t)f->at < PART) {
		if (ac_growing_wait(f->d->grows, f->known, &size, err) < 0)
			return -1;
		f->ended = size == f->known;
		f->known = size;
	}
	return ac_interrupt_check(err);
}

/* What a write that returned R means: 1; 0 when the reader wants no more. */
static int written(int r, const struct ac_err *err)
{
	if (r < 0 && err->sys == EPIPE)
		return 0;
	return r < 0 ? -1 : 1;
}

static int put(const struct feed *f, const struct ac_buf *b, struct ac_err *err)
{
	return written(ac_io_write(f->pipe, ac_buf_str(b), b->len, "gpg", err),
		       err);
}

/* Where the file system has no splice(2). */
static int put_copied(struct feed *f, size_t n, struct ac_err *err)
{
	off64_t from = f->at;

	f->at += (off64_t)n;
	return written(ac_io_copy(f->d->fd, (uint64_t)from, n, f->pipe,
				  f->d->what, err),
		       err);
}

/* Wait until gpg may have more, of at most N bytes: how many. */
static size_t turn(const struct feed *f, size_t n)
{
	if (f->d->grows == NULL)
		return n;
	ac_growing_turn(f->d->grows);
	return n < TURN ? n : TURN;
}

/* Up to N bytes of the data: 1; 0 when the reader wants no more. */
static int put_some(struct feed *f, size_t n, struct ac_err *err)
{
	ssize_t r = splice(f->d->fd, &f->at, f->pipe, NULL, n, 0);

	if (r > 0 || (r < 0 && errno == EINTR))
		return 1;
	if (r < 0 && errno == EINVAL)
		return put_copied(f, n, err);
	if (r < 0 && errno == EPIPE)
		return 0;
	if (r < 0)
		return ac_err_sys(err, errno, "read '%s'", f->d->what);
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' became shorter while it was read", f->d->what);
}

static int put_data(struct feed *f, size_t n, struct ac_err *err)
{
	const off64_t end = f->at + (off64_t)n;
	int r = 1;

	while (r > 0 && f->at < end)
		r = put_some(f, turn(f, (size_t)(end - f->at)), err);
	return r;
}

static int put_parts(struct feed *f, struct ac_buf *b, struct ac_err *err)
{
	bool last = false;
	int r = 1;

	while (r > 0 && !last) {
		size_t n;

		if (learn(f, err) < 0)
			return -1;
		n = next_part(f, &last, b);
		r = put(f, b, err);
		ac_buf_reset(b);
		if (r > 0)
			r = put_data(f, n, err);
	}
	return r;
}

static int put_all(struct feed *f, const struct ac_pgp_sigpacket *const *p,
		   size_t n, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(SIZE_MAX);
	int r;

	add_head(p, n, &b);
	r = put_parts(f, &b, err);
	for (size_t i = 0; i < n; i++)
		ac_buf_add(&b, p[i]->p, p[i]->len);
	return r > 0 ? put(f, &b, err) : r;
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

int ac_pgp_inline_write(const struct ac_pgp_sigpacket *const *p, size_t n,
			const struct ac_gpg_data *d, int pipe,
			struct ac_err *err)
{
	struct feed f = {.d = d, .pipe = pipe};
	struct stat st;
	sigset_t was;
	int r;

	if (d->grows == NULL) {
		if (fstat(d->fd, &st) < 0)
			return ac_err_sys(err, errno, "size of '%s'", d->what);
		f.known = (uint64_t)st.st_size;
		f.ended = true;
	}
	hold_pipes(&was);
	r = put_all(&f, p, n, err);
	release_pipes(&was);
	return r < 0 ? -1 : 0;
}
