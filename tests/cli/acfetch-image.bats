#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets stderr
load helper
load aci

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
}

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# Put an image into the store: its id.
pull() {
	acfetch --insecure-options=image,http pull --full "$@" 2>pull.log
}

# make_dependent FILE NAME ON: version 1.0.0 of an image that stands on another.
make_dependent() {
	mkdir -p dependent
	make_aci dependent.aci "$2" 1.0.0
	tar -xzf dependent.aci -C dependent
	jq -c --arg on "$3" '.dependencies = [{imageName: $on}]' dependent/manifest >manifest.new
	mv manifest.new dependent/manifest
	tar -C dependent --owner=0 --group=0 -czf "$1" manifest rootfs
	rm -r dependent dependent.aci
}

# The id of an ACI file.
id_of() {
	echo "sha512-$(gunzip <"$1" | sha512sum | cut -d' ' -f1)"
}

two_images() {
	make_aci a.aci example.com/a 1.0.0
	make_aci b.aci example.com/b 2.0.0
	a=$(pull ./a.aci)
	b=$(pull ./b.aci)
}

@test "an empty store, and none" {
	run -0 --separate-stderr acfetch image list
	[ "$output" = $'ID\tNAME\tSIZE\tIMPORT TIME\tLAST USED' ]
	[ -z "$(acfetch image list --no-legend)" ]
	[ "$(acfetch image list --format=json)" = '[]' ]
	run -1 --separate-stderr acfetch image cat-manifest example.com/a
	[ ! -e store ]
}

@test "list: columns, order, JSON" {
	two_images
	run -0 --separate-stderr acfetch image list
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[1]} == "${a:0:19}"$'\t'"example.com/a:1.0.0"$'\t'*" KiB"*" ago" || ${lines[1]} == *now ||
		${lines[1]} == *" B"* ]]
	[[ ${lines[2]} == "${b:0:19}"*"example.com/b:2.0.0"* ]]
	[ "$(acfetch image list --no-legend --fields=name --sort=name --order=desc)" = \
		$'example.com/b:2.0.0\nexample.com/a:1.0.0' ]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$a"$'\n'"$b" ]
	[ "$(acfetch image list --fields='NAME, Id' | head -1)" = \
		"$(acfetch image list --fields=name,id | head -1)" ]
	[ "$(acfetch image list --no-legend --full --fields=ID)" = "$a"$'\n'"$b" ]
	[[ $(acfetch image list --no-legend --full --fields=importtime) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8} ]]
	[ "$(acfetch image list --no-legend --fields=name,kind | head -1)" = \
		$'example.com/a:1.0.0\taci' ]
	json=$(acfetch image list --format=json --sort=name)
	[ "$(jq -r '.[].id' <<<"$json")" = "$a"$'\n'"$b" ]
	[ "$(jq -r '.[0].name, .[0].kind' <<<"$json")" = $'example.com/a:1.0.0\naci' ]
	jq -e '.[0] | .size > 0 and .import_time > 1600000000000000000' <<<"$json"
	[ "$(jq . <<<"$json")" = "$(acfetch image list --format=json-pretty --sort=name | jq .)" ]
	[ "$(acfetch --json image list --sort=name)" = "$json" ]
}

@test "list: when an image was used last, whether it is the latest" {
	two_images
	acfetch image list --format=json --sort=name >list.json
	jq -e '.[] | .last_used_time == .import_time and .latest == false' list.json
	touch -d 2020-01-01T00:00:00Z now # a year in which nothing was imported
	acfetch image export example.com/a a.out
	[ "store/used/$a" -nt "store/images/$a.json" ]
	[ ! -e "store/used/$b" ]
	# An older note than the import says nothing.
	touch -r now "store/used/$a"
	acfetch image list --format=json --sort=name | jq -e '.[0] | .last_used_time == .import_time'
	touch -d '2100-01-01T00:00:00Z' "store/used/$a"
	[ "$(acfetch image list --format=json --sort=lastused | jq -r '.[].id')" = "$b"$'\n'"$a" ]
	acfetch image list --format=json --sort=name | jq -e '.[0].last_used_time == 4102444800000000000'
	[ "$(acfetch image list --no-legend --fields=name,latest --sort=name)" = \
		$'example.com/a:1.0.0\tfalse\nexample.com/b:2.0.0\tfalse' ]
	# Render, extract and running note it too; rm forgets it.
	[ "$(id -u)" != 0 ] || acfetch image render example.com/b b.out
	[ "$(id -u)" != 0 ] || [ -e "store/used/$b" ]
	acfetch image rm example.com/a example.com/b
	[ -z "$(ls store/used)" ]
}

