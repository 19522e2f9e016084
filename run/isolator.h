/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_ISOLATOR_H
#define RUN_ISOLATOR_H

/* Isolators: from flags into a manifest, and from a manifest into what the
 * engine enforces. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "run/sandbox/filter.h"
#include "run/sandbox/sandbox.h"

struct ac_err;
struct ac_isolator;
struct ac_json;
struct image_flags;

/* Append those that F asks for to LIST; what may stand only once replaces the
 * one that is there. */
AC_MUSTUSE int isolators_from_flags(struct ac_json *list,
				    const struct image_flags *f,
				    struct ac_err *err);

/* What an app's isolators come to. */
struct isolation {
	struct sb_limits limits;
	uint64_t caps;
	bool no_new_privs;
	bool has_oom_score_adj;
	int oom_score_adj;
	const struct sock_filter *filter;
	size_t n_filter;
	struct ac_filter made; /* owns it, unless it is the default */
};

/* Work out V[0..n), of an app or, with IN_POD, of the pod (limits alone).
 * INSECURE is of enum ac_insecure.  What nothing here enforces is put into
 * UNENFORCED. */
AC_MUSTUSE int isolation_make(struct isolation *out,
			      const struct ac_isolator *v, size_t n,
			      bool in_pod, unsigned int insecure,
			      struct ac_strv *unenforced, struct ac_err *err);
void isolation_release(struct isolation *i);

/* seccomp.c: the filter of a retain or remove set. */
AC_MUSTUSE int seccomp_make(struct isolation *out, const struct ac_json *value,
			    bool retain, struct ac_strv *unenforced,
			    struct ac_err *err);

#endif
