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
#include "common/net/url.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "fetch/events.h"
#include "fetch/puller.h"
#include "fetch/verify.h"

enum { PART = 1 << 20 };

/* One image on its way. */
struct job {
	struct puller *p;
	const struct aci_source *src;
	const struct pull_want *want;
	char *what; /* the source, for messages */
	struct verify verify;
	struct ac_ingest *in;
	struct ac_progress *progress;
	struct events_meter meter;
};

static bool verifying(const struct job *j)
{
	return (j->p->insecure & AC_INSECURE_IMAGE) == 0;
}

static int sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct job *j = ctx;

	if (ac_interrupt_check(err) < 0 || ac_ingest_feed(j->in, p, n, err) < 0)
		return -1;
	ac_progress_add(j->progress, n);
	events_meter_add(&j->meter, n);
	return 0;
}

/* Now it is known how much will come. */
static void on_total(void *ctx, uint64_t total)
{
	struct job *j = ctx;

	if (j->meter.total == 0)
		ac_progress_expect(j->progress, total);
	j->meter.total = total;
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
		on_total(j, (uint64_t)st.st_size);
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
				    .ctx = j,
				    .on_total = on_total};

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
	if (!verifying(j))
		return 0;
	return verify_image(&j->verify, ac_ingest_image(j->in)->name,
			    ac_ingest_blob_fd(j->in), signers, err);
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

	/* The signatures first: when their keys are unknown, nothing need be
	 * downloaded. */
	if (verifying(j) && pull_signatures(j->p, j->src, j->want, j->what,
					    &j->verify, err) < 0)
		return -1;
	j->in = ac_ingest_new(&j->p->store, &o, err);
	if (j->in == NULL)
		return -1;
	events_meter_begin(&j->meter, j->p->events, j->what, 0);
	if ((j->src->path != NULL ? feed_file(j, err) : feed_url(j, err)) < 0)
		return -1;
	events_meter_end(&j->meter);
	events_tell(j->p->events, "unpack", j->what, NULL);
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
			.verify = VERIFY_INIT};
	int ret;

	j.progress = pull_progress(p, j.what);
	ret = transfer(&j, out, err);
	ac_progress_free(j.progress);
	ac_ingest_free(j.in);
	verify_release(&j.verify);
	free(j.what);
	return ret;
}
