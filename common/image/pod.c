/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/pod.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/check.h"
#include "common/image/field.h"
#include "common/sys/path.h"

static int load_image_ref(struct ac_pod_app *a, const struct ac_json *e,
			  const char *path, struct ac_findings *f,
			  struct ac_err *err)
{
	AC_FREE char *at = ac_field_path(path, "image");
	AC_FREE char *id_at = ac_field_path(at, "id");
	struct ac_json *name = NULL;
	struct ac_json *image = NULL;
	struct ac_json *v = NULL;
	int ret = ac_field_object(e, path, "image", &image, err);

	if (ret < 0)
		return -1;
	if (ret == 0) {
		ac_findings_add(f, "P2", path, "has no image");
		return 0;
	}
	a->image_id = "";
	ret = ac_field_find(image, at, "id", &v, err);
	if (ret < 0 || ac_field_str(image, at, "id", &a->image_id, err) < 0)
		return -1;
	if (ret == 0) {
		a->image_id = NULL;
		ac_findings_add(f, "P2", at, "has no id");
	} else if (ac_check_image_id(a->image_id, id_at, f, err) < 0) {
		return -1;
	}
	/* Of all names this one may be null. */
	if (ac_field_find(image, at, "name", &name, err) < 0 ||
	    (ac_json_type(name) != AC_JSON_NULL &&
	     ac_check_name_field(image, at, "name", false, &a->image_name, f,
				 err) < 0))
		return -1;
	return ac_check_labels(image, at, &a->image_labels, f, err) < 0 ? -1
									: 0;
}

static int load_mount(struct ac_pod_mount *m, const struct ac_json *e,
		      const char *at, struct ac_findings *f, struct ac_err *err)
{
	AC_FREE char *volume_at = ac_field_path(at, "appVolume");
	struct ac_json *volume = NULL;
	int ret;

	m->volume = "";
	m->path = "";
	ret = ac_check_name_field(e, at, "volume", true, &m->volume, f, err);
	if (ret < 0 || ac_field_str(e, at, "path", &m->path, err) < 0)
		return -1;
	if (ret == 0)
		ac_findings_add(f, "P3", at, "names no volume");
	if (m->path[0] != '/')
		ac_findings_add(f, "P3", at, "its path '%s' must be absolute",
				m->path);
	else if (ac_path_has_dotdot(m->path))
		ac_findings_add(f, "P3", at, "its path '%s' has '..'", m->path);
	ret = ac_field_object(e, at, "appVolume", &volume, err);
	if (ret <= 0)
		return ret;
	m->has_app_volume = true;
	return ac_volume_load(&m->app_volume, volume, volume_at, err);
}

static int load_mounts(struct ac_pod_app *a, const struct ac_json *e,
		       const char *path, struct ac_findings *f,
		       struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret = ac_field_list(e, path, "mounts", AC_JSON_OBJECT, &list, err);

	if (ret <= 0)
		return ret;
	a->n_mounts = ac_json_len(list);
	a->mounts = ac_xcalloc(a->n_mounts + 1, sizeof(*a->mounts));
	for (size_t i = 0; i < a->n_mounts; i++) {
		AC_FREE char *at = ac_field_path_at(path, "mounts", i);

		if (ac_findings_stop(f,
				     load_mount(&a->mounts[i],
						ac_json_at(list, i), at, f,
						err),
				     err))
			return -1;
	}
	return 0;
}

static int load_app(struct ac_pod_app *a, const struct ac_json *e,
		    const char *at, struct ac_findings *f, struct ac_err *err)
{
	AC_FREE char *app_at = ac_field_path(at, "app");
	struct ac_json *app = NULL;
	int ret;

	a->name = "";
	ret = ac_check_name_field(e, at, "name", true, &a->name, f, err);
	if (ac_findings_stop(f, ret, err) ||
	    ac_findings_stop(f, load_image_ref(a, e, at, f, err), err))
		return -1;
	if (ret == 0)
		ac_findings_add(f, "P2", at, "has no name");
	ret = ac_field_object(e, at, "app", &app, err);
	if (ret < 0 ||
	    (ret > 0 && ac_app_load(&a->app, app, app_at, f, err) < 0))
		return -1;
	a->has_app = ret > 0;
	if (ac_field_bool(e, at, "readOnlyRootFS", &a->read_only_rootfs, err) <
		    0 ||
	    load_mounts(a, e, at, f, err) < 0 ||
	    ac_check_annotations(e, at, &a->annotations, f, err) < 0)
		return -1;
	return 0;
}

static int load_apps(struct ac_pod *p, struct ac_findings *f,
		     struct ac_err *err)
{
	AC_FREE const char **names = NULL;
	struct ac_json *list = NULL;
	const char *twice;
	int ret = ac_field_list(p->doc, "", "apps", AC_JSON_OBJECT, &list, err);

