/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of the keystore, and what is written there. */
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
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/keystore.h"
#include "common/store/keystore_priv.h"
#include "common/sys/at.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

/* Its directories, first those that later ones override. */
static size_t dirs_of(const struct ac_keystore *ks,
		      struct ac_config_dir out[AC_CONFIG_DIRS])
{
	struct ac_config c = {ks->system, ks->local, ks->user, ks->rkt};

	return ac_config_dirs(&c, out);
}

bool ac_fingerprint_ok(const char *s)
{
	return ac_hex_is(s, 40, "") || ac_hex_is(s, AC_FINGERPRINT_MAX, "");
}

bool ac_fingerprint_read(const char *s, char out[AC_FINGERPRINT_MAX + 1])
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (*s == ' ')
			continue;
		if (ac_hex_digit(*s) < 0 || n == AC_FINGERPRINT_MAX)
			return false;
		out[n++] = *s >= 'A' && *s <= 'F' ? (char)(*s - 'A' + 'a') : *s;
	}
	out[n] = '\0';
	return n != 0;
}

static int open_level(const char *dir, int *fd, struct ac_err *err)
{
	AC_FREE char *path = ac_path_join(dir, "trustedkeys");

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "open the keystore '%s'", path);
	return 0;
}

int ac_keylevels_open(struct ac_keylevels *l, const struct ac_keystore *ks,
		      struct ac_err *err)
{
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	size_t n = dirs_of(ks, dirs);

	l->n = 0;
	for (size_t i = 0; i < n; i++) {
		l->dir[i] = dirs[i].path;
		if (open_level(dirs[i].path, &l->fd[i], err) < 0)
			return -1;
		l->n++;
	}
	return 0;
}

void ac_keylevels_release(struct ac_keylevels *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->fd[i] >= 0)
			(void)close(l->fd[i]);
	l->n = 0;
}

int ac_keystore_read(int fd, const char *rel, struct ac_buf *out,
		     struct ac_err *err)
{
	/* Not blocking: a FIFO would be waited for. */
	AC_CLOSE int file =
		ac_at_open_in_root(fd, rel, O_RDONLY | O_NONBLOCK, err);
	struct stat st;

	if (file < 0)
		return -1;
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return ac_err_set(err, AC_E_INVALID, "'%s' is not a file", rel);
	return ac_io_slurp(file, out, rel, err);
}

void ac_keydir_release(struct ac_keydir *d)
{
	ac_strv_release(&d->files);
	ac_strv_release(&d->dirs);
	ac_strv_release(&d->links);
}

static bool leads_to_dir(int fd, const char *rel, const char *name)
{
	AC_FREE char *path = ac_path_join(rel, name);
	struct ac_err ignored = AC_ERR_INIT;
	AC_CLOSE int at =
		ac_at_open_in_root(fd, path, O_PATH | O_DIRECTORY, &ignored);

	return at >= 0;
}

int ac_keydir_read(struct ac_keydir *k, int fd, const char *rel,
		   struct ac_err *err)
{
	AC_CLOSE int own =
		ac_at_open_in_root(fd, rel, O_RDONLY | O_DIRECTORY, err);
	AC_CLOSEDIR DIR *d = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *e;

