/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/num.h"

/* So many implied directories are nothing to speak of. */
enum { IMPLIED_FREE = 4096 };

static struct {
	const char *name;
	uint64_t value;
	const char *of;
	bool chosen; /* by ac_limit_set */
} limits[] = {
	[AC_LIMIT_UNPACKED] = {"unpacked", 64ULL << 30, "bytes of files",
			       false},
	[AC_LIMIT_ENTRIES] = {"entries", 10000000, "entries", false},
	[AC_LIMIT_IMPLIED] = {"implied", 16,
			      "directories for each entry that no entry names",
			      false},
	[AC_LIMIT_RATIO] = {"ratio", 0, "times its size, unpacked", false},
	[AC_LIMIT_DEPTH] = {"depth", 1000, "directories above it", false},
	[AC_LIMIT_XATTRS] = {"xattrs", 1 << 20, "bytes of extended attributes",
			     false},
	[AC_LIMIT_NAMES] = {"names", 64 << 20,
			    "bytes of names that a layer removes or implies",
			    false},
	[AC_LIMIT_LAYERS] = {"layers", 4096, "layers", false},
};

uint64_t ac_limit(enum ac_limit which)
{
	return limits[which].value;
}

uint64_t ac_limit_ratio(uint64_t usual)
{
	uint64_t set = limits[AC_LIMIT_RATIO].value;

	return set != 0 ? set : usual;
}

const char *ac_limit_name(enum ac_limit which)
{
	return limits[which].name;
}

int ac_limit_put(enum ac_limit which, struct ac_str value)
{
	uint64_t n = 0;

	if (ac_num_size(value, &n) < 0 || n == 0)
		return -1;
	if (!limits[which].chosen)
		limits[which].value = n;
	return 0;
}

int ac_limit_set(const char *text, struct ac_err *err)
{
	struct ac_str value = ac_str(text);
	struct ac_str name;
	uint64_t n = 0;

	if (!ac_str_cut(&value, '=', &name) || ac_num_size(value, &n) < 0 ||
	    n == 0)
		return ac_err_set(
			err, AC_E_USAGE,
			"bad --limit '%s'; it is NAME=NUMBER, such as "
			"unpacked=128G",
			text);
	for (size_t i = 0; i < AC_LEN(limits); i++)
		if (ac_str_eq(name, limits[i].name)) {
			limits[i].value = n;
			limits[i].chosen = true;
			return 0;
		}
	return ac_err_set(err, AC_E_USAGE,
			  "bad --limit '%s': the limits are unpacked, entries, "
			  "implied, ratio, depth, xattrs, names and layers",
			  text);
}

int ac_limit_implied(uint64_t implied, uint64_t entries, const char *path,
		     struct ac_err *err)
{
	uint64_t max = limits[AC_LIMIT_IMPLIED].value;

	if (implied <= IMPLIED_FREE || (implied - IMPLIED_FREE) / max < entries)
		return 0;
	return ac_limit_err(err, AC_LIMIT_IMPLIED, max, "'%.60s...'", path);
}

int ac_limit_set_all(const struct ac_strv *texts, struct ac_err *err)
{
	for (size_t i = 0; i < texts->n; i++)
		if (ac_limit_set(texts->v[i], err) < 0)
			return -1;
	return 0;
}

int ac_limit_err(struct ac_err *err, enum ac_limit which, uint64_t value,
		 const char *where, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, where);
	(void)vsnprintf(text, sizeof(text), where, ap);
	va_end(ap);
	(void)ac_err_set(err, AC_E_LIMIT, "%s: more than %" PRIu64 " %s", text,
			 value, limits[which].of);
	return ac_err_fix(err,
			  "if that is right, --limit %s=NUMBER allows more",
			  limits[which].name);
}
