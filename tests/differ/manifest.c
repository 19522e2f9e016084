/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/manifest.h"

#include <stdio.h>
#include <string.h>

#include "common/base/str.h"
#include "tests/differ/values.h"

/* How likely a field is there that may be left out. */
enum { OFTEN = 60, SELDOM = 30 };

static void put(struct rng *r, struct node *o, const char *key, enum what w)
{
	node_put(o, key, value_good(r, w));
}

static void maybe(struct rng *r, struct node *o, unsigned int percent,
		  const char *key, enum what w)
{
	if (rng_chance(r, percent))
		put(r, o, key, w);
}

static struct node *strings(struct rng *r, enum what w, size_t min)
{
	struct node *list = node_new(N_ARRAY);

	for (size_t n = min + rng_below(r, 3); n > 0; n--)
		node_push(list, value_good(r, w));
	return list;
}

/* {"name": ..., "value": ...} */
static struct node *pair(struct rng *r, const char *name, enum what name_is,
			 enum what w)
{
	struct node *o = node_new(N_OBJECT);
	struct node *n = node_leaf(name_is, "\"", 1);

	ac_buf_adds(&n->leaf, name);
	ac_buf_addc(&n->leaf, '"');
	node_put(o, "name", n);
	put(r, o, "value", w);
	return o;
}

static struct node *labels(struct rng *r)
{
	struct node *list = node_new(N_ARRAY);

	if (rng_chance(r, OFTEN))
		node_push(list, pair(r, "version", W_LABEL, W_STRING));
	if (rng_chance(r, OFTEN)) {
		node_push(list, pair(r, "os", W_LABEL, W_OS));
		/* Most pairs that come of this are known ones. */
		if (rng_chance(r, OFTEN))
			node_push(list, pair(r, "arch", W_LABEL, W_ARCH));
	}
	if (rng_chance(r, SELDOM))
		node_push(list, pair(r, "channel", W_LABEL, W_STRING));
	if (rng_chance(r, SELDOM))
		node_push(list, pair(r, "example.com/x", W_LABEL, W_STRING));
	return list;
}

static struct node *annotations(struct rng *r)
{
	static const struct {
		const char *name;
		enum what w;
	} known[] = {
		{"created", W_DATE},
		{"homepage", W_URL},
		{"documentation", W_URL},
		{"authors", W_STRING},
		{"appc.io/executor/supports-systemd-notify", W_STRING},
	};
	struct node *list = node_new(N_ARRAY);

	for (size_t i = 0; i < AC_LEN(known); i++)
		if (rng_chance(r, SELDOM))
			node_push(list, pair(r, known[i].name, W_ANNOTATION,
					     known[i].w));
	return list;
}

static struct node *map(struct rng *r)
{
	static const char *const keys[] = {"a",   "A",       "",
					   "x/y", "created", "\xc3\xa9"};
	struct node *o = node_new(N_OBJECT);

	for (size_t i = 0; i < AC_LEN(keys); i++)
		if (rng_chance(r, SELDOM))
			put(r, o, keys[i], W_STRING);
	return o;
}

static struct node *resource(struct rng *r, bool device)
{
	struct node *o = node_new(N_OBJECT);

	if (device)
		node_put(o, "default", node_leaf(W_BOOL, "true", 4));
	else
		maybe(r, o, OFTEN, "request", W_QUANTITY);
	maybe(r, o, 90, "limit", W_QUANTITY);
	return o;
}

static struct node *selinux(void)
{
	static const char *const keys[] = {"user", "role", "type", "level"};
	struct node *o = node_new(N_OBJECT);

	for (size_t i = 0; i < AC_LEN(keys); i++)
		node_put(o, keys[i], node_leaf(W_SELINUX, "\"x_u\"", 5));
	return o;
}

static struct node *set_of(struct rng *r, enum what w, bool with_errno)
{
	struct node *o = node_new(N_OBJECT);

	node_put(o, "set", strings(r, w, 1));
	if (with_errno)
		maybe(r, o, SELDOM, "errno", W_ERRNO);
	return o;
}

/* The values of each isolator there is. */
enum iso {
	I_RES,
	I_DEVICE,
	I_CAPS,
	I_SECCOMP,
	I_SELINUX,
	I_FLAG,
	I_OOM,
	I_SHARES,
	I_MAP,
	I_ANY
};

