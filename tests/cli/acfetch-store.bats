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
	if mountpoint -q "$BATS_TEST_TMPDIR/shared"; then
		umount "$BATS_TEST_TMPDIR/shared"
	fi
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
