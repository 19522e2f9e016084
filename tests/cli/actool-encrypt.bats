#!/usr/bin/env bats
# actool encrypt and decrypt, and every command that reads encrypted images,
# against gpg.
# shellcheck disable=SC2154 # bats sets output, stderr and status
load helper

# gpg with a home of its own and the passphrase; --s2k-count 65536: fast.
gpgp() {
	gpg --homedir "$home/gnupg" --batch --quiet --no-tty --no-options --yes \
		--pinentry-mode loopback --passphrase-file p --s2k-count 65536 "$@"
}

setup() {
	# gpg-agent's socket needs a short path.
	home=$(mktemp -d /tmp/ac-encrypt.XXXXXX)
	cd "$home" || return
	mkdir -m 700 gnupg none
	# No agent of the machine's is asked.
	export GNUPGHOME=$home/none
	unset GPG_TTY
	mkdir -p l/rootfs
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}' > l/manifest
	echo hello > l/rootfs/hello
	echo 'correct horse battery staple' > p
	echo wrong > w
	actool build l a.aci
	id=$(actool id a.aci)
}

teardown() {
	gpgconf --homedir "$home/gnupg" --kill all
	gpgconf --homedir "$home/none" --kill all
	cd /
	! mountpoint -q "$home/disk" || umount "$home/disk"
	rm -rf "$home"
}

# An image whose archive has BYTES and hardly compresses.
big() {
	head -c "$1" /dev/urandom > l/rootfs/data
	actool build --no-compression --overwrite l big.aci
}

left() { find . -maxdepth 1 -name '.tmp-*' -o -maxdepth 1 -name 'out*'; }

@test "gpg decrypts what we encrypt, and nothing is told about it" {
	actool encrypt --passphrase-fd 9 a.aci e.aci 9< p
	[ -z "$(left)" ]
	gpgp --decrypt e.aci | cmp - a.aci
	gpgp --list-packets e.aci > packets 2>&1
	grep -q 'symkey enc packet: version 4, cipher 9, aead 0,s2k 3, hash 10' packets
	grep -q 'count 65011712' packets
	grep -q 'mdc_method: 2' packets
	grep -q 'mode b (62), created 0, name=""' packets
	run ! grep -q compressed packets
	[ "$(stat -c %a e.aci)" = "$(stat -c %a a.aci)" ]
	run -0 actool decrypt --passphrase-fd 9 e.aci d.aci 9< p
	cmp a.aci d.aci
	# Never the same bytes: the salt is new.
	actool encrypt --passphrase-fd 9 a.aci f.aci 9< p
	run ! cmp -s e.aci f.aci
}

@test "what has many parts, or ends with one, is decrypted by gpg and by us" {
	local n
	for n in 0 1 1048569 1048570 1048571 3145728; do
		(printf '\x1f\x8b\x08\0\0\0\0\0\0\3'; head -c "$n" /dev/zero) > x.aci
		actool encrypt --overwrite --passphrase-fd 9 x.aci e.aci 9< p
		gpgp --decrypt e.aci 2> /dev/null | cmp - x.aci
		actool decrypt --overwrite --passphrase-fd 9 e.aci d.aci 9< p
		cmp x.aci d.aci
	done
}

@test "we decrypt what gpg --symmetric encrypts with AES" {
	local o
	big 3000000
	for o in '' '--armor' '--cipher-algo AES128' '--cipher-algo AES192' '--compress-algo none' \
		'--compress-algo zip' '--compress-algo zlib' '--compress-algo bzip2' '--s2k-mode 1' \
		'--s2k-digest-algo SHA256' '--s2k-digest-algo SHA1' '--armor --compress-algo zip -z 9'; do
		# shellcheck disable=SC2086 # options
		gpgp $o -o e.aci --symmetric big.aci
		[ "$(actool id --passphrase-fd 9 e.aci 9< p)" = "$(actool id big.aci)" ] || { echo "$o"; false; }
		# Parts, when it does not know the length.
		# shellcheck disable=SC2086
		gpgp $o --symmetric < big.aci > e.aci
		actool decrypt --overwrite --passphrase-fd 9 e.aci d.aci 9< p || { echo "$o"; false; }
		cmp big.aci d.aci
	done
}

