# Small App Container images for tests, made by tar.

# make_aci FILE NAME [VERSION [LABEL=VALUE...]]: an image with one file,
# rootfs/hello, gzipped.  No VERSION: "".
make_aci() {
	local dir labels label
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/aci.XXXXXX")
	labels='{"name":"os","value":"linux"},{"name":"arch","value":"amd64"}'
	[ -z "${3-}" ] || labels+=",{\"name\":\"version\",\"value\":\"$3\"}"
	for label in "${@:4}"; do
		labels+=",{\"name\":\"${label%%=*}\",\"value\":\"${label#*=}\"}"
	done
	mkdir "$dir/rootfs"
	echo "hello from $2 ${3-}" >"$dir/rootfs/hello"
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"%s","labels":[%s]}' \
		"$2" "$labels" >"$dir/manifest"
	tar -C "$dir" --owner=0 --group=0 -czf "$1" manifest rootfs
	rm -rf "$dir"
}
