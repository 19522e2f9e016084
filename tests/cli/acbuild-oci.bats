#!/usr/bin/env bats
# acbuild in build mode oci: layouts that skopeo and umoci read.
load helper
load layout
load pull

oci() { acbuild begin --build-mode=oci "$@"; }
# cat CONFIG-OR-MANIFEST FILTER
show() { acbuild cat-manifest --file "$1" | jq -c "$2"; }

# What umoci makes of the layout $1[:TAG], in $2.
unpack() {
	local rootless=
	[ "$(id -u)" -eq 0 ] || rootless=--rootless
	umoci unpack $rootless --image "$1" "$2.bundle"
	mv "$2.bundle/rootfs" "$2"
}

teardown() {
	[ -z "${REGISTRY_PID-}" ] || stop "$REGISTRY_PID"
}

# Every attribute of every file below $1 (times apart, in $2: of files too).
list() { (cd "$1" && find . -printf '%p %y %m %U:%G %l %n\n' | sort); }

# A root with a shell, in which commands run.
root() {
	local t
	mkdir -p "$1"/{bin,etc,data/sub,tmp,usr/lib}
	chmod 1777 "$1/tmp"
	cp /bin/busybox "$1/bin/"
	for t in sh rm mkdir mv ln chmod cat; do ln -s busybox "$1/bin/$t"; done
	ln -s usr/lib "$1/lib"
	echo a > "$1/etc/a"
	ln "$1/etc/a" "$1/etc/a2"
	echo b > "$1/etc/b"
	echo x > "$1/data/sub/x"
	find "$1" -exec touch -hd @1000000000 {} +
}

# The files of layer $2 (from 0) of the layout $1, one line.
layer() {
	local d
	d=$(jq -r '.manifests[0].digest' "$1/index.json")
	d=$(jq -r ".layers[$2].digest" "$1/blobs/${d/://}")
	tar tf "$1/blobs/${d/://}" | tr '\n' ' '
}

@test "every field that OCI has, read back by skopeo" {
	needs skopeo
	oci
	acbuild set-exec -- /bin/app --flag
	acbuild set-group 5
	acbuild set-user 3
	acbuild set-working-directory /srv
	acbuild environment add A 1
	acbuild environment add B 2=2
	acbuild environment add A 3
	acbuild label add version 1.0
	acbuild label add gone x
	acbuild label remove gone
	acbuild annotation add org.opencontainers.image.title T
	acbuild mount add data /data
	acbuild port add http tcp 80
	acbuild port add dns udp 53
	acbuild port remove dns
	acbuild set-tag v1
	acbuild copy /bin/busybox /bin/app
	run -0 --separate-stderr acbuild write lay/
	[ "$output" = "$(skopeo inspect oci:lay:v1 | jq -r .Digest)" ]
	[ "$(skopeo inspect --config oci:lay:v1 | jq -cS .config)" = \
		'{"Cmd":["--flag"],"Entrypoint":["/bin/app"],"Env":["A=3","B=2=2"],"ExposedPorts":{"80/tcp":{}},"Labels":{"version":"1.0"},"User":"3:5","Volumes":{"/data":{}},"WorkingDir":"/srv"}' ]
	[ "$(skopeo inspect --raw oci:lay:v1 | jq -cS .annotations)" = \
		'{"coreos.com/acbuild/mount/data":"path:/data","coreos.com/acbuild/port/http":"number:80 protocol:tcp","org.opencontainers.image.title":"T"}' ]
	[ "$(jq -r .imageLayoutVersion lay/oci-layout)" = 1.0.0 ]
	skopeo copy -q oci:lay:v1 docker-archive:d.tar
	# Removed by what it is, as by its name.
	acbuild mount remove /data
	acbuild port remove 80
	acbuild environment remove A
	acbuild annotation remove org.opencontainers.image.title
	[ "$(show config .config.Volumes)" = null ]
	[ "$(show config .config.ExposedPorts)" = null ]
	[ "$(show manifest .annotations)" = null ]
	[ "$(show config .config.Env)" = '["B=2=2"]' ]
	run -2 acbuild mount remove /data
	run -2 acbuild label remove nosuch
	[[ $output == *'element to be removed does not exist in this image'* ]]
}

