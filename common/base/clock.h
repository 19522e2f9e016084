/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_CLOCK_H
#define AC_BASE_CLOCK_H

/* Time that only passes, whatever is done to the date. */

#include <stdint.h>

/* Milliseconds since some moment before (CLOCK_MONOTONIC). */
int64_t ac_clock_ms(void);

#endif
