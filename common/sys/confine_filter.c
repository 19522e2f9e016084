/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>

#include "common/base/attr.h"
#include "common/sys/confine_priv.h"

static const struct sock_filter net[] = {
#include "common/sys/confine_net.inc"
};

static const struct sock_filter local[] = {
#include "common/sys/confine_local.inc"
};

const struct sock_filter *ac_confine_filter(unsigned int flags, size_t *n)
{
	*n = (flags & AC_CONFINE_NET) != 0 ? AC_LEN(net) : AC_LEN(local);
	return (flags & AC_CONFINE_NET) != 0 ? net : local;
}
