/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/render.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/list.h"
#include "common/store/publish.h"
#include "common/store/reap.h"
#include "common/store/root.h"
#include "common/store/scratch.h"
#include "common/store/used.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/treewr.h"

enum { MAX_PLAN = 256 << 20 };

static int write_tree(struct ac_merge *m, struct ac_treewr *w,
		      struct ac_err *err)
{
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_merge_next(m, &e, &fd, err)) > 0) {
		if (ac_interrupt_check(err) < 0 ||
		    ac_treewr_add(w, &e, err) < 0)
			return -1;
		if (e.type == AC_F_REG && ac_treewr_copy(w, fd, err) < 0)
			return -1;
	}
	return r < 0 ? -1 : ac_treewr_finish(w, err);
}

static int render(const struct ac_store *s, const struct ac_plan *p, int top,
		  int dirfd, struct ac_list *list, struct ac_err *err);

int ac_render(const struct ac_store *s, const struct ac_record *r, int dirfd,
	      struct ac_err *err)
{
	return ac_render_under(s, r, -1, dirfd, err);
}

int ac_render_under(const struct ac_store *s, const struct ac_record *r,
		    int top, int dirfd, struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;

	if (ac_plan_make(s, r, &p, err) < 0)
		return ac_err_ctx(err, "image '%s'", r->image.name);
	ac_store_touch_plan(s, &p);
	if (render(s, &p, top, dirfd, NULL, err) < 0)
		return ac_err_ctx(err, "image '%s'", r->image.name);
	return 0;
}

static int note(void *ctx, const struct ac_entry *e, const uint8_t xxh3[16],
		struct ac_err *err)
{
	return ac_list_add(ctx, e, xxh3, err);
}

/* The image whose own files TOP are is the plan's last one. */
static size_t put_on_top(const struct ac_root *from, const struct ac_plan *p,
			 int top)
{
	const struct ac_plan_image *own = &p->v[p->n - 1];

	if (top < 0)
		return from->n;
	from->layers[from->n] = (struct ac_merge_layer){
		.root = top,
		.image = from->n_images - 1,
		.only = own->filtered ? &own->only : NULL,
		.ways = &from->ways[from->n_images - 1],
	};
	return from->n + 1;
}

static int write_layers(const struct ac_root *from, size_t n, int dirfd,
			struct ac_list *list, struct ac_err *err)
{
	bool root = geteuid() == 0;
	const struct ac_treewr_opts opts = {.no_owner = !root,
					    .skip_devices = !root,
					    .note = list != NULL ? note : NULL,
					    .ctx = list};
	struct ac_merge *m = ac_merge_new(from->layers, n);
	struct ac_treewr *w = ac_treewr_new(dirfd, &opts);
	int rc = write_tree(m, w, err);

	ac_treewr_free(w);
	ac_merge_free(m);
	return rc;
}

int ac_plan_render(const struct ac_root *from, int dirfd, struct ac_err *err)
{
	return write_layers(from, from->n, dirfd, NULL, err);
}

static int render(const struct ac_store *s, const struct ac_plan *p, int top,
		  int dirfd, struct ac_list *list, struct ac_err *err)
{
	AC_CLEANUP(ac_root_release) struct ac_root from = AC_ROOT_INIT;

	if (ac_root_open(&from, s, p, err) < 0)
		return -1;
	return write_layers(&from, put_on_top(&from, p, top), dirfd, list, err);
}

int ac_extract(const struct ac_store *s, const struct ac_record *r, int dirfd,
	       struct ac_err *err)
{
	struct ac_plan_image own = {.id = r->id, .layers = r->layers};
	const struct ac_plan p = {.v = &own, .n = 1};

	ac_store_touch(s, r->id);
	return render(s, &p, -1, dirfd, NULL, err);
}

static int write_plan(int dirfd, const struct ac_plan *p, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_PLAN);
	AC_CLOSE int fd = openat(dirfd, "plan",
				 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return ac_err_sys(err, errno, "make a tree's plan");
	ac_plan_print(p, &text);
	if (ac_buf_check(&text, "the plan of the root", err) < 0)
		return -1;
	return ac_io_write_close(&fd, text.p, text.len, "a tree's plan", err);
}

