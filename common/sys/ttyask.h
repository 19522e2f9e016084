/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TTYASK_H
#define AC_SYS_TTYASK_H

/* Passphrases from the terminal itself (/dev/tty), for what gpg-agent has no
 * part in. */

#include "common/base/attr.h"

struct ac_err;
struct ac_secret;

/* Show PROMPT as it is, read one line, which the terminal does not show, into
 * S; it may be empty.  AC_E_DENIED when there is no terminal, or when no line
 * came (Ctrl-D); AC_E_SYS after Ctrl-C.  Needs ac_interrupt_catch, or else a
 * signal leaves the terminal as it is. */
AC_MUSTUSE int ac_ttyask(struct ac_secret *s, const char *prompt,
			 struct ac_err *err);

#endif
