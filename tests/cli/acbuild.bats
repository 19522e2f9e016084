#!/usr/bin/env bats
# acbuild: builds, files, images, and what it leaves behind.
load helper

# Debian's actool, not ours.
debian() { /usr/bin/actool "$@"; }

# A build with what every image needs.
begin() {
	acbuild "$@" begin
	acbuild "$@" --no-history set-name example.com/a
}
rootfs=.acbuild/currentaci/rootfs

# Every attribute of every file below $1.
list() {
	(cd "$1" && find . -printf '%p %y %m %U:%G %T@ %l %s\n' | sort &&
		getfattr -Rhd -m - . 2>/dev/null)
}

@test "an image of a few commands, as the manual has it" {
	awk '/^\.Sh EXAMPLES/ { on = 1 } /^\.Ss/ { on = 0 } /^\.Bd -literal/ { code = on; next } /^\.Ed/ { code = 0 } code' \
		"$BATS_TEST_DIRNAME/../../acbuild/acbuild.1" | sed 's/\\e/\\/g' > example
	grep -q 'acbuild write' example
	run -0 bash -eux example
	actool validate --strict shell.aci shell-1.1.aci motd.aci
	[ "$(actool cat-manifest shell-1.1.aci | jq -r '.labels[] | select(.name == "version").value')" = 1.1 ]
	[ "$(actool cat-manifest motd.aci | jq -c '.app.isolators[0].value')" = '{"limit":"64Mi"}' ]
	[ "$(tar xOf motd.aci rootfs/etc/motd)" = hello ]
}

@test "write prints the id, and every compression has the same one" {
	local z
	begin
	acbuild copy /bin/busybox /bin/busybox
	for z in gzip none xz bzip2; do
		run -0 --separate-stderr acbuild write --compression $z $z.aci
		echo "$output" >> ids
		[ "$output" = "$(actool id $z.aci)" ]
		[ "$output" = "sha512-$(tar_of $z.aci | sha512sum | cut -d' ' -f1)" ]
	done
	[ "$(sort -u ids | wc -l)" -eq 1 ]
	cmp <(gzip -dc gzip.aci) none.aci
	run -3 acbuild write --compression zstd x.aci
	run -3 acbuild write --level 13 x.aci
	[ ! -e x.aci ]
}
tar_of() {
	case $1 in
	gzip*) gzip -dc "$1" ;; xz*) xz -dc "$1" ;; bzip2*) bzip2 -dc "$1" ;; *) cat "$1" ;;
	esac
}

@test "Debian's actool accepts what we write, whatever is in it" {
	needs_debian
	needs_root
	local z
	local long
	long=$(printf 'x%.0s' {1..120})
	mkdir -p "t/$long/$long" t/dev
	echo hi > "t/$long/$long/$long"
	ln "t/$long/$long/$long" t/hard
	echo a > t/a
	ln t/a t/b
	ln -s ../../nowhere t/link
	mkfifo t/fifo
	mknod t/dev/null c 1 3
	mknod t/dev/loop0 b 7 0
	setfattr -n user.note -v x t/a 2>/dev/null || :
	setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= t/b
	printf 'n\xc3\xa4me' | xargs -I{} touch 't/{}'
	chmod 6755 t/a
	chown 12345:3000000 t/hard
	truncate -s 1M t/sparse
	begin
	acbuild copy t /t
	for z in gzip none xz bzip2; do
		acbuild write --compression $z $z.aci
		actool validate --strict $z.aci
		debian validate $z.aci
		[ "$(debian cat-manifest $z.aci)" = "$(actool cat-manifest $z.aci)" ]
	done
	mkdir x
	tar -C x --xattrs --xattrs-include='*' -xpf gzip.aci
	diff <(list t) <(list x/rootfs/t)
	[ "$(stat -c '%t:%T' x/rootfs/t/dev/null)" = 1:3 ]
	[ x/rootfs/t/a -ef x/rootfs/t/b ]
}

