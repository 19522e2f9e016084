/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"

int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct cat_opts *o = c->opts;
	const char *file = c->argv[0];
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4 * AC_ACI_MAX_MANIFEST);
	AC_FREE char *text = NULL;
	size_t len;

	if (fd < 0)
		return ac_err_sys(err, errno, "Cannot open '%s'", file);
	if (ac_aci_manifest_fd(fd, file, &text, &len, err) < 0 ||
	    ac_image_parse(&m, text, len, NULL, err) < 0)
		return ac_err_ctx(err, "Unable to read %s", file);
	if (o->pretty)
		ac_json_write(m.doc, 4, true, &b);
	else
		ac_buf_add(&b, text, len);
	if (ac_buf_check(&b, "the manifest", err) < 0)
		return -1;
	(void)fwrite(ac_buf_str(&b), 1, b.len, stdout);
	(void)putchar('\n');
	return 0;
}

static int print_id(const char *file, bool name, struct ac_err *err)
{
	AC_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	char text[AC_DIGEST_TEXT];
	struct ac_aci_events none = {.ctx = NULL};
	struct ac_digest id;

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", file);
	if (ac_aci_read_fd(fd, file, &none, &id, NULL, err) < 0)
		return -1;
	ac_digest_print(&id, '-', text);
	printf("%s%s%s\n", text, name ? "  " : "", name ? file : "");
	return 0;
}

int run_id(struct ac_call *c, struct ac_err *err)
{
	int code = 0;

	if (c->argc == 1)
		return print_id(c->argv[0], false, err);
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (print_id(c->argv[i], true, &one) < 0)
			code = tell_file(c->argv[i], &one);
	}
	return code;
}
