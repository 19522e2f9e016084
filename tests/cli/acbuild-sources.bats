#!/usr/bin/env bats
# acbuild: where images come from (begin, dependencies) and where they go
# (squash, write --sign and --depfile, push).
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull

setup() { store_setup; }
teardown() {
	local pid
	for pid in ${REGISTRY_PID-} ${SITE_PID-} ${BAD_PID-}; do
		stop "$pid"
	done
	if [ -n "${NOBODY-}" ]; then
		rm -rf "$NOBODY"
	fi
	if [ -n "${GNUPGHOME-}" ]; then
		gpgconf --kill all
	fi
}

rootfs=.acbuild/currentaci/rootfs
manifest() { acbuild cat-manifest | jq -c "$1"; }
quiet() { acbuild --no-history "$@" 2>>quiet.log; }

# image NAME DIR [DEPENDENCY.aci...]: NAME.aci, of the files in DIR.
image() {
	local name=$1 dir=$2 d
	shift 2
	quiet begin "./$dir"
	quiet set-name "example.com/$name"
	quiet label add version 1
	for d; do
		quiet dependency add --file "$d"
	done
	quiet write --overwrite "$name.aci" >"$name.id"
	quiet end
}

# tree DIR FILE...: each file says where it is from.
tree() {
	local dir=$1 f
	shift
	for f; do
		mkdir -p "$dir/$(dirname "$f")"
		echo "$dir" >"$dir/$f"
	done
}

# An image with an environment, labels and two layers, as layout:app.
make_layout() {
	umoci init --layout layout
	umoci new --image layout:app
	mkdir -p one/etc two/etc
	echo one >one/etc/file
	echo gone >one/etc/gone
	echo two >two/etc/file
	umoci insert --image layout:app one /
	umoci insert --image layout:app two /
	umoci insert --image layout:app --whiteout /etc/gone
	umoci config --image layout:app --architecture "$(go_arch)" --os linux \
		--config.cmd /bin/true --config.env A=b --config.label com.example.l=v
}

# What a build that begins with layout:app is like.
is_app() {
	[ "$(cat "$rootfs/etc/file")" = two ]
	[ ! -e "$rootfs/etc/gone" ]
	[ "$(manifest .app.exec)" = '["/bin/true"]' ]
	[ "$(manifest '.app.environment[]|select(.name=="A").value')" = '"b"' ]
	acbuild cat-manifest | grep -q com.example.l
}

no_build() { [ ! -e .acbuild ]; }

@test "begin: OCI layouts and archives, one image of several" {
	local start
	make_layout
	tar -C layout -cf layout.tar .
	gzip -k layout.tar
	skopeo --insecure-policy copy -q oci:layout:app docker-archive:docker.tar:lib/app:1.0
	mkdir unpacked
	tar -C unpacked -xf docker.tar
	for start in ./layout ./layout:app ./layout.tar "$PWD/layout.tar.gz" ./layout.tar:app ./docker.tar ./docker.tar:lib/app:1.0 ./unpacked; do
		acbuild begin "$start"
		is_app
		acbuild write --overwrite a.aci >>ids
		acbuild end
	done
	actool validate a.aci
	# The layout's are one image, whatever it is packed in.
	[ "$(head -5 ids | sort -u | wc -l)" -le 2 ]
	umoci tag --image layout:app other
	umoci config --image layout:other --config.cmd /other
	run -1 acbuild begin ./layout
	[[ $output == *"several images"* ]]
	no_build
	acbuild begin ./layout:other
	[ "$(manifest .app.exec)" = '["/other"]' ]
	acbuild end
	run -1 acbuild begin ./layout:none
	no_build
	run -1 acbuild begin ./docker.tar:lib/app:2
	no_build
}

@test "begin: a root that only looks like a layout" {
	mkdir -p root/blobs
	echo '[{"name": "x"}]' >root/manifest.json
	echo '{}' >root/index.json
	tar -C root -cf root.tar .
	acbuild begin ./root.tar
	[ -e "$rootfs/manifest.json" ]
	acbuild end
	acbuild begin ./root
	[ -e "$rootfs/index.json" ]
}

