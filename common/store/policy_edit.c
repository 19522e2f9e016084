/* SPDX-License-Identifier: Apache-2.0 */
/* All policies that there are, and writing one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/store/keystore.h"
#include "common/store/policy_priv.h"
#include "common/sys/at.h"
#include "common/sys/atomic.h"
#include "common/sys/path.h"

void ac_policies_release(struct ac_policies *p)
{
	for (size_t i = 0; i < p->n; i++)
		ac_policy_release(&p->v[i]);
	free(p->v);
	*p = AC_POLICIES_INIT;
}

/* Every prefix at and below PREFIX ("": all) for which there is a directory. */
struct walk {
	int fd;
	int depth;
	struct ac_strv *out;
};

static int prefixes(void *ctx, const char *prefix, bool linked,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_keydir_release) struct ac_keydir in = {0};
	AC_FREE char *place =
		ac_policy_place(prefix[0] != '\0' ? prefix : NULL);
	struct walk *w = ctx;
	int r = 0;

	if (ac_keystore_too_deep(place, w->depth))
		return 0;
	if (prefix[0] != '\0' && !ac_strv_has(w->out, prefix))
		ac_strv_push(w->out, prefix);
	w->depth++;
	if (ac_keydir_read(&in, w->fd, place, err) < 0 ||
	    ac_keydir_each(&in, prefix, linked, prefixes, w, err) < 0)
		r = -1;
	w->depth--;
	return r;
}

/* Add what counts for PREFIX, if there is something. */
static void list_one(const struct ac_keylevels *l, const char *prefix,
		     struct ac_policies *out)
{
	struct ac_policy p = AC_POLICY_INIT;
	struct ac_err err = AC_ERR_INIT;
	int r = 0;

	for (size_t i = l->n; i > 0 && r == 0; i--)
		r = ac_policy_read(l, i - 1, prefix, &p, &err);
	if (r == 0)
		return;
	if (r < 0)
		p.fault = ac_xstrdup(err.msg);
	out->v = ac_xrealloc(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = p;
}

int ac_policy_list(const struct ac_keystore *ks, struct ac_policies *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_keylevels_release) struct ac_keylevels l = {.n = 0};
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;

	if (ac_keylevels_open(&l, ks, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		struct walk w = {.fd = l.fd[i], .out = &all};

		if (w.fd >= 0 && prefixes(&w, "", false, err) < 0)
			return ac_err_ctx(err, "keystore '%s'", l.dir[i]);
	}
	ac_strv_sort(&all);
	list_one(&l, NULL, out);
	for (size_t i = 0; i < all.n; i++)
		list_one(&l, all.v[i], out);
	return 0;
}

int ac_policy_write(const struct ac_keystore *ks, const char *prefix,
		    const struct ac_policy *p, char **path, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 20);
	AC_JSON struct ac_json *o = ac_json_object();
	struct ac_json *keys = ac_json_array();
	AC_FREE char *rel = ac_policy_place(prefix);
	AC_FREE char *dir = NULL;
	AC_CLOSE int fd = -1;

	for (size_t i = 0; i < p->keys.n; i++)
		ac_json_push_str(keys, p->keys.v[i]);
	ac_json_set_str(o, "rktKind", "trustPolicy");
	ac_json_set_str(o, "rktVersion", "v1");
	ac_json_set_int(o, "require", (int64_t)p->require);
	ac_json_set(o, "keys", keys);
	ac_json_write(o, 2, false, &text);
	ac_buf_addc(&text, '\n');
	fd = ac_keystore_place(ks, prefix, rel, &dir, err);
	if (fd < 0)
		return -1;
	if (ac_atomic_write(fd, AC_POLICY_FILE, 0644, ac_buf_str(&text),
			    text.len, err) < 0)
		return ac_err_ctx(err, "keystore '%s'", dir);
	*path = ac_path_join(dir, AC_POLICY_FILE);
	return 0;
}

int ac_policy_remove(const struct ac_keystore *ks, const char *prefix,
		     struct ac_err *err)
{
	AC_FREE char *rel = ac_policy_place(prefix);
	AC_FREE char *dir = NULL;
	AC_CLOSE int fd = ac_keystore_place(ks, prefix, rel, &dir, err);

	if (fd < 0)
		return -1;
	if (unlinkat(fd, AC_POLICY_FILE, 0) == 0)
		return 0;
	if (errno != ENOENT)
		return ac_err_sys(err, errno, "remove '%s/%s'", dir,
				  AC_POLICY_FILE);
	return ac_err_set(err, AC_E_NOT_FOUND, "there is no policy '%s/%s'",
			  dir, AC_POLICY_FILE);
}
