/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/ttyask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"

/* Wait for the terminal: false when a signal says to end.  (A read would be
 * restarted by it.) */
static bool wait_input(int tty)
{
	struct pollfd p = {.fd = tty, .events = POLLIN};
	int r;

	do {
		if (ac_interrupt_code() != 0)
			return false;
		r = poll(&p, 1, 200);
	} while (r == 0 || (r < 0 && errno == EINTR));
	return r > 0;
}

static int read_line(struct ac_secret *s, int tty, struct ac_err *err)
{
	s->len = 0;
	while (wait_input(tty)) {
		char c;

		if (read(tty, &c, 1) != 1)
			break;
		if (c == '\n') {
			s->text[s->len] = '\0';
			s->known = true;
			return 0;
		}
		if (s->len == AC_SECRET_MAX)
			return ac_err_set(err, AC_E_LIMIT,
					  "the passphrase is longer than %d "
					  "bytes",
					  AC_SECRET_MAX);
		s->text[s->len++] = c;
	}
	if (ac_interrupt_check(err) < 0)
		return -1;
	return ac_err_set(err, AC_E_DENIED, "no passphrase was given");
}

int ac_ttyask(struct ac_secret *s, const char *prompt, struct ac_err *err)
{
	AC_CLOSE int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios shown;
	struct termios hidden;
	int r;

	if (tty < 0 || tcgetattr(tty, &shown) < 0)
		return ac_err_set(err, AC_E_DENIED,
				  "a passphrase is needed, and there is no "
				  "terminal to ask on");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ICANON | ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &hidden) < 0)
		return ac_err_sys(err, errno, "hide what is typed");
	r = ac_io_write(tty, prompt, strlen(prompt), "/dev/tty", err);
	if (r == 0)
		r = read_line(s, tty, err);
	(void)tcsetattr(tty, TCSAFLUSH, &shown);
	if (r < 0)
		ac_secret_release(s);
	return r;
}