@test "begin: docker://, and from the store when the registry is gone" {
	make_layout
	start_registry
	skopeo --insecure-policy copy -q --dest-tls-verify=false oci:layout:app "docker://$REGISTRY/lib/app:1.0"
	acbuild begin --insecure-options=image "docker://$REGISTRY/lib/app:1.0"
	is_app
	[ "$(manifest .name)" = "\"${REGISTRY/:/_}/lib/app\"" ]
	[ "$(manifest '.labels[]|select(.name=="version").value')" = '"1.0"' ]
	acbuild write one.aci >id
	acbuild end
	actool validate one.aci
	digest=$(skopeo inspect --tls-verify=false "docker://$REGISTRY/lib/app:1.0" | jq -r .Digest)
	acbuild begin "docker://$REGISTRY/lib/app@$digest"
	is_app
	acbuild end
	run -1 --separate-stderr acbuild begin --insecure "docker://$REGISTRY/lib/none"
	# The error is told once, with the registry's reason.
	[[ $stderr == *"acbuild: begin: image 'docker://$REGISTRY/lib/none': "* ]] || { echo "said: $stderr"; false; }
	[ "$(grep -c "lib/none" <<<"$stderr")" = 1 ]
	no_build
	stop "$REGISTRY_PID"
	acbuild begin "docker://$REGISTRY/lib/app:1.0"
	[ "$(acbuild write two.aci)" = "$(cat id)" ]
}

@test "begin: an image of the store, by name and id; its dependencies stay" {
	tree base a/base
	tree mid a/mid
	image base base
	image mid mid base.aci
	pull --insecure-options=image ./mid.aci
	for start in example.com/mid example.com/mid:1 "$(cat mid.id)" "$(cut -c1-30 mid.id)"; do
		acbuild begin "$start"
		[ "$(cat "$rootfs/a/mid")" = mid ]
		[ ! -e "$rootfs/a/base" ]
		[ "$(manifest '.dependencies[0].imageName')" = '"example.com/base"' ]
		[ "$(acbuild write --overwrite again.aci)" = "$(cat mid.id)" ]
		acbuild end
	done
	acbuild --dir "$PWD/store" begin example.com/mid
	acbuild end
	ACUTILS_DIR=$PWD/other run -1 acbuild begin "$(cat mid.id)"
	[[ $output == *"no image"*"in the store"* ]]
	no_build
}

@test "begin: docker:// by the rules of acfetch pull: keys, policies, digests" {
	load cosign
	export KEYS=$PWD REPO=lib/app
	make_plain one
	make_plain two
	start_registry
	make_oci 1000
	put_blob layer.tar.gz
	put_blob config.json
	put_manifest manifest.json 1.0
	local name image=docker://$REGISTRY/lib/app:1.0
	name=$(tr : _ <<<"$REGISTRY")/lib/app
	ab() { acbuild --local-config="$PWD/etc" --system-config="$PWD/sys" "$@"; }
	af() { acfetch --local-config="$PWD/etc" --system-config="$PWD/sys" "$@"; }
	refused() {
		run -1 --separate-stderr ab begin "$@"
		[[ $stderr == "acbuild: begin: image '"*"$said"* ]] || { echo "said: $stderr"; return 1; }
		no_build
		store_empty
	}
	accepted() {
		ab begin "$@"
		[ "$(cat "$rootfs/etc/motd")" = "a file" ]
		ab end
		rm -r store
	}
	said="signature verification for docker images is not supported (try --insecure-options=image, or give a @digest" refused "$image"
	accepted "${image%:1.0}@$MANIFEST"
	accepted --insecure-options=image "$image"
	accepted --insecure "$image"
	run -3 ab begin --insecure-options=images "$image"
	af trust --skip-fingerprint-review --prefix "$name" one.pub >/dev/null 2>&1
	said="no signature for '$image' in the registry, where keys are trusted for '$name'" refused "$image"
	simple "$MANIFEST"
	sig_layer two
	put_sigs "$MANIFEST"
	said="not by any of the keys given" refused "$image"
	sig_layer one
	put_sigs "$MANIFEST"
	accepted "$image"
	af trust --require 2 --prefix "$name" 2>/dev/null
	said="1 of 2" refused "$image"
	said="1 of 2" refused "${image%:1.0}@$MANIFEST"
	accepted --insecure-options=image "$image"
	# In a script, and for what a build depends on.
	af trust --require 1 --prefix "$name" 2>/dev/null
	echo "begin $image" >s
	ab script s
	printf 'begin\ndependency add %s:1.0\ndependency fetch\n' "$name" >s
	ACUTILS_DIR=$PWD/other run -1 --separate-stderr ab script s
	[[ $stderr == *"s:3: dependency fetch: dependency \"$name:1.0\" doesn't appear to exist: ACI not in registry: image "* ]]
}

