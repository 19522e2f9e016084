/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_AUTH_H
#define AC_NET_AUTH_H

/*
 * The Authorization header for one repository of a registry: none at first;
 * what its challenge asks for after a 401 (a bearer token from the realm it
 * names, or Basic); renewed when it grows old.  From any thread.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/net/challenge.h"
#include "common/net/http.h"

struct ac_err;
struct ac_registry_auth;

/* "Authorization: Basic ..."; PASSWORD may be NULL.  Caller frees. */
AC_MUSTUSE char *ac_auth_basic(const char *user, const char *password);

struct ac_auth {
	struct ac_http *http;
	char *registry, *repository; /* owned */
	char *user, *password;       /* owned; NULL: anonymous */
	char *identity;              /* owned; NULL: none */
	ac_http_sign_fn sign;        /* or NULL */
	void *sign_ctx;

	pthread_mutex_t mu;            /* of what follows */
	char *header;                  /* "Authorization: ..."; NULL: none */
	unsigned int generation;       /* of header */
	int64_t renew_at;              /* monotonic seconds; 0: never */
	char *realm, *service, *scope; /* to renew it */
};

/* WHO may be NULL: anonymous. */
void ac_auth_init(struct ac_auth *a, struct ac_http *http, const char *registry,
		  const char *repository, const struct ac_registry_auth *who);
void ac_auth_release(struct ac_auth *a);

/* The header to send, or *header NULL; the caller frees it.  *generation names
 * it for ac_auth_challenge. */
AC_MUSTUSE int ac_auth_header(struct ac_auth *a, char **header,
			      unsigned int *generation, struct ac_err *err);

/* R is a 401 to a request with the header GENERATION: get what it asks for,
 * unless another thread has done so.  PLAIN: the registry itself was reached by
 * http, so a realm may be.  Nothing to offer: AC_E_DENIED. */
AC_MUSTUSE int ac_auth_challenge(struct ac_auth *a, unsigned int generation,
				 const struct ac_http_response *r, bool plain,
				 struct ac_err *err);

#endif
