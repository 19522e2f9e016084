/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/sys/confine_priv.h"
#include "common/sys/tmpdir.h"

/* The kernel's linux/landlock.h, which is older in Debian 12 than what kernels
 * can: Documentation/userspace-api/landlock.rst. */
enum {
	CREATE = 444,
	ADD_RULE = 445,
	RESTRICT = 446,
	PATH_BENEATH = 1,
	QUERY_ABI = 1,

	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	REMOVE_DIR = 1 << 4,
	MAKE_ANY = 0x1fe0, /* also REMOVE_FILE: bits 5 to 12 */
	REFER = 1 << 13,
	TRUNCATE = 1 << 14,
	IOCTL_DEV = 1 << 15,

	NET_BIND = 1 << 0,
	NET_CONNECT = 1 << 1,

	SCOPE_ABSTRACT_UNIX = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,

	READS = READ_FILE | READ_DIR,
	PROGRAMS = READS | EXECUTE,
	OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV,
	DEVICE = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV,
	/* Nothing of an image is executed. */
	WRITES = READS | WRITE_FILE | REMOVE_DIR | MAKE_ANY | REFER | TRUNCATE,
};

enum { MAX_LINKS = 4096 };

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct rules {
	int fd;
	uint64_t fs; /* what this kernel can restrict */
};

/* What programs need of a system, wherever they are installed. */
static const char *const programs[] = {
	"/usr",   "/bin",    "/sbin",      "/lib",       "/lib32",
	"/lib64", "/libx32", "/gnu/store", "/nix/store",
};

static const char *const files[] = {
	"/etc/alternatives",
	"/etc/crypto-policies",
	"/etc/gcrypt",
	"/etc/gnupg",
	"/etc/group",
	"/etc/ld.so.cache",
	"/etc/ld.so.preload",
	"/etc/localtime",
	"/etc/nsswitch.conf",
	"/etc/passwd",
	"/etc/pki/tls/openssl.cnf",
	"/etc/ssl/openssl.cnf",
	"/proc/self",
	"/proc/cpuinfo",
	"/proc/filesystems",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/sys/crypto",
	"/proc/sys/vm",
	"/sys/devices/system/cpu",
};

/* And to find and believe servers. */
static const char *const net_files[] = {
	"/etc/ca-certificates",  "/etc/gai.conf",
	"/etc/host.conf",        "/etc/hosts",
	"/etc/networks",         "/etc/pki/ca-trust",
	"/etc/pki/tls/cert.pem", "/etc/pki/tls/certs",
	"/etc/protocols",        "/etc/resolv.conf",
	"/etc/services",         "/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",     "/etc/ssl/certs",
	"/etc/static",           "/run/NetworkManager",
	"/run/connman",          "/run/nscd",
	"/run/resolvconf",       "/run/systemd/resolve",
	"/var/cache/nscd",       "/var/lib/ca-certificates",
	"/var/lib/sss/mc",
};

static const char *const devices[] = {
	"/dev/null", "/dev/zero",   "/dev/full",
	"/dev/tty",  "/dev/random", "/dev/urandom",
};

/* Where the environment puts such things: files, or lists of directories. */
static const char *const variables[] = {
	"LD_LIBRARY_PATH", "LD_PRELOAD",   "OPENSSL_CONF",
	"OPENSSL_MODULES", "SSL_CERT_DIR", "SSL_CERT_FILE",
};

static void allow(const struct rules *r, const char *path, uint64_t what)
{
	AC_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct path_beneath b = {.allowed = what & r->fs, .fd = fd};
	struct stat st;

	/* What is not there, or closed to us, needs no rule; without one for
	 * another reason, "permission denied" would be all that is said. */
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES &&
	    errno != ELOOP && errno != ENAMETOOLONG)
		ac_warn("confined more than it should be: '%s': %s", path,
			strerror(errno));
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode))
		b.allowed &= OF_FILES;
	/* A pipe, for one, is in no directory and is never refused. */
	if (b.allowed != 0 &&
	    syscall(ADD_RULE, r->fd, PATH_BENEATH, &b, 0) < 0 &&
	    errno != EBADFD)
		ac_debug("not confined as it should be: '%s': %s", path,
			 strerror(errno));
}

static void allow_all(const struct rules *r, const char *const *v, size_t n,
		      uint64_t what)
{
	for (size_t i = 0; i < n; i++)
		allow(r, v[i], what);
}

/* Certificates are found by links (openssl-rehash(1)), which may lead out of
 * their directory. */
