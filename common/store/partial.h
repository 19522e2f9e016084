/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_PARTIAL_H
#define AC_STORE_PARTIAL_H

/*
 * Downloads that another process may go on with (spec/store.md S80): a
 * directory partial/NAME each, locked while somebody works at it, with
 *
 *	blob	the bytes so far
 *	state	what they are of, and a checksum of each part of them: after a
 *		crash it tells how much of blob is what it should be
 *
 * An ingest writes through it (ingest.h); who downloads opens it:
 *
 *	name = ac_partial_of_url(url);
 *	p = ac_partial_open(store, name, url, &waited, err);
 *	...another process may have got it meanwhile: look, when waited...
 *	in = ac_ingest_new(store, &(struct ac_ingest_opts){.partial = p}, err);
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/codec/unzip.h"
#include "common/store/store.h"

struct ac_err;
struct ac_partial;

/* Names: of what a URL gives, and of a blob.  Caller frees. */
AC_MUSTUSE char *ac_partial_of_url(const char *url);
AC_MUSTUSE char *ac_partial_of_blob(const struct ac_digest *d);

/* Hold NAME, which is made when it is not there.  While another process does,
 * this waits, and says so when *waited is not set yet (WHAT names it), and sets
 * that.  The store is open to add.  NULL on failure, also when it is time to
 * end (interrupt.h). */
AC_MUSTUSE struct ac_partial *ac_partial_open(const struct ac_store *s,
					      const char *name,
					      const char *what, bool *waited,
					      struct ac_err *err);
/* Let it go.  It is removed, unless it is to be kept and is worth it: a later
 * process could tell that it is the beginning of the same. */
void ac_partial_free(struct ac_partial *p, bool keep); /* NULL is fine */

/* It begins from nothing: VALIDATOR (see ac_http_request.begin) and TOTAL, the
 * size, are kept for whoever goes on. */
AC_MUSTUSE int ac_partial_begin(struct ac_partial *p, const char *validator,
				uint64_t total, struct ac_err *err);
/* The next N bytes. */
AC_MUSTUSE int ac_partial_add(struct ac_partial *p, const void *bytes, size_t n,
			      struct ac_err *err);
/* Give SINK all that is there and is as it was written; what is not is cut
 * off. */
AC_MUSTUSE int ac_partial_replay(struct ac_partial *p, ac_sink_fn sink,
				 void *ctx, struct ac_err *err);

uint64_t ac_partial_size(const struct ac_partial *p);
const char *ac_partial_validator(const struct ac_partial *p); /* or NULL */
uint64_t ac_partial_total(const struct ac_partial *p);        /* 0: unknown */
/* The file, and the directory that has it as "blob"; both borrowed. */
int ac_partial_fd(const struct ac_partial *p);
int ac_partial_dir(const struct ac_partial *p);

/* Which of them go, and who is told. */
enum { AC_PARTIAL_GRACE = 7 * 24 * 60 * 60 };
struct ac_partial_sweep {
	int64_t grace; /* seconds that one stays after it was touched last */
	bool dry;      /* tell, and remove nothing */
	void (*tell)(void *ctx, const char *name, uint64_t bytes); /* or NULL */
	void *ctx;
};
/* Of what nobody holds remove what nobody has touched for so long, what nobody
 * can go on with, and what is beyond the 32 that were touched last. */
AC_MUSTUSE int ac_partial_sweep(const struct ac_store *s,
				const struct ac_partial_sweep *o,
				struct ac_err *err);

/* --- for who checks the store --- */

/* All names in partial/, sorted; none when there is no such directory. */
AC_MUSTUSE int ac_partial_names(const struct ac_store *s, struct ac_strv *out,
				struct ac_err *err);
/* Is partial/NAME as S80 says?  0, or AC_E_INVALID: it, or something in it,
 * does not belong there; AC_E_VERIFY: nobody can go on with it. */
AC_MUSTUSE int ac_partial_check(const struct ac_store *s, const char *name,
				struct ac_err *err);
/* Remove partial/NAME, whatever it is. */
AC_MUSTUSE int ac_partial_remove(const struct ac_store *s, const char *name,
				 struct ac_err *err);

/* The first line of a state. */
#define AC_PARTIAL_MAGIC "acutils partial 1"

#endif
