#!/usr/bin/env bats
# actool discover, and acfetch discover, which does its work.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup() { store_setup; }

teardown() {
	[ -z "${NGINX_PID-}" ] || stop "$NGINX_PID"
	[ -z "${BAD_PID-}" ] || stop "$BAD_PID"
	[ -z "${SERVE_PID-}" ] || stop "$SERVE_PID"
}

# page PATH META...: a page of the site; META is "NAME CONTENT".
page() {
	local file=www$1/index.html meta
	mkdir -p "www$1"
	shift
	for meta; do
		echo "<meta name=\"${meta%% *}\" content=\"${meta#* }\">"
	done >"$file"
}

discover() { actool discover --ca-file=ca.pem --port="$PORT" "$@"; }

@test "endpoints and keys, as the original prints them" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/{name}-{version}-{os}-{arch}.{ext}" \
		"ac-discovery localhost https://mirror.example.com/{version}/{name}.{ext}" \
		"ac-discovery-pubkeys localhost/a https://localhost/keys.gpg" \
		"ac-discovery-pubkeys localhost https://localhost/more.gpg"
	run -0 --separate-stderr discover localhost/a:1.0,os=linux,arch=amd64
	[ "$output" = "ACI: https://localhost/localhost/a-1.0-linux-amd64.aci, ASC: https://localhost/localhost/a-1.0-linux-amd64.aci.asc
ACI: https://mirror.example.com/1.0/localhost/a.aci, ASC: https://mirror.example.com/1.0/localhost/a.aci.asc
PublicKeys: https://localhost/keys.gpg,https://localhost/more.gpg" ]
	[ -z "$stderr" ]

	run -0 --separate-stderr discover --json localhost/a:1.0,os=linux,arch=amd64
	[ "${lines[1]}" = '    "ACIEndpoints": [' ]
	[ "$(jq -c . <<<"$output")" = '{"ACIEndpoints":[{"ACI":"https://localhost/localhost/a-1.0-linux-amd64.aci","ASC":"https://localhost/localhost/a-1.0-linux-amd64.aci.asc"},{"ACI":"https://mirror.example.com/1.0/localhost/a.aci","ASC":"https://mirror.example.com/1.0/localhost/a.aci.asc"}],"PublicKeys":["https://localhost/keys.gpg","https://localhost/more.gpg"]}' ]
}

@test "version, os and arch have defaults, in appc's spelling" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/a-{version}-{os}-{arch}.{ext}" \
		"ac-discovery-pubkeys localhost https://localhost/k"
	for name in localhost/a localhost/a:; do
		run -0 discover "$name"
		[[ ${lines[0]} == "ACI: https://localhost/a-latest-linux-$(appc_arch).aci, "* ]]
	done
	run -0 discover localhost/a,os=freebsd,arch=aarch64
	[[ ${lines[0]} == "ACI: https://localhost/a-latest-freebsd-aarch64.aci, "* ]]
	run -0 discover localhost/a,version=2
	[[ ${lines[0]} == "ACI: https://localhost/a-2-linux-"* ]]
	# Values are encoded: they stay in their place of the URL.
	run -0 discover 'localhost/a:1/../../x?y'
	[[ ${lines[0]} == "ACI: https://localhost/a-1%2F..%2F..%2Fx%3Fy-linux-"* ]]
}

