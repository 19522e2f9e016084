/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_FILTER_POLICY_H
#define RUN_SANDBOX_FILTER_POLICY_H

/*
 * The default policy, as data.  A call not named here and known is refused
 * with EPERM, one not known with ENOSYS.  Names are separated by spaces; some
 * exist on other architectures only.
 */

#include <stdint.h>

/* A set of calls that comes with any of these capabilities (0: for all). */
struct filter_group {
	uint64_t caps;
	const char *names;
};

/* Groups; the last has no names. */
extern const struct filter_group FILTER_GROUPS[];

/* Calls refused with ENOSYS: a C library or program then takes an older way
 * that can be filtered, or does without. */
extern const char FILTER_ABSENT[];

/* What FILTER_RETAIN allows whatever its list says. */
extern const char FILTER_ALWAYS[];

#endif
