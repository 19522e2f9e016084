/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/config.h"

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
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "common/image/findings.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { MAX_FILE = 1 << 20, MAX_FILES = 4096 };

static const struct {
	const char *name, *sub;
} kinds[] = {
	[AC_CONFIG_AUTH] = {"auth", "auth.d"},
	[AC_CONFIG_DOCKER_AUTH] = {"dockerAuth", "auth.d"},
	[AC_CONFIG_HEADERS] = {"headers", "auth.d"},
	[AC_CONFIG_PATHS] = {"paths", "paths.d"},
	[AC_CONFIG_STAGE1] = {"stage1", "stage1.d"},
	[AC_CONFIG_LIMITS] = {"limits", "limits.d"},
};

const char *ac_config_kind_name(enum ac_config_kind k)
{
	return kinds[k].name;
}

char *ac_config_user(void)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	AC_FREE char *dir = NULL;
	struct stat st;

	if (geteuid() == 0)
		return NULL;
	/* The XDG specification: a relative path there is ignored. */
	if (base != NULL && base[0] == '/')
		dir = ac_path_join(base, "acutils");
	else if (home != NULL && home[0] == '/')
		dir = ac_path_join(home, ".config/acutils");
	if (dir == NULL || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return NULL;
	return ac_steal_ptr(&dir);
}

size_t ac_config_dirs(const struct ac_config *c,
		      struct ac_config_dir out[AC_CONFIG_DIRS])
{
	size_t n = 0;

	if (c->rkt) {
		out[n++] = (struct ac_config_dir){"/usr/lib/rkt", true};
		out[n++] = (struct ac_config_dir){"/etc/rkt", true};
	}
	out[n++] =
		(struct ac_config_dir){c->system != NULL ? c->system
							 : "/usr/lib/acutils",
				       false};
	out[n++] = (struct ac_config_dir){c->local != NULL ? c->local
							   : "/etc/acutils",
					  false};
	if (c->user != NULL && c->user[0] != '\0')
		out[n++] = (struct ac_config_dir){c->user, false};
	return n;
}

/* Where in the text the error is, when it has a path. */
static void find_place(const char *text, size_t len, struct ac_err *err)
{
	AC_CLEANUP(ac_findings_release) struct ac_findings all = {.n = 0};
	struct ac_findings_mark from = ac_findings_mark(&all);

	if (err->line != 0 || ac_findings_take(&all, err) < 0)
		return;
	ac_findings_locate(&all, from, text, len);
	(void)!ac_findings_result(&all, from, err);
}

int ac_config_locate(const char *file, const char *text, size_t len,
		     struct ac_err *err)
{
	find_place(text, len, err);
	if (err->line == 0)
		return ac_err_ctx(err, "'%s'", file);
	return ac_err_ctx(err, "%s:%u:%u", file, err->line, err->column);
}

static bool is_known(const char *key, const char *known)
{
	struct ac_str rest = ac_str(known);
	struct ac_str one;

	while (rest.len != 0) {
		AC_FREE char *name = NULL;

		(void)ac_str_cut(&rest, ' ', &one);
		name = ac_xstrndup(one.p, one.len);
		if (ac_json_same_key(name, key))
			return true;
	}
	return false;
}

void ac_config_known(const struct ac_config_file *f, const struct ac_json *o,
		     const char *path, const char *known)
{
	struct ac_json *v;
	const char *key;
	void *it = NULL;

	while (ac_json_each(o, &it, &key, &v)) {
		struct ac_err err = AC_ERR_INIT;
		AC_FREE char *at = NULL;

		if (is_known(key, known))
			continue;
		at = ac_field_path(path, key);
		(void)ac_err_at(&err, "", at,
				"there is no such member; it is not used");
		(void)ac_config_locate(f->path, f->text, f->len, &err);
		ac_warn("%s", err.msg);
	}
}