@test "a session key behind the passphrase, and a public key beside it" {
	gpgp --passphrase '' --quick-gen-key 'A <a@localhost>' default default never
	gpgp --trust-model always -r a@localhost --symmetric --encrypt -o e.aci a.aci
	[ "$(actool id --passphrase-fd 9 e.aci 9< p)" = "$id" ]
	run -1 actool id --passphrase-fd 9 e.aci 9< w
	[[ $output == *"passphrase is wrong"* ]]
	gpgp --trust-model always -r a@localhost --encrypt -o e.aci a.aci
	run -1 actool id --passphrase-fd 9 e.aci 9< p
	[[ $output == *"encrypted for public keys"* ]]
}

@test "every command that reads images reads encrypted ones" {
	local c
	actool encrypt --passphrase-fd 9 a.aci e.aci 9< p
	[ "$(actool id --passphrase-fd 9 e.aci 9< p)" = "$id" ]
	[ "$(actool id --passphrase-fd 9 - 9< p < e.aci)" = "$id" ]
	[ "$(actool id - < a.aci)" = "$id" ]
	# The passphrase is one line, what follows is the image.
	[ "$(cat p e.aci | actool id --passphrase-fd 0 -)" = "$id" ]
	[ "$(actool cat-manifest --passphrase-fd 9 e.aci 9< p)" = "$(actool cat-manifest a.aci)" ]
	run -0 actool id --passphrase-fd 9 e.aci a.aci e.aci 9< p
	[ "${#lines[@]}" = 3 ]
	run -0 actool inspect --json --passphrase-fd 9 e.aci 9< p
	[ "$(jq -r '.[0].id' <<< "$output")" = "$id" ]
	run -0 actool diff --passphrase-fd 9 e.aci a.aci 9< p
	actool extract --passphrase-fd 9 e.aci tree 9< p
	diff -r --no-dereference tree/rootfs l/rootfs
	mkdir build
	acbuild --work-path build begin --passphrase-fd 9 ./e.aci 9< p
	[ "$(cat build/.acbuild/currentaci/rootfs/hello)" = hello ]
	acbuild --work-path build end
	acconvert to-oci --passphrase-fd 9 e.aci oci 9< p
	acconvert to-oci a.aci plain
	diff -r oci plain
	# All of them say what is missing, or wrong, and do nothing.
	for c in id cat-manifest inspect; do
		run -1 --separate-stderr actool $c e.aci
		[ -z "$output" ]
		[[ $stderr == *"it is encrypted"*"give --passphrase-fd N"* ]]
		run -1 --separate-stderr actool $c --passphrase-fd 9 e.aci 9< w
		[ -z "$output" ]
		[[ $stderr == *"it is encrypted, and the passphrase is wrong"* ]]
	done
	run -1 acbuild --work-path build begin --passphrase-fd 9 ./e.aci 9< w
	[ ! -e build/.acbuild ]
	run -1 acconvert to-oci --passphrase-fd 9 e.aci oci2 9< w
	[ ! -e oci2 ]
	cp e.aci before.aci
	run -1 actool patch-manifest --replace --name example.com/b e.aci
	[[ $output == *"it is encrypted; 'actool decrypt' it first"* ]]
	run -1 acbuild --modify e.aci set-user 1
	[[ $output == *"it is encrypted; 'actool decrypt' it first"* ]]
	cmp e.aci before.aci
}