@test "the same inputs give the same bytes: elsewhere, later, another mask" {
	mkdir one two in
	echo f > in/f
	touch -d 2001-01-01 in/f
	cp -a in one
	cp -a in two
	(cd one && umask 022 && build)
	(cd two && umask 077 && mkdir -p w && sleep 1.1 && build --work-path w)
	cmp one/o.aci two/o.aci
	# And not the times of before the epoch that is asked for.
	(cd one && SOURCE_DATE_EPOCH=900000000 build)
	run -1 cmp one/o.aci two/o.aci
	run -0 tar tvf one/o.aci --utc --full-time
	[ "$(awk '{ print $4 }' <<< "$output" | sort -u)" = 1998-07-09 ]
	run -3 env SOURCE_DATE_EPOCH=yesterday acbuild write x.aci
}
build() {
	acbuild "$@" begin
	acbuild "$@" set-name example.com/a
	acbuild "$@" copy in/f /a/b/f
	acbuild "$@" copy-to-dir in /opt
	acbuild "$@" write --overwrite o.aci
	acbuild "$@" end
}

@test "the order of copies does not matter" {
	mkdir in
	echo 1 > in/1
	echo 2 > in/2
	begin
	acbuild --no-history copy in/1 /d/1
	acbuild --no-history copy in/2 /d/2
	acbuild write a.aci
	acbuild end
	begin
	acbuild --no-history copy in/2 /d/2
	acbuild --no-history copy in/1 /d/1
	acbuild write b.aci
	cmp a.aci b.aci
}

@test "not root: the image is the same as root's, owned by 0:0" {
	needs_root
	mkdir in
	echo f > in/f
	touch -d 2001-01-01 in/f in
	chmod 755 . in
	begin
	acbuild copy in /in
	acbuild write root.aci
	mkdir user
	chown nobody: user
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	(cd user && cp -rp ../in . && as_nobody acbuild begin &&
		as_nobody acbuild --no-history set-name example.com/a &&
		as_nobody acbuild copy in /in && as_nobody acbuild write user.aci)
	cmp root.aci user/user.aci
}

@test "begin from a directory keeps everything" {
	mkdir -p t/d
	echo a > t/a
	ln t/a t/d/b
	chmod 4711 t/a
	touch -d '2001-01-01 00:00:00.123456789' t/d
	[ "$(id -u)" -ne 0 ] || { chown 5:6 t/d && setcap cap_net_raw+ep t/a; }
	touch -d 2002-02-02 t
	acbuild begin ./t
	diff <(list t) <(list $rootfs)
	[ $rootfs/a -ef $rootfs/d/b ]
}

@test "begin from an ACI continues it" {
	begin
	acbuild label add version 7
	acbuild copy /bin/busybox /bin/busybox
	acbuild write a.aci
	acbuild end
	acbuild begin ./a.aci
	acbuild write b.aci
	cmp a.aci b.aci
	[ ! -e .acbuild/staging ]
}

@test "begin from a tar of a rootfs, in any compression, with or without ./" {
	local z
	mkdir -p t/etc
	echo a > t/etc/a
	tar -C t -cf t.tar .
	gzip -k t.tar
	xz -k t.tar
	bzip2 -k t.tar
	zstd -q t.tar
	tar -C t -cf t.tar etc
	for z in t.tar t.tar.gz t.tar.xz t.tar.bz2 t.tar.zst; do
		run -0 --separate-stderr acbuild begin ./$z
		# shellcheck disable=SC2154 # bats sets it
		[[ $stderr == *"manifest is missing, assuming build is beginning with a tar of a rootfs"* ]]
		[ "$(cat $rootfs/etc/a)" = a ]
		[ "$(stat -c %a $rootfs)" = 755 ]
		acbuild end
	done
}

@test "begin refuses what is not there, not an image, or not local" {
	run -1 acbuild begin ./none
	[[ $output == *"begin: no such file or directory: ./none"* ]]
	run -1 acbuild begin example.com/app
	[[ $output == *"local file paths must start with '/' or '.'"* ]]
	run -1 acbuild begin --build-mode=bogus
	[[ $output == *"begin: invalid build mode: bogus"* ]]
	echo garbage > g
	run -1 acbuild begin ./g
	mkdir -p l/rootfs l/more
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}' > l/manifest
	tar -C l -cf l.tar manifest rootfs more
	run -1 acbuild begin ./l.tar
	[[ $output == *"unrecognized file path in layout"* ]]
	tar -C l -cf l.tar manifest
	run -1 acbuild begin ./l.tar
	[[ $output == *"no rootfs found in layout"* ]]
	[ ! -e .acbuild ]
}

