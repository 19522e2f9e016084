#!/usr/bin/env bats
# acfetch pull: what registries may say about an image.
# shellcheck disable=SC2154,SC2153,SC2034 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup() {
	store_setup
	make_oci 1000
}

teardown() { stop_servers; }

index_type=application/vnd.oci.image.index.v1+json
manifest_type=application/vnd.oci.image.manifest.v1+json

# entry FILE TYPE [PLATFORM [MORE]]: what an index says about a manifest.
entry() {
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s%s}' "$2" "$(sha256sum <"$1" | cut -d' ' -f1)" \
		"$(stat -c %s "$1")" "${3:+,\"platform\":$3}" "${4:+,$4}"
}

here() { printf '{"os":"linux","architecture":"%s"}' "$(go_arch)"; }

# index ENTRY...
index() {
	local IFS=,
	printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' "$index_type" "$*"
}

# by_digest FILE...: rules that serve these manifests.
by_digest() {
	local f
	for f; do
		printf 'GET /v2/app/manifests/sha256:%s\nfile %s\n' "$(sha256sum <"$f" | cut -d' ' -f1)" "$f"
	done
}

@test "what another store has is pulled into one's own, all of it" {
	printf 'GET /v2/app/manifests/%s\nfile manifest.json\n' one two >rules
	registry <rules
	ACUTILS_DIR=$PWD/shared insecure "docker://$A/app:one"
	run -0 --separate-stderr insecure --full --store-read shared "docker://$A/app:two"
	rm -r shared
	acfetch store check
	acfetch image render "$output" tree
	[ -n "$(ls tree)" ]
}

@test "an index in an index" {
	index "$(entry manifest.json $manifest_type "$(here)")" >inner
	index "$(entry inner $index_type)" >middle
	# Not the first that does not say its platform: the one that has it.
	index "$(entry manifest.json $manifest_type '{"os":"plan9","architecture":"vax"}')" >other
	index "$(entry other $index_type)" "$(entry middle $index_type)" >outer
	{
		by_digest inner middle other manifest.json outer
		printf 'GET /v2/app/manifests/latest\nfile outer\n'
	} >rules
	registry <rules
	run -0 --separate-stderr insecure --full "docker://$A/app"
	[ "$output" = "sha512-$(sha512sum <manifest.json | cut -d' ' -f1)" ]
	blobs_ok
	# The outer index pinned: the same image, without --insecure-options=image.
	run -0 --separate-stderr pull --full "docker://$A/app@sha256:$(sha256sum <outer | cut -d' ' -f1)"
	[ "$output" = "sha512-$(sha512sum <manifest.json | cut -d' ' -f1)" ]
	run -1 --separate-stderr insecure --platform=linux/s390x "docker://$A/app:latest" --no-store
	[[ $stderr == *"no image for linux/s390x"* ]]
}

@test "indexes in indexes without end" {
	cp manifest.json i0
	for i in 1 2 3 4 5 6 7; do
		index "$(entry i$((i - 1)) $index_type)" >i$i
	done
	{
		by_digest i0 i1 i2 i3 i4 i5 i6
		printf 'GET /v2/app/manifests/latest\nfile i7\nGET /v2/app/manifests/wide\nfile wide\n'
	} >rules
	# Many, and none has what is wanted.
	index "$(entry manifest.json $manifest_type '{"os":"plan9","architecture":"vax"}')" >none
	for i in {1..50}; do
		index "$(entry none $index_type '' "\"annotations\":{\"n\":\"$i\"}")" >"w$i"
		list+=("$(entry "w$i" $index_type)")
	done
	index "${list[@]}" >wide
	by_digest none w{1..40} >>rules
	registry <rules
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"indexes within indexes: more than 4 deep"* ]]
	run -1 --separate-stderr insecure "docker://$A/app:wide"
	[[ $stderr == *"indexes within indexes"*"more than 32 of them"* ]]
	[ "$(grep -c manifests log)" -lt 50 ]
	store_empty
}

