/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkstore [-s] STORE [ID...]
 *
 * Is all of the store as spec/store.md says?  Written from that page alone,
 * with nothing of common/store, so that it is a second opinion: every record
 * can be read, every blob that one names is there and has its size, every blob
 * has its digest, every layer that one names is there, every layer has a
 * complete list, and its files are what the list says (type, mode, owner, time,
 * size, checksum, target, extended attributes).  The images ID must be there.
 * -s: nothing is there but what records need, as after a collection.
 *
 * Each fault is a line on standard output; exit 1 when there is one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/digest.h"
#include "common/codec/json.h"
#include "common/sys/io.h"

static int faults;

AC_PRINTF(1, 2) static void fault(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	faults++;
}

struct store {
	int fd;
	struct ac_set ids;    /* of records */
	struct ac_set blobs;  /* "sha256/HEX", named by records */
	struct ac_set layers; /* the same of layers */
};

/* Names in DIR, without those that begin with a dot. */
static struct ac_strv names_in(const struct store *s, const char *dir)
{
	struct ac_strv v = AC_STRV_INIT;
	AC_CLOSE int fd = openat(s->fd, dir, O_RDONLY | O_DIRECTORY);
	AC_CLOSEDIR DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
	const struct dirent *de;

	if (d == NULL && errno != ENOENT)
		fault("%s: %s", dir, strerror(errno));
	while (d != NULL && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			ac_strv_push(&v, de->d_name);
	return v;
}

/* --- records --- */

static void check_blob_of(struct store *s, const char *record,
			  const struct ac_json *b)
{
	const char *digest = ac_json_text(ac_json_get(b, "digest"), NULL);
	int64_t size = ac_json_number(ac_json_get(b, "size"));
	AC_FREE char *name = NULL;
	AC_FREE char *path = NULL;
	struct stat st;

	if (digest == NULL || strchr(digest, ':') == NULL) {
		fault("%s: a blob without a digest", record);
		return;
	}
	name = ac_xstrdup(digest);
	*strchr(name, ':') = '/';
	(void)ac_set_add(&s->blobs, name);
	path = ac_xasprintf("blobs/%s", name);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		fault("%s: blob %s is not there", record, digest);
	else if (st.st_size != size)
		fault("%s: blob %s has %jd bytes, not %jd", record, digest,
		      (intmax_t)st.st_size, (intmax_t)size);
}

static void check_layer_of(struct store *s, const char *record,
			   const struct ac_json *l)
{
	const char *name = ac_json_text(l, NULL);
	AC_FREE char *path = ac_xasprintf("layers/%s", name);
	struct stat st;

	(void)ac_set_add(&s->layers, name);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fault("%s: layer %s is not there", record, name);
}

static void check_record(struct store *s, const char *name)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(16 << 20);
	AC_FREE char *path = ac_xasprintf("images/%s", name);
	AC_FREE char *flat = NULL;
	AC_JSON struct ac_json *o = NULL;
	const struct ac_json *a;
	struct ac_err err;
	const char *id;
	size_t len = strlen(name);

	if (len < 6 || strcmp(name + len - 5, ".json") != 0) {
		fault("%s: no record's name", path);
		return;
	}
	if (ac_io_read_file(s->fd, path, &text, &err) < 0 ||
	    (o = ac_json_parse(text.p, text.len, path, &err)) == NULL) {
		fault("%s: %s", path, err.msg);
		return;
	}
	id = ac_json_text(ac_json_get(o, "id"), NULL);
	if (id == NULL || strlen(id) != len - 5 ||
	    strncmp(id, name, len - 5) != 0) {
		fault("%s: the id in it is another", path);
		return;
	}
	(void)ac_set_add(&s->ids, id);
	flat = ac_xasprintf("flat-%s", id + strcspn(id, "-") + 1);
	(void)ac_set_add(&s->layers, flat);
	if (ac_json_type(ac_json_get(o, "manifest")) != AC_JSON_OBJECT)
		fault("%s: no manifest", path);
	a = ac_json_get(o, "blobs");
	if (ac_json_len(a) == 0)
		fault("%s: no blobs", path);
	for (size_t i = 0; i < ac_json_len(a); i++)
		check_blob_of(s, path, ac_json_at(a, i));
	a = ac_json_get(o, "layers");
	if (ac_json_len(a) == 0)
		fault("%s: no layers", path);
	for (size_t i = 0; i < ac_json_len(a); i++)
		check_layer_of(s, path, ac_json_at(a, i));
}

/* --- blobs --- */