@test "list: the command line" {
	for args in --fields=x --fields=id,id '--fields=,' --sort=x --order=x --format=x \
		--fields=used operand; do
		run -2 acfetch image list "$args"
	done
}

@test "an image by id, prefix, name, labels" {
	two_images
	want=$(acfetch image cat-manifest "$a")
	for ref in "${a:0:20}" example.com/a example.com/a:1.0.0 \
		example.com/a,version=1.0.0 example.com/a:1.0.0,os=linux,arch=amd64; do
		[ "$(acfetch image cat-manifest "$ref")" = "$want" ]
	done
	for ref in sha512-000000000000 example.com/c example.com/a:3 example.com/a,os=freebsd; do
		run -1 --separate-stderr acfetch image cat-manifest "$ref"
		[[ $stderr == *"image '$ref' is not in the store"* ]]
	done
}

@test "cat-manifest: indented or as it is" {
	two_images
	[ "$(acfetch image cat-manifest "$a" | jq -c .)" = \
		"$(tar -xzOf a.aci manifest | jq -c .)" ]
	[[ $(acfetch image cat-manifest "$a") == *$'\n\t"acKind"'* ]]
	[ "$(acfetch image cat-manifest --pretty-print=false "$a" | wc -l)" = 1 ]
	run -2 acfetch image cat-manifest --pretty-print=maybe "$a"
	run -2 acfetch image cat-manifest
}

@test "export: the image as a file" {
	two_images
	acfetch image export example.com/a out.aci
	cmp out.aci <(gunzip <a.aci)
	run -1 --separate-stderr acfetch image export example.com/a out.aci
	[[ $stderr == *"'out.aci' is there already; --overwrite replaces it"* ]]
	acfetch image export --overwrite example.com/b out.aci
	cmp out.aci <(gunzip <b.aci)
	acfetch image export --compression=gzip example.com/a zipped.aci
	cmp <(gunzip <zipped.aci) <(gunzip <a.aci)
	acfetch image export example.com/a - >piped.aci
	cmp piped.aci <(gunzip <a.aci)
	run -1 acfetch image export example.com/a none/out.aci
	run -2 acfetch image export --compression=zip example.com/a x.aci
	[ "$(id_of zipped.aci)" = "$a" ]
	[ -z "$(find . -name '.tmp*')" ]
}

@test "export: only a file is replaced" {
	make_aci a.aci example.com/a 1.0.0
	pull ./a.aci
	mkfifo fifo
	mkdir dir
	ln -s fifo to-fifo
	ln -s dir to-dir
	for out in fifo dir to-fifo to-dir; do
		run -1 --separate-stderr acfetch image export --overwrite \
			example.com/a "$out"
		[[ $stderr == *"'$out' is not a regular file"* ]]
	done
	[ -p fifo ]
	[ -d dir ]
	[ -L to-fifo ]
	[ -L to-dir ]
	echo old >old
	ln -s old link
	acfetch image export --overwrite example.com/a link
	[ "$(cat old)" = old ]
	cmp link <(gunzip <a.aci)
	run -1 --separate-stderr acfetch image export example.com/a dir/
	[[ $stderr == *"'dir/' names no file"* ]]
}

@test "export: nothing is left on a full disk" {
	needs_root
	make_aci a.aci example.com/a 1.0.0
	pull ./a.aci
	mkdir small
	mount -t tmpfs -o size=4k none small || skip "no tmpfs here"
	run -1 --separate-stderr acfetch image export example.com/a small/out.aci
	left=$(ls -A small)
	umount small
	[ -z "$left" ]
	[[ $stderr == *"export image 'example.com/a'"* ]]
}

