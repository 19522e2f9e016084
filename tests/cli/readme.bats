#!/usr/bin/env bats
# The README says only what works: its commands are run here, in its order.

load helper

@test "every command block of the README's tour runs" {
	awk '/^```/ { on = !on && $0 == "```sh"; next } on' \
		"$BATS_TEST_DIRNAME/../../README.md" >tour
	[ -s tour ]
	grep -q acrun tour
	# What the tour starts in the background ends with it.
	run -0 timeout 600 bash -euo pipefail -c 'trap "kill \$(jobs -p) 2>/dev/null || :" EXIT; source ./tour'
	[[ $output == *"hello from a pod"* ]]
}

@test "the targets that the README names are in the Makefile" {
	local t
	while read -r t; do
		grep -q "^$t:" "$BATS_TEST_DIRNAME/../../Makefile" || { echo "no target $t" && false; }
	done < <(grep -o '`make [a-z]*`' "$BATS_TEST_DIRNAME/../../README.md" | tr -d '`' | cut -d' ' -f2)
}
