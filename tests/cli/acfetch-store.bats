#!/usr/bin/env bats
# The store as a whole: other stores that are read, what is checked and repaired.
# shellcheck disable=SC2154 # bats sets stderr
load helper
load aci

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
}

teardown() {
	local dir
	for dir in shared ext4; do
		if mountpoint -q "$BATS_TEST_TMPDIR/$dir"; then
			umount "$BATS_TEST_TMPDIR/$dir"
		fi
	done
}

# Put an image into the store: its id.
pull() {
	acfetch --insecure-options=image,http pull --full "$@" 2>pull.log
}

# A list of a store's files with all that may change, but for access times.
listing() { find "$1" -printf '%p %y %i %s %m %U:%G %T@ %C@\n' | sort; }

@test "a store that is only read: found behind one's own, used in place, never written" {
	make_aci base.aci example.com/base 1.0.0
	base=$(ACUTILS_DIR=$PWD/shared pull ./base.aci)
	listing shared >before
	# Without a store of one's own.
	[ "$(acfetch --store-read shared image list --no-legend --full --fields=id)" = "$base" ]
	[ "$(ACUTILS_STORE_READ=:$PWD/shared: acfetch image cat-manifest "${base:0:20}" | jq -r .name)" = example.com/base ]
	acfetch --store-read shared image export example.com/base out.aci
	cmp out.aci <(gunzip <base.aci)
	[ ! -e store ]
	# With one: what is there is not fetched, and not removed.
	[ "$(pull --store-read shared "$base")" = "$base" ]
	[ -z "$(acfetch image list --no-legend)" ]
	run -1 --separate-stderr acfetch --store-read shared image rm example.com/base
	[[ $stderr == *"is in a store that is only read"* ]]
	run -0 acfetch --store-read shared image verify example.com/base
	acfetch --store-read shared image gc --grace-period=0
	acfetch --store-read shared image tree example.com/base >/dev/null
	[ "$(acfetch --json --store-read shared image du example.com/base | jq '.[0].blobs')" = "$(stat -c %s base.aci)" ]
	if [ "$(id -u)" = 0 ]; then
		acfetch --store-read shared image render --rootfs-only example.com/base tree
		[ "$(cat tree/hello)" = 'hello from example.com/base 1.0.0' ]
	fi
	listing shared | diff before -
	# One's own comes first, for names as for ids.
	make_aci newer.aci example.com/base 1.0.0 extra=yes
	newer=$(pull ./newer.aci)
	[ "$(acfetch --store-read shared image list --no-legend | wc -l)" = 2 ]
	[ "$(acfetch --store-read shared image cat-manifest example.com/base)" = "$(acfetch image cat-manifest "$newer")" ]
	run -1 --separate-stderr acfetch --store-read none image list
	[[ $stderr == *"--store-read: there is no store in '$PWD/none'"* ]]
	listing shared | diff before -
}

@test "a dependency may be in any store, also for a read-only file system and a user" {
	needs_root
	make_aci base.aci example.com/base 1.0.0
	base=$(ACUTILS_DIR=$PWD/shared pull ./base.aci)
	mkdir top
	make_aci app.aci example.com/app 1.0.0
	tar -xzf app.aci -C top
	jq -c '.dependencies = [{imageName: "example.com/base"}]' top/manifest >manifest
	mv manifest top/manifest
	rm top/rootfs/hello
	echo app >top/rootfs/app
	tar -C top --owner=0 --group=0 -czf app.aci manifest rootfs
	app=$(pull --store-read shared ./app.aci)
	[ "$(ls store/images)" = "$app.json" ]
	mount --bind shared shared
	mount -o remount,bind,ro shared
	acfetch --store-read shared image render --rootfs-only example.com/app tree
	acfetch --store-read shared image verify
	[ "$(cat tree/hello tree/app)" = $'hello from example.com/base 1.0.0\napp' ]
	run -1 acfetch image render --rootfs-only example.com/app other
	acfetch --json --store-read shared image tree example.com/app | jq -e --arg b "$base" '.[0].dependencies[0].id == $b'
}

