#!/usr/bin/env bats
# What holds for the help of every program and command.

load helper

programs='acbuild actool acfetch acconvert acrun'
declare -gA man=([acbuild]=acbuild [actool]=actool [acfetch]=fetch [acconvert]=convert [acrun]=run)

# Every command path of a program: "acfetch image list".
commands() {
	local sub
	echo "$*"
	"$@" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | while read -r sub; do
		commands "$@" "$sub"
	done
}

@test "help goes to stdout, exits 0 and fits 80 columns" {
	local p c
	for p in $programs; do
		while read -r c; do
			# shellcheck disable=SC2086 # a command line
			run -0 --separate-stderr $c --help
			[ -z "$stderr" ]
			[[ $output == "Usage: $p"* ]]
			! awk 'length > 80 { print; bad = 1 } END { exit !bad }' <<<"$output" ||
				{ echo "too wide: $c" && false; }
		done < <(commands "$p")
	done
}

@test "every option and command of the help is in the man page" {
	local p c o page
	for p in $programs; do
		page=$(mandoc -T utf8 "$BATS_TEST_DIRNAME/../../${man[$p]}/$p.1" | sed "s,.\x08,,g")
		while read -r c; do
			grep -qw -e "${c##* }" <<<"$page" || { echo "$p.1: no command '$c'" && false; }
			# shellcheck disable=SC2086
			while read -r o; do
				grep -q -e "-$o\b" <<<"$page" || { echo "$p.1: no option '$o' ($c)" && false; }
			done < <($c --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p')
		done < <(commands "$p")
	done
}

@test "every option of a man page is one of the program" {
	local p c o known
	for p in $programs; do
		known=$(while read -r c; do
			# shellcheck disable=SC2086
			$c --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'
		done < <(commands "$p"))
		while read -r o; do
			case $o in help | version) continue ;; esac
			grep -qx -e "$o" <<<"$known" || { echo "$p has no --$o" && false; }
		done < <(sed -n 's/^\.It Fl Fl \([a-z0-9-]*\).*/\1/p' \
			"$BATS_TEST_DIRNAME/../../${man[$p]}/$p.1")
	done
}

@test "an unknown command or option is told on stderr and is not success" {
	local p
	for p in $programs; do
		run --separate-stderr "$p" no-such-command
		[ "$status" -ne 0 ]
		[ -z "$output" ]
		[[ $stderr == *"$p: "*no-such-command* || $stderr == *no-such-command* ]]
		run --separate-stderr "$p" --no-such-option
		[ "$status" -ne 0 ]
		[[ $stderr == *no-such-option* ]]
		# acbuild prints its usage, as the original did.
		[ -z "$output" ] || [[ $p == acbuild && $output == "Usage: acbuild "* ]]
	done
}

@test "a full standard output is an error" {
	local p
	for p in $programs; do
		run bash -c "$p --help >/dev/full"
		[ "$status" -ne 0 ]
	done
}
