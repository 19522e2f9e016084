/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/ref.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/image/name.h"

#define HUB "registry-1.docker.io"

enum { MAX_REF = 8192 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char *copy_of(struct ac_str s)
{
	return ac_xstrndup(s.p, s.len);
}

static bool starts_nocase(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

/* Add a label of the reference; the strings are its own. */
static void label_add(struct ac_ref *r, char *name, char *value)
{
	struct ac_pairs *p = &r->labels;

	p->v = ac_xrealloc(p->v, p->n + 1, sizeof(p->v[0]));
	p->v[p->n++] = (struct ac_pair){.name = name, .value = value};
}

static void free_const(const char *s)
{
	free((void *)(uintptr_t)s);
}

void ac_ref_release(struct ac_ref *r)
{
	for (size_t i = 0; i < r->labels.n; i++) {
		free_const(r->labels.v[i].name);
		free_const(r->labels.v[i].value);
	}
	free(r->labels.v);
	free(r->text);
	free(r->name);
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = AC_REF_INIT;
}

/* --- appc names --- */

static int add_label(struct ac_ref *r, struct ac_str name, struct ac_str value,
		     struct ac_err *err)
{
	AC_FREE char *n = copy_of(name);
	const char *before = ac_pairs_get(&r->labels, n);

	if (before != NULL)
		return ac_err_set(
			err, AC_E_INVALID,
			"label %s with multiple values [\"%s\" \"%.*s\"]", n,
			before, AC_STR_FMT(value));
	if (ac_identifier_check(n, AC_NAME_READ, err) < 0)
		return ac_err_ctx(err, "label '%s'", n);
	label_add(r, ac_steal_ptr(&n), copy_of(value));
	return 0;
}

static int parse_name(struct ac_ref *r, const char *text, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_str head;
	struct ac_str name;
	bool more = ac_str_cut(&rest, ',', &head);

	r->kind = AC_REF_NAME;
	if (more && rest.len != 0 && memchr(rest.p, ':', rest.len) != NULL &&
	    memchr(head.p, ':', head.len) == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "malformed app string - colon may appear "
				  "only right after the app name");
	if (ac_str_cut(&head, ':', &name)) {
		if (head.len != 0 && memchr(head.p, ':', head.len) != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "malformed app string - colon may "
					  "appear at most once");
		label_add(r, ac_xstrdup("version"), copy_of(head));
	}
	r->name = copy_of(name);
	if (ac_identifier_check(r->name, AC_NAME_READ, err) < 0)
		return -1;
	if (ac_identifier_climbs(r->name))
		return ac_err_set(err, AC_E_INVALID,
				  "image name '%s': empty, '.' and '..' parts "
				  "cannot be looked for",
				  r->name);
	while (more) {
		struct ac_str value;

		more = ac_str_cut(&rest, ',', &value);
		if (!ac_str_cut(&value, '=', &head))
			return ac_err_set(err, AC_E_INVALID,
					  "label '%.*s': expected NAME=VALUE",
					  AC_STR_FMT(head));
		if (add_label(r, head, value, err) < 0)
			return -1;
	}
	return 0;
}

/* --- Docker references --- */

static bool host_ok(struct ac_str s)
{
	struct ac_str port = ac_strn(NULL, 0);
	const char *colon = memrchr(s.p, ':', s.len);
	const char *extra = ".-";

	if (s.len != 0 && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.len);
		size_t n;

		if (end == NULL)
			return false;
		n = (size_t)(end - s.p);
		port = ac_strn(end + 1, s.len - n - 1);
		if (port.len != 0 && port.p[0] != ':')
			return false;
		if (port.len == 1)
			return false;
		if (port.len != 0)
			port = ac_strn(port.p + 1, port.len - 1);
		s = ac_strn(s.p + 1, n - 1);
		extra = ".:";
	} else if (colon != NULL) {
		size_t n = (size_t)(colon - s.p);

		port = ac_strn(colon + 1, s.len - n - 1);
		if (port.len == 0)
			return false;
		s.len = n;
	}
	if (port.len > 5)
		return false;
	for (size_t i = 0; i < port.len; i++)
		if (!is_digit(port.p[i]))
			return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.p[i]) && !is_alpha(s.p[i]) &&
		    memchr(extra, s.p[i], 2) == NULL)
			return false;
	return s.len != 0 && s.len <= 255 && s.p[0] != '-' && s.p[0] != '.';
}

