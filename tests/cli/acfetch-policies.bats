#!/usr/bin/env bats
# acfetch pull: which policy asks whom, for each kind of reference.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup() { store_setup; }

teardown() {
	[ -z "${BAD_PID-}" ] || stop "$BAD_PID"
	[ -z "${NGINX_PID-}" ] || stop "$NGINX_PID"
}

get() { pull --insecure-options=image,http ${PORT:+--ca-file=ca.pem --port="$PORT"} --full "$@"; }

# A site with localhost/app in version $1, which $ID is.
site() {
	mkdir -p www
	make_aci www/app.aci localhost/app "$1"
	echo "<meta name=ac-discovery content=\"localhost https://localhost:$PORT/{name}.{ext}\">" >www/index.html
	mkdir -p www/localhost
	cp www/app.aci www/localhost/app.aci
	# nginx knows files by their time, in seconds, and size.
	touch -d "2020-01-0$1" www/app.aci www/localhost/app.aci
}

asked() {
	[ "$1" != access.log ] || settle_log
	grep -c GET "$1" || :
}

# What was asked until now.
forget() {
	asked "$1" >/dev/null
	: >"$1"
}

# policies REFERENCE LOG CHANGE: nothing is here; then an image; then CHANGE
# puts another one where it comes from.
policies() {
	local one other
	forget "$2"
	run -1 --separate-stderr get --pull-policy=never "$1"
	[[ $stderr == *"not in the store"* ]]
	run -1 --separate-stderr get --store-only "$1"
	[ "$(asked "$2")" = 0 ]
	run -0 --separate-stderr get --pull-policy=new "$1"
	one=$output
	[ "$(asked "$2")" -gt 0 ]
	$3
	forget "$2"
	# The store's, and nobody is asked: never, new and the default.
	for p in --pull-policy=never --store-only --pull-policy=new --full; do
		run -0 --separate-stderr get "$p" "$1"
		[ "$output" = "$one" ]
	done
	[ "$(asked "$2")" = 0 ]
	run -0 --separate-stderr get --pull-policy=update "$1"
	other=$output
	[ "$other" != "$one" ]
	[ "$(asked "$2")" -gt 0 ]
	forget "$2"
	run -0 --separate-stderr get --no-store "$1"
	[ "$output" = "$other" ]
	# What came last has the reference now.
	run -0 --separate-stderr get --store-only "$1"
	[ "$output" = "$other" ]
	[ "$(find store/images -name '*.json' | wc -l)" = 2 ]
}

@test "a name" {
	start_nginx
	site 1
	policies localhost/app access.log "site 2"
	# A version that the store has not is fetched by new, and not by never.
	run -1 get --store-only localhost/app:3
	site 3
	run -0 get localhost/app:3
}

@test "a URL" {
	start_nginx
	site 1
	policies "https://localhost:$PORT/app.aci" access.log "site 2"
	# Another URL of the same image is another reference.
	cp www/app.aci www/same.aci
	run -1 get --store-only "https://localhost:$PORT/same.aci"
	run -0 get "https://localhost:$PORT/same.aci"
	run -0 get --store-only "https://localhost:$PORT/same.aci"
	# What a query may hide is not kept, and so not found again.
	run -0 get "https://localhost:$PORT/app.aci?token=secret"
	run -1 get --store-only "https://localhost:$PORT/app.aci?token=secret"
	run ! grep -rq secret store
}

other_image() {
	stop "$BAD_PID"
	make_oci 2000
	for rule in 'GET /v2/app/manifests/latest' 'GET /v2/app/manifests/1.0'; do
		printf '%s\nheader Content-Type: application/vnd.oci.image.manifest.v1+json\nfile manifest.json\n' "$rule"
	done >rules
	registry <rules
	# The port is another one, the image's name must not be.
	sed -i "s|127.0.0.1:[0-9]*/app|$A/app|g" store/images/*.json
	ref=docker://$A/app
}

@test "docker://" {
	make_oci 1000
	registry </dev/null
	run -1 --separate-stderr get --store-only "docker://$A/app"
	[[ $stderr == *"not in the store"* ]]
	[ "$(asked log)" = 0 ]
	run -0 --separate-stderr get "docker://$A/app"
	one=$output
	other_image
	for p in --pull-policy=never --store-only --pull-policy=new --full; do
		for same in "$ref" "$ref:latest" "docker:$A/app"; do
			run -0 --separate-stderr get "$p" "$same"
			[ "$output" = "$one" ]
		done
	done
	[ "$(asked log)" = 0 ]
	run -1 get --store-only "$ref:1.0"
	run -0 --separate-stderr get --pull-policy=update "$ref"
	[ "$output" != "$one" ]
	other=$output
	# By its digest the image is there, without asking; the tag 1.0 is not.
	: >log
	run -0 --separate-stderr get "$ref@$MANIFEST"
	[ "$output" = "$other" ]
	[ "$(asked log)" = 0 ]
	run -0 --separate-stderr get "$ref:1.0"
	[ "$output" = "$other" ]
	# The same again: only the manifest is asked for.
	: >log
	run -0 --separate-stderr get --no-store "$ref:1.0"
	[ "$(asked log)" = 1 ]
}

@test "a file is always read" {
	make_aci app.aci example.com/app 1
	one=$ID
	for p in --pull-policy=never --store-only --pull-policy=new --pull-policy=update --no-store --full; do
		run -0 --separate-stderr get "$p" ./app.aci
		[ "$output" = "$one" ]
	done
	make_aci app.aci example.com/app 2
	for ref in ./app.aci app.aci "$PWD/app.aci" "file://$PWD/app.aci" "file:app.aci"; do
		run -0 --separate-stderr get --store-only "$ref"
		[ "$output" = "$ID" ]
	done
}

@test "an id is of the store, by every policy" {
	make_aci app.aci example.com/app 1
	run -0 get app.aci
	for p in --pull-policy=never --store-only --pull-policy=new --pull-policy=update --no-store; do
		run -0 --separate-stderr get "$p" "${ID:0:30}"
		[ "$output" = "$ID" ]
		run -1 --separate-stderr get "$p" "sha512-$(printf '0%.0s' {1..64})"
		[[ $stderr == *"an id alone cannot be fetched"* ]]
	done
}

@test "--signature, for a file, a URL and a name" {
	start_nginx
	site 1
	make_key gnupg signer
	trust gnupg localhost
	sign gnupg www/app.aci
	drop_key gnupg
	mv www/app.aci.asc elsewhere.asc
	cp elsewhere.asc www/elsewhere.asc
	signed() { pull --ca-file=ca.pem --port="$PORT" --no-store --full "$@"; }
	for ref in www/app.aci "https://localhost:$PORT/app.aci" localhost/app:1; do
		run -1 --separate-stderr signed "$ref"
		[[ $stderr == *"no signature"* ]]
		for s in elsewhere.asc "https://localhost:$PORT/elsewhere.asc"; do
			run -0 --separate-stderr signed --signature="$s" "$ref"
			[ "$output" = "$ID" ]
		done
		run -1 --separate-stderr signed --signature=nothing.asc "$ref"
		[[ $stderr == *"nothing.asc"* ]]
	done
	run -0 --separate-stderr pull --store-only localhost/app:1
	[ "$output" = "${ID:0:39}" ]
	# Never taken for a check that is not made.
	for ref in docker://127.0.0.1:1/app "docker://127.0.0.1:1/app@sha256:$(printf '0%.0s' {1..64})" "$ID"; do
		run -2 --separate-stderr pull --signature=elsewhere.asc "$ref"
		[[ $stderr == *"--signature is of a file, a URL or a name"* ]]
	done
}
