/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/url.h"
#include "tests/unit/tap.h"

TEST(parts)
{
	struct ac_url u = AC_URL_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_url_parse(&u, "https://a%40b:p%3Aw@Host.example:8443/x?y#z",
			   &err) == 0);
	CHECK(strcmp(u.scheme, "https") == 0 && strcmp(u.port, "8443") == 0);
	CHECK(strcmp(u.user, "a@b") == 0 && strcmp(u.password, "p:w") == 0);
	CHECK(strstr(u.text, "p%3Aw") == NULL && strchr(u.text, '#') == NULL);
	CHECK(strstr(u.text, ":8443/x?y") != NULL);
	CHECK(ac_url_parse(&u, "http://[::1]/", &err) == 0);
	CHECK(strcmp(u.host, "[::1]") == 0 && strcmp(u.port, "80") == 0);
	CHECK(u.user == NULL);
	ac_url_release(&u);
}

TEST(refused)
{
	static const char *const bad[] = {
		"",
		"host/path",
		"file:///etc/passwd",
		"ftp://h/",
		"gopher://h:1/x",
		"https://",

		"https://h/\r\nX: y",
		"javascript:alert(1)",
		"https://h:99999/",
	};
	struct ac_url u = AC_URL_INIT;

	for (size_t i = 0; i < AC_LEN(bad); i++) {
		struct ac_err err = AC_ERR_INIT;

		CHECK(ac_url_parse(&u, bad[i], &err) < 0);
		CHECK(err.code == AC_E_INVALID && u.text == NULL);
	}
}

TEST(join)
{
	static const char *const t[][3] = {
		{"https://a/b/c", "d", "https://a/b/d"},
		{"https://a/b/c", "/d?e=f%2Fg", "https://a/d?e=f%2Fg"},
		{"https://a/b/c", "//h/x", "https://h/x"},
		{"https://a/b/c", "?q", "https://a/b/c?q"},
		{"https://a/b/c", "http://u:p@h:81/x", "http://h:81/x"},
		{"https://a/b/c", "../../../x", "https://a/x"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_url_release) struct ac_url b = AC_URL_INIT;
		AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
		struct ac_err err = AC_ERR_INIT;

		CHECK(ac_url_parse(&b, t[i][0], &err) == 0);
		CHECK(ac_url_join(&u, &b, t[i][1], &err) == 0);
		CHECK(strcmp(u.text, t[i][2]) == 0 && u.user == NULL);
	}
}

TEST(join_refuses_other_schemes)
{
	AC_CLEANUP(ac_url_release) struct ac_url b = AC_URL_INIT;
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_url_parse(&b, "https://a/b", &err) == 0);
	CHECK(ac_url_join(&u, &b, "file:///etc/passwd", &err) < 0);
	CHECK(ac_url_join(&u, &b, "gopher://h/", &err) < 0);
}

TEST(same_origin)
{
	static const struct {
		const char *a, *b;
		int same;
	} t[] = {
		{"https://h/a", "https://H:443/b", 1},
		{"https://h/a", "https://h:444/a", 0},
		{"https://h/a", "http://h/a", 0},
		{"https://h/a", "https://h.example/a", 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_url_release) struct ac_url a = AC_URL_INIT;
		AC_CLEANUP(ac_url_release) struct ac_url b = AC_URL_INIT;
		struct ac_err err = AC_ERR_INIT;

		CHECK(ac_url_parse(&a, t[i].a, &err) == 0);
		CHECK(ac_url_parse(&b, t[i].b, &err) == 0);
		CHECK(ac_url_same_origin(&a, &b) == (t[i].same != 0));
	}
}

TEST(show_keeps_no_secret)
{
	static const char *const t[][2] = {
		{"https://u:p@h/x?sig=secret#f", "https://h/x"},
		{"https://u:p@q@h/x", "https://h/x"},
		{"https://h/a@b", "https://h/a@b"},
		{"u:p@h/x", "h/x"},
		{"", ""},
		{"?", ""},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *s = ac_url_show(t[i][0]);

		CHECK(strcmp(s, t[i][1]) == 0);
	}
}

TEST(query)
{
	AC_FREE char *a = ac_url_with_query("https://h/t", "scope", "a:b c&d");
	AC_FREE char *b = ac_url_with_query(a, "x", "");

	CHECK(strcmp(a, "https://h/t?scope=a%3Ab%20c%26d") == 0);
	CHECK(strcmp(b, "https://h/t?scope=a%3Ab%20c%26d&x=") == 0);
}

TEST(loopback_names)
{
	CHECK(ac_url_host_is_loopback("localhost"));
	CHECK(ac_url_host_is_loopback("a.LocalHost."));
	CHECK(ac_url_host_is_loopback("127.9.9.9"));
	CHECK(ac_url_host_is_loopback("[::1]"));
	CHECK(!ac_url_host_is_loopback("notlocalhost"));
	CHECK(!ac_url_host_is_loopback("localhost.example.com"));
	CHECK(!ac_url_host_is_loopback("127.0.0.1.example.com"));
	CHECK(!ac_url_host_is_loopback("128.0.0.1"));
	CHECK(!ac_url_host_is_loopback(""));
}

TEST(private_addresses)
{
	static const struct {
		const char *ip;
		int private;
	} t[] = {
		{"127.0.0.1", 1},
		{"169.254.169.254", 1},
		{"10.1.2.3", 1},
		{"172.16.0.1", 1},
		{"172.31.255.255", 1},
		{"172.32.0.1", 0},
		{"192.168.1.1", 1},
		{"192.169.1.1", 0},
		{"100.64.0.1", 1},
		{"100.128.0.1", 0},
		{"0.0.0.0", 1},
		{"8.8.8.8", 0},
		{"::1", 1},
		{"::", 1},
		{"fe80::1", 1},
		{"fd00::1", 1},
		{"2001:db8::1", 0},
		{"::ffff:10.0.0.1", 1},
		{"::ffff:8.8.8.8", 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		const struct sockaddr *a = (const struct sockaddr *)&v4;

		if (inet_pton(AF_INET, t[i].ip, &v4.sin_addr) != 1) {
			CHECK(inet_pton(AF_INET6, t[i].ip, &v6.sin6_addr) == 1);
			a = (const struct sockaddr *)&v6;
		}
		CHECK(ac_url_address_is_private(a) == (t[i].private != 0));
	}
}
