/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/ocisrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "common/sys/path.h"
#include "common/sys/tmpdir.h"

enum { MAX_LINKS = 40 };

void ac_part_release(struct ac_part *p)
{
	if (p->owned && p->fd >= 0)
		(void)close(p->fd);
	*p = AC_PART_INIT;
}

/* Up to N bytes at OFF; fewer is an error. */
static int read_at(int fd, void *to, size_t n, uint64_t off, const char *what,
		   struct ac_err *err)
{
	char *p = to;

	while (n != 0) {
		ssize_t got = pread(fd, p, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ac_err_sys(err, errno, "read %s", what);
		if (got == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s: the file ends in it", what);
		p += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int ac_part_read(const struct ac_part *p, const char *what, struct ac_buf *out,
		 struct ac_err *err)
{
	char *to;

	if (p->size == 0)
		return 0;
	to = p->size <= out->max ? ac_buf_room(out, (size_t)p->size) : NULL;
	if (to == NULL)
		return ac_err_set(err, AC_E_LIMIT,
				  "%s: %llu bytes, at most %zu", what,
				  (unsigned long long)p->size, out->max);
	if (read_at(p->fd, to, (size_t)p->size, p->off, what, err) < 0)
		return -1;
	out->len += (size_t)p->size;
	out->p[out->len] = '\0';
	return 0;
}

int ac_part_verify(const struct ac_part *p, const struct ac_digest *d,
		   const char *what, struct ac_err *err)
{
	enum { CHUNK = 256 << 10 };
	AC_FREE char *buf = ac_xmalloc(CHUNK);
	struct ac_hash *h = ac_hash_new(d->alg);
	struct ac_digest got;
	uint64_t done = 0;
	int ret = 0;

	while (ret == 0 && done < p->size) {
		size_t n = p->size - done < CHUNK ? (size_t)(p->size - done)
						  : CHUNK;

		ret = read_at(p->fd, buf, n, p->off + done, what, err);
		ac_hash_add(h, buf, n);
		done += n;
	}
	ac_hash_final(h, &got);
	ac_hash_free(h);
	return ret == 0 ? ac_digest_expect(&got, d, what, err) : ret;
}

void ac_ocisrc_release(struct ac_ocisrc *s)
{
	free(s->what);
	for (size_t i = 0; i < s->n_members; i++) {
		free(s->members[i].path);
		free(s->members[i].link);
	}
	free(s->members);
	ac_map_release(&s->index);
	ac_record_release(&s->record);
	ac_store_release(&s->store);
	if (s->dirfd >= 0)
		(void)close(s->dirfd);
	if (s->fd >= 0)
		(void)close(s->fd);
	*s = AC_OCISRC_INIT;
}

/* --- opening --- */

/* Decompress all of FD into a temporary file, which takes its place. */
static int spool(int *fd, const char *what, struct ac_err *err)
{
	const struct ac_unzip_limits limits = {
		.max_out = ac_limit(AC_LIMIT_UNPACKED),
		.max_ratio = ac_limit_ratio(AC_LAYER_MAX_RATIO),
	};
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *in = NULL;
	AC_CLOSE int to = ac_tmpdir_file(ac_tmpdir_base(), err);
	const void *p;
	ssize_t n;

	if (to < 0)
		return -1;
	in = ac_unzipfd_new(*fd, what, &limits);
	while ((n = ac_unzipfd_source(in, &p, err)) > 0)
		if (ac_io_write(to, p, (size_t)n, "a temporary file (TMPDIR)",
				err) < 0)
			return -1;
	if (n < 0)
		return ac_err_ctx(err, "'%s'", what);
	ac_unzipfd_free(ac_steal_ptr(&in));
	if (dup3(to, *fd, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "use a temporary file");
	return 0;
}

static int open_tar(struct ac_ocisrc *s, bool plain, struct ac_err *err)
{
	char magic[6];
	ssize_t n = plain ? pread(s->fd, magic, sizeof(magic), 0) : 0;

	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", s->what);
	if ((!plain || ac_zip_detect(magic, (size_t)n) != AC_ZIP_NONE) &&
	    spool(&s->fd, s->what, err) < 0)
		return -1;
	if (ac_ocisrc_index(s, err) < 0)
		return ac_err_ctx(err, "'%s'", s->what);
	return 0;
}

static int open_path(struct ac_ocisrc *s, int fd, struct ac_err *err)
{
	struct stat st;

	s->fd = fd;
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", s->what);
	if (!S_ISDIR(st.st_mode))
		return open_tar(s, S_ISREG(st.st_mode), err);
	s->dirfd = ac_steal_fd(&s->fd);
	return 0;
}

static int open_store(struct ac_ocisrc *s, const char *text, const char *dir,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	int ret;

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	if (ref.kind == AC_REF_FILE)
		return ac_err_set(err, AC_E_NOT_FOUND, "no such file: '%s'",
				  ref.name);
	ret = ac_store_open(&s->store, dir, false, err);
	if (ret < 0 && err->code != AC_E_NOT_FOUND)
		return -1;
	if (ret == 0) {
		ret = ac_store_find(&s->store, &ref, &s->record, err);
		if (ret < 0)
			return -1;
	}
	if (ret <= 0) {
		(void)ac_err_set(err, AC_E_NOT_FOUND,
				 "'%s' is neither a file nor an image of the "
				 "store; run 'acfetch pull %s' first",
				 text, text);
		return ac_ref_explain(&ref, err);
	}
	if (s->record.kind != AC_IMAGE_OCI)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is an ACI already; 'acfetch image "
				  "export' writes it to a file",
				  text);
	s->in_store = true;
	return 0;
}

int ac_ocisrc_open(struct ac_ocisrc *s, const char *input,
		   const char *store_dir, struct ac_err *err)
{
	int fd;

	*s = AC_OCISRC_INIT;
	s->what = ac_xstrdup(input);
	if (strcmp(input, "-") == 0) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return ac_err_sys(err, errno, "standard input");
		return open_path(s, fd, err);
	}
	if (strncmp(input, "store:", 6) == 0)
		return open_store(s, input + 6, store_dir, err);
	fd = open(input, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return open_path(s, fd, err);
	if (errno != ENOENT)
		return ac_err_sys(err, errno, "open '%s'", input);
	return open_store(s, input, store_dir, err);
}

/* --- files and blobs --- */

static int file_in_dir(const struct ac_ocisrc *s, const char *path,
		       struct ac_part *out, struct ac_err *err)
{
	AC_CLOSE int fd = ac_at_open(s->dirfd, path,
				     O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, err);
	struct stat st;

	if (fd < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (ac_io_regular(fd, path, &st, err) < 0)
		return -1;
	*out = (struct ac_part){.fd = ac_steal_fd(&fd),
				.owned = true,
				.size = (uint64_t)st.st_size};
	return 1;
}

/* What the link M, a symbolic one, leads to: a path of the archive, or NULL.
 * Caller frees. */
static char *follow(const struct ac_ocisrc_member *m)
{
	struct ac_str dir;
	struct ac_str base;
	AC_FREE char *parent = NULL;
	AC_FREE char *joined = NULL;

	if (m->link[0] == '/')
		return NULL;
	ac_path_split(m->path, &dir, &base);
	parent = ac_xstrndup(dir.p, dir.len);
	joined = ac_path_join(parent, m->link);
	return ac_path_clean(joined);
}

static int file_in_tar(const struct ac_ocisrc *s, const char *path,
		       struct ac_part *out, struct ac_err *err)
{
	AC_FREE char *at = ac_xstrdup(path);
	const struct ac_ocisrc_member *m = NULL;

	for (int i = 0; i < MAX_LINKS; i++) {
		char *next;

		m = ac_map_get(&s->index, at, strlen(at));
		if (m == NULL && i == 0)
			return 0;
		if (m == NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is a link to '%s', which is "
					  "not in the archive",
					  path, at);
		if (m->link == NULL)
			break;
		next = m->hard ? ac_xstrdup(m->link) : follow(m);
		if (next == NULL)
			return ac_err_set(
				err, AC_E_INVALID,
				"'%s' is a link that leads out of the "
				"archive, to '%s'",
				at, m->link);
		free(at);
		at = next;
	}
	if (m->link != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': too many links, one after the other",
				  path);
	if (!m->regular)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a regular file", at);
	*out = (struct ac_part){.fd = s->fd, .off = m->off, .size = m->size};
	return 1;
}

int ac_ocisrc_file(const struct ac_ocisrc *s, const char *path,
		   struct ac_part *out, struct ac_err *err)
{
	return s->dirfd >= 0 ? file_in_dir(s, path, out, err)
			     : file_in_tar(s, path, out, err);
}

static int store_blob(const struct ac_ocisrc *s, const struct ac_digest *d,
		      struct ac_part *out, struct ac_err *err)
{
	AC_CLOSE int fd = ac_store_open_blob(&s->store, d, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat a blob of the store");
	*out = (struct ac_part){.fd = ac_steal_fd(&fd),
				.owned = true,
				.size = (uint64_t)st.st_size};
	return 1;
}

int ac_ocisrc_blob(const struct ac_ocisrc *s, const struct ac_digest *d,
		   uint64_t size, struct ac_part *out, struct ac_err *err)
{
	char hex[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;
	int ret;

	ac_digest_hex(d, hex);
	path = ac_xasprintf("blobs/%s/%s", ac_digest_alg_name(d->alg), hex);
	ret = s->in_store ? store_blob(s, d, out, err)
			  : ac_ocisrc_file(s, path, out, err);
	if (ret < 0)
		return -1;
	if (ret == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "'%s' has no blob '%s'; it is not complete",
				  s->what, path);
	if (size != UINT64_MAX && out->size != size) {
		ret = ac_err_set(err, AC_E_VERIFY,
				 "blob '%s' has %llu bytes, not %llu as "
				 "expected; it is damaged, get the image again",
				 path, (unsigned long long)out->size,
				 (unsigned long long)size);
		ac_part_release(out);
	}
	return ret < 0 ? -1 : 0;
}

int ac_ocisrc_read(const struct ac_ocisrc *s, const struct ac_digest *d,
		   uint64_t size, struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_part_release) struct ac_part p = AC_PART_INIT;
	char what[AC_DIGEST_TEXT + 8] = "blob ";
	struct ac_digest got;

	ac_digest_print(d, ':', what + strlen(what));
	if (ac_ocisrc_blob(s, d, size, &p, err) < 0 ||
	    ac_part_read(&p, what, out, err) < 0)
		return -1;
	ac_digest_of(d->alg, ac_buf_str(out), out->len, &got);
	return ac_digest_expect(&got, d, what, err);
}
