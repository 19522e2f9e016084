/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/image/name.h"
#include "fetch/publish.h"

void entry_release(struct entry *e)
{
	free(e->name);
	free(e->version);
	free(e->os);
	free(e->arch);
	free(e->path);
	*e = (struct entry){.name = NULL};
}

/* A label's value becomes part of a file name, and of a URL as it is. */
static int check_part(const char *label, const char *value, struct ac_err *err)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+-");

	if (n == 0 || value[n] != '\0' || n > 128)
		return ac_err_set(err, AC_E_INVALID,
				  "label %s '%s' cannot be part of a file name "
				  "in a URL: letters, digits, '.', '_', '~', "
				  "'+', '-'",
				  label, value);
	return 0;
}

static char *make_path(const struct entry *e, const char *version)
{
	return ac_xasprintf("%s-%s-%s-%s.aci", e->name, version, e->os,
			    e->arch);
}

char *entry_latest(const struct entry *e)
{
	return make_path(e, "latest");
}

int entry_of(const struct ac_image *m, struct entry *e, struct ac_err *err)
{
	const char *version = ac_pairs_get(&m->labels, "version");
	const char *os = ac_pairs_get(&m->labels, "os");
	const char *arch = ac_pairs_get(&m->labels, "arch");

	if (ac_identifier_check(m->name, AC_NAME_STRICT, err) < 0)
		return -1;
	if (os == NULL || arch == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "image '%s' has no label %s, which discovery "
				  "asks for",
				  m->name, os == NULL ? "os" : "arch");
	if (check_part("os", os, err) < 0 ||
	    check_part("arch", arch, err) < 0 ||
	    (version != NULL && check_part("version", version, err) < 0))
		return -1;
	*e = (struct entry){
		.name = ac_xstrdup(m->name),
		.version = ac_xstrdup(version),
		.os = ac_xstrdup(os),
		.arch = ac_xstrdup(arch),
	};
	e->path = make_path(e, version != NULL ? version : "latest");
	return 0;
}
