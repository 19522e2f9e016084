/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/range.h"

#include <string.h>

#include "common/base/num.h"
#include "common/base/str.h"

int range_parse(const char *header, uint64_t size, uint64_t *off, uint64_t *len)
{
	struct ac_str last = ac_str(header);
	struct ac_str unit;
	struct ac_str first;
	uint64_t from = 0;
	uint64_t to;

	if (!ac_str_cut(&last, '=', &unit) || !ac_str_eq(unit, "bytes") ||
	    memchr(last.p, ',', last.len) != NULL)
		return 0;
	last = ac_str_trim(last);
	if (!ac_str_cut(&last, '-', &first) ||
	    (first.len == 0 && last.len == 0))
		return 0;
	if (first.len != 0 && ac_num_u64(first, &from) < 0)
		return 0;
	if (last.len == 0)
		to = UINT64_MAX;
	else if (ac_num_u64(last, &to) < 0)
		return 0;
	if (first.len == 0) { /* the last TO bytes */
		from = to < size ? size - to : 0;
		if (to == 0)
			return -1;
		to = UINT64_MAX;
	}
	if (to < from)
		return 0;
	if (from >= size)
		return -1;
	*off = from;
	*len = (to < size ? to + 1 : size) - from;
	return 1;
}

bool etag_listed(const char *list, const char *etag)
{
	struct ac_str rest = ac_str(list);
	struct ac_str one;

	while (rest.len != 0) {
		(void)ac_str_cut(&rest, ',', &one);
		one = ac_str_trim(one);
		if (ac_str_starts(one, "W/"))
			one = ac_strn(one.p + 2, one.len - 2);
		if (ac_str_eq(one, etag) || ac_str_eq(one, "*"))
			return true;
	}
	return false;
}
