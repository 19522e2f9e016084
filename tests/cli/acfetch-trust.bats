#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets stderr
load helper
load keys

setup_file() { make_keys; }
teardown_file() { end_keys; }

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# acfetch with the keystore of this test.
af() {
	acfetch --system-config "$PWD/sys" --local-config "$PWD/local" "$@"
}

# pin PREFIX FILE: without a question.
pin() { af trust --skip-fingerprint-review --prefix "$@"; }

# The file of a key: place NAME [CONFIG].
place() {
	echo "${3-local}/trustedkeys/$1/$(fingerprint "$2")"
}

# Answer on a terminal: on_tty ANSWER COMMAND...
on_tty() {
	local answer=$1
	shift
	printf '%s\n' "$answer" | script -qec "$*" /dev/null
}

@test "a key file, for a prefix" {
	run -0 --separate-stderr af trust --skip-fingerprint-review \
		--prefix example.com/app "$KEYS/alice.asc"
	file=$(place prefix.d/example.com/app alice)
	[ "$(stat -c %a "$file")" = 644 ]
	grep -q 'BEGIN PGP PUBLIC KEY BLOCK' "$file"
	[[ $output == "gpg key fingerprint is: "* ]]
	[[ $output == *"	alice <alice@example.com>"* ]]
	shown=$(sed -n 's/^gpg key fingerprint is: //p' <<<"$output")
	[ "$(tr -d ' ' <<<"${shown,,}")" = "$(fingerprint alice)" ]
	[[ $shown =~ ^([0-9A-F]{4}\ ){5}\ ([0-9A-F]{4}\ ){4}[0-9A-F]{4}$ ]]
	[[ $stderr == *'prefix: "example.com/app"'* ]]
	[[ $stderr == *"Trusting \"$KEYS/alice.asc\" for prefix \"example.com/app\" without fingerprint review."* ]]
	[[ $stderr == *"Added key for prefix \"example.com/app\" at \"$PWD/$file\""* ]]
	# Once more: nothing to do.
	run -0 --separate-stderr af trust --prefix example.com/app "$KEYS/alice.asc"
	[[ $stderr == *'already trusted'* ]]
}

@test "a root key, RSA; several keys of one file are kept one by one" {
	cat "$KEYS/alice.asc" "$KEYS/bob.asc" >both.asc
	run -0 --separate-stderr af trust --skip-fingerprint-review --root both.asc
	for name in alice bob; do
		file=$(place root.d $name)
		[ "$(gpg --with-colons --show-keys "$file" | grep -c ^pub)" = 1 ]
	done
	[[ $stderr == *"Added root key at \"$PWD/local/trustedkeys/root.d/"* ]]
	# One block with two keys, and a binary file.
	gpg --export alice@example.com bob@example.com >both.gpg
	run -0 af trust --skip-fingerprint-review --prefix example.com both.gpg
	[ -s "$(place prefix.d/example.com alice)" ]
	[ -s "$(place prefix.d/example.com bob)" ]
}

@test "the user's directory, when there is one" {
	af --user-config "$PWD/user" trust --skip-fingerprint-review \
		--prefix example.com "$KEYS/alice.asc"
	[ -s "$(place prefix.d/example.com alice user)" ]
	[ ! -e local ]
}

@test "no terminal, no trust" {
	run -1 --separate-stderr af trust --prefix example.com "$KEYS/alice.asc" \
		</dev/null
	[[ $stderr == *"unable to ask user to review fingerprint due to lack of tty"* ]]
	[ ! -e local ]
}

@test "the question on a terminal" {
	run -0 on_tty yes "acfetch --local-config local trust --prefix example.com $KEYS/alice.asc"
	[[ $output == *"Are you sure you want to trust this key (yes/no)?"* ]]
	[[ $output == *"after fingerprint review"* ]]
	[ -s "$(place prefix.d/example.com alice)" ]
	run -0 on_tty no "acfetch --local-config local trust --root $KEYS/bob.asc"
	[[ $output == *"Not trusting"* ]]
	[ ! -e "$(place root.d bob)" ]
	run -0 on_tty $'maybe\nyes' "acfetch --local-config local trust --root $KEYS/bob.asc"
	[[ $output == *"Please enter 'yes' or 'no'"* ]]
	[ -s "$(place root.d bob)" ]
}

