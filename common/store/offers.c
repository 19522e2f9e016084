/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/offers.h"

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
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/store/record.h"
#include "common/store/share.h"

enum {
	MAX_OFFERS = 1024, /* members */
	MAX_IMAGES = 4096, /* of one */
	MAX_BYTES = 64 << 20,
};

void ac_offers_release(struct ac_offers *o)
{
	for (size_t i = 0; i < o->n; i++)
		ac_store_release(&o->v[i].store);
	free(o->v);
	*o = AC_OFFERS_INIT;
}

static void passed_over(const struct ac_store *s, const char *name,
			const char *why)
{
	ac_warn("'%s/" AC_SHARE_MEMBERS "/%s' is passed over: %s", s->path,
		name, why);
}

static void add(struct ac_offers *o, const struct ac_store *s, int members,
		const char *name)
{
	AC_CLOSE int fd = -1;
	uint64_t uid;
	struct stat st;

	/* One name a user: no zeros in front. */
	if (ac_num_max(ac_str(name), UINT32_MAX - 1, &uid) < 0 ||
	    *name == '0') {
		passed_over(s, name, "it is not named as a user's number is");
		return;
	}
	fd = openat(members, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK |
			    O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		passed_over(s, name, strerror(errno));
		return;
	}
	if (st.st_uid != (uid_t)uid) {
		passed_over(s, name, "it belongs to another user");
		return;
	}
	o->v = ac_xrealloc(o->v, o->n + 1, sizeof(*o->v));
	o->v[o->n] =
		(struct ac_offer){.store = AC_STORE_INIT, .uid = (uid_t)uid};
	o->v[o->n].store.path =
		ac_xasprintf("%s/" AC_SHARE_MEMBERS "/%s", s->path, name);
	o->v[o->n++].store.dirfd = ac_steal_fd(&fd);
}

void ac_offers_open(struct ac_offers *o, const struct ac_store *s)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLOSE int fd = -1;
	const struct dirent *de;
	size_t n = 0;

	*o = AC_OFFERS_INIT;
	if (geteuid() != 0 || !ac_share_members(s, &fd) ||
	    (d = fdopendir(fd)) == NULL)
		return;
	(void)ac_steal_fd(&fd);
	while (n <= MAX_OFFERS && (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0 && ++n <= MAX_OFFERS)
			ac_strv_push(&names, de->d_name);
	if (n > MAX_OFFERS)
		ac_warn("'%s/" AC_SHARE_MEMBERS "' has more than %d entries; "
			"the rest is passed over",
			s->path, MAX_OFFERS);
	ac_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		add(o, s, dirfd(d), names.v[i]);
}

/* How much of the record is read at most; 0 when there is none. */
static uint64_t record_bytes(const struct ac_offer *by, const char *id)
{
	AC_FREE char *name = ac_xasprintf("images/%s.json", id);
	struct ac_err ignored;
	AC_CLOSE int fd = ac_store_open_file(&by->store, name, &ignored);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return st.st_size < AC_RECORD_MAX ? (uint64_t)st.st_size
					  : AC_RECORD_MAX;
}

/* The ids of up to MAX_IMAGES records. */
static void list(const struct ac_offer *by, struct ac_strv *out)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd = openat(by->store.dirfd, "images",
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					 O_NONBLOCK | O_CLOEXEC);
	const struct dirent *de;
	size_t n = 0;

	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return;
	(void)ac_steal_fd(&fd);
	while (n < MAX_IMAGES && (de = readdir(d)) != NULL) {
		struct ac_str name = ac_str(de->d_name);
		AC_FREE char *id = NULL;

		n++; /* also what is no record: there may be millions */
		if (!ac_str_ends(name, ".json"))
			continue;
		id = ac_xstrndup(name.p, name.len - strlen(".json"));
		if (ac_image_id_ok(id, true))
			ac_strv_push(out, id);
	}
	if (n == MAX_IMAGES)
		ac_warn("'%s/images' has %d entries or more; the rest is "
			"passed over",
			by->store.path, MAX_IMAGES);
	ac_strv_sort(out);
}

static int each_of(const struct ac_offer *by, ac_offers_each_fn fn, void *ctx,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	uint64_t bytes = 0;
	int rc = 0;

	list(by, &ids);
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		AC_CLEANUP(ac_record_release)
		struct ac_record r = AC_RECORD_INIT;
		struct ac_err why = AC_ERR_INIT;
		int got;

		bytes += record_bytes(by, ids.v[i]);
		if (bytes > MAX_BYTES) {
			ac_warn("'%s' has too long records; the rest is "
				"passed over",
				by->store.path);
			return 0;
		}
		got = ac_record_get(&by->store, ids.v[i], &r, &why);
		if (got < 0)
			ac_warn("'%s': %s; it is passed over", by->store.path,
				why.msg);
		else if (got > 0)
			rc = fn(ctx, by, &r, err);
	}
	return rc;
}

int ac_offers_each(const struct ac_offers *o, ac_offers_each_fn fn, void *ctx,
		   struct ac_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->n; i++)
		rc = each_of(&o->v[i], fn, ctx, err);
	return rc;
}

int ac_offers_find(const struct ac_offers *o, const char *id,
		   const struct ac_offer **by, struct ac_record *r)
{
	for (size_t i = 0; i < o->n; i++) {
		struct ac_err why = AC_ERR_INIT;
		int got = ac_record_get(&o->v[i].store, id, r, &why);

		*by = &o->v[i];
		if (got > 0)
			return 1;
		if (got < 0)
			ac_warn("'%s': %s; it is passed over",
				o->v[i].store.path, why.msg);
	}
	return 0;
}

bool ac_offers_has(const struct ac_store *s, const char *id)
{
	AC_CLEANUP(ac_offers_release) struct ac_offers o = AC_OFFERS_INIT;
	AC_FREE char *name = ac_xasprintf("images/%s.json", id);

	if (!ac_image_id_ok(id, true))
		return false;
	ac_offers_open(&o, s);
	for (size_t i = 0; i < o.n; i++) {
		struct ac_err ignored;
		AC_CLOSE int fd =
			ac_store_open_file(&o.v[i].store, name, &ignored);

		if (fd >= 0)
			return true;
	}
	return false;
}
