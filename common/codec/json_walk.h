/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_JSON_WALK_H
#define AC_CODEC_JSON_WALK_H

/*
 * The text of a JSON document, walked through to say where in it something
 * stands, or where it stops being JSON: documents (json.h) know values and not
 * their places, and places are needed only for messages.
 */

#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

/* From 1; columns are characters, not bytes. */
struct ac_json_place {
	unsigned int line, column;
	size_t offset; /* in bytes, from 0 */
};

/* A value at PATH ("app.ports[2].name"; "" is the document) begins at *at;
 * of a member that is where its key does. */
typedef void (*ac_json_visit_fn)(void *ctx, const char *path,
				 const struct ac_json_place *at);

/* Go through LEN bytes and tell VISIT (or NULL) of every value.  Text that is
 * not JSON (RFC 8259, and at most AC_JSON_MAX_DEPTH levels; keys may be
 * repeated) is AC_E_INVALID, with line and column of the first character that
 * is wrong and a message without them. */
AC_MUSTUSE int ac_json_walk(const char *text, size_t len,
			    ac_json_visit_fn visit, void *ctx,
			    struct ac_err *err);

/* The place of the byte at OFFSET. */
struct ac_json_place ac_json_place_of(const char *text, size_t len,
				      size_t offset);

/* The line LINE of the text and, below it, a mark under COLUMN, as two lines
 * to show: a part of it when it is long, without control characters.  Caller
 * frees. */
AC_MUSTUSE char *ac_json_excerpt(const char *text, size_t len,
				 unsigned int line, unsigned int column);

#endif
