/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash SEED KILLS COMMANDS CHECK
 *
 * Run the commands of the file COMMANDS, four at once and each time another,
 * and kill -9 most of them at a random moment, until KILLS were killed.  A line
 * there is KIND, the id of the image it is about (or -), and the command, its
 * words parted by blanks: "pull" prints the id, "rm" removes that image, "may"
 * may fail because the image is not there; these two also because it is in use;
 * "must" has to succeed.
 *
 * $TOOLDIR/faulty kills some at one of their system calls and slows others
 * down.
 *
 * Each time ten were killed the rest ends in peace, and the shell
 * command CHECK looks at what is there; $IDS are the images of which a pull
 * said that they are there, when no removal began since.
 *
 * What is done is the same for the same SEED, but for how the processes get
 * along with each other.  How fast the machine is makes no difference to the
 * answer: a command has five minutes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

/* How a command is killed: after some time; the same while each of its calls
 * that matter is slowed down, so that more moments are between two of them; at
 * the Nth of them. */
enum way {
	AT_TIME,
	SLOWED,
	AT_CALL,
	WAYS,
};

enum {
	SLOTS = 4,
	BATCH = 10,
	HANG_MS = 300000,
	FINISH = 4,  /* one in so many is not killed */
	DELAY = 400, /* microseconds at a call, at most */
	CALLS = 150, /* of a command, at most: more are not missed */
};

struct command {
	char *kind;
	char *id;
	struct ac_strv argv;
	double ms[WAYS]; /* how long it takes */
	int begun, killed;
};

struct slot {
	struct command *c; /* NULL: free */
	enum way way;
	pid_t pid;
	int pidfd;
	int out; /* its standard output and error, in a file without a name */
	double begun;
	double kill_at; /* HUGE when it may end in peace */
	bool killed;
	bool removal_beside; /* of the image that it pulls */
};

static struct command *commands;
static size_t n_commands;
static struct slot slots[SLOTS];
static struct ac_set present; /* ids */
static uint64_t state;
static unsigned int kills;
static char *faulty; /* the program, beside this one */

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static double unit_random(void)
{
	return (double)(next_random() >> 11) / (double)(1ULL << 53);
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct command parse(struct ac_str line)
{
	struct command c = {.ms = {20, 40, 40}};
	struct ac_str word;

	while (line.len != 0) {
		(void)ac_str_cut(&line, ' ', &word);
		ac_strv_pushf(&c.argv, "%.*s", AC_STR_FMT(word));
	}
	if (c.argv.n < 3)
		die("a line of the commands");
	c.kind = c.argv.v[0];
	c.id = c.argv.v[1];
	return c;
}

static void read_commands(const char *path)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 20);
	struct ac_str rest;
	struct ac_str line;
	struct ac_err err;

	if (ac_io_read_file(AT_FDCWD, path, &text, &err) < 0)
		die(path);
	rest = ac_str(ac_buf_str(&text));
	while (ac_str_cut(&rest, '\n', &line)) {
		commands = ac_xrealloc(commands, n_commands + 1,
				       sizeof(*commands));
		commands[n_commands++] = parse(line);
	}
}

static bool is(const struct command *c, const char *kind)
{
	return strcmp(c->kind, kind) == 0;
}

/* Is a removal (or a pull) of ID under way? */
static void removal_begins(const char *id)
{
	(void)ac_set_del(&present, id);
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].c != NULL && strcmp(slots[i].c->id, id) == 0)
			slots[i].removal_beside = true;
}

static bool removal_runs(const char *id)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].c != NULL && is(slots[i].c, "rm") &&
		    strcmp(slots[i].c->id, id) == 0)
			return true;
	return false;
}

/* Become the command. */
static _Noreturn void become(const struct command *c, enum way way,
			     uint64_t number)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv v = AC_STRV_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way == SLOWED)
		ac_strv_pushf(&v, "-d%d,%" PRIu64, DELAY, number);
	if (way == AT_CALL)
		ac_strv_pushf(&v, "-kn%" PRIu64, 1 + number % CALLS);
	if (way != AT_TIME)
		ac_strv_unshift(&v, faulty);
	for (size_t i = 2; i < c->argv.n; i++)
		ac_strv_push(&v, c->argv.v[i]);
	(void)execvp(v.v[0], v.v);
	die(v.v[0]);
}

static void start(struct slot *s)
{
	struct command *c = &commands[next_random() % n_commands];
	double part = unit_random();
	uint64_t number = next_random();
	bool finish = next_random() % FINISH == 0;

	*s = (struct slot){.c = NULL, .removal_beside = removal_runs(c->id)};
	s->way = (enum way)(next_random() % WAYS);
	finish = finish || s->way == AT_CALL;
	if (is(c, "rm"))
		removal_begins(c->id);
	s->out = memfd_create("out", MFD_CLOEXEC);
	s->begun = now_ms();
	s->kill_at = finish ? 1e300 : s->begun + part * c->ms[s->way] * 1.2;
	s->pid = fork();
	if (s->out < 0 || s->pid < 0)
		die("start");
	if (s->pid == 0) {
		(void)dup2(s->out, STDOUT_FILENO);
		(void)dup2(s->out, STDERR_FILENO);
		become(c, s->way, number);
	}
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		die("pidfd");
	s->c = c;
	c->begun++;
}

static void failed(const struct slot *s, const char *text, const char *why)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	for (size_t i = 2; i < s->c->argv.n; i++)
		ac_buf_addf(&b, " %s", s->c->argv.v[i]);
	(void)printf("%s:%s\n%s\n", why, ac_buf_str(&b), text);
	exit(1);
}

