#ifndef AC_TESTS_MKTAR_H
#define AC_TESTS_MKTAR_H

/* tar archives made by hand, right and wrong, for the tests of the reader. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"

/* One header; what is not said is what an ordinary file has. */
struct mk {
	const char *name, *link, *prefix;
	const char *magic; /* 8 bytes; NULL: POSIX; "": none (v7) */
	const char *mode, *uid, *size, *mtime; /* fields as text */
	char type;                             /* 0: '0' */
	int sum;                               /* added to the right one */
	uint64_t n;                            /* size, when `size` is NULL */
};

static inline void mk_field(char *to, size_t n, const char *text)
{
	memcpy(to, text, strnlen(text, n));
}

static inline void mk_sum(char h[512], int more, int is_signed)
{
	unsigned int sum = 0;
	char text[16];

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += is_signed ? (unsigned int)h[i]
				 : (unsigned int)(unsigned char)h[i];
	(void)snprintf(text, sizeof(text), "%06o", sum + (unsigned int)more);
	memcpy(h + 148, text, 7);
}

static inline void mk_head(struct ac_buf *b, struct mk m)
{
	char h[512] = "";
	char size[16];

	(void)snprintf(size, sizeof(size), "%011jo", (uintmax_t)m.n);
	mk_field(h, 100, m.name != NULL ? m.name : "");
	mk_field(h + 100, 8, m.mode != NULL ? m.mode : "0000644");
	mk_field(h + 108, 8, m.uid != NULL ? m.uid : "0001750");
	mk_field(h + 116, 8, "0001750");
	mk_field(h + 124, 12, m.size != NULL ? m.size : size);
	mk_field(h + 136, 12, m.mtime != NULL ? m.mtime : "00000001750");
	h[156] = m.type != 0 ? m.type : '0';
	mk_field(h + 157, 100, m.link != NULL ? m.link : "");
	memcpy(h + 257,
	       m.magic == NULL      ? "ustar\00000"
	       : m.magic[0] == '\0' ? "\0\0\0\0\0\0\0"
				    : m.magic,
	       8);
	mk_field(h + 329, 8, "0000001");
	mk_field(h + 337, 8, "0000003");
	mk_field(h + 345, 155, m.prefix != NULL ? m.prefix : "");
	mk_sum(h, m.sum, 0);
	ac_buf_add(b, h, sizeof(h));
}

static inline void mk_data(struct ac_buf *b, const void *p, size_t n)
{
	static const char zeros[512];

	ac_buf_add(b, p, n);
	ac_buf_add(b, zeros, (512 - n % 512) % 512);
}

/* A header of TYPE with a body: 'x', 'g', 'L', 'K'. */
static inline void mk_ext(struct ac_buf *b, char type, const void *p, size_t n)
{
	struct mk m = {.name = "ext", .type = type, .n = n};

	if (type == 'L' || type == 'K')
		m.magic = "ustar  ";
	mk_head(b, m);
	mk_data(b, p, n);
}

/* "LEN KEY=VALUE\n", the length counting itself (at most 998 bytes). */
static inline void mk_rec(struct ac_buf *b, const char *key, const void *value,
			  size_t n)
{
	size_t len = strlen(key) + n + 3;

	len += len < 9 ? 1 : len < 98 ? 2 : 3;
	ac_buf_addf(b, "%zu %s=", len, key);
	ac_buf_add(b, value, n);
	ac_buf_addc(b, '\n');
}

/* A pax header with one record. */
static inline void mk_pax(struct ac_buf *b, char type, const char *key,
			  const char *value)
{
	struct ac_buf r = AC_BUF_INIT(1 << 20);

	mk_rec(&r, key, value, strlen(value));
	mk_ext(b, type, r.p, r.len);
	ac_buf_release(&r);
}

static inline void mk_end(struct ac_buf *b)
{
	static const char zeros[1024];

	ac_buf_add(b, zeros, sizeof(zeros));
}

#endif
