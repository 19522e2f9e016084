#!/usr/bin/env bats
# acfetch pull and what the web has between it and an image: caches, conditions,
# signatures that come later, servers that are down for a moment, proxies.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull
load signer

tls() { pull --ca-file=ca.pem "$@"; }

# A signed image at $URL of an nginx with LINES; mine.log has what was asked.
site() {
	mkdir -p www
	make_aci www/app.aci localhost/app 1.0
	start_nginx "access_log $PWD/mine.log mine; ${1-}" \
		'log_format mine escape=none "$uri $status none-match=$http_if_none_match since=$http_if_modified_since";'
	sign "$KEY" www/app.aci
	trust "$KEY" localhost
	URL=https://localhost:$PORT/app.aci
	FIRST=$ID
}

# Another image in its place.
replace() {
	make_aci www/app.aci localhost/app 1.1
	touch -d '2 hours ago' www/app.aci
	sign "$KEY" www/app.aci
}

# The log has N lines about the image.
asked() { [ "$(grep -c '^/app.aci ' mine.log)" = "$1" ]; }

# member NAME: of what is kept of the one URL.
member() { jq -r ".$1" store/http/*.json; }
# set_member NAME VALUE
set_member() {
	jq ".$1 = $2" "$(echo store/http/*.json)" >new.json
	cat new.json >"$(echo store/http/*.json)"
}

@test "304: what has not changed is not fetched again" {
	site
	run -0 --separate-stderr tls "$URL"
	etag=$(member etag) modified=$(member lastModified)
	[ "$(member url)" = "$URL" ]
	[ "$(member image)" = "$FIRST" ]
	set_member checked 1000
	run -0 --separate-stderr tls --json --no-store "$URL"
	[ "$(jq -c '.[0] | [.id, .fetched]' <<<"$output")" = "[\"$FIRST\",false]" ]
	wait_for 30 grep -qxF "/app.aci 304 none-match=$etag since=$modified" mine.log
	[ "$(member checked)" -gt 1000000 ]
	ingest_empty
	replace
	run -0 --separate-stderr tls --full --no-store "$URL"
	[ "$output" = "$ID" ]
	[ "$(member image)" = "$ID" ]
	wait_for 30 asked 3
	# By the other policy nobody asks at all.
	run -0 tls "$URL"
	asked 3
}

@test "max-age: while it lasts nobody asks, and a 304 begins it anew" {
	site 'add_header Cache-Control "public, max-age=100000" always;'
	run -0 tls "$URL"
	clear_log mine.log
	replace
	run -0 --separate-stderr tls --full --no-store "$URL"
	[ "$output" = "$FIRST" ]
	settle_log
	[ ! -s mine.log ]
	# It is over.
	make_aci www/app.aci localhost/app 1.0
	touch -d "$(member lastModified)" www/app.aci
	sign "$KEY" www/app.aci
	set_member checked "$(($(date +%s) - 100001))"
	run -0 --separate-stderr tls --full --no-store "$URL"
	[ "$output" = "$FIRST" ]
	wait_for 30 grep -q "^/app.aci 304 " mine.log
	clear_log mine.log
	run -0 tls --no-store "$URL"
	settle_log
	[ ! -s mine.log ]
	# A clock that was put back.
	set_member checked "$(($(date +%s) + 5000))"
	run -0 tls --no-store "$URL"
	wait_for 30 grep -q "^/app.aci 304 " mine.log
}

@test "no-cache, no-store, Age, and a redirect: nothing is fresh" {
	all=('add_header Cache-Control max-age=1000 always; add_header Cache-Control no-cache always;'
		'add_header Cache-Control no-store,max-age=1000 always;'
		'add_header Cache-Control max-age=1000 always; add_header Age 1000 always;'
		'add_header Cache-Control max-age=1000 always; location = /old.aci { return 302 /app.aci; }')
	for lines in "${all[@]}"; do
		site "$lines"
		case $lines in
		*old*)
			cp www/app.aci.asc www/old.aci.asc
			URL=https://localhost:$PORT/old.aci
			;;
		esac
		run -0 --separate-stderr tls "$URL"
		[ "$(member maxAge)" = 0 ]
		clear_log mine.log
		run -0 --separate-stderr tls --no-store "$URL"
		wait_for 30 grep -q '^/app.aci 304 none-match="' mine.log
		stop "$NGINX_PID"
		rm -rf store
	done
}

@test "no conditions for what the store does not have, or not well enough" {
	site 'add_header Cache-Control "max-age=1000" always;'
	whole() { wait_for 30 grep -qx "/app.aci 200 none-match= since=" mine.log; }
	run -0 tls "$URL"
	# With its image goes what is known of it.
	acfetch image rm "$FIRST"
	[ -z "$(ls store/http)" ]
	clear_log mine.log
	run -0 tls --no-store "$URL"
	whole
	# Somebody else took the record, or a blob.
	for gone in images blobs/sha256; do
		clear_log mine.log
		rm store/"$gone"/sha512-* store/"$gone"/????????????????????????????????* 2>/dev/null || :
		run -0 --separate-stderr tls --full --no-store "$URL"
		[ "$output" = "$FIRST" ]
		whole
		blobs_ok
	done
	[ -n "$(ls store/blobs/sha256)" ]
	# It came unverified, and is to be verified now.
	rm -rf store
	run -0 tls --insecure-options=image "$URL"
	clear_log mine.log
	run -0 --separate-stderr tls --no-store "$URL"
	[[ $stderr == *"signature verified"* ]]
	whole
	# The signature is given.
	clear_log mine.log
	run -0 --separate-stderr tls --signature=www/app.aci.asc --no-store "$URL"
	[[ $stderr == *"signature verified"* ]]
	whole
	clear_log mine.log
	run -0 tls --no-store "$URL"
	settle_log
	[ ! -s mine.log ]
}

@test "what is kept is damaged, or of another URL: told, and passed over" {
	site
	run -0 tls "$URL"
	f=$(echo store/http/*.json)
	good=$(cat "$f")
	for text in '' '{' '[]' '{"format":2}' "${good/\"urlDigest\": \"/\"urlDigest\": \"0}" "${good/\"image\": \"sha/\"image\": \"shb}" \
		"${good/\"maxAge\": 0/\"maxAge\": -1}" "${good/\"etag\": \"/\"etag\": \"a\\r\\nHost: evil}"; do
		printf %s "$text" >"$f"
		clear_log mine.log
		run -0 --separate-stderr tls --full --no-store "$URL"
		[ "$output" = "$FIRST" ]
		[[ $stderr == *"/http/"*".json' is passed over: "* ]]
		wait_for 30 grep -qx "/app.aci 200 none-match= since=" mine.log
		[ "$(jq -S 'del(.checked)' "$f")" = "$(jq -S 'del(.checked)' <<<"$good")" ]
	done
	echo '{' >"$f"
	acfetch image gc
	[ ! -e "$f" ]
}

@test "a name: the page is asked for, its image only when it changed" {
	site
	mkdir -p www/app
	printf '<meta name="ac-discovery" content="localhost/app https://localhost:%s/app.{ext}">' "$PORT" >www/app/index.html
	run -0 --separate-stderr tls --port="$PORT" --full localhost/app
	[ "$output" = "$FIRST" ]
	run -0 --separate-stderr tls --port="$PORT" --full --no-store localhost/app
	[ "$output" = "$FIRST" ]
	wait_for 30 grep -q '^/app.aci 304 ' mine.log
	# The same image is not what another name or label asks for.
	run -1 --separate-stderr tls --port="$PORT" --no-store localhost/app:2.0
	[[ $stderr == *'requested value for label "version": "2.0" differs'* ]]
	run -0 --separate-stderr tls --port="$PORT" --full --no-store localhost/app:1.0
	run -0 tls --store-only localhost/app:1.0
}

@test "discovery behind a redirect" {
	site 'location = /lib { return 301 /pages/lib?$args; }'
	mkdir -p www/pages
	printf '<meta name="ac-discovery" content="localhost/lib https://localhost:%s/{name}-{version}.{ext}">' "$PORT" >www/pages/lib
	mkdir -p www/localhost
	make_aci www/localhost/lib-3.aci localhost/lib 3
	sign "$KEY" www/localhost/lib-3.aci
	run -0 --separate-stderr tls --port="$PORT" --full localhost/lib:3
	[ "$output" = "$ID" ]
	settle_log
	grep -q "^/pages/lib 200 " mine.log
}

# later RULES: a badserver with RULES for the signature of /x.aci.
later() {
	make_aci x.aci example.com/x 1.0
	sign "$KEY" x.aci
	trust "$KEY" example.com
	{
		cat
		printf 'GET /x.aci\nheader ETag: "1"\nranges\nfile x.aci\nGET /x.aci.asc\nfile x.aci.asc\n'
	} >script
	bad script
	URL=http://$A/x.aci
}
order() { sed 's/^A GET \([^ ]*\) .*/\1/' log | paste -sd' '; }

@test "202: the signature is asked for once more, after the image" {
	later <<-'END'
	GET /x.aci.asc
	times 1
	status 202
	END
	run -0 --separate-stderr pull --insecure-options=http --full "$URL"
	[ "$output" = "$ID" ]
	[[ $stderr == *"signature '$URL.asc': the server wants to be asked after the image"* ]]
	[[ $stderr == *"signature verified"* ]]
	[ "$(order)" = "/x.aci.asc /x.aci /x.aci.asc" ]
	ingest_empty
}

@test "202: Retry-After is waited for, from the first answer on" {
	later <<-'END'
	GET /x.aci.asc
	times 1
	status 202
	header Retry-After: 2
	END
	began=$(date +%s%N)
	run -0 --separate-stderr pull --insecure-options=http "$URL"
	[ $(($(date +%s%N) - began)) -ge 2000000000 ]
	[ "$(order)" = "/x.aci.asc /x.aci /x.aci.asc" ]
}

@test "202: a second time is an error, and the image is not fetched again for it" {
	later <<-'END'
	GET /x.aci.asc
	times 2
	status 202
	GET /x.aci.asc
	times 1
	status 202
	header Retry-After: 1000
	END
	run -1 --separate-stderr pull --insecure-options=http "$URL"
	[[ $stderr == *"server asked to defer the download again"* ]]
	store_empty
	run -1 --separate-stderr pull --insecure-options=http "$URL"
	[[ $stderr == *"the signature is promised for in "*" seconds; try again then"* ]]
	store_empty
	run -0 --separate-stderr pull --insecure-options=http --full "$URL"
	[ "$output" = "$ID" ]
	last=$(($(stat -c %s x.aci) - 1))
	[ "$(grep -c "GET /x.aci range=bytes=$last- " log)" = 2 ]
	[ "$(grep -c "GET /x.aci range= " log)" = 1 ]
}

@test "202: a key that nobody trusts is told behind the image" {
	later <<-'END'
	GET /x.aci.asc
	times 1
	status 202
	END
	rm -r etc
	mkdir etc
	run -1 --separate-stderr pull --insecure-options=http "$URL"
	[[ $stderr == *"acfetch trust"* ]]
	store_empty
}

@test "a status that may pass is tried again, 401, 403 and 404 are not" {
	make_aci x.aci example.com/x 1.0
	in_two=$(date -u -R -d '2 seconds' | sed 's/+0000/GMT/')
	for answer in 'status 408' 'status 425' 'status 500' 'status 502' 'status 504' 'status 429' \
		"status 503"$'\n'"header Retry-After: $in_two"; do
		printf 'GET /x.aci\ntimes 1\n%s\nGET /x.aci\nfile x.aci\n' "$answer" >script
		bad script
		run -0 --separate-stderr insecure --full --no-store "http://$A/x.aci"
		[ "$output" = "$ID" ]
		[ "$(grep -c /x.aci log)" = 2 ]
		stop "$BAD_PID"
	done
	for code in 401 403 404 410 418; do
		printf 'GET /x.aci\nstatus %s\n' "$code" >script
		bad script
		run -1 --separate-stderr insecure --no-store "http://$A/x.aci"
		[[ $stderr == *"status $code"* ]]
		[ "$(grep -c /x.aci log)" = 1 ]
		stop "$BAD_PID"
	done
	printf 'GET /x.aci\nstatus 503\n' >script
	bad script
	run -1 insecure --no-store --retries=0 "http://$A/x.aci"
	[ "$(grep -c /x.aci log)" = 1 ]
	stop "$BAD_PID"
	printf 'GET /x.aci\nstatus 503\nheader Retry-After: 7200\n' >script
	bad script
	run -1 --separate-stderr insecure --no-store "http://$A/x.aci"
	[[ $stderr == *"status 503; the server asks to try again in 7200 seconds"* ]]
	[ "$(grep -c /x.aci log)" = 1 ]
	run -2 --separate-stderr insecure --retries=11 "http://$A/x.aci"
	run -2 --separate-stderr insecure --retries=-1 "http://$A/x.aci"
}

@test "a server that is not up yet" {
	mkdir -p www
	make_aci www/app.aci localhost/app 1.0
	start_nginx
	stop "$NGINX_PID"
	acfetch --debug --local-config="$PWD/etc" --ca-file=ca.pem --insecure-options=image --retries=10 \
		pull --full "https://localhost:$PORT/app.aci" >out 2>err 3>&- &
	PIDS=("$!")
	wait_for 20 grep -q "refuses the connection" err
	nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/nginx.err" 3>&- &
	NGINX_PID=$!
	wait "${PIDS[0]}"
	PIDS=()
	[ "$(cat out)" = "$ID" ]
}

@test "a transfer that stands still is given up and goes on" {
	make_oci 600000
	printf 'GET /v2/app/manifests/latest\nheader Content-Type: application/vnd.oci.image.manifest.v1+json\nfile manifest.json\nGET /v2/app/blobs/%s\nfile config.json\nGET /v2/app/blobs/%s\ntimes 1\nfile layer.tar.gz\nslow 300000 60000\nGET /v2/app/blobs/%s\nranges\nfile layer.tar.gz\n' \
		"$CONFIG" "$LAYER" "$LAYER" >script
	bad script
	run -0 --separate-stderr insecure --timeout=3 "docker://$A/app"
	grep -q "blobs/$LAYER range=bytes=300000- " log
	blobs_ok
}

# start_proxy [LINES]: tinyproxy at $PROXY; proxy.log has what went through it.
start_proxy() {
	local port
	port=$(free_port)
	cat >proxy.conf <<-END
	Port $port
	Listen 127.0.0.1
	Timeout 60
	LogFile "$PWD/proxy.log"
	LogLevel Connect
	MaxClients 20
	${1-}
	END
	: >proxy.log
	chmod o+rx . 2>/dev/null || :
	tinyproxy -d -c proxy.conf >/dev/null 2>proxy.err 3>&- &
	PIDS+=("$!")
	PROXY=127.0.0.1:$port
	wait_for 10 listening "$port"
}

@test "the environment's certificates: a file, directories with hashed names" {
	site
	run -1 --separate-stderr pull --no-store "$URL"
	[[ $stderr == *"the certificate of 'localhost' is not trusted"* ]]
	SSL_CERT_FILE=$PWD/ca.pem pull --no-store "$URL"
	# Names that are links, which lead out of the directory, which is one.
	mkdir -p far/certs far/real none
	cp ca.pem far/real/
	ln -s ../real/ca.pem far/certs/mine.pem
	openssl rehash far/certs
	ln -s far/certs certs
	SSL_CERT_DIR=$PWD/certs pull --no-store "$URL"
	SSL_CERT_DIR=$PWD/none:$PWD/certs pull --no-store "$URL"
	# In place of the system's; empty is as good as none; --ca-file adds.
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem 2>/dev/null
	SSL_CERT_FILE=$PWD/other.pem run -1 pull --no-store "$URL"
	SSL_CERT_FILE=$PWD/none.pem run -1 pull --no-store "$URL"
	SSL_CERT_FILE='' SSL_CERT_DIR='' run -1 pull --no-store "$URL"
	SSL_CERT_FILE=$PWD/other.pem SSL_CERT_DIR=$PWD/none tls --no-store "$URL"
}

@test "proxies of the environment" {
	needs tinyproxy
	site
	start_proxy
	through() { grep -c "Request (file descriptor .*): $1" proxy.log; }
	unset no_proxy NO_PROXY
	https_proxy=http://$PROXY run -0 --separate-stderr tls --full "$URL"
	[ "$output" = "$FIRST" ]
	[ "$(through "CONNECT localhost:$PORT ")" -ge 1 ]
	: >proxy.log
	ALL_PROXY=http://$PROXY run -0 tls --no-store "$URL"
	[ "$(through "CONNECT localhost:$PORT ")" -ge 1 ]
	: >proxy.log
	https_proxy=http://$PROXY no_proxy=localhost run -0 tls --no-store "$URL"
	https_proxy=http://$PROXY no_proxy='*' run -0 tls --no-store "$URL"
	[ "$(through CONNECT)" = 0 ]
	make_aci x.aci example.com/x 1.0
	printf 'GET /x.aci\nfile x.aci\n' >script
	bad script
	http_proxy=http://$PROXY run -0 --separate-stderr insecure --full "http://$A/x.aci"
	[ "$output" = "$ID" ]
	[ "$(through "GET http://$A/x.aci ")" = 1 ]
}

@test "a proxy that refuses, is not there, or wants a password" {
	needs tinyproxy
	site
	start_proxy $'BasicAuth me pw\nConnectPort '"$PORT"
	https_proxy=http://$PROXY run -1 --separate-stderr tls "$URL"
	[[ $stderr == *"the proxy does not connect to 'localhost:$PORT': status 407; it wants a user and a password in https_proxy"* ]]
	[ "$(grep -c "CONNECT localhost" proxy.log)" = 1 ]
	https_proxy=http://me:pw@$PROXY run -0 --separate-stderr tls "$URL"
	! grep -rq "me:pw\|bWU6cHc" store || false
	https_proxy=http://me:pw@$PROXY run -1 --separate-stderr tls --retries=0 https://localhost:1/x.aci
	[[ $stderr == *"the proxy does not connect to 'localhost:1': status 403"* ]]
	port=$(free_port)
	https_proxy=http://me:secret@127.0.0.1:$port run -1 --separate-stderr tls --retries=0 --no-store "$URL"
	[[ $stderr == *"the proxy for 'localhost' cannot be reached ("*"127.0.0.1"*"); look at http_proxy, https_proxy and no_proxy in the environment"* ]]
	[[ $stderr != *secret* ]]
	https_proxy=http://me:secret@[bad run -1 --separate-stderr tls --retries=0 --no-store "$URL"
	[[ $stderr == *"the proxy for 'localhost' has no address that can be understood; look at http_proxy"* ]]
	[[ $stderr != *secret* ]]
}
