/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of the configuration: which files count, and what for. */
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/store/config.h"
#include "tests/unit/scratch.h"

#define PATHS(data) \
	"{\"rktKind\":\"paths\",\"rktVersion\":\"v1\",\"data\":\"" data "\"}"

/* Two directories. */
static void make(const struct scratch *d)
{
	static const char *const names[] = {"a", "a/paths.d", "a/auth.d", "b",
					    "b/paths.d"};

	for (size_t i = 0; i < AC_LEN(names); i++)
		CHECK(mkdirat(d->fd, names[i], 0755) == 0);
}

struct where {
	char *a, *b;
	struct ac_config c;
};

static struct where where(const struct scratch *d)
{
	struct where w = {.a = ac_xasprintf("%s/a", d->path),
			  .b = ac_xasprintf("%s/b", d->path)};

	w.c = (struct ac_config){.system = w.a, .local = w.b};
	return w;
}

static void where_release(struct where *w)
{
	free(w->a);
	free(w->b);
}

static const char *data(const struct where *w, struct ac_err *err)
{
	static char out[256];
	AC_CLEANUP(ac_config_paths_release)
	struct ac_config_paths p = AC_CONFIG_PATHS_INIT;

	*err = AC_ERR_INIT;
	if (ac_config_paths(&w->c, &p, err) < 0)
		return NULL;
	(void)snprintf(out, sizeof(out), "%s",
		       p.data.text != NULL ? p.data.text : "-");
	return out;
}

TEST(order_of_directories)
{
	struct ac_config_dir d[AC_CONFIG_DIRS];
	struct ac_config c = {.user = "/u", .rkt = true};

	CHECK(ac_config_dirs(&c, d) == 5);
	CHECK(strcmp(d[0].path, "/usr/lib/rkt") == 0 && d[0].rkt);
	CHECK(strcmp(d[1].path, "/etc/rkt") == 0 && d[1].rkt);
	CHECK(strcmp(d[2].path, "/usr/lib/acutils") == 0 && !d[2].rkt);
	CHECK(strcmp(d[3].path, "/etc/acutils") == 0 && !d[3].rkt);
	CHECK(strcmp(d[4].path, "/u") == 0 && !d[4].rkt);
	c = (struct ac_config){.system = "/s", .local = "/l", .user = ""};
	CHECK(ac_config_dirs(&c, d) == 2);
	CHECK(strcmp(d[0].path, "/s") == 0 && strcmp(d[1].path, "/l") == 0);
}

TEST(what_is_not_there)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(where_release) struct where w = where(&d);
	struct ac_err err;

	CHECK(strcmp(data(&w, &err), "-") == 0);
	make(&d);
	CHECK(strcmp(data(&w, &err), "-") == 0);
	scratch_write(d.fd, "b/paths.d/x.json", PATHS(""));
	CHECK(strcmp(data(&w, &err), "-") == 0);
}

TEST(the_later_directory_counts)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(where_release) struct where w = where(&d);
	struct ac_err err;

	make(&d);
	scratch_write(d.fd, "a/paths.d/x.json", PATHS("/a"));
	CHECK(strcmp(data(&w, &err), "/a") == 0);
	scratch_write(d.fd, "b/paths.d/a.json", PATHS("/b"));
	CHECK(strcmp(data(&w, &err), "/b") == 0);
	/* What has another name is none. */
	scratch_write(d.fd, "b/paths.d/z.conf", "{");
	scratch_write(d.fd, "b/paths.d/.z.json", "{");
	CHECK(strcmp(data(&w, &err), "/b") == 0);
	scratch_write(d.fd, "b/paths.d/b.json", PATHS("/c"));
	CHECK(data(&w, &err) == NULL && err.code == AC_E_INVALID);
	CHECK(strstr(err.msg, "b/paths.d/b.json:1:38: data: 'data' is given "
			      "twice") != NULL);
	CHECK(strstr(err.msg, "b/paths.d/a.json' too") != NULL);
}

