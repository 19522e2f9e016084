/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/values.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/base/str.h"

/* Entries are the text of a string; after a '=' they are JSON as it stands. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

struct kind {
	const char *const *good;
	const char *const *odd;
	/* For random ones: characters, most of them good. */
	const char *alphabet;
};

static const struct kind kinds[W_LAST + 1] = {
#include "tests/differ/values.inc"
};

static struct node *leaf(enum what w, const char *text)
{
	struct node *n;

	if (text[0] == '=')
		return node_leaf(w, text + 1, strlen(text + 1));
	n = node_leaf(w, "\"", 1);
	ac_buf_adds(&n->leaf, text);
	ac_buf_addc(&n->leaf, '"');
	return n;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static const char *pick(struct rng *r, const char *const *list)
{
	return list[rng_below(r, count(list))];
}

struct node *value_good(struct rng *r, enum what w)
{
	return leaf(w, pick(r, kinds[w].good));
}

/* A few characters of the alphabet, or two of the lists with a part cut out. */
static struct node *made_up(struct rng *r, enum what w)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
	const struct kind *k = &kinds[w];
	const char *base = pick(r, rng_chance(r, 50) ? k->good : k->odd);
	size_t len = strlen(base);
	size_t at;

	if (k->alphabet == NULL)
		return leaf(w, base);
	if (rng_chance(r, 40)) {
		ac_buf_adds(&b, base[0] == '=' ? "=" : "");
		for (size_t i = rng_below(r, 9); i > 0; i--)
			ac_buf_addc(
				&b,
				k->alphabet[rng_below(r, strlen(k->alphabet))]);
		return leaf(w, ac_buf_str(&b));
	}
	/* One character in, out or other. */
	at = len != 0 ? (base[0] == '=') + rng_below(r, len) : 0;
	ac_buf_add(&b, base, at < len ? at : len);
	if (!rng_chance(r, 33))
		ac_buf_addc(&b, k->alphabet[rng_below(r, strlen(k->alphabet))]);
	at += rng_chance(r, 50);
	if (at < len)
		ac_buf_adds(&b, base + at);
	return leaf(w, ac_buf_str(&b));
}

struct node *value_odd(struct rng *r, enum what w)
{
	if (rng_chance(r, 55))
		return leaf(w, pick(r, kinds[w].odd));
	return made_up(r, w);
}

struct node *value_any(struct rng *r, int depth)
{
	static const char *const leaves[] = {
		"null",
		"true",
		"false",
		"0",
		"1",
		"-1",
		"\"\"",
		"\"a\"",
		"1.5",
		"-0",
		"1e3",
		"{}",
		"[]",
		"[null]",
		"[{}]",
		"[[]]",
		"\"1\"",
		"1.0",
		"\"true\"",
		"[\"a\"]",
		"[1]",
		"{\"a\":1}",
		"{\"name\":\"a\",\"value\":\"b\"}",
		"18446744073709551616",
		"9223372036854775808",
	};
	struct node *n;

	if (depth <= 0 || rng_chance(r, 70)) {
		const char *s = RNG_PICK(r, leaves);

		return node_leaf(W_ANY, s, strlen(s));
	}
	n = node_new(rng_chance(r, 50) ? N_ARRAY : N_OBJECT);
	for (size_t i = rng_below(r, 4); i > 0; i--) {
		struct node *k = value_any(r, depth - 1);

		if (n->type == N_ARRAY)
			node_push(n, k);
		else
			node_put(n,
				 (const char *const[]){"name", "a", "b",
						       "value"}[i - 1],
				 k);
	}
	return n;
}

const char *value_spice(struct rng *r)
{
	static const char *const spices[] = {
		"\\n",
		"\\t",
		"\\\"",
		"\\\\",
		"\\/",
		"\\b",
		"\\f",
		"\\r",
		"\\u0041",
		"\\u00e9",
		"\\u2028",
		"\\uFFFF",
		"\\ufffd",
		"\\u0001",
		"\\u001f",
		"\\u007f",
		"\\u0000",
		"\\ud83d\\ude00",
		"\\ud83d",
		"\\ude00",
		"\\ude00\\ud83d",
		"\\ud83dx",
		"\\ud83d\\u0041",
		"\\uD83D\\uDE00",
		"\\u00",
		"\\u00g0",
		"\\x41",
		"\\a",
		"\\'",
		"\\",
		"\n",
		"\t",
		"\r",
		"\x01",
		"\x1b",
		"\x0b",
		"\x7f",
		"\xc3\xa9",
		"\xe2\x84\xaa",
		"\xc5\xbf",
		"\xe2\x80\xa8",
		"\xf0\x9f\x98\x80",
		"\xef\xbb\xbf",
		"\xff",
		"\xfe\xff",
		"\xc0\x80",
		"\xc3",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xe0\x80\xaf",
		"\x80",
		" ",
		"  ",
		"A",
		"..",
		"/",
		"//",
		":",
		",",
		"=",
		"<b>",
		"&amp;",
		"${x}",
		"{name}",
	};

	return RNG_PICK(r, spices);
}