/* The flattened tree as a layer in DIRFD: rootfs, files, plan. */
static int make_layer(const struct ac_store *s, const struct ac_plan *p,
		      int dirfd, struct ac_err *err)
{
	AC_CLOSE int rootfs = -1;
	AC_CLOSE int files =
		openat(dirfd, "files", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		       0644);
	AC_CLEANUP(ac_list_release) struct ac_list list = {.fd = -1};

	if (files < 0 || mkdirat(dirfd, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "make a flattened tree");
	rootfs = openat(dirfd, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open a flattened tree");
	if (ac_list_init(&list, files, err) < 0 ||
	    render(s, p, -1, rootfs, &list, err) < 0 ||
	    ac_list_finish(&list, err) < 0 || write_plan(dirfd, p, err) < 0)
		return -1;
	return ac_store_flush(s, err);
}

/* Put it in place.  One that was made by another plan goes, when no pod uses
 * it any more. */
static int place(const struct ac_store *s, const struct ac_record *r,
		 const struct ac_plan *p, int dirfd, struct ac_err *err)
{
	AC_FREE char *name = ac_plan_layer(r);
	AC_CLOSE int lock = ac_publish_lock(s, err);
	AC_CLOSE int layers = lock < 0 ? -1 : ac_publish_dir(s, "layers", err);
	int moved;

	if (layers < 0)
		return -1;
	moved = ac_publish_move(s, dirfd, "flat", "layers", name, err);
	if (moved == 0) {
		int made = ac_plan_is_made(s, r, p, err);

		if (made != 0)
			return made < 0 ? -1 : 0; /* somebody was faster */
		if (ac_scratch_discard(s, layers, name, err) < 0)
			return -1;
		moved = ac_publish_move(s, dirfd, "flat", "layers", name, err);
	}
	return moved < 0 ? -1 : ac_publish_sync(s, "layers", err);
}

/* The same in the place of one that is not right; what was there is in DIRFD
 * then. */
static int replace(const struct ac_store *s, const struct ac_record *r,
		   int dirfd, struct ac_err *err)
{
	AC_FREE char *name = ac_plan_layer(r);
	AC_CLOSE int lock = ac_publish_lock(s, err);
	AC_CLOSE int layers = lock < 0 ? -1 : ac_publish_dir(s, "layers", err);
	AC_CLOSE int old = -1;
	int held = layers < 0 ? -1 : ac_reap_hold(s, name, &old, err);

	if (held < 0)
		return -1;
	if (renameat2(dirfd, "flat", layers, name,
		      held > 0 ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
		return ac_err_sys(err, errno, "put layer '%s' in its place",
				  name);
	return ac_publish_sync(s, "layers", err);
}

static int prepare(const struct ac_store *s, const struct ac_record *r,
		   const struct ac_plan *p, bool again, struct ac_err *err)
{
	AC_CLEANUP(ac_scratch_release) struct ac_scratch d = AC_SCRATCH_INIT;
	AC_CLOSE int flat = -1;

	if (ac_scratch_open(&d, s, err) < 0)
		return -1;
	if (mkdirat(d.fd, "flat", 0755) < 0)
		return ac_err_sys(err, errno, "make a flattened tree");
	flat = openat(d.fd, "flat",
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (flat < 0)
		return ac_err_sys(err, errno, "open a flattened tree");
	if (make_layer(s, p, flat, err) < 0)
		return -1;
	return again ? replace(s, r, d.fd, err) : place(s, r, p, d.fd, err);
}

int ac_store_prepare(struct ac_store *s, const struct ac_record *r,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;
	int made;

	if (ac_plan_make(s, r, &p, err) < 0)
		return -1;
	made = p.flat ? ac_plan_is_made(s, r, &p, err) : 1;
	if (made == 0 && prepare(s, r, &p, false, err) < 0)
		return ac_err_ctx(err, "flatten image '%s'", r->image.name);
	return made < 0 ? -1 : 0;
}

int ac_store_prepare_again(struct ac_store *s, const struct ac_record *r,
			   struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;
	AC_FREE char *name = ac_plan_layer(r);
	AC_CLOSE int lock = -1;

	/* Not worth the work when it cannot be put in place. */
	if (ac_reap_hold(s, name, &lock, err) < 0)
		return -1;
	ac_own_closep(&lock);
	lock = -1;
	if (ac_plan_make(s, r, &p, err) < 0 || prepare(s, r, &p, true, err) < 0)
		return ac_err_ctx(err, "flatten image '%s'", r->image.name);
	return 0;
}
