#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets stderr
load helper

# Start "acfetch serve ARGS" on a free port: $url, $addr, $server.
serve() {
	acfetch --debug serve --listen 127.0.0.1:0 "$@" >serve.out 2>serve.log 3>&- &
	server=$!
	for _ in $(seq 100); do
		[ -s serve.out ] && break
		sleep 0.05
	done
	url=$(sed -n 's/^listening on //p' serve.out)
	addr=${url#*://}
	[ -n "$url" ]
}

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# The status of a request; its headers in ./head, its body in ./body.
get() {
	curl -s -o body -D head -w '%{http_code}' "$@"
}

header() {
	sed -n "s/^$1: //Ip" head | tr -d '\r'
}

make_site() {
	mkdir -p site/a/b
	echo '<html>page</html>' >site/a/index.html
	head -c 100000 /dev/urandom >site/x.aci
	: >site/empty.txt
	echo secret >site/.hidden
	echo outside >outside
	ln -s ../outside site/leak
	ln -s x.aci site/link.aci
}

# An OCI layout in ./layout with a layer: tags v1 and v2.
make_layout() {
	mkdir -p bundle
	umoci init --layout layout
	umoci new --image layout:v1
	umoci unpack --rootless --image layout:v1 bundle >/dev/null
	echo hello >bundle/rootfs/hello
	umoci repack --image layout:v1 bundle >/dev/null
	umoci tag --image layout:v1 v2
}

@test "files, and a directory's index with or without a slash" {
	make_site
	serve site
	[ "$(get "$url/x.aci")" = 200 ]
	cmp body site/x.aci
	[ "$(get "$url/link.aci")" = 200 ]
	cmp body site/x.aci
	for path in /a /a/ '/a?ac-discovery=1' /a/index.html; do
		[ "$(get "$url$path")" = 200 ]
		cmp body site/a/index.html
	done
	[ "$(header Content-Type)" = 'text/html; charset=utf-8' ]
	[ "$(get "$url/empty.txt")" = 200 ]
	[ "$(header Content-Length)" = 0 ]
}

@test "nothing outside the site, no listings, no hidden names" {
	make_site
	serve site
	for path in / /a/b /nothing /leak /.hidden /../outside /a/../../outside \
		/%2e%2e/outside /%2e%2e%2foutside //../outside; do
		[ "$(get --path-as-is "$url$path")" = 404 ]
		run ! grep -q outside body
	done
}

@test "HEAD, ranges and conditions" {
	make_site
	serve site
	[ "$(get -I "$url/x.aci")" = 200 ]
	[ "$(header Content-Length)" = 100000 ]
	etag=$(header ETag)
	[ "$(header Accept-Ranges)" = bytes ]

	[ "$(get -r 10-19 "$url/x.aci")" = 206 ]
	[ "$(header Content-Range)" = 'bytes 10-19/100000' ]
	cmp body <(tail -c +11 site/x.aci | head -c 10)
	[ "$(get -r -7 "$url/x.aci")" = 206 ]
	cmp body <(tail -c 7 site/x.aci)
	[ "$(get -r 99990- "$url/x.aci")" = 206 ]
	cmp body <(tail -c 10 site/x.aci)
	[ "$(get -r 0-999999 "$url/x.aci")" = 206 ]
	cmp body site/x.aci
	[ "$(get -r 100000- "$url/x.aci")" = 416 ]
	[ "$(header Content-Range)" = 'bytes */100000' ]
	[ "$(get -r 1-2,5-6 "$url/x.aci")" = 200 ]

	[ "$(get -H "If-None-Match: $etag" "$url/x.aci")" = 304 ]
	[ "$(get -H 'If-None-Match: "a", W/"b"' "$url/x.aci")" = 200 ]
	[ "$(get -r 1-2 -H "If-Range: $etag" "$url/x.aci")" = 206 ]
	[ "$(get -r 1-2 -H 'If-Range: "other"' "$url/x.aci")" = 200 ]

	# Another content is another tag.
	cp site/x.aci new && mv new site/x.aci
	[ "$(get -H "If-None-Match: $etag" "$url/x.aci")" = 200 ]
}

@test "it only reads" {
	make_site
	make_layout
	serve site --oci layout
	for method in POST PUT DELETE PATCH; do
		[ "$(get -X "$method" -d data "$url/x.aci")" = 405 ]
		[ "$(header Allow)" = 'GET, HEAD' ]
		[ "$(get -X "$method" -d data "$url/v2/layout/manifests/v1")" = 405 ]
		grep -q UNSUPPORTED body
	done
	[ "$(get -X POST "$url/v2/layout/blobs/uploads/")" = 405 ]
}

@test "an OCI layout is a repository: the registry's answers" {
	make_layout
	serve --oci my/app=layout
	[ "$(get "$url/v2/")" = 200 ]
	[ "$(header Docker-Distribution-API-Version)" = registry/2.0 ]
	[ "$(get "$url/v2/_catalog")" = 200 ]
	[ "$(cat body)" = '{"repositories":["my/app"]}' ]
	[ "$(get "$url/v2/my/app/tags/list")" = 200 ]
	[ "$(cat body)" = '{"name":"my/app","tags":["v1","v2"]}' ]
	[ "$(get "$url/v2/my/app/tags/list?n=1")" = 200 ]
	[ "$(header Link)" = '</v2/my/app/tags/list?n=1&last=v1>; rel="next"' ]
	[ "$(get "$url/v2/my/app/tags/list?n=1&last=v1")" = 200 ]
	[ "$(cat body)" = '{"name":"my/app","tags":["v2"]}' ]
	[ -z "$(header Link)" ]

	[ "$(get "$url/v2/my/app/manifests/v1")" = 200 ]
	digest=$(header Docker-Content-Digest)
	[ "$digest" = "sha256:$(sha256sum <body | cut -d' ' -f1)" ]
	[ "$(header Content-Type)" = application/vnd.oci.image.manifest.v1+json ]
	cp body manifest
	[ "$(get "$url/v2/my/app/manifests/$digest")" = 200 ]
	cmp body manifest
	[ "$(header Content-Type)" = application/vnd.oci.image.manifest.v1+json ]
	[ "$(get -I "$url/v2/my/app/manifests/v1")" = 200 ]
	[ "$(header Content-Length)" = "$(stat -c %s manifest)" ]
	[ "$(get -H "If-None-Match: \"$digest\"" "$url/v2/my/app/manifests/v1")" = 304 ]

	layer=$(grep -o '"layers".*' manifest | grep -o 'sha256:[0-9a-f]*')
	[ "$(get "$url/v2/my/app/blobs/$layer")" = 200 ]
	cmp body "layout/blobs/sha256/${layer#sha256:}"
	[ "$(header Docker-Content-Digest)" = "$layer" ]
	[ "$(get -I "$url/v2/my/app/blobs/$layer")" = 200 ]
	[ "$(get -r 3-9 "$url/v2/my/app/blobs/$layer")" = 206 ]
	cmp body <(tail -c +4 "layout/blobs/sha256/${layer#sha256:}" | head -c 7)
}

@test "what the registry does not have" {
	make_layout
	serve --oci my/app=layout
	none=$(printf '0%.0s' $(seq 64))
	[ "$(get "$url/v2/my/app/manifests/v3")" = 404 ]
	grep -q MANIFEST_UNKNOWN body
	[ "$(get "$url/v2/my/app/manifests/sha256:$none")" = 404 ]
	[ "$(get "$url/v2/my/app/blobs/sha256:$none")" = 404 ]
	grep -q BLOB_UNKNOWN body
	[ "$(get --path-as-is "$url/v2/my/app/blobs/sha256:../../index.json")" = 404 ]
	[ "$(get "$url/v2/my/app/blobs/sha256:ABC")" = 400 ]
	grep -q DIGEST_INVALID body
	[ "$(get "$url/v2/other/tags/list")" = 404 ]
	grep -q NAME_UNKNOWN body
	[ "$(get --path-as-is "$url/v2/../layout/manifests/v1")" = 404 ]
	[ "$(get "$url/v2/My/tags/list")" = 404 ]
	[ "$(get "$url/v2/my/app/tags/list?n=x")" = 400 ]
	[ "$(get "$url/v2/my/app/referrers/sha256:$none")" = 404 ]
	[ "$(get "$url/index.json")" = 404 ]
}

@test "skopeo copies from it, by tag and by digest" {
	make_layout
	serve --oci app=layout
	skopeo copy -q --src-tls-verify=false "docker://$addr/app:v1" oci:got:v1
	skopeo inspect --raw --tls-verify=false "docker://$addr/app:v2" >raw
	digest=sha256:$(sha256sum <raw | cut -d' ' -f1)
	skopeo copy -q --src-tls-verify=false "docker://$addr/app@$digest" oci:pinned:x
	for blob in got/blobs/sha256/*; do
		cmp "$blob" "layout/blobs/sha256/${blob##*/}"
		[ -e "pinned/blobs/sha256/${blob##*/}" ]
	done
	[ "$(skopeo list-tags --tls-verify=false "docker://$addr/app" |
		grep -c '"v[12]"')" = 2 ]
}

