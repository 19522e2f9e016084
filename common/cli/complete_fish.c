/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cli/complete.h"

static const char engine[] =
	"		case '*'\n"
	"			set n (math $n + 1)\n"
	"		end\n"
	"	end\n"
	"	echo \"$path:$n\"\n"
	"end\n"
	"\n"
	"# Are these the commands, with so many operands (\"2+\": or more)?\n"
	"function __PROG_at\n"
	"	set -l now (string split : -- (__PROG_path))\n"
	"	test \"$now[1]\" = \"$argv[1]\"; or return 1\n"
	"	set -q argv[2]; or return 0\n"
	"	if string match -q '*+' -- $argv[2]\n"
	"		test $now[2] -ge (string trim -c + -- $argv[2])\n"
	"	else\n"
	"		test $now[2] -eq $argv[2]\n"
	"	end\n"
	"end\n"
	"\n"
	"function __PROG_images\n"
	"	acfetch image list --no-legend --fields=name 2>/dev/null\n"
	"	__fish_complete_suffix .aci\n"
	"end\n"
	"\n"
	"function __PROG_pods\n"
	"	acrun list --no-legend --full 2>/dev/null | string replace -r ' "
	".*' ''\n"
	"end\n"
	"\n"
	"complete -c PROG -f\n";

static const char path_function[] =
	"\n"
	"# The commands so far and the number of operands: \" image list:0\".\n"
	"function __PROG_path\n"
	"	set -l path ''\n"
	"	set -l n 0\n"
	"	set -l skip 0\n"
	"	set -l rest 0\n"
	"	for word in (commandline -opc)[2..-1]\n"
	"		if test $skip = 1\n"
	"			set skip 0\n"
	"			continue\n"
	"		else if test $rest = 0; and string match -q -- '-?*' "
	"$word\n"
	"			set -l o (string replace -r '^--?' '' -- "
	"$word)\n"
	"			if test -z \"$o\"\n"
	"				set rest 1\n"
	"			else if contains -- \"$path $o\" "
	"$__PROG_valued; or contains -- \" $o\" $__PROG_valued\n"
	"				set skip 1\n"
	"			end\n"
	"			continue\n"
	"		end\n"
	"		switch \"$path $word\"\n"
	"		case ' help'\n"
	"			set n 0\n"
	"		case ' completion'\n"
	"			set path ' completion'\n";

static void quote(FILE *out, const char *text)
{
	(void)fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('\'', out);
}

static void print_valued(FILE *out, const struct ac_prog *p, const char *path,
			 const struct ac_cmd *c)
{
	AC_OPT_EACH(o, c != NULL ? c->opts : p->globals)
	{
		if (o->type != AC_OPT_T_BOOL && !o->optional)
			(void)fprintf(out, " \\\n\t'%s %s'", path, o->name);
	}
}

static void print_case(FILE *out, const struct ac_prog *p AC_UNUSED,
		       const char *path, const struct ac_cmd *c)
{
	struct ac_str all = ac_str(c != NULL ? c->alias : NULL);
	struct ac_str one;

	if (c == NULL)
		return;
	(void)fprintf(out, "\t\tcase '%s'", path);
	while (all.len != 0) {
		(void)ac_str_cut(&all, ' ', &one);
		(void)fprintf(out, " '%.*s%.*s'",
			      (int)(strlen(path) - strlen(c->name)), path,
			      AC_STR_FMT(one));
	}
	(void)fprintf(out, "\n\t\t\tset path '%s'\n", path);
}

/* Where a value or an operand of KIND comes from. */
static void print_place(FILE *out, enum ac_complete_kind kind,
			const struct ac_prog *p)
{
	switch (kind) {
	case AC_COMPLETE_FILE:
		(void)fputs(" -r -F", out);
		break;
	case AC_COMPLETE_DIR:
		(void)fputs(" -x -a '(__fish_complete_directories)'", out);
		break;
	case AC_COMPLETE_ACI:
		(void)fputs(" -x -a '(__fish_complete_suffix .aci)'", out);
		break;
	case AC_COMPLETE_IMAGE:
		(void)fprintf(out, " -x -a '(__%s_images)'", p->name);
		break;
	case AC_COMPLETE_POD:
		(void)fprintf(out, " -x -a '(__%s_pods)'", p->name);
		break;
	case AC_COMPLETE_NONE:
		(void)fputs(" -x", out);
		break;
	}
}

static void print_opts(FILE *out, const struct ac_prog *p, const char *path,
		       const struct ac_opt *opts)
{
	AC_OPT_EACH(o, opts)
	{
		if (o->help == NULL)
			continue;
		(void)fprintf(out, "complete -c %s", p->name);
		if (path[0] != '\0')
			(void)fprintf(out, " -n \"__%s_at '%s'\"", p->name,
				      path);
		(void)fprintf(out, " -l %s", o->name);
		if (o->values != NULL && o->each)
			(void)fprintf(out, " -x -a '(__fish_append , %s)'",
				      o->values);
		else if (o->values != NULL)
			(void)fprintf(out, " -x -a '%s'", o->values);
		else if (o->type != AC_OPT_T_BOOL && !o->optional)
			print_place(out, ac_complete_kind(ac_str(o->arg)), p);
		(void)fputs(" -d ", out);
		quote(out, o->help);
		(void)fputc('\n', out);
	}
}

static void print_sub(FILE *out, const struct ac_prog *p, const char *path,
		      const char *name, const char *help)
{
	(void)fprintf(out, "complete -c %s -n \"__%s_at '%s' 0\" -a %s -d ",
		      p->name, p->name, path, name);
	quote(out, help);
	(void)fputc('\n', out);
}

static void print_cmd(FILE *out, const struct ac_prog *p, const char *path,
		      const struct ac_cmd *c)
{
	const struct ac_cmd *sub = c != NULL ? c->sub : p->cmds;
	struct ac_complete_args a = {.n = 0};

	print_opts(out, p, path, c != NULL ? c->opts : p->globals);
	for (; sub != NULL && sub->name != NULL; sub++)
		if (sub->help != NULL)
			print_sub(out, p, path, sub->name, sub->help);
	if (c != NULL && c->sub == NULL)
		a = ac_complete_args(c);
	for (size_t i = 0; i < a.n; i++) {
		if (a.kinds[i] == AC_COMPLETE_NONE)
			continue;
		(void)fprintf(out, "complete -c %s -n \"__%s_at '%s' %zu%s\"",
			      p->name, p->name, path, i,
			      a.repeat && i + 1 == a.n ? "+" : "");
		print_place(out, (enum ac_complete_kind)a.kinds[i], p);
		(void)fputc('\n', out);
	}
}

void ac_complete_fish(FILE *out, const struct ac_prog *p)
{
	ac_complete_text(out,
			 "# fish completion for PROG, by 'PROG completion "
			 "fish'.\n"
			 "\n"
			 "# Options whose value may be the next word.\n"
			 "set -g __PROG_valued",
			 p);
	ac_complete_walk(out, p, print_valued);
	(void)fputc('\n', out);
	ac_complete_text(out, path_function, p);
	ac_complete_walk(out, p, print_case);
	ac_complete_text(out, engine, p);
	(void)fprintf(out, "complete -c %s -l help -d 'show the help'\n",
		      p->name);
	for (size_t i = 0; ac_complete_builtins[i][0] != NULL; i++)
		print_sub(out, p, "", ac_complete_builtins[i][0],
			  ac_complete_builtins[i][1]);
	print_sub(out, p, " completion", "'" AC_COMPLETE_SHELLS "'", "shell");
	ac_complete_walk(out, p, print_cmd);
}
