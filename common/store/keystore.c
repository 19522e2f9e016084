/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/keystore_priv.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { MAX_KEY = 1 << 20 };

/* One directory of the configuration while it is read. */
struct level {
	const char *dir;
	int fd;   /* of dir/trustedkeys; -1: there is none */
	bool all; /* no name: a mask is for its own place */
};

/* What the name of a key file says. */
struct key_file {
	enum ac_key_kind kind;
	char fingerprint[AC_FINGERPRINT_MAX + 1];
};

static bool read_name(const char *name, struct key_file *out)
{
	static const char suffix[] = ".pub";
	size_t n = strlen(name);
	size_t tail = sizeof(suffix) - 1;

	out->kind = AC_KEY_PGP;
	if (n > tail && strcmp(name + n - tail, suffix) == 0) {
		out->kind = AC_KEY_PEM;
		n -= tail;
	}
	if (n > AC_FINGERPRINT_MAX)
		return false;
	memcpy(out->fingerprint, name, n);
	out->fingerprint[n] = '\0';
	return ac_fingerprint_ok(out->fingerprint) &&
	       (out->kind == AC_KEY_PGP || n == AC_FINGERPRINT_MAX);
}

static void trusted_release(struct ac_trusted *t)
{
	free(t->prefix);
	free(t->fingerprint);
	free(t->path);
	free(t->key);
}

void ac_trust_release(struct ac_trust *k)
{
	for (size_t i = 0; i < k->n; i++)
		trusted_release(&k->v[i]);
	free(k->v);
	*k = AC_TRUST_INIT;
}

static bool same_prefix(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool ac_trust_has(const struct ac_trust *t, const char *prefix,
		  struct ac_key_name key)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].kind == key.kind &&
		    strcmp(t->v[i].fingerprint, key.fingerprint) == 0 &&
		    same_prefix(t->v[i].prefix, prefix))
			return true;
	return false;
}

bool ac_trust_has_kind(const struct ac_trust *t, enum ac_key_kind kind)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].kind == kind)
			return true;
	return false;
}

/* Forget the key that T stands for (or masks). */
static void drop(struct ac_trust *k, const struct ac_trusted *t,
		 bool same_place)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->n; i++) {
		bool gone =
			k->v[i].kind == t->kind &&
			strcmp(k->v[i].fingerprint, t->fingerprint) == 0 &&
			(!same_place || same_prefix(k->v[i].prefix, t->prefix));

		if (gone)
			trusted_release(&k->v[i]);
		else
			k->v[kept++] = k->v[i];
	}
	k->n = kept;
}

/* Where keys of PREFIX stand below trustedkeys.  Caller frees. */
static char *place(const char *prefix)
{
	return prefix == NULL ? ac_xstrdup("root.d")
			      : ac_path_join("prefix.d", prefix);
}

/* The file NAME in DIR (below trustedkeys) into OUT, or out of it.  One that
 * cannot be read may be a mask: it counts as one. */
static void take_file(const struct level *l, const char *dir,
		      const char *prefix, const char *name,
		      const struct key_file *is, struct ac_trust *out)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_KEY);
	AC_FREE char *rel = ac_path_join(dir, name);
	struct ac_err err = AC_ERR_INIT;
	struct ac_trusted t;

	if (ac_keystore_read(l->fd, rel, &text, &err) < 0) {
		ac_warn("keystore '%s': %s; it is not used", l->dir, err.msg);
		ac_buf_release(&text);
	}
	t = (struct ac_trusted){
		.prefix = ac_xstrdup(prefix),
		.kind = is->kind,
		.fingerprint = ac_xstrdup(is->fingerprint),
		.path = ac_xasprintf("%s/trustedkeys/%s", l->dir, rel),
		.len = text.len,
	};
	t.key = ac_buf_steal(&text);
	drop(out, &t, l->all);
	if (t.len == 0) {
		trusted_release(&t);
		return;
	}
	out->v = ac_xrealloc(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = t;
}

