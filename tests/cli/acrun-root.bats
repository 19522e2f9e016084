#!/usr/bin/env bats
# acrun root: one command with a directory as its root.

# shellcheck disable=SC2154 # stderr is set by run
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	groups_before
	busybox_root d
}

# Everything about a busybox_root but access times, and overlay's own marks.
state() { find "$1" -printf '%p %y %m %U %G %s %T@ %l\n' | sort; }

@test "the command runs in the directory, writes there, and passes its status on" {
	run -7 acrun root d -- sh -c 'echo hi > /f; exit 7'
	[ "$(cat d/f)" = hi ]
	run -137 acrun root d -- sh -c 'kill -9 $$'
	run -254 --separate-stderr acrun root d -- no-such-program
	[[ $stderr == *"execute 'no-such-program': No such file or directory"* ]]
	run -254 --separate-stderr acrun root d
	[[ $stderr == *"no command to run in 'd'"* ]]
	run -254 --separate-stderr acrun root none -- true
	[[ $stderr == *"none"* ]]
	[ "$(echo in | acrun root d -- cat)" = in ]
}

@test "what the root lacks is there, and leaves no trace" {
	local how
	state d > before
	for how in "" --no-overlay --net=host "--no-overlay --net=host"; do
		# shellcheck disable=SC2086 # options
		run -0 acrun root $how d -- sh -c 'ls -d /proc/self /sys /dev/null /run /tmp && cat /etc/hosts && test -w /tmp'
		[[ $output == *localhost* ]]
		state d | diff before -
	done
	[ "$(ls -A)" = "$(printf 'before\nd')" ]
	[ "$(acrun root --net=host d -- cat /etc/resolv.conf)" = "$(cat /etc/resolv.conf)" ]
	[ "$(acrun root --no-overlay --net=host d -- cat /etc/resolv.conf)" = "$(cat /etc/resolv.conf)" ]
	# Deleted skeleton files are back next time, and leave nothing.
	acrun root d -- sh -c 'rm -r /etc /run'
	[ "$(find d -type c)" = "" ]
	acrun root d -- cat /etc/hosts
	# An image's own stays.
	mkdir d/etc
	echo mine > d/etc/resolv.conf
	[ "$(acrun root --net=host d -- cat /etc/resolv.conf)" = mine ]
	[ "$(acrun root --no-overlay --net=host d -- cat /etc/resolv.conf)" = mine ]
}

@test "the environment and the working directory" {
	mkdir d/w
	run -0 env SECRET=1 acrun root --set-env=A='x y,"' --working-dir=/w d -- sh -c 'echo "$PWD"; env'
	[ "${lines[0]}" = /w ]
	[[ $output == *'A=x y,"'* && $output == *"HOME=/root"* && $output == *container=acrun* ]]
	[[ $output != *SECRET* ]]
	[[ $(SECRET=1 acrun root --inherit-env d -- env) == *SECRET=1* ]]
	run -254 acrun root --working-dir=/none d -- env
	[[ $output == *"enter the working directory /none"* ]]
}

@test "lower trees lie below, the last on top of the first" {
	mkdir -p l1/etc l2/etc
	echo one > l1/etc/a
	echo one > l1/etc/b
	echo two > l2/etc/b
	state l1 > s1
	state l2 > s2
	run -0 acrun root --lower=l1 --lower=l2 d -- sh -c 'cat /etc/a /etc/b; echo new > /etc/a; rm /etc/b'
	[ "$output" = "$(printf 'one\ntwo')" ]
	[ "$(cat d/etc/a)" = new ]
	[ -c d/etc/b ]
	state l1 | diff s1 -
	state l2 | diff s2 -
}

@test "nothing of the host is in reach" {
	ln -s /etc/shadow d/shadow
	ln -s ../../../../../etc/shadow d/up
	ln -s / d/slash
	local how
	for how in "" --no-overlay; do
		# shellcheck disable=SC2086 # options
		run -0 acrun root $how d -- sh -c 'cat /shadow /up /slash/etc/shadow ../../../../etc/shadow; ls -a /proc/1/root /; ps; true'
		[[ $output != *root:x* && $output != *root:\** && $output != *bats* ]]
		# shellcheck disable=SC2086 # options
		run acrun root $how d -- sh -c 'echo x > /proc/sys/kernel/core_pattern'
		[ "$status" -ne 0 ]
	done
}

