#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets stderr
load helper
load keys
load aci

setup_file() {
	make_keys
	plain_key p256 -algorithm ec -pkeyopt ec_paramgen_curve:P-256
	plain_key ed25519 -algorithm ed25519
}
teardown_file() { end_keys; }

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# signed FILE NAME [VERSION...]: an image and its signature by alice.
signed() {
	make_aci "$@"
	sign_by alice "$1"
}

# plain_key NAME GENPKEY-OPTION...: $KEYS/NAME.key and .pub.
plain_key() {
	openssl genpkey -quiet "${@:2}" -out "$KEYS/$1.key"
	chmod 600 "$KEYS/$1.key"
	openssl pkey -in "$KEYS/$1.key" -pubout -out "$KEYS/$1.pub"
}

# plain NAME: the SHA-256 of a plain key.
plain() { openssl pkey -pubin -in "$KEYS/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }

# bundle NAME FILE: FILE.sigstore.json by a plain key.
bundle() { actool sign --overwrite --key "$KEYS/$1.key" "$2" >/dev/null; }

# Serve the site, and af with a configuration and store of its own.
serve() {
	mkdir -p site
	acfetch serve site --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	wait_for 10 test -s out
	url=$(sed 's/^listening on //' out)
	port=${url##*:}
	export ACUTILS_DIR=$PWD/store
}
af() { acfetch --insecure-options=http,pubkey --system-config /nonexistent --local-config "$PWD/local" "$@"; }

publish() {
	acfetch publish --url https://example.com/images/ --key "$KEYS/alice.asc" "$@"
}

# The content of the page's meta tags called NAME.
tags() {
	sed -n "s/^<meta name=\"$2\" content=\"\(.*\)\">$/\1/p" "$1"
}

@test "an image, its signature, the keys and the pages" {
	signed a.aci example.com/a/b 1.2.3
	run -0 --separate-stderr publish site a.aci
	[ "$output" = example.com/a/b-1.2.3-linux-amd64.aci ]
	[ -z "$stderr" ]
	cmp a.aci site/example.com/a/b-1.2.3-linux-amd64.aci
	cmp a.aci.asc site/example.com/a/b-1.2.3-linux-amd64.aci.asc
	[ "$(stat -c %a site/example.com/a/b-1.2.3-linux-amd64.aci)" = 644 ]
	gpg --show-keys site/pubkeys.gpg | grep -qi "$(fingerprint alice)"
	template='https://example.com/images/{name}-{version}-{os}-{arch}.{ext}'
	[ "$(tags site/index.html ac-discovery)" = "example.com $template" ]
	[ "$(tags site/a/index.html ac-discovery)" = "example.com/a $template" ]
	[ "$(tags site/a/b/index.html ac-discovery)" = "example.com/a/b $template" ]
	[ "$(tags site/a/b/index.html ac-discovery-pubkeys)" = \
		"example.com/a/b https://example.com/images/pubkeys.gpg" ]
	[ -z "$(find site -name '.tmp*')" ]
}

@test "without a version it is the latest" {
	signed a.aci example.com/a
	run -0 publish site a.aci
	[ "$output" = example.com/a-latest-linux-amd64.aci ]
	# Another version does not take its place.
	signed b.aci example.com/a 9.0.0
	publish site b.aci
	cmp a.aci site/example.com/a-latest-linux-amd64.aci
	cmp b.aci site/example.com/a-9.0.0-linux-amd64.aci
}

@test "the newest release is the latest, whatever comes when" {
	latest=site/example.com/a-latest-linux-amd64.aci
	for v in 1.9.0 1.10.0 1.2.0 2.0.0-rc.1; do
		signed "$v.aci" example.com/a $v
		publish site "$v.aci"
	done
	cmp 1.10.0.aci $latest
	cmp 1.10.0.aci.asc $latest.asc
	# Unsigned: the alias loses its signature, too.
	make_aci u.aci example.com/a 1.11.0
	publish --allow-unsigned site u.aci
	cmp u.aci $latest
	[ ! -e $latest.asc ]
	# A file that was removed by hand.
	rm site/example.com/a-1.11.0-linux-amd64.aci
	acfetch publish site
	cmp 1.10.0.aci $latest
	cmp 1.10.0.aci.asc $latest.asc
	# Only pre-releases: the newest of these.
	for v in 1.0.0-rc.2 1.0.0-rc.10 1.0.0-beta; do
		signed "$v.aci" example.com/pre $v
		publish site "$v.aci"
	done
	cmp 1.0.0-rc.10.aci site/example.com/pre-latest-linux-amd64.aci
}

@test "again: images are added, others stay, and nothing changes without need" {
	signed a.aci example.com/a 1.0.0
	signed b.aci example.org/x/b 1.0.0
	publish site a.aci
	before=$(stat -c %i:%Y site/index.html site/a/index.html)
	acfetch publish site
	[ "$before" = "$(stat -c %i:%Y site/index.html site/a/index.html)" ]
	# The URL is known by now.
	acfetch publish site b.aci
	cmp a.aci site/example.com/a-1.0.0-linux-amd64.aci
	cmp b.aci site/example.org/x/b-1.0.0-linux-amd64.aci
	template='https://example.com/images/{name}-{version}-{os}-{arch}.{ext}'
	[ "$(tags site/index.html ac-discovery)" = \
		"example.com $template"$'\n'"example.org $template" ]
	[ "$(tags site/x/index.html ac-discovery)" = "example.org/x $template" ]
	# Another URL changes all pages.
	acfetch publish --url http://localhost:8080 site
	[[ $(tags site/a/index.html ac-discovery) == "example.com/a http://localhost:8080/{name}"* ]]
	[ "$(grep -rl https://example.com site --include=index.html)" = '' ]
}

@test "keys are added to those that are there" {
	signed a.aci example.com/a 1.0.0
	publish site a.aci
	make_aci b.aci example.com/b 1.0.0
	sign_by bob b.aci
	run -1 --separate-stderr acfetch publish site b.aci
	[[ $stderr == *"publish 'b.aci': the site has no such key; add it by --key=FILE"* ]]
	[ ! -e site/example.com/b-1.0.0-linux-amd64.aci ]
	acfetch publish --key "$KEYS/bob.asc" --key "$KEYS/alice.asc" site b.aci
	[ "$(gpg --with-colons --show-keys site/pubkeys.gpg | grep -c ^pub)" = 2 ]
}

@test "a signature there must be, and right" {
	make_aci a.aci example.com/a 1.0.0
	run -1 --separate-stderr publish site a.aci
	[[ $stderr == *"there is no signature 'a.aci.asc'"*"--allow-unsigned"* ]]
	sign_by alice a.aci
	printf x >>a.aci
	run -1 --separate-stderr publish site a.aci
	make_aci a.aci example.com/a 2.0.0
	run -1 --separate-stderr publish site a.aci
	[ -z "$(find site -name '*.aci*')" ]
	sign_by alice a.aci
	mv a.aci.asc elsewhere
	run -1 publish site a.aci
	run -0 publish --signature elsewhere site a.aci
	[ -s site/example.com/a-2.0.0-linux-amd64.aci.asc ]
	run -2 publish --signature elsewhere site a.aci a.aci
	run -1 --separate-stderr publish --signature elsewhere --signature elsewhere site a.aci
	[[ $stderr == *"'elsewhere' and 'elsewhere' are of one kind; put them into one file"* ]]
	run -1 publish --signature none site a.aci
}

@test "without keys a signature is taken as it is, and this is said" {
	signed a.aci example.com/a 1.0.0
	run -0 --separate-stderr acfetch publish --url http://localhost site a.aci
	[[ $stderr == *"its signature was not checked"* ]]
	[ ! -e site/pubkeys.gpg ]
	[ -z "$(tags site/index.html ac-discovery-pubkeys)" ]
}

@test "Sigstore bundles: beside the image and its latest, those of before go" {
	image=site/example.com/a-1.0.0-linux-amd64.aci
	latest=site/example.com/a-latest-linux-amd64.aci
	make_aci a.aci example.com/a 1.0.0
	bundle p256 a.aci
	set -- --url https://example.com --key "$KEYS/p256.pub"
	run -0 --separate-stderr acfetch --json publish "$@" site a.aci
	[ -z "$stderr" ]
	[ "$(jq -c '.[0] | [.signed, .signatures]' <<<"$output")" = '[true,["sigstore"]]' ]
	cmp a.aci.sigstore.json $image.sigstore.json
	cmp a.aci.sigstore.json $latest.sigstore.json
	[ ! -e $image.asc ] && [ ! -e site/pubkeys.gpg ]
	cmp "$KEYS/p256.pub" "site/$(plain p256).pub"
	[ "$(tags site/a/index.html ac-discovery-pubkeys)" = "example.com/a https://example.com/$(plain p256).pub" ]
	# Both kinds; the keys are announced one file each.
	sign_by alice a.aci
	run -1 --separate-stderr acfetch publish site a.aci
	[[ $stderr == *"the site has no key for the OpenPGP signature 'a.aci.asc'; add it by --key=FILE"* ]]
	[ ! -e $image.asc ]
	run -0 --separate-stderr acfetch --json publish --key "$KEYS/alice.asc" --key "$KEYS/ed25519.pub" site a.aci
	[ "$(jq -c '.[0].signatures' <<<"$output")" = '["openpgp","sigstore"]' ]
	cmp a.aci.asc $latest.asc
	[ "$(tags site/a/index.html ac-discovery-pubkeys | cut -d/ -f5)" = \
		"$(echo pubkeys.gpg && printf '%s.pub\n' "$(plain p256)" "$(plain ed25519)" | sort)" ]
	# Chosen by --signature; a bundle that is not published any more is gone.
	acfetch publish --signature a.aci.asc site a.aci
	[ -e $image.asc ] && [ ! -e $image.sigstore.json ] && [ ! -e $latest.sigstore.json ]
	acfetch publish --signature a.aci.sigstore.json --signature a.aci.asc site a.aci
	cmp a.aci.sigstore.json $latest.sigstore.json
	acfetch publish --signature a.aci.sigstore.json site a.aci
	[ ! -e $image.asc ] && [ ! -e $latest.asc ] && [ -e $image.sigstore.json ]
	rm site/example.com/*.aci
	make_aci b.aci example.com/a 2.0.0
	acfetch publish --allow-unsigned site b.aci
	[ ! -e $latest.sigstore.json ]
}

@test "Sigstore bundles: only those that a key of the site made" {
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/a 2.0.0
	set -- --url https://example.com --key "$KEYS/p256.pub"
	bundle ed25519 a.aci
	run -1 --separate-stderr acfetch publish "$@" site a.aci
	[[ $stderr == *"signature 'a.aci.sigstore.json': it is not by any of the keys given, but by the one that it calls"* ]]
	bundle p256 b.aci
	mv b.aci.sigstore.json a.aci.sigstore.json
	run -1 --separate-stderr acfetch publish "$@" site a.aci
	[[ $stderr == *"signature 'a.aci.sigstore.json': bad signature: the file or the signature was changed"* ]]
	for text in '' '{' '[]' '{"mediaType":"\u001b[31m"}'; do
		printf %s "$text" >a.aci.sigstore.json
		run -1 --separate-stderr acfetch publish "$@" site a.aci
		[[ $stderr == *"signature 'a.aci.sigstore.json': "* ]]
		[[ $stderr != *$'\033'* ]]
	done
	# The OpenPGP one is good, and does not hide that.
	sign_by alice a.aci
	run -1 acfetch publish "$@" --key "$KEYS/alice.asc" site a.aci
	actool sign --key "$KEYS/p256.key" --type bare a.aci
	run -1 --separate-stderr acfetch publish "$@" --signature a.aci.sig site a.aci
	[[ $stderr == *"'a.aci.sig' is no OpenPGP signature and no Sigstore bundle"* ]]
	rm a.aci.sigstore.json
	mkdir a.aci.sigstore.json
	run -1 acfetch publish "$@" site a.aci
	rmdir a.aci.sigstore.json
	mkfifo a.aci.sigstore.json
	run -1 timeout 30 acfetch publish "$@" site a.aci
	[ -z "$(find site -name '*.aci*')" ]
	# Keys that are none, or have another's name.
	run -1 acfetch publish --url https://example.com --key "$KEYS/p256.key" site
	cp "$KEYS/ed25519.pub" "site/$(plain p256).pub"
	run -1 --separate-stderr acfetch publish --url https://example.com --allow-unsigned site b.aci
	[[ $stderr == *"'$(plain p256).pub' is not the key that its name says"* ]]
	mkdir other
	run -0 --separate-stderr acfetch publish --url https://example.com --signature a.aci.asc other a.aci
	[[ $stderr == *"its signature was not checked"* ]]
}

@test "plain keys are found and pinned, and their bundles pulled; a policy may want two" {
	make_aci app.aci 127.0.0.1/team/app 1.0.0
	bundle p256 app.aci
	serve
	acfetch publish --url "$url" --key "$KEYS/p256.pub" site app.aci
	id=sha512-$(gunzip <app.aci | sha512sum | cut -d' ' -f1)
	run -1 --separate-stderr af pull --port "$port" 127.0.0.1/team/app
	af trust --port "$port" --prefix 127.0.0.1/team --skip-fingerprint-review
	[ -s "local/trustedkeys/prefix.d/127.0.0.1/team/$(plain p256).pub" ]
	[ "$(af pull --full --port "$port" 127.0.0.1/team/app)" = "$id" ]
	[ "$(jq -r '.signers[]' "store/images/$id.json")" = "$(plain p256)" ]
	# By its own bundle, and none of another image's.
	cp site/127.0.0.1/team/app-1.0.0-linux-amd64.aci.sigstore.json was
	make_aci app.aci 127.0.0.1/team/app 1.1.0
	bundle p256 app.aci
	acfetch publish site app.aci
	cp was site/127.0.0.1/team/app-1.1.0-linux-amd64.aci.sigstore.json
	run -1 --separate-stderr af pull --port "$port" 127.0.0.1/team/app:1.1.0
	[[ $stderr == *"bad signature"* ]]
	# Two keys: with one bundle, and with both in one file.
	af trust --require 2 --prefix 127.0.0.1/team
	af trust --prefix 127.0.0.1/team --skip-fingerprint-review "$KEYS/ed25519.pub"
	acfetch publish --key "$KEYS/ed25519.pub" site app.aci
	run -1 --separate-stderr af pull --port "$port" 127.0.0.1/team/app:1.1.0
	[[ $stderr == *"good signatures by 1 of 2 required keys"* ]]
	actool sign --append --key "$KEYS/ed25519.key" app.aci
	acfetch publish site app.aci
	af pull --port "$port" 127.0.0.1/team/app:1.1.0
}

@test "what is no image, or one that discovery cannot find" {
	echo nonsense >a.aci
	run -1 publish --allow-unsigned site a.aci
	make_aci b.aci example.com/b 1.0.0
	truncate -s -20 b.aci
	run -1 publish --allow-unsigned site b.aci
	for version in ../../../x 'a b' '{os}' 1/2; do
		make_aci c.aci example.com/c "$version"
		run -1 --separate-stderr publish --allow-unsigned site c.aci
		[[ $stderr == *"label version '$version' cannot be part of a file name"* ]]
	done
	mkdir rootfs
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/d"}' >manifest
	tar -cf d.aci manifest rootfs
	run -1 --separate-stderr publish --allow-unsigned site d.aci
	[[ $stderr == *"has no label os"* ]]
	run -1 publish --allow-unsigned site none.aci
	[ -z "$(find . -path './site/*' -name '*.aci*')" ]
	[ -z "$(find site -name '.tmp*')" ]
}

@test "the command line, and other people's pages" {
	signed a.aci example.com/a 1.0.0
	run -2 --separate-stderr acfetch publish site a.aci
	[[ $stderr == *"--url BASE is needed the first time"* ]]
	for url in ftp://x example.com http:// 'https://x/?a' 'https://x/{a}' 'https://x/"'; do
		run -2 acfetch publish --url "$url" site a.aci
	done
	run -2 acfetch publish
	mkdir own
	echo '<html>mine</html>' >own/index.html
	run -1 --separate-stderr publish own a.aci
	[[ $stderr == *"'index.html' was not made by acfetch publish"* ]]
	[ "$(cat own/index.html)" = '<html>mine</html>' ]
	run -1 publish a.aci
	run -1 --separate-stderr publish none/site
	[[ $stderr == *"none/site"* ]]
}

@test "as JSON" {
	signed a.aci example.com/a 1.0.0
	run -0 --separate-stderr acfetch --json publish --url http://localhost \
		--key "$KEYS/alice.asc" site a.aci
	[ "$(jq -r '.[0] | .name, .version, .os, .arch, .url, .signed' <<<"$output" | tr '\n' ' ')" = \
		'example.com/a 1.0.0 linux amd64 http://localhost/example.com/a-1.0.0-linux-amd64.aci true ' ]
}

@test "the published keys and images are found: trust and pull by name" {
	make_aci first.aci 127.0.0.1/team/app 1.0.0
	make_aci app.aci 127.0.0.1/team/app 1.1.0
	sign_by alice first.aci
	sign_by alice app.aci
	# The port is in the URL: serve first, publish then.
	serve
	acfetch publish --url "$url" --key "$KEYS/alice.asc" site first.aci app.aci
	run -1 af pull --port "$port" 127.0.0.1/team/app:1.0.0
	af trust --port "$port" --prefix 127.0.0.1/team --skip-fingerprint-review
	[ -s "local/trustedkeys/prefix.d/127.0.0.1/team/$(fingerprint alice)" ]
	id=$(af pull --full --port "$port" 127.0.0.1/team/app:1.0.0)
	[ "$id" = "sha512-$(gunzip <first.aci | sha512sum | cut -d' ' -f1)" ]
	id=$(af pull --full --pull-policy=update --port "$port" 127.0.0.1/team/app)
	[ "$id" = "sha512-$(gunzip <app.aci | sha512sum | cut -d' ' -f1)" ]
	# A changed byte is refused.
	make_aci app.aci 127.0.0.1/team/app 1.2.0
	sign_by alice app.aci
	acfetch publish site app.aci
	make_aci site/127.0.0.1/team/app-1.2.0-linux-amd64.aci 127.0.0.1/team/app 1.2.0 evil=yes
	run -1 --separate-stderr af pull --port "$port" 127.0.0.1/team/app:1.2.0
	[[ $stderr == *signature* ]]
}

@test "a plain web server is enough" {
	command -v nginx >/dev/null || skip "no nginx"
	port=$(free_port)
	make_aci app.aci 127.0.0.1/team/app 1.0.0
	sign_by alice app.aci
	acfetch publish --url "http://127.0.0.1:$port" --key "$KEYS/alice.asc" site app.aci
	chmod 755 . site
	cat >nginx.conf <<-EOF
		daemon off;
		pid $PWD/nginx.pid;
		events {}
		http {
			client_body_temp_path $PWD/t1;
			proxy_temp_path $PWD/t2;
			fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4;
			scgi_temp_path $PWD/t5;
			access_log off;
			server {
				listen 127.0.0.1:$port;
				root $PWD/site;
			}
		}
	EOF
	[ "$(id -u)" != 0 ] || sed -i '1i user root;' nginx.conf
	nginx -e stderr -c "$PWD/nginx.conf" 3>&- &
	server=$!
	for _ in $(seq 100); do
		curl -s "http://127.0.0.1:$port/" >/dev/null && break || sleep 0.05
	done
	export ACUTILS_DIR=$PWD/store
	set -- acfetch --insecure-options=http,pubkey --local-config "$PWD/local"
	"$@" trust --port "$port" --prefix 127.0.0.1/team/app --skip-fingerprint-review
	run -0 --separate-stderr "$@" pull --full --port "$port" 127.0.0.1/team/app
	[ "$output" = "sha512-$(gunzip <app.aci | sha512sum | cut -d' ' -f1)" ]
	# A bundle by a plain key too.
	make_aci app.aci 127.0.0.1/team/app 2.0.0
	rm app.aci.asc
	bundle p256 app.aci
	acfetch publish --key "$KEYS/p256.pub" site app.aci
	"$@" trust --prefix 127.0.0.1/team/app --skip-fingerprint-review "$KEYS/p256.pub"
	run -0 --separate-stderr "$@" pull --full --port "$port" 127.0.0.1/team/app:2.0.0
	[ "$output" = "sha512-$(gunzip <app.aci | sha512sum | cut -d' ' -f1)" ]
}

@test "an image of the store, with the signature it came with" {
	signed a.aci example.com/a 1.0.0
	export ACUTILS_DIR=$PWD/store
	acfetch --insecure-options=image pull ./a.aci
	run -1 publish site example.com/a
	publish --signature a.aci.asc site example.com/a:1.0.0
	cmp a.aci site/example.com/a-1.0.0-linux-amd64.aci
	cmp a.aci.asc site/example.com/a-1.0.0-linux-amd64.aci.asc
}
