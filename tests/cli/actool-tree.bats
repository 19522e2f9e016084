#!/usr/bin/env bats
# actool: layouts become images, images layouts, and what is in both.
# shellcheck disable=SC2154 # bats sets output, stderr and status
load helper
load tree
load odd


manifest='{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}'

# A layout in the directory $1.
layout() {
	mkdir -p "$1/rootfs/etc"
	echo "$manifest" >"$1/manifest"
	echo hello >"$1/rootfs/etc/motd"
}

# No unfinished file or directory is here.
tidy() { [ -z "$(find . -name '.tmp*')" ]; }

@test "build: the same bytes whoever does it, when, where and how" {
	odd_layout l
	actool build l a.aci
	# Later, with another mask, locale, zone, name of the directory, place.
	touch -d @86400 l/manifest
	mv l m
	(umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo actool build m b.aci)
	cmp a.aci b.aci
	(cd / && taskset -c 0 actool build --overwrite "$OLDPWD/m/" "$OLDPWD/b.aci")
	cmp a.aci b.aci
	actool build m - >b.aci
	cmp a.aci b.aci
	run -0 actool build --print-id --overwrite m b.aci
	[ "$output" = "$(actool id a.aci)" ]
	run -2 actool build --print-id m -
	# Names that the file system lists in another order, inodes elsewhere.
	mkdir -p n/rootfs
	cp m/manifest n
	(cd m/rootfs && printf '%s\0' * | sort -rz | xargs -0 cp -a -t ../../n/rootfs)
	touch -r m/rootfs n/rootfs
	actool build n c.aci
	cmp a.aci c.aci
}

@test "build: root and others make the same" {
	needs_root
	mkdir -p l/rootfs/bin u
	echo "$manifest" >l/manifest
	echo x >l/rootfs/bin/x
	chmod 4711 l/rootfs/bin/x
	setfattr -n user.x -v y l/rootfs/bin/x
	ln l/rootfs/bin/x l/rootfs/x
	chown -R 1234:77 l u
	chmod 755 . l/rootfs/bin/x
	chmod 6755 l/rootfs/bin/x
	actool build --owner-root l a.aci
	setpriv --reuid 1234 --regid 1 --clear-groups actool build l u/a.aci
	setpriv --reuid 4321 --regid 1 --clear-groups actool build l - >b.aci
	cmp a.aci u/a.aci
	cmp a.aci b.aci
	[ "$(tar --numeric-owner -tvf a.aci | awk '{ print $2 }' | uniq)" = 0/0 ]
}

@test "build --mtime and SOURCE_DATE_EPOCH: no file is later" {
	layout l
	touch -d @100 l/rootfs/etc/motd
	touch -d @3000.5 l/rootfs
	touch -d @5000 l/rootfs/etc
	times() { tar --full-time -tvf "$1" | awk '{ print $4 " " $5 }' | TZ=UTC0 xargs -I{} date -d {} +%s | tr '\n' ' '; }
	export TZ=UTC0
	actool build --mtime 3000 l a.aci
	[ "$(times a.aci)" = "3000 3000 3000 100 " ]
	SOURCE_DATE_EPOCH=3000 actool build l b.aci
	for t in @3000 1970-01-01T00:50:00Z 1970-01-01T01:50:00.7+01:00; do
		SOURCE_DATE_EPOCH=4 actool build --mtime "$t" --overwrite l c.aci
		cmp a.aci b.aci
		cmp a.aci c.aci
	done
	actool build l d.aci
	[ "$(times d.aci)" = "0 3000 5000 100 " ]
	for t in -1 1969-01-01T00:00:00Z tomorrow '' 99999999999999999999; do
		run -2 actool build --mtime "$t" l e.aci
	done
	SOURCE_DATE_EPOCH=x run -2 actool build l e.aci
	[ ! -e e.aci ]
}

@test "build: Debian's actool and tar read all of it" {
	[ -x /usr/bin/actool ] || skip "no package appc-spec"
	odd_layout l
	rm -f l/rootfs/etc/zero # Debian's cannot, nor tar everywhere
	for z in gzip none xz bzip2; do
		actool build --overwrite --compression $z l a.aci
		/usr/bin/actool validate a.aci
		[ "$(/usr/bin/actool cat-manifest a.aci | jq -cS .)" = "$(jq -cS . l/manifest)" ]
		if [ "$(id -u)" -eq 0 ]; then
			rm -rf t && mkdir t
			tar -C t --xattrs --xattrs-include='*' --acls -xpf a.aci
			# GNU tar has its own way with ACLs.
			same_trees l/rootfs t/rootfs '/^system.posix_acl/d;/^# file/d;/^$/d'
		fi
	done
}

