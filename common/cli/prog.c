/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/prog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/complete.h"
#include "common/cli/suggest.h"
#include "common/cli/usage.h"
#include "common/sys/interrupt.h"

enum { MAX_DEPTH = 3 };

/* The command line, half understood. */
struct parse {
	const struct ac_prog *prog;
	void *globals;
	const struct ac_cmd *path[MAX_DEPTH]; /* command, subcommand, ... */
	size_t depth;
	void *opts;
	struct ac_strv operands;
	bool help;
	bool bad_option;
	bool builtin; /* it is none of the table's, but "help" or so */
	int i;        /* next argument */
};

static bool is_alias(const struct ac_cmd *c, struct ac_str name)
{
	struct ac_str all = ac_str(c->alias);
	struct ac_str one;

	while (all.len != 0) {
		(void)ac_str_cut(&all, ' ', &one);
		if (one.len == name.len && memcmp(one.p, name.p, one.len) == 0)
			return true;
	}
	return false;
}

/* The command NAME, by its name, an alias, or a prefix that only it has. */
static const struct ac_cmd *find_cmd(const struct ac_cmd *cmds,
				     const char *name)
{
	const struct ac_cmd *found = NULL;
	size_t n = 0;

	for (const struct ac_cmd *c = cmds; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0 || is_alias(c, ac_str(name)))
			return c;
		if (name[0] != '\0' && ac_str_starts(ac_str(c->name), name)) {
			found = c;
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

/* "label add".  Caller frees. */
static char *path_name(const struct parse *p)
{
	char *name = ac_xstrdup("");

	for (size_t d = 0; d < p->depth; d++) {
		AC_FREE char *before = name;

		name = ac_xasprintf("%s%s%s", before, d != 0 ? " " : "",
				    p->path[d]->name);
	}
	return name;
}

static void usage(FILE *out, const struct parse *p)
{
	AC_FREE char *path = path_name(p);

	ac_usage(out, p->prog, path,
		 p->depth != 0 ? p->path[p->depth - 1] : NULL);
}

static int unknown(const struct parse *p, const struct ac_cmd *cmds,
		   const char *arg, struct ac_err *err)
{
	struct ac_suggest near = ac_suggest(ac_str(arg));

	for (size_t i = 0; p->depth == 0 && ac_complete_builtins[i][0]; i++)
		ac_suggest_try(&near, ac_complete_builtins[i][0]);
	for (; cmds->name != NULL; cmds++)
		if (cmds->help != NULL)
			ac_suggest_try(&near, cmds->name);
	return ac_err_set(err, AC_E_USAGE,
			  "unknown command \"%s\" for \"%s%s%s\"%s%s%s", arg,
			  p->prog->name, p->depth != 0 ? " " : "",
			  p->depth != 0 ? p->path[p->depth - 1]->name : "",
			  near.best != NULL ? "; did you mean '" : "",
			  near.best != NULL ? near.best : "",
			  near.best != NULL ? "'?" : "");
}

/* Step into the command that ARG names. */
static int enter(struct parse *p, const char *arg, struct ac_err *err)
{
	const struct ac_cmd *cmds =
		p->depth != 0 ? p->path[p->depth - 1]->sub : p->prog->cmds;
	const struct ac_cmd *c = find_cmd(cmds, arg);

	if (c == NULL)
		return unknown(p, cmds, arg, err);
	if (p->depth == MAX_DEPTH)
		return ac_err_set(err, AC_E_USAGE, "too many commands");
	p->path[p->depth++] = c;
	free(p->opts);
	p->opts = ac_xcalloc(1, c->opt_size);
	return 0;
}

static void rest_are_operands(struct parse *p, int argc, char **argv)
{
	while (p->i < argc)
		ac_strv_push(&p->operands, argv[p->i++]);
}

/* Is NAME what every program answers itself, unless it has such a command? */
static bool is_builtin(const struct ac_prog *p, const char *name)
{
	const struct ac_cmd *c = p->cmds;

	if (strcmp(name, "--version") == 0 || strcmp(name, "-version") == 0)
		return true;
	for (size_t i = 0; ac_complete_builtins[i][0] != NULL; i++) {
		if (strcmp(name, ac_complete_builtins[i][0]) != 0)
			continue;
		while (c->name != NULL && strcmp(c->name, name) != 0)
			c++;
		return c->name == NULL;
	}
	return false;
}

static int parse(struct parse *p, int argc, char **argv, struct ac_err *err)
{
	while (p->i < argc && !p->help) {
		const struct ac_cmd *c =
			p->depth != 0 ? p->path[p->depth - 1] : NULL;
		const struct ac_cmd *sub = c != NULL ? c->sub : p->prog->cmds;
		char *arg = argv[p->i];

		p->builtin = c == NULL && is_builtin(p->prog, arg);
		if (p->builtin)
			return 0;
		if (c != NULL && c->flags & AC_CMD_RAW) {
			rest_are_operands(p, argc, argv);
			break;
		}
		if (ac_opt_is(arg)) {
			struct ac_optset sets[2] = {{c != NULL ? c->opts : NULL,
						     p->opts},
						    {p->prog->globals,
						     p->globals}};

			p->bad_option = ac_opt_one(sets, 2, argc, argv, &p->i,
						   &p->help, err) < 0;
			if (p->bad_option)
				return -1;
		} else if (strcmp(arg, "--") == 0) {
			p->i++;
			rest_are_operands(p, argc, argv);
		} else if (sub != NULL) {
			p->help = p->prog->bare_help && c != NULL &&
				  find_cmd(sub, arg) == NULL;
			if (!p->help && enter(p, arg, err) < 0)
				return -1;
			p->i++;
		} else {
			if (c != NULL && c->flags & AC_CMD_STOP) {
				rest_are_operands(p, argc, argv);
				break;
			}
			ac_strv_push(&p->operands, arg);
			p->i++;
		}
	}
	return 0;
}

static int check_operands(const struct parse *p, const char *path,
			  struct ac_err *err)
{
	const struct ac_cmd *c = p->path[p->depth - 1];
	int n = (int)p->operands.n;

	if (c->flags & AC_CMD_RAW ||
	    (n >= c->min && (c->max < 0 || n <= c->max)))
		return 0;
	return ac_err_set(err, AC_E_USAGE,
			  "%s: incorrect number of arguments; usage: %s %s %s",
			  path, p->prog->name, path,
			  c->args != NULL ? c->args : "(no arguments)");
}

static int exit_code(const struct ac_prog *p, const struct ac_err *err)
{
	int code = ac_interrupt_code() != 0 ? ac_interrupt_code()
		   : p->code != NULL        ? p->code(err)
					    : -1;

	if (code >= 0)
		return code;
	if (err->code == AC_E_USAGE)
		return p->usage_code != 0 ? p->usage_code : 2;
	return p->fail_code != 0 ? p->fail_code : 1;
}

/* Print ERR, said by the command PATH (or NULL), and give its exit code. */
static int tell(const struct ac_prog *p, const char *path,
		const struct ac_err *err)
{
	AC_FREE char *msg = ac_str_show(err->msg);

	if (path != NULL && p->name_command)
		ac_log("%s: %s", path, msg);
	else
		ac_log("%s", msg);
	if (err->code == AC_E_USAGE)
		fprintf(stderr, "Run '%s --help' for usage.\n", p->name);
	return exit_code(p, err);
}

/* `help CMD [SUB]`: show what `CMD SUB --help` shows. */
static int help_command(struct parse *p, int argc, char **argv)
{
	struct ac_err err = AC_ERR_INIT;

	p->depth = 0;
	if (argc == 1 && is_builtin(p->prog, argv[0]))
		argc = 0;
	for (int i = 0; i < argc; i++)
		if (enter(p, argv[i], &err) < 0) {
			err.code = AC_E_INVALID; /* it is not there */
			return tell(p->prog, NULL, &err);
		}
	usage(stdout, p);
	return 0;
}

static int version(const struct ac_prog *p)
{
	printf("%s version %s\n", p->name, AC_VERSION);
	if (p->version != NULL)
		printf("%s\n", p->version);
	return 0;
}

static int completion(const struct ac_prog *p, int argc, char **argv)
{
	struct ac_err err = AC_ERR_INIT;

	if (argc == 1 &&
	    (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
		printf("Usage: %s completion bash|zsh|fish\n", p->name);
		return 0;
	}
	if (argc != 1)
		ac_err_set(&err, AC_E_USAGE,
			   "completion: which shell? bash, zsh or fish");
	else if (ac_complete(stdout, p, argv[0], &err) == 0)
		return 0;
	return tell(p, NULL, &err);
}

/* What every program answers itself, at argv[p->i]. */
static int run_builtin(struct parse *p, int argc, char **argv)
{
	const char *name = argv[p->i];
	int n = argc - p->i - 1;

	if (strcmp(name, "help") == 0)
		return help_command(p, n, argv + p->i + 1);
	if (strcmp(name, "completion") == 0)
		return completion(p->prog, n, argv + p->i + 1);
	return version(p->prog);
}

static int dispatch(struct parse *p, int argc, char **argv)
{
	struct ac_err err = AC_ERR_INIT;
	const struct ac_cmd *c;
	struct ac_call call;
	AC_FREE char *path = NULL;
	int r;

	if (parse(p, argc, argv, &err) < 0) {
		if (p->bad_option && p->prog->bad_help)
			usage(stdout, p);
		return tell(p->prog, NULL, &err);
	}
	if (p->builtin)
		return run_builtin(p, argc, argv);
	c = p->depth != 0 ? p->path[p->depth - 1] : NULL;
	if (p->help || (p->prog->bare_help && (c == NULL || !c->run))) {
		usage(stdout, p);
		return 0;
	}
	if (c == NULL || c->run == NULL) {
		ac_log("missing command");
		usage(stderr, p);
		return p->prog->usage_code != 0 ? p->prog->usage_code : 2;
	}
	if (p->prog->debug_offset != 0)
		ac_log_init(ac_log_program(),
			    *(bool *)(void *)((char *)p->globals +
					      p->prog->debug_offset));
	path = path_name(p);
	if (check_operands(p, path, &err) < 0) {
		if (p->operands.n == 0 && p->prog->bad_help)
			usage(stdout, p);
		r = tell(p->prog, NULL, &err);
		return p->prog->operands_code != 0 ? p->prog->operands_code : r;
	}
	if (p->operands.v == NULL)
		p->operands.v = ac_xcalloc(1, sizeof(char *));
	call = (struct ac_call){.cmd = c,
				.path = path,
				.opts = p->opts,
				.globals = p->globals,
				.argc = (int)p->operands.n,
				.argv = p->operands.v};
	if (p->prog->before != NULL)
		p->prog->before(&call);
	r = c->run(&call, &err);
	return r >= 0 ? r : tell(p->prog, path, &err);
}

/* 0, 1 and 2 must be open, or the first file opened becomes stdout.  What was
 * closed cannot be written to, so that a result nobody gets is a failure;
 * messages nobody gets are not. */
static void open_stdio(void)
{
	static const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", flags[fd]);
}

int ac_prog_run(const struct ac_prog *prog, const void *globals, int argc,
		char **argv)
{
	struct parse p = {.prog = prog, .i = 1};
	int code;

	p.globals = ac_xcalloc(1, prog->global_size);
	if (globals != NULL)
		ac_opt_copy(&(struct ac_optset){prog->globals, p.globals},
			    globals, prog->global_size);
	code = dispatch(&p, argc, argv);

	if (p.depth != 0)
		ac_opt_release(
			&(struct ac_optset){p.path[p.depth - 1]->opts, p.opts});
	ac_opt_release(&(struct ac_optset){prog->globals, p.globals});
	ac_strv_release(&p.operands);
	free(p.opts);
	free(p.globals);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		int fail = prog->fail_code != 0 ? prog->fail_code : 1;

		ac_log("write to standard output failed");
		/* What failed before has a better code. */
		return code > fail ? code : fail;
	}
	return code;
}

int ac_prog_main(const struct ac_prog *prog, int argc, char **argv)
{
	open_stdio();
	/* Ignored, as a caller may have left it, no child's end can be told. */
	(void)signal(SIGCHLD, SIG_DFL);
	ac_log_init(prog->name, false);
	return ac_prog_run(prog, NULL, argc, argv);
}
