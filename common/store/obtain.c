/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/obtain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/store/config.h"
#include "common/store/offers.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"
#include "common/sys/spawn.h"

/* The last line of what acfetch printed: the image's id. */
static char *last_line(const char *text)
{
	struct ac_str s = ac_str_trim(ac_str(text));
	struct ac_str line;

	while (ac_str_cut(&s, '\n', &line))
		;
	return ac_xstrndup(line.p, line.len);
}

enum ac_obtain_policy ac_obtain_policy(const char *name)
{
	if (name != NULL && strcmp(name, "never") == 0)
		return AC_OBTAIN_NEVER;
	return name != NULL && strcmp(name, "update") == 0 ? AC_OBTAIN_UPDATE
							   : AC_OBTAIN_NEW;
}

void ac_obtain_config(const struct ac_config *c, struct ac_strv *argv)
{
	if (c == NULL)
		return;
	if (c->system != NULL)
		ac_strv_pushf(argv, "--system-config=%s", c->system);
	if (c->local != NULL)
		ac_strv_pushf(argv, "--local-config=%s", c->local);
	ac_strv_pushf(argv, "--user-config=%s", c->user != NULL ? c->user : "");
	if (c->rkt)
		ac_strv_push(argv, "--rkt-config");
}

/* What acfetch was told of, and what it tells: its descriptors. */
enum { SECRET = STDERR_FILENO + 1, EVENTS, HIGH };
enum { MAX_EVENT = 64 << 10 }; /* of one line */

static int above(int taken, struct ac_err *err)
{
	AC_CLOSE int fd = taken;
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

	if (fd >= 0 && high < 0)
		return ac_err_sys(err, errno, "duplicate a descriptor");
	return high;
}

/* The reason in the last of the events in FD. */
static char *reason(int fd)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_EVENT);
	AC_FREE char *last = NULL;
	AC_JSON struct ac_json *event = NULL;
	struct ac_err ignored = AC_ERR_INIT;
	off_t size = lseek(fd, 0, SEEK_END);
	const char *text;

	if (lseek(fd, size > MAX_EVENT ? size - MAX_EVENT : 0, SEEK_SET) < 0 ||
	    ac_io_slurp(fd, &b, "events", &ignored) < 0)
		return NULL;
	last = last_line(ac_buf_str(&b));
	event = ac_json_parse(last, strlen(last), "event", &ignored);
	text = ac_json_text(ac_json_get(event, "reason"), NULL);
	return text != NULL ? ac_xstrdup(text) : NULL;
}

static int failed(int events, int code, const char *text, struct ac_err *err)
{
	AC_FREE char *why = reason(events);

	if (why != NULL)
		return ac_err_set(err, AC_E_NOT_FOUND, "%s", why);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "image '%s' was not fetched: acfetch ended with "
			  "status %d",
			  text, code);
}

static void add_options(const struct ac_obtain *o, bool again,
			struct ac_strv *argv)
{
	ac_strv_take(argv, ac_spawn_sibling("acfetch"));
	ac_strv_push(argv, "pull");
	ac_strv_push(argv, "--full");
	ac_strv_pushf(argv, "--events=%d", EVENTS);
	ac_strv_push(argv, "--events-error");
	if (o->dir != NULL)
		ac_strv_pushf(argv, "--dir=%s", o->dir);
	ac_obtain_config(o->config, argv);
	if (again)
		ac_strv_push(argv, "--pull-policy=update");
	if (o->insecure != NULL)
		ac_strv_pushf(argv, "--insecure-options=%s", o->insecure);
	if (o->signature != NULL)
		ac_strv_pushf(argv, "--signature=%s", o->signature);
	for (size_t i = 0; o->limits != NULL && i < o->limits->n; i++)
		ac_strv_pushf(argv, "--limit=%s", o->limits->v[i]);
}

