/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_STACK_H
#define AC_STORE_STACK_H

/*
 * Looking things up in the merged view of some layers, as an overlay of them
 * would show it, without mounting one.  One component after the other is opened
 * in each layer, none followed, so that no name of an image leads anywhere
 * else.  For the store, and
 * for who builds images of layers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_stack {
	const int *roots; /* rootfs of each layer, bottom first; borrowed */
	size_t n;
};

struct ac_hit {
	char *path;   /* where it is, all links on the way resolved */
	int parent;   /* directory that has it, in the topmost layer; owned */
	char *name;   /* its last component; "" for the root */
	size_t layer; /* that layer: index in roots */
	struct stat st;
};
#define AC_HIT_INIT ((struct ac_hit){.parent = -1})
void ac_hit_release(struct ac_hit *h);

/* Find PATH (clean): 1, 0 when it is not there, -1.  Links on the way are
 * followed as a process with this root would when FOLLOW, and otherwise hide
 * what is behind them; the last component never is followed, unless PATH ends
 * in "/.".  With FOLLOW h->path is also set when nothing is there: where it
 * would be. */
AC_MUSTUSE int ac_stack_find(const struct ac_stack *s, const char *path,
			     bool follow, struct ac_hit *h, struct ac_err *err);

/* Has NAME in DIRFD overlay's mark that nothing below it is visible? */
bool ac_stack_opaque(int dirfd, const char *name);
/* Does ST say that overlay takes it for a whiteout? */
bool ac_stack_whiteout(const struct stat *st);

#endif
