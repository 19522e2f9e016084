#!/usr/bin/env bats
# actool sign and verify: which keys and signatures count, against gpg.
load helper
load keys

# Set by run --separate-stderr.
: "${stderr=}"

gpgq() { gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@"; }

# edit KEY LINE...: gpg's --edit-key, with the answers.
edit() {
	printf '%s\n' "${@:2}" save |
		gpg --quiet --no-tty --pinentry-mode loopback --passphrase '' \
			--expert --command-fd 0 --edit-key "$1@example.com" >/dev/null 2>&1
	gpg --armor --export "$1@example.com" >"$KEYS/$1.asc"
}

# subkey NAME: the fingerprint of its last key.
subkey() { gpg --batch --with-colons -k "$1@example.com" | awk -F: '/^fpr/ { f = $10 } END { print f }'; }

setup_file() {
	make_keys
	mkdir -p "$BATS_FILE_TMPDIR/l/rootfs"
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/app"}' \
		>"$BATS_FILE_TMPDIR/l/manifest"
	head -c 100000 /dev/urandom >"$BATS_FILE_TMPDIR/l/rootfs/data"
	actool build "$BATS_FILE_TMPDIR/l" "$BATS_FILE_TMPDIR/a.aci"
}
teardown_file() { end_keys; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$BATS_FILE_TMPDIR/a.aci" .
}

# refused TEXT OPTION...: verify says no, with TEXT, and prints nothing.
refused() {
	run -1 --separate-stderr actool verify "${@:2}" a.aci
	[ -z "$output" ] || { echo "printed: $output" && false; }
	[[ $stderr == *"$1"* ]] || { echo "said: $stderr" && false; }
}

@test "every algorithm of gpg's, both ways" {
	local a n=0
	for a in rsa3072 rsa4096 nistp256 nistp384 brainpoolP256r1 dsa2048; do
		key "by-$a" "$a" never 2>/dev/null || { echo "# gpg has no $a" >&3 && continue; }
		actool sign --overwrite --local-user "by-$a@example.com" a.aci
		gpgq --verify a.aci.asc a.aci
		actool verify --key "$KEYS/by-$a.asc" a.aci
		sign_by "by-$a" a.aci
		actool verify --key "$KEYS/by-$a.asc" a.aci
		n=$((n + 1))
	done
	[ "$n" -ge 4 ]
}

@test "weak keys are refused, when signing and when verifying" {
	local a
	for a in rsa1024 dsa1024; do
		key "by-$a" $a never
		sign_by "by-$a" a.aci --digest-algo SHA256
		gpgq --verify a.aci.asc a.aci
		refused "the key is weak" --key "$KEYS/by-$a.asc"
		rm a.aci.asc
		run -1 actool sign --local-user "by-$a@example.com" a.aci
		[[ $output == *"'by-$a@example.com' cannot sign: the key is weak"*"1024 bits"* ]]
		[ ! -e a.aci.asc ]
	done
	# As gpg's default key, too.
	mkdir -m 700 home
	gpgq --export-secret-keys by-rsa1024@example.com | gpg --homedir home --batch --quiet --import
	run -1 actool sign --homedir home a.aci
	gpgconf --homedir home --kill all
	[[ $output == *"would be refused: the key is weak"* ]]
	[ ! -e a.aci.asc ]
}

@test "weak digests are refused; what we sign has a strong one" {
	local d
	for d in MD5 SHA1 RIPEMD160; do
		rm -f a.aci.asc
		sign_by bob a.aci --digest-algo $d --allow-weak-digest-algos || continue
		refused "digest that is weak" --key "$KEYS/bob.asc"
	done
	mkdir -m 700 home
	gpgq --export-secret-keys bob@example.com |
		gpg --homedir home --batch --quiet --import
	printf 'digest-algo SHA1\ntextmode\narmor\npersonal-digest-preferences SHA1\n' >home/gpg.conf
	actool sign --overwrite --homedir home a.aci
	gpgconf --homedir home --kill all
	gpg --list-packets a.aci.asc | grep 'digest algo 10'
	actool verify --key "$KEYS/bob.asc" a.aci
}

@test "k of n: different keys, each once, subkeys with their key" {
	local fpr
	key carol ed25519 never
	key dave ed25519 never
	local ring=(--key "$KEYS/carol.asc" --key "$KEYS/dave.asc" --key "$KEYS/alice.asc")
	# One after the other.
	actool sign --local-user carol@example.com a.aci
	refused "good signatures by 1 of 2 required keys" "${ring[@]}" --require 2
	actool sign --append --local-user dave@example.com a.aci
	gpgq --verify a.aci.asc a.aci
	run -0 --separate-stderr actool verify "${ring[@]}" --require 2 a.aci
	[ "${#lines[@]}" -eq 2 ]
	[[ $output == *"by carol "*"by dave "* ]]
	[ -z "$stderr" ]
	refused "good signatures by 2 of 3 required keys" "${ring[@]}" --require 3
	run -0 --separate-stderr actool verify --key "$KEYS/dave.asc" a.aci
	[[ $stderr == *"the key is not among the trusted ones; it does not count"* ]]
	# Both at once.
	actool sign --overwrite --local-user carol@example.com --local-user dave@example.com a.aci
	[ "$(grep -c BEGIN a.aci.asc)" -eq 1 ]
	gpgq --verify a.aci.asc a.aci
	actool verify "${ring[@]}" --require 2 a.aci
	# Concatenated by hand, and in files of their own.
	sign_by carol a.aci
	cp a.aci.asc one
	sign_by dave a.aci
	cat one >>a.aci.asc
	actool verify "${ring[@]}" --require 2 a.aci
	sign_by dave a.aci
	actool verify "${ring[@]}" --require 2 --signature one --signature a.aci.asc a.aci
	# The same key twice, the same signature twice.
	sign_by carol a.aci --faked-system-time "$(date -d '-1 minute' +%s)" 2>/dev/null ||
		sign_by carol a.aci
	cat one one a.aci.asc >two
	refused "by 1 of 2" "${ring[@]}" --require 2 --signature two
	fpr=$(fingerprint carol)
	gpgq --quick-add-key "$fpr" ed25519 sign never
	gpg --armor --export carol@example.com >"$KEYS/carol.asc"
	actool sign --overwrite --local-user "$fpr!" --local-user "$(subkey carol)!" a.aci
	[ "$(gpg --list-packets a.aci.asc | grep -c '^:signature')" -eq 2 ]
	refused "by 1 of 2" "${ring[@]}" --require 2
	run -0 --separate-stderr actool verify --json "${ring[@]}" a.aci
	[ "$(jq -c '.[0] | [.verified, .required, (.good | length), (.rejected | length)]' <<<"$output")" = '[true,1,2,0]' ]
	[ "$(jq -r '[.[0].good[].key] | unique[]' <<<"$output")" = "$fpr" ]
}

@test "a bad signature hides no good one, wherever it stands" {
	local order
	cp a.aci b.aci
	printf x >>b.aci
	sign_by alice a.aci
	cp a.aci.asc good
	sign_by alice b.aci
	cp b.aci.asc bad
	sign_by bob b.aci
	cp b.aci.asc bad2
	for order in "good bad" "bad good" "bad bad2 good" "bad good bad2"; do
		# shellcheck disable=SC2086 # words
		cat $order >a.aci.asc
		run -0 --separate-stderr actool verify --key "$KEYS/alice.asc" --key "$KEYS/bob.asc" a.aci
		[[ $output == *"good signature by alice "* ]]
		[[ $stderr == *"it does not match the content; it does not count"* ]]
		refused "by 1 of 2" --key "$KEYS/alice.asc" --key "$KEYS/bob.asc" --require 2
	done
	run -0 --separate-stderr actool verify --json --key "$KEYS/alice.asc" --key "$KEYS/bob.asc" a.aci
	[ "$(jq -r '.[0].rejected[].reason' <<<"$output" | sort -u)" = "it does not match the content" ]
	cat bad bad2 >a.aci.asc
	refused "it does not match the content; signature by key" --key "$KEYS/alice.asc" --key "$KEYS/bob.asc"
}

@test "what is no file beside an image is not waited for, and hides no good signature" {
	local thing
	openssl genpkey -algorithm ed25519 -out e.key
	openssl pkey -in e.key -pubout -out e.pub
	chmod 600 e.key
	sign_by alice a.aci
	for thing in 'mkfifo a.aci.sig' 'mkdir a.aci.sig' 'ln -s /dev/zero a.aci.sig' 'truncate -s 1G a.aci.sig'; do
		$thing
		run -0 --separate-stderr timeout -k 1 20 actool verify --key "$KEYS/alice.asc" --key e.pub a.aci
		[[ $output == *"good signature by alice "* ]]
		[[ $stderr == *"a.aci.sig"*"it does not count"* ]]
		refused "by 1 of 2 required keys; " --key "$KEYS/alice.asc" --key e.pub --require 2
		rm -r a.aci.sig
	done
	rm a.aci.asc
	mkfifo a.aci.asc
	run -1 timeout -k 1 20 actool verify --key "$KEYS/alice.asc" a.aci
	[[ $output == *"'a.aci.asc' is not a regular file"* ]]
	run -1 timeout -k 1 20 actool sign --append --local-user alice@example.com a.aci
	[[ $output == *"'a.aci.asc' is not a regular file"* ]]
	run -0 timeout -k 1 20 actool inspect a.aci
	[[ $output == *"'a.aci.asc' is not a regular file"* ]]
}

@test "what is missing for --require is said without loose ends" {
	sign_by alice a.aci
	cat a.aci.asc a.aci.asc >two
	run -1 actool verify --key "$KEYS/alice.asc" --require 2 --signature a.aci.asc --signature two a.aci
	[ "$output" = "actool: a.aci: good signatures by 1 of 2 required keys" ]
	: >a.aci.asc
	run -1 actool verify --key "$KEYS/alice.asc" --require 2 a.aci
	[[ $output == *"good signatures by 0 of 2 required keys; "* ]]
}

@test "raw bytes that begin as another kind of signature does" {
	# Ed25519 signatures are the same each time: these begin with { 0x88 [ 0xc2.
	local n
	cat >odd.key <<-'EOF'
		-----BEGIN PRIVATE KEY-----
		MC4CAQAwBQYDK2VwBCIEIIs8GBcUYRlPzpht8D6uQdPWha5zu83gIvTsv1x15V0z
		-----END PRIVATE KEY-----
	EOF
	chmod 600 odd.key
	openssl pkey -in odd.key -pubout -out odd.pub
	for n in 391 122 62 162; do
		echo $n >n.aci
		actool sign --overwrite --type raw --output n.sig --key odd.key n.aci
		head -c 1 n.sig | LC_ALL=C grep -q $'^[{\x88[\xc2]'
		actool verify --key odd.pub --key "$KEYS/alice.asc" --signature n.sig n.aci
	done
}

@test "a file with keys of two kinds is refused, not half used" {
	openssl genpkey -algorithm ed25519 | openssl pkey -pubout >e.pub
	cat "$KEYS/alice.asc" e.pub >both
	sign_by alice a.aci
	refused "keys in 'both': it has OpenPGP keys and a key in PEM; one kind a file" --key both
	cat e.pub "$KEYS/alice.asc" >both
	refused "one kind a file" --key both
}

@test "expired: key, subkey, signature; from the future; older than its key" {
	sign_by old a.aci --faked-system-time 20200101T001000
	refused "the key has expired" --key "$KEYS/old.asc"
	run -1 actool sign --overwrite --local-user old@example.com a.aci
	[[ $output == *"'old@example.com' cannot sign: the key has expired"* ]]
	sign_by alice a.aci --default-sig-expire seconds=1
	sleep 2.1
	refused "the signature has expired" --key "$KEYS/alice.asc"
	sign_by alice a.aci --faked-system-time 20990101T000000
	refused "made in the future" --key "$KEYS/alice.asc"
	sign_by alice a.aci --faked-system-time 20150101T000000 --ignore-time-conflict
	refused "a.aci: signature by key" --key "$KEYS/alice.asc"
}

@test "revoked: the key, and only a subkey of it" {
	local sub
	key eve ed25519 never
	gpgq --quick-add-key "$(fingerprint eve)" ed25519 sign never
	sub=$(subkey eve)
	gpgq -u "$sub!" --armor -o a.aci.asc --detach-sign a.aci
	gpg --armor --export eve@example.com >"$KEYS/eve.asc"
	run -0 --separate-stderr actool verify --json --key "$KEYS/eve.asc" a.aci
	[ "$(jq -r '.[0].good[0].subkey' <<<"$output")" = "${sub,,}" ]
	edit eve 'key 1' revkey y 0 '' y
	refused "the key was revoked" --key "$KEYS/eve.asc"
	# The primary key still signs.
	actool sign --overwrite --local-user eve@example.com a.aci
	actool verify --key "$KEYS/eve.asc" a.aci
	sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint eve | tr a-f A-F).rev" | gpgq --import
	gpg --armor --export eve@example.com >"$KEYS/eve.asc"
	refused "the key was revoked" --key "$KEYS/eve.asc"
	run -1 actool sign --overwrite --local-user eve@example.com a.aci
	[[ $output == *"cannot sign: the key was revoked"* ]]
}

