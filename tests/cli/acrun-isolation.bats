#!/usr/bin/env bats
# What separates a pod from the host and from other pods (spec/run.md,
# "Isolation").
load helper
load acrun

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	acrun_setup
	image example.com/sh "$SHELL_APP" > /dev/null
	image example.com/probe "$PROBE_APP" > /dev/null
}

teardown() { acrun_teardown; }

ns_types="pid net ipc uts mnt cgroup"

@test "namespaces of its own; shared by the apps of a pod but for mounts" {
	run -0 acrun run example.com/sh --name=a -- \
		'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done' --- \
		example.com/sh --name=b -- \
		'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
	for n in $ns_types; do
		host=$(readlink "/proc/self/ns/$n")
		mapfile -t seen < <(grep -o "$n:\[.*\]" <<< "$output")
		[ "${#seen[@]}" = 2 ]
		[ "${seen[0]}" != "$host" ]
		if [ "$n" = mnt ]; then
			[ "${seen[0]}" != "${seen[1]}" ]
		else
			[ "${seen[0]}" = "${seen[1]}" ]
		fi
	done
}

@test "--net=none has a loopback that works, --net=host is the host's" {
	run -0 acrun run example.com/sh -- 'ip -o link; (while :; do echo hi | nc -l -p 99; done & until nc 127.0.0.1 99 < /dev/null | grep hi; do sleep 0.05; done)'
	[[ $output == *"lo:"*UP* ]]
	[ "$(grep -c mtu <<< "$output")" = 1 ]
	[[ $output == *hi* ]]
	run -0 acrun run --net=host example.com/sh -- 'readlink /proc/self/ns/net'
	[ "$output" = "$(readlink /proc/self/ns/net)" ]
}

@test "no descriptor leaks, of acrun's caller or its own" {
	exec 17< /etc/hostname
	run -0 acrun run example.com/sh -- 'cd /proc/self/fd; echo *; cat /proc/1/environ; ls /proc/1/fd'
	[[ $output == *"Permission denied"* ]]
	run -0 acrun run example.com/sh -- 'ls /proc/$$/fd; :'
	[ "$output" = $'0\n1\n2' ]
}

@test "a working directory by descriptor is refused" {
	for n in 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		run -254 acrun run example.com/sh --working-dir=/proc/self/fd/$n -- pwd
	done
	run -254 acrun run example.com/sh --working-dir=/proc/self/fd/0 -- pwd < /
	[[ $output == *"enter the working directory"* ]]
	run -254 acrun run example.com/sh --working-dir=/proc/1/cwd -- pwd
}

@test "the default capabilities, and isolators for them" {
	run -0 acrun run example.com/sh -- 'grep Cap /proc/self/status'
	grep -q $'CapInh:\t0000000000000000' <<< "$output"
	grep -q $'CapPrm:\t00000000a80425fb' <<< "$output"
	grep -q $'CapEff:\t00000000a80425fb' <<< "$output"
	grep -q $'CapBnd:\t00000000a80425fb' <<< "$output"
	grep -q $'CapAmb:\t0000000000000000' <<< "$output"
	run -0 acrun run example.com/sh --caps-retain=CAP_NET_ADMIN,CAP_KILL -- 'grep CapBnd /proc/self/status'
	[[ $output == *0000000000001020 ]]
	run -0 acrun run example.com/sh --caps-remove=CAP_MKNOD -- 'grep CapBnd /proc/self/status'
	[[ $output == *00000000a00425fb ]]
	run -0 acrun run example.com/sh --user=app --group=staff -- 'grep -E "Cap(Prm|Eff|Amb)|NoNew" /proc/self/status'
	[ "$(grep -c 0000000000000000 <<< "$output")" = 3 ]
	grep -q $'NoNewPrivs:\t1' <<< "$output"
	run -254 acrun run example.com/sh --caps-retain=CAP_BOGUS -- true
	[[ $output == *"unknown capability 'CAP_BOGUS'"* ]]
	run -254 acrun run example.com/sh --caps-retain=KILL --caps-remove=KILL -- true
	[[ $output == *"cannot use both"* ]]
}

