/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/copy.h"

#include <string.h>

#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/place.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/cli/prog.h"
#include "common/sys/path.h"

static char *clean_target(const char *dst, struct ac_err *err)
{
	char *clean = ac_path_clean(dst);

	if (clean == NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s' is no path in the image: it leads out "
				 "of it, or is too long",
				 dst);
	return clean;
}

static int copy_one(struct work *w, const char *src, const char *dst,
		    struct ac_err *err)
{
	AC_FREE char *clean = clean_target(dst, err);
	AC_CLEANUP(copies_release) struct copies c = {.dst = dst, .n = 1};
	struct ac_str parent;
	struct ac_str base;

	c.items = ac_xcalloc(1, sizeof(*c.items));
	if (clean == NULL)
		return -1;
	if (dst[0] != '\0' && dst[strlen(dst) - 1] == '/')
		return ac_err_set(err, AC_E_INVALID,
				  "there is a trailing path separator in the "
				  "second operand '%s'; name the target "
				  "itself, or use copy-to-dir",
				  dst);
	ac_path_split(clean, &parent, &base);
	if (base.len == 0)
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' in the image: file exists; copy-to-dir "
				  "copies into it",
				  dst);
	c.parent = ac_xstrndup(parent.p, parent.len);
	c.items[0] = (struct item){.src = src,
				   .name = ac_xstrdup(base.p),
				   .shown = ac_xstrdup(dst)};
	return place(w, &c, err);
}

/* The last name of SRC: "a/b/" is b.  NULL when it has none. */
static char *base_name(const char *src)
{
	AC_FREE char *path = ac_xstrdup(src);
	const char *slash;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	slash = slash != NULL ? slash + 1 : path;
	if (*slash == '\0' || strcmp(slash, ".") == 0 ||
	    strcmp(slash, "..") == 0)
		return NULL;
	return ac_xstrdup(slash);
}

static int copy_to_dir(struct work *w, const struct ac_call *c,
		       struct ac_err *err)
{
	const char *dst = c->argv[c->argc - 1];
	AC_CLEANUP(copies_release)
	struct copies all = {.dst = dst,
			     .into_dir = true,
			     .n = (size_t)c->argc - 1};

	all.items = ac_xcalloc(all.n, sizeof(*all.items));
	all.parent = clean_target(dst, err);
	if (all.parent == NULL)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct item *it = &all.items[i];

		it->src = c->argv[i];
		it->name = base_name(it->src);
		if (it->name == NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' has no name of its own; name "
					  "the directory, or what is in it",
					  it->src);
		it->shown = ac_path_join(dst, it->name);
	}
	return place(w, &all, err);
}

static int copy_in(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	if (w->oci && oci_open_top(w, err) < 0)
		return -1;
	if (strcmp(c->path, "copy") == 0)
		return copy_one(w, c->argv[0], c->argv[1], err);
	return copy_to_dir(w, c, err);
}

int run_copy(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	const char *oci = oci_modify_file(g);

	if (oci != NULL)
		return oci_modify(c, oci, copy_in, true, err);
	return g->modify != NULL ? modify_files(c, copy_in, err)
				 : change(c, copy_in, err);
}
