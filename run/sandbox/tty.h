/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_TTY_H
#define RUN_SANDBOX_TTY_H

/*
 * An app's terminal, joined to the caller's.  The app has a pseudo-terminal of
 * the pod's own devpts; its master arrives here on a socket.  Nothing the app
 * does to its terminal is done to the caller's, and job control works inside.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "common/base/attr.h"

struct tty {
	int socket; /* brings the master; -1 when it has */
	int master; /* -1: not yet, or gone */
	bool raw;   /* the caller's terminal was changed: */
	struct termios saved;
	bool input_over; /* end of our standard input */
	int again_ms;    /* until the app is told so once more */
	char pending[4096];
	size_t n; /* bytes of input that the app has not taken */
};

enum { TTY_POLLS = 2 };

/* A terminal whose master will arrive on SOCKET.  Takes ownership. */
AC_MUSTUSE struct tty *tty_new(int socket);
/* What to wait for: fills P[0..TTY_POLLS). */
void tty_poll(const struct tty *t, struct pollfd *p);
/* How long to wait, for poll(2). */
int tty_timeout(const struct tty *t);
/* That time is over and nothing came. */
void tty_tell_again(struct tty *t);
/* Do what can be done, P being what poll(2) made of it. */
void tty_serve(struct tty *t, const struct pollfd *p);
/* Copy what is left of the output: the app is gone. */
void tty_drain(struct tty *t);
/* Our window's size changed. */
void tty_resize(const struct tty *t);
/* Put the caller's terminal back.  NULL is fine. */
void tty_free(struct tty *t);

#endif