@test "the passphrase: one line, not empty, not endless, of an open descriptor" {
	printf 'no newline' > q
	actool encrypt --passphrase-fd 9 a.aci e.aci 9< q
	printf 'no newline\nsecond line\n' > q
	[ "$(actool id --passphrase-fd 9 e.aci 9< q)" = "$id" ]
	printf 'no newline\r\n' > q
	run -1 actool id --passphrase-fd 9 e.aci 9< q
	for q in '' '\n' '\nx\n'; do
		printf '%b' "$q" > q
		run -1 actool encrypt --passphrase-fd 9 a.aci out.aci 9< q
		[[ $output == *"passphrase is empty"* ]]
	done
	head -c 1025 /dev/zero | tr '\0' x > q
	run -1 actool encrypt --passphrase-fd 9 a.aci out.aci 9< q
	[[ $output == *"longer than 1024 bytes"* ]]
	head -c 1024 q > r
	actool encrypt --overwrite --passphrase-fd 9 a.aci e.aci 9< r
	[ "$(actool id --passphrase-fd 9 e.aci 9< r)" = "$id" ]
	gpg --homedir gnupg --batch -q --pinentry-mode loopback --passphrase-fd 9 -d e.aci 9< r 2> /dev/null | cmp - a.aci || :
	run -2 actool encrypt --passphrase-fd 77 a.aci out.aci
	run -2 actool encrypt --passphrase-fd -1 a.aci out.aci
	run -2 actool encrypt --passphrase-fd x a.aci out.aci
	[ -z "$(left)" ]
}

@test "the agent is asked, and forgets what was wrong" {
	local agent=(gpg-connect-agent --homedir gnupg) salt
	actool encrypt --passphrase-fd 9 a.aci e.aci 9< p
	echo allow-preset-passphrase > gnupg/gpg-agent.conf
	printf '#!/bin/sh\nexit 1\n' > pinentry
	chmod +x pinentry
	echo "pinentry-program $PWD/pinentry" >> gnupg/gpg-agent.conf
	"${agent[@]}" /bye
	salt=$(od -An -tx1 -j6 -N8 e.aci | tr -d ' \n' | tr a-f A-F)
	preset() { "${agent[@]}" "PRESET_PASSPHRASE $1 -1 $(tr -d '\n' < "$2" | od -An -tx1 | tr -d ' \n')" /bye; }
	preset "S$salt" p
	GNUPGHOME=$home/gnupg run -0 actool id e.aci
	[ "$output" = "$id" ]
	actool decrypt --homedir gnupg e.aci d.aci
	cmp a.aci d.aci
	# gpg knows it by the same name.
	gpg --homedir gnupg --batch -q -d e.aci 2> /dev/null | cmp - a.aci
	preset "S$salt" w
	GNUPGHOME=$home/gnupg run -1 actool id e.aci
	[[ $output == *"give --passphrase-fd N"* ]]
	run -0 "${agent[@]}" "GET_PASSPHRASE --no-ask S$salt X X X" /bye
	[[ $output == *ERR* ]]
}

# damage AT BYTE: e.aci with another byte there, as x.aci.
damage() {
	cp e.aci x.aci
	# shellcheck disable=SC2059 # an octal escape
	printf "\\$(printf %o $(($2 ^ 1)))" | dd of=x.aci bs=1 seek="$1" conv=notrunc status=none
}

@test "a damaged byte anywhere: nothing is believed" {
	local at size byte
	gpgp --compress-algo none -o e.aci --symmetric a.aci
	size=$(stat -c %s e.aci)
	od -An -v -tu1 -w1 e.aci | tr -d ' ' > bytes
	for ((at = 0; at < size; at++)); do
		read -r byte
		# Every one of what frames it, some of what is in it.
		[ "$at" -lt 60 ] || [ "$at" -ge $((size - 25)) ] || [ $((at % 9)) = 0 ] || continue
		damage "$at" "$byte"
		run --separate-stderr actool id --passphrase-fd 9 x.aci 9< p
		[ "$status" = 1 ] && [ -z "$output" ] || { echo "byte $at: $status $output"; false; }
	done < bytes
	for at in 100 $((size - 1)) $((size - 30)); do
		damage "$at" "$(sed -n "$((at + 1))p" bytes)"
		run -1 --separate-stderr actool cat-manifest --passphrase-fd 9 x.aci 9< p
		[ -z "$output" ]
		run -1 --separate-stderr actool inspect --passphrase-fd 9 x.aci 9< p
		[ -z "$output" ]
		run -1 actool extract --passphrase-fd 9 x.aci out 9< p
		run -1 actool decrypt --passphrase-fd 9 x.aci out.aci 9< p
		[ -z "$(left)" ]
	done
	[[ $output == *damaged* ]]
}

