#!/usr/bin/env bats
# The limits of unpacking (spec/store.md, S36): each is met, named, and moved.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull
load layout
load rawtar

setup() {
	store_setup
	export TAR_MODE=0000755 # a user must be able to remove it all
}

img() {
	entry manifest rootfs
	cat
	bytes 1024
}

# refused LIMIT TEXT: by every program that unpacks, and nothing is left.
refused() {
	local command
	for command in "pull --insecure-options=image --limit $1 x.aci" "actool extract --limit $1 x.aci out" \
		"acconvert to-oci --limit $1 x.aci out" "acbuild begin --limit $1 ./x.aci"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr $command
		[[ $stderr == *"more than $2"*"if that is right, --limit ${1%%=*}=NUMBER allows more"* ]]
		[ ! -e out ] && [ ! -e .acbuild ]
	done
	store_empty
}

taken() {
	run -0 pull --insecure-options=image --limit "$1" x.aci
	run -0 actool extract --limit "$1" x.aci out
	run -0 acconvert to-oci --limit "$1" x.aci oci
	run -0 acbuild begin --limit "$1" ./x.aci
}

@test "unpacked" {
	{ file rootfs/a 0123456789 && file rootfs/b 0123456789; } | img >x.aci
	refused unpacked=15 "15 bytes of files"
	taken unpacked=1M
}

@test "entries, with directories that no entry names" {
	file rootfs/a/b/c/d x | img >x.aci
	refused entries=2 "2 entries"
	taken entries=20
}

# deep N: N files, each below 200 directories of its own.
deep() {
	local i path
	path=$(printf 'a/%.0s' {1..199})
	for ((i = 0; i < $1; i++)); do
		pax path "rootfs/$i/${path}f"
		file rootfs/f ''
	done
}

@test "directories that no entry names, for each entry" {
	# Thousands of directories: a disk takes its time for them.
	FAST=$(mktemp -d -p /dev/shm acutils.XXXXXX)
	cd "$FAST" || return
	export ACUTILS_DIR=$FAST/store
	deep 25 | img >x.aci
	for command in "pull --insecure-options=image x.aci" "actool extract x.aci out" "acbuild begin ./x.aci"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr $command
		[[ $stderr == *"more than 16 directories for each entry that no entry names"*"--limit implied=NUMBER allows more"* ]]
		[ ! -e out ] && [ ! -e .acbuild ]
	done
	store_empty
	# What few entries imply counts as entries do.
	run -1 --separate-stderr acbuild begin --limit entries=500 ./x.aci
	[[ $stderr == *"more than 500 entries"* ]]
	run -0 actool extract --limit implied=300 x.aci out
	# The layers of an OCI image.
	deep 25 | (cat && bytes 1024) >layer
	layout in layer
	run -1 --separate-stderr acconvert to-aci in out.aci
	[[ $stderr == *"more than 16 directories for each entry"*"--limit implied=NUMBER allows more"* ]]
	[ ! -e out.aci ]
	run -0 acconvert to-aci --limit implied=1000 in out.aci
	run -0 acbuild begin --build-mode=oci ./in
	run -1 --separate-stderr acbuild copy layer /0/layer
	[[ $stderr == *"more than 16 directories for each entry"*"--limit implied=NUMBER allows more"* ]]
}

@test "the configuration, which the option overrides" {
	{ file rootfs/a 0123456789 && file rootfs/b 0123456789; } | img >x.aci
	mkdir -p config/acutils/limits.d work
	mkdir -m 777 store
	chmod 777 work
	chmod o+rx . "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || :
	echo '{"rktKind":"limits","rktVersion":"v1","unpacked":15}' >config/acutils/limits.d/l.json
	for command in "acfetch --system-config=/nonexistent --local-config=/nonexistent --insecure-options=image pull x.aci" \
		"actool extract x.aci work/out" "acconvert to-oci x.aci work/out" "acbuild --work-path work begin ./x.aci"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr as_nobody $command
		[[ $stderr == *"more than 15 bytes of files; if that is right, --limit unpacked=NUMBER allows more"* ]]
		# shellcheck disable=SC2086 # words
		run -0 as_nobody $command --limit unpacked=1M
		rm -rf work/out work/.acbuild
	done
}

@test "ratio" {
	{
		header 0 rootfs/zero '' $((80 << 20))
		bytes $((80 << 20))
	} | img | bzip2 >x.aci
	run -1 --separate-stderr pull --insecure-options=image x.aci
	[[ $stderr == *"bzip2 data: more than 2000 times its size"* ]]
	refused ratio=100 "100 times its size, unpacked"
	taken ratio=1M
}