@test "a build on a read-only file system can be looked at and written" {
	needs_root
	mkdir mnt
	run -0 unshare -m sh -ec '
		mount -t tmpfs t mnt
		(cd mnt && acbuild begin && acbuild set-name example.com/a)
		mount -o remount,ro mnt
		acbuild --work-path mnt cat-manifest
		acbuild --work-path mnt write a.aci
		! acbuild --work-path mnt set-name example.com/b 2>&1
		acbuild --work-path mnt cat-manifest'
	[[ ${lines[0]} == *example.com/a* ]]
	[[ ${lines[2]} == *"Read-only file system"* ]]
	[ "${lines[0]}" = "${lines[3]}" ]
	actool validate a.aci
}

@test "begin does not touch a build, and end ends it" {
	begin
	run -1 acbuild begin
	[[ $output == *"begin: build already in progress in this working dir"* ]]
	[ "$(acbuild cat-manifest | jq -r .name)" = example.com/a ]
	acbuild end
	[ ! -e .acbuild ]
	run -1 acbuild set-user x
	[[ $output == *'no build in progress in this working dir - try "acbuild begin"'* ]]
	[ ! -e .acbuild ]
}

@test "one acbuild at a time" {
	begin
	exec 9> .acbuild/lock
	flock 9
	run -1 acbuild set-user x
	[[ $output == *"lock already held - is another acbuild running in this working dir?"* ]]
	run -1 acbuild end
	run -1 acbuild begin
	exec 9>&-
	acbuild set-user x
}

@test "who holds the lock is told, and --wait waits" {
	begin
	mkfifo value
	acbuild isolator add resource/memory value & pid=$!
	# It has the lock while it waits for the value.
	until grep -qs "$pid" .acbuild/lock; do :; done
	exec 8> value
	run -1 acbuild set-user x
	[[ $output == *"lock already held"*": process $pid has it, 'acbuild isolator add resource/memory value'; --wait waits for it" ]]
	run -1 acbuild --wait=0 end
	[[ $output == *"process $pid has it"* ]]
	run -3 acbuild --wait=soon end
	acbuild --wait set-user me 8>&- & other=$!
	acbuild --wait=600 set-group us 8>&- & third=$!
	echo '{"limit": "1G"}' >&8
	exec 8>&-
	wait $pid
	wait $other
	wait $third
	[ "$(acbuild cat-manifest | jq -r '.app.user + .app.group + .app.isolators[0].name')" = meusresource/memory ]
	# A number of a process that is gone, or another's, says nothing.
	for n in 1 $$ 999999999 x ''; do
		exec 9> .acbuild/lock
		echo "$n" > .acbuild/lock
		flock 9
		run -1 acbuild end
		[[ $output != *process* ]]
		exec 9>&-
	done
	# Ended while one waits: there is no build.
	exec 9> .acbuild/lock
	flock 9
	acbuild --wait set-user x 2> said 9>&- & pid=$!
	mv .acbuild gone
	exec 9>&-
	rc=0
	wait $pid || rc=$?
	[ "$rc" -eq 1 ] || { [ "$rc" -eq 0 ] && [ ! -s said ]; }
}

