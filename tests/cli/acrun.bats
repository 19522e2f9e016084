#!/usr/bin/env bats
# What acrun's commands do and say.
load helper
load acrun

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	acrun_setup
}

teardown() { acrun_teardown; }

@test "an app runs, and its exit code is acrun's" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/sh -- 'echo out; echo err >&2'
	[ "$output" = $'out\nerr' ]
	run -7 acrun run example.com/sh -- 'exit 7'
	run -137 acrun run example.com/sh -- 'kill -9 $$'
	run -143 acrun run example.com/sh -- 'kill -15 $$'
}

@test "stdin is the app's" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/sh -- cat <<< "hello"
	[ "$output" = hello ]
}

@test "images by id, unique prefix and name" {
	id=$(image example.com/sh "$SHELL_APP")
	for ref in "$id" "${id:0:20}" example.com/sh; do
		run -0 acrun run "$ref" -- 'echo "$AC_APP_NAME"'
		[ "$output" = sh ]
	done
	run -254 acrun run sha512-0123456789 -- true
	[[ $output == *"no image 'sha512-0123456789' in the store"* ]]
	run -254 acrun run --pull-policy=never example.com/nope
	[[ $output == *"no image 'example.com/nope'"* ]]
}

@test "what cannot be run is said, with 254" {
	image example.com/bad '{"exec": ["/nope"], "user": "0", "group": "0"}' > /dev/null
	run -254 acrun run example.com/bad
	[[ $output == *"app 'bad': execute '/nope': No such file"* ]]
	run -254 acrun run example.com/bad --exec=/etc/passwd
	[[ $output == *"execute '/etc/passwd': Permission denied"* ]]
	run -254 acrun run example.com/bad --exec=nope
	[[ $output == *"execute 'nope': No such file"* ]]
	run -254 acrun run
	[[ $output == *"must provide at least one image"* ]]
	run -254 acrun run --exec=/bin/sh example.com/bad
	[[ $output == *"--exec must follow an image"* ]]
	run -254 acrun run -- x
	run -254 acrun run example.com/bad -- a --- -- b
	[[ $output == *"only one set of app arguments"* ]]
	run -254 acrun run --bogus example.com/bad
	[[ $output == *"unknown flag: --bogus"* ]]
	run -254 acrun run --net=default example.com/bad
	[[ $output == *"networks not found: default"* ]]
	[ -z "$(ls "$ACUTILS_DIR/pods/run" 2>/dev/null)" ]
}

@test "exec is looked up in the app's PATH" {
	image example.com/sh '{"exec": ["sh", "-c"], "user": "0", "group": "0",
		"environment": [{"name": "PATH", "value": "/nowhere:/bin"}]}' > /dev/null
	run -0 acrun run example.com/sh -- 'echo $PATH'
	[ "$output" = /nowhere:/bin ]
}

@test "the environment, in its order of precedence" {
	image example.com/sh '{"exec": ["/bin/env"], "user": "0", "group": "0",
		"environment": [{"name": "A", "value": "image"}, {"name": "B", "value": "image"},
		{"name": "C", "value": "image"}, {"name": "D", "value": "image"}]}' > /dev/null
	printf '# note\n\nB=file\nC=file\nD=file\n' > vars
	run -0 env -i PATH="$PATH" ACUTILS_DIR="$ACUTILS_DIR" A=host E=host \
		acrun run --inherit-env --set-env-file=vars --set-env=C=set \
		--set-env=D=set example.com/sh --environment=D=own
	for want in A=image B=file C=set D=own E=host container=acrun AC_APP_NAME=sh \
		HOME=/root SHELL=/bin/sh USER=root LOGNAME=root; do
		grep -qx "$want" <<< "$output"
	done
	run -0 acrun run example.com/sh
	! grep -q '^E=' <<< "$output" || false
	grep -qx PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin <<< "$output"
	run -254 acrun run --set-env=A=1 --set-env=A=2 example.com/sh
	[[ $output == *'key "A" already set'* ]]
	echo nonsense > vars
	run -254 acrun run --set-env-file=vars example.com/sh
	[[ $output == *"'nonsense' is not of the form NAME=VALUE"* ]]
}

@test "users and groups come from the image" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/sh --user=app --group=staff --supplementary-gids=7,8 -- \
		'id -u; id -g; id -G; grep Groups: /proc/self/status'
	[ "${lines[0]}" = 1234 ]
	[ "${lines[1]}" = 50 ]
	[ "${lines[2]}" = "50 7 8" ]
	run -0 acrun run example.com/sh --user=4321 --group=9 -- 'id -u; id -g; id -G'
	[ "$output" = $'4321\n9\n9' ]
	chown 77:88 root/etc/group
	image example.com/owner "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/owner --user=/etc/group --group=/etc/group -- 'id -u; id -g'
	[ "$output" = $'77\n88' ]
	for bad in nobody-here 4294967295 -1 0x1 1000: '12 '; do
		run -254 acrun run example.com/sh --user="$bad" -- true
		[[ $output == *"is neither in the image's /etc/passwd nor a number"* ]]
	done
}

