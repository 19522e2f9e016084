/* SPDX-License-Identifier: Apache-2.0 */
/* Trees into layers: the top one, or all of them as one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/epoch.h"
#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/codec/zip.h"
#include "common/image/aci.h"
#include "common/image/oci.h"
#include "common/image/ocilayout.h"
#include "common/store/merge.h"
#include "common/store/stack.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"
#include "common/sys/treerd.h"

enum { OUT_SIZE = 256 << 10 };

/* A layer being packed: tar -> digest of it, compressed -> blob. */
struct pack {
	struct ac_ocilayout layout;
	struct ac_aci_build how;
	struct ac_tar_writer *tar;
	struct ac_zipper *zip;
	struct ac_buf out;     /* small pieces on their way to the blob */
	struct ac_stack below; /* of who cannot know owners; else empty */
	size_t entries;
	int64_t newest;
};

static void release(struct pack *p)
{
	ac_tar_writer_free(p->tar);
	ac_zipper_free(p->zip);
	ac_buf_release(&p->out);
	ac_ocilayout_release(&p->layout);
}

static int flush(struct pack *p, struct ac_err *err)
{
	if (p->out.len != 0 &&
	    ac_ocilayout_sink(&p->layout, p->out.p, p->out.len, err) < 0)
		return -1;
	ac_buf_reset(&p->out);
	return 0;
}

static int to_blob(void *ctx, const void *bytes, size_t n, struct ac_err *err)
{
	struct pack *p = ctx;

	if (p->out.len + n > OUT_SIZE && flush(p, err) < 0)
		return -1;
	if (n >= OUT_SIZE)
		return ac_ocilayout_sink(&p->layout, bytes, n, err);
	ac_buf_add(&p->out, bytes, n);
	return 0;
}

static int to_zipper(void *ctx, const void *bytes, size_t n, struct ac_err *err)
{
	struct pack *p = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	return ac_zipper_feed(p->zip, bytes, n, err);
}

static int pack_open(struct pack *p, struct work *w,
		     const struct ac_aci_build *how, struct ac_err *err)
{
	*p = (struct pack){.layout = AC_OCILAYOUT_INIT,
			   .out = AC_BUF_INIT(OUT_SIZE),
			   .newest = -1};
	if (how != NULL)
		p->how = *how;
	else if (ac_buildopt(&p->how, NULL, 0, err) < 0)
		return -1;
	/* The user's word goes before ours. */
	if (p->how.max_mtime < 0 && epoch_get(w, &p->how.max_mtime, err) < 0)
		return -1;
	if (ac_ocilayout_attach(&p->layout, w->aci, err) < 0)
		return -1;
	p->zip = ac_zipper_new(p->how.zip, p->how.level, to_blob, p);
	ac_zipper_hash(p->zip, AC_SHA256);
	p->tar = ac_tar_writer_new(to_zipper, p);
	return 0;
}

/* The blob is complete.  Its descriptor, with diffID; owned by the caller. */
static struct ac_json *pack_end(struct pack *p, struct ac_err *err)
{
	char text[AC_DIGEST_TEXT];
	struct ac_digest diff;
	struct ac_digest blob;
	struct ac_json *desc;
	uint64_t size;

	if (ac_zipper_finish(p->zip, err) < 0 || flush(p, err) < 0 ||
	    ac_ocilayout_blob_end(&p->layout, &blob, &size, err) < 0)
		return NULL;
	ac_zipper_digest(p->zip, &diff);
	ac_digest_print(&diff, ':', text);
	desc = oci_descriptor(p->how.zip == AC_ZIP_GZIP ? AC_OCI_LAYER_GZ
							: AC_OCI_LAYER,
			      &blob, size);
	ac_json_set_str(desc, "diffID", text);
	return desc;
}

