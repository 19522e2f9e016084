/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "common/base/err.h"
#include "convert/cmd.h"

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

void interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	/* The second one is not waited for. */
	struct sigaction sa = {.sa_handler = on_signal,
			       .sa_flags = SA_RESTART | (int)SA_RESETHAND};
	struct sigaction old;

	for (size_t i = 0; i < AC_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
}

int interrupt_check(struct ac_err *err)
{
	if (caught == 0)
		return 0;
	return ac_err_sys(err, EINTR, "stopped");
}

int interrupt_code(const struct ac_err *err)
{
	return caught != 0 && err->code == AC_E_SYS && err->sys == EINTR
		       ? 128 + (int)caught
		       : -1;
}
