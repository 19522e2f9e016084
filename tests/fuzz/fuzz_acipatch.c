/* Another manifest for an image: cut out and copied, or unpacked and packed
 * again, the tar is the same, and the manifest is the new one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci.h"
#include "common/image/acipatch.h"

enum { MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (n != 0 && write(fd, p, n) != (ssize_t)n) ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

/* All of FD, unpacked. */
static void unpack(int fd, struct ac_buf *out)
{
	static const struct ac_unzip_limits limits = {.max_out = MAX};
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *u = NULL;
	const void *p;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	u = ac_unzipfd_new(fd, "fuzz", &limits);
	while ((n = ac_unzipfd_source(u, &p, &err)) > 0)
		ac_buf_add(out, p, (size_t)n);
	if (n < 0)
		abort();
}

static void check_manifest(int fd, const char *want, size_t len)
{
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *text = NULL;
	size_t n;

	if (ac_aci_manifest_fd(fd, "fuzz", &text, &n, &err) < 0 || n != len ||
	    memcmp(text, want, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ac_aci_patch_zip none = {.format = AC_ZIP_NONE};
	char text[700];
	size_t len = size != 0 ? data[0] * 2 : 0;
	AC_CLOSE int in =
		size != 0 ? file_of(data + 1, size - 1) : file_of("", 0);
	AC_CLOSE int same = file_of("", 0);
	AC_CLOSE int plain = file_of("", 0);
	AC_CLEANUP(ac_buf_release) struct ac_buf a = AC_BUF_INIT(MAX);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX);
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_aci_patch_freep)
	struct ac_aci_patch *p = ac_aci_patch_open(in, "fuzz", &err);
	int r;

	if (p == NULL)
		return 0;
	memset(text, 'x', sizeof(text));
	r = ac_aci_patch_write(p, text, len, NULL, same, &err);
	if (r == 0)
		check_manifest(same, text, len);
	if (ac_aci_patch_write(p, text, len, &none, plain, &err) < 0)
		return 0;
	check_manifest(plain, text, len);
	if (r < 0 && ac_aci_patch_format(p) != AC_ZIP_ZSTD)
		abort();
	if (r < 0)
		return 0;
	unpack(same, &a);
	unpack(plain, &b);
	if (a.len != b.len || a.overflow || b.overflow ||
	    memcmp(ac_buf_str(&a), ac_buf_str(&b), a.len) != 0)
		abort();
	return 0;
}
