/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/str.h"
#include "common/image/check.h"

/* Dates and URLs, with the leniency and the messages of Go's time.Parse and
 * url.Parse, which the original used. */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* MIN to MAX digits at *s; -1 when they are not there. */
static int digits(const char **s, int min, int max)
{
	int v = 0;
	int n = 0;

	for (; n < max && is_digit(**s); n++)
		v = v * 10 + (*(*s)++ - '0');
	return n < min ? -1 : v;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* Text behind the seconds: a fraction and a zone.  NULL when right. */
static const char *zone_fault(const char *s, bool *loose)
{
	int hour;
	int minute;

	if (*s == '.' || *s == ',') {
		*loose = *loose || *s == ',';
		s++;
		if (!is_digit(*s))
			return "";
		while (is_digit(*s))
			s++;
	}
	if (literal(&s, 'Z'))
		return *s == '\0' ? NULL : "extra text";
	if (*s != '+' && *s != '-')
		return "";
	s++;
	hour = digits(&s, 2, 2);
	minute = literal(&s, ':') ? digits(&s, 2, 2) : -1;
	if (hour < 0 || minute < 0)
		return "";
	*loose = *loose || hour > 23 || minute > 59;
	return *s == '\0' ? NULL : "extra text";
}

/* NULL when it is a date, else the name of what is out of range or "". */
static const char *date_fault(const char *s, bool *loose)
{
	static const struct {
		char sep;
		int min, max; /* digits */
		int low, high;
		const char *fault;
	} parts[] = {
		{'\0', 4, 4, 0, 9999, ""},
		{'-', 2, 2, 1, 12, "month out of range"},
		{'-', 2, 2, 1, 31, "day out of range"},
		{'T', 1, 2, 0, 23, "hour out of range"},
		{':', 2, 2, 0, 59, "minute out of range"},
		{':', 2, 2, 0, 59, "second out of range"},
	};
	const char *fault = NULL;
	int v[6];

	for (size_t i = 0; i < 6; i++) {
		const char *at = s + 1;

		if (parts[i].sep != '\0' && !literal(&s, parts[i].sep))
			return "";
		v[i] = digits(&s, parts[i].min, parts[i].max);
		if (v[i] < 0)
			return "";
		if (i == 3)
			*loose = s - at != 2;
		if (fault == NULL &&
		    (v[i] < parts[i].low || v[i] > parts[i].high))
			fault = parts[i].fault;
	}
	if (fault == NULL && v[2] > ac_date_days_in(v[0], v[1]))
		fault = "day out of range";
	return fault != NULL ? fault : zone_fault(s, loose);
}

int ac_check_date(const char *s, const char *path, struct ac_findings *f,
		  struct ac_err *err)
{
	bool loose = false;
	const char *fault = date_fault(s, &loose);

	if (fault != NULL) {
		(void)ac_err_at(err, "T6", path, "bad Date: '%s'%s%s", s,
				*fault != '\0' ? ": " : "", fault);
		return ac_err_fix(err, "write it as 2006-01-02T15:04:05Z");
	}
	if (loose)
		ac_findings_add(f, "T6", path,
				"'%s' is not a date as RFC 3339 writes it", s);
	return 0;
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escapes_ok(struct ac_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '%' && (s.len - i < 3 || !is_hex(s.p[i + 1]) ||
				      !is_hex(s.p[i + 2])))
			return false;
	return true;
}

static bool port_ok(struct ac_str s)
{
	if (s.len == 0)
		return true;
	for (size_t i = 1; i < s.len; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.p[0] == ':';
}

/* "%41" in a host (or in the ZONE of an address): only what has no other way of
 * being said may be escaped there, which is "%25" and what is not ASCII; in a
 * zone, what needed no escape, and a space. */
static bool host_escape_ok(struct ac_str s, bool zone)
{
	unsigned int v;

	if (s.len < 3 || !is_hex(s.p[1]) || !is_hex(s.p[2]))
		return false;
	if (s.p[1] == '2' && s.p[2] == '5')
		return true;
	v = ac_hex_digit(s.p[1]) << 4 | ac_hex_digit(s.p[2]);
	if (!zone)
		return v >= 0x80;
	return v == ' ' ||
	       (v > ' ' && v < 0x7f && strchr("#%/?@\\^`{|}", (int)v) == NULL);
}

/* What is wrong with a host, its port cut off, or NULL. */
static const char *host_fault(struct ac_str s)
{
	bool zone = false;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		struct ac_str rest = ac_strn(s.p + i, s.len - i);

		if (c == '%' && !host_escape_ok(rest, zone))
			return "invalid URL escape";
		if (s.p[0] == '[' && ac_str_starts(rest, "%25"))
			zone = true;
		if (c <= ' ' || strchr("\\^`{|}#?/@", c) != NULL)
			return "invalid character in host name";
	}
	return NULL;
}

/* What is wrong with the part between "//" and the path, or NULL. */
static const char *authority_fault(struct ac_str s)
{
	const char *at = memrchr(s.p, '@', s.len);
	const char *end;

	if (at != NULL) {
		struct ac_str user = ac_strn(s.p, (size_t)(at - s.p));

		for (size_t i = 0; i < user.len; i++)
			if ((unsigned char)user.p[i] <= ' ' ||
			    strchr("<>\"[]{}|\\^`#?/", user.p[i]) != NULL)
				return "invalid userinfo";
		if (!escapes_ok(user))
			return "invalid URL escape";
		s = ac_strn(at + 1, s.len - user.len - 1);
	}
	if (ac_str_starts(s, "[")) {
		end = memrchr(s.p, ']', s.len);
		if (end == NULL)
			return "missing ']' in host";
		end++;
	} else {
		end = memrchr(s.p, ':', s.len);
		end = end != NULL ? end : s.p + s.len;
	}
	if (!port_ok(ac_strn(end, s.len - (size_t)(end - s.p))))
		return "invalid port after host";
	return host_fault(ac_strn(s.p, (size_t)(end - s.p)));
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the scheme at S is, 0 without one. */
static size_t scheme_len(const char *s)
{
	size_t n = 0;

	while (is_alpha(s[n]) || (n != 0 && (is_digit(s[n]) || s[n] == '+' ||
					     s[n] == '-' || s[n] == '.')))
		n++;
	return s[n] == ':' ? n : 0;
}

static const char *url_fault(const char *s, size_t scheme)
{
	size_t n = strlen(s);
	struct ac_str rest;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return "invalid control character in URL";
	if (s[0] == ':')
		return "missing protocol scheme";
	if (scheme == 0 && strcspn(s, ":") < strcspn(s, "/?#"))
		return "first path segment in URL cannot contain colon";
	if (scheme == 0)
		return NULL;
	rest = ac_strn(s + scheme + 1, strcspn(s + scheme + 1, "?#"));
	if (ac_str_starts(rest, "//")) {
		const char *why;
		size_t len = 2;

		while (len < rest.len && rest.p[len] != '/')
			len++;
		why = authority_fault(ac_strn(rest.p + 2, len - 2));
		if (why != NULL)
			return why;
		rest = ac_strn(rest.p + len, rest.len - len);
	} else if (!ac_str_starts(rest, "/")) {
		return NULL; /* opaque: taken as it is */
	}
	if (!escapes_ok(rest))
		return "invalid URL escape";
	s = strchr(s, '#');
	return s != NULL && !escapes_ok(ac_str(s)) ? "invalid URL escape"
						   : NULL;
}

int ac_check_url(const char *s, const char *path, struct ac_findings *f,
		 struct ac_err *err)
{
	size_t scheme = scheme_len(s);
	const char *fault = url_fault(s, scheme);

	if (fault != NULL)
		return ac_err_at(err, "T7", path, "bad URL: '%s': %s", s,
				 fault);
	if (!(scheme == 4 && strncasecmp(s, "http", 4) == 0) &&
	    !(scheme == 5 && strncasecmp(s, "https", 5) == 0))
		return ac_err_at(err, "T7", path,
				 "bad URL scheme, must be http/https, in '%s'",
				 s);
	if (strncmp(s + scheme, "://", 3) != 0 || s[scheme + 3] == '\0' ||
	    s[scheme + 3] == '/')
		ac_findings_add(f, "T7", path, "'%s' names no host", s);
	return 0;
}
