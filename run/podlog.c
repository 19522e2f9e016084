/* SPDX-License-Identifier: Apache-2.0 */
#include "run/podlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/sys/io.h"
#include "run/poddir.h"

enum { MAX_LOG = 1 << 20 };

static const char NAME[] = "log";

static long long now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

int pod_log_open(const struct pod_dir *p, struct ac_err *err)
{
	int fd = openat(p->fd, NAME,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
			0644);

	return fd >= 0 ? fd
		       : ac_err_sys(err, errno, "pod '%s': create '%s'",
				    p->uuid, NAME);
}

static int put(int log, const struct ac_buf *b, struct ac_err *err)
{
	if (ac_buf_check(b, "the pod's log", err) < 0)
		return -1;
	return ac_io_write(log, ac_buf_str(b), b->len, NAME, err);
}

int pod_log_cgroups(int log, const struct ac_strv *dirs, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LOG / 2);

	for (size_t i = 0; i < dirs->n; i++)
		ac_buf_addf(&b, "cgroup %s\n", dirs->v[i]);
	return put(log, &b, err);
}

int pod_log_pid(int log, pid_t pid, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(128);

	ac_buf_addf(&b, "pid %d %lld\n", (int)pid, now());
	return put(log, &b, err);
}

int pod_log_end(int log, const char *app, int code, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);

	ac_buf_addf(&b, "end %s %d %lld\n", app, code, now());
	return put(log, &b, err);
}

/* A number up to MAX that ends at a space or the end: true and *out. */
static bool number(struct ac_str *line, uint64_t max, uint64_t *out)
{
	struct ac_str word;

	(void)ac_str_cut(line, ' ', &word);
	return ac_num_max(word, max, out) == 0;
}

static void take_end(struct pod_log *l, struct ac_str line)
{
	struct ac_str app;
	uint64_t code;
	uint64_t when;

	(void)ac_str_cut(&line, ' ', &app);
	if (!number(&line, 255, &code) || !number(&line, INT64_MAX, &when))
		return;
	l->ends = ac_xrealloc(l->ends, l->n_ends + 1, sizeof(*l->ends));
	l->ends[l->n_ends++] = (struct pod_end){
		.app = ac_xstrndup(app.p, app.len),
		.code = (int)code,
		.when = (int64_t)when,
	};
}

static void take_line(struct pod_log *l, struct ac_str line)
{
	struct ac_str word;
	uint64_t pid;
	uint64_t when;

	(void)ac_str_cut(&line, ' ', &word);
	if (ac_str_eq(word, "cgroup") &&
	    ac_str_starts(line, "/sys/fs/cgroup/")) {
		ac_strv_take(&l->cgroups, ac_xstrndup(line.p, line.len));
	} else if (ac_str_eq(word, "pid") && number(&line, INT32_MAX, &pid) &&
		   number(&line, INT64_MAX, &when)) {
		l->pid = (pid_t)pid;
		l->started = (int64_t)when;
	} else if (ac_str_eq(word, "end")) {
		take_end(l, line);
	}
}

int pod_log_read(struct pod_log *l, const struct pod_dir *p, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LOG);
	struct ac_str rest;
	struct ac_str line;

	if (ac_io_read_file(p->fd, NAME, &b, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	rest = ac_strn(ac_buf_str(&b), b.len);
	while (ac_str_cut(&rest, '\n', &line))
		take_line(l, line);
	return 0;
}

void pod_log_release(struct pod_log *l)
{
	for (size_t i = 0; i < l->n_ends; i++)
		free(l->ends[i].app);
	free(l->ends);
	ac_strv_release(&l->cgroups);
	*l = POD_LOG_INIT;
}

const struct pod_end *pod_log_find(const struct pod_log *l, const char *app)
{
	for (size_t i = 0; i < l->n_ends; i++)
		if (strcmp(l->ends[i].app, app) == 0)
			return &l->ends[i];
	return NULL;
}
