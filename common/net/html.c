/* SPDX-License-Identifier: Apache-2.0 */
#include <libxml/HTMLparser.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "common/base/err.h"
#include "common/net/discover.h"

enum { MAX_TAGS = 256 };

static void start_libxml(void)
{
	xmlInitParser();
}

static void quiet(void *ctx AC_UNUSED, const char *fmt AC_UNUSED, ...)
{
}

/* Where the tags go. */
struct tags {
	struct ac_strv *endpoints, *keys;
	htmlParserCtxtPtr parser;
};

/* A tag begins: its name and those of its attributes are in lower case,
 * entities are decoded. */
static void on_tag(void *ctx, const xmlChar *tag, const xmlChar **attributes)
{
	struct tags *t = ctx;
	const char *name = NULL;
	const char *content = NULL;

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
		xmlStopParser(t->parser);
}

/* By events: a tree of a page of 10 MiB takes a hundred. */
int ac_discover_parse(const char *html, size_t len, struct ac_strv *endpoints,
		      struct ac_strv *keys, struct ac_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	htmlSAXHandler on = {.startElement = on_tag};
	struct tags t = {.endpoints = endpoints, .keys = keys};

	(void)pthread_once(&once, start_libxml);
	if (len == 0)
		return 0;
	if (len > INT_MAX)
		return ac_err_set(err, AC_E_LIMIT, "the page is too large");
	xmlSetGenericErrorFunc(NULL, quiet);
	t.parser = htmlCreateMemoryParserCtxt(html, (int)len);
	if (t.parser == NULL) {
		xmlSetGenericErrorFunc(NULL, NULL);
		return ac_err_set(err, AC_E_INVALID, "the page is not HTML");
	}
	(void)htmlCtxtUseOptions(t.parser, HTML_PARSE_RECOVER |
						   HTML_PARSE_NOERROR |
						   HTML_PARSE_NOWARNING |
						   HTML_PARSE_NONET);
	*t.parser->sax = on;
	t.parser->userData = &t;
	(void)htmlParseDocument(t.parser);
	xmlFreeDoc(t.parser->myDoc);
	t.parser->myDoc = NULL;
	htmlFreeParserCtxt(t.parser);
	xmlSetGenericErrorFunc(NULL, NULL);
	return 0;
}
