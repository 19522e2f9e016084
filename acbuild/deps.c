/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/deps.h"

#include <ctype.h>
#include <string.h>

#include "acbuild/cmd.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/insecure.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/ref.h"
#include "common/store/obtain.h"

enum { MAX_TEXT = 1 << 20 };

/* A record needs an id to be told from others; no image has this one. */
static const char no_id[] =
	"sha512-"
	"00000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000";

struct ac_obtain deps_source(const struct ac_call *c, bool insecure)
{
	const struct globals *g = c->globals;
	struct ac_obtain from = {.store = AC_STORE_INIT,
				 .dir = g->dir,
				 .config = &g->config,
				 .insecure = g->insecure};

	if (insecure && (ac_insecure_bits(g->insecure) & AC_INSECURE_PUBKEY))
		from.insecure = "all-fetch";
	else if (insecure)
		from.insecure = "image,http,tls";
	return from;
}

int deps_failed(struct ac_err *err)
{
	if (err->code == AC_E_NOT_FOUND)
		err->code = AC_E_INVALID;
	return -1;
}

char *deps_text(const struct ac_dependency *d)
{
	const char *version = ac_pairs_get(&d->labels, "version");
	struct ac_buf b = AC_BUF_INIT(MAX_TEXT);

	ac_buf_adds(&b, d->name);
	if (version != NULL)
		ac_buf_addf(&b, ":%s", version);
	for (size_t i = 0; i < d->labels.n; i++)
		if (strcmp(d->labels.v[i].name, "version") != 0)
			ac_buf_addf(&b, ",%s=%s", d->labels.v[i].name,
				    d->labels.v[i].value);
	return ac_buf_steal(&b);
}

static void escape(struct ac_buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~/", *s) != NULL)
			ac_buf_addc(b, *s);
		else
			ac_buf_addf(b, "%%%02X", (unsigned char)*s);
}

/* The same in rkt's spelling, which can say every value and is no file. */
static char *spell(const struct ac_dependency *d)
{
	struct ac_buf b = AC_BUF_INIT(MAX_TEXT);

	ac_buf_addf(&b, "cimd:appc:v=0:%s", d->name);
	for (size_t i = 0; i < d->labels.n; i++) {
		ac_buf_addc(&b, i == 0 ? '?' : '&');
		escape(&b, d->labels.v[i].name);
		ac_buf_addc(&b, '=');
		escape(&b, d->labels.v[i].value);
	}
	return ac_buf_steal(&b);
}

/* Is the image with the id of D in the store?  1, 0, -1. */
static int by_id(const struct ac_dependency *d, struct ac_obtain *from,
		 struct ac_record *r, struct ac_err *err)
{
	int found;

	if (d->image_id == NULL)
		return 0;
	if (ac_obtain_store(from, false, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	found = ac_store_get(&from->store, d->image_id, r, err);
	if (found <= 0 || ac_store_usable(&from->store, r->id))
		return found;
	/* Of a store whose layers are not for us. */
	ac_record_release(r);
	return ac_obtain(from, d->image_id, r, err) < 0 ? -1 : 1;
}

static int not_obtained(const char *shown, struct ac_err *err)
{
	if (err->code != AC_E_NOT_FOUND)
		return ac_err_ctx(err, "dependency '%s'", shown);
	err->code = AC_E_INVALID;
	return ac_err_ctx(err,
			  "dependency \"%s\" doesn't appear to exist: ACI not "
			  "in registry",
			  shown);
}

static int obtain(const struct ac_dependency *d, struct ac_obtain *from,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_FREE char *shown = deps_text(d);
	AC_FREE char *text = spell(d);
	int found = by_id(d, from, &r, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (d->image_id != NULL && from->policy == AC_OBTAIN_NEVER)
		return ac_err_set(err, AC_E_INVALID,
				  "dependency \"%s\" doesn't appear to exist: "
				  "image %.20s is not in the store",
				  shown, d->image_id);
	/* What the store has by this name is another image. */
	if ((d->image_id != NULL ? ac_obtain_pull(from, text, &r, err)
				 : ac_obtain(from, text, &r, err)) < 0)
		return not_obtained(shown, err);
	if (d->image_id != NULL && strcmp(d->image_id, r.id) != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "dependency '%s' must be image '%s', what "
				  "came is '%s'",
				  shown, d->image_id, r.id);
	return 0;
}

int deps_obtain(const struct ac_json *doc, struct ac_obtain *from,
		struct ac_record *build, struct ac_err *err)
{
	struct ac_image m = AC_IMAGE_INIT;

	if (ac_image_load(&m, ac_json_copy(doc), NULL, err) < 0)
		return -1;
	build->kind = AC_IMAGE_ACI;
	build->id = ac_xstrdup(no_id);
	build->image = m;
	for (size_t i = 0; i < m.n_deps; i++)
		if (obtain(&m.deps[i], from, err) < 0)
			return -1;
	return ac_obtain_store(from, true, err);
}

/* The image R as a dependency. */
static struct ac_json *as_dependency(const struct ac_record *r)
{
	struct ac_json *dep = ac_json_object();
	struct ac_json *labels = ac_json_array();

	for (size_t i = 0; i < r->image.labels.n; i++)
		ac_json_push(labels, ac_edit_pair(r->image.labels.v[i].name,
						  r->image.labels.v[i].value));
	ac_json_set_str(dep, "imageName", r->image.name);
	ac_json_set_str(dep, "imageID", r->id);
	if (ac_json_len(labels) != 0)
		ac_json_set(dep, "labels", labels);
	else
		ac_json_free(labels);
	if (r->n_blobs != 0)
		ac_json_set_int(dep, "size", (int64_t)r->blobs[0].size);
	return dep;
}

/* Is R what NAME says? */
static int check_name(const struct ac_record *r, const char *file,
		      const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;

	if (name == NULL)
		return 0;
	if (ac_ref_parse_name(&ref, name, err) < 0)
		return -1;
	if (ac_image_matches(&r->image, ref.name, &ref.labels))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' is image '%s', or has other labels: it is not "
			  "'%s'",
			  file, r->image.name, name);
}

struct ac_json *deps_from_file(const struct ac_call *c, const char *file,
			       const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct ac_obtain from = deps_source(c, false);
	bool plain = file[0] != '/' && file[0] != '.';
	AC_FREE char *path = ac_xasprintf("%s%s", plain ? "./" : "", file);
	int ret;

	/* Who names a file has it: nobody else signs it. */
	from.insecure = "image";
	ret = ac_obtain_pull(&from, path, &r, err);
	ac_store_release(&from.store);
	if (ret < 0)
		(void)deps_failed(err);
	if (ret < 0 || check_name(&r, file, name, err) < 0)
		return NULL;
	return as_dependency(&r);
}
