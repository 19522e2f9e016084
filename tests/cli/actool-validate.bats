#!/usr/bin/env bats
# actool validate: what is told, and that others agree with it.
# shellcheck disable=SC2154 # run sets output, stderr and status
load helper
load pull
load rawtar

setup() { store_setup; }

manifest='{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}'

# What is said about $1 has $2, by the first program that has it.
says() {
	[[ $output == *"$2"* ]] || { echo "$1: no '$2' in: $output"; return 1; }
}

# agreed VERDICT RULE NAME ENTRY...: validate, pull and to-oci agree about the
# archive of these entries.
agreed() {
	local verdict=$1 rule=$2 f="$3.aci" valid=0 strict=1 others=1
	shift 3
	raw "$f" "$@"
	case $verdict in
	good) strict=0 others=0 ;;
	bad) valid=1 ;;
	esac
	run "-$valid" actool validate "$f"
	[ "$verdict" = good ] || says "$f" "[$rule]"
	[ "$verdict" != odd ] || says "$f" "; acfetch, acbuild and acconvert refuse it"
	[ "$verdict" != good ] || [ -z "$output" ] || { echo "$f: $output" && false; }
	run "-$strict" actool validate --strict "$f"
	run "-$others" acconvert to-oci "$f" oci
	[ "$others" = 1 ] || actool id "$f" >/dev/null
	rm -rf oci
	run "-$others" pull --insecure-options=image "./$f"
	if [ "$others" = 1 ]; then
		store_empty
	fi
	mkdir w
	# What has no manifest may be the tar of a rootfs to acbuild.
	[[ $f == *manifest.aci || $f == slash.aci ]] || run "-$others" acbuild --work-path=w begin "./$f"
	rm -rf store w
}

@test "one set of rules: validate, pull, acconvert and acbuild agree about archives" {
	local m=manifest r=rootfs
	agreed good - plain $m $r "file rootfs/a" "dir rootfs/d" "file rootfs/d/b" "link rootfs/l /nowhere"
	agreed good - anyorder "file rootfs/d/b" "dir rootfs/d" $r $m
	agreed good - dotted "dir ./" $m "dir ./rootfs/" "file ./rootfs//a"
	agreed good - hardlinks $m $r "file rootfs/a" "hard rootfs/b rootfs/a" "hard rootfs/c rootfs/b"
	agreed good - latelinks $m $r "hard rootfs/c rootfs/b" "hard rootfs/b rootfs/a" "file rootfs/a"
	agreed good - absolutelink $m $r "file rootfs/a" "hard rootfs/b /rootfs/a"
	agreed good - linktolink $m $r "link rootfs/a x" "hard rootfs/b rootfs/a"
	agreed good - whiteoutname $m $r "file rootfs/x" "user rootfs/d"
	agreed good - twicerootfs $m $r $r "file rootfs/a"

	agreed bad A2 twice $m $r "file rootfs/a" "file rootfs/a"
	agreed bad A2 twicedir $m $r "dir rootfs/a" "dir rootfs/./a/"
	agreed bad A2 manifests $m $m $r
	agreed bad A3 norootfs $m "file rootfs/a"
	agreed bad A3 nomanifest $r
	agreed bad A3 foreign $m $r "file other"
	agreed bad A3 rootfslink $m "link rootfs /"
	agreed bad A3 rootfsfile $m "file rootfs"
	agreed bad A3 linkmanifest "link manifest x" $r
	agreed bad A10 absolute $m $r "file /rootfs/a"
	agreed bad A10 slash $m $r "dir /"
	agreed bad A10 climbing $m $r "file ../a"
	agreed bad A10 outagain $m $r "file rootfs/../../a"
	agreed bad A3 outofrootfs $m $r "file rootfs/../a"

	agreed odd A2 tworoots $m $r rootfs700
	agreed odd A3 rootfsx $m $r "file rootfsx"
	agreed odd A3 rootfs-evil $m $r "dir rootfs-evil" "file rootfs-evil/a"
	agreed odd A4 bigdev $m $r "bigdev rootfs/a"
	agreed odd A9 unknown $m $r "socket rootfs/a"
	agreed odd A9 tothemanifest $m $r "hard rootfs/a manifest"
	agreed odd A9 tonothing $m $r "hard rootfs/a rootfs/b"
	agreed odd A9 toitself $m $r "hard rootfs/a rootfs/a"
	agreed odd A9 todirectory $m $r "dir rootfs/d" "hard rootfs/a rootfs/d"
	agreed odd A9 toimplied $m $r "file rootfs/d/x" "hard rootfs/a rootfs/d"
	agreed odd A9 circle $m $r "hard rootfs/a rootfs/b" "hard rootfs/b rootfs/a"
	agreed odd A9 chain $m $r "hard rootfs/a rootfs/b" "hard rootfs/b rootfs/c" "hard rootfs/c rootfs/none"
	agreed odd A9 upwards $m $r "file rootfs/a" "hard rootfs/b rootfs/d/../a"
	agreed odd A9 emptylink $m $r "link rootfs/a"
	agreed odd A10 dotdot $m $r "dir rootfs/d" "file rootfs/d/../a"
	agreed odd A10 belowlink $m $r "link rootfs/l /tmp" "file rootfs/l/a"
	agreed odd A10 linkabove $m $r "file rootfs/l/a" "link rootfs/l /tmp"
	agreed odd A10 belowfile $m $r "file rootfs/l" "file rootfs/l/a"
	agreed odd A14 whiteout $m $r "white rootfs/a"
	agreed odd A14 overlay $m $r "overlay rootfs/d"
}

