/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/codec/json.h"
#include "common/store/store.h"
#include "common/sys/io.h"
#include "fetch/answer.h"
#include "fetch/cmd.h"
#include "fetch/listen.h"
#include "fetch/repos.h"
#include "fetch/site.h"
#include "fetch/v2.h"

enum {
	THREADS = 4,
	MAX_CONNECTIONS = 256, /* two descriptors each */
	IDLE = 60,             /* seconds until one is closed */
	MAX_PEM = 1 << 20,
};

const struct ac_opt serve_opts[] = {
	AC_OPT_STRING(struct serve_opts, listen, "listen", "ADDR:PORT",
		      "where to listen (default: 127.0.0.1:8080; port 0: a "
		      "free one)"),
	AC_OPT_STRING(struct serve_opts, site, "site", "DIR",
		      "serve this site, as the operand does"),
	AC_OPT_LIST(struct serve_opts, oci, "oci", "[NAME=]LAYOUT",
		    "serve an OCI layout as the repository NAME (repeat)"),
	AC_OPT_BOOL(struct serve_opts, store, "store",
		    "serve the OCI images of the store"),
	AC_OPT_STRING(struct serve_opts, cert, "tls-cert", "FILE",
		      "serve https with this certificate (PEM, chain)"),
	AC_OPT_STRING(struct serve_opts, key, "tls-key", "FILE",
		      "and its private key (PEM)"),
	AC_OPT_END,
};

const char serve_about[] =
	"DIR is a site made by 'acfetch publish', or any directory.  OCI "
	"images are\nserved below /v2/, as a registry does.  With none of "
	"DIR, --oci and --store:\nthe store.  Reading only; ends on SIGTERM or "
	"SIGINT.";

struct server {
	int site; /* -1: none */
	struct repos *repos;
	struct ac_store store;
	struct ac_buf cert, key;
	int sock;
	char *bound;
	struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(const struct server *s, const struct request *q)
{
	if (s->repos != NULL && v2_path(q->path))
		return v2_answer(s->repos, q);
	if (s->site >= 0)
		return site_answer(s->site, q);
	return answer_status(q, MHD_HTTP_NOT_FOUND);
}

/* The library calls first when the headers are there: an answer then ends the
 * connection, which is right for a request whose body nobody wants; without a
 * body it calls again, and the connection lives on. */
static enum MHD_Result handle(void *ctx, struct MHD_Connection *conn,
			      const char *url, const char *method,
			      const char *version, const char *body,
			      size_t *body_len, void **state)
{
	static int seen;
	struct request q = {.conn = conn, .method = method, .path = url};
	const char *len = request_header(&q, MHD_HTTP_HEADER_CONTENT_LENGTH);
	bool has_body =
		(len != NULL && strcmp(len, "0") != 0) ||
		request_header(&q, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;

	(void)version;
	(void)body;
	(void)body_len;
	if (*state == NULL && !has_body) {
		*state = &seen;
		return MHD_YES;
	}
	return answer(ctx, &q);
}

/* What the library complains about: broken requests, mostly. */
static void complain(void *ctx, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void complain(void *ctx, const char *fmt, va_list ap)
{
	char text[256];

	(void)ctx;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	ac_debug("http: %s", text);
}

static int read_pem(const char *path, struct ac_buf *out, struct ac_err *err)
{
	*out = AC_BUF_INIT(MAX_PEM);
	return ac_io_read_file(AT_FDCWD, path, out, err);
}

static int start(struct server *s, const struct serve_opts *o,
		 struct ac_err *err)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
			     MHD_USE_ERROR_LOG;
	static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert.p},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, s->key.p},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	bool https = o->cert != NULL;

