/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/policy.h"

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
#include "common/codec/json_walk.h"
#include "common/image/name.h"
#include "common/store/keystore.h"
#include "common/store/keystore_priv.h"
#include "common/store/policy_priv.h"
#include "common/sys/at.h"
#include "common/sys/path.h"

enum { MAX_FILE = 64 << 10 };

void ac_policy_release(struct ac_policy *p)
{
	free(p->path);
	free(p->prefix);
	free(p->fault);
	ac_strv_release(&p->keys);
	*p = AC_POLICY_INIT;
}

/* --- what a file says --- */

struct seek {
	const char *path;
	unsigned int line;
};

static void on_value(void *ctx, const char *path,
		     const struct ac_json_place *at)
{
	struct seek *s = ctx;

	if (s->line == 0 && strcmp(path, s->path) == 0)
		s->line = at->line;
}

/* Say in which line the field PATH is. */
static int in_line(const struct ac_buf *text, const char *path,
		   struct ac_err *err)
{
	struct seek s = {.path = path};
	struct ac_err ignored = AC_ERR_INIT;

	if (ac_json_walk(ac_buf_str(text), text->len, on_value, &s, &ignored) <
		    0 ||
	    s.line == 0)
		return -1;
	return ac_err_ctx(err, "line %u", s.line);
}

static int known_members(const struct ac_json *doc, const struct ac_buf *text,
			 struct ac_err *err)
{
	static const char *const known[] = {"rktKind", "rktVersion", "require",
					    "keys"};
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID, "expected an object");
	while (ac_json_each(doc, &it, &key, &value)) {
		bool found = false;

		for (size_t i = 0; i < AC_LEN(known); i++)
			found = found || strcmp(key, known[i]) == 0;
		if (found)
			continue;
		(void)ac_err_set(err, AC_E_INVALID, "%s: unknown field", key);
		return in_line(text, key, err);
	}
	return 0;
}

static int expect(const struct ac_json *doc, const char *key, const char *want,
		  const struct ac_buf *text, struct ac_err *err)
{
	const char *is = "";

	if (ac_json_get_str(doc, "", key, &is, err) < 0)
		return in_line(text, key, err);
	if (strcmp(is, want) == 0)
		return 0;
	(void)ac_err_set(err, AC_E_INVALID, "%s: it must be '%s'", key, want);
	return in_line(text, key, err);
}

static int read_require(const struct ac_json *doc, int64_t *out,
			const struct ac_buf *text, struct ac_err *err)
{
	int r = ac_json_get_int(doc, "", "require", out, err);

	if (r >= 0 && r != 0 && (*out < 1 || *out > AC_POLICY_MAX))
		r = ac_err_set(err, AC_E_INVALID,
			       "require: it is a number from 1 to %d",
			       AC_POLICY_MAX);
	return r < 0 ? in_line(text, "require", err) : r;
}

static int read_keys(const struct ac_json *doc, struct ac_strv *out,
		     const struct ac_buf *text, struct ac_err *err)
{
	struct ac_json *list = NULL;
	int r = ac_json_get_array(doc, "", "keys", &list, err);

	if (r < 0)
		return in_line(text, "keys", err);
	if (ac_json_len(list) > AC_POLICY_MAX) {
		(void)ac_err_set(err, AC_E_LIMIT, "keys: more than %d",
				 AC_POLICY_MAX);
		return in_line(text, "keys", err);
	}
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *s = ac_json_text(ac_json_at(list, i), NULL);
		char hex[AC_FINGERPRINT_MAX + 1];
		AC_FREE char *path = ac_xasprintf("keys[%zu]", i);

		if (s == NULL || !ac_fingerprint_read(s, hex) ||
		    !ac_fingerprint_ok(hex)) {
			(void)ac_err_set(err, AC_E_INVALID,
					 "%s: it is a fingerprint, 40 or 64 "
					 "hex digits",
					 path);
			return in_line(text, path, err);
		}
		if (!ac_strv_has(out, hex))
			ac_strv_push(out, hex);
	}
	return 0;
}

int ac_policy_parse(struct ac_policy *p, const struct ac_buf *text,
		    struct ac_err *err)
{
	AC_JSON struct ac_json *doc =
		ac_json_parse(ac_buf_str(text), text->len, "policy", err);
	int64_t require = 0;

