/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/say.h"

#include <string.h>

#include "acbuild/cmd.h"
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/prog.h"

/* %1 is the first operand, %Q1 the same in quotes, %L the last, %- all but
 * that, %* all in brackets. */
static const struct {
	const char *command, *text;
} lines[] = {
	{"annotation add", "Adding annotation %Q1=%Q2"},
	{"annotation remove", "Removing annotation %Q1"},
	{"begin", "Beginning build with %1"},
	{"cat-manifest", "Printing manifest from current build"},
	{"copy", "Copying host:%1 to aci:%2"},
	{"copy-to-dir", "Copying %- to %L"},
	{"dependency add", "Adding dependency %Q1"},
	{"dependency remove", "Removing dependency %Q1"},
	{"end", "Ending the build"},
	{"environment add", "Adding environment variable %Q1=%Q2"},
	{"environment remove", "Removing environment variable %Q1"},
	{"isolator add", "Adding isolator %Q1 from %2"},
	{"isolator remove", "Removing isolator %Q1"},
	{"label add", "Adding label %Q1=%Q2"},
	{"label remove", "Removing label %Q1"},
	{"layer", "Adding new layer"},
	{"mount add", "Adding mount point %Q1=%Q2"},
	{"mount remove", "Removing mount point %Q1"},
	{"port add", "Adding port %Q1=%Q2"},
	{"port remove", "Removing port %Q1"},
	{"replace-manifest",
	 "Replacing manifest in ACI with the manifest at %1"},
	{"run", "Running: %*"},
	{"set-event-handler pre-start",
	 "Setting pre-start event handler to %*"},
	{"set-event-handler post-stop",
	 "Setting post-stop event handler to %*"},
	{"set-exec", "Setting exec command %*"},
	{"set-group", "Setting group to %1"},
	{"set-name", "Setting name of ACI to %1"},
	{"set-supp-groups", "Setting supplementary groups to %*"},
	{"set-tag", "Setting tag to %1"},
	{"set-user", "Setting user to %1"},
	{"set-working-directory", "Setting working directory to %1"},
	{"write", "Writing ACI to %1"},
};

static void add_list(struct ac_buf *b, char *const *argv, int n)
{
	for (int i = 0; i < n; i++) {
		if (i != 0)
			ac_buf_addc(b, ' ');
		ac_buf_adds(b, argv[i]);
	}
}

/* The place of an operand in TEXT, behind its '%'; returns how long it is. */
static size_t fill_in(struct ac_buf *b, const char *text,
		      const struct ac_call *c)
{
	bool quoted = text[0] == 'Q';
	int i;

	switch (text[0]) {
	case '*':
		ac_buf_addc(b, '[');
		add_list(b, c->argv, c->argc);
		ac_buf_addc(b, ']');
		return 1;
	case '-':
		add_list(b, c->argv, c->argc - 1);
		return 1;
	case 'L':
		ac_buf_adds(b, c->argv[c->argc - 1]);
		return 1;
	default:
		i = text[quoted ? 1 : 0] - '1';
		if (i >= c->argc)
			ac_buf_adds(b, "an empty ACI");
		else if (quoted)
			history_quote(b, c->argv[i]);
		else
			ac_buf_adds(b, c->argv[i]);
		return quoted ? 2 : 1;
	}
}

void say(const struct ac_call *c)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_FREE char *shown = NULL;
	const char *text = NULL;

	if (!ac_log_debugging())
		return;
	for (size_t i = 0; i < AC_LEN(lines); i++)
		if (strcmp(lines[i].command, c->path) == 0)
			text = lines[i].text;
	for (; text != NULL && *text != '\0'; text++)
		if (*text != '%')
			ac_buf_addc(&b, *text);
		else
			text += fill_in(&b, text + 1, c);
	shown = ac_str_show(ac_buf_str(&b));
	if (text != NULL)
		ac_debug("%s", shown);
}