@test "--store-read: bases and dependencies of stores that are only read" {
	tree base a/base
	tree low a/low
	image base base
	image low low
	for i in base low; do
		pull --dir "$PWD/shared-$i" --insecure-options=image "./$i.aci"
		find "shared-$i" -type f ! -name lock -exec sha256sum {} + | sort >"$i.before"
	done
	ab() { acbuild --store-read shared-base --store-read "$PWD/shared-low" "$@"; }
	ab begin example.com/base
	[ "$(cat "$rootfs/a/base")" = base ]
	acbuild dependency add example.com/low:1
	run -1 acbuild squash
	ab squash
	[ "$(cat "$rootfs/a/low")" = low ]
	acbuild end
	# By the environment too, and all lines of a script.
	cat >s <<-END
	begin $(cat base.id)
	dependency add --image-id=$(cat low.id) example.com/low
	dependency fetch
	--no-history squash
	write --overwrite $PWD/out.aci
	END
	ab script s
	cp out.aci first.aci
	ACUTILS_STORE_READ=shared-low acbuild --store-read shared-base script s
	cmp out.aci first.aci
	# An option on a line is for that line.
	printf '%s\n' '--store-read=shared-base begin example.com/base' 'dependency add example.com/low:1' \
		'--store-read=shared-low dependency fetch' 'dependency fetch' >s
	run -1 --separate-stderr acbuild script s
	[[ $stderr == *"s:4: dependency fetch: "* ]]
	# In OCI mode.
	ab begin --build-mode=oci example.com/base
	acbuild end
	run -1 --separate-stderr acbuild --store-read nowhere begin example.com/base
	[[ $stderr == *"--store-read: "*"nowhere"* ]]
	# What is only read, was.
	for i in base low; do
		find "shared-$i" -type f ! -name lock -exec sha256sum {} + | sort | diff - "$i.before"
	done
	[ -z "$(find store/images -name '*.json' 2>/dev/null)" ]
}

@test "begin: a name, by discovery" {
	needs bwrap
	[ "$(id -u)" -eq 0 ] || skip "not root: port 80"
	make_aci app.aci localhost/app 1.0
	acfetch publish --url http://localhost --allow-unsigned site app.aci
	cat >inside <<-'END'
	acfetch serve --listen 127.0.0.1:80 site >serve.log 2>&1 &
	pid=$!
	for i in $(seq 200); do
		grep -q listening serve.log && break
		sleep 0.05
	done
	rc=0
	acbuild begin localhost/app:1.0 >plain 2>&1 && rc=1
	acbuild begin --insecure localhost/app:1.0 || rc=2
	kill $pid
	exit $rc
	END
	run -0 bwrap --dev-bind / / --unshare-net --die-with-parent bash inside
	grep -q 'acbuild: begin:' plain
	[ "$(cat "$rootfs/bin/hello")" = "hello from localhost/app 1.0" ]
	[ "$(manifest .name)" = '"localhost/app"' ]
}

@test "begin: what it says of what is not there, and that nothing is left" {
	run -1 acbuild begin ./x
	[[ $output == *"begin: no such file or directory: ./x"* ]]
	no_build
	run -1 --separate-stderr acbuild begin nosuch.invalid/image:1
	[[ $stderr == *"begin: unknown host when fetching image, check your connection and local file paths must start with '/' or '.': image 'nosuch.invalid/image:1': "*"no such host 'nosuch.invalid'"* ]]
	no_build
	# A host that is there and has none: where was asked, and what it said.
	run -1 --separate-stderr acbuild begin localhost/nosuch:1
	[[ $stderr == *"acbuild: begin: image 'localhost/nosuch:1': "*"https://localhost/nosuch"*"; local file paths must start with '/' or '.'" ]]
	no_build
	echo x >x.aci
	run -1 acbuild begin x.aci
	[[ $output == *"local file paths must start with '/' or '.', such as './x.aci'"* ]]
	no_build
	run -1 acbuild begin ./x.aci:tag
	[[ $output == *"begin: "* ]]
	no_build
	run -1 acbuild begin "sha512-0123456789"
	no_build
}

@test "begin: told to end while an image is fetched" {
	printf 'HEAD /v2/*\nhang\nGET /v2/*\nhang\n' >script
	bad script
	acbuild begin --insecure-options=image,http "docker://$A/x" 2>log.begin 3>&- &
	local pid=$! rc=0
	wait_for 10 grep -q /v2/x log
	kill -TERM "$pid"
	wait "$pid" || rc=$?
	[ "$rc" -eq 143 ]
	no_build
	[ -z "$(find store/ingest -mindepth 1)" ]
}

