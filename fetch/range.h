/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_RANGE_H
#define AC_FETCH_RANGE_H

/* What clients ask for in headers (RFC 9110, 13 and 14). */

#include <stdbool.h>
#include <stdint.h>

/* Sort out a Range header for a file of SIZE bytes: 1 and the part, 0 when it
 * is to be ignored (another unit, several ranges, not well-formed), -1 when it
 * lies behind the end. */
int range_parse(const char *header, uint64_t size, uint64_t *off,
		uint64_t *len);

/* Is ETAG ("\"x\"") in an If-None-Match list?  Weak ones compare too. */
bool etag_listed(const char *list, const char *etag);

#endif
