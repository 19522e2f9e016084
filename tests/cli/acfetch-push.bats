#!/usr/bin/env bats
# acfetch push to a real registry, read back by others, and to registries that
# break.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, bad $A

load helper
load pull

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	start_registry
}
teardown_file() { stop "$REGISTRY_PID"; }

setup() {
	store_setup
	REPO=${BATS_TEST_NUMBER}/img
}
teardown() {
	if [ -n "${BAD_PID-}" ]; then
		stop "$BAD_PID"
	fi
}

push() { acfetch --local-config="$PWD/etc" --system-config=/nonexistent push "$@"; }
copy_back() { skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/$1" "oci:$2:x"; }
raw() { skopeo --insecure-policy inspect --raw --tls-verify=false "docker://$REGISTRY/$1"; }
# big_aci FILE: larger than what goes with one request.
big_aci() {
	mkdir -p tree
	head -c 3000000 /dev/urandom >tree/random
	acbuild begin ./tree
	acbuild set-name example.com/big
	acbuild set-exec -- /bin/true
	acbuild write "$1" >/dev/null
	acbuild end
}

@test "an ACI becomes an OCI image that skopeo and umoci read" {
	big_aci big.aci
	run -0 --separate-stderr push big.aci "docker://$REGISTRY/$REPO:1.0"
	[ "$output" = "sha256:$(raw "$REPO:1.0" | sha256sum | cut -d' ' -f1)" ]
	acconvert to-oci big.aci there >digest
	[ "$output" = "$(cat digest)" ]
	copy_back "$REPO:1.0" back
	umoci unpack --rootless --image back:x unpacked
	cmp tree/random unpacked/rootfs/random
	[ "$(skopeo inspect --config --raw oci:back:x | jq -c '.config.Entrypoint // .config.Cmd')" = '["/bin/true"]' ]
	run ! compgen -G "${TMPDIR:-/tmp}/acfetch-push-*"
}

@test "what the registry has is not sent again" {
	make_aci a.aci example.com/a 1
	push a.aci "docker://$REGISTRY/$REPO"
	run -0 --separate-stderr push --json a.aci "docker://$REGISTRY/$REPO:two"
	[ "$(jq -c '[.sent, .present, .mounted]' <<<"$output")" = '[0,2,0]' ]
	[ "$(jq -r .reference <<<"$output")" = "docker://$REGISTRY/$REPO:two" ]
	[ "$(raw "$REPO:latest")" = "$(raw "$REPO:two")" ]
}

@test "an image of the store: as it came, mounted within a registry" {
	make_aci a.aci example.com/a 1
	push a.aci "docker://$REGISTRY/$REPO"
	pull --insecure-options=image "docker://$REGISTRY/$REPO"
	run -0 --separate-stderr push --json "docker://$REGISTRY/$REPO" "docker://$REGISTRY/other/$REPO"
	[ "$(jq -c '[.sent, .present, .mounted]' <<<"$output")" = '[0,0,2]' ]
	[ "$(raw "other/$REPO")" = "$(raw "$REPO")" ]
	# A directory of that name is not what is meant.
	mkdir docker
	push "docker://$REGISTRY/$REPO" "docker://$REGISTRY/again/$REPO"
	[ "$(raw "again/$REPO")" = "$(raw "$REPO")" ]
	# An ACI of the store, by name and by id.
	pull --insecure-options=image ./a.aci
	push example.com/a:1 "docker://$REGISTRY/aci/$REPO"
	push "$ID" "docker://$REGISTRY/aci/$REPO:id"
	[ "$(raw "aci/$REPO")" = "$(raw "$REPO")" ]
	[ "$(raw "aci/$REPO:id")" = "$(raw "$REPO")" ]
}

@test "layouts: directory, tar, one tag of several, a whole index" {
	local d
	umoci init --layout layout
	umoci new --image layout:a
	mkdir files
	echo hello >files/f
	umoci insert --image layout:a files /
	umoci tag --image layout:a b
	umoci config --image layout:b --config.cmd /x
	tar -C layout -cf layout.tar .
	run -1 --separate-stderr push layout "docker://$REGISTRY/$REPO"
	[[ $stderr == *"several images"* ]]
	run -1 --separate-stderr push layout:c "docker://$REGISTRY/$REPO"
	[[ $stderr == *"no image with the tag c"* ]]
	push layout:a "docker://$REGISTRY/$REPO:a"
	push layout.tar:b "docker://$REGISTRY/$REPO:b"
	for d in a b; do
		raw "$REPO:$d" >manifest
		cmp manifest "layout/blobs/sha256/$(sha256sum <manifest | cut -d' ' -f1)"
	done
	# An index of both.
	jq -c '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:[.manifests[]|del(.annotations)]}' \
		layout/index.json >inner
	d=$(sha256sum <inner | cut -d' ' -f1)
	cp inner "layout/blobs/sha256/$d"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%s}]}' \
		"$d" "$(stat -c %s inner)" >layout/index.json
	run -0 --separate-stderr push layout "docker://$REGISTRY/index/$REPO"
	[ "$output" = "sha256:$d" ]
	[ "$(raw "index/$REPO")" = "$(cat inner)" ]
	skopeo --insecure-policy copy -q --all --src-tls-verify=false "docker://$REGISTRY/index/$REPO" dir:all
}

