/* SPDX-License-Identifier: Apache-2.0 */

/*
 * generate manifests|archives SEED N DIR [FIRST]
 *
 * Writes DIR/SEED-I.json or DIR/SEED-I.aci for each I of FIRST (0) to
 * FIRST + N - 1: the same bytes for the same SEED and I, always.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/io.h"
#include "tests/differ/archive.h"
#include "tests/differ/manifest.h"

struct kind {
	const char *name;
	const char *suffix;
	void (*make)(struct rng *r, struct ac_buf *out);
};

static const struct kind kinds[] = {
	{"manifests", "json", manifest_make},
	{"archives", "aci", archive_make},
};

static int write_one(const struct kind *k, uint64_t seed, uint64_t i,
		     const char *dir, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 20);
	AC_CLEANUP(ac_buf_release) struct ac_buf path = AC_BUF_INIT(1 << 16);
	AC_CLOSE int fd = -1;
	struct rng r = rng_of(seed, i);

	k->make(&r, &b);
	ac_buf_addf(&path, "%s/%llu-%llu.%s", dir, (unsigned long long)seed,
		    (unsigned long long)i, k->suffix);
	fd = open(ac_buf_str(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0666);
	if (fd < 0)
		return ac_err_sys(err, errno, "%s", ac_buf_str(&path));
	return ac_io_write(fd, ac_buf_str(&b), b.len, ac_buf_str(&path), err);
}

static int generate(char **argv, int argc, struct ac_err *err)
{
	uint64_t seed;
	uint64_t n;
	uint64_t first = 0;

	if (argc < 5 || ac_num_u64(ac_str(argv[2]), &seed) < 0 ||
	    ac_num_u64(ac_str(argv[3]), &n) < 0 ||
	    (argc > 5 && ac_num_u64(ac_str(argv[5]), &first) < 0))
		return ac_err_set(err, AC_E_USAGE,
				  "generate manifests|archives SEED N DIR "
				  "[FIRST]");
	for (size_t k = 0; k < AC_LEN(kinds); k++) {
		if (strcmp(argv[1], kinds[k].name) != 0)
			continue;
		for (uint64_t i = first; i < first + n; i++)
			if (write_one(&kinds[k], seed, i, argv[4], err) < 0)
				return -1;
		return 0;
	}
	return ac_err_set(err, AC_E_USAGE, "'%s' is not manifests or archives",
			  argv[1]);
}

int main(int argc, char **argv)
{
	struct ac_err err = AC_ERR_INIT;

	if (generate(argv, argc, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}
