# Images in a registry, and signatures of them as cosign makes them with plain
# keys: the keys are in $KEYS, the registry is $REGISTRY, its repository $REPO.

# make_plain NAME: NAME.key and NAME.pub.
make_plain() {
	openssl genpkey -quiet -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
	chmod 600 "$1.key"
	openssl pkey -in "$1.key" -pubout -out "$1.pub"
}

# id NAME: the SHA-256 of a plain key.
id() { openssl pkey -pubin -in "$KEYS/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }

sha() { sha256sum <"$1" | cut -d' ' -f1; }

put_blob() {
	local to
	to=$(curl -fsS -X POST -D - -o /dev/null "http://$REGISTRY/v2/$REPO/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	curl -fsS -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" \
		"$to&digest=sha256:$(sha "$1")"
}

# put_manifest FILE TAG [TYPE]
put_manifest() {
	curl -fsS -X PUT -H "Content-Type: ${3-application/vnd.oci.image.manifest.v1+json}" \
		--data-binary "@$1" "http://$REGISTRY/v2/$REPO/manifests/$2"
}

# simple DIGEST [TYPE]: the text that cosign signs, as payload.
simple() {
	printf '{"critical":{"identity":{"docker-reference":"%s/%s"},"image":{"docker-manifest-digest":"%s"},"type":"%s"},"optional":null}' \
		"$REGISTRY" "$REPO" "$1" "${2-cosign container image signature}" >payload
}

# sig_layer KEY...: what the manifest of signatures says of the payload, one
# for each key, put into layers; the payload is in the registry then.
sig_layer() {
	local key
	put_blob payload
	for key; do
		openssl dgst -sha256 -sign "$KEYS/$key.key" payload | base64 -w0 >sig
		printf '%s{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"sha256:%s","size":%s,"annotations":{"dev.cosignproject.cosign/signature":"%s"}}' \
			"$([ ! -s layers ] || echo ,)" "$(sha payload)" "$(stat -c %s payload)" "$(cat sig)" >>layers
	done
}

# put_sigs DIGEST: the layers as the signatures of it.
put_sigs() {
	printf '{}' >empty
	put_blob empty
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":2},"layers":[%s]}' \
		"$(sha empty)" "$(cat layers)" >sigs.json
	put_manifest sigs.json "sha256-${1#sha256:}.sig"
	: >layers
}
