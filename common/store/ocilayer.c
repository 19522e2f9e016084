/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/ocilayer.h"

#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/sys/interrupt.h"

ssize_t ac_ocilayer_source(void *ctx, const void **p, struct ac_err *err)
{
	struct ac_ocilayer *in = ctx;
	ssize_t n;

	if (ac_interrupt_check(err) < 0)
		return -1;
	n = ac_unzipfd_source(in->plain, p, err);
	if (n > 0)
		ac_hash_add(in->diff, *p, (size_t)n);
	return n;
}

int ac_ocilayer_open(struct ac_ocilayer *in, const struct ac_ociimg *im,
		     const struct ac_ocisrc *s, size_t i, struct ac_err *err)
{
	const struct ac_ociimg_layer *l = &im->layers[i];
	const struct ac_unzip_limits limits = {
		.max_out = ac_limit(AC_LIMIT_UNPACKED),
		.max_ratio = ac_limit_ratio(AC_LAYER_MAX_RATIO),
	};

	in->layer = l;
	if (ac_ociimg_layer(im, s, i, &in->part, err) < 0)
		return -1;
	if (l->has_digest)
		in->blob = ac_hash_new(l->digest.alg);
	in->diff = ac_hash_new(l->diff.alg);
	in->plain =
		ac_unzipfd_new_range(in->part.fd, in->part.off, in->part.size,
				     in->blob, l->what, &limits);
	in->tar = ac_tar_reader_new(NULL, ac_ocilayer_source, in);
	return 0;
}

void ac_ocilayer_close(struct ac_ocilayer *in)
{
	ac_tar_reader_free(in->tar);
	ac_unzipfd_free(in->plain);
	ac_hash_free(in->blob);
	ac_hash_free(in->diff);
	ac_part_release(&in->part);
	*in = AC_OCILAYER_INIT;
}

static int compare(struct ac_hash *h, const struct ac_digest *want,
		   const char *which, const struct ac_ocilayer *in,
		   struct ac_err *err)
{
	struct ac_digest got;

	ac_hash_final(h, &got);
	return ac_digest_expect_as(&got, want, in->layer->what, which, err);
}

int ac_ocilayer_check(struct ac_ocilayer *in, struct ac_err *err)
{
	if (in->blob != NULL &&
	    compare(in->blob, &in->layer->digest, "digest", in, err) < 0)
		return -1;
	return compare(in->diff, &in->layer->diff, "diff_id", in, err);
}

int ac_ocilayer_explain(const struct ac_ocilayer *in, struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;

	if (in->part.fd >= 0 && in->layer->has_digest &&
	    err->code == AC_E_INVALID &&
	    ac_part_verify(&in->part, &in->layer->digest, in->layer->what,
			   &why) < 0) {
		*err = why;
		return -1;
	}
	return ac_err_ctx(err, "%s", in->layer->what);
}
