/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OFFERS_H
#define AC_STORE_OFFERS_H

/*
 * What members of `acutils-admin` add to root's store, as root sees it
 * (spec/store.md S93): stores in members/ that belong to others, who may change
 * them at any moment.  Nothing in them is used where it is: ac_store_take
 * (take.h) copies an image and checks it on the way.
 *
 *	AC_CLEANUP(ac_offers_release) struct ac_offers o = AC_OFFERS_INIT;
 *
 *	ac_offers_open(&o, &store);
 *	found = ac_offers_find(&o, id, &by, &record, err);
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

struct ac_offer {
	struct ac_store store; /* no others are read with it */
	uid_t uid;             /* whose it is */
};
struct ac_offers {
	struct ac_offer *v;
	size_t n;
};
#define AC_OFFERS_INIT ((struct ac_offers){.v = NULL})

/* Those in S, which is root's, when root calls; none otherwise.  What is not
 * as a member's store is (of another owner, a link) is told by a warning and
 * passed over. */
void ac_offers_open(struct ac_offers *o, const struct ac_store *s);
void ac_offers_release(struct ac_offers *o);

/* Call FN for each image, as long as it returns 0: at most 4096 of a member,
 * and 64 MiB of his records.  The rest, and records that cannot be read, are
 * told by a warning and passed over. */
typedef int (*ac_offers_each_fn)(void *ctx, const struct ac_offer *by,
				 const struct ac_record *r, struct ac_err *err);
AC_MUSTUSE int ac_offers_each(const struct ac_offers *o, ac_offers_each_fn fn,
			      void *ctx, struct ac_err *err);

/* The image with the full id ID: 1 with its record and whose it is (borrowed
 * from O), 0 when nobody has it. */
int ac_offers_find(const struct ac_offers *o, const char *id,
		   const struct ac_offer **by, struct ac_record *r);

/* Does anybody offer S, by a record's name, the image ID?  Nothing is read:
 * what a member wrote is for a process that is confined. */
bool ac_offers_has(const struct ac_store *s, const char *id);

#endif