@test "copy stays in the image" {
	mkdir -p in outside $rootfs 2>/dev/null || :
	rm -rf .acbuild
	echo f > in/f
	begin
	ln -s "$PWD/outside" $rootfs/abs
	ln -s ../../../outside $rootfs/rel
	ln -s /etc $rootfs/inside
	for t in ../f /../f a/../../f ../../../outside/f; do
		run -1 acbuild copy in/f "$t"
		[[ $output == *"leads out"* ]]
		run -1 acbuild copy-to-dir in/f "$t"
	done
	# Links are the image's: their targets are looked for in it.
	run acbuild copy in/f /abs/f
	run acbuild copy in/f /rel/f
	acbuild copy in/f /etc/g
	acbuild copy in/f /inside/f
	[ "$(cat $rootfs/etc/f)" = f ]
	[ -z "$(ls outside)" ]
	[ ! -e f ] && [ ! -e ../f ]
	# A link that is itself the target is replaced.
	ln -s "$PWD/outside/x" $rootfs/x
	acbuild copy in/f /x
	[ ! -L $rootfs/x ] && [ ! -e outside/x ]
	# A file on the way.
	run -1 acbuild copy in/f /etc/f/f
	# What the image holds is not followed on the way in either.
	ln -s /etc/passwd in/link
	acbuild copy in/link /link
	[ "$(readlink $rootfs/link)" = /etc/passwd ]
}

@test "copy: what may take whose place" {
	mkdir -p in/d
	echo f > in/f
	echo g > in/g
	begin
	acbuild copy in/f /f
	acbuild copy in/g /f
	[ "$(cat $rootfs/f)" = g ]
	acbuild copy in/d /d
	run -1 acbuild copy in/d /d
	[[ $output == *"copy: "*"file exists"* ]]
	run -1 acbuild copy in/f /d
	run -1 acbuild copy in/d /f
	run -1 acbuild copy in/d /
	run -1 acbuild copy in/f /d/
	[[ $output == *"trailing path separator in the second operand"* ]]
	run -1 acbuild copy in/none /x/y
	[[ $output == *"copy: lstat in/none: "* ]]
	[ ! -e $rootfs/x ]
	run -1 acbuild copy-to-dir in/f /f
	[[ $output == *'target "/f" is not a directory'* ]]
	acbuild copy-to-dir in/f in/d/ /t
	[ -d $rootfs/t/d ] && [ -f $rootfs/t/f ]
	acbuild copy-to-dir in/f /
	[ "$(cat $rootfs/f)" = f ]
	run -1 acbuild copy-to-dir . /
	[ ! -e .acbuild/staging/new ]
}

@test "copy does not copy the build into itself" {
	echo f > f
	begin
	run -1 acbuild copy . /src
	[[ $output == *"contains the build's own .acbuild"* ]]
	[ ! -e $rootfs/src ]
	mkdir elsewhere
	begin --work-path elsewhere
	run -1 acbuild --work-path elsewhere copy . /src
	run -1 acbuild --work-path . begin .
}

@test "write: what it refuses, and what it leaves" {
	begin
	acbuild write a.aci
	run -1 acbuild write a.aci
	[[ $output == *"write: ACI already exists: a.aci"* ]]
	acbuild write --overwrite a.aci
	run -1 acbuild write --sign b
	[[ $output == *"ends in .aci"* ]]
	run -1 acbuild write none/b.aci
	run -1 acbuild write --overwrite /dev/null
	[ -c /dev/null ]
	acbuild set-user root
	run -0 --separate-stderr acbuild write b.aci
	[[ $stderr == *"exec command was never set."* ]]
	acbuild end
	acbuild begin
	run -1 acbuild write c.aci
	[[ $output == *"write: can't write ACI, name was never set"* ]]
	[ "$(echo *.aci .tmp*)" = "a.aci b.aci .tmp*" ]
}

@test "a full disk: the earlier image stays and nothing lies about" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=1m tmpfs disk
	begin
	acbuild write disk/a.aci
	cp disk/a.aci before
	head -c 4M /dev/urandom > big
	acbuild copy big /big
	run acbuild write --overwrite disk/a.aci
	rc=$status
	ls -A disk > left
	cmp disk/a.aci before && same=1
	umount disk
	[ "$rc" -eq 1 ]
	[[ $output == *"o space left on device"* ]]
	[ "$same" = 1 ]
	[ "$(cat left)" = a.aci ]
}

