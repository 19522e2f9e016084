#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"
#include "tests/unit/tap.h"

/* What the original tool answered to 241 manifests, and where we differ on
 * purpose.  Run from the top of the tree. */
#define VECTORS "tests/data/validate-manifests.jsonl"

#define DIFFERENCES "tests/data/validate-differences.txt"

/* A line of it: RC is ours; TEXT must be in our message (rc 1), or NULL. */
struct difference {
	char *line; /* owned: what the others point into */
	const char *label, *text;
	int rc;
	bool used;
};
static struct difference differences[100];
static size_t n_differences;

/* What the original took without a word, and the rule of our finding. */
static const struct {
	const char *label, *rule;
} found[] = {
	{"acVersion '1.2.3-'", "T4"},
	{"acVersion '2.5.1'", "T4"},
	{"label missing name", "I2"},
	{"label missing value", "I2"},
	{"anno missing name", "I8"},
	{"dep imageID sha512-...", "T5"},
	{"pwl relative", "I7"},
	{"pwl dup", "I7"},
	{"pwl null elt", "I7"},
	{"suppGIDs 2^40", "I5.3"},
	{"mp no name", "I5.8"},
	{"mp rel path", "I5.8"},
	{"port {\"count\": 18446744073709551615}", "I5.9"},
	{"port no name", "I5.9"},
	{"port dup names", "I5.9"},
	{"memory {}", "L8"},
	{"memory req>lim", "L8"},
	{"block-iops no limit", "L7"},
	{"resource unknown", "I5.7"},
	{"labels linux/arm64", "I4"},
	{"caps both", "L4"},
	{"seccomp errno 'EACCESS'", "L1"},
	{"seccomp errno 'E'", "L1"},
	{"app no name", "P2"},
	{"app no image", "P2"},
	{"mounts no vol", "P3"},
	{"mounts no path", "P3"},
	{"mounts undefined vol", "P3"},
	{"vol empty recursive", "P4"},
	{"iso dup sysctl pod", "L10"},
	{"iso seccomp conflict pod", "L1"},
	{"port 70000", "P6"},
	{"port noname", "P6"},
};

static const char *str(const struct ac_json *o, const char *key)
{
	const char *s = ac_json_text(ac_json_get(o, key), NULL);

	CHECK(s != NULL);
	return s;
}

static int judge(const char *text, struct ac_findings *f, struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	AC_JSON struct ac_json *doc =
		ac_json_parse(text, strlen(text), "manifest", &why);
	const char *kind =
		ac_json_text(ac_json_get_nocase(doc, "acKind"), NULL);

	if (kind != NULL && strcmp(kind, "PodManifest") == 0) {
		struct ac_pod p = AC_POD_INIT;
		int ret = ac_pod_parse(&p, text, strlen(text), f, err);

		ac_pod_release(&p);
		return ret < 0;
	} else {
		struct ac_image m = AC_IMAGE_INIT;
		int ret = ac_image_parse(&m, text, strlen(text), f, err);

		ac_image_release(&m);
		return ret < 0;
	}
}

/* The original's own words, without those of Go's libraries. */
static const char *words(const char *msg)
{
	const char *p = strstr(msg, "anifest: ");

	if (p == NULL)
		return NULL;
	p += strlen("anifest: ");
	if (strncmp(p, "json: ", 6) == 0 ||
	    strncmp(p, "invalid character", 17) == 0)
		return NULL;
	return p;
}

/* "bad Date: parsing time ...": as much of the message as is the original's */
static size_t words_len(const char *p)
{
	if (strncmp(p, "bad Date: ", 10) == 0 ||
	    strncmp(p, "bad URL: ", 9) == 0)
		return strcspn(p, ":");
	return strlen(p);
}

static bool rule_found(const struct ac_findings *f, const char *rule)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].rule, rule) == 0)
			return true;
	return false;
}

static size_t used;

static int line_ok(const struct ac_json *v)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_findings f = {.v = NULL};
	const char *label = str(v, "label");
	int rc = (int)ac_json_number(ac_json_get(v, "rc"));
	int got = judge(str(v, "input"), &f, &err);
	const char *want = words(str(v, "msg"));
	size_t n = want != NULL ? words_len(want) : 0;
	int ok = 1;

	for (size_t i = 0; i < n_differences; i++)
		if (strcmp(differences[i].label, label) == 0) {
			differences[i].used = true;
			rc = differences[i].rc;
			want = differences[i].text;
			n = want != NULL ? strlen(want) : 0;
		}
	if (got != rc)
		ok = 0;
	if (rc == 1 && want != NULL &&
	    memmem(err.msg, strlen(err.msg), want, n) == NULL)
		ok = 0;
	for (size_t i = 0; i < AC_LEN(found); i++)
		if (strcmp(found[i].label, label) == 0) {
			used++;
			ok = ok && rule_found(&f, found[i].rule);
		}
	if (!ok)
		fprintf(stderr,
			"# %s: rc %d, we %d '%s', %zu findings%s%s\n# wanted '%s'\n",
			label, rc, got, err.msg, f.n, f.n ? ": " : "",
			f.n ? f.v[0].text : "", want ? want : "");
	ac_findings_release(&f);
	return ok;
}

/* Cut the next part, up to " | ", off *s; NULL when there is none. */
static char *part(char **s)
{
	char *p = *s;
	char *bar = p != NULL ? strstr(p, " | ") : NULL;

	if (bar == NULL)
		return NULL;
	*bar = '\0';
	*s = bar + 3;
	return p;
}

static void load_differences(void)
{
	FILE *file = fopen(DIFFERENCES, "re");
	char *line = NULL;
	size_t cap = 0;

	CHECK(file != NULL);
	while (getline(&line, &cap, file) > 0) {
		struct difference d = {.line = strdup(line)};
		char *rest = d.line;
		char *rc;

		d.label = part(&rest);
		rc = part(&rest);
		d.text = part(&rest);
		if (d.label == NULL) {
			free(d.line);
			continue;
		}
		/* Each has its reason. */
		CHECK(rc != NULL && d.text != NULL && strlen(rest) > 8);
		CHECK(strcmp(rc, "0") == 0 || strcmp(rc, "1") == 0);
		d.rc = rc[0] - '0';
		if (strcmp(d.text, "-") == 0)
			d.text = NULL;
		CHECK((d.rc == 1) == (d.text != NULL));
		CHECK(n_differences < AC_LEN(differences));
		differences[n_differences++] = d;
	}
	free(line);
	CHECK(fclose(file) == 0);
}

TEST(every_line)
{
	FILE *file = fopen(VECTORS, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int n = 0;
	int bad = 0;

	load_differences();
	CHECK(file != NULL);
	while ((len = getline(&line, &cap, file)) > 0) {
		struct ac_err err = AC_ERR_INIT;
		AC_JSON struct ac_json *v =
			ac_json_parse(line, (size_t)len, "vector", &err);

		if (v == NULL)
			fprintf(stderr, "# line %d: %s\n", n + 1, err.msg);
		CHECK(v != NULL);
		bad += !line_ok(v);
		n++;
	}
	free(line);
	CHECK(fclose(file) == 0);
	CHECK(n == 241);
	/* No label of ours is misspelt. */
	CHECK(used == AC_LEN(found));
	for (size_t i = 0; i < n_differences; i++) {
		if (!differences[i].used)
			fprintf(stderr, "# no vector is called '%s'\n",
				differences[i].label);
		CHECK(differences[i].used);
		free(differences[i].line);
	}
	CHECK(bad == 0);
}
