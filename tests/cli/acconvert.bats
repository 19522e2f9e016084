#!/usr/bin/env bats
# acconvert: OCI and Docker images to ACI and back.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load tree
load layout
load pull


# The files of the ACI $1, unpacked to the new directory $2.
unpack() {
	mkdir "$2"
	tar --delay-directory-restore --xattrs --xattrs-include='*' -xpf "$1" -C "$2"
}

# $1 is an ACI that we and the original accept.
valid() {
	actool validate --strict "$1"
	if [ -x /usr/bin/actool ]; then /usr/bin/actool validate "$1"; fi
}

# One tar of the tree $1, as $1.tar; more arguments are the files.
layer() {
	local dir=$1
	shift
	tar --xattrs --xattrs-include='*' --format=pax -S -C "$dir" -cf "$dir.tar" "${@-.}"
}

# Four layers with one of everything.  Needs root for devices and owners.
layers() {
	mkdir -p l1/{bin,etc,dev,opq/sub,gone,links} l2/{etc,opq,new} l3/{etc,links} l4/{etc,links} l1/$'od\nd \xff'
	cp /bin/busybox l1/bin/
	chmod 4755 l1/bin/busybox
	ln l1/bin/busybox l1/bin/sh
	ln -s sh l1/bin/ls
	printf %s a >l1/etc/a
	printf %s b >l1/etc/b
	ln l1/etc/b l1/etc/b2
	ln l1/etc/b l1/etc/b3
	printf %s x >l1/opq/sub/x
	printf %s g >l1/gone/g
	printf %s o >l1/$'od\nd \xff'/file
	printf %s t >"l1/etc/$(printf 'long%.0s' {1..50})"
	truncate -s 3M l1/etc/sparse
	printf %s end >>l1/etc/sparse
	mknod l1/dev/null c 1 3
	mknod l1/dev/loop b 7 0
	mkfifo l1/dev/fifo
	chown 1234:70000 l1/etc/a
	setfattr -n user.note -v 1 l1/etc/a
	setfattr -n user.dir -v 2 l1/opq
	setcap cap_net_raw=ep l1/bin/busybox
	touch -d '1969-12-31 23:00:00.5 UTC' l1/bin
	printf %s l >l1/links/low
	layer l1
	# b goes, its other names stay; the content of opq goes.
	printf %s B >l2/etc/new
	: >l2/etc/.wh.b
	: >l2/.wh.gone
	: >l2/opq/.wh..wh..opq
	printf %s z >l2/opq/z
	layer l2 etc opq new .wh.gone
	# Three names of one file; then the first of them goes.
	printf %s c >l3/etc/c
	ln l3/etc/c l3/etc/c2
	ln l3/etc/c l3/links/c3
	rm -rf l3/links/low
	layer l3 etc links
	: >l4/etc/.wh.c
	printf %s n >l4/links/n
	layer l4 etc links
}

@test "layers become what umoci unpacks" {
	needs_root
	layers
	layout plain l1.tar l2.tar l3.tar l4.tar
	acconvert plain out.aci
	valid out.aci
	umoci unpack --image plain:x umoci
	unpack out.aci tree
	same_trees umoci/rootfs tree/rootfs
	[ -e tree/rootfs/etc/b2 ] && [ ! -e tree/rootfs/etc/b ] && [ ! -e tree/rootfs/opq/sub ]
	[ tree/rootfs/etc/b2 -ef tree/rootfs/etc/b3 ]
	[ tree/rootfs/etc/c2 -ef tree/rootfs/links/c3 ]
	[ "$(tar tf out.aci | head -1)" = manifest ]
	[ -z "$(tar tf out.aci | sort | uniq -d)" ]
}