static int add(struct pack *p, struct ac_entry *e, int fd, struct ac_err *err)
{
	if (p->how.owner_root) {
		e->uid = 0;
		e->gid = 0;
	}
	if (p->how.max_mtime >= 0 && e->mtime >= p->how.max_mtime) {
		e->mtime = p->how.max_mtime;
		e->mtime_ns = 0;
	}
	if (e->mtime > p->newest)
		p->newest = e->mtime;
	p->entries += e->path[0] != '\0';
	if (ac_tar_add(p->tar, e, err) < 0)
		return -1;
	return fd >= 0 ? ac_tar_write_fd(p->tar, fd, err) : 0;
}

/* An empty file that is a mark. */
static int add_mark(struct pack *p, const char *path, struct ac_err *err)
{
	struct ac_entry e = {.type = AC_F_REG,
			     .path = path,
			     .mtime = build_time()};

	p->entries++;
	return ac_tar_add(p->tar, &e, err);
}

static int refuse_name(const char *path, struct ac_err *err)
{
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "'%s': OCI takes names that begin with '.wh.' for "
			  "removed files",
			  path);
}

static bool reserved(const char *path)
{
	return strncmp(path, ".wh.", 4) == 0 || strstr(path, "/.wh.") != NULL;
}

/* Is the entry E overlay's mark of a removed file?  The kernel makes one such
 * device and links the others to it. */
static bool is_whiteout(int root, const struct ac_entry *e)
{
	struct ac_err ignored = AC_ERR_INIT;
	AC_CLOSE int fd = -1;
	struct stat st;

	if (e->type == AC_F_CHR)
		return e->dev_major == 0 && e->dev_minor == 0;
	if (e->type != AC_F_HARD)
		return false;
	fd = ac_at_open(root, e->path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
			&ignored);
	return fd >= 0 && fstat(fd, &st) == 0 && ac_stack_whiteout(&st);
}

/* Is the directory E on the way to others alone?  Without an entry it keeps the
 * owner it has below, which a user who is not root could not give it. */
static int is_way(const struct pack *p, const struct ac_entry *e,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	int r;

	if (p->below.n == 0 || e->type != AC_F_DIR || e->path[0] == '\0')
		return 0;
	r = ac_stack_find(&p->below, e->path, false, &h, err);
	if (r <= 0)
		return r;
	return S_ISDIR(h.st.st_mode) && (h.st.st_mode & 07777) == e->mode;
}

/* What overlay marks in the top layer's tree, a layer marks by names. */
static int add_top(struct pack *p, int root, struct ac_entry *e, int fd,
		   struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	AC_FREE char *path = NULL;
	bool opaque;
	int way;

	if (reserved(e->path))
		return refuse_name(e->path, err);
	if (is_whiteout(root, e)) {
		ac_path_split(e->path, &dir, &base);
		path = ac_xasprintf("%.*s%s.wh.%.*s", AC_STR_FMT(dir),
				    dir.len != 0 ? "/" : "", AC_STR_FMT(base));
		return add_mark(p, path, err);
	}
	opaque = e->type == AC_F_DIR && e->path[0] != '\0' &&
		 ac_stack_opaque(root, e->path);
	way = opaque ? 0 : is_way(p, e, err);
	if (way != 0)
		return way < 0 ? -1 : 0;
	if (add(p, e, fd, err) < 0)
		return -1;
	if (!opaque)
		return 0;
	path = ac_path_join(e->path, ".wh..wh..opq");
	return add_mark(p, path, err);
}

static int pack_top(struct pack *p, int root, bool lowest, struct ac_err *err)
{
	struct ac_treerd *rd = ac_treerd_new(root);
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(rd, &e, &fd, err)) > 0) {
		/* Above others, the root is theirs. */
		if (e.path[0] == '\0' && !lowest)
			continue;
		if (add_top(p, root, &e, fd, err) < 0) {
			r = -1;
			break;
		}
	}
	ac_treerd_free(rd);
	return r == 0 ? ac_tar_finish(p->tar, err) : -1;
}

