/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/progress.h"
#include "common/codec/pgp.h"
#include "common/image/aci.h"
#include "common/net/url.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "fetch/puller.h"
#include "fetch/verify.h"

enum { MAX_SIGNATURE = 1 << 20, PART = 1 << 20 };

/* One image on its way. */
struct job {
	struct puller *p;
	const struct aci_source *src;
	const struct pull_want *want;
	char *what; /* the source, for messages */
	struct ac_buf sig;
	struct ac_ingest *in;
	struct ac_progress *progress;
};

static bool verifying(const struct job *j)
{
	return (j->p->insecure & AC_INSECURE_IMAGE) == 0;
}

static bool is_url(const char *s)
{
	return strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0;
}

static int no_signature(const struct job *j, const char *where,
			struct ac_err *err)
{
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no signature '%s' for '%s'; put it there, give "
			  "--signature=FILE, or take the image unverified with "
			  "--insecure-options=image",
			  where, j->what);
}

static int signature_of_file(struct job *j, const char *path,
			     struct ac_err *err)
{
	if (ac_io_read_regular(AT_FDCWD, path, &j->sig, err) == 0)
		return 0;
	return err->code == AC_E_NOT_FOUND ? no_signature(j, path, err) : -1;
}

static int signature_of_url(struct job *j, const char *url, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	AC_FREE char *shown = ac_url_show(url);
	struct ac_http_request q = {.url = url,
				    .sign = credentials_sign,
				    .sign_ctx = &j->p->credentials,
				    .max_body = MAX_SIGNATURE};

	if (ac_http_do(j->p->http, &q, &r, err) < 0)
		return ac_err_ctx(err, "signature");
	if (r.status == 404 || r.status == 410)
		return no_signature(j, shown, err);
	if (r.status != 200)
		return ac_err_set(err, AC_E_NET, "signature '%s': status %ld",
				  shown, r.status);
	ac_buf_add(&j->sig, ac_buf_str(&r.body), r.body.len);
	return 0;
}

/* The name in a file's manifest, so that the right key can be told; NULL when
 * it cannot be had: reading the image will say why.  Caller frees. */
static char *name_in_file(const char *path)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_FREE char *text = NULL;
	struct ac_err ignored = AC_ERR_INIT;
	size_t len = 0;

	if (fd < 0 || ac_aci_manifest_fd(fd, path, &text, &len, &ignored) < 0 ||
	    ac_image_parse(&m, text, len, NULL, &ignored) < 0)
		return NULL;
	return ac_xstrdup(m.name);
}

/* The signature first: when its key is unknown, nothing need be downloaded. */
static int get_signature(struct job *j, struct ac_err *err)
{
	const char *given = j->p->o->signature;
	AC_FREE char *name = ac_xstrdup(j->want->name);
	int r;

	if (!verifying(j))
		return 0;
	if (given != NULL && is_url(given))
		r = signature_of_url(j, given, err);
	else if (given != NULL)
		r = signature_of_file(j, given, err);
	else if (j->src->path_asc != NULL)
		r = signature_of_file(j, j->src->path_asc, err);
	else
		r = signature_of_url(j, j->src->url_asc, err);
	if (r < 0)
		return -1;
	if (name == NULL && j->src->path != NULL)
		name = name_in_file(j->src->path);
	return verify_key_known(j->p->g, name, ac_buf_str(&j->sig), j->sig.len,
				j->what, err);
}

static int sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct job *j = ctx;

	if (ac_interrupt_check(err) < 0 || ac_ingest_feed(j->in, p, n, err) < 0)
		return -1;
	ac_progress_add(j->progress, n);
	return 0;
}