@test "the newest variant that is not too new" {
	for v in 5 6 7; do
		sed "s/\"linux\"/\"linux\",\"variant\":\"v$v\"/; s/\"architecture\":\"[a-z0-9]*\"/\"architecture\":\"arm\"/" config.json >c$v
		sed "s|$CONFIG|sha256:$(sha256sum <c$v | cut -d' ' -f1)|; s|\"size\":$(stat -c %s config.json)|\"size\":$(stat -c %s c$v)|" manifest.json >m$v
		list+=("$(entry m$v $manifest_type "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v$v\"}")")
	done
	index "${list[@]}" >all
	index "${list[1]}" "${list[0]}" >old
	{
		by_digest m5 m6 m7
		for v in 5 6 7; do
			printf 'GET /v2/app/blobs/sha256:%s\nfile c%s\n' "$(sha256sum <c$v | cut -d' ' -f1)" $v
		done
		printf 'GET /v2/app/manifests/all\nfile all\nGET /v2/app/manifests/old\nfile old\n'
	} >rules
	registry <rules
	is() { [ "$output" = "sha512-$(sha512sum <"$1" | cut -d' ' -f1)" ]; }
	run -0 --separate-stderr insecure --full --platform=linux/arm/v8 --no-store "docker://$A/app:all"
	is m7
	run -0 --separate-stderr insecure --full --platform=linux/arm/v7 --no-store "docker://$A/app:old"
	is m6
	run -0 --separate-stderr insecure --full --platform=linux/arm/v5 --no-store "docker://$A/app:all"
	is m5
	run -1 --separate-stderr insecure --platform=linux/arm64 --no-store "docker://$A/app:all"
	[[ $stderr == *"there are: linux/arm/v5, linux/arm/v6, linux/arm/v7"* ]]
}

