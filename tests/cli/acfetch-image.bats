#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets stderr
load helper
load aci

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
}

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# Put an image into the store: its id.
pull() {
	acfetch --insecure-options=image,http pull --full "$@" 2>pull.log
}

# The id of an ACI file.
id_of() {
	echo "sha512-$(gunzip <"$1" | sha512sum | cut -d' ' -f1)"
}

two_images() {
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/b 2.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
}

@test "an empty store, and none" {
	run -0 --separate-stderr acfetch image list
	[ "$output" = $'ID\tNAME\tSIZE\tIMPORT TIME' ]
	[ -z "$(acfetch image list --no-legend)" ]
	[ "$(acfetch image list --format=json)" = '[]' ]
	run -1 --separate-stderr acfetch image cat-manifest example.com/a
	[ ! -e store ]
}

@test "list: columns, order, JSON" {
	two_images
	run -0 --separate-stderr acfetch image list
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[1]} == "${a:0:19}"$'\t'"example.com/a:1.0.0"$'\t'*" KiB"*" ago" || ${lines[1]} == *now ||
		${lines[1]} == *" B"* ]]
	[[ ${lines[2]} == "${b:0:19}"*"example.com/b:2.0.0"* ]]
	[ "$(acfetch image list --no-legend --fields=name --sort=name --order=desc)" = \
		$'example.com/b:2.0.0\nexample.com/a:1.0.0' ]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$a"$'\n'"$b" ]
	[[ $(acfetch image list --no-legend --full --fields=importtime) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8} ]]
	[ "$(acfetch image list --no-legend --fields=name,kind | head -1)" = \
		$'example.com/a:1.0.0\taci' ]
	json=$(acfetch image list --format=json --sort=name)
	[ "$(jq -r '.[].id' <<<"$json")" = "$a"$'\n'"$b" ]
	[ "$(jq -r '.[0].name, .[0].kind' <<<"$json")" = $'example.com/a:1.0.0\naci' ]
	jq -e '.[0] | .size > 0 and .import_time > 1600000000000000000' <<<"$json"
	[ "$(jq . <<<"$json")" = "$(acfetch image list --format=json-pretty --sort=name | jq .)" ]
	[ "$(acfetch --json image list --sort=name)" = "$json" ]
}

@test "list: the command line" {
	for args in --fields=x --fields=id,id '--fields=,' --sort=x --order=x --format=x \
		--fields=lastused operand; do
		run -2 acfetch image list "$args"
	done
}

@test "an image by id, prefix, name, labels" {
	two_images
	want=$(acfetch image cat-manifest "$a")
	for ref in "${a:0:20}" example.com/a example.com/a:1.0.0 \
		example.com/a,version=1.0.0 example.com/a:1.0.0,os=linux,arch=amd64; do
		[ "$(acfetch image cat-manifest "$ref")" = "$want" ]
	done
	for ref in sha512-000000000000 example.com/c example.com/a:3 example.com/a,os=freebsd; do
		run -1 --separate-stderr acfetch image cat-manifest "$ref"
		[[ $stderr == *"image '$ref' is not in the store"* ]]
	done
}

@test "cat-manifest: indented or as it is" {
	two_images
	[ "$(acfetch image cat-manifest "$a" | jq -c .)" = \
		"$(tar -xzOf a.aci manifest | jq -c .)" ]
	[[ $(acfetch image cat-manifest "$a") == *$'\n\t"acKind"'* ]]
	[ "$(acfetch image cat-manifest --pretty-print=false "$a" | wc -l)" = 1 ]
	run -2 acfetch image cat-manifest --pretty-print=maybe "$a"
	run -2 acfetch image cat-manifest
}

@test "export: the image as a file" {
	two_images
	acfetch image export example.com/a out.aci
	cmp out.aci <(gunzip <a.aci)
	run -1 --separate-stderr acfetch image export example.com/a out.aci
	[[ $stderr == *"output ACI file 'out.aci' exists (try --overwrite)"* ]]
	acfetch image export --overwrite example.com/b out.aci
	cmp out.aci <(gunzip <b.aci)
	acfetch image export --compression=gzip example.com/a zipped.aci
	cmp <(gunzip <zipped.aci) <(gunzip <a.aci)
	acfetch image export example.com/a - >piped.aci
	cmp piped.aci <(gunzip <a.aci)
	run -1 acfetch image export example.com/a none/out.aci
	run -2 acfetch image export --compression=zip example.com/a x.aci
	[ "$(id_of zipped.aci)" = "$a" ]
	[ -z "$(find . -name '.tmp*')" ]
}

@test "export: nothing is left on a full disk" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	make_aci a.aci example.com/a 1.0.0
	pull ./a.aci
	mkdir small
	mount -t tmpfs -o size=4k none small || skip "no tmpfs here"
	run -1 --separate-stderr acfetch image export example.com/a small/out.aci
	left=$(ls -A small)
	umount small
	[ -z "$left" ]
	[[ $stderr == *"export image 'example.com/a'"* ]]
}

