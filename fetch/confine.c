/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/confine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/image/acifile.h"
#include "common/store/share.h"
#include "common/store/sig.h"
#include "common/sys/confine.h"
#include "common/sys/path.h"

static void common_reads(struct ac_confine *c, const struct globals *g)
{
	struct ac_config where = config(g);
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	size_t n = ac_config_dirs(&where, dirs);

	ac_confine_read(c, g->ca_file);
	for (size_t i = 0; i < n; i++)
		ac_confine_read(c, dirs[i].path);
}

/* A file that may be an image, and its signatures. */
static void image_file(struct ac_confine *c, const char *text)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_FREE char *asc = NULL;
	struct ac_err later = AC_ERR_INIT;

	if (ac_ref_parse(&ref, text, &later) < 0 || ref.kind != AC_REF_FILE)
		return;
	asc = pull_file_asc(ref.name);
	ac_aci_file_expect(ref.name);
	ac_confine_read(c, ref.name);
	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		AC_FREE char *sig =
			ac_xasprintf("%.*s%s", (int)(strlen(asc) - 4), asc,
				     ac_sig_methods[k]->suffix);

		ac_confine_read(c, sig);
	}
}

static pid_t worker;

static void pass_on(int sig)
{
	(void)kill(worker, sig);
}

/* Wait for the child that does the work, and take its end for ours. */
static AC_NORETURN void watch(pid_t child, const char *dir, const char *keys)
{
	static const int others[] = {SIGINT, SIGHUP, SIGQUIT};
	int status = 0;

	worker = child;
	(void)signal(SIGTERM, pass_on);
	/* The terminal sends these to both. */
	for (size_t i = 0; i < AC_LEN(others); i++)
		(void)signal(others[i], SIG_IGN);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	(void)rmdir(keys);
	if (dir != NULL)
		(void)rmdir(dir);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				  : WEXITSTATUS(status));
}

/* The directory KEYS in DIR, which must be there to be allowed.  When it had to
 * be made, what comes back is a child, and its parent, who keeps all
 * privileges and does nothing, removes it in the end if it is still empty. */
static int make_place(const char *dir, const char *keys, struct ac_err *err)
{
	bool made = mkdir(dir, 0755) == 0;
	pid_t pid;

	/* What cannot be made is told when a key is to be kept. */
	if (!made && errno != EEXIST)
		return 0;
	if (mkdir(keys, 0755) < 0)
		return 0;
	pid = fork();
	if (pid < 0)
		return ac_err_sys(err, errno, "fork");
	if (pid != 0)
		watch(pid, made ? dir : NULL, keys);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	return 0;
}

/* The keys of the configuration that is written. */
static int allow_keys(struct ac_confine *c, const struct globals *g,
		      struct ac_err *err)
{
	struct ac_config where = config(g);
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	const char *dir = dirs[ac_config_dirs(&where, dirs) - 1].path;
	AC_FREE char *keys = ac_path_join(dir, "trustedkeys");

	if (make_place(dir, keys, err) < 0)
		return -1;
	ac_confine_write(c, keys);
	return 0;
}

/* May a key be added on the way: is there somebody to ask, or is it said? */
static bool adds_keys(const struct puller *p)
{
	return p->g->trust_https ||
	       (isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0);
}

int confine_pull(const struct puller *p, const struct ac_call *call,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv more = AC_STRV_INIT;
	struct ac_config where = config(p->g);
	AC_FREE char *store = NULL;
	bool verifying = (p->insecure & AC_INSECURE_IMAGE) == 0;
	const unsigned int flags = AC_CONFINE_NET | AC_CONFINE_OWNERS;

	if (ac_store_path(p->g->dir, &where, &store, err) < 0 ||
	    ac_store_make(store, err) < 0)
		return -1;
	ac_confine_write(&c, store);
	ac_store_more(&more);
	for (size_t i = 0; i < more.n; i++)
		ac_confine_read(&c, more.v[i]);
	if (verifying && adds_keys(p) && allow_keys(&c, p->g, err) < 0)
		return -1;
	common_reads(&c, p->g);
	for (size_t i = 0; i < p->o->signatures.n; i++)
		ac_confine_read(&c, p->o->signatures.v[i]);
	for (int i = 0; i < call->argc; i++)
		image_file(&c, call->argv[i]);
	return ac_confine_enter(&c, flags, err);
}

int confine_trust(const struct globals *g, char *const *files, int n,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;

	if (allow_keys(&c, g, err) < 0)
		return -1;
	common_reads(&c, g);
	for (int i = 0; i < n; i++)
		ac_confine_read(&c, files[i]);
	return ac_confine_enter(&c, AC_CONFINE_NET, err);
}

int confine_discover(const struct globals *g, struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;

	common_reads(&c, g);
	return ac_confine_enter(&c, AC_CONFINE_NET, err);
}

int confine_list(const struct globals *g, struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv more = AC_STRV_INIT;
	struct ac_config where = config(g);
	AC_FREE char *store = NULL;
	AC_FREE char *members = NULL;
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (ac_store_path(g->dir, &where, &store, err) < 0)
		return -1;
	members = ac_path_join(store, AC_SHARE_MEMBERS);
	if (lstat(members, &st) < 0)
		return 0;
	ac_confine_write(&c, store);
	ac_store_more(&more);
	for (size_t i = 0; i < more.n; i++)
		ac_confine_read(&c, more.v[i]);
	common_reads(&c, g);
	return ac_confine_enter(&c, AC_CONFINE_OWNERS, err);
}
