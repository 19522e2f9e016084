#!/bin/sh
# pull and unpack five layers, 370 MB compressed, from a registry on loopback
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}
port=${PORT:-15987}

sh "$(dirname "$0")/make-image" "$W/fat"
cat >"$W/registry.yml" <<YML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $W/registry}}
http: {addr: 127.0.0.1:$port}
YML
docker-registry serve "$W/registry.yml" >/dev/null 2>&1 &
pids="$pids $!"
for _ in $(seq 50); do
	! curl -sf "http://127.0.0.1:$port/v2/" >/dev/null || break
	sleep 0.1
done
skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$W/fat:fat" "docker://127.0.0.1:$port/fat:gzip"

theirs=$W/theirs.sh
cat >"$theirs" <<'SH'
set -e
skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$1" "oci:$2/oci:x"
umoci unpack --image "$2/oci:x" "$2/bundle"
SH

# The registry's files in memory, nothing left to write, and the memory that a
# virtual machine has given back to its host taken again: what is measured is
# the client.  The same before each run, whoever it is of.
settle() {
	sync
	find "$W/registry" -type f -exec cat {} + >/dev/null
	head -c 3G /dev/zero >/dev/shm/ac-bench.$$ || true
	rm -f /dev/shm/ac-bench.$$
}

measure_tag() {
	# Nothing is removed between rounds: unpacking right after a removal is
	# slow on ext4, for whoever comes next.
	for i in $(seq "$rounds"); do
		mkdir -p "$W/$1-ours-$i" "$W/$1-theirs-$i"
		settle
		once "ours-$1" acfetch --dir "$W/$1-ours-$i" --insecure-options=image,http pull \
			"docker://127.0.0.1:$port/fat:$1"
		settle
		once "theirs-$1" sh "$theirs" "127.0.0.1:$port/fat:$1" "$W/$1-theirs-$i"
	done
	row "ours-$1" "acfetch pull ($1)"
	row "theirs-$1" "skopeo copy; umoci unpack ($1)"
	ratio "pull and unpack, $1" "ours-$1" "theirs-$1" 'asked: at least 3'
}
measure_tag gzip
