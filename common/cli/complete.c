/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/complete.h"

#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

const char *const ac_complete_builtins[][2] = {
	{"help", "show the help of a command"},
	{"version", "print the version"},
	{"completion", "print a completion script for a shell"},
	{NULL, NULL},
};

int ac_complete(FILE *out, const struct ac_prog *p, const char *shell,
		struct ac_err *err)
{
	if (strcmp(shell, "bash") == 0)
		ac_complete_bash(out, p);
	else if (strcmp(shell, "zsh") == 0)
		ac_complete_zsh(out, p);
	else if (strcmp(shell, "fish") == 0)
		ac_complete_fish(out, p);
	else
		return ac_err_set(err, AC_E_USAGE,
				  "completion: unknown shell '%s'; bash, zsh "
				  "and fish are known",
				  shell);
	return 0;
}

static bool has(struct ac_str word, const char *part)
{
	return memmem(word.p, word.len, part, strlen(part)) != NULL;
}

enum ac_complete_kind ac_complete_kind(struct ac_str word)
{
	static const char *const files[] = {"FILE",   "PATH",  "PUBKEY",
					    "SOURCE", "INPUT", "OUTPUT",
					    "ARCHIVE"};

	if (has(word, "IMAGE"))
		return AC_COMPLETE_IMAGE;
	if (has(word, "UUID"))
		return AC_COMPLETE_POD;
	if (ac_str_ends(word, ".aci") || ac_str_eq(word, "ACI"))
		return AC_COMPLETE_ACI;
	for (size_t i = 0; i < AC_LEN(files); i++)
		if (has(word, files[i]))
			return AC_COMPLETE_FILE;
	if (has(word, "DIR") || has(word, "LAYOUT"))
		return AC_COMPLETE_DIR;
	return AC_COMPLETE_NONE;
}

struct ac_complete_args ac_complete_args(const struct ac_cmd *c)
{
	struct ac_complete_args a = {.n = 0};
	struct ac_str rest = ac_str(c->args);
	struct ac_str word;

	while (rest.len != 0 && a.n < sizeof(a.kinds) && !a.repeat) {
		(void)ac_str_cut(&rest, ' ', &word);
		while (word.len != 0 && word.p[0] == '[')
			word = ac_strn(word.p + 1, word.len - 1);
		while (word.len != 0 && word.p[word.len - 1] == ']')
			word.len--;
		/* "[flags]", "--": what follows is for the command. */
		if (word.len == 0 || word.p[0] == '-' || word.p[0] == 'f') {
			a.repeat = c->max < 0;
			break;
		}
		a.repeat = ac_str_ends(word, "...");
		word.len -= a.repeat ? 3 : 0;
		a.name[a.n] = word;
		a.kinds[a.n++] = (char)ac_complete_kind(word);
	}
	return a;
}

static void walk(FILE *out, const struct ac_prog *p, const char *path,
		 const struct ac_cmd *cmds, ac_complete_fn fn)
{
	for (const struct ac_cmd *c = cmds; c->name != NULL; c++) {
		AC_FREE char *one = ac_xasprintf("%s %s", path, c->name);

		if (c->help == NULL)
			continue;
		fn(out, p, one, c);
		if (c->sub != NULL)
			walk(out, p, one, c->sub, fn);
	}
}

void ac_complete_walk(FILE *out, const struct ac_prog *p, ac_complete_fn fn)
{
	fn(out, p, "", NULL);
	walk(out, p, "", p->cmds, fn);
}

void ac_complete_text(FILE *out, const char *text, const struct ac_prog *p)
{
	const char *at;

	while ((at = strstr(text, "PROG")) != NULL) {
		(void)fprintf(out, "%.*s%s", (int)(at - text), text, p->name);
		text = at + 4;
	}
	(void)fputs(text, out);
}
