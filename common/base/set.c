/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/alloc.h"

static uint64_t seed[2];

__attribute__((constructor)) static void pick_seed(void)
{
	/* Early in the boot of a machine there may be no randomness yet: the
	 * set then works with a weaker seed. */
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed[0] = (uint64_t)(uintptr_t)&seed;
	seed[1] |= 1;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 m = (u128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t ac_hash_bytes(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = seed[0] ^ n;
	uint64_t w = 0;

	for (; n >= sizeof(w); n -= sizeof(w), s += sizeof(w)) {
		memcpy(&w, s, sizeof(w));
		h = mix(h ^ w, seed[1] ^ 0x9e3779b97f4a7c15ULL);
	}
	w = 0;
	memcpy(&w, s, n);
	return mix(h ^ w, seed[1] ^ 0xe7037ed1a0b428dbULL);
}

/* Where STR is, or the free slot where it belongs. */
static size_t find(char *const *slots, size_t cap, const char *str)
{
	size_t i = (size_t)ac_hash_bytes(str, strlen(str)) & (cap - 1);

	while (slots[i] != NULL && strcmp(slots[i], str) != 0)
		i = (i + 1) & (cap - 1);
	return i;
}

static void grow(struct ac_set *s)
{
	size_t cap = s->cap != 0 ? s->cap * 2 : 16;
	char **slots = ac_xcalloc(cap, sizeof(*slots));

	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i] != NULL)
			slots[find(slots, cap, s->slots[i])] = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
}

bool ac_set_add(struct ac_set *s, const char *str)
{
	size_t i;

	if (s->n * 4 >= s->cap * 3)
		grow(s);
	i = find(s->slots, s->cap, str);
	if (s->slots[i] != NULL)
		return false;
	s->slots[i] = ac_xstrdup(str);
	s->n++;
	s->bytes += strlen(str) + 1;
	return true;
}

bool ac_set_has(const struct ac_set *s, const char *str)
{
	return s->n != 0 && s->slots[find(s->slots, s->cap, str)] != NULL;
}

bool ac_set_del(struct ac_set *s, const char *str)
{
	size_t i;

	if (s->n == 0)
		return false;
	i = find(s->slots, s->cap, str);
	if (s->slots[i] == NULL)
		return false;
	s->n--;
	s->bytes -= strlen(str) + 1;
	free(s->slots[i]);
	s->slots[i] = NULL;
	/* Those behind it may have been pushed on by it: put them again. */
	for (size_t j = (i + 1) & (s->cap - 1); s->slots[j] != NULL;
	     j = (j + 1) & (s->cap - 1)) {
		char *moved = s->slots[j];

		s->slots[j] = NULL;
		s->slots[find(s->slots, s->cap, moved)] = moved;
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **ac_set_sorted(const struct ac_set *s)
{
	const char **v;
	size_t n = 0;

	if (s->n == 0)
		return NULL;
	v = ac_xcalloc(s->n, sizeof(*v));
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i] != NULL)
			v[n++] = s->slots[i];
	qsort(v, n, sizeof(*v), by_bytes);
	return v;
}

void ac_set_release(struct ac_set *s)
{
	for (size_t i = 0; i < s->cap; i++)
		free(s->slots[i]);
	free(s->slots);
	*s = AC_SET_INIT;
}
