/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/sandbox/engine.h"

/* One write a line, so that lines of two apps do not mix.  A reader that is
 * gone is the app's problem no more than ours: what cannot be written is
 * dropped. */
static void line(const struct sb_out *out, const char *name, const char *p,
		 size_t n)
{
	struct iovec v[4] = {
		{(void *)(uintptr_t)name, strlen(name)},
		{(void *)(uintptr_t) ": ", 2},
		{(void *)(uintptr_t)p, n},
		{(void *)(uintptr_t) "\n", 1},
	};
	size_t first = 0;

	while (first < AC_LEN(v)) {
		ssize_t r =
			writev(out->to, v + first, (int)(AC_LEN(v) - first));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return;
		while (first < AC_LEN(v) && (size_t)r >= v[first].iov_len)
			r -= (ssize_t)v[first++].iov_len;
		if (first < AC_LEN(v)) {
			v[first].iov_base = (char *)v[first].iov_base + r;
			v[first].iov_len -= (size_t)r;
		}
	}
}

bool out_copy(struct sb_out *out, const char *name)
{
	ssize_t r = read(out->fd, out->line + out->len,
			 sizeof(out->line) - out->len);
	const char *at = out->line;
	const char *end;

	if (r < 0)
		return errno == EINTR || errno == EAGAIN;
	out->len += (size_t)r;
	end = out->line + out->len;
	for (;;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		if (nl == NULL)
			break;
		line(out, name, at, (size_t)(nl - at));
		at = nl + 1;
	}
	/* A line longer than the buffer is cut; the end of the file ends
	 * one. */
	if (at != end &&
	    (r == 0 || (at == out->line && out->len == sizeof(out->line)))) {
		line(out, name, at, (size_t)(end - at));
		at = end;
	}
	out->len = (size_t)(end - at);
	memmove(out->line, at, out->len);
	return r != 0;
}
