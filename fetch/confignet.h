/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CONFIGNET_H
#define AC_FETCH_CONFIGNET_H

/* net.d: the networks of the configuration, files of CNI.  They are listed, and
 * what no CNI plugin could use is an error; no program of ours uses them yet.
 */

#include "common/base/attr.h"

struct ac_config;
struct ac_err;
struct ac_json;

/* The networks of all directories of C, each {"file": ..., "name": ...}, into
 * the array OUT: by directory, then by the name of the file. */
AC_MUSTUSE int confignet_list(struct ac_json *out, const struct ac_config *c,
			      struct ac_err *err);

#endif
