/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/sys/treerd_priv.h"
#include "common/sys/xattr.h"

/* The kernel's own limits: a list and a value are at most this. */
enum { MAX_SIZE = 64 << 10 };

/* A file by descriptor, or by a path for one that cannot be opened. */
struct source {
	int fd;
	const char *proc;
	const char *path; /* for messages */
};

static ssize_t list(const struct source *s, char *p, size_t n)
{
	return s->proc != NULL ? llistxattr(s->proc, p, n)
			       : flistxattr(s->fd, p, n);
}

static ssize_t value(const struct source *s, const char *name, void *p,
		     size_t n)
{
	return s->proc != NULL ? lgetxattr(s->proc, name, p, n)
			       : fgetxattr(s->fd, name, p, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ac_xattr *)a)->name,
		      ((const struct ac_xattr *)b)->name);
}

/* The names in x->list; their number, values to follow. */
static size_t names(struct treerd_xattrs *x, size_t size)
{
	size_t n = 0;

	for (size_t at = 0; at < size; at += strlen(x->list + at) + 1) {
		const char *name = x->list + at;

		if (!ac_xattr_kept(name) &&
		    !(x->overlay && ac_xattr_overlay(name)))
			continue;
		if (n == x->v_cap) {
			x->v_cap = n != 0 ? n * 2 : 8;
			x->v = ac_xrealloc(x->v, x->v_cap, sizeof(*x->v));
		}
		x->v[n++] = (struct ac_xattr){.name = name};
	}
	return n;
}

/* Read value I behind the first AT bytes of x->values. */
static int read_value(struct treerd_xattrs *x, const struct source *s, size_t i,
		      size_t *at, struct ac_err *err)
{
	const char *name = x->v[i].name;
	ssize_t n;

	if (x->values_cap - *at < MAX_SIZE) {
		x->values_cap = *at + 2 * (size_t)MAX_SIZE;
		x->values = ac_xrealloc(x->values, x->values_cap, 1);
	}
	n = value(s, name, x->values + *at, MAX_SIZE);
	if (n < 0)
		return ac_err_sys(err, errno, "read attribute '%s' of '%s'",
				  name, s->path);
	x->v[i].len = (size_t)n;
	*at += (size_t)n;
	return 0;
}

int treerd_xattrs(struct treerd_xattrs *x, int fd, int dirfd, const char *name,
		  const char *path, struct ac_entry *e, struct ac_err *err)
{
	char proc[32 + 256];
	struct source s = {.fd = fd, .path = path};
	size_t at = 0;
	ssize_t size;
	size_t n;

	if (fd < 0) {
		(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", dirfd,
			       name);
		s.proc = proc;
	}
	if (x->list == NULL) {
		x->list_cap = MAX_SIZE;
		x->list = ac_xmalloc(x->list_cap);
	}
	size = list(&s, x->list, x->list_cap);
	/* Without /proc a link's or device's attributes cannot be had, and
	 * hardly any has one. */
	if (size == 0 ||
	    (size < 0 && (errno == ENOTSUP || (fd < 0 && errno == ENOENT))))
		return 0;
	if (size < 0)
		return ac_err_sys(err, errno, "list the attributes of '%s'",
				  path);
	n = names(x, (size_t)size);
	if (n > 1)
		qsort(x->v, n, sizeof(*x->v), by_name);
	for (size_t i = 0; i < n; i++)
		if (read_value(x, &s, i, &at, err) < 0)
			return -1;
	/* The memory may have moved until now. */
	at = 0;
	for (size_t i = 0; i < n; i++) {
		x->v[i].value = x->values + at;
		at += x->v[i].len;
	}
	e->xattrs = n != 0 ? x->v : NULL;
	e->n_xattrs = n;
	return 0;
}

void treerd_release_xattrs(struct treerd_xattrs *x)
{
	free(x->list);
	free(x->values);
	free(x->v);
}