/* The sockets in the directory PATH go; its directories go to TODO. */
static int drop_in(int root, const char *path, struct ac_strv *todo,
		   struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		ac_at_open(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			   err);
	const struct dirent *de;
	struct stat st;

	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return fd < 0 ? -1 : ac_err_sys(err, errno, "read '%s'", path);
	(void)ac_steal_fd(&fd);
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ac_err_sys(err, errno, "stat '%s'", de->d_name);
		if (S_ISDIR(st.st_mode))
			ac_strv_take(todo, ac_path_join(path, de->d_name));
		else if (S_ISSOCK(st.st_mode) &&
			 unlinkat(dirfd(d), de->d_name, 0) < 0)
			return ac_err_sys(err, errno, "remove the socket '%s'",
					  de->d_name);
	}
	return 0;
}

/* No image can hold the sockets that a command left. */
static int drop_sockets(int root, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv todo = AC_STRV_INIT;

	ac_strv_push(&todo, "");
	while (todo.n != 0) {
		AC_FREE char *path = todo.v[--todo.n];

		todo.v[todo.n] = NULL;
		if (drop_in(root, path, &todo, err) < 0)
			return -1;
	}
	return 0;
}

static void take_time(struct work *w, const struct pack *p)
{
	if (p->newest > ac_json_number(ac_json_get(w->doc, "newest")))
		ac_json_set_int(w->doc, "newest", p->newest);
}

/* FORCE: an empty one, too. */
static int seal(struct work *w, bool force, struct ac_err *err)
{
	struct ac_json *layers = ac_json_get(w->doc, "layers");
	bool lowest = ac_json_len(layers) == 0;
	AC_CLEANUP(release) struct pack p = {.layout = AC_OCILAYOUT_INIT};
	struct ac_json *desc;

	if (drop_sockets(w->rootfs, err) < 0 || pack_open(&p, w, NULL, err) < 0)
		return -1;
	if (p.how.owner_root && oci_open_lower(w, err) < 0)
		return -1;
	if (p.how.owner_root)
		p.below = (struct ac_stack){.roots = w->lower->fds,
					    .n = w->lower->n};
	if (pack_top(&p, w->rootfs, lowest, err) < 0)
		return -1;
	if (p.entries == 0 && !force)
		return 0; /* the blob that was begun goes with the next one */
	desc = pack_end(&p, err);
	if (desc == NULL)
		return -1;
	ac_json_push(layers, desc);
	take_time(w, &p);
	oci_set_top(w, OCI_TOP_SEALED);
	return 0;
}

int oci_seal(struct work *w, struct ac_err *err)
{
	/* An image has one layer at least: not every tool can do with none. */
	bool none = ac_json_len(ac_json_get(w->doc, "layers")) == 0;

	if (oci_top(w) == OCI_TOP_OPEN)
		return seal(w, none, err);
	if (!none)
		return 0;
	if (oci_make_top(w, err) < 0)
		return -1;
	oci_set_top(w, OCI_TOP_OPEN);
	return seal(w, true, err);
}

/* The top layer's tree becomes one of those below. */
static void keep_tree(const struct work *w)
{
	const struct ac_json *layers = ac_json_get(w->doc, "layers");
	AC_FREE char *to = oci_lower_name(w, ac_json_len(layers));
	struct ac_err ignored = AC_ERR_INIT;
	int fd;

	if (to == NULL)
		return;
	/* Unpacking the blob gives the same. */
	fd = ac_at_mkdirs(w->dir, "ociblobs/sha256", 0755, &ignored);
	if (fd < 0)
		return;
	(void)close(fd);
	(void)renameat2(w->dir, OCI_TOP_DIR, w->dir, to, RENAME_NOREPLACE);
}

int oci_new_layer(struct work *w, struct ac_err *err)
{
	if (oci_top(w) == OCI_TOP_OPEN && seal(w, false, err) < 0)
		return -1;
	/* Nothing was in it: it is a new one still. */
	if (oci_top(w) != OCI_TOP_SEALED)
		return 0;
	oci_set_top(w, OCI_TOP_NONE);
	oci_lower_forget(w);
	if (oci_save_state(w, err) < 0)
		return -1;
	keep_tree(w);
	return 0;
}

/* --- all as one --- */

