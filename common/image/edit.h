/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_EDIT_H
#define AC_IMAGE_EDIT_H

/*
 * Changes to an image manifest, made on its document: what acbuild and
 * `actool patch-manifest` share.  Members are found in whatever case they were
 * written, and keep that spelling and their place.
 *
 *	list = ac_edit_list(doc, "labels", true, err);
 *	if (list == NULL)
 *		return -1;
 *	ac_edit_put(list, "name", "version", ac_edit_pair("version", "2"));
 *	return ac_edit_check(doc, old, err);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_json;
struct ac_strv;

/* Member NAME of O, borrowed; NULL also for null. */
struct ac_json *ac_edit_member(const struct ac_json *o, const char *name);
/* Make member NAME of O VALUE (taken over), or remove it. */
void ac_edit_set(struct ac_json *o, const char *name, struct ac_json *value);
void ac_edit_set_str(struct ac_json *o, const char *name, const char *value);
void ac_edit_del(struct ac_json *o, const char *name);

/* The list that is member NAME of O (which may be NULL), made when CREATE.
 * NULL on error, and (with err->code AC_OK) when there is none. */
AC_MUSTUSE struct ac_json *ac_edit_list(struct ac_json *o, const char *name,
					bool create, struct ac_err *err);

/* Is member KEY of ELEMENT what VALUE says, be it a string or a number? */
bool ac_edit_is(const struct ac_json *element, const char *key,
		const char *value);
/* Remove the elements of LIST that are.  Returns how many. */
size_t ac_edit_drop(struct ac_json *list, const char *key, const char *value);
/* Put ELEMENT (taken over) in the place of the first of LIST with this VALUE
 * of KEY, whose others go; or at the end when there is none. */
void ac_edit_put(struct ac_json *list, const char *key, const char *value,
		 struct ac_json *element);

/* Elements of lists, owned by the caller. */
AC_MUSTUSE struct ac_json *ac_edit_pair(const char *name, const char *value);
AC_MUSTUSE struct ac_json *ac_edit_mount(const char *name, const char *path,
					 bool read_only);
AC_MUSTUSE struct ac_json *ac_edit_port(const char *name, const char *protocol,
					uint64_t port, uint64_t count,
					bool socket_activated);
/* Of NAME as in "example.com/base:1.0,os=linux", with more labels in LABELS
 * ("name=value", may be NULL); IMAGE_ID NULL and SIZE 0: not said.  NULL on
 * failure. */
AC_MUSTUSE struct ac_json *ac_edit_dependency(const char *name,
					      const struct ac_strv *labels,
					      const char *image_id,
					      uint64_t size,
					      struct ac_err *err);

/* Is DOC a valid image manifest?  What can be said against it besides, and
 * could not be said of OLD (may be NULL), is warned of. */
AC_MUSTUSE int ac_edit_check(const struct ac_json *doc,
			     const struct ac_json *old, struct ac_err *err);

#endif
