/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/epoch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "common/sys/treerd.h"

/* The newest time of what READER (taken over) reads, if later than *TIME. */
static int newest(struct ac_treerd *reader, int64_t *time, struct ac_err *err)
{
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(reader, &e, &fd, err)) > 0)
		if (e.mtime > *time)
			*time = e.mtime;
	ac_treerd_free(reader);
	return r;
}

static int set(struct work *w, int64_t time, struct ac_err *err)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", time);

	return ac_atomic_write(w->dir, "epoch", 0644, text, (size_t)n, err);
}

int epoch_get(struct work *w, int64_t *time, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64);
	uint64_t t;

	*time = -1;
	if (ac_io_read_file(w->dir, "epoch", &b, err) < 0) {
		if (err->code != AC_E_NOT_FOUND)
			return -1;
		*err = AC_ERR_INIT;
		return 0;
	}
	if (ac_num_max(ac_str_trim(ac_str(ac_buf_str(&b))), INT64_MAX, &t) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'.acbuild/epoch' holds no time");
	*time = (int64_t)t;
	return 0;
}

int epoch_begin(struct work *w, struct ac_err *err)
{
	int64_t time;

	if (epoch_get(w, &time, err) < 0)
		return -1;
	if (time >= 0)
		return 0;
	time = 0;
	return newest(ac_treerd_new(w->rootfs), &time, err) < 0
		       ? -1
		       : set(w, time, err);
}

int epoch_add(struct work *w, int dirfd, const char *name, struct ac_err *err)
{
	int64_t before;
	int64_t time;

	if (epoch_get(w, &before, err) < 0)
		return -1;
	time = before;
	if (before < 0)
		return 0;
	if (newest(ac_treerd_new_at(dirfd, name), &time, err) < 0)
		return -1;
	return time > before ? set(w, time, err) : 0;
}
