/* SPDX-License-Identifier: Apache-2.0 */

/*
 * compare THEIRS OURS DIFFERENCES KEEP FILE|DIR...
 *
 * Both programs judge the files, and those in the folders.  Where one accepts
 * and the other does not, and DIFFERENCES has no class for it, the file is
 * copied to the folder KEEP and told.  So is a file that ours crashes on.
 * Prints the number of files, of accepted ones and of each class; exit code 1
 * when something was told.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/aci.h"
#include "common/sys/io.h"
#include "tests/differ/listed.h"
#include "tests/differ/oracle.h"

enum { BATCH = 200 };

struct totals {
	size_t files, both, neither, listed, bad;
};

static int keep(const char *dir, const char *file, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(256 << 20);
	const char *base = strrchr(file, '/');
	AC_FREE char *to =
		ac_xasprintf("%s/%s", dir, base != NULL ? base + 1 : file);
	AC_CLOSE int from = open(file, O_RDONLY | O_CLOEXEC);
	AC_CLOSE int fd = -1;

	(void)mkdir(dir, 0777);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (ac_io_slurp(from, &b, file, err) < 0)
		return -1;
	return ac_io_write(fd, ac_buf_str(&b), b.len, to, err);
}

/* The manifest in FILE, or that it is; "" when there is none. */
static char *manifest_of(const char *file)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(256 << 20);
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct ac_err ignored = AC_ERR_INIT;
	char *text;
	size_t len;

	if (ac_aci_manifest_fd(fd, file, &text, &len, &ignored) == 0)
		return text;
	if (lseek(fd, 0, SEEK_SET) != 0 ||
	    ac_io_slurp(fd, &b, file, &ignored) < 0)
		return ac_xstrdup("");
	return ac_buf_steal(&b);
}

static void tell(const char *file, const struct verdict *theirs,
		 const struct verdict *ours)
{
	printf("%s: %s\n  they %s: %.*s\n  we %s: %s\n", file,
	       ours->crash ? "CRASH" : "DISAGREE",
	       theirs->accept ? "accept" : "refuse",
	       (int)strcspn(theirs->msg, "\n"), theirs->msg,
	       ours->accept ? "accept" : "refuse", ours->msg);
	for (size_t i = 1; i < ours->errors.n && i < 20; i++)
		printf("  and: %s\n", ours->errors.v[i]);
	for (size_t i = 0; i < ours->warnings.n && i < 20; i++)
		printf("  warning: %s\n", ours->warnings.v[i]);
}

/* FILE, or what is in it when it is a folder, by name. */
static int list(const char *file, struct ac_strv *out, struct ac_err *err)
{
	struct dirent **v;
	struct stat st;
	int n;

	if (stat(file, &st) < 0)
		return ac_err_sys(err, errno, "%s", file);
	if (!S_ISDIR(st.st_mode)) {
		ac_strv_push(out, file);
		return 0;
	}
	n = scandir(file, &v, NULL, alphasort);
	if (n < 0)
		return ac_err_sys(err, errno, "%s", file);
	for (int i = 0; i < n; i++) {
		if (v[i]->d_name[0] != '.')
			ac_strv_pushf(out, "%s/%s", file, v[i]->d_name);
		free(v[i]);
	}
	free(v);
	return 0;
}

static int judge(struct totals *t, struct listeds *l, char **argv, char **files,
		 size_t n, struct ac_err *err)
{
	AC_FREE struct verdict *theirs = ac_xcalloc(n, sizeof(*theirs));
	AC_FREE struct verdict *ours = ac_xcalloc(n, sizeof(*ours));
	int ret = 0;

	if (oracle_theirs(argv[1], files, n, theirs, err) < 0 ||
	    oracle_ours(argv[2], files, n, ours, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		AC_FREE char *text = NULL;
		struct listed *c = NULL;

		t->files++;
		if (!ours[i].crash && theirs[i].accept == ours[i].accept) {
			t->both += ours[i].accept;
			t->neither += !ours[i].accept;
			continue;
		}
		text = manifest_of(files[i]);
		if (!ours[i].crash)
			c = listed_find(l, &theirs[i], &ours[i], text);
		if (c != NULL) {
			c->used++;
			t->listed++;
			continue;
		}
		t->bad++;
		tell(files[i], &theirs[i], &ours[i]);
		if (keep(argv[4], files[i], err) < 0)
			ret = -1;
	}
	for (size_t i = 0; i < n; i++) {
		verdict_release(&theirs[i]);
		verdict_release(&ours[i]);
	}
	return ret;
}

static int compare(int argc, char **argv, struct totals *t, struct ac_err *err)
{
	AC_CLEANUP(listed_release) struct listeds l = {.v = NULL};
	AC_CLEANUP(ac_strv_release) struct ac_strv files = AC_STRV_INIT;
	size_t n;

	if (argc < 6)
		return ac_err_set(err, AC_E_USAGE,
				  "compare THEIRS OURS DIFFERENCES KEEP "
				  "FILE|DIR...");
	/* A report of a sanitizer must not look like a refusal. */
	if (setenv("ASAN_OPTIONS", "exitcode=99", 1) < 0 ||
	    setenv("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1", 1) < 0)
		return ac_err_set(err, AC_E_SYS, "setenv");
	if (listed_load(&l, argv[3], err) < 0)
		return -1;
	for (int i = 5; i < argc; i++)
		if (list(argv[i], &files, err) < 0)
			return -1;
	for (size_t i = 0; i < files.n; i += n) {
		n = files.n - i < BATCH ? files.n - i : BATCH;
		if (judge(t, &l, argv, files.v + i, n, err) < 0)
			return -1;
	}
	printf("%zu files, %zu accepted and %zu refused by both, %zu differ as "
	       "listed, %zu otherwise\n",
	       t->files, t->both, t->neither, t->listed, t->bad);
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].used != 0)
			printf("  %6zu %s\n", l.v[i].used, l.v[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	struct totals t = {.files = 0};
	struct ac_err err = AC_ERR_INIT;

	if (compare(argc, argv, &t, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	return t.bad != 0;
}
