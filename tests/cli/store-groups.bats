#!/usr/bin/env bats
# Root's store for the groups acutils (may read) and acutils-admin (may add).
# Users are numbers, and /etc/group and /var/lib are others in a mount namespace
# of each command: nothing of the machine's changes.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, pull.bash $A
# shellcheck disable=SC2016 # for shells within

load helper
load keys
load pull

ALICE=61001 # reads and adds
BOB=61002   # reads
EVE=61003   # neither
READ=60901 ADD=60902

setup_file() { make_keys; }
teardown_file() { end_keys; }

setup() {
	needs_root
	store_setup
	unset ACUTILS_DIR
	# bats' own directories are for root alone.
	W=$(mktemp -d /tmp/ac-groups-XXXXXX)
	chmod 755 "$W"
	cd "$W" || return
	mkdir -p bin lib home/{alice,bob,eve} etc
	cp "$BINDIR"/ac{fetch,run,build} bin
	chown $ALICE home/alice
	chown $BOB home/bob
	chown $EVE home/eve
	chmod 700 home/*
	cat /etc/group - >group <<-END
	acutils:x:$READ:
	acutils-admin:x:$ADD:
	END
	S=$W/lib/acutils
	# Behind on, alice, bob or eve.
	af=(acfetch --system-config=/nonexistent --local-config="$W/etc")
	umask 022
}

teardown() {
	[ -z "${BAD_PID-}" ] || stop "$BAD_PID"
	[ -z "${PULL_PID-}" ] || stop "$PULL_PID"
	[ -z "${W-}" ] || rm -rf "$W"
}

# A command in the machine of these tests.
on() {
	unshare -m sh -ec 'mount --bind "$0/group" /etc/group; mount --bind "$0/lib" /var/lib; exec "$@"' "$W" \
		env PATH="$W/bin:$PATH" "$@"
}
# as NAME UID GROUPS COMMAND...
as() { on setpriv --reuid="$2" --regid="$2" --groups="$3" env -u XDG_CONFIG_HOME -u DOCKER_CONFIG -u GNUPGHOME HOME="$W/home/$1" "${@:4}"; }
alice() { as alice $ALICE $READ,$ADD "$@"; }
bob() { as bob $BOB $READ "$@"; }
eve() { as eve $EVE $EVE "$@"; }

mode() { stat -c '%a %u %g' "$1"; }
ids() { jq -r 'map(.id) | sort | join(" ")'; }

# root_has FILE NAME VERSION [MORE]: an image in root's store, unsigned.
root_has() {
	make_aci "$@"
	on "${af[@]}" --insecure-options=image pull "./$1" 2>/dev/null >&2
}

# pin PREFIX KEY: on this machine KEY may sign images at and below PREFIX.
pin() {
	"${af[@]}" trust --skip-fingerprint-review --prefix "$1" "$KEYS/$2.asc" >/dev/null 2>&1
	chmod -R go+rX "$W/etc"
}

@test "without the groups, root's store is root's" {
	make_aci a.aci example.com/a 1
	cp /etc/group group
	sed -i /acutils/d group
	root_has a.aci example.com/a 1
	[ "$(mode "$S")" = "700 0 0" ]
	[ ! -e "$S/members" ]
	run -1 --separate-stderr bob "${af[@]}" --dir /var/lib/acutils image list
	[[ $stderr == *"open the store '/var/lib/acutils' (--dir names another): Permission denied"* ]]
}

@test "a store of a later program is not opened for them" {
	mkdir -m 700 "$S"
	echo 99 >"$S/version"
	make_aci a.aci example.com/a 1
	run -1 --separate-stderr on "${af[@]}" --insecure-options=image pull ./a.aci
	[[ $stderr == *"has layout 99"* ]]
	[ "$(mode "$S")" = "700 0 0" ]
	[ "$(ls "$S")" = version ]
}

@test "with them it is opened, what others may not see first, under any umask" {
	umask 077
	sed -i '/acutils/d' group
	root_has a.aci example.com/a 1
	mkdir -m 755 "$S/other"
	echo "acutils:x:$READ:" >>group
	root_has b.aci example.com/b 1
	echo "acutils-admin:x:$ADD:" >>group
	root_has c.aci example.com/c 1
	[ "$(mode "$S")" = "750 0 $READ" ]
	[ "$(mode "$S/members")" = "1730 0 $ADD" ]
	for d in layers ingest partial http other; do
		[ "$(mode "$S/$d")" = "700 0 0" ]
	done
	[ "$(mode "$S/lock")" = "600 0 0" ]
	[ "$(mode "$S/images.lock")" = "600 0 0" ]
	# All that readers need is theirs to read, and nothing theirs to write.
	run -0 bob "${af[@]}" --json --dir /var/lib/acutils image list
	[ "$(jq length <<<"$output")" = 3 ]
	run -0 bob find /var/lib/acutils -mindepth 1 \( -path '*/layers' -o -path '*/ingest' -o -path '*/partial' \
		-o -path '*/http' -o -path '*/other' -o -path '*/members' \) -prune -o ! -name '*lock' ! -readable -print
	[ -z "$output" ]
	run -0 bob find /var/lib/acutils -maxdepth 1 ! -name members -writable -print
	[ -z "$output" ]
	# A reader's lock on what he can open keeps root from nothing.
	bob sh -c 'cd /var/lib/acutils && exec flock images flock blobs flock version sleep 1000' 3>&- &
	PULL_PID=$!
	wait_for 10 sh -c "! flock -n '$S/version' true"
	root_has d.aci example.com/d 1
	on "${af[@]}" image rm example.com/d
	stop $PULL_PID
	PULL_PID=
	[ "$(mode "$S")" = "750 0 $READ" ]
	# What somebody opened by hand is closed again.
	chmod 755 "$S" "$S/layers"
	root_has e.aci example.com/e 1
	[ "$(mode "$S/layers")" = "700 0 0" ]
	[ "$(mode "$S")" = "750 0 $READ" ]
}

