/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_TAR_FMT_H
#define AC_CODEC_TAR_FMT_H

/*
 * The bytes of a tar header, pax records and sparse maps: what reader and
 * writer (tar.h) have in common.  Nobody else includes this.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/codec/tar.h"
#include "common/sys/entry.h"

struct ac_err;

enum { AC_TAR_BLOCK = 512 };

/* One header block (POSIX.1-2001, "ustar Interchange Format").  Text is ended
 * by NUL unless it fills its field; numbers are octal text, or base 256 when
 * the first bit is set (GNU). */
struct ac_tar_raw {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char sum[8]; /* of all bytes, these taken as spaces */
	char type;
	char link[100];
	char magic[6]; /* "ustar", and a NUL (POSIX) or a space (GNU) */
	char version[2];
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	char prefix[155]; /* POSIX; its last 24 bytes are times in star's */
	char rest[12];
};

/* GNU's old sparse header lies over the prefix. */
struct ac_tar_sparse {
	char off[12];
	char len[12];
};
enum {
	AC_TAR_SPARSE_AT = 386, /* 4 of them in the header */
	AC_TAR_SPARSE_MORE = 482,
	AC_TAR_SPARSE_SIZE = 483,
	AC_TAR_SPARSE_EXT = 21, /* and so many in each block behind it */
	AC_TAR_SPARSE_EXT_MORE = 504,
	AC_TAR_MAX_EXTENTS = 1 << 20,
};

/* A number field; -1 when it is none. */
AC_MUSTUSE int ac_tar_number(const char *field, size_t n, int64_t *out);
/* The text field FIELD; *len never counts a NUL. */
size_t ac_tar_text(const char *field, size_t n);
/* What `sum` must be; some writers took the bytes as signed. */
void ac_tar_sum(const struct ac_tar_raw *h, int64_t *as_unsigned,
		int64_t *as_signed);

/* A growing list of extents, in order and apart. */
struct ac_tar_map {
	struct ac_extent *v; /* owned */
	size_t n, cap;
	uint64_t stored; /* bytes in all of them */
	uint64_t end;    /* of the last, empty ones too */
};
/* Add one; -1 (AC_E_INVALID, AC_E_LIMIT) when it is not behind the others. */
AC_MUSTUSE int ac_tar_map_add(struct ac_tar_map *m, uint64_t off, uint64_t len,
			      struct ac_err *err);
void ac_tar_map_reset(struct ac_tar_map *m);
void ac_tar_map_release(struct ac_tar_map *m);

/* The archive's bytes, used where the source has them. */
struct ac_tar_stream {
	ac_source_fn source;
	void *ctx;
	const char *p; /* what is left of the chunk */
	size_t n;
	bool eof;                 /* of the source */
	ac_seek_fn seek;          /* or NULL */
	uint64_t total;           /* bytes given or passed over so far */
	char block[AC_TAR_BLOCK]; /* one that lies across two chunks */
};
/* Have a byte at least: 1, 0 at the end, -1. */
AC_MUSTUSE int ac_tar_stream_fill(struct ac_tar_stream *s, struct ac_err *err);
/* Pass over N bytes: 1, 0 when the source ends before, -1. */
AC_MUSTUSE int ac_tar_stream_skip(struct ac_tar_stream *s, uint64_t n,
				  struct ac_err *err);
/* Copy N bytes: how many there were, fewer only at the end, or -1. */
AC_MUSTUSE ssize_t ac_tar_stream_read(struct ac_tar_stream *s, char *out,
				      size_t n, struct ac_err *err);
/* The next block: its size, less when the source ends in it, 0 when it ends
 * before, -1.  *p is valid until the next call. */
AC_MUSTUSE ssize_t ac_tar_stream_block(struct ac_tar_stream *s, const char **p,
				       struct ac_err *err);

/* Read the map in front of a file's data (pax format 1.0); *stored counts the
 * bytes of the entry down. */
AC_MUSTUSE int ac_tar_map_in_data(struct ac_tar_map *m,
				  struct ac_tar_stream *in, uint64_t *stored,
				  struct ac_err *err);
