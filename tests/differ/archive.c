/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/archive.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "tests/differ/manifest.h"
#include "tests/unit/mktar.h"

enum { MAX_DATA = 1 << 20 };

void ents_add(struct ents *e, char type, const char *name, const char *link,
	      const char *data)
{
	struct ent *n;

	e->v = ac_xrealloc(e->v, e->n + 1, sizeof(e->v[0]));
	n = &e->v[e->n++];
	*n = (struct ent){
		.name = ac_xstrdup(name),
		.link = ac_xstrdup(link),
		.type = type,
		.data = AC_BUF_INIT(4 << 20),
		.extra = AC_BUF_INIT(MAX_DATA),
	};
	ac_buf_adds(&n->data, data);
}

static void ent_release(struct ent *n)
{
	free(n->name);
	free(n->link);
	ac_buf_release(&n->data);
	ac_buf_release(&n->extra);
}

void ents_release(struct ents *e)
{
	for (size_t i = 0; i < e->n; i++)
		ent_release(&e->v[i]);
	free(e->v);
	*e = (struct ents){.v = NULL};
}

static void set(char **to, const char *text)
{
	char *copy = ac_xstrdup(text);

	free(*to);
	*to = copy;
}

static void remove_at(struct ents *e, size_t i)
{
	ent_release(&e->v[i]);
	e->n--;
	memmove(&e->v[i], &e->v[i + 1], (e->n - i) * sizeof(e->v[0]));
}

static void swap(struct ents *e, size_t a, size_t b)
{
	struct ent t = e->v[a];

	e->v[a] = e->v[b];
	e->v[b] = t;
}

static const char *odd_name(struct rng *r)
{
	static const char *const names[] = {
		"manifest",
		"rootfs",
		"rootfs/",
		"./manifest",
		"./rootfs",
		"./rootfs/",
		"rootfs/.",
		"rootfs/./",
		"rootfs//",
		"rootfsx",
		"rootfs-evil/x",
		"rootfs.d",
		"rootfs/../x",
		"../x",
		"..",
		".",
		"./",
		"/",
		"//",
		"",
		"/rootfs",
		"/manifest",
		"/rootfs/a",
		"x",
		"x/y",
		"manifest/",
		"manifest/x",
		"Manifest",
		"ROOTFS",
		"manifest.json",
		"rootfs/a",
		"./rootfs/a",
		"rootfs//a",
		"rootfs/./a",
		"rootfs/b/../a",
		"rootfs/a/",
		"rootfs/a/.",
		"rootfs/dir",
		"rootfs/dir/",
		"rootfs/dir/../..",
		"rootfs/dir/../../manifest",
		"rootfs/../rootfs/a",
		"rootfs/../manifest",
		"rootfs/...",
		"rootfs/..a",
		"rootfs/ ",
		"rootfs/\xff\xfe",
		"rootfs/\xc3\xa9",
		"rootfs/.wh.a",
		"rootfs/.wh..wh..opq",
		"rootfs/a\\b",
		"rootfs/a\nb",
		"x/../rootfs/a",
		"x/../manifest",
		"././manifest",
		".//manifest",
		"./.",
		"./..",
		"./../x",
		"rootfs/link/x",
		"rootfs/a/b",
		"rootfs /a",
		" manifest",
		"manifest ",
		"rootfs/dir/../dir/f",
	};

	return RNG_PICK(r, names);
}

static char *long_name(struct rng *r)
{
	static const size_t lengths[] = {99,  100, 101, 154, 155,  156,
					 255, 256, 257, 300, 1000, 5000};
	size_t n = RNG_PICK(r, lengths);
	char *s = ac_xmalloc(n + 1);
	size_t every = rng_chance(r, 30) ? n : 2 + rng_below(r, 90);

	for (size_t i = 0; i < n; i++)
		s[i] = i % every == every - 1 && i + 1 < n
			       ? '/'
			       : (char)('a' + i / 7 % 26);
	memcpy(s, "rootfs/", 7);
	s[n] = '\0';
	return s;
}