static const struct {
	const char *name;
	enum iso of;
	bool pod_only;
} isolators_known[] = {
	{"resource/cpu", I_RES, false},
	{"resource/memory", I_RES, false},
	{"resource/block-bandwidth", I_DEVICE, false},
	{"resource/block-iops", I_DEVICE, false},
	{"resource/network-bandwidth", I_DEVICE, false},
	{"os/linux/capabilities-remove-set", I_CAPS, false},
	{"os/linux/capabilities-retain-set", I_CAPS, false},
	{"os/linux/seccomp-remove-set", I_SECCOMP, false},
	{"os/linux/seccomp-retain-set", I_SECCOMP, false},
	{"os/linux/selinux-context", I_SELINUX, false},
	{"os/linux/no-new-privileges", I_FLAG, false},
	{"os/linux/oom-score-adj", I_OOM, false},
	{"os/linux/cpu-shares", I_SHARES, false},
	{"os/unix/sysctl", I_MAP, true},
	{"os/linux/apparmor-profile", I_ANY, true},
};

static struct node *isolator_value(struct rng *r, enum iso of)
{
	struct node *o;

	switch (of) {
	case I_RES:
	case I_DEVICE:
		return resource(r, of == I_DEVICE);
	case I_CAPS:
		return set_of(r, W_CAP, false);
	case I_SECCOMP:
		return set_of(r, W_SYSCALL, true);
	case I_SELINUX:
		return selinux();
	case I_FLAG:
		return value_good(r, W_BOOL);
	case I_OOM:
		return value_good(r, W_OOM);
	case I_SHARES:
		return value_good(r, W_SHARES);
	case I_MAP:
		return map(r);
	default:
		o = node_new(N_OBJECT);
		put(r, o, "profile", W_STRING);
		return o;
	}
}

static struct node *isolators(struct rng *r, bool pod)
{
	struct node *list = node_new(N_ARRAY);
	bool seccomp = false;

	for (size_t i = 0; i < AC_LEN(isolators_known); i++) {
		enum iso of = isolators_known[i].of;
		struct node *o;
		struct node *name;

		if (!rng_chance(r, 22) || (isolators_known[i].pod_only && !pod))
			continue;
		if (of == I_SECCOMP && seccomp)
			continue;
		seccomp = seccomp || of == I_SECCOMP;
		o = node_new(N_OBJECT);
		name = node_leaf(W_ISOLATOR, "\"", 1);
		ac_buf_addf(&name->leaf, "%s\"", isolators_known[i].name);
		node_put(o, "name", name);
		node_put(o, "value", isolator_value(r, of));
		node_push(list, o);
	}
	return list;
}

static void name_it(struct rng *r, struct node *o, const char *key, size_t i)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "\"n-%zu\"", i);

	(void)r;
	node_put(o, key, node_leaf(W_NAME, text, (size_t)n));
}

static struct node *port(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);

	name_it(r, o, "name", i);
	put(r, o, "protocol", W_PROTOCOL);
	node_put(o, "port", node_leaf(W_PORT, "8080", 4));
	maybe(r, o, SELDOM, "count", W_COUNT);
	maybe(r, o, SELDOM, "socketActivated", W_BOOL);
	return o;
}

static struct node *mount_point(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);

	name_it(r, o, "name", i);
	put(r, o, "path", W_PATH);
	maybe(r, o, SELDOM, "readOnly", W_BOOL);
	return o;
}

static struct node *some(struct rng *r,
			 struct node *(*make)(struct rng *r, size_t i))
{
	struct node *list = node_new(N_ARRAY);
	size_t n = rng_below(r, 4);

	for (size_t i = 0; i < n; i++)
		node_push(list, make(r, i));
	return list;
}

static struct node *handlers(struct rng *r)
{
	static const char *const names[] = {"\"pre-start\"", "\"post-stop\""};
	struct node *list = node_new(N_ARRAY);

	for (size_t i = 0; i < AC_LEN(names); i++) {
		struct node *o;

		if (!rng_chance(r, OFTEN))
			continue;
		o = node_new(N_OBJECT);
		node_put(o, "name",
			 node_leaf(W_HANDLER, names[i], strlen(names[i])));
		node_put(o, "exec", strings(r, W_PATH, 1));
		node_push(list, o);
	}
	return list;
}

static struct node *environment(struct rng *r)
{
	static const char *const names[] = {"A", "PATH", "_x", "a.b-c"};
	struct node *list = node_new(N_ARRAY);

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (rng_chance(r, SELDOM))
			node_push(list, pair(r, names[i], W_ENV, W_STRING));
	return list;
}

static struct node *app(struct rng *r)
{
	struct node *o = node_new(N_OBJECT);

