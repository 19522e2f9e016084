/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/begin_image.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/begin.h"
#include "acbuild/deps.h"
#include "acbuild/oci.h"
#include "acbuild/place.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/ref.h"
#include "common/store/obtain.h"
#include "common/store/render.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"
#include "common/sys/tree.h"

enum {
	MAX_LIST = 8 << 20, /* bytes of manifest.json */
	HIGH_FD = 10,       /* above what a child's is to be */
};

static bool has(int dirfd, const char *name, mode_t type)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == type;
}

/* manifest.json could be any program's: Docker's has images with layers. */
static bool is_docker(int dirfd)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_LIST);
	struct ac_err ignored = AC_ERR_INIT;
	AC_JSON struct ac_json *doc = NULL;

	if (!has(dirfd, "manifest.json", S_IFREG) ||
	    ac_io_read_file(dirfd, "manifest.json", &b, &ignored) < 0)
		return false;
	doc = ac_json_parse(ac_buf_str(&b), b.len, "manifest.json", &ignored);
	return ac_json_type(doc) == AC_JSON_ARRAY && ac_json_len(doc) != 0 &&
	       ac_json_type(ac_json_get(ac_json_at(doc, 0), "Layers")) ==
		       AC_JSON_ARRAY;
}

bool is_oci(int dirfd)
{
	return (has(dirfd, "index.json", S_IFREG) &&
		has(dirfd, "oci-layout", S_IFREG) &&
		has(dirfd, "blobs", S_IFDIR)) ||
	       is_docker(dirfd);
}

int convert_oci(struct work *w, const char *file, const char *image,
		struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf said = AC_BUF_INIT(1 << 20);
	struct ac_spawn_fd map = {.to = STDERR_FILENO + 1};
	AC_CLOSE int dir = work_staging(w, err);
	AC_CLOSE int high = -1;
	int code;
	int fd;

	if (dir < 0)
		return -1;
	high = fcntl(dir, F_DUPFD_CLOEXEC, HIGH_FD);
	if (high < 0)
		return ac_err_sys(err, errno, "duplicate a descriptor");
	map.from = high;
	ac_strv_take(&argv, ac_spawn_sibling("acconvert"));
	ac_strv_push(&argv, "to-aci");
	ac_strv_push(&argv, "--compression=none");
	if (image != NULL)
		ac_strv_pushf(&argv, "--image=%s", image);
	ac_strv_push(&argv, "--");
	ac_strv_push(&argv, file);
	ac_strv_pushf(&argv, "/proc/self/fd/%d/image.aci", map.to);
	code = ac_spawn_output_with(argv.v, &map, 1, &said, err);
	if (code < 0)
		return -1;
	if (code != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' was not converted: acconvert ended "
				  "with status %d",
				  file, code);
	fd = openat(dir, "image.aci", O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : ac_err_sys(err, errno, "open a converted image");
}

/* Why START did not come.  A name whose host nobody knows may have been meant
 * for a file. */
static int explain(const struct ac_ref *ref, struct ac_err *err)
{
	AC_FREE char *host = NULL;
	struct addrinfo *found = NULL;

	(void)deps_failed(err);
	if (ref->kind != AC_REF_NAME || ac_interrupt_code() != 0)
		return -1;
	host = ac_xstrndup(ref->name, strcspn(ref->name, "/"));
	if (getaddrinfo(host, NULL, NULL, &found) != 0)
		return ac_err_ctx(err,
				  "unknown host when fetching image, check "
				  "your connection and local file paths must "
				  "start with '/' or '.'");
	freeaddrinfo(found);
	return ac_err_fix(err, "local file paths must start with '/' or '.'");
}

/* An ACI's own files: what it depends on stays a dependency. */
static int take_aci(struct work *w, const struct ac_store *s,
		    const struct ac_record *r, struct ac_err *err)
{
	AC_CLOSE int parent = begin_parent(w, err);
	AC_CLOSE int layer = -1;
	AC_CLOSE int lock = -1;

	if (parent < 0)
		return -1;
	if (r->layers.n != 1)
		return ac_err_set(err, AC_E_INVALID,
				  "image '%s' in the store has %zu layers, "
				  "where an ACI has one",
				  r->image.name, r->layers.n);
	if (ac_store_open_layer(s, r->layers.v[0], &layer, &lock, err) < 0)
		return -1;
	return ac_tree_copy(layer, ".", parent, "rootfs", geteuid() == 0, err);
}

static int take_oci(struct work *w, const struct ac_store *s,
		    const struct ac_record *r, struct ac_err *err)
{
	AC_CLOSE int fd = -1;

	if (w->oci) {
		AC_FREE char *source = ac_xasprintf("store:%s", r->id);

		return oci_begin_image(w, source, NULL, s->path, err);
	}
	fd = make_dir(w->aci, "rootfs", err);
	return fd < 0 ? -1 : ac_render(s, r, fd, err);
}

int begin_image(struct work *w, struct ac_obtain *from, const char *start,
		struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;

	if (ac_ref_parse(&ref, start, err) < 0)
		return -1;
	if (ref.kind == AC_REF_FILE)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': local file paths must start with '/' "
				  "or '.', such as './%s'",
				  start, start);
	if (ac_obtain(from, start, &r, err) < 0)
		return explain(&ref, err);
	if (!w->oci || r.kind == AC_IMAGE_ACI)
		w->doc = ac_json_copy(r.image.doc);
	return r.kind == AC_IMAGE_ACI ? take_aci(w, &from->store, &r, err)
				      : take_oci(w, &from->store, &r, err);
}
