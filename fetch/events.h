/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_EVENTS_H
#define AC_FETCH_EVENTS_H

/*
 * What a pull is doing, for a program that watches it: JSON lines on a
 * descriptor (spec/conventions.md, C34 to C36).  Each line is one write, from
 * any thread.  Every function takes NULL for the events of a run that nobody
 * watches, and then does nothing.
 *
 *	if (events_open(o->events, &e, err) < 0)
 *		return -1;
 *	events_image(e, "example.com/app:1.0");
 *	events_tell(e, "signature", "https://example.com/app.aci.asc", NULL);
 *	events_free(e);
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_json;
struct events;

/* FD is the number of an open descriptor as text; NULL: *out is NULL.  Standard
 * input and output are refused. */
AC_MUSTUSE int events_open(const char *fd, struct events **out,
			   struct ac_err *err);
void events_free(struct events *e);
/* Do they go where people read? */
bool events_on_stderr(const struct events *e);

/* Which operand the events are about from now on. */
void events_image(struct events *e, const char *shown);

/* One event.  FROM, where it comes from, may be NULL; MORE is an object with
 * its other members, or NULL, and is taken over. */
void events_tell(struct events *e, const char *event, const char *from,
		 struct ac_json *more);

/* A download by one thread: an event at its begin, at most five a second, and
 * one at its end. */
struct events_meter {
	struct events *events;
	const char *from; /* borrowed */
	uint64_t bytes, total;
	double shown;
};
/* TOTAL 0: unknown. */
void events_meter_begin(struct events_meter *m, struct events *e,
			const char *from, uint64_t total);
void events_meter_add(struct events_meter *m, uint64_t n);
void events_meter_end(struct events_meter *m);

#endif