@test "build: a file that changes meanwhile is refused, and what was there stays" {
	needs strace
	layout l
	echo old >a.aci
	head -c 4000000 /dev/urandom >l/rootfs/f
	# Between two of its reads somebody has half a second.
	(while [ -e l ]; do sleep 0.1; echo x >>l/rootfs/f; done) 3>&- &
	pid=$!
	run -1 strace -f -qq -o /dev/null -P "$PWD/l/rootfs/f" -e trace=pread64 -e inject=pread64:delay_exit=500000 \
		actool build --overwrite l a.aci
	kill $pid
	[[ $output == *"'rootfs/f' changed while it was read"* || $output == *"'f' changed while it was read"* ]]
	[ "$(cat a.aci)" = old ]
	tidy
}

@test "build: no room, no right, no socket: said, and what was there stays" {
	needs_root
	layout l
	head -c 3000000 /dev/urandom >l/rootfs/f
	mkdir small
	mount -t tmpfs -o size=1M none small
	echo old >small/a.aci
	run -1 actool build --overwrite l small/a.aci
	[[ $output == *"No space left on device"* ]]
	[ "$(ls -A small)" = a.aci ]
	[ "$(cat small/a.aci)" = old ]
	umount small
	chmod 755 .
	chmod 0 l/rootfs/f
	mkdir -m 777 u
	run -1 setpriv --reuid 1234 --clear-groups actool build l u/a.aci
	[[ $output == *"build: open 'f': Permission denied" ]]
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Type=>SOCK_STREAM,Local=>"l/rootfs/etc/sock",Listen=>1)'
	run -1 actool build l u/a.aci
	[[ $output == *"'etc/sock' is a socket, which no image can hold; remove it first" ]]
	[ -z "$(ls -A u)" ]
	run -1 sh -c 'actool build l - >/dev/full'
}

@test "what belongs to a machine is not in an image" {
	needs_root
	layout l
	actool build l a.aci
	setfattr -n trusted.overlay.opaque -v y l/rootfs/etc
	setfattr -n user.overlay.x -v y l/rootfs/etc/motd
	actool build l b.aci
	cmp a.aci b.aci
	setfattr -n trusted.mine -v y l/rootfs/etc
	actool build --overwrite l b.aci
	run ! cmp -s a.aci b.aci
}

@test "build: whether a file is sparse, and where, is a matter of its content" {
	layout l
	cd l/rootfs
	truncate -s 3M a
	printf x | dd of=a bs=1 seek=70000 conv=notrunc status=none
	dd if=/dev/zero of=a bs=4096 seek=40 count=9 conv=notrunc status=none
	truncate -s 5G b
	printf y | dd of=b bs=1 seek=4G conv=notrunc status=none
	# Attributes that need a block of their own do not fill a hole.
	truncate -s 2M c
	printf z | dd of=c bs=1 seek=5000 conv=notrunc status=none
	setfattr -n user.big -v "$(printf 'x%.0s' {1..3000})" c
	# Too little to be sparse in an image, whatever it is on disk.
	truncate -s 1040000 d
	head -c 100000 /dev/urandom >e
	cd ../..
	actool build l a.aci
	run -0 actool inspect l
	[[ $output == *", 3 sparse files, "* ]]
	cp -a --sparse=always l m
	actool build m b.aci
	cmp a.aci b.aci
	# Written in full, as by a file system that has no holes.
	mkdir n
	cp -a l/manifest n
	cp -a l/rootfs n
	rm n/rootfs/[acd]
	cp -a --sparse=never l/rootfs/[acd] n/rootfs
	touch -r l/rootfs n/rootfs
	actool build n b.aci --overwrite
	cmp a.aci b.aci
	actool extract a.aci d
	[ "$(du -s --block-size=1M d | cut -f1)" -le 3 ]
	actool build d c.aci
	cmp a.aci c.aci
}

