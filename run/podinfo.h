/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_PODINFO_H
#define RUN_PODINFO_H

/* What the commands tell about a pod. */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/image/pod.h"
#include "run/podlog.h"

struct ac_err;
struct ac_json;
struct pod_dir;

struct pod_info {
	struct ac_pod pod; /* its manifest */
	struct pod_log log;
	int64_t created; /* nanoseconds since 1970 */
};

#define POD_INFO_INIT ((struct pod_info){.log = POD_LOG_INIT})

AC_MUSTUSE int pod_info_load(struct pod_info *i, const struct pod_dir *p,
			     struct ac_err *err);
void pod_info_release(struct pod_info *i);

/* The object that --format=json prints, in rkt's shape: pod times in seconds,
 * those of apps in nanoseconds.  Owned by the caller. */
AC_MUSTUSE struct ac_json *pod_info_json(const struct pod_info *i,
					 const struct pod_dir *p);

/* How ac_print_json is to indent for --format: "json" or "json-pretty". */
int format_indent(const char *format);
/* "", "json" and "json-pretty" are good; NULL is "". */

#endif
