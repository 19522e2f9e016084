/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/name.h"

#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Lower case or digit: what every kind of name is made of. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

static bool one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* A kind of name: how the original calls it and what may join its words. */
struct kind {
	const char *title;
	const char *joiners;
	const char *listed; /* the same as its message shows them */
	char filler;
};

static const struct kind identifier = {
	.title = "ACIdentifier",
	.joiners = "-._~/",
	.listed = "-._~/",
	.filler = '_',
};
static const struct kind name = {
	.title = "ACName",
	.joiners = "-",
	.listed = "-",
	.filler = '-',
};

static int check(const struct kind *k, const char *s, enum ac_name_rule rule,
		 struct ac_err *err)
{
	size_t n = strlen(s);

	if (n == 0)
		return ac_err_set(err, AC_E_INVALID, "%s cannot be empty",
				  k->title);
	for (size_t i = 0; i < n; i++)
		if (!is_word(s[i]) && !one_of(s[i], k->joiners))
			return ac_err_set(
				err, AC_E_INVALID,
				"%s must contain only lower case alphanumeric "
				"characters plus \"%s\"",
				k->title, k->listed);
	if (!is_word(s[0]) || !is_word(s[n - 1]))
		return ac_err_set(err, AC_E_INVALID,
				  "%s must start and end with only lower case "
				  "alphanumeric characters",
				  k->title);
	if (rule == AC_NAME_READ)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (!is_word(s[i]) && !is_word(s[i - 1]))
			return ac_err_set(err, AC_E_INVALID,
					  "%s must not have two of \"%s\" side "
					  "by side, as '%.2s' in '%s'",
					  k->title, k->listed, s + i - 1, s);
	return 0;
}

int ac_identifier_check(const char *s, enum ac_name_rule rule,
			struct ac_err *err)
{
	return check(&identifier, s, rule, err);
}

int ac_name_check(const char *s, enum ac_name_rule rule, struct ac_err *err)
{
	return check(&name, s, rule, err);
}

bool ac_identifier_climbs(const char *s)
{
	struct ac_str rest = ac_str(s);
	struct ac_str part;
	bool more;

	do {
		more = ac_str_cut(&rest, '/', &part);
		if (part.len == 0 || ac_str_eq(part, ".") ||
		    ac_str_eq(part, ".."))
			return true;
	} while (more);
	return false;
}

/* One character for one, runs of joiners to their first, none at the ends. */
static char *sanitize(const struct kind *k, const char *s)
{
	char *out = ac_xmalloc(strlen(s) + 1);
	size_t n = 0;

	for (; *s != '\0'; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;

		if (!is_word(c) && !one_of(c, k->joiners))
			c = k->filler;
		if (is_word(c) || (n != 0 && is_word(out[n - 1])))
			out[n++] = c;
	}
	while (n != 0 && !is_word(out[n - 1]))
		n--;
	out[n] = '\0';
	if (n != 0)
		return out;
	free(out);
	return NULL;
}

char *ac_identifier_sanitize(const char *s)
{
	return sanitize(&identifier, s);
}

char *ac_name_sanitize(const char *s)
{
	return sanitize(&name, s);
}

/* Dot-separated [0-9A-Za-z-]+, or nothing at all; STRICT: something, and with
 * NUMBERS no number that begins with a zero. */
static bool dotted(struct ac_str s, bool strict, bool numbers)
{
	struct ac_str part;
	bool more;

	if (s.len == 0)
		return !strict;
	do {
		bool number = true;

		more = ac_str_cut(&s, '.', &part);
		for (size_t i = 0; i < part.len; i++) {
			char c = part.p[i];

			number = number && is_digit(c);
			if (!is_digit(c) && !(c >= 'a' && c <= 'z') &&
			    !(c >= 'A' && c <= 'Z') && c != '-')
				return false;
		}
		if (part.len == 0 || (strict && numbers && number &&
				      part.len > 1 && part.p[0] == '0'))
			return false;
	} while (more);
	return true;
}

int ac_version_check(const char *s, enum ac_name_rule rule, struct ac_err *err)
{
	bool strict = rule == AC_NAME_STRICT;
	struct ac_str core = ac_str(s);
	struct ac_str rest = core;
	struct ac_str part;
	bool has_build = ac_str_cut(&rest, '+', &core);
	struct ac_str build = rest;
	bool has_pre;
	bool zero = true;

	rest = core;
	has_pre = ac_str_cut(&rest, '-', &core);
	if ((has_pre && !dotted(rest, strict, true)) ||
	    (has_build && !dotted(build, strict, false)))
		return ac_err_set(err, AC_E_INVALID, "SemVer is bad: '%s'", s);
	for (int i = 0; i < 3; i++) {
		bool more = ac_str_cut(&core, '.', &part);
		int64_t v;

		if (more != (i < 2) || part.len == 0 || part.p[0] == '-' ||
		    ac_num_i64(part, &v) < 0 ||
		    (strict && part.len > 1 && part.p[0] == '0'))
			return ac_err_set(err, AC_E_INVALID,
					  "SemVer is bad: '%s'", s);
		zero = zero && v == 0;
	}
	if (zero && rest.len == 0 && build.len == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "SemVer cannot be zero: '%s'", s);
	return 0;
}

bool ac_image_id_ok(const char *s, bool full)
{
	size_t n;

	if (strncmp(s, "sha512-", 7) != 0)
		return false;
	n = strspn(s + 7, "0123456789abcdef");
	return s[7 + n] == '\0' && n <= 128 && n >= (full ? 128 : 2);
}
