/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/net/registry.h"
#include "common/net/url.h"

enum {
	MAX_ANSWER = 1 << 20,
	MAX_TOKEN = 64 << 10,
	MAX_FORM = 256 << 10,
	MIN_SECONDS = 60, /* what a token lives when nobody says */
	MAX_SECONDS = 86400,
};

static int64_t now(void)
{
	return ac_clock_ms() / 1000;
}

static void lock(struct ac_auth *a)
{
	(void)pthread_mutex_lock(&a->mu);
}

static void unlock(struct ac_auth *a)
{
	(void)pthread_mutex_unlock(&a->mu);
}

void ac_auth_init(struct ac_auth *a, struct ac_http *http, const char *registry,
		  const char *repository, const struct ac_registry_auth *who)
{
	*a = (struct ac_auth){.http = http};
	a->registry = ac_xstrdup(registry);
	a->repository = ac_xstrdup(repository);
	(void)pthread_mutex_init(&a->mu, NULL);
	if (who == NULL)
		return;
	a->user = ac_xstrdup(who->user);
	a->password = ac_xstrdup(who->password);
	a->identity = ac_xstrdup(who->identity);
	a->sign = who->sign;
	a->sign_ctx = who->sign_ctx;
	if (who->token != NULL)
		a->header =
			ac_xasprintf("Authorization: Bearer %s", who->token);
}

static void forget(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void ac_auth_release(struct ac_auth *a)
{
	free(a->registry);
	free(a->repository);
	free(a->user);
	forget(&a->password);
	forget(&a->identity);
	forget(&a->header);
	free(a->realm);
	free(a->service);
	free(a->scope);
	(void)pthread_mutex_destroy(&a->mu);
}

char *ac_auth_basic(const char *user, const char *password)
{
	AC_FREE char *pair =
		ac_xasprintf("%s:%s", user, password != NULL ? password : "");
	struct ac_buf b = AC_BUF_INIT(1 << 20);

	ac_buf_adds(&b, "Authorization: Basic ");
	ac_base64_encode(&b, pair, strlen(pair));
	explicit_bzero(pair, strlen(pair));
	return ac_buf_steal(&b);
}

static void install(struct ac_auth *a, char *header, int64_t renew_at)
{
	forget(&a->header);
	a->header = header;
	a->renew_at = renew_at;
	a->generation++;
}

static void wipe_json(struct ac_json **j)
{
	ac_json_wipe(*j);
}

/* The token in an answer; its life in *seconds.  Caller frees. */
static char *read_token(const struct ac_http_response *r, int64_t *seconds,
			struct ac_err *err)
{
	AC_CLEANUP(wipe_json)
	struct ac_json *doc =
		ac_json_parse(r->body.p, r->body.len, "token", err);
	const char *token = NULL;

	if (doc == NULL)
		return NULL;
	*seconds = MIN_SECONDS;
	if (ac_json_get_str(doc, "", "token", &token, err) < 0 ||
	    (token == NULL &&
	     ac_json_get_str(doc, "", "access_token", &token, err) < 0) ||
	    ac_json_get_int(doc, "", "expires_in", seconds, err) < 0)
		return NULL;
	if (token == NULL || token[0] == '\0' || strlen(token) > MAX_TOKEN) {
		ac_err_set(err, AC_E_INVALID, "there is no token in it");
		return NULL;
	}
	/* It becomes part of a header. */
	for (const char *c = token; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f) {
			ac_err_set(err, AC_E_INVALID,
				   "the token has characters that no token "
				   "has");
			return NULL;
		}
	}
	return ac_xstrdup(token);
}

static char *token_url(const struct ac_auth *a)
{
	struct ac_str scopes = ac_str(a->scope);
	char *url = a->service != NULL
			    ? ac_url_with_query(a->realm, "service", a->service)
			    : ac_xstrdup(a->realm);

	while (scopes.len != 0) {
		AC_FREE char *before = url;
		AC_FREE char *one = NULL;
		struct ac_str s;

		(void)ac_str_cut(&scopes, ' ', &s);
		one = ac_xstrndup(s.p, s.len);
		url = ac_url_with_query(before, "scope", one);
	}
	return url;
}

/* A token goes back over the same kind of road as it came, and so does the
 * password that it is fetched with. */
static int check_realm(const struct ac_auth *a, bool plain, struct ac_err *err)
{
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;

	if (ac_url_parse(&u, a->realm, err) < 0)
		return -1;
	if (strcmp(u.scheme, "https") == 0 || ac_http_allows_http(a->http))
		return 0;
	if (plain && ac_url_host_is_loopback(u.host))
		return 0;
	return ac_err_set(err, AC_E_DENIED,
			  "registry '%s' wants a token from '%s' by plain "
			  "http, which is refused",
			  a->registry, u.host);
}

static void add_field(struct ac_buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	ac_buf_addf(b, "%s%s=", b->len != 0 ? "&" : "", name);
	ac_url_encode(b, ac_str(value), false);
}

/* Ask the realm as a browser would: by what its URL says, and the password. */
static int ask_by_url(struct ac_auth *a, bool plain, struct ac_http_response *r,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_strv_wipe) struct ac_strv headers = AC_STRV_INIT;
	AC_FREE char *url = token_url(a);
	struct ac_http_request q = {.url = url,
				    .headers = &headers,
				    .sign = a->sign,
				    .sign_ctx = a->sign_ctx,
				    .max_body = MAX_ANSWER,
				    .allow_http = plain};

	if (a->user != NULL && a->password != NULL)
		ac_strv_take(&headers, ac_auth_basic(a->user, a->password));
	return ac_http_do(a->http, &q, r, err);
}

