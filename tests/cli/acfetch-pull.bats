#!/usr/bin/env bats
# acfetch pull from files, real web servers and a real registry.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	start_registry
	fill_registry
	make_key gnupg signer
}

teardown_file() {
	stop "$REGISTRY_PID"
	drop_key "$BATS_FILE_TMPDIR/gnupg"
}

setup() {
	store_setup
	KEY=$BATS_FILE_TMPDIR/gnupg
}

teardown() {
	if [ -n "${NGINX_PID-}" ]; then
		stop "$NGINX_PID"
	fi
}

# app:oci (two layers, gzip), app:docker (schema 2), app:zstd, app:multi (an
# index: this platform and another).
fill_registry() {
	umoci init --layout layout
	umoci new --image layout:app
	mkdir -p one/etc two/etc
	echo one >one/etc/file
	echo gone >one/etc/gone
	head -c 300000 /dev/urandom >one/random
	echo two >two/etc/file
	umoci insert --image layout:app one /
	umoci insert --image layout:app two /
	umoci insert --image layout:app --whiteout /etc/gone
	umoci config --image layout:app --architecture "$(go_arch)" --os linux --config.cmd /bin/true
	push() { skopeo --insecure-policy copy -q --dest-tls-verify=false "${@:2}" oci:layout:app "docker://$REGISTRY/$1"; }
	push app:oci
	push app:docker --format v2s2
	push app:zstd --dest-compress-format zstd --format oci
	umoci config --image layout:app --architecture s390x
	push app:other
	local here there
	here=$(entry oci "$(go_arch)") there=$(entry other s390x)
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' \
		"$there" "$here" >index.json
	curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
		--data-binary @index.json "http://$REGISTRY/v2/app/manifests/multi"
}

# entry TAG ARCH: what an index says about it.
entry() {
	local size digest
	skopeo --insecure-policy inspect --raw --tls-verify=false "docker://$REGISTRY/app:$1" >"raw-$1"
	size=$(stat -c %s "raw-$1") digest=$(sha256sum <"raw-$1" | cut -d' ' -f1)
	printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"os":"linux","architecture":"%s"}}' \
		"$digest" "$size" "$2"
}

