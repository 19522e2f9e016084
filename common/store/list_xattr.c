/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes as lists have them.  A few values are kept by the kernel
 * in another form than they were given; what is compared is the form that it
 * gives back. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/xxh.h"
#include "common/store/list.h"
#include "common/sys/xattr.h"

/* linux/posix_acl_xattr.h: a version, then entries of a tag, permissions and an
 * id, all little-endian. */
enum {
	ACL_HEAD = 4,
	ACL_ENTRY = 8,
	ACL_MAX = 64 << 10,
	ACL_VERSION = 2,
	ACL_USER_OBJ = 0x01,
	ACL_GROUP_OBJ = 0x04,
	ACL_MASK = 0x10,
	ACL_OTHER = 0x20,
};

/* linux/capability.h: struct vfs_cap_data and vfs_ns_cap_data. */
enum {
	CAP_V2_SIZE = 20,
	CAP_V3_SIZE = 24,
	CAP_V2 = 2,
	CAP_V3 = 3,
};

static bool is_acl(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

static unsigned int tag_of(const uint8_t *entry)
{
	return entry[0] | (unsigned int)entry[1] << 8;
}

/* One entry: ids only where they mean something, and in an access ACL the
 * permissions that the mode says (it is set last). */
static void fix_entry(uint8_t *entry, bool access, bool masked, mode_t mode)
{
	unsigned int tag = tag_of(entry);
	int shift = -1;

	if (tag == ACL_USER_OBJ)
		shift = 6;
	else if (tag == ACL_OTHER)
		shift = 0;
	else if (tag == ACL_MASK || (tag == ACL_GROUP_OBJ && !masked))
		shift = 3;
	if (tag == ACL_USER_OBJ || tag == ACL_OTHER || tag == ACL_MASK ||
	    tag == ACL_GROUP_OBJ)
		memset(entry + 4, 0xff, 4);
	if (access && shift >= 0) {
		entry[2] = (uint8_t)(mode >> shift & 7);
		entry[3] = 0;
	}
}

/* False when the mode alone says as much. */
static bool fix_acl(uint8_t *acl, size_t len, bool access, mode_t mode)
{
	size_t n = (len - ACL_HEAD) / ACL_ENTRY;
	bool masked = false;
	bool more = false;

	for (size_t i = 0; i < n; i++) {
		unsigned int tag = tag_of(acl + ACL_HEAD + i * ACL_ENTRY);

		masked = masked || tag == ACL_MASK;
		more = more || (tag != ACL_USER_OBJ && tag != ACL_GROUP_OBJ &&
				tag != ACL_OTHER);
	}
	for (size_t i = 0; i < n; i++)
		fix_entry(acl + ACL_HEAD + i * ACL_ENTRY, access, masked, mode);
	return n != 0 && (more || !access);
}

static bool acl_sum(const struct ac_entry *e, const struct ac_xattr *x,
		    uint8_t xxh3[16])
{
	AC_FREE uint8_t *acl = ac_xmemdup(x->value, x->len);
	bool access = strcmp(x->name, "system.posix_acl_access") == 0;
	bool kept = fix_acl(acl, x->len, access, e->mode);

	ac_xxh_once(acl, x->len, xxh3);
	return kept;
}

static bool well_formed_acl(const struct ac_xattr *x)
{
	static const uint8_t head[ACL_HEAD] = {ACL_VERSION};

	return x->len >= ACL_HEAD && x->len <= ACL_MAX &&
	       (x->len - ACL_HEAD) % ACL_ENTRY == 0 &&
	       memcmp(x->value, head, ACL_HEAD) == 0;
}

/* Capabilities for the root of the first user namespace are those for all. */
static bool cap_for_root(const struct ac_xattr *x)
{
	static const uint8_t root[4] = {0};
	const uint8_t *p = x->value;

	return strcmp(x->name, "security.capability") == 0 &&
	       x->len == CAP_V3_SIZE && p[3] == CAP_V3 &&
	       memcmp(p + CAP_V2_SIZE, root, 4) == 0;
}

bool ac_list_xattr(const struct ac_entry *e, size_t i, uint64_t *size,
		   uint8_t xxh3[16])
{
	const struct ac_xattr *x = &e->xattrs[i];
	uint8_t cap[CAP_V2_SIZE];

	if (!ac_xattr_kept(x->name))
		return false;
	*size = x->len;
	if (is_acl(x->name) && well_formed_acl(x))
		return acl_sum(e, x, xxh3);
	if (!cap_for_root(x)) {
		ac_xxh_once(x->value, x->len, xxh3);
		return true;
	}
	memcpy(cap, x->value, sizeof(cap));
	cap[3] = CAP_V2;
	*size = sizeof(cap);
	ac_xxh_once(cap, sizeof(cap), xxh3);
	return true;
}