	if (rng_chance(r, 90))
		node_put(o, "exec", strings(r, W_PATH, 1));
	put(r, o, "user", W_USER);
	put(r, o, "group", W_USER);
	if (rng_chance(r, SELDOM))
		node_put(o, "supplementaryGIDs", strings(r, W_INT, 0));
	if (rng_chance(r, OFTEN))
		node_put(o, "eventHandlers", handlers(r));
	maybe(r, o, OFTEN, "workingDirectory", W_PATH);
	if (rng_chance(r, OFTEN))
		node_put(o, "environment", environment(r));
	if (rng_chance(r, OFTEN))
		node_put(o, "isolators", isolators(r, false));
	if (rng_chance(r, OFTEN))
		node_put(o, "mountPoints", some(r, mount_point));
	if (rng_chance(r, OFTEN))
		node_put(o, "ports", some(r, port));
	if (rng_chance(r, SELDOM))
		node_put(o, "userAnnotations", map(r));
	if (rng_chance(r, SELDOM))
		node_put(o, "userLabels", map(r));
	return o;
}

static struct node *dependency(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);

	(void)i;
	put(r, o, "imageName", W_IDENT);
	maybe(r, o, OFTEN, "imageID", W_ID);
	if (rng_chance(r, OFTEN))
		node_put(o, "labels", labels(r));
	maybe(r, o, OFTEN, "size", W_SIZE);
	return o;
}

struct node *manifest_image(struct rng *r)
{
	struct node *o = node_new(N_OBJECT);

	node_put(o, "acKind", node_leaf(W_KIND, "\"ImageManifest\"", 15));
	put(r, o, "acVersion", W_VERSION);
	put(r, o, "name", W_IDENT);
	if (rng_chance(r, OFTEN))
		node_put(o, "labels", labels(r));
	if (rng_chance(r, 75))
		node_put(o, "app", app(r));
	if (rng_chance(r, OFTEN))
		node_put(o, "dependencies", some(r, dependency));
	if (rng_chance(r, SELDOM))
		node_put(o, "pathWhitelist", strings(r, W_PATH, 0));
	if (rng_chance(r, OFTEN))
		node_put(o, "annotations", annotations(r));
	return o;
}

static struct node *volume(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);
	bool host = rng_chance(r, 50);

	name_it(r, o, "name", i);
	node_put(o, "kind",
		 host ? node_leaf(W_VOLUME_KIND, "\"host\"", 6)
		      : node_leaf(W_VOLUME_KIND, "\"empty\"", 7));
	maybe(r, o, SELDOM, "readOnly", W_BOOL);
	if (host) {
		put(r, o, "source", W_PATH);
		maybe(r, o, SELDOM, "recursive", W_BOOL);
		return o;
	}
	maybe(r, o, SELDOM, "mode", W_MODE);
	maybe(r, o, SELDOM, "uid", W_INT);
	maybe(r, o, SELDOM, "gid", W_INT);
	return o;
}

static struct node *mount(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);

	name_it(r, o, "volume", i);
	put(r, o, "path", W_PATH);
	if (rng_chance(r, SELDOM))
		node_put(o, "appVolume", volume(r, i));
	return o;
}

static struct node *pod_app(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);
	struct node *image = node_new(N_OBJECT);

	name_it(r, o, "name", i);
	put(r, image, "id", W_ID);
	maybe(r, image, OFTEN, "name", W_IDENT);
	if (rng_chance(r, SELDOM))
		node_put(image, "labels", labels(r));
	node_put(o, "image", image);
	if (rng_chance(r, SELDOM))
		node_put(o, "app", app(r));
	maybe(r, o, SELDOM, "readOnlyRootFS", W_BOOL);
	if (rng_chance(r, OFTEN))
		node_put(o, "mounts", some(r, mount));
	if (rng_chance(r, SELDOM))
		node_put(o, "annotations", annotations(r));
	return o;
}

static struct node *pod_port(struct rng *r, size_t i)
{
	struct node *o = node_new(N_OBJECT);

	name_it(r, o, "name", i);
	put(r, o, "hostPort", W_PORT);
	maybe(r, o, SELDOM, "hostIP", W_IP);
	if (rng_chance(r, SELDOM))
		node_put(o, "podPort", port(r, i));
	return o;
}

struct node *manifest_pod(struct rng *r)
{
	struct node *o = node_new(N_OBJECT);

	put(r, o, "acVersion", W_VERSION);
	node_put(o, "acKind", node_leaf(W_KIND, "\"PodManifest\"", 13));
	node_put(o, "apps", some(r, pod_app));
	if (rng_chance(r, OFTEN))
		node_put(o, "volumes", some(r, volume));
	if (rng_chance(r, OFTEN))
		node_put(o, "isolators", isolators(r, true));
	if (rng_chance(r, SELDOM))
		node_put(o, "annotations", annotations(r));
	if (rng_chance(r, OFTEN))
		node_put(o, "ports", some(r, pod_port));
	if (rng_chance(r, SELDOM))
		node_put(o, "userAnnotations", map(r));
	if (rng_chance(r, SELDOM))
		node_put(o, "userLabels", map(r));
	return o;
}
