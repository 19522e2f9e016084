/* SPDX-License-Identifier: Apache-2.0 */
/* isolator add and remove. */
#include <fcntl.h>

#include "acbuild/edit.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/edit.h"

int add_isolator(struct ac_json *doc, const struct edit *e,
		 const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *list = edit_list(doc, e, true, err);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_json *value;
	struct ac_json *isolator;

	if (list == NULL || read_file(AT_FDCWD, c->argv[1], &b, err) < 0)
		return -1;
	value = ac_json_parse(ac_buf_str(&b), b.len, c->argv[1], err);
	if (value == NULL)
		return -1;
	isolator = ac_json_object();
	ac_json_set_str(isolator, "name", c->argv[0]);
	ac_json_set(isolator, "value", value);
	edit_put(list, e, c->argv[0], isolator);
	return 0;
}

/* clang-format off */
const struct ac_cmd isolator_cmds[] = {
	EDIT("add", "NAME FILE|-", 2, 2,
	     "add an isolator, its value read as JSON, or replace it"),
	EDIT_REMOVE("NAME", "remove an isolator"),
	AC_CMD_END,
};
/* clang-format on */
