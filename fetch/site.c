/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/site.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "common/sys/path.h"

/* By the end of the name; compression is part of an image, never an encoding
 * of the transfer. */
static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".aci", "application/octet-stream"},
		{".asc", "application/pgp-signature"},
		{".gpg", "application/pgp-keys"},
		{".json", "application/json"},
		{".txt", "text/plain; charset=utf-8"},
	};

	for (size_t i = 0; i < AC_LEN(types); i++)
		if (ac_str_ends(ac_str(path), types[i].end))
			return types[i].type;
	return "application/octet-stream";
}

/* Hidden names are temporary or none of the visitor's business. */
static bool is_hidden(const char *path)
{
	return path[0] == '.' || strstr(path, "/.") != NULL;
}

/* Open PATH, or its index.html: the descriptor, or -1 with the status that
 * says why not. */
static int open_path(int dirfd, const char *path, struct stat *st,
		     const char **type, unsigned int *status)
{
	enum { FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY };
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int fd = ac_at_open_in_root(dirfd, path, FLAGS, &err);

	*type = type_of(path);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISDIR(st->st_mode)) {
		AC_FREE char *index = ac_path_join(path, "index.html");

		(void)close(fd);
		fd = ac_at_open_in_root(dirfd, index, FLAGS, &err);
		*type = type_of(index);
	}
	*status = MHD_HTTP_NOT_FOUND;
	if (fd < 0) {
		if (err.sys == EACCES || err.sys == EPERM)
			*status = MHD_HTTP_FORBIDDEN;
		ac_debug("%s", err.msg);
		return -1;
	}
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return -1;
	return ac_steal_fd(&fd);
}

enum MHD_Result site_answer(int dirfd, const struct request *q)
{
	AC_FREE char *path = NULL;
	unsigned int status = 0;
	struct file f = {.fd = -1};
	char etag[80];
	struct stat st;

	if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
		return answer_status(q, MHD_HTTP_METHOD_NOT_ALLOWED);
	if (!ac_path_has_dotdot(q->path))
		path = ac_path_clean(q->path);
	if (path == NULL || is_hidden(path))
		return answer_status(q, MHD_HTTP_NOT_FOUND);
	f.fd = open_path(dirfd, path, &st, &f.type, &status);
	if (f.fd < 0)
		return answer_status(q, status);
	/* Files are replaced whole: another inode, or another time. */
	(void)snprintf(etag, sizeof(etag), "\"%jx-%jx-%jx%08lx\"",
		       (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
		       (uintmax_t)st.st_mtim.tv_sec,
		       (unsigned long)st.st_mtim.tv_nsec);
	f.etag = etag;
	f.size = (uint64_t)st.st_size;
	return answer_file(q, &f);
}
