# A layout with everything odd that a tree can have.

# odd_layout DIR: as root, also devices, owners, capabilities.
odd_layout() (
	mkdir -p "$1/rootfs"
	cd "$1" || exit
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/odd"}' >manifest
	cd rootfs || exit
	mkdir -p usr/bin etc tmp 'with space' open
	long=$(printf 'n%.0s' {1..250})
	mkdir -p "$long/$long/$long"
	echo deep >"$long/$long/$long/$long"
	printf x >$'not-utf8-\xff\xfe'
	printf y >$'new\nline'
	echo 'é' >'é'
	echo a >usr/bin/a
	echo b >usr/bin/b
	chmod 4755 usr/bin/a
	chmod 2755 usr/bin/b
	chmod 1777 tmp
	chmod 0777 open
	ln usr/bin/a etc/a-link
	ln usr/bin/a zz
	ln -s ../usr/bin/a etc/rel
	ln -s /etc/passwd etc/abs
	ln -s "/nowhere/$long" etc/dangling
	ln etc/rel etc/rel2
	mkfifo etc/fifo
	truncate -s 10M etc/sparse
	echo middle | dd of=etc/sparse bs=1 seek=5000000 conv=notrunc status=none
	truncate -s 3000 etc/smallhole
	truncate -s 1G etc/allhole
	: >etc/empty
	setfattr -n user.note -v $'bin\x01' etc/empty
	setfacl -m u:1234:rw etc/empty
	setfacl -d -m g:5:rx 'with space'
	if [ "$(id -u)" -eq 0 ]; then
		mknod etc/null c 1 3
		mknod etc/loop b 7 0
		mknod etc/zero c 0 0
		ln etc/null etc/null2
		setfattr -n trusted.t -v x etc
		chown 1000:1000 usr
		chown -h 7:8 etc/rel
		chown 4294967294:3000000 etc/empty
		setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= usr/bin/b
	fi
	touch -d @-5 etc/empty
	touch -d '2021-01-01 00:00:00.123456789' usr/bin/b
	touch -d @9000000000 etc/fifo
	touch -d @1000 etc usr . tmp
)