@test "system calls that no app needs are refused" {
	run -0 acrun run example.com/probe -- calls
	echo "$output"
	[ "$(grep -c allowed <<< "$output")" = 0 ]
	for absent in clone3 io_uring_setup unknown-call; do
		grep -qx "$absent ENOSYS" <<< "$output"
	done
	[ "$(grep -vc -e EPERM -e ENOSYS <<< "$output")" = 0 ]
	# With the capability comes what belongs to it.
	run -0 acrun run example.com/probe --caps-retain=CAP_SYS_ADMIN,CAP_SYS_PTRACE -- calls
	! grep -q '^mount EPERM' <<< "$output" || false
	! grep -q '^ptrace EPERM' <<< "$output" || false
	grep -qx "kexec_load EPERM" <<< "$output"
}

@test "a foreign system call door ends the process" {
	[ "$(uname -m)" = x86_64 ] || skip "x86-64 only"
	run -159 acrun run example.com/probe -- foreign
}

@test "seccomp isolators" {
	run -159 acrun run example.com/sh --seccomp=mode=remove,mkdirat,mkdir -- 'mkdir /x'
	run -1 acrun run example.com/sh --seccomp=mode=remove,errno=ENOTTY,mkdirat,mkdir -- 'mkdir /x'
	[[ $output == *"Not a tty"* || $output == *"Inappropriate ioctl"* ]]
	run -0 acrun run example.com/sh --seccomp=mode=remove,@appc.io/empty,mkdir -- 'mkdir /x'
	run -0 acrun run example.com/sh --seccomp=mode=retain,@appc.io/all -- 'grep Seccomp: /proc/self/status'
	[[ $output == *0 ]]
	run -0 acrun run example.com/sh --seccomp=mode=retain,@rkt/default-whitelist -- 'mkdir /x'
	run -159 acrun run example.com/sh --seccomp=mode=retain,read,write -- true
	run -254 acrun run example.com/sh --seccomp=mode=retain,@what/ever -- true
	[[ $output == *"unknown set of system calls '@what/ever'"* ]]
	run -254 acrun run example.com/sh --seccomp=read -- true
	run -254 acrun run --strict-isolators example.com/sh --seccomp=mode=remove,no_such_call -- true
	[[ $output == *"'no_such_call' is not known"* ]]
}

@test "nothing is typed into the caller's terminal" {
	run -0 script -qec "acrun run example.com/probe -- tiocsti" /dev/null
	[ "$(grep -c EPERM <<< "$output")" = 3 ]
	[[ $output != *allowed* ]]
}

@test "devices: nodes can be made, not opened; /dev has what the system promises" {
	run -0 acrun run example.com/probe -- device B 7 0 /disk
	[ "$output" = $'mknod allowed\nopen EPERM' ]
	run -0 acrun run example.com/probe -- device C 1 1 /dev/mem
	[[ $output == *"open EPERM" ]]
	run -0 acrun run example.com/probe -- device C 1 3 /null
	[[ $output == *"open allowed" ]]
	run -0 acrun run example.com/sh -- 'cd /dev; for d in null zero full random urandom tty console; do test -c $d || echo no $d; done
		echo x > null; head -c1 zero | wc -c; head -c1 urandom | wc -c
		for l in fd stdin stdout stderr ptmx; do test -L $l || echo no $l; done
		test -e kvm -o -e mem -o -e loop0 && echo host; grep -c " /dev/\(pts\|shm\|mqueue\) " /proc/mounts; ls pts'
	[ "$output" = $'1\n1\n3\nptmx' ]
}

@test "a device given as a volume can be opened" {
	mknod dev b 7 250
	run -0 acrun run --volume=d,kind=host,source="$(realpath dev)" --mount=volume=d,target=/dev/disk \
		example.com/sh -- 'dd if=/dev/disk count=0 2>&1; echo x'
	[[ $output != *"not permitted"* ]]
}

@test "what the kernel shows of the host is hidden, its switches read-only" {
	run -0 acrun run example.com/sh -- 'cat /proc/kallsyms /proc/keys /proc/timer_list 2>/dev/null | wc -c
		ls /sys/firmware /sys/fs /proc/acpi | grep -v : | grep . ; test -s /proc/kcore && echo kcore
		for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/panic_on_oom /sys/kernel/mm/ksm/run; do
			test -e $f && (echo 1 > $f) 2>&1; done; :'
	[ "${lines[0]}" = 0 ]
	[[ $output != *kcore* ]]
	[ "$(grep -c "Read-only file system" <<< "$output")" -ge 2 ]
	[ "$(wc -l <<< "$output")" = "$((1 + $(grep -c "Read-only file system" <<< "$output")))" ]
	run -0 acrun run --insecure-options=paths example.com/sh -- 'cat /proc/kallsyms | head -c10 | wc -c'
	[ "$output" = 10 ]
}