@test "podman pulls from it" {
	command -v podman >/dev/null || skip "no podman"
	make_layout
	serve --oci app=layout
	mkdir pod
	set -- podman --root "$PWD/pod/root" --runroot "$PWD/pod/run" \
		--storage-driver vfs
	run -0 --separate-stderr "$@" pull -q --tls-verify=false "$addr/app:v1"
	[ "$("$@" image inspect --format '{{.Digest}}' "$addr/app:v1")" = \
		"sha256:$(curl -s "$url/v2/app/manifests/v1" | sha256sum | cut -d' ' -f1)" ]
	"$@" rmi -f "$addr/app:v1" >/dev/null
}

@test "an image added while it runs is there" {
	make_layout
	serve --oci app=layout
	[ "$(get "$url/v2/app/manifests/v3")" = 404 ]
	umoci tag --image layout:v1 v3
	[ "$(get "$url/v2/app/manifests/v3")" = 200 ]
}

@test "https with a certificate" {
	make_site
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	serve site --tls-cert cert.pem --tls-key key.pem
	[ "${url%%:*}" = https ]
	[ "$(get --cacert cert.pem "$url/x.aci")" = 200 ]
	cmp body site/x.aci
	run -60 get "$url/x.aci"
	kill "$server" && wait "$server"
	run -1 --separate-stderr acfetch serve site --listen 127.0.0.1:0 \
		--tls-cert cert.pem --tls-key cert.pem
	[[ $stderr == *"'cert.pem' and 'cert.pem' a certificate and its key"* ]]
	run -2 acfetch serve site --tls-cert cert.pem
}

