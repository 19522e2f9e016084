/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "common/store/ocisrc.h"

/* An image in a tar has a few files a layer.  More is some other tar. */
enum { MAX_MEMBERS = 200000, MAX_NAMES = 16 << 20, CHUNK = 64 << 10 };

struct reader {
	int fd;
	uint64_t at, size;
	char *buf;
};

static ssize_t give(void *ctx, const void **p, struct ac_err *err)
{
	struct reader *r = ctx;
	ssize_t n;

	do
		n = pread(r->fd, r->buf, CHUNK, (off_t)r->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ac_err_sys(err, errno, "read the archive");
	*p = r->buf;
	r->at += (uint64_t)n;
	return n;
}

static int jump(void *ctx, uint64_t n, AC_UNUSED struct ac_err *err)
{
	struct reader *r = ctx;

	if (r->at > r->size || n > r->size - r->at)
		return 0;
	r->at += n;
	return 1;
}

static int add(struct ac_ocisrc *s, size_t *names, const struct ac_entry *e,
	       uint64_t off, struct ac_err *err)
{
	size_t n = s->n_members;

	if (e->type == AC_F_DIR)
		return 0;
	*names += strlen(e->path) + (e->link != NULL ? strlen(e->link) : 0);
	if (n == MAX_MEMBERS || *names > MAX_NAMES)
		return ac_err_set(err, AC_E_LIMIT,
				  "more than %d files, or %d bytes of names: "
				  "this is no archive of images",
				  MAX_MEMBERS, MAX_NAMES);
	/* Grows at powers of two. */
	if ((n & (n - 1)) == 0)
		s->members = ac_xrealloc(s->members, n != 0 ? 2 * n : 1,
					 sizeof(*s->members));
	s->members[s->n_members++] = (struct ac_ocisrc_member){
		.path = ac_xstrdup(e->path),
		.link = e->type == AC_F_LINK || e->type == AC_F_HARD
				? ac_xstrdup(e->link)
				: NULL,
		.hard = e->type == AC_F_HARD,
		.regular = e->type == AC_F_REG && e->extents == NULL,
		.off = off,
		.size = e->size,
	};
	return 0;
}

/* The table is made when the members no longer move. */
static int make_table(struct ac_ocisrc *s, struct ac_err *err)
{
	for (size_t i = 0; i < s->n_members; i++) {
		struct ac_ocisrc_member *m = &s->members[i];
		size_t n = strlen(m->path);

		if (ac_map_get(&s->index, m->path, n) != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is in the archive twice; which "
					  "one counts?",
					  m->path);
		ac_map_put(&s->index, m->path, n, m);
	}
	return 0;
}

int ac_ocisrc_index(struct ac_ocisrc *s, struct ac_err *err)
{
	AC_FREE char *buf = ac_xmalloc(CHUNK);
	struct reader in = {.fd = s->fd, .buf = buf};
	AC_CLEANUP(ac_tar_reader_freep) struct ac_tar_reader *tar = NULL;
	struct ac_entry e;
	struct stat st;
	size_t names = 0;
	int ret;

	if (fstat(s->fd, &st) < 0)
		return ac_err_sys(err, errno, "stat the archive");
	in.size = (uint64_t)st.st_size;
	tar = ac_tar_reader_new(NULL, give, &in);
	ac_tar_reader_seek(tar, jump);
	while ((ret = ac_tar_next(tar, &e, err)) > 0)
		if (add(s, &names, &e, ac_tar_position(tar), err) < 0)
			return -1;
	return ret < 0 ? -1 : make_table(s, err);
}
