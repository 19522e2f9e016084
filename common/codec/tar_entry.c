/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/tar_fmt.h"
#include "common/sys/path.h"

/* From a header and what pax and GNU headers add to it to an entry. */

int ac_tar_refuse(const char *name, const char *why, struct ac_err *err)
{
	AC_FREE char *show = ac_str_show(name);

	return ac_err_set(err, AC_E_INVALID, "tar entry '%.300s': %s", show,
			  why);
}

static bool is_posix(const struct ac_tar_raw *h)
{
	return memcmp(h->magic, "ustar", 6) == 0;
}

static bool is_gnu(const struct ac_tar_raw *h)
{
	return memcmp(h->magic, "ustar ", 6) == 0;
}

/* The entry's name, as the archive has it.  Caller frees. */
static char *raw_name(const struct ac_tar_raw *h, const struct ac_tar_pax *x)
{
	size_t room = sizeof(h->prefix);
	size_t n = 0;

	if (x->has_name)
		return ac_xstrdup(ac_buf_str(&x->name));
	if (x->has_path)
		return ac_xstrdup(ac_buf_str(&x->path));
	/* star keeps two times at the end of the prefix. */
	if (memcmp(h->rest + 8, "tar", 4) == 0)
		room -= 24;
	if (is_posix(h))
		n = ac_tar_text(h->prefix, room);
	return ac_xasprintf("%.*s%s%.*s", (int)n, h->prefix, n != 0 ? "/" : "",
			    (int)ac_tar_text(h->name, sizeof(h->name)),
			    h->name);
}

static int read_type(const struct ac_tar_raw *h, const char *name,
		     struct ac_entry *e, struct ac_err *err)
{
	static const struct {
		char flag;
		enum ac_ftype type;
	} types[] = {
		{'0', AC_F_REG},  {'\0', AC_F_REG}, {'7', AC_F_REG},
		{'S', AC_F_REG},  {'1', AC_F_HARD}, {'2', AC_F_LINK},
		{'3', AC_F_CHR},  {'4', AC_F_BLK},  {'5', AC_F_DIR},
		{'6', AC_F_FIFO},
	};
	size_t i = 0;

	while (i < AC_LEN(types) && types[i].flag != h->type)
		i++;
	if (i == AC_LEN(types) || (h->type == 'S' && !is_gnu(h))) {
		char text[2] = {h->type, '\0'};
		AC_FREE char *show = ac_str_show(text);
		AC_FREE char *who = ac_str_show(name);

		return ac_err_set(err, AC_E_INVALID,
				  "tar entry '%.300s': unknown type '%s'", who,
				  show);
	}
	e->type = types[i].type;
	if (e->type == AC_F_REG && ac_str_ends(ac_str(name), "/")) {
		/* As it was before there was a type for directories. */
		if (h->type != '\0')
			return ac_tar_refuse(name,
					     "a file with a name that ends "
					     "in a slash",
					     err);
		e->type = AC_F_DIR;
	}
	return 0;
}

static int read_path(struct ac_tar_names *names, const char *name,
		     struct ac_entry *e, struct ac_err *err)
{
	char *clean;

	if (name[0] == '\0')
		return ac_tar_refuse(name, "no name", err);
	/* "/" is what some builders call the root. */
	if (name[0] == '/' && strspn(name, "/") != strlen(name))
		return ac_tar_refuse(name, "absolute name", err);
	if (ac_path_has_dotdot(name))
		return ac_tar_refuse(name, "'..' in the name", err);
	clean = ac_path_clean(name);
	if (clean == NULL)
		return ac_tar_refuse(name, "name too long", err);
	free(names->path);
	names->path = clean;
	e->path = clean;
	if (clean[0] == '\0' && e->type != AC_F_DIR)
		return ac_tar_refuse(name, "the root is not a directory", err);
	return 0;
}

static int read_link(struct ac_tar_names *names, const struct ac_tar_raw *h,
		     const struct ac_tar_pax *x, const char *name,
		     struct ac_entry *e, struct ac_err *err)
{
	AC_FREE char *link = NULL;

