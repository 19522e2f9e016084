/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_FILECAP_H
#define ACTOOL_FILECAP_H

/* The attribute "security.capability" (linux/capability.h, struct
 * vfs_cap_data) as text, in the way of getcap(8): "cap_chown,cap_net_raw=ep".
 */

#include <stddef.h>

/* N bytes at P.  "?" when they are no such attribute.  Caller frees. */
char *filecap_text(const void *p, size_t n);

#endif