/* [a-z0-9]+ joined by one '.', one or two '_', or any number of '-'. */
static bool component_ok(struct ac_str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n = i;
		char c;

		while (i < s.len &&
		       ((s.p[i] >= 'a' && s.p[i] <= 'z') || is_digit(s.p[i])))
			i++;
		if (i == n)
			return false;
		if (i == s.len)
			return true;
		c = s.p[i];
		n = i;
		while (i < s.len && s.p[i] == c)
			i++;
		n = i - n;
		if ((c != '.' && c != '_' && c != '-') || (c == '.' && n > 1) ||
		    (c == '_' && n > 2))
			return false;
	}
	return false;
}

static bool repository_ok(struct ac_str s)
{
	struct ac_str part;
	bool more;

	if (s.len > 255)
		return false;
	do {
		more = ac_str_cut(&s, '/', &part);
		if (!component_ok(part))
			return false;
	} while (more);
	return true;
}

static bool tag_ok(struct ac_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '_' &&
		    (i == 0 || (s.p[i] != '.' && s.p[i] != '-')))
			return false;
	return s.len != 0 && s.len <= 128;
}

/* Is the first part of a Docker reference a host?  Repositories have no capital
 * letters. */
static bool looks_like_host(struct ac_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '.' || s.p[i] == ':' ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return true;
	return ac_str_eq(s, "localhost");
}

/* The registry of a host; names of hosts have no case.  One that only its
 * capital letters make a host keeps them.  Caller frees. */
static char *registry_of(struct ac_str host)
{
	AC_FREE char *s = copy_of(host);

	for (char *c = s; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	if (strcmp(s, "docker.io") == 0 || strcmp(s, "index.docker.io") == 0)
		return ac_xstrdup(HUB);
	return looks_like_host(ac_str(s)) ? ac_steal_ptr(&s) : copy_of(host);
}

static int docker_bad(const struct ac_ref *r, const char *what,
		      struct ac_str part, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "docker reference '%s': bad %s '%.*s'; expected "
			  "docker://[HOST[:PORT]/]NAME[:TAG|@DIGEST]",
			  r->text, what, AC_STR_FMT(part));
}

/* Take "@sha256:..." or ":tag" off the end of *rest. */
static int docker_tail(struct ac_ref *r, struct ac_str *rest,
		       struct ac_err *err)
{
	struct ac_str tail = *rest;
	struct ac_str head;
	struct ac_digest d;
	const char *slash;
	const char *colon;

	if (ac_str_cut(&tail, '@', &head)) {
		r->digest = copy_of(tail);
		if (ac_digest_parse(&d, r->digest, ':', err) < 0)
			return ac_err_ctx(err, "docker reference '%s'",
					  r->text);
	}
	*rest = head;
	slash = memrchr(head.p, '/', head.len);
	colon = memrchr(head.p, ':', head.len);
	if (colon != NULL && (slash == NULL || slash < colon)) {
		rest->len = (size_t)(colon - head.p);
		tail = ac_strn(colon + 1, head.len - rest->len - 1);
		if (!tag_ok(tail))
			return docker_bad(r, "tag", tail, err);
		/* A digest pins the image: a tag beside it says nothing. */
		if (r->digest == NULL)
			r->tag = copy_of(tail);
	} else if (r->digest == NULL) {
		r->tag = ac_xstrdup("latest");
	}
	return 0;
}

static int parse_docker(struct ac_ref *r, const char *text, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_str path;
	struct ac_str first;

	r->kind = AC_REF_DOCKER;
	if (docker_tail(r, &rest, err) < 0)
		return -1;
	path = rest;
	if (ac_str_cut(&path, '/', &first) && looks_like_host(first)) {
		if (!host_ok(first))
			return docker_bad(r, "registry", first, err);
		rest = path;
		r->registry = registry_of(first);
	}
	if (r->registry == NULL)
		r->registry = ac_xstrdup(HUB);
	if (!repository_ok(rest))
		return docker_bad(r, "name", rest, err);
	if (strcmp(r->registry, HUB) == 0 &&
	    memchr(rest.p, '/', rest.len) == NULL)
		r->repository = ac_xasprintf("library/%.*s", AC_STR_FMT(rest));
	else
		r->repository = copy_of(rest);
	r->name = ac_xasprintf("%s/%s", r->registry, r->repository);
	return 0;
}

/* --- the others --- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Percent-decode; NULL for a broken escape or a NUL. */
static char *unescape(struct ac_str s)
{
	AC_FREE char *out = ac_xmalloc(s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int hi;
		int lo;

		if (s.p[i] != '%') {
			out[n++] = s.p[i];
			continue;
		}
		if (s.len - i < 3)
			return NULL;
		hi = ac_hex_digit(s.p[i + 1]);
		lo = ac_hex_digit(s.p[i + 2]);
		if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
			return NULL;
		out[n++] = (char)(hi * 16 + lo);
		i += 2;
	}
	out[n] = '\0';
	return ac_steal_ptr(&out);
}

