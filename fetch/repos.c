/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/repos.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/sys/io.h"
#include "fetch/layout.h"
#include "fetch/shelf.h"

struct repos {
	pthread_mutex_t lock; /* of shelf */
	struct shelf *shelf;  /* images of the store; NULL: none */
	struct layout *layouts;
	size_t n;
};

struct repos *repos_new(const struct ac_store *store)
{
	struct repos *r = ac_xcalloc(1, sizeof(*r));

	(void)pthread_mutex_init(&r->lock, NULL);
	if (store != NULL)
		r->shelf = shelf_new(store);
	return r;
}

void repos_free(struct repos *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		layout_close(&r->layouts[i]);
	free(r->layouts);
	shelf_free(r->shelf);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

int repos_add_layout(struct repos *r, const char *spec, struct ac_err *err)
{
	struct layout l;

	if (layout_open(&l, spec, err) < 0)
		return -1;
	r->layouts = ac_xrealloc(r->layouts, r->n + 1, sizeof(*r->layouts));
	r->layouts[r->n++] = l;
	return 0;
}

static void push_new(struct ac_strv *out, const char *s)
{
	if (!ac_strv_has(out, s))
		ac_strv_push(out, s);
}

int repos_list(struct repos *r, struct ac_strv *out, struct ac_err *err)
{
	int ok = 0;

	for (size_t i = 0; i < r->n; i++)
		push_new(out, r->layouts[i].name);
	if (r->shelf != NULL) {
		(void)pthread_mutex_lock(&r->lock);
		ok = shelf_names(r->shelf, out, err);
		(void)pthread_mutex_unlock(&r->lock);
	}
	ac_strv_sort(out);
	return ok;
}

int repos_tags(struct repos *r, const char *name, struct ac_strv *out,
	       struct ac_err *err)
{
	int found = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->layouts[i].name, name) != 0)
			continue;
		found = 1;
		if (layout_tags(&r->layouts[i], out, err) < 0)
			return -1;
	}
	if (r->shelf != NULL) {
		int ok;

		(void)pthread_mutex_lock(&r->lock);
		ok = shelf_tags(r->shelf, name, out, err);
		(void)pthread_mutex_unlock(&r->lock);
		if (ok < 0)
			return -1;
		found |= ok;
	}
	ac_strv_sort(out);
	return found;
}

/* What kind of document it is, when nobody said. */
static char *sniff_type(const struct ac_buf *text)
{
	struct ac_err err = AC_ERR_INIT;
	AC_JSON struct ac_json *doc =
		ac_json_parse(ac_buf_str(text), text->len, "manifest", &err);
	const char *type = NULL;
	int index;

	if (doc == NULL)
		return NULL;
	index = ac_oci_is_index(doc, &err);
	if (index < 0)
		return NULL;
	if (ac_json_get_str(doc, "", "mediaType", &type, &err) > 0)
		return ac_xstrdup(type);
	return ac_xstrdup(index > 0 ? AC_OCI_INDEX : AC_OCI_MANIFEST);
}

/* Read the manifest that FD (taken over) holds. */
static int read_manifest(int fd, uint64_t size, struct repo_manifest *out,
			 struct ac_err *err)
{
	AC_CLOSE int own = fd;
	char text[AC_DIGEST_TEXT];

	ac_digest_print(&out->digest, ':', text);
	if (size > out->text.max)
		return 0; /* a layer */
	if (ac_io_slurp(own, &out->text, text, err) < 0)
		return -1;
	if (out->type == NULL)
		out->type = sniff_type(&out->text);
	return out->type != NULL ? 1 : 0;
}

int repos_manifest(struct repos *r, const char *name, const char *reference,
		   struct repo_manifest *out, struct ac_err *err)
{
	struct ac_err ignored = AC_ERR_INIT;
	uint64_t size = 0;
	int found = 0;
	int fd = -1;

	if (ac_digest_parse(&out->digest, reference, ':', &ignored) < 0) {
		for (size_t i = 0; i < r->n && found == 0; i++)
			if (strcmp(r->layouts[i].name, name) == 0)
				found = layout_resolve(&r->layouts[i],
						       reference, &out->digest,
						       &out->type, err);
		if (found == 0 && r->shelf != NULL) {
			(void)pthread_mutex_lock(&r->lock);
			found = shelf_resolve(r->shelf, name, reference,
					      &out->digest, &out->type, err);
			(void)pthread_mutex_unlock(&r->lock);
		}
		if (found <= 0)
			return found;
	}
	found = repos_blob(r, name, &out->digest, &fd, &size, err);
	return found <= 0 ? found : read_manifest(fd, size, out, err);
}

void repo_manifest_release(struct repo_manifest *m)
{
	free(m->type);
	ac_buf_release(&m->text);
	*m = REPO_MANIFEST_INIT;
}

int repos_blob(struct repos *r, const char *name, const struct ac_digest *d,
	       int *fd, uint64_t *size, struct ac_err *err)
{
	int found = 0;
	struct stat st;

	for (size_t i = 0; i < r->n && found == 0; i++)
		if (strcmp(r->layouts[i].name, name) == 0)
			found = layout_blob(&r->layouts[i], d, fd, err);
	if (found == 0 && r->shelf != NULL) {
		(void)pthread_mutex_lock(&r->lock);
		found = shelf_blob(r->shelf, name, d, fd, err);
		(void)pthread_mutex_unlock(&r->lock);
	}
	if (found <= 0)
		return found;
	if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(ac_steal_fd(fd));
		return 0;
	}
	*size = (uint64_t)st.st_size;
	return 1;
}
