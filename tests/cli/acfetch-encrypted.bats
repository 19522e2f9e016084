#!/usr/bin/env bats
# Encrypted images on their way into the store, a site and a pod.
# shellcheck disable=SC2154,SC2034 # run sets $stderr; stop_servers uses $SERVER

load helper
load pull
load signer

setup() {
	signer_setup
	# No agent of the machine's is asked.
	mkdir -m 700 none
	export GNUPGHOME=$PWD/none
	unset GPG_TTY
	echo secret > p
	echo wrong > w
	make_aci plain.aci example.com/app 1.0
	actool encrypt --passphrase-fd 9 plain.aci app.aci 9< p
}

record() { echo store/images/*.json; }

@test "signed and encrypted: verified as it came, kept as it came, unpacked plain" {
	sign "$KEY" app.aci
	trust "$KEY" example.com
	run -0 --separate-stderr pull --full --passphrase-fd 9 app.aci 9< p
	[ "$output" = "$ID" ]
	[[ $stderr == *"signature verified"* ]]
	blobs_ok
	cmp store/blobs/sha256/* app.aci
	grep -q "hello from" "store/layers/$ID/rootfs/bin/hello"
	[ "$(jq .encrypted "$(record)")" = true ]
	[ "$(jq '.signers | length' "$(record)")" = 1 ]
	run -0 acfetch image verify "$ID"
	# Export writes what is in it, and needs the passphrase again.
	run -1 --separate-stderr acfetch image export "$ID" out.aci
	[[ $stderr == *"give --passphrase-fd N"* ]]
	run -1 acfetch image export --passphrase-fd 9 "$ID" out.aci 9< w
	[ ! -e out.aci ]
	acfetch image export --passphrase-fd 9 "$ID" out.aci 9< p
	[ "$(actool id out.aci)" = "$ID" ]
	# The signature of what was before it was encrypted is none.
	sign "$KEY" plain.aci
	mv plain.aci.asc app.aci.asc
	run -1 pull --no-store --passphrase-fd 9 app.aci 9< p
}

@test "no passphrase, a wrong one, damage: nothing is kept" {
	local size
	run -1 --separate-stderr pull --insecure-options=image app.aci
	[[ $stderr == *"it is encrypted"*"give --passphrase-fd N"* ]]
	store_empty
	run -1 --separate-stderr pull --insecure-options=image --passphrase-fd 9 app.aci 9< w
	[[ $stderr == *"the passphrase is wrong"* ]]
	store_empty
	size=$(stat -c %s app.aci)
	head -c $((size - 1)) app.aci > short.aci
	run -1 pull --insecure-options=image --passphrase-fd 9 short.aci 9< p
	store_empty
	# The last byte is the code's: all that was unpacked is right.
	(head -c $((size - 1)) app.aci; tail -c 1 app.aci | tr '\000-\377' '\001-\377\000') > bad.aci
	run -1 --separate-stderr pull --insecure-options=image --passphrase-fd 9 bad.aci 9< p
	[[ $stderr == *damaged* ]]
	store_empty
	# Signed over the damage: the signature is good, and that is not enough.
	sign "$KEY" bad.aci
	trust "$KEY" example.com
	run -1 pull --passphrase-fd 9 bad.aci 9< p
	store_empty
}

@test "encrypted by gpg; plain and encrypted are one image, and the plain one is kept" {
	gpg --homedir "$KEY" --batch --yes --quiet --pinentry-mode loopback --passphrase-file p \
		--cipher-algo AES256 -o app.aci --symmetric plain.aci
	run -0 --separate-stderr pull --insecure-options=image --full --passphrase-fd 9 app.aci 9< p
	[ "$output" = "$ID" ]
	run -0 --separate-stderr pull --insecure-options=image --full plain.aci
	[ "$output" = "$ID" ]
	[ "$(jq .encrypted "$(record)")" = null ]
	acfetch image export "$ID" out.aci
	[ "$(actool id out.aci)" = "$ID" ]
	run -0 --separate-stderr pull --insecure-options=image --full --passphrase-fd 9 app.aci 9< p
	[ "$(jq .encrypted "$(record)")" = null ]
	acfetch image gc
	blobs_ok
	cmp store/blobs/sha256/* plain.aci
}

@test "published, discovered and pulled by name and by URL" {
	local port
	port=$(free_port)
	GNUPGHOME=$KEY gpg --armor --export > key.asc
	sign "$KEY" app.aci
	run -1 acfetch publish --url "http://localhost:$port" --key key.asc site app.aci
	acfetch publish --url "http://localhost:$port" --key key.asc --passphrase-fd 9 site app.aci 9< p
	cmp app.aci "site/example.com/app-1.0-linux-$(appc_arch).aci"
	grep -rq 'example.com/app' site/index.html
	make_aci other.aci "localhost/app" 1.0
	actool encrypt --overwrite --passphrase-fd 9 other.aci app.aci 9< p
	sign "$KEY" app.aci
	acfetch publish --passphrase-fd 9 site app.aci 9< p
	acfetch serve --listen "127.0.0.1:$port" site 3>&- &
	SERVER=$!
	wait_for 10 listening "$port"
	trust "$KEY" localhost
	run -0 --separate-stderr pull --full --insecure-options=http --passphrase-fd 9 --port "$port" localhost/app:1.0 9< p
	[ "$output" = "$ID" ]
	rm -rf store
	run -0 --separate-stderr pull --full --insecure-options=http --passphrase-fd 9 \
		"http://localhost:$port/localhost/app-1.0-linux-$(appc_arch).aci" 9< p
	[ "$output" = "$ID" ]
	[ "$(jq .encrypted "$(record)")" = true ]
}

@test "acrun runs it; the pod gets neither the descriptor nor the passphrase" {
	needs_root
	mkdir -p l/rootfs/bin
	cp /bin/busybox l/rootfs/bin/
	cat > l/manifest <<-END
	{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/sh",
	"app":{"exec":["/bin/busybox","sh","-c"],"user":"0","group":"0"}}
	END
	actool build l sh.aci
	actool encrypt --passphrase-fd 9 sh.aci one.aci 9< p
	acfetch --insecure-options=image pull sh.aci > /dev/null
	# shellcheck disable=SC2016 # the app's
	app='for f in /proc/self/fd/*; do echo "${f##*/}"; done; cat'
	run -0 --separate-stderr acrun run example.com/sh -- "$app" < /dev/null
	plain=$output
	rm -rf store
	run -254 acrun --insecure-options=image run ./one.aci -- true
	run -254 acrun --insecure-options=image run --passphrase-fd 9 ./one.aci -- true 9< w
	[[ $output == *"the passphrase is wrong"* ]]
	store_empty
	run -0 --separate-stderr acrun --insecure-options=image run --passphrase-fd 9 ./one.aci -- "$app" 9< p < /dev/null
	[ "$output" = "$plain" ]
	# From standard input, one line; the rest is the app's.
	printf 'secret\nfor the app\n' > in
	run -0 --separate-stderr acrun --insecure-options=image run --passphrase-fd 0 ./one.aci -- cat < in
	[ "$output" = "for the app" ]
	# Two images, one passphrase.
	run -0 --separate-stderr acrun --insecure-options=image run --pull-policy=update --passphrase-fd 9 \
		./one.aci -- 'echo one' --- ./one.aci --name=two -- 'echo two' 9< p
	[[ $output == *one* && $output == *two* ]]
}
