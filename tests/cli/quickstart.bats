#!/usr/bin/env bats
# tests/quickstart: it works, and leaves nothing, however it ends.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	needs_root
	before=$(traces)
}

# What a quickstart might leave: directories, processes, mounts.
traces() {
	ls -d /tmp/acutils.* 2> /dev/null || :
	readlink /proc/[0-9]*/cwd | grep /tmp/acutils || :
	grep /tmp/acutils /proc/mounts || :
}

# gpg-agent takes a moment to see that its directory is gone.
clean() {
	for _ in $(seq 50); do
		[ "$(traces)" != "$before" ] || return 0
		sleep 0.1
	done
	diff <(echo "$before") <(traces)
}

@test "quickstart does the main job" {
	run -0 timeout 6000 sh "$BATS_TEST_DIRNAME/../quickstart"
	[[ $output == *'good signature by Quickstart'* ]]
	[[ $output == *'it does not match the content'*'it does not match the content'* ]]
	[[ $output == *'signature verified: Quickstart'* ]]
	[[ $output == *'again.aci: valid app container image'* ]]
	[[ $output == *'client: It works: this page crossed the loopback of a pod.'* ]]
	[[ $output == *'All of this took '*' seconds'*'make check'* ]]
	clean
}

@test "a program that fails ends it with a message" {
	local p
	for p in actool acconvert acrun; do
		mkdir bin
		ln -s "$BINDIR"/* bin/
		rm bin/$p
		printf '#!/bin/sh\nexit 1\n' > bin/$p
		chmod +x bin/$p
		run ! env BINDIR="$PWD/bin" timeout 600 sh "$BATS_TEST_DIRNAME/../quickstart"
		[[ $output == *"quickstart: it ended with 1; nothing was left behind" ]]
		clean
		rm -r bin
	done
}

@test "interrupted anywhere, it leaves nothing" {
	local what pid rc
	for what in 'actool sign' 'acfetch serve.*--oci' 'acrun run'; do
		sh "$BATS_TEST_DIRNAME/../quickstart" > out 2>&1 & pid=$!
		until grep -q "^\$ $what" out; do sleep 0.02; done
		kill -TERM $pid
		rc=0
		wait $pid || rc=$?
		cat out
		[ "$rc" -eq 143 ]
		clean
	done
}
