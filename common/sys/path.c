/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/path.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"

enum { MAX_NAME = 255, MAX_PATH = 4095 };

/* The next component at *path, which moves behind it; empty at the end. */
static struct ac_str component(const char **path)
{
	const char *p = *path + strspn(*path, "/");
	size_t n = strcspn(p, "/");

	*path = p + n;
	return ac_strn(p, n);
}

char *ac_path_clean(const char *path)
{
	AC_FREE char *out = ac_xmalloc(strlen(path) + 1);
	struct ac_str c;
	size_t n = 0;

	while ((c = component(&path)).len != 0) {
		if (ac_str_eq(c, "."))
			continue;
		if (ac_str_eq(c, "..")) {
			if (n == 0)
				return NULL;
			while (n != 0 && out[--n] != '/')
				;
			continue;
		}
		if (c.len > MAX_NAME)
			return NULL;
		if (n != 0)
			out[n++] = '/';
		memcpy(out + n, c.p, c.len);
		n += c.len;
	}
	if (n > MAX_PATH)
		return NULL;
	out[n] = '\0';
	return ac_steal_ptr(&out);
}

bool ac_path_is_clean(const char *path)
{
	const char *start = path;

	if (*path == '\0')
		return true;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || n > MAX_NAME ||
		    (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.'))))
			return false;
		path += n;
		if (*path == '\0')
			return path - start <= MAX_PATH;
		path++;
	}
}

bool ac_path_has_dotdot(const char *path)
{
	struct ac_str c;

	while ((c = component(&path)).len != 0)
		if (ac_str_eq(c, ".."))
			return true;
	return false;
}

void ac_path_split(const char *path, struct ac_str *dir, struct ac_str *base)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL) {
		*dir = ac_str("");
		*base = ac_str(path);
	} else {
		*dir = ac_strn(path, (size_t)(slash - path));
		*base = ac_str(slash + 1);
	}
}

char *ac_path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (n == 0)
		return ac_xstrdup(b);
	b += strspn(b, "/");
	if (*b == '\0')
		return ac_xstrdup(a);
	return ac_xasprintf("%s%s%s", a, a[n - 1] == '/' ? "" : "/", b);
}

bool ac_path_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n == 0 || (strncmp(path, dir, n) == 0 &&
			  (path[n] == '\0' || path[n] == '/'));
}
