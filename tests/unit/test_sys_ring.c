/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/sys/ring.h"
#include "tests/unit/tap.h"

struct job {
	struct ac_ring *ring;
	uint64_t total; /* bytes to produce */
	bool fail;      /* end with an error */
	bool gave_up;   /* out: the consumer aborted */
};

/* Byte i of the stream is i % 251; chunks are of uneven size. */
static void *produce(void *arg)
{
	struct job *j = arg;
	struct ac_err err = AC_ERR_INIT;
	uint64_t at = 0;

	while (at < j->total) {
		size_t cap;
		unsigned char *p = ac_ring_slot(j->ring, &cap);
		size_t n = 1 + (size_t)(at * 7 % cap);

		if (p == NULL) {
			j->gave_up = true;
			break;
		}
		if (n > j->total - at)
			n = (size_t)(j->total - at);
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)((at + i) % 251);
		ac_ring_commit(j->ring, 0);
		ac_ring_commit(j->ring, n);
		at += n;
	}
	if (j->fail)
		(void)ac_err_set(&err, AC_E_NET, "the other end hung up");
	ac_ring_close(j->ring, j->fail ? &err : NULL);
	return NULL;
}

static uint64_t consume(struct ac_ring *r, ssize_t *end, struct ac_err *err)
{
	const void *p;
	uint64_t at = 0;
	ssize_t n;

	while ((n = ac_ring_next(r, 0, &p, err)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			CHECK(((const unsigned char *)p)[i] == at % 251);
	*end = n;
	return at;
}

TEST(passes_all_bytes_in_order)
{
	static const size_t chunks[] = {1, 2, 7};

	for (size_t i = 0; i < 3; i++) {
		struct job j = {.ring = ac_ring_new(chunks[i], 1000, 1),
				.total = 3000000};
		struct ac_err err = AC_ERR_INIT;
		pthread_t t;
		ssize_t end;

		CHECK(pthread_create(&t, NULL, produce, &j) == 0);
		CHECK(consume(j.ring, &end, &err) == j.total && end == 0);
		CHECK(pthread_join(t, NULL) == 0 && !j.gave_up);
		ac_ring_free(j.ring);
	}
}

TEST(error_arrives_behind_the_data)
{
	struct job j = {.ring = ac_ring_new(3, 64, 1),
			.total = 1000,
			.fail = true};
	struct ac_err err = AC_ERR_INIT;
	const void *p;
	pthread_t t;
	ssize_t end;

	CHECK(pthread_create(&t, NULL, produce, &j) == 0);
	CHECK(consume(j.ring, &end, &err) == 1000);
	CHECK(end == -1 && err.code == AC_E_NET);
	CHECK(strcmp(err.msg, "the other end hung up") == 0);
	CHECK(ac_ring_next(j.ring, 0, &p, &err) == -1);
	CHECK(pthread_join(t, NULL) == 0);
	ac_ring_free(j.ring);
}

TEST(consumer_gives_up)
{
	struct job j = {.ring = ac_ring_new(2, 64, 1), .total = UINT64_MAX};
	struct ac_err err = AC_ERR_INIT;
	const void *p;
	pthread_t t;

	CHECK(pthread_create(&t, NULL, produce, &j) == 0);
	CHECK(ac_ring_next(j.ring, 0, &p, &err) > 0);
	ac_ring_abort(j.ring);
	CHECK(pthread_join(t, NULL) == 0 && j.gave_up);
	ac_ring_free(j.ring);
}

static void *drain(void *ctx)
{
	struct ac_err err = AC_ERR_INIT;
	uint64_t total = 0;
	const void *p;
	ssize_t n;

	while ((n = ac_ring_next(ctx, 1, &p, &err)) > 0)
		total += (uint64_t)n;
	return total == 100000 ? ctx : NULL;
}

TEST(every_consumer_gets_everything)
{
	struct job j = {.ring = ac_ring_new(3, 64, 2), .total = 100000};
	struct ac_err err = AC_ERR_INIT;
	uint64_t total = 0;
	pthread_t producer;
	pthread_t other;
	void *all = NULL;
	const void *p;
	ssize_t n;

	CHECK(pthread_create(&producer, NULL, produce, &j) == 0);
	CHECK(pthread_create(&other, NULL, drain, j.ring) == 0);
	while ((n = ac_ring_next(j.ring, 0, &p, &err)) > 0)
		total += (uint64_t)n;
	CHECK(pthread_join(producer, NULL) == 0);
	CHECK(pthread_join(other, &all) == 0);
	CHECK(total == 100000 && all == j.ring);
	ac_ring_free(j.ring);
}

static void *slow(void *ctx)
{
	struct job *j = ctx;
	struct ac_err err = AC_ERR_INIT;
	const void *p;

	while (ac_ring_next(j->ring, 0, &p, &err) > 0) {
		(void)usleep(20000);
		j->total++;
	}
	return NULL;
}

TEST(drained)
{
	struct job j = {.ring = ac_ring_new(3, 64, 1)};
	pthread_t t;
	size_t cap;

	ac_ring_drain(j.ring);
	CHECK(pthread_create(&t, NULL, slow, &j) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(ac_ring_slot(j.ring, &cap) != NULL);
		ac_ring_commit(j.ring, 1);
	}
	ac_ring_drain(j.ring);
	CHECK(j.total == 2);
	ac_ring_close(j.ring, NULL);
	CHECK(pthread_join(t, NULL) == 0);
	/* Nobody waits for one who gave up. */
	CHECK(ac_ring_slot(j.ring, &cap) != NULL);
	ac_ring_commit(j.ring, 1);
	ac_ring_abort(j.ring);
	ac_ring_drain(j.ring);
	ac_ring_free(j.ring);
}

TEST(nothing_at_all)
{
	struct ac_ring *r = ac_ring_new(2, 64, 1);
	struct ac_err err = AC_ERR_INIT;
	const void *p;

	ac_ring_close(r, NULL);
	CHECK(ac_ring_next(r, 0, &p, &err) == 0);
	CHECK(ac_ring_next(r, 0, &p, &err) == 0);
	ac_ring_free(r);
	ac_ring_free(NULL);
}
