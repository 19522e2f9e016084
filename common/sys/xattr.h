/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_XATTR_H
#define AC_SYS_XATTR_H

/* Which extended attributes belong to a file, and which to the machine that it
 * lies on (xattr(7), and the file systems' own documentation). */

#include <stdbool.h>

/* True when the attribute NAME is part of a tree: it is read into an archive,
 * and written from one.  Those are "user.*", "trusted.*", "security.*" (file
 * capabilities) and the two POSIX ACLs, but not overlay's own bookkeeping
 * ("trusted.overlay.*", "user.overlay.*"), which would open any file of another
 * layer; not what the kernel's security modules put on files by the policy of
 * this machine ("security.selinux", "security.SMACK64*", "security.apparmor",
 * "security.ima", "security.evm"); and not other views of modes and owners, or
 * settings of one file system ("system.nfs4_acl", "btrfs.compression",
 * "trusted.SGI_ACL_FILE", ...). */
bool ac_xattr_kept(const char *name);

/* Is NAME one of overlay's own? */
bool ac_xattr_overlay(const char *name);

#endif
