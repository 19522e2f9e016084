#!/usr/bin/env bats
# acbuild: copy and copy-to-dir, what they keep and what they leave behind.
load helper

rootfs=.acbuild/currentaci/rootfs
begin() { acbuild begin && acbuild --no-history set-name example.com/a; }

# Every attribute of every file below $1.
list() {
	(cd "$1" && find . -printf '%p %y %m %U:%G %T@ %l %s %b\n' | sort &&
		getfattr -Rhd -m - . 2>/dev/null && getfacl -Rn . 2>/dev/null)
}
# The rootfs as it is, and nothing besides it.
state() { list "$rootfs" && ls -A .acbuild && acbuild cat-manifest; }

@test "copy keeps all that a file is" {
	needs_root
	mkdir -p t/d/e
	echo a >t/a
	ln t/a t/d/hard
	ln -s /nowhere t/link
	ln t/link t/link2
	mkfifo -m 640 t/fifo
	mknod -m 666 t/null c 1 3
	mknod t/loop b 7 9
	truncate -s 40M t/sparse
	printf x | dd of=t/sparse bs=1 seek=20M conv=notrunc status=none
	printf b >t/caps
	setfattr -n user.note -v x t/a
	setfattr -n trusted.note -v y t/d
	setcap cap_net_raw+ep t/caps
	setfacl -m u:1234:rwx t/d/e
	setfacl -d -m g:7:rx t/d
	chmod 6751 t/a
	chmod 1777 t/d
	chown 12345:3000000 t/d
	chown -h 7:8 t/link
	touch -h -d '2001-02-03 04:05:06.123456789' t/a t/link t/fifo t/d/e t/d t
	begin
	acbuild copy t /x/t
	diff <(list t) <(list $rootfs/x/t)
	[ $rootfs/x/t/a -ef $rootfs/x/t/d/hard ]
	[ "$(stat -c %i $rootfs/x/t/link)" = "$(stat -c %i $rootfs/x/t/link2)" ]
	[ "$(du -k $rootfs/x/t/sparse | cut -f1)" -le 1024 ]
}

@test "copy-to-dir: several sources, into / too; names of one file stay one file" {
	mkdir -p a b
	echo 1 >a/one
	ln a/one b/two
	ln a/one three
	echo 4 >four
	begin
	acbuild copy-to-dir a b/ three four /
	[ $rootfs/a/one -ef $rootfs/b/two ]
	[ $rootfs/a/one -ef $rootfs/three ]
	[ "$(stat -c %h $rootfs/three)" -eq 3 ]
	[ "$(cat $rootfs/four)" = 4 ]
	echo new >four
	acbuild copy-to-dir four /
	[ "$(cat $rootfs/four)" = new ]
	[ ! -e .acbuild/staging ]
}

@test "an operation that fails leaves nothing: no file, no directory, no note" {
	mkdir -p in/d other
	echo a >in/a
	echo b >in/d/b
	echo c >other/a
	begin
	acbuild copy in/a /etc/a
	state >before
	# The messages that the original's users know.
	run -1 acbuild copy in /etc
	[[ $output == *"'/etc' in the image: file exists"* ]]
	run -1 acbuild copy in/a /new/dir/
	[[ $output == *"there is a trailing path separator in the second"* ]]
	run -1 acbuild copy-to-dir in/a /etc/a
	[[ $output == *'target "/etc/a" is not a directory'* ]]
	run -1 acbuild copy-to-dir in/a in/nosuch /new
	[[ $output == *"lstat in/nosuch"* ]]
	run -1 acbuild copy-to-dir in/a other/a /new
	[[ $output == *"'/new/a' in the image: two of the sources have this name"* ]]
	run -1 acbuild copy in/a /../x
	run -1 acbuild copy in /
	run -1 acbuild copy in .
	[[ $output == *"'.' in the image: file exists"* ]]
	diff before <(state)
}

@test "a source that cannot be kept is refused by name, whole" {
	mkdir -p in/d
	echo a >in/a
	begin
	state >before
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("in/d/sock")'
	run -1 acbuild copy in /new/in
	[[ $output == *"'d/sock' is a socket"* ]]
	run -1 acbuild copy-to-dir in/a in/d /new
	[[ $output == *"is a socket"* ]]
	diff before <(state)
}

@test "a file that may not be read is named, and nothing is left" {
	needs_root
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	mkdir -p in/d w
	echo a >in/a
	echo b >in/d/secret
	chmod 600 in/d/secret
	chown nobody w
	cd w
	as_nobody acbuild begin
	state >../before
	run -1 as_nobody acbuild copy ../in /new/in
	[[ $output == *"'d/secret'"*"Permission denied"* ]]
	diff ../before <(state)
}

@test "links in the rootfs are followed within it; nothing leads out" {
	mkdir -p in host
	echo x >in/x
	ln -s "$PWD/host" in/abs
	ln -s ../../../../../../../../.. in/up
	ln -s /opt in/opt
	begin
	acbuild copy in /in
	run -1 acbuild copy in/x /in/opt/x
	[[ $output == *"'/in/opt' in the image is a link to what is not there"* ]]
	acbuild copy in/x /opt/y
	acbuild copy in/x /in/opt/x
	[ -f $rootfs/opt/x ]
	# The image's own /, not the host's.
	acbuild copy in/x /in/up/deep/x
	[ -f $rootfs/deep/x ]
	acbuild copy in/x /in/abs/y || :
	[ -z "$(ls -A host)" ]
	run -1 acbuild copy in/x /a/../../x
	# A link in the last place is replaced, not followed.
	acbuild copy in/x /in/opt
	[ -f $rootfs/in/opt ] && [ ! -L $rootfs/in/opt ]
}

