/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/image/name.h"
#include "common/store/ingest.h"
#include "common/store/plan.h"
#include "common/store/publish.h"
#include "common/store/record.h"
#include "common/store/scratch.h"
#include "common/sys/lock.h"

static const char *const blob_dirs[] = {"blobs/sha256", "blobs/sha512"};

/* The store for ourselves: nobody adds, nobody else collects.  A store that is
 * open to add holds it shared already. */
struct alone {
	struct ac_store *s;
	int fd;
};

static int be_alone(struct alone *a, struct ac_store *s, struct ac_err *err)
{
	int fd = s->lockfd;

	*a = (struct alone){.s = s, .fd = -1};
	if (fd < 0) {
		a->fd = fd = ac_lock_file(s->dirfd, "lock", AC_LOCK_EXCLUSIVE,
					  false, err);
		if (fd >= 0 || err->code != AC_E_BUSY)
			return fd >= 0 ? 0 : -1;
		ac_warn("waiting for those who add to '%s'", s->path);
		a->fd = ac_lock_file(s->dirfd, "lock", AC_LOCK_EXCLUSIVE, true,
				     err);
		return a->fd >= 0 ? 0 : -1;
	}
	return ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, true, "lock", err);
}

static void end_alone(struct alone *a)
{
	struct ac_err ignored;

	if (a->fd >= 0)
		(void)close(a->fd);
	else if (a->s != NULL && a->s->lockfd >= 0)
		(void)!ac_lock_fd(a->s->lockfd, AC_LOCK_SHARED, true, "lock",
				  &ignored);
}

static void blob_name(const struct ac_digest *d, char out[AC_DIGEST_TEXT])
{
	ac_digest_print(d, '/', out); /* "sha256/<hex>", below blobs/ */
}

/* What R needs: names of layers, and of blobs. */
static void need(const struct ac_record *r, struct ac_set *layers,
		 struct ac_set *blobs)
{
	AC_FREE char *flat = ac_plan_layer(r);
	char name[AC_DIGEST_TEXT];

	(void)ac_set_add(layers, flat);
	for (size_t i = 0; i < r->layers.n; i++)
		(void)ac_set_add(layers, r->layers.v[i]);
	for (size_t i = 0; i < r->n_blobs; i++) {
		blob_name(&r->blobs[i].digest, name);
		(void)ac_set_add(blobs, name);
	}
}