@test "abstract sockets of the host cannot be reached, even with --net=host" {
	"$TOOLDIR/probe" scopes || skip "needs Landlock's scopes (Linux 6.12)"
	"$TOOLDIR/probe" listen acrun-test-$$ > ready 3>&- &
	listener=$!
	until grep -q ready ready; do sleep 0.02; done
	run -0 acrun run --net=host example.com/probe -- abstract acrun-test-$$
	kill "$listener"
	[ "$output" = EPERM ]
}

@test "apps of one pod do reach each other's" {
	run -0 acrun run example.com/probe --name=a -- listen in-pod --- \
		example.com/sh --name=b -- 'for _ in $(seq 200); do r=$(/bin/probe abstract in-pod); [ "$r" != allowed ] || break; sleep 0.05; done; echo "$r"'
	[[ $output == *"b: allowed"* ]]
}

@test "hostile roots: links where /dev, /proc and /sys should be" {
	mkdir canary
	here=$(realpath canary)
	for name in dev proc sys; do
		rm -rf root/dev root/proc root/sys
		ln -s "$here" root/$name
		image example.com/$name-link "$SHELL_APP" > /dev/null
		run -254 acrun run example.com/$name-link -- 'echo ran'
		[[ $output == *"mount point"*"$name"* ]]
		rm root/$name
	done
	[ -z "$(ls canary)" ]
	mkdir root/dev
	ln -s ../proc/sys/kernel/core_pattern root/dev/null
	image example.com/null-link "$SHELL_APP" > /dev/null
	before=$(cat /proc/sys/kernel/core_pattern)
	run -0 acrun run example.com/null-link -- 'echo pwned > /dev/null; echo ran'
	[ "$output" = ran ]
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
}

@test "hostile roots: users' files that are links, fifos, endless" {
	echo 'evil:x:0:0::/:' > outside
	rm root/etc/passwd
	ln -s "$(realpath outside)" root/etc/passwd
	image example.com/a "$SHELL_APP" > /dev/null
	run -254 acrun run example.com/a --user=evil -- id
	[[ $output == *"user 'evil' is neither"* ]]
	rm root/etc/passwd
	ln -s ../../../../../../../../../../../"$(realpath outside)" root/etc/passwd
	image example.com/b "$SHELL_APP" > /dev/null
	run -254 acrun run example.com/b --user=evil -- id
	rm root/etc/passwd
	mkfifo root/etc/passwd
	image example.com/c "$SHELL_APP" > /dev/null
	run -254 timeout 20 acrun run example.com/c --user=evil -- id
	[[ $output == *"user 'evil' is neither"* ]]
	rm root/etc/passwd
	ln -s /dev/zero root/etc/passwd
	image example.com/d "$SHELL_APP" > /dev/null
	run -254 timeout 20 acrun run example.com/d --user=evil -- id
	rm root/etc/passwd
	{ head -c 10000 /dev/zero | tr '\0' x; printf '\nlate:x:%s:1::/:' 55; } > root/etc/passwd
	image example.com/e "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/e --user=late -- 'grep Uid: /proc/self/status'
	[ "$output" = $'Uid:\t55\t55\t55\t55' ]
}

@test "a volume's target through links stays in the image" {
	mkdir -p vol outside-dir
	echo secret > vol/f
	ln -s "$(realpath outside-dir)" root/away
	image example.com/away "$SHELL_APP" > /dev/null
	run acrun run --volume=v,kind=host,source="$(realpath vol)" \
		--mount=volume=v,target=/away/x example.com/away -- 'cat /away/x/f'
	[ -z "$(ls outside-dir)" ]
	ln -s /etc root/inside
	image example.com/inside "$SHELL_APP" > /dev/null
	run -0 acrun run --volume=v,kind=host,source="$(realpath vol)" \
		--mount=volume=v,target=/inside/x example.com/inside -- 'cat /etc/x/f'
	[ "$output" = secret ]
}

