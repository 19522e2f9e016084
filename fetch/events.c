/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/events.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/sys/io.h"

enum { MAX_LINE = 64 << 10, MAX_FD = 1 << 20 };

/* Seconds between two events of one download. */
#define PAUSE 0.2

struct events {
	int fd;
	pthread_mutex_t mu; /* of what follows, and of the descriptor */
	char *image;
	bool broken; /* nobody reads any more */
};

int events_open(const char *text, struct events **out, struct ac_err *err)
{
	struct events *e;
	uint64_t fd;
	int flags;

	*out = NULL;
	if (text == NULL)
		return 0;
	if (ac_num_max(ac_str(text), MAX_FD, &fd) < 0 || fd < STDERR_FILENO ||
	    (flags = fcntl((int)fd, F_GETFD)) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%s' for option --events: no open "
				  "descriptor above 1",
				  text);
	/* Programs that are executed have no use for it. */
	if (fd != STDERR_FILENO)
		(void)fcntl((int)fd, F_SETFD, flags | FD_CLOEXEC);
	e = ac_xcalloc(1, sizeof(*e));
	e->fd = (int)fd;
	(void)pthread_mutex_init(&e->mu, NULL);
	*out = e;
	return 0;
}

void events_free(struct events *e)
{
	if (e == NULL)
		return;
	(void)pthread_mutex_destroy(&e->mu);
	free(e->image);
	free(e);
}

bool events_on_stderr(const struct events *e)
{
	return e != NULL && e->fd == STDERR_FILENO;
}

void events_image(struct events *e, const char *shown)
{
	if (e == NULL)
		return;
	(void)pthread_mutex_lock(&e->mu);
	free(e->image);
	e->image = ac_xstrdup(shown);
	(void)pthread_mutex_unlock(&e->mu);
}

static void add_members(struct ac_json *to, const struct ac_json *more)
{
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	while (ac_json_each(more, &it, &key, &value))
		ac_json_set(to, key, ac_json_copy(value));
}

/* One write, so that lines of several threads, or of others who have the
 * descriptor, are whole.  A reader who is gone is no reason to fail. */
static void write_line(struct events *e, const struct ac_json *o)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LINE);
	struct ac_err err = AC_ERR_INIT;

	ac_json_write(o, 0, false, &b);
	ac_buf_addc(&b, '\n');
	if (ac_buf_check(&b, "an event", &err) < 0 || e->broken ||
	    ac_io_write(e->fd, b.p, b.len, "--events", &err) == 0)
		return;
	e->broken = true;
	ac_warn("%s; no more events are written", err.msg);
}

void events_tell(struct events *e, const char *event, const char *from,
		 struct ac_json *more)
{
	AC_JSON struct ac_json *rest = more;
	AC_JSON struct ac_json *o = NULL;
	char date[AC_DATE_TEXT];
	struct timespec t;

	if (e == NULL)
		return;
	o = ac_json_object();
	(void)clock_gettime(CLOCK_REALTIME, &t);
	ac_date_print(t.tv_sec, (uint32_t)t.tv_nsec, date);
	ac_json_set_str(o, "event", event);
	ac_json_set_str(o, "time", date);
	(void)pthread_mutex_lock(&e->mu);
	if (e->image != NULL)
		ac_json_set_str(o, "image", e->image);
	if (from != NULL)
		ac_json_set_str(o, "from", from);
	add_members(o, rest);
	write_line(e, o);
	(void)pthread_mutex_unlock(&e->mu);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show(struct events_meter *m)
{
	struct ac_json *o;

	if (m->events == NULL)
		return;
	o = ac_json_object();
	ac_json_set_int(o, "bytes", (int64_t)m->bytes);
	if (m->total != 0)
		ac_json_set_int(o, "total", (int64_t)m->total);
	events_tell(m->events, "download", m->from, o);
	m->shown = now();
}

void events_meter_begin(struct events_meter *m, struct events *e,
			const char *from, uint64_t total)
{
	*m = (struct events_meter){.events = e, .from = from, .total = total};
	show(m);
}

void events_meter_add(struct events_meter *m, uint64_t n)
{
	m->bytes += n;
	if (m->events != NULL && now() - m->shown >= PAUSE)
		show(m);
}

void events_meter_end(struct events_meter *m)
{
	show(m);
}