/* 1 with the layer's lock in *lock, 0 when it is not there. */
static int hold_layer(const struct ac_store *s, const char *name, int *lock,
		      struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("layers/%s", name);
	AC_CLOSE int fd =
		openat(s->dirfd, path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : ac_err_sys(err, errno, "open '%s'", path);
	if (ac_lock_fd(fd, AC_LOCK_EXCLUSIVE, false, path, err) < 0)
		return -1;
	*lock = ac_steal_fd(&fd);
	return 1;
}

static int remove_layer(const struct ac_store *s, const char *name,
			uint64_t *bytes, struct ac_err *err)
{
	AC_CLOSE int layers = ac_publish_dir(s, "layers", err);
	struct ac_err ignored;
	uint64_t n = 0;

	if (layers < 0)
		return -1;
	if (ac_publish_layer_bytes(s, name, &n, &ignored) == 0)
		*bytes += n;
	return ac_scratch_discard(s, layers, name, err);
}

static int remove_blob(const struct ac_store *s, const char *name,
		       uint64_t *bytes, struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("blobs/%s", name);
	struct stat st;

	if (fstatat(s->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*bytes += (uint64_t)st.st_size;
	if (unlinkat(s->dirfd, path, 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '%s/%s'", s->path, path);
	return 0;
}

/* Layers and blobs of an image that are to go, the layers held. */
struct doomed {
	struct ac_strv layers;
	int *locks;
	struct ac_strv blobs;
};

static void release_doomed(struct doomed *d)
{
	for (size_t i = 0; i < d->layers.n; i++)
		if (d->locks[i] >= 0)
			(void)close(d->locks[i]);
	free(d->locks);
	ac_strv_release(&d->layers);
	ac_strv_release(&d->blobs);
}

static int doom_layers(struct doomed *d, const struct ac_store *s,
		       const struct ac_set *mine, const struct ac_set *others,
		       struct ac_err *err)
{
	const char *name;
	size_t it = 0;

	d->locks = ac_xcalloc(ac_set_len(mine) + 1, sizeof(*d->locks));
	while ((name = ac_set_next(mine, &it)) != NULL) {
		int lock = -1;
		int r;

		if (ac_set_has(others, name))
			continue;
		r = hold_layer(s, name, &lock, err);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		d->locks[d->layers.n] = lock;
		ac_strv_push(&d->layers, name);
	}
	return 0;
}

static int doom(struct doomed *d, const struct ac_store *s,
		const struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set layers = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set blobs = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set my_layers = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set my_blobs = AC_SET_INIT;
	const char *name;
	size_t it = 0;

	if (ac_records_read(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.v[i].id, r->id) != 0)
			need(&all.v[i], &layers, &blobs);
	need(r, &my_layers, &my_blobs);
	/* Nobody knows what an unreadable record needs. */
	if (all.unreadable != 0)
		return 0;
	while ((name = ac_set_next(&my_blobs, &it)) != NULL)
		if (!ac_set_has(&blobs, name))
			ac_strv_push(&d->blobs, name);
	return doom_layers(d, s, &my_layers, &layers, err);
}

static int remove_record(const struct ac_store *s, const char *id,
			 struct ac_err *err)
{
	AC_CLOSE int images = ac_publish_dir(s, "images", err);
	AC_FREE char *name = ac_xasprintf("%s.json", id);

	if (images < 0)
		return -1;
	if (unlinkat(images, name, 0) < 0 || fsync(images) < 0)
		return ac_err_sys(err, errno, "remove '%s/images/%s'", s->path,
				  name);
	return 0;
}

static int remove_doomed(const struct ac_store *s, struct doomed *d,
			 struct ac_err *err)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < d->layers.n; i++) {
		/* Nobody can find it any more once it is moved away; our own
		 * lock would keep it from being removed there. */
		(void)close(d->locks[i]);
		d->locks[i] = -1;
		if (remove_layer(s, d->layers.v[i], &bytes, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->blobs.n; i++)
		if (remove_blob(s, d->blobs.v[i], &bytes, err) < 0)
			return -1;
	return 0;
}

static int remove_image(const struct ac_store *s, const char *id,
			struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(release_doomed) struct doomed d = {.locks = NULL};
	int got = ac_store_get(s, id, &r, err);

	if (got == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image '%s' is not in the store", id);
	/* A damaged record goes alone; collection takes the rest. */
	if (got < 0)
		return ac_image_id_ok(id, true) ? remove_record(s, id, err)
						: -1;
	if (doom(&d, s, &r, err) < 0) {
		if (err->code != AC_E_BUSY)
			return -1;
		return ac_err_set(err, AC_E_BUSY,
				  "image '%s' (%.20s) is used by a pod; remove "
				  "the pod first",
				  r.image.name, id);
	}
	if (remove_record(s, id, err) < 0)
		return -1;
	return remove_doomed(s, &d, err);
}

int ac_store_remove(struct ac_store *s, const char *id, struct ac_err *err)
{
	AC_CLEANUP(end_alone) struct alone a;

	if (be_alone(&a, s, err) < 0)
		return -1;
	return remove_image(s, id, err);
}

static int names_in(const struct ac_store *s, const char *dir,
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
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			ac_strv_push(out, de->d_name);
	return 0;
}

static int collect_layers(const struct ac_store *s, const struct ac_set *needed,
			  uint64_t *bytes, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (names_in(s, "layers", &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AC_CLOSE int lock = -1;
		int r;

		if (ac_set_has(needed, names.v[i]))
			continue;
		r = hold_layer(s, names.v[i], &lock, err);
		if (r < 0 && err->code != AC_E_BUSY)
			return -1;
		if (r <= 0)
			continue; /* a pod's: next time */
		(void)close(ac_steal_fd(&lock));
		if (remove_layer(s, names.v[i], bytes, err) < 0)
			return -1;
	}
	return 0;
}

static int collect_blobs(const struct ac_store *s, const char *dir,
			 const struct ac_set *needed, uint64_t *bytes,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (names_in(s, dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AC_FREE char *name =
			ac_xasprintf("%s/%s", dir + strlen("blobs/"),
				     names.v[i]);

		if (!ac_set_has(needed, name) &&
		    remove_blob(s, name, bytes, err) < 0)
			return -1;
	}
	return 0;
}

static int collect(const struct ac_store *s, uint64_t *bytes,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_records_release) struct ac_records all = AC_RECORDS_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set layers = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set blobs = AC_SET_INIT;

	if (ac_scratch_sweep(s, err) < 0 || ac_records_read(s, &all, err) < 0)
		return -1;
	if (all.unreadable != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%zu records in '%s/images' cannot be read, "
				  "so nobody knows what may go; remove those "
				  "images first",
				  all.unreadable, s->path);
	for (size_t i = 0; i < all.n; i++)
		need(&all.v[i], &layers, &blobs);
	if (collect_layers(s, &layers, bytes, err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(blob_dirs); i++)
		if (collect_blobs(s, blob_dirs[i], &blobs, bytes, err) < 0)
			return -1;
	return 0;
}

int ac_store_gc(struct ac_store *s, uint64_t *bytes, struct ac_err *err)
{
	AC_CLEANUP(end_alone) struct alone a;
	uint64_t freed = 0;

	if (be_alone(&a, s, err) < 0 || collect(s, &freed, err) < 0)
		return -1;
	if (bytes != NULL)
		*bytes = freed;
	return 0;
}
