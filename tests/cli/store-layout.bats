#!/usr/bin/env bats
# Extended attributes in the lists of layers, and stores of the layout that did not
# have them: read, brought to this version's, killed on the way.
# shellcheck disable=SC2154 # bats sets stderr
load helper
load aci
load layout
load layout1

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
	holder=
}

teardown() {
	[ -z "$holder" ] || { kill "$holder" 2>/dev/null && wait "$holder" 2>/dev/null; } || :
	cd / && { [ -z "${mounted-}" ] || umount "$BATS_TEST_TMPDIR/store"; }
}

pull() { acfetch --insecure-options=image,http pull --full "$@" 2>pull.log; }
check() { run "-$1" --separate-stderr acfetch store check "${@:2}"; }
verify() { run "-$1" --separate-stderr acfetch image verify "${@:2}"; }

# make_attrs FILE NAME [MORE-JSON]: an archive with attributes; those of a user for
# who is no root.
make_attrs() {
	mkdir -p "$2/rootfs/dir/sub"
	echo "$2" >"$2/rootfs/f"
	echo "$2" >"$2/rootfs/g"
	ln "$2/rootfs/f" "$2/rootfs/h"
	echo more >"$2/rootfs/dir/sub/file"
	setfattr -n user.a -v "value of $2" "$2/rootfs/f"
	setfattr -n user.empty "$2/rootfs/f"
	setfattr -n user.d -v dir "$2/rootfs/dir"
	if [ "$(id -u)" = 0 ]; then
		setfattr -n trusted.t -v t "$2/rootfs/f"
		setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "$2/rootfs/g"
		setfattr -n system.posix_acl_access \
			-v 0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff "$2/rootfs/g"
		setfattr -n system.posix_acl_default \
			-v 0x0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff "$2/rootfs/dir"
	fi
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/%s"%s}' "$2" "${3-}" >"$2/manifest"
	tar -C "$2" --owner=0 --group=0 --xattrs --xattrs-include='*' -czf "$1" manifest rootfs
	rm -rf "$2"
}

attributes() { (cd "$1" && getfattr -dR -m- -h . 2>/dev/null); }

@test "extended attributes are listed, compared and repaired" {
	make_attrs a.aci a
	make_aci b.aci example.com/b 1.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
	[ "$(cat store/version)" = 2 ]
	grep -q '^x - - - - 10 [0-9a-f]\{32\} user.a$' "store/layers/$a/files"
	grep -q '^x - - - - 0 [0-9a-f]\{32\} user.empty$' "store/layers/$a/files"
	[[ $(tail -n1 "store/layers/$b/files") =~ ^=\ 2\ [0-9]+\ 0$ ]]
	[[ $(tail -n1 "store/layers/$a/files") =~ ^=\ 7\ [0-9]+\ $(grep -c '^x' "store/layers/$a/files")$ ]]
	"$TOOLDIR/checkstore" -s store "$a" "$b"
	attributes "store/layers/$a/rootfs" >right
	r=store/layers/$a/rootfs
	harms=('setfattr -n user.a -v other $r/f' 'setfattr -x user.a $r/h' 'setfattr -n user.new -v x $r/dir/sub'
		'setfattr -x user.d $r/dir' 'setfattr -n user.empty -v x $r/f' 'setfattr -n user.overlay.opaque -v y $r/dir'
		'setfattr -n user.x -v "" $r')
	[ "$(id -u)" != 0 ] || harms+=('setfattr -x security.capability $r/g'
		'setfattr -n security.capability -v 0x01000002ffffffff000000000000000000000000 $r/f'
		'setfattr -x system.posix_acl_default $r/dir' 'setfattr -x trusted.t $r/f'
		'setfattr -n trusted.overlay.redirect -v /etc $r/dir' 'setfattr -n trusted.overlay.opaque -v y $r/dir/sub')
	for harm in "${harms[@]}"; do
		eval "$harm"
		check 1
		[[ $output == "layer $a: '"*"': it"*" attribute '"*"it would be made again" ]]
		verify 1 --no-repair localhost/a
		verify 0 localhost/a
		[[ $stderr == *"layer $a: "*" attribute '"*"'; "*"it was made again"* ||
			$stderr == *"layer $a: "*" attribute '"*"it was made again"* ]]
		attributes "$r" | diff right -
		check 0
		[ -z "$output" ]
	done
	# A machine's own are not the image's.
	if [ "$(id -u)" = 0 ] && setfattr -n security.ima -v x "$r/f" 2>/dev/null; then
		check 0
		[ -z "$output" ]
	fi
}

