/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/acifile.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/tmpdir.h"

enum { CHUNK = 1 << 17 };

/* What a pipe gives, in a file without a name. */
static int spool(int from, struct ac_err *err)
{
	const char *tmp = getenv("TMPDIR");
	const char *dir = tmp != NULL && tmp[0] == '/' ? tmp : "/var/tmp";
	AC_CLOSE int fd = ac_tmpdir_file(dir, err);
	AC_FREE char *chunk = NULL;
	ssize_t n;

	if (fd < 0)
		return -1;
	chunk = ac_xmalloc(CHUNK);
	do {
		n = ac_io_read(from, chunk, CHUNK, "the image", err);
		if (n < 0 || ac_interrupt_check(err) < 0 ||
		    ac_io_write(fd, chunk, (size_t)n, dir, err) < 0)
			return -1;
	} while (n == CHUNK);
	return ac_steal_fd(&fd);
}

int subject_open(const char *file, struct ac_err *err)
{
	AC_CLOSE int fd = strcmp(file, "-") == 0
				  ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				  : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return ac_err_sys(err, errno, "open");
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat");
	if (S_ISREG(st.st_mode))
		return ac_steal_fd(&fd);
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return spool(fd, err);
	return ac_err_set(err, AC_E_INVALID, "%s, not an image file",
			  S_ISDIR(st.st_mode) ? "a directory" : "a device");
}

/* The image in FD, from its start. */
static struct ac_aci_file *reopen(int fd, const char *file,
				  struct ac_secret *secret, struct ac_err *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0) {
		(void)ac_err_sys(err, errno, "read '%s' again", file);
		if (copy >= 0)
			(void)close(copy);
		return NULL;
	}
	return ac_aci_file_adopt(copy, file, secret, err);
}

/* The name in a manifest. */
static int take_name(void *ctx, const char *text, size_t len,
		     struct ac_err *err)
{
	char **name = ctx;
	AC_JSON struct ac_json *doc = ac_json_parse(text, len, "manifest", err);
	const char *found = NULL;

	if (doc == NULL || ac_json_get_str(doc, "", "name", &found, err) < 0)
		return -1;
	if (found == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "manifest: the image has no name");
	free(*name);
	*name = ac_xstrdup(found);
	return 0;
}

int subject_name(int fd, const char *file, struct ac_secret *secret,
		 char **name, struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = reopen(fd, file, secret, err);
	AC_FREE char *text = NULL;
	size_t len;

	*name = NULL;
	if (f == NULL || ac_aci_file_manifest(f, &text, &len, err) < 0)
		return -1;
	return take_name(name, text, len, err);
}

int subject_id(int fd, const char *file, struct ac_secret *secret, char **name,
	       char id[AC_DIGEST_TEXT], struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = reopen(fd, file, secret, err);
	AC_FREE char *found = NULL;
	struct ac_aci_events ev = {.manifest = take_name,
				   .ctx = &found,
				   .overlay_ok = true};
	struct ac_digest d;

	if (f == NULL || ac_aci_file_read(f, &ev, &d, NULL, err) < 0)
		return -1;
	ac_digest_print(&d, '-', id);
	*name = ac_steal_ptr(&found);
	return 0;
}