@test "limits: more than anybody unpacks" {
	# 17 sparse files of 4 GiB each say that they are more than 64 GiB.
	mkdir -p d/rootfs
	echo "$manifest" >d/manifest
	for i in $(seq 17); do truncate -s 4G "d/rootfs/$i"; done
	tar -C d --sparse -cf big.aci manifest rootfs
	run -0 actool validate big.aci
	says big "more than 68719476736 bytes of files"
	says big "[A21]"
	run -1 actool validate --strict big.aci
	run -1 acconvert to-oci big.aci oci
	run -1 pull --insecure-options=image ./big.aci
	store_empty
	# A size that no file can have.
	{ entry manifest rootfs "huge rootfs/a"; } >huge.aci
	run -1 actool validate huge.aci
	says huge "the archive stops within the file"
	says huge "[A13]"
}

@test "a manifest with many faults: all are told, with place, line, column, rule and fix" {
	cat >m <<-'END'
	{"acKind":"ImageManifest","name":"A b",
	 "labels":[{"name":"os","value":7},{"Name":"x y"}],
	 "app":{"user":"", "exec":[1],
	  "environment":[{"name":"1"}],
	  "isolators":[{"name":"resource/cpu","value":{"limit":"zz"}}],
	  "ports":[{"name":"a","port":0}]},
	 "pathWhitelist": 3,
	 "annotations":[{"name":"cr\u0065ated","value":"now"}]}
	END
	run -1 --separate-stderr actool validate m
	[ -z "$output" ]
	diff - <(sed 's/^actool: m: //; s/invalid ImageManifest: //' <<<"$stderr") <<-'END'
	acVersion must be set; add "acVersion": "0.8.11" (line 1, column 1) [I1]
	name: ACIdentifier must contain only lower case alphanumeric characters plus "-._~/" (line 1, column 27) [T1]
	labels[0].value: expected a string, found a number (line 2, column 25) [I2]
	app.exec[0]: expected a string, found a number (line 3, column 28) [I5.1]
	app: user is required; add "user": "0", say (line 3, column 2) [I5.2]
	app: group is required; add "group": "0", say (line 3, column 2) [I5.2]
	app.environment[0]: environment variable does not have valid identifier "1" (line 4, column 18) [I5.6]
	app.isolators[0].value.limit: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', not 'zz' (line 5, column 48) [L9]
	warning: app.ports[0]: has no protocol (line 6, column 12) [I5.9]
	app.ports[0]: port must be in 1-65535 range, not 0 (line 6, column 12) [I5.9]
	pathWhitelist: expected an array, found a number (line 7, column 2) [I7]
	annotations[0]: bad Date: 'now'; write it as 2006-01-02T15:04:05Z (line 8, column 17) [T6]
	END
	run -1 --separate-stderr actool validate --json m
	[ "$(jq -c '.[0] | [.valid, (.errors | length), (.warnings | length)]' <<<"$output")" = '[false,11,1]' ]
	[ "$(jq -c '.[0].errors[0]' <<<"$output")" = \
		'{"rule":"I1","path":"","line":1,"column":1,"text":"acVersion must be set","fix":"add \"acVersion\": \"0.8.11\""}' ]
	# The same in an archive and in a layout.
	mkdir -p l/rootfs
	cp m l/manifest
	tar -C l -czf a.aci manifest rootfs
	for f in l a.aci; do
		run -1 actool validate "$f"
		says $f "image manifest validation failed: app.exec[0]: expected a string, found a number (manifest line 3, column 28) [I5.1]"
		run -1 --separate-stderr actool validate --json "$f"
		[ "$(jq -c '.[0].errors[3] | [.in, .path, .line]' <<<"$output")" = '["manifest","app.exec[0]",3]' ]
	done
}