@test "keys that are not for signing, and subkeys that the key did not get back" {
	key frank ed25519 never
	sign_by frank a.aci
	gpgq --quick-add-key "$(fingerprint frank)" ed25519 auth never
	# A signing subkey without a signature of its own over the key.
	edit frank 'key 1' change-usage S A Q
	gpgq -u "$(subkey frank)!" --armor -o cross --detach-sign a.aci
	refused "cross-certification" --key "$KEYS/frank.asc" --signature cross
	run -1 actool sign --output out --local-user "$(subkey frank)!" a.aci
	[[ $output == *"would be refused"*"cross-certification"* ]]
	[ ! -e out ]
	actool verify --key "$KEYS/frank.asc" a.aci
	edit frank change-usage S Q
	refused "" --key "$KEYS/frank.asc"
	gpgq --quick-gen-key 'Grace <grace@example.com>' ed25519 cert never
	run -1 actool sign --overwrite --local-user grace@example.com a.aci
	[[ $output == *"'grace@example.com' cannot sign: the key is not for signing"* ]]
}

@test "only detached signatures of the file's bytes" {
	gpgq -u alice@example.com --textmode --armor -o text --detach-sign a.aci
	refused "made over text" --key "$KEYS/alice.asc" --signature text
	gpgq -u alice@example.com --armor -o inline --sign a.aci
	refused "not a detached one" --key "$KEYS/alice.asc" --signature inline
	gpgq -u alice@example.com -o inline2 --compress-algo none --sign a.aci
	refused "" --key "$KEYS/alice.asc" --signature inline2
	gpgq -u alice@example.com -o clear --clear-sign "$BATS_FILE_TMPDIR/l/manifest"
	refused "a clear-signed text" --key "$KEYS/alice.asc" --signature clear
	refused "a public key" --key "$KEYS/alice.asc" --signature "$KEYS/alice.asc"
	sign_by alice a.aci
	sed 's/^[A-Za-z0-9]/x/' a.aci.asc >torn
	refused "checksum of its armour" --key "$KEYS/alice.asc" --signature torn
	head -n -1 a.aci.asc >short
	refused "damaged" --key "$KEYS/alice.asc" --signature short
	for _ in {1..40}; do cat a.aci.asc; done >same
	actool verify --key "$KEYS/alice.asc" --signature same a.aci
	gpg --dearmor -o one <a.aci.asc
	for i in {1..40}; do
		cat one
		# Unhashed area and all: another packet each.
		head -c -1 one
		printf %b "\\x$(printf %02x "$i")"
	done >many
	refused "more than 32 signatures" --key "$KEYS/alice.asc" --signature many
}

