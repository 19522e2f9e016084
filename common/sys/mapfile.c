/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/mapfile.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/err.h"

/* What the handler may look at: set before it is installed. */
static const uint8_t *volatile guarded;
static volatile size_t guarded_len;
static volatile sig_atomic_t hurt;
static size_t page;
static struct sigaction before;

/* A fault in the map: put an empty page there and go on.  Any other is what it
 * was before: the handler is taken away and the instruction faults again. */
static void on_bus(int sig, siginfo_t *info, void *context)
{
	uintptr_t where = (uintptr_t)info->si_addr;

	(void)context;
	if (guarded != NULL && where >= (uintptr_t)guarded &&
	    where - (uintptr_t)guarded < guarded_len &&
	    mmap((uint8_t *)info->si_addr - where % page, page, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != MAP_FAILED) {
		hurt = 1;
		return;
	}
	(void)sigaction(sig, &before, NULL);
}

int ac_mapfile_open(struct ac_mapfile *m, int fd, size_t len, const char *what,
		    struct ac_err *err)
{
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return ac_err_sys(err, errno, "map '%s'", what);
	(void)madvise(p, len, MADV_SEQUENTIAL);
	page = (size_t)sysconf(_SC_PAGESIZE);
	hurt = 0;
	guarded = p;
	guarded_len = (len + page - 1) / page * page;
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, &before) < 0) {
		int saved = errno;

		(void)munmap(p, len);
		guarded = NULL;
		return ac_err_sys(err, saved, "guard the map of '%s'", what);
	}
	*m = (struct ac_mapfile){.p = p, .len = len};
	return 0;
}

bool ac_mapfile_intact(const struct ac_mapfile *m)
{
	return m->p == NULL || hurt == 0;
}

void ac_mapfile_release(struct ac_mapfile *m)
{
	if (m->p == NULL)
		return;
	(void)sigaction(SIGBUS, &before, NULL);
	guarded = NULL;
	(void)munmap((void *)(uintptr_t)m->p, m->len);
	*m = AC_MAPFILE_INIT;
}
