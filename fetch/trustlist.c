/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trustlist.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/codec/pgp.h"
#include "common/codec/pkey.h"
#include "common/store/keystore.h"
#include "common/store/policy.h"
#include "fetch/trust.h"
#include "fetch/trustpolicy.h"

const char *trust_kind(enum ac_key_kind kind)
{
	return kind == AC_KEY_PEM ? "pem" : "openpgp";
}

/* The row of one key file. */
struct row {
	const struct ac_trusted *t;
	const char *state;
	const struct ac_pgp_key *pgp; /* of a good one of the kind */
	const struct ac_pkey *pem;
};

static void add_row(const struct row *r, struct ac_table *table)
{
	const char *identity = "";

	if (r->pem != NULL)
		identity = ac_pkey_name(r->pem);
	if (r->pgp != NULL && r->pgp->identities.n != 0)
		identity = r->pgp->identities.v[0];
	ac_table_add(table, r->t->prefix != NULL ? r->t->prefix : "(root)");
	ac_table_add(table, r->t->fingerprint);
	ac_table_add(table, r->state);
	ac_table_add(table, identity);
}

static struct ac_json *new_entry(const char *prefix, const char *path)
{
	struct ac_json *o = ac_json_object();

	if (prefix != NULL)
		ac_json_set_str(o, "prefix", prefix);
	ac_json_set(o, "root", ac_json_new_bool(prefix == NULL));
	ac_json_set_str(o, "path", path);
	return o;
}

static void add_json(const struct row *r, struct ac_json *array)
{
	struct ac_json *o = new_entry(r->t->prefix, r->t->path);
	struct ac_json *ids = ac_json_array();

	for (size_t i = 0; r->pgp != NULL && i < r->pgp->identities.n; i++)
		ac_json_push_str(ids, r->pgp->identities.v[i]);
	ac_json_set_str(o, "kind", trust_kind(r->t->kind));
	ac_json_set_str(o, "fingerprint", r->t->fingerprint);
	ac_json_set_str(o, "state", r->state);
	ac_json_set(o, "identities", ids);
	if (r->pem != NULL)
		ac_json_set_str(o, "algorithm", ac_pkey_name(r->pem));
	ac_json_push(array, o);
}

static void list_pgp(const struct ac_trusted *t, struct ac_table *table,
		     struct ac_json *array)
{
	struct ac_err err = AC_ERR_INIT;
	struct row row = {.t = t, .state = "bad"};
	struct ac_pgp_key *keys = NULL;
	size_t n = 0;

	if (ac_pgp_keys(t->key, t->len, t->path, &keys, &n, &err) < 0)
		ac_warn("keystore: %s", err.msg);
	if (n == 1 && strcmp(keys[0].fingerprint, t->fingerprint) == 0) {
		row.pgp = &keys[0];
		row.state = keys[0].revoked   ? "revoked"
			    : keys[0].expired ? "expired"
					      : "good";
	}
	add_row(&row, table);
	add_json(&row, array);
	ac_pgp_keys_free(keys, n);
}

static void list_pem(const struct ac_trusted *t, struct ac_table *table,
		     struct ac_json *array)
{
	AC_PKEY struct ac_pkey *k = ac_trust_pem(t, true);
	struct row row = {.t = t,
			  .state = k != NULL ? "good" : "bad",
			  .pem = k};

	add_row(&row, table);
	add_json(&row, array);
}

static void list_policy(const struct ac_policy *p, struct ac_table *table,
			struct ac_json *array)
{
	struct ac_json *o = new_entry(p->prefix, p->path);
	struct ac_json *policy = ac_json_object();
	struct ac_json *keys = ac_json_array();
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 16);

	ac_json_set_int(policy, "require", (int64_t)p->require);
	ac_buf_addf(&text, "%zu signatures", p->require);
	for (size_t i = 0; i < p->keys.n; i++) {
		ac_json_push_str(keys, p->keys.v[i]);
		ac_buf_addf(&text, "%s%s", i == 0 ? ", among them " : ", ",
			    p->keys.v[i]);
	}
	ac_json_set(policy, "keys", keys);
	ac_json_set_str(o, "state", p->fault != NULL ? "bad" : "good");
	ac_json_set(o, "policy", policy);
	ac_json_push(array, o);
	if (p->fault != NULL)
		ac_warn("%s; images below it are refused", p->fault);
	ac_table_add(table, p->prefix != NULL ? p->prefix : "(root)");
	ac_table_add(table, "(policy)");
	ac_table_add(table, p->fault != NULL ? "bad" : "good");
	ac_table_add(table, p->fault != NULL ? "" : ac_buf_str(&text));
}