@test "killed at any time, a command leaves a build that goes on" {
	local i
	mkdir in
	head -c 30M /dev/zero > in/big
	begin
	for i in $(seq 1 12); do
		acbuild copy in "/in$i" & pid=$!
		sleep "0.00$((RANDOM % 10))$i"
		kill -9 $pid 2>/dev/null || :
		wait $pid || :
		[ ! -e "$rootfs/in$i" ] || cmp in/big "$rootfs/in$i/big"
		# A new name: replacing one takes a moment with two of them.
		rm -f o.aci
		acbuild write --compression none o.aci > /dev/null & pid=$!
		sleep "0.00$((RANDOM % 10))$i"
		kill -9 $pid 2>/dev/null || :
		wait $pid || :
		[ ! -e o.aci ] || actool validate o.aci
	done
	[ -z "$(find . -maxdepth 1 -name '.tmp*')" ]
	acbuild write --overwrite o.aci
	actool validate o.aci
	acbuild end
}

@test "told to end, begin and --modify leave nothing" {
	mkdir t
	truncate -s 2G t/zeros
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}' > manifest
	mkdir rootfs
	for i in $(seq 300); do head -c 100000 /dev/zero > "rootfs/$i"; done
	tar -cf a.aci manifest rootfs
	rm -r rootfs manifest
	acbuild begin ./a.aci & pid=$!
	until [ -e .acbuild/staging/rootfs ] || ! kill -0 $pid; do :; done 2>/dev/null
	kill -TERM $pid 2>/dev/null || :
	rc=0
	wait $pid || rc=$?
	[ "$rc" -eq 0 ] || { [ "$rc" -eq 143 ] && [ ! -e .acbuild ]; }
	rm -rf .acbuild
	cp a.aci before
	acbuild --modify a.aci copy t /t & pid=$!
	until ls -d .acbuild-modify-* || ! kill -0 $pid; do :; done > /dev/null 2>&1
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	[ "$rc" -eq 143 ]
	cmp a.aci before
	[ "$(ls -A)" = "$(printf 'a.aci\nbefore\nt')" ]
}

@test "a begin or an end that was killed is no build, and the next begin works" {
	begin
	rm .acbuild/buildMode
	run -1 acbuild cat-manifest
	begin
	acbuild write a.aci
	# And end ends it, once.
	rm .acbuild/buildMode
	acbuild end
	[ ! -e .acbuild ]
	run -1 acbuild end
}

@test "--modify edits an image in place" {
	mkdir in
	echo f > in/f
	begin
	acbuild copy in /in
	acbuild write --compression xz a.aci
	acbuild end
	chmod 640 a.aci
	acbuild --modify a.aci label add version 2
	[ "$(acbuild --modify a.aci cat-manifest | jq -r '.labels[2].value')" = 2 ]
	acbuild --modify a.aci copy in/f /f
	[ "$(tar xOf a.aci rootfs/f)" = f ]
	[ "$(tar xOf a.aci rootfs/in/f)" = f ]
	[ "$(stat -c %a a.aci)" = 640 ]
	xz -t - < a.aci
	[ "$(actool cat-manifest a.aci | jq -c '[.annotations[].value]')" = \
		'["acbuild copy \"in\" \"/in\"","acbuild label add \"version\" \"2\"","acbuild copy \"in/f\" \"/f\""]' ]
	cp a.aci before
	run -2 acbuild --modify-appc a.aci label rm nothing
	run -1 acbuild --modify a.aci copy in/none /f
	run -1 acbuild --modify a.aci set-wd relative
	cmp a.aci before
	run -1 acbuild --modify none.aci set-user x
	[[ $output == *"image doesn't appear to exist: none.aci"* ]]
	run -1 acbuild --modify . set-user x
	[[ $output == *"image to modify is a directory: ."* ]]
	run -1 acbuild --modify a.aci begin
	[[ $output == *"can't use --modify flags with begin"* ]]
	[ "$(ls -A)" = "$(printf 'a.aci\nbefore\nin')" ]
}

