/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/usage.h"

#include <string.h>

static bool in_group(const struct ac_cmd *c, const char *group)
{
	if (c->help == NULL)
		return false;
	return group == NULL || c->group == NULL ? c->group == group
						 : strcmp(c->group, group) == 0;
}

/* The commands of a group, wherever they stand in the table. */
static void print_group(FILE *out, const struct ac_cmd *cmds,
			const struct ac_cmd *first)
{
	for (const struct ac_cmd *c = cmds; c != first; c++)
		if (in_group(c, first->group))
			return; /* printed there */
	if (first->group != NULL)
		(void)fprintf(out, " %s:\n", first->group);
	for (const struct ac_cmd *c = first; c->name != NULL; c++)
		if (in_group(c, first->group))
			(void)fprintf(out, "  %-22s %s\n", c->name, c->help);
}

/* Group by group; what is in none comes first. */
static void print_cmds(FILE *out, const struct ac_cmd *cmds)
{
	(void)fputs("\nCommands:\n", out);
	for (const struct ac_cmd *c = cmds; c->name != NULL; c++)
		if (c->help != NULL && c->group == NULL)
			print_group(out, cmds, c);
	for (const struct ac_cmd *c = cmds; c->name != NULL; c++)
		if (c->help != NULL && c->group != NULL)
			print_group(out, cmds, c);
}

static void print_synopsis(FILE *out, const struct ac_prog *p, const char *path,
			   const struct ac_cmd *c)
{
	(void)fprintf(out, "Usage: %s%s%s", p->name, c != NULL ? " " : "",
		      path);
	if (c == NULL || c->opts != NULL)
		(void)fputs(" [options]", out);
	if (c == NULL || c->sub != NULL)
		(void)fputs(" COMMAND", out);
	if (c != NULL && c->args != NULL)
		(void)fprintf(out, " %s", c->args);
	(void)fputc('\n', out);
}

void ac_usage(FILE *out, const struct ac_prog *p, const char *path,
	      const struct ac_cmd *c)
{
	const struct ac_cmd *sub = c != NULL ? c->sub : p->cmds;

	print_synopsis(out, p, path, c);
	if (c == NULL)
		(void)fprintf(out, "\n%s\n", p->about);
	else if (c->help != NULL)
		(void)fprintf(out, "\n%s\n", c->help);
	if (c != NULL && c->about != NULL)
		(void)fprintf(out, "\n%s\n", c->about);
	if (sub != NULL)
		print_cmds(out, sub);
	if (c != NULL && c->opts != NULL) {
		(void)fputs("\nOptions:\n", out);
		ac_opt_help(out, c->opts);
	}
	if (p->globals != NULL) {
		(void)fputs("\nGlobal options:\n", out);
		ac_opt_help(out, p->globals);
	}
	if (c == NULL)
		(void)fprintf(out,
			      "\n'%s help COMMAND' tells more about a "
			      "command; there are also\n"
			      "'version' and 'completion bash|zsh|fish'.\n",
			      p->name);
}