@test "gzip, zstd and plain layers are the same, in a directory, a tar, a pipe" {
	needs_root
	local f
	layers
	layout plain l1.tar l2.tar l3.tar l4.tar
	acconvert plain plain.aci
	unpack plain.aci want
	gzip -k l1.tar l3.tar
	zstd -q l2.tar
	layout mixed l1.tar.gz l2.tar.zst l3.tar.gz l4.tar
	tar -cf mixed.tar -C mixed .
	tar -cf names.tar -C mixed index.json blobs oci-layout
	gzip -k mixed.tar
	zstd -q mixed.tar
	for f in mixed mixed.tar names.tar mixed.tar.gz mixed.tar.zst; do
		acconvert --overwrite --name=x "$f" one.aci
		[ -e first.aci ] || cp one.aci first.aci
		cmp one.aci first.aci
	done
	acconvert --overwrite --name=x - one.aci <mixed.tar
	cmp one.aci first.aci
	# shellcheck disable=SC2002 # a pipe is what it is about
	cat mixed.tar.gz | acconvert --overwrite --name=x - one.aci
	cmp one.aci first.aci
	unpack one.aci tree
	same_trees want/rootfs tree/rootfs
}

@test "an image of buildah: names, configuration, docker-archive and oci" {
	needs_root
	local b c
	export STORAGE_DRIVER=vfs
	b="buildah --root $PWD/storage --runroot $PWD/run"
	mkdir -p root/bin
	cp /bin/busybox root/bin/
	c=$($b from scratch)
	$b copy -q "$c" root /
	mkdir more
	echo 2 >more/two
	$b config --entrypoint '["/bin/busybox"]' --cmd 'httpd -f' --env A=1 --env 'B=x=y' --port 80/tcp --port 53/udp \
		--volume /var/data --label k=v --user 7:8 --workingdir /srv --author Me "$c"
	$b commit -q "$c" "oci:layout:1.0"
	$b commit -q "$c" "docker-archive:$PWD/saved.tar:example.com/a/b:2"
	run -0 --separate-stderr acconvert layout
	[[ $output == *'Converted volumes:'*'name: "volume-var-data", path: "/var/data", readOnly: false'* ]]
	[[ $output == *'Converted ports:'*'name: "53-udp", protocol: "udp", port: 53, count: 1, socketActivated: false'* ]]
	[[ $output == *$'\nGenerated ACI(s):\nlayout-1.0.aci' ]]
	valid layout-1.0.aci
	actool cat-manifest layout-1.0.aci >m
	[ "$(jq -c .app.exec m)" = '["/bin/busybox","httpd","-f"]' ] || [ "$(jq -c .app.exec m)" = '["/bin/busybox","/bin/sh","-c","httpd -f"]' ]
	[ "$(jq -c '[.app.user, .app.group, .app.workingDirectory]' m)" = '["7","8","/srv"]' ]
	[ "$(jq -c '[.app.environment[] | select(.name != "PATH")]' m)" = '[{"name":"A","value":"1"},{"name":"B","value":"x=y"}]' ]
	[ "$(jq -c '.app.userLabels.k' m)" = '"v"' ]
	[ "$(jq -c '.labels | map(.name)' m)" = '["version","os","arch"]' ]
	[ "$(jq -r '.annotations[] | select(.name == "authors").value' m)" = Me ]
	[ "$(jq -r '.annotations[] | select(.name == "appc.io/docker/manifesthash").value' m)" = "$(jq -r '.manifests[0].digest' layout/index.json)" ]
	run -0 --separate-stderr acconvert saved.tar
	[ "${lines[-1]}" = a-b-2.aci ]
	valid a-b-2.aci
	[ "$(actool cat-manifest a-b-2.aci | jq -r .name)" = example.com/a/b ]
	unpack layout-1.0.aci one
	unpack a-b-2.aci two
	same_trees one/rootfs two/rootfs
	cmp one/rootfs/bin/busybox /bin/busybox
}