@test "depth" {
	file rootfs/1/2/3/4/5/6/f x | img >x.aci
	refused depth=5 "5 directories above it"
	taken depth=7
}

@test "xattrs" {
	{ xattr user.one 0123456789 && file rootfs/f x; } | img >x.aci
	refused xattrs=10 "10 bytes of extended attributes"
	taken xattrs=100
}

@test "layers and names, of an image of several layers" {
	make_oci 10
	mkdir -p layout/blobs/sha256
	for f in layer.tar.gz config.json manifest.json; do
		cp $f "layout/blobs/sha256/$(sha256sum <$f | cut -d' ' -f1)"
	done
	echo '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
	echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"$MANIFEST\",\"size\":$(stat -c %s manifest.json)}]}" >layout/index.json
	sed 's/"layers":\[\(.*\)\]}/"layers":[\1,\1]}/' manifest.json >two.json
	cp two.json "layout/blobs/sha256/$(sha256sum <two.json | cut -d' ' -f1)"
	sed -i "s/sha256:[0-9a-f]*/sha256:$(sha256sum <two.json | cut -d' ' -f1)/;s/\"size\":[0-9]*/\"size\":$(stat -c %s two.json)/" layout/index.json
	run -1 --separate-stderr acconvert to-aci --limit layers=1 layout out.aci
	[[ $stderr == *"more than 1 layers"*"--limit layers=NUMBER allows more"* ]]
	[ ! -e out.aci ]
	# Bytes of names that a layer implies: etc/ has no entry.
	tar -C oci -cf layer.tar etc/motd
	gzip -n <layer.tar >layer.tar.gz
	LAYER=sha256:$(sha256sum <layer.tar.gz | cut -d' ' -f1)
	sed -i "s/\"diff_ids\":.*/\"diff_ids\":[\"sha256:$(sha256sum <layer.tar | cut -d' ' -f1)\"]}}/" config.json
	CONFIG=sha256:$(sha256sum <config.json | cut -d' ' -f1)
	make_manifest
	cat >script <<-END
	GET /v2/app/manifests/latest
	header Content-Type: application/vnd.oci.image.manifest.v1+json
	file manifest.json
	GET /v2/app/blobs/$CONFIG
	file config.json
	GET /v2/app/blobs/$LAYER
	file layer.tar.gz
	END
	bad script
	run -1 --separate-stderr pull --insecure-options=image,http --limit names=2 "docker://$A/app"
	[[ $stderr == *"more than 2 bytes of names"*"--limit names=NUMBER allows more"* ]]
	store_empty
	run -0 pull --insecure-options=image,http --limit names=16 "docker://$A/app"
}

teardown() {
	if [ -n "${BAD_PID-}" ]; then stop "$BAD_PID"; fi
	if [ -n "${FAST-}" ]; then rm -rf "$FAST"; fi
}

@test "the option" {
	for bad in unpacked unpacked= unpacked=0 unpacked=-1 unpacked=x none=1 =1 ''; do
		run -2 --separate-stderr pull --insecure-options=image --limit "$bad" x.aci
		[[ $stderr == *"bad --limit '$bad'"* ]]
	done
}

@test "a disk that fills: nothing is left" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=8m none disk || skip "no tmpfs may be mounted"
	{
		header 0 rootfs/big '' $((32 << 20))
		head -c $((32 << 20)) /dev/urandom
	} | img >x.aci
	run -1 --separate-stderr acfetch --dir disk/store --insecure-options=image pull x.aci
	left=$(find disk/store/ingest disk/store/layers disk/store/images disk/store/blobs -mindepth 1 ! -name 'sha*')
	umount disk
	[[ $stderr == *"No space left"* || $stderr == *"no space left"* ]]
	[ -z "$left" ]
}

@test "what follows the end of an archive, or of its compression, does not go on for ever" {
	file rootfs/a x | img >x.aci
	gzip -n <x.aci >z.aci
	# Padding is nothing unusual.
	cp x.aci y.aci
	truncate -s 60M y.aci
	run -0 pull --insecure-options=image y.aci
	truncate -s 100M x.aci
	run -1 --separate-stderr pull --insecure-options=image x.aci
	[[ $stderr == *"tar archive: more than 64 MiB follow its end"* ]]
	truncate -s 300M z.aci
	run -1 --separate-stderr pull --insecure-options=image z.aci
	[[ $stderr == *"gzip data: more than 256 MiB of it unpack to nothing"* ]]
	[ "$(find store/images -name '*.json' | wc -l)" = 1 ]
	ingest_empty
}
