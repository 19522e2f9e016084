/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "actool/cat.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"

const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_PASSPHRASE(struct cat_opts, passphrase_fd),
	AC_OPT_END,
};

int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct cat_opts *o = c->opts;
	const char *file = c->argv[0];
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4 * AC_ACI_MAX_MANIFEST);
	AC_FREE char *text = NULL;
	size_t len;

	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	f = ac_aci_file_open(file, &secret, err);
	if (f == NULL)
		return -1;
	if (ac_aci_file_manifest(f, &text, &len, err) < 0 ||
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