@test "content within descriptors" {
	sed -i "s|\"digest\":\"$CONFIG\"|\"data\":\"$(base64 -w0 config.json)\",&|; s|\"digest\":\"$LAYER\"|\"data\":\"$(base64 -w0 layer.tar.gz)\",&|" manifest.json
	index "$(entry manifest.json $manifest_type "$(here)" "\"data\":\"$(base64 -w0 manifest.json)\"")" >index.json
	printf 'GET /v2/app/manifests/latest\nfile index.json\n' >script
	bad script
	run -0 --separate-stderr insecure --full "docker://$A/app"
	[ "$output" = "sha512-$(sha512sum <manifest.json | cut -d' ' -f1)" ]
	[ "$(grep -c GET log)" = 1 ]
	blobs_ok
	cmp store/layers/*/rootfs/etc/random oci/etc/random
}

@test "content within descriptors that is other content" {
	cp manifest.json good.json
	for data in "$(echo other | base64)" "$(tr l L <config.json | base64 -w0)" 'not base64!' '7'; do
		sed "s|\"digest\":\"$CONFIG\"|\"data\":\"$data\",&|" good.json >manifest.json
		registry </dev/null
		run -1 --separate-stderr insecure "docker://$A/app"
		[[ $stderr == *"data of a descriptor is not"* ]]
		stop "$BAD_PID"
	done
	sed "s|\"digest\":\"$LAYER\"|\"data\":[],&|" good.json >manifest.json
	registry </dev/null
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"data: expected a string"* ]]
	store_empty
}

# The layer is foreign, in the places URL...
foreign() {
	local u places=''
	for u; do places+=${places:+,}"\"$u\""; done
	make_manifest
	sed -i "s|vnd.oci.image.layer.v1.tar+gzip|vnd.oci.image.layer.nondistributable.v1.tar+gzip|; s|\"digest\":\"$LAYER\"|\"urls\":[$places],&|" manifest.json
}

@test "a foreign layer: from the registry, or from where the manifest says" {
	start_nginx
	mkdir www/layers
	cp layer.tar.gz www/layers/l
	foreign "https://localhost:$PORT/none" "https://localhost:$PORT/layers/l"
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	status 404
	END
	run -0 --separate-stderr insecure --ca-file=ca.pem "docker://$A/app"
	blobs_ok
	settle_log
	grep -q '"GET /none HTTP/[0-9.]*" 404' access.log
	settle_log
	grep -q '"GET /layers/l HTTP/[0-9.]*" 200' access.log
	# The registry has it now: nobody else is asked.
	rm -rf store
	clear_log access.log
	run -0 --separate-stderr insecure --ca-file=ca.pem "docker://$A/app"
	settle_log
	[ ! -s access.log ]
}

@test "a foreign layer that is not to be had" {
	start_nginx
	mkdir www/layers
	cp layer.tar.gz www/layers/l
	head -c 1000 /dev/urandom >www/layers/short
	head -c "$(stat -c %s layer.tar.gz)" /dev/urandom >www/layers/wrong
	gone="GET /v2/app/blobs/$LAYER
status 404"
	try() { # SAID URL...
		foreign "${@:2}"
		registry <<<"$gone"
		run -1 --separate-stderr pull --insecure-options=image --ca-file=ca.pem "docker://$A/app"
		[[ $stderr == *"$1"* ]] || { echo "$stderr"; return 1; }
		stop "$BAD_PID"
		store_empty
	}
	try "registries need not have (application/vnd.oci.image.layer.nondistributable.v1.tar+gzip), and its manifest names no other place"
	try "plain http to 'localhost' is not allowed" "http://localhost:$PORT/layers/l"
	try "status 404" "https://localhost:$PORT/none"
	try "a user in a URL that a registry gives is refused" "https://me:pw@localhost:$PORT/layers/l"
	try "the server has 1000 bytes, where " "https://localhost:$PORT/layers/short"
	try "layer 1 of" "https://localhost:$PORT/layers/wrong"
	try "file:///etc/passwd" "file:///etc/passwd"
	# Once bytes came, no other place can mend them.
	clear_log access.log
	try "layer 1 of" "https://localhost:$PORT/layers/wrong" "https://localhost:$PORT/layers/l"
	settle_log
	! grep -q 'GET /layers/l ' access.log || false
}

@test "credentials of the registry do not go to a foreign layer's place" {
	mkdir -p etc/auth.d
	cat >script <<-END
	GET /v2/app/manifests/latest
	need Basic bWU6cHc=
	file manifest.json
	GET /v2/app/manifests/latest
	status 401
	header WWW-Authenticate: Basic realm="x"
	GET /v2/app/blobs/$CONFIG
	file config.json
	GET /l
	file layer.tar.gz
	END
	# The manifest has to name a port that is known only now: it is not pinned.
	port=$(free_port)
	foreign "http://127.0.0.1:$port/l"
	mkdir www
	cp layer.tar.gz www/l
	acfetch serve --listen "127.0.0.1:$port" www >serve.log 2>&1 3>&- &
	SERVER=$!
	wait_for 10 listening "$port"
	bad script
	echo '{"rktKind":"dockerAuth","rktVersion":"v1","registries":["'"$A"'"],"credentials":{"user":"me","password":"pw"}}' >etc/auth.d/a.json
	run -0 --separate-stderr insecure --debug "docker://$A/app"
	grep -q "blobs/$LAYER range= auth=Basic bWU6cHc=$" log
	[[ $stderr == *"GET http://127.0.0.1:$port/l: 200"* ]]
}

@test "what is no image: artifacts, schema 1, by name of its type" {
	cp manifest.json good.json
	sed 's|vnd.oci.image.config.v1+json|vnd.oci.empty.v1+json|; s|"schemaVersion":2,|&"artifactType":"application/vnd.example.sbom",|' good.json >manifest.json
	registry </dev/null
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"not a container image: an artifact of type 'application/vnd.example.sbom'"* ]]
	sed 's|vnd.oci.image.config.v1+json|vnd.cncf.helm.config.v1+json|' good.json >manifest.json
	stop "$BAD_PID"
	registry </dev/null
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"its configuration is of type 'application/vnd.cncf.helm.config.v1+json'"* ]]
	stop "$BAD_PID"
	echo '{"schemaVersion":1,"name":"app","tag":"latest","architecture":"amd64","fsLayers":[],"history":[]}' >manifest.json
	registry </dev/null
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"Docker's schema 1"*"pull and push the image with a current tool"* ]]
	store_empty
}

@test "a subject, annotations and what is not known change nothing" {
	sed -i "s|\"schemaVersion\":2,|&\"subject\":{\"mediaType\":\"$manifest_type\",\"digest\":\"sha256:$(printf '0%.0s' {1..64})\",\"size\":7},\"annotations\":{\"a\":\"b\"},\"org.example\":[1],|" manifest.json
	registry </dev/null
	run -0 --separate-stderr insecure --full "docker://$A/app"
	[ "$output" = "sha512-$(sha512sum <manifest.json | cut -d' ' -f1)" ]
}

@test "a registry that contradicts itself about the digest" {
	registry <<-END
	GET /v2/app/manifests/latest
	times 1
	header Docker-Content-Digest: $CONFIG
	file manifest.json
	GET /v2/app/manifests/right
	header Docker-Content-Digest: $MANIFEST
	file manifest.json
	GET /v2/app/manifests/odd
	header Docker-Content-Digest: md5:00
	file manifest.json
	END
	run -1 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"digest does not match: '$CONFIG' is what the registry says, what came is '$MANIFEST'"* ]]
	store_empty
	run -0 insecure "docker://$A/app:right"
	run -0 insecure "docker://$A/app:odd"
}