@test "--modify of the manifest keeps every file as it is, also when not root" {
	needs_root
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	mkdir open && chmod 777 open && cd open
	mkdir -p t/dev
	mknod t/dev/null c 1 3
	echo a > t/a
	ln t/a t/b
	chown 5:6 t/a
	setcap cap_net_raw+ep t/a
	truncate -s 1M t/sparse
	begin
	acbuild copy t /t
	acbuild write a.aci
	chown nobody a.aci
	gzip -dc a.aci | tar tv | tail -n +2 > before
	as_nobody acbuild --modify a.aci --no-history label add version 3
	gzip -dc a.aci | tar tv | tail -n +2 | diff before -
	actool validate a.aci
	mkdir x && tar -C x --xattrs --xattrs-include='*' -xpf a.aci
	diff <(list t) <(list x/rootfs/t)
}

@test "what runs is taken as it is, with or without --" {
	begin
	acbuild --no-history set-exec -- /bin/sh -c 'a "b"' --debug --
	[ "$(acbuild cat-manifest | jq -c .app.exec)" = '["/bin/sh","-c","a \"b\"","--debug","--"]' ]
	acbuild --no-history set-exec /bin/sh -x
	[ "$(acbuild cat-manifest | jq -c .app.exec)" = '["/bin/sh","-x"]' ]
	acbuild --no-history set-event-handler pre-start -- /bin/a -b
	acbuild --no-history set-eh post-stop /bin/c
	acbuild --no-history set-eh pre-start /bin/d
	[ "$(acbuild cat-manifest | jq -c .app.eventHandlers)" = \
		'[{"name":"pre-start","exec":["/bin/d"]},{"name":"post-stop","exec":["/bin/c"]}]' ]
	run -1 acbuild set-exec
	run -1 acbuild set-eh pre-start
}

@test "unknown fields of a manifest are kept" {
	begin
	acbuild cat-manifest | jq -c '. + {"x-mine": {"b": 1, "a": [2]}}' > m
	acbuild replace-manifest m
	acbuild label add version 1
	[ "$(acbuild cat-manifest | jq -c '."x-mine"')" = '{"b":1,"a":[2]}' ]
}

@test "a bad manifest never replaces a good one" {
	begin
	acbuild cat-manifest > before
	run -1 acbuild environment add 0a b
	run -1 acbuild label add name x
	run -1 acbuild set-name 'Not A Name'
	run -1 acbuild set-name a//b
	run -1 acbuild port add x tcp 70000
	run -1 acbuild environment add a $'\xff'
	run -1 acbuild dependency add ./file
	run -1 acbuild isolator add resource/memory none.json
	echo '{' > bad.json
	run -1 acbuild isolator add resource/memory bad.json
	run -1 acbuild replace-manifest bad.json
	run -3 acbuild port add x tcp 1 --count 0
	acbuild cat-manifest | diff before -
}

@test "history: quoted, numbered on, canonical names, and not with --no-history" {
	begin
	acbuild environment add A $'a"b\\c\n\x01\xc3\xa4'
	acbuild volume rm none || [ $? -eq 2 ]
	acbuild set-wd /x
	acbuild --no-history set-user root
	acbuild annotation rm coreos.com/acbuild/command-1
	run -0 acbuild cat-manifest
	[ "$(jq -c '[.annotations[].name]' <<< "$output")" = \
		'["coreos.com/acbuild/command-2","coreos.com/acbuild/command-3"]' ]
	[ "$(jq -r '.annotations[0].value' <<< "$output")" = 'acbuild set-working-directory "/x"' ]
	acbuild environment add B $'a"b\\c\n\x01\xc3\xa4'
	[ "$(acbuild cat-manifest | jq -r '.annotations[-1].value')" = \
		'acbuild environment add "B" "a\"b\\c\n\x01ä"' ]
}

