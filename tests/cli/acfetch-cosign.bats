#!/usr/bin/env bats
# acfetch pull of images of a registry that cosign signed by plain keys.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, make_oci $MANIFEST

load helper
load pull
load cosign

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	make_plain one
	make_plain two
	start_registry
}
teardown() {
	if [ -n "${BAD_PID-}" ]; then
		stop "$BAD_PID"
	fi
}
teardown_file() { stop "$REGISTRY_PID"; }

setup() {
	store_setup
	KEYS=$BATS_FILE_TMPDIR
	REPO=app$BATS_TEST_NUMBER
	make_oci 1000
	put_blob layer.tar.gz
	put_blob config.json
	put_manifest manifest.json 1.0
	NAME=$(tr : _ <<<"$REGISTRY")/$REPO
}

af() { acfetch --local-config="$PWD/etc" --system-config="$PWD/sys" "$@"; }
pin() { af trust --skip-fingerprint-review --prefix "$@" >/dev/null 2>&1; }

# refused TEXT [REFERENCE]
refused() {
	run -1 --separate-stderr pull --no-store "docker://$REGISTRY/$REPO${2-:1.0}"
	[[ $stderr == *"$1"* ]] || { echo "said: $stderr" && false; }
	store_empty
}
accepted() {
	run -0 --separate-stderr pull --no-store --full "docker://$REGISTRY/$REPO${1-:1.0}"
	SIGNERS=$(jq -r '.signers[]?' "store/images/$output.json" | sort | tr '\n' ' ')
	rm -rf store
}

@test "a key that is pinned: cosign's signature at its tag" {
	refused "signature verification for docker images is not supported (try --insecure-options=image, or give a @digest"
	[[ $stderr == *"acfetch trust --prefix \"$NAME\" KEY.pub"* ]]
	pin "$NAME" "$KEYS/one.pub"
	refused "no signature for 'docker://$REGISTRY/$REPO:1.0' in the registry, where keys are trusted for '$NAME'"
	simple "$MANIFEST"
	sig_layer one
	put_sigs "$MANIFEST"
	accepted
	[ "$SIGNERS" = "$(id one) " ]
	[[ $stderr == *"signature verified: key $(id one)"* ]]
	# What is here already has its signers told too.
	run -0 --separate-stderr pull --insecure-options=image --full "docker://$REGISTRY/$REPO:1.0"
	[ "$(jq -c .signers "store/images/$output.json")" = '[]' ]
	run -0 pull --no-store "docker://$REGISTRY/$REPO:1.0"
	[ "$(jq -r '.signers[]' store/images/*.json)" = "$(id one)" ]
	rm -r store
	# By somebody else.
	sig_layer two
	put_sigs "$MANIFEST"
	refused "not by any of the keys given"
	accepted "@$MANIFEST"
	run -0 pull --no-store --insecure-options=image "docker://$REGISTRY/$REPO:1.0"
	rm -r store
	# Two signatures, and a policy that wants both.
	af trust --require 2 --prefix "$NAME" 2>/dev/null
	sig_layer two one
	put_sigs "$MANIFEST"
	refused "good signatures by 1 of 2 required keys"
	pin "$NAME" "$KEYS/two.pub"
	accepted
	[ "$SIGNERS" = "$(printf '%s\n' "$(id one)" "$(id two)" | sort | tr '\n' ' ')" ]
	# A policy wants signatures of what has a digest too.
	sig_layer one
	put_sigs "$MANIFEST"
	refused "1 of 2" "@$MANIFEST"
}

