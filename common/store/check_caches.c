/* SPDX-License-Identifier: Apache-2.0 */
/* What is there to save time: it is never trusted, and what is not right there
 * is of no use to anybody. */
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/check_priv.h"
#include "common/store/partial.h"
#include "common/store/webcache.h"
#include "common/sys/interrupt.h"

struct cache {
	const char *dir;
	const char *object;
	int (*names)(const struct ac_store *s, struct ac_strv *out,
		     struct ac_err *err);
	int (*check)(const struct ac_store *s, const char *name,
		     struct ac_err *err);
	int (*remove)(const struct ac_store *s, const char *name,
		      struct ac_err *err);
};

static const struct cache caches[] = {
	{"http", "note", ac_webcache_names, ac_webcache_check,
	 ac_webcache_remove},
	{"partial", "download", ac_partial_names, ac_partial_check,
	 ac_partial_remove},
};

/* What does not belong there is a fault: no program of ours leaves it.  Notes
 * are not flushed, so that a power cut may leave anything in them. */
static int check_one(struct check *c, const struct cache *k, const char *name,
		     struct ac_err *err)
{
	struct ac_err bad = AC_ERR_INIT;

	if (ac_interrupt_check(err) < 0)
		return -1;
	if (k->check(c->s, name, &bad) == 0)
		return 0;
	if (bad.code == AC_E_SYS) {
		*err = bad;
		return -1;
	}
	if (c->o->repair && k->remove(c->s, name, err) < 0)
		return -1;
	if (bad.code == AC_E_INVALID) {
		AC_FREE char *path = ac_xasprintf("%s/%s", k->dir, name);

		check_told(c, "file", path, bad.msg, "it was removed",
			   "it would be removed");
		return 0;
	}
	check_leftover(c, k->object, name, bad.msg, "it was removed");
	return 0;
}

int check_caches(struct check *c, struct ac_err *err)
{
	for (size_t i = 0; i < AC_LEN(caches); i++) {
		AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

		if (caches[i].names(c->s, &names, err) < 0)
			return -1;
		for (size_t n = 0; n < names.n; n++)
			if (check_one(c, &caches[i], names.v[n], err) < 0)
				return -1;
	}
	return 0;
}