# What the check says, without the ids' tails.
check() { run "-$1" --separate-stderr acfetch store check "${@:2}"; }

@test "check: a store that is right" {
	run -1 acfetch store check
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/b 1.0.0
	pull ./a.aci ./b.aci
	# As a program before this one made it.
	rm -rf store/used
	check 0
	[ -z "$output" ]
	[ "$stderr" = "acfetch: the store '$PWD/store' has layout 2" ]
	check 0 --repair
	check 0 --quick
	[ "$(acfetch --json store check)" = '[]' ]
	# What somebody who was killed left is told, and no fault.
	mkdir "store/layers/sha512-$(printf '0%.0s' {1..128})"
	check 0
	[ "$output" = "layer sha512-$(printf '0%.0s' {1..128}): no image needs it; 'acfetch image gc' or --repair puts that right" ]
	acfetch --json store check | jq -e 'length == 1 and .[0].leftover'
	acfetch image gc
	check 0
	[ -z "$output" ]
	run -2 acfetch store check --quick --repair
	run -2 acfetch store check operand
	echo 3 >store/version
	check 1
	[[ $stderr == *"has layout 3, this version knows 1 to 2; use a newer one, or another store (--dir)"* ]]
}

@test "check: each fault is a line, and repaired" {
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/b 1.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
	zeros=$(printf '0%.0s' {1..128})
	mkdir "store/layers/sha512-$zeros"
	echo x >"store/blobs/sha256/${zeros:64}"
	echo x >store/images/readme
	echo '{"format": 1}' >"store/images/sha512-$zeros.json"
	rm "store/layers/$a/rootfs/hello"
	chmod 777 store/images
	rmdir store/blobs/sha512
	check 1
	[ "$output" = 'directory blobs/sha512: it is missing; it would be made
directory images: others may write it; that would be taken back' ]
	mkdir store/blobs/sha512
	chmod 755 store/images
	check 1
	[[ ${lines[0]} == "record readme: its name is no record's; it would be moved to lost+found; pull the image again" ]]
	[[ ${lines[1]} == "record sha512-$zeros.json: "*"; it would be moved to lost+found; pull the image again" ]]
	[[ ${lines[2]} == "layer $a: "*"; it would be made again" ]]
	[[ ${lines[3]} == "record images/: some cannot be read; "* ]]
	[ "${#lines[@]}" = 4 ]
	[[ $stderr == *"has 4 fault(s); --repair repairs what can be"* ]]
	rmdir store/blobs/sha512
	chmod 777 store/images
	check 0 --repair
	[[ $output == *"layer $a: "*"; it was made again"* ]]
	[[ $output == *"layer sha512-$zeros: no image needs it; it was removed"* ]]
	[[ $output == *"blob sha256/${zeros:64}: no image needs it; it was removed"* ]]
	[ "$(ls store/lost+found)" = $'readme\nsha512-'"$zeros.json" ]
	check 0
	[ -z "$output" ]
	[ "$(cat "store/layers/$a/rootfs/hello")" = 'hello from example.com/a 1.0.0' ]
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	acfetch image gc
	[ -e store/lost+found/readme ]
	# A name in two records belongs to the later import.
	jq '.names = ["docker://x/y:z"]' "store/images/$a.json" >rec
	cp rec "store/images/$a.json"
	jq '.names = ["docker://x/y:z", "docker://x/y:w"]' "store/images/$b.json" >rec
	cp rec "store/images/$b.json"
	check 1
	[ "$output" = 'name docker://x/y:z: two images have it; it would be taken from the older one' ]
	check 0 --repair
	[ "$(jq -c .names "store/images/$a.json")$(jq -c .names "store/images/$b.json")" = \
		'[]["docker://x/y:z","docker://x/y:w"]' ]
	check 0
}

@test "check: what is there to save time" {
	make_aci a.aci example.com/a 1.0.0
	a=$(pull ./a.aci)
	zeros=$(printf '0%.0s' {1..64})
	ones=$(printf '1%.0s' {1..64})
	note() { printf '{"format":1,"urlDigest":"%s","image":"%s","checked":1,"maxAge":9}' "$1" "$2"; }
	note "$zeros" "$a" >"store/http/$zeros.json"
	mkdir "store/partial/url-$zeros" "store/partial/sha256-$zeros" "store/partial/sha512-$zeros$zeros"
	printf 'acutils partial 1\nvalidator "1"\n' >"store/partial/url-$zeros/state"
	echo some >"store/partial/url-$zeros/blob"
	: >"store/partial/sha256-$zeros/state"
	check 0
	[ -z "$output" ]
	# What a killed program, or a lost power, leaves.
	note "$zeros" "$a" >"store/http/$ones.json"
	echo '{' >store/http/.tmp-0123456789abcdef
	echo nonsense >"store/partial/sha256-$zeros/state"
	check 0
	[ "$output" = "note .tmp-0123456789abcdef: it was never completed; 'acfetch image gc' or --repair puts that right
note $ones.json: urlDigest: it is about another URL; 'acfetch image gc' or --repair puts that right
download sha256-$zeros: its state is damaged: nobody can go on with it; 'acfetch image gc' or --repair puts that right" ]
	cp -a store before
	check 0 --repair
	[ "$(grep -c '; it was removed$' <<<"$output")" = 3 ]
	check 0
	[ -z "$output" ]
	rm -rf store && mv before store
	acfetch image gc
	check 0
	[ -z "$output" ]
	# What none of ours leaves.
	echo x >store/http/readme
	mkdir -p store/http/dir/sub
	ln -s readme "store/http/$ones.json"
	echo x >store/partial/file
	echo x >"store/partial/url-$zeros/more"
	mkdir "store/partial/url-$ones$ones"
	check 1
	[ "$output" = "file http/$ones.json: it does not belong there; it would be removed
file http/dir: it does not belong there; it would be removed
file http/readme: it does not belong there; it would be removed
file partial/file: it does not belong there; it would be removed
file partial/url-$zeros: there is more in it than a download; it would be removed
file partial/url-$ones$ones: it does not belong there; it would be removed" ]
	check 0 --repair
	check 0
	[ -z "$output" ]
	[ "$(ls store/http)" = "$zeros.json" ]
	[ "$(ls store/partial)" = "sha512-$zeros$zeros" ]
	# The image goes, and what is known about it.
	rm "store/images/$a.json"
	check 0
	[[ $output == "note $zeros.json: its image is not in the store; "* ]]
	rm -r store/http store/partial
	check 0
}

@test "check: what cannot be repaired is put aside, and what runs stays" {
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/b 1.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
	for f in a b; do
		rm "store/blobs/sha256/$(sha256sum <$f.aci | cut -d' ' -f1)"
	done
	rm "store/layers/$a/rootfs/hello"
	check 1 --quick
	[ "$(grep -c "^blob .* is missing, or has another size" <<<"$output")" = 2 ]
	check 1 --repair
	[[ $output == *"layer $a: "*"; it could not be made again: a blob is not right either"* ]]
	[[ $output == *"record $a.json: its layers cannot be made again; it was moved to lost+found; pull the image again: '$PWD/a.aci'"* ||
		$output == *"record $a.json: its layers cannot be made again; it was moved to lost+found; pull the image again: './a.aci'"* ]]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$b" ]
	# The one that lacks its blob alone still runs; a pull makes all right.
	check 1 --repair
	[ "$(acfetch --json store check 2>/dev/null | jq -r '.[].object')" = blob ]
	[ "${#lines[@]}" = 1 ]
	[ "$(pull ./a.aci)$(pull ./b.aci)" = "$a$b" ]
	check 0
	# A record of a later program stays, and all that it may need.
	mkdir "store/layers/sha512-$(printf '1%.0s' {1..128})"
	jq '.format = 2' "store/images/$a.json" >rec
	cp rec "store/images/$a.json"
	check 1 --repair
	[[ $output == *"format is 2, this version reads 1; use a newer version"* ]]
	[ -d "store/layers/$a" ]
	[ -d "store/layers/sha512-$(printf '1%.0s' {1..128})" ]
}

# What is in the layers: everything but inodes, and times of removals.
layers() {
	(cd store/layers && find ./*/rootfs \( -type c -printf '%p %y %m %U:%G\n' \) -o \
		-printf '%p %y %s %m %U:%G %T@ %n %l\n' | sort)
}

@test "check: the layers of an OCI image, each on those below it" {
	"$BATS_TEST_DIRNAME/../data/make-layers" "$PWD"
	"$TOOLDIR/storectl" store pull oci >/dev/null
	check 0
	layers >before
	getfattr -dR -m- --absolute-names -h store/layers >attributes 2>/dev/null || :
	# One file of each layer goes, then a whole layer, then all.
	for l in store/layers/*; do
		f=$(find "$l/rootfs" -type f | sort | tail -1)
		[ -z "$f" ] || rm -f "$f"
	done
	check 1
	[ "$(grep -c 'would be made again' <<<"$output")" -ge 3 ]
	check 0 --repair
	[[ $output == *"it was made again"* ]]
	layers | diff before -
	for l in store/layers/*; do
		rm -r "$l"
		check 0 --repair
		layers | diff before -
	done
	rm -r store/layers/*
	check 0 --repair
	layers | diff before -
	getfattr -dR -m- --absolute-names -h store/layers 2>/dev/null | diff attributes -
	[ -z "$(ls -A store/ingest)" ]
	# A removal that is gone would show what was removed.
	w=$(find store/layers -type c -size 0 | head -1)
	[ -n "$w" ] || return 0
	rm "$w"
	check 0 --repair
	[ -c "$w" ]
}

@test "check: killed at any moment, the next one completes" {
	make_aci a.aci example.com/a 1.0.0
	a=$(pull ./a.aci)
	layers >before
	for i in $(seq 20); do
		rm -rf "store/layers/$a/rootfs"
		echo '{' >"store/images/sha512-$(printf '0%.0s' {1..128}).json"
		acfetch store check --repair >/dev/null 2>&1 3>&- &
		sleep "0.0$((i % 10))"
		kill -9 $! 2>/dev/null || :
		wait $! 2>/dev/null || :
		check 0 --repair
		check 0
		layers | diff before -
	done
}

@test "on ext4 each layer begins in a group of its own, also of an old store" {
	needs_root
	truncate -s 32M disk
	# 32 groups of 256 inodes.
	mkfs.ext4 -q -O ^flex_bg -b 1024 -g 1024 -N 8192 disk
	mkdir ext4
	mount -o loop disk ext4 || skip "no loop devices here"
	export ACUTILS_DIR=$PWD/ext4/store
	make_aci base.aci example.com/base 1.0.0
	# Also in a directory that somebody made before.
	mkdir ext4/store
	pull ./base.aci >/dev/null
	[[ $(lsattr -d ext4/store/ingest) == *T*\ * ]]
	# One that was made before there was this.
	chattr -T ext4/store/ingest
	for i in 1 2 3; do
		make_aci "$i.aci" "example.com/$i" 1.0.0
		pull "./$i.aci" >/dev/null
	done
	groups=$(stat -c %i ext4/store/layers/* | while read -r ino; do echo $(((ino - 1) / 256)); done | sort -u | wc -l)
	[ "$groups" -ge 3 ]
}