# The top layer that has PATH.
in_layers() {
	local l
	for l in store/layers/*/rootfs/"$1"; do
		[ -e "$l" ] && cat "$l"
	done
}

# A site for localhost/app: page, image, signature.
make_site() {
	mkdir -p www/images
	make_aci "www/images/app-1.0-linux-$(appc_arch).aci" localhost/app 1.0
	sign "$KEY" "www/images/app-1.0-linux-$(appc_arch).aci"
	mkdir -p www/app
	echo '<html><head><meta name="ac-discovery" content="localhost/app https://localhost:PORT/images/app-{version}-{os}-{arch}.{ext}"></head>' |
		sed "s/PORT/$PORT/" >www/app/index.html
}

@test "an image from a file needs its signature" {
	make_aci app.aci example.com/app 1.0
	run -1 --separate-stderr pull app.aci
	[[ $stderr == *"no signature 'app.aci.asc'"*"--insecure-options=image"* ]]
	[ -z "$output" ]
	store_empty
}

@test "without verification: the id, short and whole" {
	make_aci app.aci example.com/app 1.0
	run -0 --separate-stderr pull --insecure-options=image app.aci
	[ "$output" = "${ID:0:39}" ]
	[[ $stderr == *"warning: image signature verification has been disabled"* ]]
	run -0 --separate-stderr pull --insecure-options=image --full ./app.aci
	[ "$output" = "$ID" ]
	run -0 --separate-stderr pull --insecure-options=image --json app.aci
	[ "$(jq -r '.[0].id' <<<"$output")" = "$ID" ]
	blobs_ok
	ingest_empty
	[ "$(in_layers bin/hello)" = "hello from example.com/app 1.0" ]
}

@test "a signature by a trusted key" {
	make_aci app.aci example.com/app 1.0
	sign "$KEY" app.aci
	trust "$KEY" example.com
	run -0 --separate-stderr pull --full app.aci
	[ "$output" = "$ID" ]
	[[ $stderr == *"signature verified"*"signer@example.com"* ]]
}

@test "a signature given by --signature" {
	make_aci app.aci example.com/app 1.0
	sign "$KEY" app.aci
	mv app.aci.asc elsewhere
	trust "$KEY" example.com/app
	run -0 pull --signature=elsewhere app.aci
	run -2 pull --signature=elsewhere app.aci app.aci
}

@test "an unknown key ends it before the image is read" {
	make_aci app.aci example.com/app 1.0
	sign "$KEY" app.aci
	trust "$KEY" example.org
	rm -r etc
	mkdir etc
	run -1 --separate-stderr pull app.aci
	[[ $stderr == *'acfetch trust --prefix "example.com/app"'* ]]
	store_empty
}

@test "a key for another prefix does not count" {
	make_aci app.aci example.com/app 1.0
	sign "$KEY" app.aci
	trust "$KEY" example.com/ap
	run -1 --separate-stderr pull app.aci
	store_empty
}

@test "one changed byte" {
	make_aci app.aci example.com/app 1.0
	sign "$KEY" app.aci
	trust "$KEY" example.com
	make_aci app.aci example.com/app 1.1
	run -1 --separate-stderr pull app.aci
	[[ $stderr == *app.aci* ]]
	store_empty
}

@test "no image, no permission, a store that is a file" {
	run -1 --separate-stderr pull --insecure-options=image ./nothing.aci
	[[ $stderr == *"nothing.aci"*"No such file"* ]]
	make_aci app.aci example.com/app 1.0
	: >file
	ACUTILS_DIR=$PWD/file run -1 --separate-stderr pull --insecure-options=image app.aci
	[[ $stderr == *"$PWD/file"* ]]
	mkdir dir.aci
	run -1 --separate-stderr pull --insecure-options=image ./dir.aci
	[[ $stderr == *"Is a directory"* ]]
}

@test "a full disk" {
	needs_root
	mkdir small
	mount -t tmpfs -o size=300k none small
	head -c 2000000 /dev/urandom >big
	mkdir rootfs
	mv big rootfs/
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a/b"}' >manifest
	tar -cf big.aci manifest rootfs
	ACUTILS_DIR=$PWD/small run --separate-stderr pull --insecure-options=image big.aci
	code=$status
	left=$(find small -type f -size +4k)
	umount small
	[ "$code" = 1 ]
	[[ $stderr == *"No space left on device; free some space"* ]]
	[ -z "$left" ]
}

@test "https with our own authority, and without" {
	start_nginx
	make_site
	trust "$KEY" localhost
	url=https://localhost:$PORT/images/app-1.0-linux-$(appc_arch).aci
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$url"
	[ "$output" = "$ID" ]
	run -1 --separate-stderr pull --pull-policy=update "$url"
	[[ $stderr == *"certificate of 'localhost' is not trusted"*"--ca-file"* ]]
	run -0 --separate-stderr pull --pull-policy=update --insecure-options=tls "$url"
	[[ $stderr == *"TLS verification has been disabled"* ]]
	run -1 --separate-stderr pull --ca-file=nothing "$url" --no-store
	[[ $stderr == *"certificates 'nothing'"* ]]
}

@test "plain http must be allowed" {
	run -1 --separate-stderr pull --insecure-options=image http://127.0.0.1:9/x.aci
	[[ $stderr == *"plain http to '127.0.0.1' is not allowed"* ]]
}

@test "a name by discovery, signed" {
	start_nginx
	make_site
	trust "$KEY" localhost/app
	run -0 --separate-stderr pull --ca-file=ca.pem --port="$PORT" --full localhost/app:1.0
	[ "$output" = "$ID" ]
	# The page is the parent's for a longer name; the image has another one.
	sed -i "s|app-{version}.*{ext}|app-1.0-linux-$(appc_arch).{ext}|" www/app/index.html
	run -1 --separate-stderr pull --ca-file=ca.pem --port="$PORT" --insecure-options=image localhost/app/sub
	[[ $stderr == *"named 'localhost/app', 'localhost/app/sub' was asked for"* ]]
	run -1 --separate-stderr pull --ca-file=ca.pem --port="$PORT" --insecure-options=image localhost/app:2.0
	[[ $stderr == *'requested value for label "version": "2.0" differs from fetched aci label value: "1.0"'* ]]
	ingest_empty
}

@test "a site that wants credentials" {
	start_nginx "auth_basic x; auth_basic_user_file $PWD/passwd;"
	make_site
	trust "$KEY" localhost
	echo "me:$(openssl passwd -apr1 pw)" >passwd
	chmod o+r passwd
	url=https://localhost:$PORT/images/app-1.0-linux-$(appc_arch).aci
	run -1 --separate-stderr pull --ca-file=ca.pem "$url"
	[[ $stderr == *"status 401"* ]]
	run -1 --separate-stderr pull --ca-file=ca.pem --port="$PORT" localhost/app:1.0
	[[ $stderr == *"status 401"* ]]
	mkdir -p etc/auth.d
	echo '{"rktKind":"auth","rktVersion":"v1","domains":["localhost:'"$PORT"'"],"type":"basic","credentials":{"user":"me","password":"pw"}}' >etc/auth.d/a.json
	run -0 --separate-stderr pull --ca-file=ca.pem "$url"
	run -0 --separate-stderr pull --ca-file=ca.pem --port="$PORT" localhost/app:1.0
	# Those of the user come after those of the machine.
	mkdir -p user/auth.d
	sed 's/"pw"/"wrong"/' etc/auth.d/a.json >user/auth.d/a.json
	run -1 pull --ca-file=ca.pem --user-config=user --no-store "$url"
	! grep -rq '"pw"' store || false
}

@test "discovery that finds nothing says where it looked" {
	start_nginx
	run -1 --separate-stderr pull --ca-file=ca.pem --port="$PORT" localhost/no/such
	[[ $stderr == *"https://localhost:$PORT/no/such': status 404"*"https://localhost:$PORT/no': status 404"* ]]
	run -1 --separate-stderr pull no-such-host.invalid/app
	[[ $stderr == *"no such host 'no-such-host.invalid'"* ]]
}

@test "pull policies" {
	start_nginx
	make_site
	trust "$KEY" localhost
	run -1 --separate-stderr pull --pull-policy=never localhost/app:1.0
	[[ $stderr == *"not in the store"* ]]
	run -0 pull --ca-file=ca.pem --port="$PORT" localhost/app:1.0
	clear_log access.log
	run -0 --separate-stderr pull --full --port="$PORT" localhost/app:1.0
	[ "$output" = "$ID" ]
	run -0 pull --store-only localhost/app
	run -0 pull --store-only "${ID:0:20}"
	settle_log
	[ ! -s access.log ]
	run -0 pull --ca-file=ca.pem --port="$PORT" --pull-policy=update localhost/app:1.0
	settle_log
	[ -s access.log ]
	run -2 pull --pull-policy=sometimes localhost/app
	run -2 pull --store-only --no-store localhost/app
	run -1 --separate-stderr pull sha512-000000000000
	[[ $stderr == *"an id alone cannot be fetched"* ]]
}

@test "dependencies come with the image" {
	start_nginx
	make_site
	make_aci dep.aci localhost/dep 1.0 '"dependencies":[{"imageName":"localhost/app","labels":[{"name":"version","value":"1.0"}]}]'
	run -0 --separate-stderr pull --insecure-options=image --ca-file=ca.pem --port="$PORT" --full dep.aci
	[ "$output" = "$ID" ]
	[ "$(find store/images -name '*.json' | wc -l)" = 2 ]
	make_aci dep.aci localhost/dep 1.1 \
		'"dependencies":[{"imageName":"localhost/app","imageID":"sha512-'"$(printf '0%.0s' {1..128})"'","labels":[{"name":"version","value":"1.0"}]}]'
	run -1 --separate-stderr pull --insecure-options=image --ca-file=ca.pem --port="$PORT" dep.aci
	[[ $stderr == *"dependency 'localhost/app'"*"must be image 'sha512-000"* ]]
}

@test "docker:// wants a digest or --insecure-options=image" {
	run -1 --separate-stderr pull "docker://$REGISTRY/app:oci"
	[[ $stderr == *"signature verification for docker images is not supported (try --insecure-options=image"* ]]
	digest=$(sha256sum <"$BATS_FILE_TMPDIR/raw-oci" | cut -d' ' -f1)
	run -0 --separate-stderr pull --full "docker://$REGISTRY/app@sha256:$digest"
	[ "$output" = "sha512-$(sha512sum <"$BATS_FILE_TMPDIR/raw-oci" | cut -d' ' -f1)" ]
}

@test "registry: OCI, schema 2, zstd and an index" {
	for tag in oci docker zstd multi; do
		rm -rf store
		run -0 --separate-stderr pull --insecure-options=image "docker://$REGISTRY/app:$tag"
		[[ $output =~ ^sha512-[0-9a-f]{32}$ ]]
		blobs_ok
		ingest_empty
		[ "$(find store/layers -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
		[ "$(in_layers etc/file | sort | tr '\n' ' ')" = "one two " ]
	done
}

@test "registry: the other platform of an index" {
	run -0 --separate-stderr pull --insecure-options=image --full --platform=linux/s390x "docker://$REGISTRY/app:multi" || { echo "$stderr"; false; }
	[ "$output" = "sha512-$(sha512sum <"$BATS_FILE_TMPDIR/raw-other" | cut -d' ' -f1)" ]
	run -1 --separate-stderr pull --insecure-options=image --platform=linux/vax "docker://$REGISTRY/app:multi"
	[[ $stderr == *s390x* ]]
	run -1 --separate-stderr pull --insecure-options=image --platform=linux/vax "docker://$REGISTRY/app:oci"
	[[ $stderr == *"is for linux/$(go_arch) only"* ]]
	run -2 pull --platform=linux "docker://$REGISTRY/app:oci"
}

@test "registry: what is here is not fetched again" {
	pull --insecure-options=image "docker://$REGISTRY/app:oci"
	log=$BATS_FILE_TMPDIR/registry.log
	before=$(grep -c GET "$log")
	run -0 pull --insecure-options=image "docker://$REGISTRY/app:oci"
	[ "$(grep -c GET "$log")" = "$before" ]
	# Another image with the same layers: only its manifest and configuration.
	run -0 pull --insecure-options=image "docker://$REGISTRY/app:other"
	wait_for 30 sh -c "[ \$(grep -c GET '$log') = $((before + 2)) ]"
	run -0 --separate-stderr pull --json --insecure-options=image --no-store "docker://$REGISTRY/app:oci"
	[ "$(jq '.[0].fetched' <<<"$output")" = false ]
}

@test "registry: no such tag, no registry" {
	run -1 --separate-stderr pull --insecure-options=image "docker://$REGISTRY/app:nothing"
	[[ $stderr == *"has no manifest 'nothing' of 'app'"* ]]
	port=$(free_port)
	run -1 --separate-stderr pull --insecure-options=image "docker://127.0.0.1:$port/app"
	[[ $stderr == *"'127.0.0.1:$port' refuses the connection"* ]]
	store_empty
}

@test "several images in one run" {
	make_aci a.aci example.com/a 1
	one=$ID
	make_aci b.aci example.com/b 1
	run -0 --separate-stderr pull --insecure-options=image --full a.aci b.aci
	[ "$output" = "$one"$'\n'"$ID" ]
	run -2 pull
}

@test "threads are batch tasks, unless the caller wanted something else" {
	make_aci a.aci example.com/a 1
	cat >look <<-'END'
	ps -Lo cls= -p "$(pgrep -P "$PPID" -x acfetch)" >>classes
	END
	for policy in --other --idle; do
		rm -rf store classes
		chrt "$policy" 0 "$TOOLDIR/faulty" -c write -o count -x '. ./look' \
			acfetch --insecure-options=image pull ./a.aci >/dev/null 2>&1
		sort -u classes | tr -d ' ' | tr '\n' ' ' >"classes$policy"
	done
	[ "$(cat classes--other)" = "B TS " ]
	[ "$(cat classes--idle)" = "IDL " ]
}
