/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/ref.h"
#include "common/net/auth.h"
#include "common/net/url.h"
#include "common/sys/secret.h"
#include "fetch/cmd.h"
#include "fetch/dockerauth.h"
#include "fetch/sigv4.h"

enum {
	MAX_CREDENTIALS = 4096, /* each is compared with all others */
	SECONDS = 30,           /* of a helper, without --timeout */
	MAX_SECONDS = 86400,
};

struct found_login {
	char *host, *repository;
	struct login login;
};

static void forget(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void credential_release(struct credential *c)
{
	free(c->host);
	free(c->user);
	forget(&c->password);
	forget(&c->token);
	forget(&c->identity);
	free(c->helper);
	free(c->region);
	ac_strv_wipe(&c->headers);
	free(c->file);
	*c = (struct credential){.host = NULL};
}

void credentials_release(struct credentials *c)
{
	for (size_t i = 0; i < c->n; i++)
		credential_release(&c->v[i]);
	free(c->v);
	for (size_t i = 0; i < c->n_found; i++) {
		free(c->found[i].host);
		free(c->found[i].repository);
		login_release(&c->found[i].login);
	}
	free(c->found);
	*c = CREDENTIALS_INIT;
}

void login_release(struct login *l)
{
	free(l->user);
	forget(&l->password);
	forget(&l->identity);
	forget(&l->token);
	*l = (struct login){.user = NULL};
}

static struct credential *find(const struct credentials *c,
			       enum ac_config_kind kind, const char *host)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].kind == kind && strcasecmp(c->v[i].host, host) == 0)
			return &c->v[i];
	return NULL;
}

/* Not by realloc(3), which would leave what it moves behind. */
static struct credential *new_place(struct credentials *c)
{
	struct credential *more = ac_xcalloc(c->n + 1, sizeof(*more));

	if (c->n != 0)
		memcpy(more, c->v, c->n * sizeof(*more));
	free(c->v);
	c->v = more;
	return &more[c->n++];
}

/* HOST without the port that is meant where there is none. */
static struct ac_str without_port(const char *host)
{
	struct ac_str s = ac_str(host);

	return ac_str_ends(s, ":443") ? ac_strn(s.p, s.len - 4) : s;
}

/* Are both for the same, by whatever name? */
static bool same_place(const struct credential *a, const struct credential *b)
{
	struct ac_str ha = without_port(a->host);
	struct ac_str hb = without_port(b->host);

	if (a->kind != b->kind)
		return false;
	if (strcasecmp(a->host, b->host) == 0)
		return true;
	if (a->kind != AC_CONFIG_DOCKER_AUTH)
		return ha.len == hb.len && strncasecmp(ha.p, hb.p, ha.len) == 0;
	return strcmp(a->host + strcspn(a->host, "/"),
		      b->host + strcspn(b->host, "/")) == 0 &&
	       credentials_hub(ac_strn(a->host, strcspn(a->host, "/"))) &&
	       credentials_hub(ac_strn(b->host, strcspn(b->host, "/")));
}

/* What an earlier directory says about the place of ONE, or NULL; there is no
 * more than that one then. */
static struct credential *earlier(struct credentials *c,
				  const struct credential *one)
{
	struct credential *there = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++) {
		bool over =
			c->v[i].level < one->level && same_place(&c->v[i], one);

		if (over && there != NULL) {
			credential_release(&c->v[i]);
			continue;
		}
		c->v[kept] = c->v[i];
		if (over)
			there = &c->v[kept];
		kept++;
	}
	c->n = kept;
	return there;
}

int credentials_add(struct credentials *c, struct credential *one,
		    const char *path, struct ac_err *err)
{
	struct credential *there = find(c, one->kind, one->host);
	AC_FREE char *thing = NULL;

	if (there != NULL && there->level == one->level) {
		thing = ac_xasprintf("what '%s' wants", one->host);
		return ac_config_twice(path, there->file, thing, err);
	}
	there = earlier(c, one);
	if (there == NULL && c->n == MAX_CREDENTIALS)
		return ac_err_set(err, AC_E_LIMIT,
				  "there are credentials for more than %d "
				  "hosts",
				  MAX_CREDENTIALS);
	if (there != NULL)
		credential_release(there);
	else
		there = new_place(c);
	*there = *one;
	*one = (struct credential){.host = NULL};
	return 0;
}

int credentials_load(const struct globals *g, struct credentials *out,
		     struct ac_err *err)
{
	struct credentials c = CREDENTIALS_INIT;
	struct ac_config where = config(g);

	if (ac_config_each(&where, "auth.d", credentials_read, &c, err) < 0) {
		credentials_release(&c);
		return -1;
	}
	if (c.n != 0)
		ac_secret_no_core();
	c.seconds = g->timeout != 0 && g->timeout < MAX_SECONDS
			    ? (unsigned int)g->timeout
			    : SECONDS;
	*out = c;
	return 0;
}

/* --- registries --- */

bool credentials_hub(struct ac_str host)
{
	return ac_str_eq(host, "registry-1.docker.io") ||
	       ac_str_eq(host, "index.docker.io") ||
	       ac_str_eq(host, "docker.io");
}

