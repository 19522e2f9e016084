/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"
#include "common/sys/at.h"
#include "common/sys/path.h"
#include "fetch/version.h"

enum { MAX_DEPTH = 64 };

void catalog_release(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		entry_release(&c->v[i]);
	free(c->v);
	*c = CATALOG_INIT;
}

static int read_entry(int dirfd, const char *path, struct ac_secret *secret,
		      struct entry *e, struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_FREE char *text = NULL;
	size_t len = 0;
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	int fd = ac_at_open(dirfd, path, O_RDONLY | O_NONBLOCK, 0, err);

	if (fd < 0)
		return -1;
	f = ac_aci_file_adopt(fd, path, secret, err);
	if (f == NULL || ac_aci_file_manifest(f, &text, &len, err) < 0 ||
	    ac_image_parse(&m, text, len, NULL, err) < 0)
		return -1;
	return entry_of(&m, e, err);
}

static void take(int dirfd, const char *path, struct catalog *c)
{
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *latest = NULL;
	struct entry e;

	if (read_entry(dirfd, path, c->secret, &e, &err) < 0) {
		ac_warn("'%s' is left out: %s", path, err.msg);
		return;
	}
	if (strcmp(e.path, path) != 0) {
		latest = entry_latest(&e);
		if (strcmp(latest, path) != 0)
			ac_warn("'%s' is left out: its manifest says '%s'",
				path, e.path);
		entry_release(&e);
		return;
	}
	c->v = ac_xrealloc(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = e;
}

/* The images in and below the directory PATH. */
static int scan(int dirfd, const char *path, int depth, struct catalog *c,
		struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv dirs = AC_STRV_INIT;
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		ac_at_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
	const struct dirent *de;

	if (fd < 0)
		return -1;
	if (depth > MAX_DEPTH)
		return ac_err_set(err, AC_E_LIMIT, "'%s' is nested too deeply",
				  path);
	d = fdopendir(fd);
	if (d == NULL)
		return ac_err_sys(err, errno, "read '%s'", path);
	(void)ac_steal_fd(&fd);
	while (errno = 0, (de = readdir(d)) != NULL) {
		AC_FREE char *below = ac_path_join(path, de->d_name);
		struct stat st;

		if (de->d_name[0] == '.' ||
		    fstatat(dirfd, below, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			ac_strv_push(&dirs, below);
		else if (S_ISREG(st.st_mode) &&
			 ac_str_ends(ac_str(below), ".aci"))
			take(dirfd, below, c);
	}
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s'", path);
	for (size_t i = 0; i < dirs.n; i++)
		if (scan(dirfd, dirs.v[i], depth + 1, c, err) < 0)
			return -1;
	return 0;
}

bool catalog_same(const struct entry *a, const struct entry *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->os, b->os) == 0 &&
	       strcmp(a->arch, b->arch) == 0;
}

bool catalog_newer(const struct entry *a, const struct entry *b)
{
	if (a->version == NULL || b->version == NULL)
		return a->version == NULL;
	return version_compare(a->version, b->version) > 0;
}

static int by_name(const void *pa, const void *pb)
{
	const struct entry *a = pa;
	const struct entry *b = pb;
	int r = strcmp(a->name, b->name);

	if (r == 0 && a->version != NULL && b->version != NULL)
		r = version_compare(b->version, a->version);
	return r != 0 ? r : strcmp(a->path, b->path);
}

int catalog_read(int dirfd, struct catalog *c, struct ac_err *err)
{
	if (scan(dirfd, "", 0, c, err) < 0)
		return -1;
	if (c->n != 0)
		qsort(c->v, c->n, sizeof(*c->v), by_name);
	return 0;
}
