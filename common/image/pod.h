/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_POD_H
#define AC_IMAGE_POD_H

/* Pod manifests (appc 0.8.11, "pods"). */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/image/manifest.h"

struct ac_volume {
	const char *name;
	bool host; /* kind host, else empty */
	const char *source;
	int read_only;    /* 1, 0, or -1 when not said */
	int recursive;    /* 1, 0, or -1 when not said */
	const char *mode; /* octal; NULL: "0755" */
	int64_t uid, gid; /* of an empty volume */
};

struct ac_pod_mount {
	const char *volume, *path;
	bool has_app_volume;
	struct ac_volume app_volume; /* in place of looking one up */
};

struct ac_pod_app {
	const char *name;
	const char *image_id, *image_name; /* name may be NULL */
	struct ac_pairs image_labels;
	bool has_app; /* .app replaces the image's wholly */
	struct ac_app app;
	bool read_only_rootfs;
	struct ac_pod_mount *mounts;
	size_t n_mounts;
	struct ac_pairs annotations;
};

struct ac_pod_port {
	const char *name;
	const char *host_ip; /* NULL: all addresses */
	unsigned int host_port;
	bool has_pod_port; /* pod_port in place of looking one up by name */
	struct ac_port pod_port;
};

struct ac_pod {
	struct ac_json *doc; /* owned */
	struct ac_pod_app *apps;
	size_t n_apps;
	struct ac_volume *volumes;
	size_t n_volumes;
	struct ac_isolator *isolators;
	size_t n_isolators;
	struct ac_pairs annotations;
	struct ac_pod_port *ports;
	size_t n_ports;
};

#define AC_POD_INIT ((struct ac_pod){.doc = NULL})

AC_MUSTUSE int ac_pod_parse(struct ac_pod *p, const char *text, size_t len,
			    struct ac_findings *f, struct ac_err *err);
AC_MUSTUSE int ac_pod_load(struct ac_pod *p, struct ac_json *doc,
			   struct ac_findings *f, struct ac_err *err);
void ac_pod_release(struct ac_pod *p);

/* One volume object; PATH says where it stands. */
AC_MUSTUSE int ac_volume_load(struct ac_volume *v, const struct ac_json *doc,
			      const char *path, struct ac_err *err);

/* The object for "NAME,kind=host,source=/x,readOnly=true" (appc.md P4).  NULL
 * on failure; the caller owns it. */
AC_MUSTUSE struct ac_json *ac_volume_from_string(const char *text,
						 struct ac_err *err);

#endif