@test "attributes that a file system cannot keep are not missed" {
	needs_root
	mkdir store
	mount -t ramfs -o mode=700 ramfs store
	mounted=1
	! setfattr -n user.a -v b store 2>/dev/null || skip "this ramfs keeps attributes"
	make_attrs a.aci a
	a=$(pull ./a.aci)
	grep -q 'this file system cannot store attribute' pull.log
	grep -q '^x - - - - 10 [0-9a-f]\{32\} user.a$' "store/layers/$a/files"
	check 0
	[ -z "$output" ]
	verify 0
	[ -z "$stderr" ]
	"$TOOLDIR/checkstore" -s store "$a"
	# As root wrote them, a user can neither read nor keep them.
	umount store
	mounted=
	chmod 755 . .. ../.. "$BATS_RUN_TMPDIR"
	mkdir -m 777 user
	pull_as() { as_nobody env ACUTILS_DIR="$PWD/user/store" HOME="$PWD/user" XDG_CONFIG_HOME="$PWD/user" acfetch --insecure-options=image "$@"; }
	pull_as pull ./a.aci 2>pull.log
	pull_as image verify
	pull_as store check >said 2>err
	[ ! -s said ]
	[ "$(getfattr -n user.a --only-values "user/store/layers/$a/rootfs/f")" = 'value of a' ]
	setfattr -x user.a "user/store/layers/$a/rootfs/f"
	pull_as image verify >said 2>err
	grep -q "'f': its attribute 'user.a' is missing; it was made again" err
}

@test "attributes of what layers take from those below" {
	"$BATS_TEST_DIRNAME/../data/make-layers" "$PWD"
	id=$("$TOOLDIR/storectl" store pull oci)
	"$TOOLDIR/checkstore" -s store "$id"
	check 0
	[ -z "$output" ]
	attributes store/layers >right
	[ -s right ]
	cp -a store/layers layers.right
	layout_1 store
	verify 0 "$id"
	[ -z "$stderr" ]
	[ "$(cat store/version)" = 2 ]
	[ -z "$(layers_of_1 store)" ]
	attributes store/layers | diff right -
	for l in store/layers/*; do
		cmp "$l/files" "layers.right/${l##*/}/files"
	done
	"$TOOLDIR/checkstore" -s store "$id"
}

