/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "run/sandbox/engine.h"
#include "run/sandbox/plan.h"
#include "run/sandbox/tty.h"

/* One wait: what to poll, and what came. */
struct wait {
	struct sb_live *live;
	const struct sb_events *ev;
	struct ac_err *err;
	bool failed; /* *err is set */
};

static int send_signal(int pidfd, int sig, siginfo_t *info)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, 0);
}

int sb_stop(int pidfd, unsigned int grace_ms, struct ac_err *err)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = PLAN_STOP_SIGNAL;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = (int)grace_ms;
	if (send_signal(pidfd, PLAN_STOP_SIGNAL, &info) == 0 || errno == ESRCH)
		return 0;
	/* An app can fill its user's queue of signals.  One without a value
	 * needs no place in it: the grace is then the one the pod began
	 * with. */
	if (errno == EAGAIN &&
	    (send_signal(pidfd, PLAN_STOP_SIGNAL, NULL) == 0 || errno == ESRCH))
		return 0;
	return ac_err_sys(err, errno, "signal the pod");
}

static const char *app_name(const struct wait *w, uint32_t i)
{
	return i < w->live->pod->n_apps ? w->live->pod->apps[i].name : NULL;
}

/* The first failure is the one that is told. */
static void failed(struct wait *w, const struct plan_event *e)
{
	const char *name = app_name(w, e->app);

	if (w->failed)
		return;
	w->failed = true;
	if (e->sys != 0)
		(void)ac_err_sys(w->err, e->sys, "%s", e->text);
	else
		(void)ac_err_set(w->err, AC_E_INVALID, "%s", e->text);
	if (name != NULL)
		(void)ac_err_ctx(w->err, "app '%s'", name);
}

static void warn(const struct wait *w, const struct plan_event *e)
{
	const char *name = app_name(w, e->app);

	ac_warn("%s%s%s: %s", name != NULL ? "app '" : "pod",
		name != NULL ? name : "", name != NULL ? "'" : "",
		e->sys != 0 ? strerror(e->sys) : e->text);
}

static void handler(const struct wait *w, const struct plan_event *e)
{
	const char *name = app_name(w, e->app);

	ac_warn("app '%s': an event handler ended with %s %d",
		name != NULL ? name : "?",
		WIFSIGNALED(e->status) ? "signal" : "status",
		WIFSIGNALED(e->status) ? WTERMSIG(e->status)
				       : WEXITSTATUS(e->status));
}

static void take_event(struct wait *w, struct plan_event *e)
{
	e->text[sizeof(e->text) - 1] = '\0';
	switch ((enum plan_event_kind)e->kind) {
	case PLAN_EV_ENDED:
		if (w->ev->ended != NULL && e->app < w->live->pod->n_apps)
			w->ev->ended(w->ev->ctx, e->app, e->status);
		break;
	case PLAN_EV_HANDLER:
		handler(w, e);
		break;
	case PLAN_EV_FAILED:
		failed(w, e);
		break;
	case PLAN_EV_WARNING:
		warn(w, e);
		break;
	}
}

/* All events that are there.  False at the end of the pipe. */
static bool take_events(struct wait *w)
{
	struct plan_event e[4];
	ssize_t n = read(w->live->events, e, sizeof(e));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (size_t i = 0; i < (size_t)n / sizeof(e[0]); i++)
		take_event(w, &e[i]);
	return n != 0;
}

/* What is sent to acrun is meant for its apps. */
static void forward(const struct wait *w)
{
	struct signalfd_siginfo s;

	while (read(w->live->signals, &s, sizeof(s)) == sizeof(s))
		if (s.ssi_signo != SIGWINCH)
			(void)send_signal(w->live->pidfd, (int)s.ssi_signo,
					  NULL);
		else if (w->live->tty != NULL)
			tty_resize(w->live->tty);
}

enum { POLL_EVENTS, POLL_SIGNALS, POLL_POD, POLL_FIXED };

