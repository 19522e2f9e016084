#!/bin/sh
# a store of 1,000 and of 10,000 images: list, find, collect
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-10}

# One image, and as many like it as there should be: their records, layers and
# blobs are what a pull would make, but for the digests.
mkdir -p "$W/a/rootfs"
echo hello >"$W/a/rootfs/hello"
echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/a","labels":[{"name":"version","value":"1"}]}' >"$W/a/manifest"
tar -C "$W/a" -czf "$W/a.aci" manifest rootfs
fill() {
	acfetch --dir "$1" --insecure-options=image pull --full "$W/a.aci" >"$W/id"
	id=$(cat "$W/id")
	blob=$(basename "$1"/blobs/sha512/*)
	seq "$2" | awk -v dir="$1" -v id="$id" -v blob="$blob" '
		BEGIN { while ((getline line < (dir "/images/" id ".json")) > 0) text = text line "\n" }
		{
			hex = sprintf("%08x", (NR * 2654435761) % 4294967296) sprintf("%0120d", NR)
			t = text
			gsub(id, "sha512-" hex, t)
			gsub(blob, hex, t)
			gsub("localhost/a\"", "localhost/a" NR "\"", t)
			f = dir "/images/sha512-" hex ".json"
			printf "%s", t > f
			close(f)
			print hex
		}' >"$1.hex"
	(cd "$1/layers" && sed 's|.*|sha512-&/rootfs|' "$1.hex" | xargs mkdir -p &&
		sed 's/^/sha512-/' "$1.hex" | while read -r l; do echo '= 0 0' >"$l/files"; done)
	(cd "$1/blobs/sha512" && while read -r b; do : >"$b"; done <"$1.hex")
}
for n in 1000 10000; do
	fill "$W/s$n" "$n"
	sync
	prefix=$(sed -n 500p "$W/s$n.hex" | cut -c1-12)
	acfetch --dir "$W/s$n" image list >/dev/null
	for _ in $(seq "$rounds"); do
		once "help" acfetch --version
		once "list$n" acfetch --dir "$W/s$n" image list
		once "find$n" acfetch --dir "$W/s$n" image cat-manifest "sha512-$prefix"
		once "name$n" acfetch --dir "$W/s$n" image cat-manifest localhost/a500
		once "gc$n" acfetch --dir "$W/s$n" image gc
	done
	row "list$n" "image list, $n images"
	row "find$n" "image cat-manifest by a prefix, $n images"
	row "name$n" "image cat-manifest by name, $n images"
	row "gc$n" "image gc, $n images"
done
row "help" 'acfetch --version: what starting it takes'
# Processor time, for what is not waiting: nothing here waits for a disk.
awk -v l="$(figure list10000 1)" -v c="$(figure list10000 2)" \
	'BEGIN { printf "  => list of 10,000: wall %.1f ms, processor %.1f ms (asked: under 100)\n", l, c }'
awk -v f="$(figure find10000 2)" -v s="$(figure help 2)" \
	'BEGIN { printf "  => a prefix among 10,000: %.2f ms beside the start, processor time (asked: under 2)\n", f - s }'
awk -v a="$(figure gc10000 2)" -v b="$(figure gc1000 2)" \
	'BEGIN { printf "  => gc, 10 times the images: %.1f times the processor time (asked: linear)\n", a / b }'
