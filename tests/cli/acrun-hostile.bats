#!/usr/bin/env bats
# Callers, images and apps that mean acrun no good.
load helper
load acrun

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	acrun_setup
	image example.com/sh "$SHELL_APP" > /dev/null
	image example.com/probe "$PROBE_APP" > /dev/null
}

teardown() { acrun_teardown; }

@test "a caller that ignores SIGCHLD" {
	run -3 timeout -k 1 20 env --ignore-signal=CHLD acrun run example.com/sh -- 'true; exit 3'
}

@test "a reader that goes away does not end the pod" {
	acrun run --uuid-file-save=u example.com/sh --name=a -- 'seq 100000' --- \
		example.com/sh --name=b -- 'sleep 0.3' | head -n1 > first
	[ "$(cat first)" = "a: 1" ]
	run -0 acrun status "$(cat u)"
	grep -qx app-a=0 <<< "$output"
	grep -qx app-b=0 <<< "$output"
	acrun gc --grace-period=0s
	nothing_left
}

@test "somebody outside who holds an app's output open holds up nobody" {
	start_pod example.com/sh --name=a -- 'echo begun; sleep 60' --- \
		example.com/sh --name=b -- 'sleep 60'
	until grep -q begun pod.out; do sleep 0.02; done
	app=$(pgrep -P "$(pod_init "$UUID")" | head -n1)
	exec 7> "/proc/$app/fd/1"
	acrun stop --force "$UUID" 7>&-
	exec 7>&-
	end_pod 137
}

@test "the host's console stays shut to an app that makes a node for it" {
	run -0 acrun run example.com/probe -- device C 5 1 /console
	[ "$output" = $'mknod allowed\nopen EPERM' ]
	run -0 acrun run example.com/sh -- 'cd /tmp; for d in "1 3" "1 5" "1 7" "1 8" "1 9" "1 1" "1 2" "1 4" "1 6" "1 10" "1 11" "5 3"; do
		mknod x c $d; dd if=x count=0 2> /dev/null && echo $d; rm x; done'
	[ "$output" = $'1 3\n1 5\n1 7\n1 8\n1 9' ]
}

@test "an image with a hundred thousand variables" {
	! ldd "$BINDIR/acrun" 2>&1 | grep -q libasan || skip "its memory is slow under the sanitizer"
	id=$(image example.com/env '{"exec": ["/bin/true"], "user": "0", "group": "0"}')
	file=$ACUTILS_DIR/images/$id.json
	jq -c '.manifest.app.environment = [range(100000) | {name: "V\(.)", value: "x"}]' \
		"$file" > new
	mv new "$file"
	# With time in the square of the number it took half a minute.
	run -0 timeout 10 acrun run example.com/env
}

@test "an image with twenty thousand mount points" {
	id=$(image example.com/points '{"exec": ["/bin/true"], "user": "0", "group": "0"}')
	file=$ACUTILS_DIR/images/$id.json
	points() {
		jq -c --argjson n "$1" '.manifest.app.mountPoints = [range($n) | {name: "m\(.)", path: "/m/\(.)"}]' "$file" > new
		mv new "$file"
	}
	points 20000
	run -254 --separate-stderr acrun run example.com/points
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = "acrun: app 'points': 20000 mount points and mounts; an app may have 4096" ]
	points 1000
	run -0 acrun run example.com/points
}

@test "stop ends a pod whose app has filled the queue of signals" {
	start_pod example.com/probe -- flood
	until grep -q full pod.out; do sleep 0.05; done
	run -0 acrun stop --grace=100ms "$UUID"
	end_pod 137
}

@test "a pod manifest that leaves things out" {
	id=$(image example.com/left-out "$SHELL_APP")
	jq -n --arg id "$id" '{acVersion: "0.8.11", acKind: "PodManifest", apps: [{name: "a",
		image: {id: $id}, app: {exec: ["/bin/true"], user: "0", group: "0"}}]}' > whole
	run -0 acrun run --pod-manifest=whole
	while IFS='|' read -r change want; do
		jq "$change" whole > part
		run -254 acrun run --pod-manifest=part
		[[ $output == *"$want"* ]] || { echo "$change: $output" >&2; false; }
	done <<- 'EOF'
		del(.apps)|at least one application
		.apps = []|at least one application
		del(.apps[0].name)|apps[0] has no name
		del(.apps[0].image)|apps[0] has no image id
		del(.apps[0].image.id)|apps[0] has no image id
	EOF
	acrun gc --grace-period=0s
	nothing_left
}

@test "the kernel's log is not a file of users" {
	rm root/etc/passwd
	ln -s /proc/kmsg root/etc/passwd
	image example.com/log "$SHELL_APP" > /dev/null
	# A process that reads the log is behind all others: what is new.
	echo "acrun-hostile $$: mark" > /dev/kmsg
	run -254 acrun run example.com/log --user=nobody-here -- id
	[[ $output == *"user 'nobody-here' is neither"* ]]
	timeout 60 grep -q -m1 "acrun-hostile $$: mark" /proc/kmsg
}

@test "gc takes no pod that is just being made" {
	command -v strace > /dev/null || skip "needs strace"
	acrun run example.com/sh -- true
	strace -qq -o /dev/null -e trace=flock -e inject=flock:delay_enter=500000:when=1 \
		acrun run --uuid-file-save=u example.com/sh -- 'exit 6' 3>&- &
	# shellcheck disable=SC2034 # end_pod waits for it
	runner=$!
	for _ in 1 2 3; do
		sleep 0.1
		acrun gc --grace-period=0s
	done
	end_pod 6
}

@test "the end of the input reaches a terminal whose app begins to read late" {
	# The key that says so is lost by a change of modes before it is read.
	run -0 timeout -k 1 30 acrun run --interactive example.com/sh -- \
		'sleep 0.3; exec sh -i' < /dev/null
}

@test "in a chroot nothing of the tree around it is left" {
	# What enters the app's mounts again stands at their namespace's real root.
	image example.com/again '{"exec": ["/bin/sh", "-c", "test -f /pre && echo in"],
		"user": "app", "group": "staff",
		"eventHandlers": [{"name": "pre-start", "exec": ["/bin/sh", "-c", "echo > /pre"]}]}' > /dev/null
	mkdir jail
	run -0 --separate-stderr unshare -m sh -c 'mount --rbind / jail && exec chroot jail "$@"' - \
		"$(command -v acrun)" run example.com/again
	[ "$output" = in ]
}
