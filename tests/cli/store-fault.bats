#!/usr/bin/env bats
# Each system call that can meet a bad or full disk, too many open files or a
# lack of memory meets one: tests/fault/faulty.c fails the Nth, for each N.
# AC_TEST_EVERY=1 tries all (make faults); otherwise every so manieth, from
# one that AC_TEST_SEED gives.
# shellcheck disable=SC2154 # bats sets it

load helper
load pull
load layout
load layout1

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	mkdir etc
	make_images
	export SERVER URL
	acfetch serve --listen 127.0.0.1:0 --oci one=one --oci two=two >serve.out 2>serve.log 3>&- &
	SERVER=$!
	wait_for 20 grep -q '^listening on ' serve.out
	URL=$(sed -n 's|^listening on http://||p' serve.out)
}

teardown_file() {
	stop "$SERVER"
}

setup() {
	store_setup
	I=$BATS_FILE_TMPDIR
	# Nothing here should wait for a disk that others use.
	mkdir t
	if [ "$(id -u)" = 0 ] && mount -t tmpfs -o mode=700 tmpfs t; then
		mounted=1
	fi
	cd t || return
	export ACUTILS_DIR=$PWD/store
	runs=0 hits=0
}

teardown() {
	cd / && { [ -z "${mounted-}" ] || umount "$BATS_TEST_TMPDIR/t"; }
}

ac() { acfetch --local-config="$I/etc" --system-config=/nonexistent --insecure-options=image,http "$@"; }

tree() {
	mkdir -p "$1/etc" "$1/bin" "$1/empty"
	for i in 1 2; do echo "$2 $i" >"$1/etc/$i"; done
	head -c 300000 /dev/urandom >"$1/bin/x"
	chmod 4755 "$1/bin/x"
	ln "$1/bin/x" "$1/bin/y"
	ln -s x "$1/bin/z"
	setfattr -n user.a -v b "$1/etc/1"
}

# image NAME [MORE-JSON]: NAME.aci, its id in NAME.id.
image() {
	tree d/rootfs "$1"
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/%s"%s}' "$1" "${2-}" >d/manifest
	tar -C d --owner=0 --group=0 --xattrs -cf d.tar manifest rootfs
	echo "sha512-$(sha512sum <d.tar | cut -d' ' -f1)" >"$1.id"
	gzip -n <d.tar >"$1.aci"
	mv d.tar "$1.tar"
	rm -r d
}

make_images() {
	local name
	image plain
	image white ',"pathWhitelist":["/etc/1","/bin/x"]'
	for name in base top other; do
		tree "$name.d" "$name"
	done
	# A removal, an opaque directory, a link to a file below.
	: >top.d/etc/.wh.2
	mkdir top.d/empty/.wh..wh..opq 2>/dev/null && rmdir top.d/empty/.wh..wh..opq
	: >top.d/empty/.wh..wh..opq
	for name in base top other; do
		tar -C "$name.d" --owner=0 --group=0 --xattrs -czf "$name.tar.gz" .
	done
	layout one base.tar.gz top.tar.gz
	layout two base.tar.gz other.tar.gz
	for name in one two; do
		local digest
		digest=$(jq -r '.manifests[0].digest' "$name/index.json")
		echo "sha512-$(sha512sum <"$name/blobs/sha256/${digest#*:}" | cut -d' ' -f1)" >"$name.id"
	done
}

id_of() { cat "$I/$1.id"; }
fail() { echo "$*"; return 1; }

# The text of an error.
words_of() {
	case $1 in
	ENOSPC) echo 'No space left on device' ;;
	EIO) echo 'Input/output error' ;;
	EMFILE) echo 'Too many open files' ;;
	ENOMEM) echo 'Cannot allocate memory\|Resource temporarily unavailable' ;; # a thread's
	EDQUOT) echo 'Disk quota exceeded' ;;
	EINTR) echo 'Interrupted system call' ;;
	esac
}

# whole STORE-OPTION ID...: the store and these images are.
whole() {
	"$TOOLDIR/checkstore" "$@" || fail "after $now: $(cat err)"
}

# one_fault FAULTY-OPTIONS -- COMMAND...: from the state in `before`, with the
# error $error; $keep are images that stay, right_NAME of $what says whether the
# result is right.
one_fault() {
	local opts=()
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	shift
	rm -rf store out out.aci
	cp -a before store
	status=0
	"$TOOLDIR/faulty" -o count "${opts[@]}" acfetch --local-config="$I/etc" --system-config=/nonexistent \
		--insecure-options=image,http "$@" >said 2>err || status=$?
	read -r _ hit <count
	now="${opts[*]} ($hit): acfetch $*: exit $status"
	[ "$hit" != - ] || return 0
	runs=$((runs + 1))
	# shellcheck disable=SC2086 # words
	[ "$what" = repair ] || whole store $keep
	if [ "$status" -eq 0 ]; then
		"right_$what" || fail "wrong after $now: $(cat err)"
	else
		[ "$status" -eq 1 ] || fail "$now: $(cat err)"
		grep -q "^acfetch: .*\($(words_of "$error")\)" err || fail "$now does not say why: $(cat err)"
		"none_$what" || fail "left after $now: $(cat err)"
		hits=$((hits + 1))
	fi
	# Again, and now it works.
	"again_$what" "$@" || fail "again after $now: $(cat err)"
	"right_$what" || fail "wrong again after $now: $(cat err)"
	ac image gc 2>err >/dev/null || fail "no collection after $now: $(cat err)"
	# shellcheck disable=SC2086 # words
	whole -s store $keep
	ac store check >said 2>&1 || fail "store check after $now: $(cat said)"
}