@test "a root whose /proc, /sys or /dev leads elsewhere is refused" {
	local name how
	mkdir canary
	for name in proc sys dev; do
		ln -s "$PWD/canary" d/$name
		for how in "" --no-overlay; do
			# shellcheck disable=SC2086 # options
			run -254 acrun root $how d -- true
			[[ $output == *"a symbolic link is no mount point: /$name"* ]]
			[ -L d/$name ]
		done
		rm d/$name
	done
	ln -s "$PWD/canary" d/etc
	run acrun root --no-overlay --net=host d -- true
	[ -z "$(ls -A canary)" ]
	[ "$(ls d)" = "$(printf 'bin\netc')" ]
}

@test "killed, it leaves no process, control group, mount point or work directory" {
	local pid how nap=$((200000 + $$))
	for how in "" --no-overlay; do
		# shellcheck disable=SC2086 # options
		acrun root $how --work=w d -- sh -c "echo up; exec sleep $nap" > out 3>&- &
		pid=$!
		wait_for 20 grep -q up out
		kill -9 $pid
		wait $pid || :
		# The lock is free when all is clean.
		flock w true
		[ -z "$(ls -A w)" ]
		[ "$(ls d)" = bin ]
		[ -z "$(new_groups)" ]
		run -1 pgrep -f "sleep $nap"
	done
}

@test "one work directory, one command" {
	mkdir w
	run -254 flock w acrun root --work=w d -- true
	run -0 acrun root --work=w d -- true
	[ -z "$(ls -A w)" ]
}

@test "--probe tells whether the directory can be the top of an overlay" {
	needs_root
	run -0 acrun root --probe d
	mkdir u w m
	# An overlay cannot be the upper layer of another.
	run unshare -m sh -c 'mount -t overlay o -o lowerdir=d,upperdir=u,workdir=w m && acrun root --probe m'
	[ "$status" -eq 254 ]
	run -0 unshare -m sh -c 'mount -t overlay o -o lowerdir=d,upperdir=u,workdir=w m &&
		acrun root --no-overlay --net=host m -- sh -c "echo there > /f"'
	[ "$(cat u/f)" = there ]
	[ "$(ls u)" = f ]
	run -254 acrun root --probe d -- true
}

@test "a user without privileges" {
	chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_FILE_TMPDIR" .. ../..
	mkdir p
	busybox_root p/d
	cp "$BINDIR/acrun" acrun
	chmod 755 acrun
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 p
	as_nobody ./acrun --version > /dev/null || skip "the test's directory cannot be reached by others"
	as_nobody unshare -U true || skip "no user namespaces for users here"
	run -3 as_nobody ./acrun root p/d -- sh -c 'id; echo x > /f; rm /bin/ps; exit 3'
	[[ $output == "uid=0 gid=0"* ]]
	[ -f p/d/f ]
	[ ! -e p/d/bin/ps ]
	[ "$(ls -A p)" = d ]
	run -0 as_nobody ./acrun root --no-overlay --net=host p/d -- cat /etc/resolv.conf
	[ "$(ls p/d)" = "$(printf 'bin\nf')" ]
	run -254 as_nobody ./acrun root --isolation=chroot p/d -- true
	[[ $output == *"--isolation=chroot needs root"* ]]
}

@test "less isolation when asked for" {
	needs_root
	state d > before
	run -5 acrun root --isolation=chroot d -- sh -c 'ls /proc/$$/exe /dev/null; exit 5'
	run -0 acrun root --isolation=chroot d -- cat /etc/resolv.conf
	[ "$output" = "$(cat /etc/resolv.conf)" ]
	run -254 acrun root --isolation=chroot d -- nosuch
	run -0 acrun root --isolation=none --work=w d -- sh -c 'ls w/root; touch w/root/made'
	[[ $output == *bin*proc* ]]
	rm d/made
	run -254 acrun root --isolation=chroot --net=none d -- true
	rmdir w
	state d | grep -v '^d d' | diff <(grep -v '^d d' before) -
}
