/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PULL_JOB_H
#define AC_FETCH_PULL_JOB_H

/* Between pull_aci.c (an App Container Image, its signature, its checks) and
 * pull_web.c (how it comes from a URL: not at all when it is still the same,
 * and from where an earlier process stopped). */

#include "common/store/partial.h"
#include "common/store/webcache.h"
#include "fetch/events.h"
#include "fetch/puller.h"
#include "fetch/verify.h"

struct ac_progress;

/* One image on its way. */
struct job {
	struct puller *p;
	const struct aci_source *src;
	const struct pull_want *want;
	char *what; /* the source, for messages */
	struct verify verify;
	bool verifying; /* of the bytes that come */
	struct pull_deferred deferred;
	struct ac_ingest *in;
	struct ac_progress *progress;
	struct events_meter meter;

	/* Of a URL. */
	char *url;                  /* in one spelling */
	struct ac_partial *partial; /* until the ingest has it */
	uint64_t resumed; /* bytes of an earlier process that are in use */
	bool cached;      /* the store has an image that this URL gave, */
	struct ac_webcache cache; /* and what was said about it */
};

bool job_verifies(const struct job *j);

/* A sink: CTX is the job. */
AC_MUSTUSE int job_sink(void *ctx, const void *p, size_t n, struct ac_err *err);
/* Now it is known how much will come; CTX is the job. */
void job_on_total(void *ctx, uint64_t total);

/* Make the ingest; PARTIAL (may be NULL) is taken over. */
AC_MUSTUSE int job_ingest(struct job *j, struct ac_partial *partial,
			  struct ac_err *err);

/* Hold the URL against other processes, and look whether the store's image will
 * do: 1 and it is in *out, 0, -1. */
AC_MUSTUSE int web_begin(struct job *j, struct pulled *out, struct ac_err *err);
/* Feed the ingest: 0; 1 when the server says that the store's image still is
 * the one; -1. */
AC_MUSTUSE int web_feed(struct job *j, struct pulled *out, struct ac_err *err);
/* Begin once more, without what an earlier process left. */
AC_MUSTUSE int web_again(struct job *j, struct ac_err *err);
/* The image ID is in the store now: remember what the server said. */
AC_MUSTUSE int web_end(struct job *j, const char *id, struct ac_err *err);

/* Is *err about the bytes that came, so that they are of no use? */
bool pull_is_damage(const struct ac_err *err);

#endif
