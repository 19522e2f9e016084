#!/usr/bin/env bats
# The power goes out at any of the system calls that change something: the store
# lies in a file system of its own in a file, where nothing but a flush brings
# anything to the disk (ext4 with commit=300; xfs, whose log waits 30 s); the
# file as it is at that moment is what the disk has.  In a second round the journal is written at each of those
# moments, so that all names and sizes are there, but no data that was not
# flushed.  AC_TEST_EVERY=1 looks at each call, otherwise at every third.
# shellcheck disable=SC2154 # bats sets it

load helper
load pull
load layout
load layout1

setup() {
	needs_root
	store_setup
	# In memory: the disk that is cut off need not be a real one.
	mkdir t
	mount -t tmpfs tmpfs t || skip "no mounts here"
	cd t || return
	case $BATS_TEST_DESCRIPTION in
	xfs:*) on_xfs ;;
	*) on_ext4 ;;
	esac
	mount -o "$options" disk mnt || skip "no loop devices here, or no such file system"
	export ACUTILS_DIR=$PWD/mnt/store
	acfetch="acfetch --local-config=$PWD/etc --system-config=/nonexistent --insecure-options=image,http"
	images
	hook
	every=${AC_TEST_EVERY:-3} gone=
}

on_ext4() {
	mkdir etc mnt snap
	truncate -s 48M disk
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 -J size=4 disk
	options=loop,commit=300,data=writeback,noauto_da_alloc
	export COPY='cp --sparse=always' COPY_OPTIONS=loop
}

# Its own threads write while it is copied: the copy has to be of one moment, which
# another xfs can make.
on_xfs() {
	needs mkfs.xfs
	truncate -s 1G outer
	mkfs.xfs -q -m reflink=1 outer
	mkdir outside
	mount -o loop outer outside || skip "no loop devices here, or no xfs"
	cd outside || return
	mkdir etc mnt snap
	truncate -s 320M disk # less it does not want
	mkfs.xfs -q disk
	# One that it was copied from is mounted, or still about to go.
	options=loop,nouuid
	export COPY='cp --reflink=always' COPY_OPTIONS=$options
}

teardown() {
	cd / || return
	local dir
	[ -z "${SERVER-}" ] || stop "$SERVER"
	for dir in t/snap t/mnt t/outside/snap t/outside/mnt t/outside t; do
		if mountpoint -q "$BATS_TEST_TMPDIR/$dir"; then
			umount -l "$BATS_TEST_TMPDIR/$dir" # a loop device ends a little later
		fi
	done
}

tree() {
	mkdir -p "$1/etc" "$1/empty"
	for i in 1 2; do echo "$2 $i" >"$1/etc/$i"; done
	head -c 100000 /dev/urandom >"$1/x"
	ln "$1/x" "$1/y"
}

