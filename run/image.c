/* SPDX-License-Identifier: Apache-2.0 */
#include "run/image.h"

#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/sys/secret.h"
#include "common/sys/spawn.h"

enum pull_policy pull_policy(const char *name)
{
	if (name != NULL && strcmp(name, "never") == 0)
		return PULL_NEVER;
	return name != NULL && strcmp(name, "update") == 0 ? PULL_UPDATE
							   : PULL_NEW;
}

/* The last line of what acfetch printed: the image's id. */
static char *last_line(const char *text)
{
	struct ac_str s = ac_str_trim(ac_str(text));
	struct ac_str line;

	while (ac_str_cut(&s, '\n', &line))
		;
	return ac_xstrndup(line.p, line.len);
}

/* Another program's job: it has the network, the keys and the parsers. */
static int fetch(const struct image_source *s, const char *text,
		 const char *signature, char **id, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(1 << 16);
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLOSE int secret = -1;
	struct ac_spawn_fd map = {.to = STDERR_FILENO + 1};
	int code;

	ac_strv_take(&argv, ac_spawn_sibling("acfetch"));
	ac_strv_push(&argv, "pull");
	ac_strv_push(&argv, "--full");
	if (s->dir != NULL)
		ac_strv_pushf(&argv, "--dir=%s", s->dir);
	if (s->insecure != NULL)
		ac_strv_pushf(&argv, "--insecure-options=%s", s->insecure);
	if (signature != NULL)
		ac_strv_pushf(&argv, "--signature=%s", signature);
	if (s->secret->known) {
		secret = ac_secret_pipe(s->secret, err);
		if (secret < 0)
			return -1;
		map.from = secret;
		ac_strv_pushf(&argv, "--passphrase-fd=%d", map.to);
	}
	ac_strv_push(&argv, text);
	code = ac_spawn_output_with(argv.v, secret >= 0 ? &map : NULL, &out,
				    err);
	if (code < 0)
		return -1;
	if (code != 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image '%s' was not fetched: acfetch ended "
				  "with status %d",
				  text, code);
	*id = last_line(ac_buf_str(&out));
	if (ac_image_id_ok(*id, true))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "acfetch pull '%s' printed '%.150s' instead of an "
			  "image id",
			  text, *id);
}

static int open_store(struct image_source *s, struct ac_err *err)
{
	if (s->store.path != NULL)
		return 0;
	return ac_store_open(&s->store, s->dir, false, err);
}

/* 1, 0 when the store has none, -1. */
static int look_up(struct image_source *s, const struct ac_ref *ref,
		   struct ac_record *r, struct ac_err *err)
{
	if (open_store(s, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (ref->kind == AC_REF_ID && ac_image_id_ok(ref->name, true))
		return ac_store_get(&s->store, ref->name, r, err);
	return ac_store_find(&s->store, ref, r, err);
}

/* An image for this machine first, then one that says nothing about it. */
static int look_up_twice(struct image_source *s, struct ac_ref *ref,
			 const char *text, struct ac_record *r,
			 struct ac_err *err)
{
	int found;

	ac_ref_default_platform(ref);
	found = look_up(s, ref, r, err);
	if (found != 0 || ref->kind != AC_REF_NAME)
		return found;
	ac_ref_release(ref);
	if (ac_ref_parse(ref, text, err) < 0)
		return -1;
	return look_up(s, ref, r, err);
}

int image_find(struct image_source *s, const char *text, const char *signature,
	       struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_FREE char *id = NULL;
	bool known;
	int found = 0;

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	known = ref.kind == AC_REF_ID ||
		(ref.kind != AC_REF_FILE && s->policy != PULL_UPDATE) ||
		s->policy == PULL_NEVER;
	if (known)
		found = look_up_twice(s, &ref, text, r, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (ref.kind == AC_REF_ID || s->policy == PULL_NEVER)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no image '%s' in the store; 'acfetch image "
				  "list' shows what there is",
				  text);
	if (fetch(s, text, signature, &id, err) < 0 || open_store(s, err) < 0)
		return -1;
	found = ac_store_get(&s->store, id, r, err);
	if (found == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image '%s' was fetched and is not in the "
				  "store",
				  id);
	return found < 0 ? -1 : 0;
}

int image_check_platform(const struct ac_image *m, struct ac_err *err)
{
	const char *os = ac_pairs_get(&m->labels, "os");
	const char *arch = ac_pairs_get(&m->labels, "arch");

	if (os != NULL && strcmp(os, ac_host_os()) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "bad os \"%s\": image '%s' does not run on "
				  "this host (%s)",
				  os, m->name, ac_host_os());
	if (os != NULL && arch != NULL && strcmp(arch, ac_host_arch()) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "bad arch \"%s\" for linux: image '%s' does "
				  "not run on this host (%s)",
				  arch, m->name, ac_host_arch());
	return 0;
}
