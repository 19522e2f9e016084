#!/usr/bin/env bats
# Each command killed, or without a disk, at every kind of system call, and at
# any time: the working directory stays usable.
# shellcheck disable=SC2012 # what run sets; names of ours
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir in in/d
	echo f > in/f
	echo g > in/d/g
	ln in/f in/d/hard
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/other"}' > manifest.json
	echo '{"limit":"1G"}' > value
	acbuild begin
	acbuild set-name example.com/a
	acbuild set-exec /bin/a
	acbuild copy in /in
	acbuild write from.aci
	cp -a .acbuild before
	hit=0
}

# The commands, one a line.
commands='begin
begin ./from.aci
begin ./in
set-name example.com/b
set-exec -- /bin/b
label rm version
environment add A b
isolator add resource/memory value
replace-manifest manifest.json
cat-manifest
copy in/f /a/b/f
copy in/f /in/f
copy in /a/in
copy-to-dir in/f in/d /in
write --overwrite out.aci
end'

# The state before the command $1.
reset() {
	rm -rf .acbuild
	[[ $1 == begin* ]] || cp -a before .acbuild
	[ -e out.aci ] || cp from.aci out.aci
}

# After the command $1 was cut off: what is there is whole, what is next works.
usable() {
	local m=.acbuild/currentaci/manifest
	# Nothing half written has a name of something.
	[ ! -e $m ] || jq -e '.acKind == "ImageManifest"' $m > out || fail "$1: the manifest is broken"
	actool validate out.aci || fail "$1: the image is broken"
	if [[ $1 == begin* ]]; then
		acbuild cat-manifest > out 2>&1 || acbuild begin || fail "$1: no begin"
		acbuild set-name example.com/a || fail "$1: no set-name"
	elif [[ $1 == end ]]; then
		[ ! -e .acbuild/buildMode ] || acbuild set-name example.com/a || fail "$1: no set-name"
	else
		acbuild set-name example.com/c || fail "$1: no set-name"
		# A file in the image is there as a whole, or as it was.
		for f in a/b/f in/f a/in/f; do
			f=.acbuild/currentaci/rootfs/$f
			[ ! -e $f ] || cmp in/f $f || fail "$1: $f"
		done
		acbuild write --overwrite out.aci > out || fail "$1: no write"
	fi
	[ ! -e .acbuild/staging/new ] || fail "$1: staging"
	[[ $1 == end ]] || [ -z "$(find .acbuild . -maxdepth 1 -name '.tmp-*')" ] || fail "$1: $(ls -A . .acbuild)"
	[[ $1 == end ]] || [ -z "$(find .acbuild/currentaci -maxdepth 1 -name '.tmp-*')" ] || fail "$1: $(ls -A .acbuild/currentaci)"
	[ ! -e .acbuild ] || acbuild end || fail "$1: no end"
	[ ! -e .acbuild ] || fail "$1: end left something"
}
fail() {
	echo "after: $1"
	return 1
}

# inject HOW CHECK CALL...: each command, with HOW done to its Nth call of each
# kind, and then the CHECK of what is there.
inject() {
	local command call n how=$1 check=$2
	shift 2
	while read -r command; do
		for call; do
			for n in 1 2 5; do
				reset "$command"
				# shellcheck disable=SC2086 # words
				run -- strace -qq -o trace -e "trace=$call" -e "inject=$call:$how:when=$n" acbuild $command
				# It has no so many of them.
				[ "$(grep -c . trace)" -ge "$n" ] || break
				echo "$command: $call $n: $status $output"
				"$check" "$command"
				hit=$((hit + 1))
			done
		done
	done <<< "$commands"
}

@test "killed at a system call" {
	needs strace
	inject signal=SIGKILL usable openat mkdirat write pwrite64 flock linkat renameat unlinkat utimensat copy_file_range
	[ "$hit" -gt 150 ]
}

@test "a disk that has no room at a system call" {
	needs strace
	full() {
		# What failed leaves nothing that the next has to clean up.
		[ "$status" -eq 0 ] || [ -z "$(find . -maxdepth 3 -name '.tmp-*')" ] || fail "$1: $(find .)"
		[[ $1 != begin* ]] || [ "$status" -eq 0 ] || [ ! -e .acbuild/buildMode ] || fail "$1: a build"
		usable "$1"
	}
	inject error=ENOSPC full openat mkdirat write pwrite64 linkat renameat copy_file_range
	[ "$hit" -gt 80 ]
}

@test "killed at any time" {
	local command i
	head -c 3M /dev/urandom > in/big
	while read -r command; do
		for i in 1 2 3; do
			reset "$command"
			# shellcheck disable=SC2086 # words
			timeout --foreground -s KILL "0.00$(((i * 7919 + ${#command} * 31) % 10))$i" acbuild $command > out 2>&1 || :
			usable "$command"
		done
	done <<< "$commands"
}

@test "a full disk" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=400k tmpfs disk || skip "no mounts here"
	head -c 300K /dev/urandom > in/big
	rc=0
	on_full_disk || rc=$?
	umount disk
	[ "$rc" -eq 0 ]
}
# In a function of its own so that the disk is unmounted whatever fails.
on_full_disk() (
	set -e
	cd disk
	acbuild begin
	acbuild set-name example.com/a
	acbuild copy ../in/big /big
	! acbuild copy ../in/big /big2 || return 1
	acbuild cat-manifest > /dev/null
	[ ! -e .acbuild/currentaci/rootfs/big2 ]
	# To the last byte: edits fail, and change nothing.
	cat /dev/zero > fill 2> /dev/null || :
	before=$(cat .acbuild/currentaci/manifest)
	i=0
	while acbuild label add "l$i" x 2> ../said; do
		i=$((i + 1))
		before=$(cat .acbuild/currentaci/manifest)
		[ "$i" -lt 2000 ]
	done
	grep -q 'No space left\|no space left' ../said
	[ "$(cat .acbuild/currentaci/manifest)" = "$before" ]
	! acbuild write a.aci 2> /dev/null || return 1
	[ ! -e a.aci ]
	rm fill
	acbuild label add l x
	acbuild end
	[ -z "$(ls -A)" ]
	# begin fails without a trace.
	cat /dev/zero > fill 2> /dev/null || :
	! acbuild begin ../in 2> /dev/null || return 1
	[ "$(ls -A)" = fill ]
)
