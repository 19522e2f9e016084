#!/usr/bin/env bats
# The Makefile of the manual: three images with dependencies on each other.
# shellcheck disable=SC2094 # what run sets; names of ours
load helper

# The lines of the manual's example, as they stand there.
example() {
	awk '/^\.Ss Images by make/ { on = 1 } /^\.Sh SEE/ { on = 0 }
		/^\.Bd -literal/ { code = on; next } /^\.Ed/ { code = 0 } code' \
		"$BATS_TEST_DIRNAME/../../acbuild/acbuild.1" | sed 's/\\e/\\/g'
}
# Not this one's jobs and options.
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make "$@"; }
ids() { for i in base tools app; do echo "$i $(actool id $i.aci)"; done; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$BATS_TEST_TMPDIR/store
	example > example
	# shellcheck disable=SC1091
	. ./example
	# What is copied keeps its time.
	touch -d 2001-01-01 hello app.conf
}

@test "make -j4 twice: three images, nothing is rebuilt, and the ids stay" {
	grep -q 'acbuild script' Makefile
	run -0 mk -j4
	[ "$(grep -c '^acbuild script' <<< "$output")" -eq 3 ]
	actool validate base.aci tools.aci app.aci
	ids > first
	stat -c '%n %i %Y' ./*.aci > files
	run -0 mk -j4
	[[ $output == *"Nothing to be done for 'all'"* ]]
	stat -c '%n %i %Y' ./*.aci | cmp - files
	[ "$(actool cat-manifest app.aci | jq -r '.dependencies[].imageID')" = "$(sed -n 's/^\(base\|tools\) //p' first)" ]
	# All anew, another store, later: the same images.
	rm ./*.aci
	sleep 1.1
	ACUTILS_DIR=$PWD/other mk -j4
	ids | cmp - first
	[ ! -e .acbuild ]
}

@test "what an image is made of makes it anew, and those above it" {
	mk -j4
	ids > first
	sleep 1.1
	touch app.conf
	run -0 mk -j4
	[ "$(grep '^acbuild' <<< "$output")" = "acbuild script app.acb" ]
	sleep 1.1
	echo 'label add new yes' > label
	sed -i '/^label/r label' base.acb
	run -0 mk -j4
	[ "$(grep -c '^acbuild' <<< "$output")" -eq 3 ]
	ids > second
	[ "$(cat first second | sort -u | wc -l)" -eq 6 ]
	# A script that fails leaves the image as it was.
	sleep 1.1
	echo nonsense >> tools.acb
	sed -i 's/^write.*//; s/^nonsense/&/' tools.acb
	run -2 mk -j4
	[[ $output == *'acbuild: tools.acb:6: unknown command "nonsense"'* ]]
	ids | cmp - second
}

@test "the image at the top runs" {
	needs_root
	mk -j4
	run -0 acrun run --insecure-options=image app.aci
	[[ $output == *"hello from the app"* ]]
}