@test "the working directory, and one that is missing" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/sh --working-dir=/etc -- pwd
	[ "$output" = /etc ]
	run -254 acrun run example.com/sh --working-dir=/nope -- pwd
	[[ $output == *"enter the working directory /nope: No such file"* ]]
}

@test "the root is writable for the pod alone, or read-only" {
	id=$(image example.com/sh "$SHELL_APP")
	acrun run example.com/sh -- 'echo x > /new; rm /etc/group'
	[ ! -e "$ACUTILS_DIR/layers/$id/rootfs/new" ]
	[ -e "$ACUTILS_DIR/layers/$id/rootfs/etc/group" ]
	run -1 acrun run example.com/sh --readonly-rootfs=true -- 'echo x > /new'
	[[ $output == *"Read-only file system"* ]]
	run -0 acrun run example.com/sh -- 'ls /'
	[[ $output != *new* ]]
}

@test "host volumes, read-only and writable, directories and files" {
	image example.com/sh "$SHELL_APP" > /dev/null
	here=$(realpath .)
	mkdir data
	echo content > data/f
	run -0 acrun run --volume=d,kind=host,source="$here/data" example.com/sh \
		--mount=volume=d,target=/deep/er -- 'cat /deep/er/f; echo new > /deep/er/g'
	[ "$output" = content ]
	[ "$(cat data/g)" = new ]
	run -1 acrun run --volume=d,kind=host,source="$here/data",readOnly=true example.com/sh \
		--readonly-rootfs=true --mount=volume=d,target=/not/there -- 'echo x > /not/there/h'
	[[ $output == *"Read-only file system"* ]]
	run -0 acrun run --volume=d,kind=host,source="$here/data/f" \
		--mount=volume=d,target=/etc/motd example.com/sh -- 'cat /etc/motd'
	[ "$output" = content ]
	run -254 acrun run --volume=d,kind=host,source="$here/gone" \
		--mount=volume=d,target=/x example.com/sh -- true
	[[ $output == *"open the volume's source '$here/gone': No such file"* ]]
	[ ! -e gone ]
	ln -s data link
	run -254 acrun run --volume=d,kind=host,source="$here/link" \
		--mount=volume=d,target=/x example.com/sh -- true
	[[ $output == *"symbolic link; give the real path '$here/data'"* ]]
	run -254 acrun run --mount=volume=nope,target=/x example.com/sh -- true
	[[ $output == *'dangling mount point "/x": volume "nope" not found'* ]]
	for bad in /proc /proc/x /sys/y /dev ../x x / ; do
		run -254 acrun run --volume=d,kind=empty --mount=volume=d,target=$bad example.com/sh -- true
		[[ $output == *"mount point '$bad'"* ]]
	done
}

@test "empty volumes are shared by the apps and end with the pod" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run --volume=v,kind=empty,mode=1770,uid=5,gid=6 --mount=volume=v,target=/v \
		example.com/sh --name=a -- 'echo from a > /v/f; stat -c "%a %u %g" /v' --- \
		example.com/sh --name=b -- 'until [ -s /v/f ]; do sleep 0.02; done; cat /v/f'
	[[ $output == *"a: 1770 5 6"* ]]
	[[ $output == *"b: from a"* ]]
}

@test "an image's mount point without a volume gets an empty one" {
	image example.com/sh '{"exec": ["/bin/sh", "-c"], "user": "0", "group": "0",
		"mountPoints": [{"name": "data", "path": "/data"}]}' > /dev/null
	run -0 acrun run example.com/sh -- 'grep " /data " /proc/mounts'
	[[ $output == *'no volume for the mount point "data"'* ]]
	[[ $output == *" /data "* ]]
	mkdir d
	echo seen > d/f
	run -0 acrun run --volume=data,kind=host,source="$(realpath d)" example.com/sh -- 'cat /data/f'
	[ "$output" = seen ]
}

@test "several apps: one output, by name" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -0 acrun run example.com/sh --name=one -- 'echo x; printf unfinished' --- \
		example.com/sh --name=two -- 'echo y >&2; cat'
	[[ $output == *"one: x"* ]]
	[[ $output == *"one: unfinished"* ]]
	[[ $output == *"two: y"* ]]
	run -254 acrun run example.com/sh -- true --- example.com/sh -- true
	[[ $output == *"multiple apps with name sh"* ]]
}

