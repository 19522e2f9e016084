/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/oci.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "fetch/repos.h"

enum { MAX_INDEX = 8 << 20 };

static int read_index(const struct layout *l, struct ac_oci_index *x,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_INDEX);

	if (ac_io_read_file(l->fd, "index.json", &text, err) < 0 ||
	    ac_oci_index_parse(x, ac_buf_str(&text), text.len, err) < 0)
		return ac_err_ctx(err, "OCI layout '%s'", l->dir);
	return 0;
}

/* The last component of DIR, in lower case, as far as it is a name. */
static char *name_of(const char *dir)
{
	struct ac_str s = ac_str(dir);
	char *name;
	size_t from;

	while (s.len != 0 && s.p[s.len - 1] == '/')
		s.len--;
	for (from = s.len; from != 0 && s.p[from - 1] != '/'; from--)
		;
	name = ac_xstrndup(s.p + from, s.len - from);
	for (char *p = name; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return name;
}

int layout_open(struct layout *l, const char *spec, struct ac_err *err)
{
	struct ac_oci_index x = {.doc = NULL};
	struct ac_str dir = ac_str(spec);
	struct ac_str name;
	int r;

	if (ac_str_cut(&dir, '=', &name))
		*l = (struct layout){.name = ac_xstrndup(name.p, name.len),
				     .dir = ac_xstrdup(dir.p)};
	else
		*l = (struct layout){.name = name_of(spec),
				     .dir = ac_xstrdup(spec)};
	l->fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->fd < 0)
		r = ac_err_sys(err, errno, "open the OCI layout '%s'", l->dir);
	else if (!repo_name_ok(l->name))
		r = ac_err_set(err, AC_E_USAGE,
			       "'%s' cannot be the name of a repository (lower "
			       "case letters, digits, '/', and '.', '_', '-' "
			       "between them); give one: --oci NAME=%s",
			       l->name, l->dir);
	else
		r = read_index(l, &x, err);
	ac_oci_index_release(&x);
	if (r < 0)
		layout_close(l);
	return r;
}

void layout_close(struct layout *l)
{
	free(l->name);
	free(l->dir);
	if (l->fd >= 0)
		(void)close(l->fd);
	*l = (struct layout){.fd = -1};
}

/* The tag of an entry, or NULL: some tools write the whole reference. */
static const char *tag_of(const struct ac_oci_index *x, size_t i)
{
	const char *ref = x->v[i].ref_name;
	const char *colon;

	if (ref == NULL)
		return x->n == 1 ? "latest" : NULL;
	if (tag_ok(ref))
		return ref;
	colon = strrchr(ref, ':');
	return colon != NULL && tag_ok(colon + 1) ? colon + 1 : NULL;
}

int layout_tags(const struct layout *l, struct ac_strv *out, struct ac_err *err)
{
	struct ac_oci_index x = {.doc = NULL};

	if (read_index(l, &x, err) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		const char *tag = tag_of(&x, i);

		if (tag != NULL && !ac_strv_has(out, tag))
			ac_strv_push(out, tag);
	}
	ac_oci_index_release(&x);
	return 0;
}

int layout_resolve(const struct layout *l, const char *tag, struct ac_digest *d,
		   char **type, struct ac_err *err)
{
	struct ac_oci_index x = {.doc = NULL};
	int found = 0;

	if (read_index(l, &x, err) < 0)
		return -1;
	for (size_t i = 0; i < x.n && found == 0; i++) {
		const char *have = tag_of(&x, i);

		if (have == NULL || strcmp(have, tag) != 0)
			continue;
		*d = x.v[i].digest;
		if (x.v[i].media_type[0] != '\0')
			*type = ac_xstrdup(x.v[i].media_type);
		found = 1;
	}
	ac_oci_index_release(&x);
	return found;
}

int layout_blob(const struct layout *l, const struct ac_digest *d, int *fd,
		struct ac_err *err)
{
	char hex[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;

	ac_digest_hex(d, hex);
	path = ac_xasprintf("blobs/%s/%s", ac_digest_alg_name(d->alg), hex);
	*fd = ac_at_open(l->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	if (*fd < 0 && err->code == AC_E_NOT_FOUND) {
		*err = AC_ERR_INIT;
		return 0;
	}
	return *fd < 0 ? ac_err_ctx(err, "OCI layout '%s'", l->dir) : 1;
}