@test "render: the files, and the manifest" {
	needs_root
	two_images
	acfetch image render example.com/a out
	[ "$(cat out/rootfs/hello)" = 'hello from example.com/a 1.0.0' ]
	[ "$(jq -c . out/manifest)" = "$(tar -xzOf a.aci manifest | jq -c .)" ]
	run -1 --separate-stderr acfetch image render example.com/b out
	[[ $stderr == *"output directory 'out' exists (try --overwrite)"* ]]
	acfetch image render --overwrite --rootfs-only example.com/b ./out/
	[ "$(cat out/hello)" = 'hello from example.com/b 2.0.0' ]
	[ ! -e out/rootfs ]
	for dir in / . .. ''; do
		run -2 acfetch image render example.com/a "$dir"
	done
	run -1 acfetch image render example.com/a none/out
	# Not over what is read.
	mkdir -p up/er
	mv store up/er
	ln -s up/er/store store
	for dir in store up up/er "up/er/store/layers/$a"; do
		run -1 --separate-stderr acfetch image render --overwrite example.com/a "$dir"
		[[ $stderr == *"output directory '$dir' is the store '"*"', in it, or holds it; name another" ]]
		run -1 acfetch image extract --overwrite example.com/a "$dir"
	done
	acfetch image verify
	[ -z "$(find . -name '.tmp-*')" ]
	mkdir store.more
	acfetch image render example.com/a store.more
	[ -z "$(find . -maxdepth 1 -name '.tmp*')" ]
}