@test "credentials: a challenge for more than reading" {
	make_oci
	mkdir -p etc/auth.d
	layout_of l
	cat >script <<-END
	GET /token*
	need Authorization: Basic dTpw
	body {"token":"tok"}
	GET /token*
	status 401
	HEAD /v2/app/blobs/*
	need Bearer tok
	status 404
	POST /v2/app/blobs/uploads/
	need Bearer tok
	status 202
	header Location: /upload/1
	PUT /upload/1*
	need Bearer tok
	status 201
	PUT /v2/app/manifests/v1
	need Bearer tok
	status 201
	HEAD /v2/*
	status 401
	header WWW-Authenticate: Bearer realm="http://\$A/token",service="s",scope="repository:app:pull"
	END
	bad script
	run -1 --separate-stderr push l "docker://$A/app:v1"
	[[ $stderr == *"gives no token"* ]]
	echo "{\"rktKind\":\"dockerAuth\",\"rktVersion\":\"v1\",\"registries\":[\"$A\"],\"credentials\":{\"user\":\"u\",\"password\":\"p\"}}" >etc/auth.d/r.json
	chmod 600 etc/auth.d/r.json
	run -0 --separate-stderr push l "docker://$A/app:v1"
	[ "$output" = "$MANIFEST" ]
	grep -q '^A PUT /upload/1?digest=' log
}

# The image of make_oci as the layout DIR.
layout_of() {
	local f
	mkdir -p "$1/blobs/sha256"
	for f in layer.tar.gz config.json manifest.json; do
		cp "$f" "$1/blobs/sha256/$(sha256sum <"$f" | cut -d' ' -f1)"
	done
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s}]}' \
		"$MANIFEST" "$(stat -c %s manifest.json)" >"$1/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
}

# The rules of a registry that takes all; RULES come first.
registry() {
	{
		cat
		cat <<-END
		POST /v2/app/blobs/uploads/*
		status 202
		header Location: http://\$A/upload/1?s=1
		PATCH /upload/1*
		status 202
		header Location: /upload/1?s=2
		PUT /upload/1*
		status 201
		PUT /v2/app/manifests/*
		status 201
		END
	} >script
	bad script
}

@test "a transfer that breaks goes on where the registry has it" {
	make_oci 2000000
	layout_of l
	registry <<-END
	PATCH /upload/1*
	need Content-Range: 1500000-
	status 202
	header Location: /upload/1?s=3
	PATCH /upload/1*
	status 500
	GET /upload/1*
	status 204
	header Range: 0-1499999
	END
	run -0 --separate-stderr push l "docker://$A/app"
	[ "$output" = "$MANIFEST" ]
	[ "$(grep -c '^A PATCH' log)" -eq 2 ]
	grep -q '^A PUT /upload/1?s=3&digest=' log
}

@test "an upload that is forgotten begins anew, and not for ever" {
	make_oci 2000000
	layout_of l
	registry <<-END
	PATCH /upload/1*
	times 1
	status 404
	END
	run -0 --separate-stderr push l "docker://$A/app"
	[ "$(grep -c '^A POST' log)" -eq 3 ]
	stop "$BAD_PID"
	registry <<-END
	PATCH /upload/1*
	status 503
	END
	run -1 --separate-stderr push l "docker://$A/app"
	[[ $stderr == *"status 503"* ]]
	[ "$(grep -c '^A PATCH' log)" -eq 4 ]
	run ! grep manifests log
}

@test "credentials stay with the registry's own place" {
	make_oci
	layout_of l
	mkdir -p etc/auth.d
	registry <<-END
	POST /v2/app/blobs/uploads/
	need Authorization
	status 202
	header Location: http://\$B/elsewhere
	PUT /elsewhere*
	status 201
	HEAD /v2/app/blobs/*
	need Authorization
	status 404
	HEAD /v2/app/blobs/*
	status 401
	header WWW-Authenticate: Basic realm="x"
	END
	echo "{\"rktKind\":\"dockerAuth\",\"rktVersion\":\"v1\",\"registries\":[\"$A\"],\"credentials\":{\"user\":\"u\",\"password\":\"p\"}}" >etc/auth.d/r.json
	chmod 600 etc/auth.d/r.json
	run -0 --separate-stderr push l "docker://$A/app"
	grep -q '^A POST .*auth=Basic' log
	grep -q '^B PUT /elsewhere' log
	run ! grep '^B .*auth=Basic' log
}

@test "a registry that keeps another manifest, or refuses" {
	make_oci
	layout_of l
	registry <<-END
	PUT /v2/app/manifests/*
	status 201
	header Docker-Content-Digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
	END
	run -1 --separate-stderr push l "docker://$A/app"
	[[ $stderr == *"keeps another manifest"* ]]
	stop "$BAD_PID"
	registry <<-END
	POST /v2/*
	status 403
	body {"errors":[{"code":"DENIED","message":"no room for you"}]}
	END
	run -1 --separate-stderr push l "docker://$A/app"
	[[ $stderr == *"does not take blob"*"no room for you"*"auth.d"* ]]
}

@test "a blob of the layout that is damaged is refused by the registry" {
	make_oci
	layout_of l
	printf x | dd of="l/blobs/sha256/${LAYER#*:}" conv=notrunc status=none
	run -1 --separate-stderr push l "docker://$REGISTRY/$REPO"
	[[ $stderr == *"$LAYER"* ]]
	run -1 raw "$REPO"
	# And a manifest that is damaged never leaves.
	printf x | dd of="l/blobs/sha256/${MANIFEST#*:}" conv=notrunc status=none
	run -1 --separate-stderr push l "docker://$REGISTRY/$REPO"
	[[ $stderr == *"digest"* ]]
}

@test "what cannot be pushed, and where it cannot go" {
	make_aci a.aci example.com/a 1
	run -2 --separate-stderr push a.aci example.com/a
	[[ $stderr == *"docker://HOST"* ]]
	run -2 push a.aci "docker://$REGISTRY/a@sha256:$(sha256sum </dev/null | cut -d' ' -f1)"
	run -1 --separate-stderr push ./nosuch.aci "docker://$REGISTRY/a"
	[[ $stderr == *"no such file or directory"* ]]
	run -1 --separate-stderr push example.com/nosuch "docker://$REGISTRY/a"
	[[ $stderr == *"no image of the store"* ]]
	make_aci d.aci example.com/d 1 '"dependencies":[{"imageName":"example.com/a"}]'
	run -1 --separate-stderr push d.aci "docker://$REGISTRY/a"
	[[ $stderr == *"acconvert"* ]]
	echo nothing >file
	run -1 push file "docker://$REGISTRY/a"
}
