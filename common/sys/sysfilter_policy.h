/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_SYSFILTER_POLICY_H
#define AC_SYS_SYSFILTER_POLICY_H

/*
 * The default policy, as data.  A call not named here and known is refused
 * with EPERM, one not known with ENOSYS.  Names are separated by spaces; some
 * exist on other architectures only.
 */

#include <stdint.h>

/* A set of calls that comes with any of these capabilities (0: for all). */
struct ac_filter_group {
	uint64_t caps;
	const char *names;
};

/* Groups; the last has no names. */
extern const struct ac_filter_group AC_FILTER_GROUPS[];

/* Calls refused with ENOSYS: a C library or program then takes an older way
 * that can be filtered, or does without. */
extern const char AC_FILTER_ABSENT[];

/* What AC_FILTER_RETAIN allows whatever its list says. */
extern const char AC_FILTER_ALWAYS[];

#endif