images() {
	local name digest
	for name in plain white; do
		tree d/rootfs "$name"
		printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/%s"%s}' "$name" \
			"$([ "$name" = plain ] || echo ',"pathWhitelist":["/etc/1"]')" >d/manifest
		tar -C d --owner=0 --group=0 -cf d.tar manifest rootfs
		echo "sha512-$(sha512sum <d.tar | cut -d' ' -f1)" >"$name.id"
		gzip -n <d.tar >"$name.aci"
		rm -r d d.tar
	done
	for name in base top other; do
		tree "$name.d" "$name"
		tar -C "$name.d" --owner=0 --group=0 -czf "$name.tar.gz" .
	done
	layout one base.tar.gz top.tar.gz
	layout two base.tar.gz other.tar.gz
	for name in one two; do
		digest=$(jq -r '.manifests[0].digest' "$name/index.json")
		echo "sha512-$(sha512sum <"$name/blobs/sha256/${digest#*:}" | cut -d' ' -f1)" >"$name.id"
	done
	$acfetch serve --listen 127.0.0.1:0 --oci one=one --oci two=two >serve.out 2>serve.log 3>&- &
	SERVER=$!
	wait_for 20 grep -q '^listening on ' serve.out
	URL=$(sed -n 's|^listening on http://||p' serve.out)
}

id_of() { cat "$1.id"; }

# The script `cut`: what is on the disk if the power went out now?  The store is
# whole with the images $KEEP, and $AGAIN works.
hook() {
	cat > ./cut <<-'END'
	#!/bin/sh
	set -eu
	[ $((N % EVERY)) -eq 0 ] || exit 0
	if [ -n "$JOURNAL" ]; then
		echo "$N" >>mnt/journal
		sync mnt/journal
	fi
	# A file of its own each time: a loop device may outlive its mount a little.
	$COPY disk "disk.$N"
	mount -o "$COPY_OPTIONS" "disk.$N" snap
	rm "disk.$N"
	rc=0
	# shellcheck disable=SC2086 # words
	{ [ ! -e snap/store ] || "$TOOLDIR/checkstore" snap/store $KEEP; } >cut.said 2>&1 || rc=1
	if [ -n "${GONE-}" ] && [ -e "snap/store/images/$GONE.json" ]; then
		echo "$GONE is there again" >cut.said
		rc=1
	fi
	if [ "$rc" -eq 0 ] && ! { ACUTILS_DIR=$PWD/snap/store sh -euc "$AGAIN"; } >cut.said 2>&1; then
		rc=1
	fi
	umount snap
	[ "$rc" -eq 0 ] || { echo "power cut before call $N, $CALL:"; cat cut.said; } >&2
	echo "$N" >>looks
	exit "$rc"
	END
	chmod +x ./cut
}

# cuts COMMAND...: the power goes out at any call of acfetch's.  $KEEP is there all the
# time, $AGAIN works afterwards, $right is there and $gone is not when it succeeded.
cuts() {
	export KEEP AGAIN JOURNAL EVERY=$every N CALL
	AGAIN="$AGAIN; acfetch image gc; \"$TOOLDIR/checkstore\" -s \"\$ACUTILS_DIR\" \$KEEP; acfetch store check"
	umount mnt
	mv disk disk.begin
	for JOURNAL in '' yes; do
		: >looks
		rm -f disk
		$COPY disk.begin disk
		mount -o "$options" disk mnt
		# shellcheck disable=SC2086 # words
		"$TOOLDIR/faulty" -c write,sync,create,name,unlink -o count -x ./cut $acfetch "$@"
		# What was reported is on the disk.
		N=0 CALL="the end" KEEP="$KEEP $right" GONE=$gone EVERY=1 ./cut
		read -r calls _ <count
		echo "$calls calls, $(wc -l <looks) cuts"
		[ "$(wc -l <looks)" -gt $((calls / every)) ]
		umount mnt
	done
}

@test "ext4: the first pull of all" {
	KEEP='' right=$(id_of plain) AGAIN="$acfetch pull $PWD/plain.aci"
	cuts pull plain.aci
}

@test "xfs: the first pull of all" {
	KEEP='' right=$(id_of plain) AGAIN="$acfetch pull $PWD/plain.aci"
	cuts pull plain.aci
}

@test "ext4: a pull that makes a flat tree, beside another image" {
	$acfetch pull plain.aci
	KEEP=$(id_of plain) right=$(id_of white) AGAIN="$acfetch pull $PWD/white.aci"
	cuts pull white.aci
}

@test "ext4: a pull from a registry on a layer that is there" {
	$acfetch pull "docker://$URL/two:x"
	KEEP=$(id_of two) right=$(id_of one) AGAIN="$acfetch pull docker://$URL/one:x"
	cuts pull "docker://$URL/one:x"
}

@test "xfs: a pull from a registry on a layer that is there" {
	$acfetch pull "docker://$URL/two:x"
	KEEP=$(id_of two) right=$(id_of one) AGAIN="$acfetch pull docker://$URL/one:x"
	cuts pull "docker://$URL/one:x"
}

@test "ext4: rm" {
	$acfetch pull "docker://$URL/two:x" "docker://$URL/one:x"
	KEEP=$(id_of two) right='' gone=$(id_of one) AGAIN="$acfetch image rm $(id_of one) || [ ! -e \$ACUTILS_DIR/images/$(id_of one).json ]"
	cuts image rm "$(id_of one)"
}

@test "ext4: gc after a pull was killed" {
	$acfetch pull plain.aci
	# shellcheck disable=SC2086 # words
	"$TOOLDIR/faulty" -c sync -k -n 3 $acfetch pull white.aci || :
	[ -n "$(ls -A mnt/store/ingest)" ]
	KEEP=$(id_of plain) right='' AGAIN="$acfetch pull $PWD/white.aci"
	cuts image gc
}

@test "ext4: the verification of a store of layout 1" {
	$acfetch pull plain.aci white.aci
	layout_1 mnt/store
	KEEP="$(id_of plain) $(id_of white)" right='' AGAIN="$acfetch image verify && [ \"\$(cat \$ACUTILS_DIR/version)\" = 2 ]"
	cuts image verify
}