@test "a signature of something else is none" {
	pin "$NAME" "$KEYS/one.pub"
	# Of another image, put at the tag of this one.
	simple "sha256:$(sha layer.tar.gz)"
	sig_layer one
	put_sigs "$MANIFEST"
	refused "it is the signature of another image"
	simple "$MANIFEST" "atomic container signature"
	sig_layer one
	put_sigs "$MANIFEST"
	refused "no statement about an image"
	for text in '' '[]' '{"critical":7}' '{"critical":{"image":[],"type":{}}}' 'not JSON'; do
		echo "$text" >payload
		sig_layer one
		put_sigs "$MANIFEST"
		refused "no statement about an image"
	done
	simple "$MANIFEST"
	sig_layer one
	sed -i 's/signature":"[^"]*"/signature":"!!"/' layers
	put_sigs "$MANIFEST"
	refused "not by any of the keys given"
	# A layer that is none of these is passed over.
	printf '{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%s}' \
		"$LAYER" "$(stat -c %s layer.tar.gz)" >layers
	put_sigs "$MANIFEST"
	refused "no signature for"
	# A good one beside a bad one.
	simple "sha256:$(sha layer.tar.gz)"
	sig_layer one
	simple "$MANIFEST"
	sig_layer one
	put_sigs "$MANIFEST"
	accepted
	[[ $stderr == *"warning: docker://$REGISTRY/$REPO:1.0: a signature does not count: it is the signature of another image"* ]]
}

@test "an index is signed as such; its name is all that a tag means" {
	pin "$NAME" "$KEYS/one.pub"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s,"platform":{"os":"linux","architecture":"%s"}}]}' \
		"$MANIFEST" "$(stat -c %s manifest.json)" "$(go_arch)" >index.json
	put_manifest index.json multi application/vnd.oci.image.index.v1+json
	simple "$MANIFEST"
	sig_layer one
	put_sigs "$MANIFEST"
	refused "no signature for" :multi
	simple "sha256:$(sha index.json)"
	sig_layer one
	put_sigs "sha256:$(sha index.json)"
	accepted :multi
	[ "$SIGNERS" = "$(id one) " ]
}

# statement PREDICATE DIGEST [KEY]: a bundle by the key (one), as cosign 3 makes them.
statement() {
	printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"%s"}}],"predicateType":"%s","predicate":{}}' \
		"${2#sha256:}" "$1" >statement
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(stat -c %s statement)" && cat statement; } >pae
	printf '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":""}},"dsseEnvelope":{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"%s"}]}}' \
		"$(base64 -w0 statement)" "$(openssl dgst -sha256 -sign "$KEYS/${3-one}.key" pae | base64 -w0)" >bundle
}

# referrer: the manifest referrer.json of the bundle, which refers to the image's.
referrer() {
	local type=application/vnd.dev.sigstore.bundle.v0.3+json
	printf '{}' >empty
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"%s","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:%s","size":2},"layers":[{"mediaType":"%s","digest":"sha256:%s","size":%s}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s}}' \
		$type "$(sha empty)" $type "$(sha bundle)" "$(stat -c %s bundle)" "$MANIFEST" "$(stat -c %s manifest.json)" >referrer.json
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"artifactType":"%s"}]}' \
		"$(sha referrer.json)" "$(stat -c %s referrer.json)" $type >referrers.json
}

# refer: the bundle in the registry, at the tag of what refers to the manifest.
refer() {
	referrer
	put_blob empty
	put_blob bundle
	put_manifest referrer.json "sha256:$(sha referrer.json)"
	put_manifest referrers.json "sha256-${MANIFEST#sha256:}" application/vnd.oci.image.index.v1+json
}

@test "a bundle that refers to the manifest" {
	pin "$NAME" "$KEYS/one.pub"
	statement https://sigstore.dev/cosign/sign/v1 "$MANIFEST"
	refer
	accepted
	[ "$SIGNERS" = "$(id one) " ]
	statement https://slsa.dev/provenance/v1 "$MANIFEST"
	refer
	refused "it is no signature but a statement of the type 'https://slsa.dev/provenance/v1'"
	statement https://sigstore.dev/cosign/sign/v1 "sha256:$(sha layer.tar.gz)"
	refer
	refused "it is the signature of another file"
	echo '{' >bundle
	refer
	refused "docker://$REGISTRY/$REPO:1.0: good signatures by 0 of 1 required keys; "
}