@test "the command line" {
	run -2 --separate-stderr af trust "$KEYS/alice.asc"
	[[ $stderr == *"implicit unbounded trust"*"--prefix"* ]]
	run -2 af trust
	run -2 af trust --root
	run -2 af trust --root --prefix example.com "$KEYS/alice.asc"
	run -2 --separate-stderr af trust --prefix https://example.com "$KEYS/alice.asc"
	[[ $stderr == *"--prefix must not contain a URL scheme, omit https://"* ]]
	for prefix in ../x example.com/../x Example.com /example.com ''; do
		run -2 af trust --skip-fingerprint-review --prefix "$prefix" "$KEYS/alice.asc"
	done
	run -2 --separate-stderr af trust --root ftp://example.com/key.asc
	[ ! -e local ]
}

@test "what is no key" {
	echo nonsense >bad.asc
	run -1 af trust --skip-fingerprint-review --root bad.asc
	: >empty.asc
	run -1 af trust --skip-fingerprint-review --root empty.asc
	run -1 --separate-stderr af trust --skip-fingerprint-review --root none.asc
	[[ $stderr == *"'none.asc'"* ]]
	gpg --batch --quiet --armor --export-secret-keys alice@example.com >secret.asc
	run af trust --skip-fingerprint-review --root secret.asc
	run ! grep -rq 'PRIVATE KEY' local
	[ ! -e local ] || [ -z "$(find local -name '.tmp*')" ]
}

@test "an expired key is shown as such" {
	run -0 af trust --skip-fingerprint-review --root "$KEYS/old.asc"
	[[ $output == *"This key has expired"* ]]
	run -0 --separate-stderr af trust list --no-legend
	[[ $output == "(root)"*"$(fingerprint old)"*expired*"old <old@example.com>" ]]
}

@test "list and remove" {
	run -0 --separate-stderr af trust list
	[ "$output" = $'PREFIX\tFINGERPRINT\tSTATE\tIDENTITY' ]
	af trust --skip-fingerprint-review --root "$KEYS/alice.asc"
	af trust --skip-fingerprint-review --prefix example.com/a "$KEYS/bob.asc"
	echo damaged >"local/trustedkeys/root.d/$(printf 'a%.0s' $(seq 40))"
	run -0 --separate-stderr af trust list --no-legend
	[ "${#lines[@]}" = 3 ]
	[[ $output == *"(root)"*"$(fingerprint alice)"*good*"alice <alice@example.com>"* ]]
	[[ $output == *"example.com/a"*"$(fingerprint bob)"*good* ]]
	[[ $output == *"aaaaaaaa"*bad* ]]
	[ "$(af --json trust list 2>/dev/null | jq -r '.[] | select(.root | not) | .fingerprint')" = "$(fingerprint bob)" ]

	run -2 af trust remove
	run -2 af trust remove --root
	run -2 af trust remove --root --prefix example.com "$(fingerprint alice)"
	run -1 --separate-stderr af trust remove --root "$(fingerprint bob)"
	[[ $stderr == *"is not trusted as a root key"* ]]
	# As it is shown for review.
	shown=$(gpg --fingerprint alice@example.com | sed -n 2p)
	run -0 af trust remove --root "${shown#"${shown%%[! ]*}"}"
	[ ! -e "$(place root.d alice)" ]
	run -0 af trust remove --prefix example.com/a "$(fingerprint bob)"
	[ ! -e "$(place prefix.d/example.com/a bob)" ]
}