@test "extract, then build: the same tree, the same bytes" {
	odd_layout l
	actool build l a.aci
	run -0 --separate-stderr actool extract a.aci d
	[ -z "$output" ]
	if [ "$(id -u)" -eq 0 ]; then
		[ -z "$stderr" ]
		same_trees l/rootfs d/rootfs
	fi
	[ "$(jq -cS . d/manifest)" = "$(jq -cS . l/manifest)" ]
	actool build d b.aci
	cmp a.aci b.aci
	# Into directories that are there and empty, one of them ours.
	mkdir e f
	actool extract a.aci e
	(cd f && actool extract ../a.aci .)
	for d in e f; do
		actool build --overwrite "$d" b.aci
		cmp a.aci b.aci
	done
	tidy
}

@test "extract --rootfs-only, also into a directory that is there" {
	odd_layout l
	chmod 0550 l/rootfs
	touch -d @77 l/rootfs
	actool build l a.aci
	mkdir -m 700 there
	for d in new there; do
		actool extract --rootfs-only a.aci "$d"
		if [ "$(id -u)" -eq 0 ]; then same_trees l/rootfs "$d"; fi
		[ "$(stat -c '%a %Y' "$d")" = '550 77' ]
		[ ! -e "$d/manifest" ]
	done
	chmod -R u+w l new there
	tidy
}

@test "extract --manifest-only; the manifest's bytes are kept, valid or not" {
	layout l
	printf '{ "acVersion":"0.8.11",\n"acKind":"ImageManifest", "name":"example.com/a","x":1 }' >l/manifest
	tar -C l -cf a.aci rootfs manifest
	actool extract --manifest-only a.aci m
	[ "$(ls m)" = manifest ]
	cmp l/manifest m/manifest
	run -2 actool extract --manifest-only --rootfs-only a.aci n
	run -2 actool extract --manifest-only a.aci n etc
	echo '{"acKind":"ImageManifest"}' >l/manifest
	tar -C l -cf a.aci rootfs manifest
	run -0 --separate-stderr actool extract a.aci n
	[[ $stderr == *"warning: the manifest is not valid: "* ]]
	cmp l/manifest n/manifest
}

@test "extract PATH: those, what is below, and the directories on the way" {
	odd_layout l
	actool build l a.aci
	actool extract a.aci d /etc/rel etc/a-link ./tmp/
	[ "$(cd d && find . | sort | tr '\n' ' ')" = \
		'. ./manifest ./rootfs ./rootfs/etc ./rootfs/etc/a-link ./rootfs/etc/rel ./rootfs/tmp ' ]
	[ "$(stat -c '%a %Y' d/rootfs/tmp)" = '1777 1000' ]
	actool extract a.aci e usr etc/a-link
	[ "$(cat e/rootfs/usr/bin/b)" = b ]
	run -1 actool extract a.aci f etc/nosuch
	[[ $output == *"a.aci: 'etc/nosuch' is not in the image" ]]
	run -1 actool extract a.aci f usr/bin/a
	[[ $output == *"'usr/bin/a' is a hard link to 'etc/a-link', which was not asked for; name that too" ]]
	run -2 actool extract a.aci f ../x
	[ ! -e f ]
	tidy
}

@test "extract: what is there already" {
	layout l
	actool build l a.aci
	mkdir d
	echo old >d/old
	ln -s d link
	run -1 actool extract a.aci d
	[[ $output == *"extract: output directory 'd' exists (try --overwrite)" ]]
	[ "$(cat d/old)" = old ]
	actool extract --overwrite a.aci link
	[ -L link ]
	[ "$(ls d)" = $'manifest\nrootfs' ]
	echo x >f
	run -1 actool extract --overwrite a.aci f
	[[ $output == *"'f' is no directory" ]]
	run -1 actool extract a.aci none/d
	run -1 actool extract none.aci e
	run -2 actool extract a.aci
	(umask 027 && actool extract a.aci masked)
	[ "$(stat -c %a masked masked/manifest masked/rootfs | tr '\n' ' ')" = "750 640 $(stat -c %a l/rootfs) " ]
	actool extract - s <a.aci
	# shellcheck disable=SC2002 # a pipe, not a file
	cat a.aci | actool extract - p
	diff -r s p
	tidy
}

