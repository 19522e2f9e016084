/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/print.h"

#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"

int ac_print_json(const struct ac_json *doc, int indent, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 30);

	ac_json_write(doc, indent, false, &b);
	if (ac_buf_check(&b, "the output", err) < 0)
		return -1;
	puts(ac_buf_str(&b));
	return 0;
}