@test "remove: by the beginning of a fingerprint, by prefix, everywhere" {
	local alice bob n
	alice=$(fingerprint alice) bob=$(fingerprint bob)
	everywhere() {
		for p in example.com example.com/a; do
			af trust --skip-fingerprint-review --prefix $p "$KEYS/alice.asc" "$KEYS/bob.asc"
		done >/dev/null 2>&1
		af trust --skip-fingerprint-review --root "$KEYS/alice.asc" >/dev/null 2>&1
	}
	everywhere
	# As long as it needs to be.
	n=1
	while [ "${alice:0:n}" = "${bob:0:n}" ]; do n=$((n + 1)); done
	[ "$n" = 1 ] || run -2 --separate-stderr af trust remove --prefix example.com "${alice:0:1}"
	run -0 --separate-stderr af trust remove --prefix example.com "${alice:0:n}"
	[[ $stderr == *"Removed key $alice of prefix example.com" ]]
	[ ! -e "$(place prefix.d/example.com alice)" ]
	[ -s "$(place prefix.d/example.com bob)" ]
	[ -s "$(place prefix.d/example.com/a alice)" ]
	# All of a prefix, and of no other.
	run -0 af trust remove --prefix example.com
	run -0 af trust list --no-legend
	[ "${#lines[@]}" = 3 ]
	run -1 --separate-stderr af trust remove --prefix example.com
	[[ $stderr == *"a key is not trusted for prefix example.com"* ]]
	# Wherever it is.
	run -0 --separate-stderr af trust remove "${alice^^}"
	[[ $stderr == *"of the root"* ]]
	run -0 af trust list --no-legend
	[ "${#lines[@]}" = 1 ]
	[[ $output != *"$alice"* ]]
	run -1 --separate-stderr af trust remove "$alice"
	[[ $stderr == *"key '$alice' is not trusted at all"* ]]
	for bad in x '' 0x12 "${bob}0000000000000000000000000" 'no key'; do
		run -2 --separate-stderr af trust remove --prefix example.com/a "$bad"
		[[ $stderr == *"is not a fingerprint"* ]]
	done
	# One that is not there keeps those beside it.
	run -1 af trust remove --prefix example.com/a "$bob" "$alice"
	[ -s "$(place prefix.d/example.com/a bob)" ]
	# Two that begin alike are told.
	cp "$(place prefix.d/example.com/a bob)" "local/trustedkeys/root.d/${bob:0:39}$([ "${bob:39}" = 0 ] && echo 1 || echo 0)"
	run -2 --separate-stderr af trust remove "${bob:0:20}"
	[[ $stderr == *"begins more than one fingerprint"*"$bob"* ]]
	run -0 af trust remove --prefix example.com/a "${bob:0:20}"
}

@test "a key of the system is taken back by an empty file" {
	acfetch --local-config "$PWD/sys" trust --skip-fingerprint-review \
		--root "$KEYS/alice.asc"
	run -0 af trust remove --root "$(fingerprint alice)"
	[ -s "$(place root.d alice sys)" ]
	[ -e "$(place root.d alice)" ]
	[ ! -s "$(place root.d alice)" ]
	[ -z "$(af trust list --no-legend)" ]
	# Trusting it again replaces the mask.
	af trust --skip-fingerprint-review --root "$KEYS/alice.asc"
	[ -s "$(place root.d alice)" ]
}

@test "keys over the network: https, http only when allowed" {
	mkdir site
	cp "$KEYS/alice.asc" site/key.asc
	acfetch serve site --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && break || sleep 0.05; done
	url=$(sed 's/^listening on //' out)
	run -1 --separate-stderr af trust --skip-fingerprint-review --root "$url/key.asc"
	[[ $stderr == *"--insecure-allow-http required for http URLs"* ]]
	run -1 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --root "$url/none.asc"
	[[ $stderr == *"bad HTTP status code: 404"* ]]
	run -0 af trust --insecure-allow-http --skip-fingerprint-review --root "$url/key.asc"
	[ -s "$(place root.d alice)" ]
	# https is what --trust-keys-from-https is about.
	run -1 af --trust-keys-from-https trust --insecure-allow-http \
		--prefix example.com "$url/key.asc" </dev/null
}

@test "--trust-keys-from-https, with a certificate" {
	mkdir site
	cp "$KEYS/alice.asc" site/key.asc
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	acfetch serve site --listen 127.0.0.1:0 --tls-cert cert.pem \
		--tls-key key.pem >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && break || sleep 0.05; done
	url=$(sed 's/^listening on //' out)
	run -1 af --trust-keys-from-https trust --root "$url/key.asc" </dev/null
	run -0 af --ca-file cert.pem --trust-keys-from-https trust --root \
		"$url/key.asc" </dev/null
	[ -s "$(place root.d alice)" ]
	run -0 af --insecure-options=tls --trust-keys-from-https trust \
		--prefix example.com "$url/key.asc" </dev/null
	[ -s "$(place prefix.d/example.com alice)" ]
}

