/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/sysfilter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/sys/sysfilter_policy.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "system call filters know x86-64 and aarch64"
#endif

enum {
	MAX_CALLS = 1024, /* system call numbers we look at */
	MAX_INSNS = 4096, /* the kernel's limit (BPF_MAXINSNS) */
	TIOCSTI_CMD = 0x5412,
	TIOCLINUX_CMD = 0x541c,
	FICLONE_CMD = 0x40049409,
	FICLONERANGE_CMD = 0x4020940d,
	FAMILY_VSOCK = 40,
	/* CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}; NEWTIME only unshare's. */
	NEW_NAMESPACES = 0x7e020000,
	NEW_TIME = 0x80,
};

/* Sorted by name; the names inside, so that nothing needs relocating when
 * acrun starts. */
static const struct {
	int nr;
	char name[28];
} CALLS[] = {
#include "common/sys/syscalls.inc"
};

/* Calls whose arguments are looked at. */
enum special {
	SPECIAL_IOCTL = 1,
	SPECIAL_CLONE,
	SPECIAL_UNSHARE,
	SPECIAL_PERSONALITY,
	SPECIAL_SOCKET,
	SPECIAL_OWN_IOCTL,
	SPECIAL_OWN_NET,
	SPECIAL_OWN_LOCAL, /* the last */
};

static const struct {
	char name[12];
	enum special special;
	uint64_t caps; /* with one of these, nothing is looked at */
} SPECIALS[] = {
	{"ioctl", SPECIAL_IOCTL, 0},
	{"clone", SPECIAL_CLONE, 1ULL << CAP_SYS_ADMIN},
	{"unshare", SPECIAL_UNSHARE, 1ULL << CAP_SYS_ADMIN},
	{"personality", SPECIAL_PERSONALITY, 0},
	{"socket", SPECIAL_SOCKET, 0},
};

/* What is done with each number: a SECCOMP_RET_ value, or an enum special:
 * numbers that no SECCOMP_RET_ value in use here has. */
struct table {
	uint32_t action[MAX_CALLS];
	uint32_t unknown; /* for all beyond */
};

uint32_t ac_filter_arch(void)
{
	return ARCH;
}