@test "extract: hostile archives write nothing, and nothing outside" {
	mkdir -p d/rootfs/real
	echo "$manifest" >d/manifest
	echo x >d/rootfs/real/file
	ln -s "$PWD/victim" d/rootfs/link
	mkdir victim
	tar -C d --no-recursion -cf through.aci --transform=s,real,link, manifest rootfs rootfs/link rootfs/real/file
	tar -C d --no-recursion -cf after.aci --transform=s,real,link, manifest rootfs rootfs/real/file rootfs/link
	tar -C d --no-recursion -Pcf climb.aci --transform='s,real/file,../../victim/x,' manifest rootfs rootfs/real/file
	tar -C d --no-recursion -Pcf abs.aci --transform="s,rootfs/real/file,$PWD/victim/x," manifest rootfs rootfs/real/file
	tar -C d --no-recursion -cf twice.aci manifest rootfs rootfs/real rootfs/real/file
	tar -C d --no-recursion -rf twice.aci rootfs/real/file
	ln d/manifest d/rootfs/hard
	tar -C d --no-recursion -cf hard.aci manifest rootfs rootfs/hard
	ln -s / d/root
	tar -C d --no-recursion -cf root.aci --transform='s,root$,rootfs,' manifest root
	head -c 3000 through.aci >short.aci
	echo text >text.aci
	echo x >d/rootfs/real/second
	ln d/rootfs/real/second d/rootfs/real/third
	tar -C d --no-recursion -cf dangling.aci manifest rootfs rootfs/real rootfs/real/second rootfs/real/third
	tar --delete -f dangling.aci rootfs/real/second
	rm d/rootfs/real/second d/rootfs/real/third
	for f in through after climb abs twice hard root short text dangling; do
		run -1 actool extract "$f.aci" out
		[ ! -e out ]
		[ -z "$(ls victim)" ]
	done
	# An absolute link is text.
	tar -C d -cf bare.aci manifest rootfs/link
	run -1 actool extract bare.aci out
	[[ $output == *"no rootfs found in layout" ]]
	rm d/rootfs/hard
	tar -C d -cf fine.aci manifest rootfs
	actool extract fine.aci out
	[ "$(readlink out/rootfs/link)" = "$PWD/victim" ]
	tidy
}

@test "extract: Ctrl-C and TERM leave nothing" {
	layout l
	seq -f l/rootfs/file%g 20000 | xargs touch
	actool build --no-compression l a.aci
	mkdir there out
	for sig in TERM INT; do
		for d in there out/new; do
			# The end of the archive never comes.
			mkfifo pipe
			{ head -c 8000000 a.aci; exec sleep 60; } >pipe 3>&- &
			feeder=$!
			env --default-signal=INT actool extract - "$d" <pipe 2>err 3>&- &
			pid=$!
			for _ in {1..200}; do
				[ -z "$(find there out -name motd)" ] || break
				sleep 0.05
			done
			[ -n "$(find there out -name motd)" ]
			kill "-$sig" "$pid"
			kill "$feeder"
			code=0
			wait "$pid" || code=$?
			[ "$code" = "$((128 + $(kill -l "$sig")))" ]
			[ -z "$(find there out -mindepth 1)" ]
			rm pipe
		done
	done
	tidy
}

@test "extract as a user, and --no-same-owner: what is left out is said" {
	needs_root
	odd_layout l
	echo c >l/rootfs/setuid-of-other
	chown 1000:1000 l/rootfs/setuid-of-other
	chmod 4755 l/rootfs/setuid-of-other
	actool build l a.aci
	chmod 755 .
	mkdir -m 777 u
	run -0 --separate-stderr setpriv --reuid 1234 --regid 1234 --clear-groups actool extract a.aci u/d
	[[ $stderr == *"warning: 3 devices left out: only root makes them"* ]]
	[[ $stderr == *"warning: 4 files of other owners than 0:0 in the image, and yours here"* ]]
	[[ $stderr == *"warning: 2 files without capabilities or other attributes that only root sets"* ]]
	[ "$(stat -c '%u %a' u/d/rootfs/zz)" = '1234 4755' ]
	run -0 --separate-stderr actool extract --no-same-owner a.aci r
	[[ $stderr == *"warning: 1 file without setuid and setgid"* ]]
	[ "$(stat -c '%u %a' r/rootfs/setuid-of-other)" = '0 755' ]
	[ ! -e r/rootfs/etc/null ]
	# What is all root's and without devices is the same to everybody.
	actool build --owner-root u/d b.aci
	run -0 --separate-stderr setpriv --reuid 1234 --regid 1234 --clear-groups actool build u/d u/b.aci
	cmp b.aci u/b.aci
	run -0 --separate-stderr setpriv --reuid 1234 --regid 1234 --clear-groups actool extract b.aci u/e
	run -0 --separate-stderr setpriv --reuid 1234 --regid 1234 --clear-groups actool build u/e u/c.aci
	cmp b.aci u/c.aci
}