static void new_entry(struct rng *r, struct ents *e)
{
	static const char types[] = "0012345670005521S\0AZxLKVMNDI 89";
	static const char *const links[] = {
		"rootfs/a",      "rootfs/dir", "a",         "/etc/passwd",
		"../..",         "",           "manifest",  "rootfs",
		"rootfs/none",   "./rootfs/a", "/rootfs/a", "rootfs/../x",
		"rootfs/link/x",
	};

	ents_add(e, types[rng_below(r, sizeof(types))], odd_name(r),
		 RNG_PICK(r, links), rng_chance(r, 50) ? "data\n" : "");
	swap(e, e->n - 1, rng_below(r, e->n));
}

static void odd_field(struct rng *r, struct ent *e)
{
	static const char *const fields[] = {
		"",
		"0",
		"00000000001",
		"00000000005",
		" 5",
		"5 ",
		"  5 ",
		"-1",
		"0000000000\x38",
		"abc",
		"99999999999",
		"77777777777",
		"\x80\0\0\0\0\0\0\0\0\0\0\5",
		"\x80\x01",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"0x5",
		"5\0garbage",
		"00000001000",
		"00000000512",
		"00000010000",
		"1.5",
		"\xc0\x01",
		"+5",
		"\t5",
	};
	static const char *const magics[] = {
		"ustar\00000", "ustar  ",   "",
		"ustar\0 0",   "ustar\0\0", "ustarx",
		"USTAR\00000", "ustar 00"};
	const char **where[] = {&e->size, &e->mode, &e->uid, &e->mtime,
				&e->size};

	switch (rng_below(r, 8)) {
	case 0:
		e->magic = RNG_PICK(r, magics);
		break;
	case 1:
		e->sum = rng_chance(r, 50) ? 1 : (int)rng_below(r, 4000) - 2000;
		break;
	default:
		*RNG_PICK(r, where) = RNG_PICK(r, fields);
	}
}

static void change(struct rng *r, struct ents *e)
{
	size_t i = rng_below(r, e->n);
	struct ent *n = &e->v[i];
	static const char types[] = "0123456701S\0AZxLKVMNDI 7";

	switch (rng_below(r, 14)) {
	case 0:
		ents_add(e, n->type, n->name, n->link, ac_buf_str(&n->data));
		swap(e, e->n - 1, rng_below(r, e->n));
		break;
	case 1:
	case 2:
		set(&n->name, odd_name(r));
		break;
	case 3:
		remove_at(e, i);
		break;
	case 4:
		n->type = types[rng_below(r, sizeof(types))];
		break;
	case 5:
	case 6:
	case 7:
		new_entry(r, e);
		break;
	case 8:
		swap(e, i, rng_below(r, e->n));
		break;
	case 9:
		odd_field(r, n);
		break;
	case 10:
		free(n->name);
		n->name = long_name(r);
		n->style = (enum style)rng_below(r, V7 + 1);
		break;
	case 11:
		free(n->link);
		n->link = long_name(r);
		n->type = rng_chance(r, 50) ? '1' : '2';
		break;
	default:
		extra_headers(r, n);
	}
}

void ents_mutate(struct rng *r, struct ents *e)
{
	for (size_t n = 1 + rng_below(r, 3); n > 0 && e->n != 0; n--)
		change(r, e);
}

