/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "run/sandbox/engine.h"

/* build/run/acinit: run/build.mk says where it is. */
#ifndef AC_INIT_FILE
#define AC_INIT_FILE "/dev/null" /* for tools that only read this file */
#endif

__asm__(".section .rodata\n"
	".balign 16\n"
	"init_blob_start:\n"
	".incbin \"" AC_INIT_FILE "\"\n"
	"init_blob_end:\n"
	".previous\n");

extern const char init_blob_start[];
extern const char init_blob_end[];

const void *init_blob(size_t *len)
{
	*len = (size_t)(init_blob_end - init_blob_start);
	return init_blob_start;
}
