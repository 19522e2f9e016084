/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/script.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/words.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/sys/interrupt.h"
#include "common/sys/tmpdir.h"

enum {
	MAX_SCRIPT = 16 << 20,
	MAX_DEPTH = 16, /* of scripts in scripts */
};

const char script_about[] =
	"A line is a command line of acbuild, without its name: words in ' or\n"
	"\", escapes and \"# comments\" as in a shell, and a backslash at its end\n"
	"for more of it. The build is a temporary directory, which goes at the\n"
	"end: no line says \"end\". The first that fails is the last. \"-\" is\n"
	"standard input.";

/* Of the commands too, in "set-exec" as in "Set-Exec". */
static void lower(char *word)
{
	for (; *word != '\0'; word++)
		*word = (char)tolower((unsigned char)*word);
}

/* Nothing is done of a script that cannot be read to its end. */
static int check(const char *name, struct ac_str text, struct ac_err *err)
{
	AC_CLEANUP(words_release) struct words w = WORDS_OF(text);
	int r;

	while ((r = words_next(&w, err)) > 0) {
		lower(w.v.v[0]);
		if (strcmp(w.v.v[0], "end") == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s:%u: calling end is unnecessary "
					  "in a script, cleanup is done "
					  "automatically",
					  name, w.line);
	}
	return r < 0 ? ac_err_ctx(err, "%s:%u", name, w.line) : 0;
}

/* The commands of TEXT, until one fails: its exit code. */
static int run_lines(const struct globals *g, const char *name,
		     struct ac_str text, struct ac_err *err)
{
	AC_CLEANUP(words_release) struct words w = WORDS_OF(text);
	const char *base = ac_log_program();
	int code = 0;

	while (code == 0 && words_next(&w, err) > 0) {
		AC_FREE char *who =
			ac_xasprintf("%s: %s:%u", base, name, w.line);

		lower(w.v.v[0]);
		ac_strv_unshift(&w.v, "acbuild");
		ac_log_init(who, g->debug);
		code = ac_interrupt_check(err) < 0
			       ? -1
			       : ac_prog_run(&acbuild_prog, g, (int)w.v.n,
					     w.v.v);
		ac_log_init(base, g->debug);
	}
	return code;
}

/* Where the build goes: --work-path, or where there is room for it. */
static const char *parent_dir(const struct globals *g)
{
	const char *tmp = getenv("TMPDIR");

	if (g->work_path != NULL)
		return g->work_path;
	if (tmp != NULL && tmp[0] != '\0')
		return tmp;
	return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

static int in_scratch(const struct ac_call *c, const char *name,
		      struct ac_str text, struct ac_err *err)
{
	struct globals g = *(const struct globals *)c->globals;
	AC_CLEANUP(ac_tmpdir_release) struct ac_tmpdir dir = AC_TMPDIR_INIT;
	struct script s = {.work = WORK_INIT};
	int r;

	(void)ac_interrupt_catch(); /* what is built must go */
	if (ac_tmpdir_make(&dir, parent_dir(&g), "acbuild-script-", err) < 0)
		return -1;
	s.path = dir.path;
	s.file = strcmp(c->argv[0], "-") == 0 ? NULL : c->argv[0];
	g.script = &s;
	g.work_path = s.path;
	r = run_lines(&g, name, text, err);
	work_release(&s.work);
	return r;
}

int run_script(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const char *name =
		strcmp(c->argv[0], "-") == 0 ? "standard input" : c->argv[0];
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_SCRIPT);
	struct ac_str lines;
	int r;

	if (no_modify(c, err) < 0 ||
	    read_file(AT_FDCWD, c->argv[0], &text, err) < 0)
		return -1;
	lines = (struct ac_str){text.p, text.len};
	if (check(name, lines, err) < 0)
		return -1;
	ac_debug("Running script from %s", name);
	if (g->script == NULL) {
		r = in_scratch(c, name, lines, err);
	} else if (g->script->depth == MAX_DEPTH) {
		return ac_err_set(err, AC_E_INVALID,
				  "too many scripts within scripts");
	} else {
		g->script->depth++;
		r = run_lines(g, name, lines, err);
		g->script->depth--;
	}
	if (r == 0)
		ac_debug("Script has been completed");
	return r;
}
