/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/err.h"
#include "common/image/name.h"

/* The specification's table of systems and their architectures. */
static const struct {
	const char *os;
	const char *const archs[11];
	const char *listed;
} known[] = {
	{"linux",
	 {"amd64", "i386", "aarch64", "aarch64_be", "armv6l", "armv7l",
	  "armv7b", "ppc64", "ppc64le", "s390x", NULL},
	 "amd64 i386 aarch64 aarch64_be armv6l armv7l armv7b ppc64 ppc64le "
	 "s390x"},
	{"freebsd", {"amd64", "i386", "arm", NULL}, "amd64 i386 arm"},
	{"darwin", {"x86_64", "i386", NULL}, "x86_64 i386"},
};

int ac_os_arch_known(const char *os, const char *arch, struct ac_err *err)
{
	if (os == NULL)
		return 1;
	for (size_t i = 0; i < AC_LEN(known); i++) {
		if (strcmp(known[i].os, os) != 0)
			continue;
		if (arch == NULL)
			return 1;
		for (const char *const *a = known[i].archs; *a != NULL; a++)
			if (strcmp(*a, arch) == 0)
				return 1;
		(void)ac_err_set(err, AC_E_INVALID,
				 "bad arch \"%s\" for %s (must be one of: "
				 "[%s])",
				 arch, os, known[i].listed);
		return 0;
	}
	(void)ac_err_set(err, AC_E_INVALID,
			 "bad os \"%s\" (must be one of: [darwin freebsd "
			 "linux])",
			 os);
	return 0;
}

/* Go's spellings beside those of appc.  Of several rows for one side the
 * first is the answer. */
static const struct {
	const char *os, *go, *variant, *appc;
} archs[] = {
	{"linux", "amd64", "", "amd64"},     {"linux", "386", "", "i386"},
	{"linux", "arm64", "", "aarch64"},   {"linux", "arm64", "8", "aarch64"},
	{"linux", "arm", "6", "armv6l"},     {"linux", "arm", "", "armv6l"},
	{"linux", "arm", "7", "armv7l"},     {"linux", "ppc64", "", "ppc64"},
	{"linux", "ppc64le", "", "ppc64le"}, {"linux", "s390x", "", "s390x"},
	{"freebsd", "amd64", "", "amd64"},   {"freebsd", "386", "", "i386"},
	{"freebsd", "arm", "", "arm"},       {"freebsd", "arm", "5", "arm"},
	{"freebsd", "arm", "6", "arm"},      {"freebsd", "arm", "7", "arm"},
	{"darwin", "amd64", "", "x86_64"},   {"darwin", "386", "", "i386"},
};

const char *ac_arch_from_go(const char *os, const char *arch,
			    const char *variant)
{
	const char *v = variant != NULL ? variant : "";

	if (*v == 'v')
		v++;
	/* amd64 has micro-architecture levels: appc cannot say them. */
	if (strcmp(arch, "amd64") == 0)
		v = "";
	for (size_t i = 0; i < AC_LEN(archs); i++)
		if (strcmp(archs[i].os, os) == 0 &&
		    strcmp(archs[i].go, arch) == 0 &&
		    strcmp(archs[i].variant, v) == 0)
			return archs[i].appc;
	return NULL;
}

const char *ac_arch_to_go(const char *arch, const char **variant)
{
	const char *dummy;
	const char **v = variant != NULL ? variant : &dummy;

	*v = NULL;
	for (size_t i = 0; i < AC_LEN(archs); i++) {
		if (strcmp(archs[i].appc, arch) != 0)
			continue;
		if (strcmp(arch, "armv6l") == 0)
			*v = "v6";
		else if (strcmp(arch, "armv7l") == 0)
			*v = "v7";
		return archs[i].go;
	}
	return NULL;
}

const char *ac_host_os(void)
{
	return "linux";
}

/* What this program was compiled for is what the machine runs. */
#if defined(__x86_64__)
#define GO_ARCH   "amd64"
#define APPC_ARCH "amd64"
#elif defined(__i386__)
#define GO_ARCH   "386"
#define APPC_ARCH "i386"
#elif defined(__aarch64__) && defined(__AARCH64EB__)
#define GO_ARCH   "arm64_be"
#define APPC_ARCH "aarch64_be"
#elif defined(__aarch64__)
#define GO_ARCH   "arm64"
#define APPC_ARCH "aarch64"
#elif defined(__arm__) && defined(__ARMEB__)
#define GO_ARCH   "armbe"
#define APPC_ARCH "armv7b"
#elif defined(__arm__) && __ARM_ARCH >= 7
#define GO_ARCH   "arm"
#define APPC_ARCH "armv7l"
#elif defined(__arm__)
#define GO_ARCH   "arm"
#define APPC_ARCH "armv6l"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define GO_ARCH   "ppc64le"
#define APPC_ARCH "ppc64le"
#elif defined(__powerpc64__)
#define GO_ARCH   "ppc64"
#define APPC_ARCH "ppc64"
#elif defined(__s390x__)
#define GO_ARCH   "s390x"
#define APPC_ARCH "s390x"
#elif defined(__riscv) && __riscv_xlen == 64
#define GO_ARCH   "riscv64"
#define APPC_ARCH "riscv64"
#elif defined(__loongarch64)
#define GO_ARCH   "loong64"
#define APPC_ARCH "loong64"
#else
#error "which architecture is this? add it here"
#endif

const char *ac_host_arch(void)
{
	return APPC_ARCH;
}

const char *ac_host_go_arch(void)
{
	return GO_ARCH;
}

const char *ac_host_go_variant(void)
{
#if defined(__arm__) && __ARM_ARCH >= 7
	return "v7";
#elif defined(__arm__)
	return "v6";
#else
	return NULL;
#endif
}