@test "extract: an image alone" {
	needs_root
	make_aci base.aci example.com/base 1.0.0
	pull ./base.aci
	make_dependent app.aci example.com/app example.com/base
	app=$(pull ./app.aci)
	acfetch image render --rootfs-only example.com/app whole
	rm store/used/*
	acfetch image extract example.com/app out
	[ "$(ls store/used)" = "$app" ]
	[ "$(cat out/rootfs/hello)" = 'hello from example.com/app 1.0.0' ]
	[ "$(jq -c . out/manifest)" = "$(tar -xzOf app.aci manifest | jq -c .)" ]
	run -1 --separate-stderr acfetch image extract example.com/app out
	[[ $stderr == *"output directory 'out' exists (try --overwrite)"* ]]
	acfetch image extract --overwrite --rootfs-only example.com/base out
	[ "$(cat out/hello)" = 'hello from example.com/base 1.0.0' ]
	run -2 acfetch image extract example.com/app /
	run -1 acfetch image extract example.com/none none
	# What the image stands on may be missing.
	acfetch image rm example.com/base
	run -1 acfetch image render example.com/app other
	acfetch image extract example.com/app other
}

@test "tree and du: what images are made of" {
	make_aci base.aci example.com/base 1.0.0
	base=$(pull ./base.aci)
	make_dependent app.aci example.com/app example.com/base
	app=$(pull ./app.aci)
	acfetch --json image tree example.com/app >tree.json
	jq -e --arg app "$app" --arg base "$base" '.[0] | .id == $app and .dependencies[0].id == $base and
		(.layers | length) == 1 and .blobs[0].images == 1 and .shared == 0' tree.json
	[ "$(jq '.[0].size' tree.json)" = "$(acfetch image list --format=json | jq '.[] | select(.name | test("app")).size')" ]
	run -0 --separate-stderr acfetch image tree "$app"
	[[ ${lines[0]} == $'NAME\t'*$'SIZE\tIMAGES' ]]
	[[ ${lines[1]} == "example.com/app:1.0.0 (${app:0:19})"* ]]
	[[ ${lines[2]} == "  layer ${app:0:19}"* ]]
	[[ ${lines[4]} == "  example.com/base:1.0.0 (${base:0:19})"* ]]
	blobs=$(cat base.aci app.aci | wc -c)
	files=$(cat store/layers/*/rootfs/hello | wc -c)
	acfetch --json image du >du.json
	jq -e --argjson b "$blobs" --argjson f "$files" \
		'.blobs == $b and .layers == $f and .shared == 0 and .ingest == 0 and .total == $b + $f' du.json
	run -0 acfetch image du
	[[ ${lines[6]} == "total"* ]]
	# What no image has: unfinished downloads, notes, what is under way.
	mkdir -p store/partial/"url-$(printf '0%.0s' {1..64})" store/ingest/0123456789abcdef/layer
	head -c 1000 /dev/zero >store/partial/"url-$(printf '0%.0s' {1..64})"/blob
	echo '{}' >store/http/x
	head -c 200 /dev/zero >store/ingest/0123456789abcdef/layer/f
	acfetch --json image du | jq -e --argjson b "$blobs" --argjson f "$files" \
		'.ingest == 200 and .partial == 1000 and .http == 3 and .total == $b + $f + 1203'
	run -0 acfetch image du
	[[ ${lines[3]} == "ingest"* && ${lines[4]} == "partial"* && ${lines[5]} == "http"* ]]
	rm -r store/partial/* store/ingest/* store/http/*
	acfetch --json image du example.com/app | jq -e --argjson b "$(wc -c <app.aci)" '.[0].blobs == $b'
	run -0 acfetch image du example.com/app "$base"
	[ "${#lines[@]}" = 3 ]
	acfetch image rm example.com/base
	[[ $(acfetch image tree "$app") == *"  example.com/base (not in the store)"* ]]
	acfetch --json image tree "$app" | jq -e '.[0].dependencies[0].missing'
	run -1 acfetch image tree example.com/none
	run -1 acfetch image du example.com/none
}

@test "rm: by any name, once, and what could not be" {
	two_images
	run -0 --separate-stderr acfetch image rm example.com/a "$a" example.com/a
	[ "$output" = "successfully removed aci for image: \"$a\"" ]
	[[ $stderr == *"1 image(s) successfully removed"* ]]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$b" ]
	run -1 --separate-stderr acfetch image rm example.com/a "$b"
	[ "$output" = "successfully removed aci for image: \"$b\"" ]
	[[ $stderr == *"image 'example.com/a' is not in the store"* ]]
	[[ $stderr == *"1 image(s) could not be removed"* ]]
	[ -z "$(acfetch image list --no-legend)" ]
	[ -z "$(find store/blobs store/layers -type f)" ]
	run -2 acfetch image rm
}

@test "rm: an image in use stays" {
	two_images
	exec 7<"store/layers/$a"
	flock --shared 7
	run -1 --separate-stderr acfetch image rm example.com/a example.com/b
	[[ $output == *"$b"* ]]
	[[ $output != *"$a"* ]]
	exec 7<&-
	run -0 acfetch image rm example.com/a
}

@test "gc: garbage, and old images when asked" {
	two_images
	echo left >"store/blobs/sha512/$(printf '0%.0s' $(seq 128))"
	run -0 --separate-stderr acfetch image gc
	[ ! -e "store/blobs/sha512/$(printf '0%.0s' $(seq 128))" ]
	[[ $stderr == *"freed"* ]]
	acfetch image gc --grace-period=1h30m
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	acfetch image gc --grace-period=0
	[ -z "$(acfetch image list --no-legend)" ]
	for d in x 5 1x h 1s1h -1s; do
		run -2 acfetch image gc "--grace-period=$d"
	done
}

# Say that image $1 was used $2 seconds ago, and that all were imported long ago.
used() { touch -d "@$((EPOCHSECONDS - $2))" "store/used/$1"; }
long_ago() { sed -i 's/"imported": [0-9]*/"imported": 1500000000/' store/images/*; }

@test "gc: what was used is not old" {
	two_images
	long_ago
	used "$a" 7200
	run -0 --separate-stderr acfetch image gc --grace-period=1h --dry-run
	[ "$(sort <<<"$output")" = "$(printf 'would remove aci for image: "%s"\n' "$a" "$b" | sort)" ]
	[[ $stderr == *"would remove layer \"$a\""*"would be freed"* ]]
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	used "$a" 1800
	run -0 --separate-stderr acfetch image gc --grace-period=1h
	[ "$output" = "successfully removed aci for image: \"$b\"" ]
	[[ $stderr == *"removed layer \"$b\""* ]]
	[[ $stderr == *"removed blob \"sha256/"* ]]
	[ "$(acfetch image list --no-legend --full --fields=id)" = "$a" ]
	[ ! -e "store/layers/$b" ]
}

