/* Pod manifests.  What was read and written reads the same. */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name in it is a name, and every list is as long as it says. */
static void check(const struct ac_pod *p)
{
	for (size_t i = 0; i < p->n_apps; i++) {
		if (p->apps[i].name == NULL)
			abort();
		for (size_t k = 0; k < p->apps[i].n_mounts; k++)
			if (p->apps[i].mounts[k].volume == NULL ||
			    p->apps[i].mounts[k].path == NULL)
				abort();
	}
	for (size_t i = 0; i < p->n_volumes; i++)
		if (p->volumes[i].name == NULL ||
		    p->volumes[i].host != (p->volumes[i].source != NULL))
			abort();
	for (size_t i = 0; i < p->n_ports; i++)
		if (p->ports[i].name == NULL || p->ports[i].host_port > 65535)
			abort();
	for (size_t i = 0; i < p->n_isolators; i++)
		if (p->isolators[i].name == NULL)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 20);
	struct ac_findings f = {.v = NULL};
	struct ac_findings g = {.v = NULL};
	struct ac_pod p = AC_POD_INIT;
	struct ac_err err = AC_ERR_INIT;

	if (ac_pod_parse(&p, (const char *)data, size, &f, &err) < 0) {
		if (err.code == AC_OK || err.msg[0] == '\0')
			abort();
		ac_findings_release(&f);
		return 0;
	}
	check(&p);
	ac_json_write(p.doc, 0, false, &b);
	ac_pod_release(&p);
	if (ac_pod_parse(&p, ac_buf_str(&b), b.len, &g, &err) < 0 || g.n != f.n)
		abort();
	check(&p);
	ac_pod_release(&p);
	ac_findings_release(&f);
	ac_findings_release(&g);
	return 0;
}
