/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_FILTER_H
#define RUN_SANDBOX_FILTER_H

/* The filter of system calls (common/sys/sysfilter.h) that an app has by
 * default: made when acutils is built (run/gen/filter.c), plain data here. */

#include "common/sys/sysfilter.h"

/* The filter made at build time, for the capabilities FILTER_DEFAULT_CAPS:
 * borrowed, static. */
const struct sock_filter *filter_default(size_t *n);

/* The fourteen of the appc specification, as a set of bits. */
#define FILTER_DEFAULT_CAPS 0xa80425fbULL

#endif
