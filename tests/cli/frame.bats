#!/usr/bin/env bats
# The command line's frame: that of the Go tools, as far as scripts know it.
# shellcheck disable=SC2154 # run sets $stderr

load helper

layout() {
	mkdir -p "$1/rootfs"
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/x"}' >"$1/manifest"
}

@test "help: without arguments, by name and by option, on standard output" {
	for args in '' help --help -help -h; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr actool $args
		[[ $output == "Usage: actool [options] COMMAND"* ]]
		[ -z "$stderr" ]
	done
	for args in "help validate" "validate --help" "validate -h" "--debug help validate" "-debug=false validate -help"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr actool $args
		[[ $output == "Usage: actool validate [options] FILE|DIR|-..."*--strict* ]]
		[ -z "$stderr" ]
	done
	run -0 actool help help
	run -0 actool help completion
	run -1 --separate-stderr actool help nosuch
	[ -z "$output" ]
	[[ $stderr == 'actool: unknown command "nosuch" for "actool"' ]]
	run -0 acfetch help image list
	[[ $output == "Usage: acfetch image list "* ]]
	run -1 acfetch help image nosuch
}

@test "version, with global options before it too" {
	for args in version --version -version "-debug version" "--debug=false --version"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr actool $args
		[[ ${lines[0]} == "actool version "* ]]
		[ "${lines[1]}" = "appc version 0.8.11" ]
		[ -z "$stderr" ]
	done
}

@test "unknown commands and options: 2, on standard error, with the nearest one" {
	run -2 --separate-stderr actool nosuch
	[ -z "$output" ]
	[ "$stderr" = $'actool: unknown command "nosuch" for "actool"\nRun \'actool --help\' for usage.' ]
	run -2 actool vlaidate
	[[ $output == *"did you mean 'validate'?"* ]]
	run -2 actool validate --stric x
	[[ $output == *"unknown flag: --stric; did you mean '--strict'?"* ]]
	run -2 actool validate --nosuch x
	[[ $output == *"unknown flag: --nosuch"* && $output != *"did you mean"* ]]
	run -2 actool --debgu validate x
	[[ $output == *"did you mean '--debug'?"* ]]
	run -2 acfetch image lits
	[[ $output == *"did you mean 'list'?"* ]]
	run -2 acfetch imgae
	[[ $output == *"did you mean 'image'?"* ]]
	run -2 actool build --compression
	[[ $output == *"flag needs an argument: --compression"* ]]
}

@test "options in Go's forms" {
	layout l
	for args in "-overwrite -compression none" "--overwrite --compression=none" "-overwrite=true -compression=none" \
		"--overwrite=1 -compression none" "-overwrite=t --compression none"; do
		# shellcheck disable=SC2086
		run -0 actool build $args l x.aci
		[ "$(head -c 8 x.aci)" = manifest ]
	done
	run -1 actool build -overwrite=false l x.aci
	[[ $output == *overwrite* ]]
	run -2 actool build -overwrite=maybe l x.aci
	# A boolean takes no word: it would be an operand.
	run -1 actool build -overwrite false l x.aci
	run -0 --separate-stderr actool -debug validate -type appimage x.aci
	[ "$stderr" = "actool: x.aci: valid app container image" ] || [ "$stderr" = "x.aci: valid app container image" ]
	run -0 actool --debug=false validate --type=appimage --type=manifest l/manifest
}

@test "options behind operands, and -- before what looks like one" {
	layout l
	run -0 actool build l y.aci --overwrite
	layout ./-l
	run -0 actool build -- -l -y.aci
	[ -f ./-y.aci ]
	run -1 actool validate -- --strict
	[[ $output == *"--strict"* ]]
	run -0 actool validate -- -y.aci
}

@test "fixed values are checked in one place" {
	layout l
	for args in "actool build --compression=lzma l z.aci" "actool validate --type=bogus l" \
		"acfetch image list --order=up" "acfetch pull --pull-policy=maybe x" "acconvert to-aci --compression=lzma x y"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr $args
		[[ $stderr == *"bad value '"*"' for option --"*"; it is "*" or "* ]]
		[ ! -e z.aci ]
	done
	run -2 acfetch --insecure-options=image,nosuch image list
	[[ $output == *"bad value 'nosuch' for option --insecure-options; it is none, image, "* ]]
	run -2 acfetch --insecure-options=image,IMAGE image list
	[[ $output == *"'IMAGE' twice in option --insecure-options"* ]]
	run -254 acrun --insecure-options=nosuch list
	run -254 acrun run --pull-policy=maybe x
	# No store is an empty one.
	run -0 env ACUTILS_DIR="$PWD/none" acfetch --insecure-options=Image,TLS,all-run image list
	run -0 env ACUTILS_DIR="$PWD/none" acfetch --insecure-options= image list
	run -0 env ACUTILS_DIR="$PWD/none" acfetch image list --fields='id, name'
}

@test "the commands stand in groups, each once" {
	run -0 actool --help
	[[ $output == *$'\n Check:\n  validate '* ]]
	[ "$(sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' <<<"$output" | sort | uniq -d)" = "" ]
	for c in validate build cat-manifest id sign verify discover; do
		grep -q "^  $c " <<<"$output"
	done
}