int ac_config_want(const struct ac_json *o, const char *path, const char *key,
		   const char **out, struct ac_err *err)
{
	int got = ac_field_str(o, path, key, out, err);
	AC_FREE char *at = NULL;

	if (got < 0 || (got > 0 && (*out)[0] != '\0'))
		return got < 0 ? -1 : 0;
	at = ac_field_path(path, key);
	return ac_err_at(err, "", at,
			 got == 0 ? "is missing; expected a string"
				  : "is empty");
}

int ac_config_twice(const char *path, const char *other, const char *thing,
		    struct ac_err *err)
{
	return ac_err_at(err, "", path,
			 "%s is given twice in this directory, in '%s' too; "
			 "one of the two must go",
			 thing, other);
}

/* What the document says it is. */
static int check_kind(struct ac_config_file *f, const char *sub,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf expected = AC_BUF_INIT(256);
	const char *kind = "";
	const char *version = "";

	if (ac_json_type(f->doc) != AC_JSON_OBJECT)
		return ac_err_at(err, "", "", "expected an object, found %s",
				 ac_json_type_name(ac_json_type(f->doc)));
	if (ac_config_want(f->doc, "", "rktKind", &kind, err) < 0 ||
	    ac_config_want(f->doc, "", "rktVersion", &version, err) < 0)
		return -1;
	if (strcmp(version, "v1") != 0)
		return ac_err_at(err, "", "rktVersion",
				 "expected 'v1', found '%.64s'", version);
	for (size_t i = 0; i < AC_LEN(kinds); i++) {
		if (strcmp(kinds[i].sub, sub) != 0)
			continue;
		if (strcmp(kinds[i].name, kind) == 0) {
			f->kind = (enum ac_config_kind)i;
			return 0;
		}
		ac_buf_addf(&expected, "%s'%s'", expected.len != 0 ? ", " : "",
			    kinds[i].name);
	}
	return ac_err_at(err, "", "rktKind",
			 "expected %s in '%s', found '%.64s'",
			 ac_buf_str(&expected), sub, kind);
}

/* The parser's words without the place that begins them. */
static void bare(struct ac_err *err)
{
	AC_FREE char *place =
		ac_xasprintf("file: line %u, column %u: ", err->line,
			     err->column);
	size_t n = strlen(place);

	if (strncmp(err->msg, place, n) == 0)
		memmove(err->msg, err->msg + n, strlen(err->msg + n) + 1);
}

struct ac_json *ac_config_json(const char *path, const char *text, size_t len,
			       struct ac_err *err)
{
	struct ac_json *doc = ac_json_parse(text, len, "file", err);

	if (doc == NULL) {
		bare(err);
		(void)ac_config_locate(path, text, len, err);
	}
	return doc;
}

int ac_config_parse(const char *path, const char *sub, size_t level,
		    const char *text, size_t len, ac_config_file_fn fn,
		    void *ctx, struct ac_err *err)
{
	struct ac_json *doc = ac_config_json(path, text, len, err);
	struct ac_config_file f = {.path = path,
				   .level = level,
				   .doc = doc,
				   .text = text,
				   .len = len};
	int ret = -1;

	if (doc == NULL)
		return -1;
	if (check_kind(&f, sub, err) == 0)
		ret = fn(ctx, &f, err);
	if (ret < 0)
		(void)ac_config_locate(path, text, len, err);
	ac_json_wipe(doc);
	return ret < 0 ? -1 : 0;
}

/* --- directories --- */

/* One sub-directory of one directory, being read. */
struct place {
	const char *path; /* of it */
	const char *sub;
	int fd;
	size_t level;
	bool rkt;
	ac_config_file_fn fn;
	void *ctx;
};

static int call_with_rkt(void *ctx, const struct ac_config_file *f,
			 struct ac_err *err)
{
	const struct place *p = ctx;
	struct ac_config_file mine = *f;

	mine.rkt = p->rkt;
	return p->fn(p->ctx, &mine, err);
}

static bool is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(st.st_mode);
}

/* Is what we may not read for others? */
static bool for_others(const char *sub, int sys)
{
	return sys == EACCES && strcmp(sub, "auth.d") == 0;
}

/* Open NAME when it is a file to be read: its size is in *st.  -1 is none, with
 * *err set when that is a failure. */
