#!/usr/bin/env bats
# The vectors of spec/image.md and spec/pod.md, by `actool validate`.
load helper

spec=$BATS_TEST_DIRNAME/../../spec

# Each vector's input as a file of its own, f0, f1, ..., and all in "all".
unpack() {
	local i n
	jq -s 'add' "$spec"/vectors/{image,pod}/*.json > all
	n=$(jq length all)
	# One line a vector: its text, in base64 to be safe from the shell.
	jq -r '.[] | (.text // (.manifest | tojson)) | @base64' all > lines
	for i in $(seq 0 $((n - 1))); do
		read -r line
		base64 -d <<< "$line" > "f$i"
		files+=("f$i")
	done < lines
}

@test "every vector has its result, by its rule, in its words" {
	local -a files=()
	unpack
	[ "${#files[@]}" -gt 150 ]
	actool validate --json "${files[@]}" > got 2> told || :
	jq -r -n --slurpfile want all --slurpfile got got '
		range($want[0] | length) as $i | $want[0][$i] as $w | $got[0][$i] as $g
		| (if $g.valid | not then
			(if any($g.errors[]; .rule == ($w.by // $w.rule)) then "error"
			 else "error of " + ([$g.errors[].rule] | join(" ")) end)
		   elif any($g.warnings[]; .rule == ($w.by // $w.rule)) then "warning"
		   elif ($g.warnings | length) == 0 then "valid"
		   else "warning of " + ([$g.warnings[].rule] | join(" ")) end) as $r
		| ([($g.errors, $g.warnings)[].text] | join("\n")) as $says
		| if $r != $w.result then "\($w.rule) \($w.name): \($r), not \($w.result): \($says)"
		  elif $w.says and ($says | contains($w.says) | not) then
			"\($w.rule) \($w.name): \"\($says)\" lacks \"\($w.says)\""
		  else empty end' | tee differences
	[ ! -s differences ]
	# Each has its place in the text.
	jq -r '.[] | .file as $f | (.errors, .warnings)[] | select((.line // 0) < 1 or .column < 1) | "\($f): \(.text)"' got |
		tee differences
	[ ! -s differences ]
	# And what is an error was told.
	[ "$(jq '[.[] | select(.valid | not)] | length' got)" -le "$(grep -c '^actool: f[0-9]*: ' told)" ]
}

@test "with --strict, warnings are errors and the rest stays" {
	local -a files=()
	local i want
	unpack
	while read -r i want; do
		case $want in
		valid) run -0 actool validate --strict "f$i" ;;
		*) run -1 actool validate --strict "f$i" ;;
		esac
	done < <(jq -r 'to_entries[] | "\(.key) \(.value.result)"' all)
}

@test "every rule of the vectors is on its page" {
	local r p
	for p in image pod; do
		for r in $(jq -r '.[].rule' "$spec/vectors/$p"/*.json | sort -u); do
			grep -q "\*\*$r\*\*" "$spec/$p.md" || { echo "$p.md: no $r" && false; }
		done
	done
}
