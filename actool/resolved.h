/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_RESOLVED_H
#define ACTOOL_RESOLVED_H

/* validate --resolved: is a pod manifest ready to run (spec/pod.md, P7)? */

#include <stddef.h>

struct report;

/* When R is a valid pod manifest, add what it lacks to its findings.  Its
 * images are looked for, by id, among the N reports at ALL. */
void resolved_check(struct report *r, const struct report *all, size_t n);

#endif
