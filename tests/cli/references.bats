#!/usr/bin/env bats
# Every program takes the same references for the same images.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull

setup() { store_setup; }

teardown() { [ -z "${BAD_PID-}" ] || stop "$BAD_PID"; }

# An ACI and an OCI image in the store: $ACI and $OCI are their ids.
fill() {
	make_aci app.aci example.com/app 1.0 '"app":{"exec":["/bin/hello"],"user":"0","group":"0"}'
	ACI=$ID
	pull --insecure-options=image ./app.aci
	rm app.aci
	make_oci 1000
	registry </dev/null
	OCI=$(pull --insecure-options=image,http --full "docker://$A/app")
	stop "$BAD_PID"
	BAD_PID=
}

@test "an image of the store, by each of its references, in each program" {
	fill
	for ref in "$ACI" "${ACI:0:20}" example.com/app example.com/app:1.0 example.com/app,version=1.0 \
		"example.com/app:1.0,os=linux" 'cimd:appc:v=0:example.com/app?version=1.0'; do
		run -0 --separate-stderr pull --store-only --full "$ref"
		[ "$output" = "$ACI" ]
		run -0 acfetch image cat-manifest "$ref"
		[ "$(jq -r .name <<<"$output")" = example.com/app ]
		run -0 acfetch image export --overwrite "$ref" out.aci
		rm -rf .acbuild
		run -0 --separate-stderr acbuild begin "$ref"
		[ -e .acbuild/currentaci/rootfs/bin/hello ]
	done
	for ref in "$OCI" "${OCI:0:30}" "docker://$A/app" "docker://$A/app:latest" "docker:$A/app" \
		"docker://$A/app@$MANIFEST" "cimd:docker:v=0:$A/app"; do
		run -0 --separate-stderr pull --store-only --full "$ref"
		[ "$output" = "$OCI" ]
		run -0 acfetch image cat-manifest "$ref"
		run -0 --separate-stderr acconvert to-aci --overwrite "$ref" oci.aci
		rm -rf .acbuild
		run -0 --separate-stderr acbuild begin "$ref"
		[ -e .acbuild/currentaci/rootfs/etc/motd ]
	done
	# One spelling for all of Docker Hub's.
	sed -i "s|docker://$A/app:latest|docker://registry-1.docker.io/library/app:latest|" store/images/"$OCI".json
	for ref in docker://app docker://app:latest docker://docker.io/library/app docker://Docker.io/app:latest \
		docker://index.docker.io/app docker:app; do
		run -0 --separate-stderr pull --store-only --full "$ref"
		[ "$output" = "$OCI" ]
	done
}

@test "an id is an id, whatever file has its name" {
	fill
	make_aci "${ACI:0:20}" example.com/evil 1.0
	run -0 --separate-stderr pull --store-only --full "${ACI:0:20}"
	[ "$output" = "$ACI" ]
	run -0 --separate-stderr pull --insecure-options=image --full "./${ACI:0:20}"
	[ "$output" = "$ID" ]
	run -1 --separate-stderr pull --store-only sha512-000000000000
	[[ $stderr == *"an id alone cannot be fetched"* ]]
	run -1 --separate-stderr pull --store-only sha512-XY
	[[ $stderr == *"expected 2 to 128 lower-case hex digits"* ]]
}

@test "what it was taken for is said by each program" {
	fill
	said="'busybox' is taken for an image name of the host 'busybox'; a file is './busybox', an image of Docker Hub 'docker://busybox'"
	run -1 --separate-stderr pull --store-only busybox
	[[ $stderr == *"$said" ]]
	run -1 --separate-stderr acfetch image cat-manifest busybox
	[[ $stderr == *"$said" ]]
	run -1 --separate-stderr acfetch push busybox docker://127.0.0.1:1/x
	[[ $stderr == *"$said" ]]
	run -1 --separate-stderr acconvert to-aci busybox out.aci
	[[ $stderr == *"$said" ]]
	if [ "$(id -u)" = 0 ]; then
		run -254 --separate-stderr acrun run --pull-policy=never busybox
		[[ $stderr == *"$said" ]]
	fi
	run -1 --separate-stderr pull --store-only example.com:8080/app
	[[ $stderr == *"is taken for the image name 'example.com' in version '8080/app'; --port gives a port, './example.com:8080/app' a file" ]]
	for p in "acfetch image cat-manifest Upper" "acfetch pull Upper" "acconvert to-aci Upper out"; do
		# shellcheck disable=SC2086 # a command of several words
		run -1 --separate-stderr $p
		[[ $stderr == *"'Upper' is taken for an image name; a file is './Upper'"* ]]
	done
	# Where nothing else can be meant, nothing is added.
	run -1 --separate-stderr pull --store-only example.com/app:2
	[[ $stderr != *"is taken for"* ]]
}

@test "every rule of the vectors is on its page" {
	spec=$BATS_TEST_DIRNAME/../../spec
	for r in $(jq -r ".[].rule" "$spec"/vectors/{references,discovery}/*.json | sort -u); do
		grep -q "\*\*$r\*\*" "$spec/discovery.md" || { echo "no $r" && false; }
	done
}
