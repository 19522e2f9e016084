/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <libxml/HTMLparser.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/discover.h"

enum { MAX_TAGS = 256 };

/* libxml2 is loaded when there is a page to read: it brings thirty megabytes of
 * libraries, whose loading takes a tenth of the time of a small pull. */
#if LIBXML_VERSION >= 21400
#define LIBXML "libxml2.so.16"
#else
#define LIBXML "libxml2.so.2"
#endif

static struct {
	__typeof__(xmlInitParser) *init;
	__typeof__(xmlSetGenericErrorFunc) *errors;
	__typeof__(xmlStopParser) *stop;
	__typeof__(xmlFreeDoc) *free_doc;
	__typeof__(htmlCreateMemoryParserCtxt) *open;
	__typeof__(htmlCtxtUseOptions) *options;
	__typeof__(htmlParseDocument) *parse;
	__typeof__(htmlFreeParserCtxt) *close;
	char missing[256]; /* why it cannot be used; empty: it can */
} xml;

static void missing(void)
{
	const char *why = dlerror();

	(void)snprintf(xml.missing, sizeof(xml.missing), "%s",
		       why != NULL ? why : LIBXML);
}

static void find(void *lib, const char *name, void *fn)
{
	void *p = dlsym(lib, name);

	if (p == NULL)
		missing();
	memcpy(fn, &p, sizeof(p));
}

/* It stays until the process ends. */
static void load(void)
{
	void *lib = dlopen(LIBXML, RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL) {
		missing();
		return;
	}
	find(lib, "xmlInitParser", &xml.init);
	find(lib, "xmlSetGenericErrorFunc", &xml.errors);
	find(lib, "xmlStopParser", &xml.stop);
	find(lib, "xmlFreeDoc", &xml.free_doc);
	find(lib, "htmlCreateMemoryParserCtxt", &xml.open);
	find(lib, "htmlCtxtUseOptions", &xml.options);
	find(lib, "htmlParseDocument", &xml.parse);
	find(lib, "htmlFreeParserCtxt", &xml.close);
	if (xml.missing[0] == '\0')
		xml.init();
}

static void quiet(void *ctx AC_UNUSED, const char *fmt AC_UNUSED, ...)
{
}

/* Where the tags go. */
struct tags {
	struct ac_strv *endpoints, *keys;
	htmlParserCtxtPtr parser;
	const char *text; /* the element whose content is text; NULL: none */
};

/* Besides scripts, which libxml2 knows: what looks like tags in these is text
 * (HTML, 13.2.5.2 and 13.2.5.3). */
static const char *text_element(const xmlChar *tag)
{
	static const char *const names[] = {"title", "textarea", "xmp",
					    "iframe", "noembed"};

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strcmp((const char *)tag, names[i]) == 0)
			return names[i];
	return NULL;
}

static void on_end(void *ctx, const xmlChar *tag)
{
	struct tags *t = ctx;

	if (t->text != NULL && strcmp((const char *)tag, t->text) == 0)
		t->text = NULL;
}

/* A tag begins: its name and those of its attributes are in lower case,
 * entities are decoded. */
static void on_tag(void *ctx, const xmlChar *tag, const xmlChar **attributes)
{
	struct tags *t = ctx;
	const char *name = NULL;
	const char *content = NULL;

	if (t->text != NULL)
		return;
	t->text = text_element(tag);
	if (strcmp((const char *)tag, "meta") != 0 || attributes == NULL)
		return;
	for (const xmlChar **a = attributes; a[0] != NULL; a += 2) {
		if (a[1] == NULL)
			continue;
		if (strcmp((const char *)a[0], "name") == 0 && name == NULL)
			name = (const char *)a[1];
		if (strcmp((const char *)a[0], "content") == 0 &&
		    content == NULL)
			content = (const char *)a[1];
	}
	if (name == NULL || content == NULL)
		return;
	if (strcmp(name, "ac-discovery") == 0)
		ac_strv_push(t->endpoints, content);
	else if (strcmp(name, "ac-discovery-pubkeys") == 0)
		ac_strv_push(t->keys, content);
	if (t->endpoints->n + t->keys->n >= MAX_TAGS)
		xml.stop(t->parser);
}

/* A NUL would end the page for libxml2 somewhere; in UTF-16 it is part of a
 * character. */
static void drop_nuls(struct ac_buf *page)
{
	if (page->len < 2 || memcmp(page->p, "\xff\xfe", 2) == 0 ||
	    memcmp(page->p, "\xfe\xff", 2) == 0)
		return;
	for (size_t i = 0; i < page->len; i++)
		if (page->p[i] == '\0')
			page->p[i] = ' ';
}

/* By events: a tree of a page of 10 MiB takes a hundred. */
int ac_discover_parse(const char *html, size_t len, struct ac_strv *endpoints,
		      struct ac_strv *keys, struct ac_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	htmlSAXHandler on = {.startElement = on_tag, .endElement = on_end};
	AC_CLEANUP(ac_buf_release) struct ac_buf page = AC_BUF_INIT(INT_MAX);
	struct tags t = {.endpoints = endpoints, .keys = keys};

	if (len == 0)
		return 0;
	if (len > INT_MAX)
		return ac_err_set(err, AC_E_LIMIT, "the page is too large");
	(void)pthread_once(&once, load);
	if (xml.missing[0] != '\0')
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "reading web pages takes libxml2; install it "
				  "(%s)",
				  xml.missing);
	ac_buf_add(&page, html, len);
	if (ac_buf_check(&page, "the page", err) < 0)
		return -1;
	drop_nuls(&page);
	xml.errors(NULL, quiet);
	t.parser = xml.open(page.p, (int)page.len);
	if (t.parser == NULL) {
		xml.errors(NULL, NULL);
		return ac_err_set(err, AC_E_INVALID, "the page is not HTML");
	}
	(void)xml.options(t.parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
					    HTML_PARSE_NOWARNING |
					    HTML_PARSE_NONET);
	*t.parser->sax = on;
	t.parser->userData = &t;
	(void)xml.parse(t.parser);
	xml.free_doc(t.parser->myDoc);
	t.parser->myDoc = NULL;
	xml.close(t.parser);
	xml.errors(NULL, NULL);
	return 0;
}
