/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/confine.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"

enum { MAX_FD = 1 << 20 };

void ac_secret_release(struct ac_secret *s)
{
	explicit_bzero(s->text, sizeof(s->text));
	s->len = 0;
	s->known = false;
}

/* Byte by byte: what follows the line is somebody else's. */
static int read_line(struct ac_secret *s, int fd, struct ac_err *err)
{
	char c = '\0';
	ssize_t n;

	s->len = 0;
	while ((n = ac_io_read(fd, &c, 1, "the passphrase", err)) > 0 &&
	       c != '\n') {
		if (s->len == AC_SECRET_MAX || c == '\0')
			return ac_err_set(err, AC_E_LIMIT,
					  "the passphrase is longer than %d "
					  "bytes, or has a NUL byte",
					  AC_SECRET_MAX);
		s->text[s->len++] = c;
	}
	explicit_bzero(&c, sizeof(c));
	if (n < 0)
		return -1;
	if (s->len == 0)
		return ac_err_set(err, AC_E_INVALID, "the passphrase is empty");
	s->text[s->len] = '\0';
	s->known = true;
	return 0;
}

int ac_secret_option(struct ac_secret *s, const char *n, struct ac_err *err)
{
	uint64_t fd;
	int ret;

	if (n == NULL)
		return 0;
	if (ac_num_max(ac_str(n), MAX_FD, &fd) < 0 ||
	    fcntl((int)fd, F_GETFD) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "bad value '%s' for option --passphrase-fd: "
				  "no open descriptor",
				  n);
	ret = read_line(s, (int)fd, err);
	if (ret < 0)
		ac_secret_release(s);
	if (fd > STDERR_FILENO)
		(void)close((int)fd);
	return ret;
}

int ac_secret_pipe(const struct ac_secret *s, struct ac_err *err)
{
	AC_CLOSE int rd = -1;
	AC_CLOSE int wr = -1;
	int p[2];
	int high;

	/* It holds more than the longest passphrase. */
	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	rd = p[0];
	wr = p[1];
	if (ac_io_write(wr, s->text, s->len, "a pipe", err) < 0 ||
	    ac_io_write(wr, "\n", 1, "a pipe", err) < 0)
		return -1;
	/* Above what it will be there (spawn.h). */
	high = fcntl(rd, F_DUPFD_CLOEXEC, 10);
	return high >= 0 ? high : ac_err_sys(err, errno, "make a pipe");
}

void ac_secret_no_core(void)
{
	struct rlimit l;

	/* One byte: for programs that take cores from a pipe nothing less
	 * counts (core(5)). */
	if (getrlimit(RLIMIT_CORE, &l) < 0 || l.rlim_cur == 1 ||
	    l.rlim_max == 0)
		return;
	l.rlim_cur = 1;
	(void)setrlimit(RLIMIT_CORE, &l);
}

/* --- gpg-agent --- */

/* TEXT as an argument of the agent's commands, behind a space. */
static void add_arg(struct ac_buf *b, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		ac_buf_adds(b, " X");
		return;
	}
	ac_buf_addc(b, ' ');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == ' ')
			ac_buf_addc(b, '+');
		else if (c < ' ' || c == '%' || c == '+')
			ac_buf_addf(b, "%%%02X", c);
		else
			ac_buf_addc(b, (char)c);
	}
}

static bool somebody_there(void)
{
	return isatty(STDIN_FILENO) || getenv("GPG_TTY") != NULL;
}

/* One command to the agent; its answer into OUT. */
static int transact(const struct ac_secret *s, const char *command,
		    struct ac_buf *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;

	ac_strv_push(&argv, "gpg-connect-agent");
	ac_strv_push(&argv, "--quiet");
	if (s->homedir != NULL)
		ac_strv_pushf(&argv, "--homedir=%s", s->homedir);
	if (ac_confined() || !somebody_there())
		ac_strv_push(&argv, "--no-autostart");
	ac_strv_push(&argv, command);
	ac_strv_push(&argv, "/bye");
	return ac_spawn_output(argv.v, out, err);
}

/* The data of one "D ..." line, percent signs decoded. */
static int take_data(struct ac_secret *s, struct ac_str line)
{
	for (size_t i = 0; i < line.len; i++) {
		char c = line.p[i];

		if (c == '%' && i + 2 < line.len &&
		    ac_hex_digit(line.p[i + 1]) >= 0 &&
		    ac_hex_digit(line.p[i + 2]) >= 0) {
			c = (char)(ac_hex_digit(line.p[i + 1]) * 16 +
				   ac_hex_digit(line.p[i + 2]));
			i += 2;
		}
		if (s->len == AC_SECRET_MAX)
			return -1;
		s->text[s->len++] = c;
	}
	return 0;
}

/* What the agent said: "D DATA" and "OK", or "ERR CODE TEXT". */
static int take_answer(struct ac_secret *s, const char *text,
		       struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_str line;
	bool ok = false;

	s->len = 0;
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		if (ac_str_starts(line, "D ") &&
		    take_data(s, ac_strn(line.p + 2, line.len - 2)) < 0)
			return ac_err_set(err, AC_E_LIMIT,
					  "the passphrase is longer than %d "
					  "bytes",
					  AC_SECRET_MAX);
		if (ac_str_starts(line, "ERR "))
			return ac_err_set(err, AC_E_DENIED,
					  "gpg-agent said '%.*s'",
					  AC_STR_FMT(line));
		ok = ok || ac_str_eq(line, "OK") || ac_str_starts(line, "OK ");
	}
	if (!ok)
		return ac_err_set(err, AC_E_DENIED, "gpg-agent does not run");
	if (s->len == 0)
		return ac_err_set(err, AC_E_INVALID, "the passphrase is empty");
	s->text[s->len] = '\0';
	return 0;
}

int ac_secret_ask(struct ac_secret *s, const struct ac_secret_question *q,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf command = AC_BUF_INIT(4096);
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(16384);
	int ret;

	ac_buf_adds(&command, "GET_PASSPHRASE --data");
	if (q->repeat)
		ac_buf_adds(&command, " --repeat=1");
	ac_buf_adds(&command, " --");
	add_arg(&command, q->cache_id);
	add_arg(&command, q->complaint);
	add_arg(&command, "Passphrase:");
	add_arg(&command, q->text);
	if (ac_buf_check(&command, "the question", err) < 0)
		return -1;
	ret = transact(s, ac_buf_str(&command), &out, err);
	if (ret >= 0)
		ret = take_answer(s, ac_buf_str(&out), err);
	if (out.cap != 0)
		explicit_bzero(out.p, out.cap);
	if (ret >= 0)
		return 0;
	ac_secret_release(s);
	err->code = AC_E_DENIED;
	return ac_err_ctx(err, "no passphrase; give --passphrase-fd N");
}

void ac_secret_forget(const struct ac_secret *s, const char *cache_id)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf command = AC_BUF_INIT(4096);
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(16384);
	struct ac_err ignored = AC_ERR_INIT;

	ac_buf_adds(&command, "CLEAR_PASSPHRASE");
	add_arg(&command, cache_id);
	(void)transact(s, ac_buf_str(&command), &out, &ignored);
}

void ac_secret_start_agent(void)
{
	const struct ac_secret any = AC_SECRET_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(16384);
	struct ac_err later = AC_ERR_INIT; /* who asks will see */

	if (somebody_there() && transact(&any, "NOP", &out, &later) < 0)
		ac_debug("gpg-agent: %s", later.msg);
}
