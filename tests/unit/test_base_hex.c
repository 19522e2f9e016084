#include "common/base/attr.h"
#include "common/base/hex.h"
#include "tests/unit/tap.h"

TEST(table)
{
	static const struct {
		const char *in;
		int ret;
	} t[] = {
		{"00ff", 0}, {"00FF", -1}, {"0", -1}, {"", -1}, {"00ff00", -1}};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		uint8_t out[2];

		CHECK(ac_hex_decode(out, 2, t[i].in, strlen(t[i].in)) ==
		      t[i].ret);
	}
}

TEST(names)
{
	CHECK(ac_hex_is("0af", 3, "") && ac_hex_is("0af.x", 3, ".x"));
	CHECK(!ac_hex_is("0af", 2, "") && !ac_hex_is("0af", 4, ""));
	CHECK(!ac_hex_is("0aF", 3, "") && !ac_hex_is("0af.xy", 3, ".x"));
	CHECK(!ac_hex_is("0af", 3, ".x") && ac_hex_is("", 0, ""));
}
