/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SAY_H
#define ACBUILD_SAY_H

struct ac_call;

/* With --debug: the line that the first implementation had for the command,
 * such as `Adding label "a"="b"`. */
void say(const struct ac_call *c);

#endif