@test "the parents' pages, each way on standard error" {
	start_nginx
	page / "ac-discovery localhost https://localhost/{name}.{ext}"
	page /a/b "ac-discovery-pubkeys localhost/a https://localhost/keys"
	page /a "ac-discovery localhost/other https://localhost/no.{ext}"
	run -0 --separate-stderr discover --json localhost/a/b/c
	[ "$(jq -r '.ACIEndpoints[0].ACI' <<<"$output")" = https://localhost/localhost/a/b/c.aci ]
	[ "$(jq -r '.PublicKeys[0]' <<<"$output")" = https://localhost/keys ]
	[[ $stderr == *"acfetch: 'https://localhost:$PORT/a/b/c': status 404"* ]]
	[[ $stderr == *"'https://localhost:$PORT/a/b': no ac-discovery tag for this name in the page"* ]]
	[[ $stderr == *"'https://localhost:$PORT/a': no ac-discovery tag for this name in the page"* ]]
	[[ $stderr != *pubkeys* ]]
}

@test "images alone, keys alone, nothing" {
	start_nginx
	page /images "ac-discovery localhost/images https://localhost/i.{ext}"
	page /keys "ac-discovery-pubkeys localhost/keys https://localhost/k"
	run -0 --separate-stderr discover localhost/images
	[ "$output" = "ACI: https://localhost/i.aci, ASC: https://localhost/i.aci.asc" ]
	[[ $stderr == *"warning: 'localhost/images': there are images, but no keys"* ]]
	run -0 --separate-stderr discover --json localhost/images
	[ "$(jq -c .PublicKeys <<<"$output")" = '[]' ]
	run -0 --separate-stderr discover localhost/keys
	[ "$output" = "PublicKeys: https://localhost/k" ]
	[[ $stderr == *"warning: 'localhost/keys': there are keys, but no images"* ]]
	run -0 --separate-stderr discover --json localhost/keys
	[ "$(jq -c .ACIEndpoints <<<"$output")" = '[]' ]
	for json in '' --json; do
		run -1 --separate-stderr discover $json localhost/none
		[ -z "$output" ]
		[[ $stderr == "acfetch: discovery of 'localhost/none' did not find where its images or keys are; tried: 'https://localhost:$PORT/none': status 404; "* ]]
	done
}

@test "several names" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/a.{ext}" "ac-discovery-pubkeys localhost/a https://localhost/ka"
	page /b "ac-discovery localhost/b https://localhost/b.{ext}" "ac-discovery-pubkeys localhost/b https://localhost/kb"
	run -0 --separate-stderr discover localhost/a localhost/b:1
	[ "$output" = "Name: localhost/a
ACI: https://localhost/a.aci, ASC: https://localhost/a.aci.asc
PublicKeys: https://localhost/ka
Name: localhost/b:1
ACI: https://localhost/b.aci, ASC: https://localhost/b.aci.asc
PublicKeys: https://localhost/kb" ]
	run -0 discover --json localhost/a localhost/b:1
	[ "$(jq -c '[.[]|[.Name,.ACIEndpoints[0].ACI]]' <<<"$output")" = \
		'[["localhost/a","https://localhost/a.aci"],["localhost/b:1","https://localhost/b.aci"]]' ]
	# One that is not there does not hide the others, and is a failure.
	run -1 --separate-stderr discover --json localhost/c localhost/b
	[ "$(jq -c '[.[]|(.ACIEndpoints|length)]' <<<"$output")" = '[0,1]' ]
	[[ $stderr == *"discovery of 'localhost/c' did not find"* ]]
}

@test "names that are none, before anything is asked" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/a.{ext}"
	for name in '' 'Upper/case' 'a b' /a a/ a//b a/../b 'localhost/a:1:2' 'localhost/a,x' \
		'localhost/a:1,version=2' 'localhost/a,os=linux,os=linux' docker://busybox \
		https://localhost/a.aci; do
		run -1 --separate-stderr discover localhost/a "$name"
		[ -z "$output" ]
		[[ $stderr == "acfetch: name '$name': "* ]]
	done
	settle_log
	[ ! -s access.log ]
	# A file of that name changes nothing.
	mkdir localhost
	: >localhost/a
	run -0 discover localhost/a
	run -2 actool discover
	run -2 actool discover --port=65536 localhost/a
	run -2 actool discover --port=x localhost/a
	run -2 actool discover --insecure-options=nothing localhost/a
	run -2 actool discover --insecure --insecure-options=tls localhost/a
}

@test "certificates, and --insecure" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/a.{ext}"
	run -1 --separate-stderr actool discover --port="$PORT" localhost/a
	[[ $stderr == *"certificate of 'localhost' is not trusted"* ]]
	for how in --insecure --insecure-options=tls -insecure; do
		run -0 --separate-stderr actool discover "$how" --port="$PORT" localhost/a
		[[ $output == "ACI: https://localhost/a.aci, "* ]]
		[[ $stderr == *"TLS verification has been disabled"* ]]
	done
	run -1 actool discover --insecure=false --port="$PORT" localhost/a
	run -1 actool discover --insecure-options=http --port="$PORT" localhost/a
}