@test "what OCI has nothing for is refused, and changes nothing" {
	oci
	before=$(acbuild cat-manifest)
	echo '{}' > f
	while read -r text; do
		read -ra cmd
		run -1 acbuild "${cmd[@]}"
		[[ $output == *"oci build mode does not support $text"* ]]
	done <<- 'END'
		names
		set-name example.com/a
		supplementary groups
		set-supp-groups 1
		event handlers
		set-event-handler pre-start -- /x
		dependencies
		dependency add example.com/b
		dependencies
		dependency list
		isolators
		isolator add resource/memory f
		read only mounts
		mount add --read-only a /a
		port counts
		port add --count 2 a tcp 1
		socket activated ports
		port add --socket-activated a tcp 1
	END
	run -1 acbuild set-user a:b
	[[ $output == *"user cannot contain a ':' character"* ]]
	run -1 acbuild set-working-directory srv
	run -1 acbuild set-tag 'a b'
	run -1 acbuild cat-manifest --file bogus
	run -1 acbuild write --compression xz f.oci
	[ "$(acbuild cat-manifest)" = "$before" ]
	acbuild end
	acbuild begin
	run -1 acbuild layer
	[[ $output == *'adding layers is currently only supported in OCI builds'* ]]
}

@test "layers: one for what comes before, one for what comes after" {
	needs umoci
	mkdir d
	echo 1 > d/one
	echo 2 > d/two
	oci
	acbuild copy d/one /x/one
	acbuild set-exec -- /x
	acbuild layer
	acbuild layer
	acbuild copy d/two /x/two
	acbuild copy-to-dir d/one d/two /y
	[ "$(show manifest '.layers | length')" -eq 2 ]
	# cat-manifest has packed the layer; it is open all the same.
	acbuild copy d/two /z
	acbuild write lay/
	[ "$(layer lay 0)" = './ x/ x/one ' ] || [ "$(layer lay 0)" = '. x x/one ' ]
	[ "$(layer lay 1)" = 'x x/two y y/one y/two z ' ] || [ "$(layer lay 1)" = 'x/ x/two y/ y/one y/two z ' ]
	unpack lay:latest got
	[ "$(cd got && find . -type f | sort | tr '\n' ' ')" = './x/one ./x/two ./y/one ./y/two ./z ' ]
	# Each layer has one entry that is not empty, in the order of commands.
	[ "$(show config '[.history[] | [.created_by, .empty_layer // false]] | map(select(.[1] | not) | .[0])')" = \
		'["acbuild copy \"d/one\" \"/x/one\"","acbuild copy \"d/two\" \"/x/two\""]' ]
	# The layout is complete in .acbuild, and has nothing that is not named.
	[ "$(find .acbuild/currentaci/blobs -type f | wc -l)" -eq 4 ]
	[ "$(umoci list --layout .acbuild/currentaci)" = latest ]
}

@test "copies go where a process in the image would have put them" {
	needs umoci
	root r
	chmod 700 r/etc
	oci ./r
	acbuild layer
	echo n > n
	acbuild copy n /lib/n
	acbuild copy n /tmp/n
	acbuild copy n /etc/b
	mkdir d
	echo d > d/f
	run -1 acbuild copy d /data
	[[ $output == *'file exists'* ]]
	run -1 acbuild copy n /etc/a/n
	[[ $output == *'not a directory'* ]]
	run -1 acbuild copy n /.wh.x
	mkdir w
	touch w/.wh.y
	run -1 acbuild copy w /w
	[[ $output == *".wh."* ]]
	acbuild write lay/
	unpack lay:latest got
	[ "$(readlink got/lib)" = usr/lib ]
	[ "$(cat got/usr/lib/n got/tmp/n got/etc/b)" = $'n\nn\nn' ]
	[ "$(stat -c %a got/tmp)" -eq 1777 ]
	[ "$(stat -c %a got/etc)" -eq 700 ]
	[ "$(stat -c %Y got/etc)" -eq 1000000000 ]
	[ ! -e got/w ]
	[ -f got/data/sub/x ]
}

