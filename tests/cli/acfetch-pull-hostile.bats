#!/usr/bin/env bats
# acfetch pull from servers that lie, break, stall and try to lead it astray.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull

setup() { store_setup; }

teardown() { stop_servers; }

@test "badserver serves a good image when nothing is wrong" {
	make_oci
	registry </dev/null
	run -0 --separate-stderr insecure "docker://$A/app"
	blobs_ok
	cmp store/layers/*/rootfs/etc/random oci/etc/random
}

@test "a layer that breaks off is resumed where it stopped" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 2
	ranges
	file layer.tar.gz
	cut 70000
	END
	run -0 --separate-stderr insecure "docker://$A/app"
	blobs_ok
	grep -q "range=bytes=70000-" log
	grep -q "range=bytes=140000-" log
}

@test "a layer that always breaks off" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	file layer.tar.gz
	cut 1000
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"the connection broke after 1000 of "* ]]
	store_empty
}

@test "a layer with other bytes" {
	make_oci
	size=$(stat -c %s layer.tar.gz)
	head -c "$((size - 9))" layer.tar.gz >wrong
	printf 'xxxxxxxxx' >>wrong
	registry <<-END
	GET /v2/app/blobs/$LAYER
	file wrong
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"image 'docker://$A/app'"* ]]
	store_empty
}

@test "a layer that is another good one" {
	make_oci
	gzip -n -1 <layer.tar >wrong
	LAYER_SIZE=$(stat -c %s wrong) make_manifest
	registry <<-END
	GET /v2/app/blobs/$LAYER
	file wrong
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *digest* ]]
	store_empty
}

@test "a layer that is longer or shorter than the manifest says" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	length 12
	file layer.tar.gz
	GET /v2/app/blobs/$LAYER
	times 1
	length none
	zeros 10000000
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"the server has 12 bytes, where "*" were expected"* ]]
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"expected"* || $stderr == *gzip* ]]
	store_empty
}

@test "a configuration with other bytes" {
	make_oci
	tr l L <config.json >wrong
	registry <<-END
	GET /v2/app/blobs/$CONFIG
	file wrong
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"digest of the configuration does not match"* ]]
	store_empty
}

@test "a manifest by digest with other bytes" {
	make_oci
	registry <<-END
	GET /v2/app/manifests/sha256:*
	header Docker-Content-Digest: $MANIFEST
	body {"schemaVersion":2}
	END
	run -1 --separate-stderr insecure "docker://$A/app@$MANIFEST"
	[[ $stderr == *"digest does not match"* ]]
}

@test "manifests that are none" {
	make_oci
	for body in '' '{' '[]' '{}' '{"schemaVersion":1,"signatures":[]}' \
		'{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}' \
		'{"schemaVersion":2,"a":1,"a":2}' '<html>log in</html>'; do
		registry <<-END
		GET /v2/app/manifests/latest
		body $body
		END
		run -1 --separate-stderr insecure "docker://$A/app"
		[[ $stderr == "acfetch: warning"*"acfetch: image 'docker://$A/app'"* ]]
		stop "$BAD_PID"
	done
	store_empty
}

@test "an image that is none: an artifact" {
	make_oci
	sed -i 's|vnd.oci.image.config.v1+json|vnd.example.chart+json|' manifest.json
	registry </dev/null
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"not a container image"*"vnd.example.chart"* ]]
}

@test "a redirect to another host: no credentials go there" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	need Bearer tok
	status 307
	header Location: http://\$B/cdn?sig=a%2Fb
	GET /cdn?sig=a%2Fb
	file layer.tar.gz
	GET /token*
	body {"token":"tok"}
	GET /v2/app/manifests/latest
	times 1
	status 401
	header WWW-Authenticate: Bearer realm="http://\$A/token",service="s",scope="repository:app:pull"
	END
	run -0 --separate-stderr insecure "docker://$A/app"
	grep -q "^A GET /token?service=s&scope=repository%3Aapp%3Apull " log
	grep -q "^A GET /v2/app/blobs/$LAYER range= auth=Bearer tok$" log
	grep -q "^B GET /cdn?sig=a%2Fb range= auth=$" log
	! grep "^B" log | grep -q tok || false
}

@test "user and password of a URL stay with its host" {
	make_aci app.aci example.com/app 1.0
	cat >script <<-END
	GET /app.aci
	status 302
	header Location: http://\$B/other.aci
	GET /other.aci
	file app.aci
	END
	bad script
	run -0 --separate-stderr insecure "http://me:secret@$A/app.aci"
	grep -q "^A GET /app.aci range= auth=Basic bWU6c2VjcmV0$" log
	grep -q "^B GET /other.aci range= auth=$" log
	run ! grep -r secret store
}

@test "credentials are asked for again and again" {
	make_oci
	registry <<-END
	GET /token2*
	body {"token":"x"}
	GET /v2/app/manifests/latest
	status 401
	header WWW-Authenticate: Bearer realm="http://\$A/token2",service="s"
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[ "$(grep -c manifests log)" -le 3 ]
	store_empty
}

@test "a user and a password for a registry" {
	make_oci
	registry <<-END
	GET /v2/app/manifests/latest
	need Basic bWU6cHc=
	header Content-Type: application/vnd.oci.image.manifest.v1+json
	file manifest.json
	GET /v2/app/manifests/latest
	status 401
	header WWW-Authenticate: Basic realm="x"
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"wants a user and a password; "*auth.d* ]]
	mkdir -p etc/auth.d
	echo '{"rktKind":"dockerAuth","rktVersion":"v1","registries":["'"$A"'"],"credentials":{"user":"me","password":"pw"}}' >etc/auth.d/a.json
	run -0 insecure "docker://$A/app"
	grep -q "blobs/$LAYER range= auth=Basic bWU6cHc=$" log
}

@test "credentials that are not as they should be" {
	mkdir -p etc/auth.d user/auth.d
	for text in '{' '{}' '{"rktKind":"auth","rktVersion":"v2"}' \
		'{"rktKind":"auth","rktVersion":"v1","domains":["h"],"type":"aws","credentials":{"secretAccessKey":"secret"}}' \
		'{"rktKind":"auth","rktVersion":"v1","domains":[],"type":"oauth","credentials":{"token":"secret"}}' \
		'{"rktKind":"auth","rktVersion":"v1","domains":["h","h"],"type":"oauth","credentials":{"token":"secret"}}' \
		'{"rktKind":"dockerAuth","rktVersion":"v1","registries":["h"],"credentials":{"user":"me"}}'; do
		echo "$text" >etc/auth.d/x.json
		run -1 --separate-stderr insecure sha512-000000000000
		[[ $stderr == *"$PWD/etc/auth.d/x.json:"[12]:* ]]
		[[ $stderr != *secret* ]]
	done
	echo '{"rktKind":"auth","rktVersion":"v1","domains":["h"],"type":"oauth","credentials":{"token":"secret"}}' >etc/auth.d/x.json
	cp etc/auth.d/x.json user/auth.d/
	run -1 --separate-stderr insecure --user-config=user sha512-000000000000
	[[ $stderr == *"an id alone cannot be fetched"* ]]
}

@test "a server that stands still is given up" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	ranges
	file layer.tar.gz
	slow 1 1000
	END
	SECONDS=0
	run -1 --separate-stderr insecure --timeout=1 "docker://$A/app"
	[[ $stderr == *"nothing came for 1 seconds"* ]]
	[ "$SECONDS" -lt 30 ]
	store_empty
}

@test "heads without end" {
	cat >script <<-END
	GET /x.aci
	junk 5000
	END
	bad script
	run -1 --separate-stderr insecure "http://$A/x.aci"
	[[ $stderr == *"head of the answer is larger than"* ]]
	store_empty
}

@test "too many requests: Retry-After is obeyed" {
	make_aci app.aci example.com/app 1.0
	cat >script <<-END
	GET /x.aci
	times 2
	status 429
	header Retry-After: 1
	GET /x.aci
	file app.aci
	END
	bad script
	SECONDS=0
	run -0 --separate-stderr insecure "http://$A/x.aci"
	[ "$SECONDS" -ge 1 ]
	[ "$(grep -c x.aci log)" = 3 ]
}

@test "a truncated image without a way to resume" {
	make_aci app.aci example.com/app 1.0
	cat >script <<-END
	GET /x.aci
	file app.aci
	cut 100
	END
	bad script
	run -1 --separate-stderr insecure "http://$A/x.aci"
	[[ $stderr == *"connection broke after 100 of"* ]]
	[ "$(grep -c x.aci log)" = 1 ]
	store_empty
}

@test "an image that changes while it is fetched" {
	make_aci one.aci example.com/app 1.0
	make_aci two.aci example.com/app 1.1
	cat >script <<-END
	GET /x.aci
	times 1
	header ETag: "1"
	file one.aci
	cut 100
	GET /x.aci
	header ETag: "2"
	file two.aci
	END
	bad script
	run -1 --separate-stderr insecure "http://$A/x.aci"
	[[ $stderr == *"changed on the server"* ]]
	store_empty
}

@test "a signature that is not there, and one that is not one" {
	make_aci app.aci example.com/app 1.0
	cat >script <<-END
	GET /a.aci
	file app.aci
	GET /b.aci
	file app.aci
	GET /b.aci.asc
	body not a signature
	END
	bad script
	run -1 --separate-stderr pull --insecure-options=http "http://$A/a.aci"
	[[ $stderr == *"no signature 'http://$A/a.aci.asc'"* ]]
	run -1 --separate-stderr pull --insecure-options=http "http://$A/b.aci"
	! grep -q "GET /[ab].aci " log || false
	store_empty
}

@test "a second place is tried when the first has nothing" {
	make_aci app.aci localhost/app 1.0
	cat >script <<-END
	GET /app?ac-discovery=1
	body <meta name=ac-discovery content="localhost/app http://\$B/none.{ext}"><meta name=ac-discovery content="localhost http://\$B/yes.{ext}">
	GET /yes.aci
	file app.aci
	END
	bad script
	run -0 --separate-stderr insecure --port="$PORT_A" --full localhost/app:1.0
	[ "$output" = "$ID" ]
	[[ $stderr == *"trying the next place"* ]]
}

@test "Ctrl-C and TERM leave nothing" {
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	ranges
	file layer.tar.gz
	slow 1000 100
	END
	for sig in TERM INT; do
		: >log
		env --default-signal=INT acfetch --local-config=etc --insecure-options=image,http \
			pull "docker://$A/app" 2>err 3>&- &
		pid=$!
		wait_for 10 grep -q "blobs/$LAYER" log
		sleep 0.3
		kill "-$sig" "$pid"
		code=0
		wait "$pid" || code=$?
		[ "$code" = "$((128 + $(kill -l "$sig")))" ]
		grep -q "interrupted; what came so far is kept where another pull can go on with it" err
		store_empty
	done
}

@test "kill -9 at 100 moments, and the next pull completes" {
	local done=0 pid
	make_oci 3000000
	registry <<-END
	GET /v2/app/blobs/$LAYER
	ranges
	file layer.tar.gz
	slow 100000 4
	END
	for _ in {1..100}; do
		acfetch --local-config=etc --insecure-options=image,http pull "docker://$A/app" >out 2>err 3>&- &
		pid=$!
		sleep "0.$(printf %03d $((RANDOM % 220)))"
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" || :
		[ ! -s err ] || ! grep -v "warning: image signature" err || false
		if [ -s out ]; then
			done=$((done + 1))
			blobs_ok
			rm -rf store
		fi
	done 2>/dev/null
	echo "$done of 100 came through before the signal"
	run -0 --separate-stderr insecure "docker://$A/app"
	blobs_ok
	ingest_empty
	cmp store/layers/*/rootfs/etc/random oci/etc/random
}