@test "truncated, with something behind it, or twice: refused" {
	local n
	actool encrypt --passphrase-fd 9 a.aci e.aci 9< p
	for n in 0 1 14 15 20 40 60 100 $(($(stat -c %s e.aci) - 1)); do
		head -c "$n" e.aci > x.aci
		run -1 --separate-stderr actool id --passphrase-fd 9 x.aci 9< p
		[ -z "$output" ]
	done
	(cat e.aci; printf x) > x.aci
	run -1 actool id --passphrase-fd 9 x.aci 9< p
	(cat e.aci e.aci) > x.aci
	run -1 actool id --passphrase-fd 9 x.aci 9< p
	[[ $output == *"something follows the encrypted data"* ]]
	gpgp --armor -o e.asc --symmetric a.aci
	(cat e.asc; echo more) > x.aci
	run -1 actool id --passphrase-fd 9 x.aci 9< p
	sed '/END PGP/d' e.asc > x.aci
	run -1 actool id --passphrase-fd 9 x.aci 9< p
	[[ $output == *"ends early"* ]]
	sed 's/$/\r/' e.asc > x.aci
	[ "$(actool id --passphrase-fd 9 x.aci 9< p)" = "$id" ]
}

@test "what no image is encrypted like is refused by name" {
	local skesk='\x8c\x0d\x04\x09\x03\x0aSALTsalt\x10' rest='0123456789012345678901234567890123456789'
	refused() {
		# shellcheck disable=SC2059 # escapes
		printf "$1" > x.aci
		run -1 --separate-stderr actool id --passphrase-fd 9 x.aci 9< p
		[ -z "$output" ]
		[[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; false; }
	}
	refused "$skesk\xc9\x28$rest" 'without integrity protection (MDC)'
	refused "$skesk\xd4\x28$rest" AEAD
	refused "$skesk\xd2\x28\x02$rest" 'SEIPD version 2'
	refused "\xc3\x0d\x05\x09\x03\x0aSALTsalt\x10\xd2\x28\x01$rest" 'SKESK version 5'
	refused "\x8c\x0d\x04\x03\x03\x0aSALTsalt\x10\xd2\x28\x01$rest" 'by CAST5'
	refused "\x8c\x0d\x04\x09\x65\x0aSALTsalt\x10\xd2\x28\x01$rest" 'method 101'
	refused "\xd2\x28\x01$rest" 'nothing in it tells its key'
	refused "\xc1\x05\x03aaaa\xd2\x28\x01$rest" 'encrypted for public keys'
	gpgp -o in.aci --symmetric a.aci
	gpgp -o e.aci --symmetric in.aci
	run -1 actool id --passphrase-fd 9 e.aci 9< p
	gpgp --passphrase '' --quick-gen-key 'A <a@localhost>' ed25519 sign never
	gpgp -o e.aci --symmetric --sign a.aci
	run -1 actool id --passphrase-fd 9 e.aci 9< p
	[[ $output == *"a signature is encrypted with it"* ]]
	gpgp --textmode -o e.aci --symmetric a.aci
	run -1 actool id --passphrase-fd 9 e.aci 9< p
	[[ $output == *"encrypted as text"* ]]
}

@test "decrypt: only what is encrypted, and only an image" {
	run -1 actool decrypt --passphrase-fd 9 a.aci out.aci 9< p
	[[ $output == *"is not encrypted"* ]]
	gpgp -o e.aci --symmetric l/rootfs/hello
	run -1 actool decrypt --passphrase-fd 9 e.aci out.aci 9< p
	[[ $output == *"no image in it"* ]]
	run -1 actool encrypt --passphrase-fd 9 l/rootfs/hello out.aci 9< p
	[[ $output == *"no image in it"* ]]
	gpgp -o e.aci --symmetric a.aci
	run -1 actool encrypt --passphrase-fd 9 e.aci out.aci 9< p
	[[ $output == *"it is encrypted"* ]]
	run -1 actool encrypt --passphrase-fd 9 a.aci out.gpg 9< p
	[[ $output == *"ends in .aci"* ]]
	[ -z "$(left)" ]
	run -2 actool encrypt --passphrase-fd 9 a.aci 9< p
	run -2 actool encrypt --replace --passphrase-fd 9 a.aci out.aci 9< p
	run -1 actool encrypt --passphrase-fd 9 a.aci e.aci 9< p
	[[ $output == *"--overwrite"* ]]
}

@test "--replace keeps mode and owner, and tells of the signature" {
	cp a.aci x.aci
	chmod 640 x.aci
	[ "$(id -u)" != 0 ] || chown 12:34 x.aci
	before=$(stat -c '%a %u %g' x.aci)
	touch x.aci.asc x.aci.sig x.aci.sigstore.json
	run -0 actool encrypt --replace --passphrase-fd 9 x.aci 9< p
	[ "${#lines[@]}" -eq 3 ]
	for end in asc sig sigstore.json; do
		[[ $output == *"warning: 'x.aci.$end' is not a signature of this image any more; sign 'x.aci' again"* ]]
	done
	[ "$(stat -c '%a %u %g' x.aci)" = "$before" ]
	actool decrypt --replace --passphrase-fd 9 x.aci 9< p
	[ "$(stat -c '%a %u %g' x.aci)" = "$before" ]
	cmp a.aci x.aci
	cp x.aci y.aci
	run -1 actool encrypt --replace --passphrase-fd 9 x.aci 9< /dev/null
	cmp x.aci y.aci
}

@test "a full disk leaves nothing, and what was there" {
	needs_root
	big 3000000
	mkdir disk
	mount -t tmpfs -o size=1m tmpfs disk
	echo before > disk/out.aci
	run -1 actool encrypt --overwrite --passphrase-fd 9 big.aci disk/out.aci 9< p
	[[ $output == *"No space left"* ]]
	[ "$(cat disk/out.aci)" = before ]
	actool encrypt --passphrase-fd 9 big.aci e.aci 9< p
	run -1 actool decrypt --overwrite --passphrase-fd 9 e.aci disk/out.aci 9< p
	[[ $output == *"No space left"* ]]
	[ "$(cat disk/out.aci)" = before ]
	[ "$(find disk -type f | wc -l)" = 1 ]
}

@test "ended by a signal, it leaves nothing" {
	local c pid caught rc
	big 300000
	actool encrypt --passphrase-fd 9 big.aci e.aci 9< p
	mkfifo fifo
	for c in encrypt decrypt; do
		actool $c --passphrase-fd 9 fifo out.aci 9< p 3>&- &
		pid=$!
		exec 8> fifo
		head -c 200000 "$([ $c = encrypt ] && echo big.aci || echo e.aci)" >&8
		# It catches TERM, bit 14, and has begun to write.
		for _ in {1..200}; do
			caught=$(awk '$1 == "SigCgt:" { print substr($2, 13, 1) }' /proc/$pid/status)
			[ "$((0x$caught & 4))" = 0 ] || break
			sleep 0.05
		done
		sleep 0.2
		kill -TERM $pid
		rc=0
		wait $pid || rc=$?
		[ "$rc" = 143 ]
		exec 8>&-
		[ -z "$(left)" ]
	done
}

# The largest resident set of a command, in KiB.
peak() {
	local pid max=0 now
	"$@" 3>&- &
	pid=$!
	while now=$(awk '$1 == "VmHWM:" { print $2 }' /proc/$pid/status 2> /dev/null); do
		[ "${now:-0}" -le "$max" ] || max=$now
		[ -n "$now" ] || break
		sleep 0.02
	done
	wait $pid
	echo "$max"
}

@test "memory does not depend on the size" {
	local limit=40960
	# The sanitizers' own memory is not ours.
	! ldd "$(command -v actool)" | grep -q libasan || limit=1000000
	big 150000000
	[ "$(peak actool encrypt --passphrase-fd 9 big.aci e.aci 9< p)" -lt $limit ]
	[ "$(peak actool decrypt --passphrase-fd 9 e.aci d.aci 9< p)" -lt $limit ]
	cmp big.aci d.aci
}