@test "http where https fails, only when it is allowed" {
	cat >script <<-'END'
	GET /a?ac-discovery=1
	body <meta name=ac-discovery content="localhost/a http://localhost/a.{ext}"><meta name=ac-discovery-pubkeys content="localhost https://localhost/k">
	END
	bad script
	run -1 --separate-stderr actool discover --port="$PORT_A" localhost/a
	run ! grep -q GET log
	for how in --insecure --insecure-options=http; do
		run -0 --separate-stderr actool discover $how --port="$PORT_A" localhost/a
		[[ ${lines[0]} == "ACI: http://localhost/a.aci, "* ]]
		[[ $stderr == *"https://localhost:$PORT_A/a"* ]]
	done
}

@test "an http URL in a page is passed over" {
	start_nginx
	page /a "ac-discovery localhost/a http://localhost/a.{ext}" "ac-discovery-pubkeys localhost/a https://localhost/k"
	run -0 --separate-stderr discover localhost/a
	[ "$output" = "PublicKeys: https://localhost/k" ]
	[[ $stderr == *"it names 'http://localhost/a.aci', and plain http is not allowed"* ]]
}

@test "redirects are followed, and not for ever, and not to http" {
	start_nginx 'location /moved { return 302 https://localhost:$server_port/real$is_args$args; }
	location /loop { return 302 https://localhost:$server_port/loop$is_args$args; }
	location /down { return 302 http://localhost:1/x; }'
	page /real "ac-discovery localhost https://localhost/{name}.{ext}"
	run -0 --separate-stderr discover localhost/moved
	[[ $output == "ACI: https://localhost/localhost/moved.aci, "* ]]
	settle_log
	grep -q 'GET /real?ac-discovery=1 ' access.log
	run -1 --separate-stderr discover localhost/loop
	[[ $stderr == *redirect* ]]
	run -1 --separate-stderr discover localhost/down
	[[ $stderr == *"https://localhost:$PORT/down"* ]]
	run ! grep -q ":1/x" <<<"$output"
}

@test "templates that need other labels, and others" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/{channel}.{ext}" \
		"ac-discovery localhost/a https://localhost/{name" \
		"ac-discovery localhost/ab https://localhost/ab.{ext}" \
		"ac-discovery localhost/a https://localhost/good.{ext}" \
		"ac-discovery localhost/a ftp://localhost/x.{ext}" \
		"ac-discovery localhost/a"
	run -0 --separate-stderr discover localhost/a
	[ "$output" = "ACI: https://localhost/good.aci, ASC: https://localhost/good.aci.asc" ]
	[[ $stderr == *"'https://localhost/{channel}.{ext}' needs a label that the name does not have"* ]]
	run -0 --separate-stderr discover localhost/a,channel=beta
	[[ ${lines[0]} == "ACI: https://localhost/beta.aci, "* ]]
}

@test "which tag was for which names: --debug" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/1.{ext}" "ac-discovery localhost https://localhost/2.{ext}" \
		"ac-discovery localhost/b https://localhost/3.{ext}"
	for d in -debug --debug; do
		run -0 --separate-stderr actool "$d" discover --ca-file=ca.pem --port="$PORT" localhost/a
		[[ $stderr == *"'https://localhost:$PORT/a': takes ac-discovery 'localhost/a https://localhost/1.{ext}'"* ]]
		[[ $stderr == *"takes ac-discovery 'localhost https://localhost/2.{ext}'"* ]]
		[[ $stderr == *"passes over ac-discovery 'localhost/b https://localhost/3.{ext}'"* ]]
	done
}

@test "pages that are hostile" {
	start_nginx
	mkdir -p www/many www/deep www/raw www/huge
	for ((i = 0; i < 1000; i++)); do
		echo "<meta name='ac-discovery' content='localhost/many https://localhost/$i.{ext}'>"
	done >www/many/index.html
	run -0 discover localhost/many
	[ "$(grep -c ^ACI <<<"$output")" = 256 ]
	head -c 900000 /dev/zero | sed 's/\x0/<a>/g' | head -c 900000 >www/deep/index.html
	echo '<meta name="ac-discovery" content="localhost/deep https://localhost/d.{ext}">' >>www/deep/index.html
	run discover localhost/deep
	[ "$status" -le 1 ]
	printf '<meta name="ac-discovery" content="localhost/raw https://localhost/\033[31m.{ext}"><meta name="ac-discovery-pubkeys" content="localhost/raw https://localhost/k\302\233x">' \
		>www/raw/index.html
	run discover localhost/raw
	[ "$status" -le 1 ]
	! grep -q $'[\033\302\233]' <<<"$output" || false
	run discover --json localhost/raw
	head -c 12000000 /dev/zero >www/huge/index.html
	run -1 --separate-stderr discover localhost/huge
	[[ $stderr == *"'https://localhost:$PORT/huge"* ]]
}

