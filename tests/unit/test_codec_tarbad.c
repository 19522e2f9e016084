/* What the tar reader refuses, and what it puts up with. */
#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "tests/unit/mktar.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

enum { MAX = 16 << 20 };

static struct ac_err err;

struct chunks {
	const char *p;
	size_t n, step;
	char *copy; /* of its own size, for the sanitizers to watch */
};

static ssize_t source(void *ctx, const void **p, struct ac_err *e)
{
	struct chunks *c = ctx;
	size_t n = c->n < c->step ? c->n : c->step;

	(void)e;
	free(c->copy);
	c->copy = ac_xmemdup(c->p, n);
	*p = c->copy;
	c->p += n;
	c->n -= n;
	return (ssize_t)n;
}

/* Read B to its end; *last is a line about each entry. */
static int read_all(const struct ac_buf *b, size_t step, struct ac_buf *lines)
{
	struct chunks c = {.p = ac_buf_str(b), .n = b->len, .step = step};
	struct ac_tar_limits limits = {.max_entries = 100,
				       .max_xattr_bytes = 2000};
	struct ac_tar_reader *r = ac_tar_reader_new(&limits, source, &c);
	struct ac_entry e;
	int ret;

	ac_buf_reset(lines);
	while ((ret = ac_tar_next(r, &e, &err)) > 0) {
		const void *p;
		size_t n;
		uint64_t off;

		ac_buf_addf(lines, "%c '%s'", (char)e.type, e.path);
		if (e.link != NULL)
			ac_buf_addf(lines, " -> '%s'", e.link);
		while ((ret = ac_tar_data(r, &p, &n, &off, &err)) > 0)
			ac_buf_add(lines, p, n);
		if (ret < 0)
			break;
		ac_buf_addc(lines, '\n');
	}
	/* Once at the end, always at the end. */
	CHECK(ret != 0 || ac_tar_next(r, &e, &err) == 0);
	CHECK(ret != 0 || c.n == 0);
	ac_tar_reader_free(r);
	free(c.copy);
	return ret;
}

static void refused_with(const struct ac_buf *b, enum ac_code code,
			 const char *says, int line)
{
	static const size_t steps[] = {1, 512, 700, MAX};
	BUF lines = AC_BUF_INIT(MAX);

	for (size_t i = 0; i < AC_LEN(steps); i++) {
		int ret = read_all(b, steps[i], &lines);

		if (ret >= 0 || err.code != code ||
		    strstr(err.msg, says) == NULL)
			fprintf(stderr, "# line %d: %d %s\n# %s\n", line,
				(int)err.code, ret < 0 ? err.msg : "accepted",
				ac_buf_str(&lines));
		CHECK(ret < 0 && err.code == code);
		CHECK(strstr(err.msg, says) != NULL);
	}
}
#define REFUSED(b, says) refused_with(b, AC_E_INVALID, says, __LINE__)

static void read_as(const struct ac_buf *b, const char *lines_are, int line)
{
	static const size_t steps[] = {1, 512, 700, MAX};
	BUF lines = AC_BUF_INIT(MAX);

	for (size_t i = 0; i < AC_LEN(steps); i++) {
		int ret = read_all(b, steps[i], &lines);

		if (ret < 0 || strcmp(ac_buf_str(&lines), lines_are) != 0)
			fprintf(stderr, "# line %d: %s\n# %s\n", line,
				ret < 0 ? err.msg : "", ac_buf_str(&lines));
		CHECK(ret == 0);
		CHECK(strcmp(ac_buf_str(&lines), lines_are) == 0);
	}
}
#define READ_AS(b, lines) read_as(b, lines, __LINE__)

