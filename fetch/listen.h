/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_LISTEN_H
#define AC_FETCH_LISTEN_H

/* The socket that a server listens on. */

#include "common/base/attr.h"

struct ac_err;

/* Listen on "ADDR:PORT": ADDR a name, an IPv4 address, an IPv6 address in
 * brackets, or nothing for all; port 0 picks a free one.  Returns the
 * descriptor; *bound gets the address with the port that it has (caller
 * frees). */
AC_MUSTUSE int listen_on(const char *where, char **bound, struct ac_err *err);

#endif
