#!/usr/bin/env bats
# acbuild run: commands in an image on top of its dependencies.

# shellcheck disable=SC2154 # stderr is set by run
load helper

rootfs=.acbuild/currentaci/rootfs

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
	groups_before
	busybox_root base
	mkdir -p base/etc/keep base/data base/secret images
	chmod 700 base/secret
	for f in 1 2 3; do echo $f > base/data/$f; done
	echo base > base/etc/who
	echo old > base/etc/keep/old
}

# image NAME TREE DEPENDENCY...: into the store; prints its id.
image() {
	local name=$1 tree=$2 d
	shift 2
	acbuild --work-path images begin "./$tree"
	acbuild --work-path images set-name "localhost/$name"
	acbuild --work-path images set-exec -- /bin/true
	for d; do
		acbuild --work-path images dependency add "localhost/$d"
	done
	acbuild --work-path images write --overwrite "$name.aci"
	acbuild --work-path images end
	acfetch --insecure-options=image pull "$name.aci" > /dev/null 2>&1
}

# A build on top of these images.
begin() {
	local d
	acbuild begin
	acbuild set-name localhost/app
	for d; do
		acbuild dependency add "localhost/$d"
	done
}

# The build, as its users get it: a pod of it prints what COMMAND does.
as_pod() {
	acbuild set-exec -- "$@"
	acbuild write --overwrite app.aci > /dev/null
	acrun --insecure-options=image run --rm ./app.aci 2> /dev/null
}

whitelist() { acbuild cat-manifest | jq -r '.pathWhitelist // [] | .[]' | sort; }
list() { find "$1" -printf '%p %y %m %U %G %s %T@ %l\n' | sort; }
no_marks() {
	[ -z "$(find "$rootfs" -type c)" ]
	[ -z "$(getfattr -Rhd -m overlay "$rootfs" 2> /dev/null)" ]
	[ ! -e .acbuild/running ]
	[ -z "$(ls -A .acbuild/work)" ]
}

@test "what it writes is the image's, its status is acbuild's, and nothing else is left" {
	acbuild begin ./base
	acbuild set-name localhost/app
	list "$rootfs" > before
	run -0 acbuild run -- true
	list "$rootfs" | diff before -
	run -7 acbuild run -- sh -c 'echo kept > /f; exit 7'
	[ "$(cat $rootfs/f)" = kept ]
	run -143 acbuild run -- sh -c 'kill -15 $$'
	run -254 acbuild run -- no-such-program
	[[ $output == *"execute 'no-such-program'"* ]]
	run -1 acbuild run
	run -0 acbuild run -- sh -c 'ls -d /proc/self /sys /dev/null /tmp; cat /etc/resolv.conf /etc/hosts'
	[[ $output == *"$(cat /etc/resolv.conf)"* ]]
	[ "$(echo in | acbuild run -- cat)" = in ]
	no_marks
	[ "$(find $rootfs -newer before | sort)" = "$(printf '%s\n%s/f' $rootfs $rootfs)" ]
	[ ! -e $rootfs/usr ]
	# What failed is not remembered.
	[ "$(acbuild cat-manifest | jq -r '[.annotations[].value | select(startswith("acbuild run"))] | length')" = 3 ]
	[ "$(acbuild cat-manifest | jq -r '.annotations[-1].value')" = 'acbuild run "cat"' ]
	[ "$(acbuild cat-manifest | jq -r .pathWhitelist)" = null ]
	[ ! -e .acbuild/removed ]
	run -1 acbuild run --engine nosuch -- true
	[[ $output == *'run: no such engine "nosuch"'* ]]
}

@test "the image's environment and working directory, nothing of the caller's" {
	acbuild begin ./base
	acbuild environment add FOO 'a,b "c" $d'
	acbuild environment add PATH /bin
	SECRET=1 run -0 acbuild run -- sh -c 'echo "$FOO"; env; pwd; id'
	[ "${lines[0]}" = 'a,b "c" $d' ]
	[[ $output == *PATH=/bin$'\n'* && $output == *HOME=/root* && $output == *"uid=0 gid=0"* ]]
	[[ $output != *SECRET* && $output != *BATS* ]]
	[ "${lines[-2]}" = / ]
	acbuild set-working-directory /data
	[ "$(acbuild run -- pwd)" = /data ]
	[ "$(acbuild run --working-dir /etc/keep -- pwd)" = /etc/keep ]
	run -254 acbuild run --working-dir /none -- pwd
}