	if (e->type != AC_F_LINK && e->type != AC_F_HARD)
		return 0;
	link = x->has_link ? ac_xstrdup(ac_buf_str(&x->link))
			   : ac_xstrndup(h->link,
					 ac_tar_text(h->link, sizeof(h->link)));
	if (link[0] == '\0')
		return ac_tar_refuse(name, "a link without a target", err);
	if (strlen(link) > 4095)
		return ac_tar_refuse(name, "the target of the link is too long",
				     err);
	free(names->link);
	if (e->type == AC_F_LINK) {
		names->link = ac_steal_ptr(&link);
	} else {
		bool up = ac_path_has_dotdot(link);

		names->link = up ? NULL : ac_path_clean(link);
		if (names->link == NULL || names->link[0] == '\0')
			return ac_tar_refuse(
				name,
				up ? "'..' in the target of a hard link"
				   : "impossible target of a hard link",
				err);
	}
	e->link = names->link;
	return 0;
}

/* A number that has its place in the header and may be in the pax header. */
static int pick(const char *field, size_t n, bool has, uint64_t pax,
		uint64_t max, uint64_t *out)
{
	int64_t v;

	if (has)
		*out = pax;
	else if (ac_tar_number(field, n, &v) < 0 || v < 0)
		return -1;
	else
		*out = (uint64_t)v;
	return *out > max ? -1 : 0;
}

static int read_numbers(const struct ac_tar_raw *h, const struct ac_tar_pax *x,
			const char *name, struct ac_entry *e,
			struct ac_err *err)
{
	uint64_t v;

	if (pick(h->mode, sizeof(h->mode), false, 0, INT64_MAX, &v) < 0)
		return ac_tar_refuse(name, "bad mode", err);
	e->mode = v & 07777;
	/* The last id means "leave it" to the kernel. */
	if (pick(h->uid, sizeof(h->uid), x->has_uid, x->uid, UINT32_MAX - 1,
		 &v) < 0)
		return ac_tar_refuse(name, "bad user id", err);
	e->uid = (uid_t)v;
	if (pick(h->gid, sizeof(h->gid), x->has_gid, x->gid, UINT32_MAX - 1,
		 &v) < 0)
		return ac_tar_refuse(name, "bad group id", err);
	e->gid = (gid_t)v;
	e->mtime = x->mtime;
	e->mtime_ns = x->mtime_ns;
	if (!x->has_mtime &&
	    ac_tar_number(h->mtime, sizeof(h->mtime), &e->mtime) < 0)
		return ac_tar_refuse(name, "bad time", err);
	if (e->type != AC_F_CHR && e->type != AC_F_BLK)
		return 0;
	if (pick(h->major, sizeof(h->major), x->has_major, x->major, 0xfff,
		 &v) < 0)
		return ac_tar_refuse(name, "bad device number", err);
	e->dev_major = (unsigned int)v;
	if (pick(h->minor, sizeof(h->minor), x->has_minor, x->minor, 0xfffff,
		 &v) < 0)
		return ac_tar_refuse(name, "bad device number", err);
	e->dev_minor = (unsigned int)v;
	return 0;
}

/* How many bytes of data follow the header. */
static int read_size(const struct ac_tar_raw *h, const struct ac_tar_pax *x,
		     const char *name, struct ac_entry *e, struct ac_err *err)
{
	if (pick(h->size, sizeof(h->size), x->has_size, x->size, INT64_MAX,
		 &e->size) < 0)
		return ac_tar_refuse(name, "impossible size", err);
	/* Old archives give directories and hard links a size and no data;
	 * everybody who reads images takes it so. */
	if (e->type != AC_F_REG)
		e->size = 0;
	if (x->sparse && e->type != AC_F_REG)
		return ac_tar_refuse(name, "sparse, but not a file", err);
	return 0;
}

int ac_tar_entry(const struct ac_tar_raw *h, const struct ac_tar_pax *x,
		 struct ac_tar_names *names, struct ac_entry *e,
		 struct ac_err *err)
{
	AC_FREE char *name = raw_name(h, x);

	*e = (struct ac_entry){.xattrs = x->xattrs, .n_xattrs = x->n_xattrs};
	if (read_type(h, name, e, err) < 0 ||
	    read_path(names, name, e, err) < 0 ||
	    read_link(names, h, x, name, e, err) < 0 ||
	    read_numbers(h, x, name, e, err) < 0)
		return -1;
	return read_size(h, x, name, e, err);
}
