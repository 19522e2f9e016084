/* SPDX-License-Identifier: Apache-2.0 */
#include "run/args.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/store/obtain.h"
#include "run/cmd.h"

/* Rows for flags of an image, in struct S whose image_flags begin with P. */
#define IMAGE_ROWS(s, p)                                                       \
	AC_OPT_STRING(s, p name, "name", "NAME",                               \
		      "name of the app (default: the image's last part)"),     \
		AC_OPT_STRING(s, p exec, "exec", "PATH",                       \
			      "run this instead of the image's exec"),         \
		AC_OPT_STRING(s, p user, "user", "USER",                       \
			      "user: a name, a number or a /path"),            \
		AC_OPT_STRING(s, p group, "group", "GROUP",                    \
			      "group: a name, a number or a /path"),           \
		AC_OPT_LIST(s, p gids, "supplementary-gids", "N,N...",         \
			    "more groups of the app"),                         \
		AC_OPT_STRING(s, p working_dir, "working-dir", "DIR",          \
			      "where the app starts"),                         \
		AC_OPT_STRING(s, p working_dir, "working-directory", "DIR",    \
			      NULL),                                           \
		AC_OPT_STRING(s, p readonly_rootfs, "readonly-rootfs", "BOOL", \
			      "mount the app's root read-only"),               \
		AC_OPT_LIST(s, p mounts, "mount", "volume=NAME,target=PATH",   \
			    "mount a volume; before the first image: in "      \
			    "every app"),                                      \
		AC_OPT_LIST(s, p environment, "environment", "NAME=VALUE",     \
			    "set a variable of this app"),                     \
		AC_OPT_LIST(s, p annotations, "annotation", "NAME=VALUE",      \
			    "annotate the app in the pod manifest"),           \
		AC_OPT_STRING(s, p memory, "memory", "SIZE",                   \
			      "limit memory: 16Mi, 50M, 1G"),                  \
		AC_OPT_STRING(s, p cpu, "cpu", "CPUS",                         \
			      "limit processors: 500m, 2"),                    \
		AC_OPT_STRING(s, p cpu_shares, "cpu-shares", "N",              \
			      "weight among others, 2 to 262144"),             \
		AC_OPT_STRING(s, p oom_score_adj, "oom-score-adj", "N",        \
			      "-1000 to 1000"),                                \
		AC_OPT_STRING(s, p caps_retain, "caps-retain", "CAP,CAP...",   \
			      "the app's only capabilities"),                  \
		AC_OPT_STRING(s, p caps_remove, "caps-remove", "CAP,CAP...",   \
			      "take from the default capabilities"),           \
		AC_OPT_STRING(s, p caps_retain, "cap-retain", "CAP", NULL),    \
		AC_OPT_STRING(s, p caps_remove, "cap-remove", "CAP", NULL),    \
		AC_OPT_STRING(s, p seccomp, "seccomp",                         \
			      "mode=retain|remove[,errno=E],CALL...",          \
			      "filter system calls"),                          \
		AC_OPT_STRING(s, p signature, "signature", "FILE",             \
			      "detached signature of the image")

static const struct ac_opt image_opts[] = {
	IMAGE_ROWS(struct image_flags, ),
	AC_OPT_END,
};

const struct ac_opt run_opts[] = {
	AC_OPT_OPTIONAL(struct run_flags, net, "net", "none|host",
			"network: loopback alone (the default), or the host's"),
	AC_OPT_LIST(struct run_flags, volumes, "volume",
		    "NAME,kind=host|empty,...",
		    "a volume: NAME,kind=host,source=/path[,readOnly=true], "
		    "or NAME,kind=empty[,mode=0755][,uid=0][,gid=0]"),
	AC_OPT_LIST(struct run_flags, set_env, "set-env", "NAME=VALUE",
		    "set a variable of all apps"),
	AC_OPT_LIST(struct run_flags, set_env_files, "set-env-file", "FILE",
		    "set the variables in FILE, one NAME=VALUE a line"),
	AC_OPT_BOOL(struct run_flags, inherit_env, "inherit-env",
		    "pass on the environment, behind the images' own"),
	AC_OPT_STRING(struct run_flags, hostname, "hostname", "NAME",
		      "the pod's hostname (default: acrun-UUID)"),
	AC_OPT_BOOL(struct run_flags, interactive, "interactive",
		    "give the one app a terminal"),
	AC_OPT_STRING(struct run_flags, uuid_file, "uuid-file-save", "FILE",
		      "write the pod's UUID to FILE"),
	AC_OPT_STRING(struct run_flags, pod_manifest, "pod-manifest", "FILE",
		      "run this pod manifest; its images are in the store"),
	AC_OPT_CHOICE(struct run_flags, pull_policy, "pull-policy", "POLICY",
		      AC_OBTAIN_POLICIES,
		      "fetch what the store lacks, nothing, or all"),
	AC_OPT_BOOL(struct run_flags, store_only, "store-only", NULL),
	AC_OPT_BOOL(struct run_flags, no_store, "no-store", NULL),
	AC_OPT_PASSPHRASE(struct run_flags, passphrase_fd),
	AC_OPT_BOOL(struct run_flags, strict, "strict-isolators",
		    "refuse to run when an isolator cannot be enforced"),
	AC_OPT_UINT(struct run_flags, pids, "pids", "N",
		    "limit processes of the pod (default 4096)"),
	AC_OPT_STRING(struct run_flags, grace, "grace", "DURATION",
		      "between TERM and KILL when the pod ends (default 10s)"),
	AC_OPT_BOOL(struct run_flags, remove, "rm",
		    "remove the pod when it has ended"),
	IMAGE_ROWS(struct run_flags, before.),
	AC_OPT_END,
};

