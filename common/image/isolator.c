/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/check.h"
#include "common/image/field.h"

/* One known isolator. */
struct known {
	const char *name;
	const char *rule;
	/* Judge VALUE, which is there and not null; PATH is its place. */
	int (*check)(const struct known *k, const struct ac_json *value,
		     const char *path, struct ac_findings *f,
		     struct ac_err *err);
	bool single;          /* at most one in a set */
	const char *conflict; /* cannot stand beside this one */
	bool app, pod;        /* where the specification has it */
};

/* VALUE must be of type T. */
static int want(const struct ac_json *value, enum ac_json_type t,
		const char *path, struct ac_err *err)
{
	if (ac_json_type(value) == t)
		return 0;
	return ac_err_at(err, "", path, "expected %s, found %s",
			 t == AC_JSON_INT ? "a whole number"
					  : ac_json_type_name(t),
			 ac_json_type_name(ac_json_type(value)));
}

/* The list `set`, which must not be empty. */
static int load_set(const struct ac_json *value, const char *path,
		    struct ac_strv *out, struct ac_err *err)
{
	if (want(value, AC_JSON_OBJECT, path, err) < 0 ||
	    ac_field_strings(value, path, "set", out, err) < 0)
		return -1;
	if (out->n == 0)
		return ac_err_at(err, "", path, "set must be non-empty");
	return 0;
}

static bool known_errno(const char *s)
{
	static const char *const aliases[] = {"EWOULDBLOCK", "EDEADLOCK",
					      "ENOTSUP", "EOPNOTSUPP"};

	for (size_t i = 0; i < AC_LEN(aliases); i++)
		if (strcmp(aliases[i], s) == 0)
			return true;
	for (int i = 1; i < 134; i++) {
		const char *name = strerrorname_np(i);

		if (name != NULL && strcmp(name, s) == 0)
			return true;
	}
	return false;
}

static int check_seccomp(const struct known *k, const struct ac_json *value,
			 const char *path, struct ac_findings *f,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv set = AC_STRV_INIT;
	const char *e = "";

	if (load_set(value, path, &set, err) < 0 ||
	    ac_field_str(value, path, "errno", &e, err) < 0)
		return -1;
	if (e[0] == '\0')
		return 0;
	if (e[0] != 'E')
		return ac_err_at(
			err, k->rule, path,
			"errno must start with an 'E' character, got %s", e);
	if (e[strspn(e, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] != '\0')
		return ac_err_at(err, k->rule, path,
				 "errno can only contain upper case or numeric "
				 "characters, got %s",
				 e);
	if (!known_errno(e))
		ac_findings_add(f, k->rule, path, "unknown errno '%s'", e);
	return 0;
}

static bool known_capability(const char *s)
{
	static const char *const names[] = {
		"CAP_AUDIT_CONTROL",
		"CAP_AUDIT_READ",
		"CAP_AUDIT_WRITE",
		"CAP_BLOCK_SUSPEND",
		"CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_DAC_READ_SEARCH",
		"CAP_FOWNER",
		"CAP_FSETID",
		"CAP_IPC_LOCK",
		"CAP_IPC_OWNER",
		"CAP_KILL",
		"CAP_LEASE",
		"CAP_LINUX_IMMUTABLE",
		"CAP_MAC_ADMIN",
		"CAP_MAC_OVERRIDE",
		"CAP_MKNOD",
		"CAP_NET_ADMIN",
		"CAP_NET_BIND_SERVICE",
		"CAP_NET_BROADCAST",
		"CAP_NET_RAW",
		"CAP_PERFMON",
		"CAP_SETFCAP",
		"CAP_SETGID",
		"CAP_SETPCAP",
		"CAP_SETUID",
		"CAP_SYSLOG",
		"CAP_SYS_ADMIN",
		"CAP_SYS_BOOT",
		"CAP_SYS_CHROOT",
		"CAP_SYS_MODULE",
		"CAP_SYS_NICE",
		"CAP_SYS_PACCT",
		"CAP_SYS_PTRACE",
		"CAP_SYS_RAWIO",
		"CAP_SYS_RESOURCE",
		"CAP_SYS_TIME",
		"CAP_SYS_TTY_CONFIG",
		"CAP_WAKE_ALARM",
	};

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strcmp(names[i], s) == 0)
			return true;
	return false;
}

