/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as text: what every function promises about every input. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/own.h"
#include "common/sys/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond)
{
	if (!cond)
		abort();
}

/* A clean path stays what it is, and splits into what joins to it again. */
static void check_clean(const char *s)
{
	AC_FREE char *again = ac_path_clean(s);
	AC_FREE char *dir = NULL;
	AC_FREE char *base = NULL;
	AC_FREE char *both = NULL;
	struct ac_str d;
	struct ac_str b;

	must(ac_path_is_clean(s) && strlen(s) <= 4095);
	must(again != NULL && strcmp(again, s) == 0);
	must(!ac_path_has_dotdot(s) && strstr(s, "//") == NULL);
	must(s[0] != '/' && (s[0] == '\0' || s[strlen(s) - 1] != '/'));
	ac_path_split(s, &d, &b);
	dir = strndup(d.p, d.len);
	base = strndup(b.p, b.len);
	must(b.len <= 255 && strchr(base, '/') == NULL);
	both = ac_path_join(dir, base);
	must(strcmp(both, s) == 0);
	must(ac_path_within(s, dir) && ac_path_within(s, ""));
	must(s[0] == '\0' || !ac_path_within(dir, s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_FREE char *path = strndup(size != 0 ? (const char *)data : "", size);
	AC_FREE char *rooted = NULL;
	AC_FREE char *clean = ac_path_clean(path);
	AC_FREE char *same = NULL;

	/* A leading slash changes nothing. */
	rooted = ac_path_join("/", path);
	same = ac_path_clean(rooted);
	must((clean == NULL) == (same == NULL));
	if (ac_path_is_clean(path))
		must(clean != NULL && strcmp(clean, path) == 0);
	if (clean == NULL)
		return 0;
	must(strcmp(clean, same) == 0);
	must(strlen(clean) <= strlen(path));
	check_clean(clean);
	return 0;
}
