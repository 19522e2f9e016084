#!/usr/bin/env bats
# A minimal Debian in five layers, from a real registry: what acfetch unpacks is
# what umoci unpacks.  The image is made once and kept in the temporary
# directory (AC_TEST_CACHE names another); making it needs the network.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load tree
load pull
load layout

setup_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	cd "$BATS_FILE_TMPDIR" || return
	cache=${AC_TEST_CACHE:-${TMPDIR:-/tmp}/acutils-tests}
	mkdir -p "$(dirname "$cache")"
	mkdir -m 700 "$cache" 2>/dev/null || :
	[ -O "$cache" ] || { echo "'$cache' is somebody else's; set AC_TEST_CACHE" >&2; return 1; }
	"$BATS_TEST_DIRNAME/../data/make-minbase" "$cache/minbase" 3>&- || {
		echo "no image: debootstrap needs a mirror" >no-image
		return 0
	}
	oci=$cache/minbase/oci
	cat >registry.yml <<-END
	version: 0.1
	log: {level: error}
	storage: {filesystem: {rootdirectory: $PWD/registry}}
	http: {addr: 127.0.0.1:0}
	END
	port=$(free_port)
	sed -i "s/:0}/:$port}/" registry.yml
	docker-registry serve registry.yml >/dev/null 2>&1 3>&- &
	echo $! >pid
	wait_for 10 listening "$port"
	export REPO=127.0.0.1:$port/debian
	skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$oci:minbase" "docker://$REPO:gzip"
	# The same layers as zstd: from tars, for skopeo keeps what is compressed.
	tars=()
	i=0
	for d in $(jq -r '.layers[].digest' "$oci/blobs/sha256/$(jq -r '.manifests[0].digest' "$oci/index.json" | cut -d: -f2)"); do
		i=$((i + 1))
		gzip -dc "$oci/blobs/sha256/${d#*:}" | zstd -q >"l$i.tar.zst"
		tars+=("l$i.tar.zst")
	done
	layout zstd "${tars[@]}"
	sed -i 's/layer.v1.tar"/layer.v1.tar+zstd"/g' zstd/blobs/sha256/*
	relabel zstd
	skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:zstd:x" "docker://$REPO:zstd"
	umoci unpack --image "$oci:minbase" umoci
}

# The manifest was edited: its digest again.
relabel() {
	local old new
	old=$(jq -r '.manifests[0].digest' "$1/index.json")
	new=$(sha256sum <"$1/blobs/sha256/${old#*:}" | cut -d' ' -f1)
	mv "$1/blobs/sha256/${old#*:}" "$1/blobs/sha256/$new"
	jq -c --arg d "sha256:$new" --argjson s "$(stat -c %s "$1/blobs/sha256/$new")" \
		'.manifests[0].digest = $d | .manifests[0].size = $s' "$1/index.json" >"$1/tmp"
	mv "$1/tmp" "$1/index.json"
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return
	if [ -e pid ]; then
		stop "$(cat pid)"
	fi
}

setup() {
	store_setup
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ ! -e "$BATS_FILE_TMPDIR/no-image" ] || skip "$(cat "$BATS_FILE_TMPDIR/no-image")"
}

fetch_and_compare() {
	run -0 --separate-stderr pull --insecure-options=image,http --full "docker://$REPO:$1"
	acfetch image render --rootfs-only "$output" tree
	same_trees "$BATS_FILE_TMPDIR/umoci/rootfs" tree
	blobs_ok
	ingest_empty
}

@test "gzip layers" {
	fetch_and_compare gzip
	[ "$(find store/layers -mindepth 1 -maxdepth 1 | wc -l)" -eq 5 ]
}

@test "zstd layers" {
	fetch_and_compare zstd
}
