/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_INSECURE_H
#define AC_CLI_INSECURE_H

/* --insecure-options, one list for all programs as scripts give it: names as
 * rkt had them.  What a program has no use for means nothing to it. */

#define AC_INSECURE_VALUES                                                 \
	"none image tls http pubkey all-fetch capabilities paths seccomp " \
	"all-run ondisk all"

enum ac_insecure {
	AC_INSECURE_IMAGE = 1 << 0,        /* no signatures */
	AC_INSECURE_TLS = 1 << 1,          /* no certificates */
	AC_INSECURE_HTTP = 1 << 2,         /* http where https fails */
	AC_INSECURE_PUBKEY = 1 << 3,       /* keys over http */
	AC_INSECURE_CAPABILITIES = 1 << 4, /* all capabilities for apps */
	AC_INSECURE_PATHS = 1 << 5,        /* /proc and /sys open */
	AC_INSECURE_SECCOMP = 1 << 6,      /* no filter of system calls */
};

/* The bits (enum ac_insecure) of a list that the option table checked
 * (AC_OPT_CHOICES); NULL: none. */
unsigned int ac_insecure_bits(const char *list);

#endif
