/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/message.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/interrupt.h"

enum { CHUNK = 256 << 10 };

int ac_message_file(struct ac_message *m, int fd, const char *what,
		    struct ac_err *err)
{
	*m = (struct ac_message){.fd = fd, .what = what};
	if (ac_stamp_take(&m->before, fd, what, err) < 0)
		return -1;
	if (!S_ISREG(m->before.st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a regular file", what);
	return 0;
}

void ac_message_bytes(struct ac_message *m, const void *p, size_t len)
{
	*m = (struct ac_message){.fd = -1, .p = p, .len = len};
}

static int changed(const struct ac_message *m, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' changed while it was being read", m->what);
}

int ac_message_each(struct ac_message *m,
		    void (*add)(void *ctx, const void *p, size_t n), void *ctx,
		    struct ac_err *err)
{
	AC_FREE uint8_t *chunk = NULL;
	off_t at = 0;

	if (m->fd < 0) {
		add(ctx, m->p, m->len);
		return 0;
	}
	chunk = ac_xmalloc(CHUNK);
	(void)posix_fadvise(m->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		ssize_t n = pread(m->fd, chunk, CHUNK, at);

		if (ac_interrupt_check(err) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", m->what);
		if (n == 0)
			break;
		add(ctx, chunk, (size_t)n);
		at += n;
		/* A file that grows for ever would be read for ever. */
		if (at > m->before.st.st_size)
			return changed(m, err);
	}
	return at == m->before.st.st_size ? 0 : changed(m, err);
}

static void add_hash(void *ctx, const void *p, size_t n)
{
	ac_hash_add(ctx, p, n);
}

int ac_message_digest(struct ac_message *m, enum ac_alg alg,
		      struct ac_digest *out, struct ac_err *err)
{
	if (!m->have[alg]) {
		struct ac_hash *h = ac_hash_new(alg);
		int r = ac_message_each(m, add_hash, h, err);

		ac_hash_final(h, &m->digest[alg]);
		ac_hash_free(h);
		if (r < 0)
			return -1;
		m->have[alg] = true;
	}
	*out = m->digest[alg];
	return 0;
}

int ac_message_unchanged(const struct ac_message *m, struct ac_err *err)
{
	if (m->fd < 0)
		return 0;
	return ac_stamp_check(&m->before, m->fd, m->what, err);
}
