/* The whole way of an image file: compression, tar, the rules of entries, the
 * manifest.  Who only checks accepts what the others accept, as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct ac_buf manifest;
	size_t entries, warnings;
	uint64_t bytes;
};

static void release(struct seen *s)
{
	ac_buf_release(&s->manifest);
}

static int on_manifest(void *ctx, const char *text, size_t len,
		       struct ac_err *err)
{
	struct seen *s = ctx;

	(void)err;
	ac_buf_add(&s->manifest, text, len);
	return 0;
}

static int on_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	struct seen *s = ctx;

	(void)err;
	if (e->path == NULL || e->path[0] == '/')
		abort();
	s->entries++;
	return 0;
}

static int on_data(void *ctx, const void *p, size_t n, uint64_t off,
		   struct ac_err *err)
{
	struct seen *s = ctx;

	(void)p;
	(void)off;
	(void)err;
	s->bytes += n;
	return 0;
}

static void on_warning(void *ctx, const struct ac_err *why)
{
	struct seen *s = ctx;

	if (why->msg[0] == '\0')
		abort();
	s->warnings++;
}

static int read_image(int fd, bool check, struct seen *s, struct ac_digest *id)
{
	struct ac_aci_events ev = {.manifest = on_manifest,
				   .entry = on_entry,
				   .data = on_data,
				   .warn = check ? on_warning : NULL,
				   .ctx = s};
	struct ac_err err = AC_ERR_INIT;
	int ret = ac_aci_read_fd(fd, "fuzz", &ev, id, NULL, &err);

	if (ret < 0 && (err.code == AC_OK || err.msg[0] == '\0'))
		abort();
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_CLEANUP(release)
	struct seen s = {.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST)};
	AC_CLEANUP(release)
	struct seen c = {.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST)};
	AC_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct ac_findings f = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct ac_digest id;
	struct ac_digest id_checked;
	int strict;
	int lax;

	if (fd < 0 || (size != 0 && write(fd, data, size) != (ssize_t)size))
		abort();
	strict = read_image(fd, false, &s, &id);
	lax = read_image(fd, true, &c, &id_checked);
	if (strict == 0 && lax == 0 &&
	    (c.warnings != 0 || s.entries != c.entries || s.bytes != c.bytes ||
	     !ac_digest_equal(&id, &id_checked)))
		abort();
	if (lax == 0 && ac_image_parse(&m, ac_buf_str(&c.manifest),
				       c.manifest.len, &f, &err) == 0)
		ac_image_release(&m);
	ac_findings_release(&f);
	return 0;
}
