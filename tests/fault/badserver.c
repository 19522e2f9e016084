/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server that misbehaves as it is told, for tests of clients:
 *
 *	badserver SCRIPT LOG PORTS
 *
 * It listens on two ports of 127.0.0.1 ("two hosts"), writes their numbers into
 * the file PORTS when it is ready, appends a line for each request to LOG
 * ("A GET /path range=... auth=..."; A or B: the port) and runs until it is
 * killed or its parent is gone.  SCRIPT holds rules; the first that fits
 * answers, none: 404.
 *
 *	GET /a/b		method and path; a star at the end: any rest
 *	times 2			only so often
 *	need Bearer good	only when the head of the request has this text
 *	status 200
 *	header Location: http://$B/x	$A and $B, also in a body: host and port
 *	body TEXT		the body: this text,
 *	file PATH		this file,
 *	zeros 1000000		or so many zero bytes
 *	ranges			obey Range
 *	length 12		announce this length; "none": announce nothing
 *	cut 5			close after so many bytes of the body
 *	slow 10 100		10 bytes every 100 ms
 *	junk 1000		so many more lines of head
 *	hang			say nothing, until the client leaves
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum { MAX_RULES = 1024, MAX_HEAD = 64 << 10, MAX_BODY = 256 << 20 };

struct rule {
	char *method, *path, *need;
	uint64_t times, used;
	uint64_t status;
	struct ac_strv headers;
	struct ac_buf body;
	uint64_t cut, slow, slow_ms, junk;
	char *length;
	bool limited, has_cut, ranges, hang;
};

static struct rule rules[MAX_RULES];
static size_t n_rules;
static unsigned int ports[2];
static int log_fd;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

