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

int ac_err_set(struct ac_err *err, enum ac_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int ac_err_sys(struct ac_err *err, int sys, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	err->code = AC_E_SYS;
	err->sys = sys;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s%s",
		       strerror(sys), advice(sys));
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
