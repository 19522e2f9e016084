/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_ATTR_H
#define AC_BASE_ATTR_H

/* Compiler attributes, and nothing else.  No functions, no includes. */

#define AC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define AC_MUSTUSE           __attribute__((warn_unused_result))
#define AC_NORETURN          __attribute__((noreturn))
#define AC_UNUSED            __attribute__((unused))
#define AC_CLEANUP(fn)       __attribute__((cleanup(fn)))
#define AC_FALLTHROUGH       __attribute__((fallthrough))

#define AC_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