/* Is it right to fail, having said TEXT?  When the image is not there, or in
 * use.  A part of it is missing only while somebody removes it. */
static bool may_fail(const struct slot *s, const char *text)
{
	if (!is(s->c, "rm") && !is(s->c, "may"))
		return false;
	if (strstr(text, "is used by") != NULL)
		return true;
	return strstr(text, "not in the store") != NULL &&
	       (s->removal_beside || (strstr(text, "blob '") == NULL &&
				      strstr(text, "layer '") == NULL));
}

/* It was not killed: is what it said and did right? */
static void judge(const struct slot *s, int status)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(1 << 20);
	struct ac_err err;
	const char *said;

	(void)lseek(s->out, 0, SEEK_SET);
	if (ac_io_slurp(s->out, &text, "output", &err) < 0)
		die("output");
	said = ac_buf_str(&text);
	if (status == 0) {
		if (is(s->c, "pull") && strstr(said, s->c->id) == NULL)
			failed(s, said, "another id");
		if (is(s->c, "pull") && !s->removal_beside)
			(void)ac_set_add(&present, s->c->id);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && may_fail(s, said))
		return;
	failed(s, said, "it failed");
}

static void ended(struct slot *s)
{
	double *ms = &s->c->ms[s->way];
	int status = 0;

	if (waitpid(s->pid, &status, 0) != s->pid)
		die("wait");
	if ((s->killed || s->way == AT_CALL) && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGKILL) {
		kills++;
		s->c->killed++;
	} else {
		*ms += (now_ms() - s->begun - *ms) / 4;
		judge(s, status);
	}
	(void)close(s->pidfd);
	(void)close(s->out);
	s->c = NULL;
}

/* Kill those whose time has come; when is the next? */
static double kill_due(void)
{
	double t = now_ms();
	double next = t + 1000;

	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];

		if (s->c == NULL || s->killed)
			continue;
		if (s->kill_at <= t) {
			s->killed = true;
			(void)kill(s->pid, SIGKILL);
		} else if (s->kill_at < next) {
			next = s->kill_at;
		}
		if (t - s->begun > HANG_MS)
			failed(s, "", "it hangs");
	}
	return next;
}

/* Until one ends; true when none runs. */
static bool step(void)
{
	struct pollfd p[SLOTS];
	double ms = kill_due() - now_ms();
	struct timespec t = {.tv_nsec = ms > 0 ? (long)(ms * 1e6) : 0};
	bool idle = true;

	if (t.tv_nsec > 999999999)
		t.tv_nsec = 999999999;
	for (int i = 0; i < SLOTS; i++)
		p[i] = (struct pollfd){.fd = slots[i].c != NULL ? slots[i].pidfd
								: -1,
				       .events = POLLIN};
	(void)ppoll(p, SLOTS, &t, NULL);
	for (int i = 0; i < SLOTS; i++) {
		if (slots[i].c != NULL && p[i].revents != 0)
			ended(&slots[i]);
		idle = idle && slots[i].c == NULL;
	}
	return idle;
}

/* Children of the killed are ours now; they end with their parents. */
static void no_orphans(void)
{
	double until = now_ms() + HANG_MS;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid == 0 && now_ms() > until) {
			(void)puts("a killed command's child lives on");
			exit(1);
		}
		if (pid == 0)
			(void)poll(NULL, 0, 5);
	}
}

static void look(const char *check)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf ids = AC_BUF_INIT(1 << 16);
	const char *id;
	size_t it = 0;
	int status = 0;
	pid_t pid;

	no_orphans();
	while ((id = ac_set_next(&present, &it)) != NULL)
		ac_buf_addf(&ids, "%s ", id);
	(void)setenv("IDS", ac_buf_str(&ids), 1);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", check, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("check");
	if (status != 0) {
		(void)printf("after %u kills; reported present: %s\n", kills,
			     ac_buf_str(&ids));
		exit(1);
	}
}

static void batch(unsigned int until, const char *check)
{
	while (kills < until) {
		for (int i = 0; i < SLOTS; i++)
			if (slots[i].c == NULL)
				start(&slots[i]);
		(void)step();
	}
	for (int i = 0; i < SLOTS; i++)
		slots[i].kill_at = 1e300;
	while (!step())
		continue;
	look(check);
}

int main(int argc, char **argv)
{
	uint64_t seed = 0;
	uint64_t n = 0;

	if (argc != 5 || getenv("TOOLDIR") == NULL ||
	    ac_num_u64(ac_str(argv[1]), &seed) < 0 ||
	    ac_num_max(ac_str(argv[2]), 1000000, &n) < 0) {
		(void)fputs("usage: crash SEED KILLS COMMANDS CHECK\n", stderr);
		return 2;
	}
	state = seed;
	(void)printf("seed %" PRIu64 "\n", seed);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	faulty = ac_path_join(getenv("TOOLDIR"), "faulty");
	read_commands(argv[3]);
	while (kills < n) {
		unsigned int until = kills + BATCH;

		batch(until < n ? until : (unsigned int)n, argv[4]);
	}
	for (size_t i = 0; i < n_commands; i++)
		(void)printf("%s %.20s: %d begun, %d killed, %.0f ms\n",
			     commands[i].kind, commands[i].id,
			     commands[i].begun, commands[i].killed,
			     commands[i].ms[AT_TIME]);
	return 0;
}
