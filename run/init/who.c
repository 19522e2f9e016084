/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { MAX_ID = 0x7fffffff, MAX_FILE = 8 << 20 };

/* A file of the image, read by lines.  The image is not to be trusted: it may
 * be a fifo, endless, or without a newline. */
struct lines {
	int fd;
	size_t at, len, total;
	int skip; /* the line was too long: leave it out */
	char buf[4096];
};

/* The next line that fits: its length, NULs included, or -1 at the end. */
static long next_line(struct lines *l, char **line)
{
	for (;;) {
		for (size_t i = l->at; i < l->len; i++) {
			if (l->buf[i] != '\n')
				continue;
			*line = l->buf + l->at;
			size_t n = i - l->at;

			l->at = i + 1;
			if (l->skip == 0)
				return (long)n;
			l->skip = 0;
			*line = NULL;
			return 0;
		}
		if (l->at == 0 && l->len == sizeof(l->buf)) {
			l->skip = 1;
			l->len = 0;
		}
		memmove(l->buf, l->buf + l->at, l->len - l->at);
		l->len -= l->at;
		l->at = 0;

		long r = SYS3(SYS_read, l->fd, l->buf + l->len,
			      sizeof(l->buf) - l->len);

		if (r <= 0 || (l->total += (size_t)r) > MAX_FILE) {
			/* A last line without its newline counts. */
			if (l->len == 0 || l->skip != 0)
				return -1;
			*line = l->buf;
			r = (long)l->len;
			l->len = 0;
			return r;
		}
		l->len += (size_t)r;
	}
}

/* Field I of a line with colons: its start and length, or NULL. */
static const char *field(const char *line, size_t len, unsigned int i,
			 size_t *out)
{
	size_t start = 0;

	for (size_t at = 0; at <= len; at++) {
		if (at != len && line[at] != ':')
			continue;
		if (i-- == 0) {
			*out = at - start;
			return line + start;
		}
		start = at + 1;
	}
	return NULL;
}

static int number(const char *line, size_t len, unsigned int i, uint32_t *out)
{
	size_t n;
	const char *f = field(line, len, i, &n);
	uint64_t v;

	if (f == NULL || !str_dec(f, n, MAX_ID, &v))
		return 0;
	*out = (uint32_t)v;
	return 1;
}

/* The entry of FILE whose field KEY is NAME: 1, and field 2 in *id and 3 in
 * *more (if wanted); 0 without one. */
static int look_up(const char *file, const char *name, unsigned int key,
		   uint32_t *id, uint32_t *more)
{
	static struct lines l;
	struct stat st;
	struct statfs fs;
	char *line;
	long n;
	int found = 0;
	long fd =
		root_open(AT_FDCWD, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return 0;
	memset(&l, 0, offsetof(struct lines, buf));
	memset(&st, 0, sizeof(st));
	l.fd = (int)fd;
	/* A link into /proc would have us read, with all our rights, what the
	 * app may not: of the kernel's log a reader takes lines away. */
	if (SYS2(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    SYS2(SYS_fstatfs, fd, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC) {
		while (found == 0 && (n = next_line(&l, &line)) >= 0) {
			size_t len;
			const char *f = line == NULL ? NULL
						     : field(line, (size_t)n,
							     key, &len);

			found = f != NULL && len == strlen(name) &&
				memcmp(f, name, len) == 0 &&
				number(line, (size_t)n, 2, id) &&
				(more == NULL ||
				 number(line, (size_t)n, 3, more));
		}
	}
	(void)SYS1(SYS_close, fd);
	return found;
}

/* The owner, or group, of a path in the image; its last link is not
 * followed. */
static void owner(const struct pod *p, const struct app *a, const char *path,
		  int group, uint32_t *id)
{
	struct stat st;
	long fd = root_open(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
	long r = fd;

	memset(&st, 0, sizeof(st));
	if (r >= 0)
		r = SYS4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH);
	if (r < 0)
		die(p, a, r, "find the owner of ", path);
	(void)SYS1(SYS_close, fd);
	*id = group ? st.st_gid : st.st_uid;
}

static void find(const struct pod *p, const struct app *a, const char *name,
		 int group, uint32_t *id, uint32_t *more)
{
	const char *file = group ? "/etc/group" : "/etc/passwd";
	uint64_t v;

	*id = 0;
	if (name[0] == '/') {
		owner(p, a, name, group, id);
		return;
	}
	/* Every system's first user, whatever the image says or lacks. */
	if (str_eq(name, "root") || str_eq(name, "0"))
		return;
	if (look_up(file, name, 0, id, more))
		return;
	if (!str_dec(name, strlen(name), MAX_ID, &v)) {
		say(p, PLAN_EV_FAILED, a, 0, 0, group ? "group '" : "user '",
		    name, "' is neither in the image's ", file, " nor a number",
		    NULL);
		p->shared->failed[a->index] = -1;
		quit(PLAN_EXIT_SETUP);
	}
	*id = (uint32_t)v;
	if (more != NULL)
		(void)look_up(file, name, 2, id, more);
}

void who_find(const struct pod *p, const struct app *a, struct who *w)
{
	int users_group = (a->plan->flags & PLAN_USER_GROUP) != 0;
	uint32_t more = 0;

	find(p, a, pod_str(p, a->plan->user), 0, &w->uid,
	     users_group ? &more : NULL);
	if (users_group)
		w->gid = more;
	else
		find(p, a, pod_str(p, a->plan->group), 1, &w->gid, NULL);
}
