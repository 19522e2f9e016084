/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PUBLISH_H
#define AC_FETCH_PUBLISH_H

/* acfetch publish: a directory of images that any web server can serve, found
 * by appc discovery. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/cli/prog.h"
#include "common/image/manifest.h"

struct ac_err;

struct publish_opts {
	const char *url;           /* --url: where the directory will be */
	struct ac_strv keys;       /* --key: files of public keys */
	struct ac_strv signatures; /* --signature: of the one image */
	bool allow_unsigned;       /* --allow-unsigned */
	const char *passphrase_fd; /* --passphrase-fd: of encrypted images */
};

extern const struct ac_opt publish_opts[];
extern const char publish_about[];

int publish_run(struct ac_call *c, struct ac_err *err);

/* What a file of the site is called, and is about.  Owned. */
struct entry {
	char *name, *version; /* version NULL: the image has none */
	char *os, *arch;
	char *path; /* "example.com/app-1.0.0-linux-amd64.aci" */
};
void entry_release(struct entry *e);

/* The entry for an image: where in the site it goes.  Fails when os or arch is
 * missing, or a label could not be part of a file name and a URL. */
AC_MUSTUSE int entry_of(const struct ac_image *m, struct entry *e,
			struct ac_err *err);

/* The path of E with "latest" for its version.  Caller frees. */
AC_MUSTUSE char *entry_latest(const struct entry *e);

#define PUBLISH_TEMPLATE "{name}-{version}-{os}-{arch}.{ext}"

#endif