TEST(names_and_targets)
{
	static const struct {
		struct mk m;
		const char *says;
	} t[] = {
		{{.name = "/etc/passwd"}, "tar entry '/etc/passwd': absolute"},
		{{.name = "//x"}, "absolute"},
		{{.name = "../x"}, "'../x': '..'"},
		{{.name = "a/../../x"}, "'..'"},
		{{.name = "a/../x"}, "'..'"},
		{{.name = "x", .prefix = ".."}, "'..'"},
		{{.name = "x", .prefix = "/etc"}, "absolute"},
		{{.name = ""}, "no name"},
		{{.name = "l", .type = '2'}, "'l': a link without a target"},
		{{.name = "l", .type = '1'}, "without a target"},
		{{.name = "l", .type = '1', .link = "../x"}, "'..' in the tar"},
		{{.name = "l", .type = '1', .link = "./"}, "impossible target"},
		{{.name = "./", .type = '2', .link = "x"}, "not a directory"},
		{{.name = "/", .type = '2', .link = "x"}, "not a directory"},
		{{.name = "."}, "not a directory"},
		{{.name = "dir/"}, "ends in a slash"},
		{{.name = "s", .type = 's'}, "unknown type 's'"},
		{{.name = "s", .type = 'S'}, "unknown type 'S'"},
		{{.name = "s", .type = 'V'}, "unknown type 'V'"},
		{{.name = "s", .type = '\x1b'}, "unknown type '\\x1b'"},
		{{.name = "\x1b[2J/../x"}, "'\\x1b[2J/../x'"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		BUF b = AC_BUF_INIT(MAX);

		mk_head(&b, t[i].m);
		mk_end(&b);
		refused_with(&b, AC_E_INVALID, t[i].says, (int)i);
	}
}

TEST(numbers)
{
	static const struct {
		struct mk m;
		const char *says;
	} t[] = {
		{{.name = "f", .size = "-0000000001"}, "size"},
		{{.name = "f", .size = "0000000009"}, "size"},
		{{.name = "f", .size = "x"}, "size"},
		{{.name = "f", .mode = "rwxr"}, "bad mode"},
		{{.name = "f", .uid = "abc"}, "bad user id"},
		{{.name = "f", .mtime = "now"}, "bad time"},
		{{.name = "f", .sum = 1}, "checksum"},
		{{.name = "f", .sum = -1}, "checksum"},
	};
	char field[13] = "\x80";
	BUF b = AC_BUF_INIT(MAX);

	for (size_t i = 0; i < AC_LEN(t); i++) {
		BUF one = AC_BUF_INIT(MAX);

		mk_head(&one, t[i].m);
		mk_end(&one);
		refused_with(&one, AC_E_INVALID, t[i].says, (int)i);
	}
	/* Base 256: 2^63, 2^88, and -1. */
	memset(field + 1, 0, 11);
	mk_head(&b, (struct mk){.name = "f"});
	for (int i = 0; i < 3; i++) {
		memset(field + 1, i == 2 ? 0xff : 0, 11);
		field[0] = (char)(i == 2 ? 0xff : 0x80);
		if (i < 2)
			field[i == 0 ? 4 : 1] = (char)0x80;
		memcpy(b.p + 124, field, 12);
		mk_sum(b.p, 0, 0);
		REFUSED(&b, "size");
	}
	/* A user id that means "leave it". */
	memcpy(b.p + 124, "00000000000", 12);
	memcpy(b.p + 108, "\x80\0\0\0\xff\xff\xff\xff", 8);
	mk_sum(b.p, 0, 0);
	REFUSED(&b, "bad user id");
	memcpy(b.p + 108, "\x80\0\0\0\xff\xff\xff\xfe", 8);
	mk_sum(b.p, 0, 0);
	READ_AS(&b, "f 'f'\n");
}

TEST(devices)
{
	BUF b = AC_BUF_INIT(MAX);

	mk_head(&b, (struct mk){.name = "dev", .type = '3'});
	memcpy(b.p + 329, "0010000", 8); /* 4096 */
	mk_sum(b.p, 0, 0);
	REFUSED(&b, "bad device number");
	memcpy(b.p + 329, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	mk_sum(b.p, 0, 0);
	REFUSED(&b, "bad device number");
	/* A file has no device: which one stands there does not matter. */
	b.p[156] = '0';
	mk_sum(b.p, 0, 0);
	READ_AS(&b, "f 'dev'\n");
	/* But it must be a number. */
	memcpy(b.p + 329, "0000q03", 8);
	mk_sum(b.p, 0, 0);
	REFUSED(&b, "bad device number");
}

TEST(pax_records)
{
	static const struct {
		const char *records;
		size_t n; /* 0: as long as the string */
		const char *says;
	} t[] = {
		{"99 path=x\n", 0, "broken pax header"},
		{"8 path=x\n", 0, "broken pax header"},
		{"10 path=xy", 0, "broken pax header"},
		{"10 pathxy\n", 0, "broken pax header"},
		{"6 =xx\n", 0, "broken pax header"},
		{"path=x\n", 0, "broken pax header"},
		{" 10 path=x\n", 0, "broken pax header"},
		{"-10 path=x\n", 0, "broken pax header"},
		{"0 path=x\n", 0, "broken pax header"},
		{"3 \n", 0, "broken pax header"},
		{"99999999999999999999999 path=x\n", 0, "broken pax header"},
		{"12 path=a\0b\n", 12, "broken pax record 'path'"},
		{"11 pa\0h=ab\n", 11, "broken pax header"},
		{"16 linkpath=a\0b\n", 16, "broken pax record 'linkpath'"},
		{"11 size=-1\n", 0, "broken pax record 'size'"},
		{"28 size=9223372036854775808\n", 0, "broken pax record"},
		{"12 size=0x1\n", 0, "broken pax record"},
		{"10 uid=-1\n", 0, "broken pax record 'uid'"},
		{"18 uid=4294967295\n", 0, "bad user id"},
		{"11 mtime=x\n", 0, "broken pax record 'mtime'"},
		{"14 mtime=1.-1\n", 0, "broken pax record 'mtime'"},
		{"14 mtime=1..1\n", 0, "broken pax record 'mtime'"},
		{"30 mtime=99999999999999999999\n", 0, "broken pax record"},
		{"13 path=/abs\n", 0, "absolute"},
		{"13 path=../x\n", 0, "'..'"},
		{"19 SCHILY.xattr.=x\n", 0, "extended attribute"},
		{"26 LIBARCHIVE.xattr.a=?!?\n", 0, "broken pax record 'a'"},
		{"27 LIBARCHIVE.xattr.%0=aaa\n", 0, "broken pax record"},
		{"28 LIBARCHIVE.xattr.%00=aaa\n", 0, "broken pax record"},
		{"22 GNU.sparse.map=1,2\n", 0, "sparse without a size"},
		{"20 GNU.sparse.map=1\n", 0, "broken sparse map"},
		{"26 GNU.sparse.map=5,2,1,1\n", 0, "broken sparse map"},
		{"24 GNU.sparse.map=1,,2,\n", 0, "broken sparse map"},
		{"23 GNU.sparse.offset=1\n", 0, "broken sparse map"},
		{"25 GNU.sparse.numbytes=1\n", 0, "broken pax record"},
		{"22 GNU.sparse.hello=1\n", 0, "broken pax record 'hello'"},
		{"24 GNU.sparse.name=../x\n", 0, "'..'"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		size_t n = t[i].n != 0 ? t[i].n : strlen(t[i].records);
		BUF b = AC_BUF_INIT(MAX);

		mk_ext(&b, 'x', t[i].records, n);
		mk_head(&b, (struct mk){.name = "f"});
		mk_end(&b);
		refused_with(&b, AC_E_INVALID, t[i].says, (int)i);
	}
}

TEST(sparse_maps)
{
	static const struct {
		const char *major, *map, *real, *data;
		uint64_t n;
		const char *says;
	} t[] = {
		{"0", "0,5", "5", "hello", 5, NULL},
		{"0", "0,5", "4", "hello", 5, "does not match"},
		{"0", "0,4", "9", "hello", 5, "does not match"},
		{"0", "0,6", "9", "hello", 5, "does not match"},
		{"0", "0,3,2,2", "9", "hello", 5, "broken sparse map"},
		{"0", "9223372036854775807,1", "9", "h", 1, "broken sparse"},
		{"0", "0,3,3,2", "9223372036854775807", "hello", 5, NULL},
		{"1", NULL, "9", "1\n2\n3\n", 515, NULL},
		{"1", NULL, "4", "1\n2\n3\n", 515, "does not match"},
		{"1", NULL, "9", "1\n2\n4\n", 515, "does not match"},
		{"1", NULL, "9", "1\n2\nx\n", 515, "broken sparse map"},
		{"1", NULL, "9", "\n", 515, "broken sparse map"},
		{"1", NULL, "9", "-1\n", 515, "broken sparse map"},
		{"1", NULL, "9", "99999999999999999999999\n", 515, "broken"},
		{"1", NULL, "9", "1\n2\n3\n", 100, "broken sparse map"},
		{"1", NULL, "9", "9999999\n0\n0\n", 515, "broken sparse map"},
		{"2", NULL, "9", "", 0, "sparse format 2.0"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		BUF b = AC_BUF_INIT(MAX);
		BUF r = AC_BUF_INIT(MAX);
		char data[1024] = "";

		mk_rec(&r, "GNU.sparse.major", t[i].major, 1);
		mk_rec(&r, "GNU.sparse.minor", "0", 1);
		mk_rec(&r, "GNU.sparse.name", "real", 4);
		mk_rec(&r, "GNU.sparse.realsize", t[i].real, strlen(t[i].real));
		if (t[i].map != NULL)
			mk_rec(&r, "GNU.sparse.map", t[i].map,
			       strlen(t[i].map));
		mk_ext(&b, 'x', r.p, r.len);
		memcpy(data, t[i].data, strlen(t[i].data));
		if (t[i].n == 515)
			memcpy(data + 512, "yes", 3);
		mk_head(&b, (struct mk){.name = "f", .n = t[i].n});
		mk_data(&b, data, t[i].n);
		mk_end(&b);
		if (t[i].says == NULL)
			read_as(&b,
				t[i].n == 515 ? "f 'real'yes\n"
					      : "f 'real'hello\n",
				(int)i);
		else
			refused_with(&b,
				     t[i].major[0] == '2' ? AC_E_UNSUPPORTED
							  : AC_E_INVALID,
				     t[i].says, (int)i);
	}
}

TEST(extended_headers)
{
	BUF b = AC_BUF_INIT(MAX);
	BUF big = AC_BUF_INIT(MAX);

	mk_pax(&b, 'x', "path", "one");
	mk_pax(&b, 'x', "path", "two");
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "two extended headers");

	ac_buf_reset(&b);
	mk_pax(&b, 'x', "path", "one");
	mk_ext(&b, 'L', "two", 4);
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "two extended headers");

	ac_buf_reset(&b);
	mk_ext(&b, 'L', "two", 4);
	mk_pax(&b, 'x', "path", "one");
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "two extended headers");

	/* An empty one is none; its header's numbers are numbers all the same.
	 */
	ac_buf_reset(&b);
	mk_ext(&b, 'L', "", 1);
	mk_head(&b, (struct mk){.name = "f"});
	READ_AS(&b, "f 'f'\n");
	memcpy(b.p + 136, "abc", 4);
	mk_sum(b.p, 0, 0);
	REFUSED(&b, "bad time");

	ac_buf_reset(&b);
	mk_pax(&b, 'x', "ctime", "soon");
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "broken pax record 'ctime'");

	ac_buf_reset(&b);
	mk_ext(&b, 'L', "one", 4);
	mk_ext(&b, 'L', "two", 4);
	REFUSED(&b, "two long names");

	ac_buf_reset(&b);
	mk_ext(&b, 'L', "a\0b", 4);
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "NUL in a name");

	ac_buf_reset(&b);
	mk_head(&b, (struct mk){.name = "f"});
	mk_pax(&b, 'x', "path", "lost");
	mk_end(&b);
	REFUSED(&b, "broken tar after 'f': the archive stops before an entry");

	ac_buf_reset(&b);
	mk_pax(&b, 'g', "path", "everybody");
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "broken pax record 'path'");

	ac_buf_reset(&b);
	mk_ext(&b, 'g', "99 x=y\n", 7);
	REFUSED(&b, "broken pax header");

	/* The size of the extended header is its own. */
	ac_buf_reset(&b);
	mk_pax(&b, 'x', "size", "5");
	mk_head(&b, (struct mk){.name = "f", .n = 512});
	mk_data(&b, "hello", 5);
	mk_head(&b, (struct mk){.name = "g"});
	READ_AS(&b, "f 'f'hello\nf 'g'\n");

	(void)ac_buf_room(&big, 5 << 20);
	memset(big.p, ' ', 5 << 20);
	ac_buf_reset(&b);
	mk_ext(&b, 'x', big.p, 5 << 20);
	refused_with(&b, AC_E_LIMIT, "extended header of 5242880", __LINE__);
	ac_buf_reset(&b);
	mk_head(&b,
		(struct mk){.name = "x", .type = 'x', .size = "77777777777"});
	refused_with(&b, AC_E_LIMIT, "extended header of", __LINE__);
}