@test "gc: an image is used with what stands on it, and goes after it" {
	make_aci base.aci example.com/base 1.0.0
	base=$(pull ./base.aci)
	make_dependent app.aci example.com/app example.com/base
	app=$(pull ./app.aci)
	make_aci old.aci example.com/old 1.0.0
	old=$(pull ./old.aci)
	long_ago
	used "$app" 60
	used "$base" 7200
	run -0 --separate-stderr acfetch image gc --grace-period=1h
	[ "$output" = "successfully removed aci for image: \"$old\"" ]
	size=$(acfetch --json image du | jq .total)
	acfetch image gc --max-size="$size"
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	run -0 --separate-stderr acfetch image gc --max-size=$((size - 1))
	[ "$output" = "successfully removed aci for image: \"$app\"" ]
	run -0 --separate-stderr acfetch image gc --max-size=0
	[ "$output" = "successfully removed aci for image: \"$base\"" ]
	run -2 acfetch image gc --max-size=much
}

@test "gc: what a pod holds stays, however old or large" {
	two_images
	long_ago
	exec 7<"store/layers/$a"
	flock --shared 7
	run -0 --separate-stderr acfetch image gc --grace-period=0 --max-size=0
	[ "$output" = "successfully removed aci for image: \"$b\"" ]
	exec 7<&-
	acfetch image gc --max-size=0
	[ -z "$(acfetch image list --no-legend)" ]
	[ -z "$(find store/blobs store/layers -type f)" ]
}

@test "rm, gc, verify as JSON" {
	two_images
	[ "$(acfetch --json image verify "$a" example.com/b | jq -r '.[]')" = "$a"$'\n'"$b" ]
	[ "$(acfetch --json image rm example.com/a | jq -r '.[]')" = "$a" ]
	[ "$(acfetch --json image gc --grace-period=0 | jq -r '.removed[]')" = "$b" ]
	[ "$(acfetch --json image gc | jq .freed)" = 0 ]
}