@test "a page that never comes, or comes byte by byte" {
	printf 'GET /a?ac-discovery=1\nhang\nGET /?ac-discovery=1\nbody <meta name=ac-discovery content="localhost https://localhost/x.{ext}">\n' >script
	bad script
	run -0 --separate-stderr timeout 60 actool discover --insecure --timeout=1 --port="$PORT_A" localhost/a
	[[ $output == "ACI: https://localhost/x.aci, "* ]]
	[[ $stderr == *"http://localhost:$PORT_A/a"* ]]
}

@test "credentials go to the name's host, by https alone" {
	start_nginx 'location / { if ($http_authorization != "Basic bWU6c2VjcmV0") { return 401; } }'
	page /a "ac-discovery localhost/a https://localhost/a.{ext}"
	run -1 --separate-stderr discover localhost/a
	[[ $stderr == *"status 401"* ]]
	mkdir -p etc/auth.d
	cat >etc/auth.d/x.json <<-END
	{"rktKind":"auth","rktVersion":"v1","domains":["localhost:$PORT"],"type":"basic","credentials":{"user":"me","password":"secret"}}
	END
	run -0 --separate-stderr acfetch --local-config=etc --ca-file=ca.pem discover --port="$PORT" localhost/a
	[[ $output == "ACI: https://localhost/a.aci, "* ]]
}

@test "a proxy from the environment" {
	cat >script <<-'END'
	GET http://example.com/a?ac-discovery=1
	body <meta name=ac-discovery content="example.com/a https://example.com/a.{ext}">
	END
	bad script
	http_proxy=http://$A https_proxy=http://$A run -0 --separate-stderr actool discover --insecure --timeout=2 example.com/a
	[[ $output == "ACI: https://example.com/a.aci, "* ]]
}

@test "the site that acfetch publishes and serves" {
	port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout key.pem -out ca.pem 2>/dev/null
	make_key gnupg signer
	make_aci app.aci localhost/app 1.0
	sign "$PWD/gnupg" app.aci
	GNUPGHOME=$PWD/gnupg gpg --armor --export >key.asc
	acfetch publish --url "https://localhost:$port" --key key.asc site app.aci
	acfetch serve --listen "127.0.0.1:$port" --tls-cert=ca.pem --tls-key=key.pem site 3>&- &
	SERVE_PID=$!
	wait_for 10 listening "$port"
	PORT=$port run -0 --separate-stderr discover --json localhost/app:1.0
	url=$(jq -r '.ACIEndpoints[0].ACI' <<<"$output")
	curl -sf --cacert ca.pem "$url" | cmp - app.aci
	curl -sf --cacert ca.pem "$(jq -r '.ACIEndpoints[0].ASC' <<<"$output")" | cmp - app.aci.asc
	curl -sf --cacert ca.pem "$(jq -r '.PublicKeys[0]' <<<"$output")" | gpg --show-keys | grep -q signer
	drop_key gnupg
}

@test "without acfetch it says what is missing" {
	cp "$(command -v actool)" .
	run -1 --separate-stderr env PATH=/nonexistent ./actool discover localhost/a
	[ "$stderr" = "actool: discover: run 'acfetch': there is no such program; is it installed?" ]
}

@test "actool itself links no network" {
	run -0 ldd "$(command -v actool)"
	[[ $output != *curl* && $output != *xml2* ]]
}

@test "a machine without libxml2 is told so; an image by its URL needs none" {
	start_nginx
	page /a "ac-discovery localhost/a https://localhost/a.{ext}"
	mkdir none
	# The linker looks there first, and what it finds is no library.
	for so in libxml2.so.2 libxml2.so.16; do echo none >"none/$so"; done
	export LD_LIBRARY_PATH=$PWD/none
	run -1 --separate-stderr discover localhost/a
	[[ $stderr == *"reading web pages takes libxml2; install it ("*libxml2.so*")"* ]]
	# Nothing else is asked in vain.
	[ "$(grep -o 'takes libxml2' <<<"$stderr" | wc -l)" = 1 ]
	make_aci www/a.aci localhost/a 1.0.0
	insecure --ca-file=ca.pem "https://localhost:$PORT/a.aci" >/dev/null
}
