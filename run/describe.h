/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_DESCRIBE_H
#define RUN_DESCRIBE_H

/* From a pod manifest and its images to the engine's description, with
 * everything open that it needs. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/image/pod.h"
#include "run/isolator.h"
#include "run/sandbox/sandbox.h"
#include "run/volume.h"

struct ac_err;
struct ac_record;
struct ac_store;
struct pod_dir;

/* What one app's description borrows from. */
struct described_app {
	struct ac_strv env;
	struct volumes volumes;
	struct isolation isolation;
	int *layers; /* roots, top first, the skeleton last */
	int *locks;  /* that keep them in the store */
	size_t n_layers;
	int upper, work;
	uint32_t *gids;
};

struct description {
	struct ac_pod pod;
	struct sb_pod sb;
	struct sb_app *apps;
	struct described_app *data; /* as apps */
	struct isolation isolation; /* of the pod */
	struct ac_strv unenforced;
	char *name, *hostname;
	int skel; /* the shared one, or -1 */
};

#define DESCRIPTION_INIT ((struct description){.skel = -1})

/* What the command line says beside the manifest. */
struct describe_flags {
	unsigned int insecure; /* enum ac_insecure */
	bool host_net, interactive, strict, rootless;
	const char *hostname; /* NULL: acrun-UUID */
	unsigned int grace_ms;
	uint64_t pids;
};

/* Describe D->pod, which is loaded.  RECORDS are of its apps; PODS is the
 * directory of pods, DIR this pod's. */
AC_MUSTUSE int describe(struct description *d, const struct ac_store *store,
			const struct ac_record *records,
			const struct describe_flags *flags, int pods,
			const struct pod_dir *dir, struct ac_err *err);
void description_release(struct description *d);

#endif