static size_t fill(const struct wait *w, struct pollfd *p)
{
	const struct sb_live *l = w->live;

	p[POLL_EVENTS] = (struct pollfd){.fd = l->events, .events = POLLIN};
	p[POLL_SIGNALS] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	p[POLL_POD] = (struct pollfd){.fd = l->pidfd, .events = POLLIN};
	for (size_t i = 0; i < l->n_outs; i++)
		p[POLL_FIXED + i] =
			(struct pollfd){.fd = l->outs[i].fd, .events = POLLIN};
	if (l->tty == NULL)
		return POLL_FIXED + l->n_outs;
	tty_poll(l->tty, p + POLL_FIXED + l->n_outs);
	return POLL_FIXED + l->n_outs + TTY_POLLS;
}

static void copy_out(struct wait *w, const struct pollfd *p)
{
	for (size_t i = 0; i < w->live->n_outs; i++) {
		struct sb_out *out = &w->live->outs[i];

		if (p[i].revents == 0 || out->fd < 0)
			continue;
		if (!out_copy(out, app_name(w, (uint32_t)out->app))) {
			(void)close(out->fd);
			out->fd = -1;
		}
	}
}

static bool is_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Until the init is gone: then nothing of the pod is left, and what its
 * processes wrote is in the pipes. */
static int watch(struct wait *w)
{
	struct sb_live *l = w->live;
	AC_FREE struct pollfd *p =
		ac_xcalloc(POLL_FIXED + l->n_outs + TTY_POLLS, sizeof(*p));
	bool over = false;

	while (!over) {
		size_t n = fill(w, p);
		int r = poll(p, n, l->tty != NULL ? tty_timeout(l->tty) : -1);

		if (r < 0 && errno != EINTR)
			return ac_err_sys(w->err, errno, "wait for the pod");
		if (r == 0 && l->tty != NULL)
			tty_tell_again(l->tty);
		over = p[POLL_POD].revents != 0;
		if (p[POLL_EVENTS].revents != 0 && l->events >= 0 &&
		    !take_events(w)) {
			(void)close(l->events);
			l->events = -1;
		}
		if (p[POLL_SIGNALS].revents != 0)
			forward(w);
		copy_out(w, p + POLL_FIXED);
		if (l->tty != NULL)
			tty_serve(l->tty, p + POLL_FIXED + l->n_outs);
	}
	if (l->tty != NULL)
		tty_drain(l->tty);
	while (l->events >= 0 && take_events(w))
		;
	/* What was written is there now.  The end of the file need not be: an
	 * app may have handed its output to somebody outside. */
	for (size_t i = 0; i < l->n_outs; i++)
		while (l->outs[i].fd >= 0 && is_ready(l->outs[i].fd) &&
		       out_copy(&l->outs[i],
				app_name(w, (uint32_t)l->outs[i].app)))
			;
	return 0;
}

static int reap(struct sb_live *l, struct ac_err *err)
{
	int status = 0;
	pid_t r;

	do {
		r = waitpid(l->pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return ac_err_sys(err, errno, "wait for the pod's init");
	l->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

int sb_wait(struct sb_live *live, const struct sb_events *ev,
	    struct ac_err *err)
{
	struct wait w = {.live = live, .ev = ev, .err = err};
	struct ac_err gone = AC_ERR_INIT;
	int code;

	if (watch(&w) < 0)
		return -1;
	code = reap(live, err);
	if (code != 0 && cgroup_oom(live->groups))
		ac_warn("the pod's memory limit was reached: a process was "
			"killed");
	/* Left for gc when it does not work now. */
	if (sb_cgroups_remove(&live->cgroups, &gone) < 0)
		ac_warn("%s", gone.msg);
	if (w.failed)
		return -1;
	return code;
}

void sb_release(struct sb_live *live)
{
	if (live->pid > 0) {
		(void)kill(live->pid, SIGKILL);
		(void)waitpid(live->pid, NULL, 0);
	}
	for (size_t i = 0; i < live->n_outs; i++)
		ac_own_closep(&live->outs[i].fd);
	free(live->outs);
	ac_own_closep(&live->pidfd);
	ac_own_closep(&live->events);
	ac_own_closep(&live->signals);
	tty_free(live->tty);
	ac_strv_release(&live->cgroups);
	ac_strv_release(&live->warnings);
	cgroup_free(live->groups);
	*live = SB_LIVE_INIT;
}
