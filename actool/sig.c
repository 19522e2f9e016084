/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/sig.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"

void sigs_add(struct sigs *s, struct sig one)
{
	s->v = ac_xrealloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = one;
}

void sigs_release(struct sigs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		free(s->v[i].subkey);
		free(s->v[i].identity);
		free(s->v[i].reason);
	}
	free(s->v);
	*s = SIGS_INIT;
}

/* Is the key of the good signature I that of an earlier good one? */
static bool counted(const struct sigs *s, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (s->v[j].reason == NULL &&
		    strcmp(s->v[j].key, s->v[i].key) == 0)
			return true;
	return false;
}

size_t sigs_signers(const struct sigs *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].reason == NULL && !counted(s, i))
			n++;
	return n;
}
