/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_in.h"

bool ac_pgp_take_number(struct ac_pgp_in *in, size_t n, size_t *out)
{
	size_t v = 0;

	if (in->len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | in->p[i];
	in->p += n;
	in->len -= n;
	*out = v;
	return true;
}

bool ac_pgp_take(struct ac_pgp_in *in, size_t n, struct ac_pgp_in *out)
{
	if (in->len < n)
		return false;
	*out = (struct ac_pgp_in){in->p, n};
	in->p += n;
	in->len -= n;
	return true;
}

bool ac_pgp_take_length(struct ac_pgp_in *in, bool packet, size_t *out)
{
	size_t first;
	size_t second;

	if (!ac_pgp_take_number(in, 1, &first))
		return false;
	if (first == 255)
		return ac_pgp_take_number(in, 4, out);
	if (first >= 224 && packet)
		return false;
	*out = first;
	if (first < 192)
		return true;
	if (!ac_pgp_take_number(in, 1, &second))
		return false;
	*out = ((first - 192) << 8) + second + 192;
	return true;
}

bool ac_pgp_take_packet(struct ac_pgp_in *in, unsigned int *tag,
			struct ac_pgp_in *body)
{
	static const size_t sizes[] = {1, 2, 4};
	size_t head;
	size_t len;

	if (!ac_pgp_take_number(in, 1, &head) || (head & 0x80) == 0)
		return false;
	if ((head & 0x40) != 0) {
		*tag = head & 0x3f;
		return ac_pgp_take_length(in, true, &len) &&
		       ac_pgp_take(in, len, body);
	}
	*tag = head >> 2 & 0xf;
	return (head & 3) != 3 &&
	       ac_pgp_take_number(in, sizes[head & 3], &len) &&
	       ac_pgp_take(in, len, body);
}
