/* SPDX-License-Identifier: Apache-2.0 */
/* The store alone, from the command line: what the tests of full disks, killed
 * processes and odd layers drive, without a registry or a signature.
 *
 *	storectl STORE pull LAYOUT    an OCI layout's first image; prints its id
 *	storectl STORE aci FILE       an image archive; prints its id
 *	storectl STORE render ID DIR  into the empty DIR
 *	storectl STORE export ID FILE [gzip]
 *	storectl STORE layers ID      names of the layers of its root
 *	storectl STORE list | rm ID | gc
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/store/render.h"
#include "common/store/store.h"
#include "common/sys/io.h"

/* A layout being pulled: layers are taken by whoever is free. */
struct job {
	struct ac_store *s;
	int layout;
	const struct ac_oci_manifest *m;
	const struct ac_oci_config *c;
	const struct ac_digest *chains;
	struct ac_ingest **in;
	pthread_mutex_t lock;
	size_t next;
	int rc;
	struct ac_err err;
};

static char *blob_path(const struct ac_digest *d)
{
	char hex[AC_DIGEST_TEXT];

	ac_digest_hex(d, hex);
	return ac_xasprintf("blobs/%s/%s", ac_digest_alg_name(d->alg), hex);
}

static int read_blob(int layout, const struct ac_digest *d, struct ac_buf *out,
		     struct ac_err *err)
{
	AC_FREE char *path = blob_path(d);

	return ac_io_read_file(layout, path, out, err);
}

static int one_layer(struct job *j, size_t i, struct ac_err *err)
{
	const struct ac_oci_desc *d = &j->m->layers[i];
	AC_FREE char *path = blob_path(&d->digest);
	AC_FREE char *what = ac_xasprintf("layer %zu", i + 1);
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_OCI,
					 .blob = &d->digest,
					 .size = d->size,
					 .diff = &j->c->diff_ids[i],
					 .what = what};
	AC_CLOSE int fd = -1;

	if (ac_store_has_layer(j->s, &j->chains[i], &d->digest))
		return 0;
	fd = openat(j->layout, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", path);
	j->in[i] = ac_ingest_new(j->s, &o, err);
	if (j->in[i] == NULL || ac_ingest_feed_fd(j->in[i], fd, err) < 0)
		return -1;
	return ac_ingest_finish(j->in[i], err);
}

static void *work(void *ctx)
{
	struct job *j = ctx;
	struct ac_err err = AC_ERR_INIT;

	for (;;) {
		size_t i;
		bool stop;

		(void)pthread_mutex_lock(&j->lock);
		i = j->next++;
		stop = j->rc < 0 || i >= j->m->n_layers;
		(void)pthread_mutex_unlock(&j->lock);
		if (stop)
			return NULL;
		if (one_layer(j, i, &err) == 0)
			continue;
		(void)pthread_mutex_lock(&j->lock);
		if (j->rc == 0)
			j->err = err;
		j->rc = -1;
		(void)pthread_mutex_unlock(&j->lock);
	}
}

static int pull_layers(struct job *j, struct ac_err *err)
{
	enum { THREADS = 3 };
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, work, j) != 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	if (j->rc < 0)
		*err = j->err;
	return j->rc;
}

static int pull_parsed(struct ac_store *s, int layout,
		       const struct ac_oci_manifest *m,
		       const struct ac_buf *manifest, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf config = AC_BUF_INIT(8 << 20);
	AC_CLEANUP(ac_oci_config_release) struct ac_oci_config c = {.os = NULL};
	const struct ac_oci_source src = {.name = "test", .tag = "latest"};
	AC_FREE struct ac_digest *chains =
		ac_xcalloc(m->n_layers + 1, sizeof(*chains));
	AC_FREE struct ac_ingest **in =
		ac_xcalloc(m->n_layers + 1, sizeof(*in));
	AC_JSON struct ac_json *appc = NULL;
	struct job j = {.s = s,
			.layout = layout,
			.m = m,
			.c = &c,
			.chains = chains,
			.in = in,
			.lock = PTHREAD_MUTEX_INITIALIZER};
	struct ac_oci_parts parts = {.manifest = manifest->p,
				     .manifest_len = manifest->len,
				     .layers = in,
				     .n_layers = m->n_layers};
	const struct ac_about about = {.name = "test:latest"};
	char id[AC_DIGEST_TEXT];
	int rc;

	if (read_blob(layout, &m->config.digest, &config, err) < 0 ||
	    ac_oci_config_parse(&c, config.p, config.len, m->n_layers, err) < 0)
		return -1;
	parts.config = config.p;
	parts.config_len = config.len;
	parts.appc = appc = ac_oci_to_appc(&c, &src, err);
	if (appc == NULL)
		return -1;
	ac_oci_chain_ids(c.diff_ids, m->n_layers, chains);
	rc = pull_layers(&j, err);
	if (rc == 0)
		rc = ac_store_add_oci(s, &parts, &about, id, err);
	for (size_t i = 0; i < m->n_layers; i++)
		ac_ingest_free(in[i]);
	if (rc == 0)
		(void)puts(id);
	return rc;
}

