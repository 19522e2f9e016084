/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_VERSION_H
#define AC_FETCH_VERSION_H

/* Which of two versions is newer: numbers by value, "1.10" behind "1.9"; what
 * follows a '-' makes a pre-release (semantic versioning 2.0.0), and one is
 * older than any release; a leading 'v' and what follows a '+' do not count.
 * Text that is no semantic version is ordered the same way.  Below, at or above
 * zero, as strcmp. */
int version_compare(const char *a, const char *b);

#endif