@test "the first app that fails ends the pod, with its code" {
	image example.com/sh "$SHELL_APP" > /dev/null
	SECONDS=0
	run -5 acrun run example.com/sh --name=a -- \
		'until nc 127.0.0.1 98 < /dev/null; do sleep 0.05; done; exit 5' --- \
		example.com/sh --name=b -- 'nc -l -p 98 < /dev/null; sleep 600'
	[ "$SECONDS" -lt 300 ]
	UUID=$(only_pod)
	run -0 acrun status "$UUID"
	[[ $output == *app-a=5* ]]
	[[ $output == *app-b=143* ]]
}

@test "event handlers: before, and after, also when killed" {
	image example.com/sh '{"exec": ["/bin/sh", "-c", "test -f /pre && touch /main"],
		"user": "app", "group": "staff",
		"eventHandlers": [{"name": "pre-start", "exec": ["/bin/sh", "-c", "sleep 0.2; touch /pre; chmod 777 /; echo pre $(id -u)"]},
		{"name": "post-stop", "exec": ["/bin/sh", "-c", "test -f /main && echo post $(id -u)"]}]}' > /dev/null
	run -0 acrun run example.com/sh
	[ "$output" = $'pre 0\npost 0' ]
	image example.com/killed '{"exec": ["/bin/sh", "-c", "kill -9 $$"], "user": "0", "group": "0",
		"eventHandlers": [{"name": "post-stop", "exec": ["/bin/echo", "after"]}]}' > /dev/null
	run -137 acrun run example.com/killed
	[ "$output" = after ]
	image example.com/fails '{"exec": ["/bin/echo", "never"], "user": "0", "group": "0",
		"eventHandlers": [{"name": "pre-start", "exec": ["/bin/false"]}]}' > /dev/null
	run -1 acrun run example.com/fails
	[[ $output != *never* ]]
}

@test "signals reach the app" {
	image example.com/probe "$PROBE_APP" > /dev/null
	acrun run example.com/probe -- trap > out &
	pid=$!
	until grep -q ready out; do sleep 0.02; done
	kill -USR1 "$pid"
	until grep -q USR1 out; do sleep 0.02; done
	kill -TERM "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" = 7 ]
	[ "$(tail -n1 out)" = TERM ]
}

