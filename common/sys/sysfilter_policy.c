/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/sysfilter_policy.h"

#include <linux/capability.h>

#define CAP(c) (1ULL << (c))

const char AC_FILTER_ALWAYS[] =
	"execve execveat exit exit_group rt_sigreturn sigreturn getrlimit "
	"ugetrlimit restart_syscall";

/* clone3 passes its flags in memory, where no filter sees them; io_uring does
 * any call behind a filter's back. */
const char AC_FILTER_ABSENT[] =
	"clone3 io_uring_setup io_uring_enter io_uring_register";

const struct ac_filter_group AC_FILTER_GROUPS[] = {
	/* Files and directories. */
	{0,
	 "access chdir chmod chown chown32 close close_range copy_file_range "
	 "creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 "
	 "arm_fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown "
	 "fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr "
	 "flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
	 "fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents "
	 "getdents64 getxattr lchown lchown32 lgetxattr link linkat "
	 "listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat "
	 "lstat64 mkdir mkdirat mknod mknodat newfstatat open openat openat2 "
	 "pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead "
	 "readlink readlinkat readv removexattr rename renameat renameat2 "
	 "rmdir sendfile sendfile64 setxattr splice stat stat64 statfs "
	 "statfs64 statx symlink symlinkat sync sync_file_range "
	 "sync_file_range2 syncfs tee truncate truncate64 umask unlink "
	 "unlinkat utime utimensat utimensat_time64 utimes vmsplice write "
	 "writev cachestat"},
	/* Waiting, watching, asynchronous reading and writing. */
	{0, "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait "
	    "epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 "
	    "fanotify_mark inotify_add_watch inotify_init inotify_init1 "
	    "inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents "
	    "io_pgetevents_time64 io_setup io_submit ioctl _newselect poll "
	    "ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd "
	    "signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 "
	    "timerfd_settime timerfd_settime64 pipe pipe2"},
	/* Memory. */
	{0, "brk get_mempolicy madvise mbind membarrier memfd_create "
	    "memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect "
	    "mremap msync munlock munlockall munmap pkey_alloc pkey_free "
	    "pkey_mprotect process_madvise process_mrelease remap_file_pages "
	    "set_mempolicy set_mempolicy_home_node mseal map_shadow_stack"},
	/* Processes and threads. */
	{0,
	 "arch_prctl arm_sync_file_range breakpoint cacheflush capget "
	 "capset clone execve execveat exit exit_group fork futex futex_time64 "
	 "futex_waitv futex_wait futex_wake futex_requeue get_robust_list "
	 "get_thread_area getcpu getegid getegid32 geteuid geteuid32 getgid "
	 "getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid "
	 "getppid getpriority getresgid getresgid32 getresuid getresuid32 "
	 "getrlimit getrusage getsid gettid getuid getuid32 ioprio_get "
	 "ioprio_set landlock_add_rule landlock_create_ruleset "
	 "landlock_restrict_self modify_ldt nice personality pidfd_open "
	 "pidfd_send_signal prctl prlimit64 restart_syscall rseq "
	 "sched_get_priority_max sched_get_priority_min sched_getaffinity "
	 "sched_getattr sched_getparam sched_getscheduler "
	 "sched_rr_get_interval sched_rr_get_interval_time64 "
	 "sched_setaffinity sched_setattr sched_setparam "
	 "sched_setscheduler sched_yield seccomp set_robust_list "
	 "set_thread_area set_tid_address set_tls setfsgid setfsgid32 "
	 "setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
	 "setitimer setpgid setpriority setregid setregid32 setresgid "
	 "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit "
	 "setsid setuid setuid32 ugetrlimit uname unshare usr26 usr32 vfork "
	 "wait4 waitid waitpid"},
	/* Signals and time. */
	{0, "alarm clock_adjtime clock_adjtime64 clock_getres "
	    "clock_getres_time64 clock_gettime clock_gettime64 "
	    "clock_nanosleep clock_nanosleep_time64 gettimeofday kill "
	    "nanosleep adjtimex pause rt_sigaction rt_sigpending "
	    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
	    "sigaltstack sigreturn tgkill time timer_create timer_delete "
	    "timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	    "timer_settime64 times tkill sysinfo getrandom"},
	/* Sockets and System V and POSIX communication. */
	{0, "accept accept4 bind connect getpeername getsockname getsockopt "
	    "listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send "
	    "sendmmsg sendmsg sendto setsockopt shutdown socket socketcall "
	    "socketpair ipc mq_getsetattr mq_notify mq_open mq_timedreceive "
	    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
	    "msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
	    "semtimedop_time64 shmat shmctl shmdt shmget"},
	{CAP(CAP_SYS_CHROOT), "chroot"},
	{CAP(CAP_DAC_READ_SEARCH), "open_by_handle_at name_to_handle_at"},
	{CAP(CAP_SYS_ADMIN),
	 "bpf clone3 fanotify_init fsconfig fsmount fsopen fspick "
	 "lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open "
	 "quotactl quotactl_fd setdomainname sethostname setns syslog umount "
	 "umount2 pivot_root name_to_handle_at listmount statmount"},
	{CAP(CAP_BPF), "bpf"},
	{CAP(CAP_PERFMON), "perf_event_open"},
	{CAP(CAP_SYS_BOOT), "reboot kexec_load kexec_file_load"},
	{CAP(CAP_SYS_MODULE), "delete_module finit_module init_module"},
	{CAP(CAP_SYS_PACCT), "acct"},
	{CAP(CAP_SYS_PTRACE),
	 "kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace"},
	{CAP(CAP_SYS_RAWIO), "iopl ioperm"},
	{CAP(CAP_SYS_TIME), "clock_settime clock_settime64 settimeofday stime"},
	{CAP(CAP_SYS_TTY_CONFIG), "vhangup"},
	{CAP(CAP_SYS_NICE), "migrate_pages move_pages"},
	{CAP(CAP_SYSLOG), "syslog"},
	{0, (const char *)0},
};
