/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/str.h"

/* The only globals of common/. */
static const char *name = "acutils";
static bool debugging;

void ac_log_init(const char *program, bool debug)
{
	name = program;
	debugging = debug;
}

const char *ac_log_program(void)
{
	return name;
}

bool ac_log_debugging(void)
{
	return debugging;
}

/* One write a line, and nothing in it that a terminal would obey: names in
 * messages come from anywhere. */
AC_PRINTF(2, 0)
static void line(const char *kind, const char *fmt, va_list ap)
{
	char text[2048];
	AC_FREE char *show = NULL;
	AC_FREE char *out = NULL;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	show = ac_str_show(text);
	out = ac_xasprintf("%s: %s%s\n", name, kind, show);
	(void)!write(STDERR_FILENO, out, strlen(out));
}

void ac_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

void ac_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("warning: ", fmt, ap);
	va_end(ap);
}

void ac_debug(const char *fmt, ...)
{
	va_list ap;

	if (!debugging)
		return;
	va_start(ap, fmt);
	line("debug: ", fmt, ap);
	va_end(ap);
}