static void allow_links(const struct rules *r, const char *dir)
{
	AC_CLOSEDIR DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	while (d != NULL && n < MAX_LINKS && (e = readdir(d)) != NULL) {
		AC_FREE char *path = NULL;

		if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
			continue;
		path = ac_xasprintf("%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			allow(r, path, READ_FILE);
		n++;
	}
}

static void allow_variables(const struct rules *r)
{
	for (size_t i = 0; i < AC_LEN(variables); i++) {
		struct ac_str rest = ac_str(getenv(variables[i]));

		while (rest.len != 0) {
			AC_FREE char *path = NULL;
			struct ac_str one;

			(void)ac_str_cut(&rest, ':', &one);
			path = ac_xstrndup(one.p, one.len);
			allow(r, path, PROGRAMS);
			if (strcmp(variables[i], "SSL_CERT_DIR") == 0)
				allow_links(r, path);
		}
	}
}

/* The resolver's file may be replaced while we run: its directory, unless that
 * has all secrets of the machine. */
static void allow_resolver(const struct rules *r)
{
	AC_FREE char *real = realpath("/etc/resolv.conf", NULL);
	char *slash = real != NULL ? strrchr(real, '/') : NULL;

	if (slash == NULL || slash == real)
		return;
	*slash = '\0';
	if (strcmp(real, "/etc") != 0)
		allow(r, real, READS);
}

static void fill(const struct rules *r, const struct ac_confine *c,
		 unsigned int flags, const char *tmp)
{
	allow_all(r, programs, AC_LEN(programs), PROGRAMS);
	allow_all(r, files, AC_LEN(files), READS);
	allow_all(r, devices, AC_LEN(devices), DEVICE);
	allow(r, "/proc", READ_DIR); /* whoever closes all descriptors */
	allow_variables(r);
	if ((flags & AC_CONFINE_NET) != 0) {
		allow_all(r, net_files, AC_LEN(net_files), READS);
		allow_resolver(r);
	}
	for (size_t i = 0; i < c->reads.n; i++)
		allow(r, c->reads.v[i], READS);
	for (size_t i = 0; i < c->writes.n; i++)
		allow(r, c->writes.v[i], WRITES);
	if (tmp != NULL) {
		AC_FREE char *parent = ac_xasprintf("%s/..", tmp);

		allow(r, tmp, WRITES);
		allow(r, parent, REMOVE_DIR); /* in the end */
	}
#ifdef AC_COVERAGE_DIR
	allow(r, AC_COVERAGE_DIR, WRITES);
#endif
}

static uint64_t known_rights(long abi)
{
	uint64_t fs = PROGRAMS | WRITES;

	if (abi < 3)
		fs &= ~(uint64_t)TRUNCATE;
	return abi >= 5 ? fs | IOCTL_DEV : fs;
}

static void refused(const char *what)
{
	ac_debug("not confined by Landlock: %s: %s", what, strerror(errno));
}

struct trial {
	int dir;
	bool refused;
};

/* In a thread of its own, which alone is restricted: refuse renames, allow them
 * everywhere, and see whether they work. */
static void *try_rename(void *ctx)
{
	struct trial *t = ctx;
	struct ruleset_attr a = {.fs = REFER};
	struct rules r = {.fs = REFER};

	if (mkdirat(t->dir, "a", 0700) < 0 || mkdirat(t->dir, "b", 0700) < 0 ||
	    mknodat(t->dir, "a/f", S_IFREG | 0600, 0) < 0)
		return NULL;
	r.fd = (int)syscall(CREATE, &a, sizeof(a), 0);
	if (r.fd < 0)
		return NULL;
	allow(&r, "/", REFER);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(RESTRICT, r.fd, 0) == 0)
		t->refused = renameat(t->dir, "a/f", t->dir, "b/f") < 0 &&
			     errno == EXDEV;
	(void)close(r.fd);
	return NULL;
}

bool ac_confine_landlock_fits(const char *parent)
{
	AC_CLEANUP(ac_tmpdir_release) struct ac_tmpdir dir = AC_TMPDIR_INIT;
	struct ac_err ignored = AC_ERR_INIT;
	struct trial t = {.refused = false};
	pthread_t thread;

	if (syscall(CREATE, NULL, 0, QUERY_ABI) < 2)
		return true; /* the kernel's answer */
	if (ac_tmpdir_make(&dir, parent, AC_CONFINE_TMP_PREFIX, &ignored) < 0)
		return false;
	t.dir = dir.fd;
	if (pthread_create(&thread, NULL, try_rename, &t) == 0)
		(void)pthread_join(thread, NULL);
	return !t.refused;
}

void ac_confine_landlock(const struct ac_confine *c, unsigned int flags,
			 const char *tmp, bool for_files)
{
	long abi = syscall(CREATE, NULL, 0, QUERY_ABI);
	struct ruleset_attr a = {.fs = known_rights(abi)};
	struct rules r = {.fd = -1, .fs = a.fs};
	AC_CLOSE int fd = -1;

	if (abi >= 4)
		a.net = NET_BIND;
	if (abi >= 4 && (flags & AC_CONFINE_NET) == 0)
		a.net |= NET_CONNECT;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	/* The first version refuses every rename between directories. */
	if (abi >= 0 && abi < 2) {
		errno = EOPNOTSUPP;
		abi = -1;
	}
	if (abi < 0) {
		refused("this kernel");
		return;
	}
	if (!for_files) {
		ac_debug("not confined by Landlock: files: we are confined "
			 "by it already, in a way that would forbid renames");
		a.fs = r.fs = 0;
	}
	if ((a.fs | a.net | a.scoped) == 0)
		return;
	fd = r.fd = (int)syscall(CREATE, &a, sizeof(a), 0);
	if (fd < 0) {
		refused("rules");
		return;
	}
	fill(&r, c, flags, tmp);
	if (syscall(RESTRICT, fd, 0) < 0)
		refused("restrict");
}
