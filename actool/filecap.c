/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>

#include "actool/filecap.h"
#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/own.h"

/* By number. */
static const char *const names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

static uint32_t word(const uint8_t *p, size_t i)
{
	uint32_t v;

	memcpy(&v, p + i * sizeof(v), sizeof(v));
	return le32toh(v);
}

/* "cap_a,cap_b=ep" for the bits of SET. */
static void add(struct ac_buf *b, uint64_t set, const char *flags)
{
	bool first = true;

	if (set == 0)
		return;
	if (b->len != 0)
		ac_buf_addc(b, ' ');
	for (unsigned int i = 0; i < 64; i++) {
		if ((set >> i & 1) == 0)
			continue;
		ac_buf_adds(b, first ? "" : ",");
		if (i < AC_LEN(names))
			ac_buf_addf(b, "cap_%s", names[i]);
		else
			ac_buf_addf(b, "cap_%u", i);
		first = false;
	}
	ac_buf_addf(b, "=%s", flags);
}

char *filecap_text(const void *p, size_t n)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(8192);
	const uint8_t *at = p;
	uint32_t magic = n >= 4 ? word(at, 0) : 0;
	uint32_t version = magic & VFS_CAP_REVISION_MASK;
	bool effective = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0;
	uint64_t permitted = 0;
	uint64_t inherited = 0;

	if ((version == VFS_CAP_REVISION_1 && n == XATTR_CAPS_SZ_1) ||
	    (version == VFS_CAP_REVISION_2 && n == XATTR_CAPS_SZ_2) ||
	    (version == VFS_CAP_REVISION_3 && n == XATTR_CAPS_SZ_3)) {
		permitted = word(at, 1);
		inherited = word(at, 2);
	} else {
		return ac_xstrdup("?");
	}
	if (version != VFS_CAP_REVISION_1) {
		permitted |= (uint64_t)word(at, 3) << 32;
		inherited |= (uint64_t)word(at, 4) << 32;
	}
	add(&b, permitted & inherited, effective ? "eip" : "ip");
	add(&b, permitted & ~inherited, effective ? "ep" : "p");
	add(&b, inherited & ~permitted, effective ? "ei" : "i");
	if (b.len == 0)
		ac_buf_adds(&b, "=");
	if (version == VFS_CAP_REVISION_3)
		ac_buf_addf(&b, " [rootid=%" PRIu32 "]", word(at, 5));
	return ac_buf_steal(&b);
}