@test "another store is given to the group by its directory's group" {
	make_aci a.aci example.com/a 1
	on "${af[@]}" --insecure-options=image --dir lib/one pull ./a.aci
	[ "$(mode lib/one)" = "700 0 0" ]
	chgrp $READ lib/one
	on "${af[@]}" --insecure-options=image --dir lib/one pull --no-store ./a.aci
	[ "$(mode lib/one)" = "750 0 $READ" ]
	[ "$(mode lib/one/layers)" = "700 0 0" ]
	run -0 bob "${af[@]}" --json --dir "$W/lib/one" image list
	[ "$(jq length <<<"$output")" = 1 ]
	# A user's own store is nobody else's, whatever its group.
	run -0 alice "${af[@]}" --insecure-options=image pull "$W/a.aci"
	[ "$(mode home/alice/.local/share/acutils)" = "700 $ALICE $ALICE" ]
}

@test "who is in no group is told who may" {
	root_has a.aci example.com/a 1
	why="open the store '/var/lib/acutils', which is for root and the group acutils ('usermod -aG acutils USER' adds one to it; without --dir you have a store of your own): Permission denied"
	run -1 --separate-stderr eve "${af[@]}" --dir /var/lib/acutils image list
	[ "$stderr" = "acfetch: $why" ]
	run -1 --separate-stderr eve "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	[[ $stderr == *"$why"* ]]
	run -1 --separate-stderr eve "${af[@]}" --store-read /var/lib/acutils image list
	[[ $stderr == *"--store-read: $why"* ]]
	# A reader who adds.
	run -1 --separate-stderr bob "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	[[ $stderr == *"add to the store '/var/lib/acutils': it is root's, and you are not in the group acutils-admin; "* ]]
	# And one who removes.
	for who in bob alice; do
		run -1 --separate-stderr $who "${af[@]}" --dir /var/lib/acutils image rm example.com/a
		[[ $stderr == *"remove from the store '/var/lib/acutils', which you may only read: its owner does that: Permission denied"* ]]
		run -1 --separate-stderr $who "${af[@]}" --dir /var/lib/acutils image gc
		[[ $stderr == *"which you may only read"* ]]
	done
	[ -e "$S/images/$ID.json" ]
}

