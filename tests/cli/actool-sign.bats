#!/usr/bin/env bats
# actool sign and verify, against gpg.
load helper

gpgq() { gpg --batch --quiet --no-tty --pinentry-mode loopback "$@"; }

# A key in a home of its own: newkey NAME ALGO EXPIRY [PASSPHRASE].
newkey() {
	mkdir -m 700 "gnupg-$1"
	gpgq --homedir "gnupg-$1" --passphrase "${4-}" \
		--quick-gen-key "$1 <$1@localhost>" "$2" sign "$3"
	gpgq --homedir "gnupg-$1" --armor --export > "$1.asc"
}

setup() {
	# gpg-agent's socket needs a short path.
	home=$(mktemp -d /tmp/ac-sign.XXXXXX)
	cd "$home" || return
	mkdir -p l/rootfs
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}' > l/manifest
	head -c 3000000 /dev/urandom > l/rootfs/data
	actool build l a.aci
}

teardown() {
	local h
	for h in "$home"/gnupg-*; do
		[ ! -d "$h" ] || gpgconf --homedir "$h" --kill all
	done
	cd /
	rm -rf "$home"
}

@test "gpg verifies what we sign: Ed25519 and RSA" {
	local k
	newkey ed ed25519 never
	newkey rsa rsa2048 never
	for k in ed rsa; do
		actool sign --homedir gnupg-$k --overwrite a.aci
		head -n 1 a.aci.asc | grep -qx -- '-----BEGIN PGP SIGNATURE-----'
		gpgq --homedir gnupg-$k --verify a.aci.asc a.aci
		actool verify --key $k.asc a.aci
		run -1 gpgq --homedir gnupg-$k --verify a.aci.asc l/manifest
	done
}

@test "we verify what gpg signs, armoured and binary, by a subkey too" {
	newkey ed ed25519 never
	fpr=$(gpgq --homedir gnupg-ed --with-colons -k | awk -F: '/^fpr/ { print $10; exit }')
	gpgq --homedir gnupg-ed --armor -o a.aci.asc --detach-sign a.aci
	run -0 actool verify --key ed.asc a.aci
	[ "$output" = "a.aci: good signature by ed <ed@localhost>, key ${fpr,,}" ]
	gpgq --homedir gnupg-ed -o binary.sig --detach-sign a.aci
	actool verify --key ed.asc --signature binary.sig a.aci
	gpgq --homedir gnupg-ed --passphrase '' --quick-add-key "$fpr" rsa2048 sign never
	gpgq --homedir gnupg-ed --export > both.gpg
	sub=$(gpgq --homedir gnupg-ed --with-colons -k | awk -F: '/^fpr/ { print $10 }' | tail -n 1)
	gpgq --homedir gnupg-ed --armor --yes -u "$sub!" -o a.aci.asc --detach-sign a.aci
	run -0 --separate-stderr actool verify --json --key both.gpg a.aci
	[ "$(jq -r '.[0].good[0] | .key + " " + .subkey' <<< "$output")" = "${fpr,,} ${sub,,}" ]
	[ "$(date -d "$(jq -r '.[0].good[0].created' <<< "$output")" +%s)" -ge $(($(date +%s) - 60)) ]
	# The key without that subkey is not the one.
	run -1 actool verify --key ed.asc a.aci
}

@test "a changed byte is refused, wherever it is" {
	local at
	newkey ed ed25519 never
	actool sign --homedir gnupg-ed a.aci
	for at in 0 1000 2999999; do
		cp a.aci b.aci
		cp a.aci.asc b.aci.asc
		printf '\x5a' | dd of=b.aci bs=1 seek=$at conv=notrunc status=none
		cmp -s a.aci b.aci && continue
		run -1 --separate-stderr actool verify --key ed.asc b.aci
		[ -z "$output" ]
		# shellcheck disable=SC2154 # bats sets it
		[[ $stderr == *"b.aci: "* ]]
	done
	printf x >> a.aci
	run -1 actool verify --key ed.asc a.aci
}

@test "another key is not the key" {
	newkey ed ed25519 never
	newkey other ed25519 never
	actool sign --homedir gnupg-ed a.aci
	run -1 --separate-stderr actool verify --key other.asc a.aci
	[ -z "$output" ]
	[[ $stderr == *"a.aci: "*key* ]]
	# One of several will do.
	actool verify --key other.asc --key ed.asc a.aci
	cat other.asc ed.asc > both
	actool verify --keyring both a.aci
}

@test "the user's own keyring has no say" {
	newkey ed ed25519 never
	newkey other ed25519 never
	actool sign --homedir gnupg-ed a.aci
	run -1 env GNUPGHOME="$PWD/gnupg-ed" actool verify --key other.asc a.aci
	mkdir none
	run -1 env GNUPGHOME="$PWD/gnupg-ed" actool verify --system-config none --local-config none a.aci
	[[ $output == *"no key is trusted for 'example.com/a'"*"--key"* ]]
}

@test "GnuPG's keybox is a keyring" {
	newkey ed ed25519 never
	actool sign --homedir gnupg-ed a.aci
	actool verify --keyring gnupg-ed/pubring.kbx a.aci
	cp gnupg-ed/pubring.kbx ring.kbx
	actool verify --keyring ring.kbx a.aci
}

