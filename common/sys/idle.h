/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_IDLE_H
#define AC_SYS_IDLE_H

/*
 * Turns for work that can wait: one comes when a processor has nothing better
 * to do.  Something that others do not wait for yet then runs in the gaps of
 * what they do wait for, and at its own priority when it must be finished: a
 * thread or process of SCHED_IDLE (sched(7)) would not get back from there
 * without privileges, and hardly runs where all processors are busy.
 *
 *	worker				whoever needs its result
 *	for each piece:			ac_idle_end(i);
 *		ac_idle_wait(i);	(wait for the worker)
 *		(do it)			ac_idle_free(i);
 */

#include "common/base/attr.h"

struct ac_idle;

/* NULL when no turns can be had: then nothing waits for one.  All below take
 * NULL. */
AC_MUSTUSE struct ac_idle *ac_idle_new(void);
/* Wait for a turn; not at all after ac_idle_end.  For one thread at a time. */
void ac_idle_wait(struct ac_idle *i);
/* From now on nobody waits. */
void ac_idle_end(struct ac_idle *i);
/* The same; nobody waits or will. */
void ac_idle_free(struct ac_idle *i);

#endif