@test "archives of skopeo and umoci" {
	local f
	mkdir -p a/bin
	cp /bin/busybox a/bin/
	layer a
	gzip a.tar
	umoci init --layout u
	umoci new --image u:1.0
	umoci insert --rootless --image u:1.0 a/bin /bin
	tar -cf umoci.tar -C u .
	skopeo copy -q --insecure-policy oci:u:1.0 oci-archive:skopeo.tar:1.0
	skopeo copy -q --insecure-policy oci:u:1.0 docker-archive:docker.tar:busybox:1.36
	tar tvf docker.tar | grep -q 'layer.tar ->'
	for f in umoci.tar skopeo.tar docker.tar; do
		acconvert "$f" "$f.aci"
		valid "$f.aci"
		unpack "$f.aci" "$f.d"
		cmp "$f.d/rootfs/bin/busybox" /bin/busybox
	done
	gzip docker.tar
	run -0 --separate-stderr acconvert docker.tar.gz
	[ "${lines[-1]}" = library-busybox-1.36.aci ]
	run -0 --separate-stderr acconvert --json --overwrite docker.tar.gz
	[ "$(jq -r '[.file, .name, .version] | join(" ")' <<<"$output")" = "library-busybox-1.36.aci library/busybox 1.36" ]
	[ "$(jq -r .id <<<"$output")" = "$(actool id library-busybox-1.36.aci)" ]
	[ "$(jq -r .id <<<"$output")" = "sha512-$(gzip -dc library-busybox-1.36.aci | sha512sum | cut -d' ' -f1)" ]
}

# A layout of one layer with the file $2, as $1.
simple() {
	mkdir -p "t-$1"
	echo "$1" >"t-$1/${2-f}"
	tar -C "t-$1" -cf "t-$1.tar" .
	layout "$1" "t-$1.tar"
}

@test "the output: names, compressions, what is there already" {
	simple img
	acconvert img
	[ -f img-x.aci ]
	run -1 --separate-stderr acconvert img
	[[ $stderr == *"img-x.aci"*"--overwrite"* ]]
	acconvert --overwrite img
	run -2 --separate-stderr acconvert img out.tar
	[[ $stderr == *"must end in .aci"* ]]
	mkdir dir
	acconvert img dir
	[ -f dir/img-x.aci ]
	acconvert -compression none img none.aci
	acconvert -compression=xz img xz.aci
	acconvert to-aci --compression bzip2 --level 9 img bz.aci
	head -c 262 none.aci | tail -c 5 | grep -q ustar
	[ "$(actool id none.aci)" = "$(actool id xz.aci)" ]
	[ "$(actool id none.aci)" = "$(actool id bz.aci)" ]
	[ "$(actool id none.aci)" = "$(actool id img-x.aci)" ]
	run -2 --separate-stderr acconvert -compression lzma img l.aci
	[[ $stderr == *"bad value 'lzma' for option --compression; it is gzip, none, xz or bzip2"* ]]
	acconvert --name example.com/app img n.aci
	[ "$(actool cat-manifest n.aci | jq -r .name)" = example.com/app ]
	run -2 --separate-stderr acconvert --name a..b img n2.aci
	run -2 --separate-stderr acconvert
	run -2 --separate-stderr acconvert to-oci n.aci
	run -1 --separate-stderr acconvert n.aci
	[[ $stderr == *"an App Container Image already"* ]]
	run -1 --separate-stderr acconvert nothing-here
	[[ $stderr == *"neither a file nor an image of the store"* ]]
	run -1 --separate-stderr acconvert ./nothing-here
	[[ $stderr == *"no such file"* ]]
	echo text >text
	run -1 --separate-stderr acconvert text
	[[ $stderr == *"not a tar archive"* || $stderr == *"neither an OCI layout"* ]]
	tar -cf other.tar text
	run -1 --separate-stderr acconvert other.tar
	[[ $stderr == *"neither an OCI layout nor an archive of 'docker save'"* ]]
}

