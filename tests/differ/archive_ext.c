/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/own.h"
#include "common/base/str.h"
#include "tests/differ/archive.h"
#include "tests/unit/mktar.h"

/* A pax record, most of them odd. */
static void record(struct rng *r, struct ac_buf *out)
{
	static const struct {
		const char *key, *value;
	} records[] = {
		{"path", "rootfs/pax"},
		{"path", "manifest"},
		{"path", "rootfs"},
		{"path", "rootfs/"},
		{"path", "../x"},
		{"path", "/rootfs/x"},
		{"path", "./rootfs/x"},
		{"path", "x"},
		{"path", ""},
		{"path", "rootfs/\xc3\xa9"},
		{"path", "rootfs/\xff"},
		{"linkpath", "rootfs/a"},
		{"linkpath", "/etc"},
		{"linkpath", ""},
		{"size", "0"},
		{"size", "5"},
		{"size", "6"},
		{"size", "1000000"},
		{"size", "-1"},
		{"size", "+5"},
		{"size", " 5"},
		{"size", "5 "},
		{"size", "5.0"},
		{"size", "0x5"},
		{"size", ""},
		{"size", "9223372036854775807"},
		{"size", "9223372036854775808"},
		{"mtime", "1.5"},
		{"mtime", "-1.5"},
		{"mtime", "1"},
		{"mtime", "1."},
		{"mtime", ".5"},
		{"mtime", "1.123456789123"},
		{"mtime", "abc"},
		{"mtime", "1e3"},
		{"mtime", ""},
		{"mtime", "99999999999999999999"},
		{"mtime", "+1"},
		{"mtime", "-"},
		{"mtime", "1.5x"},
		{"atime", "1.5"},
		{"atime", "x"},
		{"ctime", "x"},
		{"uid", "0"},
		{"uid", "4294967296"},
		{"uid", "-1"},
		{"uid", "x"},
		{"gid", "99999999999999999999"},
		{"gid", "x"},
		{"uname", "root"},
		{"uname", ""},
		{"comment", "hello"},
		{"hdrcharset", "BINARY"},
		{"charset", "x"},
		{"SCHILY.xattr.user.a", "b"},
		{"SCHILY.xattr.", "b"},
		{"SCHILY.xattr.user.a", ""},
		{"SCHILY.xattr.security.capability", "\x01\x02"},
		{"LIBARCHIVE.xattr.user.a", "Yg=="},
		{"SCHILY.devmajor", "1"},
		{"GNU.sparse.major", "1"},
		{"GNU.sparse.name", "rootfs/sparse"},
		{"vendor.key", "value"},
		{"", "value"},
		{"a=b", "c"},
		{"nul", "a"},
	};
	size_t i = rng_below(r, AC_LEN(records));

	mk_rec(out, records[i].key, records[i].value, strlen(records[i].value));
}

/* Records that are none. */
static void bad_record(struct rng *r, struct ac_buf *out)
{
	static const char *const bad[] = {
		"",
		"0 a=b\n",
		"5 a=b\n",
		"6 a=b\n",
		"7 a=b\n",
		"99 a=b\n",
		"6 a=b",
		"a=b\n",
		"x a=b\n",
		"-6 a=b\n",
		"06 a=b\n",
		"6  a=b\n",
		" 6 a=b\n",
		"6 ab\n\n",
		"5 =b\n",
		"6 a=bc",
		"\n",
		"3 \n",
		"2\n",
		"99999999999999999999 a=b\n",
		"+6 a=b\n",
		"6\ta=b\n",
		"007 a=b\n",
		"12 path=a\xff\xff\n",
		"16 path=rootfs\n",
	};
	const char *s = RNG_PICK(r, bad);

	ac_buf_adds(out, s);
	if (rng_chance(r, 10))
		ac_buf_add(out, "11 path=a\0b\n", 12);
	if (rng_chance(r, 10))
		ac_buf_add(out, "9 a\0b=cd\n", 10);
}

/* GNU's three ways in pax records, version 0.0, 0.1 and 1.0. */
static void sparse_pax(struct rng *r, struct ent *e)
{
	static const char *const maps[] = {
		"0,5",     "0,2,3,3",
		"0,0",     "5,5",
		"0,1,0,1", "3,1,0,1",
		"",        "0",
		"a,b",     "0,-1",
		"0,99",    "0,6,6,0",
		"-1,5",    "0,5,9223372036854775807,1"};
	static const char *const heads[] = {
		"1\n0\n5\n", "0\n",  "2\n0\n2\n4\n3\n", "1\n0\n",
		"x\n",       "",     "99999999999\n",   "1\n5\n0\n",
		"1\n0\n6\n", "-1\n", "1\n0\n5",
	};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	const char *s = RNG_PICK(r, maps);
	char head[512] = "";

	switch (rng_below(r, 3)) {
	case 0:
		mk_rec(&b, "GNU.sparse.size", "10", 2);
		mk_rec(&b, "GNU.sparse.numblocks", "1", 1);
		mk_rec(&b, "GNU.sparse.offset", "0", 1);
		mk_rec(&b, "GNU.sparse.numbytes", "5",
		       rng_chance(r, 80) ? 1 : 0);
		break;
	case 1:
		mk_rec(&b, "GNU.sparse.size", "10", 2);
		mk_rec(&b, "GNU.sparse.numblocks", "1", 1);
		mk_rec(&b, "GNU.sparse.map", s, strlen(s));
		break;
	default:
		mk_rec(&b, "GNU.sparse.major", "1", 1);
		mk_rec(&b, "GNU.sparse.minor", "0", 1);
		mk_rec(&b, "GNU.sparse.realsize", "10",
		       rng_chance(r, 80) ? 2 : 0);
		s = RNG_PICK(r, heads);
		memcpy(head, s, strlen(s));
		ac_buf_reset(&e->data);
		ac_buf_add(&e->data, head, sizeof(head));
		ac_buf_adds(&e->data, "hello");
	}
	if (rng_chance(r, 60))
		mk_rec(&b, "GNU.sparse.name", "rootfs/sparse", 13);
	mk_ext(&e->extra, 'x', ac_buf_str(&b), b.len);
}

/* A long name before the entry, more or less as GNU tar has it. */
static void gnu_name(struct rng *r, struct ent *e)
{
	static const struct {
		const char *text;
		size_t n;
	} names[] = {
		{"rootfs/long", 12},
		{"rootfs/long", 11},
		{"manifest", 9},
		{"rootfs", 7},
		{"", 0},
		{"", 1},
		{"rootfs/a\0b", 11},
		{"../x", 5},
		{"rootfs/\xff", 9},
		{"./rootfs/l\0\0\0", 14},
	};
	size_t i = rng_below(r, AC_LEN(names));

	mk_ext(&e->extra, rng_chance(r, 70) ? 'L' : 'K', names[i].text,
	       names[i].n);
}

static void pax(struct rng *r, struct ent *e)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	for (size_t n = 1 + rng_below(r, 2); n > 0; n--)
		record(r, &b);
	if (rng_chance(r, 30))
		bad_record(r, &b);
	mk_ext(&e->extra, rng_chance(r, 85) ? 'x' : 'g', ac_buf_str(&b), b.len);
}

void extra_headers(struct rng *r, struct ent *e)
{
	do {
		switch (rng_below(r, 8)) {
		case 0:
			sparse_pax(r, e);
			break;
		case 1:
		case 2:
			gnu_name(r, e);
			break;
		default:
			pax(r, e);
		}
	} while (rng_chance(r, 20));
}