static int look_up(struct ac_str name)
{
	size_t low = 0;
	size_t high = AC_LEN(CALLS);

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strncmp(name.p, CALLS[mid].name, name.len);

		if (c == 0 && CALLS[mid].name[name.len] != '\0')
			c = -1;
		if (c == 0)
			return CALLS[mid].nr;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

int ac_filter_syscall(const char *name)
{
	return look_up(ac_str(name));
}

static uint32_t refuse(int error)
{
	return error != 0 ? SECCOMP_RET_ERRNO | ((uint32_t)error & 0xffff)
			  : SECCOMP_RET_KILL_PROCESS;
}

/* Set the action of every call in a list of words. */
static void set_words(struct table *t, const char *words, uint32_t action)
{
	struct ac_str rest = ac_str(words);
	struct ac_str word;

	while (rest.len != 0) {
		int nr;

		(void)ac_str_cut(&rest, ' ', &word);
		nr = word.len != 0 ? look_up(word) : -1;
		if (nr >= 0 && nr < MAX_CALLS)
			t->action[nr] = action;
	}
}

static void set_default(struct table *t, uint64_t caps)
{
	set_words(t, AC_FILTER_ABSENT, refuse(ENOSYS));
	for (const struct ac_filter_group *g = AC_FILTER_GROUPS;
	     g->names != NULL; g++)
		if (g->caps == 0 || (g->caps & caps) != 0)
			set_words(t, g->names, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < AC_LEN(SPECIALS); i++)
		if ((SPECIALS[i].caps & caps) == 0)
			set_words(t, SPECIALS[i].name, SPECIALS[i].special);
}

/* The calls that are known get KNOWN, all others UNKNOWN. */
static void init_table(struct table *t, uint32_t known, uint32_t unknown)
{
	t->unknown = unknown;
	for (size_t i = 0; i < MAX_CALLS; i++)
		t->action[i] = unknown;
	for (size_t i = 0; i < AC_LEN(CALLS); i++)
		if (CALLS[i].nr < MAX_CALLS)
			t->action[CALLS[i].nr] = known;
}

static void add_names(struct table *t, const struct ac_filter_rules *r,
		      uint32_t action, struct ac_strv *unknown)
{
	for (size_t i = 0; i < r->n; i++) {
		int nr = ac_filter_syscall(r->names[i]);

		if (strcmp(r->names[i], "@default") == 0 &&
		    action == SECCOMP_RET_ALLOW)
			set_default(t, r->caps);
		else if (nr >= 0 && nr < MAX_CALLS)
			t->action[nr] = action;
		else if (unknown != NULL)
			ac_strv_push(unknown, r->names[i]);
	}
}

static void fill(struct table *t, const struct ac_filter_rules *r,
		 struct ac_strv *unknown)
{
	uint32_t no = refuse(r->error);
	int nr = ac_filter_syscall("ioctl");

	if (r->mode == AC_FILTER_RETAIN) {
		init_table(t, no, no);
		set_words(t, AC_FILTER_ALWAYS, SECCOMP_RET_ALLOW);
		add_names(t, r, SECCOMP_RET_ALLOW, unknown);
		/* Typing into the caller's terminal is nobody's right. */
		if (t->action[nr] == SECCOMP_RET_ALLOW)
			t->action[nr] = SPECIAL_IOCTL;
		return;
	}
	init_table(t, refuse(EPERM), refuse(ENOSYS));
	set_default(t, r->caps);
	if (r->own != AC_FILTER_NOT_OWN) {
		set_words(t, "ioctl", SPECIAL_OWN_IOCTL);
		set_words(t, "socket",
			  r->own == AC_FILTER_OWN_NET ? SPECIAL_OWN_NET
						      : SPECIAL_OWN_LOCAL);
	}
	if (r->mode == AC_FILTER_REMOVE)
		add_names(t, r, no, unknown);
}

/* Instructions under way; sticky on overflow. */
struct code {
	struct sock_filter *v;
	size_t n;
	bool overflow;
};

static void emit(struct code *c, unsigned int code, uint32_t k, size_t jt,
		 size_t jf)
{
	if (c->n >= MAX_INSNS || jt > 255 || jf > 255) {
		c->overflow = true;
		return;
	}
	c->v[c->n++] = (struct sock_filter){(uint16_t)code, (uint8_t)jt,
					    (uint8_t)jf, k};
}

static void load_arg(struct code *c, unsigned int i)
{
	/* The low half: all that the kernel looks at, in these calls. */
	emit(c, BPF_LD | BPF_W | BPF_ABS,
	     (uint32_t)(offsetof(struct seccomp_data, args) + i * 8), 0, 0);
}

static void ret(struct code *c, uint32_t action)
{
	emit(c, BPF_RET | BPF_K, action, 0, 0);
}

/* Refuse with ERROR when the loaded value is any of V, else allow. */
static void none_of(struct code *c, const uint32_t *v, size_t n, int error)
{
	for (size_t i = 0; i < n; i++)
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, v[i], n - i, 0);
	ret(c, SECCOMP_RET_ALLOW);
	ret(c, refuse(error));
}

static void none_of_bits(struct code *c, uint32_t bits)
{
	emit(c, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	ret(c, refuse(EPERM));
	ret(c, SECCOMP_RET_ALLOW);
}

/* Allow when the loaded value is any of V, else go on. */
static void any_of(struct code *c, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, v[i], 0, 1);
		ret(c, SECCOMP_RET_ALLOW);
	}
}

/* Of a file only reflinks, of others what terminals and sockets have. */
static void own_ioctl(struct code *c)
{
	static const uint32_t calls[] = {FICLONE_CMD, FICLONERANGE_CMD};
	static const uint32_t kinds[] = {0x5400, 0x8900};

	load_arg(c, 1);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI_CMD, 0, 1);
	ret(c, refuse(EPERM));
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX_CMD, 0, 1);
	ret(c, refuse(EPERM));
	any_of(c, calls, AC_LEN(calls));
	emit(c, BPF_ALU | BPF_AND | BPF_K, 0xffffff00, 0, 0);
	any_of(c, kinds, AC_LEN(kinds));
	ret(c, refuse(ENOTTY));
}

static void own_socket(struct code *c, bool net)
{
	static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6};

	load_arg(c, 0);
	any_of(c, families, net ? AC_LEN(families) : 1);
	if (net) {
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3);
		load_arg(c, 2);
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 0, 1);
		ret(c, SECCOMP_RET_ALLOW);
	}
	ret(c, refuse(EAFNOSUPPORT));
}

