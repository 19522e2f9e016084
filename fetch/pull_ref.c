/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/progress.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/net/discover.h"
#include "common/net/url.h"
#include "common/sys/interrupt.h"
#include "fetch/events.h"
#include "fetch/puller.h"
#include "fetch/trust.h"

int pull_check(const struct ac_image *m, const struct pull_want *want,
	       struct ac_err *err)
{
	const struct ac_pairs *labels = want->labels;

	if (want->name != NULL && strcmp(m->name, want->name) != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "the image that came is named '%s', '%s' was "
				  "asked for",
				  m->name, want->name);
	for (size_t i = 0; labels != NULL && i < labels->n; i++) {
		const char *name = labels->v[i].name;
		const char *is = ac_pairs_get(&m->labels, name);
		bool platform =
			strcmp(name, "os") == 0 || strcmp(name, "arch") == 0;

		if (is == NULL && platform && want->any_platform)
			continue;
		if (is == NULL || strcmp(is, labels->v[i].value) != 0)
			return ac_err_set(err, AC_E_VERIFY,
					  "requested value for label \"%s\": "
					  "\"%s\" differs from fetched aci "
					  "label value: \"%s\"",
					  name, labels->v[i].value,
					  is != NULL ? is : "");
	}
	return 0;
}

int pull_check_pin(const struct ac_dependency *pin, const char *id,
		   uint64_t size, struct ac_err *err)
{
	if (pin != NULL && pin->image_id != NULL &&
	    strncmp(id, pin->image_id, strlen(pin->image_id)) != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "the dependency must be image '%s', what "
				  "came is '%s'",
				  pin->image_id, id);
	if (pin != NULL && pin->size != 0 && pin->size != size)
		return ac_err_set(err, AC_E_VERIFY,
				  "the dependency must have %ju bytes, what "
				  "came has %ju",
				  (uintmax_t)pin->size, (uintmax_t)size);
	return 0;
}

/* The signature's place beside "x.aci": "x.aci.asc", and beside "x" too. */
static char *asc_of(const char *text)
{
	size_t n = strcspn(text, "?#");
	bool aci = ac_str_ends(ac_strn(text, n), ".aci");

	return ac_xasprintf("%.*s%s.asc%s", (int)n, text, aci ? "" : ".aci",
			    text + n);
}

char *pull_file_asc(const char *path)
{
	bool aci = ac_str_ends(ac_str(path), ".aci");

	return ac_xasprintf("%s%s.asc", path, aci ? "" : ".aci");
}

static int pull_file(struct puller *p, const struct ac_ref *ref,
		     struct pulled *out, struct ac_err *err)
{
	AC_FREE char *asc = pull_file_asc(ref->name);
	struct aci_source src = {.path = ref->name, .path_asc = asc};
	struct pull_want want = {.name = NULL};

	return pull_aci(p, &src, &want, out, err);
}

static int pull_url(struct puller *p, const struct ac_ref *ref,
		    struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	AC_FREE char *asc = asc_of(ref->name);
	struct aci_source src = {.url = ref->name, .url_asc = asc};
	struct pull_want want = {.ref = ref};

	if (ac_url_parse(&u, ref->name, err) < 0)
		return -1;
	/* A query may be a secret, and is another one the next time. */
	if (strchr(u.text, '?') == NULL && u.user == NULL)
		want.record = u.text;
	return pull_aci(p, &src, &want, out, err);
}

static void add_query(char **text, const char *name, const char *value)
{
	AC_FREE char *before = *text;

	*text = ac_url_with_query(before, name, value);
}

char *pull_spell(const char *name, const struct ac_pairs *labels)
{
	char *text = ac_xasprintf("cimd:appc:v=0:%s", name);

	for (size_t i = 0; i < labels->n; i++)
		add_query(&text, labels->v[i].name, labels->v[i].value);
	return text;
}

/* The appc spelling of --platform's architecture; Go's where it has none. */
static const char *wanted_arch(const struct puller *p)
{
	const char *arch = ac_arch_from_go(p->os, p->arch, p->variant);

	return arch != NULL ? arch : p->arch;
}

