/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stddef.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "common/store/config.h"

/* The member NAME of F: a size as text, or a whole number. */
static int take(const struct ac_config_file *f, enum ac_limit which,
		struct ac_config_value *v, struct ac_err *err)
{
	const char *name = ac_limit_name(which);
	struct ac_json *value = NULL;
	AC_FREE char *number = NULL;
	const char *text = NULL;
	enum ac_json_type type;
	int got = ac_field_find(f->doc, "", name, &value, err);

	if (got <= 0)
		return got;
	type = ac_json_type(value);
	if (type == AC_JSON_INT)
		text = number = ac_xasprintf("%" PRId64, ac_json_number(value));
	else if (type == AC_JSON_STRING)
		text = ac_json_text(value, NULL);
	if (text == NULL)
		return ac_err_at(err, "", name,
				 "expected a number or a text such as '128G', "
				 "found %s",
				 ac_json_type_name(type));
	if (ac_config_put(f, name, text, v, err) < 0)
		return -1;
	if (ac_limit_put(which, ac_str(text)) < 0)
		return ac_err_at(err, "", name,
				 "expected a number above 0, which K, M, G or "
				 "T may follow, found '%.64s'",
				 text);
	return 0;
}

static int take_limits(void *ctx, const struct ac_config_file *f,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf known = AC_BUF_INIT(4096);
	struct ac_config_limits *l = ctx;

	if (f->rkt)
		return 0; /* the original had none */
	ac_buf_adds(&known, "rktKind rktVersion");
	for (size_t i = 0; i < AC_LIMITS; i++)
		ac_buf_addf(&known, " %s", ac_limit_name((enum ac_limit)i));
	ac_config_known(f, f->doc, "", ac_buf_str(&known));
	for (size_t i = 0; i < AC_LIMITS; i++)
		if (take(f, (enum ac_limit)i, &l->v[i], err) < 0)
			return -1;
	return 0;
}

void ac_config_limits_release(struct ac_config_limits *l)
{
	for (size_t i = 0; i < AC_LIMITS; i++)
		ac_config_value_release(&l->v[i]);
}

int ac_config_limits_read(const struct ac_config *c,
			  struct ac_config_limits *out, struct ac_err *err)
{
	struct ac_config_limits l = AC_CONFIG_LIMITS_INIT;
	AC_FREE char *user = NULL;
	struct ac_config own = {.user = NULL};

	if (c == NULL) {
		own.user = user = ac_config_user();
		c = &own;
	}
	if (ac_config_each(c, "limits.d", take_limits, &l, err) < 0) {
		ac_config_limits_release(&l);
		return -1;
	}
	*out = l;
	return 0;
}

int ac_config_limits(const struct ac_config *c, const struct ac_strv *options,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_config_limits_release)
	struct ac_config_limits l = AC_CONFIG_LIMITS_INIT;

	if (ac_config_limits_read(c, &l, err) < 0)
		return -1;
	return options != NULL ? ac_limit_set_all(options, err) : 0;
}
