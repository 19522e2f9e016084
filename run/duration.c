/* SPDX-License-Identifier: Apache-2.0 */
#include "run/duration.h"

#include <stdint.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/str.h"

enum { MOST = 0x7fffffff };

/* Microseconds in a unit, or 0. */
static uint64_t unit(struct ac_str s)
{
	static const struct {
		char name[4];
		uint64_t us;
	} units[] = {{"us", 1},
		     {"ms", 1000},
		     {"s", 1000000},
		     {"m", 60000000},
		     {"h", 3600000000}};

	for (size_t i = 0; i < AC_LEN(units); i++)
		if (ac_str_eq(s, units[i].name))
			return units[i].us;
	return 0;
}

/* How many leading characters of S are in SET, or with NOT are not. */
static struct ac_str take(struct ac_str *s, const char *set, bool not )
{
	size_t n = 0;
	struct ac_str out;

	while (n < s->len && (strchr(set, s->p[n]) != NULL) != not )
		n++;
	out = ac_strn(s->p, n);
	s->p += n;
	s->len -= n;
	return out;
}

/* "1.5" and its unit, added to *US. */
static int add_part(struct ac_str *s, uint64_t *us)
{
	static const char digits[] = "0123456789.";
	struct ac_str number = take(s, digits, false);
	uint64_t scale = unit(take(s, digits, true));
	struct ac_str whole;
	uint64_t v = 0;

	(void)ac_str_cut(&number, '.', &whole);
	if (scale == 0 || whole.len + number.len == 0 ||
	    (whole.len != 0 && ac_num_max(whole, MOST, &v) < 0))
		return -1;
	*us += v * scale;
	for (; number.len != 0; number.p++, number.len--) {
		if (number.p[0] == '.')
			return -1;
		scale /= 10;
		*us += (uint64_t)(number.p[0] - '0') * scale;
	}
	return 0;
}

int duration_parse(const char *text, unsigned int *ms, struct ac_err *err)
{
	struct ac_str s = ac_str(text);
	uint64_t us = 0;
	int r = s.len != 0 ? 0 : -1;

	if (strcmp(text, "0") != 0)
		while (r == 0 && s.len != 0 && us / 1000 <= MOST)
			r = add_part(&s, &us);
	if (r < 0 || us / 1000 > MOST)
		return ac_err_set(
			err, AC_E_USAGE,
			"'%s' is not a duration such as 90s, 1h30m or "
			"300ms",
			text);
	*ms = (unsigned int)(us / 1000);
	return 0;
}