@test "render: the files, and the manifest" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	two_images
	acfetch image render example.com/a out
	[ "$(cat out/rootfs/hello)" = 'hello from example.com/a 1.0.0' ]
	[ "$(jq -c . out/manifest)" = "$(tar -xzOf a.aci manifest | jq -c .)" ]
	run -1 --separate-stderr acfetch image render example.com/b out
	[[ $stderr == *"output directory 'out' exists (try --overwrite)"* ]]
	acfetch image render --overwrite --rootfs-only example.com/b ./out/
	[ "$(cat out/hello)" = 'hello from example.com/b 2.0.0' ]
	[ ! -e out/rootfs ]
	for dir in / . .. ''; do
		run -2 acfetch image render example.com/a "$dir"
	done
	run -1 acfetch image render example.com/a none/out
	[ -z "$(find . -maxdepth 1 -name '.tmp*')" ]
}

@test "rm: by any name, once, and what could not be" {
	two_images
	run -0 --separate-stderr acfetch image rm example.com/a "$a" example.com/a
	[ "$output" = "successfully removed aci for image: \"$a\"" ]
	[[ $stderr == *"1 image(s) successfully removed"* ]]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$b" ]
	run -1 --separate-stderr acfetch image rm example.com/a "$b"
	[ "$output" = "successfully removed aci for image: \"$b\"" ]
	[[ $stderr == *"image 'example.com/a' is not in the store"* ]]
	[[ $stderr == *"1 image(s) could not be removed"* ]]
	[ -z "$(acfetch image list --no-legend)" ]
	[ -z "$(find store/blobs store/layers -type f)" ]
	run -2 acfetch image rm
}

@test "rm: an image in use stays" {
	two_images
	exec 7<"store/layers/$a"
	flock --shared 7
	run -1 --separate-stderr acfetch image rm example.com/a example.com/b
	[[ $output == *"$b"* ]]
	[[ $output != *"$a"* ]]
	exec 7<&-
	run -0 acfetch image rm example.com/a
}

@test "gc: garbage, and old images when asked" {
	two_images
	echo left >"store/blobs/sha512/$(printf '0%.0s' $(seq 128))"
	run -0 --separate-stderr acfetch image gc
	[ ! -e "store/blobs/sha512/$(printf '0%.0s' $(seq 128))" ]
	[[ $stderr == *"freed"* ]]
	acfetch image gc --grace-period=1h30m
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	acfetch image gc --grace-period=0
	[ -z "$(acfetch image list --no-legend)" ]
	for d in x 5 1x h 1s1h -1s; do
		run -2 acfetch image gc "--grace-period=$d"
	done
}

@test "rm, gc, verify as JSON" {
	two_images
	[ "$(acfetch --json image verify "$a" example.com/b | jq -r '.[]')" = "$a"$'\n'"$b" ]
	[ "$(acfetch --json image rm example.com/a | jq -r '.[]')" = "$a" ]
	[ "$(acfetch --json image gc --grace-period=0 | jq -r '.removed[]')" = "$b" ]
	[ "$(acfetch --json image gc | jq .freed)" = 0 ]
}

@test "verify: damage is found" {
	two_images
	run -0 acfetch image verify example.com/a "$b"
	[ "${lines[0]}" = "successfully verified checksum for image: \"example.com/a\" (\"$a\")" ]
	blob=store/blobs/sha512/$(sha512sum <a.aci | cut -d' ' -f1)
	chmod u+w "$blob"
	printf x | dd of="$blob" bs=1 seek=5 conv=notrunc status=none
	run -1 --separate-stderr acfetch image verify example.com/a
	[[ $stderr == *"is damaged"* ]]
	run -0 acfetch image verify example.com/b
}

@test "an image of a registry: listed, exported, served again" {
	mkdir -p bundle
	umoci init --layout layout
	umoci new --image layout:v1
	umoci unpack --rootless --image layout:v1 bundle >/dev/null
	echo hello >bundle/rootfs/hello
	umoci repack --image layout:v1 bundle >/dev/null
	acfetch serve --oci team/app=layout --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && break || sleep 0.05; done
	addr=$(sed 's,^listening on http://,,' out)
	pull "docker://$addr/team/app:v1"
	kill "$server"
	[[ $(acfetch image list --no-legend --fields=name,kind) == *$'\toci' ]]
	acfetch image export "docker://$addr/team/app:v1" app.aci
	tar -tf app.aci | grep -qx rootfs/hello

	acfetch serve --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && grep -q listening out && break || sleep 0.05; done
	again=$(sed 's,^listening on http://,,' out)
	for name in team/app "${addr/:/_}/team/app"; do
		rm -rf got
		skopeo copy -q --src-tls-verify=false "docker://$again/$name:v1" oci:got:v1
		for blob in got/blobs/sha256/*; do
			cmp "$blob" "layout/blobs/sha256/${blob##*/}"
		done
	done
	[ "$(curl -s "http://$again/v2/_catalog" | jq -r '.repositories[]')" = "${addr/:/_}/team/app" ]
	[ "$(curl -s "http://$again/v2/team/app/tags/list" | jq -r '.tags[]')" = v1 ]
	# Removed while it is served.
	acfetch image rm "docker://$addr/team/app:v1"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://$again/v2/team/app/manifests/v1")" = 404 ]
}
