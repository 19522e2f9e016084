/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "common/sys/xattr.h"
#include "tests/unit/tap.h"

TEST(what_belongs_to_a_file)
{
	static const struct {
		const char *name;
		bool kept;
	} cases[] = {
		{"user.note", true},
		{"user.overlay", true},
		{"user.overlay.opaque", false},
		{"trusted.note", true},
		{"trusted.overlay.redirect", false},
		{"security.capability", true},
		{"security.selinux", false},
		{"security.ima", false},
		{"security.evm", false},
		{"security.apparmor", false},
		{"security.SMACK64", false},
		{"security.SMACK64EXEC", false},
		{"system.posix_acl_access", true},
		{"system.posix_acl_default", true},
		{"system.nfs4_acl", false},
		{"btrfs.compression", false},
		{"", false},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++)
		CHECK(ac_xattr_kept(cases[i].name) == cases[i].kept);
}