@test "begin: not root, owners are lost, and it is said" {
	needs_root
	needs setpriv
	NOBODY=$(mktemp -d /tmp/acbuild-sources.XXXXXX)
	chmod 777 "$NOBODY"
	cd "$NOBODY"
	tree root f
	user() { setpriv --reuid=65534 --regid=65534 --clear-groups env PATH="$PATH" HOME="$PWD" "$@"; }
	run -0 --separate-stderr user acbuild begin ./root
	[[ $stderr == *"not root"*"user and group 0"* ]]
	user acbuild set-name example.com/a
	user acbuild write a.aci
	[ "$(tar tvf a.aci --numeric-owner | grep -vc ' 0/0 ')" -eq 0 ]
	user acbuild end
	run -0 --separate-stderr user acbuild begin
	[ -z "$stderr" ]
}

@test "dependency add --file: its name, labels, id and size; the store has it" {
	tree base f
	image base base
	acbuild begin
	acbuild set-name example.com/top
	acbuild dependency add --file base.aci
	[ "$(manifest '.dependencies[0].imageID')" = "\"$(cat base.id)\"" ]
	[ "$(manifest '.dependencies[0].size')" = "$(stat -c %s base.aci)" ]
	[ "$(manifest '[.dependencies[0].labels[]|select(.name=="version").value]')" = '["1"]' ]
	acbuild dependency add example.com/base:1 --file ./base.aci
	[ "$(manifest '.dependencies|length')" = 1 ]
	acfetch image list | grep -q example.com/base
	run -0 acbuild dependency list
	[[ $output == "example.com/base:1,"*"	$(cat base.id)	$(stat -c %s base.aci)" ]]
	before=$(manifest .)
	run -1 acbuild dependency add example.com/other --file base.aci
	[[ $output == *"is image 'example.com/base'"* ]]
	run -1 acbuild dependency add example.com/base:2 --file base.aci
	run -1 acbuild dependency add --file none.aci
	run -1 acbuild dependency add --file /etc/passwd
	run -1 acbuild dependency add
	[[ $output == *"incorrect number of arguments"* ]]
	run -3 acbuild dependency add --file base.aci --image-id "$(cat base.id)"
	[ "$(manifest .)" = "$before" ]
	# A file of the name does not change what a name is.
	mkdir -p example.com
	touch example.com/x
	acbuild dependency add example.com/x
	acbuild dependency remove example.com/x
	acbuild write top.aci
	acbuild end
	acbuild --modify top.aci dependency list | grep -q "$(cat base.id)"
}

@test "dependency fetch: once; what the store has by id is not asked for again" {
	tree base f
	image base base
	acbuild begin
	acbuild dependency add example.com/none:3
	run -1 --separate-stderr acbuild dependency fetch
	[[ $stderr == *"dependency \"example.com/none:3\" doesn't appear to exist: ACI not in registry"* ]]
	acbuild dependency rm example.com/none
	acbuild dependency add --file base.aci
	run -0 --separate-stderr acbuild dependency fetch
	[ -z "$stderr" ]
	# The id decides, not the name.
	acbuild dependency add example.com/base --image-id "sha512-$(head -c 64 /dev/zero | sha512sum | cut -d' ' -f1)"
	run -1 --separate-stderr acbuild dependency fetch
	[[ $stderr == *"doesn't appear to exist"* ]]
}

# The root of the image $1 with its dependencies, by acfetch.
render() {
	acfetch --local-config "$PWD/etc" --insecure-options=image pull --full "./$1" >id
	acfetch image render "$(cat id)" "$2"
}
same() { diff <(cd "$1" && find . -printf '%p %y %m %l\n' | sort) <(cd "$2" && find . -printf '%p %y %m %l\n' | sort) && diff -r "$1" "$2"; }

