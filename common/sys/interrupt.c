/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "common/base/err.h"

/* A handler has no arguments but the signal. */
static atomic_int flag;

static void on_signal(int sig)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&flag, &none, sig) && none == -1)
		atomic_store(&flag, sig);
}

const atomic_int *ac_interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal,
			       .sa_flags = SA_RESTART | (int)SA_RESETHAND};

	for (size_t i = 0; i < AC_LEN(signals); i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	}
	return &flag;
}

void ac_interrupt_halt(void)
{
	int none = 0;

	(void)atomic_compare_exchange_strong(&flag, &none, -1);
}

int ac_interrupt_check(struct ac_err *err)
{
	if (atomic_load(&flag) == 0)
		return 0;
	return ac_err_sys(err, EINTR, "stopped");
}

int ac_interrupt_code(void)
{
	int sig = atomic_load(&flag);

	return sig > 0 ? 128 + sig : 0;
}