@test "the keys that acfetch trusts for the image's name" {
	mkdir sys etc user
	local dirs=(--system-config sys --local-config etc)
	sign_by alice a.aci
	refused "no key is trusted for 'example.com/app'; run 'acfetch trust --prefix=example.com/app'" "${dirs[@]}"
	acfetch --local-config etc trust --prefix example.com/other --skip-fingerprint-review "$KEYS/alice.asc"
	refused "no key is trusted for 'example.com/app'" "${dirs[@]}"
	acfetch --local-config etc trust --prefix example.com --skip-fingerprint-review "$KEYS/bob.asc"
	refused "the key is not among the trusted ones" "${dirs[@]}"
	acfetch --local-config etc trust --prefix example.com --skip-fingerprint-review "$KEYS/alice.asc"
	actool verify "${dirs[@]}" a.aci
	actool verify "${dirs[@]}" --trusted --key "$KEYS/bob.asc" a.aci
	# Without --trusted a key file is all there is.
	refused "the key is not among the trusted ones" "${dirs[@]}" --key "$KEYS/bob.asc"
	# The user's directory takes trust back.
	mkdir -p user/trustedkeys/prefix.d/example.com
	: >"user/trustedkeys/prefix.d/example.com/$(fingerprint alice)"
	refused "the key is not among the trusted ones" "${dirs[@]}" --user-config user
	# Each image by its own name.
	mkdir -p l/rootfs
	sed s,example.com/app,example.org/app, "$BATS_FILE_TMPDIR/l/manifest" >l/manifest
	actool build l b.aci
	sign_by alice b.aci
	run -1 --separate-stderr actool verify "${dirs[@]}" a.aci b.aci a.aci
	[ "${#lines[@]}" -eq 2 ]
	[[ $stderr == *"b.aci: no key is trusted for 'example.org/app'"* ]]
}

