#!/bin/sh
# pull of a signed ACI, 700 MB unpacked, from loopback to runnable
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}

# 250 MB, 700 unpacked: without what is compressed already (manuals, change logs),
# which images leave out.
corpus "$W/aci/rootfs" "${MEGABYTES:-750}" '\.gz$'
cat >"$W/aci/manifest" <<'JSON'
{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/fat","labels":[{"name":"version","value":"1"}]}
JSON
mkdir -p "$W/site/rsa"
tar -C "$W/aci" --numeric-owner -cf - manifest rootfs | gzip -6 >"$W/site/fat.aci"
echo "  $(find "$W/aci" -type f | wc -l) files, $(du -sm "$W/aci" | cut -f1) MB, $(($(size "$W/site/fat.aci") / 1000000)) MB compressed"

export GNUPGHOME="$W/gnupg"
mkdir -m 700 "$GNUPGHOME"
# What signs decides on the hash: gpg's choice is SHA-256 for an Ed25519 key, and
# SHA-512 for RSA, which has no instructions on most processors.
for key in ed25519 rsa2048; do
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-generate-key "$key <$key@localhost>" "$key" sign never 2>/dev/null
done
gpg --armor --export >"$W/key.asc"
sign() { gpg --batch --armor --local-user "$1" --output "$3" --detach-sign "$2"; }
sign ed25519 "$W/site/fat.aci" "$W/site/fat.aci.asc"
ln "$W/site/fat.aci" "$W/site/rsa/fat.aci"
sign rsa2048 "$W/site/fat.aci" "$W/site/rsa/fat.aci.asc"

cat >"$W/nginx.conf" <<CONF
daemon off; master_process off; pid $W/nginx.pid; error_log $W/nginx.err;
events {}
http { access_log off; sendfile on; client_body_temp_path $W; proxy_temp_path $W; fastcgi_temp_path $W;
uwsgi_temp_path $W; scgi_temp_path $W;
server { listen 127.0.0.1:${PORT:-15988}; root $W/site; } }
CONF
nginx -p "$W" -c "$W/nginx.conf" -e "$W/nginx.err" &
pids="$pids $!"
url=http://127.0.0.1:${PORT:-15988}
for _ in $(seq 50); do
	! curl -sf -o /dev/null "$url/fat.aci.asc" || break
	sleep 0.1
done
acfetch --local-config "$W/etc" trust --root --skip-fingerprint-review "$W/key.asc" >/dev/null 2>&1

cat >"$W/inflate.sh" <<'SH'
set -e
mkdir "$2"
igzip -dc "$1" | tar -C "$2" -xf -
SH
# What rkt's user did by hand: get, verify, hash, unpack.
cat >"$W/turns.sh" <<'SH'
set -e
mkdir "$2"
curl -sf -o "$2/fat.aci" "$1/fat.aci"
curl -sf -o "$2/fat.aci.asc" "$1/fat.aci.asc"
gpg --batch --quiet --verify "$2/fat.aci.asc" "$2/fat.aci"
gzip -dc "$2/fat.aci" | sha512sum
tar -C "$2" -xzf "$2/fat.aci"
SH

# Without a journal, ext4 looks at each inode that was freed within the last
# minute (five, if it is not on the disk yet) before it makes a file: whatever was
# removed before this is to be forgotten, and nothing is removed between rounds.
sync
sleep 61

pull() {
	mkdir "$W/$1"
	once "${1%-*}" acfetch --dir "$W/$1" --local-config "$W/etc" --insecure-options=http pull "$url/$2"
}
run() {
	warm "$W/site"
	case $1 in
	ours) pull "ours-$2" fat.aci ;;
	rsa) pull "rsa-$2" rsa/fat.aci ;;
	inflate) once inflate sh "$W/inflate.sh" "$W/site/fat.aci" "$W/inflate-$2" ;;
	# The same with what was written on the disk, as ours is.
	synced) once synced sh -c "sh '$W/inflate.sh' '$W/site/fat.aci' '$W/synced-$2' && sync -f '$W/synced-$2'" ;;
	turns) once turns sh "$W/turns.sh" "$url" "$W/turns-$2" ;;
	esac
}
# Backwards in each second round: none of them always follows the same one.
order='ours inflate synced rsa turns'
for i in $(seq "$rounds"); do
	for one in $order; do
		run "$one" "$i"
	done
	order=$(echo "$order" | awk '{ for (i = NF; i > 0; i--) printf "%s ", $i }')
done
row ours 'acfetch pull'
row rsa 'acfetch pull, RSA and SHA-512'
row inflate 'igzip -dc | tar x'
row synced 'the same, and sync -f'
row turns 'curl; gpg --verify; gzip | sha512sum; tar xzf'
ratio 'pull to igzip | tar x' ours inflate 'asked: at least 1'
ratio 'pull to igzip | tar x; sync -f' ours synced 'nothing asked'
ratio 'pull (RSA) to igzip | tar x' rsa inflate 'asked: at least 1'
ratio 'pull to what was done in turn' ours turns 'asked: at least 4'
cpu_ratio 'pull to igzip | tar x, processor time' ours inflate 'nothing asked'
cpu_ratio 'pull to what was done in turn, processor time' ours turns 'nothing asked'

# A tiny image: the time of the process itself.
mkdir -p "$W/tiny/rootfs"
echo hello >"$W/tiny/rootfs/hello"
echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/tiny"}' >"$W/tiny/manifest"
tar -C "$W/tiny" -czf "$W/site/tiny.aci" manifest rootfs
sign ed25519 "$W/site/tiny.aci" "$W/site/tiny.aci.asc"
sync
for i in $(seq $((rounds * 4))); do
	pull "tiny-$i" tiny.aci
done
row tiny 'acfetch pull of a tiny image (asked: cpu under 15 ms)'
