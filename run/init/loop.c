/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t now(void)
{
	struct timespec t = {0, 0};

	(void)SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void arm(struct pod *p)
{
	p->kill_at = now() + p->grace;
}

/* End the pod: what runs is asked to, what waits does not begin.  The first
 * failure's code is the pod's. */
static void stop(struct pod *p, int code)
{
	if (p->code == 0)
		p->code = code;
	if (p->stopping)
		return;
	p->stopping = 1;
	for (uint32_t i = 0; i < p->n; i++) {
		struct app *a = &p->apps[i];

		if (a->state == APP_NEW)
			a->state = APP_DONE;
		else if (a->state != APP_DONE && a->state != APP_POST_STOP)
			(void)SYS2(SYS_kill, a->pid, SIGTERM);
	}
	arm(p);
}

static void start_main(struct pod *p, struct app *a)
{
	a->state = APP_RUNNING;
	a->pid = app_start(p, a, PLAN_MAIN);
}

/* Start what may start: in order, each behind the handler of the one before
 * it. */
static void advance(struct pod *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct app *a = &p->apps[i];

		if (a->state == APP_PRE_START)
			return;
		if (a->state != APP_NEW)
			continue;
		if (a->plan->argv[PLAN_PRE_START].n != 0) {
			a->state = APP_PRE_START;
			a->pid = app_start(p, a, PLAN_PRE_START);
			return;
		}
		start_main(p, a);
	}
	/* All are on their way: from here on only signals are needed, and a
	 * process that an app may one day reach holds as little as it can. */
	if (p->proc_fd < 0 && !p->stopping) {
		static int done;

		if (done == 0)
			priv_init();
		done = 1;
	}
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* What the child could not say itself.  True when it never became what it
 * should. */
static int never_began(struct pod *p, struct app *a, int status)
{
	int32_t failed = p->shared->failed[a->index];
	enum plan_stage stage = a->state == APP_PRE_START   ? PLAN_PRE_START
				: a->state == APP_POST_STOP ? PLAN_POST_STOP
							    : PLAN_MAIN;
	const uint64_t *argv = pod_at(p, a->plan->argv[stage].at);

	if (failed == 0 || !WIFEXITED(status))
		return 0;
	p->shared->failed[a->index] = 0;
	if (failed > 0)
		say(p, PLAN_EV_FAILED, a, 0, -failed, "execute '",
		    (const char *)(uintptr_t)argv[0], "'", NULL);
	return 1;
}

static void main_ended(struct pod *p, struct app *a, int status)
{
	int failed = never_began(p, a, status);
	int code = failed ? PLAN_EXIT_SETUP : exit_code(status);

	if (!failed)
		say(p, PLAN_EV_ENDED, a, status, 0, NULL);
	a->state = APP_DONE;
	if (a->plan->argv[PLAN_POST_STOP].n != 0 && !failed && a->ns_fd >= 0) {
		a->state = APP_POST_STOP;
		a->pid = app_start(p, a, PLAN_POST_STOP);
		if (p->stopping)
			arm(p);
	}
	if (code != 0)
		stop(p, code);
}

static void ended(struct pod *p, struct app *a, int status)
{
	switch (a->state) {
	case APP_PRE_START:
		if (!never_began(p, a, status) && status == 0 && !p->stopping) {
			start_main(p, a);
			return;
		}
		if (status != 0)
			say(p, PLAN_EV_HANDLER, a, status, 0, NULL);
		a->state = APP_DONE;
		stop(p, status != 0 ? exit_code(status) : 0);
		return;
	case APP_RUNNING:
		main_ended(p, a, status);
		return;
	case APP_POST_STOP:
		if (!never_began(p, a, status) && status != 0)
			say(p, PLAN_EV_HANDLER, a, status, 0, NULL);
		a->state = APP_DONE;
		return;
	case APP_NEW:
	case APP_DONE:
		return;
	}
}

static void reap(struct pod *p)
{
	for (;;) {
		int status = 0;
		long pid = SYS4(SYS_wait4, -1, &status, WNOHANG, NULL);

		if (pid <= 0)
			return;
		for (uint32_t i = 0; i < p->n; i++) {
			struct app *a = &p->apps[i];

			if (a->state != APP_NEW && a->state != APP_DONE &&
			    a->pid == pid) {
				ended(p, a, status);
				break;
			}
		}
	}
}

/* A signal from outside the pod.  Those from inside have a sender that we can
 * see, and an app does not command the pod. */
static void take(struct pod *p, const siginfo_t *info)
{
	if (info->si_signo == PLAN_STOP_SIGNAL) {
		if (info->si_code == SI_QUEUE && info->si_value.sival_int >= 0)
			p->grace = (uint64_t)info->si_value.sival_int;
		if (p->stopping)
			arm(p);
		stop(p, 0);
		return;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		const struct app *a = &p->apps[i];

		if (a->state == APP_RUNNING || a->state == APP_PRE_START)
			(void)SYS2(SYS_kill, a->pid, info->si_signo);
	}
}

static int all_done(const struct pod *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->apps[i].state != APP_DONE)
			return 0;
	return 1;
}

static void sleep_until(struct pod *p, siginfo_t *info)
{
	struct timespec left = {0, 0};
	uint64_t all = ~0ULL;
	uint64_t t = p->kill_at != 0 ? now() : 0;
	long r;

	if (p->kill_at > t) {
		left.tv_sec = (time_t)((p->kill_at - t) / 1000);
		left.tv_nsec = (long)((p->kill_at - t) % 1000 * 1000000);
	}
	r = SYS4(SYS_rt_sigtimedwait, &all, info,
		 p->kill_at != 0 ? &left : NULL, 8);
	if (r == -EAGAIN && p->kill_at != 0) {
		p->kill_at = 0;
		(void)SYS2(SYS_kill, -1, SIGKILL);
	}
	if (r < 0)
		info->si_signo = 0;
}

int loop_run(struct pod *p)
{
	siginfo_t info;

	advance(p);
	while (!all_done(p)) {
		memset(&info, 0, sizeof(info));
		sleep_until(p, &info);
		if (info.si_signo != 0 && info.si_signo != SIGCHLD &&
		    info.si_pid == 0)
			take(p, &info);
		reap(p);
		advance(p);
	}
	return p->code;
}