	if (doc == NULL || known_members(doc, text, err) < 0 ||
	    expect(doc, "rktKind", "trustPolicy", text, err) < 0 ||
	    expect(doc, "rktVersion", "v1", text, err) < 0 ||
	    read_require(doc, &require, text, err) < 0 ||
	    read_keys(doc, &p->keys, text, err) < 0)
		return -1;
	if (require == 0 && p->keys.n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "it has neither 'require' nor 'keys'");
	p->require = (size_t)require > p->keys.n ? (size_t)require : p->keys.n;
	return 0;
}

/* --- the files --- */

char *ac_policy_place(const char *prefix)
{
	return prefix == NULL ? ac_xstrdup("policy.d")
			      : ac_path_join("policy.d", prefix);
}

/* Is something called PATH below DIRFD, even a link to nothing: 1, 0, -1.
 * What stands on its way must be there whole. */
static int is_there(int dirfd, const char *path, struct ac_err *err)
{
	for (size_t n = 0; path[n] != '\0';) {
		AC_FREE char *head = NULL;
		AC_CLOSE int link = -1;
		AC_CLOSE int fd = -1;

		n += strcspn(path + n, "/");
		head = ac_xstrndup(path, n);
		n += strspn(path + n, "/");
		link = ac_at_open_in_root(dirfd, head, O_PATH | O_NOFOLLOW,
					  err);
		if (link < 0 && err->code == AC_E_NOT_FOUND) {
			*err = AC_ERR_INIT;
			return 0;
		}
		fd = link < 0 ? -1
			      : ac_at_open_in_root(dirfd, head, O_PATH, err);
		if (fd < 0)
			return -1;
	}
	return 1;
}

int ac_policy_read(const struct ac_keylevels *l, size_t level,
		   const char *prefix, struct ac_policy *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_FILE);
	AC_FREE char *dir = ac_policy_place(prefix);
	AC_FREE char *rel = ac_path_join(dir, AC_POLICY_FILE);
	AC_FREE char *path =
		ac_xasprintf("%s/trustedkeys/%s", l->dir[level], rel);
	int r = l->fd[level] < 0 ? 0 : is_there(l->fd[level], rel, err);

	if (r > 0 && (ac_keystore_read(l->fd[level], rel, &text, err) < 0 ||
		      ac_policy_parse(out, &text, err) < 0))
		r = -1;
	if (r == 0)
		return 0;
	out->prefix = ac_xstrdup(prefix);
	out->path = ac_steal_ptr(&path);
	return r < 0 ? ac_err_ctx(err, "policy '%s'", out->path) : 1;
}

/* The policy of PREFIX itself: 1, 0, -1. */
static int of_prefix(const struct ac_keylevels *l, const char *prefix,
		     struct ac_policy *out, struct ac_err *err)
{
	int r = 0;

	for (size_t i = l->n; i > 0 && r == 0; i--)
		r = ac_policy_read(l, i - 1, prefix, out, err);
	return r;
}

static int find(const struct ac_keystore *ks, const char *name,
		struct ac_policy *out, struct ac_err *err)
{
	AC_CLEANUP(ac_keylevels_release) struct ac_keylevels l = {.n = 0};
	AC_FREE char *prefix = ac_xstrdup(name);
	char *slash;
	int r;

	if (ac_identifier_check(name, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "image name '%s'", name);
	if (ac_keylevels_open(&l, ks, err) < 0)
		return -1;
	for (;;) {
		r = of_prefix(&l, prefix, out, err);
		slash = strrchr(prefix, '/');
		if (r != 0 || slash == NULL)
			break;
		*slash = '\0';
	}
	return r != 0 ? r : of_prefix(&l, NULL, out, err);
}

int ac_policy_find(const struct ac_keystore *ks, const char *name,
		   struct ac_policy *out, struct ac_err *err)
{
	if (find(ks, name, out, err) >= 0)
		return 0;
	ac_policy_release(out);
	return ac_err_ctx(err, "images of '%s' are refused", name);
}

bool ac_policy_met(const struct ac_policy *p, const struct ac_strv *signers,
		   struct ac_buf *why)
{
	size_t missing = 0;

	if (signers->n < p->require)
		ac_buf_addf(why, "good signatures by %zu of %zu required keys",
			    signers->n, p->require);
	for (size_t i = 0; i < p->keys.n; i++) {
		if (ac_strv_has(signers, p->keys.v[i]))
			continue;
		ac_buf_addf(why, "%s%s",
			    missing != 0    ? ", "
			    : why->len != 0 ? "; missing that of "
					    : "no good signature by the "
					      "required ",
			    p->keys.v[i]);
		missing++;
	}
	return missing == 0 && signers->n >= p->require;
}