@test "an expired key and a revoked one are refused, with the reason" {
	newkey ed ed25519 never
	actool sign --homedir gnupg-ed a.aci
	actool verify --key ed.asc a.aci
	gpgq --homedir gnupg-ed --quick-set-expire "$(gpg --homedir gnupg-ed -K --with-colons | awk -F: '$1 == "fpr" { print $10; exit }')" seconds=1
	expired() { gpg --homedir gnupg-ed -k --with-colons | grep -q '^pub:e'; }
	wait_for 60 expired
	gpgq --homedir gnupg-ed --armor --export > ed.asc
	run -1 actool verify --key ed.asc a.aci
	[[ $output == *expired* ]]
	newkey rev ed25519 never
	actool sign --homedir gnupg-rev --overwrite a.aci
	sed 's/^:---/---/' gnupg-rev/openpgp-revocs.d/*.rev | gpgq --homedir gnupg-rev --import
	gpgq --homedir gnupg-rev --armor --export > rev.asc
	run -1 actool verify --key rev.asc a.aci
	[[ $output == *revoked* ]]
}

@test "SHA-1 is no signature" {
	newkey rsa rsa2048 never
	gpgq --homedir gnupg-rsa --digest-algo SHA1 --armor -o a.aci.asc --detach-sign a.aci
	run -1 actool verify --key rsa.asc a.aci
	gpgq --homedir gnupg-rsa --digest-algo SHA512 --yes --armor -o a.aci.asc --detach-sign a.aci
	actool verify --key rsa.asc a.aci
}

@test "several files; what fails is told and the others are done" {
	newkey ed ed25519 never
	cp a.aci b.aci
	run -1 actool sign --homedir gnupg-ed a.aci none.aci b.aci c.tar
	[[ $output == *"none.aci: "* ]]
	[[ $output == *"c.tar: the name of an image ends in .aci"* ]]
	[ ! -e none.aci.asc ]
	actool verify --key ed.asc a.aci b.aci
	printf x >> b.aci
	rm a.aci.asc
	cp b.aci.asc c.aci.asc
	cp b.aci c.aci
	head -c -1 c.aci > d.aci
	cp c.aci.asc d.aci.asc
	run -1 --separate-stderr actool verify --json --key ed.asc a.aci b.aci d.aci
	[ "$(jq -c '[.[] | [.file, .verified]]' <<< "$output")" = '[["a.aci",false],["b.aci",false],["d.aci",true]]' ]
	[[ "$(jq -r '.[0].error' <<< "$output")" == *"no signature"* ]]
}

@test "sign: which key, whose passphrase, and what is there already" {
	newkey ed ed25519 never secret
	gpgq --homedir gnupg-ed --passphrase '' --quick-gen-key 'Second <second@localhost>' ed25519 sign never
	gpgq --homedir gnupg-ed --armor --export second@localhost > second.asc
	gpgconf --homedir gnupg-ed --kill all
	run -1 actool sign --homedir gnupg-ed --local-user nobody@localhost a.aci
	[ ! -e a.aci.asc ]
	actool sign --homedir gnupg-ed --local-user second@localhost a.aci
	actool verify --key second.asc a.aci
	run -1 actool sign --homedir gnupg-ed --local-user second@localhost a.aci
	[[ $output == *"a.aci.asc"*"--overwrite"* ]]
	actool verify --key second.asc a.aci
	actool sign --homedir gnupg-ed --local-user ed@localhost --passphrase-fd 7 --overwrite a.aci 7<<< secret
	actool verify --key ed.asc a.aci
	gpgconf --homedir gnupg-ed --kill all
	run -1 actool sign --homedir gnupg-ed --local-user ed@localhost --passphrase-fd 7 --overwrite a.aci 7<<< wrong
	actool verify --key ed.asc a.aci
	run -2 actool sign --passphrase-fd 99 a.aci
}

@test "garbage for keys and signatures has a message" {
	newkey ed ed25519 never
	echo garbage > g
	cp g a.aci.asc
	run -1 actool verify --key ed.asc a.aci
	: > a.aci.asc
	run -1 actool verify --key ed.asc a.aci
	rm a.aci.asc
	actool sign --homedir gnupg-ed a.aci
	run -1 actool verify --key g a.aci
	[[ $output == *"keys in 'g'"* ]]
	run -1 actool verify --key none a.aci
	run -1 actool verify --key gnupg-ed a.aci
	run -2 actool verify --key ed.asc --signature a.aci.asc a.aci a.aci
}

@test "a full disk leaves no half signature" {
	needs_root
	newkey ed ed25519 never
	mkdir disk
	mount -t tmpfs -o size=16k,nr_inodes=16 tmpfs disk
	head -c 10000 /dev/urandom > disk/a.aci
	head -c 100000 /dev/zero > disk/fill 2> /dev/null || :
	run actool sign --homedir gnupg-ed disk/a.aci
	rc=$status
	left=$(ls -A disk)
	umount disk
	[ "$rc" -eq 1 ]
	[ "$left" = "$(printf 'a.aci\nfill')" ]
}

@test "nothing of a verification stays: no keyring, no agent" {
	newkey ed ed25519 never
	actool sign --homedir gnupg-ed a.aci
	mkdir tmp
	TMPDIR=$PWD/tmp actool verify --key ed.asc a.aci
	[ -z "$(ls -A tmp)" ]
	# Nor of one that was told to end, while gpg is at it.
	truncate -s 4G big.aci
	cp a.aci.asc big.aci.asc
	TMPDIR=$PWD/tmp actool verify --key ed.asc big.aci & pid=$!
	wait_for 20 pgrep -P "$pid" -x gpg
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	[ "$rc" -eq 143 ]
	[ -z "$(ls -A tmp)" ]
	gpgconf --homedir gnupg-ed --kill all
	for _ in {1..200}; do # it takes its time
		pgrep -f "gpg-agent.*$home" >/dev/null || break
		sleep 0.05
	done
	run ! pgrep -af "gpg-agent.*$home"
}