	if (ret < 0)
		return -1;
	if (ret == 0) {
		ac_findings_add(f, "P1", "apps", "missing");
		return 0;
	}
	p->apps = ac_xcalloc(ac_json_len(list) + 1, sizeof(*p->apps));
	names = ac_xcalloc(ac_json_len(list) + 1, sizeof(*names));
	for (size_t i = 0; i < ac_json_len(list); i++) {
		AC_FREE char *at = ac_field_path_at("", "apps", i);

		p->n_apps = i + 1;
		p->apps[i].name = "";
		if (ac_findings_stop(f,
				     load_app(&p->apps[i], ac_json_at(list, i),
					      at, f, err),
				     err))
			return -1;
		names[i] = p->apps[i].name;
	}
	twice = ac_names_duplicate(names, p->n_apps);
	if (twice != NULL)
		return ac_err_at(err, "P2", "apps",
				 "duplicate apps of name \"%s\"", twice);
	return 0;
}

static int load_volumes(struct ac_pod *p, struct ac_findings *f,
			struct ac_err *err)
{
	AC_FREE const char **names = NULL;
	struct ac_json *list = NULL;
	const char *twice;
	int ret = ac_field_list(p->doc, "", "volumes", AC_JSON_OBJECT, &list,
				err);

	if (ret <= 0)
		return ret;
	p->n_volumes = ac_json_len(list);
	p->volumes = ac_xcalloc(p->n_volumes + 1, sizeof(*p->volumes));
	names = ac_xcalloc(p->n_volumes + 1, sizeof(*names));
	for (size_t i = 0; i < p->n_volumes; i++) {
		AC_FREE char *at = ac_field_path_at("", "volumes", i);
		const struct ac_volume *v = &p->volumes[i];

		if (ac_findings_stop(f,
				     ac_volume_load(&p->volumes[i],
						    ac_json_at(list, i), at,
						    err),
				     err))
			return -1;
		names[i] = v->name != NULL ? v->name : "";
		if (v->mode != NULL && v->mode[strspn(v->mode, "01234567")])
			ac_findings_add(f, "P4", at,
					"mode '%s' is not an octal number",
					v->mode);
		if (!v->host && v->recursive >= 0)
			ac_findings_add(f, "P4", at,
					"'recursive' is for host volumes");
	}
	twice = ac_names_duplicate(names, p->n_volumes);
	if (twice != NULL && twice[0] != '\0')
		return ac_err_at(err, "P4", "volumes",
				 "duplicate volume name \"%s\"", twice);
	return 0;
}

/* An address of V6 or V4 in text.  Groups of more than four digits, which
 * inet_pton does not take, may begin with zeros. */
static bool is_address(const char *ip, bool *v4)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(256);
	unsigned char addr[16];

	*v4 = inet_pton(AF_INET, ip, addr) == 1;
	if (*v4)
		return true;
	while (*ip != '\0') {
		size_t n = strspn(ip, "0123456789abcdefABCDEF");

		for (; n > 4 && *ip == '0'; n--)
			ip++;
		n += ip[n] != '\0';
		ac_buf_add(&b, ip, n);
		ip += n;
	}
	return !b.overflow && inet_pton(AF_INET6, ac_buf_str(&b), addr) == 1;
}

static int load_port(struct ac_pod_port *port, const struct ac_json *e,
		     const char *at, struct ac_findings *f, struct ac_err *err)
{
	AC_FREE char *pod_at = ac_field_path(at, "podPort");
	AC_FREE char *port_at = ac_field_path(at, "hostPort");
	AC_FREE char *ip_at = ac_field_path(at, "hostIP");
	struct ac_json *pod_port = NULL;
	const char *ip = "";
	int64_t n = 0;
	int ret;

	port->name = "";
	ret = ac_check_name_field(e, at, "name", true, &port->name, f, err);
	if (ret < 0 || ac_field_int(e, at, "hostPort", &n, err) < 0 ||
	    ac_field_str(e, at, "hostIP", &ip, err) < 0)
		return -1;
	if (ret == 0)
		ac_findings_add(f, "P6", at, "has no name");
	if (n < 0)
		return ac_err_at(err, "P6", port_at, "%lld is negative",
				 (long long)n);
	if (n == 0 || n > 65535)
		ac_findings_add(f, "P6", at,
				"hostPort %lld is not in 1 to 65535",
				(long long)n);
	port->host_port = n > 65535 ? 0 : (unsigned int)n;
	if (ip[0] != '\0') {
		bool v4;

		if (!is_address(ip, &v4))
			return ac_err_at(err, "P6", ip_at,
					 "invalid IP address: %s", ip);
		if (!v4)
			ac_findings_add(f, "P6", at,
					"hostIP '%s' is not an IPv4 address",
					ip);
		port->host_ip = ip;
	}
	ret = ac_field_object(e, at, "podPort", &pod_port, err);
	if (ret <= 0)
		return ret;
	port->has_pod_port = true;
	return ac_check_port(pod_port, pod_at, &port->pod_port, f, err);
}

