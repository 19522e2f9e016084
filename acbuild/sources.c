/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/begin.h"
#include "acbuild/cmd.h"
#include "acbuild/dependency.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/prog.h"
#include "common/sys/io.h"
#include "common/sys/treerd.h"

enum { MAX_SOURCES = 64 << 20 };

int sources_add(struct work *w, const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_SOURCES);
	AC_FREE char *cwd = getcwd(NULL, 0);
	AC_CLOSE int fd = -1;

	if (cwd == NULL)
		return ac_err_sys(err, errno, "find the current directory");
	ac_buf_add(&b, cwd, strlen(cwd) + 1);
	ac_buf_add(&b, path, strlen(path) + 1);
	fd = openat(w->dir, "sources",
		    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return ac_err_sys(err, errno, "open '.acbuild/sources'");
	return ac_io_write_close(&fd, b.p, b.len, ".acbuild/sources", err);
}

/* Standard input is no file that make could look at. */
static int add(struct work *w, const char *path, struct ac_err *err)
{
	return strcmp(path, "-") == 0 ? 0 : sources_add(w, path, err);
}

static int add_start(struct work *w, const char *start, struct ac_err *err)
{
	AC_FREE char *path = NULL;

	if (start[0] != '.' && start[0] != '/')
		return 0;
	path = ac_xstrndup(start, begin_path(start));
	return add(w, path, err);
}

const char *sources_file(const struct ac_call *c)
{
	if (strcmp(c->path, "isolator add") == 0)
		return c->argv[1];
	return strcmp(c->path, "replace-manifest") == 0 ? c->argv[0] : NULL;
}

int sources_of_call(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	const char *name = c->path;
	const struct dependency_opts *o = c->opts;
	const char *file;
	int r = 0;

	if (strcmp(name, "begin") == 0)
		return c->argc != 0 ? add_start(w, c->argv[0], err) : 0;
	if (strcmp(name, "dependency add") == 0)
		return o->file != NULL ? add(w, o->file, err) : 0;
	if (strcmp(name, "copy") == 0)
		return add(w, c->argv[0], err);
	if (strcmp(name, "copy-to-dir") != 0) {
		file = sources_file(c);
		return file != NULL ? add(w, file, err) : 0;
	}
	for (int i = 0; r == 0 && i < c->argc - 1; i++)
		r = add(w, c->argv[i], err);
	return r;
}

/* --- the rule --- */

struct rule {
	struct ac_set seen;
	struct ac_buf needs, alone; /* of the rule, and the rules without */
	struct stat no[4];          /* what is left out */
	size_t n_no;
	char *cwd;
};

/* What no quoting gets past every version of make. */
static bool can_name(const char *path)
{
	return strpbrk(path, "\n\r\\;|&") == NULL;
}

/* PATH as make reads it.  What looks like an assignment comes out of a
 * function, which is called when the line has been taken apart. */
static void quote(struct ac_buf *b, const char *path, bool target)
{
	if (path[0] == '~')
		ac_buf_adds(b, "./");
	for (; *path != '\0'; path++) {
		if (*path == '=') {
			ac_buf_adds(b, "$(subst x,=,x)");
			continue;
		}
		if (*path == '$')
			ac_buf_addc(b, '$');
		else if (strchr(" \t#:", *path) != NULL ||
			 (target && *path == '%'))
			ac_buf_addc(b, '\\');
		ac_buf_addc(b, *path);
	}
}

static bool left_out(const struct rule *r, const struct stat *st)
{
	for (size_t i = 0; i < r->n_no; i++)
		if (st->st_dev == r->no[i].st_dev &&
		    st->st_ino == r->no[i].st_ino)
			return true;
	return false;
}

/* One file.  SHOWN is what to call it, PATH where it is. */
static void need(struct rule *r, const char *path, const char *shown)
{
	struct stat st;

	/* What is gone, and links to nowhere, would be made for ever. */
	if (stat(path, &st) < 0 || left_out(r, &st) ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) ||
	    !ac_set_add(&r->seen, shown))
		return;
	if (!can_name(shown)) {
		ac_warn("a Makefile cannot name '%s', which is left out",
			shown);
		return;
	}
	ac_buf_adds(&r->needs, " \\\n  ");
	quote(&r->needs, shown, false);
	ac_buf_addc(&r->alone, '\n');
	quote(&r->alone, shown, true);
	ac_buf_adds(&r->alone, ":\n");
}