# faults COMMAND...: every kind of fault in every place.
faults() {
	local n every=${AC_TEST_EVERY:-15} classes how
	local seed=${AC_TEST_SEED:-$RANDOM}
	echo "seed $seed"
	while read -r error classes how; do
		n=$((1 + seed % every))
		while :; do
			# shellcheck disable=SC2086 # words
			one_fault -e "$error" -c "$classes" -n "$n" $how -- "$@"
			[ "$hit" != - ] || break
			n=$((n + every))
		done
		seed=$((seed + 7))
	done <<-'END'
	EIO write,read,sync,create,open,name,attr,unlink
	EIO write,sync,create,name,attr,unlink -a
	ENOSPC write,sync,create,name,attr
	ENOSPC write,sync,create,name,attr -a
	EIO close
	EDQUOT close -a
	EMFILE create,open
	ENOMEM read,open,name,clone
	EINTR write,read,lock
	END
	echo "$runs faults, $hits told"
	[ "$hits" -ge $((30 / every)) ]
}

# What each command is to do: right_X says whether it did, none_X what is left when
# it failed, again_X does it once more.
right_pull() { grep -q "$(id_of "$image")" said && whole store "$(id_of "$image")"; }
none_pull() { :; }
again_pull() { ac "$@" >said 2>err; }

right_rm() { [ ! -e "store/images/$(id_of "$image").json" ]; }
none_rm() { :; }
again_rm() { right_rm || ac "$@" >said 2>err; }

right_gc() { whole -s store "$(id_of plain)"; }
none_gc() { :; }
again_gc() { ac "$@" >said 2>err; }

right_export() { cmp out.aci "$I/$image.tar"; }
none_export() { [ ! -e out.aci ] && [ -z "$(find . -maxdepth 1 -name '.tmp-*')" ]; }
again_export() { ac "$@" --overwrite >said 2>err; }

right_render() { diff -r --no-dereference out "$I/$image.tree"; }
none_render() { :; }
again_render() { rm -rf out && ac "$@" >said 2>err; }

right_verify() { grep -q 'successfully verified' said; }
none_verify() { :; }
again_verify() { ac "$@" >said 2>err; }

right_repair() { whole store "$(id_of plain)" "$(id_of one)"; }
none_repair() { :; }
again_repair() { ac "$@" >said 2>err; }

# begin IMAGE...: a store that has these.
begin() {
	ac pull "$I/plain.aci"
	ac image rm "$(id_of plain)"
	[ $# -eq 0 ] || ac pull "$@"
	mv store before
}

@test "pull of an image archive" {
	begin
	what=pull image=plain keep=
	faults pull --full "$I/plain.aci"
}

@test "pull of an image that is made flat, beside another" {
	begin "$I/plain.aci"
	what=pull image=white keep=$(id_of plain)
	faults pull --full "$I/white.aci"
}

@test "pull of an image that is there already" {
	begin "$I/plain.aci"
	what=pull image=plain keep=$(id_of plain)
	faults pull --full "$I/plain.aci"
}

@test "pull from a registry, on layers that are there" {
	begin "docker://$URL/two:x"
	what=pull image=one keep=$(id_of two)
	faults pull --full "docker://$URL/one:x"
}

@test "rm of an image that shares layers" {
	begin "docker://$URL/two:x" "docker://$URL/one:x"
	what=rm image=one keep=$(id_of two)
	faults image rm "$(id_of one)"
}

@test "gc of what a killed pull, a removal and an old version left" {
	begin "$I/plain.aci"
	mkdir -p before/ingest/0123456789abcdef/layer/rootfs/a before/layers/sha512-"$(printf %0128d 0)"/rootfs
	echo '= 0 0' >before/layers/sha512-"$(printf %0128d 0)"/files
	: >before/blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	what=gc image=plain keep=$(id_of plain)
	faults image gc
}

@test "export and render" {
	begin "$I/plain.aci" "docker://$URL/one:x"
	cp -a before store
	what=export image=plain keep="$(id_of plain) $(id_of one)"
	faults image export "$(id_of plain)" out.aci
	ac image export "$(id_of one)" "$I/one.tar"
	image=one
	faults image export "$(id_of one)" out.aci
	ac image render "$(id_of one)" "$I/one.tree"
	what=render
	faults image render "$(id_of one)" out
}

@test "verify" {
	begin "$I/plain.aci" "docker://$URL/one:x"
	what=verify image=one keep="$(id_of plain) $(id_of one)"
	faults image verify "$(id_of plain)" "$(id_of one)"
}

@test "verify of a store of layout 1" {
	begin "$I/plain.aci" "$I/white.aci" "docker://$URL/one:x"
	layout_1 before
	what=verify image=one keep="$(id_of plain) $(id_of white) $(id_of one)"
	faults image verify "$(id_of plain)" "$(id_of white)" "$(id_of one)"
	[ -z "$(layers_of_1 store)" ]
}

@test "repair: of an image, of the store" {
	begin "$I/plain.aci" "docker://$URL/one:x"
	local top
	top=$(jq -r '.layers[1]' before/images/"$(id_of one)".json)
	echo more >>before/layers/"$(id_of plain)"/rootfs/etc/1
	rm before/layers/"$top"/rootfs/bin/z
	what=repair image=one keep="$(id_of plain) $(id_of one)"
	faults image verify "$(id_of plain)" "$(id_of one)"
	mkdir before/layers/sha512-"$(printf %0128d 0)"
	: >before/blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	faults store check --repair
}