@test "it ends cleanly on SIGTERM, and the port is free again" {
	make_site
	port=$(free_port)
	serve site --listen "127.0.0.1:$port"
	run -1 --separate-stderr acfetch serve site --listen "$addr"
	[[ $stderr == *"listen on '$addr': "*"choose another port by --listen"* ]]
	kill -TERM "$server"
	wait "$server"
	grep -q 'signal 15' serve.log
	serve site --listen "127.0.0.1:$port"
	[ "$addr" = "127.0.0.1:$port" ]
}

@test "the access log, with --debug" {
	make_site
	serve site
	get "$url/x.aci" >/dev/null
	get "$url/nothing" >/dev/null
	grep -q '127.0.0.1 GET /x.aci 200 100000' serve.log
	grep -q '127.0.0.1 GET /nothing 404' serve.log
}

@test "the address as JSON" {
	make_site
	acfetch --json serve site --listen 127.0.0.1:0 >serve.out 3>&- &
	server=$!
	for _ in $(seq 100); do
		[ -s serve.out ] && break
		sleep 0.05
	done
	[ "$(get "$(jq -r .url serve.out)/x.aci")" = 200 ]
}

@test "many clients at once" {
	make_site
	serve site
	for i in $(seq 20); do
		curl -s -o "body$i" "$url/x.aci" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in $(seq 20); do
		cmp "body$i" site/x.aci
	done
	tasks=("/proc/$server/task/"*)
	[ "${#tasks[@]}" -le 8 ]
}

@test "what cannot be served is said at the start" {
	run -1 --separate-stderr acfetch serve nowhere
	[[ $stderr == *"open the site 'nowhere'"* ]]
	mkdir empty
	run -1 --separate-stderr acfetch serve --oci empty --listen 127.0.0.1:0
	[[ $stderr == *"OCI layout 'empty': "*index.json* ]]
	make_layout
	mv layout 'Bad Name'
	run -2 --separate-stderr acfetch serve --oci 'Bad Name'
	[[ $stderr == *"--oci NAME=Bad Name"* ]]
	run -1 --separate-stderr acfetch --dir "$PWD/none" serve
	[[ $stderr == *"serve the store"* ]]
	run -2 --separate-stderr acfetch serve empty --listen nonsense
	run -2 --separate-stderr acfetch serve empty --site empty
}
