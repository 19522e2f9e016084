/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/xattr.h"

#include <stddef.h>
#include <string.h>

#include "common/base/attr.h"

static bool starts(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

bool ac_xattr_overlay(const char *name)
{
	return starts(name, "trusted.overlay.") ||
	       starts(name, "user.overlay.");
}

bool ac_xattr_kept(const char *name)
{
	static const char *const policy[] = {"security.selinux",
					     "security.apparmor",
					     "security.ima", "security.evm"};

	if (starts(name, "security.")) {
		for (size_t i = 0; i < AC_LEN(policy); i++)
			if (strcmp(name, policy[i]) == 0)
				return false;
		return !starts(name, "security.SMACK64");
	}
	if (starts(name, "system."))
		return strcmp(name, "system.posix_acl_access") == 0 ||
		       strcmp(name, "system.posix_acl_default") == 0;
	if (ac_xattr_overlay(name))
		return false;
	/* XFS shows ACLs a second time. */
	return starts(name, "user.") ||
	       (starts(name, "trusted.") && !starts(name, "trusted.SGI_ACL_"));
}
