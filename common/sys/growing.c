/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/growing.h"

#include "common/base/err.h"
#include "common/sys/idle.h"

void ac_growing_init(struct ac_growing *g)
{
	*g = (struct ac_growing){.size = 0};
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->changed, NULL);
}

void ac_growing_patient(struct ac_growing *g)
{
	g->idle = ac_idle_new();
}

void ac_growing_release(struct ac_growing *g)
{
	ac_idle_free(g->idle);
	(void)pthread_mutex_destroy(&g->lock);
	(void)pthread_cond_destroy(&g->changed);
}

static void change(struct ac_growing *g, uint64_t size, bool ended,
		   bool aborted)
{
	(void)pthread_mutex_lock(&g->lock);
	g->size = size > g->size ? size : g->size;
	g->ended = g->ended || ended;
	g->aborted = g->aborted || aborted;
	(void)pthread_cond_broadcast(&g->changed);
	(void)pthread_mutex_unlock(&g->lock);
	if (ended || aborted)
		ac_idle_end(g->idle);
}

void ac_growing_to(struct ac_growing *g, uint64_t size)
{
	change(g, size, false, false);
}

void ac_growing_end(struct ac_growing *g)
{
	change(g, 0, true, false);
}

void ac_growing_abort(struct ac_growing *g)
{
	change(g, 0, false, true);
}

int ac_growing_wait(struct ac_growing *g, uint64_t have, uint64_t *size,
		    struct ac_err *err)
{
	bool aborted;

	(void)pthread_mutex_lock(&g->lock);
	while (g->size <= have && !g->ended && !g->aborted)
		(void)pthread_cond_wait(&g->changed, &g->lock);
	*size = g->size;
	aborted = g->aborted;
	(void)pthread_mutex_unlock(&g->lock);
	return aborted ? ac_err_set(err, AC_E_SYS, "what is read is not needed")
		       : 0;
}

int ac_growing_wait_end(struct ac_growing *g, struct ac_err *err)
{
	uint64_t size;

	return ac_growing_wait(g, UINT64_MAX, &size, err);
}

void ac_growing_turn(struct ac_growing *g)
{
	ac_idle_wait(g->idle);
}
