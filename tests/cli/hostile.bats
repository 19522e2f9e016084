#!/usr/bin/env bats
# What went wrong once, when somebody tried to make it go wrong.
# shellcheck disable=SC2154 # bats sets output, stderr and status
load helper
load pull

setup() { store_setup; }

@test "a result that nobody gets, standard output being closed, is a failure" {
	make_aci a.aci example.com/a 1.0
	pull --insecure-options=image ./a.aci
	for c in "acfetch image list" "acfetch image cat-manifest example.com/a" \
		"acfetch image export example.com/a -" "acfetch --help" "actool id a.aci" \
		"actool cat-manifest a.aci"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr sh -c 'exec "$@" >&-' sh $c
		[[ $stderr == *"standard output"* || $stderr == *"Bad file descriptor"* ]]
	done
	# Nothing to read and nowhere for messages: no reason to fail.
	acfetch image list <&- 2>&- >out
	grep -q example.com/a out
}

@test "a FIFO in the keystore is not waited for" {
	make_key home a
	make_aci a.aci example.com/a 1.0
	sign home a.aci
	trust home example.com
	mkfifo "etc/trustedkeys/prefix.d/example.com/$(printf '0%.0s' {1..40})"
	run -0 --separate-stderr timeout -k 2 20 acfetch --local-config="$PWD/etc" \
		--system-config=/nonexistent pull ./a.aci
	[[ $stderr == *"0000' is not a file; it is not used"* ]]
	drop_key home
}

@test "Ctrl-C and TERM leave nothing of image render" {
	mkdir -p big/rootfs
	seq -f big/rootfs/file%g 30000 | xargs touch
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/big"}' >big/manifest
	tar -C big -cf big.aci manifest rootfs
	pull --insecure-options=image ./big.aci
	mkdir out
	for sig in TERM INT; do
		env --default-signal=INT acfetch image render example.com/big out/tree 2>err 3>&- &
		pid=$!
		wait_for 10 sh -c 'test -e out/.tmp-*/rootfs/file1'
		kill "-$sig" "$pid"
		code=0
		wait "$pid" || code=$?
		[ "$code" = "$((128 + $(kill -l "$sig")))" ]
		[ -z "$(ls -A out)" ]
	done
}