static int check_capabilities(const struct known *k,
			      const struct ac_json *value, const char *path,
			      struct ac_findings *f, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv set = AC_STRV_INIT;

	if (load_set(value, path, &set, err) < 0)
		return -1;
	for (size_t i = 0; i < set.n; i++)
		if (!known_capability(set.v[i]))
			ac_findings_add(f, k->rule, path,
					"unknown capability '%s'; Linux has "
					"names such as CAP_NET_RAW",
					set.v[i]);
	return 0;
}

static int check_selinux(const struct known *k, const struct ac_json *value,
			 const char *path, struct ac_findings *f,
			 struct ac_err *err)
{
	static const char *const keys[] = {"user", "role", "type", "level"};

	(void)k;
	(void)f;
	if (want(value, AC_JSON_OBJECT, path, err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(keys); i++) {
		const char *s = "";

		if (ac_field_str(value, path, keys[i], &s, err) < 0)
			return -1;
		if (s[0] == '\0' || (i < 3 && strchr(s, ':') != NULL))
			return ac_err_at(err, k->rule, path,
					 "invalid %s value \"%s\"", keys[i], s);
	}
	return 0;
}

static int check_apparmor(const struct known *k, const struct ac_json *value,
			  const char *path, struct ac_findings *f,
			  struct ac_err *err)
{
	const char *s = "";

	(void)k;
	(void)f;
	if (want(value, AC_JSON_OBJECT, path, err) < 0 ||
	    ac_field_str(value, path, "profile", &s, err) < 0)
		return -1;
	if (s[0] == '\0')
		return ac_err_at(err, k->rule, path,
				 "invalid isolator: profile must be set");
	return 0;
}

static int check_flag(const struct known *k, const struct ac_json *value,
		      const char *path, struct ac_findings *f,
		      struct ac_err *err)
{
	(void)k;
	(void)f;
	return want(value, AC_JSON_BOOL, path, err);
}

static int check_number(const struct known *k, const struct ac_json *value,
			const char *path, struct ac_findings *f,
			struct ac_err *err)
{
	bool oom = strcmp(k->name, "os/linux/oom-score-adj") == 0;
	int64_t min = oom ? -1000 : 2;
	int64_t max = oom ? 1000 : 262144;
	int64_t v = ac_json_number(value);

	(void)f;
	if (want(value, AC_JSON_INT, path, err) < 0)
		return -1;
	if (v < min || v > max)
		return ac_err_at(err, k->rule, path,
				 "%s must be between %lld and %lld, got %lld",
				 k->name, (long long)min, (long long)max,
				 (long long)v);
	return 0;
}

static int check_sysctl(const struct known *k, const struct ac_json *value,
			const char *path, struct ac_findings *f,
			struct ac_err *err)
{
	struct ac_json *v;
	const char *name;
	void *it = NULL;