static int invalid(const struct ac_ref *r, const char *why, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "invalid image string '%s': %s",
			  r->text, why);
}

static int parse_url(struct ac_ref *r, const char *text, struct ac_err *err)
{
	if (starts_nocase(text, "file:")) {
		struct ac_str path = ac_str(text + 5);

		/* Of "file://host/x" only an empty host or this one is ours. */
		if (ac_str_starts(path, "//localhost/"))
			path = ac_strn(path.p + 11, path.len - 11);
		else if (ac_str_starts(path, "///"))
			path = ac_strn(path.p + 2, path.len - 2);
		else if (ac_str_starts(path, "//"))
			return invalid(r, "a file of another host", err);
		r->kind = AC_REF_FILE;
		r->name = unescape(path);
		if (r->name == NULL || r->name[0] == '\0')
			return invalid(r, "no path, or a broken % escape", err);
		return 0;
	}
	r->kind = AC_REF_URL;
	r->name = ac_xstrdup(text);
	if (!ac_str_ends(ac_strn(text, strcspn(text, "?#")), ".aci"))
		return invalid(r, "the path of a URL must end in '.aci'", err);
	return 0;
}

/* "NAME?label=value&..." with percent escapes: as an app string. */
static int cimd_appc(struct ac_ref *r, struct ac_str data, struct ac_err *err)
{
	struct ac_str name;
	bool more = ac_str_cut(&data, '?', &name);

	r->kind = AC_REF_NAME;
	r->name = unescape(name);
	if (r->name == NULL)
		return invalid(r, "a broken % escape", err);
	if (ac_identifier_check(r->name, AC_NAME_READ, err) < 0)
		return -1;
	if (ac_identifier_climbs(r->name))
		return invalid(r, "an empty, '.' or '..' part", err);
	while (more) {
		struct ac_str value;
		struct ac_str key;
		AC_FREE char *k = NULL;
		AC_FREE char *v = NULL;

		more = ac_str_cut(&data, '&', &value);
		(void)ac_str_cut(&value, '=', &key);
		k = unescape(key);
		v = unescape(value);
		if (k == NULL || v == NULL)
			return invalid(r, "a broken % escape", err);
		if (add_label(r, ac_str(k), ac_str(v), err) < 0)
			return -1;
	}
	return 0;
}

static int parse_cimd(struct ac_ref *r, const char *text, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_str type;
	struct ac_str version;

	if (!ac_str_cut(&rest, ':', &type) ||
	    !ac_str_cut(&rest, ':', &version) || !ac_str_eq(version, "v=0"))
		return invalid(r, "expected cimd:TYPE:v=0:DATA", err);
	if (ac_str_eq(type, "appc"))
		return cimd_appc(r, rest, err);
	if (ac_str_eq(type, "docker"))
		return parse_docker(r, rest.p, err);
	if (ac_str_eq(type, "aci-archive")) {
		AC_FREE char *url = unescape(rest);

		if (url == NULL)
			return invalid(r, "a broken % escape", err);
		return parse_url(r, url, err);
	}
	return invalid(r, "the type must be appc, aci-archive or docker", err);
}

/* "sha512-..." with one dash is meant as an id. */
static int parse_id(struct ac_ref *r, const char *text, struct ac_err *err)
{
	r->kind = AC_REF_ID;
	r->name = ac_xstrdup(text);
	if (!ac_image_id_ok(text, false))
		return ac_err_set(err, AC_E_INVALID,
				  "image id '%s': expected 2 to 128 lower-case "
				  "hex digits after 'sha512-'",
				  text);
	return 0;
}

static bool is_id(const char *text)
{
	return strncmp(text, "sha512-", 7) == 0 &&
	       strpbrk(text + 7, "-./:,") == NULL;
}

static int parse(struct ac_ref *r, const char *text, struct ac_err *err)
{
	size_t n = strlen(text);

	/* Also when a file has that name: an id says what the content is. */
	if (is_id(text))
		return parse_id(r, text, err);
	if (starts_nocase(text, "docker://"))
		return parse_docker(r, text + 9, err);
	if (starts_nocase(text, "docker:"))
		return parse_docker(r, text + 7, err);
	if (starts_nocase(text, "file:") || starts_nocase(text, "http://") ||
	    starts_nocase(text, "https://"))
		return parse_url(r, text, err);
	if (starts_nocase(text, "cimd:"))
		return parse_cimd(r, text + 5, err);
	r->kind = AC_REF_FILE;
	if (text[0] == '/' || strncmp(text, "./", 2) == 0 ||
	    strncmp(text, "../", 3) == 0 || is_file(text)) {
		r->name = ac_xstrdup(text);
		return 0;
	}
	if (strstr(text, "://") != NULL)
		return invalid(r,
			       "unknown scheme; docker, http, https and "
			       "file are known",
			       err);
	if (strchr(text, ':') == NULL &&
	    (strstr(text, "./") != NULL ||
	     (n > 4 && strcmp(text + n - 4, ".aci") == 0))) {
		r->name = ac_xstrdup(text);
		return 0;
	}
	if (parse_name(r, text, err) == 0)
		return 0;
	return ac_err_fix(err,
			  "'%s' is taken for an image name; a file is './%s'",
			  text, text);
}