@test "--json: what was verified, by whom, of which image" {
	sign_by alice a.aci
	printf x >b.aci
	sign_by alice b.aci
	run -1 --separate-stderr actool verify --json --key "$KEYS/alice.asc" a.aci none.aci b.aci
	[ "$(jq -c '[.[] | [.file, .verified, .name]]' <<<"$output")" = \
		'[["a.aci",true,"example.com/app"],["none.aci",false,null],["b.aci",true,null]]' ]
	[ "$(jq -r '.[0].id' <<<"$output")" = "$(actool id a.aci)" ]
	[ "$(jq -r '.[0].good[0] | .kind + " " + .key' <<<"$output")" = "openpgp $(fingerprint alice)" ]
	[[ "$(jq -r '.[1].error' <<<"$output")" == *[Nn]"o such file"* ]]
}

@test "standard input and standard output" {
	actool sign --local-user alice@example.com --output - a.aci >sig
	[ ! -e a.aci.asc ]
	gpgq --verify sig a.aci
	actool verify --key "$KEYS/alice.asc" --signature sig - <a.aci
	# shellcheck disable=SC2002 # a pipe is what is tested
	cat a.aci | actool verify --key "$KEYS/alice.asc" --signature sig -
	# shellcheck disable=SC2002
	cat "$KEYS/alice.asc" | run ! actool verify --key "$KEYS/alice.asc" --signature sig -
	actool sign --local-user alice@example.com --output sig2 - <a.aci
	actool verify --key "$KEYS/alice.asc" --signature sig2 a.aci
	run -2 actool verify --key "$KEYS/alice.asc" -
	run -2 actool sign - <a.aci
	run -2 actool sign --output x a.aci a.aci
	run -2 actool sign --append --overwrite a.aci
	[ ! -e x ]
}