/* An ordinary image's entries. */
static void ordinary(struct rng *r, struct ents *e)
{
	static const struct {
		char type;
		const char *name, *link, *data;
	} files[] = {
		{'5', "rootfs", "", ""},
		{'0', "rootfs/a", "", "hello\n"},
		{'5', "rootfs/dir", "", ""},
		{'0', "rootfs/dir/f", "", ""},
		{'2', "rootfs/link", "dir", ""},
		{'1', "rootfs/hard", "rootfs/a", ""},
		{'3', "rootfs/null", "", ""},
		{'4', "rootfs/disk", "", ""},
		{'6', "rootfs/fifo", "", ""},
		{'7', "rootfs/cont", "", "x"},
		{'5', "rootfs/empty/", "", ""},
	};
	static const char plain[] =
		"{\"acKind\":\"ImageManifest\",\"acVersion\":"
		"\"0.8.11\",\"name\":\"example.com/a\"}";
	size_t where = rng_below(r, 3);
	bool dots = rng_chance(r, 15);

	ents_add(e, '0', "manifest", "", "");
	if (rng_chance(r, 70))
		ac_buf_adds(&e->v[0].data, plain);
	else
		manifest_make(r, &e->v[0].data);
	for (size_t i = 0; i < AC_LEN(files); i++)
		if (i == 0 || rng_chance(r, 50))
			ents_add(e, files[i].type, files[i].name, files[i].link,
				 files[i].data);
	if (where == 0)
		swap(e, 0, e->n - 1);
	else if (where == 1)
		swap(e, 0, rng_below(r, e->n));
	for (size_t i = 0; dots && i < e->n; i++) {
		char *s = ac_xasprintf("./%s", e->v[i].name);

		free(e->v[i].name);
		e->v[i].name = s;
	}
}

/* The name's header before the entry's, or the prefix it goes to. */
static const char *long_text(struct ac_buf *out, const struct ent *e,
			     const char *text, char gnu, const char *pax,
			     char prefix[156])
{
	size_t n = strlen(text);
	const char *slash;

	if (n <= 100 || e->style == V7)
		return text;
	if (e->style == GNU) {
		mk_ext(out, gnu, text, n + 1);
		return text;
	}
	slash = strchr(text + n - 101, '/');
	if (e->style == USTAR && prefix != NULL && slash != NULL &&
	    slash - text <= 155 && slash != text) {
		memcpy(prefix, text, (size_t)(slash - text));
		return slash + 1;
	}
	if (n < 900)
		mk_pax(out, 'x', pax, text);
	return text;
}

void ents_write(struct rng *r, const struct ents *e, struct ac_buf *out)
{
	(void)r;
	for (size_t i = 0; i < e->n; i++) {
		const struct ent *n = &e->v[i];
		char prefix[156] = "";
		struct mk m = {
			.type = n->type,
			.size = n->size,
			.mode = n->mode,
			.uid = n->uid,
			.mtime = n->mtime,
			.sum = n->sum,
			.n = n->data.len,
		};

		ac_buf_add(out, ac_buf_str(&n->extra), n->extra.len);
		m.link = long_text(out, n, n->link, 'K', "linkpath", NULL);
		m.name = long_text(out, n, n->name, 'L', "path", prefix);
		m.prefix = prefix;
		m.magic = n->magic != NULL  ? n->magic
			  : n->style == GNU ? "ustar  "
			  : n->style == V7  ? ""
					    : NULL;
		mk_head(out, m);
		mk_data(out, ac_buf_str(&n->data), n->data.len);
	}
	mk_end(out);
}

void archive_make(struct rng *r, struct ac_buf *out)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf tar = AC_BUF_INIT(64 << 20);
	AC_CLEANUP(ents_release) struct ents e = {.v = NULL};
	size_t what = rng_below(r, 100);

	ordinary(r, &e);
	if (what >= 10 && what < 75)
		ents_mutate(r, &e);
	if (rng_chance(r, 20)) {
		enum style s = (enum style)rng_below(r, V7 + 1);

		for (size_t i = 0; i < e.n; i++)
			e.v[i].style = s;
	}
	ents_write(r, &e, &tar);
	if (what >= 65 && tar.len != 0)
		tar_spoil(r, &tar);
	tar_pack(r, &tar, out);
}
