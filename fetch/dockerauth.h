/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_DOCKERAUTH_H
#define AC_FETCH_DOCKERAUTH_H

/*
 * What docker login and podman login left: $REGISTRY_AUTH_FILE alone where it
 *is set, else
 *
 *	$XDG_RUNTIME_DIR/containers/auth.json	(/run/containers/UID/auth.json)
 *	~/.config/containers/auth.json		($XDG_CONFIG_HOME/...)
 *	$DOCKER_CONFIG/config.json		(~/.docker/config.json)
 *
 * in the format of containers-auth.json(5): "credHelpers", "auths" by host or
 * by host and the beginning of a path, "credsStore".  Of what these files have
 * beside that nothing is looked at.
 */

#include "common/base/attr.h"
#include "fetch/credentials.h"

struct ac_err;

/* For REPOSITORY of the registry HOST: the first file that knows it counts, in
 * it the longest fit.  Programs that know the secrets (docker-credential-NAME
 * get) are executed, for SECONDS at most.  OUT stays as it is when there is
 * none. */
AC_MUSTUSE int dockerauth_login(const char *host, const char *repository,
				unsigned int seconds, struct login *out,
				struct ac_err *err);

/* Add what they have to OUT, but for what is there already.  No program is
 * executed: such an entry has a helper.  That of "credsStore" is for "*". */
AC_MUSTUSE int dockerauth_list(struct credentials *out, struct ac_err *err);

/* The entries of one file's TEXT, called PATH. */
AC_MUSTUSE int dockerauth_parse(const char *path, const char *text, size_t len,
				struct credentials *out, struct ac_err *err);

#endif
