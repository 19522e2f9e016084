/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>

#include "common/base/attr.h"
#include "run/sandbox/filter.h"

static const struct sock_filter INSNS[] = {
#include "run/sandbox/default_filter.inc"
};

const struct sock_filter *filter_default(size_t *n)
{
	*n = AC_LEN(INSNS);
	return INSNS;
}
