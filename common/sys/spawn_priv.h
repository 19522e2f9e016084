/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_SPAWN_PRIV_H
#define AC_SYS_SPAWN_PRIV_H

/* How we wait for a child: spawn.c and apart.c include it, nobody else. */

#include <sys/types.h>

struct ac_err;

/* Wait until FD can be read; PID is told to end when we are. */
void ac_spawn_await(int fd, pid_t pid);

#endif
