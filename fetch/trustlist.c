/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trustlist.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/codec/pgp.h"
#include "common/store/keystore.h"
#include "fetch/trust.h"

enum { MAX_FINGERPRINT = 64 };

/* The row of one key file. */
struct row {
	const struct ac_trusted *t;
	const char *state;
	const struct ac_pgp_key *key; /* NULL when bad */
};

static void add_row(const struct row *r, struct ac_table *table)
{
	bool named = r->key != NULL && r->key->identities.n != 0;

	ac_table_add(table, r->t->prefix != NULL ? r->t->prefix : "(root)");
	ac_table_add(table, r->t->fingerprint);
	ac_table_add(table, r->state);
	ac_table_add(table, named ? r->key->identities.v[0] : "");
}

static void add_json(const struct row *r, struct ac_json *array)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *ids = ac_json_array();

	for (size_t i = 0; r->key != NULL && i < r->key->identities.n; i++)
		ac_json_push_str(ids, r->key->identities.v[i]);
	if (r->t->prefix != NULL)
		ac_json_set_str(o, "prefix", r->t->prefix);
	ac_json_set(o, "root", ac_json_new_bool(r->t->prefix == NULL));
	ac_json_set_str(o, "fingerprint", r->t->fingerprint);
	ac_json_set_str(o, "state", r->state);
	ac_json_set(o, "identities", ids);
	ac_json_set_str(o, "path", r->t->path);
	ac_json_push(array, o);
}

static void list_key(const struct ac_trusted *t, struct ac_table *table,
		     struct ac_json *array)
{
	struct ac_err err = AC_ERR_INIT;
	struct row row = {.t = t, .state = "bad"};
	struct ac_pgp_key *keys = NULL;
	size_t n = 0;

	if (ac_pgp_keys(t->key, t->len, t->path, &keys, &n, &err) < 0)
		ac_warn("keystore: %s", err.msg);
	if (n == 1 && strcmp(keys[0].fingerprint, t->fingerprint) == 0) {
		row.key = &keys[0];
		row.state = keys[0].revoked   ? "revoked"
			    : keys[0].expired ? "expired"
					      : "good";
	}
	add_row(&row, table);
	add_json(&row, array);
	ac_pgp_keys_free(keys, n);
}

int trust_list(const struct globals *g, bool no_legend, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust keys = AC_TRUST_INIT;
	AC_CLEANUP(ac_table_release) struct ac_table table = AC_TABLE_INIT(4);
	AC_JSON struct ac_json *array = ac_json_array();
	const struct ac_keystore ks = keystore(g);

	if (ac_keystore_load(&ks, NULL, &keys, err) < 0)
		return -1;
	if (!no_legend) {
		ac_table_add(&table, "PREFIX");
		ac_table_add(&table, "FINGERPRINT");
		ac_table_add(&table, "STATE");
		ac_table_add(&table, "IDENTITY");
	}
	for (size_t i = 0; i < keys.n; i++)
		list_key(&keys.v[i], &table, array);
	if (g->json)
		return print_json(array, err);
	ac_table_print(&table, stdout);
	return 0;
}

/* As it is shown or typed: to 40 or 64 lower-case digits. */
static int read_fingerprint(const char *s, char out[MAX_FINGERPRINT + 1],
			    struct ac_err *err)
{
	size_t n = 0;

	for (const char *p = s; *p != '\0' && n <= MAX_FINGERPRINT; p++) {
		if (*p == ' ')
			continue;
		if (n < MAX_FINGERPRINT)
			out[n] = *p >= 'A' && *p <= 'F' ? (char)(*p - 'A' + 'a')
							: *p;
		n++;
	}
	if (n <= MAX_FINGERPRINT)
		out[n] = '\0';
	if (n > MAX_FINGERPRINT || !ac_fingerprint_ok(out))
		return ac_err_set(err, AC_E_USAGE,
				  "'%s' is not a fingerprint: 40 hex digits, "
				  "see 'acfetch trust list'",
				  s);
	return 0;
}

int trust_remove(const struct globals *g, const struct trust_opts *o, int n,
		 char **fingerprints, struct ac_err *err)
{
	const struct ac_keystore ks = keystore(g);

	if ((o->prefix != NULL) == o->root)
		return ac_err_set(err, AC_E_USAGE,
				  "trust remove: one of --prefix=NAME and "
				  "--root is needed");
	if (n == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "trust remove: which FINGERPRINT?");
	for (int i = 0; i < n; i++) {
		char hex[MAX_FINGERPRINT + 1];

		if (read_fingerprint(fingerprints[i], hex, err) < 0 ||
		    ac_keystore_remove(&ks, o->prefix, hex, err) < 0)
			return -1;
		ac_log("Removed key %s", hex);
	}
	return 0;
}
