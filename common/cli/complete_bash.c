/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cli/complete.h"

/* Words of images and pods are foreign: they are compared, never expanded
 * (compgen -W would). */
static const char engine[] =
	"_PROG_take() {\n"
	"	local word\n"
	"	for word; do\n"
	"		[[ $word == \"$value\"* ]] || continue\n"
	"		word=$lead$word\n"
	"		COMPREPLY+=(\"${word#\"$prefix\"}\")\n"
	"	done\n"
	"}\n"
	"\n"
	"_PROG_lines() {\n"
	"	local -a found\n"
	"	mapfile -t found < <(\"$@\" 2>/dev/null)\n"
	"	_PROG_take \"${found[@]}\"\n"
	"}\n"
	"\n"
	"# What a place of kind $1 (with the words $2) can have.\n"
	"_PROG_place() {\n"
	"	case $1 in\n"
	"	*w) _PROG_take ${2//,/ } ;;\n"
	"	*l)\n"
	"		lead+=${value%\"${value##*,}\"}\n"
	"		value=${value##*,}\n"
	"		_PROG_take ${2//,/ }\n"
	"		;;\n"
	"	*f) _PROG_lines compgen -f -- \"$value\" ;;\n"
	"	*d) _PROG_lines compgen -d -- \"$value\" ;;\n"
	"	*i) _PROG_lines acfetch image list --no-legend "
	"--fields=name ;;&\n"
	"	*[ai])\n"
	"		_PROG_lines compgen -f -X '!*.aci' -- \"$value\"\n"
	"		_PROG_lines compgen -d -- \"$value\"\n"
	"		;;\n"
	"	*p) _PROG_take $(acrun list --no-legend --full 2>/dev/null |\n"
	"		cut -d' ' -f1) ;;\n"
	"	esac\n"
	"	[[ $1 != *[fdai] ]] || compopt -o filenames 2>/dev/null || :\n"
	"}\n"
	"\n"
	"# The kind (and words) of option $1: 'b', '?n', 'w:gzip,none'.\n"
	"_PROG_option() {\n"
	"	local o\n"
	"	for o in $opts $globals; do\n"
	"		[[ ${o%%:*} != \"$1\" ]] || { echo \"${o#*:}\"; "
	"return; }\n"
	"	done\n"
	"}\n"
	"\n"
	"_PROG() {\n"
	"	local IFS=$' \\t\\n' raw=${COMP_WORDS[COMP_CWORD]}\n"
	"	local cur prefix='' lead='' value word kind='' path='' i n=0\n"
	"	local subs opts globals args rest='' glue=''\n"
	"	local -a words=()\n"
	"	COMPREPLY=()\n"
	"	# bash splits at = and :, which are in our words.\n"
	"	for ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"		word=${COMP_WORDS[i]}\n"
	"		if [[ -n $word && -z ${word//[=:]/} ]]; then\n"
	"			glue=at\n"
	"		elif [[ $glue == at ]]; then\n"
	"			glue=on\n"
	"		else\n"
	"			glue=''\n"
	"		fi\n"
	"		if [[ -n $glue && ${#words[@]} -gt 0 ]]; then\n"
	"			words[${#words[@]}-1]+=$word\n"
	"		else\n"
	"			words+=(\"$word\")\n"
	"		fi\n"
	"	done\n"
	"	n=${#words[@]}\n"
	"	((n > 0)) || return 0\n"
	"	cur=${words[n-1]}\n"
	"	unset 'words[n-1]'\n"
	"	n=0\n"
	"	if [[ $glue == at ]]; then\n"
	"		prefix=$cur\n"
	"	else\n"
	"		prefix=${cur%\"$raw\"}\n"
	"	fi\n"
	"	_PROG_at ''\n"
	"	globals=$opts opts=''\n"
	"	for word in \"${words[@]}\"; do\n"
	"		if [[ -n $kind ]]; then\n"
	"			kind=''\n"
	"		elif [[ -z $rest && $word == -- ]]; then\n"
	"			rest=1\n"
	"		elif [[ -z $rest && $word == -?* ]]; then\n"
	"			word=${word#-}\n"
	"			kind=$(_PROG_option \"--${word#-}\")\n"
	"			[[ $kind != b && $kind != '?'* ]] || kind=''\n"
	"		elif [[ -n $subs ]]; then\n"
	"			_PROG_at \"$path $word\" || return 0\n"
	"		else\n"
	"			n=$((n + 1))\n"
	"		fi\n"
	"	done\n"
	"	value=$cur\n"
	"	if [[ -n $kind ]]; then\n"
	"		_PROG_place \"${kind%%:*}\" \"${kind#*:}\"\n"
	"	elif [[ -z $rest && $cur == -*=* ]]; then\n"
	"		word=${cur%%=*}\n"
	"		word=${word#-}\n"
	"		kind=$(_PROG_option \"--${word#-}\")\n"
	"		lead=${cur%%=*}= value=${cur#*=}\n"
	"		[[ $kind != b ]] || kind=w:true,false\n"
	"		_PROG_place \"${kind%%:*}\" \"${kind#*:}\"\n"
	"	elif [[ -z $rest && $cur == -* ]]; then\n"
	"		for word in $opts $globals --help:b; do\n"
	"			case $word in\n"
	"			*:b | *:'?'*) _PROG_take \"${word%%:*}\" ;;\n"
	"			*) _PROG_take \"${word%%:*}=\" ;;\n"
	"			esac\n"
	"		done\n"
	"		[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] ||\n"
	"			compopt -o nospace 2>/dev/null\n"
	"	elif [[ -n $subs ]]; then\n"
	"		_PROG_take $subs\n"
	"	else\n"
	"		word=''\n"
	"		for word in $args; do\n"
	"			((n-- > 0)) || break\n"
	"			[[ $word == *+ ]] || word=''\n"
	"		done\n"
	"		_PROG_place \"${word%+}\" ''\n"
	"	fi\n"
	"	return 0\n"
	"}\n"
	"complete -F _PROG PROG\n";

