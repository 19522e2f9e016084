/* SPDX-License-Identifier: Apache-2.0 */
/* What the head of an answer says about time (RFC 9110, RFC 9111). */
#include <curl/curl.h>
#include <string.h>
#include <time.h>

#include "common/base/num.h"
#include "common/base/str.h"
#include "common/net/http.h"

/* More seconds than anybody waits: about 68 years (RFC 9111, 1.2.2). */
static const uint64_t forever = 1U << 31;

/* Decimal; what is too large to be a number is forever. */
static bool seconds(struct ac_str s, uint64_t *out)
{
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	if (ac_num_max(s, forever, out) < 0)
		*out = forever;
	return true;
}

uint64_t ac_http_retry_after(const struct ac_http_response *r)
{
	const char *text = ac_http_header(r, "retry-after");
	time_t now = time(NULL);
	uint64_t n = 0;
	time_t when;

	if (text == NULL || seconds(ac_str(text), &n))
		return n;
	when = curl_getdate(text, NULL);
	return when > now ? (uint64_t)(when - now) : 0;
}

/* One directive: the least max-age counts, and "do not" more than any. */
static void directive(struct ac_str s, bool *any, uint64_t *age)
{
	struct ac_str value = s;
	struct ac_str name;
	bool has = ac_str_cut(&value, '=', &name);
	uint64_t n = 0;

	name = ac_str_trim(name);
	value = ac_str_trim(value);
	if (value.len >= 2 && value.p[0] == '"' &&
	    value.p[value.len - 1] == '"')
		value = ac_strn(value.p + 1, value.len - 2);
	if (ac_str_eq_any_case(name, "max-age")) {
		/* What is no number nobody knows: ask. */
		if (!has || !seconds(value, &n))
			n = 0;
	} else if (!ac_str_eq_any_case(name, "no-store") &&
		   !ac_str_eq_any_case(name, "no-cache")) {
		return;
	}
	if (!*any || n < *age)
		*age = n;
	*any = true;
}

/* The directives of one line; a comma in quotes does not end one. */
static void directives(struct ac_str s, bool *any, uint64_t *age)
{
	bool quoted = false;
	size_t from = 0;

	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] == '"')
			quoted = !quoted;
		if (i < s.len && (quoted || s.p[i] != ','))
			continue;
		directive(ac_strn(s.p + from, i - from), any, age);
		from = i + 1;
	}
}

uint64_t ac_http_max_age(const struct ac_http_response *r)
{
	static const char name[] = "cache-control: ";
	const char *text = ac_http_header(r, "age");
	uint64_t age = 0;
	uint64_t old = 0;
	bool any = false;

	for (size_t i = 0; i < r->headers.n; i++)
		if (strncmp(r->headers.v[i], name, strlen(name)) == 0)
			directives(ac_str(r->headers.v[i] + strlen(name)), &any,
				   &age);
	if (text != NULL && !seconds(ac_str(text), &old))
		old = forever;
	return age > old ? age - old : 0;
}
