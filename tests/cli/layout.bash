# OCI layouts of one image, made of tar files at hand.

# blob DIR FILE: keep FILE there by its digest; prints "DIGEST SIZE".
layout_blob() {
	local d
	d=$(sha256sum <"$2" | cut -d' ' -f1)
	cp "$2" "$1/blobs/sha256/$d"
	echo "$d $(stat -c %s "$2")"
}

# layout DIR FILE...: an image of these layers, bottom first: tar files, plain
# or compressed by gzip or zstd.  LAYOUT_CONFIG is its "config".
layout() {
	local dir=$1 layers='' diffs='' d s f
	shift
	mkdir -p "$dir/blobs/sha256"
	for f; do
		read -r d s < <(layout_blob "$dir" "$f")
		layers+=",{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:$d\",\"size\":$s}"
		case $f in
		*.gz) d=$(gzip -dc "$f" | sha256sum) ;;
		*.zst) d=$(zstd -dqc "$f" | sha256sum) ;;
		*) d=$(sha256sum <"$f") ;;
		esac
		diffs+=",\"sha256:${d%% *}\""
	done
	printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"${LAYOUT_CONFIG-{\"Cmd\":[\"/x\"]\}}" "${diffs#,}" >"$dir/tmp"
	read -r d s < <(layout_blob "$dir" "$dir/tmp")
	printf '{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
		"$d" "$s" "${layers#,}" >"$dir/tmp"
	read -r d s < <(layout_blob "$dir" "$dir/tmp")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"x"}}]}' \
		"$d" "$s" >"$dir/index.json"
	rm "$dir/tmp"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
}

# with_tag DIR TAG NEW: the layout DIR with the image TAG alone, as NEW.
with_tag() {
	mkdir -p "$3"
	ln -s "$(realpath "$1/blobs")" "$3/blobs"
	jq -c --arg t "$2" '.manifests |= map(select(.annotations["org.opencontainers.image.ref.name"] == $t))' \
		"$1/index.json" >"$3/index.json"
	cp "$1/oci-layout" "$3"
}
