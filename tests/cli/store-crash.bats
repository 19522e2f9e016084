#!/usr/bin/env bats
# Killed at random moments: four at a time pull, remove, collect, verify and
# read, and most are killed -9.  AC_TEST_KILLS says how many (1000), AC_TEST_SEED
# begins the same run again.  tests/fault/crash.c is the hand that kills,
# tests/fault/checkstore.c looks at the store afterwards.
# shellcheck disable=SC2154 # bats sets it

load helper
load pull
load layout
load layout1

setup() {
	store_setup
	# Kills should not wait for a disk that others use.
	mkdir store
	if [ "$(id -u)" = 0 ] && mount -t tmpfs -o mode=700 tmpfs store; then
		mounted=1
	fi
	acfetch="acfetch --local-config=$PWD/etc --system-config=/nonexistent --insecure-options=image,http"
}

teardown() {
	[ -z "${SERVER-}" ] || stop "$SERVER"
	cd / && { [ -z "${mounted-}" ] || umount "$BATS_TEST_TMPDIR/store"; }
}

# tree DIR WORD: files, links of both kinds, an empty directory.
tree() {
	mkdir -p "$1/etc" "$1/bin" "$1/empty"
	for i in 1 2 3 4 5 6; do echo "$2 $i" >"$1/etc/$i"; done
	head -c 30000 /dev/urandom >"$1/bin/x"
	ln "$1/bin/x" "$1/bin/y"
	ln -s x "$1/bin/z"
	setfattr -n user.a -v "$2" "$1/etc/1"
}

layer() {
	tree "$1.d" "$1"
	tar -C "$1.d" --owner=0 --group=0 --xattrs -czf "$1.tar.gz" .
}

# image FILE NAME [MORE-JSON]: an archive; what may be done with it.
image() {
	tree d/rootfs "$2"
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/%s"%s}' "$2" "${3-}" >d/manifest
	tar -C d --owner=0 --group=0 --xattrs -cf d.tar manifest rootfs
	ID=sha512-$(sha512sum <d.tar | cut -d' ' -f1)
	gzip -n <d.tar >"$1"
	rm -r d d.tar
	commands "$ID" "$PWD/$1"
}

# commands ID REFERENCE
commands() {
	for _ in 1 2 3; do
		echo "pull $1 $acfetch pull --full $2"
	done
	echo "pull $1 $acfetch pull --full --pull-policy=update $2"
	echo "rm $1 $acfetch image rm $1"
	echo "may $1 $acfetch image verify $1"
	echo "may $1 $acfetch image export --overwrite $1 $PWD/out.aci"
}

serve() {
	$acfetch serve --listen 127.0.0.1:0 --oci one=one --oci two=two >serve.out 2>serve.log 3>&- &
	SERVER=$!
	wait_for 20 grep -q '^listening on ' serve.out
	URL=$(sed -n 's/^listening on //p' serve.out)
}

# All that the four do, in the file commands.
everything() {
	image a.aci a
	image b.aci b
	# A flattened tree is made of it.
	image c.aci c ',"pathWhitelist":["/etc/1","/bin/x"]'
	layer base
	layer top
	layer other
	layout one base.tar.gz top.tar.gz
	layout two base.tar.gz other.tar.gz
	serve >&2
	local name digest
	for name in one two; do
		digest=$(jq -r '.manifests[0].digest' "$name/index.json")
		ID=sha512-$(sha512sum <"$name/blobs/sha256/${digest#*:}" | cut -d' ' -f1)
		commands "$ID" "docker://${URL#http://}/$name:x"
	done
	for _ in 1 2 3; do
		echo "must - $acfetch image gc"
		echo "must - $acfetch image list"
	done
}

@test "killed at random moments, four at once: all is whole, and nothing is lost" {
	everything >commands
	$acfetch pull a.aci # there is a store
	seed=${AC_TEST_SEED:-$RANDOM$RANDOM}
	# Whole, by a second opinion and by its own.
	cat >look <<-'END'
	"$TOOLDIR/checkstore" store $IDS && acfetch store check >said 2>&1 || exit
	# Each other time they find a store of layout 1.
	if [ -e old ]; then rm old; else bash -c '. ./layout1.bash; layout_1 store'; echo >old; fi
	END
	cp "$BATS_TEST_DIRNAME/layout1.bash" .
	"$TOOLDIR/crash" "$seed" "${AC_TEST_KILLS:-1000}" commands '. ./look'
	# What was left over goes with the next collection, and all can be had again.
	$acfetch image gc
	"$TOOLDIR/checkstore" -s store
	$acfetch store check
	# Nothing stays as layout 1 had it.
	layout_1 store
	$acfetch store check --repair >said
	[ -z "$(layers_of_1 store)" ]
	grep '^pull' commands | sort -u >pulls
	while read -r _ id command; do
		[ "$($command 2>err)" = "$id" ] || { cat err; false; }
		echo "$id" >>ids
	done <pulls
	# shellcheck disable=SC2046 # words
	"$TOOLDIR/checkstore" -s store $(cat ids)
	# shellcheck disable=SC2046 # words
	$acfetch image rm $(sort -u ids)
	store_empty
}