@test "several images: list them, take the one that is asked for" {
	simple one
	simple two
	mkdir both
	cp -r one/blobs two/blobs both/
	cp one/oci-layout both
	jq -sc '.[0].manifests[0].annotations["org.opencontainers.image.ref.name"] = "v1"
		| .[1].manifests[0].annotations["org.opencontainers.image.ref.name"] = "v2"
		| {schemaVersion: 2, manifests: [.[].manifests[]]}' one/index.json two/index.json >both/index.json
	run -1 --separate-stderr acconvert both
	[[ $stderr == *"several images found, use option --image with one of: 'v1', 'v2'" ]]
	run -1 --separate-stderr acconvert --image v3 both
	[[ $stderr == *'"v3" not found'* ]]
	acconvert -image v2 both v2.aci
	[ "$(tar xOf v2.aci rootfs/f)" = two ]
	acconvert --image both:v1 both v1.aci
	[ "$(tar xOf v1.aci rootfs/f)" = one ]
	skopeo copy -q --insecure-policy oci:both:v1 docker-archive:d1.tar:u/one:1
	mkdir d1 d2
	tar -xf d1.tar -C d1
	skopeo copy -q --insecure-policy oci:both:v2 docker-archive:d2.tar:two:2
	tar -xf d2.tar -C d2
	chmod -R u+w d1 d2
	jq -sc add d1/manifest.json d2/manifest.json >m
	cp -r d2/. d1/
	cp m d1/manifest.json
	tar -cf d.tar -C d1 .
	run -1 --separate-stderr acconvert d.tar
	[[ $stderr == *"several images found"*"u/one:1"*"two:2"* ]]
	acconvert --image u/one d.tar
	[ "$(tar xOf u-one-1.aci rootfs/f)" = one ]
	acconvert --image library/two:2 d.tar
	[ "$(tar xOf library-two-2.aci rootfs/f)" = two ]
	run -1 --separate-stderr acconvert --image two:3 d.tar
	[[ $stderr == *'tag "two:3" not found'* ]]
	jq -c '.manifests = []' both/index.json >m && cp m both/index.json
	run -1 --separate-stderr acconvert both
	[[ $stderr == *"no images found"* ]]
}

@test "a platform of many" {
	local m
	simple one
	simple two
	cp -r two/blobs one/
	jq -sc '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
		(.[0].manifests[0] | del(.annotations) | .platform = {os: "linux", architecture: "arm64", variant: "v8"}),
		(.[1].manifests[0] | del(.annotations) | .platform = {os: "linux", architecture: "s390x"}),
		(.[1].manifests[0] | del(.annotations) | .platform = {os: "unknown", architecture: "unknown"})]}' \
		one/index.json two/index.json >index
	m=$(layout_blob one index)
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%s}]}' \
		"${m% *}" "${m#* }" >one/index.json
	acconvert --platform linux/arm64 one arm.aci
	[ "$(tar xOf arm.aci rootfs/f)" = one ]
	acconvert --platform linux/s390x one s390.aci
	[ "$(tar xOf s390.aci rootfs/f)" = two ]
	run -1 --separate-stderr acconvert --platform linux/riscv64 one r.aci
	[[ $stderr == *"no image for linux/riscv64; there are: linux/arm64/v8, linux/s390x"* ]]
	run -2 --separate-stderr acconvert --platform linux one r.aci
}

@test "what is below a link of a lower layer goes where the link leads" {
	mkdir -p l1/usr/lib l2/lib/deep l3/usr
	ln -s usr/lib l1/lib
	ln -s /lib l1/lib64
	echo low >l1/usr/lib/low
	echo high >l2/lib/high
	echo deep >l2/lib/deep/f
	: >l2/lib/.wh.low
	mkdir -p l3/lib64
	echo top >l3/lib64/top
	tar -C l1 -cf l1.tar .
	tar -C l2 -cf l2.tar lib/high lib/deep/f lib/.wh.low
	tar -C l3 -cf l3.tar lib64/top
	layout img l1.tar l2.tar l3.tar
	acconvert img
	mkdir tree
	tar -xf img-x.aci -C tree
	[ "$(cd tree/rootfs && find . -type f | sort | tr '\n' ' ')" = "./usr/lib/deep/f ./usr/lib/high ./usr/lib/top " ]
	[ "$(readlink tree/rootfs/lib)" = usr/lib ]
	[ -z "$(tar tf img-x.aci | sort | uniq -d)" ]
	# In a circle.
	mkdir c1 c2
	ln -s b c1/a
	ln -s a c1/b
	mkdir c2/a
	echo x >c2/a/x
	tar -C c1 -cf c1.tar a b
	tar -C c2 -cf c2.tar a/x
	layout circle c1.tar c2.tar
	run -1 --separate-stderr acconvert circle
	[[ $stderr == *"circle"* ]]
}