int pull_with_platform(const struct puller *p, const struct ac_ref *ref,
		       struct ac_ref *out, bool *defaulted, struct ac_err *err)
{
	AC_FREE char *text = pull_spell(ref->name, &ref->labels);
	bool os = ac_pairs_get(&ref->labels, "os") != NULL;
	bool arch = ac_pairs_get(&ref->labels, "arch") != NULL;

	if (p->os != NULL && !os)
		add_query(&text, "os", p->os);
	if (p->os != NULL && !arch)
		add_query(&text, "arch", wanted_arch(p));
	if (ac_ref_parse(out, text, err) < 0)
		return -1;
	*defaulted = p->os == NULL && (!os || !arch);
	ac_ref_default_platform(out);
	return 0;
}

/* Can another place of the same image help? */
static bool try_next(const struct ac_err *err)
{
	return err->code == AC_E_NET || err->code == AC_E_NOT_FOUND;
}

static int pull_name(struct puller *p, const struct ac_ref *ref,
		     const struct ac_dependency *pin, struct pulled *out,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref full = AC_REF_INIT;
	AC_CLEANUP(ac_discovered_release)
	struct ac_discovered found = AC_DISCOVERED_INIT;
	AC_FREE char *record = ac_ref_canonical(ref);
	struct ac_discover_opts o = {.want = AC_DISCOVER_IMAGE,
				     .port = (unsigned int)p->o->port,
				     .sign = credentials_sign,
				     .sign_ctx = &p->credentials};
	struct pull_want want = {.name = ref->name,
				 .record = record,
				 .pin = pin,
				 .ref = ref};
	int r = -1;

	if (pull_with_platform(p, ref, &full, &want.any_platform, err) < 0)
		return -1;
	want.labels = &full.labels;
	events_tell(p->events, "discover", ref->name, NULL);
	if (ac_discover(p->http, &full, &o, &found, err) < 0)
		return -1;
	if ((p->insecure & AC_INSECURE_IMAGE) == 0)
		trust_offer(p->g, p->insecure, ref->name, p->o->port);
	for (size_t i = 0; i < found.n; i++) {
		struct aci_source src = {.url = found.endpoints[i].aci,
					 .url_asc = found.endpoints[i].asc};

		r = pull_aci(p, &src, &want, out, err);
		if (r == 0 || !try_next(err) || i + 1 == found.n)
			break;
		ac_warn("%s; trying the next place", err->msg);
	}
	return r;
}

/* The image of NAME in the store: 1, 0, -1.  One that runs on any platform
 * serves too. */
static int find_name(struct puller *p, const struct ac_ref *ref,
		     struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref full = AC_REF_INIT;
	struct pull_want want = {.name = ref->name};
	struct ac_err differs = AC_ERR_INIT;
	int found;

	if (pull_with_platform(p, ref, &full, &want.any_platform, err) < 0)
		return -1;
	found = ac_store_find(&p->store, &full, r, err);
	if (found != 0)
		return found;
	found = ac_store_find(&p->store, ref, r, err);
	want.labels = &full.labels;
	if (found == 1 && pull_check(&r->image, &want, &differs) < 0) {
		ac_record_release(r);
		found = 0;
	}
	return found;
}

/* Is an image that was found by a reference alone what --platform asks for? */
static bool fits_platform(const struct puller *p, const struct ac_image *m)
{
	const char *os = ac_pairs_get(&m->labels, "os");
	const char *arch = ac_pairs_get(&m->labels, "arch");

	if (p->os == NULL)
		return true;
	return os != NULL && arch != NULL && strcmp(os, p->os) == 0 &&
	       strcmp(arch, wanted_arch(p)) == 0;
}

/* Is the image of a record what the dependency insists on? */
static bool fits_pin(const struct ac_dependency *pin, const struct ac_record *r)
{
	struct ac_err differs = AC_ERR_INIT;

	return pull_check_pin(pin, r->id,
			      r->n_blobs != 0 ? r->blobs[0].size : 0,
			      &differs) == 0;
}

