/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "actool/confine.h"
#include "actool/diff.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/sys/interrupt.h"

enum { SAME = 0, DIFFERENT = 1, TROUBLE = 2 };

const struct ac_opt diff_options[] = {
	AC_OPT_BOOL(struct diff_opts, json, "json", "print it as JSON"),
	AC_OPT_BOOL(struct diff_opts, quiet, "quiet",
		    "print nothing: the exit code tells"),
	AC_OPT_BOOL(struct diff_opts, ignore_mtime, "ignore-mtime",
		    "times do not matter"),
	AC_OPT_BOOL(struct diff_opts, ignore_owner, "ignore-owner",
		    "users and groups do not matter"),
	AC_OPT_PASSPHRASE(struct diff_opts, passphrase_fd),
	AC_OPT_END,
};

static void release(struct diff_side *s)
{
	ac_json_free(s->manifest);
	difftree_release(&s->tree);
}

static int on_manifest(void *ctx, const char *text, size_t len,
		       struct ac_err *err)
{
	struct diff_side *s = ctx;

	/* Also one that is not valid can be compared. */
	s->manifest = ac_json_parse(text, len, "manifest", err);
	return s->manifest != NULL ? 0 : -1;
}

static int on_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	struct diff_side *s = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	return difftree_add(&s->tree, e, err);
}

static int on_data(void *ctx, const void *p, size_t n, uint64_t off,
		   struct ac_err *err)
{
	struct diff_side *s = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	difftree_data(&s->tree, p, n, off);
	return 0;
}

/* To compare is not to trust. */
static void on_warn(AC_UNUSED void *ctx, AC_UNUSED const struct ac_err *why)
{
}

static int read_side(struct diff_side *s, const char *file, size_t *bytes,
		     struct ac_secret *secret, struct ac_err *err)
{
	const struct ac_aci_events ev = {.manifest = on_manifest,
					 .entry = on_entry,
					 .data = on_data,
					 .warn = on_warn,
					 .ctx = s};

	s->file = file;
	difftree_init(&s->tree, bytes);
	if (walk_image(file, secret, &ev, &s->walk, err) < 0)
		return ac_err_ctx(err, "%s", file);
	difftree_end(&s->tree);
	return 0;
}

static void compare_trees(struct diff_show *show, const struct difftree *a,
			  const struct difftree *b, unsigned int ignore)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->n || j < b->n) {
		int c = i == a->n   ? 1
			: j == b->n ? -1
				    : strcmp(a->v[i].path, b->v[j].path);
		unsigned int what;

		if (c < 0) {
			diff_show_file(show, &a->v[i++], NULL, 0);
		} else if (c > 0) {
			diff_show_file(show, NULL, &b->v[j++], 0);
		} else {
			what = difftree_compare(&a->v[i], &b->v[j]) & ~ignore;
			if (what != 0)
				diff_show_file(show, &a->v[i], &b->v[j], what);
			i++;
			j++;
		}
	}
}

static int diff(const struct diff_opts *o, char **files, struct ac_err *err)
{
	AC_CLEANUP(release) struct diff_side a = {.file = NULL};
	AC_CLEANUP(release) struct diff_side b = {.file = NULL};
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	struct diff_show show = {.how = o->quiet  ? DIFF_QUIET
					: o->json ? DIFF_JSON
						  : DIFF_TEXT};
	unsigned int ignore = (o->ignore_mtime ? DIFF_MTIME : 0) |
			      (o->ignore_owner ? DIFF_OWNER : 0);
	size_t bytes = 0;

	if (strcmp(files[0], "-") == 0 && strcmp(files[1], "-") == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "only one of the two can be standard input");
	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0 ||
	    confine_files(files, 2, NULL, false, err) < 0 ||
	    read_side(&a, files[0], &bytes, &secret, err) < 0 ||
	    read_side(&b, files[1], &bytes, &secret, err) < 0)
		return -1;
	diff_show_begin(&show, &a, &b);
	diff_manifests(a.manifest, b.manifest, diff_show_field, &show);
	diff_show_files(&show);
	compare_trees(&show, &a.tree, &b.tree, ignore);
	diff_show_end(&show);
	if (!show.different && show.how == DIFF_TEXT && !a.walk.layout &&
	    !b.walk.layout && !ac_digest_equal(&a.walk.id, &b.walk.id))
		ac_log("the files and the manifest are the same; the ids are "
		       "not, because they are packed in another way%s",
		       ignore != 0 ? ", or by what was ignored" : "");
	return show.different ? DIFFERENT : SAME;
}

int run_diff(struct ac_call *c, struct ac_err *err)
{
	AC_FREE char *msg = NULL;
	int code;

	(void)ac_interrupt_catch();
	code = diff(c->opts, c->argv, err);
	/* What nobody could read must not look like a difference. */
	if (code >= 0 && fflush(stdout) != 0)
		return TROUBLE;
	/* A signal has its own code, and a bad command line is trouble too. */
	if (code >= 0 || err->code == AC_E_USAGE || ac_interrupt_code() != 0)
		return code;
	msg = ac_str_show(err->msg);
	ac_log("diff: %s", msg);
	return TROUBLE;
}