@test "squash: the order of the specification, whitelists, a diamond" {
	tree d a/who d/own only/d
	tree b a/who b/own
	tree c a/who c/own
	tree top a/top dir/in
	mkdir -p d/real
	echo d >d/real/f
	ln -s real d/link
	mkdir c/link
	echo c >c/link/g
	image d d
	image b b d.aci
	image c c d.aci
	acbuild begin ./top
	acbuild set-name example.com/top
	acbuild dependency add --file b.aci
	acbuild dependency add --file c.aci
	acbuild write flat.aci
	acbuild squash
	[ "$(cat $rootfs/a/who)" = c ]
	[ -e $rootfs/b/own ] && [ -e $rootfs/d/own ] && [ -e $rootfs/a/top ]
	[ ! -L $rootfs/link ] && [ -e $rootfs/link/g ] && [ ! -e $rootfs/link/f ]
	[ "$(manifest '[.dependencies, .pathWhitelist]')" = '[null,null]' ]
	[ "$(manifest '[.annotations[].value]|last')" = '"acbuild squash"' ]
	render flat.aci want
	same want/rootfs $rootfs
	run -1 acbuild squash
	[[ $output == *"nothing to squash"* ]]
	acbuild write squashed.aci
	acbuild end
	actool validate squashed.aci
	acbuild --modify flat.aci --no-history squash
	[ "$(tar xOf flat.aci rootfs/a/who)" = c ]
	# With a whitelist; twice the same.
	acbuild begin ./top
	acbuild set-name example.com/white
	acbuild dependency add --file b.aci
	acbuild path-whitelist add /a/who b/own dir
	acbuild write white.aci
	acbuild squash
	[ "$(cd $rootfs && find . | sort | tr '\n' ' ')" = ". ./a ./a/who ./b ./b/own ./dir " ]
	render white.aci want2
	same want2/rootfs $rootfs
}

@test "path-whitelist: absolute, plain, none twice" {
	acbuild begin
	acbuild path-whitelist add /a b ./c/../d //a
	run -0 acbuild path-whitelist list
	[ "$output" = $'/a\n/b\n/d' ]
	[ "$(manifest .pathWhitelist)" = '["/a","/b","/d"]' ]
	run -1 acbuild path-whitelist add ../x
	run -1 acbuild path-whitelist add ""
	run -2 acbuild path-whitelist remove /a /none
	[ "$(manifest .pathWhitelist)" = '["/a","/b","/d"]' ]
	acbuild path-whitelist rm a/ /b
	[ "$(manifest .pathWhitelist)" = '["/d"]' ]
	acbuild path-whitelist remove d
	[ "$(manifest .pathWhitelist)" = null ]
	acbuild path-whitelist add x
	acbuild path-whitelist clear
	acbuild path-whitelist clear
	[ "$(manifest .pathWhitelist)" = null ]
	acbuild set-name example.com/a
	acbuild write a.aci
	acbuild end
	acbuild --modify a.aci path-whitelist add /etc
	[ "$(acbuild --modify a.aci path-whitelist list)" = /etc ]
}

keys() {
	export GNUPGHOME=$PWD/gnupg
	mkdir -m 700 gnupg
	gpg --batch --quiet --passphrase '' --quick-gen-key 'T <t@x.test>' ed25519 sign never
	gpg --armor --export t@x.test >key.asc
}

@test "write --sign: both files or neither" {
	keys
	acbuild begin
	acbuild set-name example.com/a
	acbuild write --sign a.aci
	actool verify --key key.asc a.aci
	run -1 acbuild write --sign --overwrite --local-user nobody a.aci
	actool verify --key key.asc a.aci
	acbuild set-exec /x
	acbuild write --sign --overwrite --local-user t@x.test a.aci
	actool verify --key key.asc a.aci
	run -1 acbuild write --sign --local-user nobody b.aci
	[ ! -e b.aci ] && [ ! -e b.aci.asc ]
	touch c.aci.asc
	run -1 acbuild write --sign c.aci
	[ ! -e c.aci ] && [ ! -s c.aci.asc ]
	run -1 acbuild write --sign x
	run -3 acbuild write --local-user t@x.test x.aci
	[ -z "$(find . -maxdepth 1 -name '.*' -type f)" ]
	openssl genpkey -algorithm ed25519 -out k.pem
	openssl pkey -in k.pem -pubout -out k.pub
	acbuild write --sign --key k.pem k.aci
	actool verify --key k.pub k.aci
	[ ! -e k.aci.asc ]
}

