/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"

struct ac_progress {
	pthread_mutex_t mu;
	char *label;
	uint64_t total; /* 0: unknown */
	uint64_t done;
	double started;
	double shown; /* when last */
	bool tty;
	bool drawn; /* there is a line to wipe */
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct ac_progress *ac_progress_new(const char *label, uint64_t total)
{
	struct ac_progress *p = ac_xcalloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	(void)pthread_mutex_init(&p->mu, NULL);
	p->label = ac_str_show(label);
	p->total = total;
	p->started = p->shown = now();
	p->tty = isatty(STDERR_FILENO) == 1 &&
		 (term == NULL || strcmp(term, "dumb") != 0);
	return p;
}

/* "12.3 of 45.6 MB (27%), 5.1 MB/s" */
static void text(const struct ac_progress *p, double t, char *out, size_t n)
{
	double mb = (double)p->done / 1e6;
	double rate = t > p->started ? mb / (t - p->started) : 0;

	if (p->total != 0)
		(void)snprintf(out, n, "%.1f of %.1f MB (%d%%), %.1f MB/s", mb,
			       (double)p->total / 1e6,
			       (int)(100.0 * (double)p->done /
				     (double)p->total),
			       rate);
	else
		(void)snprintf(out, n, "%.1f MB, %.1f MB/s", mb, rate);
}

static void draw(struct ac_progress *p, double t)
{
	char amount[96];
	char line[256];
	int n;

	text(p, t, amount, sizeof(amount));
	if (!p->tty) {
		ac_log("%s: %s", p->label, amount);
		return;
	}
	/* \033[K: erase to the end of the line. */
	n = snprintf(line, sizeof(line), "\r%.30s: %s\033[K", p->label, amount);
	(void)!write(STDERR_FILENO, line, (size_t)n);
	p->drawn = true;
}

void ac_progress_add(struct ac_progress *p, uint64_t n)
{
	double t = now();

	(void)pthread_mutex_lock(&p->mu);
	p->done += n;
	if (t - p->shown >= (p->tty ? 0.2 : 30.0)) {
		p->shown = t;
		draw(p, t);
	}
	(void)pthread_mutex_unlock(&p->mu);
}

void ac_progress_on(void *p, uint64_t n)
{
	ac_progress_add(p, n);
}

void ac_progress_expect(struct ac_progress *p, uint64_t n)
{
	(void)pthread_mutex_lock(&p->mu);
	p->total += n;
	(void)pthread_mutex_unlock(&p->mu);
}

void ac_progress_free(struct ac_progress *p)
{
	if (p == NULL)
		return;
	if (p->drawn)
		(void)!write(STDERR_FILENO, "\r\033[K", 4);
	(void)pthread_mutex_destroy(&p->mu);
	free(p->label);
	free(p);
}
