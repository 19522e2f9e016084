/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actool/cmd.h"
#include "actool/confine.h"
#include "actool/inspect.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/codec/pgp.h"
#include "common/codec/sigstore.h"
#include "common/store/sig.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"

enum { DEFAULT_LIMIT = 20, MAX_LIMIT = 10000 };

const struct ac_opt inspect_options[] = {
	AC_OPT_BOOL(struct inspect_opts, json, "json", "print it as JSON"),
	AC_OPT_UINT(struct inspect_opts, limit, "limit", "N",
		    "at most so many files in each list (default 20)"),
	AC_OPT_PASSPHRASE(struct inspect_opts, passphrase_fd),
	AC_OPT_END,
};

static void release(struct inspection *i)
{
	ac_image_release(&i->image);
	tally_release(&i->tally);
	for (size_t s = 0; s < i->n_sigs; s++) {
		free(i->sigs[s].file);
		free(i->sigs[s].fault);
		ac_strv_release(&i->sigs[s].keys);
	}
	free(i->sigs);
}

static int on_manifest(void *ctx, const char *text, size_t len,
		       struct ac_err *err)
{
	struct inspection *i = ctx;

	if (ac_image_parse(&i->image, text, len, NULL, err) < 0)
		return ac_err_ctx(err, "manifest");
	return 0;
}

static int on_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	struct inspection *i = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	tally_add(&i->tally, e);
	return 0;
}

/* To be told of what is dangerous is what one inspects for. */
static void on_warn(void *ctx, AC_UNUSED const struct ac_err *why)
{
	struct inspection *i = ctx;

	i->warnings++;
}

/* Who made the bundles in TEXT, by their own word. */
static int bundle_makers(struct ac_strv *keys, const struct ac_buf *text,
			 struct ac_err *err)
{
	struct ac_str rest = ac_strn(ac_buf_str(text), text->len);
	struct ac_str one;

	while (ac_sigstore_next(&rest, &one)) {
		AC_CLEANUP(ac_sigstore_release)
		struct ac_sigstore s = {.hint = NULL};

		if (ac_sigstore_parse(&s, one.p, one.len, err) < 0)
			return -1;
		if (s.hint != NULL)
			ac_strv_push(keys, s.hint);
	}
	return 0;
}

/* Who made the signature in TEXT, by its own word. */
static int makers(struct beside *b, const struct ac_buf *text,
		  struct ac_err *err)
{
	if (strcmp(b->kind, ac_sig_openpgp.kind) == 0)
		return ac_pgp_issuers(ac_buf_str(text), text->len, &b->keys,
				      err);
	if (strcmp(b->kind, ac_sig_sigstore.kind) == 0)
		return bundle_makers(&b->keys, text, err);
	return 0;
}

static void look_beside(struct inspection *i, const struct ac_sig_method *m)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(m->max);
	AC_FREE char *file = ac_xasprintf("%s%s", i->file, m->suffix);
	struct ac_err err = AC_ERR_INIT;
	int r = ac_io_read_regular(AT_FDCWD, file, &text, &err);
	struct beside *b;

	if (r < 0 && err.code == AC_E_NOT_FOUND)
		return;
	i->sigs = ac_xrealloc(i->sigs, i->n_sigs + 1, sizeof(*i->sigs));
	b = &i->sigs[i->n_sigs++];
	*b = (struct beside){.file = ac_steal_ptr(&file), .kind = m->kind};
	if (r < 0 || makers(b, &text, &err) < 0)
		b->fault = ac_xstrdup(err.msg);
}

static int inspect(struct inspection *i, struct ac_secret *secret,
		   struct ac_err *err)
{
	const struct ac_aci_events ev = {.manifest = on_manifest,
					 .entry = on_entry,
					 .warn = on_warn,
					 .ctx = i};

	if (walk_image(i->file, secret, &ev, &i->walk, err) < 0)
		return -1;
	tally_end(&i->tally);
	for (size_t m = 0; m < AC_SIG_KINDS; m++)
		if (!i->walk.layout && strcmp(i->file, "-") != 0)
			look_beside(i, ac_sig_methods[m]);
	return 0;
}

/* One file of several: its exit code. */
static int inspect_one(const char *file, uint64_t limit,
		       struct ac_secret *secret, struct ac_json *all,
		       bool first)
{
	AC_CLEANUP(release)
	struct inspection i = {.file = file,
			       .image = AC_IMAGE_INIT,
			       .tally.limit = limit};
	struct ac_err err = AC_ERR_INIT;

	if (inspect(&i, secret, &err) < 0) {
		if (all != NULL) {
			struct ac_json *o = ac_json_object();

			ac_json_set_str(o, "file", file);
			ac_json_set_str(o, "error", err.msg);
			ac_json_push(all, o);
		}
		return tell_file(file, &err);
	}
	if (all != NULL) {
		ac_json_push(all, inspect_json(&i));
	} else {
		if (!first)
			(void)putchar('\n');
		inspect_print(&i);
	}
	return 0;
}

int run_inspect(struct ac_call *c, struct ac_err *err)
{
	const struct inspect_opts *o = c->opts;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_JSON struct ac_json *all = o->json ? ac_json_array() : NULL;
	uint64_t limit = o->limit != 0 ? o->limit : DEFAULT_LIMIT;
	int code = 0;

	if (limit > MAX_LIMIT)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%ju' for option --limit: at most "
				  "%d",
				  (uintmax_t)limit, MAX_LIMIT);
	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (confine_files(c->argv, c->argc, NULL, false, err) < 0)
		return -1;
	(void)ac_interrupt_catch();
	for (int i = 0; i < c->argc; i++) {
		code |= inspect_one(c->argv[i], limit, &secret, all, i == 0);
		if (ac_interrupt_check(err) < 0)
			return -1;
	}
	if (all == NULL)
		return code;
	return ac_print_json(all, 2, err) < 0 ? -1 : code;
}
