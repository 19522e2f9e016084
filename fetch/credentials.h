/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CREDENTIALS_H
#define AC_FETCH_CREDENTIALS_H

/*
 * What servers and registries want to see: the files auth.d/NAME.json in the
 * directories of the configuration, in rkt's formats (spec/config.md), and for
 * registries the files of Docker and of containers' tools (dockerauth.h).
 *
 * Secrets go into headers and nowhere else: not into messages, arguments or
 * files.  All that holds one is wiped.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/net/http.h"
#include "common/net/registry.h"
#include "common/store/config.h"

struct ac_err;
struct globals;

enum credential_type {
	CREDENTIAL_BASIC, /* user and password */
	CREDENTIAL_OAUTH, /* a token for "Authorization: Bearer" */
	CREDENTIAL_AWS,   /* an access key, the requests are signed with */
};

/* What one host wants to see.  All owned. */
struct credential {
	enum ac_config_kind kind; /* of three: auth, dockerAuth, headers */
	enum credential_type type;
	char *host; /* "host[:port]"; of a registry "host[:port][/path]" */
	char *user, *password;  /* AWS: accessKeyID, secretAccessKey */
	char *token;            /* OAuth; AWS: the session's, or NULL */
	char *identity;         /* Docker's: buys tokens */
	char *helper;           /* Docker's: a program that knows the rest */
	char *region;           /* AWS; NULL: guessed */
	struct ac_strv headers; /* "Name: value" */
	char *file;             /* it came from */
	size_t level;           /* of its directory */
};
/* Of one repository, found in Docker's files; all owned. */
struct found_login;

struct credentials {
	struct credential *v;
	size_t n;
	struct found_login *found;
	size_t n_found;
	unsigned int seconds; /* that a helper has */
};

#define CREDENTIALS_INIT ((struct credentials){.v = NULL})
void credentials_release(struct credentials *c);
/* Add *ONE, which is taken over: in place of what an earlier directory says
 * about its host.  The same host twice in one directory is an error at PATH. */
AC_MUSTUSE int credentials_add(struct credentials *c, struct credential *one,
			       const char *path, struct ac_err *err);
void credential_release(struct credential *c);

/* Read all that the configuration has.  Missing directories hold none; a file
 * that is not as above is AC_E_INVALID, as a typing error must not turn into
 * "denied". */
AC_MUSTUSE int credentials_load(const struct globals *g,
				struct credentials *out, struct ac_err *err);
/* Take the credentials in F, an ac_config_file_fn: CTX is the credentials. */
int credentials_read(void *ctx, const struct ac_config_file *f,
		     struct ac_err *err);

/* What Docker's files have for a registry. */
struct login {
	char *user, *password, *identity, *token;
};
void login_release(struct login *l);

/* Get what REPOSITORY of the registry HOST wants, where the configuration does
 * not say: from Docker's files, by programs of others if need be.  Before this
 * process is confined, and before credentials_registry. */
AC_MUSTUSE int credentials_find(struct credentials *c, const char *host,
				const char *repository, struct ac_err *err);
/* The same for TEXT when it is a reference to an image of a registry. */
AC_MUSTUSE int credentials_find_for(struct credentials *c, const char *text,
				    struct ac_err *err);
/* What to show to it: borrowed from C. */
struct ac_registry_auth credentials_registry(struct credentials *c,
					     const char *host,
					     const char *repository);

/* How well "HOST[:PORT][/PATH]" fits REPOSITORY of the registry HOST: 0 not,
 * more is better.  Docker Hub has three names. */
size_t credentials_fit(const char *key, const char *host,
		       const char *repository);
/* Is it one of them? */
bool credentials_hub(struct ac_str host);

/* The headers for the place that X asks, an ac_http_sign_fn: CTX is the
 * credentials.  None when the URL is not https. */
int credentials_sign(void *ctx, const struct ac_http_exchange *x,
		     struct ac_strv *headers, struct ac_err *err);

#endif