@test "a reader reads, and writes nothing" {
	root_has a.aci example.com/a 1
	touch "$W/before"
	find "$S" -printf '%p %m %U %G %T@ %C@\n' | sort >before
	sys=(bob "${af[@]}" --dir /var/lib/acutils)
	[ "$("${sys[@]}" image list --no-legend --full --fields=id)" = "$ID" ]
	"${sys[@]}" image cat-manifest example.com/a | jq -e '.name == "example.com/a"'
	"${sys[@]}" image export example.com/a - | tar tf - | grep -q rootfs/bin/hello
	[ "$("${sys[@]}" --json image tree example.com/a | jq '.[0].layers[0].size')" = \
		"$(on "${af[@]}" --json image tree example.com/a | jq '.[0].layers[0].size')" ]
	[ "$("${sys[@]}" --json image du)" = "$(on "${af[@]}" --json image du)" ]
	run -0 --separate-stderr "${sys[@]}" image verify
	[[ $output == *"successfully verified"* ]]
	[[ $stderr == *"the layers of '/var/lib/acutils' are for its owner alone: only the blobs are compared"* ]]
	run -1 --separate-stderr "${sys[@]}" image render example.com/a "$W/home/bob/tree"
	[[ $stderr == *"the unpacked layers of '/var/lib/acutils' are for its owner alone; 'acfetch --store-read=/var/lib/acutils pull IMAGE' unpacks the image in a store of your own"* ]]
	find "$S" -printf '%p %m %U %G %T@ %C@\n' | sort | diff before -
}

@test "a reader reads while root pulls" {
	root_has a.aci example.com/a 1
	one=$ID
	make_aci b.aci example.com/b 1
	mkfifo pipe
	on "${af[@]}" --insecure-options=image pull ./pipe >out 2>&1 3>&- &
	PULL_PID=$!
	exec 7>pipe
	head -c 100 b.aci >&7
	# It has begun, and it holds its locks.
	wait_for 10 sh -c "! flock -n -x '$S/lock' true"
	[ "$(bob "${af[@]}" --json --dir /var/lib/acutils image list | ids)" = "$one" ]
	bob "${af[@]}" --dir /var/lib/acutils image verify example.com/a
	tail -c +101 b.aci >&7
	exec 7>&-
	wait $PULL_PID
	PULL_PID=
	[ "$(bob "${af[@]}" --json --dir /var/lib/acutils image list | jq length)" = 2 ]
}

@test "--store-read of root's store: what is used is unpacked in one's own" {
	root_has base.aci example.com/base 1
	base=$ID
	root_has app.aci example.com/app 1 '"dependencies":[{"imageName":"example.com/base"}]'
	[ -z "$(bob "${af[@]}" image list --no-legend)" ]
	bob "${af[@]}" --store-read /var/lib/acutils image cat-manifest example.com/app | jq -e '.name == "example.com/app"'
	run -0 --separate-stderr bob "${af[@]}" --store-read /var/lib/acutils pull --full example.com/app
	[ "$output" = "$ID" ]
	[ "$(bob "${af[@]}" --json image list | jq length)" = 2 ]
	run -0 bob "${af[@]}" image render --rootfs-only example.com/app "$W/home/bob/tree"
	[ -s home/bob/tree/bin/hello ]
	bob "${af[@]}" image verify
	# What root said of it is kept; what is there is not taken again.
	[ "$(bob "${af[@]}" --json --store-read /var/lib/acutils pull "$base" | jq '.[0].fetched')" = false ]
}

# runnable NAME: an image of busybox.
runnable() {
	local d=$W/run
	mkdir -p "$d"
	busybox_root "$d/rootfs"
	cat >"$d/manifest" <<-END
	{"acKind":"ImageManifest","acVersion":"0.8.11","name":"$1","labels":[{"name":"os","value":"linux"},
	{"name":"arch","value":"$(appc_arch)"}],"app":{"exec":["/bin/echo","it runs"],"user":"0","group":"0"}}
	END
	tar -C "$d" --owner=0 --group=0 --numeric-owner -cf run.aci manifest rootfs
	ID=sha512-$(sha512sum <run.aci | cut -d' ' -f1)
}

