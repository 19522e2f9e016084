/* Key files: what is read can be written, and read again as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/pgp_keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(const struct ac_pgp_blocks *b, struct ac_buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		ac_pgp_block_write(&b->v[i], out);
		for (size_t k = 0; k < b->v[i].n; k++)
			(void)ac_pgp_block_signs(&b->v[i], k);
		if (ac_pgp_blocks_find(b, b->v[i].v[0].fingerprint, NULL) ==
		    NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_pgp_blocks b = AC_PGP_BLOCKS_INIT;
	struct ac_pgp_blocks again = AC_PGP_BLOCKS_INIT;
	struct ac_buf first = AC_BUF_INIT(SIZE_MAX);
	struct ac_buf second = AC_BUF_INIT(SIZE_MAX);
	struct ac_err err = AC_ERR_INIT;

	if (size != 0 && ac_pgp_blocks_add(&b, data, size, "fuzz", &err) == 0) {
		write_all(&b, &first);
		if (ac_pgp_blocks_add(&again, ac_buf_str(&first), first.len,
				      "fuzz", &err) < 0)
			abort();
		write_all(&again, &second);
		if (first.len != second.len ||
		    memcmp(first.p, second.p, first.len) != 0)
			abort();
	}
	ac_buf_release(&first);
	ac_buf_release(&second);
	ac_pgp_blocks_release(&b);
	ac_pgp_blocks_release(&again);
	return 0;
}