/* The keys in DIR: 1, or 0 when there is no such directory.  IN gets all that
 * is in it. */
static int read_place(const struct level *l, const char *dir,
		      const char *prefix, struct ac_keydir *in,
		      struct ac_trust *out, struct ac_err *err)
{
	bool above = prefix != NULL && prefix[0] == '\0';
	int r = ac_keydir_read(in, l->fd, dir, err);

	if (r < 0)
		return ac_err_ctx(err, "keystore '%s'", l->dir);
	for (size_t i = 0; i < in->files.n; i++) {
		const char *name = in->files.v[i];
		struct key_file is;

		if (above || !read_name(name, &is)) {
			ac_warn("keystore: '%s/trustedkeys/%s/%s' is not %s; "
				"it is not used",
				l->dir, dir, name,
				above ? "below a prefix"
				      : "named as a fingerprint");
			continue;
		}
		take_file(l, dir, prefix, name, &is, out);
	}
	return r;
}

/* Each prefix of NAME in turn: "a.b", "a.b/c", ... */
static int walk_name(const struct level *l, const char *name,
		     struct ac_trust *out, struct ac_err *err)
{
	struct ac_str rest = ac_str(name);
	struct ac_str head;
	int r = 1;

	while (r > 0 && rest.len != 0) {
		AC_CLEANUP(ac_keydir_release) struct ac_keydir in = {0};
		AC_FREE char *prefix = NULL;
		AC_FREE char *dir = NULL;

		(void)ac_str_cut(&rest, '/', &head);
		prefix = ac_xstrndup(name, (size_t)(head.p + head.len - name));
		dir = place(prefix);
		r = read_place(l, dir, prefix, &in, out, err);
	}
	return r;
}

/* Everything at and below PREFIX ("": all of prefix.d). */
struct walk {
	const struct level *l;
	int depth;
	struct ac_trust *out;
};

static int walk_all(void *ctx, const char *prefix, bool linked,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_keydir_release) struct ac_keydir in = {0};
	AC_FREE char *dir = place(prefix);
	struct walk *w = ctx;
	int r = 0;

	if (ac_keystore_too_deep(dir, w->depth))
		return 0;
	w->depth++;
	if (read_place(w->l, dir, prefix, &in, w->out, err) < 0 ||
	    ac_keydir_each(&in, prefix, linked, walk_all, w, err) < 0)
		r = -1;
	w->depth--;
	return r;
}

static int load_level(const struct level *l, const char *name,
		      struct ac_trust *out, struct ac_err *err)
{
	struct walk w = {.l = l, .out = out};

	return name != NULL ? walk_name(l, name, out, err)
			    : walk_all(&w, "", false, err);
}

static int load_levels(const struct level *levels, size_t n, const char *name,
		       struct ac_trust *out, struct ac_err *err)
{
	for (size_t i = 0; i < n; i++) {
		AC_CLEANUP(ac_keydir_release) struct ac_keydir in = {0};

		if (levels[i].fd >= 0 &&
		    read_place(&levels[i], "root.d", NULL, &in, out, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (levels[i].fd >= 0 &&
		    load_level(&levels[i], name, out, err) < 0)
			return -1;
	return 0;
}

int ac_keystore_load(const struct ac_keystore *ks, const char *name,
		     struct ac_trust *out, struct ac_err *err)
{
	AC_CLEANUP(ac_keylevels_release) struct ac_keylevels open = {.n = 0};
	struct level levels[AC_KEYSTORE_LEVELS];

	/* The name becomes a path. */
	if (name != NULL && ac_identifier_check(name, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "image name '%s'", name);
	if (ac_keylevels_open(&open, ks, err) < 0)
		return -1;
	for (size_t i = 0; i < open.n; i++)
		levels[i] =
			(struct level){open.dir[i], open.fd[i], name == NULL};
	if (load_levels(levels, open.n, name, out, err) == 0)
		return 0;
	ac_trust_release(out);
	return -1;
}
