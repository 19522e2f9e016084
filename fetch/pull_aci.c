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
#include "fetch/pull_job.h"

enum { PART = 1 << 20 };

bool job_verifies(const struct job *j)
{
	return (j->p->insecure & AC_INSECURE_IMAGE) == 0;
}

int job_sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct job *j = ctx;

	if (ac_interrupt_check(err) < 0 || ac_ingest_feed(j->in, p, n, err) < 0)
		return -1;
	/* Those that are deferred are another verification. */
	if (!j->verifying && job_verifies(j) && !j->deferred.asked) {
		verify_begin(&j->verify, ac_ingest_blob_fd(j->in));
		j->verifying = true;
	}
	verify_more(&j->verify, ac_ingest_stored(j->in));
	ac_progress_add(j->progress, n);
	events_meter_add(&j->meter, n);
	return 0;
}

/* Now it is known how much will come. */
void job_on_total(void *ctx, uint64_t total)
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
		job_on_total(j, (uint64_t)st.st_size);
	while ((n = ac_io_read(fd, part, PART, j->src->path, err)) > 0)
		if (job_sink(j, part, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int verify(struct job *j, struct ac_strv *signers, struct ac_err *err)
{
	if (!job_verifies(j))
		return 0;
	/* While gpg is at the rest, and not with the store's lock held. */
	if (ac_store_flush(&j->p->store, err) < 0)
		return -1;
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

/* The signatures first: when their keys are unknown, nothing need be
 * downloaded. */
static int get_signatures(struct job *j, struct ac_err *err)
{
	int r = job_verifies(j)
			? pull_signatures(j->p, j->src, j->want, j->what,
					  &j->verify, &j->deferred, err)
			: 0;

	return r < 0 ? -1 : 0;
}

/* Those that were to be had behind the image only. */
static int late_signatures(struct job *j, struct ac_err *err)
{
	if (!j->deferred.asked)
		return 0;
	verify_release(&j->verify);
	j->verify = VERIFY_INIT;
	if (pull_deferred_wait(&j->deferred, err) < 0)
		return -1;
	return pull_signatures(j->p, j->src, j->want, j->what, &j->verify,
			       &j->deferred, err);
}

int job_ingest(struct job *j, struct ac_partial *partial, struct ac_err *err)
{
	struct ac_ingest_opts o = {.kind = AC_IMAGE_ACI,
				   .what = j->what,
				   .secret = &j->p->secret,
				   .partial = partial};

	j->in = ac_ingest_new(&j->p->store, &o, err);
	return j->in != NULL ? 0 : -1;
}

/* All its bytes, and the signature over them: 0; 1 when none are needed. */
static int receive(struct job *j, struct pulled *out, struct ac_strv *signers,
		   struct ac_err *err)
{
	int r;

	if (job_ingest(j, ac_steal_ptr(&j->partial), err) < 0)
		return -1;
	events_meter_begin(&j->meter, j->p->events, j->what, 0);
	r = j->src->path != NULL ? feed_file(j, err) : web_feed(j, out, err);
	if (r != 0)
		return r;
	events_meter_end(&j->meter);
	events_tell(j->p->events, "unpack", j->what, NULL);
	if (ac_ingest_finish(j->in, err) < 0 || late_signatures(j, err) < 0)
		return -1;
	return verify(j, signers, err);
}

/* Bytes that an earlier process left may spoil it, once. */
static int receive_well(struct job *j, struct pulled *out,
			struct ac_strv *signers, struct ac_err *err)
{
	int r = receive(j, out, signers, err);

	if (r >= 0 || j->resumed == 0 || !pull_is_damage(err))
		return r;
	ac_warn("'%s': what an earlier pull left is of no use (%s); fetching "
		"all of it",
		j->what, err->msg);
	ac_strv_release(signers);
	if (web_again(j, err) < 0)
		return -1;
	return receive(j, out, signers, err);
}

static int publish(struct job *j, const struct ac_strv *signers,
		   struct pulled *out, struct ac_err *err)
{
	AC_FREE char *from = origin(j);
	struct ac_about about = {.name = j->want->record,
				 .origin = from,
				 .signers = signers};

	if (pull_check(ac_ingest_image(j->in), j->want, err) < 0 ||
	    check_pin(j, err) < 0 || ac_interrupt_check(err) < 0)
		return -1;
	ac_digest_print(ac_ingest_diff(j->in), '-', out->id);
	if (pull_keep_signatures(j->p, &j->verify, out->id, err) < 0)
		return -1;
	out->fetched = true;
	if (ac_store_add_aci(&j->p->store, j->in, &about, out->id, err) < 0)
		return -1;
	return j->src->url != NULL ? web_end(j, out->id, err) : 0;
}

static int transfer(struct job *j, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv signers = AC_STRV_INIT;
	int r = j->src->url != NULL ? web_begin(j, out, err) : 0;

	if (r == 0)
		r = get_signatures(j, err);
	if (r == 0)
		r = receive_well(j, out, &signers, err);
	if (r == 0)
		r = publish(j, &signers, out, err);
	return r < 0 ? -1 : 0;
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
			.verify = VERIFY_INIT,
			.cache = AC_WEBCACHE_INIT};
	int ret;

	j.progress = pull_progress(p, j.what);
	ret = transfer(&j, out, err);
	ac_progress_free(j.progress);
	verify_release(&j.verify);
	if (ret < 0 && j.in != NULL && pull_is_damage(err))
		ac_ingest_discard(j.in);
	else
		ac_ingest_free(j.in);
	ac_partial_free(j.partial, true);
	ac_webcache_release(&j.cache);
	free(j.url);
	free(j.what);
	return ret;
}