@test "inspect: what is in an image, for people" {
	needs_root
	odd_layout l
	jq -c '. + {labels:[{name:"version",value:"1.0"}],
		app:{exec:["/bin/a","b c"],user:"0",group:"5",supplementaryGIDs:[7],
		workingDirectory:"/tmp",environment:[{name:"A",value:"b"}],
		mountPoints:[{name:"data",path:"/data",readOnly:true}],
		ports:[{name:"web",protocol:"tcp",port:80,count:2,socketActivated:true}],
		eventHandlers:[{name:"pre-start",exec:["/pre"]}],
		isolators:[{name:"resource/memory",value:{limit:"1G"}}]},
		dependencies:[{imageName:"example.com/base",labels:[{name:"version",value:"2"}],size:17}],
		pathWhitelist:["/etc","/usr"],annotations:[{name:"homepage",value:"https://example.com"}]}' l/manifest >m
	mv m l/manifest
	actool build l a.aci
	run -0 --separate-stderr actool inspect a.aci
	[ -z "$stderr" ]
	while read -r line; do
		grep -qxF -e "$line" <<<"$(sed 's/  */ /g; s/^ //' <<<"$output")" || { echo "no: $line" && false; }
	done <<-EOF
		file: a.aci
		id: $(actool id a.aci)
		name: example.com/odd
		labels: version=1.0
		exec: ["/bin/a","b c"]
		runs as: user 0, group 5, supplementary 7
		directory: /tmp
		environment: A=b
		mount: data at /data, read-only
		port: web tcp 80 (2 of them), socket-activated
		pre-start: ["/pre"]
		isolator: resource/memory {"limit":"1G"}
		depends on: example.com/base (version=2), 17 bytes
		whitelist: /etc, /usr
		annotation: homepage: https://example.com
		entries: 10 files, 10 directories, 3 symbolic links, 4 hard links, 2 character devices, 1 block device, 1 fifo
		content: 1.0 GiB, 2 sparse files, 4 files with attributes
		users: 0 (24), 7 (1), 1000 (1), 4294967294 (1)
		setuid (3):
		-rwsr-xr-x 0:0 hard link /zz
		-rwxr-sr-x 0:0 2 B /usr/bin/b cap_net_raw=ep
		crw-r--r-- 0:0 1:3 /etc/null
		writable by all (2):
		drwxrwxrwx 0:0 0 B /open
		drwxrwxrwt 0:0 0 B /tmp
		-rw-r--r-- 0:0 1 B /not-utf8-\\xff\\xfe
	EOF
	run -0 actool inspect --limit 1 a.aci l
	[[ $output == *"and 9 more"*"layout: "*"and 9 more"* ]]
	run -2 actool inspect --limit 10001 a.aci
	run -1 actool inspect nosuch a.aci
	[[ $output == *"nosuch: open 'nosuch': No such file"*"file:"* ]]
}

@test "inspect --json; archives from a pipe; layouts" {
	layout l
	chmod 4755 l/rootfs/etc/motd
	for z in gzip none xz bzip2; do
		actool build --overwrite --compression $z l a.aci
		run -0 actool inspect --json a.aci
		jq -e --arg z $z --arg id "$(actool id a.aci)" --arg size "$(stat -c %s a.aci)" '.[0] |
			.compression == $z and .id == $id and .size == ($size | tonumber) and (.encrypted | not) and
			.tar_size % 512 == 0 and .type == "appimage" and .name == "example.com/a" and
			.manifest.acKind == "ImageManifest" and .entries.total == 3 and .content_size == 6 and
			.setuid.total == 1 and .setuid.files[0].path == "etc/motd" and
			.setuid.files[0].mode == "4755" and .biggest.files[0].size == 6' <<<"$output"
	done
	# shellcheck disable=SC2002 # a pipe, not a file
	cat a.aci | actool inspect --json - | jq -e '.[0] | has("size") | not'
	actool inspect --json - <a.aci | jq -e '.[0].size != 0'
	actool inspect --json l | jq -e '.[0] | .type == "layout" and .entries.files == 1 and (has("id") | not)'
	run -1 --separate-stderr actool inspect --json nosuch l
	jq -e '.[0].error and .[1].name' <<<"$output"
}

