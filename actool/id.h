/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_ID_H
#define ACTOOL_ID_H

/* id: print the id of images. */

struct ac_call;
struct ac_err;

int run_id(struct ac_call *c, struct ac_err *err);

#endif
