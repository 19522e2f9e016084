/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/entry.h"

const char *ac_ftype_name(enum ac_ftype t)
{
	switch (t) {
	case AC_F_REG:
		return "file";
	case AC_F_DIR:
		return "directory";
	case AC_F_LINK:
		return "symlink";
	case AC_F_HARD:
		return "hard link";
	case AC_F_CHR:
		return "character device";
	case AC_F_BLK:
		return "block device";
	case AC_F_FIFO:
		return "fifo";
	}
	return "unknown";
}
