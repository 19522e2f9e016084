/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
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

	(void)ac_err_set(err, AC_E_INVALID, "tar entry '%.300s': %s", show,
			 why);
	(void)snprintf(err->path, sizeof(err->path), "%s", show);
	return -1;
}

int ac_tar_odd(const struct ac_tar_names *names, const char *rule,
	       const char *name, const char *why, struct ac_err *err)
{
	AC_FREE char *show = ac_str_show(name);

	(void)ac_err_at(err, rule, show, "%s", why);
	if (names->odd == NULL)
		return ac_tar_refuse(name, why, err);
	names->odd(names->odd_ctx, err);
	*err = AC_ERR_INIT;
	return 0;
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

static int read_type(const struct ac_tar_names *names,
		     const struct ac_tar_raw *h, const char *name,
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
	if (h->type == 'S' && !is_gnu(h))
		return ac_tar_refuse(name, "unknown type 'S'", err);
	if (i == AC_LEN(types)) {
		char text[2] = {h->type, '\0'};
		AC_FREE char *show = ac_str_show(text);
		AC_FREE char *why = ac_xasprintf("unknown type '%s'", show);

		e->type = AC_F_REG;
		return ac_tar_odd(names, "A9", name, why, err);
	}
	e->type = types[i].type;
	if (e->type == AC_F_REG && ac_str_ends(ac_str(name), "/")) {
		/* As it was before there was a type for directories. */
		if (h->type != '\0')
			return ac_tar_odd(names, "A9", name,
					  "a file with a name that ends "
					  "in a slash",
					  err);
		e->type = AC_F_DIR;
	}
	return 0;
}

/* Nobody takes such a name. */
static int climbs(const char *name, const char *why, struct ac_err *err)
{
	(void)ac_tar_refuse(name, why, err);
	ac_err_rule(err, "A10");
	return -1;
}

static int read_path(struct ac_tar_names *names, const char *name,
		     struct ac_entry *e, struct ac_err *err)
{
	bool up = ac_path_has_dotdot(name);
	char *clean;

	if (name[0] == '\0' &&
	    ac_tar_odd(names, "A10", name, "no name", err) < 0)
		return -1;
	/* "/" is what some builders call the root of a layer. */
	if (name[0] == '/' &&
	    (names->no_slash || strspn(name, "/") != strlen(name)))
		return climbs(name, "absolute name", err);
	if (up && ac_tar_odd(names, "A10", name, "'..' in the name", err) < 0)
		return -1;
	clean = ac_path_clean(name);
	if (clean == NULL && up)
		return climbs(name, "'..' in the name leads out", err);
	if (clean == NULL &&
	    ac_tar_odd(names, "A10", name, "name too long", err) < 0)
		return -1;
	free(names->path);
	names->path = clean != NULL ? clean : ac_xstrdup("");
	e->path = names->path;
	if (e->path[0] == '\0' && e->type != AC_F_DIR && clean != NULL &&
	    name[0] != '\0')
		return ac_tar_odd(names, "A10", name,
				  "the root is not a directory", err);
	return 0;
}

/* The target of the hard link NAME, cleaned, or NULL. */
static int hard_target(struct ac_tar_names *names, const char *name,
		       const char *link, struct ac_err *err)
{
	bool up = ac_path_has_dotdot(link);

	names->link = up ? NULL : ac_path_clean(link);
	if (names->link != NULL && names->link[0] != '\0')
		return 0;
	return ac_tar_odd(names, "A9", name,
			  up ? "'..' in the target of a hard link"
			     : "impossible target of a hard link",
			  err);
}

static int read_link(struct ac_tar_names *names, const struct ac_tar_raw *h,
		     const struct ac_tar_pax *x, const char *name,
		     struct ac_entry *e, struct ac_err *err)
{
	AC_FREE char *link = NULL;
	const char *why;
	int ret = 0;

	if (e->type != AC_F_LINK && e->type != AC_F_HARD)
		return 0;
	link = x->has_link ? ac_xstrdup(ac_buf_str(&x->link))
			   : ac_xstrndup(h->link,
					 ac_tar_text(h->link, sizeof(h->link)));
	free(names->link);
	names->link = NULL;
	why = link[0] == '\0'       ? "a link without a target"
	      : strlen(link) > 4095 ? "the target of the link is too long"
				    : NULL;
	if (why != NULL)
		ret = ac_tar_odd(names, "A9", name, why, err);
	else if (e->type == AC_F_LINK)
		names->link = ac_steal_ptr(&link);
	else
		ret = hard_target(names, name, link, err);
	if (ret < 0)
		return -1;
	if (names->link == NULL || names->link[0] == '\0')
		e->type = AC_F_FIFO; /* told, and checked no further */
	e->link = names->link;
	return 0;
}

/* A number that has its place in the header and may be in the pax header; -1
 * when it is none. */
static int pick(const char *field, size_t n, bool has, uint64_t pax,
		uint64_t *out)
{
	int64_t v;

	if (has)
		*out = pax;
	else if (ac_tar_number(field, n, &v) < 0)
		return -1;
	else
		*out = (uint64_t)v; /* less than 0 is too much */
	return 0;
}

/* One that is at most MAX; what is more becomes 0 where that is passed over. */
static int pick_max(const struct ac_tar_names *names, const char *field,
		    size_t n, bool has, uint64_t pax, uint64_t max,
		    const char *name, const char *why, uint64_t *out,
		    struct ac_err *err)
{
	if (pick(field, n, has, pax, out) < 0)
		return ac_tar_refuse(name, why, err);
	if (*out <= max)
		return 0;
	*out = 0;
	return ac_tar_odd(names, "A4", name, why, err);
}

static int read_device(const struct ac_tar_names *names,
		       const struct ac_tar_raw *h, const struct ac_tar_pax *x,
		       const char *name, struct ac_entry *e, struct ac_err *err)
{
	static const char why[] = "bad device number";
	uint64_t major = 0;
	uint64_t minor = 0;

	if (pick_max(names, h->major, sizeof(h->major), x->has_major, x->major,
		     0xfff, name, why, &major, err) < 0 ||
	    pick_max(names, h->minor, sizeof(h->minor), x->has_minor, x->minor,
		     0xfffff, name, why, &minor, err) < 0)
		return -1;
	e->dev_major = (unsigned int)major;
	e->dev_minor = (unsigned int)minor;
	return 0;
}

static bool device_is_number(const struct ac_tar_raw *h)
{
	int64_t v;

	return (!is_posix(h) && !is_gnu(h)) ||
	       (ac_tar_number(h->major, sizeof(h->major), &v) == 0 &&
		ac_tar_number(h->minor, sizeof(h->minor), &v) == 0);
}

const char *ac_tar_bad_number(const struct ac_tar_raw *h)
{
	int64_t v;

	if (ac_tar_number(h->mode, sizeof(h->mode), &v) < 0)
		return "bad mode";
	if (ac_tar_number(h->uid, sizeof(h->uid), &v) < 0)
		return "bad user id";
	if (ac_tar_number(h->gid, sizeof(h->gid), &v) < 0)
		return "bad group id";
	if (ac_tar_number(h->mtime, sizeof(h->mtime), &v) < 0)
		return "bad time";
	return device_is_number(h) ? NULL : "bad device number";
}

static int read_numbers(const struct ac_tar_names *names,
			const struct ac_tar_raw *h, const struct ac_tar_pax *x,
			const char *name, struct ac_entry *e,
			struct ac_err *err)
{
	uint64_t v = 0;

	if (pick_max(names, h->mode, sizeof(h->mode), false, 0, INT64_MAX, name,
		     "bad mode", &v, err) < 0)
		return -1;
	e->mode = v & 07777;
	/* The last id means "leave it" to the kernel. */
	if (pick_max(names, h->uid, sizeof(h->uid), x->has_uid, x->uid,
		     UINT32_MAX - 1, name, "bad user id", &v, err) < 0)
		return -1;
	e->uid = (uid_t)v;
	if (pick_max(names, h->gid, sizeof(h->gid), x->has_gid, x->gid,
		     UINT32_MAX - 1, name, "bad group id", &v, err) < 0)
		return -1;
	e->gid = (gid_t)v;
	e->mtime = x->mtime;
	e->mtime_ns = x->mtime_ns;
	if (!x->has_mtime &&
	    ac_tar_number(h->mtime, sizeof(h->mtime), &e->mtime) < 0)
		return ac_tar_refuse(name, "bad time", err);
	if (e->type == AC_F_CHR || e->type == AC_F_BLK)
		return read_device(names, h, x, name, e, err);
	if (!device_is_number(h))
		return ac_tar_refuse(name, "bad device number", err);
	return 0;
}

/* How many bytes of data follow the header. */
static int read_size(const struct ac_tar_raw *h, const struct ac_tar_pax *x,
		     const char *name, struct ac_entry *e, struct ac_err *err)
{
	if (pick(h->size, sizeof(h->size), x->has_size, x->size, &e->size) <
		    0 ||
	    e->size > INT64_MAX)
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
	if (read_type(names, h, name, e, err) < 0 ||
	    read_path(names, name, e, err) < 0 ||
	    read_link(names, h, x, name, e, err) < 0 ||
	    read_numbers(names, h, x, name, e, err) < 0)
		return -1;
	return read_size(h, x, name, e, err);
}
