/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cli/complete.h"

static const char helpers[] =
	"_PROG_images() {\n"
	"	local -a names\n"
	"	names=(${(f)\"$(acfetch image list --no-legend --fields=name "
	"2>/dev/null)\"})\n"
	"	compadd -a names\n"
	"	_files -g '*.aci(-.)'\n"
	"}\n"
	"\n"
	"_PROG_pods() {\n"
	"	local -a pods\n"
	"	pods=(${${(f)\"$(acrun list --no-legend --full "
	"2>/dev/null)\"}%% *})\n"
	"	compadd -a pods\n"
	"}\n";

/* TEXT within single quotes, with a backslash before each of SPECIAL. */
static void quote(FILE *out, struct ac_str text, const char *special)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\'') {
			(void)fputs("'\\''", out);
			continue;
		}
		if (text.p[i] == '\\' || strchr(special, text.p[i]) != NULL)
			(void)fputc('\\', out);
		(void)fputc(text.p[i], out);
	}
}

static void print_action(FILE *out, enum ac_complete_kind kind,
			 const struct ac_prog *p)
{
	switch (kind) {
	case AC_COMPLETE_FILE:
		(void)fputs("_files", out);
		break;
	case AC_COMPLETE_DIR:
		(void)fputs("_files -/", out);
		break;
	case AC_COMPLETE_ACI:
		(void)fputs("_files -g \"*.aci(-.)\"", out);
		break;
	case AC_COMPLETE_IMAGE:
		(void)fprintf(out, "_%s_images", p->name);
		break;
	case AC_COMPLETE_POD:
		(void)fprintf(out, "_%s_pods", p->name);
		break;
	case AC_COMPLETE_NONE:
		(void)fputc(' ', out);
		break;
	}
}

static void print_opt(FILE *out, const struct ac_opt *o,
		      const struct ac_prog *p)
{
	(void)fprintf(out, " \\\n\t\t'%s--%s%s[",
		      o->type == AC_OPT_T_LIST ? "*" : "", o->name,
		      o->type == AC_OPT_T_BOOL ? ""
		      : o->optional            ? "=-"
					       : "=");
	quote(out, ac_str(o->help), "[]:");
	(void)fputc(']', out);
	if (o->type != AC_OPT_T_BOOL) {
		(void)fputs(o->optional ? "::" : ":", out);
		quote(out, ac_str(o->arg), "[]:");
		(void)fputc(':', out);
		if (o->values == NULL)
			print_action(out, ac_complete_kind(ac_str(o->arg)), p);
		else if (o->each)
			(void)fprintf(out, "_values -s , value %s", o->values);
		else
			(void)fprintf(out, "(%s)", o->values);
	}
	(void)fputc('\'', out);
}

static void print_opts(FILE *out, const struct ac_opt *opts,
		       const struct ac_prog *p)
{
	AC_OPT_EACH(o, opts)
	{
		if (o->help != NULL)
			print_opt(out, o, p);
	}
}

static void print_operands(FILE *out, const struct ac_cmd *c,
			   const struct ac_prog *p)
{
	struct ac_complete_args a = ac_complete_args(c);

	for (size_t i = 0; i < a.n; i++) {
		if (a.repeat && i + 1 == a.n)
			(void)fputs(" \\\n\t\t'*:", out);
		else
			(void)fprintf(out, " \\\n\t\t'%zu:", i + 1);
		quote(out, a.name[i], "[]:");
		(void)fputc(':', out);
		print_action(out, (enum ac_complete_kind)a.kinds[i], p);
		(void)fputc('\'', out);
	}
}

/* "_actool", "_acfetch_image_list". */
static void print_name(FILE *out, const struct ac_prog *p, const char *path)
{
	(void)fprintf(out, "_%s", p->name);
	for (; *path != '\0'; path++)
		(void)fputc(*path == ' ' ? '_' : *path, out);
}

static void print_subs(FILE *out, const struct ac_prog *p,
		       const struct ac_cmd *cmds, bool top)
{
	(void)fputs("\tlocal curcontext=$curcontext state line\n"
		    "\tlocal -a cmds\n"
		    "\ttypeset -A opt_args\n"
		    "\tcmds=(\n",
		    out);
	for (const struct ac_cmd *c = cmds; c->name != NULL; c++) {
		if (c->help == NULL)
			continue;
		(void)fprintf(out, "\t\t'%s:", c->name);
		quote(out, ac_str(c->help), ":");
		(void)fputs("'\n", out);
	}
	for (size_t i = 0; top && ac_complete_builtins[i][0] != NULL; i++)
		(void)fprintf(out, "\t\t'%s:%s'\n", ac_complete_builtins[i][0],
			      ac_complete_builtins[i][1]);
	(void)fputs("\t)\n\t_arguments -C -S : '--help[show the help]'", out);
	print_opts(out, p->globals, p);
	(void)fputs(" \\\n\t\t'1: :->cmd' '*:: :->rest' && return\n"
		    "\tcase $state in\n"
		    "\tcmd) _describe -t commands command cmds ;;\n"
		    "\trest)\n\t\tcase $words[1] in\n",
		    out);
}

static void print_branch(FILE *out, const struct ac_prog *p, const char *path,
			 const struct ac_cmd *c)
{
	struct ac_str all = ac_str(c->alias);
	struct ac_str one;

	(void)fprintf(out, "\t\t%s", c->name);
	while (all.len != 0) {
		(void)ac_str_cut(&all, ' ', &one);
		(void)fprintf(out, " | %.*s", AC_STR_FMT(one));
	}
	(void)fputs(") ", out);
	print_name(out, p, path);
	(void)fprintf(out, "_%s ;;\n", c->name);
}

static void print_cmd(FILE *out, const struct ac_prog *p, const char *path,
		      const struct ac_cmd *c)
{
	const struct ac_cmd *sub = c != NULL ? c->sub : p->cmds;

	print_name(out, p, path);
	(void)fputs("() {\n", out);
	if (c != NULL && sub == NULL) {
		(void)fputs("\t_arguments -S : '--help[show the help]'", out);
		print_opts(out, c->opts, p);
		print_opts(out, p->globals, p);
		print_operands(out, c, p);
		(void)fputs("\n}\n\n", out);
		return;
	}
	print_subs(out, p, sub, c == NULL);
	for (; sub->name != NULL; sub++)
		if (sub->help != NULL)
			print_branch(out, p, path, sub);
	if (c == NULL)
		(void)fprintf(out,
			      "\t\tcompletion) _arguments '1: :(%s)' ;;\n"
			      "\t\thelp) _describe -t commands command cmds "
			      ";;\n",
			      AC_COMPLETE_SHELLS);
	(void)fputs("\t\tesac\n\t\t;;\n\tesac\n}\n\n", out);
}

void ac_complete_zsh(FILE *out, const struct ac_prog *p)
{
	ac_complete_text(out,
			 "#compdef PROG\n"
			 "# zsh completion for PROG, by 'PROG completion "
			 "zsh'.\n\n",
			 p);
	ac_complete_text(out, helpers, p);
	(void)fputc('\n', out);
	ac_complete_walk(out, p, print_cmd);
	/* The file is the function, when it is loaded by its name; sourced, it
	 * only has to tell. */
	ac_complete_text(out,
			 "if [[ $funcstack[1] == _PROG ]]; then\n"
			 "	_PROG \"$@\"\n"
			 "else\n"
			 "	compdef _PROG PROG\n"
			 "fi\n",
			 p);
}
