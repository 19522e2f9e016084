/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_CHANGE_H
#define ACBUILD_CHANGE_H

struct ac_call;
struct ac_err;
struct work;

typedef int (*change_fn)(struct work *w, const struct ac_call *c,
			 struct ac_err *err);

/* A command that changes the build under way: open it, let FN change it,
 * remember the command in its history, save it.  What else than 0 FN returns,
 * an exit code, is returned, and nothing remembered. */
int change(const struct ac_call *c, change_fn fn, struct ac_err *err);

/* Remember the command C in W's history, unless --no-history. */
void change_note(struct work *w, const struct ac_call *c);

/* -1 when --modify was given, with which the command C does not go. */
int no_modify(const struct ac_call *c, struct ac_err *err);

#endif