@test "list, status, cat-manifest, rm" {
	id=$(image example.com/sh "$SHELL_APP")
	run -0 acrun list
	[ "$output" = $'UUID\tAPP\tIMAGE NAME\tSTATE\tCREATED\tSTARTED\tNETWORKS' ]
	run -0 acrun list --json
	[ "$output" = '[]' ]
	run -3 acrun run --uuid-file-save=u example.com/sh -- 'exit 3'
	UUID=$(cat u)
	[[ $UUID =~ ^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
	run -0 acrun list --no-legend
	[[ $output == "${UUID:0:8}"*sh*example.com/sh*exited*now* ]]
	run -0 acrun list --full --no-legend
	[[ $output == "$UUID"*"${id:0:19}"*exited* ]]
	acrun list --format=json | jq -e ".[0] | .name == \"$UUID\" and .state == \"exited\" and
		.apps[0].exit_code == 3 and .apps[0].state == \"exited\" and .app_names == [\"sh\"]"
	run -0 acrun status "${UUID:0:8}"
	grep -qx state=exited <<< "$output"
	grep -qx exited=true <<< "$output"
	grep -qx app-sh=3 <<< "$output"
	grep -q ^created= <<< "$output"
	acrun status --json --uuid-file=u | jq -e '.apps[0].exit_code == 3'
	acrun cat-manifest "$UUID" | jq -e ".apps[0].image.id == \"$id\" and .acKind == \"PodManifest\""
	run -254 acrun status 00000000
	[[ $output == *'no matches found for "00000000"'* ]]
	run -0 acrun rm --uuid-file=u
	[ "$output" = "\"$UUID\"" ]
	run -254 acrun rm "$UUID"
	[ -z "$(ls "$ACUTILS_DIR"/pods/{run,garbage,embryo,exited-garbage})" ] || [ -z "$(find "$ACUTILS_DIR"/pods -mindepth 2 -maxdepth 2 -not -path '*skel*')" ]
}

@test "stop: TERM, then KILL after the grace; --force at once" {
	image example.com/sh "$SHELL_APP" > /dev/null
	start_ready example.com/sh -- 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
	run -254 acrun rm "$UUID"
	[[ $output == *"is currently running"* ]]
	run -0 acrun stop "$UUID"
	[ "$output" = "\"$UUID\"" ]
	end_pod 9
	run -0 acrun stop "$UUID"
	[ "$output" = "pod \"$UUID\" is already stopped" ]
	start_ready example.com/sh -- 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	run -0 acrun stop --grace=200ms "$UUID"
	end_pod 137
	start_ready example.com/sh -- 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	run -0 acrun stop --force --uuid-file=u
	end_pod 137
	run -254 acrun stop 00000000 11111111
	[[ $output == *"failed to stop 2 pod(s)"* ]]
}

@test "status --wait" {
	image example.com/sh "$SHELL_APP" > /dev/null
	start_ready example.com/sh -- 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done'
	run -0 acrun status "$UUID"
	grep -qx state=running <<< "$output"
	run -254 acrun status --wait=100ms "$UUID"
	[[ $output == *"context deadline exceeded"* ]]
	# shellcheck disable=SC2154 # start_pod sets it
	kill -TERM "$runner"
	run -0 acrun status --wait "$UUID"
	grep -qx app-sh=4 <<< "$output"
	end_pod 4
}

@test "gc: by age, and what killed runners left" {
	image example.com/sh "$SHELL_APP" > /dev/null
	acrun run example.com/sh -- true
	run -0 acrun gc
	[[ $output == *"still within grace period"* ]]
	run -0 acrun list --no-legend
	[[ $output == *"exited garbage"* ]]
	run -0 acrun gc --grace-period=0s
	[[ $output == *"Garbage collecting pod"* ]]
	mkdir -p "$ACUTILS_DIR/pods/embryo/12345678-1234-4234-8234-123456789abc"
	acrun gc
	nothing_left
}

@test "a pod manifest" {
	id=$(image example.com/sh "$SHELL_APP")
	cat > pod.json <<-JSON
		{"acVersion": "0.8.11", "acKind": "PodManifest", "apps": [
		 {"name": "first", "image": {"id": "$id"}, "app":
		  {"exec": ["/bin/sh", "-c", "cat /v/x"], "user": "0", "group": "0"},
		  "mounts": [{"volume": "v", "path": "/v"}]}],
		 "volumes": [{"name": "v", "kind": "host", "source": "$(realpath .)"}]}
	JSON
	echo hi > x
	run -0 acrun run --pod-manifest=pod.json
	[ "$output" = hi ]
	run -254 acrun run --pod-manifest=pod.json example.com/sh
	[[ $output == *"conflicting flags set with --pod-manifest"* ]]
}

@test "--rm leaves no pod" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -3 acrun run --rm example.com/sh -- 'exit 3'
	nothing_left
}

@test "--interactive: a terminal of the app's own" {
	image example.com/sh "$SHELL_APP" > /dev/null
	run -5 script -qec "stty rows 33 cols 99; acrun run --interactive example.com/sh \
		--user=app --group=staff -- 'tty; busybox stty size; stat -c %U /dev/pts/0; exit 5'" /dev/null
	[[ $output == *"/dev/pts/0"* ]]
	[[ $output == *"33 99"* ]]
	[[ $output == *app* ]]
	run -0 timeout 20 acrun run --interactive example.com/sh --exec=/bin/sh <<< 'test -t 0 && echo yes $((6*7))'
	[[ $output == *"yes 42"* ]]
	# ^C is the app's, by its terminal.
	run -130 script -qec "acrun run --interactive example.com/sh -- 'sleep 30'" /dev/null \
		< <(sleep 0.7; printf '\003'; sleep 3)
	run -254 script -qec "acrun run --interactive example.com/sh -- true --- example.com/sh --name=b -- true" /dev/null
	[[ $output == *"interactive option only supports one image"* ]]
}

@test "a user without root: one id, no control groups" {
	image example.com/sh "$SHELL_APP" > /dev/null
	chown -R 1000:1000 "$ACUTILS_DIR"
	chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" .. ../..
	install -m 755 "$BINDIR/acrun" .
	as=(setpriv --reuid=1000 --regid=1000 --clear-groups "$PWD/acrun")
	"${as[@]}" list > /dev/null 2>&1 || skip "the test's directory cannot be reached by others"
	unshare --help > /dev/null && setpriv --reuid=1000 --regid=1000 --clear-groups \
		unshare -U true || skip "no user namespaces for users here"
	run -3 "${as[@]}" run example.com/sh -- 'id -u; echo x > /new && cat /new; echo y > /dev/null; hostname; exit 3'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = x ]
	run -0 "${as[@]}" run --net=host example.com/sh -- 'cat /sys/class/net/lo/mtu'
	[ "$output" = 65536 ]
	run -254 "${as[@]}" run example.com/sh --user=app -- true
	[[ $output == *"only user 0 and group 0 exist"* ]]
	run -0 "${as[@]}" run example.com/sh --memory=64M -- true
	[[ $output == *"memory isolator is not enforced: control groups need root"* ]]
	run -254 "${as[@]}" run --strict-isolators example.com/sh --memory=64M -- true
	"${as[@]}" gc --grace-period=0s
	nothing_left
}