@test "inspect: signatures beside, by their own word" {
	layout l
	actool build l a.aci
	mkdir -m 700 gnupg
	export GNUPGHOME=$PWD/gnupg
	gpg --batch --quiet --passphrase '' --quick-gen-key 'Me <me@example.com>' ed25519 sign never
	actool sign a.aci
	key=$(gpg --with-colons --list-keys | awk -F: '/^pub/ { print tolower($5) }')
	echo junk >a.aci.sigstore.json
	run -0 actool inspect a.aci
	[[ $output == *"signature:     a.aci.asc (openpgp), not verified, by key $key"* ]]
	[[ $output == *"signature:     a.aci.sigstore.json (sigstore): "* ]]
	actool inspect --json a.aci | jq -e --arg k "$key" '.[0].signatures[0] |
		.file == "a.aci.asc" and .kind == "openpgp" and .keys == [$k]'
	gpgconf --kill all
}

@test "inspect and extract: what is encrypted" {
	layout l
	actool build l a.aci
	gpg --batch --quiet --homedir "$PWD" --passphrase secret --pinentry-mode loopback -o e.aci \
		--cipher-algo AES256 --compress-algo none -c a.aci
	run -0 actool inspect --passphrase-fd 3 e.aci 3<<<secret
	[[ $output == *"encrypted"* && $output == *"name:          example.com/a"* ]]
	run -1 actool inspect --passphrase-fd 3 e.aci 3<<<wrong
	[[ $output != *example.com/a* ]]
	actool extract --passphrase-fd 3 e.aci d 3<<<secret
	cmp l/rootfs/etc/motd d/rootfs/etc/motd
	run -1 actool extract --passphrase-fd 3 e.aci x 3<<<wrong
	[ ! -e x ]
	GNUPGHOME=$PWD gpgconf --kill all
}

@test "diff: the same, however it is packed" {
	odd_layout l
	actool build l a.aci
	actool build --compression none l b.aci
	cp -a --sparse=never l m
	for pair in 'a.aci b.aci' 'a.aci l' 'l m' 'm a.aci' 'a.aci a.aci'; do
		# shellcheck disable=SC2086 # two words
		run -0 actool diff $pair
		[ -z "$output" ]
	done
	run -0 actool diff a.aci - <b.aci
	actool diff --json a.aci l | jq -e '.same and .files == [] and .manifest == [] and .a.id and (.b | has("id") | not)'
	# Another order of entries, or spelling of the manifest.
	layout n
	tar -C n --owner=0 --group=0 -cf x.aci rootfs manifest
	tar -C n --owner=0 --group=0 -cf y.aci manifest rootfs
	run -0 --separate-stderr actool diff x.aci y.aci
	[ -z "$output" ]
	[[ $stderr == *"the ids are not, because they are packed in another way"* ]]
}

