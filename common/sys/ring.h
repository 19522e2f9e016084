/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_RING_H
#define AC_SYS_RING_H

/*
 * A bounded pipe of chunks between threads of one process, without copies: the
 * producer fills a chunk in place, each of the consumers (one, or several that
 * all get everything) uses it in place.  Memory is chunks * size, whatever
 * flows through.
 *
 * Producer: p = ac_ring_slot(r, &cap) ... fill ... ac_ring_commit(r, n);
 *           at the end ac_ring_close(r, NULL), or with an error to pass on.
 * Consumer: while ((n = ac_ring_next(r, who, &p, err)) > 0) use; the chunk
 *           stays valid until the next call.  ac_ring_abort(r) makes the
 *           producer's next ac_ring_slot return NULL.
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_ring;

AC_MUSTUSE struct ac_ring *ac_ring_new(size_t chunks, size_t size,
				       size_t consumers);
void ac_ring_free(struct ac_ring *r);

/* Wait for a free chunk: its memory, *cap bytes; NULL when a consumer gave up.
 */
AC_MUSTUSE void *ac_ring_slot(struct ac_ring *r, size_t *cap);
/* Pass on the first N bytes of the slot (N may be 0: nothing happens). */
void ac_ring_commit(struct ac_ring *r, size_t n);
/* Wait until the consumers have used all that was passed on, or one of them
 * gave up. */
void ac_ring_drain(struct ac_ring *r);
/* No more chunks.  ERR (may be NULL) reaches the consumers behind them. */
void ac_ring_close(struct ac_ring *r, const struct ac_err *err);

/* Next chunk of the consumer WHO, from 0: its size, 0 at the end, -1 with the
 * producer's error. */
AC_MUSTUSE ssize_t ac_ring_next(struct ac_ring *r, size_t who, const void **p,
				struct ac_err *err);
void ac_ring_abort(struct ac_ring *r);

#endif
