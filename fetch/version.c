/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/version.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"

/* Cut "v1.2-rc.1+x" into "1.2" and "rc.1" (NULL: a release), in place. */
static const char *take_apart(char *s, const char **pre)
{
	bool v = (s[0] == 'v' || s[0] == 'V') && s[1] >= '0' && s[1] <= '9';
	char *dash;

	s[strcspn(s, "+")] = '\0';
	dash = strchr(s, '-');
	*pre = NULL;
	if (dash != NULL) {
		*dash = '\0';
		*pre = dash + 1;
	}
	return v ? s + 1 : s;
}

int version_compare(const char *a, const char *b)
{
	AC_FREE char *ca = ac_xstrdup(a);
	AC_FREE char *cb = ac_xstrdup(b);
	const char *pa;
	const char *pb;
	const char *va = take_apart(ca, &pa);
	const char *vb = take_apart(cb, &pb);
	int r;

	if ((pa == NULL) != (pb == NULL))
		return pa == NULL ? 1 : -1;
	r = strverscmp(va, vb);
	if (r != 0)
		return r;
	return pa != NULL ? strverscmp(pa, pb) : 0;
}