static int parse_as(struct ac_ref *r, const char *text,
		    int (*kind)(struct ac_ref *, const char *, struct ac_err *),
		    struct ac_err *err)
{
	*r = AC_REF_INIT;
	if (strlen(text) > MAX_REF)
		return ac_err_set(err, AC_E_LIMIT,
				  "image reference of %zu bytes, at most %d",
				  strlen(text), MAX_REF);
	if (text[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "empty image reference");
	r->text = ac_xstrdup(text);
	if (kind(r, text, err) < 0) {
		ac_ref_release(r);
		return -1;
	}
	return 0;
}

int ac_ref_parse(struct ac_ref *r, const char *text, struct ac_err *err)
{
	return parse_as(r, text, parse, err);
}

/* "docker://x" would be the name "docker" in a strange version. */
static int parse_only_name(struct ac_ref *r, const char *text,
			   struct ac_err *err)
{
	if (strstr(text, "://") != NULL)
		return invalid(r, "a URL is not a name", err);
	return parse_name(r, text, err);
}

int ac_ref_parse_name(struct ac_ref *r, const char *text, struct ac_err *err)
{
	return parse_as(r, text, parse_only_name, err);
}

void ac_ref_default_platform(struct ac_ref *r)
{
	if (r->kind != AC_REF_NAME)
		return;
	if (ac_pairs_get(&r->labels, "os") == NULL)
		label_add(r, ac_xstrdup("os"), ac_xstrdup(ac_host_os()));
	if (ac_pairs_get(&r->labels, "arch") == NULL)
		label_add(r, ac_xstrdup("arch"), ac_xstrdup(ac_host_arch()));
}

static char *canonical_name(const struct ac_ref *r)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;
	struct ac_buf b = AC_BUF_INIT(4UL * MAX_REF);
	const char *version = ac_pairs_get(&r->labels, "version");

	ac_buf_adds(&b, r->name);
	if (version != NULL && version[0] != '\0')
		ac_buf_addf(&b, ":%s", version);
	for (size_t i = 0; i < r->labels.n; i++)
		if (strcmp(r->labels.v[i].name, "version") != 0)
			ac_strv_pushf(&v, ",%s=%s", r->labels.v[i].name,
				      r->labels.v[i].value);
	ac_strv_sort(&v);
	for (size_t i = 0; i < v.n; i++)
		ac_buf_adds(&b, v.v[i]);
	return ac_buf_steal(&b);
}

char *ac_ref_canonical(const struct ac_ref *r)
{
	if (r->kind == AC_REF_NAME)
		return canonical_name(r);
	if (r->kind != AC_REF_DOCKER)
		return ac_xstrdup(r->name);
	return ac_xasprintf("docker://%s/%s%c%s", r->registry, r->repository,
			    r->digest != NULL ? '@' : ':',
			    r->digest != NULL ? r->digest : r->tag);
}

int ac_ref_explain(const struct ac_ref *r, struct ac_err *err)
{
	const char *version = ac_pairs_get(&r->labels, "version");
	size_t host;

	if (r->kind != AC_REF_NAME || starts_nocase(r->text, "cimd:") ||
	    (err->code != AC_E_NOT_FOUND && err->code != AC_E_NET))
		return -1;
	host = strcspn(r->name, "/");
	if (version != NULL && strchr(version, '/') != NULL)
		return ac_err_fix(err,
				  "'%s' is taken for the image name '%s' in "
				  "version '%s'; --port gives a port, "
				  "'./%s' a file",
				  r->text, r->name, version, r->text);
	if (memchr(r->name, '.', host) != NULL ||
	    ac_str_eq(ac_strn(r->name, host), "localhost"))
		return -1;
	return ac_err_fix(err,
			  "'%s' is taken for an image name of the host '%.*s'; "
			  "a file is './%s', an image of Docker Hub "
			  "'docker://%s'",
			  r->text, (int)host, r->name, r->text, r->text);
}
