/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/store/ocidir.h"
#include "common/store/plan.h"
#include "common/store/publish.h"
#include "common/store/scratch.h"
#include "common/store/used.h"
#include "common/store/webcache.h"
#include "common/sys/lock.h"
#include "common/sys/tree.h"

enum { BATCH = 256 }; /* locks held before a flush */

static const char *const rest_dirs[] = {"layers", "blobs/sha256",
					"blobs/sha512"};

/* The store for ourselves: nobody adds, nobody else collects.  A store that is
 * open to add holds it shared already. */
static int be_alone(struct ac_reaper *r, struct ac_err *err)
{
	struct ac_store *s = r->s;

	if (s->dirfd < 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "there is no store in '%s'", s->path);
	if (s->lockfd >= 0)
		return ac_lock_fd(s->lockfd, AC_LOCK_EXCLUSIVE, true, "lock",
				  err);
	if (faccessat(s->dirfd, "images", W_OK, AT_EACCESS) < 0 &&
	    (errno == EACCES || errno == EROFS))
		return ac_err_sys(err, errno,
				  "remove from the store '%s', which you may "
				  "only read: its owner does that",
				  s->path);
	r->lock = ac_lock_file(s->dirfd, "lock", AC_LOCK_EXCLUSIVE, false, err);
	if (r->lock >= 0 || err->code != AC_E_BUSY)
		return r->lock >= 0 ? 0 : -1;
	ac_warn("waiting for those who add to '%s'", s->path);
	r->lock = ac_lock_file(s->dirfd, "lock", AC_LOCK_EXCLUSIVE, true, err);
	return r->lock >= 0 ? 0 : -1;
}

static void end_alone(struct ac_reaper *r)
{
	struct ac_err ignored;

	if (r->lock >= 0)
		(void)close(ac_steal_fd(&r->lock));
	else if (r->s != NULL && r->s->lockfd >= 0)
		(void)!ac_lock_fd(r->s->lockfd, AC_LOCK_SHARED, true, "lock",
				  &ignored);
}

/* What R needs, each once. */
static void needs(const struct ac_record *r, struct ac_set *out)
{
	AC_FREE char *flat = ac_plan_layer(r);
	char name[AC_DIGEST_TEXT];
	char path[AC_DIGEST_TEXT + 8];

	(void)snprintf(path, sizeof(path), "layers/%s", flat);
	(void)ac_set_add(out, path);
	for (size_t i = 0; i < r->layers.n; i++) {
		(void)snprintf(path, sizeof(path), "layers/%s", r->layers.v[i]);
		(void)ac_set_add(out, path);
	}
	for (size_t i = 0; i < r->n_blobs; i++) {
		ac_digest_print(&r->blobs[i].digest, '/', name);
		(void)snprintf(path, sizeof(path), "blobs/%s", name);
		(void)ac_set_add(out, path);
	}
}

static uint64_t size_of(const struct ac_store *s, const char *name)
{
	struct ac_err ignored;
	uint64_t bytes = 0;
	struct stat st;

	if (strncmp(name, "layers/", 7) == 0)
		return ac_publish_layer_bytes(s, name + 7, &bytes, &ignored) ==
				       0
			       ? bytes
			       : 0;
	return fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
		       ? (uint64_t)st.st_size
		       : 0;
}

static struct ac_reap_ref *ref_of(const struct ac_reaper *r, const char *name)
{
	return ac_map_get(&r->refs, name, strlen(name));
}

static struct ac_reap_ref *new_ref(struct ac_reaper *r, const char *name)
{
	size_t len = strlen(name);
	struct ac_reap_ref *ref = ac_xcalloc(1, sizeof(*ref) + len + 1);

	memcpy(ref->name, name, len);
	if (r->sized)
		ref->bytes = size_of(r->s, name);
	ref->next = r->list;
	r->list = ref;
	ac_map_put(&r->refs, ref->name, len, ref);
	return ref;
}

static void count(struct ac_reaper *r, const struct ac_set *names, bool add)
{
	const char *name;
	size_t it = 0;

	while ((name = ac_set_next(names, &it)) != NULL) {
		struct ac_reap_ref *ref = ref_of(r, name);

		if (ref == NULL && add)
			ref = new_ref(r, name);
		if (ref == NULL)
			continue;
		if (add && ref->users++ == 0)
			r->total += ref->bytes;
		else if (!add && ref->users != 0 && --ref->users == 0)
			r->total -= ref->bytes;
	}
}