void pull_tell_cached(const struct puller *p, const char *id)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "id", id);
	events_tell(p->events, "cached", NULL, o);
}

int pull_find(struct puller *p, const struct ac_ref *ref,
	      const struct ac_dependency *pin, struct pulled *out,
	      struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	int found;

	if (ref->kind == AC_REF_FILE)
		return 0; /* always read: it may be another one now */
	if (ref->kind == AC_REF_NAME)
		found = find_name(p, ref, &r, err);
	else
		found = ac_store_find(&p->store, ref, &r, err);
	if (found == 1 && ref->kind == AC_REF_DOCKER &&
	    !fits_platform(p, &r.image))
		return 0;
	/* The store's may be another one of this name. */
	if (found == 1 && !fits_pin(pin, &r))
		return 0;
	if (found == 1 && !p->store.offered &&
	    !ac_store_usable(&p->store, r.id) && p->policy != AC_OBTAIN_NEVER)
		return pull_take(p, &r, out, err) < 0 ? -1 : 1;
	if (found == 1) {
		(void)snprintf(out->id, sizeof(out->id), "%s", r.id);
		out->fetched = false;
		pull_tell_cached(p, out->id);
	}
	return found;
}

static int not_here(const struct puller *p, const struct ac_ref *ref,
		    struct ac_err *err)
{
	return ac_err_set(err, AC_E_NOT_FOUND, "it is not in the store '%s'%s",
			  p->store.path,
			  ref->kind == AC_REF_ID
				  ? "; an id alone cannot be "
				    "fetched, but for a whole one of "
				    "what others offer or share"
				  : ", and --pull-policy=never fetches "
				    "nothing");
}

static int from_source(struct puller *p, const struct ac_ref *ref,
		       const struct ac_dependency *pin, struct pulled *out,
		       struct ac_err *err)
{
	switch (ref->kind) {
	case AC_REF_FILE:
		return pull_file(p, ref, out, err);
	case AC_REF_URL:
		return pull_url(p, ref, out, err);
	case AC_REF_NAME:
		return pull_name(p, ref, pin, out, err);
	case AC_REF_DOCKER:
		return pull_docker(p, ref, out, err);
	case AC_REF_ID:
		break;
	}
	return not_here(p, ref, err);
}

static void tell_resolve(const struct puller *p, const struct ac_ref *ref)
{
	static const char *const kinds[] = {[AC_REF_ID] = "id",
					    [AC_REF_FILE] = "file",
					    [AC_REF_URL] = "url",
					    [AC_REF_NAME] = "name",
					    [AC_REF_DOCKER] = "docker"};
	AC_FREE char *canonical = ac_ref_canonical(ref);
	AC_FREE char *shown = ref->kind == AC_REF_URL ? ac_url_show(canonical)
						      : ac_xstrdup(canonical);
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "kind", kinds[ref->kind]);
	ac_json_set_str(o, "reference", shown);
	events_tell(p->events, "resolve", NULL, o);
}

struct ac_progress *pull_progress(const struct puller *p, const char *label)
{
	return events_on_stderr(p->events) ? NULL : ac_progress_new(label, 0);
}

int pull_ref(struct puller *p, const struct ac_ref *ref,
	     const struct ac_dependency *pin, struct pulled *out,
	     struct ac_err *err)
{
	int found = 0;

	if (ac_interrupt_check(err) < 0)
		return -1;
	tell_resolve(p, ref);
	if (p->policy != AC_OBTAIN_UPDATE || ref->kind == AC_REF_ID)
		found = pull_find(p, ref, pin, out, err);
	if (found < 0)
		return -1;
	if (found == 0 && p->policy != AC_OBTAIN_NEVER)
		found = pull_offered(p, ref, pin, out, err);
	if (found < 0)
		return -1;
	if (found == 0 && p->policy == AC_OBTAIN_NEVER &&
	    ref->kind != AC_REF_FILE)
		return not_here(p, ref, err);
	return found == 0 ? from_source(p, ref, pin, out, err) : 0;
}
