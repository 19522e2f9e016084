/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/field.h"
#include "common/store/config.h"

void ac_config_value_release(struct ac_config_value *v)
{
	free(v->text);
	free(v->file);
	*v = (struct ac_config_value){.text = NULL};
}

int ac_config_put(const struct ac_config_file *f, const char *key,
		  const char *text, struct ac_config_value *v,
		  struct ac_err *err)
{
	AC_FREE char *thing = NULL;

	if (v->text != NULL && v->level == f->level) {
		thing = ac_xasprintf("'%s'", key);
		return ac_config_twice(key, v->file, thing, err);
	}
	ac_config_value_release(v);
	v->text = ac_xstrdup(text);
	v->file = ac_xstrdup(f->path);
	v->level = f->level;
	return 1;
}

int ac_config_take(const struct ac_config_file *f, const char *key,
		   struct ac_config_value *v, struct ac_err *err)
{
	const char *text = NULL;
	int got = ac_field_str(f->doc, "", key, &text, err);

	/* The original wrote empty ones where it had none. */
	if (got < 0 || got == 0 || text[0] == '\0')
		return got < 0 ? -1 : 0;
	return ac_config_put(f, key, text, v, err);
}

static int take_path(const struct ac_config_file *f, const char *key,
		     struct ac_config_value *v, struct ac_err *err)
{
	int got = ac_config_take(f, key, v, err);

	if (got > 0 && v->text[0] != '/')
		return ac_err_at(err, "", key,
				 "expected an absolute path, found '%.200s'",
				 v->text);
	return got;
}

static int take_paths(void *ctx, const struct ac_config_file *f,
		      struct ac_err *err)
{
	struct ac_config_paths *p = ctx;

	ac_config_known(f, f->doc, "", "rktKind rktVersion data stage1-images");
	if (f->rkt) {
		ac_warn("'%s' is about rkt's own store and images; it is not "
			"used",
			f->path);
		return 0;
	}
	if (take_path(f, "data", &p->data, err) < 0 ||
	    take_path(f, "stage1-images", &p->stage1_images, err) < 0)
		return -1;
	return 0;
}

void ac_config_paths_release(struct ac_config_paths *p)
{
	ac_config_value_release(&p->data);
	ac_config_value_release(&p->stage1_images);
}

int ac_config_paths(const struct ac_config *c, struct ac_config_paths *out,
		    struct ac_err *err)
{
	struct ac_config_paths p = AC_CONFIG_PATHS_INIT;

	if (ac_config_each(c, "paths.d", take_paths, &p, err) < 0) {
		ac_config_paths_release(&p);
		return -1;
	}
	*out = p;
	return 0;
}