@test "write --depfile: make builds again when, and only when, a source changed" {
	needs make
	tree 'a dir' 'x #1$y' sub/z '%p' 'a=b' 'c:d' '[e]*'
	ln -s nowhere 'a dir/dangling'
	echo '{"limit":"1G"}' >iso.json
	tree base f
	image base base
	cat >Makefile <<-'END'
	.RECIPEPREFIX = >
	a.aci:
	> rm -rf .acbuild
	> acbuild begin ./base
	> acbuild set-name example.com/a
	> acbuild copy 'a dir' /a
	> acbuild isolator add resource/memory iso.json
	> acbuild dependency add --file base.aci
	> acbuild write --overwrite --depfile a.d a.aci
	> acbuild end
	-include a.d
	END
	old() { find . -path ./store -prune -o ! -name a.aci ! -name a.d ! -type l -exec touch -d '2020-01-01' {} +; }
	fresh() { run -0 make; [[ $output == *"up to date"* ]]; }
	make
	old
	fresh
	local f
	for f in 'a dir/x #1$y' 'a dir/sub/z' 'a dir/%p' 'a dir/a=b' 'a dir/c:d' 'a dir/[e]*' iso.json base.aci base/f 'a dir'; do
		touch -d '2020-01-01' a.aci
		touch -d '2021-01-01' "$f"
		run -0 make
		[[ $output != *"up to date"* ]] || { echo "not built for $f"; return 1; }
		old
		fresh
	done
	# What is gone is no error.
	rm 'a dir/x #1$y' 'a dir/%p'
	run -0 make
	old
	fresh
	run -3 acbuild write --depfile
}

@test "write --depfile: paths as given, from elsewhere absolute; the script too" {
	tree src f
	mkdir there
	acbuild begin
	acbuild set-name example.com/a
	acbuild copy src /src
	acbuild copy-to-dir "$PWD/src/f" /
	acbuild isolator add resource/memory - <<<'{"limit":"1G"}'
	acbuild write --depfile a.d a.aci
	grep -q '^  src/f ' a.d
	grep -qx "  $PWD/src/f" a.d
	run ! grep -- '-' <(grep -v "$PWD" a.d)
	(cd there && acbuild --work-path .. write --depfile a.d a.aci)
	grep -q "^  $PWD/src/f" there/a.d
	acbuild end
	printf 'begin ./src\nset-name example.com/b\nwrite --depfile b.d b.aci\n' >b.acb
	acbuild script b.acb
	[ "$(grep -c '^  ' b.d)" -eq 3 ]
	grep -q '^  b.acb ' b.d
	# A directory that holds the image changes with each build.
	printf 'begin\nset-name example.com/c\ncopy ./src /s\nwrite --depfile c.d src/c.aci\n' >c.acb
	acbuild script c.acb
	run ! grep '^  ./src ' c.d
	grep -q '^  ./src/f$' c.d
}

@test "push: to a registry, of the build and of a file" {
	tree root f
	start_registry
	acbuild begin ./root
	run -1 acbuild push "docker://$REGISTRY/a/b:1"
	[[ $output == *"name was never set"* ]]
	acbuild set-name example.com/a
	acbuild set-exec /x
	run -0 --separate-stderr acbuild push "docker://$REGISTRY/a/b:1"
	[ "$output" = "$(skopeo inspect --tls-verify=false "docker://$REGISTRY/a/b:1" | jq -r .Digest)" ]
	digest=$output
	[ ! -e .acbuild/staging ]
	acbuild write a.aci
	[ "$(acbuild --modify a.aci push "docker://$REGISTRY/a/b:2")" = "$digest" ]
	acbuild dependency add example.com/base
	run -1 acbuild push "docker://$REGISTRY/a/b:3"
	[[ $output == *"acbuild"* ]]
	run -3 acbuild push
	run -3 acbuild push example.com/a
	run -3 acbuild push --site site "docker://$REGISTRY/a/b"
	run -3 acbuild push --sign "docker://$REGISTRY/a/b"
	acbuild end
	acbuild begin --build-mode oci ./root
	acbuild set-exec /x
	run -0 --separate-stderr acbuild push "docker://$REGISTRY/oci/b"
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/oci/b" oci:back:x
	umoci unpack --rootless --image back:x unpacked
	[ "$(cat unpacked/rootfs/f)" = root ]
}

@test "push: into a site, signed, which pull trusts" {
	keys
	tree root f
	acbuild begin ./root
	acbuild set-name localhost/a
	acbuild set-tag 1
	run -1 acbuild push --site site --url http://localhost:1
	acbuild push --site site --url "http://localhost:$((port = $(free_port)))" --key key.asc --sign --local-user t@x.test
	[ "$(find site -name '*.aci.asc' | wc -l)" -ge 1 ]
	[ ! -e .acbuild/staging ]
	acfetch --dir "$PWD/store" serve --listen "127.0.0.1:$port" site >serve.log 2>&1 3>&- &
	SITE_PID=$!
	wait_for 10 listening "$port"
	acfetch --local-config="$PWD/etc" trust --prefix localhost/a --skip-fingerprint-review key.asc
	pull --insecure-options=http --port "$port" localhost/a:1
}