static int feed_file(struct job *j, struct ac_err *err)
{
	AC_CLOSE int fd = open(j->src->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AC_FREE char *part = ac_xmalloc(PART);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "open '%s'", j->src->path);
	if (S_ISDIR(st.st_mode))
		return ac_err_sys(err, EISDIR, "open '%s'", j->src->path);
	if (st.st_size > 0)
		ac_progress_expect(j->progress, (uint64_t)st.st_size);
	while ((n = ac_io_read(fd, part, PART, j->src->path, err)) > 0)
		if (sink(j, part, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int feed_url(struct job *j, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.url = j->src->url,
				    .sign = credentials_sign,
				    .sign_ctx = &j->p->credentials,
				    .sink = sink,
				    .ctx = j};

	if (j->want->pin != NULL)
		q.expect_size = j->want->pin->size;
	if (ac_http_do(j->p->http, &q, &r, err) < 0)
		return -1;
	if (r.status == 404 || r.status == 410)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "'%s': there is no such image (status %ld)",
				  j->what, r.status);
	if (r.status != 200)
		return ac_err_set(err, AC_E_NET, "'%s': status %ld", j->what,
				  r.status);
	return 0;
}

static int verify(struct job *j, struct ac_strv *signers, struct ac_err *err)
{
	struct ac_pgp_result res = {.n = 0};
	const struct ac_image *m = ac_ingest_image(j->in);

	if (!verifying(j))
		return 0;
	if (verify_image(j->p->g, m->name, ac_buf_str(&j->sig), j->sig.len,
			 ac_ingest_blob_fd(j->in), j->what, &res, err) < 0)
		return -1;
	for (size_t i = 0; i < res.n; i++) {
		ac_strv_push(signers, res.sigs[i].fingerprint);
		ac_log("signature verified: %s", res.sigs[i].identity);
	}
	ac_pgp_result_release(&res);
	return 0;
}

/* Is it the very image that a dependency insists on? */
static int check_pin(const struct job *j, struct ac_err *err)
{
	char id[AC_DIGEST_TEXT];
	struct stat st;

	if (j->want->pin == NULL)
		return 0;
	if (fstat(ac_ingest_blob_fd(j->in), &st) < 0)
		return ac_err_sys(err, errno, "size of '%s'", j->what);
	ac_digest_print(ac_ingest_diff(j->in), '-', id);
	return pull_check_pin(j->want->pin, id, (uint64_t)st.st_size, err);
}

/* Where it came from, for the record.  Caller frees. */
static char *origin(const struct job *j)
{
	AC_FREE char *real =
		j->src->path != NULL ? realpath(j->src->path, NULL) : NULL;

	return ac_xstrdup(real != NULL ? real : j->what);
}

static int transfer(struct job *j, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv signers = AC_STRV_INIT;
	AC_FREE char *from = origin(j);
	struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI,
				   .what = j->what,
				   .secret = &j->p->secret};
	struct ac_about about = {.name = j->want->record,
				 .origin = from,
				 .signers = &signers};

	if (get_signature(j, err) < 0)
		return -1;
	j->in = ac_ingest_new(&j->p->store, &o, err);
	if (j->in == NULL)
		return -1;
	if ((j->src->path != NULL ? feed_file(j, err) : feed_url(j, err)) < 0)
		return -1;
	if (ac_ingest_finish(j->in, err) < 0 || verify(j, &signers, err) < 0)
		return -1;
	if (pull_check(ac_ingest_image(j->in), j->want, err) < 0 ||
	    check_pin(j, err) < 0 || ac_interrupt_check(err) < 0)
		return -1;
	out->fetched = true;
	return ac_store_add_aci(&j->p->store, j->in, &about, out->id, err);
}

int pull_aci(struct puller *p, const struct aci_source *src,
	     const struct pull_want *want, struct pulled *out,
	     struct ac_err *err)
{
	struct job j = {.p = p,
			.src = src,
			.want = want,
			.what = src->path != NULL ? ac_xstrdup(src->path)
						  : ac_url_show(src->url),
			.sig = AC_BUF_INIT(MAX_SIGNATURE)};
	int ret;

	j.progress = ac_progress_new(j.what, 0);
	ret = transfer(&j, out, err);
	ac_progress_free(j.progress);
	ac_ingest_free(j.in);
	ac_buf_release(&j.sig);
	free(j.what);
	return ret;
}