@test "keys by discovery" {
	mkdir -p site/app
	cp "$KEYS/alice.asc" "$KEYS/bob.asc" site
	acfetch serve site --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && break || sleep 0.05; done
	url=$(sed 's/^listening on //' out)
	for name in alice bob; do
		echo "<meta name=ac-discovery-pubkeys content='127.0.0.1/app $url/$name.asc'>"
	done >site/app/index.html
	run -0 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --port "${url##*:}" --prefix 127.0.0.1/app/sub
	[ -s "$(place prefix.d/127.0.0.1/app/sub alice)" ]
	[ -s "$(place prefix.d/127.0.0.1/app/sub bob)" ]
	run -1 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --port "${url##*:}" --prefix 127.0.0.1/other
	# A URL with no keys does not keep those of the others out.
	mkdir site/part
	echo garbage >site/garbage.asc
	for at in "$url/none.asc" "$url/garbage.asc" "$url/bob.asc" "http://127.0.0.1:1/a.asc"; do
		echo "<meta name=ac-discovery-pubkeys content='127.0.0.1/part $at'>"
	done >site/part/index.html
	run -0 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --port "${url##*:}" --prefix 127.0.0.1/part
	[ -s "$(place prefix.d/127.0.0.1/part bob)" ]
	[[ $stderr == *"none.asc': bad HTTP status code: 404"* ]]
	[[ $stderr == *"garbage.asc"* ]]
	[[ $stderr == *"key 'http://127.0.0.1:1/a.asc'"*"; the site's other keys are used"* ]]
	sed -i /bob/d site/part/index.html
	run -1 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --port "${url##*:}" --prefix 127.0.0.1/part
	[[ $stderr == *"none.asc': bad HTTP status code: 404"* && $stderr != *"are used"* ]]
	# What the user does not answer ends it.
	run -1 --separate-stderr af trust --insecure-allow-http \
		--port "${url##*:}" --prefix 127.0.0.1/app </dev/null
	[[ $stderr != *"are used"* ]]
	# A site cannot make us read our own files.
	echo "<meta name=ac-discovery-pubkeys content='127.0.0.1/app $KEYS/alice.asc'>" \
		>site/app/index.html
	run -1 --separate-stderr af trust --insecure-allow-http \
		--skip-fingerprint-review --port "${url##*:}" --prefix 127.0.0.1/app
	[ ! -e "$(place prefix.d/127.0.0.1/app alice)" ]
}

@test "no permission: where, and what to do" {
	[ "$(id -u)" != 0 ] || touch local
	[ "$(id -u)" = 0 ] || { mkdir local && chmod 555 local; }
	run -1 --separate-stderr af trust --skip-fingerprint-review --root "$KEYS/alice.asc"
	[[ $stderr == *"$PWD/local"* ]]
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." .
		cp "$KEYS/alice.asc" "$(command -v acfetch)" .
		mkdir -m 755 other
		run -1 --separate-stderr setpriv --reuid=65534 --regid=65534 \
			--clear-groups ./acfetch --local-config "$PWD/other" trust \
			--skip-fingerprint-review --root alice.asc
		[[ $stderr == *"as root, or with a --user-config=DIR of your own"* ]]
	fi
}

@test "a prefix that is too long or too deep is not kept, and hides no other" {
	local deep long=aa
	deep=$(printf 'a/%.0s' {1..64})a
	for _ in {1..12}; do long=$long$long; done
	run -1 --separate-stderr pin "$deep" "$KEYS/alice.asc"
	[[ $stderr == *"65 components and 129 bytes; at most 64 and 1024"* ]]
	run -1 pin "$long" "$KEYS/alice.asc"
	run -1 af trust --require 2 --prefix "$deep"
	[ ! -e local/trustedkeys/prefix.d ] && [ ! -e local/trustedkeys/policy.d ]
	pin "${deep#a/}" "$KEYS/alice.asc"
	pin example.com "$KEYS/alice.asc"
	# Made by hand.
	mkdir -p "local/trustedkeys/prefix.d/$deep" "local/trustedkeys/policy.d/$deep"
	run -0 --separate-stderr af trust list --no-legend
	[ "$(wc -l <<<"$output")" = 2 ]
	[ "$(grep -c 'is nested too deeply; what is in it is not listed' <<<"$stderr")" = 2 ]
	af trust remove "$(fingerprint alice)"
}