# Has process $1 read a part of the file $2?
being_read() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		[ "$fd" -ef "$2" ] || continue
		! grep -qs "pos:[[:space:]]*[1-9]" "${fd/\/fd\//\/fdinfo\/}" || return 0
	done
	return 1
}

@test "a file that changes while it is signed has no signature" {
	local pid try
	truncate -s 300M big.aci
	# On a busy machine it may end before it was stopped: once more.
	for try in {1..20}; do
		rm -f big.aci.asc
		actool sign --local-user alice@example.com big.aci 2>err & pid=$!
		until being_read $pid big.aci; do
			kill -0 $pid 2>/dev/null || break
			sleep 0.01
		done
		if kill -STOP $pid 2>/dev/null && [ ! -e big.aci.asc ]; then
			printf %s "$try" | dd of=big.aci bs=1 seek=1 conv=notrunc status=none
			kill -CONT $pid
			break
		fi
		kill -CONT $pid 2>/dev/null || true
		wait $pid
	done
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" -eq 1 ]
	[ ! -e big.aci.asc ]
	cat err
	[[ $(<err) == *"big.aci: "* ]]
	[ -z "$(find . -name '*tmp*')" ]
}

@test "--append keeps what is there, and only adds to signatures" {
	echo junk >a.aci.asc
	run -1 actool sign --append --local-user alice@example.com a.aci
	[[ $output == *"the signatures that are there: not an OpenPGP signature"* ]]
	[ "$(<a.aci.asc)" = junk ]
	rm a.aci.asc
	actool sign --append --local-user alice@example.com a.aci
	run -1 actool sign --append --local-user nobody@example.com a.aci
	actool verify --key "$KEYS/alice.asc" a.aci
}

@test "a directory of GnuPG's that is not there, or is empty" {
	run -1 actool sign --homedir none a.aci
	[[ $output == *"'none'"*[Nn]"o such file"* ]]
	mkdir -m 700 empty
	run -1 actool sign --homedir empty a.aci
	gpgconf --homedir empty --kill all
	[[ $output == *"no secret key to sign with"* ]]
	[ ! -e a.aci.asc ]
}
