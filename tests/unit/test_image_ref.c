#include <fcntl.h>
#include <unistd.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/sys/io.h"
#include "tests/unit/tap.h"

#define VECTORS "spec/vectors/references/references.json"

enum { MAX_VECTORS = 1 << 20 };

static const char *const kinds[] = {[AC_REF_ID] = "id",
				    [AC_REF_FILE] = "file",
				    [AC_REF_URL] = "url",
				    [AC_REF_NAME] = "name",
				    [AC_REF_DOCKER] = "docker"};

static const char *str(const struct ac_json *o, const char *key)
{
	const char *s = ac_json_text(ac_json_get(o, key), NULL);

	CHECK(s != NULL);
	return s != NULL ? s : "";
}

static void accepted(const struct ac_json *v, const struct ac_ref *r)
{
	AC_FREE char *c = ac_ref_canonical(r);

	if (strcmp(kinds[r->kind], str(v, "kind")) != 0 ||
	    strcmp(c, str(v, "canonical")) != 0)
		fprintf(stderr, "# %s: %s %s\n", str(v, "text"), kinds[r->kind],
			c);
	CHECK(strcmp(kinds[r->kind], str(v, "kind")) == 0);
	CHECK(strcmp(c, str(v, "canonical")) == 0);
	CHECK(strcmp(r->text, str(v, "text")) == 0);
}

static void refused(const struct ac_json *v, const struct ac_err *err)
{
	if (strstr(err->msg, str(v, "says")) == NULL)
		fprintf(stderr, "# %s: %s\n", str(v, "text"), err->msg);
	CHECK(strstr(err->msg, str(v, "says")) != NULL);
}

static void one(const struct ac_json *v)
{
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	int ret = ac_ref_parse(&r, str(v, "text"), &err);
	bool want = strcmp(str(v, "kind"), "refused") != 0;

	CHECK((ret == 0) == want);
	if ((ret == 0) != want)
		fprintf(stderr, "# %s: %s\n", str(v, "text"),
			ret == 0 ? "accepted" : err.msg);
	else if (want)
		accepted(v, &r);
	else
		refused(v, &err);
	ac_ref_release(&r);
}

/* Make or remove the files that are to be there. */
static void files(const struct ac_json *v, bool make)
{
	const struct ac_json *list = ac_json_get(v, "files");

	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *name = ac_json_text(ac_json_at(list, i), NULL);

		if (make)
			CHECK(close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC,
					 0600)) == 0);
		else
			CHECK(unlink(name) == 0);
	}
}

/* Those of the specification, from the top of the tree. */
TEST(vectors)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_VECTORS);
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int old = open(".", O_DIRECTORY | O_CLOEXEC);
	AC_JSON struct ac_json *all = NULL;

	CHECK(ac_io_read_file(AT_FDCWD, VECTORS, &b, &err) == 0);
	all = ac_json_parse(ac_buf_str(&b), b.len, VECTORS, &err);
	CHECK(ac_json_len(all) >= 60);
	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
	for (size_t i = 0; i < ac_json_len(all); i++) {
		files(ac_json_at(all, i), true);
		one(ac_json_at(all, i));
		files(ac_json_at(all, i), false);
	}
	CHECK(fchdir(old) == 0 && rmdir(dir) == 0);
}

TEST(what_it_was_taken_for)
{
	static const struct {
		const char *text, *says;
		enum ac_code code;
	} t[] = {
		{"busybox", "a file is './busybox', an image of Docker Hub",
		 AC_E_NOT_FOUND},
		{"h.example:80/a",
		 "the image name 'h.example' in version '80/a'", AC_E_NET},
		{"busybox", NULL, AC_E_VERIFY},
		{"example.com/a:1", NULL, AC_E_NOT_FOUND},
		{"localhost/a", NULL, AC_E_NOT_FOUND},
		{"cimd:appc:v=0:a", NULL, AC_E_NOT_FOUND},
		{"docker://a", NULL, AC_E_NOT_FOUND},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_ref r = AC_REF_INIT;
		struct ac_err err = AC_ERR_INIT;

		CHECK(ac_ref_parse(&r, t[i].text, &err) == 0);
		(void)ac_err_set(&err, t[i].code, "it is not there");
		CHECK(ac_ref_explain(&r, &err) == -1);
		CHECK(t[i].says != NULL
			      ? strstr(err.msg, t[i].says) != NULL
			      : strcmp(err.msg, "it is not there") == 0);
		ac_ref_release(&r);
	}
}

TEST(an_existing_file_is_a_file)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int old = open(".", O_DIRECTORY | O_CLOEXEC);
	int fd;

	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
	CHECK(ac_ref_parse(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_NAME);
	ac_ref_release(&r);
	fd = open("plain:1", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(ac_ref_parse(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_FILE);
	ac_ref_release(&r);
	CHECK(ac_ref_parse_name(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_NAME && strcmp(r.name, "plain") == 0);
	ac_ref_release(&r);
	CHECK(ac_ref_parse_name(&r, "docker://plain", &err) < 0);
	CHECK(ac_ref_parse_name(&r, "/plain", &err) < 0);
	CHECK(unlink("plain:1") == 0 && fchdir(old) == 0 && rmdir(dir) == 0);
}

TEST(default_platform)
{
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_ref_parse(&r, "a:1,arch=mips", &err) == 0);
	ac_ref_default_platform(&r);
	ac_ref_default_platform(&r);
	CHECK(r.labels.n == 3);
	CHECK(strcmp(ac_pairs_get(&r.labels, "arch"), "mips") == 0);
	CHECK(strcmp(ac_pairs_get(&r.labels, "os"), "linux") == 0);
	CHECK(ac_pairs_get(&r.labels, "none") == NULL);
	ac_ref_release(&r);
}

TEST(too_long)
{
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *s = malloc(10001);

	CHECK(s != NULL);
	memset(s, 'a', 10000);
	s[10000] = '\0';
	CHECK(ac_ref_parse(&r, s, &err) < 0 && err.code == AC_E_LIMIT);
}