@test "the network is the host's, or none" {
	needs_root
	acbuild begin ./base
	[ "$(acbuild run -- ls /sys/class/net)" = "$(ls /sys/class/net)" ]
	[ "$(acbuild run --net=none -- ls /sys/class/net | grep -v -e tunl -e sit -e gre -e vti -e tnl)" = lo ]
}

@test "dependencies lie below; what is changed of them is copied up" {
	local how
	image base base
	for how in "" --no-overlay; do
		begin base
		# shellcheck disable=SC2086 # options
		run -0 acbuild run $how -- sh -c 'cat /data/1; echo new > /data/n; echo changed > /data/2; mkdir /secret/d; chmod 600 /data/3'
		[ "$output" = 1 ]
		[ "$(find $rootfs -type f | sort)" = "$(printf "$rootfs/%s\n" data/2 data/3 data/n)" ]
		[ "$(stat -c %a $rootfs/secret $rootfs/data/3)" = "$(printf '700\n600')" ]
		[ -z "$(whitelist)" ]
		list "$rootfs" > before
		# shellcheck disable=SC2086 # options
		acbuild run $how -- sh -c 'cat /data/1 > /dev/null; true'
		list "$rootfs" | grep -v "^$rootfs d" | diff <(grep -v "^$rootfs d" before) -
		no_marks
		run -0 --separate-stderr as_pod /bin/sh -c 'cat /data/*'
		[ "$output" = "$(printf '1\nchanged\n3\nnew')" ]
		acbuild end
	done
}

@test "what is deleted of dependencies becomes a pathWhitelist, and stays deleted" {
	local how
	image base base
	for how in "" --no-overlay; do
		begin base
		# shellcheck disable=SC2086 # options
		run -0 --separate-stderr acbuild run $how -- sh -c 'rm /data/1; rm -r /etc/keep; mkdir /etc/keep; echo x > /etc/keep/new; echo y > /own; mv /etc/who /etc/who2'
		[[ $stderr == *"deleted from dependencies: "*"/data/1"*"pathWhitelist"* ]]
		no_marks
		whitelist > w
		grep -qx /data/2 w
		grep -qx /data w
		grep -qx /own w
		grep -qx /etc/keep/new w
		run -1 grep -qx /data/1 w
		run -1 grep -qx /etc/keep/old w
		# It stays so, and can be written again.
		# shellcheck disable=SC2086 # options
		run -0 acbuild run $how -- sh -c 'ls /data /etc/keep'
		[ "$output" = "$(printf '/data:\n2\n3\n\n/etc/keep:\nnew')" ]
		# Files that come later are in it, those that are deleted not.
		echo later > later
		acbuild copy later /later
		# shellcheck disable=SC2086 # options
		acbuild run $how -- sh -c 'rm /own; echo again > /data/1; touch /made'
		run -0 --separate-stderr as_pod /bin/sh -c 'cat /data/*; ls /own /made /later; ls /etc/keep; cat /etc/who2; test ! -e /etc/who'
		[[ $output == "again"*"2"*"3"*"/later"*"/made"*"new"*"base"* ]]
		acbuild cat-manifest | jq -e '.pathWhitelist | index("/data/1") and index("/made") and (index("/own") | not)'
		actool validate app.aci
		acbuild end
	done
}

@test "when all is deleted, nothing of it is back" {
	image base base
	begin base
	acbuild run -- sh -c 'rm -rf /data /secret /etc /bin'
	[ "$(whitelist)" = / ]
	run -254 acbuild run -- sh -c true
	acbuild write app.aci
	actool validate app.aci
	acbuild squash
	[ -z "$(ls -A $rootfs)" ]
	acbuild end
	# What comes later is all there is.
	begin base
	acbuild path-whitelist add /data /bin/rm /bin/busybox /bin
	acbuild run -- rm -rf /data /bin
	[ "$(whitelist)" = / ]
	acbuild copy base/bin /bin
	acbuild path-whitelist add /bin /bin/sh /bin/busybox
	[ "$(as_pod /bin/sh -c 'echo /data /d*')" = "/data /dev" ]
}

