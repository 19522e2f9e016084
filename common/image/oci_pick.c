/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/image/oci.h"

/* How new a variant is; those that are not said are the oldest everybody
 * has. */
static int level(const char *arch, const char *variant)
{
	if (variant != NULL && variant[0] == 'v' && variant[1] >= '0' &&
	    variant[1] <= '9' && variant[2] == '\0')
		return variant[1] - '0';
	if (variant != NULL)
		return -1;
	if (strcmp(arch, "arm64") == 0)
		return 8;
	if (strcmp(arch, "arm") == 0)
		return 6;
	return 1;
}

/* How well an entry fits; 0: not at all.  What a newer machine can run is the
 * newest variant that is not above its own. */
static int fitness(const struct ac_oci_desc *d, const char *os,
		   const char *arch, const char *variant)
{
	int have;
	int want;

	if (d->os == NULL || d->arch == NULL || strcmp(d->os, os) != 0 ||
	    strcmp(d->arch, arch) != 0)
		return 0;
	have = level(arch, d->variant);
	want = level(arch, variant);
	if (have < 0 || want < 0)
		return d->variant != NULL && variant != NULL &&
				       strcmp(d->variant, variant) == 0
			       ? 100
			       : 0;
	if (variant == NULL)
		/* Nothing asked for: the nearest to the baseline. */
		return have <= want ? 50 + have : 50 - have;
	return have <= want ? 50 + have : 0;
}

static int not_found(const struct ac_oci_index *x, const char *os,
		     const char *arch, const char *variant, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(512);
	bool any = false;

	for (size_t i = 0; i < x->n; i++) {
		const struct ac_oci_desc *d = &x->v[i];

		if (d->os == NULL || d->arch == NULL ||
		    strcmp(d->os, "unknown") == 0)
			continue;
		ac_buf_addf(&b, "%s%s/%s%s%s", any ? ", " : "", d->os, d->arch,
			    d->variant != NULL ? "/" : "",
			    d->variant != NULL ? d->variant : "");
		any = true;
	}
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no image for %s/%s%s%s; there are: %s", os, arch,
			  variant != NULL ? "/" : "",
			  variant != NULL ? variant : "",
			  any ? ac_buf_str(&b) : "none");
}

const struct ac_oci_desc *ac_oci_pick(const struct ac_oci_index *x,
				      const char *os, const char *arch,
				      const char *variant, struct ac_err *err)
{
	const struct ac_oci_desc *best = NULL;
	const struct ac_oci_desc *unsaid = NULL;
	int most = 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct ac_oci_desc *d = &x->v[i];
		int fit = fitness(d, os, arch, variant);

		if (fit > most) {
			most = fit;
			best = d;
		}
		if (unsaid == NULL && d->os == NULL && d->arch == NULL)
			unsaid = d;
	}
	if (best != NULL)
		return best;
	/* Layouts made on one machine often do not say a platform. */
	if (unsaid != NULL)
		return unsaid;
	(void)not_found(x, os, arch, variant, err);
	return NULL;
}
