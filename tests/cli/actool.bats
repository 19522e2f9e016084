#!/usr/bin/env bats
# actool: validate, build, cat-manifest, id.
load helper

debian() { /usr/bin/actool "$@"; }

manifest='{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}'

# A layout in the directory $1.
layout() {
	mkdir -p "$1/rootfs/etc"
	echo "$manifest" > "$1/manifest"
	echo hello > "$1/rootfs/etc/motd"
}

# The archive $1 is refused, ours says $2, and nothing crashed.
refused() {
	run --separate-stderr actool validate "$1"
	# shellcheck disable=SC2154 # bats sets it
	if [ "$status" -ne 1 ] || [[ $stderr != *"$1: "*"$2"* ]]; then
		echo "$1: rc $status: $stderr"
		return 1
	fi
	run -1 actool id "$1"
}

@test "the frame: usage, help, unknown commands, exit codes" {
	run -0 --separate-stderr actool
	[[ $output == "Usage: actool"* ]]
	[ -z "$stderr" ]
	run -0 actool help validate
	[[ $output == *--strict* ]]
	run -2 actool nosuch
	run -2 actool validate --nosuch x
	run -1 actool validate
	[[ $output == *"validate: must pass one or more files"* ]]
	run -0 actool version
	[[ $output == "actool version "* ]]
	run -2 actool validate --type=bogus .
}

@test "an image of a few commands, as the manual has it" {
	awk '/^\.Sh EXAMPLES/ { on = 1 } /^\.Bd -literal/ { code = on; next } /^\.Ed/ { code = 0 } code' \
		"$BATS_TEST_DIRNAME/../../actool/actool.1" | sed 's/\\e/\\/g' > example
	grep -q 'actool verify' example
	echo 'gpgconf --kill all' >> example
	run -0 bash -eux example
	[[ $output == *"hello.aci: good signature by Me <me@example.com>, key "* ]]
}

@test "types are told by content, and said with --debug" {
	layout l
	actool build l a.aci
	actool build --no-compression l n.aci
	xz -k a.aci -c > x.aci
	actool build --compression xz l x.aci --overwrite
	actool build --compression bzip2 l b.aci
	cp a.aci "name without extension"
	cp l/manifest m
	echo '{"acKind":"PodManifest","acVersion":"0.8.11","apps":[]}' > p
	run -0 --separate-stderr actool -debug validate a.aci n.aci x.aci b.aci "name without extension" l m p
	[ -z "$output" ]
	for f in a.aci n.aci x.aci b.aci "name without extension"; do
		[[ $stderr == *"$f: valid app container image"* ]]
	done
	[[ $stderr == *"l: valid image layout"* ]]
	[[ $stderr == *"m: valid ImageManifest"* ]]
	[[ $stderr == *"p: valid PodManifest"* ]]
	run -0 --separate-stderr actool validate a.aci l m
	[ -z "$output$stderr" ]
}

@test "--type overrules what a file looks like" {
	layout l
	actool build l a.aci
	run -1 actool validate --type=manifest a.aci
	run -1 actool validate --type=appimage l/manifest
	run -1 actool validate --type=layout a.aci
	run -1 actool validate --type=manifest l
	[[ $output == *"l: is a directory (wrong --type?)"* ]]
	actool validate --type=appimage a.aci
	actool validate --type manifest l/manifest
	actool validate --type layout l
}

@test "several files: all are looked at, the result is that of the worst" {
	layout l
	echo '{' > bad
	run -1 actool --debug validate none bad l/manifest l
	[[ $output == *"none: unable to access none: "* ]]
	[[ $output == *"bad: error unmarshaling manifest: "* ]]
	[[ $output == *"l/manifest: valid ImageManifest"* ]]
	[[ $output == *"l: valid image layout"* ]]
}

@test "--json has everything that is said" {
	layout l
	jq -c '.pathWhitelist = ["rel"]' l/manifest > m
	echo '{}' > bad
	actool build l a.aci
	run -1 --separate-stderr actool validate --json a.aci m bad l
	[ "$(jq -c '[.[] | [.file, .type, .what, .valid]]' <<< "$output")" = \
		'[["a.aci","appimage","app container image",true],["m","manifest","ImageManifest",true],["bad","manifest",null,false],["l","layout","image layout",true]]' ]
	[ "$(jq -r '.[0].id' <<< "$output")" = "$(actool id a.aci)" ]
	[ "$(jq -r '.[1].warnings[0] | .rule + " " + .path' <<< "$output")" = "I7 pathWhitelist[0]" ]
	[[ "$(jq -r '.[2].errors[0].text' <<< "$output")" == *"ACKind must be set"* ]]
	run -1 --separate-stderr actool validate --strict --json m
	[ "$(jq '.[0].valid' <<< "$output")" = false ]
}