# Change a byte of a file whose mode may forbid it.
spoil() {
	chmod u+w "$1"
	printf x | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "verify: a damaged blob is told, put away and replaced by a pull" {
	two_images
	run -0 acfetch image verify example.com/a "$b"
	[ "${lines[0]}" = "successfully verified checksum for image: \"example.com/a\" (\"$a\")" ]
	blob=store/blobs/sha256/$(sha256sum <a.aci | cut -d' ' -f1)
	spoil "$blob" 5
	run -1 --separate-stderr acfetch image verify --no-repair example.com/a
	[[ $stderr == *"is damaged: its bytes are others; it would be removed; get it again: 'acfetch pull --no-store"* ]]
	# A pull of the same bytes replaces the damaged ones.
	pull ./a.aci
	cmp "$blob" a.aci
	acfetch image verify example.com/a
	spoil "$blob" 5
	run -1 --separate-stderr acfetch image verify
	[[ $stderr == *"it was removed; get it again"* ]]
	[ "$output" = "successfully verified checksum for image: \"example.com/b\" (\"$b\")" ]
	[ ! -e "$blob" ]
	[ "$(acfetch --json image verify 2>err || :)" = "$(printf '[\n  "%s"\n]' "$b")" ]
	grep -q 'it is missing' err
	# So is what is no file, and the other images are looked at.
	for harm in 'ln -s /etc/passwd $blob' 'mkfifo $blob' 'mkdir $blob' \
		'mkdir $blob; echo more >$blob/more'; do
		pull ./a.aci
		rm "$blob"
		eval "$harm"
		run -1 --separate-stderr acfetch image verify --no-repair
		[[ $stderr == *"is damaged: it is no regular file; it would be removed; get it again"* ]]
		[ "$output" = "successfully verified checksum for image: \"example.com/b\" (\"$b\")" ]
		run -1 --separate-stderr acfetch store check --repair
		[[ $output == *": it is no regular file; it was removed; get it again"* ]]
		[ ! -L "$blob" ] && [ ! -e "$blob" ]
	done
	# Another compression of it will do.
	gunzip <a.aci >plain.aci
	[ "$(pull ./plain.aci)" = "$a" ]
	acfetch image verify
}

# partial NAME AGE: an unfinished download that was touched so many seconds ago.
partial() {
	mkdir -p "store/partial/$1"
	printf 'acutils partial 1\nvalidator "1"\n' >"store/partial/$1/state"
	echo some >"store/partial/$1/blob"
	touch -d "@$(($(date +%s) - $2))" "store/partial/$1"/* "store/partial/$1"
}

@test "gc: unfinished downloads stay a week, or as long as images" {
	two_images
	new=url-$(printf '1%.0s' {1..64}) old=sha256-$(printf '2%.0s' {1..64}) older=url-$(printf '3%.0s' {1..64})
	partial "$new" 0
	partial "$old" 7200
	partial "$older" 700000
	acfetch image gc --dry-run 2>said
	grep -q "would remove unfinished download \"$older\"" said
	[ "$(grep -c unfinished said)" = 1 ]
	[ -d "store/partial/$older" ]
	acfetch image gc
	[ "$(ls store/partial)" = "$old"$'\n'"$new" ]
	acfetch image gc --max-size=1T
	[ "$(ls store/partial)" = "$old"$'\n'"$new" ]
	# A longer one than a week changes nothing.
	partial "$older" 700000
	acfetch image gc --grace-period=2400h 2>said
	grep -q "removed unfinished download \"$older\"" said
	[ "$(acfetch --json image gc --grace-period=1h --dry-run | jq .freed)" -ge 5 ]
	acfetch image gc --grace-period=1h 2>said
	grep -q "removed unfinished download \"$old\"" said
	[ "$(ls store/partial)" = "$new" ]
	[ "$(acfetch image list --no-legend | wc -l)" = 2 ]
	# Nothing that somebody works at.
	exec 7<"store/partial/$new"
	flock --exclusive 7
	acfetch image gc --grace-period=0
	[ "$(ls store/partial)" = "$new" ]
	exec 7<&-
	acfetch image gc --grace-period=0
	[ -z "$(ls store/partial)" ]
}

@test "verify: an image whose record cannot be read is not passed over" {
	two_images
	echo '{' >"store/images/$a.json"
	run -1 --separate-stderr acfetch image verify
	[ "$output" = "successfully verified checksum for image: \"example.com/b\" (\"$b\")" ]
	[[ $stderr == *"1 record(s) cannot be read, so nothing is known of those images; see 'acfetch store check'" ]]
	acfetch image verify "$b"
}

@test "gc: what has a layer's or a blob's name and is none goes" {
	two_images
	touch before
	acfetch image rm "$a"
	ln -s "$PWD/before" "store/layers/$a"
	mkdir "store/blobs/sha256/$(sha256sum <a.aci | cut -d' ' -f1)"
	acfetch image gc
	[ "$(ls store/layers)" = "$b" ]
	[ "$(ls store/blobs/sha256)" = "$(sha256sum <b.aci | cut -d' ' -f1)" ]
	[ -e before ]
}

@test "verify: a layer is made again from its blob" {
	two_images
	root=store/layers/$a/rootfs
	cp -a "$root" before
	for harm in 'echo other >$root/hello' 'rm $root/hello' 'echo more >$root/more' \
		'chmod 600 $root/hello' 'touch $root/hello' 'ln -f $root/hello $root/link' \
		'rm $root/hello; mkdir $root/hello' 'mv $root gone' 'rm store/layers/$a/files' \
		'sed -i "\$d" store/layers/$a/files' 'rm -r store/layers/$a' \
		'rm store/layers/$a/files; mkfifo store/layers/$a/files' \
		'ln -sf /etc/passwd store/layers/$a/files' 'rm -r $root; ln -s / $root' \
		'mv store/layers/$a gone; ln -s "$PWD/gone" store/layers/$a' \
		'rm -r store/layers/$a; ln -s /nowhere store/layers/$a' \
		'rm -r store/layers/$a; echo no layer >store/layers/$a'; do
		eval "$harm"
		run -0 timeout 20 acfetch image tree example.com/a
		run -1 --separate-stderr acfetch image verify --no-repair example.com/a
		[[ $stderr == *"tree cache verification failed for image \"example.com/a\": layer $a: "*"; it would be made again"* ]]
		run -0 --separate-stderr acfetch image verify example.com/a
		[[ $stderr == *"; it was made again"* ]]
		[ "$output" = "successfully verified checksum for image: \"example.com/a\" (\"$a\")" ]
		diff -r before "$root"
		[ "$(stat -c '%a %Y' "$root/hello")" = "$(stat -c '%a %Y' before/hello)" ]
		[ -z "$(ls -A store/ingest)" ]
		rm -rf gone
	done
	# Not under a pod, nor from a damaged blob.
	exec 7<"store/layers/$a"
	flock --shared 7
	chmod 600 "$root/hello"
	run -1 --separate-stderr acfetch image verify example.com/a
	[[ $stderr == *"its mode is 0600, not 0644; a pod uses it"* ]]
	[ "$(stat -c %a "$root/hello")" = 600 ]
	exec 7<&-
	spoil "store/blobs/sha256/$(sha256sum <a.aci | cut -d' ' -f1)" 30
	run -1 --separate-stderr acfetch image verify example.com/a
	[[ $stderr == *"could not be made again: a blob is not right either"* ]]
	pull ./a.aci
	acfetch image verify
	[ "$(stat -c %a "$root/hello")" = 644 ]
}

@test "an image of a registry: listed, exported, served again" {
	mkdir -p bundle
	umoci init --layout layout
	umoci new --image layout:v1
	umoci unpack --rootless --image layout:v1 bundle >/dev/null
	echo hello >bundle/rootfs/hello
	umoci repack --image layout:v1 bundle >/dev/null
	acfetch serve --oci team/app=layout --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && break || sleep 0.05; done
	addr=$(sed 's,^listening on http://,,' out)
	pull "docker://$addr/team/app:v1"
	kill "$server"
	[[ $(acfetch image list --no-legend --fields=name,kind) == *$'\toci' ]]
	# The store is a layout that others can read.
	skopeo copy -q "oci:store:$addr/team/app:v1" oci:read:v1
	for blob in read/blobs/sha256/*; do
		cmp "$blob" "store/blobs/sha256/${blob##*/}"
	done
	[ "$(skopeo inspect "oci:store:$addr/team/app:v1" | jq -r .Digest)" = \
		"$(jq -r '.manifests[0].digest' layout/index.json)" ]
	acfetch store check
	mv store/index.json kept.json
	run -0 --separate-stderr acfetch store check
	[ "${lines[0]}" = "file index.json: it does not list the OCI images; 'acfetch image gc' or --repair puts that right" ]
	acfetch store check --repair
	cmp kept.json store/index.json
	acfetch image export "docker://$addr/team/app:v1" app.aci
	tar -tf app.aci | grep -qx rootfs/hello

	acfetch serve --listen 127.0.0.1:0 >out 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s out ] && grep -q listening out && break || sleep 0.05; done
	again=$(sed 's,^listening on http://,,' out)
	for name in team/app "${addr/:/_}/team/app"; do
		rm -rf got
		skopeo copy -q --src-tls-verify=false "docker://$again/$name:v1" oci:got:v1
		for blob in got/blobs/sha256/*; do
			cmp "$blob" "layout/blobs/sha256/${blob##*/}"
		done
	done
	[ "$(curl -s "http://$again/v2/_catalog" | jq -r '.repositories[]')" = "${addr/:/_}/team/app" ]
	[ "$(curl -s "http://$again/v2/team/app/tags/list" | jq -r '.tags[]')" = v1 ]
	# Removed while it is served.
	acfetch image rm "docker://$addr/team/app:v1"
	[ "$(jq -c .manifests store/index.json)" = '[]' ]
	acfetch store check
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://$again/v2/team/app/manifests/v1")" = 404 ]
}
