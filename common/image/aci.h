/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACI_H
#define AC_IMAGE_ACI_H

/*
 * App Container Images as archives (appc 0.8.11, "aci", Image Archives): a
 * tar with `manifest` and `rootfs/...` and nothing else, perhaps compressed.
 *
 * Reading: ac_aci_read goes through the whole archive once, checks the rules
 * of the layout, hands the manifest and each file below rootfs to the caller
 * and gives the image id at the end.  Writing: ac_aci_write_* makes the one
 * archive for its inputs: manifest first (in a gzip member of its own), then
 * rootfs sorted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/codec/tar.h"
#include "common/codec/zip.h"

struct ac_buf;
struct ac_err;

enum { AC_ACI_MAX_MANIFEST = 8 << 20 };

/* What a reader of an archive is told.  Any may be NULL.  Paths are relative to
 * rootfs ("" is rootfs itself). */
struct ac_aci_events {
	int (*manifest)(void *ctx, const char *text, size_t len,
			struct ac_err *err);
	int (*entry)(void *ctx, const struct ac_entry *e, struct ac_err *err);
	int (*data)(void *ctx, const void *p, size_t n, uint64_t off,
		    struct ac_err *err);
	void *ctx;
	/* For those who only check: told of what cannot be unpacked as it
	 * stands, which is refused otherwise (aci_check.h). */
	void (*warn)(void *ctx, const struct ac_err *why);
	bool overlay_ok; /* as for ac_aci_check_new */
	uint64_t *size;  /* ac_aci_read_fd: gets the bytes of the tar */
};

/* Read a plain tar from SOURCE (decompressed already) to its end.  Breaking a
 * layout rule is AC_E_INVALID with the original's message ("no rootfs found in
 * layout", `unrecognized file path in layout: "x"`, ...).  The source's own
 * consumer hashes: the id covers every byte it gave. */
AC_MUSTUSE int ac_aci_read(ac_source_fn source, void *source_ctx,
			   const struct ac_aci_events *ev, struct ac_err *err);

/* Read the ACI open as FD from its start to its end: decompress, hash, read.
 * *id gets the image id's digest, *zip (may be NULL) the compression. */
AC_MUSTUSE int ac_aci_read_fd(int fd, const char *what,
			      const struct ac_aci_events *ev,
			      struct ac_digest *id, enum ac_zip *zip,
			      struct ac_err *err);

/* Only the manifest, reading no further than needed.  Caller frees *text. */
AC_MUSTUSE int ac_aci_manifest_fd(int fd, const char *what, char **text,
				  size_t *len, struct ac_err *err);

/* Append the content of the entry E, the one named `manifest`, which
 * ac_tar_next of TAR gave last, to OUT, whose maximum is AC_ACI_MAX_MANIFEST.
 */
AC_MUSTUSE int ac_aci_slurp(struct ac_tar_reader *tar, const struct ac_entry *e,
			    struct ac_buf *out, struct ac_err *err);

struct ac_aci_writer;
/* Write to FD (at its position).  MTIME is given to the manifest and rootfs
 * entries that have none of their own. */
AC_MUSTUSE struct ac_aci_writer *ac_aci_writer_new(int fd, enum ac_zip zip,
						   int level);
/* Before anything is written: hash it, which takes time, for the id. */
void ac_aci_writer_identify(struct ac_aci_writer *w);
AC_MUSTUSE int ac_aci_write_manifest(struct ac_aci_writer *w, const char *text,
				     size_t len, int64_t mtime,
				     struct ac_err *err);
/* An entry of the rootfs: E's path is relative to it.  Content follows by
 * ac_aci_write_data or comes from CONTENT_FD when that is not -1. */
AC_MUSTUSE int ac_aci_write_entry(struct ac_aci_writer *w,
				  const struct ac_entry *e, int content_fd,
				  struct ac_err *err);
AC_MUSTUSE int ac_aci_write_data(struct ac_aci_writer *w, const void *p,
				 size_t n, struct ac_err *err);
/* End it; *id, when asked for above (else NULL), gets the image id's digest. */
AC_MUSTUSE int ac_aci_writer_finish(struct ac_aci_writer *w,
				    struct ac_digest *id, struct ac_err *err);
void ac_aci_writer_free(struct ac_aci_writer *w);

struct ac_aci_build {
	enum ac_zip zip;
	int level;
	bool owner_root;   /* all owned by 0:0 */
	int64_t max_mtime; /* later times become this one; -1: as they are */
	/* Told of so many more bytes of the archive, uncompressed; may be
	 * NULL. */
	void (*progress)(void *ctx, uint64_t n);
	void *progress_ctx;
};
/* The ACI of a manifest and the tree below ROOTFS_FD, written to FD.  *id gets
 * its id's digest; NULL saves the time of it.  Ends early on a signal
 * (sys/interrupt.h). */
AC_MUSTUSE int ac_aci_build(int fd, const char *manifest, size_t len,
			    int rootfs_fd, const struct ac_aci_build *opts,
			    struct ac_digest *id, struct ac_err *err);

#endif