int ac_reaper_open(struct ac_reaper *r, struct ac_store *s, bool sized,
		   struct ac_err *err)
{
	r->s = s;
	r->sized = sized;
	r->flushed = true;
	if (be_alone(r, err) < 0) {
		r->s = NULL;
		return -1;
	}
	if (ac_records_read(s, &r->all, err) < 0)
		return -1;
	for (size_t i = 0; i < r->all.n; i++) {
		AC_CLEANUP(ac_set_release) struct ac_set mine = AC_SET_INIT;

		needs(&r->all.v[i], &mine);
		count(r, &mine, true);
	}
	return 0;
}

void ac_reaper_release(struct ac_reaper *r)
{
	for (size_t i = 0; i < r->going.n; i++)
		ac_own_closep(&r->locks[i]);
	free(r->locks);
	ac_strv_release(&r->going);
	while (r->list != NULL) {
		struct ac_reap_ref *next = r->list->next;

		free(r->list);
		r->list = next;
	}
	ac_map_release(&r->refs);
	ac_records_release(&r->all);
	end_alone(r);
	*r = AC_REAPER_INIT;
}

int ac_reap_hold(const struct ac_store *s, const char *name, int *lock,
		 struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("layers/%s", name);
	AC_CLOSE int fd =
		openat(s->dirfd, path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		return 1; /* of no use to anybody */
	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : ac_err_sys(err, errno, "open '%s'", path);
	if (ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, false, path, err) < 0)
		return -1;
	*lock = ac_steal_fd(&fd);
	return 1;
}

static void push_going(struct ac_reaper *r, const char *name, int lock)
{
	r->locks = ac_xrealloc(r->locks, r->going.n + 1, sizeof(*r->locks));
	r->locks[r->going.n] = lock;
	ac_strv_push(&r->going, name);
}

static void drop_going(struct ac_reaper *r, size_t from)
{
	while (r->going.n > from) {
		r->going.n--;
		ac_own_closep(&r->locks[r->going.n]);
		free(r->going.v[r->going.n]);
		r->going.v[r->going.n] = NULL;
	}
}

/* Have those of NAMES that nobody needs any more ready to go. */
static int doom(struct ac_reaper *r, const struct ac_set *names,
		struct ac_err *err)
{
	const char *name;
	size_t it = 0;

	while ((name = ac_set_next(names, &it)) != NULL) {
		const struct ac_reap_ref *ref = ref_of(r, name);
		int lock = -1;
		int held = 1;

		if (ref != NULL && ref->users != 0)
			continue;
		if (strncmp(name, "layers/", 7) == 0)
			held = ac_reap_hold(r->s, name + 7, &lock, err);
		if (held < 0)
			return -1;
		if (held > 0)
			push_going(r, name, lock);
	}
	return 0;
}

static int hold_top(struct ac_reaper *r, const struct ac_record *rec,
		    struct ac_err *err)
{
	int lock = -1;
	int held =
		rec->layers.n == 0
			? 0
			: ac_reap_hold(r->s, rec->layers.v[rec->layers.n - 1],
				       &lock, err);

	if (held > 0)
		ac_own_closep(&lock);
	return held < 0 ? -1 : 0;
}

int ac_reaper_record(struct ac_reaper *r, const char *id, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("images/%s.json", id);

	if (r->tell != NULL)
		r->tell(r->ctx, AC_GONE_IMAGE, id, 0);
	if (r->dry)
		return 0;
	if (unlinkat(r->s->dirfd, name, 0) < 0)
		return ac_err_sys(err, errno, "remove '%s/%s'", r->s->path,
				  name);
	ac_store_unused(r->s, id);
	r->flushed = false;
	r->changed = true;
	return 0;
}

static int flush(struct ac_reaper *r, struct ac_err *err);

int ac_reaper_take(struct ac_reaper *r, const struct ac_record *rec,
		   bool careful, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set mine = AC_SET_INIT;
	size_t from = r->going.n;

	/* Nobody knows what an unreadable record needs. */
	if (r->all.unreadable != 0)
		return ac_reaper_record(r, rec->id, err);
	if (careful && hold_top(r, rec, err) < 0)
		return -1;
	needs(rec, &mine);
	count(r, &mine, false);
	if (doom(r, &mine, err) < 0 || ac_reaper_record(r, rec->id, err) < 0) {
		drop_going(r, from);
		count(r, &mine, true);
		return -1;
	}
	return r->going.n > BATCH ? flush(r, err) : 0;
}

static int remove_layer(struct ac_reaper *r, const char *name,
			struct ac_err *err)
{
	AC_CLOSE int layers = ac_publish_dir(r->s, "layers", err);

	return layers < 0 ? -1 : ac_scratch_discard(r->s, layers, name, err);
}