teardown() {
	cd "$BATS_TEST_TMPDIR" || return
	! mountpoint -q "$BATS_TEST_TMPDIR/disk" || umount "$BATS_TEST_TMPDIR/disk"
}

@test "a full disk: the rootfs and the earlier image are as before" {
	needs_root
	mkdir disk big
	mount -t tmpfs -o size=10m none disk
	head -c 4000000 /dev/urandom >big/1
	head -c 4000000 /dev/urandom >big/2
	cd disk
	begin
	acbuild copy ../big/1 /1
	echo earlier >o.aci
	head -c 3000000 /dev/zero >filler
	state >../before
	run -1 acbuild copy ../big /new/big
	[[ $output == *"No space left"* ]]
	diff ../before <(state)
	for z in none gzip xz; do
		run -1 acbuild write --overwrite --compression $z o.aci
		[[ $output == *"No space left"* ]]
	done
	[ "$(cat o.aci)" = earlier ]
	[ "$(ls -A)" = "$(printf '.acbuild\nfiller\no.aci')" ]
	# --modify, too, when the image does not fit twice.
	rm filler o.aci
	acbuild write --compression none o.aci
	acbuild end
	sha512sum o.aci >../sum
	head -c 3000000 /dev/zero >filler
	run -1 acbuild --modify o.aci label add version 1
	[[ $output == *"No space left"* ]]
	run -1 acbuild --modify o.aci copy ../big/2 /2
	[[ $output == *"No space left"* ]]
	sha512sum -c ../sum
	[ "$(ls -A)" = "$(printf 'filler\no.aci')" ]
}

@test "ended by a signal at any time: copies are whole, earlier images stay" {
	local delay
	mkdir in
	for i in {1..40}; do head -c 500000 /dev/urandom >"in/$i"; done
	begin
	for sig in INT TERM KILL; do
		for delay in 0.002 0.004 0.01 0.02; do
			timeout --foreground -s "$sig" "$delay" acbuild copy in /new/in || :
			[ ! -e $rootfs/new/in ] || [ "$(find $rootfs/new/in -size 500000c | wc -l)" -eq 40 ]
			acbuild --wait=10 --no-history label add "${sig,,}" "$delay"
			rm -rf $rootfs/new
		done
	done
	acbuild cat-manifest | jq -e '[.labels[].value] | contains(["0.02"])'
	acbuild copy in /new/in
	[ ! -e .acbuild/staging ]
	acbuild write --compression none o.aci
	cp o.aci earlier
	for sig in INT KILL; do
		for delay in 0.005 0.03 0.1; do
			timeout --foreground -s "$sig" "$delay" acbuild write --overwrite o.aci || :
			cmp -s o.aci earlier || actool validate o.aci
			cp earlier o.aci
			timeout --foreground -s "$sig" "$delay" acbuild --modify o.aci --no-history label add sig "$sig" || :
			cmp -s o.aci earlier || actool validate o.aci
			cp earlier o.aci
			# What was killed may leave its temporary file (C27).
			[ "$sig" != KILL ] || rm -rf .tmp-* .acbuild-modify-*
			[ "$(echo .[!.]* *)" = ".acbuild earlier in o.aci" ]
		done
	done
	acbuild write --overwrite o.aci
	[ "$(echo .[!.]* *)" = ".acbuild earlier in o.aci" ]
	actool validate o.aci
}

@test "--modify of the manifest: a copy of the rest, the file's own attributes, a warning" {
	mkdir -p in/d
	echo a >in/a
	begin
	acbuild copy in /in
	acbuild write a.aci
	acbuild end
	chmod 640 a.aci
	setfattr -n user.mine -v x a.aci 2>/dev/null || :
	list . | grep a.aci >before || :
	tail -c 200 a.aci >end
	run -0 acbuild --modify a.aci label add version 1
	[ -z "$output" ]
	tail -c 200 a.aci | cmp - end
	[ "$(stat -c %a a.aci)" = 640 ]
	! grep -q user.mine before || getfattr -n user.mine a.aci
	[ "$(actool cat-manifest a.aci | jq -r '.labels[] | select(.name == "version").value')" = 1 ]
	touch a.aci.asc
	run -0 acbuild --modify a.aci copy in/a /b
	[[ $output == *"'a.aci.asc' is not a signature of this image any more"* ]]
	run -0 acbuild --modify a.aci set-user 7
	[[ $output == *"'a.aci.asc' is not a signature of this image any more"* ]]
	# What fails or only looks changes nothing, not even the file's number.
	stat -c '%i %Y %Z' a.aci >before
	sha512sum a.aci >sum
	run -2 acbuild --modify a.aci label remove nosuch
	run -1 acbuild --modify a.aci copy nosuch /x
	run -1 acbuild --modify a.aci isolator add nosuch in/a
	run -0 acbuild --modify a.aci cat-manifest
	sha512sum -c sum
	stat -c '%i %Y %Z' a.aci | diff before -
	# Also while a build is under way here.
	acbuild begin
	acbuild --modify a.aci label add while building
	acbuild cat-manifest | jq -e '[.labels[].name] | contains(["while"]) | not'
}

@test "write --compression xz: the same bytes whatever the number of processors" {
	mkdir in
	for i in {1..7}; do head -c 3000000 /dev/urandom >"in/$i"; done
	begin
	acbuild copy in /in
	acbuild write --compression xz --level 1 a.aci
	taskset -c 0 acbuild write --compression xz --level 1 b.aci
	cmp a.aci b.aci
	acbuild write --compression gzip a.gz
	taskset -c 0 acbuild write --compression gzip b.gz
	cmp a.gz b.gz
	xz -t a.aci
	cmp <(xz -dc a.aci) <(gzip -dc a.gz)
}
