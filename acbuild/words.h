/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_WORDS_H
#define ACBUILD_WORDS_H

/*
 * The text of a script as command lines of words, by the rules of the first
 * implementation, which scripts rely on:
 *
 *	A line that ends with a backslash goes on in the next one.
 *	Space and tab part words, but not between ' and ' or " and ".
 *	A backslash takes the character behind it as it is, also in quotes.
 *	A '#' outside of quotes begins a comment, also within a word.
 *
 * And, not by it: '' is an empty word.
 */

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;

struct words {
	struct ac_str rest; /* of the text: borrowed */
	unsigned int next;  /* the number of the line it begins with, from 1 */
	unsigned int line;  /* where the command line that was read began */
	struct ac_strv v;   /* its words */
};

/* Begin to read TEXT, which is borrowed. */
#define WORDS_OF(text) ((struct words){.rest = (text), .next = 1})

/* Read the next command line that has words: 1, or 0 at the end.  A quote or
 * an escape that does not end is AC_E_INVALID, with w->line set. */
AC_MUSTUSE int words_next(struct words *w, struct ac_err *err);

/* Free the words. */
void words_release(struct words *w);

#endif
