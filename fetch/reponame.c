/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fetch/repos.h"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool component_ok(struct ac_str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t from = i;

		while (i < s.len && is_alnum(s.p[i]))
			i++;
		if (i == from)
			return false;
		if (i == s.len)
			return true;
		from = i;
		while (i < s.len && s.p[i] == s.p[from] && s.p[i] != '.')
			i++;
		if (s.p[from] == '.')
			i++;
		else if (s.p[from] != '-' && s.p[from] != '_')
			return false;
		if (s.p[from] == '_' && i - from > 2)
			return false;
	}
	return false; /* empty, or ends with a separator */
}

bool repo_name_ok(const char *name)
{
	struct ac_str rest = ac_str(name);
	struct ac_str one;
	bool more = true;

	if (rest.len > 255)
		return false;
	while (more) {
		more = ac_str_cut(&rest, '/', &one);
		if (!component_ok(one))
			return false;
	}
	return true;
}

bool tag_ok(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n != 0 && n <= 128 && text[n] == '\0' && text[0] != '.' &&
	       text[0] != '-';
}
