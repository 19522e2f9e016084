/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a layer's files: what is read from it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond)
{
	if (!cond)
		abort();
}

static int line(void *ctx, const struct ac_list_line *l, struct ac_err *err)
{
	size_t *n = ctx;

	(void)err;
	must(strchr("fdlhcbpwox", l->type) != NULL);
	must((l->type == AC_LIST_XATTR) == (l->xattr != NULL));
	must((l->type == AC_LIST_XATTR) == (l->e.path == NULL));
	must((l->type != AC_F_LINK && l->type != AC_F_HARD) ||
	     l->e.link != NULL);
	must(l->e.mode <= 07777 && l->e.mtime_ns < 1000000000);
	++*n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_CLOSE int fd = memfd_create("list", MFD_CLOEXEC);
	struct ac_list_end end = {.entries = 0};
	struct ac_err err = AC_ERR_INIT;
	size_t n = 0;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (ac_list_each(fd, line, &n, &err) < 0)
		must(err.code == AC_E_INVALID);
	must(n <= size / 15); /* the shortest line is "h - - - - - - ." */
	if (ac_list_end(fd, &end, &err) < 0)
		must(err.code == AC_E_INVALID);
	else
		must(end.at + end.len == size && end.len >= 6 &&
		     (end.has_xattrs || end.xattrs == 0));
	return 0;
}