/* Read the map of GNU's old format from the header H and the blocks behind it;
 * *size is the file's. */
AC_MUSTUSE int ac_tar_map_old(struct ac_tar_map *m, struct ac_tar_stream *in,
			      const struct ac_tar_raw *h, uint64_t *size,
			      struct ac_err *err);

/* What the extended header of an entry says. */
struct ac_tar_pax {
	bool has_path, has_link, has_size, has_uid, has_gid, has_mtime;
	bool has_major, has_minor;
	struct ac_buf path, link;
	uint64_t size, uid, gid;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t major, minor;

	struct ac_xattr *xattrs; /* owned, with names and values */
	size_t n_xattrs;
	size_t xattr_bytes, max_xattr_bytes;

	/* GNU sparse files.  Formats 0.0 and 0.1 have the map here, 1.0 in
	 * front of the data. */
	bool sparse, map_in_data, has_real_size, has_name;
	bool has_off; /* 0.0: an offset waits for its length */
	uint64_t off;
	uint64_t sparse_major, sparse_minor;
	uint64_t real_size;
	struct ac_buf name; /* instead of the path */
	struct ac_tar_map map;
};

enum { AC_TAR_MAX_PAX = 4 << 20 }; /* bytes of one extended header */

#define AC_TAR_PAX_INIT                                 \
	((struct ac_tar_pax){.path = AC_BUF_INIT(8192), \
			     .link = AC_BUF_INIT(8192), \
			     .name = AC_BUF_INIT(8192)})

/* Read the records in N bytes.  Any that is not well formed is AC_E_INVALID.
 * GLOBAL: of a global header, which is checked but not used, and may not say
 * what only one entry can have. */
AC_MUSTUSE int ac_tar_pax_parse(struct ac_tar_pax *x, const char *p, size_t n,
				bool global, struct ac_err *err);
void ac_tar_pax_reset(struct ac_tar_pax *x); /* keeps memory */
void ac_tar_pax_release(struct ac_tar_pax *x);

/* The names of an entry, owned. */
struct ac_tar_names {
	char *path; /* clean; NULL before the first entry */
	char *link;
	bool no_slash;     /* "/" is not the root */
	ac_tar_odd_fn odd; /* or NULL */
	void *odd_ctx;
};

/* Make *e of header H and what X says beyond it; the size is that of the data
 * in the archive.  *e borrows from X and NAMES. */
AC_MUSTUSE int ac_tar_entry(const struct ac_tar_raw *h,
			    const struct ac_tar_pax *x,
			    struct ac_tar_names *names, struct ac_entry *e,
			    struct ac_err *err);
/* AC_E_INVALID: "tar entry 'NAME': WHY". */
int ac_tar_refuse(const char *name, const char *why, struct ac_err *err);

/* What to say of the field of an extended header that is no number, though
 * nobody needs it, or NULL. */
const char *ac_tar_bad_number(const struct ac_tar_raw *h);

/* The same, for what can be passed over: 0 when NAMES have somebody to tell. */
AC_MUSTUSE int ac_tar_odd(const struct ac_tar_names *names, const char *rule,
			  const char *name, const char *why,
			  struct ac_err *err);

/* Append the record KEY=VALUE. */
void ac_tar_pax_add(struct ac_buf *out, const char *key, const void *value,
		    size_t n);
void ac_tar_pax_number(struct ac_buf *records, const char *key, uint64_t v);

/* Make the header of E, with STORED bytes of data behind it, and append to
 * RECORDS what it has no room for. */
AC_MUSTUSE int ac_tar_header(const struct ac_entry *e, uint64_t stored,
			     struct ac_tar_raw *h, struct ac_buf *records,
			     struct ac_err *err);
/* Write V in octal, or zero when the field (with its NUL) cannot hold it:
 * false. */
bool ac_tar_octal(char *field, size_t size, uint64_t v);
/* Put the magic and the sum in. */
void ac_tar_seal(struct ac_tar_raw *h);

#endif
