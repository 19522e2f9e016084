#!/usr/bin/env bats
# acfetch pull: whose signatures, how many, of which kind, and what is asked
# before the image itself.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load keys
load pull

setup_file() {
	make_keys
	cd "$BATS_FILE_TMPDIR" || return
	make_aci a.aci localhost/app 1.0
	echo "$ID" >id
	openssl genpkey -quiet -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$KEYS/p256.key"
	openssl genpkey -quiet -algorithm ed25519 -out "$KEYS/ed25519.key"
	chmod 600 "$KEYS"/*.key
	openssl pkey -in "$KEYS/p256.key" -pubout -out "$KEYS/p256.pub"
	openssl pkey -in "$KEYS/ed25519.key" -pubout -out "$KEYS/ed25519.pub"
}
teardown_file() { end_keys; }

setup() {
	store_setup
	cp "$BATS_FILE_TMPDIR/a.aci" .
	IMAGE=$(cat "$BATS_FILE_TMPDIR/id")
}

teardown() {
	if [ -n "${NGINX_PID-}" ]; then
		stop "$NGINX_PID"
	fi
	if [ -n "${HTTP_PID-}" ]; then
		stop "$HTTP_PID"
	fi
}

af() { acfetch --local-config="$PWD/etc" --system-config="$PWD/sys" "$@"; }

# pin PREFIX FILE...: their keys may sign images at and below PREFIX.
pin() { af trust --skip-fingerprint-review --prefix "$@" >/dev/null 2>&1; }

gpgq() { gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@"; }

# plain NAME: the SHA-256 of a plain key.
plain() { openssl pkey -pubin -in "$KEYS/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }

# bundle NAME FILE: FILE.sigstore.json by a plain key.
bundle() { actool sign --overwrite --key "$KEYS/$1.key" "$2" >/dev/null; }

# by NAME...: a.aci.asc with a signature of each, one block after the other.
by() {
	local name
	: >all
	for name; do
		sign_by "$name" a.aci
		cat a.aci.asc >>all
	done
	mv all a.aci.asc
}

# accepted OPTION...: a.aci comes in.  refused TEXT OPTION...: it does not, for
# that reason, and nothing stays.
accepted() {
	run -0 --separate-stderr pull --full "$@" a.aci
	[ "$output" = "$IMAGE" ] || { echo "printed: $output" && false; }
	rm -rf store.last && mv store store.last
}
refused() {
	run -1 --separate-stderr pull "${@:2}" a.aci
	[ -z "$output" ] || { echo "printed: $output" && false; }
	[[ $stderr == *"$1"* ]] || { echo "said: $stderr" && false; }
	store_empty
}

# Who signed the image that was accepted, as its record has it.
signers() { jq -r '.signers[]' "store.last/images/$IMAGE.json" | sort | tr '\n' ' '; }
sorted() { printf '%s\n' "$@" | sort | tr '\n' ' '; }

# Answer on a terminal: on_tty ANSWER COMMAND
on_tty() { printf '%s\n' "$1" | script -qec "$2" /dev/null; }

# policy DIR PREFIX TEXT: its file.
policy() {
	mkdir -p "$1/trustedkeys/policy.d/$2"
	printf '%s\n' "$3" >"$1/trustedkeys/policy.d/$2/_policy.json"
}

@test "a policy: two keys, one is not enough" {
	pin localhost "$KEYS/alice.asc" "$KEYS/bob.asc"
	by alice
	accepted
	run -0 --separate-stderr af trust --require 2 --prefix localhost/app
	[[ $stderr == *"Images at and below localhost/app need signatures by 2 different keys: policy at \"$PWD/etc/trustedkeys/policy.d/localhost/app/_policy.json\""* ]]
	refused "good signatures by 1 of 2 required keys (policy '$PWD/etc/trustedkeys/policy.d/localhost/app/_policy.json')"
	# The same key twice is one.
	by alice alice
	refused "by 1 of 2 required keys"
	# Two, and one of them not trusted.
	by alice
	cp a.aci old && sign_by old old --faked-system-time 20200101T001000
	cat old.asc >>a.aci.asc
	refused "signatures by untrusted keys: "
	by bob alice
	accepted
	[ "$(signers)" = "$(sorted "$(fingerprint alice)" "$(fingerprint bob)")" ]
	# Known by its own word only: the second one is of other bytes.
	sign_by alice a.aci
	mv a.aci.asc one
	echo >other && sign_by bob other
	cat one other.asc >a.aci.asc
	refused "by 1 of 2 required keys"
	[[ $stderr == *"signature by key $(fingerprint bob): it does not match the content"* ]]
	run -1 actool verify --system-config sys --local-config etc a.aci
	[[ $output == *"by 1 of 2 required keys"* ]]
	accepted --insecure-options=image
}

@test "a policy: two plain keys, whose bundles are in one file" {
	local hint
	pin localhost "$KEYS/p256.pub" && pin localhost "$KEYS/ed25519.pub"
	af trust --require 2 --prefix localhost 2>/dev/null
	bundle p256 a.aci
	refused "by 1 of 2 required keys"
	actool sign --append --key "$KEYS/p256.key" a.aci
	refused "by 1 of 2 required keys"
	actool sign --append --key "$KEYS/ed25519.key" a.aci
	accepted
	[ "$(signers)" = "$(sorted "$(plain p256)" "$(plain ed25519)")" ]
	actool verify --system-config sys --local-config etc a.aci
	hint=$(openssl pkey -pubin -in "$KEYS/ed25519.pub" -outform DER | openssl dgst -sha256 -binary | base64)
	run -0 actool inspect --json a.aci
	[ "$(jq -r '[.. | strings] | map(select(. == $hint)) | length' --arg hint "$hint" <<<"$output")" = 1 ]
	# What it says beforehand is of all lines: of another image, by both.
	echo >other.aci
	bundle p256 other.aci && actool sign --append --key "$KEYS/ed25519.key" other.aci
	mv other.aci.sigstore.json a.aci.sigstore.json
	refused "changed"
}

@test "a policy: a key that must be among them" {
	pin localhost "$KEYS/alice.asc" "$KEYS/bob.asc"
	shown=$(gpg --fingerprint bob@example.com | sed -n 2p)
	af trust --require-key "$shown" --prefix localhost 2>/dev/null
	by alice
	refused "no good signature by the required $(fingerprint bob)"
	by bob
	accepted
	af trust --require 2 --require-key "$(fingerprint bob)" --prefix localhost 2>/dev/null
	refused "by 1 of 2 required keys"
	by alice bob
	accepted
	run -0 actool verify --system-config sys --local-config etc a.aci
	by alice
	run -1 actool verify --system-config sys --local-config etc a.aci
	[[ $output == *"by 1 of 2 required keys; missing that of $(fingerprint bob)"* ]]
	# Whoever is required must be trusted too.
	af trust --require-key "$(fingerprint old)" --prefix localhost 2>/dev/null
	sign_by old a.aci --faked-system-time 20200101T001000
	refused "which is not trusted for localhost/app"
}

@test "a policy: the longest prefix, the last directory; those of others do not count" {
	pin localhost "$KEYS/alice.asc"
	by alice
	af trust --require 3 --prefix localhost/ap 2>/dev/null
	af trust --require 3 --prefix localhost/app/sub 2>/dev/null
	accepted
	af trust --require 3 --root 2>/dev/null
	refused "1 of 3"
	policy sys localhost '{"rktKind":"trustPolicy","rktVersion":"v1","require":2}'
	run -1 --separate-stderr af pull a.aci
	[[ $stderr == *"1 of 2"*"$PWD/sys/trustedkeys"* ]]
	policy etc localhost '{"rktKind":"trustPolicy","rktVersion":"v1","require":1}'
	run -0 af pull a.aci
	policy user localhost/app '{"rktKind":"trustPolicy","rktVersion":"v1","require":4}'
	run -0 af pull a.aci
	run -1 --separate-stderr af --user-config user pull a.aci
	[[ $stderr == *"1 of 4"* ]]
}

@test "a policy that is damaged refuses, and says where" {
	pin localhost "$KEYS/alice.asc"
	by alice
	head='{"rktKind":"trustPolicy","rktVersion":"v1"'
	file=$PWD/etc/trustedkeys/policy.d/localhost/_policy.json
	policy etc localhost "$head,"$'\n''"requires":2}'
	refused "images of 'localhost/app' are refused: policy '$file': line 2: requires: unknown field"
	run -1 actool verify --system-config sys --local-config etc a.aci
	[[ $output == *"policy 'etc/trustedkeys/policy.d/localhost/_policy.json': line 2: requires"* ]]
	policy etc localhost "$head,"$'\n\n''"require":"2"}'
	refused "'$file': line 3: require: "
	policy etc localhost "$head"
	refused "policy '$file': policy: "
	: >"$file"
	refused "policy '$file'"
	rm "$file" && ln -s nowhere "$file"
	refused "policy '$file'"
	rm "$file" && mkfifo "$file"
	refused "policy '$file'"
	run -0 --separate-stderr af trust list --no-legend
	[[ $output == *$'localhost\t'*"(policy)"*bad* ]]
	[[ $stderr == *"images below it are refused"* ]]
	# Other names are none of its business, and without signatures it has none.
	make_aci b.aci example.com/b 1.0
	pin example.com "$KEYS/alice.asc"
	sign_by alice b.aci
	run -0 pull b.aci
	accepted --insecure-options=image
}

@test "trust --require, list and remove" {
	run -0 --separate-stderr af trust --skip-fingerprint-review --require 2 --prefix example.com/a "$KEYS/alice.asc" "$KEYS/p256.pub"
	af trust --require 1 --require-key "$(plain p256)" --require-key "$(fingerprint alice)" --root 2>/dev/null
	run -0 --separate-stderr af trust list --no-legend
	[ "${#lines[@]}" = 4 ]
	[[ $output == *$'example.com/a\t'*"(policy)"*good*"2 signatures"* ]]
	[[ $output == *"(root)"*"(policy)"*good*"2 signatures, among them $(plain p256), $(fingerprint alice)"* ]]
	run -0 --separate-stderr af --json trust list
	[ "$(jq -c '[.[] | select(.policy) | [.prefix, .root, .policy.require, (.policy.keys | length), .state]]' <<<"$output")" = \
		'[[null,true,2,2,"good"],["example.com/a",false,2,0,"good"]]' ]
	for n in 0 -1 101 x 1.5 ''; do
		run -2 --separate-stderr af trust --require "$n" --prefix example.com/b
		[[ $stderr == *"--require is a number from 1 to 100"* ]]
	done
	run -2 af trust --require-key 1234 --prefix example.com/b
	run -2 af trust --require 2
	run -2 af trust --policy --prefix example.com/a
	run -2 af trust remove --policy
	run -2 af trust remove --policy --root 1234
	[ ! -e etc/trustedkeys/policy.d/example.com/b ]
	run -1 --separate-stderr af trust remove --policy --prefix example.com/b
	[[ $stderr == *"there is no policy"* ]]
	policy sys example.com/a '{"rktKind":"trustPolicy","rktVersion":"v1","require":3}'
	run -0 --separate-stderr af trust remove --policy --prefix example.com/a
	[[ $stderr == *"the policy '$PWD/sys/trustedkeys/policy.d/example.com/a/_policy.json' is still there"* ]]
	run -0 af trust remove --policy --root
	run -0 --separate-stderr af trust list --no-legend
	[[ $output == *"3 signatures"* ]]
	[[ $output != *"2 signatures"* ]]
	# The keys are still there.
	[[ $output == *"$(fingerprint alice)"*"$(plain p256)"* ]] || [[ $output == *"$(plain p256)"*"$(fingerprint alice)"* ]]
}

@test "plain keys of every kind, pinned and bundled" {
	local kind
	for kind in p384:ec:ec_paramgen_curve:P-384 p521:ec:ec_paramgen_curve:P-521 rsa:rsa:rsa_keygen_bits:2048; do
		IFS=: read -r name alg option value <<<"$kind"
		openssl genpkey -quiet -algorithm "$alg" -pkeyopt "$option:$value" -out "$KEYS/$name.key"
		chmod 600 "$KEYS/$name.key"
		openssl pkey -in "$KEYS/$name.key" -pubout -out "$KEYS/$name.pub"
	done
	for kind in 'p256 ECDSA P-256' 'p384 ECDSA P-384' 'p521 ECDSA P-521' 'ed25519 Ed25519' 'rsa RSA 2048'; do
		name=${kind%% *} type=${kind#* }
		rm -rf etc
		run -0 --separate-stderr af trust --skip-fingerprint-review --prefix localhost/app "$KEYS/$name.pub"
		[ "$output" = "$type key, its SHA-256 is: $(plain "$name")" ]
		file=etc/trustedkeys/prefix.d/localhost/app/$(plain "$name").pub
		[[ $stderr == *"Added key for prefix \"localhost/app\" at \"$PWD/$file\""* ]]
		[ "$(stat -c %a "$file")" = 644 ]
		run -0 --separate-stderr af trust list --no-legend
		[[ $output == "localhost/app"*"$(plain "$name")"*good*"$type" ]]
		bundle "$name" a.aci
		accepted
		[[ $stderr == *"signature verified: $PWD/$file ($type)"* ]]
		[ "$(signers)" = "$(plain "$name") " ]
		run -0 actool verify --system-config sys --local-config etc a.aci
		# The same image in other bytes.
		cp a.aci good && gzip -dc good | gzip -n1 >a.aci
		refused "a.aci: signature by key $(plain "$name"): "
		[[ $stderr == *": bad signature: "* || $stderr == *"of another file"* ]]
		mv good a.aci
	done
	rm -rf etc
	pin localhost/app "$KEYS/p256.pub"
	refused "is signed by key $(plain rsa), which is not trusted for localhost/app; if you expected the signing key to change, try running: acfetch trust --prefix \"localhost/app\""
}

@test "plain keys that are none" {
	bad() {
		run -1 --separate-stderr af trust --skip-fingerprint-review --prefix localhost "$1"
		[[ $stderr == *"$2"* ]] || { echo "said: $stderr" && false; }
		[ ! -e etc/trustedkeys ]
	}
	bad "$KEYS/p256.key" "it is a private key"
	openssl genpkey -quiet -algorithm rsa -pkeyopt rsa_keygen_bits:1024 | openssl pkey -pubout -out weak
	bad weak "the RSA key has 1024 bits"
	openssl genpkey -quiet -algorithm ec -pkeyopt ec_paramgen_curve:secp256k1 | openssl pkey -pubout -out curve
	bad curve "secp256k1"
	cat "$KEYS/p256.pub" "$KEYS/ed25519.pub" >two
	bad two "more than one PEM block"
	cat "$KEYS/p256.pub" "$KEYS/alice.asc" >both
	bad both "one kind a file"
	printf -- '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' >broken
	bad broken "public key cannot be read"
	# Only the key is kept, not what stands around it.
	{ echo "some text"; cat "$KEYS/p256.pub"; echo "more"; } >around
	pin localhost around
	diff "etc/trustedkeys/prefix.d/localhost/$(plain p256).pub" "$KEYS/p256.pub"
}

@test "a bad file of the keystore keeps no other from being used" {
	pin localhost "$KEYS/p256.pub" "$KEYS/alice.asc"
	d=etc/trustedkeys/prefix.d/localhost
	cp "$KEYS/p256.pub" "$d/$(plain ed25519).pub"
	cp "$KEYS/p256.pub" "$d/$(plain ed25519)"
	cp "$KEYS/p256.pub" "$d/key.pub"
	echo garbage >"$d/$(printf 'b%.0s' $(seq 64)).pub"
	bundle p256 a.aci
	accepted
	[[ $stderr == *"$(plain ed25519).pub' does not hold the one key that its name says"* ]]
	[[ $stderr == *"key.pub' is not named as a fingerprint"* ]]
	[[ $stderr == *"bbbb.pub': it has no key in PEM"* ]]
	bundle ed25519 a.aci
	refused "which is not trusted for localhost/app"
	# Masked as OpenPGP keys are: by an empty file, and by 'trust remove'.
	mkdir -p user/trustedkeys/prefix.d/localhost
	: >"user/trustedkeys/prefix.d/localhost/$(plain p256).pub"
	bundle p256 a.aci
	run -1 --separate-stderr pull --user-config user a.aci
	accepted
	mkdir -p sys && cp -r etc/trustedkeys sys && rm -r etc/trustedkeys
	run -0 --separate-stderr af trust remove --prefix localhost "$(plain p256)"
	[ -e "$d/$(plain p256).pub" ]
	[ ! -s "$d/$(plain p256).pub" ]
	run -1 --separate-stderr af pull a.aci
	[[ $stderr == *"no signature 'a.aci.asc' for 'a.aci'"* ]]
}

@test "both kinds: either will do, a policy may want both" {
	pin localhost "$KEYS/alice.asc" "$KEYS/p256.pub"
	refused "no signature 'a.aci.asc' or 'a.aci.sigstore.json' for 'a.aci'"
	by alice
	accepted
	bundle p256 a.aci
	accepted
	[ "$(signers)" = "$(sorted "$(fingerprint alice)" "$(plain p256)")" ]
	rm a.aci.asc
	accepted
	[ "$(signers)" = "$(plain p256) " ]
	af trust --require 2 --prefix localhost 2>/dev/null
	refused "by 1 of 2 required keys"
	by alice
	accepted
	run -0 actool verify --system-config sys --local-config etc a.aci
	# One that is broken hides no good one, and does not count.
	af trust --require 1 --prefix localhost 2>/dev/null
	echo '{' >a.aci.sigstore.json
	accepted
	[[ $stderr == *"warning: a.aci: "*"it does not count"* ]]
	[ "$(signers)" = "$(fingerprint alice) " ]
	af trust --require 2 --prefix localhost 2>/dev/null
	refused "by 1 of 2 required keys"
	# Bundles are asked for only where such a key is pinned.
	af trust remove "$(plain p256)" 2>/dev/null
	af trust remove --policy --prefix localhost 2>/dev/null
	accepted
	[[ $stderr != *"does not count"* ]]
}

@test "--signature: several files, of any kind" {
	pin localhost "$KEYS/alice.asc" "$KEYS/bob.asc" "$KEYS/p256.pub"
	af trust --require 3 --prefix localhost 2>/dev/null
	by alice && mv a.aci.asc one
	by bob && mv a.aci.asc two
	bundle p256 a.aci && mv a.aci.sigstore.json three
	refused "no signature 'a.aci.asc' or 'a.aci.sigstore.json'"
	refused "2 of 3" --signature one --signature two
	accepted --signature one --signature three --signature two
	openssl dgst -sha256 -sign "$KEYS/p256.key" -out four a.aci
	accepted --signature one --signature two --signature four
	refused "no signature 'none'" --signature one --signature none
	: >empty
	refused "no signature" --signature empty
}

@test "before the image: signatures that cannot be enough end it" {
	start_nginx
	mkdir -p www
	cp a.aci www
	url=https://localhost:$PORT/a.aci
	site() { run "$1" --separate-stderr pull --ca-file=ca.pem --full --no-store "$url"; }
	asked() {
		settle_log
		awk '$7 !~ "ac-discovery=1" { print $7, $9 }' access.log | tr '\n' ';'
		: >access.log
	}
	pin localhost "$KEYS/alice.asc"
	sign_by bob www/a.aci
	site -1
	[[ $stderr == *"which is not trusted; if you expected the signing key to change, try running: acfetch trust --prefix \"NAME\""* ]]
	[ "$(asked)" = "/a.aci.asc 200;" ]
	sign_by alice www/a.aci
	site -0
	[ "$(asked)" = "/a.aci.asc 200;/a.aci 200;" ]
	# A plain key pinned: its bundle is asked for too.
	rm -r etc
	pin localhost "$KEYS/p256.pub"
	bundle ed25519 www/a.aci
	site -1
	[[ $stderr == *"signed by key $(plain ed25519)"* ]]
	[ "$(asked)" = "/a.aci.sigstore.json 200;" ]
	pin localhost "$KEYS/alice.asc" "$KEYS/bob.asc"
	rm www/a.aci.asc
	bundle p256 www/a.aci
	site -0
	[ "$(asked)" = "/a.aci.asc 404;/a.aci.sigstore.json 200;/a.aci 304;" ]
	rm www/a.aci.sigstore.json
	site -1
	[[ $stderr == *"no signature 'https://localhost:$PORT/a.aci.asc' or 'https://localhost:$PORT/a.aci.sigstore.json'"* ]]
	[ "$(asked)" = "/a.aci.asc 404;/a.aci.sigstore.json 404;" ]
	# By discovery, the name and so the policy is known.
	mkdir www/app
	echo "<meta name=ac-discovery content='localhost https://localhost:$PORT/a.{ext}?x=1'>" >www/app/index.html
	sign_by alice www/a.aci
	af trust --require 2 --prefix localhost 2>/dev/null
	run -1 --separate-stderr pull --no-store --ca-file=ca.pem --port="$PORT" localhost/app:1.0
	[[ $stderr == *"1 of 2 required keys"* ]]
	[ "$(asked)" = "/a.aci.asc?x=1 200;/a.aci.sigstore.json?x=1 404;" ]
	bundle p256 www/a.aci
	run -0 --separate-stderr pull --no-store --ca-file=ca.pem --port="$PORT" localhost/app:1.0
	[ "$(asked)" = "/a.aci.asc?x=1 200;/a.aci.sigstore.json?x=1 200;/a.aci?x=1 200;" ]
}

@test "what is here and unchanged needs its signers still" {
	start_nginx
	mkdir -p www
	cp a.aci www
	url=https://localhost:$PORT/a.aci
	site() { run "$1" --separate-stderr pull --ca-file=ca.pem --full --no-store "$url"; }
	last() {
		settle_log
		tail -n 1 access.log | awk '{ print $7, $9 }'
	}
	pin localhost "$KEYS/alice.asc" "$KEYS/bob.asc"
	sign_by alice www/a.aci
	site -0
	[ "$(last)" = "/a.aci 200" ]
	site -0
	[ "$(last)" = "/a.aci 304" ]
	# More are wanted now, and not there.
	af trust --require 2 --prefix localhost 2>/dev/null
	site -1
	[[ $stderr == *"1 of 2 required keys"* ]]
	cp www/a.aci a.aci && by alice bob && cp a.aci.asc www
	site -0
	[ "$(last)" = "/a.aci 200" ]
	site -0
	[ "$(last)" = "/a.aci 304" ]
	# A damaged policy is none.
	policy etc localhost '{'
	site -1
	[[ $stderr == *"images of 'localhost/app' are refused"* ]]
	rm -r etc/trustedkeys
	pin localhost "$KEYS/p256.pub"
	site -1
	[[ $stderr == *"no signature"* ]]
	# Taken unverified, it is not good for those who verify.
	run -0 pull --ca-file=ca.pem --no-store --insecure-options=image "$url"
	[ "$(last)" = "/a.aci 304" ]
	site -1
	[[ $stderr == *"no signature"* ]]
}

@test "a file is what its own manifest says, whatever its name" {
	mkdir -p localhost
	make_aci b.aci example.com/b 1.0
	mv b.aci localhost/app.aci
	pin localhost/app "$KEYS/alice.asc"
	sign_by alice localhost/app.aci
	run -1 --separate-stderr pull localhost/app.aci
	[[ $stderr == *"which is not trusted for example.com/b"* ]]
	by alice
	accepted
	# A key for another prefix is no key for this one, also after the download.
	start_nginx
	cp localhost/app.aci localhost/app.aci.asc www
	run -1 --separate-stderr pull --ca-file=ca.pem "https://localhost:$PORT/app.aci"
	[[ $stderr == *"which is not trusted for example.com/b"* ]]
	store_empty
}

# A site for localhost/app with keys to discover: site_with KEY-URL...
site_with() {
	local key
	mkdir -p www/app
	cp a.aci www
	{
		echo "<meta name=ac-discovery content='localhost https://localhost:$PORT/a.{ext}'>"
		for key; do
			echo "<meta name=ac-discovery-pubkeys content='localhost $key'>"
		done
	} >www/app/index.html
}

@test "no key for a name: those of its site, over https, are offered" {
	start_nginx
	site_with "https://localhost:$PORT/keys/alice.asc" "https://localhost:$PORT/keys/p256.pub"
	mkdir www/keys && cp "$KEYS/alice.asc" "$KEYS/p256.pub" www/keys
	sign_by alice www/a.aci
	get() { run "$1" --separate-stderr af --ca-file=ca.pem pull --no-store --port="$PORT" --full "${@:2}" localhost/app:1.0 </dev/null; }
	# Nobody can be asked.
	get -1
	[[ $stderr == *"no key was added for \"localhost/app\": unable to ask user to review fingerprint due to lack of tty"* ]]
	[[ $stderr == *"which is not trusted for localhost/app; if you expected the signing key to change, try running: acfetch trust --prefix \"localhost/app\""* ]]
	[ ! -e etc/trustedkeys ]
	settle_log
	! grep -q '"GET /a.aci HTTP' access.log || false
	# A person on a terminal.
	run on_tty no "acfetch --local-config=etc --system-config=sys --ca-file=ca.pem pull --port=$PORT --no-store localhost/app:1.0"
	[[ $output == *"Are you sure you want to trust this key (yes/no)?"*"Not trusting"*"which is not trusted for localhost/app"* ]]
	[ ! -e etc/trustedkeys ]
	# For just this name, and only once.
	get -0 --trust-keys-from-https
	[ "$output" = "$IMAGE" ]
	[[ $stderr == *"Trusting \"https://localhost:$PORT/keys/alice.asc\" for prefix \"localhost/app\" without fingerprint review."* ]]
	[ "$(cd etc/trustedkeys && find . -type f | sort | tr '\n' ' ')" = \
		"$(sorted "./prefix.d/localhost/app/$(fingerprint alice)" "./prefix.d/localhost/app/$(plain p256).pub")" ]
	clear_log access.log
	get -0 --trust-keys-from-https
	settle_log
	! grep -q keys/ access.log || false
	# A key of a parent is a key for the name: nobody asks for others.
	rm -r etc/trustedkeys
	pin localhost "$KEYS/bob.asc"
	get -1 --trust-keys-from-https
	[[ $stderr == *"which is not trusted for localhost/app"* ]]
	settle_log
	! grep -q keys/ access.log || false
	# Nor where signatures are not wanted.
	rm -r etc/trustedkeys
	get -0 --insecure-options=image --trust-keys-from-https
	[ ! -e etc/trustedkeys ]
	# Failing to get one is told, and decides nothing.
	rm www/keys/p256.pub
	get -0 --trust-keys-from-https
	[[ $stderr == *"get key 'https://localhost:$PORT/keys/p256.pub': bad HTTP status code: 404; the site's other keys are used"* ]]
	rm -r etc/trustedkeys
	site_with "https://localhost:$PORT/keys/p256.pub" "https://localhost:$PORT/keys/none.asc"
	get -1 --trust-keys-from-https
	[[ $stderr == *"get key 'https://localhost:$PORT/keys/p256.pub': bad HTTP status code: 404"* ]]
	[[ $stderr == *"no key was added for \"localhost/app\": get key 'https://localhost:$PORT/keys/none.asc': bad HTTP status code: 404"* ]]
	[ ! -e etc/trustedkeys ]
	site_with
	get -1 --trust-keys-from-https
	[[ $stderr == *"no key was added for \"localhost/app\": discovery of 'localhost/app' did not find where its keys are"* ]]
}

# plain_http: a server without TLS for the directory www, at $HTTP.
plain_http() {
	acfetch serve www --listen 127.0.0.1:0 >serving 3>&- &
	HTTP_PID=$!
	wait_for 10 test -s serving
	HTTP=$(sed 's/^listening on //' serving)
}

@test "every insecure option reaches what it is for, and no further" {
	start_nginx
	site_with "https://localhost:$PORT/alice.asc"
	cp "$KEYS/alice.asc" www
	sign_by alice www/a.aci
	name() { run "$1" --separate-stderr af pull --port="$PORT" --no-store "${@:2}" localhost/app:1.0 </dev/null; }
	url() { run "$1" --separate-stderr af pull --no-store "${@:2}" "https://localhost:$PORT/a.aci"; }
	local ca=--ca-file=ca.pem
	# none, ondisk, and what is for running: nothing.
	for option in none ondisk capabilities paths seccomp all-run pubkey http http,pubkey; do
		url -1 --insecure-options=$option
		[[ $stderr == *"certificate of 'localhost' is not trusted"* ]]
		url -1 $ca --insecure-options=$option
		[[ $stderr == *"is not trusted; if you expected the signing key"* ]]
		[[ $stderr != *"has been disabled"* ]]
	done
	# image: no signatures; certificates all the same.
	url -0 $ca --insecure-options=image
	[[ $stderr == *"warning: image signature verification has been disabled"* ]]
	[[ $stderr != *"TLS"* ]]
	url -1 --insecure-options=image
	[[ $stderr == *"certificate of 'localhost' is not trusted"* ]]
	# Names and labels all the same.
	run -1 --separate-stderr af pull --port="$PORT" $ca --insecure-options=image localhost/app:2.0
	[[ $stderr == *'requested value for label "version": "2.0" differs from fetched aci label value: "1.0"'* ]]
	run -1 --separate-stderr af pull --port="$PORT" $ca --insecure-options=all localhost/app/sub
	[[ $stderr == *"'localhost/app/sub' was asked for"* ]]
	# tls: no certificates; signatures all the same.
	url -1 --insecure-options=tls
	[[ $stderr == *"warning: TLS verification has been disabled"* ]]
	[[ $stderr == *"is not trusted; if you expected the signing key"* ]]
	# A key that came over such a connection would not be worth much.
	name -1 --insecure-options=tls --trust-keys-from-https
	[[ $stderr == *"no key was added"*"certificate of 'localhost' is not trusted"* ]]
	[ ! -e etc/trustedkeys ]
	# pubkey: with tls, for keys too.
	name -0 --insecure-options=tls,pubkey --trust-keys-from-https
	[ -s "etc/trustedkeys/prefix.d/localhost/app/$(fingerprint alice)" ]
	url -0 --insecure-options=TLS
	rm -r etc/trustedkeys
	for option in all-fetch all image,tls; do
		url -0 --insecure-options=$option
	done
	for option in nonsense image,image 'image,'; do
		run -2 af --insecure-options="$option" pull x.aci
		run -254 acrun --insecure-options="$option" list
	done
	# acrun takes them all, and gives them on.
	for option in none image tls ondisk http pubkey capabilities paths seccomp all-fetch all-run all; do
		run -0 acrun --dir "$PWD/pods" --insecure-options=$option list
	done
}

@test "insecure options: http for images, and with pubkey for keys" {
	mkdir -p www/app
	plain_http
	cp a.aci www
	for name in alice p256; do
		cp "$KEYS/$name".* www
	done
	port=${HTTP##*:}
	{
		echo "<meta name=ac-discovery content='127.0.0.1 $HTTP/a.{ext}'>"
		echo "<meta name=ac-discovery-pubkeys content='127.0.0.1 $HTTP/alice.asc'>"
	} >www/app/index.html
	make_aci www/a.aci 127.0.0.1/app 1.0
	sign_by alice www/a.aci
	name() { run "$1" --separate-stderr af pull --port="$port" --no-store "${@:2}" 127.0.0.1/app:1.0 </dev/null; }
	for option in none image tls pubkey image,tls,pubkey; do
		name -1 --insecure-options=$option
		run -1 --separate-stderr af --insecure-options=$option pull "$HTTP/a.aci"
		[[ $stderr == *"plain http to '127.0.0.1' is not allowed"* ]]
	done
	name -1 --insecure-options=http
	[[ $stderr == *"no key was added for \"127.0.0.1/app\": "* ]]
	[[ $stderr == *"which is not trusted for 127.0.0.1/app"* ]]
	# Keys over http are asked about, whatever is said of those over https.
	name -1 --insecure-options=http,pubkey --trust-keys-from-https
	[[ $stderr == *"unable to ask user to review fingerprint due to lack of tty"* ]]
	[ ! -e etc/trustedkeys ]
	for option in none http pubkey image tls image,tls,http; do
		run -1 --separate-stderr af --insecure-options=$option trust --skip-fingerprint-review --root "$HTTP/alice.asc"
		[[ $stderr == *"--insecure-allow-http required for http URLs"* ]]
	done
	run -0 af --insecure-options=http,pubkey trust --skip-fingerprint-review --prefix 127.0.0.1 "$HTTP/alice.asc"
	run -0 af --insecure-options=all-fetch trust --skip-fingerprint-review --prefix 127.0.0.1 "$HTTP/p256.pub"
	name -0 --insecure-options=http
}

# edit KEY LINE...: gpg's --edit-key, with the answers.
edit() {
	printf '%s\n' "${@:2}" save |
		gpg --quiet --no-tty --pinentry-mode loopback --passphrase '' \
			--expert --command-fd 0 --edit-key "$1@example.com" >/dev/null 2>&1
	gpg --armor --export "$1@example.com" >"$KEYS/$1.asc"
}

# subkey NAME: the fingerprint of its last key.
subkey() { gpg --batch --with-colons -k "$1@example.com" | awk -F: '/^fpr/ { f = $10 } END { print f }'; }

# only NAME: its key and no other is trusted, as it is now.
only() { rm -rf etc && mkdir etc && pin localhost/app "$KEYS/$1.asc"; }

@test "keys of every algorithm of gpg's" {
	# Those of alice (ed25519) and bob (rsa2048) sign everywhere else.
	local n=0
	for alg in rsa4096 dsa2048 nistp256 nistp384 nistp521 brainpoolP256r1; do
		key "pull-$alg" "$alg" never || { echo "# gpg has no $alg" >&3 && continue; }
		only "pull-$alg"
		by "pull-$alg"
		accepted
		[[ $stderr == *"signature verified: pull-$alg <pull-$alg@example.com>"* ]]
		n=$((n + 1))
	done
	[ "$n" -ge 5 ]
	for alg in rsa1024 dsa1024; do
		key "pull-$alg" "$alg" never
		only "pull-$alg"
		sign_by "pull-$alg" a.aci --digest-algo SHA256
		refused "the key is weak"
	done
}

@test "digests of gpg's: SHA-2 and no other" {
	only bob
	for digest in SHA256 SHA384 SHA512 SHA224; do
		sign_by bob a.aci --digest-algo $digest
		accepted
	done
	for digest in MD5 SHA1 RIPEMD160; do
		sign_by bob a.aci --digest-algo $digest --allow-weak-digest-algos --allow-weak-key-signatures
		refused "made with a digest that is weak"
	done
}

@test "subkeys sign for their key; revoked and expired ones do not" {
	key sub ed25519 never
	gpgq --quick-add-key "$(fingerprint sub)" ed25519 sign never
	first=$(subkey sub)
	gpgq --quick-add-key "$(fingerprint sub)" rsa2048 sign 2d
	second=$(subkey sub)
	edit sub
	only sub
	gpgq -u "$first!" --armor --yes -o a.aci.asc --detach-sign a.aci
	accepted
	[ "$(signers)" = "$(fingerprint sub) " ]
	gpgq -u "$second!" --armor --yes -o second --detach-sign a.aci
	accepted --signature second
	# Two subkeys are one key.
	cat second >>a.aci.asc
	af trust --require 2 --prefix localhost/app 2>/dev/null
	refused "1 of 2"
	af trust remove --policy --prefix localhost/app 2>/dev/null
	# A subkey that has expired, at the time of this pull.
	gpgq --faked-system-time 20200101T000000 --quick-gen-key 'aged <aged@example.com>' ed25519 sign never
	gpgq --faked-system-time 20200101T000000 --quick-add-key "$(gpg --with-colons -k aged@example.com | awk -F: '/^fpr/ { print $10; exit }')" ed25519 sign 2d
	gpg --armor --export aged@example.com >"$KEYS/aged.asc"
	gpgq --faked-system-time 20200101T010000 -u "$(subkey aged)!" --armor --yes -o aged --detach-sign a.aci
	only aged
	refused "the key has expired" --signature aged
	sign_by aged a.aci
	# gpg signs by the primary key, which has not.
	accepted
	# Revoked after it was trusted: the new file of the key says so.
	only sub
	edit sub 'key 1' revkey y 0 '' y
	gpgq -u "$second!" --armor --yes -o second --detach-sign a.aci
	only sub
	gpgq -u "$second!" --armor --yes -o second --detach-sign a.aci
	accepted --signature second
}

@test "keys that expired or were revoked, and signatures out of their time" {
	only old
	sign_by old a.aci --faked-system-time 20200101T001000
	refused "the key has expired"
	only alice
	sign_by alice a.aci --faked-system-time 20150101T000000 --ignore-time-conflict
	refused "signature by key"
	sign_by alice a.aci --faked-system-time 20990101T000000
	refused "made in the future"
	key gone ed25519 never
	sign_by gone a.aci
	only gone
	accepted
	sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint gone | tr a-f A-F).rev" | gpgq --import
	gpg --armor --export gone@example.com >"$KEYS/gone.asc"
	only gone
	run -0 --separate-stderr af trust list --no-legend
	[[ $output == *revoked* ]]
	refused "the key was revoked"
	rm -rf etc
	run -0 --separate-stderr af trust --skip-fingerprint-review --root "$KEYS/gone.asc"
	[[ $output == *"This key is revoked: what it signs will be refused."* ]]
}

@test "a key with several user ids, and one that is shown safely" {
	key many ed25519 never
	gpgq --quick-add-uid many@example.com 'Other Name <other@example.com>'
	gpgq --quick-add-uid many@example.com $'Odd \xe2\x80\xae <odd@example.com>'
	gpg --armor --export many@example.com >"$KEYS/many.asc"
	run -0 --separate-stderr af trust --skip-fingerprint-review --prefix localhost "$KEYS/many.asc"
	[[ $output == *"	many <many@example.com>"* ]]
	[[ $output == *"	Other Name <other@example.com>"* ]]
	[[ $output == *"	Odd \\xe2\\x80\\xae <odd@example.com>"* ]]
	sign_by many a.aci
	accepted
	[ "$(af --json trust list 2>/dev/null | jq '.[0].identities | length')" = 3 ]
}

@test "a file system without splice(2): signatures are verified all the same" {
	pin localhost/app "$KEYS/alice.asc"
	# More than is copied at once, and a change in the middle of it.
	mkdir -p d/rootfs
	head -c 100000 /dev/urandom >d/rootfs/x
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/app"}' >d/manifest
	tar -C d -cf big.aci manifest rootfs
	sign_by alice big.aci
	no_splice() {
		"$TOOLDIR/faulty" -c splice -n 1 -a -e EINVAL -o count acfetch --local-config="$PWD/etc" \
			--system-config="$PWD/sys" pull "$1"
	}
	run -0 --separate-stderr no_splice big.aci
	[[ $(cat count) == *splice* ]]
	[[ $stderr == *"signature verified: "* ]]
	rm -rf store
	cp big.aci.asc changed.aci.asc
	cp big.aci changed.aci
	printf x | dd of=changed.aci bs=1 seek=60000 conv=notrunc status=none
	run -1 --separate-stderr no_splice changed.aci
	[[ $(cat count) == *splice* ]]
	store_empty
}