static int pull(struct ac_store *s, const char *dir, struct ac_err *err)
{
	AC_CLOSE int layout = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AC_CLEANUP(ac_buf_release) struct ac_buf index = AC_BUF_INIT(8 << 20);
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(8 << 20);
	AC_CLEANUP(ac_oci_index_release) struct ac_oci_index x = {.v = NULL};
	AC_CLEANUP(ac_oci_manifest_release)
	struct ac_oci_manifest m = {.layers = NULL};

	if (layout < 0)
		return ac_err_sys(err, errno, "open '%s'", dir);
	if (ac_io_read_file(layout, "index.json", &index, err) < 0 ||
	    ac_oci_index_parse(&x, index.p, index.len, err) < 0)
		return -1;
	if (x.n == 0)
		return ac_err_set(err, AC_E_INVALID, "the index is empty");
	if (read_blob(layout, &x.v[0].digest, &text, err) < 0 ||
	    ac_oci_manifest_parse(&m, text.p, text.len, err) < 0)
		return -1;
	return pull_parsed(s, layout, &m, &text, err);
}

static int aci(struct ac_store *s, const char *file, struct ac_err *err)
{
	const struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI, .what = file};
	const struct ac_about about = {.origin = file};
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct ac_ingest *in;
	char id[AC_DIGEST_TEXT];
	int rc;

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", file);
	in = ac_ingest_new(s, &o, err);
	if (in == NULL)
		return -1;
	rc = ac_ingest_feed_fd(in, fd, err);
	if (rc == 0)
		rc = ac_ingest_finish(in, err);
	if (rc == 0)
		rc = ac_store_add_aci(s, in, &about, id, err);
	ac_ingest_free(in);
	if (rc == 0)
		(void)puts(id);
	return rc;
}

static int find(struct ac_store *s, const char *text, struct ac_record *r,
		struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	int got;

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	got = ac_store_find(s, &ref, r, err);
	if (got == 0)
		return ac_err_set(err, AC_E_NOT_FOUND, "no image '%s'", text);
	return got;
}

static int render(struct ac_store *s, const struct ac_record *r,
		  const char *dir, struct ac_err *err)
{
	AC_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", dir);
	return ac_render(s, r, fd, err);
}

static int export(struct ac_store *s, const struct ac_record *r,
		  const char *file, bool zip, struct ac_err *err)
{
	AC_CLOSE int fd =
		open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return ac_err_sys(err, errno, "make '%s'", file);
	return ac_export(s, r, fd, zip ? AC_ZIP_GZIP : AC_ZIP_NONE, NULL, err);
}

static int print(void *ctx, const struct ac_record *r, struct ac_err *err)
{
	(void)ctx;
	(void)err;
	(void)printf("%s %s\n", r->id, r->image.name);
	return 0;
}

static int layers(struct ac_store *s, const struct ac_record *r,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;

	if (ac_store_prepare(s, r, err) < 0 ||
	    ac_store_layers(s, r, &v, err) < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++)
		(void)puts(v.v[i]);
	return 0;
}

static int with_image(struct ac_store *s, int argc, char **argv,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	const char *cmd = argv[2];

	if (argc < 4 || find(s, argv[3], &r, err) < 0)
		return argc < 4 ? ac_err_set(err, AC_E_USAGE, "no image") : -1;
	if (strcmp(cmd, "rm") == 0)
		return ac_store_remove(s, r.id, err);
	if (strcmp(cmd, "layers") == 0)
		return layers(s, &r, err);
	if (argc > 4 && strcmp(cmd, "render") == 0)
		return render(s, &r, argv[4], err);
	if (argc > 4 && strcmp(cmd, "export") == 0)
		return export(s, &r, argv[4], argc > 5, err);
	return ac_err_set(err, AC_E_USAGE, "no command '%s'", cmd);
}

static int run(struct ac_store *s, int argc, char **argv, struct ac_err *err)
{
	const char *cmd = argv[2];
	uint64_t bytes = 0;

	if (argc > 3 && strcmp(cmd, "pull") == 0)
		return pull(s, argv[3], err);
	if (argc > 3 && strcmp(cmd, "aci") == 0)
		return aci(s, argv[3], err);
	if (strcmp(cmd, "list") == 0)
		return ac_store_each(s, print, NULL, err);
	if (strcmp(cmd, "gc") == 0) {
		if (ac_store_gc(s, &bytes, err) < 0)
			return -1;
		(void)printf("%llu\n", (unsigned long long)bytes);
		return 0;
	}
	return with_image(s, argc, argv, err);
}

int main(int argc, char **argv)
{
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	struct ac_err err = AC_ERR_INIT;

	(void)umask(022);
	ac_log_init("storectl", false);
	if (argc < 3) {
		ac_log("usage: storectl STORE COMMAND [ARGUMENT...]");
		return 2;
	}
	if (ac_store_open(&s, argv[1], true, &err) < 0 ||
	    run(&s, argc, argv, &err) < 0) {
		ac_log("%s", err.msg);
		return 1;
	}
	return 0;
}
