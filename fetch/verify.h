/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_VERIFY_H
#define AC_FETCH_VERIFY_H

/*
 * Is this image signed by keys that are trusted for its name, and by enough of
 * them?  (The keys and the policy are those of the keystore, see keystore.h and
 * policy.h; the kinds of signatures are those of sig.h.)
 *
 *	AC_CLEANUP(verify_release) struct verify v = VERIFY_INIT;
 *
 *	if (verify_start(&v, g, name, what, err) < 0)
 *		return -1;
 *	for (size_t k = 0; k < AC_SIG_KINDS; k++)
 *		if (verify_wants(&v, k))
 *			(fetch what is beside the image with the suffix
 *			ac_sig_methods[k]->suffix, and verify_add() it)
 *	if (verify_known(&v, err) < 0)
 *		return -1;	(the image need not be fetched)
 *	(fetch the image into a file; verify_begin() and verify_more() as it
 *	grows have it verified at the same time)
 *	return verify_image(&v, manifest->name, fd, &signers, err);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/store/policy.h"
#include "common/store/sig.h"
#include "fetch/cmd.h"

struct ac_err;

/* A signature file. */
struct verify_file {
	size_t kind;
	struct ac_buf text;
	char *source;
};

/* One image on its way. */
struct verify {
	const struct globals *g;
	char *name; /* NULL: not known yet */
	char *what; /* the image, in messages */
	struct ac_sig_keys keys;
	struct ac_policy policy;
	struct verify_file *files;
	size_t n;
	struct verify_run *run; /* what began; NULL: nothing did */
};
#define VERIFY_INIT \
	((struct verify){.keys = AC_SIG_KEYS_INIT, .policy = AC_POLICY_INIT})
void verify_release(struct verify *v);

/* Take the keys and the policy for images called NAME; NULL, the name is not
 * known yet: all keys that are trusted for any name. */
AC_MUSTUSE int verify_start(struct verify *v, const struct globals *g,
			    const char *name, const char *what,
			    struct ac_err *err);

/* Is a signature of the kind to be looked for beside the image?  (Bare ones
 * never are: nothing says whose they are.)  Where no key is trusted, OpenPGP's
 * are, so that it can be said whose key is missing. */
bool verify_wants(const struct verify *v, size_t kind);

/* Add a signature file: TEXT is taken over.  KIND is AC_SIG_KINDS when nobody
 * knows what it is.  SOURCE names it in messages. */
AC_MUSTUSE int verify_add(struct verify *v, size_t kind, struct ac_buf *text,
			  const char *source, struct ac_err *err);

/* Before the image is there: by what the signatures say of themselves, could
 * they be enough?  No: AC_E_NOT_FOUND, naming the keys and saying "run: acfetch
 * trust --prefix ..."; no signature file among them: AC_E_INVALID. */
AC_MUSTUSE int verify_known(const struct verify *v, struct ac_err *err);

/* Verify what will be in FD (borrowed until verify_abort or verify_image) in a
 * thread, while it comes.  What began before is forgotten.  Nothing is said of
 * a failure: verify_image does what was not done. */
void verify_begin(struct verify *v, int fd);
/* SIZE bytes can be read of it. */
void verify_more(struct verify *v, uint64_t size);
/* It will not be completed. */
void verify_abort(struct verify *v);

/* Do they sign the content of FD (from its start) by enough keys trusted for
 * NAME, that in the image?  SIGNERS gets their fingerprints.  Good signatures
 * are told, and others warned of. */
AC_MUSTUSE int verify_image(struct verify *v, const char *name, int fd,
			    struct ac_strv *signers, struct ac_err *err);

/* Are the SIGNERS of an image called NAME, whose signatures were good when it
 * came, still trusted, and enough?  (Whether a key expired since is not looked
 * at.) */
bool verify_recorded(const struct globals *g, const char *name,
		     const struct ac_strv *signers);

/* Is any key trusted for images called NAME?  1, 0, -1. */
AC_MUSTUSE int verify_has_keys(const struct globals *g, const char *name,
			       struct ac_err *err);

#endif