@test "a volume's setuid files give nothing" {
	mkdir vol
	cp /bin/busybox vol/
	chmod 4755 vol/busybox
	run -0 acrun run --volume=v,kind=host,source="$(realpath vol)" \
		--mount=volume=v,target=/v example.com/sh --user=app --group=staff -- \
		'/v/busybox id -u; grep " /v " /proc/mounts'
	[[ ${lines[0]} = 1234 ]]
	[[ $output == *nosuid* ]]
	[[ $output == *nodev* ]]
}

@test "the init is not a file of the host, and no app can look into it" {
	run -0 acrun run example.com/sh -- 'readlink /proc/1/exe; cat /proc/1/maps; kill -9 1; kill -TERM 1; sleep 0.1; echo alive'
	[[ $output == *alive* ]]
	[[ $output != *acrun* ]]
	start_pod example.com/sh -- 'sleep 60'
	exe=$(readlink "/proc/$(pod_init "$UUID")/exe")
	[ "$exe" = "/memfd:acinit (deleted)" ]
	acrun stop --force "$UUID" > /dev/null
	end_pod 137
}

@test "memory is limited" {
	run -0 acrun run example.com/probe --memory=64M -- hog 16
	run -137 acrun run example.com/probe --memory=32M -- hog 64
	[[ $output == *"memory limit was reached"* ]]
	run -254 acrun run example.com/probe --memory=1k -- hog 1
	[[ $output == *"too low. Try a reasonable value"* ]]
	# One app of two.
	run -137 acrun run example.com/probe --name=big --memory=32M -- hog 64 --- \
		example.com/sh --name=other -- 'sleep 30'
}

@test "cpu is limited" {
	start_pod example.com/probe --cpu=100m -- spin
	dir=$(find /sys/fs/cgroup -maxdepth 6 -type d -name "acrun-$UUID" -path '*cpu*' | head -n1)
	[ -n "$dir" ] || dir=$(find /sys/fs/cgroup -maxdepth 6 -type d -name "acrun-$UUID" | head -n1)
	if [ -e "$dir/cpu.cfs_quota_us" ]; then
		[ "$(cat "$dir/cpu.cfs_quota_us")" = 10000 ]
		[ "$(cat "$dir/cpu.cfs_period_us")" = 100000 ]
	else
		[ "$(cat "$dir/cpu.max")" = "10000 100000" ]
	fi
	wait_for 20 grep -q '^nr_throttled [1-9]' "$dir/cpu.stat"
	acrun stop --force "$UUID" > /dev/null
	end_pod 137
}

@test "processes are limited" {
	run -0 acrun run --pids=20 example.com/probe -- fork 100
	[ "$output" -lt 20 ]
	[ "$output" -gt 10 ]
}

@test "an unknown isolator is told, or refused" {
	image example.com/iso '{"exec": ["/bin/echo", "ran"], "user": "0", "group": "0",
		"isolators": [{"name": "example.com/unheard-of", "value": {}}]}' > /dev/null
	run -0 acrun run example.com/iso
	[[ $output == *"isolator 'example.com/unheard-of' is not enforced"* ]]
	[[ $output == *ran* ]]
	run -254 acrun run --strict-isolators example.com/iso
	[[ $output == *"strict-isolators"* ]]
	[[ $output != *ran* ]]
}

@test "kill -9 at any moment: the pod dies, and gc leaves nothing" {
	local nap=$((500000 + $$))
	for delay in 0.001 0.002 0.003 0.004 0.006 0.01 0.05; do
		for net in none host; do
			acrun run --net=$net example.com/sh --memory=64M -- "sleep $nap & sleep $nap" 3>&- &
			pid=$!
			sleep $delay
			kill -9 "$pid" 2> /dev/null || :
			wait "$pid" || :
		done
	done
	run -0 acrun gc --grace-period=0s
	nothing_left
	gone() { ! pgrep -f "sleep $nap & sleep $nap"; }
	wait_for 20 gone
}

@test "init killed: acrun tells by its code, and nothing is left" {
	start_pod example.com/sh -- 'sleep 60'
	kill -9 "$(pod_init "$UUID")"
	end_pod 137
	acrun gc --grace-period=0s
	nothing_left
}