@test "a name that no manifest can hold is told, and ends no build" {
	touch base/data/$'latin\xe9'
	image base base
	begin base
	run -0 --separate-stderr acbuild run -- rm /data/1
	[[ $stderr == *"warning: '/data/latin"*"is no UTF-8"* ]]
	[ "$(as_pod /bin/sh -c 'echo /data/*')" = "/data/2 /data/3" ]
}

@test "a file that only acrun put there may be deleted, and is there again" {
	image base base
	begin base
	acbuild run -- sh -c 'rm -f /etc/hosts /etc/resolv.conf; rmdir /tmp'
	no_marks
	[ -z "$(whitelist)" ]
	acbuild run -- sh -c 'test -f /etc/hosts && test -d /tmp'
	[ ! -e $rootfs/tmp ]
}

@test "a whitelist of the user's is obeyed, loses what was deleted, gets what was made" {
	image base base
	begin base
	acbuild path-whitelist add /bin /bin/busybox /bin/sh /bin/rm /bin/ls /data /data/1 /data/2 /nowhere
	run -0 acbuild run -- sh -c 'echo /data/*; rm /data/1; echo > /made'
	[ "${lines[0]}" = "/data/1 /data/2" ]
	[ "$(whitelist)" = "$(printf '%s\n' /bin /bin/busybox /bin/ls /bin/rm /bin/sh /data /data/2 /made /nowhere)" ]
	[ "$(acbuild run -- ls /data)" = 2 ]
	[ "$(as_pod /bin/sh -c 'echo /data/* /made /etc/*')" = "/data/2 /made /etc/hosts" ]
}

@test "a rendered tree is made once, and again when it is another" {
	image base base
	begin base
	acbuild path-whitelist add /bin /bin/busybox /bin/sh /data/1
	acbuild run -- sh -c true
	[ "$(find .acbuild/depstore-expanded/rootfs -type f | wc -l)" = 2 ]
	stat -c %i .acbuild/depstore-expanded/rootfs > inode
	acbuild run -- sh -c true
	stat -c %i .acbuild/depstore-expanded/rootfs | diff inode -
	acbuild path-whitelist add /data/2
	[ "$(acbuild run -- sh -c 'echo /data/*')" = "/data/1 /data/2" ]
}

@test "the specification's order: later overrides, diamonds once, whitelists on the way" {
	mkdir -p a/etc b/etc
	echo a > a/etc/who
	echo a > a/etc/a
	echo b > b/etc/who
	echo b > b/etc/b
	image base base
	image a a base
	image b b base
	begin a b
	# base, a, base, b: the upper base wins over a.
	run -0 acbuild run -- sh -c 'cat /etc/who /etc/a /etc/b; ls /data'
	[ "$output" = "$(printf 'b\na\nb\n1\n2\n3')" ]
	acbuild end
	begin b a
	[ "$(acbuild run -- cat /etc/who)" = a ]
	[ "$(as_pod /bin/cat /etc/who)" = a ]
	acbuild end
	# A dependency with a whitelist of its own.
	acbuild begin ./a
	acbuild set-name localhost/w
	acbuild dependency add localhost/base
	acbuild path-whitelist add /bin /bin/busybox /bin/sh /bin/ls /bin/cat /etc /etc/who /data/2
	acbuild write w.aci > /dev/null
	acbuild end
	acfetch --insecure-options=image pull w.aci
	begin w
	run -0 acbuild run -- sh -c 'echo /data/* /etc/*; cat /etc/who; echo x > /data/x'
	[ "${lines[0]}" = "/data/2 /etc/hosts /etc/resolv.conf /etc/who" ]
	[ "${lines[1]}" = a ]
	[ "$(as_pod /bin/sh -c 'echo /data/*')" = "/data/2 /data/x" ]
}

@test "a dependency that depends on itself is told by name" {
	image x base
	image y base x
	# From now on the x that y depends on is one that depends on y.
	image x base y || :
	begin y
	run -1 acbuild run -- true
	[[ $output == *"image 'localhost/y'"*"depends on itself"* ]]
}