/* All below the directory PATH. */
static int need_tree(struct rule *r, const char *path, const char *shown,
		     struct ac_err *err)
{
	AC_CLOSE int fd = open_dir(AT_FDCWD, path, err);
	struct ac_treerd *t = fd < 0 ? NULL : ac_treerd_new(fd);
	struct ac_entry e;
	int file;
	int more = fd < 0 ? -1 : 1;

	while (more > 0 && (more = ac_treerd_next(t, &e, &file, err)) > 0) {
		AC_FREE char *at = ac_xasprintf("%s/%s", path, e.path);
		AC_FREE char *as = ac_xasprintf("%s/%s", shown, e.path);

		need(r, e.path[0] != '\0' ? at : path,
		     e.path[0] != '\0' ? as : shown);
	}
	ac_treerd_free(t);
	return more < 0 ? ac_err_ctx(err, "'%s'", shown) : 0;
}

static int need_source(struct rule *r, const char *cwd, const char *path,
		       struct ac_err *err)
{
	bool here = path[0] == '/' || strcmp(cwd, r->cwd) == 0;
	AC_FREE char *at =
		here ? ac_xstrdup(path) : ac_xasprintf("%s/%s", cwd, path);
	size_t n = strlen(at);
	struct stat st;

	while (n > 1 && at[n - 1] == '/')
		at[--n] = '\0';
	/* A link is copied as such: what it leads to does not matter. */
	if (lstat(at, &st) == 0 && S_ISDIR(st.st_mode))
		return need_tree(r, at, at, err);
	need(r, at, at);
	return 0;
}

/* Leave out the file PATH and the directory that it is in. */
static void leave_out(struct rule *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	AC_FREE char *dir =
		slash == NULL ? ac_xstrdup(".")
			      : ac_xstrndup(path, (size_t)(slash - path) + 1);

	if (stat(path, &r->no[r->n_no]) == 0)
		r->n_no++;
	if (stat(dir, &r->no[r->n_no]) == 0)
		r->n_no++;
}

static int need_all(struct rule *r, const struct ac_buf *list,
		    struct ac_err *err)
{
	const char *p = list->p;
	size_t left = list->len;

	while (left != 0) {
		const char *end = memchr(p, '\0', left);
		const char *path = end != NULL ? end + 1 : NULL;

		if (path != NULL)
			end = memchr(path, '\0', left - (size_t)(path - p));
		if (end == NULL || path == NULL)
			return 0; /* of a command that was killed */
		if (need_source(r, p, path, err) < 0)
			return -1;
		left -= (size_t)(end + 1 - p);
		p = end + 1;
	}
	return 0;
}

static void rule_release(struct rule *r)
{
	ac_set_release(&r->seen);
	ac_buf_release(&r->needs);
	ac_buf_release(&r->alone);
	free(r->cwd);
}

int sources_rule(struct work *w, const char *target, const char *depfile,
		 struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf list = AC_BUF_INIT(MAX_SOURCES);
	AC_CLEANUP(rule_release)
	struct rule r = {.seen = AC_SET_INIT,
			 .needs = AC_BUF_INIT(MAX_SOURCES),
			 .alone = AC_BUF_INIT(MAX_SOURCES),
			 .cwd = getcwd(NULL, 0)};

	if (r.cwd == NULL)
		return ac_err_sys(err, errno, "find the current directory");
	if (!can_name(target))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': a Makefile cannot name it", target);
	if (ac_io_read_file(w->dir, "sources", &list, err) < 0 &&
	    err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	leave_out(&r, target);
	leave_out(&r, depfile);
	if (need_all(&r, &list, err) < 0)
		return -1;
	quote(out, target, true);
	ac_buf_addc(out, ':');
	ac_buf_add(out, r.needs.p, r.needs.len);
	ac_buf_addc(out, '\n');
	ac_buf_add(out, r.alone.p, r.alone.len);
	if (ac_buf_check(&r.needs, "the list of sources", err) < 0)
		return -1;
	return ac_buf_check(&r.alone, "the list of sources", err);
}
