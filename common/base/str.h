/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_STR_H
#define AC_BASE_STR_H

/*
 * Two things for text: `struct ac_str`, a borrowed view of bytes passed by
 * value, and `struct ac_strv`, an owned list of strings that ends with NULL
 * (so that it serves as argv or envp).
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_str {
	const char *p; /* borrowed; not terminated */
	size_t len;
};

/* For printf("%.*s", AC_STR_FMT(s)). */
#define AC_STR_FMT(s) (int)(s).len, (s).p

struct ac_str ac_str(const char *s); /* of a C string; NULL gives "" */
struct ac_str ac_strn(const char *p, size_t len);
bool ac_str_eq(struct ac_str a, const char *b);
/* The same in any case of letters (ASCII). */
bool ac_str_eq_any_case(struct ac_str a, const char *b);
bool ac_str_starts(struct ac_str s, const char *prefix);
bool ac_str_ends(struct ac_str s, const char *suffix);

/* Take the part before the first SEP into *head and leave what follows it in
 * *s.  False (and *head is all of *s, which becomes empty) without a SEP. */
bool ac_str_cut(struct ac_str *s, char sep, struct ac_str *head);

/* Drop white space (ASCII) at both ends. */
struct ac_str ac_str_trim(struct ac_str s);

/* True when S has only printable ASCII without quotes or backslashes: safe to
 * show on a terminal as it is. */
bool ac_str_plain(struct ac_str s);

/* S for a message: bytes that could confuse a terminal or its reader (controls,
 * DEL, not valid UTF-8, what turns the direction of text) become \xNN.  Caller
 * frees. */
AC_MUSTUSE char *ac_str_show(const char *s);

/* Length of the UTF-8 sequence at S (which ends with a NUL), or 0 when it is
 * not a valid one (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
 */
size_t ac_utf8_len(const char *s);
/* True when all of S is valid UTF-8. */
bool ac_str_utf8(const char *s);

struct ac_strv {
	char **v; /* owned, with its strings; NULL or ends with NULL */
	size_t n;
};

#define AC_STRV_INIT ((struct ac_strv){.v = NULL})

void ac_strv_push(struct ac_strv *v, const char *s); /* copies S */
void ac_strv_take(struct ac_strv *v, char *s);       /* takes ownership of S */
void ac_strv_pushf(struct ac_strv *v, const char *fmt, ...) AC_PRINTF(2, 3);
/* Put a copy of S before all others. */
void ac_strv_unshift(struct ac_strv *v, const char *s);
bool ac_strv_has(const struct ac_strv *v, const char *s);
/* Sort by byte value. */
void ac_strv_sort(struct ac_strv *v);
/* Free all, leave AC_STRV_INIT. */
void ac_strv_release(struct ac_strv *v);
/* The same for secrets: overwritten first. */
void ac_strv_wipe(struct ac_strv *v);

#endif