@test "run: what is deleted below is a mark in the top layer" {
	needs umoci
	root r
	oci ./r
	acbuild layer
	run -0 acbuild run -- sh -c 'rm /etc/b; rm -r /data; mkdir /data; echo n > /data/n; chmod 600 /etc/a; rm /lib'
	run -7 acbuild run -- sh -c 'exit 7'
	acbuild write lay/
	[[ " $(layer lay 1)" == *' .wh.lib '* ]]
	[[ " $(layer lay 1)" == *' etc/.wh.b '* ]]
	[[ " $(layer lay 1)" == *' data/.wh..wh..opq '* ]]
	unpack lay:latest got
	[ ! -e got/etc/b ]
	[ ! -L got/lib ]
	[ "$(ls got/data)" = n ]
	[ "$(stat -c %a got/etc/a)" -eq 600 ]
	# What was taken away comes back new.
	acbuild layer
	mkdir lib
	echo l > lib/l
	acbuild copy lib /lib
	acbuild run -- rm -r /data
	acbuild copy lib /data
	acbuild write two/
	unpack two:latest got2
	[ "$(cat got2/lib/l)" = l ]
	[ "$(ls got2/data)" = l ]
	[ "$(find .acbuild/currentaci/blobs -type f | wc -l)" -eq 5 ]
}

@test "squash: one layer with the same files" {
	needs umoci
	root r
	oci ./r
	acbuild layer
	acbuild copy r/etc/a /etc/c
	acbuild layer
	acbuild run -- sh -c 'rm /etc/b; rm -r /data'
	acbuild write many/
	acbuild squash
	[ "$(show manifest '.layers | length')" -eq 1 ]
	acbuild write one/
	unpack many:latest a
	unpack one:latest b
	diff <(list a) <(list b)
	[[ $(layer one 0) != *.wh.* ]]
	acbuild copy r/etc/a /etc/d
	[ "$(show manifest '.layers | length')" -eq 2 ]
	[ "$(show config '[.history[] | select(.empty_layer | not) | .created_by]')" = \
		'["acbuild squash","acbuild copy \"r/etc/a\" \"/etc/d\""]' ]
}

@test "the same commands give the same bytes" {
	local i
	root r
	for i in 1 2; do
		mkdir w$i
		acbuild --work-path w$i begin --build-mode=oci ./r
		acbuild --work-path w$i copy r/etc /etc/etc
		acbuild --work-path w$i layer
		acbuild --work-path w$i copy r/data /data2
		[ "$i" -eq 1 ] || acbuild --work-path w$i cat-manifest > /dev/null
		acbuild --work-path w$i set-exec -- /x
		acbuild --work-path w$i write w$i/a.oci > id$i
		acbuild --work-path w$i write w$i/lay/ >> id$i
		sleep 0.01
	done
	cmp id1 id2
	[ "$(uniq id1 | wc -l)" -eq 1 ]
	cmp w1/a.oci w2/a.oci
	diff -r w1/lay w2/lay
	[ "$(acbuild --work-path w1 cat-manifest | head -c -1 | sha256sum | cut -d' ' -f1)" = "$(head -1 id1 | cut -d: -f2)" ]
	[ "$(acbuild --work-path w1 cat-manifest --file config | jq -r .created)" = 2001-09-09T01:46:40Z ]
	# A tag is no part of the image.
	acbuild --work-path w1 set-tag other
	[ "$(acbuild --work-path w1 write w1/b.oci)" = "$(head -1 id1)" ]
	SOURCE_DATE_EPOCH=5 acbuild --work-path w1 copy r/etc/a /q
	[ "$(SOURCE_DATE_EPOCH=5 acbuild --work-path w1 cat-manifest --file config | jq -r .created)" = 1970-01-01T00:00:05Z ]
}

@test "write: archives, directories, compression" {
	needs skopeo
	oci
	acbuild set-exec -- /x
	acbuild copy /bin/busybox /x
	acbuild write a.oci > id
	gzip -t a.oci
	skopeo inspect oci-archive:a.oci | jq -e --rawfile id id '.Digest + "\n" == $id'
	run -1 acbuild write a.oci
	[[ $output == *'ACI already exists: a.oci'* ]]
	acbuild write --overwrite a.oci
	mkdir empty full
	touch full/x
	acbuild write empty
	skopeo inspect oci:empty > /dev/null
	run -1 acbuild write full
	run -1 acbuild write --overwrite full
	[ -f full/x ]
	run -1 acbuild write empty
	acbuild write --overwrite empty
	run -0 --separate-stderr acbuild write --compression none plain.oci
	tar tf plain.oci | grep -q '^oci-layout$'
	[ "$(show manifest '.layers[0].mediaType')" = '"application/vnd.oci.image.layer.v1.tar"' ]
	skopeo inspect oci-archive:plain.oci | jq -e --arg id "$output" '.Digest == $id'
	run -1 gzip -t plain.oci
	acbuild write --level 12 small/ > id
	[ "$(stat -c %s small/blobs/sha256/* | sort -n | tail -1)" -lt "$(stat -c %s a.oci)" ]
	[ -z "$(find . -name ".tmp-*")" ]
}

