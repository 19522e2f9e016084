/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_INIT_SYS_H
#define RUN_INIT_SYS_H

/*
 * System calls, and the few functions a compiler expects to find.  The init is
 * linked with nothing: it is about 20 KiB, starts without a dynamic linker or
 * C library set-up, and holds no code that an app could use against it.  The C
 * library's headers are used for constants and structures alone.
 *
 * Every sys_* returns the kernel's answer: negative is -errno.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* One system call; the number of arguments does not matter to the kernel. */
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "the init knows x86-64 and aarch64"
#endif
}

/* Pointers and integers of any width as arguments. */
#define SYS_ARG(x) ((long)(uintptr_t)(x))

#define SYS1(n, a)       sys6((n), (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b)    sys6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) sys6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) \
	sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) \
	sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS6(n, a, b, c, d, e, f)                                        \
	sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
	     (long)(f))

/* What gcc and clang call by themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* Text. */
int str_eq(const char *a, const char *b);
/* Copy S to BUF of SIZE bytes, cut short when needed, always terminated; at
 * offset AT.  Returns the new length. */
size_t str_add(char *buf, size_t size, size_t at, const char *s);
/* The same for a decimal number. */
size_t str_num(char *buf, size_t size, size_t at, uint64_t v);
/* All of S is a decimal number of at most MAX: 1 and *out, else 0. */
int str_dec(const char *s, size_t len, uint64_t max, uint64_t *out);

#endif