@test "diff: files, each kind of change" {
	needs_root
	odd_layout l
	cp -a l m
	cd m/rootfs
	rm zz
	echo new >new
	mkdir newdir
	chmod 600 usr/bin/b
	setfattr -x security.capability usr/bin/b
	echo e2 >'é'
	ln -sfn x etc/abs
	setfattr -n user.note -v other etc/empty
	rm etc/loop etc/fifo
	mknod etc/loop b 7 1
	mkdir etc/fifo
	chown 5:6 tmp
	rm etc/a-link
	cp -a usr/bin/a etc/a-link
	printf x | dd of=etc/allhole bs=1 seek=1073741823 conv=notrunc status=none
	touch -d @1 $'new\nline'
	cd ../..
	actool build l a.aci
	run -1 --separate-stderr actool diff --ignore-mtime a.aci m
	[ -z "$stderr" ]
	[ "$output" = 'changed rootfs/etc/a-link: linked to etc/a-link -> nothing
changed rootfs/etc/abs: target /etc/passwd -> x
changed rootfs/etc/allhole: content
changed rootfs/etc/empty: attribute user.note changed
changed rootfs/etc/fifo: fifo -> directory
changed rootfs/etc/loop: device 7:0 -> 7:1
added rootfs/new: file
added rootfs/newdir: directory
changed rootfs/tmp: owner 0:0 -> 5:6
changed rootfs/usr/bin/a: linked to etc/a-link -> nothing
changed rootfs/usr/bin/b: mode 2755 -> 0600, attribute security.capability removed
removed rootfs/zz: file
changed rootfs/é: content' ]
	run -1 actool diff --ignore-mtime --ignore-owner a.aci m
	[[ $output != *"rootfs/tmp"* ]]
	run -1 actool diff a.aci m
	[[ $output == *'changed rootfs/new\x0aline: mtime '*' -> 1970-01-01T00:00:01Z'* ]]
	run -1 --separate-stderr actool diff --json --ignore-mtime a.aci m
	jq -e '(.same | not) and (.files | length) == 13 and
		(.files[] | select(.path == "usr/bin/b") | .what == ["mode", "xattrs"] and .a.mode == "2755" and .b.mode == "0600") and
		(.files[] | select(.path == "zz") | .change == "removed" and has("a") and (has("b") | not))' <<<"$output"
	run -1 --separate-stderr actool diff --quiet a.aci m
	[ -z "$output$stderr" ]
}

@test "diff: manifests, by path" {
	layout l
	layout m
	touch -r l/rootfs m/rootfs
	touch -r l/rootfs/etc m/rootfs/etc l/rootfs/etc/motd m/rootfs/etc/motd
	jq -c '. + {labels:[{name:"version",value:"1"},{name:"os",value:"linux"},{name:"arch",value:"amd64"}],
		app:{exec:["/a","b"],user:"0",group:"0"},annotations:[{name:"x",value:"y"}]}' l/manifest >t && mv t l/manifest
	jq -c '. + {labels:[{name:"arch",value:"amd64"},{name:"version",value:"2"},{name:"os",value:"linux"}],
		app:{exec:["/a","c","d"],user:"0",group:"1"}}' m/manifest >t && mv t m/manifest
	run -1 --separate-stderr actool diff --ignore-mtime l m
	[ "$(sort <<<"$output")" = 'added manifest app.exec[2]: "d"
changed manifest app.exec[1]: "b" -> "c"
changed manifest app.group: "0" -> "1"
changed manifest labels[version].value: "1" -> "2"
removed manifest annotations: [{"name":"x","value":"y"}]' ]
	run -1 --separate-stderr actool diff --ignore-mtime --json l m
	jq -e '.manifest | length == 5 and any(.path == "app.group" and .change == "changed" and .a == "0" and .b == "1")' <<<"$output"
}

@test "diff: trouble is 2, and said" {
	layout l
	actool build l a.aci
	head -c 300 a.aci >short.aci
	for bad in nosuch short.aci l/manifest; do
		run -2 --separate-stderr actool diff --json a.aci $bad
		[ -z "$output" ]
		[[ $stderr == "actool: diff: "*"$bad"* ]]
	done
	run -2 actool diff a.aci
	for bad in a.aci l; do
		run -2 bash -c 'exec actool diff --json a.aci "$1" >/dev/full' - $bad
		[ "$output" = "actool: write to standard output failed" ]
	done
	run -2 actool diff - - <a.aci
	# Hard links in a circle, and many of them.
	tar -C l -cf circle.aci manifest rootfs
	perl -e 'my $n = 3000; for my $i (0..$n-1) {
		my $h = pack("a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12",
			"rootfs/h$i", "0000644", "0000000", "0000000", "00000000000", "00000000000", " " x 8,
			"1", "rootfs/h" . (($i + 1) % $n), "ustar", "00", "", "", "0000000", "0000000", "");
		substr($h, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $h)); print $h }' >links
	head -c "$(($(tar -tRf circle.aci | sed -n 's/^block \([0-9]*\): \*\*.*/\1/p' | head -1) * 512))" circle.aci >c.aci
	cat links >>c.aci
	run -0 timeout 20 actool diff c.aci c.aci
}