@test "hard links to files of the layers below" {
	mkdir l1 l2 l3
	echo low >l1/low
	echo kept >l1/kept
	tar -C l1 -cf l1.tar low kept
	# Links alone: their targets are in the layer below.
	ln l1/low l2/low
	ln l1/low l2/up
	ln l1/kept l2/kept
	ln l1/kept l2/also
	tar -C l2 -cf l2.tar low up kept also
	tar --delete -f l2.tar low kept 2>/dev/null || true
	: >l3/.wh.low
	tar -C l3 -cf l3.tar .wh.low
	layout img l1.tar l2.tar l3.tar
	acconvert img
	mkdir tree
	tar -xf img-x.aci -C tree
	[ "$(cat tree/rootfs/up)" = low ] && [ ! -e tree/rootfs/low ]
	[ tree/rootfs/kept -ef tree/rootfs/also ]
	# And to nothing.
	layout bad l2.tar l3.tar
	run -1 --separate-stderr acconvert bad
	[[ $stderr == *"hard link 'up' leads to 'low'"* ]]
	[ -z "$(find . -maxdepth 1 -name '*bad*.aci')" ]
}

# Change the blob of the one layer of the layout $1 by the command behind it.
spoil() {
	local dir=$1 m l
	shift
	m=$(jq -r '.manifests[0].digest' "$dir/index.json")
	l=$(jq -r '.layers[0].digest' "$dir/blobs/sha256/${m#*:}")
	"$@" "$dir/blobs/sha256/${l#*:}"
}
flip() { printf '\377' | dd of="$1" bs=1 seek=600 conv=notrunc status=none; }
outside() { mv "$1" "$BATS_TEST_TMPDIR/secret" && ln -s "$BATS_TEST_TMPDIR/secret" "$1"; }