@test "a member adds, root verifies, runs and removes" {
	pin example.com alice
	# Before root's first pull.
	mkdir -m 750 lib/acutils
	mkdir -m 1730 lib/acutils/members
	chown 0:$READ lib/acutils
	chown 0:$ADD lib/acutils/members
	runnable example.com/run
	sign_by alice run.aci
	run -0 --separate-stderr alice "${af[@]}" --dir /var/lib/acutils pull --full "$W/run.aci"
	[ "$output" = "$ID" ]
	[ "$(mode "$S/members/$ALICE")" = "700 $ALICE $ALICE" ]
	[ ! -e "$S/images/$ID.json" ]
	# He sees it among root's; it is nobody else's yet.
	[ "$(alice "${af[@]}" --json --dir /var/lib/acutils image list | ids)" = "$ID" ]
	[ "$(bob "${af[@]}" --json --dir /var/lib/acutils image list)" = "[]" ]
	[ "$(on "${af[@]}" --json image list | jq -c '.[] | [.id, .offered_by]')" = "[\"$ID\",$ALICE]" ]
	on "${af[@]}" image list | grep -q "OFFERED BY"
	run -1 --separate-stderr on "${af[@]}" image verify "$ID"
	[[ $stderr == *"a member of the group offers it; 'acfetch pull' of its whole id takes it"* ]]
	# By its name, because of its signature.
	acrun=(acrun --system-config=/nonexistent --local-config="$W/etc")
	run -0 --separate-stderr on "${acrun[@]}" --dir /var/lib/acutils run --net=none example.com/run
	[[ $output == *"it runs"* ]]
	[[ $stderr == *"taken from what user $ALICE offers"* ]]
	jq -e --arg f "$(fingerprint alice)" '.signers == [$f] and .names == []' "$S/images/$ID.json"
	run -0 on "${af[@]}" image verify "$ID"
	[[ $output == *"successfully verified"* ]]
	[ "$(on "${af[@]}" --json image list | jq -c '.[0].offered_by')" = null ]
	[ "$(stat -c %u "$S/layers/$ID/rootfs/bin/busybox")" = 0 ]
	[ "$(bob "${af[@]}" --json --dir /var/lib/acutils image list | ids)" = "$ID" ]
	# What a member offers he can take back, and what is root's he cannot.
	[ -e "$S/members/$ALICE/signatures/$ID.0" ]
	alice "${af[@]}" --dir "/var/lib/acutils/members/$ALICE" image rm "$ID"
	[ ! -e "$S/members/$ALICE/signatures/$ID.0" ]
	run -1 alice "${af[@]}" --dir /var/lib/acutils image rm "$ID"
	on "${acrun[@]}" --dir /var/lib/acutils gc --grace-period=0s
	on "${af[@]}" image rm "$ID"
	[ ! -e "$S/images/$ID.json" ]
}

@test "a reader runs what is in root's store" {
	bob unshare -U true || skip "no user namespaces for users here"
	runnable example.com/run
	on "${af[@]}" --insecure-options=image pull ./run.aci
	run -0 bob acrun --system-config=/nonexistent --local-config="$W/etc" --store-read /var/lib/acutils run --net=none example.com/run
	[[ $output == *"it runs"* ]]
	[ "$(bob "${af[@]}" --json image list | ids)" = "$ID" ]
	run -0 bob acrun --store-read /var/lib/acutils run --net=none "$ID"
	[[ $output == *"it runs"* ]]
}

@test "a reader builds on what is in root's store" {
	bob unshare -U true || skip "no user namespaces for users here"
	runnable example.com/run
	on "${af[@]}" --insecure-options=image pull ./run.aci
	mkdir home/bob/build
	chown $BOB home/bob/build
	ab=(acbuild --store-read /var/lib/acutils --system-config=/nonexistent --local-config="$W/etc")
	bob env -C "$W/home/bob/build" acbuild begin
	bob env -C "$W/home/bob/build" acbuild set-name example.com/built
	bob env -C "$W/home/bob/build" acbuild dependency add example.com/run --image-id "$ID"
	run -0 bob env -C "$W/home/bob/build" "${ab[@]}" run -- /bin/sh -c 'echo made > /made'
	bob env -C "$W/home/bob/build" acbuild write built.aci
	tar tf home/bob/build/built.aci | grep -qx rootfs/made
}

@test "root reads what members wrote in a confined process" {
	needs strace
	root_has z.aci example.com/z 1
	make_aci a.aci example.com/a 1
	alice "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	on strace -f -o trace "${af[@]}" --json image list >out
	[ "$(jq length out)" = 2 ]
	sed -n "/PR_SET_NO_NEW_PRIVS, 1/,\$p" trace | grep -q "images/$ID.json"
	run -1 grep -q "images/$ID.json" <(sed "/PR_SET_NO_NEW_PRIVS, 1/,\$d" trace)
}