@test "image ids, labels and sizes are checked" {
	local id
	id=$(image base base | tail -1)
	acbuild begin
	acbuild set-name localhost/app
	acbuild dependency add localhost/base --image-id "$id" --size "$(stat -c %s base.aci)"
	acbuild run -- true
	acbuild dependency add localhost/base --image-id "$id" --size 12345
	run -1 acbuild run -- true
	[[ $output == *"12345"* ]]
	acbuild dependency remove localhost/base
	acbuild dependency add localhost/other --image-id "$id"
	run -1 acbuild run -- true
	[[ $output == *"another name"* ]]
	acbuild dependency remove localhost/other
	acbuild dependency add localhost/base:2.0
	run -1 acbuild run --pull-policy=never -- true
	[[ $output == *"dependency \"localhost/base:2.0\" doesn't appear to exist: ACI not in registry"* ]]
	acbuild dependency add localhost/base --image-id "sha512-$(printf '%0128d' 7)"
	run -1 acbuild run --pull-policy=never -- true
	[[ $output == *"doesn't appear to exist"* ]]
	[ -z "$(ls -A $rootfs)" ]
}

# In a network of its own, a site on port 80: with a server's name that says
# where it is, discovery needs no option.
@test "what the store lacks is fetched, once" {
	unshare -rn true 2> /dev/null || skip "no user namespaces here"
	image base base
	acbuild begin
	acbuild set-name localhost/mid
	acbuild dependency add localhost/base
	acbuild write mid.aci
	acbuild end
	acfetch publish --url http://localhost --allow-unsigned site base.aci mid.aci
	rm -rf store
	cat > script <<- 'SH'
		set -eu
		busybox ip link set lo up
		acfetch serve --listen 127.0.0.1:80 site 2> log &
		server=$!
		for i in $(seq 100); do
			(: < /dev/tcp/127.0.0.1/80) 2> /dev/null && break
			sleep 0.05
		done
		acbuild begin
		acbuild set-name localhost/app
		acbuild dependency add localhost/mid
		# Unsigned: acfetch's rules hold.
		! acbuild run -- true 2> refused || exit 1
		[ "$(acbuild run --insecure -- cat /etc/who)" = base ]
		kill $server
		wait $server || :
		[ "$(acbuild run -- cat /etc/who)" = base ]
		[ "$(acbuild run --insecure -- cat /etc/who)" = base ]
		! acbuild run --insecure --pull-policy=update -- true
	SH
	if [ "$(id -u)" = 0 ]; then
		run -0 unshare -n bash script
	else
		run -0 unshare -rn bash script
	fi
	[ -s refused ]
}

@test "killed in the middle, the next command has a build to work on" {
	local pid nap=$((100000 + $$))
	image base base
	begin base
	acbuild run -- sh -c "rm /data/1; echo x > /x; echo up; exec sleep $nap" > out 2>&1 3>&- &
	pid=$!
	wait_for 20 grep -q up out
	kill -9 $pid
	wait $pid || :
	# Whoever comes now waits until all of it is over.
	flock .acbuild/lock true
	run -1 pgrep -f "sleep $nap"
	[ -z "$(new_groups)" ]
	[ -e .acbuild/running ]
	run -0 acbuild label add version 1
	no_marks
	whitelist > w
	run -1 grep -qx /data/1 w
	whitelist | grep -qx /x
	[ "$(acbuild run -- sh -c 'echo /data/* /x')" = "/data/2 /data/3 /x" ]
	[ "$(as_pod /bin/sh -c 'echo /data/*')" = "/data/2 /data/3" ]
}

@test "while a command runs nobody else changes the build" {
	local pid
	acbuild begin ./base
	acbuild run -- sh -c 'echo up; exec sleep 1000' > out 2>&1 3>&- &
	pid=$!
	wait_for 20 grep -q up out
	run -1 acbuild label add a b
	[[ $output == *"lock already held"* ]]
	# A signal goes to the command, and acbuild ends after it.
	kill -TERM $pid
	local status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	acbuild label add a b
}

@test "sockets go, hard links and long names stay" {
	local how name
	name=$(printf 'n%.0s' $(seq 200))
	cp "$TOOLDIR/probe" base/bin/
	image base base
	for how in "" --no-overlay; do
		begin base
		# shellcheck disable=SC2086 # options
		acbuild run $how -- sh -c "echo x > /a; ln /a /$name; probe socket /sock; test -S /sock"
		[ -z "$(find $rootfs -type s)" ]
		[ "$(stat -c %h $rootfs/a)" = 2 ]
		acbuild write --overwrite a.aci
		acbuild end
	done
}