TEST(limits)
{
	char value[1500];
	BUF b = AC_BUF_INIT(MAX);
	BUF r = AC_BUF_INIT(MAX);

	for (int i = 0; i < 101; i++)
		mk_head(&b, (struct mk){.name = "f"});
	refused_with(&b, AC_E_LIMIT, "more than 100 entries", __LINE__);
	ac_buf_reset(&b);
	for (int i = 0; i < 101; i++)
		mk_pax(&b, 'g', "comment", "x");
	refused_with(&b, AC_E_LIMIT, "more than 100 entries", __LINE__);

	memset(value, 'v', sizeof(value));
	ac_buf_reset(&b);
	mk_rec(&r, "SCHILY.xattr.user.a", value, 900);
	mk_rec(&r, "SCHILY.xattr.user.b", value, 900);
	mk_ext(&b, 'x', r.p, r.len);
	mk_head(&b, (struct mk){.name = "f"});
	READ_AS(&b, "f 'f'\n");
	ac_buf_reset(&b);
	mk_rec(&r, "SCHILY.xattr.user.c", value, 900);
	mk_ext(&b, 'x', r.p, r.len);
	mk_head(&b, (struct mk){.name = "f"});
	refused_with(&b, AC_E_LIMIT,
		     "more than 2000 bytes of extended attributes", __LINE__);
}