@test "--debug says what is done, in the original's words" {
	local command said
	begin
	mkdir in
	while IFS='|' read -r command said; do
		eval "acbuild --debug $command" 2> err < /dev/null || cat err
		grep -qxF "acbuild: debug: $said" err || { cat err; echo "not said: $said"; return 1; }
	done <<- 'END'
		label add a "b c"|Adding label "a"="b c"
		lab rm a|Removing label "a"
		annotation add a b|Adding annotation "a"="b"
		environment add A b|Adding environment variable "A"="b"
		mount add a /b|Adding mount point "a"="/b"
		port add a tcp 1|Adding port "a"="tcp"
		copy in /in|Copying host:in to aci:/in
		copy-to-dir /etc/passwd /etc/group /etc|Copying /etc/passwd /etc/group to /etc
		set-exec -- /a b|Setting exec command [/a b]
		set-eh pre-start -- /a|Setting pre-start event handler to [/a]
		set-supp-groups 1 2|Setting supplementary groups to [1 2]
		set-wd /x|Setting working directory to /x
		set-tag 1|Setting tag to 1
		dependency add example.com/b|Adding dependency "example.com/b"
		dependency rm example.com/b|Removing dependency "example.com/b"
		cat-manifest|Printing manifest from current build
		write o.aci|Writing ACI to o.aci
		end|Ending the build
		begin|Beginning build with an empty ACI
	END
	run -0 acbuild label add a b
	[ -z "$output" ]
}

@test "a command line that is none: the usage where the original printed it" {
	begin
	while IFS='|' read -r rc command out message; do
		eval "run -$rc --separate-stderr acbuild $command"
		[[ ${output:0:40} == "$out"* ]]
		[[ -n $out || -z $output ]]
		[[ ${stderr_lines[0]-} == "$message" ]]
	done <<- 'END'
		0||Usage: acbuild [options] COMMAND|
		0|label|Usage: acbuild label COMMAND|
		0|label nosuch|Usage: acbuild label COMMAND|
		0|set-eh bogus /a|Usage: acbuild set-event-handler COMMAND|
		1|set-name|Usage: acbuild set-name NAME|acbuild: set-name: incorrect number of arguments; usage: acbuild set-name NAME
		1|set-name a b||acbuild: set-name: incorrect number of arguments; usage: acbuild set-name NAME
		3|--bogus|Usage: acbuild [options] COMMAND|acbuild: unknown flag: --bogus
		3|set-name --bogus x|Usage: acbuild set-name NAME|acbuild: unknown flag: --bogus
		3|nosuch||acbuild: unknown command "nosuch" for "acbuild"
		3|set x||acbuild: unknown command "set" for "acbuild"
	END
	run -0 --separate-stderr acbuild version
	[[ ${lines[0]} == "acbuild version "* && ${lines[1]} == "appc version "* ]]
}

@test "every isolator of the specification, with its value checked" {
	local name value
	begin
	while IFS='|' read -r name value; do
		acbuild begin 2> /dev/null || { acbuild end && acbuild begin; }
		acbuild isolator add "$name" - <<< "$value" 2> said
		[ "$(acbuild cat-manifest | jq -c '.app.isolators[0].value')" = "$value" ]
		! grep -q 'unknown' said || return 1
		# Whatever it is, an isolator's value is not that.
		for bad in '"x"' '[1]' 'nonsense' ''; do
			run -1 acbuild isolator add "$name" - <<< "$bad"
			[[ $output == *"isolator add: "* ]]
		done
		[ "$(acbuild cat-manifest | jq -c '.app.isolators[0].value')" = "$value" ]
		acbuild isolator rm "$name"
		run -2 acbuild isolator rm "$name"
	done <<- 'END'
		resource/cpu|{"request":"250m","limit":"500m"}
		resource/memory|{"limit":"1G"}
		resource/block-bandwidth|{"default":true,"limit":"2M"}
		resource/block-iops|{"default":true,"limit":"100"}
		resource/network-bandwidth|{"default":true,"limit":"1G"}
		os/linux/capabilities-retain-set|{"set":["CAP_NET_ADMIN"]}
		os/linux/capabilities-remove-set|{"set":["CAP_NET_RAW"]}
		os/linux/seccomp-retain-set|{"set":["@appc.io/all"],"errno":"EPERM"}
		os/linux/seccomp-remove-set|{"set":["reboot"]}
		os/linux/no-new-privileges|true
		os/linux/selinux-context|{"user":"a","role":"b","type":"c","level":"d"}
		os/linux/apparmor-profile|{"profile":"x"}
		os/linux/cpu-shares|1000
		os/linux/oom-score-adj|-5
		os/unix/sysctl|{"net.ipv4.ip_forward":"1"}
	END
}