	(void)k;
	(void)f;
	if (want(value, AC_JSON_OBJECT, path, err) < 0)
		return -1;
	while (ac_json_each(value, &it, &name, &v)) {
		AC_FREE char *at = ac_field_path(path, name);

		if (ac_json_type(v) != AC_JSON_NULL &&
		    want(v, AC_JSON_STRING, at, err) < 0)
			return -1;
	}
	return 0;
}

/* "G", ".", "-": nothing where the number should be. */
static bool has_digits(const char *s)
{
	s += strspn(s, "+-. ");
	return *s >= '0' && *s <= '9';
}

/* Member KEY as a quantity: 1, 0 when absent, -1. */
static int quantity(const struct ac_json *value, const char *path,
		    const char *key, int64_t *milli, struct ac_findings *f,
		    struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	AC_FREE char *at = NULL;
	struct ac_json *v = NULL;
	const char *text;
	int ret = ac_field_find(value, path, key, &v, err);

	if (ret <= 0 || ac_json_type(v) == AC_JSON_NULL)
		return ret < 0 ? -1 : 0;
	if (ac_quantity_parse(v, milli, &why) < 0) {
		at = ac_field_path(path, key);
		return ac_err_at(err, "L9", at, "%s", why.msg);
	}
	text = ac_json_text(v, NULL);
	if (text != NULL && !has_digits(text))
		ac_findings_add(f, "L9", path,
				"the %s '%s' has no digits; it is taken for 0",
				key, text);
	return 1;
}

static int check_resource(const struct known *k, const struct ac_json *value,
			  const char *path, struct ac_findings *f,
			  struct ac_err *err)
{
	bool of_device = strcmp(k->rule, "L7") == 0;
	bool def = false;
	int64_t request = 0;
	int64_t limit = 0;
	int has_request;
	int has_limit;

