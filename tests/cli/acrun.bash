# Images for acrun's tests, put into a store by hand: `image NAME APP-JSON`
# takes the tree in ./root and prints the image's id.

acrun_setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	export ACUTILS_DIR=$BATS_TEST_TMPDIR/store
	mkdir -p "$ACUTILS_DIR"/{blobs/sha256,blobs/sha512,images,layers,ingest}
	echo 1 > "$ACUTILS_DIR/version"
	mkdir -p root/bin root/etc root/tmp
	cp /bin/busybox root/bin/
	for applet in sh ls cat id mount true false sleep echo env stat touch \
		mkdir mknod kill ps hostname head tail grep readlink test pwd \
		ln rm dd nc wc sort tr seq ip chmod umount unshare wget httpd; do
		ln -sf busybox "root/bin/$applet"
	done
	printf 'root:x:0:0::/root:/bin/sh\napp:x:1234:567::/:/bin/sh\n' > root/etc/passwd
	printf 'root:x:0:\nstaff:x:50:\n' > root/etc/group
}

image() {
	local id
	id=sha512-$(echo "$1 $2" | sha512sum | cut -d' ' -f1)
	mkdir -p "$ACUTILS_DIR/layers/$id"
	cp -a root "$ACUTILS_DIR/layers/$id/rootfs"
	: > "$ACUTILS_DIR/layers/$id/files"
	cat > "$ACUTILS_DIR/images/$id.json" <<-JSON
		{"format": 1, "id": "$id", "kind": "${3:-aci}", "names": [],
		 "layers": ["$id"], "blobs": [], "signers": [], "origin": "",
		 "imported": 1, "size": 1, "manifest":
		  {"acKind": "ImageManifest", "acVersion": "0.8.11",
		   "name": "$1", "labels": [], "app": $2}}
	JSON
	echo "$id"
}

# An app that runs its arguments by a shell, as root.
# shellcheck disable=SC2034 # for those who load this
shell_app='{"exec": ["/bin/sh", "-c"], "user": "0", "group": "0"}'