static void print_opts(FILE *out, const struct ac_opt *opts)
{
	AC_OPT_EACH(o, opts)
	{
		char kind =
			(char)(o->type == AC_OPT_T_BOOL ? 'b'
			       : o->each                ? 'l'
			       : o->values != NULL
				       ? 'w'
				       : (int)ac_complete_kind(ac_str(o->arg)));

		if (o->help == NULL)
			continue;
		(void)fprintf(out, " --%s:%s%c", o->name,
			      o->optional ? "?" : "", kind);
		if (o->values == NULL)
			continue;
		(void)fputc(':', out);
		for (const char *v = o->values; *v != '\0'; v++)
			(void)fputc(*v == ' ' ? ',' : *v, out);
	}
}

static void print_subs(FILE *out, const struct ac_prog *p,
		       const struct ac_cmd *c)
{
	const struct ac_cmd *sub = c != NULL ? c->sub : p->cmds;

	for (; sub != NULL && sub->name != NULL; sub++)
		if (sub->help != NULL)
			(void)fprintf(out, " %s", sub->name);
	for (size_t i = 0; c == NULL && ac_complete_builtins[i][0]; i++)
		(void)fprintf(out, " %s", ac_complete_builtins[i][0]);
}

/* "' image list' | ' image ls')": by its aliases too. */
static void print_pattern(FILE *out, const char *path, const struct ac_cmd *c)
{
	struct ac_str all = ac_str(c != NULL ? c->alias : NULL);
	int parent = (int)(strlen(path) - (c != NULL ? strlen(c->name) : 0));
	struct ac_str one;

	(void)fprintf(out, "\t'%s'", path);
	while (all.len != 0) {
		(void)ac_str_cut(&all, ' ', &one);
		(void)fprintf(out, " | '%.*s%.*s'", parent, path,
			      AC_STR_FMT(one));
	}
	(void)fputs(")\n", out);
}

static void print_cmd(FILE *out, const struct ac_prog *p, const char *path,
		      const struct ac_cmd *c)
{
	print_pattern(out, path, c);
	(void)fprintf(out, "\t\tpath='%s'\n\t\tsubs='", path);
	print_subs(out, p, c);
	(void)fputs("'\n\t\topts='", out);
	print_opts(out, c != NULL ? c->opts : p->globals);
	(void)fputs("'\n\t\targs='", out);
	if (c != NULL && c->sub == NULL) {
		struct ac_complete_args a = ac_complete_args(c);

		for (size_t i = 0; i < a.n; i++)
			(void)fprintf(out, " %c%s", a.kinds[i],
				      a.repeat && i + 1 == a.n ? "+" : "");
	}
	(void)fputs("'\n\t\t;;\n", out);
}

void ac_complete_bash(FILE *out, const struct ac_prog *p)
{
	ac_complete_text(out,
			 "# bash completion for PROG, by 'PROG completion "
			 "bash'.\n"
			 "# shellcheck shell=bash disable=SC2034,SC2046,SC2086"
			 ",SC2207\n"
			 "\n"
			 "# What stands behind the commands $1.\n"
			 "_PROG_at() {\n"
			 "	case $1 in\n",
			 p);
	ac_complete_walk(out, p, print_cmd);
	(void)fputs("\t' help')\n\t\tpath=''\n\t\topts=''\n\t\t;;\n"
		    "\t' completion')\n\t\tpath=$1 subs='bash zsh fish' "
		    "opts='' args=''\n\t\t;;\n"
		    "\t*) return 1 ;;\n\tesac\n}\n\n",
		    out);
	ac_complete_text(out, engine, p);
}