@test "keyrings of the caller stay outside" {
	run -0 acrun run --insecure-options=seccomp example.com/sh -- 'cat /proc/keys | wc -c'
	[ "$output" = 0 ]
}

@test "the caller's open files and terminal keep their owners and modes" {
	before=$(stat -c '%u %g %a' /dev/null)
	acrun run example.com/sh --user=app --group=staff -- true < /dev/null > /dev/null 2>&1
	[ "$(stat -c '%u %g %a' /dev/null)" = "$before" ]
}

# Answer the system call $1 as a kernel without it would, with error $2; only
# the call number $3, and only acrun's own, when that is given.
without() {
	command -v strace > /dev/null || skip "needs strace"
	local -x ASAN_OPTIONS=detect_leaks=0 # which traces too
	if [ -n "$3" ]; then
		strace -o /dev/null -e "inject=$1:error=$2:when=$3" "${@:4}"
	else
		strace -f -o /dev/null -e "inject=$1:error=$2" "${@:4}"
	fi
}

@test "older kernels: what is missing is done another way" {
	# Layers by name instead of by descriptor.
	run -0 without fsconfig EINVAL 1 acrun run example.com/sh -- 'grep -c lowerdir=/proc /proc/mounts; echo x > /y'
	[ "${lines[0]}" = 1 ]
	# No Landlock.
	run -0 without landlock_create_ruleset ENOSYS "" acrun run example.com/sh -- 'echo ran'
	[ "$output" = ran ]
	# No flag for executable memory files.
	run -0 without memfd_create EINVAL 1 acrun run example.com/sh -- 'echo ran'
	[ "$output" = ran ]
}

@test "devices without BPF: by the v1 controller, or no node of the image opens" {
	run -0 without bpf EPERM "" acrun run example.com/probe -- device B 7 0 /disk
	[[ $output == *"mknod allowed"* ]]
	[[ $output == *"open EPERM"* || $output == *"open EACCES"* ]]
	if [ ! -d /sys/fs/cgroup/devices ]; then
		[[ $output == *"the device policy is not enforced"* ]]
		run -254 without bpf EPERM "" acrun run --strict-isolators example.com/probe -- device B 7 0 /disk
	fi
	run -0 without bpf EPERM "" acrun run example.com/sh -- 'echo x > /dev/null; head -c2 /dev/zero | wc -c'
	[ "${lines[-1]}" = 2 ]
}

# Run the rest with another view of the control groups: $1 is done to them in a
# mount namespace of its own.
with_groups() { unshare -m sh -ec "$1; shift; exec \"\$@\"" sh "$@"; }

@test "control groups: v1 alone" {
	[ -d /sys/fs/cgroup/pids ] || skip "no v1 here"
	v1='umount /sys/fs/cgroup/unified'
	run -0 with_groups "$v1" acrun run example.com/probe -- device B 7 0 /disk
	[[ $output == *"mknod allowed"* ]]
	[[ $output == *"open EPERM"* ]]
	[[ $output != *"not enforced"* ]]
	run -137 with_groups "$v1" acrun run example.com/probe --memory=32M -- hog 64
	run -0 with_groups "$v1" acrun run --pids=20 example.com/probe -- fork 100
	[ "$output" -lt 20 ]
	acrun gc --grace-period=0s > /dev/null
	nothing_left
}

@test "control groups: v2 alone" {
	v2=true
	[ ! -d /sys/fs/cgroup/unified ] ||
		v2='mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup'
	run -0 with_groups "$v2" acrun run example.com/probe -- device B 7 0 /disk
	[[ $output == *"mknod allowed"* ]]
	[[ $output == *"open EPERM"* ]]
	run with_groups "$v2" acrun run example.com/probe --memory=32M -- hog 64
	# Enforced, or told.
	[ "$status" = 137 ] || [[ $output == *"memory isolator is not enforced"* ]]
	run -0 with_groups "$v2" acrun run example.com/sh --name=a --memory=64M -- 'cat /proc/self/cgroup' --- \
		example.com/sh --name=b -- 'cat /proc/self/cgroup'
	[[ $output == *"a: 0::/"* ]]
	acrun gc --grace-period=0s > /dev/null
	nothing_left
}
