/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"

bool ac_set_add(struct ac_set *s, const char *str)
{
	size_t n = strlen(str);
	char *copy;

	if (ac_map_get(&s->map, str, n) != NULL)
		return false;
	copy = ac_xstrdup(str);
	ac_map_put(&s->map, copy, n, copy);
	s->bytes += n + 1;
	return true;
}

bool ac_set_has(const struct ac_set *s, const char *str)
{
	return ac_map_get(&s->map, str, strlen(str)) != NULL;
}

bool ac_set_del(struct ac_set *s, const char *str)
{
	size_t n = strlen(str);
	char *copy = ac_map_take(&s->map, str, n);

	if (copy == NULL)
		return false;
	s->bytes -= n + 1;
	free(copy);
	return true;
}

size_t ac_set_len(const struct ac_set *s)
{
	return s->map.n;
}

const char *ac_set_next(const struct ac_set *s, size_t *it)
{
	while (*it < s->map.cap) {
		const struct ac_map_slot *slot = &s->map.slots[(*it)++];

		if (slot->key != NULL)
			return slot->value;
	}
	return NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **ac_set_sorted(const struct ac_set *s)
{
	const char **v = ac_xcalloc(s->map.n + 1, sizeof(*v));
	size_t it = 0;

	for (size_t n = 0; n < s->map.n; n++)
		v[n] = ac_set_next(s, &it);
	qsort(v, s->map.n, sizeof(*v), by_bytes);
	return v;
}

void ac_set_release(struct ac_set *s)
{
	const char *str;
	size_t it = 0;

	while ((str = ac_set_next(s, &it)) != NULL)
		free((char *)(uintptr_t)str);
	ac_map_release(&s->map);
	*s = AC_SET_INIT;
}