@test "what is no image, manifest or layout" {
	layout l
	: > empty
	refused empty "unable to detect filetype (try --type)"
	printf 'a\0b' > binary
	refused binary "unable to detect filetype (try --type)"
	tar -C l --format=v7 -cf v7.tar manifest rootfs
	run -1 actool validate v7.tar
	[[ $output == *"v7.tar: a tar of the form before POSIX (v7)"* ]]
	tar -C l -cf - manifest rootfs | zstd -q > z.aci
	run -1 actool validate z.aci
	mkfifo fifo
	run -1 timeout 60 actool validate /dev/null
}

@test "layouts: what must and must not be there" {
	mkdir l
	run -1 actool validate l
	[[ $output == *"l: invalid image layout: no image manifest found in layout"* ]]
	echo "$manifest" > l/manifest
	run -1 actool validate l
	[[ $output == *"no rootfs found in layout"* ]]
	ln -s /etc l/rootfs
	run -1 actool validate l
	[[ $output == *"rootfs is not a directory"* ]]
	rm l/rootfs
	mkdir l/rootfs
	actool validate l
	touch l/foo
	run -1 actool validate l
	[[ $output == *'unrecognized file path in layout: "foo"'* ]]
	run -1 actool build l a.aci
	[[ $output == *"build: Layout failed validation: unrecognized file path"* ]]
	rm l/foo
	echo '{"acKind":"ImageManifest"}' > l/manifest
	run -1 actool validate l
	[[ $output == *"image manifest validation failed: "* ]]
}

@test "hostile archives are refused, with the reason" {
	layout l
	cd l
	mkdir ../o
	tar -cf ../o/no-rootfs.tar manifest
	tar -cf ../o/no-manifest.tar rootfs
	tar -cf ../o/files-only.tar manifest rootfs/etc/motd
	tar -cf ../o/twice.tar manifest rootfs
	tar -rf ../o/twice.tar rootfs/etc/motd
	tar -cf ../o/dotted.tar manifest rootfs
	tar -rf ../o/dotted.tar ./rootfs/etc/motd --transform='s,^./rootfs,rootfs/.,'
	tar -cf ../o/two.tar manifest rootfs
	tar -rf ../o/two.tar manifest
	tar -cf ../o/beside.tar manifest rootfs --transform='s,etc,../etc,'
	tar -Pcf ../o/absolute.tar manifest rootfs --transform='s,^rootfs/etc/motd,/etc/motd,'
	tar -Pcf ../o/climbing.tar manifest rootfs --transform='s,^rootfs/etc/motd,rootfs/../../x,'
	ln -s x manifestlink
	tar -cf ../o/symlink.tar manifestlink rootfs --transform='s,manifestlink,manifest,'
	rm manifestlink
	tar -cf ../o/dir.tar rootfs --transform='s,^rootfs$,manifest,'
	tar -cf ../o/file.tar manifest rootfs/etc/motd --transform='s,rootfs/etc/motd,rootfs,'
	cd ../o
	refused no-rootfs.tar "error validating: no rootfs found in layout"
	refused no-manifest.tar "error validating: no image manifest found in layout"
	refused files-only.tar "error validating: no rootfs found in layout"
	refused twice.tar "duplicate file entry in archive: rootfs/etc/motd"
	refused dotted.tar "duplicate file entry in archive: rootfs/etc/motd"
	refused two.tar "duplicate file entry in archive: manifest"
	refused absolute.tar "/etc/motd"
	refused climbing.tar "rootfs/../../x"
	refused symlink.tar "manifest is not a regular file"
	refused dir.tar "manifest is not a regular file"
	refused file.tar "rootfs is not a directory"
}

@test "broken archives are refused, wherever they break" {
	local z n size
	layout l
	head -c 300000 /dev/urandom > l/rootfs/random
	for z in none gzip bzip2 xz; do
		actool build --compression $z --overwrite l a.aci
		size=$(stat -c %s a.aci)
		for n in 600 5000 150000 $((size - 1100)); do
			head -c "$n" a.aci > cut.aci
			refused cut.aci ""
		done
		# A changed byte, where there is a checksum.
		[ $z = none ] && continue
		cp a.aci changed.aci
		printf '\xff\x00\xff\x00' | dd of=changed.aci bs=1 seek=200000 conv=notrunc status=none
		refused changed.aci ""
	done
	actool build --no-compression --overwrite l a.aci
	printf 'x' | dd of=a.aci bs=1 seek=0 conv=notrunc status=none
	refused a.aci "checksum"
}

