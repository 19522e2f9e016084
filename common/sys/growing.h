/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_GROWING_H
#define AC_SYS_GROWING_H

/*
 * How far a file has grown: one thread writes it and says so, another reads it
 * from its start at the same time, by pread, and waits where it ends so far.
 *
 *	writer				reader
 *	ac_growing_init(&g);		while (ac_growing_wait(&g, at, &size,
 *	ac_growing_to(&g, size);			       err) == 0 &&
 *	ac_growing_end(&g);		       size != at)
 *					        (read from at up to size)
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_idle;

struct ac_growing {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t size;        /* bytes that can be read */
	bool ended;           /* and that is all */
	bool aborted;         /* it will not be completed */
	struct ac_idle *idle; /* the reader's turns; NULL: none */
};

void ac_growing_init(struct ac_growing *g);
/* Before there is a reader: it has time until the end, and gets its turns when
 * a processor is idle (idle.h). */
void ac_growing_patient(struct ac_growing *g);
void ac_growing_release(struct ac_growing *g); /* no thread waits any more */

/* SIZE bytes, never less than before, are there. */
void ac_growing_to(struct ac_growing *g, uint64_t size);
/* There will be no more. */
void ac_growing_end(struct ac_growing *g);
/* Nobody needs to read it: every wait fails from now on. */
void ac_growing_abort(struct ac_growing *g);

/* Wait until there are more than HAVE bytes, or there will be no more; *size
 * gets how many there are.  -1 after an abort. */
AC_MUSTUSE int ac_growing_wait(struct ac_growing *g, uint64_t have,
			       uint64_t *size, struct ac_err *err);
/* Wait until it is complete. */
AC_MUSTUSE int ac_growing_wait_end(struct ac_growing *g, struct ac_err *err);

/* The reader, before each piece: wait for its turn.  At once behind the end,
 * and when nothing was said of patience. */
void ac_growing_turn(struct ac_growing *g);

#endif
