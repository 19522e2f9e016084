/* JSON: what is parsed writes as text that parses as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ac_json *j, int indent, bool html)
{
	struct ac_err err;
	struct ac_buf b = AC_BUF_INIT(64 << 20);
	struct ac_json *back;

	ac_json_write(j, indent, html, &b);
	back = ac_json_parse(ac_buf_str(&b), b.len, "again", &err);
	if (back == NULL || !ac_json_equal(j, back))
		abort();
	ac_json_free(back);
	ac_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_err err;
	struct ac_json *j =
		ac_json_parse((const char *)data, size, "input", &err);

	if (j == NULL)
		return 0;
	check(j, 0, false);
	check(j, 4, true);
	ac_json_free(j);
	return 0;
}
