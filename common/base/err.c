/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Advice for the failures that a user meets most and can mend. */
static const char *advice(int sys)
{
	switch (sys) {
	case ENOSPC:
		return "; free some space and try again";
	case EDQUOT:
		return "; the disk quota is used up";
	case EROFS:
		return "; choose a place that can be written to";
	case EMFILE:
	case ENFILE:
		return "; raise the limit on open files (ulimit -n)";
	default:
		return "";
	}
}

/* A new failure knows nothing of the last one. */
static void begin(struct ac_err *err, enum ac_code code, int sys)
{
	err->code = code;
	err->sys = sys;
	err->line = err->column = 0;
	err->rule[0] = err->path[0] = err->fix[0] = '\0';
}

int ac_err_set(struct ac_err *err, enum ac_code code, const char *fmt, ...)
{
	va_list ap;

	begin(err, code, 0);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int ac_err_sys(struct ac_err *err, int sys, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	begin(err, AC_E_SYS, sys);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s%s",
		       strerror(sys), advice(sys));
	return -1;
}

int ac_err_at(struct ac_err *err, const char *rule, const char *path,
	      const char *fmt, ...)
{
	size_t n;
	va_list ap;

	begin(err, AC_E_INVALID, 0);
	(void)snprintf(err->rule, sizeof(err->rule), "%s", rule);
	(void)snprintf(err->path, sizeof(err->path), "%s", path);
	(void)snprintf(err->msg, sizeof(err->msg), "%s%s", err->path,
		       err->path[0] != '\0' ? ": " : "");
	n = strlen(err->msg);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg + n, sizeof(err->msg) - n, fmt, ap);
	va_end(ap);
	return -1;
}

void ac_err_rule(struct ac_err *err, const char *rule)
{
	if (err->rule[0] == '\0')
		(void)snprintf(err->rule, sizeof(err->rule), "%s", rule);
}

int ac_err_fix(struct ac_err *err, const char *fmt, ...)
{
	size_t n = strlen(err->msg);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->fix, sizeof(err->fix), fmt, ap);
	va_end(ap);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, "; %s", err->fix);
	return -1;
}

int ac_err_ctx(struct ac_err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	size_t n;
	va_list ap;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	return -1;
}