static int open_file(const struct place *p, const char *name, struct stat *st,
		     struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	AC_CLOSE int fd =
		ac_at_open_in_root(p->fd, name, O_RDONLY | O_NONBLOCK, &why);

	if (fd < 0 && for_others(p->sub, why.sys)) {
		ac_debug("'%s/%s' is not readable; it is for others", p->path,
			 name);
		return -1;
	}
	if (fd < 0 && is_link(p->fd, name)) {
		ac_warn("'%s/%s' is a link that leads out of the directory or "
			"nowhere; it is not used",
			p->path, name);
		return -1;
	}
	if (fd < 0 && why.code == AC_E_NOT_FOUND)
		return -1; /* just removed */
	if (fd < 0) {
		*err = why;
		return ac_err_ctx(err, "'%s'", p->path);
	}
	if (fstat(fd, st) < 0)
		return ac_err_sys(err, errno, "'%s/%s'", p->path, name);
	if (!S_ISREG(st->st_mode)) {
		ac_warn("'%s/%s' is not a regular file; it is not used",
			p->path, name);
		return -1;
	}
	return ac_steal_fd(&fd);
}

/* All of FD into B, without copies on the way: it may hold secrets. */
static int slurp(int fd, const struct stat *st, struct ac_buf *b,
		 const char *path, struct ac_err *err)
{
	size_t size = st->st_size < MAX_FILE ? (size_t)st->st_size : MAX_FILE;

	(void)!ac_buf_room(b, size);
	return ac_io_slurp(fd, b, path, err);
}

static int read_file(struct place *p, const char *name, struct ac_err *err)
{
	AC_FREE char *path = ac_path_join(p->path, name);
	struct ac_buf b = AC_BUF_INIT(MAX_FILE);
	struct stat st = {.st_size = 0};
	AC_CLOSE int fd = open_file(p, name, &st, err);
	int ret;

	if (fd < 0)
		return err->code != AC_OK ? -1 : 0;
	if (strcmp(p->sub, "auth.d") == 0 && (st.st_mode & S_IROTH) != 0)
		ac_debug("'%s' can be read by everybody", path);
	ret = slurp(fd, &st, &b, path, err);
	if (ret == 0)
		ret = ac_config_parse(path, p->sub, p->level, ac_buf_str(&b),
				      b.len, call_with_rkt, p, err);
	if (b.p != NULL)
		explicit_bzero(b.p, b.cap);
	ac_buf_release(&b);
	return ret;
}

static int list(const struct place *p, struct ac_strv *names,
		struct ac_err *err)
{
	int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	AC_CLOSEDIR DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL) {
		int saved = errno;

		if (fd >= 0)
			(void)close(fd);
		return ac_err_sys(err, saved, "read '%s'", p->path);
	}
	while (errno = 0, (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    !ac_str_ends(ac_str(e->d_name), ".json"))
			continue;
		if (names->n == MAX_FILES)
			return ac_err_set(err, AC_E_LIMIT,
					  "'%s' has more than %d files",
					  p->path, MAX_FILES);
		ac_strv_push(names, e->d_name);
	}
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s'", p->path);
	ac_strv_sort(names);
	return 0;
}

static int read_place(struct place *p, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (list(p, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (read_file(p, names.v[i], err) < 0)
			return -1;
	return 0;
}

int ac_config_each(const struct ac_config *c, const char *sub,
		   ac_config_file_fn fn, void *ctx, struct ac_err *err)
{
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	size_t n = ac_config_dirs(c, dirs);

	for (size_t i = 0; i < n; i++) {
		AC_FREE char *path = ac_path_join(dirs[i].path, sub);
		AC_CLOSE int fd =
			open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct place p = {path, sub, fd, i, dirs[i].rkt, fn, ctx};

		if (fd < 0 && (errno == ENOENT || for_others(sub, errno)))
			continue;
		if (fd < 0)
			return ac_err_sys(err, errno, "configuration '%s'",
					  path);
		if (read_place(&p, err) < 0)
			return -1;
	}
	return 0;
}
