/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/pkey.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"
#include "common/sys/ttyask.h"

/* What cosign's users have set: 1, 0, -1. */
static int from_environment(struct ac_secret *s, struct ac_err *err)
{
	const char *env = getenv("COSIGN_PASSWORD");
	size_t n;

	if (env == NULL)
		return 0;
	n = strlen(env);
	if (n > AC_SECRET_MAX)
		return ac_err_set(err, AC_E_LIMIT,
				  "COSIGN_PASSWORD is longer than %d bytes",
				  AC_SECRET_MAX);
	memcpy(s->text, env, n + 1);
	s->len = n;
	s->known = true;
	return 1;
}

static int on_terminal(struct ac_secret *s, const char *what, const char *file,
		       struct ac_err *err)
{
	AC_FREE char *shown = ac_str_show(file);
	AC_FREE char *prompt = ac_xasprintf("%s '%s': ", what, shown);

	if (ac_ttyask(s, prompt, err) == 0)
		return 0;
	if (err->code != AC_E_DENIED)
		return -1;
	return ac_err_set(err, AC_E_DENIED,
			  "it needs a passphrase; give --passphrase-fd N, or "
			  "COSIGN_PASSWORD in the environment");
}

static int ask(void *ctx, const char *file, struct ac_secret *s,
	       struct ac_err *err)
{
	const struct ac_secret *known = ctx;
	int r;

	if (known->known) {
		*s = *known;
		return 0;
	}
	r = from_environment(s, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return on_terminal(s, "Passphrase of the key", file, err);
}

static bool same(const struct ac_secret *a, const struct ac_secret *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

int keyfile_new_passphrase(struct ac_secret *s, const char *file,
			   struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret again = AC_SECRET_INIT;
	int r = s->known ? 1 : from_environment(s, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (on_terminal(s, "New passphrase for", file, err) < 0 ||
	    on_terminal(&again, "The same again, for", file, err) < 0)
		return -1;
	if (!same(s, &again))
		return ac_err_set(err, AC_E_DENIED,
				  "the two passphrases are not the same");
	return 0;
}

static void wipe(struct ac_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	ac_buf_release(b);
}

static int read_key(const char *file, struct ac_buf *b, struct ac_err *err)
{
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "open");
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		AC_FREE char *shown = ac_str_show(file);

		ac_warn("the private key '%s' is open to other users (mode "
			"%04o); 'chmod 600' closes it",
			shown, st.st_mode & 07777);
	}
	/* In one piece: growing would leave copies behind. */
	(void)ac_buf_room(b, AC_PKEY_MAX_FILE);
	return ac_io_slurp(fd, b, file, err);
}

struct ac_pkey *keyfile_load(const char *file, const struct ac_secret *given,
			     struct ac_err *err)
{
	AC_CLEANUP(wipe) struct ac_buf b = AC_BUF_INIT(AC_PKEY_MAX_FILE);
	struct ac_pkey_ask how = {.ask = ask, .ctx = (void *)(uintptr_t)given};
	struct ac_pkey *k = NULL;

	if (read_key(file, &b, err) == 0)
		k = ac_pkey_private(ac_buf_str(&b), b.len, &how, file, err);
	if (k == NULL)
		(void)ac_err_ctx(err, "key '%s'", file);
	return k;
}