@test "damaged and hostile images are refused, and nothing is left" {
	local m c d
	refused() {
		run -1 --separate-stderr acconvert "$1" out.aci
		[[ $stderr == *"$2"* ]] || { echo "$stderr" && return 1; }
		[ -z "$(find . -maxdepth 1 -name '*.aci' -o -maxdepth 1 -name '.tmp*')" ]
	}
	simple img
	cp -r img flipped && spoil flipped flip && refused flipped "as expected; it is damaged"
	cp -r img short && spoil short truncate -s -1 && refused short "bytes, not"
	cp -r img gone && spoil gone rm && refused gone "it is not complete"
	cp -r img link && spoil link outside && refused link "is a symbolic link"
	# A manifest that is not what its digest says.
	cp -r img manifest
	m=$(jq -r '.manifests[0].digest' img/index.json)
	flip2() { sed -i 's/"schemaVersion":2/"schemaVersion": 2/' "$1"; }
	flip2 "manifest/blobs/sha256/${m#*:}"
	refused manifest "bytes, not"
	printf '%s' "$(sed 's/schemaVersion/SchemaVersion/' "img/blobs/sha256/${m#*:}")" >"manifest/blobs/sha256/${m#*:}"
	refused manifest "its digest is sha256:"
	# A wrong diff_id under right digests.
	c=$(jq -r .config.digest "img/blobs/sha256/${m#*:}")
	cp -r img diff
	jq -c '.rootfs.diff_ids[0] = "sha256:" + ("0" * 64)' "img/blobs/sha256/${c#*:}" >c
	read -r d s < <(layout_blob diff c)
	jq -c --arg d "sha256:$d" --argjson s "$s" '.config.digest = $d | .config.size = $s' "img/blobs/sha256/${m#*:}" >c
	read -r d s < <(layout_blob diff c)
	jq -c --arg d "sha256:$d" --argjson s "$s" '.manifests[0].digest = $d | .manifests[0].size = $s' img/index.json >diff/index.json
	refused diff "its diff_id is sha256:"
	# Digests as paths, two kinds in one, an old schema.
	cp -r img path
	jq -c '.manifests[0].digest = "../../etc/passwd"' img/index.json >path/index.json
	refused path "digest"
	cp -r img both
	jq -c '.layers = []' img/index.json >both/index.json
	refused both "CVE-2021-41190"
	cp -r img old
	jq -c '.schemaVersion = 1' img/index.json >old/index.json
	refused old "schema 1"
	printf '{"schemaVersion":2,"manifests":' >old/index.json
	refused old "line 1"
}

@test "hostile layers are refused, and nothing is left" {
	refused() {
		run -1 --separate-stderr acconvert "$1" out.aci
		[[ $stderr == *"$2"* ]] || { echo "$stderr" && return 1; }
		[ -z "$(find . -maxdepth 1 -name '*.aci' -o -maxdepth 1 -name '.tmp*')" ]
	}
	mkdir d e
	echo 1 >d/f
	echo 2 >d/g
	tar -C d -cf twice.tar f g f
	layout twice twice.tar && refused twice "'f' is in the same layer twice"
	tar -C d -Pcf up.tar --transform='s,^f,../f,' f
	layout up up.tar && refused up "../f"
	tar -C d -Pcf abs.tar --transform='s,^f,/f,' f
	layout abs abs.tar && refused abs "/f"
	ln -s /tmp e/dir
	tar -C e -cf parent.tar dir
	rm e/dir
	mkdir e/dir
	echo x >e/dir/x
	tar -C e -rf parent.tar dir/x
	layout parent parent.tar && refused parent "'dir/x': its parent 'dir' is not a directory in the same layer"
	: >d/.wh..
	tar -C d -cf mark.tar .wh..
	layout mark mark.tar && refused mark "marks no file"
	head -c 513 twice.tar >cut.tar
	layout cut cut.tar && refused cut "stops"
	head -c 100M /dev/zero | zstd -q >bomb.tar.zst
	layout bomb bomb.tar.zst && refused bomb "layer 1 of 1"
	echo junk >junk.tar
	layout junk junk.tar && refused junk "not a tar archive"
}

@test "a tar whose files are links out of it, or there twice" {
	simple img
	tar -cf img.tar -C img oci-layout blobs
	ln -s ../../../etc/passwd index.json
	tar -rf img.tar index.json
	run -1 --separate-stderr acconvert img.tar
	[[ $stderr == *"leads out of the archive"* ]]
	tar -cf img.tar -C img .
	tar -rf img.tar -C img ./index.json
	run -1 --separate-stderr acconvert img.tar
	[[ $stderr == *"twice"* ]]
}

@test "to-oci: what skopeo copies and umoci unpacks is what was in the ACI" {
	needs_root
	layers
	layout plain l1.tar l2.tar l3.tar l4.tar
	acconvert plain in.aci
	run -0 --separate-stderr acconvert to-oci in.aci back
	[ "$output" = "$(jq -r '.manifests[0].digest' back/index.json)" ]
	[ "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' back/index.json)" = x ]
	skopeo copy -q --insecure-policy oci:back:x oci:copy:x
	umoci unpack --image back:x umoci
	unpack in.aci tree
	same_trees tree/rootfs umoci/rootfs
	# And once more round.
	acconvert back again.aci
	unpack again.aci tree2
	same_trees tree/rootfs tree2/rootfs
	acconvert to-oci in.aci back2
	diff -r back back2
	run -1 --separate-stderr acconvert to-oci in.aci back
	[[ $stderr == *"'back' exists"* ]]
	acconvert to-oci --overwrite --tag new in.aci back
	[ "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' back/index.json)" = new ]
	mkdir other
	run -1 --separate-stderr acconvert to-oci --overwrite in.aci other
	[[ $stderr == *"is no OCI layout"* ]]
	[ -z "$(find . -maxdepth 1 -name '.tmp*')" ]
}

@test "to-oci: whitelists are obeyed, what OCI cannot say is refused" {
	local m='"acKind":"ImageManifest","acVersion":"0.8.11","name":"a"'
	mkdir -p l/rootfs/a/b
	echo 1 >l/rootfs/a/b/one
	echo 2 >l/rootfs/a/two
	made() {
		printf '{%s%s}' "$m" "$1" >l/manifest
		actool build --overwrite l l.aci
	}
	made ',"pathWhitelist":["/a/b/one"],"app":{"exec":["/x"],"user":"u","group":"u","isolators":[{"name":"resource/memory","value":{"limit":"1G"}}]}'
	run -0 --separate-stderr acconvert to-oci l.aci oci
	[[ $stderr == *"1 isolators are left out"* ]]
	umoci unpack --rootless --image oci:latest u 2>/dev/null || true
	[ "$(tar tzf oci/blobs/sha256/"$(jq -r '.layers[0].digest' oci/blobs/sha256/"$(jq -r '.manifests[0].digest' oci/index.json | cut -d: -f2)" | cut -d: -f2)" | grep -c .)" -eq 4 ]
	made ',"dependencies":[{"imageName":"b"}]'
	run -1 --separate-stderr acconvert to-oci l.aci no
	[[ $stderr == *"needs 1 other images"* ]]
	made ',"app":{"exec":["/x"],"user":"/a","group":"/a"}'
	run -1 --separate-stderr acconvert to-oci l.aci no
	[[ $stderr == *"OCI cannot take them from a file"* ]]
	made ''
	: >l/rootfs/.wh.x
	made ''
	run -1 --separate-stderr acconvert to-oci l.aci no
	[[ $stderr == *"'.wh.x'"* ]]
	run -1 --separate-stderr acconvert to-oci nothing.aci no
	[ ! -e no ] && [ -z "$(find . -maxdepth 1 -name '.tmp*')" ]
}

@test "an image of the store" {
	local port
	store_setup
	mkdir t
	echo hello >t/f
	tar -C t -cf t.tar .
	gzip t.tar
	layout img t.tar.gz
	port=$(free_port)
	cat >registry.yml <<-END
	version: 0.1
	log: {level: error}
	storage: {filesystem: {rootdirectory: $PWD/registry}}
	http: {addr: 127.0.0.1:$port}
	END
	docker-registry serve registry.yml >/dev/null 2>&1 3>&- &
	echo $! >pid
	wait_for 10 listening "$port"
	skopeo copy -q --insecure-policy --dest-tls-verify=false oci:img:x "docker://127.0.0.1:$port/lib/img:1.0"
	run -0 --separate-stderr pull --insecure-options=image,http --full "docker://127.0.0.1:$port/lib/img:1.0"
	id=$output
	stop "$(cat pid)"
	acconvert "store:docker://127.0.0.1:$port/lib/img:1.0"
	valid lib-img-1.0.aci
	[ "$(tar xOf lib-img-1.0.aci rootfs/f)" = hello ]
	[ "$(actool cat-manifest lib-img-1.0.aci | jq -r .name)" = "127.0.0.1_$port/lib/img" ]
	acconvert --dir "$PWD/store" "$id" two.aci
	cmp two.aci lib-img-1.0.aci
	acconvert "${id:0:20}" three.aci
	run -1 --separate-stderr acconvert docker://example.com/not/there
	[[ $stderr == *"run 'acfetch pull docker://example.com/not/there' first"* ]]
}

@test "a signal ends it, and nothing is left" {
	mkdir -p t
	head -c 200M /dev/urandom >t/big
	tar -C t -cf t.tar big
	layout img t.tar
	rm -rf t t.tar
	acconvert img out.aci 3>&- &
	pid=$!
	writing() { readlink /proc/$pid/fd/* | grep -q "^$PWD/[^i]"; }
	wait_for 60 writing
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" -eq 143 ]
	[ "$(find . -maxdepth 1 | sort | tr '\n' ' ')" = ". ./img " ]
}
