/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_COPY_H
#define ACBUILD_COPY_H

/* Files of the host into the image. */

struct ac_call;
struct ac_err;

/* copy and copy-to-dir, on the build or with --modify on an image. */
int run_copy(struct ac_call *c, struct ac_err *err);

#endif