@test "what a member adds without a signature is taken when root says so" {
	root_has z.aci example.com/z 1
	make_aci a.aci example.com/a 1
	alice "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	# By name it is nobody's word but his.
	run -1 --separate-stderr on "${af[@]}" --insecure-options=image pull --pull-policy=never example.com/a
	run -1 --separate-stderr on "${af[@]}" pull "$ID"
	[[ $stderr == *"user $ALICE offers it without a signature; --insecure-options=image takes it unverified"* ]]
	[ ! -e "$S/images/$ID.json" ]
	run -0 on "${af[@]}" --insecure-options=image pull --full "$ID"
	[ "${lines[-1]}" = "$ID" ]
	jq -e '.signers == []' "$S/images/$ID.json"
	# An image that root has is there for a member.
	[ "$(alice "${af[@]}" --json --dir /var/lib/acutils pull "$(on "${af[@]}" image list --full --no-legend --fields=id | head -n 1)" | jq '.[0].fetched')" = false ]
}

@test "an image of a registry that a member adds has no name but its digest" {
	root_has z.aci example.com/z 1
	make_oci 1000
	registry </dev/null
	id=sha512-$(sha512sum <manifest.json | cut -d' ' -f1)
	alice "${af[@]}" --insecure-options=image,http --dir /var/lib/acutils pull --full "docker://$A/app"
	run -1 on "${af[@]}" pull --pull-policy=never "docker://$A/app"
	umask 077
	run -0 on "${af[@]}" pull --full "$id"
	[ "${lines[-1]}" = "$id" ]
	# What is derived from it is readers' too.
	[ "$(stat -c %a "$S/index.json" "$S/oci-layout" | tr '\n' ' ')" = "644 644 " ]
	jq -e '.names == [] and (.manifest.name | startswith("localhost/offered/"))' "$S/images/$id.json"
	run -1 on "${af[@]}" pull --pull-policy=never "docker://$A/app"
	on "${af[@]}" image verify "$id"
	[ "$(stat -c %u "$S"/layers/sha256-*/rootfs/etc/motd)" = 0 ]
}

# What root says of all of members/: soon, and without following anything.
root_looks() {
	run -0 --separate-stderr on timeout 60 "${af[@]}" --json image list
}

@test "a hostile member: what is planted is refused, and nothing hangs" {
	root_has z.aci example.com/z 1
	zed=$ID
	make_aci a.aci example.com/a 1
	alice "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	own=/var/lib/acutils/members/$ALICE
	other=sha512-$(echo other | sha512sum | cut -d' ' -f1)
	echo secret >lib/secret
	chmod 600 lib/secret

	# In place of records.
	record="$own/images/$other.json"
	for plant in 'mkfifo "$1"' 'ln -s /var/lib/secret "$1"' 'mkdir "$1"' 'truncate -s 100M "$1"' 'echo "{" >"$1"'; do
		alice sh -c "$plant" sh "$record"
		root_looks
		[ "$(jq length <<<"$output")" = 2 ]
		[[ $stderr == *"passed over"* ]]
		[[ $stderr != *secret* ]] || [[ $stderr == *link* ]]
		run -1 --separate-stderr on timeout 60 "${af[@]}" --insecure-options=image pull "$other"
		alice rm -rf "$record"
	done

	# Another name for the same user, which would double what he may offer.
	alice mkdir "/var/lib/acutils/members/0$ALICE"
	root_looks
	[[ $stderr == *"0$ALICE"*"it is not named as a user's number is"* ]]
	alice rmdir "/var/lib/acutils/members/0$ALICE"

	# A record of root's image: root's own is what counts.
	alice sh -c 'cp "$1" "$2"' sh "$own/images/$ID.json" "$own/images/$zed.json"
	root_looks
	[ "$(jq -r 'map(select(.name == "example.com/z:1")) | length' <<<"$output")" = 1 ]
	alice rm "$own/images/$zed.json"

	# In place of blobs: changed, a FIFO, a link, gone.
	blob=$(echo "$S/members/$ALICE"/blobs/*/*)
	blob=$own/blobs/${blob##*/blobs/}
	cp "lib/${blob#/var/lib/}" kept
	for plant in 'cp /bin/true "$1"' 'mkfifo "$1"' 'ln -s /var/lib/secret "$1"' ':'; do
		alice sh -c 'rm -f "$1"; '"$plant" sh "$blob"
		run -1 --separate-stderr on timeout 60 "${af[@]}" --insecure-options=image pull "$ID"
		[[ $stderr == *"take image ${ID:0:20} from '$own'"* ]]
		[ ! -e "$S/images/$ID.json" ] && [ ! -e "$S/layers/$ID" ]
	done
	chmod 644 kept
	alice sh -c 'rm -f "$1"; cp "$2" "$1"' sh "$blob" "$W/kept"

	# In place of directories.
	alice sh -c 'cd "$1" && mv images real && ln -s /var/lib/acutils/images images' sh "$own"
	root_looks
	[ "$(jq length <<<"$output")" = 1 ]
	alice sh -c 'cd "$1" && rm images && mv real images' sh "$own"
	alice sh -c 'cd "$1/ingest" && ln -s /var/lib/secret 0123456789abcdef && mkfifo ../partial/x' sh "$own"
	on "${af[@]}" image gc
	[ -s lib/secret ]

	# Beside his own: a name that is another's, a link, a file, a FIFO.
	alice sh -c 'cd /var/lib/acutils/members && mkdir 61002 && ln -s /var/lib/acutils 61003 && mkfifo 61004 && mkdir -p 0 x/images'
	root_looks
	[ "$(jq length <<<"$output")" = 2 ]
	[ "$(grep -c "is passed over" <<<"$stderr")" = 5 ]
	run -1 --separate-stderr as bob $BOB $READ,$ADD "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/a.aci"
	[[ $stderr == *"members/61002' is not yours, though it has your number; have root remove it"* ]]
	# Nobody touches what is another member's.
	run -1 as bob $BOB $READ,$ADD mv "$own" /var/lib/acutils/members/mine
	run -2 as bob $BOB $READ,$ADD ls "$own"
	# A lock of his keeps nobody waiting.
	alice sh -c 'cd "$1" && exec flock lock flock images.lock flock images flock . sleep 1000' sh "$own" 3>&- &
	PULL_PID=$!
	wait_for 10 sh -c "! flock -n '$S/members/$ALICE' true"
	run -0 on timeout 60 "${af[@]}" --insecure-options=image pull "$ID"
	stop $PULL_PID
	PULL_PID=
	[ -e "$S/images/$ID.json" ]
	on "${af[@]}" store check
}