@test "id: a line is a line, whatever a file is called" {
	local name=$'b\nsha512-0  a.aci\e[2J'
	layout l
	actool build l a.aci
	cp a.aci "$name"
	run -0 actool id a.aci "$name"
	[ "${#lines[@]}" -eq 2 ]
	[ "${lines[1]}" = "$(actool id a.aci)  b\\x0asha512-0  a.aci\\x1b[2J" ]
}

@test "what is behind the end of the archive is accepted, and counts" {
	layout l
	actool build --no-compression l a.aci
	cp a.aci b.aci
	printf 'trailing' >> b.aci
	actool validate b.aci
	[ "$(actool id b.aci)" = "sha512-$(sha512sum b.aci | cut -d' ' -f1)" ]
	# No mark of the end at all.
	head -c -1024 a.aci > c.aci
	actool validate c.aci
}

@test "a bomb costs no memory" {
	layout l
	truncate -s 1G l/rootfs/zeros
	tar -C l -cf - manifest rootfs | gzip -1 > bomb.aci
	[ "$(stat -c %s bomb.aci)" -lt 10000000 ]
	# The fourth part of it would be much: 200 MiB leaves room for sanitizers.
	"$TOOLDIR/measure" peak actool validate bomb.aci
	"$TOOLDIR/measure" peak actool id bomb.aci
	[ "$(wc -l < peak)" -eq 2 ]
	awk '{ print } $4 != 0 || $3 > 200 * 1024 { bad = 1 } END { exit bad }' peak
	# And a manifest that is one.
	{ printf '{"a":"' && head -c 20000000 /dev/zero | tr '\0' x && printf '"}'; } > l/manifest
	tar -C l -cf - manifest | gzip -1 > bomb.aci
	run -1 actool validate bomb.aci
	[[ $output == *"manifest"* ]]
	run -1 actool validate l/manifest
	run -1 actool cat-manifest bomb.aci
}

@test "Debian's actool accepts what we build, and we what it builds" {
	needs_debian
	local z
	layout l
	ln l/rootfs/etc/motd l/rootfs/hard
	ln -s nowhere l/rootfs/link
	mkfifo l/rootfs/fifo
	for z in gzip none xz bzip2; do
		actool build --compression $z l "$z.aci"
		debian validate "$z.aci"
	done
	rm l/rootfs/fifo
	debian build l theirs.aci
	debian build --no-compression l plain.aci
	actool validate --strict theirs.aci plain.aci
	[ "$(actool cat-manifest theirs.aci)" = "$(debian cat-manifest theirs.aci)" ]
	[ "$(actool cat-manifest --pretty-print theirs.aci)" = "$(debian cat-manifest --pretty-print theirs.aci)" ]
	[ "$(actool id plain.aci)" = "sha512-$(sha512sum plain.aci | cut -d' ' -f1)" ]
}

@test "build keeps every attribute" {
	needs_root
	layout l
	mkdir l/rootfs/dev
	mknod l/rootfs/dev/tty c 5 0
	mknod l/rootfs/dev/whiteout c 0 0
	chmod 7711 l/rootfs/etc
	chown 1000000:3000000 l/rootfs/etc/motd
	setcap cap_net_raw+ep l/rootfs/etc/motd
	setfattr -n trusted.note -v x l/rootfs/etc
	touch -d '1999-12-31 23:59:59.987654321' l/rootfs/etc/motd l/rootfs/etc
	touch $'l/rootfs/new\nline\xff'
	actool build l a.aci
	mkdir x
	tar -C x --xattrs --xattrs-include='*' -xpf a.aci
	diff <(cd l/rootfs && all) <(cd x/rootfs && all)
	actool build --owner-root --overwrite l a.aci
	[ "$(tar tvf a.aci | awk '{ print $2 }' | sort -u)" = 0/0 ]
}
all() {
	find . -printf '%p %y %m %U:%G %T@ %l %s\n' | sort
	find . -type c -exec stat -c '%n %t:%T' {} + | sort
	getfattr -Rhd -m - . 2>/dev/null
}

