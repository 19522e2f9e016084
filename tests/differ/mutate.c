/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "tests/differ/manifest.h"
#include "tests/differ/values.h"

/* V in the place of the value at PLACE, with its key. */
static void replace(struct node *parent, size_t place, struct node *v)
{
	struct node *old = parent->kid[place];

	ac_buf_reset(&v->key);
	ac_buf_add(&v->key, ac_buf_str(&old->key), old->key.len);
	v->what = v->what == W_ANY ? old->what : v->what;
	parent->kid[place] = v;
	node_free(old);
}

/* Put TEXT somewhere into the text of B. */
static void insert(struct rng *r, struct ac_buf *b, const char *text,
		   size_t len)
{
	size_t at = b->len != 0 ? rng_below(r, b->len + 1) : 0;
	struct ac_buf out = AC_BUF_INIT(b->max);

	ac_buf_add(&out, ac_buf_str(b), at);
	ac_buf_add(&out, text, len);
	ac_buf_add(&out, ac_buf_str(b) + at, b->len - at);
	ac_buf_release(b);
	*b = out;
}

/* The same, but between the quotes. */
static void spice(struct rng *r, struct ac_buf *b)
{
	struct ac_buf inner = AC_BUF_INIT(b->max);
	const char *s = value_spice(r);

	if (b->len < 2 || b->p[0] != '"')
		return;
	ac_buf_add(&inner, b->p + 1, b->len - 2);
	insert(r, &inner, s, strlen(s));
	ac_buf_reset(b);
	ac_buf_addc(b, '"');
	ac_buf_add(b, ac_buf_str(&inner), inner.len);
	ac_buf_addc(b, '"');
	ac_buf_release(&inner);
}

/* Another case, or a letter that some think is the same. */
static void other_case(struct rng *r, struct ac_buf *key)
{
	size_t mode = rng_below(r, 4);
	char *s = strpbrk(ac_buf_str(key), "sSkK");

	if (mode == 3 && s != NULL) {
		struct ac_buf out = AC_BUF_INIT(key->max);

		ac_buf_add(&out, key->p, (size_t)(s - key->p));
		ac_buf_adds(&out, tolower((unsigned char)*s) == 's'
					  ? "\xc5\xbf"
					  : "\xe2\x84\xaa");
		ac_buf_adds(&out, s + 1);
		ac_buf_release(key);
		*key = out;
		return;
	}
	for (size_t i = 0; i < key->len; i++) {
		unsigned char c = (unsigned char)key->p[i];

		if (mode == 0 || (mode == 2 && rng_chance(r, 50)))
			key->p[i] = (char)toupper(c);
		else if (mode == 1)
			key->p[i] = (char)tolower(c);
	}
}

/* A member or element again, perhaps changed, perhaps with its key in another
 * case. */
static void again(struct rng *r, struct node *parent, size_t place)
{
	struct node *c = node_copy(parent->kid[place]);

	if (parent->type == N_OBJECT && rng_chance(r, 50))
		other_case(r, &c->key);
	if (c->type == N_LEAF && rng_chance(r, 30)) {
		struct node *v = value_odd(r, c->what);

		ac_buf_add(&v->key, ac_buf_str(&c->key), c->key.len);
		node_free(c);
		c = v;
	}
	node_insert(parent, rng_below(r, parent->n + 1), c);
}

/* A member that nobody knows, or one that belongs elsewhere. */
static void stranger(struct rng *r, struct node *doc, struct node *to)
{
	static const char *const keys[] = {
		"x",          "",           "supplementaryGids",
		"mountPoint", "app",        "name",
		"user",       "labels",     "value",
		"isolators",  "id",         "size",
		"exec",       "ports",      "apps",
		"kind",       "\\u006eame", "na\\u006de",
		"image",      "default",
	};
	size_t count;
	AC_FREE struct node **all = node_all(doc, &count);
	struct node *v = rng_chance(r, 50)
				 ? value_any(r, 3)
				 : node_copy(all[rng_below(r, count)]);

	if (to->type == N_OBJECT) {
		node_put(to, RNG_PICK(r, keys), v);
		return;
	}
	if (to->type == N_ARRAY) {
		node_push(to, v);
		return;
	}
	node_free(v);
}

static void swap(struct rng *r, struct node *parent, size_t a)
{
	size_t b = rng_below(r, parent->n);
	struct node *t = parent->kid[a];

	parent->kid[a] = parent->kid[b];
	parent->kid[b] = t;
}

/* Wrap a value, or take it out of what wraps it. */
static struct node *rewrap(struct rng *r, const struct node *n)
{
	struct node *v;

	if (n->n != 0 && rng_chance(r, 50))
		return node_copy(n->kid[rng_below(r, n->n)]);
	v = node_new(rng_chance(r, 50) ? N_ARRAY : N_OBJECT);
	if (v->type == N_ARRAY)
		node_push(v, node_copy(n));
	else
		node_put(v, "a", node_copy(n));
	return v;
}

