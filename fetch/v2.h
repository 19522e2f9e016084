/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_V2_H
#define AC_FETCH_V2_H

/* Repositories as a registry: the reading half of the OCI distribution
 * specification 1.1 (end-1, -2, -3, -8a, -8b) and Docker's API v2, with
 * _catalog.  Writing is 405. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "fetch/answer.h"
#include "fetch/repos.h"

/* Is this path the registry's ("/v2", "/v2/...")? */
bool v2_path(const char *path);

/* Answer a request for such a path. */
AC_MUSTUSE enum MHD_Result v2_answer(struct repos *repos,
				     const struct request *q);

#endif
