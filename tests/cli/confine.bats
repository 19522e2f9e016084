#!/usr/bin/env bats
# Programs that read what is foreign have given up what they do not need
# (spec/conventions.md, C40 to C45); tests/unit/test_sys_confine.c attacks.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull

setup() {
	store_setup
	# What is killed here leaves its temporary directory here.
	mkdir tmp
	export TMPDIR=$PWD/tmp
}

teardown() {
	if [ -n "${PID-}" ]; then stop "$PID"; fi
	if [ -n "${BAD_PID-}" ]; then stop "$BAD_PID"; fi
}

status() { awk -v f="$1:" '$1 == f { print $2 }' "/proc/$PID/status"; }

begun() { [ -n "$(find "$ACUTILS_DIR/ingest" -name files)" ]; }

# A pull that waits in the middle of the image: by PID.
waiting_pull() {
	make_aci app.aci example.com/app 1.0
	cat >script <<-END
	GET /app.aci
	file app.aci
	slow 1 1000
	END
	bad script
	"$@" acfetch --local-config="$PWD/etc" --insecure-options=image,http pull "http://$A/app.aci" >out 2>&1 3>&- &
	PID=$!
	wait_for 20 grep -q app.aci log
	wait_for 20 begun
}

@test "in the middle of a pull" {
	local caps=0000000000000000
	waiting_pull
	[ "$(id -u)" != 0 ] || caps=000000008820001f
	[ "$(status NoNewPrivs)" = 1 ]
	[ "$(status Seccomp)" = 2 ]
	[ "$(status CapInh)" = 0000000000000000 ]
	# What there is beforehand may be less than what is kept.
	[ $((0x$(status CapEff) & ~0x$caps)) = 0 ]
	[ $((0x$(status CapPrm) & ~0x$caps)) = 0 ]
	[ "$(id -u)" != 0 ] || [ $((0x$(status CapBnd) & ~0x$caps)) = 0 ]
	[ "$(awk '/core file/ { print $5 $6 }' "/proc/$PID/limits")" = 00 ]
	for task in "/proc/$PID/task"/*; do
		grep -q '^Seccomp:.2' "$task/status"
		grep -q '^NoNewPrivs:.1' "$task/status"
	done
}

@test "in the middle of a pull: mounts of its own, all read-only but the store" {
	needs_root
	unshare --mount true || skip "no mounts may be made"
	waiting_pull
	[ "$(readlink "/proc/$PID/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
	store=$(realpath "$ACUTILS_DIR")
	# $5: where it is mounted; $6: how.
	awk -v s="$store" '$5 == s { if ($6 ~ /^rw,.*nodev/) good = 1; next }
		$6 !~ /^ro(,|$)/ || $6 !~ /nosuid/ { print; bad = 1 }
		END { exit bad || !good }' "/proc/$PID/mountinfo"
	# And nothing of it is seen outside.
	run ! grep -q " $store " /proc/self/mountinfo
}

@test "as nobody" {
	needs_root
	chmod 777 .
	chmod o+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || :
	cp -r "$BINDIR" bin
	PATH=$PWD/bin:$PATH
	export ACUTILS_DIR=$PWD/nobodys
	make_aci app.aci example.com/app 1.0
	run -0 as_nobody acfetch --insecure-options=image pull ./app.aci
	[ "$output" != "" ]
}

@test "stores in odd places, images beside and far away" {
	make_aci app.aci example.com/app 1.0
	mkdir -p real/below far
	ln -s real link
	export ACUTILS_DIR=$PWD/link/below/store
	run -0 pull --insecure-options=image app.aci
	[ -d "real/below/store/layers" ]
	# From a directory within the store, and relative.
	cd real/below
	run -0 acfetch --dir store --insecure-options=image pull ../../app.aci
	cd ../..
	# By a link, a pipe, a descriptor.
	mv app.aci far/x
	ln -s far/x linked.aci
	run -0 pull --no-store --insecure-options=image linked.aci
	run -0 acfetch --insecure-options=image pull /dev/stdin <far/x
	run -0 acfetch --insecure-options=image pull <(cat far/x)
	# On another file system.
	d=$(mktemp -d -p /dev/shm acutils.XXXXXX)
	run -0 acfetch --dir "$d/store" --insecure-options=image pull far/x
	rm -r "$d"
}

@test "signed: gpg runs in it, and has no directory" {
	make_key "$PWD/gnupg" signer
	make_aci app.aci example.com/app 1.0
	sign "$PWD/gnupg" app.aci
	trust "$PWD/gnupg" example.com
	drop_key "$PWD/gnupg"
	mkdir far
	mv app.aci.asc far/signature
	run -0 pull --signature far/signature app.aci
	[ -z "$(ls tmp)" ]
	run -0 env TMPDIR="$PWD/none" acfetch --dir other --local-config etc pull --signature far/signature app.aci
	[ -z "$(ls tmp)" ]
}

@test "what a killed one leaves in TMPDIR goes with the next one" {
	mkfifo pipe
	exec 9<>pipe
	acconvert to-aci pipe out.aci 3>&- 9>&- 2>err &
	PID=$!
	wait_for 20 waits
	[ "$(find tmp -name 'acutils-tmp-??????' -type d | wc -l)" = 1 ]
	mkdir tmp/acutils-tmp-mine tmp/acutils-tmp-abcdef # not locked
	echo x >tmp/acutils-tmp-abcdef/file
	run -1 acconvert to-aci none out.aci
	[ "$(find tmp -name 'acutils-tmp-*' -type d | wc -l)" = 2 ]
	kill -9 "$PID"
	wait "$PID" || :
	run -1 acconvert to-aci none out.aci
	[ "$(ls tmp)" = acutils-tmp-mine ]
	run -1 --separate-stderr env TMPDIR="$PWD/none" acconvert to-aci none out.aci
	[[ $stderr == *"a temporary directory (TMPDIR): open '$PWD/none'"* ]]
}

@test "ACUTILS_SANDBOX=off" {
	make_aci app.aci example.com/app 1.0
	run -0 --separate-stderr env ACUTILS_SANDBOX=off acfetch --debug --insecure-options=image pull app.aci
	[[ $stderr == *"not confined: ACUTILS_SANDBOX=off"* ]]
	waiting_pull env ACUTILS_SANDBOX=off
	[ "$(status Seccomp)" = 0 ] && [ "$(status NoNewPrivs)" = 0 ]
}

waits() { grep -q '^Seccomp:.2' "/proc/$PID/status"; }

@test "acconvert and actool, before they read the image" {
	mkfifo pipe
	exec 9<>pipe
	for command in "actool extract pipe out" "actool validate pipe" "actool inspect pipe" \
		"actool diff pipe pipe" "acconvert to-oci pipe out" "acconvert to-aci pipe out.aci"; do
		# shellcheck disable=SC2086 # words
		$command >/dev/null 2>&1 3>&- 9>&- &
		PID=$!
		wait_for 20 waits
		[ "$(status NoNewPrivs)" = 1 ]
		[ $((0x$(status CapEff) & ~0x8820001f)) = 0 ]
		kill -KILL "$PID"
		wait "$PID" || :
		[ ! -e out ] && [ ! -e out.aci ]
	done
}

# The child of $PARENT, once it is confined, as $PID.
child_waits() {
	PID=$(pgrep -P "$PARENT") && waits
}

# acbuild begin in the middle of an image: by PARENT, the child by PID.
waiting_begin() {
	acbuild begin ./pipe >out 2>&1 3>&- 9>&- &
	PARENT=$!
	wait_for 20 child_waits
}

gone() { ! kill -0 "$1" 2>/dev/null; }

@test "acbuild begin: what it is given is read by a child" {
	mkfifo pipe
	exec 9<>pipe
	waiting_begin
	[ "$(status NoNewPrivs)" = 1 ]
	[ $((0x$(status CapEff) & ~0x8820001f)) = 0 ]
	grep -q '^Seccomp:.0' "/proc/$PARENT/status"
	# Told to end, both do.
	kill -TERM "$PARENT"
	wait "$PARENT" && false || [ $? = 143 ]
	wait_for 20 gone "$PID"
	[ ! -e .acbuild ]
	grep -q 'acbuild: begin: .*stopped' out
	# The child was killed: that is an error.
	waiting_begin
	kill -KILL "$PID"
	wait "$PARENT" && false || [ $? = 1 ]
	[ ! -e .acbuild ]
	grep -q "acbuild: begin: .*'./pipe': the process that reads it was ended by signal 9 (Killed)" out
	# And it does not outlive us.
	waiting_begin
	kill -KILL "$PARENT"
	wait "$PARENT" || :
	wait_for 20 gone "$PID"
	PID=
	acbuild begin
	acbuild end
	[ -z "$(ls tmp)" ]
}

# reads COMMAND...: has it begun to confine a child, but not itself?
reads() {
	run -0 --separate-stderr env ACUTILS_SANDBOX=off acbuild --debug "$@"
	[[ $stderr == *"not confined: ACUTILS_SANDBOX=off"* ]]
}

@test "acbuild: OCI images, and their layers when they are needed, in a child too" {
	mkdir d
	echo file >d/file
	tar -C d -czf l.tar.gz file
	load layout
	layout x.oci l.tar.gz
	tar -C x.oci -cf x.tar .
	for image in x.oci x.tar; do
		reads begin --build-mode=oci "./$image"
		reads copy d/file /other
		run ! reads copy d/file /more
		acbuild end
	done
	# Nothing of it changes what comes out.
	for sandbox in on off; do
		export ACUTILS_SANDBOX=$sandbox
		acbuild begin --build-mode=oci ./x.oci
		acbuild copy d/file /other
		acbuild write "$sandbox.oci/"
		acbuild end
		acbuild begin ./x.tar
		acbuild write "$sandbox.aci"
		acbuild end
	done
	diff -r on.oci off.oci
	cmp on.aci off.aci
}

@test "acbuild --modify: the image is read, and written, in a child" {
	make_aci app.aci example.com/app 1.0
	make_aci other.aci example.com/other 1.0
	cp app.aci before.aci
	echo '{"limit":"1G"}' >limit
	reads --modify app.aci label add a b
	reads --modify app.aci cat-manifest
	jq -e '.labels[] | select(.name == "a")' <<<"$output"
	# Files that the command line names, in other directories, and the store.
	mkdir far
	mv limit other.aci far
	ln -s ../app.aci far/link.aci
	acbuild --modify app.aci isolator add resource/memory far/limit
	acbuild --modify far/link.aci isolator add resource/cpu - <<<'{"limit":"1"}'
	acbuild --modify app.aci dependency add --file far/other.aci
	acbuild --modify app.aci dependency list | grep example.com/other
	acbuild --modify app.aci cat-manifest >manifest
	jq -e '.app.isolators | length == 2' manifest
	acbuild --modify before.aci replace-manifest manifest
	[ "$(acbuild --modify before.aci cat-manifest | jq -c .app)" = "$(jq -c .app manifest)" ]
	# Exit codes, and errors, are as ever.
	run -2 --separate-stderr acbuild --modify app.aci label remove none
	[[ $stderr == "acbuild: label remove: element to be removed does not exist in this ACI: 'none'" ]]
	echo no image >no.aci
	run -1 --separate-stderr acbuild --modify no.aci label add a b
	[[ $stderr == "acbuild: label add: not a tar archive: "* ]]
	[ "$(cat no.aci)" = "no image" ]
}