@test "odd keys have their places, too" {
	printf '%s\n' '{' '"acKind":"ImageManifest","acVersion":"0.8.11","name":"a",' \
		'"app":{"user":"0","group":"0","userLabels":{"a.b":"x",' \
		' "a.b[0]":1, "\u00e9\"":2}}}' >m
	run -1 actool validate m
	says m "app.userLabels.a.b[0]: expected a string, found a number (line 4, column 2) [I5.10]"
	printf '%s\n' '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a",' ' "Name":"b"}' >m
	run -1 actool validate m
	says m "name: duplicate key, as 'name' and as 'Name' (line 1, column 48) [T10]"
	printf '%s\n' '{"acKind":"ImageManifest","acVersion":"0.8.11",' '  "app": {"user":"0",' '  "user":"1"}}' >m
	run -1 actool validate m
	says m "duplicate object key near '\"user\"' (line 3, column 3) [T10]"
}

@test "text that is no JSON is shown, with a mark" {
	printf '{"acKind":"ImageManifest",\n\t"acVersion": "0.8.11",,\n "name":"a"}' >m
	run -1 --separate-stderr actool validate m
	diff - <(echo "$stderr") <<-'END'
	actool: m: error unmarshaling manifest: invalid character ',' where a key in double quotes is expected (line 2, column 24) [T10]
	actool:     2:  "acVersion": "0.8.11",,
	actool:                               ^
	END
	# A long line is shown in part, and nothing that a terminal obeys.
	{ printf '{"a":"%0200d",\n"b":"' 7 && head -c 1000000 /dev/zero | tr '\0' x && printf '\t"}'; } >m
	run -1 actool validate --type=manifest m
	[[ $output == *"(line 2, column 1000006)"* ]]
	[ "${#output}" -lt 500 ]
	printf '{"a": "\xc2\x9b31m" x}' >m
	run -1 actool validate m
	[[ $output == *'{"a": "?31m" x}'* ]]
	printf '{"a":1,"b"' >m
	run -1 actool validate m
	says m "unexpected end of JSON input behind a key, where ':' is expected (line 1, column 11)"
}

