/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_INTERRUPT_H
#define AC_SYS_INTERRUPT_H

/* Ending early without leaving anything behind: SIGINT, SIGTERM and SIGHUP set
 * a flag, which every transfer and every loop over bytes looks at.  The same
 * signal again ends the process at once. */

#include <stdatomic.h>

#include "common/base/attr.h"

struct ac_err;

/* Begin to catch; signals that are ignored stay so.  Returns the flag: 0, a
 * signal's number, or -1 after ac_interrupt_halt. */
const atomic_int *ac_interrupt_catch(void);

/* Make other threads end too, because one has failed. */
void ac_interrupt_halt(void);

/* 0, or -1 with AC_E_SYS when it is time to end. */
AC_MUSTUSE int ac_interrupt_check(struct ac_err *err);

/* The exit code for the signal that came: 128 and its number; 0: none did. */
int ac_interrupt_code(void);

#endif
