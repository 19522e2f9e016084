/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/tty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/own.h"

enum { CONTROL_D = 4, FIRST_MS = 50, LAST_MS = 60000 };

struct tty *tty_new(int socket)
{
	struct tty *t = ac_xcalloc(1, sizeof(*t));

	t->socket = socket;
	t->master = -1;
	return t;
}

void tty_resize(const struct tty *t)
{
	struct winsize size;

	if (t->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(t->master, TIOCSWINSZ, &size);
}

/* Keys go through as they are: it is the app's terminal that makes signals and
 * lines of them. */
static void make_raw(struct tty *t)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

/* The one message of the socket: a descriptor. */
static void receive(struct tty *t)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t r = recvmsg(t->socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *c = r > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS) {
		memcpy(&t->master, CMSG_DATA(c), sizeof(t->master));
		tty_resize(t);
		make_raw(t);
	}
	(void)!send(t->socket, "", 1, MSG_NOSIGNAL); /* it waits for that */
	(void)close(t->socket);
	t->socket = -1;
}

void tty_poll(const struct tty *t, struct pollfd *p)
{
	bool room = t->master >= 0 && !t->input_over && t->n == 0;

	p[0] = (struct pollfd){.fd = t->master >= 0 ? t->master : t->socket,
			       .events = POLLIN};
	if (t->n != 0)
		p[0].events |= POLLOUT;
	p[1] = (struct pollfd){.fd = room ? STDIN_FILENO : -1,
			       .events = POLLIN};
}

/* From us to the app. */
static void push(struct tty *t)
{
	ssize_t r = write(t->master, t->pending, t->n);

	if (r <= 0)
		return;
	t->n -= (size_t)r;
	memmove(t->pending, t->pending + r, t->n);
}

/* From the app to us.  False when its side is closed. */
static bool pull(struct tty *t)
{
	char text[4096];
	ssize_t r = read(t->master, text, sizeof(text));

	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	for (ssize_t at = 0; at < r;) {
		ssize_t w = write(STDOUT_FILENO, text + at, (size_t)(r - at));

		if (w < 0 && errno != EINTR)
			break;
		at += w > 0 ? w : 0;
	}
	return r > 0;
}

static void hang_up(struct tty *t)
{
	(void)close(t->master);
	t->master = -1;
	t->n = 0;
}

static void take_input(struct tty *t)
{
	ssize_t r = read(STDIN_FILENO, t->pending, sizeof(t->pending));

	if (r < 0 && errno == EINTR)
		return;
	t->n = r > 0 ? (size_t)r : 0;
	if (r <= 0) {
		/* A terminal has no end of file but this key. */
		t->input_over = true;
		t->again_ms = FIRST_MS;
		t->pending[t->n++] = CONTROL_D;
	}
}

int tty_timeout(const struct tty *t)
{
	return t->input_over && t->master >= 0 && t->n == 0 ? t->again_ms : -1;
}

/* The key is lost when the app changes its terminal's mode before it reads, as
 * a shell does; a file's end is there for every read. */
void tty_tell_again(struct tty *t)
{
	if (tty_timeout(t) < 0)
		return;
	t->pending[t->n++] = CONTROL_D;
	if (t->again_ms < LAST_MS)
		t->again_ms *= 2;
}

void tty_serve(struct tty *t, const struct pollfd *p)
{
	if (t->master < 0) {
		if (p[0].revents != 0 && t->socket >= 0)
			receive(t);
		return;
	}
	if ((p[0].revents & POLLOUT) != 0)
		push(t);
	if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !pull(t))
		hang_up(t);
	if (p[1].revents != 0 && t->n == 0)
		take_input(t);
}

void tty_drain(struct tty *t)
{
	if (t->socket >= 0)
		receive(t);
	while (t->master >= 0 && pull(t))
		;
}

void tty_free(struct tty *t)
{
	if (t == NULL)
		return;
	if (t->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
	ac_own_closep(&t->socket);
	ac_own_closep(&t->master);
	free(t);
}