static void check_blob(const struct store *s, enum ac_alg alg, const char *name,
		       bool strict)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf data = AC_BUF_INIT(1 << 30);
	AC_FREE char *key =
		ac_xasprintf("%s/%s", ac_digest_alg_name(alg), name);
	AC_FREE char *path = ac_xasprintf("blobs/%s", key);
	char hex[AC_DIGEST_TEXT];
	struct ac_digest d;
	struct ac_err err;

	if (ac_io_read_file(s->fd, path, &data, &err) < 0) {
		fault("%s: %s", path, err.msg);
		return;
	}
	ac_digest_of(alg, data.p, data.len, &d);
	ac_digest_hex(&d, hex);
	if (strcmp(hex, name) != 0)
		fault("%s: the bytes have another digest", path);
	if (strict && !ac_set_has(&s->blobs, key))
		fault("%s: no record needs it", path);
}

/* --- layers --- */

struct layer {
	int root;
	const char *name;
	struct ac_set seen; /* paths of the list, and directories above them */
	char *file; /* that the next attributes are of; NULL: of no interest */
};

/* Undo \xNN, in place. */
static void unescape(char *p)
{
	char *to = p;

	while (*p != '\0') {
		uint8_t c;

		if (p[0] == '\\' && ac_hex_decode(&c, 1, p + 2, 2) == 0) {
			*to++ = (char)c;
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

static void checksum(const struct layer *l, const char *path, char hex[33])
{
	AC_CLEANUP(ac_buf_release) struct ac_buf data = AC_BUF_INIT(1 << 30);
	XXH128_canonical_t c;
	struct ac_err err;

	hex[0] = '\0';
	if (ac_io_read_file(l->root, path, &data, &err) < 0)
		return;
	XXH128_canonicalFromHash(&c, XXH3_128bits(data.p, data.len));
	ac_hex_encode(hex, c.digest, 16);
}

enum { TYPE, MODE, UID, GID, MTIME, SIZE, XXH3, PATH, TARGET, FIELDS };

static bool same_type(char c, const struct stat *st)
{
	switch (c) {
	case 'f':
	case 'h':
		return S_ISREG(st->st_mode) || c == 'h';
	case 'd':
	case 'o':
		return S_ISDIR(st->st_mode);
	case 'l':
		return S_ISLNK(st->st_mode);
	case 'c':
		return S_ISCHR(st->st_mode);
	case 'b':
		return S_ISBLK(st->st_mode);
	case 'p':
		return S_ISFIFO(st->st_mode);
	case 'w':
		return S_ISCHR(st->st_mode) && st->st_rdev == 0;
	default:
		return false;
	}
}

/* Attributes that the line gives. */
static void check_attributes(const struct layer *l, char *const f[FIELDS],
			     const struct stat *st)
{
	AC_FREE char *time = ac_xasprintf("%jd.%09ld", (intmax_t)st->st_mtime,
					  st->st_mtim.tv_nsec);
	AC_FREE char *mode = ac_xasprintf("%o", st->st_mode & 07777U);
	AC_FREE char *uid = ac_xasprintf("%u", st->st_uid);
	AC_FREE char *gid = ac_xasprintf("%u", st->st_gid);
	uint64_t want = 0;

	if (f[TYPE][0] != 'l' && (ac_num_octal(ac_str(f[MODE]), &want) < 0 ||
				  want != (st->st_mode & 07777U)))
		fault("%s: %s: mode %s, not %s", l->name, f[PATH], mode,
		      f[MODE]);
	if (strcmp(time, f[MTIME]) != 0)
		fault("%s: %s: time %s, not %s", l->name, f[PATH], time,
		      f[MTIME]);
	if (geteuid() == 0 &&
	    (strcmp(uid, f[UID]) != 0 || strcmp(gid, f[GID]) != 0))
		fault("%s: %s: owner %s:%s, not %s:%s", l->name, f[PATH], uid,
		      gid, f[UID], f[GID]);
}

static void check_content(const struct layer *l, char *const f[FIELDS],
			  const struct stat *st)
{
	AC_FREE char *size = ac_xasprintf("%jd", (intmax_t)st->st_size);
	char hex[33];

	if (strcmp(size, f[SIZE]) != 0) {
		fault("%s: %s: %s bytes, not %s", l->name, f[PATH], size,
		      f[SIZE]);
		return;
	}
	checksum(l, f[PATH], hex);
	if (strcmp(hex, f[XXH3]) != 0)
		fault("%s: %s: checksum %s, not %s", l->name, f[PATH], hex,
		      f[XXH3]);
}

static void check_target(const struct layer *l, char *const f[FIELDS],
			 const struct stat *st)
{
	char link[4097];
	struct stat other;
	ssize_t n;

	unescape(f[TARGET]);
	if (f[TYPE][0] == 'h') {
		if (fstatat(l->root, f[TARGET], &other, AT_SYMLINK_NOFOLLOW) <
			    0 ||
		    other.st_ino != st->st_ino)
			fault("%s: %s: no link to %s", l->name, f[PATH],
			      f[TARGET]);
		return;
	}
	n = readlinkat(l->root, f[PATH], link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	if (strcmp(link, f[TARGET]) != 0)
		fault("%s: %s: leads to %s, not %s", l->name, f[PATH], link,
		      f[TARGET]);
}

static void note_path(struct layer *l, const char *path)
{
	AC_FREE char *p = ac_xstrdup(path);
	char *slash;

	(void)ac_set_add(&l->seen, p);
	while ((slash = strrchr(p, '/')) != NULL) {
		*slash = '\0';
		(void)ac_set_add(&l->seen, p);
	}
}

/* An extended attribute of the file before it. */
static void check_xattr(const struct layer *l, char *const f[FIELDS])
{
	AC_FREE char *path = ac_xasprintf("/proc/self/fd/%d/%s", l->root,
					  l->file != NULL ? l->file : "");
	AC_FREE char *value = ac_xmalloc(1 << 16);
	AC_FREE char *size = NULL;
	XXH128_canonical_t c;
	char hex[33];
	ssize_t n;

	if (l->file == NULL)
		return;
	n = lgetxattr(path, f[PATH], value, 1 << 16);
	/* A user, or a file system, may not be able to keep it. */
	if (n < 0 && (errno == ENOTSUP || geteuid() != 0))
		return;
	size = ac_xasprintf("%zd", n);
	XXH128_canonicalFromHash(&c,
				 XXH3_128bits(value, n > 0 ? (size_t)n : 0));
	ac_hex_encode(hex, c.digest, 16);
	if (strcmp(size, f[SIZE]) != 0 || strcmp(hex, f[XXH3]) != 0)
		fault("%s: %s: attribute %s is %s %s, not %s %s", l->name,
		      l->file, f[PATH], size, hex, f[SIZE], f[XXH3]);
}

/* LAST: of a directory that has several lines, the last one counts. */
static void check_line(struct layer *l, char *line, bool last)
{
	char *f[FIELDS] = {NULL};
	struct stat st;
	size_t n = 0;

	for (char *p = line; p != NULL && n < FIELDS; n++) {
		f[n] = p;
		p = strchr(p, ' ');
		if (p != NULL)
			*p++ = '\0';
	}
	if (n <= PATH || strlen(f[TYPE]) != 1) {
		fault("%s: a bad line in its list", l->name);
		return;
	}
	unescape(f[PATH]);
	if (f[TYPE][0] == 'x') {
		check_xattr(l, f);
		return;
	}
	free(l->file);
	l->file = last && strchr("how", f[TYPE][0]) == NULL
			  ? ac_xstrdup(f[PATH])
			  : NULL;
	note_path(l, f[PATH]);
	/* A user has no devices. */
	if (geteuid() != 0 && strchr("cbw", f[TYPE][0]) != NULL)
		return;
	if (fstatat(l->root, f[PATH], &st, AT_SYMLINK_NOFOLLOW) < 0) {
		fault("%s: %s is not there", l->name, f[PATH]);
		return;
	}
	if (!same_type(f[TYPE][0], &st)) {
		fault("%s: %s is not a '%s'", l->name, f[PATH], f[TYPE]);
		return;
	}
	if (f[TARGET] != NULL)
		check_target(l, f, &st);
	if (!last || strchr("wo", f[TYPE][0]) != NULL)
		return;
	if (f[TYPE][0] != 'h')
		check_attributes(l, f, &st);
	if (f[TYPE][0] == 'f')
		check_content(l, f, &st);
}

/* Is the entry of this line told again further on? */
static bool again(const char *line, const char *rest)
{
	const char *path = line;
	AC_FREE char *want = NULL;

	if (line[0] != 'd')
		return false;
	for (int i = 0; i < PATH; i++)
		path = strchr(path, ' ') + 1;
	want = ac_xasprintf(" - - %s\n", path);
	return strstr(rest, want) != NULL;
}

static void check_list(struct layer *l, char *text)
{
	uint64_t entries = 0;
	uint64_t xattrs = 0;
	uint64_t want = UINT64_MAX;
	uint64_t want_xattrs = UINT64_MAX;
	char *next;

	for (char *line = text; *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next == NULL)
			break;
		*next++ = '\0';
		if (line[0] == '=' && *next == '\0') {
			struct ac_str s = ac_str(line + 2);
			struct ac_str head;

			(void)ac_str_cut(&s, ' ', &head);
			if (ac_num_u64(head, &want) < 0)
				want = UINT64_MAX;
			(void)ac_str_cut(&s, ' ', &head);
			/* A list of layout 1 has no attributes. */
			if (s.len == 0)
				want_xattrs = 0;
			else if (ac_num_u64(s, &want_xattrs) < 0)
				want_xattrs = UINT64_MAX;
			break;
		}
		*(line[0] == 'x' ? &xattrs : &entries) += 1;
		check_line(l, line, !again(line, next));
	}
	if (want != entries || want_xattrs != xattrs)
		fault("%s: its list is not complete", l->name);
}

/* What is in the tree and not in the list. */
static void check_tree(const struct layer *l, const char *dir)
{
	AC_CLOSE int fd = openat(l->root, dir[0] != '\0' ? dir : ".",
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	AC_CLOSEDIR DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
	const struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL) {
		AC_FREE char *path =
			ac_xasprintf("%s%s%s", dir, dir[0] != '\0' ? "/" : "",
				     de->d_name);

		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		if (!ac_set_has(&l->seen, path))
			fault("%s: %s is not in its list", l->name, path);
		if (de->d_type == DT_DIR)
			check_tree(l, path);
	}
}

static void check_layer(const struct store *s, const char *name, bool strict)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(256 << 20);
	AC_FREE char *rootfs = ac_xasprintf("layers/%s/rootfs", name);
	AC_FREE char *files = ac_xasprintf("layers/%s/files", name);
	AC_CLOSE int root = openat(s->fd, rootfs, O_RDONLY | O_DIRECTORY);
	struct layer l = {.root = root, .name = name};
	struct ac_err err;

	if (root < 0)
		fault("%s: %s", rootfs, strerror(errno));
	if (ac_io_read_file(s->fd, files, &list, &err) < 0)
		fault("%s", err.msg);
	else if (root >= 0 && strlen(ac_buf_str(&list)) == list.len) {
		AC_FREE char *text = ac_buf_steal(&list);

		check_list(&l, text);
		check_tree(&l, "");
	} else if (root >= 0) {
		fault("%s: NUL bytes", files);
	}
	free(l.file);
	ac_set_release(&l.seen);
	if (strict && !ac_set_has(&s->layers, name))
		fault("layers/%s: no record needs it", name);
}

static void check_all(struct store *s, bool strict)
{
	static const char *const dirs[] = {"blobs/sha256", "blobs/sha512"};
	AC_CLEANUP(ac_strv_release)
	struct ac_strv records = names_in(s, "images");
	AC_CLEANUP(ac_strv_release)
	struct ac_strv layers = names_in(s, "layers");
	AC_CLEANUP(ac_strv_release) struct ac_strv left = names_in(s, "ingest");

	for (size_t i = 0; i < records.n; i++)
		check_record(s, records.v[i]);
	for (size_t a = 0; a < AC_LEN(dirs); a++) {
		AC_CLEANUP(ac_strv_release)
		struct ac_strv blobs = names_in(s, dirs[a]);

		for (size_t i = 0; i < blobs.n; i++)
			check_blob(s, a == 0 ? AC_SHA256 : AC_SHA512,
				   blobs.v[i], strict);
	}
	for (size_t i = 0; i < layers.n; i++)
		check_layer(s, layers.v[i], strict);
	for (size_t i = 0; strict && i < left.n; i++)
		fault("ingest/%s: left over", left.v[i]);
}

int main(int argc, char **argv)
{
	bool strict = argc > 1 && strcmp(argv[1], "-s") == 0;
	struct store s = {.fd = -1};

	argv += strict ? 2 : 1;
	if (argv[0] == NULL) {
		(void)fputs("usage: checkstore [-s] STORE [ID...]\n", stderr);
		return 2;
	}
	s.fd = open(argv[0], O_RDONLY | O_DIRECTORY);
	if (s.fd < 0 && errno != ENOENT)
		fault("%s: %s", argv[0], strerror(errno));
	if (s.fd >= 0)
		check_all(&s, strict);
	for (char **id = argv + 1; *id != NULL; id++)
		if (!ac_set_has(&s.ids, *id))
			fault("image %s is lost", *id);
	ac_set_release(&s.ids);
	ac_set_release(&s.blobs);
	ac_set_release(&s.layers);
	return faults == 0 ? 0 : 1;
}