static AC_NORETURN void die(const char *what)
{
	fprintf(stderr, "badserver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t number(struct ac_str s)
{
	uint64_t v = 0;

	errno = EINVAL;
	if (ac_num_u64(s, &v) < 0)
		die("bad number in the script");
	return v;
}

static void slurp(struct ac_buf *b, const char *path)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[65536];
	ssize_t n;

	if (fd < 0)
		die(path);
	while ((n = read(fd, part, sizeof(part))) > 0)
		ac_buf_add(b, part, (size_t)n);
}

static bool is(struct ac_str word, const char *text)
{
	return ac_str_eq(word, text);
}

/* TEXT with host and port for "$A" and "$B".  Caller frees. */
static char *expand(const char *text)
{
	struct ac_buf b = AC_BUF_INIT(1 << 20);

	for (const char *c = text; *c != '\0'; c++) {
		if (c[0] == '$' && (c[1] == 'A' || c[1] == 'B')) {
			ac_buf_addf(&b, "127.0.0.1:%u", ports[c[1] - 'A']);
			c++;
		} else {
			ac_buf_addc(&b, *c);
		}
	}
	return ac_buf_steal(&b);
}

static void directive(struct rule *r, struct ac_str word, struct ac_str rest)
{
	AC_FREE char *raw = ac_xstrndup(rest.p, rest.len);
	AC_FREE char *text = expand(raw);
	struct ac_str first;

	if (is(word, "times")) {
		r->times = number(rest);
		r->limited = true;
	} else if (is(word, "need")) {
		r->need = ac_steal_ptr(&text);
	} else if (is(word, "status")) {
		r->status = number(rest);
	} else if (is(word, "header")) {
		ac_strv_push(&r->headers, text);
	} else if (is(word, "body")) {
		ac_buf_adds(&r->body, text);
	} else if (is(word, "file")) {
		slurp(&r->body, text);
	} else if (is(word, "zeros")) {
		size_t n = (size_t)number(rest);
		char *at = ac_buf_room(&r->body, n);

		if (at == NULL)
			die("too many zeros");
		memset(at, 0, n);
		r->body.len += n;
	} else if (is(word, "ranges")) {
		r->ranges = true;
	} else if (is(word, "length")) {
		r->length = ac_steal_ptr(&text);
	} else if (is(word, "cut")) {
		r->cut = number(rest);
		r->has_cut = true;
	} else if (is(word, "slow")) {
		(void)ac_str_cut(&rest, ' ', &first);
		r->slow = number(first);
		r->slow_ms = number(rest);
	} else if (is(word, "junk")) {
		r->junk = number(rest);
	} else if (is(word, "hang")) {
		r->hang = true;
	} else {
		errno = EINVAL;
		die(word.p);
	}
}

static void read_script(const char *path)
{
	struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_str rest;
	struct ac_str line;
	struct rule *r = NULL;

	slurp(&b, path);
	rest = ac_strn(b.p, b.len);
	while (rest.len != 0) {
		struct ac_str word;

		(void)ac_str_cut(&rest, '\n', &line);
		line = ac_str_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		(void)ac_str_cut(&line, ' ', &word);
		if (word.p[0] >= 'A' && word.p[0] <= 'Z') {
			if (n_rules == MAX_RULES)
				die("too many rules");
			r = &rules[n_rules++];
			*r = (struct rule){.status = 200,
					   .body = AC_BUF_INIT(MAX_BODY)};
			r->method = ac_xstrndup(word.p, word.len);
			r->path = ac_xstrndup(line.p, line.len);
		} else if (r != NULL) {
			directive(r, word, line);
		}
	}
	ac_buf_release(&b);
}

static bool path_fits(const char *pattern, struct ac_str path)
{
	size_t n = strlen(pattern);

	if (n != 0 && pattern[n - 1] == '*')
		return path.len >= n - 1 && memcmp(path.p, pattern, n - 1) == 0;
	return ac_str_eq(path, pattern);
}

static struct rule *find(struct ac_str method, struct ac_str path,
			 const char *head)
{
	struct rule *hit = NULL;

	(void)pthread_mutex_lock(&mu);
	for (size_t i = 0; i < n_rules && hit == NULL; i++) {
		struct rule *r = &rules[i];

		if (ac_str_eq(method, r->method) && path_fits(r->path, path) &&
		    (r->need == NULL || strstr(head, r->need) != NULL) &&
		    (!r->limited || r->used < r->times)) {
			r->used++;
			hit = r;
		}
	}
	(void)pthread_mutex_unlock(&mu);
	return hit;
}

/* The value of a header of the request.  Caller frees. */
static char *value(const char *head, const char *name)
{
	AC_FREE char *key = ac_xasprintf("\r\n%s: ", name);
	const char *at = strcasestr(head, key);

	if (at == NULL)
		return ac_xstrdup("");
	at += strlen(key);
	return ac_xstrndup(at, strcspn(at, "\r"));
}

static bool put(int fd, const char *p, size_t n)
{
	while (n != 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static void pause_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000),
			     .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static void send_body(int fd, const struct rule *r, const char *p, size_t n)
{
	if (r->has_cut && n > r->cut)
		n = (size_t)r->cut;
	if (r->slow == 0) {
		(void)put(fd, p, n);
		return;
	}
	while (n != 0) {
		size_t part = n < r->slow ? n : (size_t)r->slow;

		if (!put(fd, p, part))
			return;
		p += part;
		n -= part;
		pause_ms(r->slow_ms);
	}
}

static void answer(int fd, const struct rule *r, const char *head)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(8 << 20);
	AC_FREE char *range = value(head, "Range");
	struct ac_str from = ac_str(range);
	struct ac_str first;
	uint64_t skip = 0;
	size_t total = r->body.len;
	bool part = r->ranges && ac_str_starts(from, "bytes=");

	if (part) {
		from = ac_strn(from.p + 6, from.len - 6);
		(void)ac_str_cut(&from, '-', &first);
		skip = number(first);
	}
	if (part && skip >= total) {
		ac_buf_addf(&b, "HTTP/1.1 416 x\r\nContent-Range: bytes */%zu",
			    total);
		skip = total;
	} else if (part) {
		ac_buf_addf(&b,
			    "HTTP/1.1 206 x\r\nContent-Range: bytes "
			    "%llu-%zu/%zu",
			    (unsigned long long)skip, total - 1, total);
	} else {
		ac_buf_addf(&b, "HTTP/1.1 %llu x",
			    (unsigned long long)r->status);
	}
	ac_buf_adds(&b, "\r\nConnection: close\r\n");
	for (size_t i = 0; i < r->headers.n; i++) {
		ac_buf_adds(&b, r->headers.v[i]);
		ac_buf_adds(&b, "\r\n");
	}
	for (uint64_t i = 0; i < r->junk; i++)
		ac_buf_addf(&b, "X-Junk-%llu: %0100d\r\n",
			    (unsigned long long)i, 0);
	if (r->length == NULL)
		ac_buf_addf(&b, "Content-Length: %zu\r\n",
			    total - (size_t)skip);
	else if (strcmp(r->length, "none") != 0)
		ac_buf_addf(&b, "Content-Length: %s\r\n", r->length);
	ac_buf_adds(&b, "\r\n");
	if (put(fd, b.p, b.len) && r->body.p != NULL)
		send_body(fd, r, r->body.p + skip, total - (size_t)skip);
}

static void note(int which, struct ac_str line, const char *head)
{
	AC_FREE char *range = value(head, "Range");
	AC_FREE char *auth = value(head, "Authorization");
	AC_FREE char *text =
		ac_xasprintf("%c %.*s range=%s auth=%s\n", 'A' + which,
			     AC_STR_FMT(line), range, auth);

	(void)!write(log_fd, text, strlen(text));
}

/* What the request sends behind its HEAD (HAVE bytes of both are read), so
 * that the answer is not lost in the reset of an unread one. */
static void drain(int fd, const char *head, size_t have)
{
	AC_FREE char *length = value(head, "Content-Length");
	const char *end = strstr(head, "\r\n\r\n");
	uint64_t left = 0;
	uint64_t got = end != NULL ? have - (size_t)(end + 4 - head) : 0;
	char part[65536];

	if (end == NULL || ac_num_u64(ac_str(length), &left) < 0)
		return;
	while (got < left) {
		ssize_t n = recv(fd, part, sizeof(part), 0);

		if (n <= 0)
			break;
		got += (uint64_t)n;
	}
}

struct client {
	int fd, which;
};

static void *serve(void *ctx)
{
	struct client *c = ctx;
	AC_CLOSE int fd = c->fd;
	AC_FREE char *head = ac_xcalloc(1, MAX_HEAD);
	size_t have = 0;
	struct ac_str line;
	struct ac_str method;
	struct ac_str path;
	const struct rule *r;

	while (have < MAX_HEAD - 1 && strstr(head, "\r\n\r\n") == NULL) {
		ssize_t n = recv(fd, head + have, MAX_HEAD - 1 - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
		if (head[0] == 0x16)
			break; /* TLS begins: there is no line end */
	}
	line = ac_strn(head, strcspn(head, "\r"));
	if (ac_str_ends(line, " HTTP/1.1"))
		line.len -= strlen(" HTTP/1.1");
	path = line;
	(void)ac_str_cut(&path, ' ', &method);
	note(c->which, line, head);
	drain(fd, head, have);
	r = find(method, path, head);
	if (r == NULL)
		(void)put(
			fd, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",
			strlen("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"));
	else if (r->hang)
		(void)!recv(fd, head, 1, 0);
	else
		answer(fd, r, head);
	/* Let what was sent arrive before the reset that an unread request
	 * would cause. */
	(void)shutdown(fd, SHUT_WR);
	free(c);
	return NULL;
}

static int listen_on(unsigned int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

struct listener {
	int fd, which;
};

static void *accept_all(void *ctx)
{
	const struct listener *l = ctx;

	for (;;) {
		struct client *c = ac_xcalloc(1, sizeof(*c));
		pthread_t t;

		c->fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		c->which = l->which;
		if (c->fd < 0 || pthread_create(&t, NULL, serve, c) != 0)
			die("accept");
		(void)pthread_detach(t);
	}
	return NULL;
}

static void write_ports(const char *path)
{
	AC_FREE char *tmp = ac_xasprintf("%s.new", path);
	FILE *f = fopen(tmp, "we");

	if (f == NULL)
		die(tmp);
	fprintf(f, "%u %u\n", ports[0], ports[1]);
	if (fclose(f) != 0 || rename(tmp, path) < 0)
		die(path);
}

int main(int argc, char **argv)
{
	struct listener l[2];
	pthread_t t;

	if (argc != 4) {
		fprintf(stderr, "usage: badserver SCRIPT LOG PORTS\n");
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (int i = 0; i < 2; i++)
		l[i] = (struct listener){.fd = listen_on(&ports[i]),
					 .which = i};
	read_script(argv[1]);
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		die(argv[2]);
	write_ports(argv[3]);
	if (pthread_create(&t, NULL, accept_all, &l[1]) != 0)
		die("thread");
	(void)accept_all(&l[0]);
	return 0;
}
