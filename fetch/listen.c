/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

enum { BACKLOG = 128 };

static void freeaddrp(struct addrinfo **p)
{
	if (*p != NULL)
		freeaddrinfo(*p);
}

static int resolve(const char *where, struct addrinfo **out, struct ac_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	AC_FREE char *host = ac_xstrdup(where);
	char *port = strrchr(host, ':');
	char *name = host;
	int r;

	if (port == NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "--listen '%s': not ADDR:PORT", where);
	*port++ = '\0';
	if (name[0] == '[' && name[strlen(name) - 1] == ']') {
		name[strlen(name) - 1] = '\0';
		name++;
	} else if (strchr(name, ':') != NULL) {
		return ac_err_set(err, AC_E_USAGE,
				  "--listen '%s': an IPv6 address goes in "
				  "brackets: [ADDR]:PORT",
				  where);
	}
	r = getaddrinfo(*name != '\0' ? name : NULL, port, &hints, out);
	if (r != 0 || *out == NULL)
		return ac_err_set(err, AC_E_USAGE, "--listen '%s': %s", where,
				  gai_strerror(r));
	return 0;
}

static int tell(const char *where, int sys, struct ac_err *err)
{
	const char *what_to_do = "";

	if (sys == EADDRINUSE)
		what_to_do = "; something listens there already: choose "
			     "another port by --listen ADDR:PORT (0: a free "
			     "one)";
	else if (sys == EACCES)
		what_to_do = "; ports below 1024 are root's: choose another by "
			     "--listen ADDR:PORT";
	else if (sys == EADDRNOTAVAIL)
		what_to_do = "; this machine has no such address";
	(void)ac_err_sys(err, sys, "listen on '%s'", where);
	return ac_err_set(err, AC_E_SYS, "listen on '%s': %s%s", where,
			  strerror(sys), what_to_do);
}

/* "127.0.0.1:8080", "[::1]:8080" */
static char *show_bound(int fd)
{
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	return ac_xasprintf(sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			    host, port);
}

int listen_on(const char *where, char **bound, struct ac_err *err)
{
	AC_CLEANUP(freeaddrp) struct addrinfo *list = NULL;
	AC_CLOSE int fd = -1;
	int one = 1;

	if (resolve(where, &list, err) < 0 || list == NULL)
		return -1;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return tell(where, errno, err);
	/* A server that ended a moment ago does not keep its port. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return tell(where, errno, err);
	*bound = show_bound(fd);
	if (*bound == NULL)
		return tell(where, errno, err);
	return ac_steal_fd(&fd);
}