static int remove_one(struct ac_reaper *r, const char *name, struct ac_err *err)
{
	bool layer = strncmp(name, "layers/", 7) == 0;
	uint64_t bytes = size_of(r->s, name);

	r->freed += bytes;
	if (r->tell != NULL)
		r->tell(r->ctx, layer ? AC_GONE_LAYER : AC_GONE_BLOB,
			strchr(name, '/') + 1, bytes);
	if (r->dry)
		return 0;
	if (layer)
		return remove_layer(r, name + 7, err);
	return ac_tree_remove(r->s->dirfd, name, err);
}

static int flush(struct ac_reaper *r, struct ac_err *err)
{
	/* The records first: one on the disk speaks of nothing missing. */
	if (!r->flushed && ac_publish_sync(r->s, "images", err) < 0)
		return -1;
	if (!r->flushed && ac_webcache_forget(r->s, err) < 0)
		return -1;
	r->flushed = true;
	for (size_t i = 0; i < r->going.n; i++) {
		/* Nobody can find it any more once it is moved away; our own
		 * lock would keep it from being removed there. */
		ac_own_closep(&r->locks[i]);
		r->locks[i] = -1;
		if (remove_one(r, r->going.v[i], err) < 0)
			return -1;
	}
	drop_going(r, 0);
	return 0;
}

int ac_reaper_flush(struct ac_reaper *r, struct ac_err *err)
{
	if (flush(r, err) < 0)
		return -1;
	if (r->changed)
		ac_ocidir_update(r->s);
	r->changed = false;
	return 0;
}

int ac_reap_names(const struct ac_store *s, const char *dir,
		  struct ac_strv *out, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd = ac_publish_dir(s, dir, err);
	const struct dirent *de;

	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (d == NULL)
		return ac_err_sys(err, errno, "read '%s/%s'", s->path, dir);
	(void)ac_steal_fd(&fd);
	while (errno = 0, (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			ac_strv_push(out, de->d_name);
	return errno == 0
		       ? 0
		       : ac_err_sys(err, errno, "read '%s/%s'", s->path, dir);
}

static int rest_of(struct ac_reaper *r, const char *dir, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (ac_reap_names(r->s, dir, &names, err) < 0)
		return -1;
	ac_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		AC_FREE char *name = ac_xasprintf("%s/%s", dir, names.v[i]);
		const struct ac_reap_ref *ref = ref_of(r, name);
		int lock = -1;
		int held = 1;

		if (ref != NULL && (ref->users != 0 || r->dry))
			continue;
		if (strcmp(dir, "layers") == 0)
			held = ac_reap_hold(r->s, names.v[i], &lock, err);
		if (held < 0 && err->code != AC_E_BUSY)
			return -1;
		if (held <= 0)
			continue; /* a pod's: next time */
		ac_own_closep(&lock);
		if (remove_one(r, name, err) < 0)
			return -1;
	}
	return 0;
}

/* Notes about images that are gone. */
static void forget_gone(struct ac_reaper *r)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	struct ac_err ignored;

	if (ac_reap_names(r->s, "used", &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		AC_FREE char *record =
			ac_xasprintf("images/%s.json", names.v[i]);

		if (faccessat(r->s->dirfd, record, F_OK, 0) < 0 &&
		    errno == ENOENT)
			ac_store_unused(r->s, names.v[i]);
	}
}

static int rest(struct ac_reaper *r, struct ac_err *err)
{
	if (r->all.unreadable != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%zu records in '%s/images' cannot be read, "
				  "so nobody knows what may go; remove those "
				  "images first",
				  r->all.unreadable, r->s->path);
	for (size_t i = 0; i < AC_LEN(rest_dirs); i++)
		if (rest_of(r, rest_dirs[i], err) < 0)
			return -1;
	if (!r->dry)
		forget_gone(r);
	return 0;
}

static void partial_gone(void *ctx, const char *name, uint64_t bytes)
{
	struct ac_reaper *r = ctx;

	r->freed += bytes;
	if (r->tell != NULL)
		r->tell(r->ctx, AC_GONE_PARTIAL, name, bytes);
}

static int sweep(struct ac_reaper *r, struct ac_err *err)
{
	const struct ac_partial_sweep old = {.grace = r->grace,
					     .dry = r->dry,
					     .tell = partial_gone,
					     .ctx = r};

	if (!r->dry && ac_scratch_sweep(r->s, err) < 0)
		return -1;
	if (ac_partial_sweep(r->s, &old, err) < 0)
		return -1;
	return r->dry ? 0 : ac_webcache_forget(r->s, err);
}

int ac_reaper_rest(struct ac_reaper *r, struct ac_err *err)
{
	struct ac_err other;
	int rc = rest(r, err);

	/* Last, for what could not be removed on the way lies there too. */
	if (sweep(r, rc == 0 ? err : &other) < 0)
		rc = -1;
	return rc;
}
