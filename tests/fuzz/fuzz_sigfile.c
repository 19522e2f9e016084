/* SPDX-License-Identifier: Apache-2.0 */
/* Files with OpenPGP signatures: what is read from one is read again from our
 * own armour of it. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/pgp_sigfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct ac_buf *bytes,
		       const struct ac_pgp_sigfile *f)
{
	struct ac_buf text = AC_BUF_INIT(2 * bytes->len + 1000);
	struct ac_buf back = AC_BUF_INIT(bytes->len);
	struct ac_pgp_sigfile again;
	struct ac_err err = AC_ERR_INIT;

	ac_pgp_armour(ac_buf_str(bytes), bytes->len, &text);
	if (ac_pgp_dearmour(ac_buf_str(&text), text.len, &back, &err) < 0 ||
	    back.len != bytes->len || memcmp(back.p, bytes->p, back.len) != 0 ||
	    ac_pgp_sigfile_read(back.p, back.len, &again, &err) < 0 ||
	    again.n != f->n)
		abort();
	ac_buf_release(&text);
	ac_buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_buf bytes = AC_BUF_INIT(size);
	struct ac_pgp_sigfile f;
	struct ac_err err = AC_ERR_INIT;
	size_t total = 0;

	if (ac_pgp_dearmour(size != 0 ? (const char *)data : "", size, &bytes,
			    &err) == 0 &&
	    ac_pgp_sigfile_read(ac_buf_str(&bytes), bytes.len, &f, &err) == 0) {
		for (size_t i = 0; i < f.n; i++)
			total += f.v[i].len;
		if (f.n == 0 || total > bytes.len)
			abort();
		round_trip(&bytes, &f);
	}
	ac_buf_release(&bytes);
	return 0;
}