TEST(too_long)
{
	char name[5000];
	BUF b = AC_BUF_INIT(MAX);

	memset(name, 'n', sizeof(name));
	mk_ext(&b, 'L', name, 256);
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "name too long");
	for (size_t i = 100; i < sizeof(name); i += 100)
		name[i] = '/';
	ac_buf_reset(&b);
	mk_ext(&b, 'L', name, 4097);
	mk_head(&b, (struct mk){.name = "f"});
	REFUSED(&b, "name too long");
	ac_buf_reset(&b);
	mk_ext(&b, 'K', name, 4097);
	mk_head(&b, (struct mk){.name = "f", .type = '2'});
	REFUSED(&b, "target of the link is too long");
}

TEST(truncated_anywhere)
{
	BUF b = AC_BUF_INIT(MAX);
	static const char content[600] = "content";
	size_t whole[3] = {0};

	mk_pax(&b, 'x', "path", "long");
	mk_head(&b, (struct mk){.name = "f", .n = 600});
	mk_data(&b, content, 600);
	whole[1] = b.len;
	mk_ext(&b, 'L', "name", 5);
	mk_head(&b, (struct mk){.name = "g"});
	whole[2] = b.len;
	for (size_t n = whole[2]; n > 0; n--) {
		BUF lines = AC_BUF_INIT(MAX);
		int ret;
		/* Missing padding and a missing end mark are no loss. */
		bool complete =
			n == whole[2] || (n <= whole[1] && n >= whole[1] - 424);

		b.len = n;
		ret = read_all(&b, 1000, &lines);
		if ((ret == 0) != complete)
			fprintf(stderr, "# %zu: %d\n", n, ret);
		CHECK((ret == 0) == complete);
		CHECK(ret == 0 || err.code == AC_E_INVALID);
	}
}