@test "begin: layouts with several tags, of which the others stay" {
	needs skopeo umoci
	local i
	for i in a b; do
		echo $i > $i
		oci
		acbuild copy $i /$i
		acbuild set-tag $i
		acbuild set-tag also-$i
		acbuild write $i.oci
		acbuild end
	done
	skopeo copy -q oci-archive:a.oci:a oci:lay:a
	skopeo copy -q oci-archive:b.oci:b oci:lay:b
	run -1 oci ./lay
	[[ $output == *several*\'a\'*\'b\'* ]]
	[ ! -e .acbuild ]
	run -1 oci ./lay:c
	# Without set-tag the image takes its old name, with it a new one.
	oci ./lay:a
	acbuild copy b /n
	acbuild write one/
	[ "$(umoci list --layout one | sort | tr '\n' ' ')" = 'a b ' ]
	[ "$(skopeo inspect oci:one:b | jq -r .Digest)" = "$(skopeo inspect oci:lay:b | jq -r .Digest)" ]
	[ "$(skopeo inspect oci:one:a | jq '.Layers | length')" -eq 2 ]
	acbuild set-tag c
	acbuild write two.oci
	acbuild end
	[ "$(skopeo inspect oci-archive:two.oci:a | jq -r .Digest)" = "$(skopeo inspect oci:lay:a | jq -r .Digest)" ]
	[ "$(skopeo inspect oci-archive:two.oci:c | jq '.Layers | length')" -eq 2 ]
	# Layers that were there are there as they were.
	[ "$(skopeo inspect oci-archive:two.oci:c | jq -r '.Layers[0]')" = "$(skopeo inspect oci:lay:a | jq -r '.Layers[0]')" ]
	# And from the archive.
	oci ./two.oci:c
	[ "$(show manifest '.layers | length')" -eq 2 ]
}

@test "begin: docker-archive, an ACI, a tar, a directory, a layout of before 1.0" {
	needs skopeo
	local d s m c
	root r
	oci ./r
	acbuild set-exec -- /bin/sh
	acbuild label add k v
	acbuild layer
	acbuild copy r/etc/a /etc/c
	acbuild write lay/
	acbuild end
	skopeo copy -q oci:lay docker-archive:d.tar:example.com/x:7
	oci ./d.tar
	[ "$(show manifest '.layers | length')" -eq 2 ]
	[ "$(show config .config.Labels)" = '{"k":"v"}' ]
	[ "$(show config '.rootfs.diff_ids')" = "$(skopeo inspect --config oci:lay | jq -c .rootfs.diff_ids)" ]
	acbuild write fromdocker/
	acbuild end
	acbuild begin ./r
	acbuild set-name example.com/a
	acbuild set-exec -- /bin/sh
	acbuild environment add E 1
	acbuild write a.aci
	acbuild end
	oci ./a.aci
	[ "$(show config .config)" = '{"Env":["E=1"],"Entrypoint":["/bin/sh"]}' ]
	acbuild end
	tar -C r -cf r.tar .
	oci ./r.tar
	[ "$(show config '.rootfs.diff_ids | length')" -eq 1 ]
	acbuild end
	# As the original wrote it.
	d=$(skopeo inspect --raw oci:lay | jq -r '.layers[0].digest')
	mkdir -p old/blobs/sha256 old/refs
	echo '{}' > old/oci-layout
	cp "lay/blobs/${d/://}" old/blobs/sha256/
	echo "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"User\":\"u\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"$d\"]}}" > f
	read -r c s < <(layout_blob old f)
	echo "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:$c\",\"size\":$s},\"layers\":[{\"mediaType\":\"MediaTypeImageLayer\",\"digest\":\"$d\",\"size\":1}],\"annotations\":{\"a\":\"b\"}}" > f
	read -r m s < <(layout_blob old f)
	echo "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:$m\",\"size\":$s}" > old/refs/latest
	tar -C old -czf old.tgz .
	for s in ./old ./old.tgz; do
		oci "$s"
		[ "$(show config '.rootfs.diff_ids[0]')" = "$(skopeo inspect --config oci:lay | jq -c '.rootfs.diff_ids[0]')" ]
		[ "$(show config .config.User)" = '"u"' ]
		[ "$(show manifest .annotations)" = '{"a":"b"}' ]
		acbuild end
	done
}

@test "begin: a layout that is not what it says" {
	local d
	mkdir x
	echo 1 > x/f
	tar -C x -cf l.tar f
	layout lay l.tar
	oci ./lay
	acbuild end
	d=$(sha256sum < l.tar | cut -d' ' -f1)
	# Another layer, of the same size.
	cp -r lay bad
	tr 1 2 < l.tar > "bad/blobs/sha256/$d"
	run -1 oci ./bad
	[[ $output == *'its digest is'* ]]
	# A link to elsewhere.
	ln -sf /etc/passwd "bad/blobs/sha256/$d"
	run -1 oci ./bad
	rm "bad/blobs/sha256/$d"
	run -1 oci ./bad
	[[ $output == *'no blob'* ]]
	mkfifo "bad/blobs/sha256/$d"
	run -1 oci ./bad
	# Wrong diff_ids are found when the layer is needed.
	cp -r lay diff
	sed -i "s/$d/${d//[0-9]/0}/" diff/index.json
	echo '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:00","size":1}]}' > diff/index.json
	run -1 oci ./diff
	echo '{"schemaVersion":2,"manifests":7}' > diff/index.json
	run -1 oci ./diff
	printf '[%.0s' {1..1000} > diff/index.json
	run -1 oci ./diff
	truncate -s 100G diff/index.json
	run -1 oci ./diff
	[ ! -e .acbuild ]
	# A layer whose names lead out of it.
	tar -cf evil.tar --transform 's,f,../../f,' -P -C x f
	layout evil evil.tar
	oci ./evil
	run -1 acbuild copy l.tar /y
	acbuild end
	[ ! -e f ]
}

@test "a layer that is not its diff_id is refused when it is unpacked" {
	local c m s
	mkdir x
	echo 1 > x/f
	tar -C x -cf l.tar f
	layout lay l.tar
	m=$(jq -r '.manifests[0].digest' lay/index.json)
	c=$(jq -r .config.digest "lay/blobs/${m/://}")
	jq -c --arg d "sha256:$(sha256sum < /dev/null | cut -d' ' -f1)" '.rootfs.diff_ids[0] = $d' "lay/blobs/${c/://}" > f
	read -r c s < <(layout_blob lay f)
	jq -c --arg d "sha256:$c" --argjson s "$s" '.config.digest = $d | .config.size = $s' "lay/blobs/${m/://}" > f
	read -r m s < <(layout_blob lay f)
	jq -c --arg d "sha256:$m" --argjson s "$s" '.manifests[0].digest = $d | .manifests[0].size = $s' lay/index.json > f
	mv f lay/index.json
	oci ./lay
	run -1 acbuild copy l.tar /y
	[[ $output == *diff_id* ]]
}

@test "--modify-oci: the image in its place, whole or not at all" {
	needs skopeo
	mkdir d
	echo 1 > d/f
	oci
	acbuild copy d /d
	acbuild set-exec -- /x
	acbuild write a.oci
	acbuild write lay/
	acbuild end
	acbuild --modify-oci a.oci label add k v
	[ "$(skopeo inspect oci-archive:a.oci | jq -c .Labels)" = '{"k":"v"}' ]
	acbuild --modify lay set-user bob
	acbuild --modify lay:latest copy d/f /g
	[ "$(skopeo inspect oci:lay | jq '.Layers | length')" -eq 2 ]
	[ "$(acbuild --modify-oci lay cat-manifest --file config | jq -r .config.User)" = bob ]
	cp -r lay before
	run -2 acbuild --modify-oci lay label remove nosuch
	run -1 acbuild --modify-oci lay copy nosuch /h
	run -1 acbuild --modify-oci nosuch label add a b
	[[ $output == *"image doesn't appear to exist"* ]]
	run -1 acbuild --modify-oci lay write x
	run -1 acbuild --modify-oci lay layer
	diff -r before lay
	# Other tags stay.
	acbuild --modify-oci lay set-tag two
	[ "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' lay/index.json)" = '["latest","two"]' ]
	[ "$(find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = './a.oci ./before ./d ./lay ' ]
}

@test "killed at any moment, the build goes on" {
	local i
	needs umoci
	root r
	oci ./r
	acbuild layer
	for i in 1 2 3 4 5 6 7 8 9 10; do
		timeout --foreground -s KILL "0.00$i" acbuild --wait=20 copy r "/r$i" || true
		timeout --foreground -s KILL "0.00$i" acbuild --wait=20 label add k "$i" || true
		timeout --foreground -s KILL "0.00$i" acbuild --wait=20 cat-manifest > /dev/null || true
		timeout --foreground -s KILL "0.00$i" acbuild --wait=20 layer || true
	done
	acbuild --wait=20 copy r /last
	acbuild write lay/
	skopeo inspect oci:lay > /dev/null
	unpack lay:latest got
	[ -f got/last/etc/a ]
	for i in got/r*; do
		[ ! -e "$i" ] || diff <(list r) <(list "$i")
	done
	acbuild end
	# A begin that was killed is taken over.
	for i in 1 2 3 4 5 6 7 8; do
		timeout --foreground -s KILL "0.00$i" acbuild --wait=20 begin --build-mode=oci ./r || true
		acbuild --wait=20 end || true
	done
	acbuild --wait=20 begin --build-mode=oci ./r
	acbuild write again/
}

@test "what is written can be converted to an ACI" {
	root r
	oci ./r
	acbuild set-exec -- /bin/sh
	acbuild layer
	acbuild run -- rm /etc/b
	acbuild set-tag 1.0
	acbuild write app/
	acconvert to-aci app app.aci
	actool validate app.aci
	[ "$(actool cat-manifest app.aci | jq -c .app.exec)" = '["/bin/sh"]' ]
	run -1 grep -e etc/b -e '\.wh\.' <(tar tf app.aci)
	acbuild end
	oci ./app
	acbuild replace-manifest <(echo '{"os":"linux","architecture":"arm64","config":{"Cmd":["/y"]}}')
	[ "$(show config '[.architecture, .config.Cmd[0], (.rootfs.diff_ids | length)]')" = '["arm64","/y",2]' ]
	run -1 acbuild replace-manifest <(echo '{"acKind":"ImageManifest"}')
}

@test "script in OCI mode" {
	mkdir d
	echo 1 > d/f
	cat > s <<- 'END'
		begin --build-mode=oci
		copy d /d
		layer
		copy d/f /g
		set-tag v
		set-exec -- /x y
		write out/
	END
	run -0 acbuild script s
	[ "$(jq -r '.manifests[0].annotations[]' out/index.json)" = v ]
	[ "$(layer out 1 | tr -d ' ')" = g ]
	[ ! -e .acbuild ]
}

@test "begin with an image of a registry: its layers stay, and are fetched once" {
	needs docker-registry
	needs skopeo
	export ACUTILS_DIR=$PWD/store
	root r
	oci ./r
	acbuild set-exec -- /bin/sh
	acbuild write lay/
	acbuild end
	start_registry
	skopeo --insecure-policy copy -q --dest-tls-verify=false oci:lay "docker://$REGISTRY/a/b:7"
	oci --insecure "docker://$REGISTRY/a/b:7"
	[ "$(show manifest '.layers[0].digest')" = "$(skopeo inspect oci:lay | jq -c '.Layers[0]')" ]
	acbuild copy r/etc/a /etc/new
	acbuild write out/
	acbuild end
	[ "$(jq -r '.manifests[0].annotations[]' out/index.json)" = 7 ]
	[ "$(skopeo inspect oci:out:7 | jq '.Layers | length')" -eq 2 ]
	skopeo --insecure-policy copy -q --dest-tls-verify=false oci:out:7 "docker://$REGISTRY/a/b:8"
	stop "$REGISTRY_PID"
	# From the store now.
	oci --insecure "docker://$REGISTRY/a/b:7"
	[ "$(show manifest '.layers | length')" -eq 1 ]
}

@test "not root: what is below keeps its owners" {
	needs setpriv
	needs_root
	local as=(setpriv --reuid=65534 --regid=65534 --clear-groups env "PATH=$PATH" "HOME=$PWD/w")
	chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_FILE_TMPDIR" .. ../..
	root r
	chown -R 1000:1000 r/data
	mkdir w
	chmod 777 w
	oci ./r
	acbuild write lay/
	acbuild end
	cd w
	"${as[@]}" acbuild begin --build-mode=oci ../lay
	"${as[@]}" acbuild copy ../r/etc/a /data/sub/new
	"${as[@]}" acbuild run -- rm /etc/b
	"${as[@]}" acbuild write out/
	[ "$(layer out 1)" = 'data/sub/new etc/.wh.b ' ]
}
