/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum { BAR = 20, LABEL = 30, WIDTH = 80 };

struct ac_progress {
	pthread_mutex_t mu;
	char *label;
	const char *item; /* what there are several of, or NULL */
	size_t items, items_done;
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

/* Not above 1: a server may send more than it said. */
static double part(const struct ac_progress *p)
{
	return p->done < p->total ? (double)p->done / (double)p->total : 1;
}

/* "12.3 of 45.6 MB (27%), 5.1 MB/s, layer 2 of 5" */
static void text(const struct ac_progress *p, double t, char *out, size_t n)
{
	double mb = (double)p->done / 1e6;
	double rate = t > p->started ? mb / (t - p->started) : 0;
	int len;

	if (p->total != 0)
		len = snprintf(out, n, "%.1f of %.1f MB (%d%%), %.1f MB/s", mb,
			       (double)p->total / 1e6, (int)(100 * part(p)),
			       rate);
	else
		len = snprintf(out, n, "%.1f MB, %.1f MB/s", mb, rate);
	if (p->items > 1 && len > 0 && (size_t)len < n)
		(void)snprintf(out + len, n - (size_t)len, ", %s %zu of %zu",
			       p->item,
			       p->items_done < p->items ? p->items_done + 1
							: p->items,
			       p->items);
}

/* "[====>     ] ", or nothing where there is no room or no total. */
static void bar(const struct ac_progress *p, size_t room, char out[BAR + 4])
{
	size_t full = (size_t)(BAR * part(p));

	out[0] = '\0';
	if (p->total == 0 || room < BAR + 3)
		return;
	memset(out, ' ', BAR + 3);
	out[0] = '[';
	memset(out + 1, '=', full);
	if (full < BAR)
		out[1 + full] = '>';
	out[BAR + 1] = ']';
	out[BAR + 3] = '\0';
}

static size_t width(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col != 0
		       ? w.ws_col
		       : WIDTH;
}

static void draw(struct ac_progress *p, double t)
{
	char amount[128];
	char line[256];
	char graph[BAR + 4];
	size_t cols = width();
	size_t used;
	int n;

	text(p, t, amount, sizeof(amount));
	if (!p->tty) {
		ac_log("%s: %s", p->label, amount);
		return;
	}
	n = snprintf(line, sizeof(line), "%.*s: ", LABEL, p->label);
	used = (size_t)n + strlen(amount) + 1;
	bar(p, cols > used ? cols - used : 0, graph);
	n = snprintf(line, sizeof(line), "%.*s: %s%s", LABEL, p->label, graph,
		     amount);
	/* A line that wraps could not be wiped. */
	if ((size_t)n >= cols)
		n = (int)cols - 1;
	/* \033[K: erase to the end of the line. */
	(void)!dprintf(STDERR_FILENO, "\r%.*s\033[K", n, line);
	p->drawn = true;
}

void ac_progress_add(struct ac_progress *p, uint64_t n)
{
	double t;

	if (p == NULL)
		return;
	t = now();
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
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->mu);
	p->total += n;
	(void)pthread_mutex_unlock(&p->mu);
}

void ac_progress_items(struct ac_progress *p, const char *item, size_t n)
{
	if (p == NULL)
		return;
	p->item = item;
	p->items = n;
}

void ac_progress_item(struct ac_progress *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->mu);
	p->items_done++;
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
