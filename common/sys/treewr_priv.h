/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TREEWR_PRIV_H
#define AC_SYS_TREEWR_PRIV_H

/*
 * What the files of the writer of trees share; nobody else includes it.
 *
 *	treewr.c	entries, files and their data
 *	treewr_dir.c	the directories, their descriptors, their end
 *	treewr_link.c	hard links, whiteouts
 *	treewr_copy.c	data from another file
 *	treewr_meta.c	owners, modes, times, extended attributes
 */

#include "common/base/map.h"
#include "common/base/xxh.h"
#include "common/sys/treewr.h"

enum { AC_TREEWR_FDS = 32 }; /* directories kept open */

/* Extended attributes, copied: one allocation. */
struct treewr_xattrs {
	size_t n;
	struct ac_xattr v[];
};

/* A directory of the tree. */
struct treewr_dir {
	struct treewr_dir *parent; /* NULL: the root */
	const char *name;          /* last component, within path */
	int fd;                    /* O_PATH, or -1 when not in the cache */
	unsigned int slot;         /* where in the cache, when fd >= 0 */
	bool adopted;              /* it was there before us */
	bool named;                /* an entry gave the attributes below */
	bool opaque;
	bool hidden; /* it, or a directory above, is opaque (at the end) */
	mode_t made; /* mode it was made with, before the umask */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
	struct treewr_xattrs *xattrs; /* owned, or NULL */
	size_t len;
	char path[]; /* NUL-terminated */
};

/* A whiteout that was made, or a path that was skipped. */
struct treewr_mark {
	struct treewr_dir *parent;
	bool gone; /* something took its place */
	size_t len;
	char path[];
};

/* A hard link whose target has not come yet. */
struct treewr_late {
	struct ac_entry e; /* of path and link; no attributes */
	char *path, *link; /* owned */
	size_t to;         /* index of the late link that is its target */
	bool seen;         /* when they are settled */
};

struct ac_treewr {
	int root; /* borrowed */
	struct ac_treewr_opts o;
	uint64_t bytes, entries; /* so far, against the limits */
	uint64_t implied;        /* of the entries: no entry named them */

	struct treewr_dir **dirs; /* owned, parents first; [0] is the root */
	size_t n_dirs;
	struct ac_map dir_map;
	struct treewr_dir *last; /* where the last entry went */

	/* Open directories: the slot used longest ago makes room. */
	struct {
		struct treewr_dir *dir;
		uint64_t used;
	} cache[AC_TREEWR_FDS];
	uint64_t clock;

	/* What a new file gets without being asked, once seen: then calls
	 * that would change nothing are left out. */
	bool fresh_known;
	uid_t fresh_uid;
	gid_t fresh_gid;
	mode_t umask;

	/* The file being written. */
	int fd; /* -1: none */
	struct ac_entry cur;
	mode_t made;        /* mode it was made with, before the umask */
	char path[4096];    /* of cur, for messages */
	uint64_t pos;       /* behind the last byte */
	uint64_t got, want; /* bytes of data, holes excepted */
	struct ac_xxh *xxh; /* NULL without note */
	bool hashed;        /* sum is final already */
	uint8_t sum[AC_XXH_SIZE];

	struct treewr_late *late;
	size_t n_late;
	struct treewr_mark **whiteouts; /* owned */
	size_t n_whiteouts;
	struct ac_map whiteout_map;
	struct treewr_mark **skipped; /* owned */
	size_t n_skipped;
	struct ac_map skipped_map;

	bool warned_xattr;
	bool no_clone;  /* the file systems cannot */
	char *copy_buf; /* owned; for treewr_copy.c */
};

/* treewr.c: count one more file of the tree. */
AC_MUSTUSE int treewr_count(struct ac_treewr *w, const char *path,
			    struct ac_err *err);
/* Begin with PATH: the file before it must be complete, PATH clean. */
AC_MUSTUSE int treewr_begin(struct ac_treewr *w, const char *path,
			    struct ac_err *err);
/* All data of the current file are there: its attributes, and tell. */
AC_MUSTUSE int treewr_complete(struct ac_treewr *w, struct ac_err *err);
/* Tell about E by FN, which may be NULL. */
AC_MUSTUSE int treewr_tell(struct ac_treewr *w, ac_treewr_note_fn fn,
			   const struct ac_entry *e, struct ac_err *err);

/* treewr_dir.c: the directory that contains PATH, made with those above it when
 * missing; *base is its last component.  NULL on failure. */
struct treewr_dir *treewr_parent(struct ac_treewr *w, const char *path,
				 const char **base, struct ac_err *err);
/* The directory PATH, made when missing. */
struct treewr_dir *treewr_dir(struct ac_treewr *w, const char *path,
			      struct ac_err *err);
/* The same when it is known, else NULL. */
struct treewr_dir *treewr_known(struct ac_treewr *w, const char *path,
				size_t len);
/* An O_PATH descriptor of D: borrowed, valid until the call after the next. */
AC_MUSTUSE int treewr_dirfd(struct ac_treewr *w, struct treewr_dir *d,
			    struct ac_err *err);
/* An entry for a directory: make it, remember its attributes. */
AC_MUSTUSE int treewr_add_dir(struct ac_treewr *w, const struct ac_entry *e,
			      struct ac_err *err);
AC_MUSTUSE int treewr_finish_dirs(struct ac_treewr *w, struct ac_err *err);
void treewr_release_dirs(struct ac_treewr *w);
/* The root's entry in the table, and what new() must do to the real one. */
void treewr_init_dirs(struct ac_treewr *w);

/* treewr_link.c */
AC_MUSTUSE int treewr_add_hard(struct ac_treewr *w, const struct ac_entry *e,
			       struct ac_err *err);
AC_MUSTUSE int treewr_finish_links(struct ac_treewr *w, struct ac_err *err);
AC_MUSTUSE int treewr_finish_whiteouts(struct ac_treewr *w, struct ac_err *err);
void treewr_release_links(struct ac_treewr *w);
/* Leave PATH out, and hard links to it. */
void treewr_skip(struct ac_treewr *w, const char *path);
/* Remove BASE in FD, the first LEN bytes of PATH, if it is a whiteout. */
bool treewr_unwhite(struct ac_treewr *w, const char *path, size_t len, int fd,
		    const char *base);
/* PATH (BASE in FD) could not be made because something has its name.  0 when
 * that was a whiteout, which is gone now: try again.  Otherwise -1. */
AC_MUSTUSE int treewr_exists(struct ac_treewr *w, int fd, const char *path,
			     const char *base, struct ac_err *err);

/* treewr_meta.c: all attributes of the file open as FD. */
AC_MUSTUSE int treewr_set_fd(struct ac_treewr *w, int fd,
			     const struct ac_entry *e, struct ac_err *err);
/* All attributes of BASE in DIRFD, which is no regular file or directory. */
AC_MUSTUSE int treewr_set_at(struct ac_treewr *w, int dirfd, const char *base,
			     const struct ac_entry *e, struct ac_err *err);
/* All attributes of the directory D, in PARENTFD (the root: itself). */
AC_MUSTUSE int treewr_set_dir(struct ac_treewr *w, int parentfd,
			      const struct treewr_dir *d, struct ac_err *err);
/* Learn what a new file gets from the first one, just made as FD with mode
 * 0777. */
AC_MUSTUSE int treewr_learn(struct ac_treewr *w, int fd, struct ac_err *err);
/* A copy of E's attributes, NULL when there are none. */
struct treewr_xattrs *treewr_copy_xattrs(const struct ac_entry *e);

#endif
