/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actool/cmd.h"
#include "actool/verify.h"
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"

enum { MAX_TEXT = 900 }; /* an error holds no more */

void verdict_release(struct verdict *v)
{
	ac_sigs_release(&v->sigs);
	ac_policy_release(&v->policy);
	free(v->name);
	free(v->id);
}

/* Who made S, as far as it is known. */
static const char *maker(const struct ac_sig *s)
{
	if (s->key != NULL)
		return s->key;
	return s->subkey != NULL ? s->subkey : "";
}

/* "signature by key 0123: why". */
static void add_reason(struct ac_buf *b, const struct ac_sig *s)
{
	const char *who = maker(s);

	ac_buf_addf(b, "%s%s%s%s", *who != '\0' ? "signature by key " : "", who,
		    *who != '\0' ? ": " : "", s->reason);
}

void verdict_decide(struct verdict *v)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_TEXT);
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);
	AC_CLEANUP(ac_strv_release) struct ac_strv signers = AC_STRV_INIT;

	ac_sigs_signers(&v->sigs, &signers);
	v->verified = ac_policy_met(&v->policy, &signers, &why);
	if (v->verified)
		return;
	if (v->policy.require > 1 || v->policy.keys.n != 0)
		ac_buf_adds(&b, ac_buf_str(&why));
	for (size_t i = 0; i < v->sigs.n; i++) {
		if (v->sigs.v[i].reason == NULL)
			continue;
		ac_buf_adds(&b, b.len == 0 ? "" : "; ");
		add_reason(&b, &v->sigs.v[i]);
	}
	if (v->sigs.n == 0)
		ac_buf_addf(&b, "%sno signature in it", b.len == 0 ? "" : "; ");
	(void)ac_err_set(&v->err, AC_E_VERIFY, "%s", ac_buf_str(&b));
}

static void tell_good(const char *file, const struct ac_sig *s)
{
	AC_FREE char *who = ac_str_show(s->identity);

	printf("%s: good signature by %s, key %s\n", file,
	       s->identity != NULL ? who : "a key without a name", s->key);
}

void verdict_tell(const struct verdict *v)
{
	AC_FREE char *file = ac_str_show(v->file);

	if (!v->verified) {
		(void)tell_file(v->file, &v->err);
		return;
	}
	for (size_t i = 0; i < v->sigs.n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(MAX_TEXT);
		AC_FREE char *why = NULL;

		if (v->sigs.v[i].reason == NULL) {
			tell_good(file, &v->sigs.v[i]);
			continue;
		}
		add_reason(&b, &v->sigs.v[i]);
		why = ac_str_show(ac_buf_str(&b));
		ac_warn("%s: %s; it does not count", file, why);
	}
}

/* As JSON has times: RFC 3339, in UTC. */
static void set_time(struct ac_json *o, const char *key, int64_t seconds)
{
	const time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (seconds >= 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) != 0)
		ac_json_set_str(o, key, text);
}

static void set_text(struct ac_json *o, const char *key, const char *text)
{
	if (text != NULL)
		ac_json_set_str(o, key, text);
}

static struct ac_json *sig_json(const struct ac_sig *s)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "kind", s->kind);
	set_text(o, "key", s->key);
	set_text(o, "subkey", s->subkey);
	set_text(o, "identity", s->identity);
	set_time(o, "created", s->created);
	set_text(o, "reason", s->reason);
	return o;
}

struct ac_json *verdict_json(const struct verdict *v)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *good = ac_json_array();
	struct ac_json *rejected = ac_json_array();

	ac_json_set_str(o, "file", v->file);
	ac_json_set(o, "verified", ac_json_new_bool(v->verified));
	ac_json_set_int(o, "required", (int64_t)v->policy.require);
	if (!v->verified)
		ac_json_set_str(o, "error", v->err.msg);
	/* Nobody vouches for the name in an unverified file. */
	set_text(o, "name", v->verified ? v->name : NULL);
	set_text(o, "id", v->verified ? v->id : NULL);
	for (size_t i = 0; i < v->sigs.n; i++)
		ac_json_push(v->sigs.v[i].reason == NULL ? good : rejected,
			     sig_json(&v->sigs.v[i]));
	ac_json_set(o, "good", good);
	ac_json_set(o, "rejected", rejected);
	return o;
}
