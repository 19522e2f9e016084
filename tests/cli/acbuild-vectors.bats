#!/usr/bin/env bats
# The recorded answers of the original acbuild, replayed.  What differs is
# named in tests/data/acbuild-differences.txt, with the reason, and must differ.
load helper

vectors=$BATS_TEST_DIRNAME/../data/acbuild-commands.jsonl
differences=$BATS_TEST_DIRNAME/../data/acbuild-differences.txt

# The fields in which we differ from vector $1 (JSON in the file "vector").
compare() {
	local out=() head line

	[ "$(jq .rc vector)" = "$rc" ] || out+=(rc)
	# The original's Go error chain says nothing of the matter; ours may say
	# the place between the command's name and the text.
	jq -r .stderr vector | sed '/^$/d; s/^Error: //
		s/json: error calling MarshalJSON for type [^:]*: //g' > want
	while IFS= read -r line; do
		case $line in
		*' '*': '*) head=${line%%: *}: line=${line#*: } ;;
		*) head= ;;
		esac
		if ! grep -qiF -- "$line" stderr || ! grep -qF -- "$head" stderr; then
			out+=(stderr)
			break
		fi
	done < want
	jq -j '.stdout | gsub("0\\.8\\.5"; "0.8.11")' vector | cmp -s - stdout || out+=(stdout)
	jq -cS '.manifest | if . then .acVersion = "0.8.11" else . end' vector > want
	jq -cS . .acbuild/currentaci/manifest 2>/dev/null > got || echo null > got
	cmp -s want got || out+=(manifest)
	echo "${out[*]}"
}

@test "the original's commands have the original's answers" {
	local -a args
	local group=-1 n=0 bad=0 seen=
	mkdir -p in/d
	echo '{"limit":"1G"}' > in/iso.json
	echo f > in/f
	echo g > in/d/g
	while IFS= read -r line; do
		printf '%s' "$line" > vector
		if [ "$(jq .group vector)" != "$group" ]; then
			group=$(jq .group vector)
			rm -rf .acbuild
			acbuild begin
		fi
		id=$group.$(jq .step vector)
		mapfile -d '' -t args < <(jq -j '.args[] | . + "\u0000"' vector)
		rc=0
		acbuild "${args[@]}" > stdout 2> stderr < /dev/null || rc=$?
		n=$((n + 1))
		got=$(compare)
		want=$(sed -n "s/^$id: \([a-z ]*\): .*/\1/p" "$differences")
		if [ "$got" != "$want" ]; then
			echo "$id acbuild ${args[*]}: differs in '$got', listed: '$want'"
			cat stderr
			bad=1
		fi
		[ -z "$want" ] || seen="$seen $id"
	done < "$vectors"
	echo "replayed $n"
	[ "$n" -eq 57 ]
	[ "$(grep -c '^[0-9]' "$differences")" -eq "$(wc -w <<< "$seen")" ]
	[ "$bad" -eq 0 ]
}

@test "the manifest's keys come in the original's order" {
	acbuild begin
	acbuild --no-history port add web tcp 80
	acbuild --no-history environment add A 1
	acbuild --no-history dependency add example.com/b
	acbuild --no-history annotation add a b
	acbuild --no-history set-name example.com/a
	run acbuild cat-manifest
	[ "$(jq -c keys_unsorted <<< "$output")" = '["acKind","acVersion","name","labels","app","annotations","dependencies"]' ]
	[ "$(jq -c '.app | keys_unsorted' <<< "$output")" = '["exec","user","group","environment","ports"]' ]
}
