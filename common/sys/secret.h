/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_SECRET_H
#define AC_SYS_SECRET_H

/*
 * The passphrase that a user gives for this run: by a descriptor, else by the
 * user's gpg-agent, which is asked when it is needed.
 *
 *	AC_CLEANUP(ac_secret_release) struct ac_secret s = AC_SECRET_INIT;
 *
 *	if (ac_secret_option(&s, o->passphrase_fd, err) < 0)
 *		return -1;
 *	f = ac_aci_file_open(path, &s, err);
 *
 * It is wiped from memory at the end, and reaches no other program but by
 * ac_secret_pipe.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

enum { AC_SECRET_MAX = 1024 }; /* bytes of a passphrase */

struct ac_secret {
	bool known;          /* .text was given: the agent is not asked */
	size_t len;          /* 1 to AC_SECRET_MAX */
	const char *homedir; /* GnuPG's, for its agent; NULL: the user's */
	char text[AC_SECRET_MAX + 1];
};
#define AC_SECRET_INIT ((struct ac_secret){.known = false})

/* Wipe it. */
void ac_secret_release(struct ac_secret *s);

/* The value N of an option --passphrase-fd (NULL: was not given, nothing
 * happens): read the first line of descriptor N, without its newline, and not a
 * byte more.  N is then closed, but for the standard ones: no program that we
 * execute inherits it.  No open descriptor: AC_E_USAGE; an empty passphrase:
 * AC_E_INVALID; too long: AC_E_LIMIT. */
AC_MUSTUSE int ac_secret_option(struct ac_secret *s, const char *n,
				struct ac_err *err);

/* This process has secrets in memory: from now on it leaves no core file. */
void ac_secret_no_core(void);

/* What gpg-agent is asked. */
struct ac_secret_question {
	const char *cache_id;  /* the agent's name for the answer; NULL: none */
	const char *text;      /* the question: "Passphrase for 'x.aci'" */
	const char *complaint; /* about the last answer, or NULL */
	bool repeat;           /* have it typed twice: it is a new one */
};

/* Have gpg-agent ask Q into S.  An agent that does not run is started only
 * when there is a terminal to ask on.  AC_E_DENIED when there is no answer; the
 * message ends in what to do instead. */
AC_MUSTUSE int ac_secret_ask(struct ac_secret *s,
			     const struct ac_secret_question *q,
			     struct ac_err *err);
/* The answer was wrong: the agent is to forget it. */
void ac_secret_forget(const struct ac_secret *s, const char *cache_id);

/* A descriptor from which another program can read S (which is known) as the
 * first line; the caller closes it. */
AC_MUSTUSE int ac_secret_pipe(const struct ac_secret *s, struct ac_err *err);

/* Have gpg's agent run, if somebody is at the terminal: before this process is
 * confined (confine.h), as what it started then would be confined, too. */
void ac_secret_start_agent(void);

#endif
