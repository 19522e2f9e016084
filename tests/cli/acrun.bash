# Images for acrun's tests, put into a store by hand: `image NAME APP-JSON`
# takes the tree in ./root and prints the image's id.

acrun_setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	export ACUTILS_DIR=$BATS_TEST_TMPDIR/store
	mkdir -p "$ACUTILS_DIR"/{blobs/sha256,blobs/sha512,images,layers,ingest}
	echo 1 > "$ACUTILS_DIR/version"
	mkdir -p root/bin root/etc root/tmp
	groups_before
	cp /bin/busybox "$TOOLDIR/probe" root/bin/
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
export SHELL_APP='{"exec": ["/bin/sh", "-c"], "user": "0", "group": "0"}'
export PROBE_APP='{"exec": ["/bin/probe"], "user": "0", "group": "0"}'

# The uuid of the only pod there is.
only_pod() { acrun list --json | jq -r '.[0].name'; }

# The process id of a pod's init.
pod_init() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$ACUTILS_DIR/pods/run/$1/log" 2> /dev/null; }

# Run a pod in the background; sets UUID and runner when it is up.
start_pod() {
	rm -f u
	acrun run --uuid-file-save=u "$@" > pod.out 2>&1 3>&- &
	runner=$!
	until [ -s u ] && [ -n "$(pod_init "$(cat u)")" ]; do
		kill -0 "$runner" || return
		sleep 0.02
	done
	export UUID; UUID=$(cat u)
}

# The same, and its app has said so.
start_ready() {
	start_pod "$@"
	wait_for 20 grep -q ready pod.out
}

# It ends, with this code.
end_pod() {
	local code=0
	wait "$runner" || code=$?
	[ "$code" = "$1" ] || { echo "ended with $code, not $1" >&2; return 1; }
}

# No pod, mount or control group of this store's pods.
nothing_left() {
	local left
	left=$(find "$ACUTILS_DIR/pods" -mindepth 2 -maxdepth 2 -not -path '*/skel-*'
		grep "$ACUTILS_DIR" /proc/mounts) || :
	left=$left$(new_groups)
	[ -z "$left" ] || { echo "left: $left" >&2; return 1; }
}

acrun_teardown() {
	local u
	[ -d "$ACUTILS_DIR/pods/run" ] || return 0
	for u in "$ACUTILS_DIR"/pods/run/*/; do
		acrun stop --force "$(basename "$u")" > /dev/null 2>&1 || :
	done
	acrun gc --grace-period=0s > /dev/null 2>&1
}