	if (https && MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_NO)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "this libmicrohttpd was built without TLS");
	s->daemon = MHD_start_daemon(
		flags | (https ? MHD_USE_TLS : 0), 0, NULL, NULL, handle, s,
		MHD_OPTION_EXTERNAL_LOGGER, complain, NULL,
		MHD_OPTION_LISTEN_SOCKET, s->sock, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned int)THREADS, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE, MHD_OPTION_ARRAY, https ? tls : none,
		MHD_OPTION_END);
	if (s->daemon == NULL && https)
		return ac_err_set(err, AC_E_INVALID,
				  "the server did not start: are '%s' and '%s' "
				  "a certificate and its key?",
				  o->cert, o->key);
	if (s->daemon == NULL)
		return ac_err_set(err, AC_E_SYS, "the server did not start");
	s->sock = -1; /* the daemon's now */
	return 0;
}

/* Wait for SIGTERM, SIGINT or SIGHUP, which all threads have blocked. */
static void wait_for_end(const sigset_t *set)
{
	int sig;

	while (sigwait(set, &sig) != 0)
		;
	ac_debug("ending on signal %d", sig);
}

static int open_all(struct server *s, const struct serve_opts *o,
		    const char *dir, const struct globals *g,
		    struct ac_err *err)
{
	bool store = o->store || (dir == NULL && o->oci.n == 0);

	if (store && open_store(g, false, &s->store, err) < 0)
		return ac_err_ctx(err, "serve the store");
	if (store || o->oci.n != 0)
		s->repos = repos_new(store ? &s->store : NULL);
	for (size_t i = 0; i < o->oci.n; i++)
		if (repos_add_layout(s->repos, o->oci.v[i], err) < 0)
			return -1;
	if (dir != NULL) {
		s->site = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->site < 0)
			return ac_err_sys(err, errno, "open the site '%s'",
					  dir);
	}
	if (o->cert != NULL && (read_pem(o->cert, &s->cert, err) < 0 ||
				read_pem(o->key, &s->key, err) < 0))
		return -1;
	s->sock = listen_on(o->listen != NULL ? o->listen : "127.0.0.1:8080",
			    &s->bound, err);
	return s->sock < 0 ? -1 : 0;
}

static void server_release(struct server *s)
{
	if (s->daemon != NULL)
		MHD_stop_daemon(s->daemon);
	if (s->sock >= 0)
		(void)close(s->sock);
	if (s->site >= 0)
		(void)close(s->site);
	repos_free(s->repos);
	ac_store_release(&s->store);
	ac_buf_release(&s->cert);
	if (s->key.p != NULL)
		explicit_bzero(s->key.p, s->key.cap);
	ac_buf_release(&s->key);
	free(s->bound);
}

/* Where it can be reached, from now on. */
static int announce(const struct server *s, bool https, const struct globals *g,
		    struct ac_err *err)
{
	AC_FREE char *url =
		ac_xasprintf("%s://%s", https ? "https" : "http", s->bound);
	AC_JSON struct ac_json *doc = ac_json_object();

	ac_json_set_str(doc, "url", url);
	if (!g->json)
		printf("listening on %s\n", url);
	else if (ac_print_json(doc, 2, err) < 0)
		return -1;
	if (fflush(stdout) != 0)
		return ac_err_sys(err, errno, "write to standard output");
	return 0;
}

int serve_run(struct ac_call *c, struct ac_err *err)
{
	const struct serve_opts *o = c->opts;
	const char *dir = c->argc != 0 ? c->argv[0] : o->site;
	AC_CLEANUP(server_release)
	struct server s = {.site = -1, .sock = -1, .store = AC_STORE_INIT};
	sigset_t set;

	if ((o->cert == NULL) != (o->key == NULL))
		return ac_err_set(err, AC_E_USAGE,
				  "--tls-cert and --tls-key go together");
	if (c->argc != 0 && o->site != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "the site is given twice: '%s', '%s'", dir,
				  o->site);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (open_all(&s, o, dir, c->globals, err) < 0 || start(&s, o, err) < 0)
		return -1;
	if (announce(&s, o->cert != NULL, c->globals, err) < 0)
		return -1;
	wait_for_end(&set);
	return 0;
}
