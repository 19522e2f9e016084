/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

AC_PRINTF(2, 0)
static void line(const char *kind, const char *fmt, va_list ap)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "%s: %s", name, kind);
	size_t len = (size_t)n;

	(void)vsnprintf(text + len, sizeof(text) - len - 1, fmt, ap);
	len = strlen(text);
	text[len++] = '\n';
	(void)!write(STDERR_FILENO, text, len);
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