static void special(struct code *c, enum special s)
{
	static const uint32_t ioctls[] = {TIOCSTI_CMD, TIOCLINUX_CMD};
	static const uint32_t families[] = {FAMILY_VSOCK};
	/* PER_LINUX, PER_LINUX32, each with UNAME26, and the question. */
	static const uint32_t domains[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

	switch (s) {
	case SPECIAL_IOCTL:
		load_arg(c, 1);
		none_of(c, ioctls, AC_LEN(ioctls), EPERM);
		break;
	case SPECIAL_CLONE:
		load_arg(c, 0);
		none_of_bits(c, NEW_NAMESPACES);
		break;
	case SPECIAL_UNSHARE:
		load_arg(c, 0);
		none_of_bits(c, NEW_NAMESPACES | NEW_TIME);
		break;
	case SPECIAL_PERSONALITY:
		load_arg(c, 0);
		for (size_t i = 0; i < AC_LEN(domains); i++)
			emit(c, BPF_JMP | BPF_JEQ | BPF_K, domains[i],
			     AC_LEN(domains) - i, 0);
		ret(c, refuse(EPERM));
		ret(c, SECCOMP_RET_ALLOW);
		break;
	case SPECIAL_SOCKET:
		load_arg(c, 0);
		none_of(c, families, AC_LEN(families), EAFNOSUPPORT);
		break;
	case SPECIAL_OWN_IOCTL:
		own_ioctl(c);
		break;
	case SPECIAL_OWN_NET:
	case SPECIAL_OWN_LOCAL:
		own_socket(c, s == SPECIAL_OWN_NET);
		break;
	}
}

/* A run of numbers with one action, up to the next run's START. */
struct range {
	uint32_t start;
	uint32_t action;
};

static void leaf(struct code *c, uint32_t action)
{
	if (action >= SPECIAL_IOCTL && action <= SPECIAL_OWN_LOCAL)
		special(c, (enum special)action);
	else
		ret(c, action);
}

static void tree(struct code *c, const struct range *r, size_t n)
{
	size_t half = n / 2;
	size_t at = c->n;

	if (n == 1) {
		leaf(c, r[0].action);
		return;
	}
	/* Jumps of a comparison reach 255 instructions: the far side goes by an
	 * unconditional one, whose distance is known afterwards. */
	emit(c, BPF_JMP | BPF_JGE | BPF_K, r[half].start, 0, 1);
	emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
	tree(c, r, half);
	if (c->overflow)
		return;
	if (c->n - at - 1 <= 255) {
		/* Near enough: one instruction does. */
		c->v[at].jt = (uint8_t)(c->n - at - 2);
		c->v[at].jf = 0;
		memmove(&c->v[at + 1], &c->v[at + 2],
			(c->n - at - 2) * sizeof(c->v[0]));
		c->n--;
	} else {
		c->v[at + 1].k = (uint32_t)(c->n - at - 2);
	}
	tree(c, r + half, n - half);
}

int ac_filter_build(struct ac_filter *f, const struct ac_filter_rules *r,
		    struct ac_strv *unknown, struct ac_err *err)
{
	struct table t;
	struct range ranges[MAX_CALLS + 1];
	struct code c = {.v = ac_xcalloc(MAX_INSNS, sizeof(*c.v))};
	size_t n = 0;

	fill(&t, r, unknown);
	for (uint32_t i = 0; i < MAX_CALLS; i++)
		if (n == 0 || ranges[n - 1].action != t.action[i])
			ranges[n++] = (struct range){i, t.action[i]};
	if (ranges[n - 1].action != t.unknown)
		ranges[n++] = (struct range){MAX_CALLS, t.unknown};

	emit(&c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch),
	     0, 0);
	emit(&c, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	ret(&c, SECCOMP_RET_KILL_PROCESS);
	emit(&c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0,
	     0);
	tree(&c, ranges, n);
	if (c.overflow) {
		free(c.v);
		return ac_err_set(err, AC_E_LIMIT,
				  "system call filter: more than %d "
				  "instructions",
				  MAX_INSNS);
	}
	f->insns = ac_xrealloc(c.v, c.n, sizeof(*c.v));
	f->n = c.n;
	return 0;
}

void ac_filter_release(struct ac_filter *f)
{
	free(f->insns);
	*f = AC_FILTER_INIT;
}

uint32_t ac_filter_simulate(const struct sock_filter *insns, size_t n,
			    uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data d = {.nr = (int)nr, .arch = arch};
	uint32_t a = 0;

	memcpy(d.args, args, sizeof(d.args));
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &insns[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)&d + i->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & i->k) != 0;
			break;
		default:
			return SECCOMP_RET_KILL_PROCESS;
		}
		pc += yes ? i->jt : i->jf;
	}
	return SECCOMP_RET_KILL_PROCESS;
}