TEST(not_a_tar)
{
	BUF b = AC_BUF_INIT(MAX);

	for (int i = 0; i < 100; i++)
		ac_buf_adds(&b, "#!/bin/sh\necho hello\n");
	REFUSED(&b, "not a tar archive");
	b.len = 100;
	REFUSED(&b, "not a tar archive");
}

TEST(ends)
{
	BUF b = AC_BUF_INIT(MAX);
	size_t n;

	READ_AS(&b, "");
	mk_end(&b);
	READ_AS(&b, "");
	ac_buf_reset(&b);
	mk_head(&b, (struct mk){.name = "f"});
	READ_AS(&b, "f 'f'\n");
	n = b.len;
	mk_end(&b);
	b.len = n + 512;
	READ_AS(&b, "f 'f'\n");
	b.len = n + 1024;
	ac_buf_adds(&b, "trailing garbage belongs to the digest");
	READ_AS(&b, "f 'f'\n");
	/* Some stop at the first zero block, some go on. */
	b.len = n + 512;
	mk_head(&b, (struct mk){.name = "g"});
	REFUSED(&b, "single zero block");
}

TEST(put_up_with)
{
	static const struct {
		struct mk m;
		const char *line;
	} t[] = {
		{{.name = "./a//./b"}, "f 'a/b'\n"},
		{{.name = "./", .type = '5'}, "d ''\n"},
		{{.name = "/", .type = '5'}, "d ''\n"},
		{{.name = "d/", .type = '5'}, "d 'd'\n"},
		{{.name = "d/", .type = '5', .n = 77}, "d 'd'\n"},
		{{.name = "c", .type = '7'}, "f 'c'\n"},
		{{.name = "h", .type = '1', .link = "/bin/x", .n = 512},
		 "h 'h' -> 'bin/x'\n"},
		{{.name = "h", .type = '1', .link = "./bin//x"},
		 "h 'h' -> 'bin/x'\n"},
		{{.name = "s", .type = '2', .link = "/bin/../x//"},
		 "l 's' -> '/bin/../x//'\n"},
		{{.name = "f", .prefix = "some/where"}, "f 'some/where/f'\n"},
		{{.name = "f", .prefix = "times", .magic = "ustar  "},
		 "f 'f'\n"},
		{{.name = "f", .prefix = "junk", .magic = ""}, "f 'f'\n"},
		{{.name = "f", .mode = "  644 ", .uid = "", .mtime = ""},
		 "f 'f'\n"},
		{{.name = "a\xff"
			  "b"},
		 "f 'a\xff"
		 "b'\n"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		BUF b = AC_BUF_INIT(MAX);

		mk_head(&b, t[i].m);
		mk_end(&b);
		read_as(&b, t[i].line, (int)i);
	}
}

TEST(put_up_with_more)
{
	BUF b = AC_BUF_INIT(MAX);
	BUF r = AC_BUF_INIT(MAX);

	/* Before types: NUL is a file, or a directory by its name. */
	mk_head(&b, (struct mk){.name = "old", .magic = "", .n = 2});
	b.p[156] = '\0';
	mk_sum(b.p, 0, 0);
	mk_data(&b, "hi", 2);
	mk_head(&b, (struct mk){.name = "old/", .magic = ""});
	b.p[1024 + 156] = '\0';
	mk_sum(b.p + 1024, 0, 0);
	READ_AS(&b, "f 'old'hi\nd 'old'\n");

	/* A sum of signed bytes. */
	ac_buf_reset(&b);
	mk_head(&b, (struct mk){.name = "\xc3\xa9"});
	mk_sum(b.p, 0, 1);
	READ_AS(&b, "f '\xc3\xa9'\n");

	/* Global headers are not applied; an empty value is none; what
	 * nobody knows is ignored; of two the last counts. */
	ac_buf_reset(&b);
	mk_pax(&b, 'g', "comment", "0123456789abcdef");
	mk_rec(&r, "path", "", 0);
	mk_rec(&r, "VENDOR.key", "\0\xff", 2);
	mk_rec(&r, "size", "1", 1);
	mk_rec(&r, "size", "2", 1);
	mk_ext(&b, 'x', r.p, r.len);
	mk_head(&b, (struct mk){.name = "f"});
	mk_data(&b, "ok", 2);
	mk_head(&b, (struct mk){.name = "next", .n = 3});
	mk_data(&b, "yes", 3);
	READ_AS(&b, "f 'f'ok\nf 'next'yes\n");

	/* GNU's long names. */
	ac_buf_reset(&b);
	mk_ext(&b, 'K', "long target", 12);
	mk_ext(&b, 'L', "long/name\xff", 10);
	mk_head(&b, (struct mk){.name = "n", .type = '2', .link = "t"});
	mk_head(&b, (struct mk){.name = "n"});
	READ_AS(&b, "l 'long/name\xff' -> 'long target'\nf 'n'\n");
}

/* star's header has two times where others have the end of the prefix. */
TEST(star)
{
	BUF b = AC_BUF_INIT(MAX);

	mk_head(&b, (struct mk){.name = "f"});
	memset(b.p + 345, 'p', 131);
	memcpy(b.p + 476, "00000001750 00000001750 ", 24);
	memcpy(b.p + 508, "tar", 4);
	mk_sum(b.p, 0, 0);
	READ_AS(&b,
		"f 'ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
		"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
		"pppppppppp/f'\n");
}
