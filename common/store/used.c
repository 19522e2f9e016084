/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/used.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/plan.h"
#include "common/store/share.h"

static int open_note(const struct ac_store *s, const char *path)
{
	return openat(s->dirfd, path,
		      O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0644);
}

void ac_store_touch(const struct ac_store *s, const char *id)
{
	AC_FREE char *path = ac_xasprintf("used/%s", id);
	AC_CLOSE int fd = -1;

	if (utimensat(s->dirfd, path, NULL, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	/* Not for images of other stores, which are only read. */
	if (errno != ENOENT || !ac_store_owns(s, id))
		return;
	fd = open_note(s, path);
	if (fd < 0 && errno == ENOENT && mkdirat(s->dirfd, "used", 0755) == 0)
		fd = open_note(s, path);
	if (fd < 0)
		ac_debug("'%s/%s': %s", s->path, path, strerror(errno));
}

void ac_store_touch_plan(const struct ac_store *s, const struct ac_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		ac_store_touch(s, p->v[i].id);
}

int64_t ac_store_used(const struct ac_store *s, const struct ac_record *r)
{
	AC_FREE char *path = ac_xasprintf("used/%s", r->id);
	int64_t imported = r->imported * 1000000000 + r->imported_ns;
	int64_t used;
	struct stat st;

	if (fstatat(s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return imported;
	used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return used > imported ? used : imported;
}

void ac_store_unused(const struct ac_store *s, const char *id)
{
	AC_FREE char *path = ac_xasprintf("used/%s", id);

	if (!ac_image_id_ok(id, true))
		return;
	(void)unlinkat(s->dirfd, path, 0);
	/* And, of a member's store, its signatures. */
	for (size_t i = 0; i < AC_SHARE_SIGNATURES; i++) {
		AC_FREE char *name = ac_share_signature(id, i);

		if (unlinkat(s->dirfd, name, 0) < 0)
			return;
	}
}