static int load_ports(struct ac_pod *p, struct ac_findings *f,
		      struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret =
		ac_field_list(p->doc, "", "ports", AC_JSON_OBJECT, &list, err);

	if (ret <= 0)
		return ret;
	p->n_ports = ac_json_len(list);
	p->ports = ac_xcalloc(p->n_ports + 1, sizeof(*p->ports));
	for (size_t i = 0; i < p->n_ports; i++) {
		AC_FREE char *at = ac_field_path_at("", "ports", i);

		if (ac_findings_stop(f,
				     load_port(&p->ports[i],
					       ac_json_at(list, i), at, f, err),
				     err))
			return -1;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Mounts must name a volume of the pod, or bring their own. */
static void check_mounts(const struct ac_pod *p, struct ac_findings *f)
{
	AC_FREE const char **names =
		ac_xcalloc(p->n_volumes + 1, sizeof(*names));

	for (size_t i = 0; i < p->n_volumes; i++)
		names[i] = p->volumes[i].name != NULL ? p->volumes[i].name : "";
	qsort(names, p->n_volumes, sizeof(*names), by_name);
	for (size_t i = 0; i < p->n_apps; i++)
		for (size_t k = 0; k < p->apps[i].n_mounts; k++) {
			const struct ac_pod_mount *m = &p->apps[i].mounts[k];
			AC_FREE char *at = NULL;

			if (m->has_app_volume || m->volume[0] == '\0' ||
			    bsearch(&m->volume, names, p->n_volumes,
				    sizeof(*names), by_name) != NULL)
				continue;
			at = ac_xasprintf("apps[%zu].mounts[%zu]", i, k);
			ac_findings_add(f, "P3", at,
					"no volume of the pod is called '%s'",
					m->volume);
		}
}

/* Members that only have to be well-formed. */
static int check_user_maps(const struct ac_pod *p, struct ac_err *err)
{
	static const char *const keys[] = {"userAnnotations", "userLabels"};

	for (size_t i = 0; i < AC_LEN(keys); i++) {
		struct ac_pairs pairs = {.v = NULL};

		if (ac_field_map(p->doc, "", keys[i], &pairs, err) < 0)
			return -1;
		free(pairs.v);
	}
	return 0;
}

static int load(struct ac_pod *p, struct ac_findings *f, struct ac_err *err)
{
	if (ac_json_type(p->doc) != AC_JSON_OBJECT)
		return ac_check_head(p->doc, "PodManifest", false, f, err);
	if (ac_findings_stop(f,
			     ac_check_head(p->doc, "PodManifest", false, f,
					   err),
			     err) ||
	    ac_findings_stop(f, load_apps(p, f, err), err) ||
	    ac_findings_stop(f, load_volumes(p, f, err), err) ||
	    ac_findings_stop(f,
			     ac_check_isolators(p->doc, "", true, &p->isolators,
						&p->n_isolators, f, err),
			     err) ||
	    ac_findings_stop(f,
			     ac_check_annotations(p->doc, "", &p->annotations,
						  f, err),
			     err) ||
	    ac_findings_stop(f, load_ports(p, f, err), err) ||
	    ac_findings_stop(f, check_user_maps(p, err), err))
		return -1;
	check_mounts(p, f);
	return 0;
}

int ac_pod_load(struct ac_pod *p, struct ac_json *doc, struct ac_findings *f,
		struct ac_err *err)
{
	struct ac_findings_mark mark = ac_findings_mark(f);

	*p = AC_POD_INIT;
	p->doc = doc;
	if (load(p, f, err) == 0 && ac_findings_result(f, mark, err) == 0)
		return 0;
	ac_pod_release(p);
	return -1;
}

int ac_pod_parse(struct ac_pod *p, const char *text, size_t len,
		 struct ac_findings *f, struct ac_err *err)
{
	struct ac_json *doc = ac_json_parse(text, len, "pod manifest", err);
	struct ac_findings_mark mark = ac_findings_mark(f);
	int ret;

	*p = AC_POD_INIT;
	if (doc == NULL) {
		ac_err_rule(err, "T10");
		return -1;
	}
	ret = ac_pod_load(p, doc, f, err);
	ac_findings_locate(f, mark, text, len);
	return ret;
}

void ac_pod_release(struct ac_pod *p)
{
	for (size_t i = 0; i < p->n_apps; i++) {
		struct ac_pod_app *a = &p->apps[i];

		free(a->image_labels.v);
		free(a->mounts);
		free(a->annotations.v);
		if (a->has_app)
			ac_app_release(&a->app);
	}
	free(p->apps);
	free(p->volumes);
	free(p->isolators);
	free(p->annotations.v);
	free(p->ports);
	ac_json_free(p->doc);
	*p = AC_POD_INIT;
}