int trust_list(const struct globals *g, bool no_legend, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust keys = AC_TRUST_INIT;
	AC_CLEANUP(ac_policies_release)
	struct ac_policies policies = AC_POLICIES_INIT;
	AC_CLEANUP(ac_table_release) struct ac_table table = AC_TABLE_INIT(4);
	AC_JSON struct ac_json *array = ac_json_array();
	const struct ac_keystore ks = keystore(g);

	if (ac_keystore_load(&ks, NULL, &keys, err) < 0 ||
	    ac_policy_list(&ks, &policies, err) < 0)
		return -1;
	if (!no_legend) {
		ac_table_add(&table, "PREFIX");
		ac_table_add(&table, "FINGERPRINT");
		ac_table_add(&table, "STATE");
		ac_table_add(&table, "IDENTITY");
	}
	for (size_t i = 0; i < keys.n; i++)
		(keys.v[i].kind == AC_KEY_PEM ? list_pem : list_pgp)(&keys.v[i],
								     &table,
								     array);
	for (size_t i = 0; i < policies.n; i++)
		list_policy(&policies.v[i], &table, array);
	if (g->json)
		return ac_print_json(array, 2, err);
	ac_table_print(&table, stdout);
	return 0;
}

static bool in_scope(const struct trust_opts *o, const struct ac_trusted *t)
{
	if (o->root)
		return t->prefix == NULL;
	return o->prefix == NULL ||
	       (t->prefix != NULL && strcmp(t->prefix, o->prefix) == 0);
}

static bool same_key(const struct ac_trusted *a, const struct ac_trusted *b)
{
	return a->kind == b->kind &&
	       strcmp(a->fingerprint, b->fingerprint) == 0;
}

/* Mark in CHOSEN the places of the one key whose fingerprint begins with HEX
 * ("": of all keys). */
static int choose(const struct trust_opts *o, const struct ac_trust *all,
		  const char *hex, bool *chosen, struct ac_err *err)
{
	const struct ac_trusted *first = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct ac_trusted *t = &all->v[i];

		if (!in_scope(o, t) ||
		    !ac_str_starts(ac_str(t->fingerprint), hex))
			continue;
		if (first != NULL && hex[0] != '\0' && !same_key(first, t))
			return ac_err_set(err, AC_E_USAGE,
					  "'%s' begins more than one "
					  "fingerprint: %s and %s",
					  hex, first->fingerprint,
					  t->fingerprint);
		first = t;
		chosen[i] = true;
	}
	if (first != NULL)
		return 0;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s%s%s is not trusted %s%s; see 'acfetch trust "
			  "list'",
			  hex[0] != '\0' ? "key '" : "a key", hex,
			  hex[0] != '\0' ? "'" : "",
			  o->root             ? "as a root key"
			  : o->prefix != NULL ? "for prefix "
					      : "at all",
			  o->prefix != NULL ? o->prefix : "");
}

static int remove_chosen(const struct globals *g, const struct ac_trust *all,
			 const bool *chosen, struct ac_err *err)
{
	const struct ac_keystore ks = keystore(g);

	for (size_t i = 0; i < all->n; i++) {
		const struct ac_trusted *t = &all->v[i];
		const struct ac_key_name key = {t->kind, t->fingerprint};

		if (!chosen[i])
			continue;
		if (ac_keystore_remove(&ks, t->prefix, key, err) < 0) {
			if (err->code != AC_E_NOT_FOUND)
				return -1;
			*err = AC_ERR_INIT; /* it went by another link */
			continue;
		}
		ac_log("Removed key %s %s%s", t->fingerprint,
		       t->prefix != NULL ? "of prefix " : "of the root",
		       t->prefix != NULL ? t->prefix : "");
	}
	return 0;
}

int trust_remove(const struct globals *g, const struct trust_opts *o, int n,
		 char **fingerprints, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust all = AC_TRUST_INIT;
	AC_FREE bool *chosen = NULL;
	const struct ac_keystore ks = keystore(g);

	if (o->prefix != NULL && o->root)
		return ac_err_set(err, AC_E_USAGE,
				  "--root and --prefix exclude each other");
	if (o->policy && (n != 0 || (o->prefix == NULL && !o->root)))
		return ac_err_set(err, AC_E_USAGE,
				  "trust remove --policy: one of --prefix=NAME "
				  "and --root is needed, and nothing else");
	if (o->policy)
		return trust_policy_remove(g, o, err);
	if (n == 0 && o->prefix == NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "trust remove: which FINGERPRINT?");
	if (ac_keystore_load(&ks, NULL, &all, err) < 0)
		return -1;
	chosen = ac_xcalloc(all.n + 1, sizeof(*chosen));
	if (n == 0 && choose(o, &all, "", chosen, err) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		char hex[AC_FINGERPRINT_MAX + 1];

		if (!ac_fingerprint_read(fingerprints[i], hex))
			return ac_err_set(err, AC_E_USAGE,
					  "'%s' is not a fingerprint: hex "
					  "digits, see 'acfetch trust list'",
					  fingerprints[i]);
		if (choose(o, &all, hex, chosen, err) < 0)
			return -1;
	}
	return remove_chosen(g, &all, chosen, err);
}