	if (want(value, AC_JSON_OBJECT, path, err) < 0 ||
	    ac_field_bool(value, path, "default", &def, err) < 0)
		return -1;
	has_request = quantity(value, path, "request", &request, f, err);
	if (has_request < 0)
		return -1;
	has_limit = quantity(value, path, "limit", &limit, f, err);
	if (has_limit < 0)
		return -1;
	if (of_device && !def)
		return ac_err_at(err, k->rule, path, "default must be true");
	if (!of_device && def)
		return ac_err_at(err, k->rule, path, "default must be false");
	if (of_device && has_request)
		return ac_err_at(
			err, k->rule, path,
			"request not supported by this resource, must be "
			"empty");
	if (!has_limit)
		ac_findings_add(f, k->rule, path, "has no limit");
	if (limit < 0 || request < 0)
		ac_findings_add(f, k->rule, path, "a negative quantity");
	if (has_limit && has_request && request > limit)
		ac_findings_add(f, k->rule, path,
				"the request is above the limit");
	return 0;
}

#define SECCOMP_REMOVE "os/linux/seccomp-remove-set"
#define SECCOMP_RETAIN "os/linux/seccomp-retain-set"
#define CAPS_REMOVE    "os/linux/capabilities-remove-set"
#define CAPS_RETAIN    "os/linux/capabilities-retain-set"

static const struct known table[] = {
	{SECCOMP_REMOVE, "L1", check_seccomp, true, SECCOMP_RETAIN, true,
	 false},
	{SECCOMP_RETAIN, "L1", check_seccomp, true, SECCOMP_REMOVE, true,
	 false},
	{"os/linux/selinux-context", "L2", check_selinux, true, NULL, true,
	 true},
	{"os/linux/apparmor-profile", "L3", check_apparmor, true, NULL, true,
	 true},
	{CAPS_REMOVE, "L4", check_capabilities, false, NULL, true, false},
	{CAPS_RETAIN, "L4", check_capabilities, false, NULL, true, false},
	{"os/linux/no-new-privileges", "L5", check_flag, false, NULL, true,
	 false},
	{"os/linux/oom-score-adj", "L6", check_number, true, NULL, true, true},
	{"os/linux/cpu-shares", "L6", check_number, true, NULL, true, true},
	{"resource/block-bandwidth", "L7", check_resource, false, NULL, true,
	 true},
	{"resource/block-iops", "L7", check_resource, false, NULL, true, true},
	{"resource/network-bandwidth", "L7", check_resource, false, NULL, true,
	 true},
	{"resource/cpu", "L8", check_resource, false, NULL, true, true},
	{"resource/memory", "L8", check_resource, false, NULL, true, true},
	{"os/unix/sysctl", "L10", check_sysctl, true, NULL, false, true},
};

static const struct known *find_known(const char *name)
{
	for (size_t i = 0; i < AC_LEN(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* Which known isolators a set has so far. */
struct seen {
	unsigned int times[AC_LEN(table)];
};

static bool has(const struct seen *s, const char *name)
{
	const struct known *k = name != NULL ? find_known(name) : NULL;

	return k != NULL && s->times[k - table] != 0;
}

/* The isolator beside those before it. */
static int check_set(struct seen *s, const struct known *k, bool in_pod,
		     const char *path, struct ac_findings *f,
		     struct ac_err *err)
{
	bool again = s->times[k - table]++ != 0;

	if (has(s, k->conflict)) {
		if (!in_pod)
			return ac_err_at(
				err, k->rule, path,
				"isolators set contains incompatible types");
		ac_findings_add(f, k->rule, path,
				"cannot stand beside '%s' of the same pod",
				k->conflict);
	}
	if (again && k->single && !in_pod)
		return ac_err_at(
			err, k->rule, path,
			"isolators set contains too many instances of type "
			"%s\"",
			k->name);
	if (again)
		ac_findings_add(
			f, k->rule, path,
			"'%s' comes more than once; the last one counts",
			k->name);
	if (in_pod ? !k->pod : !k->app)
		ac_findings_add(f, k->rule, path, "'%s' belongs to %s", k->name,
				in_pod ? "an app, not to a pod"
				       : "a pod, not to an app");
	if (strncmp(k->name, "os/linux/capabilities-", 22) == 0 &&
	    has(s, CAPS_REMOVE) && has(s, CAPS_RETAIN))
		ac_findings_add(f, k->rule, path,
				"a remove-set and a retain-set of capabilities "
				"exclude each other");
	return 0;
}

static int load_one(const struct ac_json *e, const char *path, bool in_pod,
		    struct seen *seen, struct ac_isolator *out,
		    struct ac_findings *f, struct ac_err *err)
{
	struct ac_json *value = NULL;
	const struct known *k;
	AC_FREE char *at = ac_field_path(path, "value");

	if (ac_check_name_field(e, path, "name", false, &out->name, f, err) < 0)
		return -1;
	if (out->name == NULL && !in_pod)
		return ac_err_at(err, "T8", path,
				 "invalid isolator: it has no name");
	if (out->name == NULL) {
		ac_findings_add(f, "T8", path,
				"has no name: it will be ignored");
		out->name = "";
		return 0;
	}
	if (ac_field_find(e, path, "value", &value, err) < 0)
		return -1;
	if (ac_json_type(value) == AC_JSON_NULL)
		value = NULL;
	out->value = value;
	k = find_known(out->name);
	if (k == NULL) {
		ac_findings_add(f, "I5.7", path,
				"unknown isolator '%s': it will be ignored",
				out->name);
		if (value == NULL)
			ac_findings_add(f, "T8", path, "has no value");
		return 0;
	}
	if (value == NULL)
		return ac_err_at(err, "L11", path, "isolator '%s' has no value",
				 out->name);
	if (k->check(k, value, at, f, err) < 0) {
		ac_err_rule(err, k->rule);
		return -1;
	}
	return check_set(seen, k, in_pod, path, f, err);
}

int ac_check_isolators(const struct ac_json *o, const char *path, bool in_pod,
		       struct ac_isolator **out, size_t *n,
		       struct ac_findings *f, struct ac_err *err)
{
	AC_FREE struct ac_isolator *v = NULL;
	struct ac_json *list = NULL;
	struct seen seen = {.times = {0}};
	int ret =
		ac_field_list(o, path, "isolators", AC_JSON_OBJECT, &list, err);

	if (ret <= 0)
		return ret;
	v = ac_xcalloc(ac_json_len(list) + 1, sizeof(*v));
	for (size_t i = 0; i < ac_json_len(list); i++) {
		AC_FREE char *at = ac_field_path_at(path, "isolators", i);

		if (ac_findings_stop(f,
				     load_one(ac_json_at(list, i), at, in_pod,
					      &seen, &v[i], f, err),
				     err))
			return -1;
	}
	*n = ac_json_len(list);
	*out = ac_steal_ptr(&v);
	return 1;
}
