/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/plan.h"

#include <linux/filter.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "run/sandbox/engine.h"

enum { MAX_PLAN = 64 << 20, ALIGN = 8 };

/* N bytes at an aligned offset, zeroed when P is NULL.  Offsets stay right when
 * the buffer moves; pointers would not. */
static uint32_t put(struct ac_buf *b, const void *p, size_t n)
{
	static const char zero[ALIGN];
	size_t at;
	char *room;

	ac_buf_add(b, zero, (ALIGN - b->len % ALIGN) % ALIGN);
	at = b->len;
	room = ac_buf_room(b, n);
	if (room == NULL)
		return 0;
	if (p != NULL && n != 0)
		memcpy(room, p, n);
	else
		memset(room, 0, n);
	b->len += n;
	return (uint32_t)at;
}

static uint32_t put_str(struct ac_buf *b, const char *s)
{
	return s != NULL ? put(b, s, strlen(s) + 1) : 0;
}

static struct plan_list put_list(struct ac_buf *b, const void *p, size_t n,
				 size_t size)
{
	struct plan_list l = {0, (uint32_t)n};

	l.at = put(b, p, n * size);
	return l;
}

/* Offsets, and a zero behind them. */
static struct plan_list put_strv(struct ac_buf *b, char *const *v)
{
	struct plan_list l = {0, 0};

	if (v == NULL)
		return l;
	while (v[l.n] != NULL)
		l.n++;
	l.at = put(b, NULL, (l.n + 1) * sizeof(uint64_t));
	for (uint32_t i = 0; i < l.n; i++) {
		uint64_t at = put_str(b, v[i]);

		if (b->overflow)
			break;
		memcpy(b->p + l.at + i * sizeof(at), &at, sizeof(at));
	}
	return l;
}

static struct plan_list put_tasks(struct ac_buf *b,
				  const struct cgroup_place *place)
{
	int32_t fds[CGROUP_V1_KINDS];
	size_t n = 0;

	for (int k = 0; k < CGROUP_V1_KINDS; k++)
		if (place->tasks[k] >= 0)
			fds[n++] = place->tasks[k];
	return put_list(b, fds, n, sizeof(fds[0]));
}

static struct plan_list put_mounts(struct ac_buf *b, const struct sb_app *app,
				   const struct opened *o)
{
	struct plan_list l =
		put_list(b, NULL, app->n_mounts, sizeof(struct plan_mount));

	for (size_t i = 0; i < app->n_mounts && !b->overflow; i++) {
		struct plan_mount m = {
			.fd = o->mounts[i],
			.target = put_str(b, app->mounts[i].target),
			.is_dir = app->mounts[i].is_dir,
		};

		if (!b->overflow)
			memcpy(b->p + l.at + i * sizeof(m), &m, sizeof(m));
	}
	return l;
}

static uint32_t app_flags(const struct sb_app *app,
			  const struct cgroup_place *place)
{
	return (app->upper < 0 && !app->in_place ? PLAN_READ_ONLY : 0) |
	       (app->no_new_privs ? PLAN_NO_NEW_PRIVS : 0) |
	       (place->own ? PLAN_OWN_CGROUP : 0) |
	       (app->io == SB_IO_TTY ? PLAN_TTY : 0) |
	       (app->group == NULL ? PLAN_USER_GROUP : 0) |
	       (app->paths_open ? PLAN_PATHS_OPEN : 0);
}

static struct plan_app make_app(struct ac_buf *b, const struct start *s,
				size_t i)
{
	const struct sb_app *app = &s->pod->apps[i];
	const struct cgroup_place *place = &s->groups->apps[i];
	struct plan_app a;

	memset(&a, 0, sizeof(a));
	a.name = put_str(b, app->name);
	a.flags = app_flags(app, place);
	a.argv[PLAN_PRE_START] = put_strv(b, app->pre_start);
	a.argv[PLAN_MAIN] = put_strv(b, app->exec);
	a.argv[PLAN_POST_STOP] = put_strv(b, app->post_stop);
	a.env = put_strv(b, app->env);
	a.gids = put_list(b, app->gids, app->n_gids, sizeof(*app->gids));
	a.mounts = put_mounts(b, app, &s->apps[i]);
	a.filter = put_list(b, app->filter, app->n_filter,
			    sizeof(struct sock_filter));
	a.tasks = put_tasks(b, place);
	a.user = put_str(b, app->user);
	a.group = put_str(b, app->group);
	a.cwd = put_str(b, app->cwd);
	a.root_fd = s->apps[i].root;
	a.cgroup_fd = place->v2;
	memcpy(a.stdio, s->apps[i].stdio, sizeof(a.stdio));
	a.oom_score_adj =
		app->has_oom_score_adj ? app->oom_score_adj : PLAN_OOM_KEEP;
	a.caps = app->caps;
	return a;
}

static uint32_t pod_flags(const struct start *s)
{
	bool groups =
		s->groups->v2 != NULL || s->groups->v1[CGROUP_PIDS] != NULL;

	return (s->pod->net == SB_NET_NONE ? PLAN_LOOPBACK : 0) |
	       (groups ? PLAN_CGROUP_NS : 0) |
	       (s->pod->rootless ? PLAN_ROOTLESS : 0) | PLAN_PARENT_DIES;
}

int plan_write(const struct start *s, struct ac_buf *out, struct ac_err *err)
{
	struct plan p;
	uint32_t at = put(out, NULL, sizeof(p));

	memset(&p, 0, sizeof(p));
	p.magic = PLAN_MAGIC;
	p.flags = pod_flags(s);
	p.hostname = put_str(out, s->pod->hostname);
	p.grace_ms = s->pod->grace_ms;
	p.event_fd = s->event_fd;
	p.tty_fd = s->tty_fd;
	p.tasks = put_tasks(out, &s->groups->pod);
	p.nodes = put_list(out, s->nodes, s->n_nodes, sizeof(s->nodes[0]));
	p.apps = put_list(out, NULL, s->pod->n_apps, sizeof(struct plan_app));
	for (size_t i = 0; i < s->pod->n_apps && !out->overflow; i++) {
		struct plan_app a = make_app(out, s, i);

		if (!out->overflow)
			memcpy(out->p + p.apps.at + i * sizeof(a), &a,
			       sizeof(a));
	}
	if (ac_buf_check(out, "the pod's description", err) < 0)
		return -1;
	p.size = (uint32_t)out->len;
	memcpy(out->p + at, &p, sizeof(p));
	return 0;
}