static void change(struct rng *r, struct node *doc, struct node *parent,
		   size_t place)
{
	struct node *n = parent->kid[place];
	size_t what = rng_below(r, 100);

	if (what < 40 && n->type == N_LEAF)
		replace(parent, place, value_odd(r, n->what));
	else if (what < 50)
		replace(parent, place, value_any(r, 2));
	else if (what < 60)
		node_free(node_take(parent, place));
	else if (what < 68)
		again(r, parent, place);
	else if (what < 73 && parent->type == N_OBJECT)
		other_case(r, &n->key);
	else if (what < 80 && n->type == N_LEAF)
		spice(r, &n->leaf);
	else if (what < 82 && parent->type == N_OBJECT)
		spice(r, &n->key);
	else if (what < 88)
		stranger(r, doc, n->type == N_LEAF ? parent : n);
	else if (what < 92)
		swap(r, parent, place);
	else if (what < 96)
		replace(parent, place, rewrap(r, n));
	else
		replace(parent, place,
			value_odd(r, (enum what)rng_below(r, W_LAST + 1)));
}

void mutate_tree(struct rng *r, struct node *doc)
{
	static const size_t times[] = {1, 1, 1, 1, 1, 2, 2, 3, 4};

	for (size_t n = RNG_PICK(r, times); n > 0; n--) {
		size_t count;
		size_t place = 0;
		AC_FREE struct node **all = node_all(doc, &count);
		struct node *parent;

		if (count < 2)
			return;
		parent = node_parent(doc, all[1 + rng_below(r, count - 1)],
				     &place);
		change(r, doc, parent, place);
	}
}

/* Deep, long, or many. */
static void enlarge(struct rng *r, struct ac_buf *text)
{
	static const size_t depths[] = {10,   60,   100,   200,
					1000, 9990, 10001, 20000};
	size_t n = RNG_PICK(r, depths);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(8 << 20);
	char open = rng_chance(r, 50) ? '[' : '{';

	ac_buf_adds(&b, ",\"x\":");
	switch (rng_below(r, 3)) {
	case 0:
		for (size_t i = 0; i < n; i++)
			ac_buf_adds(&b, open == '[' ? "[" : "{\"a\":");
		ac_buf_adds(&b, "1");
		for (size_t i = 0; i < n; i++)
			ac_buf_addc(&b, open == '[' ? ']' : '}');
		break;
	case 1:
		ac_buf_addc(&b, '"');
		for (size_t i = 0; i < n * 10; i++)
			ac_buf_addc(&b, (char)('a' + i % 26));
		ac_buf_addc(&b, '"');
		break;
	default:
		ac_buf_adds(&b, "[1");
		for (size_t i = 0; i < n; i++)
			ac_buf_adds(&b, open == '[' ? ",{}" : ", \"a\"");
		ac_buf_addc(&b, ']');
	}
	if (text->len > 2 && text->p[text->len - 1] == '}') {
		text->len--;
		ac_buf_addc(&b, '}');
		ac_buf_add(text, b.p, b.len);
	}
}

static void change_byte(struct rng *r, struct ac_buf *text)
{
	static const char set[] = "{}[]\",:\\ \n\t0-.eutfn/*\x01\x7f\xff";
	size_t at = rng_below(r, text->len);
	size_t how = rng_below(r, 3);
	char c = set[rng_below(r, sizeof(set))];

	if (how == 0) {
		text->p[at] = c;
	} else if (how == 1) {
		insert(r, text, &c, 1);
	} else {
		text->len--;
		memmove(text->p + at, text->p + at + 1, text->len - at);
	}
}

void mutate_text(struct rng *r, struct ac_buf *text)
{
	static const char *const around[] = {
		"\xef\xbb\xbf",
		" ",
		"\n",
		"\t\r\n ",
		"\x0b",
		"\x0c",
		"\xc2\xa0",
		"}",
		"{}",
		"null",
		"1",
		",",
		"//c\n",
		"/*c*/",
		"\x01",
		"#",
		"x",
		"\xe2\x80\xa8",
		"]",
		"\xff\xfe",
		"\xfe\xff",
		"<html>",
		"%PDF-",
		"\x1f\x8b",
		"BZh",
		"'",
		"\x85",
		"\xef\xbb\xbf\xef\xbb\xbf",
		"\x1b",
		"GIF89a",
		"%!PS-Adobe-",
		"<?xml",
		"BM",
		"OTTO",
		"PK\x03\x04",
		"<!--",
		" <!DOCTYPE HTML>",
		"RIFF",
		"wOFF",
	};
	const char *s = RNG_PICK(r, around);

	switch (rng_below(r, 7)) {
	case 0:
		text->len = rng_below(r, text->len);
		break;
	case 1:
		ac_buf_adds(text, s);
		break;
	case 2: {
		struct ac_buf out = AC_BUF_INIT(text->max);

		ac_buf_adds(&out, s);
		ac_buf_add(&out, ac_buf_str(text), text->len);
		ac_buf_release(text);
		*text = out;
		break;
	}
	case 3:
		insert(r, text, s, strlen(s));
		break;
	case 4:
		enlarge(r, text);
		break;
	default:
		for (size_t n = 1 + rng_below(r, 2); n > 0 && text->len > 1;
		     n--)
			change_byte(r, text);
	}
}

void manifest_make(struct rng *r, struct ac_buf *out)
{
	struct node *doc =
		rng_chance(r, 60) ? manifest_image(r) : manifest_pod(r);
	size_t what = rng_below(r, 100);

	if (what >= 8 && what < 94)
		mutate_tree(r, doc);
	node_write(doc, out, r, rng_chance(r, 20));
	if (what >= 88 && out->len > 1)
		mutate_text(r, out);
	node_free(doc);
}
