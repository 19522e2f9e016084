/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trustkey.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pkey.h"

/* Of a key, so that its fingerprint stays on the screen. */
enum { MAX_SHOWN = 10, ID_WIDTH = 60, ID_LINES = 4 };

void trust_keys_release(struct trust_keys *k)
{
	if (k->pgp != NULL)
		ac_pgp_keys_free(k->pgp, k->n);
	ac_pkey_free(k->pem);
	*k = TRUST_KEYS_INIT;
}

static int read_pem(struct trust_keys *k, const struct ac_buf *text,
		    const char *location, struct ac_err *err)
{
	k->kind = AC_KEY_PEM;
	k->pem = ac_pkey_public(ac_buf_str(text), text->len, err);
	if (k->pem == NULL)
		return ac_err_ctx(err, "key '%s'", location);
	ac_digest_hex(ac_pkey_id(k->pem), k->pem_id);
	k->n = 1;
	return 0;
}

int trust_keys_read(struct trust_keys *k, const struct ac_buf *text,
		    const char *location, struct ac_err *err)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----";

	if (ac_pkey_is_pem(ac_buf_str(text), text->len))
		return read_pem(k, text, location, err);
	/* gpg would pass it over without a word. */
	if (memmem(ac_buf_str(text), text->len, pem, sizeof(pem) - 1) != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "key '%s': it has OpenPGP keys and a key in "
				  "PEM; one kind a file",
				  location);
	k->kind = AC_KEY_PGP;
	return ac_pgp_keys(ac_buf_str(text), text->len, location, &k->pgp,
			   &k->n, err);
}

struct ac_key_name trust_keys_name(const struct trust_keys *k, size_t i)
{
	return (struct ac_key_name){k->kind, k->pem != NULL
						     ? k->pem_id
						     : k->pgp[i].fingerprint};
}

/* "8B86 DE38 890D DB72 9186  7B02 5210 BD88 8818 2190" */
static void print_fingerprint(FILE *out, const char *hex)
{
	size_t n = strlen(hex);

	for (size_t i = 0; i < n; i++) {
		char c = hex[i];

		if (i != 0 && i % 4 == 0)
			fputs(i == n / 2 ? "  " : " ", out);
		fputc(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c, out);
	}
	fputc('\n', out);
}

/* One user id, which its maker chose: safe to show, and on lines that a
 * terminal does not break, so that no part of it looks like one of ours. */
static void show_identity(FILE *out, const char *identity)
{
	AC_FREE char *shown = ac_str_show(identity);
	const char *at = shown;

	for (size_t line = 0; line < ID_LINES && *at != '\0'; line++) {
		size_t n = strlen(at);

		if (n > ID_WIDTH)
			n = ID_WIDTH;
		while (at[n] != '\0' && ((unsigned char)at[n] & 0xc0) == 0x80)
			n--; /* within a character */
		fprintf(out, "\t%s%.*s\n", line != 0 ? "    " : "", (int)n, at);
		at += n;
	}
	if (*at != '\0')
		fprintf(out, "\t    (%zu more bytes)\n", strlen(at));
}

static void show_pgp(FILE *out, const struct ac_pgp_key *k)
{
	fputs("gpg key fingerprint is: ", out);
	print_fingerprint(out, k->fingerprint);
	for (size_t i = 0; i < k->subkeys.n && i < MAX_SHOWN; i++) {
		if (strcmp(k->subkeys.v[i], k->fingerprint) == 0)
			continue;
		fputs("    Subkey fingerprint: ", out);
		print_fingerprint(out, k->subkeys.v[i]);
	}
	if (k->subkeys.n > MAX_SHOWN)
		fprintf(out, "    (%zu more subkeys)\n",
			k->subkeys.n - MAX_SHOWN);
	for (size_t i = 0; i < k->identities.n && i < MAX_SHOWN; i++)
		show_identity(out, k->identities.v[i]);
	if (k->identities.n > MAX_SHOWN)
		fprintf(out, "\t(%zu more user ids)\n",
			k->identities.n - MAX_SHOWN);
	if (k->revoked || k->expired)
		fprintf(out, "\tThis key %s: what it signs will be refused.\n",
			k->revoked ? "is revoked" : "has expired");
}

void trust_keys_show(const struct trust_keys *k, FILE *out)
{
	/* As sha256sum prints it of the key's DER. */
	if (k->pem != NULL)
		fprintf(out, "%s key, its SHA-256 is: %s\n",
			ac_pkey_name(k->pem), k->pem_id);
	for (size_t i = 0; k->pgp != NULL && i < k->n; i++)
		show_pgp(out, &k->pgp[i]);
	(void)fflush(out);
}

int trust_keys_extract(const struct trust_keys *k, size_t i,
		       const struct ac_buf *text, const char *location,
		       char **out, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf pem = AC_BUF_INIT(1 << 16);

	if (k->pem == NULL)
		return ac_pgp_extract(ac_buf_str(text), text->len, location,
				      k->pgp[i].fingerprint, out, err);
	if (ac_pkey_write_public(k->pem, &pem, err) < 0 ||
	    ac_buf_check(&pem, location, err) < 0)
		return -1;
	*out = ac_buf_steal(&pem);
	return 0;
}