static int pack_merged(struct pack *p, const struct oci_lower *l, int top,
		       struct ac_err *err)
{
	AC_FREE struct ac_merge_layer *v = ac_xcalloc(l->n + 1, sizeof(*v));
	size_t n = l->n;
	struct ac_merge *m;
	struct ac_entry e;
	int fd;
	int r;

	for (size_t i = 0; i < n; i++)
		v[i].root = l->fds[i];
	if (top >= 0)
		v[n++].root = top;
	m = ac_merge_new(v, n);
	while ((r = ac_merge_next(m, &e, &fd, err)) > 0) {
		r = reserved(e.path) ? refuse_name(e.path, err)
				     : add(p, &e, fd, err);
		if (r < 0)
			break;
	}
	ac_merge_free(m);
	return r == 0 ? ac_tar_finish(p->tar, err) : -1;
}

int oci_squash(struct work *w, struct ac_err *err)
{
	AC_CLEANUP(release) struct pack p = {.layout = AC_OCILAYOUT_INIT};
	struct ac_json *layers;
	struct ac_json *desc;

	if (oci_seal(w, err) < 0 || oci_open_lower(w, err) < 0 ||
	    pack_open(&p, w, NULL, err) < 0 ||
	    pack_merged(&p, w->lower,
			oci_top(w) == OCI_TOP_SEALED ? w->rootfs : -1, err) < 0)
		return -1;
	desc = pack_end(&p, err);
	if (desc == NULL)
		return -1;
	layers = ac_json_array();
	ac_json_push(layers, desc);
	ac_json_set(w->doc, "layers", layers);
	ac_json_set_int(w->doc, "base", 0);
	take_time(w, &p);
	oci_set_top(w, OCI_TOP_NONE);
	oci_lower_forget(w);
	/* What made the layers that are gone, made this one. */
	oci_mark_history(w);
	w->files = true;
	return 0;
}

/* --- compression --- */

static int rezip(struct pack *p, int fd, uint64_t size, const char *what,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_unzipfd_freep)
	struct ac_unzipfd *in =
		ac_unzipfd_new_range(fd, 0, size, NULL, what, NULL);
	const void *bytes;
	ssize_t n;

	while ((n = ac_unzipfd_source(in, &bytes, err)) > 0)
		if (to_zipper(p, bytes, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int recompress(struct work *w, size_t i, const struct ac_aci_build *how,
		      struct ac_err *err)
{
	struct ac_json *layers = ac_json_get(w->doc, "layers");
	const struct ac_json *old = ac_json_at(layers, i);
	AC_CLEANUP(release) struct pack p = {.layout = AC_OCILAYOUT_INIT};
	AC_CLOSE int fd = -1;
	struct ac_json *desc;
	struct stat st;

	fd = oci_open_blob(w, old, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat a layer");
	if (pack_open(&p, w, how, err) < 0 ||
	    rezip(&p, fd, (uint64_t)st.st_size, "a layer", err) < 0)
		return -1;
	desc = pack_end(&p, err);
	if (desc == NULL)
		return -1;
	if (!ac_json_equal(ac_json_get(desc, "diffID"),
			   ac_json_get(old, "diffID"))) {
		ac_json_free(desc);
		return ac_err_set(err, AC_E_VERIFY,
				  "layer %zu in '.acbuild' has changed", i + 1);
	}
	ac_json_replace(layers, i, desc);
	return 0;
}

int oci_recompress(struct work *w, const struct ac_aci_build *how,
		   struct ac_err *err)
{
	size_t n = ac_json_len(ac_json_get(w->doc, "layers"));
	size_t i = (size_t)ac_json_number(ac_json_get(w->doc, "base"));

	for (; i < n; i++)
		if (recompress(w, i, how, err) < 0)
			return -1;
	return 0;
}

/* --- the command --- */

static int new_layer(struct work *w, const struct ac_call *c,
		     struct ac_err *err)
{
	(void)c;
	if (!w->oci)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "adding layers is currently only supported "
				  "in OCI builds; an ACI has one root");
	return oci_new_layer(w, err);
}

int run_layer(struct ac_call *c, struct ac_err *err)
{
	if (no_modify(c, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	return change(c, new_layer, err);
}