/* Ask it with the identity token: OAuth 2 (RFC 6749, section 6). */
static int ask_by_identity(struct ac_auth *a, bool plain,
			   struct ac_http_response *r, struct ac_err *err)
{
	struct ac_buf form = AC_BUF_INIT(MAX_FORM);
	struct ac_http_request q = {.url = a->realm,
				    .method = "POST",
				    .sign = a->sign,
				    .sign_ctx = a->sign_ctx,
				    .max_body = MAX_ANSWER,
				    .allow_http = plain};
	int ret;

	(void)!ac_buf_room(&form, MAX_FORM);
	add_field(&form, "grant_type", "refresh_token");
	add_field(&form, "client_id", "acutils");
	add_field(&form, "service", a->service);
	add_field(&form, "scope", a->scope);
	add_field(&form, "refresh_token", a->identity);
	ret = ac_buf_check(&form, "a request for a token", err);
	q.body = ac_buf_str(&form);
	if (ret == 0)
		ret = ac_http_do(a->http, &q, r, err);
	if (form.p != NULL)
		explicit_bzero(form.p, form.cap);
	ac_buf_release(&form);
	return ret;
}

static int no_token(const struct ac_auth *a, const struct ac_http_response *r,
		    struct ac_err *err)
{
	bool refused = r->status == 401 || r->status == 403 ||
		       (r->status == 400 && a->identity != NULL);

	if (!refused)
		return ac_err_set(err, AC_E_NET,
				  "token for registry '%s': status %ld",
				  a->registry, r->status);
	return ac_err_set(err, AC_E_DENIED,
			  "registry '%s' gives no token for '%s' (status "
			  "%ld)%s",
			  a->registry, a->repository, r->status,
			  a->identity != NULL ? "; the identity token may have "
						"ended: log in anew"
			  : a->user != NULL   ? "; check the user and password"
					      : "; it may want credentials");
}

/* Get a token from the realm.  The lock is held: others wait for it. */
static int fetch_token(struct ac_auth *a, bool plain, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	AC_FREE char *token = NULL;
	int64_t seconds = 0;
	int ret;

	if (check_realm(a, plain, err) < 0)
		return -1;
	ret = a->identity != NULL ? ask_by_identity(a, plain, &r, err)
				  : ask_by_url(a, plain, &r, err);
	/* Token servers need not know OAuth 2. */
	if (ret == 0 && a->identity != NULL && a->password != NULL &&
	    (r.status == 404 || r.status == 405)) {
		ac_http_response_release(&r);
		ret = ask_by_url(a, plain, &r, err);
	}
	if (ret < 0)
		return ac_err_ctx(err, "token for registry '%s'", a->registry);
	if (r.status != 200)
		return no_token(a, &r, err);
	token = read_token(&r, &seconds, err);
	if (r.body.p != NULL)
		explicit_bzero(r.body.p, r.body.len);
	if (token == NULL)
		return ac_err_ctx(err, "token for registry '%s'", a->registry);
	if (seconds < MIN_SECONDS)
		seconds = MIN_SECONDS;
	if (seconds > MAX_SECONDS)
		seconds = MAX_SECONDS;
	install(a, ac_xasprintf("Authorization: Bearer %s", token),
		now() + seconds * 4 / 5);
	explicit_bzero(token, strlen(token));
	return 0;
}

int ac_auth_header(struct ac_auth *a, char **header, unsigned int *generation,
		   struct ac_err *err)
{
	int ret = 0;

	lock(a);
	if (a->renew_at != 0 && now() >= a->renew_at)
		ret = fetch_token(a, strncmp(a->realm, "https:", 6) != 0, err);
	*header = ac_xstrdup(a->header);
	*generation = a->generation;
	unlock(a);
	return ret;
}

static int answer(struct ac_auth *a, const struct ac_challenges *c, bool plain,
		  struct ac_err *err)
{
	const struct ac_challenge *bearer = ac_challenges_find(c, "bearer");

	if (bearer != NULL && bearer->realm != NULL) {
		free(a->realm);
		free(a->service);
		free(a->scope);
		a->realm = ac_xstrdup(bearer->realm);
		a->service = ac_xstrdup(bearer->service);
		a->scope = bearer->scope != NULL
				   ? ac_xstrdup(bearer->scope)
				   : ac_xasprintf("repository:%s:pull",
						  a->repository);
		return fetch_token(a, plain, err);
	}
	if (ac_challenges_find(c, "basic") == NULL)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "registry '%s' asks for credentials in a way "
				  "that is not supported",
				  a->registry);
	if (a->user == NULL)
		return ac_err_set(err, AC_E_DENIED,
				  "registry '%s' wants a user and a password; "
				  "they go into a file in auth.d",
				  a->registry);
	install(a, ac_auth_basic(a->user, a->password), 0);
	return 0;
}

int ac_auth_challenge(struct ac_auth *a, unsigned int generation,
		      const struct ac_http_response *r, bool plain,
		      struct ac_err *err)
{
	struct ac_challenges c = AC_CHALLENGES_INIT;
	int ret = 0;

	for (size_t i = 0; i < r->headers.n; i++)
		if (strncmp(r->headers.v[i], "www-authenticate: ", 18) == 0)
			ac_challenges_add(&c, r->headers.v[i] + 18);
	lock(a);
	if (a->generation == generation)
		ret = answer(a, &c, plain, err);
	unlock(a);
	ac_challenges_release(&c);
	return ret;
}
