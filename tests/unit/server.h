/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_TESTS_SERVER_H
#define AC_TESTS_SERVER_H

/*
 * A server on loopback that answers each connection as the test scripts it and
 * keeps what was asked.  A header alone, because each test is one file.
 *
 *	static struct server s = {.steps = {{.reply = "HTTP/1.1 ..."}}};
 *
 *	server_start(&s);
 *	... s.port ...
 *	server_finish(&s);	(all steps were taken)
 *	... s.steps[0].head ...
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "tests/unit/tap.h"

enum { MAX_STEPS = 16, MAX_HEAD = 8192 };

/* One connection: what comes back, and what came. */
struct step {
	const char *reply; /* "%P" in it becomes the port of the other server */
	int hold_ms;       /* before closing */
	char head[MAX_HEAD];
};

struct server {
	int fd;
	unsigned int port, other;
	struct step steps[MAX_STEPS];
	size_t n, done;
	pthread_t thread;
};

static inline void server_send(int fd, const char *p, size_t n)
{
	while (n != 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

static inline void server_reply(const struct server *s, int fd,
				const char *text)
{
	const char *at = strstr(text, "%P");

	if (at == NULL) {
		server_send(fd, text, strlen(text));
	} else {
		AC_FREE char *t = ac_xasprintf("%.*s%u%s", (int)(at - text),
					       text, s->other, at + 2);

		server_send(fd, t, strlen(t));
	}
}

static inline bool server_has_client(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) != 0;
}

static inline void *server_run(void *ctx)
{
	struct server *s = ctx;

	for (; s->done < s->n; s->done++) {
		struct step *t = &s->steps[s->done];
		AC_CLOSE int fd = accept(s->fd, NULL, NULL);
		size_t have = 0;

		while (have < MAX_HEAD - 1 &&
		       strstr(t->head, "\r\n\r\n") == NULL) {
			ssize_t n = recv(fd, t->head + have,
					 MAX_HEAD - 1 - have, 0);

			if (n <= 0)
				break;
			have += (size_t)n;
			if (t->head[0] == 0x16)
				break; /* TLS begins: there is no line end */
		}
		server_reply(s, fd, t->reply);
		for (int ms = 0; ms < t->hold_ms && server_has_client(fd);
		     ms += 10)
			(void)nanosleep(&(struct timespec){.tv_nsec = 10000000},
					NULL);
	}
	return NULL;
}

static inline void server_bind(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, n) == 0);
	CHECK(listen(s->fd, 8) == 0);
	CHECK(getsockname(s->fd, (struct sockaddr *)&a, &n) == 0);
	s->port = ntohs(a.sin_port);
}

static inline void server_start(struct server *s)
{
	while (s->n < MAX_STEPS && s->steps[s->n].reply != NULL)
		s->n++;
	if (s->port == 0)
		server_bind(s);
	CHECK(pthread_create(&s->thread, NULL, server_run, s) == 0);
}

static inline void server_finish(struct server *s)
{
	CHECK(pthread_join(s->thread, NULL) == 0);
	(void)close(s->fd);
}

#endif
