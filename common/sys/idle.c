/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/idle.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/alloc.h"

/* Semaphores, since they have no owner: a thread of SCHED_IDLE that holds a
 * lock and gets no processor would stop all the others.  Nor is it joined. */
struct ac_idle {
	sem_t asked, given;
	atomic_bool ended;
	atomic_int users; /* the thread, and the owner: the last one frees */
};

static void destroy(struct ac_idle *i)
{
	(void)sem_destroy(&i->asked);
	(void)sem_destroy(&i->given);
	free(i);
}

static void release(struct ac_idle *i)
{
	if (atomic_fetch_sub(&i->users, 1) == 1)
		destroy(i);
}

static void await(sem_t *s)
{
	while (sem_wait(s) < 0 && errno == EINTR)
		;
}

/* It is given a processor when there is one to spare: so that is what it
 * tells. */
static void *give(void *ctx)
{
	const struct sched_param none = {.sched_priority = 0};
	struct ac_idle *i = ctx;

	/* If not, all turns come at once. */
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	while (await(&i->asked), !atomic_load(&i->ended))
		(void)sem_post(&i->given);
	release(i);
	return NULL;
}

struct ac_idle *ac_idle_new(void)
{
	struct ac_idle *i = ac_xcalloc(1, sizeof(*i));
	pthread_attr_t detached;
	pthread_t id;
	int r;

	(void)sem_init(&i->asked, 0, 0);
	(void)sem_init(&i->given, 0, 0);
	atomic_init(&i->users, 2);
	(void)pthread_attr_init(&detached);
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&id, &detached, give, i);
	(void)pthread_attr_destroy(&detached);
	if (r == 0)
		return i;
	destroy(i);
	return NULL;
}

void ac_idle_wait(struct ac_idle *i)
{
	if (i == NULL || atomic_load(&i->ended))
		return;
	(void)sem_post(&i->asked);
	await(&i->given);
}

void ac_idle_end(struct ac_idle *i)
{
	if (i == NULL || atomic_exchange(&i->ended, true))
		return;
	(void)sem_post(&i->given);
	(void)sem_post(&i->asked);
}

void ac_idle_free(struct ac_idle *i)
{
	if (i == NULL)
		return;
	ac_idle_end(i);
	release(i);
}
