/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/sys/io.h"

enum { MAX_OUTPUT = 256 << 20, MAX_SECONDS = 20, KILLED = 128 + SIGKILL };

void verdict_release(struct verdict *v)
{
	free(v->msg);
	ac_strv_release(&v->errors);
	ac_strv_release(&v->warnings);
	*v = (struct verdict){.msg = NULL};
}

/* Documents of a few bytes keep the original busy for hours. */
static void limit_time(void)
{
	struct rlimit most = {MAX_SECONDS, MAX_SECONDS};

	(void)setrlimit(RLIMIT_CPU, &most);
}

/* Run ARGV and keep what it writes to descriptor WHICH.  Returns its exit
 * code, 128+signal when killed, -1 when it could not be run. */
static int run(char *const argv[], int which, struct ac_buf *out,
	       struct ac_err *err)
{
	AC_CLOSE int from = -1;
	int to[2];
	int status;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "pipe");
	from = to[0];
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		limit_time();
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO + STDERR_FILENO - which);
		(void)dup2(to[1], which);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	(void)close(to[1]);
	if (pid < 0)
		return ac_err_sys(err, errno, "fork");
	if (ac_io_slurp(from, out, argv[0], err) < 0)
		return -1;
	if (waitpid(pid, &status, 0) != pid)
		return ac_err_sys(err, errno, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* PROG's arguments, then the files. */
static char **command(const char *prog, const char *const *args, char **files,
		      size_t n)
{
	size_t k = 0;
	char **argv = ac_xcalloc(n + 8, sizeof(*argv));

	argv[k++] = (char *)(uintptr_t)prog;
	for (; *args != NULL; args++)
		argv[k++] = (char *)(uintptr_t)*args;
	for (size_t i = 0; i < n; i++)
		argv[k++] = files[i];
	return argv;
}

/* Where the line about FILE begins, at or after TEXT, or NULL. */
static const char *line_of(const char *text, const char *file)
{
	size_t len = strlen(file);
	const char *p = text;

	while (p != NULL && *p != '\0') {
		if (strncmp(p, file, len) == 0 &&
		    strncmp(p + len, ": ", 2) == 0)
			return p;
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	return NULL;
}

/* How many of the files the output tells of, in order. */
static size_t tell(const char *text, char **files, size_t n, struct verdict *v)
{
	const char *p = line_of(text, files[0]);
	size_t i = 0;

	for (; i < n && p != NULL; i++) {
		const char *next = i + 1 < n ? line_of(p, files[i + 1]) : NULL;
		const char *panic = strstr(p, "\npanic: ");
		size_t len = next != NULL    ? (size_t)(next - p)
			     : panic != NULL ? (size_t)(panic - p)
					     : strlen(p);
		size_t head = strlen(files[i]) + 2;

		while (len > head && p[len - 1] == '\n')
			len--;
		v[i].msg = ac_xstrndup(p + head, len - head);
		v[i].accept = strncmp(v[i].msg, "valid ", 6) == 0;
		p = next;
	}
	return i;
}

int oracle_theirs(const char *prog, char **files, size_t n, struct verdict *v,
		  struct ac_err *err)
{
	static const char *const args[] = {"-debug", "validate", NULL};
	size_t done = 0;

	while (done < n) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(MAX_OUTPUT);
		AC_FREE char **argv =
			command(prog, args, files + done, n - done);
		int rc = run(argv, STDERR_FILENO, &b, err);
		size_t told;

		if (rc < 0)
			return -1;
		told = tell(ac_buf_str(&b), files + done, n - done, v + done);
		done += told;
		if (rc == KILLED && done < n) {
			v[done].crash = true;
			v[done++].msg = ac_xstrdup("did not end");
		} else if (rc == 2 && done < n) {
			/* It panicked, which is a refusal. */
			v[done].crash = true;
			v[done++].msg = ac_xstrdup(
				strstr(ac_buf_str(&b), "panic: ") != NULL
					? strstr(ac_buf_str(&b), "panic: ")
					: "panic");
		} else if (told == 0) {
			return ac_err_set(err, AC_E_INVALID,
					  "%s: exit code %d and nothing said "
					  "of %s: %.200s",
					  prog, rc, files[done],
					  ac_buf_str(&b));
		}
	}
	return 0;
}

static const char *text(const struct ac_json *o, const char *key)
{
	const char *s = ac_json_text(ac_json_get(o, key), NULL);

	return s != NULL ? s : "";
}

static void take_list(const struct ac_json *list, struct ac_strv *out)
{
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const struct ac_json *f = ac_json_at(list, i);

		ac_strv_pushf(out, "%s %s: %s", text(f, "rule"),
			      text(f, "path"), text(f, "text"));
	}
}

static void take(const struct ac_json *o, struct verdict *v)
{
	v->accept = ac_json_bool(ac_json_get(o, "valid"));
	take_list(ac_json_get(o, "errors"), &v->errors);
	take_list(ac_json_get(o, "warnings"), &v->warnings);
	v->msg = ac_xstrdup(v->errors.n != 0 ? v->errors.v[0] : "");
}

/* One process for all: false when it did not end as it should. */
static int ours_at_once(const char *prog, char **files, size_t n,
			struct verdict *v, bool *ok, struct ac_err *err)
{
	static const char *const args[] = {"validate", "--json", NULL};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_OUTPUT);
	AC_FREE char **argv = command(prog, args, files, n);
	AC_JSON struct ac_json *all = NULL;
	struct ac_err ignored = AC_ERR_INIT;
	int rc = run(argv, STDOUT_FILENO, &b, err);

	if (rc < 0)
		return -1;
	*ok = false;
	if (rc != 0 && rc != 1)
		return 0;
	all = ac_json_parse(ac_buf_str(&b), b.len, "output", &ignored);
	if (all == NULL || ac_json_len(all) != n)
		return 0;
	for (size_t i = 0; i < n; i++)
		take(ac_json_at(all, i), &v[i]);
	*ok = true;
	return 0;
}

/* What it writes to standard error when it crashes. */
static int last_words(const char *prog, char *file, struct verdict *v,
		      struct ac_err *err)
{
	static const char *const args[] = {"validate", NULL};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_OUTPUT);
	AC_FREE char **argv = command(prog, args, &file, 1);
	int rc = run(argv, STDERR_FILENO, &b, err);

	if (rc < 0)
		return -1;
	v->crash = true;
	v->msg = ac_xasprintf("exit code %d: %.4000s", rc, ac_buf_str(&b));
	return 0;
}

int oracle_ours(const char *prog, char **files, size_t n, struct verdict *v,
		struct ac_err *err)
{
	bool ok;

	if (ours_at_once(prog, files, n, v, &ok, err) < 0)
		return -1;
	for (size_t i = 0; !ok && i < n; i++) {
		bool alone;

		if (ours_at_once(prog, &files[i], 1, &v[i], &alone, err) < 0 ||
		    (!alone && last_words(prog, files[i], &v[i], err) < 0))
			return -1;
	}
	return 0;
}