@test "a finished image: --modify" {
	image base base
	begin base
	acbuild set-exec -- /bin/cat /made
	acbuild write a.aci
	acbuild end
	cp a.aci before.aci
	run -3 acbuild --modify a.aci run -- sh -c 'exit 3'
	cmp a.aci before.aci
	acbuild --modify a.aci run -- sh -c 'echo made > /made; rm /data/1'
	tar xOf a.aci rootfs/made
	[ "$(actool cat-manifest a.aci | jq -r '.annotations[-1].value')" = 'acbuild run "sh" "-c" "echo made > /made; rm /data/1"' ]
	actool cat-manifest a.aci | jq -e '.pathWhitelist | index("/made") and (index("/data/1") | not)'
	# Made from the image's whitelist, a new file is in it too.
	acbuild --modify a.aci run -- sh -c 'echo more > /more'
	actool cat-manifest a.aci | jq -e '.pathWhitelist | index("/more")'
	[ -z "$(find . -maxdepth 1 -name '.acbuild-modify*')" ]
}

@test "the other engines" {
	needs_root
	image base base
	begin base
	run -5 acbuild run --engine chroot -- sh -c 'ls /proc/1/exe /dev/null > /dev/null; cat /etc/who; rm /data/1; echo x > /x; exit 5'
	[[ $output == *base* ]]
	no_marks
	[ "$(find $rootfs -type f)" = $rootfs/x ]
	[ "$(acbuild run --engine=chroot -- sh -c 'echo /data/*')" = "/data/2 /data/3" ]
	# What is left running is over with it.
	acbuild run --engine chroot -- sh -c '(sh -c "while :; do echo x >> /x; done" &) ; sleep 0.05'
	wc -c < $rootfs/x > size
	sleep 0.1
	[ "$(wc -c < $rootfs/x)" = "$(cat size)" ]
	run -1 acbuild run --engine chroot --net none -- true
	run -1 env PATH="$BINDIR:/bin" sh -c 'PATH=$0 acbuild run --engine systemd-nspawn -- true' "$BINDIR"
	[[ $output == *"systemd-nspawn is not installed"* ]]
	[ -z "$(ls -A .acbuild/work)" ]
	run -1 grep -q "$PWD" /proc/self/mounts
}

@test "systemd-nspawn, for those who name it" {
	needs_root
	needs systemd-nspawn
	mkdir base/usr # it takes no tree without one for a system's
	image base base
	begin base
	acbuild environment add GREETING 'hello you'
	acbuild set-working-directory /data
	run -6 acbuild run --engine systemd-nspawn -- \
		sh -c 'echo "$GREETING"; pwd; cat /etc/who; rm 1; echo x > /x; exit 6'
	[[ $output == *"hello you"*/data*base* ]]
	no_marks
	[ "$(cat $rootfs/x)" = x ]
	run -1 grep -qx /data/1 <(whitelist)
	run -0 acbuild run --engine systemd-nspawn --net none -- sh -c 'echo /sys/class/net/*; echo *'
	[[ $output == */net/lo$'\n'"2 3"* ]]
	run -1 grep -q "$PWD" /proc/self/mounts
	[ -z "$(new_groups)" ]
}

@test "killed at any phase of a run" {
	needs strace
	local call n hit=0
	image base base
	begin base
	acbuild run -- sh -c 'echo first > /first; rm /data/3'
	cp -a .acbuild before
	for call in openat mkdirat flock clone,clone3,vfork wait4,waitid renameat,renameat2 unlinkat write; do
		for n in 1 3 9 27; do
			rm -rf .acbuild
			cp -a before .acbuild
			run -- strace -qq -o trace -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$n" \
				acbuild run -- sh -c 'rm /data/1; echo x > /x'
			[ "$(grep -c . trace)" -ge "$n" ] || break
			hit=$((hit + 1))
			echo "$call $n: $status $output"
			flock .acbuild/lock true
			acbuild label add "after-$n" "${call%%,*}"
			no_marks
			[ "$(cat $rootfs/first)" = first ]
			# What the image loses is what is gone from its tree; no file is half one.
			whitelist > w
			run ! grep -qx /data/3 w
			grep -qx /data/2 w
			[ ! -e $rootfs/x ] || [ "$(cat $rootfs/x)" = x ]
			acbuild write --overwrite app.aci > /dev/null
			actool validate app.aci
			[ "$(acbuild run -- sh -c 'echo /data/[23] /first')" = "/data/2 /first" ]
			[ -z "$(new_groups)" ]
		done
	done
	[ "$hit" -gt 10 ]
}