@test "a hostile member: his word about signatures and names is not taken" {
	pin example.com alice
	root_has z.aci example.net/z 1
	make_aci bad.aci example.com/app 1
	alice "${af[@]}" --insecure-options=image --dir /var/lib/acutils pull "$W/bad.aci"
	own=/var/lib/acutils/members/$ALICE
	# His record says that a trusted key signed it, and that it has root's names.
	alice sh -c 'jq --arg f "$2" ".signers = [\$f] | .names = [\"example.net/z\"]" "$1" >"$1.new" && mv "$1.new" "$1"' \
		sh "$own/images/$ID.json" "$(fingerprint alice)"
	run -1 --separate-stderr on "${af[@]}" pull "$ID"
	[[ $stderr == *"offers it without a signature"* ]]
	# By name even where root insists on nothing: it is somebody else's image.
	run -1 --separate-stderr on "${af[@]}" --insecure-options=image,http pull example.com/app:1
	[ ! -e "$S/images/$ID.json" ]
	# Signatures of another image, of a key nobody trusts, and none at all.
	bad=$ID
	make_aci good.aci example.com/good 1
	ID=$bad
	sign_by alice good.aci
	alice mkdir "$own/signatures"
	chmod 644 good.aci.asc
	alice cp "$W/good.aci.asc" "$own/signatures/$ID.0"
	run -1 --separate-stderr on "${af[@]}" pull "$ID"
	[[ $stderr == *"take image"* ]]
	run -1 --separate-stderr on "${af[@]}" pull example.com/app:1
	[[ $stderr == *"it is passed over"* ]]
	sign_by bob bad.aci
	chmod 644 bad.aci.asc
	alice cp "$W/bad.aci.asc" "$own/signatures/$ID.0"
	run -1 --separate-stderr on "${af[@]}" pull "$ID"
	[[ $stderr == *"not trusted"* ]]
	alice sh -c 'rm "$1" && mkfifo "$1"' sh "$own/signatures/$ID.0"
	run -1 --separate-stderr on timeout 60 "${af[@]}" pull "$ID"
	[[ $stderr == *"is not a regular file"* ]]
	[ ! -e "$S/images/$ID.json" ]
	# One with root's key is what he says.
	rm bad.aci.asc
	sign_by alice bad.aci
	chmod 644 bad.aci.asc
	alice sh -c 'rm "$1" && cp "$2" "$1"' sh "$own/signatures/$ID.0" "$W/bad.aci.asc"
	on "${af[@]}" pull example.com/app:1
	jq -e --arg f "$(fingerprint alice)" '.signers == [$f] and .names == []' "$S/images/$ID.json"
}