static bool is_set(const struct ac_opt *o, const void *from)
{
	const void *at = (const char *)from + o->offset;

	if (o->type == AC_OPT_T_LIST)
		return ((const struct ac_strv *)at)->n != 0;
	return *(const char *const *)at != NULL;
}

/* Only --mount may stand before all images. */
static int check_before(const struct run_flags *run, struct ac_err *err)
{
	for (const struct ac_opt *o = image_opts; o->type != AC_OPT_T_END; o++)
		if (strcmp(o->name, "mount") != 0 && is_set(o, &run->before))
			return ac_err_set(err, AC_E_USAGE,
					  "--%s must follow an image", o->name);
	return 0;
}

static struct app_request *add_app(struct run_args *a, const char *image)
{
	a->apps = ac_xrealloc(a->apps, a->n + 1, sizeof(*a->apps));
	a->apps[a->n] = (struct app_request){.image = image};
	return &a->apps[a->n++];
}

/* What follows "--", up to "---" or the end. */
static int take_args(struct run_args *a, const struct ac_call *c, int *i,
		     struct ac_err *err)
{
	struct app_request *app;

	if (a->n == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "an image is required before any app "
				  "arguments");
	app = &a->apps[a->n - 1];
	if (app->has_args)
		return ac_err_set(err, AC_E_USAGE,
				  "only one set of app arguments allowed per "
				  "image");
	app->has_args = true;
	for ((*i)++; *i < c->argc && strcmp(c->argv[*i], "---") != 0; (*i)++)
		if (c->argv[*i][0] != '\0')
			ac_strv_push(&app->args, c->argv[*i]);
	return 0;
}

static int take_option(struct run_args *a, const struct ac_call *c, int *i,
		       struct ac_err *err)
{
	struct image_flags *f = &a->apps[a->n - 1].flags;
	struct ac_optset sets[] = {
		{image_opts, f},
		{run_opts, c->opts},
		{global_opts, c->globals},
	};
	bool help = false;

	if (ac_opt_one(sets, AC_LEN(sets), c->argc, c->argv, i, &help, err) < 0)
		return -1;
	if (help)
		return ac_err_set(err, AC_E_USAGE,
				  "--help stands before the images; arguments "
				  "of an app follow '--'");
	return 0;
}

int args_parse(struct run_args *a, const struct ac_call *c, struct ac_err *err)
{
	int i = 0;

	if (check_before(c->opts, err) < 0)
		return -1;
	while (i < c->argc) {
		char *arg = c->argv[i];

		if (strcmp(arg, "--") == 0) {
			if (take_args(a, c, &i, err) < 0)
				return -1;
			i++;
		} else if (strcmp(arg, "---") == 0) {
			i++;
		} else if (a->n != 0 && ac_opt_is(arg)) {
			if (take_option(a, c, &i, err) < 0)
				return -1;
		} else {
			(void)add_app(a, arg);
			i++;
		}
	}
	return 0;
}

void args_release(struct run_args *a)
{
	for (size_t i = 0; i < a->n; i++) {
		ac_opt_release(
			&(struct ac_optset){image_opts, &a->apps[i].flags});
		ac_strv_release(&a->apps[i].args);
	}
	free(a->apps);
	*a = (struct run_args){.n = 0};
}