@test "on a file system that cannot be the top of an overlay" {
	needs_root
	image base base
	mkdir up wk mnt
	run -0 unshare -m sh -ec '
		mount -t overlay o -o lowerdir=base,upperdir=up,workdir=wk mnt
		cd mnt
		acbuild begin
		acbuild set-name localhost/app
		acbuild run -- true 2> /dev/null && exit 1
		acbuild dependency add localhost/base
		acbuild run -- sh -c "rm /data/1; echo there > /there"
		acbuild run -- sh -c "echo /data/* /there"
		test -z "$(find .acbuild/currentaci/rootfs -type c)"
		acbuild copy /etc/passwd /more
		acbuild set-exec -- /bin/sh
		acbuild write app.aci'
	[[ $output == *"/data/2 /data/3 /there"* ]]
	actool cat-manifest up/app.aci | jq -e '.pathWhitelist | index("/there") and index("/more") and (index("/data/1") | not)'
	tar tf up/app.aci | grep -x rootfs/there
}

@test "a directory with many attributes that took the place of another" {
	needs_root
	local f
	for f in $(ldd "$(command -v setfattr)" | grep -o '/[^ ]*') "$(command -v setfattr)"; do
		install -D "$f" "base/$f"
	done
	image base base
	mkdir mnt
	run -0 unshare -m sh -ec '
		mount -t tmpfs t mnt
		cd mnt
		acbuild begin
		acbuild set-name localhost/app
		acbuild dependency add localhost/base
		acbuild run -- sh -c "rm -r /etc/keep; mkdir /etc/keep
			i=0; while [ \$i -lt 30 ]; do
				setfattr -n user.\$(printf %0200d \$i) -v 1 /etc/keep
				i=\$((i + 1))
			done"
		getfattr -d -m overlay .acbuild/currentaci/rootfs/etc/keep
		acbuild run -- sh -c "echo /etc/keep/*"'
	[[ $output == *"deleted from dependencies: "*"/etc/keep/old"* || $output == *"deleted from dependencies: /etc/keep"* ]]
	[[ $output != *trusted.overlay* ]]
	[ "${lines[-1]}" = '/etc/keep/*' ]
}

@test "a user without privileges" {
	local as=() nap=$((300000 + $$))
	image base base
	chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_FILE_TMPDIR" .. ../..
	mkdir user bin
	install -m 755 "$BINDIR"/{acbuild,acrun,acfetch} bin/
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		chown -R 65534:65534 store user
		chmod 755 store
	fi
	as+=(env "PATH=$PWD/bin:/usr/bin:/bin" "ACUTILS_DIR=$PWD/store")
	"${as[@]}" acrun --version > /dev/null || skip "the test's directory cannot be reached by others"
	"${as[@]}" unshare -U true || skip "no user namespaces for users here"
	cd user
	"${as[@]}" acbuild begin
	"${as[@]}" acbuild set-name localhost/app
	"${as[@]}" acbuild dependency add localhost/base
	run -0 "${as[@]}" acbuild run -- sh -c 'id; rm /data/1; rm -r /etc/keep; mkdir /etc/keep; echo x > /x; cat /etc/resolv.conf'
	[[ $output == *"uid=0 gid=0"* ]]
	no_marks
	[ "$("${as[@]}" acbuild run -- sh -c 'echo /data/* /etc/keep/*')" = "/data/2 /data/3 /etc/keep/*" ]
	"${as[@]}" acbuild run --no-overlay -- sh -c 'rm /data/2; echo y > /y'
	[ "$("${as[@]}" acbuild run -- sh -c 'echo /data/* /y')" = "/data/3 /y" ]
	# Killed, it takes the command with it.
	"${as[@]}" acbuild run -- sh -c "echo up; exec sleep $nap" > out 2>&1 3>&- &
	wait_for 20 grep -q up out
	kill -9 $!
	wait $! || :
	flock .acbuild/lock true
	run -1 pgrep -f "sleep $nap"
	"${as[@]}" acbuild write app.aci
	[ "$(tar tf app.aci | grep -c -e rootfs/x -e rootfs/y)" = 2 ]
	[ "$(id -u)" != 0 ] || {
		run -1 "${as[@]}" acbuild run --engine chroot -- true
		[[ $output == *"must be run as root"* ]]
	}
}
