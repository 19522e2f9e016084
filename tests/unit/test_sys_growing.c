/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/sys/growing.h"
#include "common/sys/idle.h"
#include "tests/unit/tap.h"

enum { TOTAL = 1000, STEP = 7 };

struct reader {
	struct ac_growing g;
	pthread_t thread;
	uint64_t at;
	int turns;
	int rc; /* of the last wait */
};

/* Byte by byte, a turn for each. */
static void *follow(void *arg)
{
	struct reader *r = arg;
	struct ac_err err = AC_ERR_INIT;
	uint64_t size;

	while ((r->rc = ac_growing_wait(&r->g, r->at, &size, &err)) == 0 &&
	       size != r->at)
		for (; r->at < size; r->at++, r->turns++)
			ac_growing_turn(&r->g);
	return NULL;
}

static void start(struct reader *r, bool patient)
{
	*r = (struct reader){.at = 0};
	ac_growing_init(&r->g);
	if (patient)
		ac_growing_patient(&r->g);
	CHECK(pthread_create(&r->thread, NULL, follow, r) == 0);
}

static void join(struct reader *r)
{
	CHECK(pthread_join(r->thread, NULL) == 0);
	ac_growing_release(&r->g);
}

static void to_the_end(bool patient)
{
	struct reader r;

	start(&r, patient);
	for (uint64_t n = STEP; n <= TOTAL; n += STEP)
		ac_growing_to(&r.g, n);
	ac_growing_to(&r.g, TOTAL);
	ac_growing_end(&r.g);
	join(&r);
	CHECK(r.rc == 0);
	CHECK(r.at == TOTAL);
	CHECK(r.turns == TOTAL);
}

TEST(reads_all_that_comes)
{
	to_the_end(false);
}

TEST(reads_all_when_it_has_time)
{
	to_the_end(true);
}

TEST(an_abort_ends_whatever_is_waited_for)
{
	struct reader r;

	start(&r, true);
	ac_growing_to(&r.g, 1 << 20);
	ac_growing_abort(&r.g);
	join(&r);
	CHECK(r.rc == -1);
}

TEST(turns_come_and_end)
{
	struct ac_idle *i = ac_idle_new();

	CHECK(i != NULL);
	for (int n = 0; n < 100; n++)
		ac_idle_wait(i);
	ac_idle_end(i);
	ac_idle_end(i);
	for (int n = 0; n < 100; n++)
		ac_idle_wait(i);
	ac_idle_free(i);
}

TEST(no_turns_are_no_wait)
{
	ac_idle_wait(NULL);
	ac_idle_end(NULL);
	ac_idle_free(NULL);
	ac_idle_free(ac_idle_new()); /* nobody asked */
}
