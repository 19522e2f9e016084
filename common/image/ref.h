/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_REF_H
#define AC_IMAGE_REF_H

/*
 * How people name images (rkt.md 1.1 "Image references"): an id or a prefix of
 * one, a file, a URL, an appc name with version and labels, a Docker
 * reference.  One grammar for all programs (spec/discovery.md, D41 to D47).
 * rkt's "cimd:TYPE:v=0:DATA" is read too and becomes one of these.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/image/manifest.h"

struct ac_err;

enum ac_ref_kind {
	AC_REF_ID,     /* "sha512-<2 to 128 hex>" */
	AC_REF_FILE,   /* "./x.aci", "/x", "x.aci", a file that exists */
	AC_REF_URL,    /* "https://host/x.aci", "file:///x.aci" is a file */
	AC_REF_NAME,   /* "example.com/app:1.0,os=linux" */
	AC_REF_DOCKER, /* "docker://[host[:port]/]name[:tag|@digest]" */
};

struct ac_ref {
	enum ac_ref_kind kind;
	char *text;             /* as given */
	char *name;             /* id, path, URL, or appc name */
	struct ac_pairs labels; /* of a name: version among them; owned */
	/* Docker: */
	char *registry;   /* "host[:port]"; docker.io's real host when absent */
	char *repository; /* "library/busybox" */
	char *tag;        /* NULL with a digest */
	char *digest;     /* "sha256:..." or NULL */
};

#define AC_REF_INIT ((struct ac_ref){.text = NULL})

/* Sort out TEXT.  Looks at the file system only to tell "x" the file from "x"
 * the name, as rkt did. */
AC_MUSTUSE int ac_ref_parse(struct ac_ref *r, const char *text,
			    struct ac_err *err);
/* The same for what can only be an appc name, whatever files there are. */
AC_MUSTUSE int ac_ref_parse_name(struct ac_ref *r, const char *text,
				 struct ac_err *err);
void ac_ref_release(struct ac_ref *r);

/* Add labels os and arch of this host where the reference names none. */
void ac_ref_default_platform(struct ac_ref *r);

/* Where *ERR says that R is not there, and R may have been meant otherwise: add
 * what it was taken for, and what to write instead.  Always -1. */
int ac_ref_explain(const struct ac_ref *r, struct ac_err *err);

/* The canonical form, one image, one spelling: "docker://host/name:tag" or
 * "...@digest"; of an appc name its version, then the other labels sorted; of
 * all others their name.  Caller frees. */
AC_MUSTUSE char *ac_ref_canonical(const struct ac_ref *r);

#endif