@test "what else stands in the keystore: told, and no reason to list nothing" {
	local in=local/trustedkeys/prefix.d/example.com i
	pin example.com "$KEYS/alice.asc"
	mkfifo "$in/$(printf %040d 2)"
	mkdir "$in/$(printf %040d 3)"
	ln -s "$(printf %040d 4)" "$in/$(printf %040d 4)"
	truncate -s 100M "$in/$(printf %040d 5)"
	ln -s /etc/passwd "$in/$(printf %040d 6)"
	head -c 9999 /dev/urandom >"$in/$(printf %064d 7).pub"
	touch "$in"/$'x\e[31m'
	# No image can be called so.
	mkdir local/trustedkeys/prefix.d/UPPER local/trustedkeys/prefix.d/$'esc\e[31m'
	cp "$KEYS/alice.asc" local/trustedkeys/prefix.d/UPPER/"$(fingerprint alice)"
	# Links: out of it, to each other, within.
	ln -s /etc local/trustedkeys/prefix.d/etc.com
	ln -s loop2.com local/trustedkeys/prefix.d/loop1.com
	ln -s loop1.com local/trustedkeys/prefix.d/loop2.com
	ln -s example.com local/trustedkeys/prefix.d/example.org
	ln -s .. "$in/up" && ln -s . "$in/self"
	mkdir local/trustedkeys/policy.d
	ln -s . local/trustedkeys/policy.d/one && ln -s .. local/trustedkeys/policy.d/two
	run -0 --separate-stderr timeout 60 acfetch --system-config sys --local-config local trust list --no-legend
	[[ $output != *$'\e'* && $stderr != *$'\e'* ]]
	[[ $output != *UPPER* && $stderr == *"'UPPER' is no prefix of names"* ]]
	# What counts behind a link is listed.
	grep -q "^example.com .*good" <(expand <<<"$output")
	grep -q "^example.org .*good" <(expand <<<"$output")
	[[ $stderr == *"'example.com/self/self' is a link behind a link; what is there counts, and is not listed"* ]]
	for i in 2 4 5 6; do
		[[ $output != *"$(printf %040d $i)"* && $stderr == *"$(printf %040d $i)"* ]]
	done
	grep -q " $(printf %064d 7) .*bad" <(expand <<<"$output")
	# One file under several names goes once, and that is no error.
	run -0 af trust remove "$(fingerprint alice)"
	[ ! -e "$in/$(fingerprint alice)" ]
	run -0 af trust remove "$(printf %064d 7)"
}

@test "the review: what a key says of itself stands apart, and no long line is a yes" {
	local uid
	key many ed25519 never
	for uid in {1..12}; do
		gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-add-uid many@example.com "Number $uid"
	done
	uid="Wide$(printf '%070d' 0 | tr 0 ' ')gpg key fingerprint is: 0000 0000 <wide@example.com>"
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-add-uid many@example.com "$uid"
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-set-primary-uid many@example.com "$uid"
	gpg --armor --export many@example.com >many.asc
	run -0 --separate-stderr pin example.com many.asc
	[ "$(awk 'length > 79' <<<"$output")" = '' ]
	[ "$(grep -c '^gpg key fingerprint is: ' <<<"$output")" = 1 ]
	[[ $output == *"(4 more user ids)"* ]]
	run -0 on_tty "$(printf '%063dyes\nno' 0)" "acfetch --local-config tty trust --prefix example.com $KEYS/alice.asc"
	[[ $output == *"Please enter 'yes' or 'no'"* ]]
	[ ! -e tty/trustedkeys/prefix.d/example.com/"$(fingerprint alice)" ]
}