@test "the same layout gives the same bytes" {
	mkdir one two
	layout one/l
	touch -d 2001-01-01 one/l/rootfs/etc/motd one/l/rootfs/etc one/l/rootfs
	cp -a one/l two/
	# The same, made in another order, and with another mask.
	mv two/l/rootfs/etc/motd two/l/rootfs/etc/x && mv two/l/rootfs/etc/x two/l/rootfs/etc/motd
	touch -d 2001-01-01 two/l/rootfs/etc
	(cd one && umask 022 && actool build l a.aci)
	sleep 1.1
	(cd two && umask 077 && actool build l a.aci)
	cmp one/a.aci two/a.aci
	[ "$(stat -c %a one/a.aci)" = 644 ]
	[ "$(stat -c %a two/a.aci)" = 600 ]
	(cd two && SOURCE_DATE_EPOCH=100 actool build --overwrite l a.aci)
	run -1 cmp one/a.aci two/a.aci
	# The manifest's spelling is not the image's.
	jq . one/l/manifest > m && mv m one/l/manifest
	actool build --overwrite one/l again.aci
	cmp one/a.aci again.aci
}

@test "build: what it refuses, and what it leaves" {
	layout l
	run -1 actool build l
	[[ $output == *"build: Must provide directory and output file"* ]]
	run -1 actool build l a.tar
	[[ $output == *"build: Extension must be .aci (given .tar)"* ]]
	run -1 actool build none a.aci
	echo old > a.aci
	run -1 actool build l a.aci
	[[ $output == *"build: Target file exists (try --overwrite)"* ]]
	[ "$(cat a.aci)" = old ]
	run -2 actool build --compression lzma l b.aci
	run -1 actool build l none/b.aci
	if command -v perl > /dev/null; then
		perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "l/rootfs/sock", Listen => 1) or die'
		run -1 actool build --overwrite l a.aci
		[[ $output == *sock* ]]
		[ "$(cat a.aci)" = old ]
	fi
	[ "$(ls -A)" = "$(printf 'a.aci\nl')" ]
}

@test "a full disk: the earlier image stays and nothing lies about" {
	needs_root
	layout l
	head -c 4M /dev/urandom > l/rootfs/big
	mkdir disk
	mount -t tmpfs -o size=1m tmpfs disk
	echo old > disk/a.aci
	run actool build --overwrite l disk/a.aci
	rc=$status
	left=$(ls -A disk)
	old=$(cat disk/a.aci)
	umount disk
	[ "$rc" -eq 1 ]
	[[ $output == *"o space left on device"* ]]
	[ "$left" = a.aci ]
	[ "$old" = old ]
}

@test "killed, a build leaves nothing" {
	layout l
	head -c 20M /dev/zero > l/rootfs/zeros
	mkdir out
	for _ in 1 2 3 4 5; do
		actool build --overwrite l out/a.aci & pid=$!
		sleep "0.0$((RANDOM % 9))"
		kill -9 $pid 2>/dev/null || :
		wait $pid || :
		[ ! -e out/a.aci ] || actool validate out/a.aci
	done
	ls -A out
	[ -z "$(find out -name '.tmp*')" ]
}

@test "cat-manifest prints the bytes, or indents; bad images have a message" {
	layout l
	printf '{ "acVersion": "0.8.11",\n "acKind": "ImageManifest", "name": "example.com/a" }' > l/manifest
	tar -C l -cf a.aci manifest rootfs
	run -0 actool cat-manifest a.aci
	[ "$output" = "$(cat l/manifest)" ]
	run -0 actool cat-manifest --pretty-print a.aci
	[ "$(jq -S . <<< "$output")" = "$(jq -S . l/manifest)" ]
	run -1 actool cat-manifest none
	tar -C l -cf b.aci rootfs
	run -1 --separate-stderr actool cat-manifest b.aci
	[ -z "$output" ]
	[[ $stderr == *"cat-manifest: Unable to read b.aci: no image manifest found in layout"* ]]
}

@test "id of several files" {
	layout l
	actool build l a.aci
	actool build --no-compression l b.aci
	run -1 --separate-stderr actool id a.aci none b.aci
	[ "$output" = "$(printf '%s  a.aci\n%s  b.aci' "$(actool id a.aci)" "$(actool id b.aci)")" ]
	[ "$(actool id a.aci)" = "$(actool id b.aci)" ]
}

@test "a manifest of two kinds is told so, and judged as neither" {
	echo '{"acKind": "ImageManifest", "ackind": "PodManifest", "app": 1}' > m
	run -1 --separate-stderr actool validate --json m
	[ "$(jq -c '.[0].errors | map(.rule + " " + .path)' <<< "$output")" = '["T10 acKind"]' ]
}