@test "standard input and pipes, images and manifests" {
	mkdir -p l/rootfs
	echo "$manifest" >l/manifest
	actool build l a.aci
	actool build --no-compression l n.aci
	for f in a.aci n.aci; do
		run -0 --separate-stderr actool --debug validate - <$f
		[ "$stderr" = "actool: -: valid app container image" ]
		run -0 --separate-stderr bash -c "cat $f | actool --debug validate -"
		[ "$stderr" = "actool: -: valid app container image" ]
		run -0 --separate-stderr bash -c "actool --debug validate <(cat $f) l"
		[[ $stderr == *": valid app container image"*"l: valid image layout" ]]
	done
	run -0 --separate-stderr bash -c "(sleep 0.2; cat l/manifest) | actool --debug validate -"
	[ "$stderr" = "actool: -: valid ImageManifest" ]
	[ "$(actool validate --json - <a.aci | jq -r '.[0] | .id + " " + .name')" = "$(actool id a.aci) example.com/a" ]
	run -1 actool validate - </dev/null
	run -1 bash -c ": | actool validate -"
	says - "-: unable to detect filetype (try --type)"
	run -1 bash -c "actool validate - <&-"
}

@test "--json of good files; the name of an image file" {
	mkdir -p l/rootfs
	jq -c '.labels = [{"name":"version","value":"1"}]' <<<"$manifest" >l/manifest
	actool build l a.aci
	cp a.aci image
	run -0 --separate-stderr actool validate --json a.aci image
	[ "$(jq -c '.[0] | [.what, .name, .labels, .errors, .warnings]' <<<"$output")" = \
		'["app container image","example.com/a",{"version":"1"},[],[]]' ]
	[ "$(jq -c '.[1].warnings[0] | [.rule, .text, .fix]' <<<"$output")" = \
		'["A1","the name of an image ends in .aci","rename it"]' ]
	run -1 --separate-stderr actool validate --json --strict image
	[ "$(jq -c '.[0] | [.valid, (.errors | length), .warnings]' <<<"$output")" = '[false,1,[]]' ]
}

# A pod manifest of the jq expression $1, applied to one that is ready.
pod() {
	jq -c --arg id "$(actool id a.aci)" "$1" >p <<-END
	{"acKind":"PodManifest","acVersion":"0.8.11",
	 "apps":[{"name":"a","image":{"id":"$(actool id a.aci)"},"mounts":[{"volume":"v","path":"/data/"}]}],
	 "volumes":[{"name":"v","kind":"empty"},{"name":"logs","kind":"empty"}],
	 "ports":[{"name":"www","hostPort":8080}]}
	END
}

# It is not ready to run, says $2, after the change $1; without --resolved it is
# valid.
unready() {
	pod "$1"
	run -0 actool validate p
	run -1 actool validate --resolved a.aci p
	says "$1" "not ready to run: "
	says "$1" "$2"
}

@test "--resolved: a pod is ready to run" {
	mkdir -p l/rootfs
	jq -c '.app = {"exec":["/x"],"user":"0","group":"0",
		"mountPoints":[{"name":"data","path":"/data"},{"name":"logs","path":"/logs"}],
		"ports":[{"name":"www","protocol":"tcp","port":80},{"name":"dns","protocol":"udp","port":53,"count":3}]} |
		.labels = [{"name":"version","value":"1"}]' <<<"$manifest" >l/manifest
	actool build l a.aci
	pod .
	run -0 --separate-stderr actool --debug validate --resolved p a.aci
	[ "$stderr" = "$(printf 'actool: p: valid PodManifest\nactool: a.aci: valid app container image')" ]
	# Without the image something remains unknown.
	run -0 actool validate --resolved p
	says p "warning: apps[0].image: what it runs, and its mount points and ports, cannot be known without the image"
	run -1 actool validate --resolved --strict p
	# With an app of its own nothing does.
	pod '.apps[0].app = {"exec":["/y"],"user":"0","group":"0","ports":[{"name":"www","protocol":"tcp","port":80}]}'
	run -0 actool validate --resolved --strict p

	unready '.apps = []' "there is no app to run"
	unready '.apps[0].image.id = "sha512-abc"' "[T5]"
	unready 'del(.apps[0].image.id)' "has no id"
	unready 'del(.apps[0].name)' "has no name"
	unready '.apps[0].image.name = "example.com/b"' "the image with this id is called 'example.com/a', not 'example.com/b' (line 1, column"
	unready '.apps[0].image.labels = [{"name":"version","value":"2"}]' "has other labels"
	unready '.apps[0].mounts[0].volume = "w"' "no volume of the pod is called 'w'"
	unready '.apps[0].mounts += [{"volume":"v","path":"//data"}]' "two mounts on '/data'"
	unready '.apps[0].mounts = []' "nothing is mounted on its mount point 'data' ('/data')"
	unready '.volumes = [.volumes[0]]' "nothing is mounted on its mount point 'logs'"
	unready '.ports[0].name = "ftp"' "no app has a port called 'ftp'"
	unready '.ports[0].hostPort = 0' "not in 1 to 65535"
	unready '.ports[0] = {"name":"dns","hostPort":65534}' "not in 1 to 65535"
	unready '.ports += [{"name":"www","hostPort":8080,"hostIP":"127.0.0.1"}]' "its ports of the host are those of ports[0]"
	unready '.apps += [.apps[0] | .name = "b"]' "2 ports of the apps are called 'www'"
	# Others do not meet.
	pod '.ports += [{"name":"dns","hostPort":8080}, {"name":"www","hostPort":8081}]'
	run -0 actool validate --resolved --strict a.aci p
}

