/* SPDX-License-Identifier: Apache-2.0 */
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
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

/* The next node in document order.  Not by recursion: the page's nesting is the
 * server's choice. */
static xmlNode *after(xmlNode *n)
{
	if (n->children != NULL && n->type == XML_ELEMENT_NODE)
		return n->children;
	while (n != NULL && n->next == NULL)
		n = n->parent;
	return n != NULL ? n->next : NULL;
}

static void take_meta(xmlNode *n, struct ac_strv *endpoints,
		      struct ac_strv *keys)
{
	static const xmlChar name_attr[] = "name";
	static const xmlChar content_attr[] = "content";
	xmlChar *name = xmlGetProp(n, name_attr);
	xmlChar *content = xmlGetProp(n, content_attr);

	if (name != NULL && content != NULL) {
		const char *text = (const char *)content;

		if (strcmp((const char *)name, "ac-discovery") == 0)
			ac_strv_push(endpoints, text);
		else if (strcmp((const char *)name, "ac-discovery-pubkeys") ==
			 0)
			ac_strv_push(keys, text);
	}
	xmlFree(name);
	xmlFree(content);
}

int ac_discover_parse(const char *html, size_t len, struct ac_strv *endpoints,
		      struct ac_strv *keys, struct ac_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	htmlDocPtr doc;

	(void)pthread_once(&once, start_libxml);
	if (len == 0)
		return 0;
	if (len > INT_MAX)
		return ac_err_set(err, AC_E_LIMIT, "the page is too large");
	xmlSetGenericErrorFunc(NULL, quiet);
	doc = htmlReadMemory(html, (int)len, NULL, NULL,
			     HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
				     HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
	xmlSetGenericErrorFunc(NULL, NULL);
	if (doc == NULL)
		return ac_err_set(err, AC_E_INVALID, "the page is not HTML");
	for (xmlNode *n = xmlDocGetRootElement(doc);
	     n != NULL && endpoints->n + keys->n < MAX_TAGS; n = after(n))
		if (n->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)n->name, "meta") == 0)
			take_meta(n, endpoints, keys);
	xmlFreeDoc(doc);
	return 0;
}