static int fetch(const struct ac_obtain *o, const char *text, bool again,
		 char **id, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(1 << 16);
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLOSE int events = -1;
	AC_CLOSE int secret = -1;
	int fd = memfd_create("events", MFD_CLOEXEC);
	int code;

	if (fd < 0)
		return ac_err_sys(err, errno, "make a file in memory");
	events = above(fd, err);
	if (events < 0)
		return -1;
	add_options(o, again, &argv);
	if (o->secret != NULL && o->secret->known) {
		secret = above(ac_secret_pipe(o->secret, err), err);
		if (secret < 0)
			return -1;
		ac_strv_pushf(&argv, "--passphrase-fd=%d", SECRET);
	}
	ac_strv_push(&argv, text);
	code = ac_spawn_output_with(argv.v,
				    (struct ac_spawn_fd[]){{events, EVENTS},
							   {secret, SECRET}},
				    secret >= 0 ? 2 : 1, &out, err);
	if (code != 0)
		return code < 0 ? -1 : failed(events, code, text, err);
	*id = last_line(ac_buf_str(&out));
	if (ac_image_id_ok(*id, true))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "acfetch pull '%s' printed '%.150s' instead of an "
			  "image id",
			  text, *id);
}

int ac_obtain_store(struct ac_obtain *o, bool create, struct ac_err *err)
{
	AC_FREE char *path = NULL;

	if (o->store.path != NULL)
		return 0;
	if (ac_store_path(o->dir, o->config, &path, err) < 0)
		return -1;
	return ac_store_open(&o->store, path, create, err);
}

/* 1, 0 when the store has none, -1. */
static int look_up(struct ac_obtain *o, const struct ac_ref *ref,
		   struct ac_record *r, struct ac_err *err)
{
	if (ac_obtain_store(o, false, err) < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (ref->kind == AC_REF_ID && ac_image_id_ok(ref->name, true))
		return ac_store_get(&o->store, ref->name, r, err);
	return ac_store_find(&o->store, ref, r, err);
}

/* An image for this machine first, then one that says nothing about it. */
static int look_up_twice(struct ac_obtain *o, struct ac_ref *ref,
			 const char *text, struct ac_record *r,
			 struct ac_err *err)
{
	int found;

	ac_ref_default_platform(ref);
	found = look_up(o, ref, r, err);
	if (found != 0 || ref->kind != AC_REF_NAME)
		return found;
	ac_ref_release(ref);
	if (ac_ref_parse(ref, text, err) < 0)
		return -1;
	return look_up(o, ref, r, err);
}

static int pull(struct ac_obtain *o, const char *text, bool again,
		struct ac_record *r, struct ac_err *err)
{
	AC_FREE char *id = NULL;
	int found;

	if (fetch(o, text, again, &id, err) < 0)
		return -1;
	/* There may have been none before, but others to read. */
	if (o->store.dirfd < 0)
		ac_store_release(&o->store);
	if (ac_obtain_store(o, false, err) < 0)
		return -1;
	found = ac_store_get(&o->store, id, r, err);
	if (found == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image '%s' was fetched and is not in the "
				  "store",
				  id);
	return found < 0 ? -1 : 0;
}

int ac_obtain_pull(struct ac_obtain *o, const char *text, struct ac_record *r,
		   struct ac_err *err)
{
	return pull(o, text, true, r, err);
}

/* The image R of a store whose layers are not for us. */
static int take_over(struct ac_obtain *o, struct ac_record *r,
		     struct ac_err *err)
{
	AC_FREE char *id = ac_xstrdup(r->id);
	const char *signature = o->signature;
	int rc;

	ac_record_release(r);
	/* That is for what comes from elsewhere. */
	o->signature = NULL;
	rc = pull(o, id, false, r, err);
	o->signature = signature;
	return rc;
}

int ac_obtain(struct ac_obtain *o, const char *text, struct ac_record *r,
	      struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	bool known;
	int found = 0;

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	known = ref.kind == AC_REF_ID ||
		(ref.kind != AC_REF_FILE && o->policy != AC_OBTAIN_UPDATE) ||
		o->policy == AC_OBTAIN_NEVER;
	if (known)
		found = look_up_twice(o, &ref, text, r, err);
	if (found > 0 && o->policy != AC_OBTAIN_NEVER &&
	    !ac_store_usable(&o->store, r->id))
		return take_over(o, r, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (o->policy != AC_OBTAIN_NEVER && ref.kind == AC_REF_ID &&
	    o->store.path != NULL && ac_offers_has(&o->store, ref.name))
		return pull(o, text, false, r, err);
	if (ref.kind == AC_REF_ID || o->policy == AC_OBTAIN_NEVER) {
		(void)ac_err_set(err, AC_E_NOT_FOUND,
				 "no image '%s' in the store; 'acfetch image "
				 "list' shows what there is",
				 text);
		return ac_ref_explain(&ref, err);
	}
	return pull(o, text, o->policy == AC_OBTAIN_UPDATE, r, err);
}