TEST(links_and_other_things)
{
	SCRATCH d = scratch_make();
	AC_CLEANUP(where_release) struct where w = where(&d);
	struct ac_err err;

	make(&d);
	/* As a ConfigMap is mounted. */
	CHECK(mkdirat(d.fd, "a/paths.d/..1", 0755) == 0);
	scratch_write(d.fd, "a/paths.d/..1/x.json", PATHS("/a"));
	CHECK(symlinkat("..1", d.fd, "a/paths.d/..data") == 0);
	CHECK(symlinkat("..data/x.json", d.fd, "a/paths.d/x.json") == 0);
	CHECK(strcmp(data(&w, &err), "/a") == 0);
	/* Not used, with a warning. */
	scratch_write(d.fd, "out", PATHS("/out"));
	CHECK(symlinkat("../../out", d.fd, "b/paths.d/l.json") == 0);
	CHECK(symlinkat("nowhere", d.fd, "b/paths.d/m.json") == 0);
	CHECK(symlinkat("/proc/self/environ", d.fd, "b/paths.d/n.json") == 0);
	CHECK(mkdirat(d.fd, "b/paths.d/o.json", 0755) == 0);
	CHECK(mkfifoat(d.fd, "b/paths.d/p.json", 0644) == 0);
	CHECK(strcmp(data(&w, &err), "/a") == 0);
}

TEST(errors)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"{", "x.json:1:2: "},
		{"{\"rktKind\":\"paths\",\n\"rktKind\":\"paths\"}",
		 "x.json:2:1: "},
		{PATHS("a/b"), "x.json:1:38: data: expected an absolute path, "
			       "found 'a/b'"},
		{"{\"rktKind\":\"auth\",\"rktVersion\":\"v1\"}",
		 "x.json:1:2: rktKind: expected 'paths' in 'paths.d', found "
		 "'auth'"},
	};
	SCRATCH d = scratch_make();
	AC_CLEANUP(where_release) struct where w = where(&d);
	struct ac_err err;

	make(&d);
	for (size_t i = 0; i < AC_LEN(cases); i++) {
		scratch_write(d.fd, "a/paths.d/x.json", cases[i].text);
		CHECK(data(&w, &err) == NULL);
		if (strstr(err.msg, cases[i].says) == NULL)
			fprintf(stderr, "# %s\n", err.msg);
		CHECK(strstr(err.msg, cases[i].says) != NULL);
		CHECK(strstr(err.msg, d.path) == err.msg);
	}
	CHECK(unlinkat(d.fd, "a/paths.d/x.json", 0) == 0);
	CHECK(unlinkat(d.fd, "a/paths.d", AT_REMOVEDIR) == 0);
	scratch_write(d.fd, "a/paths.d", "");
	CHECK(data(&w, &err) == NULL && err.code == AC_E_SYS);
}

TEST(a_file_has_a_limit)
{
	enum { SIZE = (1 << 20) + 1 };
	SCRATCH d = scratch_make();
	AC_CLEANUP(where_release) struct where w = where(&d);
	AC_FREE char *big = ac_xmalloc(SIZE + 1);
	struct ac_err err;

	make(&d);
	memset(big, ' ', SIZE);
	big[SIZE] = '\0';
	scratch_write(d.fd, "a/paths.d/x.json", big);
	CHECK(data(&w, &err) == NULL && err.code == AC_E_LIMIT);
}

TEST(a_user_has_a_directory_when_it_is_there)
{
	SCRATCH d = scratch_make();
	AC_FREE char *none = NULL;
	AC_FREE char *own = NULL;
	AC_FREE char *want = ac_xasprintf("%s/acutils", d.path);

	CHECK(setenv("XDG_CONFIG_HOME", d.path, 1) == 0);
	none = ac_config_user();
	CHECK(none == NULL);
	CHECK(mkdirat(d.fd, "acutils", 0755) == 0);
	own = ac_config_user();
	if (geteuid() == 0)
		CHECK(own == NULL);
	else
		CHECK(own != NULL && strcmp(own, want) == 0);
}
