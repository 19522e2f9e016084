#!/usr/bin/env bats
# The store by itself: what layers become, and what is left after a crash, a
# full disk or an image that means harm.  tests/fault/storectl.c drives it.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load tree
load layout

setup_file() {
	export IMAGES=$BATS_FILE_TMPDIR
	"$BATS_TEST_DIRNAME/../data/make-layers" "$IMAGES"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	ctl=$TOOLDIR/storectl
}

teardown() {
	if mountpoint -q "$BATS_TEST_TMPDIR/mnt"; then
		umount "$BATS_TEST_TMPDIR/mnt"
	fi
}

need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

# Nothing in the store at all.
store_empty() {
	local left
	left=$(find "$1"/{blobs,images,layers,ingest} -mindepth 1 ! -name sha256 ! -name sha512)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

count() { find "$1" -mindepth 1 -maxdepth 1 -printf . | wc -c; }

# Every blob has the name that its bytes give it.
blobs_ok() {
	local f alg
	for f in "$1"/blobs/*/*; do
		alg=$(basename "$(dirname "$f")")
		[ "$("${alg}sum" <"$f" | cut -d' ' -f1)" = "$(basename "$f")" ] ||
			{ echo "wrong bytes: $f"; return 1; }
	done
}

# umoci restores the time of a file's own directory, not of those above it and
# not where it removed something: there the time is that of the unpacking.
umoci_times="s/ [0-9.]* - 0:0 - \('.\/\(etc\|etc\/new\|etc\/new\/deep\|usr\/lib\|usr\/lib\/mod\|var\/cache\/old\)'\)$/ TIME \1/"

umoci_tree() {
	[ -d "$IMAGES/umoci" ] || umoci unpack --image "$IMAGES/oci:gzip" "$IMAGES/umoci"
}

@test "five layers, gzip, zstd and plain, are what umoci makes of them" {
	need_root
	umoci_tree
	for tag in gzip zstd plain; do
		with_tag "$IMAGES/oci" "$tag" "$tag"
		id=$("$ctl" "store-$tag" pull "$tag")
		mkdir "tree-$tag"
		"$ctl" "store-$tag" render "$id" "tree-$tag"
		same_trees "$IMAGES/umoci/rootfs" "tree-$tag" "$umoci_times"
		blobs_ok "store-$tag"
	done
	# The times that umoci spoils are right in ours: the archive's.
	[ "$(stat -c %Y tree-gzip/usr/lib)" -eq 999999999 ]
	same_trees tree-gzip tree-zstd
}

@test "an overlay of the layers is the rendered tree" {
	need_root
	id=$("$ctl" store pull "$IMAGES/oci")
	mkdir tree mnt
	"$ctl" store render "$id" tree
	low=$("$ctl" store layers "$id" | tac | sed 's|.*|store/layers/&/rootfs|' | paste -sd:)
	mount -t overlay overlay -o "ro,lowerdir=$low" mnt || skip "no overlay here"
	same_trees tree mnt
}

@test "a sparse file of 20 GiB takes no room, and no time" {
	truncate -s 20G hole
	echo end | dd of=hole bs=1 seek=$((20 << 30)) conv=notrunc status=none
	tar -Scf x.tar hole
	layout lay x.tar
	id=$("$ctl" store pull lay)
	mkdir tree
	"$ctl" store render "$id" tree
	[ "$(stat -c %s tree/hole)" -eq $(((20 << 30) + 4)) ]
	[ "$(tail -c 4 tree/hole)" = end ]
	"$ctl" store export "$id" x.aci
	[ "$(du -sk --apparent-size x.aci | cut -f1)" -lt 1000 ]
	"$ctl" store2 aci x.aci
	[ "$(du -sk store store2 tree | awk '{ n += $1 } END { print n }')" -lt 2000 ]
}

@test "layers that are there are not unpacked again, in whatever compression" {
	id=$("$ctl" store pull "$IMAGES/oci")
	stat -c '%n %i' store/layers/* >before
	with_tag "$IMAGES/oci" zstd zstd
	zid=$("$ctl" store pull zstd)
	[ "$id" != "$zid" ]
	[ "$(count store/blobs/sha256)" -eq 13 ]
	blobs_ok store
	stat -c '%n %i' store/layers/* | diff before -
	# What both need stays when one goes; the rest does not.
	"$ctl" store rm "$id"
	stat -c '%n %i' store/layers/* | diff before -
	[ "$("$ctl" store gc)" -eq 0 ]
	"$ctl" store rm "$zid"
	store_empty store
}

@test "killed at 100 moments: the next pull completes and nothing is left" {
	for i in $(seq 100); do
		"$ctl" store pull "$IMAGES/oci" >/dev/null 2>&1 3>&- &
		sleep "0.0$(printf %02d $((RANDOM % 70)))"
		kill -9 $! 2>/dev/null || :
		wait $! 2>/dev/null || :
		# Every few kills let one through, and look at everything.
		[ $((i % 4)) -eq 0 ] || continue
		id=$("$ctl" store pull "$IMAGES/oci")
		[ -z "$(ls -A store/ingest)" ]
		[ "$(ls store/images)" = "$id.json" ]
		[ "$(count store/layers)" -eq 5 ]
		[ "$(count store/blobs/sha256)" -eq 7 ]
		[ "$("$ctl" store gc)" -eq 0 ]
		blobs_ok store
		if [ $((i % 20)) -eq 0 ]; then
			rm -rf tree && mkdir tree
			"$ctl" store render "$id" tree
			[ -d first ] || cp -a tree first
			same_trees first tree
		fi
		"$ctl" store rm "$id"
		store_empty store
	done
}

@test "what a killed pull leaves is collected" {
	for i in 01 02 03 04 05; do
		"$ctl" store pull "$IMAGES/oci" >/dev/null 2>&1 3>&- &
		sleep "0.$i"
		kill -9 $! 2>/dev/null || :
		wait $! 2>/dev/null || :
	done
	for id in $("$ctl" store list | cut -d' ' -f1); do
		"$ctl" store rm "$id"
	done
	"$ctl" store gc
	store_empty store
}

@test "a full disk: said so, and nothing left" {
	need_root
	mkdir mnt
	for size in 160k 400k 600k 800k; do
		mount -t tmpfs -o "size=$size,mode=700" tmpfs mnt || skip "no mounts here"
		run -1 --separate-stderr "$ctl" mnt/store pull "$IMAGES/oci"
		[[ $stderr == *"No space left on device"*"free some space"* ]]
		store_empty mnt/store
		umount mnt
	done
}

@test "a full disk while the record is written" {
	need_root
	mkdir mnt
	mount -t tmpfs -o size=20m,mode=700 tmpfs mnt || skip "no mounts here"
	"$ctl" mnt/store list
	id=$("$ctl" mnt/store pull "$IMAGES/oci")
	need=$(du -sk mnt/store | cut -f1)
	"$ctl" mnt/store rm "$id"
	# More and more room, until it just fits.
	free=$(($(stat -f -c %a mnt) * 4))
	for room in $(seq $((need - 100)) 12 $((need + 300))); do
		head -c $(((free - room) * 1024)) /dev/zero >mnt/fill
		run --separate-stderr "$ctl" mnt/store pull "$IMAGES/oci"
		[ "$status" -ne 0 ] || break
		[[ $stderr == *"No space left on device"* ]]
		store_empty mnt/store
		rm mnt/fill
	done
	[ "$status" -eq 0 ]
	rm -f mnt/fill
	blobs_ok mnt/store
}

@test "a fault at any system call: the image is there or nothing is" {
	need_root
	command -v strace >/dev/null || skip "needs strace"
	"$ctl" store list
	for call in openat mkdirat pwrite64 write fsync syncfs renameat renameat2 fchown utimensat linkat symlinkat mknodat ftruncate flock; do
		for n in 1 2 7 30; do
			run --separate-stderr strace -f -qq -o /dev/null -e "trace=$call" \
				-e "inject=$call:error=EIO:when=$n" "$ctl" store pull "$IMAGES/oci"
			echo "$call $n: $status $stderr"
			# Said, but by the very call that cannot work.
			[ "$status" -eq 0 ] || [ -n "$stderr" ] || [ "$call" = write ]
			id=$("$ctl" store list | cut -d' ' -f1)
			[ "$status" -ne 0 ] || [ -n "$id" ]
			if [ -n "$id" ]; then
				rm -rf tree && mkdir tree
				"$ctl" store render "$id" tree
				[ -d whole ] || cp -a tree whole
				same_trees whole tree
				blobs_ok store
				"$ctl" store rm "$id"
			fi
			"$ctl" store gc >/dev/null
			store_empty store
		done
	done
}

@test "a user without privileges gets the same tree, as their own" {
	need_root
	mkdir user
	cp -r "$IMAGES/oci" user/oci
	chown -R 65534:65534 user
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" "$BATS_SUITE_TMPDIR" 2>/dev/null || :
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	# shellcheck disable=SC2086 # words
	$as test -x "$ctl" -a -w user || skip "the build is not open to others"
	# shellcheck disable=SC2086 # words
	id=$($as "$ctl" user/store pull user/oci)
	mkdir user/tree root
	chown 65534:65534 user/tree
	# shellcheck disable=SC2086 # words
	$as "$ctl" user/store render "$id" user/tree
	"$ctl" store pull "$IMAGES/oci"
	"$ctl" store render "$id" root
	# Devices and attributes of root's are not there.
	(cd root && find . ! -type b ! -type c -printf '%y %m %s %P %l\n' | sed 's/^d \([0-9]*\) [0-9]*/d \1/' | sort) >a
	(cd user/tree && find . ! -type p -printf '%y %m %s %P %l\n' -o -printf '%y %m %s %P %l\n' | sed 's/^d \([0-9]*\) [0-9]*/d \1/' | sort) >b
	diff a b
	[ -z "$(find user/tree ! -uid 65534)" ]
	# shellcheck disable=SC2086 # words
	$as "$ctl" user/store rm "$id"
	store_empty user/store
}

# --- hostile layers ---

# refused TEXT FILE: an image with the layer FILE is refused with TEXT.
refused() {
	rm -rf lay
	layout lay "$2"
	run -1 --separate-stderr "$ctl" store pull lay
	echo "$stderr"
	[[ $stderr == "storectl: layer 1: "* ]]
	[[ $stderr == *"$1"* ]]
	store_empty store
	[ ! -e /tmp/ac-evil ]
}

# patch FILE OFFSET TEXT: overwrite, and mend the checksum of the first header.
patch() {
	local sum
	printf %b "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
	printf '        ' | dd of="$1" bs=1 seek=148 conv=notrunc status=none
	sum=$(head -c 512 "$1" | od -An -v -tu1 | tr -s ' ' '\n' | awk '{ s += $1 } END { print s }')
	printf '%06o\0 ' "$sum" | dd of="$1" bs=1 seek=148 conv=notrunc status=none
}

@test "names that lead out: absolute, dot-dot, through links" {
	echo evil >f
	tar --transform='s|f|/tmp/ac-evil|' -Pcf x.tar f
	refused "absolute" x.tar
	tar --transform='s|f|../../../tmp/ac-evil|' -Pcf x.tar f
	refused ".." x.tar
	tar --transform='s|f|a/../../ac-evil|' -Pcf x.tar f
	refused ".." x.tar
	ln -s /tmp a
	tar -cf x.tar a
	tar --transform='s|f|a/ac-evil|' -rf x.tar f
	refused "'a' is a symbolic link" x.tar
	ln -sfn ../../../../tmp a
	tar -cf x.tar a
	tar --transform='s|f|a/ac-evil|' -rf x.tar f
	refused "'a' is a symbolic link" x.tar
}

@test "a link in a lower layer leads nowhere but into the tree" {
	ln -s ../../../../../../tmp a
	tar -cf one.tar a
	echo evil >ac-evil
	tar --transform='s|^|a/|' -cf two.tar ac-evil
	layout lay one.tar two.tar
	id=$("$ctl" store pull lay)
	[ ! -e /tmp/ac-evil ]
	mkdir tree
	"$ctl" store render "$id" tree
	[ "$(cat tree/tmp/ac-evil)" = evil ]
	[ -L tree/a ]
}

@test "hard links to files outside, to directories, to nothing" {
	echo x >a
	ln a b
	tar -cf x.tar a b
	tar --delete -f x.tar a
	refused "hard link 'b' to 'a'" x.tar
	patch x.tar 157 '../../../etc/passwd\0'
	refused ".." x.tar
	patch x.tar 157 'etc/shadow\0\0\0\0\0\0\0\0\0\0'
	refused "hard link 'b' to 'etc/shadow'" x.tar
	mkdir d
	tar -cf y.tar a b
	tar --delete -f y.tar a
	patch y.tar 157 'd\0'
	tar -cf x.tar d
	tar -Af x.tar y.tar
	refused "that is a directory" x.tar
}

@test "one name twice, a device over a directory" {
	echo x >f
	tar -cf x.tar f
	tar -rf x.tar f
	refused "'f' is in the tree already" x.tar
	mkdir d
	: >d/file
	tar -cf x.tar d
	mkfifo p
	tar --transform='s|p|d|' -rf x.tar p
	refused "'d' is a directory" x.tar
	if [ "$(id -u)" -eq 0 ]; then
		mknod n c 1 3
		tar -cf x.tar d
		tar --transform='s|n|d|' -rf x.tar n
		refused "'d' is a directory" x.tar
	fi
	tar -cf x.tar f
	tar --transform='s|d|f|' --no-recursion -rf x.tar d
	refused "'f'" x.tar
}

@test "a device 0:0 and overlay's own attributes" {
	need_root
	mknod n c 0 0
	tar -cf x.tar n
	refused "character device 0:0" x.tar
	mkdir d
	setfattr -n trusted.overlay.redirect -v /etc d
	tar --xattrs --xattrs-include='*' -cf x.tar d
	refused "trusted.overlay.redirect" x.tar
}

@test "sizes beyond reason" {
	echo x >f
	tar --format=gnu -cf x.tar f
	# 2^63 and -1 in base 256.
	cp x.tar y.tar
	patch y.tar 124 '\x80\0\0\0\x80\0\0\0\0\0\0\0'
	refused "" y.tar
	cp x.tar y.tar
	patch y.tar 124 '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'
	refused "" y.tar
	# 2^62: it stops long before.
	cp x.tar y.tar
	patch y.tar 124 '\x80\0\0\0\x40\0\0\0\0\0\0\0'
	refused "" y.tar
	# 60 GiB announced, nothing there.
	cp x.tar y.tar
	patch y.tar 124 '\x80\0\0\0\0\0\0\x0f\0\0\0\0'
	refused "" y.tar
}

@test "a bomb" {
	truncate -s 400M zeros
	tar -cf - zeros | gzip -9 >x.tar.gz
	refused "1000 times its size" x.tar.gz
	tar -cf - zeros | zstd -q -19 >x.tar.zst
	refused "1000 times its size" x.tar.zst
}

@test "an archive cut short, and bytes changed on the way" {
	head -c 100000 /dev/urandom >f
	tar -czf x.tar.gz f
	layout lay x.tar.gz
	blob=$(find lay/blobs -size +90k)
	truncate -s -1000 "$blob"
	run -1 --separate-stderr "$ctl" store pull lay
	[[ $stderr == *"layer 1: it ends after "*" of "*" bytes"* ]]
	store_empty store
	rm -rf lay
	layout lay x.tar.gz
	blob=$(find lay/blobs -size +90k)
	tail -c 1 "$blob" | tr '\0-\377' '\1-\377\0' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") - 1)) conv=notrunc status=none
	run -1 --separate-stderr "$ctl" store pull lay
	[[ $stderr == *"layer 1: "* ]]
	store_empty store
	# A whole archive that is not the one that the image means.
	layout other f
	head -c 512 f >g
	tar -cf y.tar g
	rm -rf lay
	layout lay x.tar.gz
	sum=$(sha256sum <x.tar.gz | cut -d' ' -f1)
	cp y.tar "lay/blobs/sha256/$sum"
	run -1 --separate-stderr "$ctl" store pull lay
	[ -n "$stderr" ]
	store_empty store
}

@test "removals of odd names" {
	mkdir d
	: >d/.wh.
	tar -cf x.tar d
	refused "it names no file" x.tar
	rm d/.wh. && : >d/.wh...
	tar -cf x.tar d
	refused "it names no file" x.tar
	rm d/.wh... && mkdir d/.wh.x
	tar -cf x.tar d
	refused "it is a directory" x.tar
	: >f
	tar --transform='s|f|d/.wh.y/f|' -cf x.tar f
	refused "a parent is a removed file" x.tar
}