	if (own < 0 && (err->code == AC_E_NOT_FOUND || err->sys == ENOTDIR)) {
		*err = AC_ERR_INIT;
		return 0;
	}
	if (d == NULL)
		return own < 0 ? -1 : ac_err_sys(err, errno, "read '%s'", rel);
	own = -1;
	while (errno = 0, (e = readdir(d)) != NULL) {
		struct stat st;

		if (e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* hidden, or just removed */
		if (S_ISDIR(st.st_mode))
			ac_strv_push(&k->dirs, e->d_name);
		else if (S_ISLNK(st.st_mode) &&
			 leads_to_dir(fd, rel, e->d_name))
			ac_strv_push(&k->links, e->d_name);
		else
			ac_strv_push(&k->files, e->d_name);
	}
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s'", rel);
	ac_strv_sort(&k->files);
	ac_strv_sort(&k->dirs);
	ac_strv_sort(&k->links);
	return 1;
}

/* Could an image have the name PREFIX?  Else what is there is never used. */
static bool is_prefix(const char *prefix)
{
	struct ac_err why = AC_ERR_INIT;

	if (ac_identifier_check(prefix, AC_NAME_STRICT, &why) == 0)
		return true;
	ac_warn("keystore: '%s' is no prefix of names: %s; it is not used",
		prefix, why.msg);
	return false;
}

int ac_keydir_each(const struct ac_keydir *d, const char *prefix, bool linked,
		   ac_keydir_fn fn, void *ctx, struct ac_err *err)
{
	for (size_t i = 0; i < d->dirs.n; i++) {
		AC_FREE char *below = ac_path_join(prefix, d->dirs.v[i]);

		if (is_prefix(below) && fn(ctx, below, linked, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->links.n; i++) {
		AC_FREE char *below = ac_path_join(prefix, d->links.v[i]);

		if (!is_prefix(below))
			continue;
		if (linked)
			ac_warn("keystore: '%s' is a link behind a link; what "
				"is there counts, and is not listed",
				below);
		else if (fn(ctx, below, true, err) < 0)
			return -1;
	}
	return 0;
}

bool ac_keystore_too_deep(const char *rel, int depth)
{
	if (depth <= AC_KEYSTORE_DEPTH &&
	    strlen(rel) <= AC_KEYSTORE_LENGTH + strlen("prefix.d/"))
		return false;
	ac_warn("keystore: '%.100s...' is nested too deeply; what is in it is "
		"not listed",
		rel);
	return true;
}

static int check_prefix(const char *prefix, struct ac_err *err)
{
	size_t depth = 1;

	if (ac_identifier_check(prefix, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "prefix '%s'", prefix);
	for (const char *p = prefix; *p != '\0'; p++)
		depth += *p == '/';
	if (depth <= AC_KEYSTORE_DEPTH && strlen(prefix) <= AC_KEYSTORE_LENGTH)
		return 0;
	return ac_err_set(err, AC_E_LIMIT,
			  "prefix '%.100s...': %zu components and %zu bytes; "
			  "at most %d and %d",
			  prefix, depth, strlen(prefix), AC_KEYSTORE_DEPTH,
			  AC_KEYSTORE_LENGTH);
}

int ac_keystore_place(const struct ac_keystore *ks, const char *prefix,
		      const char *rel, char **path, struct ac_err *err)
{
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	const char *base = dirs[dirs_of(ks, dirs) - 1].path;
	AC_FREE char *below = ac_path_join("trustedkeys", rel);
	AC_CLOSE int top = -1;
	int fd;

	if (prefix != NULL && check_prefix(prefix, err) < 0)
		return -1;
	if (mkdir(base, 0755) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "make '%s'", base);
	top = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return ac_err_sys(err, errno, "open '%s'", base);
	fd = ac_at_mkdirs(top, below, 0755, err);
	if (fd < 0)
		return ac_err_ctx(err, "keystore '%s'", base);
	*path = ac_path_join(base, below);
	return fd;
}

/* Where keys of PREFIX are, where we write. */
static int open_keys(const struct ac_keystore *ks, const char *prefix,
		     char **path, struct ac_err *err)
{
	AC_FREE char *rel = prefix != NULL ? ac_path_join("prefix.d", prefix)
					   : ac_xstrdup("root.d");

	return ac_keystore_place(ks, prefix, rel, path, err);
}

static char *file_name(struct ac_key_name key)
{
	return ac_xasprintf("%s%s", key.fingerprint,
			    key.kind == AC_KEY_PEM ? ".pub" : "");
}

static int put_file(int dirfd, const char *name, const char *text,
		    const char *place, struct ac_err *err)
{
	if (ac_atomic_write(dirfd, name, 0644, text, strlen(text), err) < 0)
		return ac_err_ctx(err, "keystore '%s'", place);
	return 0;
}

int ac_keystore_add(const struct ac_keystore *ks, const char *prefix,
		    struct ac_key_name key, const char *text, char **path,
		    struct ac_err *err)
{
	AC_FREE char *name = file_name(key);
	AC_FREE char *dir = NULL;
	AC_CLOSE int fd = -1;

	if (!ac_fingerprint_ok(key.fingerprint))
		return ac_err_set(err, AC_E_INVALID, "bad fingerprint '%s'",
				  key.fingerprint);
	fd = open_keys(ks, prefix, &dir, err);
	if (fd < 0 || put_file(fd, name, text, dir, err) < 0)
		return -1;
	*path = ac_path_join(dir, name);
	return 0;
}

/* 1 when the key is trusted at this place, 0, -1. */
static int is_trusted(const struct ac_keystore *ks, const char *prefix,
		      struct ac_key_name key, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust k = AC_TRUST_INIT;

	if (ac_keystore_load(ks, NULL, &k, err) < 0)
		return -1;
	return ac_trust_has(&k, prefix, key) ? 1 : 0;
}

int ac_keystore_remove(const struct ac_keystore *ks, const char *prefix,
		       struct ac_key_name key, struct ac_err *err)
{
	AC_FREE char *name = file_name(key);
	AC_FREE char *dir = NULL;
	AC_CLOSE int fd = -1;
	int r = is_trusted(ks, prefix, key, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "key '%s' is not trusted %s%s; see 'acfetch "
				  "trust list'",
				  key.fingerprint,
				  prefix != NULL ? "for prefix "
						 : "as a root key",
				  prefix != NULL ? prefix : "");
	fd = open_keys(ks, prefix, &dir, err);
	if (fd < 0)
		return -1;
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '%s/%s'", dir, name);
	r = is_trusted(ks, prefix, key, err);
	if (r > 0) /* from a directory that is not ours to change */
		r = put_file(fd, name, "", dir, err);
	return r;
}