@test "an encrypted image, when the passphrase is given" {
	mkdir -p l/rootfs
	echo "$manifest" >l/manifest
	actool build l a.aci
	echo secret | actool encrypt --passphrase-fd 0 a.aci e.aci
	run -0 actool --debug validate --passphrase-fd 3 e.aci 3<<<secret
	says e "e.aci: valid app container image"
	[ "$(actool validate --json --passphrase-fd 3 e.aci 3<<<secret | jq -r '.[0].id')" = "$(actool id a.aci)" ]
	run -1 actool validate --passphrase-fd 3 e.aci 3<<<wrong
	run -1 actool validate e.aci </dev/null
}

@test "memory has a bound: many entries, many faults, deep and large manifests" {
	mkdir -p l/rootfs
	echo "$manifest" >l/manifest
	(cd l/rootfs && seq -f %06g 20000 | xargs touch)
	tar -C l --format=ustar -czf many.aci manifest rootfs
	{ printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","pathWhitelist":[' &&
		yes '"x"' | head -n 400000 | paste -sd, && printf ']}'; } >whitelist
	{ printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","app":{"ports":[' &&
		yes '{}' | head -n 100000 | paste -sd, && printf ']}}'; } >labels
	{ head -c 1000000 /dev/zero | tr '\0' '['; } >deep
	for f in many.aci whitelist labels deep; do
		"$TOOLDIR/measure" peak actool validate "$f" 2>/dev/null || :
	done
	# Room for sanitizers.
	awk '{ print } $3 > 400 * 1024 { bad = 1 } END { exit bad }' peak
	[ "$(awk '{ print $4 }' peak | paste -sd' ')" = "0 0 1 1" ]
	run -1 actool validate labels
	[ "$(wc -l <<<"$output")" -lt 2100 ]
	says labels "more"
	run -1 actool validate deep
	says deep "more than 64 levels (line 1, column 65)"
}

@test "--resolved: as many mounts, volumes and ports as a manifest can hold" {
	jq -cn '[range(30000)] as $n | {acVersion: "0.8.11", acKind: "PodManifest",
		apps: [{name: "a", image: {id: ("sha512-" + "0" * 128)},
			app: {exec: ["/x"], user: "0", group: "0",
				mountPoints: [$n[] | {name: "m\(.)", path: "/q/\(.)"}],
				ports: [$n[] | {name: "p\(.)", port: (. + 1), protocol: "tcp"}]},
			mounts: [$n[] | {volume: "v\(.)", path: "/p/\(.)"}]}],
		volumes: [range(100) | {name: "v\(.)", kind: "empty"}],
		ports: [range(25000) | {name: "p\(.)", hostPort: (. + 1)}]}' > p
	# In proportion to its size: each against each took minutes.
	run -1 timeout 30 actool validate --resolved p
	[[ $output == *"and 58900 more"* ]]
}