size_t credentials_fit(const char *key, const char *host,
		       const char *repository)
{
	struct ac_str path = ac_str(key);
	struct ac_str at;
	size_t n;

	(void)ac_str_cut(&path, '/', &at);
	if (!ac_str_eq_any_case(at, host) &&
	    !(credentials_hub(at) && credentials_hub(ac_str(host))))
		return 0;
	while (path.len != 0 && path.p[path.len - 1] == '/')
		path.len--;
	n = path.len;
	if (n != 0 && (strncmp(repository, path.p, n) != 0 ||
		       (repository[n] != '\0' && repository[n] != '/')))
		return 0;
	return 1 + n;
}

/* The one that fits best.  Of two names of one registry the first counts. */
static const struct credential *find_registry(const struct credentials *c,
					      const char *host,
					      const char *repository)
{
	const struct credential *best = NULL;
	size_t fit = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t n = c->v[i].kind == AC_CONFIG_DOCKER_AUTH
				   ? credentials_fit(c->v[i].host, host,
						     repository)
				   : 0;

		if (n > fit) {
			fit = n;
			best = &c->v[i];
		}
	}
	return best;
}

static const struct login *find_login(const struct credentials *c,
				      const char *host, const char *repository)
{
	for (size_t i = 0; i < c->n_found; i++)
		if (strcmp(c->found[i].host, host) == 0 &&
		    strcmp(c->found[i].repository, repository) == 0)
			return &c->found[i].login;
	return NULL;
}

/* --- headers --- */

/* The one for the place of U. */
static const struct credential *find_place(const struct credentials *c,
					   enum ac_config_kind kind,
					   const struct ac_url *u)
{
	AC_FREE char *with_port = ac_xasprintf("%s:%s", u->host, u->port);
	const struct credential *hit = find(c, kind, with_port);

	/* A host without a port means the usual one. */
	if (hit == NULL && strcmp(u->port, "443") == 0)
		hit = find(c, kind, u->host);
	return hit;
}

/* The headers that a user wants to be there, for a registry too. */
static int sign_headers(void *ctx, const struct ac_http_exchange *x,
			struct ac_strv *headers, struct ac_err *err AC_UNUSED)
{
	const struct credential *hit;

	if (strcmp(x->url->scheme, "https") != 0)
		return 0;
	hit = find_place(ctx, AC_CONFIG_HEADERS, x->url);
	for (size_t i = 0; hit != NULL && i < hit->headers.n; i++)
		ac_strv_push(headers, hit->headers.v[i]);
	return 0;
}

static int sign_aws(const struct credential *c,
		    const struct ac_http_exchange *x, struct ac_strv *headers,
		    struct ac_err *err)
{
	AC_FREE char *guess = sigv4_region(x->url->host);
	struct sigv4 k = {.access_key = c->user,
			  .secret_key = c->password,
			  .session = c->token,
			  .region = c->region != NULL ? c->region : guess,
			  .service = "s3"};

	return sigv4_sign(&k, x, time(NULL), headers, err);
}

int credentials_sign(void *ctx, const struct ac_http_exchange *x,
		     struct ac_strv *headers, struct ac_err *err)
{
	const struct credential *hit;

	if (strcmp(x->url->scheme, "https") != 0)
		return 0;
	if (sign_headers(ctx, x, headers, err) < 0)
		return -1;
	hit = find_place(ctx, AC_CONFIG_AUTH, x->url);
	/* The user and password in a URL were given for it alone. */
	if (hit == NULL || x->url->user != NULL)
		return 0;
	if (hit->type == CREDENTIAL_AWS)
		return sign_aws(hit, x, headers, err);
	if (hit->type == CREDENTIAL_OAUTH)
		ac_strv_pushf(headers, "Authorization: Bearer %s", hit->token);
	else
		ac_strv_take(headers, ac_auth_basic(hit->user, hit->password));
	return 0;
}

int credentials_find(struct credentials *c, const char *host,
		     const char *repository, struct ac_err *err)
{
	struct found_login one = {.host = NULL};

	if (find_registry(c, host, repository) != NULL ||
	    find_login(c, host, repository) != NULL)
		return 0;
	if (dockerauth_login(host, repository, c->seconds, &one.login, err) <
	    0) {
		login_release(&one.login);
		return ac_err_ctx(err, "credentials for registry '%s'", host);
	}
	one.host = ac_xstrdup(host);
	one.repository = ac_xstrdup(repository);
	c->found = ac_xrealloc(c->found, c->n_found + 1, sizeof(*c->found));
	c->found[c->n_found++] = one;
	return 0;
}

int credentials_find_for(struct credentials *c, const char *text,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	struct ac_err later = AC_ERR_INIT;

	if (ac_ref_parse(&ref, text, &later) < 0 || ref.kind != AC_REF_DOCKER)
		return 0;
	return credentials_find(c, ref.registry, ref.repository, err);
}

struct ac_registry_auth credentials_registry(struct credentials *c,
					     const char *host,
					     const char *repository)
{
	const struct credential *hit = find_registry(c, host, repository);
	const struct login *l = find_login(c, host, repository);
	struct ac_registry_auth a = {.sign = sign_headers, .sign_ctx = c};

	if (hit != NULL) {
		a.user = hit->user;
		a.password = hit->password;
	} else if (l != NULL) {
		a.user = l->user;
		a.password = l->password;
		a.identity = l->identity;
		a.token = l->token;
	}
	return a;
}
