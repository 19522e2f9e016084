/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/acifile.h"

struct ac_aci_file {
	int fd;
	char *path;
};

static int check_type(int fd, const char *path, struct ac_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", path);
	if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return 0;
	return ac_err_set(err, AC_E_INVALID, "'%s' is %s, not an image file",
			  path,
			  S_ISDIR(st.st_mode) ? "a directory" : "a device");
}

struct ac_aci_file *ac_aci_file_open(const char *path, struct ac_secret *secret,
				     struct ac_err *err)
{
	AC_CLOSE int fd = -1;
	struct ac_aci_file *f;

	(void)secret;
	fd = strcmp(path, "-") == 0
		     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		     : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		(void)ac_err_sys(err, errno, "open '%s'", path);
		return NULL;
	}
	if (check_type(fd, path, err) < 0)
		return NULL;
	f = ac_xcalloc(1, sizeof(*f));
	f->fd = ac_steal_fd(&fd);
	f->path = ac_xstrdup(path);
	return f;
}

int ac_aci_file_read(struct ac_aci_file *f, const struct ac_aci_events *ev,
		     struct ac_digest *id, enum ac_zip *zip, struct ac_err *err)
{
	if (ac_aci_read_fd(f->fd, f->path, ev, id, zip, err) < 0)
		return -1;
	return ac_aci_file_end(f, err);
}

int ac_aci_file_manifest(struct ac_aci_file *f, char **text, size_t *len,
			 struct ac_err *err)
{
	if (ac_aci_manifest_fd(f->fd, f->path, text, len, err) < 0)
		return -1;
	return ac_aci_file_end(f, err);
}

int ac_aci_file_fd(const struct ac_aci_file *f)
{
	return f->fd;
}

int ac_aci_file_end(struct ac_aci_file *f, struct ac_err *err)
{
	(void)f;
	(void)err;
	return 0;
}

void ac_aci_file_free(struct ac_aci_file *f)
{
	if (f == NULL)
		return;
	(void)close(f->fd);
	free(f->path);
	free(f);
}