# answers N: the rules by which bad's registry gives the referrer and its bundle
# of now, as the files of the number N.
answers() {
	local f
	for f in bundle referrer.json referrers.json; do cp $f "$1.$f"; done
	cat <<-END
	GET /v2/app/manifests/sha256:$(sha referrer.json)
	header Content-Type: application/vnd.oci.image.manifest.v1+json
	file $1.referrer.json
	GET /v2/app/blobs/sha256:$(sha bundle)
	file $1.bundle
	END
}

# by_api: pull from bad's registry, for whose name the keys are pinned.
by_api() {
	pin "127.0.0.1_$PORT_A/app" "$KEYS/one.pub"
	pin "127.0.0.1_$PORT_A/app" "$KEYS/two.pub"
	pull --no-store --full "docker://$A/app"
}

@test "what refers to the manifest, by the registry's API, over several pages" {
	index='header Content-Type: application/vnd.oci.image.index.v1+json'
	api=/v2/app/referrers/$MANIFEST
	# One bundle over the manifest's bytes, one over a statement about it.
	actool sign --key "$KEYS/one.key" --output bundle manifest.json
	referrer
	answers 1 >rules
	statement https://sigstore.dev/cosign/sign/v1 "$MANIFEST" two
	referrer
	answers 2 >>rules
	registry <<-END
	$(cat rules)
	GET $api?last=1&n=1
	$index
	header Link: <$api?last=2>; rel="previous"
	file 2.referrers.json
	GET $api
	$index
	header Link: <http://\$B/elsewhere>; rel=first, <http://\$B/v2/other?last=1&n=1>; rel="next"
	file 1.referrers.json
	END
	run -0 --separate-stderr by_api
	[ "$(jq -r '.signers[]' "store/images/$output.json" | sort)" = "$(printf '%s\n' "$(id one)" "$(id two)" | sort)" ]
	# Nobody went where the answer led.
	run ! grep '^B' log
	run ! grep 'manifests/sha256-[0-9a-f]* ' log
	stop "$BAD_PID"
	# For ever the same page.
	rm -rf store etc
	mkdir etc
	registry <<-END
	$(cat rules)
	GET $api*
	$index
	header Link: <$api?last=1>; rel="next"
	body {"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"$MANIFEST","size":1,"artifactType":"application/spdx+json"}]}
	END
	run -1 --separate-stderr by_api
	[[ $stderr == *"no signature for 'docker://$A/app:latest' in the registry"* ]]
	[ "$(grep -c "GET $api" log)" = 16 ]
	stop "$BAD_PID"
}

@test "a registry whose API is none, or lies: the tag, or no signature" {
	api=/v2/app/referrers/$MANIFEST
	statement https://sigstore.dev/cosign/sign/v1 "$MANIFEST"
	referrer
	answers 1 >rules
	for says in 'status 404' 'status 400' 'header Content-Type: text/html
		body <html>' ; do
		rm -rf store etc && mkdir etc
		registry <<-END
		$(cat rules)
		GET $api
		$says
		GET /v2/app/manifests/sha256-${MANIFEST#*:}
		header Content-Type: application/vnd.oci.image.index.v1+json
		file 1.referrers.json
		END
		run -0 --separate-stderr by_api
		[ "$(jq -r '.signers[]' "store/images/$output.json")" = "$(id one)" ]
		stop "$BAD_PID"
	done
	for text in '{' '[]' '{"manifests":7}' '{"manifests":[7,{},{"digest":"x"}]}' '{"manifests":[]}'; do
		rm -rf store etc && mkdir etc
		registry <<-END
		GET $api
		header Content-Type: application/vnd.oci.image.index.v1+json
		body $text
		END
		run -1 by_api
		store_empty
		stop "$BAD_PID"
	done
}

@test "keys of OpenPGP alone sign nothing there" {
	af trust --require 1 --prefix "$NAME" 2>/dev/null
	refused "no signature for"
	refused "no signature for" "@$MANIFEST"
}
