/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_PROGRESS_H
#define AC_CLI_PROGRESS_H

/* How far a transfer is, on stderr: a line that rewrites itself on a terminal;
 * otherwise one line every 30 seconds, so that a log tells a slow transfer from
 * a dead one and stays short.  Nothing for what ends sooner.  Where NULL stands
 * for a struct ac_progress, nothing is shown. */

#include <stddef.h>
#include <stdint.h>

struct ac_progress;

/* Begin; LABEL is borrowed; TOTAL 0 when unknown.  Never NULL. */
struct ac_progress *ac_progress_new(const char *label, uint64_t total);
/* N more bytes.  From any thread. */
void ac_progress_add(struct ac_progress *p, uint64_t n);
/* The same as a callback: P is the struct ac_progress. */
void ac_progress_on(void *p, uint64_t n);
/* More to come than was known. */
void ac_progress_expect(struct ac_progress *p, uint64_t n);
/* There are N of ITEM (borrowed: "layer") in it; before any thread adds. */
void ac_progress_items(struct ac_progress *p, const char *item, size_t n);
/* One of them is done.  From any thread. */
void ac_progress_item(struct ac_progress *p);
/* End: the terminal's line is wiped. */
void ac_progress_free(struct ac_progress *p);

#endif