# Layout 1: a and c with attributes, c made flat, b without.
old_store() {
	make_attrs a.aci a
	make_attrs c.aci c ',"pathWhitelist":["/f","/dir"]'
	make_aci b.aci example.com/b 1.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
	c=$(pull ./c.aci)
	flat=flat-${c#sha512-}
	for l in "$a" "$b" "$c" "$flat"; do
		cp "store/layers/$l/files" "$l.files"
		attributes "store/layers/$l/rootfs" >"$l.attributes"
	done
	layout_1 store
}

# All lists are as they were, or of layout 1.
lists_are_right() {
	local l
	for l in "$a" "$b" "$c" "$flat"; do
		[ -e "store/layers/$l" ] || [ "$l" = "$flat" ] || return 1
		[ ! -e "store/layers/$l" ] || cmp -s "store/layers/$l/files" "$l.files" ||
			diff <(sed '/^x /d; s/^\(= [0-9]* [0-9]*\) [0-9]*$/\1/' "$l.files") "store/layers/$l/files"
	done
}

lists_are_complete() {
	local l
	[ "$(cat store/version)" = 2 ]
	for l in "$a" "$b" "$c" "$flat"; do
		[ ! -e "store/layers/$l" ] || cmp "store/layers/$l/files" "$l.files"
		[ ! -e "store/layers/$l" ] || attributes "store/layers/$l/rootfs" | diff "$l.attributes" -
	done
}

@test "a store of layout 1 is read as it is, and migrated by who adds" {
	old_store
	cp -a store before
	# Read, also as another store.
	[ "$(acfetch image list --no-legend | wc -l)" = 3 ]
	verify 0 --no-repair
	[[ $stderr == "acfetch: warning: the extended attributes of 4 layer(s) were not compared: "*"without --no-repair"* ]]
	verify 0
	rm -rf store && cp -a before store
	check 0
	[ "$output" = "file version: the store has layout 1; the next pull, or --repair, brings it to this version's
store layers/: the extended attributes of 4 layer(s) are not in their lists, and were not compared; 'acfetch image verify' or --repair adds them" ]
	[[ $stderr == *"has layout 1" ]]
	check 0 --quick
	[ "${#lines[@]}" = 1 ]
	acfetch --json store check 2>/dev/null | jq -e 'length == 2 and all(.[]; .leftover)'
	make_aci z.aci example.com/z 1.0.0
	ACUTILS_DIR=$PWD/other pull ./z.aci
	run -0 --separate-stderr env ACUTILS_DIR="$PWD/other" acfetch --store-read store image verify
	[[ $stderr == *"of 3 layer(s) were not compared: "*" in a store that is only read, "* ]]
	ACUTILS_DIR=$PWD/other acfetch --store-read store image export localhost/a out.aci
	cmp out.aci <(gunzip <a.aci)
	diff -r --no-dereference store before
	# Damage that such lists know is told, and more is not.
	setfattr -n user.more -v x "store/layers/$b/rootfs/hello"
	check 0
	# A removal needs no new layout.
	cp -a before gone
	ACUTILS_DIR=$PWD/gone acfetch image rm localhost/a 2>rm.log
	[ "$(cat gone/version)" = 1 ]
	# Whoever adds migrates: lists stay, new ones are complete.
	make_aci d.aci example.com/d 1.0.0
	d=$(pull ./d.aci)
	[ "$(cat store/version)" = 2 ]
	[ "$(layers_of_1 store | wc -l)" = 4 ]
	[[ $(tail -n1 "store/layers/$d/files") =~ \ 0$ ]]
	check 0
	[[ $output == "store layers/: the extended attributes of 4 layer(s) are not in their lists, and were not compared; "* ]]
	# What they are to be the archive says: what is wrong on the disk does not get into a list.
	setfattr -n user.a -v wrong "store/layers/$a/rootfs/f"
	verify 0
	[[ $stderr == *"layer $b: 'hello': it has the attribute 'user.more'; it was made again"* ]]
	[[ $stderr != *'were not compared'* ]]
	lists_are_complete
	check 0
	[ -z "$output" ]
	"$TOOLDIR/checkstore" -s store "$a" "$b" "$c" "$d"
}

@test "layout 1: the repair of the check does the same, but not under a pod, nor without the archive" {
	old_store
	exec 7<"store/layers/$a"
	flock --shared 7
	check 0 --repair
	[ "${lines[0]}" = "file version: the store has layout 1; it was brought to this version's" ]
	[ "${lines[1]}" = "store layers/: the extended attributes of 1 layer(s) are not in their lists, and were not compared; a pod uses them, or they cannot be made again" ]
	[ "$(layers_of_1 store)" = "store/layers/$a/files" ]
	verify 0 localhost/a
	[[ $stderr == *"of 1 layer(s) were not compared: a pod uses them"* ]]
	exec 7<&-
	check 0 --repair
	[ -z "$output" ]
	lists_are_complete
	# A list of layout 1 in a store of this one, and the blob is damaged.
	layout_1 store "$a"
	echo 2 >store/version
	blob=store/blobs/sha256/$(sha256sum <a.aci | cut -d' ' -f1)
	chmod 644 "$blob"
	printf '\377' | dd of="$blob" bs=1 seek=30 conv=notrunc status=none
	verify 1 localhost/a
	[[ $stderr == *"1 layer(s) were not compared"* ]]
	[ "$(layers_of_1 store)" = "store/layers/$a/files" ]
	pull ./a.aci
	check 0 --repair
	lists_are_complete
}

# Hold the store as somebody does who adds, until told.
hold() {
	mkfifo hold
	flock --shared store/lock sh -c 'echo >held; read -r _ <hold' 3>&- &
	holder=$!
	wait_for 20 test -e held
}

@test "layout 1: the check makes what is missing before it migrates" {
	old_store
	rm -r store/ingest
	check 0 --repair
	[ "$(cat store/version)" = 2 ]
	check 0
}

@test "layout 1: who migrates waits for those who add, and says so" {
	old_store
	make_aci d.aci example.com/d 1.0.0
	make_aci e.aci example.com/e 1.0.0
	hold
	for x in d e; do
		acfetch --insecure-options=image pull "$x.aci" >"$x.out" 2>"$x.err" 3>&- &
		pids+=" $!"
	done
	for x in d e; do
		wait_for 20 grep -q "waiting for those who add to '$PWD/store', to bring its layout from 1 to 2" "$x.err"
	done
	[ "$(cat store/version)" = 1 ]
	# Those who read do not wait.
	[ "$(acfetch image list --no-legend | wc -l)" = 3 ]
	echo >hold
	wait "$holder"
	holder=
	for pid in $pids; do
		wait "$pid"
	done
	[ "$(cat store/version)" = 2 ]
	check 0
	[ "$(acfetch image list --no-legend | wc -l)" = 5 ]
}

@test "who waits for those who add ends at the first signal" {
	make_aci a.aci example.com/a 1.0.0
	pull ./a.aci
	hold
	acfetch store check --repair >out 2>err 3>&- &
	pids=$!
	wait_for 20 grep -q 'waiting for' err
	kill -TERM "$pids"
	status=0
	wait "$pids" || status=$?
	pids=
	[ "$status" = 143 ]
	[[ $(cat err) == *"stopped"* ]]
	echo >hold
	wait "$holder"
	holder=
	check 0
}

@test "layout: a store of a later program is left alone" {
	make_aci a.aci example.com/a 1.0.0
	pull ./a.aci
	cp -a store before
	for n in 3 18446744073709551615 0; do
		echo "$n" >store/version
		chattr -T store/ingest 2>/dev/null || :
		find store -printf '%p %m %u:%g %C@\n' >was
		for c in 'pull ./a.aci' 'image list' 'image verify' 'image gc' 'store check --repair'; do
			# shellcheck disable=SC2086 # words
			run -1 --separate-stderr acfetch --insecure-options=image $c
			[[ $stderr == *"store '$PWD/store' has layout $n, this version knows 1 to 2; use a newer one, or another store (--dir)"* ]]
		done
		find store -printf '%p %m %u:%g %C@\n' | diff was -
	done
	echo x >store/version
	run -1 --separate-stderr acfetch image list
	[[ $stderr == *"'$PWD/store/version' is damaged; it is '2' where"* ]]
	# Nobody is waited for who would write into it.
	rm store/version
	mkfifo store/version
	for c in 'pull ./a.aci' 'image list' 'store check --repair'; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr timeout 20 acfetch --insecure-options=image $c
		[[ $stderr == *"'version' is not a regular file"* ]]
	done
	rm store/version
	cp before/version store/version
	diff -r --no-dereference before store
}

# killed COMMAND...: at each of its calls that matter, on a store of layout 1;
# the next one goes on.
killed() {
	local n hit every=${AC_TEST_EVERY:-9}
	cp -a store before
	n=$((1 + ${AC_TEST_SEED:-$RANDOM} % every))
	while :; do
		rm -rf store
		cp -a before store
		"$TOOLDIR/faulty" -o count -k -n "$n" acfetch --insecure-options=image "$@" >said 2>&1 || :
		read -r _ hit <count
		now="killed at $n ($hit): $*"
		[ "$hit" != - ] || break
		"$TOOLDIR/checkstore" store "$a" "$b" "$c" || { echo "$now"; false; }
		lists_are_right || { echo "lists after $now"; false; }
		acfetch --insecure-options=image "$@" >said 2>&1 || { echo "again after $now: $(cat said)"; false; }
		"right_$what" || { echo "wrong after $now"; false; }
		acfetch image gc 2>/dev/null
		"$TOOLDIR/checkstore" -s store "$a" "$b" "$c" || { echo "gc after $now"; false; }
		n=$((n + every))
	done
	[ "$n" -gt 10 ]
}

right_pull() { [ "$(cat store/version)" = 2 ] && lists_are_right; }
right_verify() { lists_are_complete; }

@test "layout 1: killed at any call of a pull" {
	old_store
	make_aci d.aci example.com/d 1.0.0
	what=pull
	killed pull ./d.aci
}

@test "layout 1: killed at any call of a verification" {
	old_store
	what=verify
	killed image verify
}
