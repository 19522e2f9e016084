/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/insecure.h"

#include "common/base/attr.h"
#include "common/base/str.h"

enum {
	ALL_FETCH = AC_INSECURE_IMAGE | AC_INSECURE_TLS | AC_INSECURE_HTTP |
		    AC_INSECURE_PUBKEY,
	ALL_RUN = AC_INSECURE_CAPABILITIES | AC_INSECURE_PATHS |
		  AC_INSECURE_SECCOMP,
};

/* "none" and "ondisk" have no bits. */
static const struct {
	const char *name;
	unsigned int bits;
} names[] = {
	{"image", AC_INSECURE_IMAGE},
	{"tls", AC_INSECURE_TLS},
	{"http", AC_INSECURE_HTTP},
	{"pubkey", AC_INSECURE_PUBKEY},
	{"all-fetch", ALL_FETCH},
	{"capabilities", AC_INSECURE_CAPABILITIES},
	{"paths", AC_INSECURE_PATHS},
	{"seccomp", AC_INSECURE_SECCOMP},
	{"all-run", ALL_RUN},
	{"all", ALL_FETCH | ALL_RUN},
};

unsigned int ac_insecure_bits(const char *list)
{
	struct ac_str rest = ac_str(list);
	unsigned int found = 0;

	while (rest.len != 0) {
		struct ac_str one;

		(void)ac_str_cut(&rest, ',', &one);
		for (size_t i = 0; i < AC_LEN(names); i++)
			if (ac_str_eq_any_case(one, names[i].name))
				found |= names[i].bits;
	}
	return found;
}
