/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/buildopt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/image/aci.h"

int ac_buildopt(struct ac_aci_build *b, const char *compression, uint64_t level,
		struct ac_err *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t time;

	b->zip = AC_ZIP_GZIP;
	if (compression != NULL)
		b->zip = ac_zip_by_name(compression);
	if (level > (b->zip == AC_ZIP_GZIP ? 12 : 9))
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%ju' for option --level: 1 to 9, "
				  "gzip to 12",
				  (uintmax_t)level);
	b->level = (int)level;
	b->max_mtime = -1;
	if (epoch != NULL && *epoch != '\0') {
		if (ac_num_max(ac_str(epoch), INT64_MAX, &time) < 0)
			return ac_err_set(err, AC_E_USAGE,
					  "SOURCE_DATE_EPOCH is '%s', not a "
					  "number of seconds",
					  epoch);
		b->max_mtime = (int64_t)time;
	}
	if (geteuid() != 0)
		b->owner_root = true;
	return 0;
}

int ac_buildopt_mtime(struct ac_aci_build *b, const char *time,
		      struct ac_err *err)
{
	if (time != NULL && ac_date_option(ac_str(time), &b->max_mtime) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%s' for option --mtime: seconds "
				  "since 1970, or a date as "
				  "2006-01-02T15:04:05Z",
				  time);
	return 0;
}
