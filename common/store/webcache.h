/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_WEBCACHE_H
#define AC_STORE_WEBCACHE_H

/*
 * What a web server said about an image of the store, by the URL it came from
 * (spec/store.md S70): a file http/HEX.json each, HEX the SHA-256 of the URL.
 * It is advice only: without it an image is fetched again.
 *
 *	AC_CLEANUP(ac_webcache_release) struct ac_webcache c = AC_WEBCACHE_INIT;
 *
 *	if (ac_webcache_read(store, url, &c) && ac_webcache_fresh(&c, now))
 *		...c.image is what the URL gives...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

struct ac_webcache {
	char *image;      /* id */
	char *url;        /* for people, without secrets; or NULL */
	char *etag;       /* or NULL */
	char *modified;   /* Last-Modified, or NULL */
	int64_t checked;  /* when the server was asked: seconds since 1970 */
	uint64_t max_age; /* for so many seconds that is enough */
};

#define AC_WEBCACHE_INIT ((struct ac_webcache){.image = NULL})
void ac_webcache_release(struct ac_webcache *c);

/* What is known about URL.  False: nothing; a file that cannot be understood is
 * nothing too, and is told by a warning. */
bool ac_webcache_read(const struct ac_store *s, const char *url,
		      struct ac_webcache *out);

/* Need the server not be asked at NOW? */
bool ac_webcache_fresh(const struct ac_webcache *c, int64_t now);

/* Keep it, for a process that may be killed at any time; a power cut may lose
 * it.  What says nothing of use takes away what was there. */
AC_MUSTUSE int ac_webcache_write(const struct ac_store *s, const char *url,
				 const struct ac_webcache *c,
				 struct ac_err *err);

/* Remove what is about images that the store does not have (any more), and what
 * cannot be understood or does not belong there.  Nobody else writes there
 * meanwhile: the caller has the store alone. */
AC_MUSTUSE int ac_webcache_forget(const struct ac_store *s, struct ac_err *err);

/* --- for who checks the store, and for tests --- */

/* All names in http/, sorted; none when there is no such directory. */
AC_MUSTUSE int ac_webcache_names(const struct ac_store *s, struct ac_strv *out,
				 struct ac_err *err);
/* Is http/NAME as it should be?  0, or AC_E_INVALID: it does not belong there;
 * AC_E_VERIFY: it is damaged, or was left by a process that was killed;
 * AC_E_NOT_FOUND: its image is not in the store. */
AC_MUSTUSE int ac_webcache_check(const struct ac_store *s, const char *name,
				 struct ac_err *err);
/* Remove http/NAME, whatever it is. */
AC_MUSTUSE int ac_webcache_remove(const struct ac_store *s, const char *name,
				  struct ac_err *err);

/* What a file says in TEXT, by the name of which it is about the URL with the
 * SHA-256 HASH.  *out is INIT before, and to be released also on failure. */
AC_MUSTUSE int ac_webcache_parse(const char *text, size_t len, const char *hash,
				 struct ac_webcache *out, struct ac_err *err);

#endif
