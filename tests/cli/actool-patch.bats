#!/usr/bin/env bats
# actool patch-manifest and cat-manifest.
# shellcheck disable=SC2154 # bats sets stderr

load helper

oracle=/usr/bin/actool

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p l/rootfs/bin
	printf '#!/bin/sh\necho hello\n' > l/rootfs/bin/hello
	chmod 755 l/rootfs/bin/hello
	head -c 300000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 > l/rootfs/noise 2> /dev/null
	ln -s hello l/rootfs/bin/alias
	cat > l/manifest <<-JSON
	{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a",
	 "labels":[{"name":"os","value":"linux"},{"name":"arch","value":"amd64"}],
	 "app":{"exec":["/bin/hello"],"user":"0","group":"0",
	        "mountPoints":[{"name":"one","path":"/one"},{"name":"two","path":"/two"}]},
	 "x-unknown":{"kept":[1,2]}}
	JSON
	actool build l a.aci
}

get() { actool cat-manifest "$1" | jq -c "$2"; }
sum() { sha256sum < "$1"; }
# Everything of the tar but the manifest's content.
others() { tar -xOf "$1" rootfs | sha256sum; }

@test "every option edits what it says" {
	actool patch-manifest --name example.com/b --label version=2 --label os=linux \
		--annotation authors=me --dependency 'example.com/base:1.0,os=linux,size=12' \
		--path-whitelist /bin/hello --path-whitelist /noise \
		--exec-arg /bin/hello --exec-arg 'two words' --exec-arg --debug \
		--user 1 --group 2 --supplementary-groups 3,4 --working-directory /bin \
		--environment A=b=c --event-handler 'pre-start=/bin/hello x' \
		--event-handler 'post-stop=["/bin/hello","a b"]' \
		--user-annotation k=v --user-label l=w \
		--ports web,protocol=tcp,port=80:dns,protocol=udp,port=53,count=2,socketActivated=true \
		a.aci b.aci
	[ "$(get b.aci .name)" = '"example.com/b"' ]
	[ "$(get b.aci '[.labels[]|.name+"="+.value]')" = '["os=linux","arch=amd64","version=2"]' ]
	[ "$(get b.aci .annotations)" = '[{"name":"authors","value":"me"}]' ]
	[ "$(get b.aci .dependencies)" = '[{"imageName":"example.com/base","labels":[{"name":"version","value":"1.0"},{"name":"os","value":"linux"}],"size":12}]' ]
	[ "$(get b.aci .pathWhitelist)" = '["/bin/hello","/noise"]' ]
	[ "$(get b.aci .app.exec)" = '["/bin/hello","two words","--debug"]' ]
	[ "$(get b.aci '[.app.user,.app.group,.app.supplementaryGIDs,.app.workingDirectory]')" = '["1","2",[3,4],"/bin"]' ]
	[ "$(get b.aci .app.environment)" = '[{"name":"A","value":"b=c"}]' ]
	[ "$(get b.aci '[.app.eventHandlers[].exec]')" = '[["/bin/hello","x"],["/bin/hello","a b"]]' ]
	[ "$(get b.aci '[.app.userAnnotations,.app.userLabels]')" = '[{"k":"v"},{"l":"w"}]' ]
	[ "$(get b.aci '.app.ports[1]')" = '{"name":"dns","protocol":"udp","port":53,"count":2,"socketActivated":true}' ]
	[ "$(get b.aci '.app.ports[0].count')" = 1 ]
	[ "$(get b.aci '."x-unknown"')" = '{"kept":[1,2]}' ]
	actool validate b.aci
	# And back again.
	actool patch-manifest --replace --name example.com/a --remove-label version --remove-annotation authors \
		--remove-dependency example.com/base --remove-path-whitelist /bin/hello --remove-path-whitelist /noise \
		--exec /bin/hello --user 0 --group 0 --working-directory= --remove-environment A \
		--remove-event-handler pre-start --remove-event-handler post-stop --remove-user-annotation k \
		--remove-user-label l --remove-port web --remove-port dns b.aci
	[ "$(get b.aci 'del(.app.supplementaryGIDs)')" = "$(get a.aci .)" ]
}

@test "elements of a name are replaced in their place, others stay" {
	actool patch-manifest --mounts one,path=/1,readOnly=true:three,path=/3 a.aci b.aci
	[ "$(get b.aci '[.app.mountPoints[]|[.name,.path,.readOnly]]')" = '[["one","/1",true],["two","/two",null],["three","/3",null]]' ]
	actool patch-manifest --replace --remove-mount one --mounts one,path=/x b.aci
	[ "$(get b.aci '[.app.mountPoints[]|.name]')" = '["two","three","one"]' ]
}

@test "isolators: in words, as JSON, capabilities and seccomp" {
	actool patch-manifest --replace --isolators resource/cpu,request=50m,limit=100m:resource/memory,limit=1Gi \
		--isolators os/linux/no-new-privileges,true:os/linux/oom-score-adj,5:os/linux/cpu-shares,100 \
		--isolators resource/block-bandwidth,default=true,limit=2M \
		--isolators os/linux/selinux-context,user=u,role=r,type=t,level=s0 \
		--isolators 'example.com/own={"a":"b:c,d"}' --capability CAP_CHOWN,CAP_KILL \
		--seccomp-mode retain,errno=EPERM --seccomp-set read,write a.aci
	[ "$(get a.aci '[.app.isolators[]|.value]')" = '[{"request":"50m","limit":"100m"},{"limit":"1Gi"},true,5,100,{"default":true,"limit":"2M"},{"user":"u","role":"r","type":"t","level":"s0"},{"a":"b:c,d"},{"set":["CAP_CHOWN","CAP_KILL"]},{"set":["read","write"],"errno":"EPERM"}]' ]
	actool patch-manifest --replace --revoke-capability CAP_MKNOD --seccomp-mode remove --seccomp-set @appc.io/empty \
		--isolators resource/cpu,limit=1 --remove-isolator resource/memory a.aci
	[ "$(get a.aci '[.app.isolators[]|.name|split("/")|last]')" = '["cpu","no-new-privileges","oom-score-adj","cpu-shares","block-bandwidth","selinux-context","own","capabilities-remove-set","seccomp-remove-set"]' ]
	[ "$(get a.aci '.app.isolators[0].value')" = '{"limit":"1"}' ]
}

@test "what is wrong is told with its option, and nothing is changed" {
	local before
	before=$(sum a.aci)
	while IFS='~' read -r opts text; do
		# shellcheck disable=SC2086 # options
		run actool patch-manifest --replace $opts a.aci
		[ "$status" -eq 1 ] || { echo "$opts: $status" && false; }
		[[ $output == *"$text"* ]] || { echo "$opts: $output" && false; }
		[ "$(sum a.aci)" = "$before" ]
	done <<-'LIST'
	--mounts foo~--mounts: cannot parse mount point "foo": path must be set
	--mounts foo,path=/x,readOnly=maybe~parsing "maybe": invalid syntax
	--mounts foo,pth=/x~unknown mountpoint parameter "pth"
	--mounts foo,path=/x,path=/y~parameter "path" with multiple values
	--mounts Foo,path=/x~ACName must contain only lower case alphanumeric
	--ports q,protocol=tcp~cannot parse port "q,protocol=tcp": port must be in 1-65535 range
	--ports q,port=x~parsing "x"
	--ports q,port=65535,count=2~end of port range must be in 1-65535 range
	--ports q,port=70000~--ports: cannot parse port
	--isolators foo~isolator foo is not supported for patching
	--isolators resource/cpu,limit=x~cannot unmarshal isolator
	--isolators resource/cpu,limit~cannot unmarshal isolator
	--isolators os/linux/no-new-privileges,maybe~cannot unmarshal isolator
	--isolators os/linux/oom-score-adj,5,6~more than one value
	--isolators resource/cpu={~--isolators
	--capability CAP_X --revoke-capability CAP_Y~conflicting capabilities isolators provided
	--seccomp-set a~--seccomp-set specified without --seccomp-mode
	--seccomp-mode foo --seccomp-set a~unknown seccomp mode foo
	--seccomp-mode retain~set must be non-empty
	--seccomp-mode retain,foo=1 --seccomp-set a~invalid seccomp-mode optional argument: foo=1
	--seccomp-mode retain,errno=xx --seccomp-set a~errno must start with an 'E' character, got xx
	--supplementary-groups 1,x~invalid supplementary group "x"
	--supplementary-groups -1~invalid supplementary group "-1"
	--name Bad~--name: ACIdentifier must
	--label os~--label: no '=' in 'os'
	--label name=x~--label:
	--environment 1=x~--environment:
	--event-handler no=x~--event-handler:
	--working-directory rel~workingDirectory must be an absolute path
	--dependency ./a.aci~ACIdentifier must start and end with only lower case
	--dependency example.com/b,size=x~not a number of bytes
	--dependency example.com/b,imageID=md5-x~--dependency:
	--path-whitelist rel~not an absolute path
	--remove-label nothing~--remove-label: element to be removed does not exist
	--remove-user-label nothing~does not exist
	--exec x --exec-arg y~--exec and --exec-arg exclude each other
	--manifest l/manifest --name x~--manifest is incompatible with other manifest editing options
	--manifest l/manifest --remove-label os~--manifest is incompatible
	--manifest /nonexistent~/nonexistent
	--overwrite~Cannot use both --replace and --overwrite
	LIST
	run -1 actool patch-manifest --replace --label $'a=\xff' a.aci
	[[ $output == *"not valid UTF-8"* ]]
	[ "$(sum a.aci)" = "$before" ]
	# A warning only of what was not there before.
	run -0 actool patch-manifest --replace --label arch=z80 a.aci
	[[ $output == *"warning: "*'"z80"'* ]]
	run -0 actool patch-manifest --replace --label version=1 a.aci
	[ -z "$output" ]
}

@test "operands as the original wants them" {
	run -1 actool patch-manifest --name x a.aci
	[[ $output == *"patch-manifest: Must provide input and output files (or use --replace)"* ]]
	run -1 actool patch-manifest --name x --replace a.aci b.aci
	[[ $output == *"patch-manifest: Must provide one file"* ]]
	run -1 actool patch-manifest --name x a.aci b
	[[ $output == *"Extension must be .aci (given )"* ]]
	touch b.aci
	run -1 actool patch-manifest --name x a.aci b.aci
	[[ $output == *"Output file exists (try --overwrite)"* ]]
	[ ! -s b.aci ]
	actool patch-manifest --name x --overwrite a.aci b.aci
	[ "$(get b.aci .name)" = '"x"' ]
	actool patch-manifest -name=y -overwrite b.aci b.aci
	[ "$(get b.aci .name)" = '"y"' ]
	[ "$(others a.aci)" = "$(others b.aci)" ]
	# An empty value is none, as for the original.
	actool patch-manifest --name= --user '' --exec '' --mounts '' --overwrite a.aci b.aci
	cmp a.aci b.aci
	run -1 actool patch-manifest --replace --name x l
	[[ $output == *"is a directory"* ]]
	run -1 actool patch-manifest --replace --name x none.aci
	run -1 bash -c 'cat a.aci | actool patch-manifest --name x - c.aci'
	[ ! -e c.aci ]
}

@test "an app is made with a command, a user and a group" {
	jq -c 'del(.app)' l/manifest > m && mv m l/manifest
	actool build --overwrite l a.aci
	run -1 actool patch-manifest --replace --user 0 a.aci
	[[ $output == *"no app in the supplied manifest and no exec command provided"* ]]
	run -1 actool patch-manifest --replace --seccomp-mode remove --seccomp-set a a.aci
	run -1 actool patch-manifest --replace --exec /a a.aci
	[[ $output == *"user is required"* ]]
	actool patch-manifest --replace --exec '/a  b' --user 0 --group 0 --mounts m,path=/m a.aci
	[ "$(get a.aci .app.exec)" = '["/a","","b"]' ]
}

@test "a member in another case keeps its spelling" {
	sed -i 's/"exec"/"Exec"/; s/"labels"/"Labels"/' l/manifest
	tar -C l -cf a.aci manifest rootfs
	actool patch-manifest --exec /b --label version=3 a.aci b.aci
	[ "$(get b.aci '[.app.exec,(.labels|length)]')" = '[["/b"],3]' ]
	actool validate b.aci
}

@test "patching nothing changes no byte, whatever the image" {
	local f
	tar -C l --format=ustar -czf last.aci rootfs manifest
	tar -C l -cf plain.aci rootfs manifest
	xz -c plain.aci > xz.aci
	bzip2 -c plain.aci > bz.aci
	for f in a last plain xz bz; do
		actool patch-manifest --overwrite $f.aci out.aci
		cmp $f.aci out.aci
		actool patch-manifest --user 0 --label os=linux --mounts two,path=/two --overwrite $f.aci out.aci
		cmp $f.aci out.aci
		stat -c '%i %y' $f.aci > before
		actool patch-manifest --replace --user 0 $f.aci
		stat -c '%i %y' $f.aci | cmp - before
	done
}

@test "any archive: the manifest keeps its place, all else its bytes" {
	local f id kind
	chmod 600 l/manifest && touch -d @1234567890 l/manifest
	for f in "--format=gnu manifest rootfs rootfs/bin rootfs/bin/hello" "--format=posix rootfs rootfs/noise manifest" \
		"--format=ustar rootfs manifest rootfs/noise" "--format=gnu -b 40 ./rootfs ./rootfs/noise ./manifest ./rootfs/bin"; do
		# shellcheck disable=SC2086 # options
		tar -C l --owner=joe:77 --group=staff:88 --no-recursion -cf t.tar $f
		printf 'behind the end' >> t.tar
		tar --numeric-owner -tvf t.tar > want 2> /dev/null || :
		for kind in cat gzip xz bzip2; do
			$kind < t.tar > t.aci
			actool patch-manifest --overwrite --name example.com/longer-than-it-was t.aci out.aci
			$kind -d < out.aci > out.tar 2> /dev/null || cp out.aci out.tar
			tar --numeric-owner -tvf out.tar 2> /dev/null | awk '{ $3 = $6 ~ /manifest/ ? "" : $3 } 1' > got || :
			awk '{ $3 = $6 ~ /manifest/ ? "" : $3 } 1' want | cmp - got
			[ "$(tail -c 14 out.tar)" = 'behind the end' ]
			actool patch-manifest --replace --name example.com/a out.aci
			actool patch-manifest --replace --name example.com/longer-than-it-was out.aci
			$kind -d < out.aci > again.tar 2> /dev/null || cp out.aci again.tar
			cmp out.tar again.tar
			[ "$(get out.aci .name)" = '"example.com/longer-than-it-was"' ]
		done
	done
	# Back to what it was: the same tar, but for the manifest's spelling.
	actool build --overwrite l a.aci
	id=$(actool id a.aci)
	actool patch-manifest --replace --name example.com/other a.aci
	[ "$(actool id a.aci)" != "$id" ]
	actool patch-manifest --replace --name example.com/a a.aci
	[ "$(actool id a.aci)" = "$id" ]
}

@test "our archives: the rest is copied, not compressed again" {
	local cut
	head -c 3000000 /dev/urandom > l/rootfs/more
	actool build --overwrite l a.aci
	cut=$(($(stat -c %s a.aci) - 2000000))
	actool patch-manifest --exec /bin/alias a.aci b.aci
	cmp <(tail -c 2000000 a.aci) <(tail -c 2000000 b.aci)
	# As if it had been built so.
	actool cat-manifest b.aci | head -c -1 > l/manifest
	actool build l c.aci
	cmp b.aci c.aci
	# Only reading all of it shows that the rest is damaged.
	printf 'x' | dd of=a.aci bs=1 seek=$cut conv=notrunc status=none
	actool patch-manifest --exec /bin/x a.aci d.aci
	run -1 actool patch-manifest --verify --exec /bin/x a.aci e.aci
	[ ! -e e.aci ]
	run -1 actool patch-manifest --verify --exec /bin/x --overwrite a.aci d.aci
	run -1 actool patch-manifest --compression none --exec /bin/x a.aci e.aci
	[ ! -e e.aci ]
}

@test "members that end elsewhere are not cut" {
	actool patch-manifest --no-compression a.aci plain.aci
	# One member; two that end within the manifest; one with an entry more.
	gzip -c plain.aci > 1.aci
	{ head -c 700 plain.aci | gzip; tail -c +701 plain.aci | gzip; } > 2.aci
	{ head -c 3072 plain.aci | gzip; tail -c +3073 plain.aci | gzip; } > 3.aci
	# What follows the manifest is no tar.
	{ head -c 1536 plain.aci | gzip; head -c 4000 /dev/urandom | gzip; } > 4.aci
	for i in 1 2 3; do
		actool patch-manifest --name example.com/b $i.aci out$i.aci
		cmp <(zcat out1.aci) <(zcat out$i.aci)
		actool validate out$i.aci
	done
	run -1 actool patch-manifest --name example.com/b 4.aci out4.aci
	[ ! -e out4.aci ]
}

@test "compression: kept, chosen, and removed" {
	actool patch-manifest --no-compression --name example.com/b a.aci none.aci
	tar -tf none.aci > /dev/null
	actool patch-manifest --compression xz --name example.com/b a.aci xz.aci
	[ "$(xz -dc xz.aci | sha256sum)" = "$(sum none.aci)" ]
	actool patch-manifest --compression gzip xz.aci gz.aci
	[ "$(zcat gz.aci | sha256sum)" = "$(sum none.aci)" ]
	actool patch-manifest --level 9 gz.aci gz9.aci
	[ "$(zcat gz9.aci | sha256sum)" = "$(sum none.aci)" ]
	run -2 actool patch-manifest --compression zstd a.aci no.aci
	run -2 actool patch-manifest --level 13 a.aci no.aci
	zstd -q -o z.aci none.aci
	run -1 actool patch-manifest --name example.com/c z.aci no.aci
	[[ $output == *"writing zstd is not supported"* ]]
	actool patch-manifest --compression gzip z.aci gz2.aci
	cmp gz.aci gz2.aci
	[ ! -e no.aci ]
}

@test "--replace keeps mode, attributes and links, and tells of signatures" {
	chmod 640 a.aci
	ln -s a.aci link.aci
	setfattr -n user.note -v kept a.aci
	touch a.aci.asc a.aci.sigstore.json a.aci.sig
	run -0 actool patch-manifest --replace --name example.com/b a.aci
	[[ $output == *"warning: 'a.aci.asc' is not a signature of this image any more"* ]]
	[[ $output == *"warning: 'a.aci.sig' is not"* ]]
	[[ $output == *"'a.aci.sigstore.json'"* ]]
	[ "$(stat -c %a a.aci)" = 640 ]
	[ "$(getfattr --only-values -n user.note a.aci)" = kept ]
	actool patch-manifest --replace --name example.com/c link.aci
	[ -L link.aci ]
	[ "$(get a.aci .name)" = '"example.com/c"' ]
	run -0 actool patch-manifest --replace --name example.com/c a.aci
	[ -z "$output" ]
	if [ "$(id -u)" = 0 ]; then
		chown 12:34 a.aci
		actool patch-manifest --replace --name example.com/d a.aci
		[ "$(stat -c %u:%g a.aci)" = 12:34 ]
	fi
}

@test "--manifest puts a file in as it is, valid or not at all" {
	printf '{"acKind":"ImageManifest",\n\n"acVersion":"0.8.11", "name":"example.com/m", "z":0}\n' > m
	actool patch-manifest --manifest m a.aci b.aci
	cmp m <(actool cat-manifest b.aci | head -c -1)
	actool patch-manifest --replace --manifest - a.aci < m
	cmp a.aci b.aci
	echo '{"acKind":"ImageManifest"' > bad
	run -1 actool patch-manifest --replace --manifest bad a.aci
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"B"}' > bad
	run -1 actool patch-manifest --replace --manifest bad a.aci
	[[ $output == *"--manifest: 'bad'"*ACIdentifier* ]]
	cmp a.aci b.aci
	# It mends a broken one.
	echo '{' > l/manifest
	tar -C l -cf c.aci manifest rootfs
	run -1 actool patch-manifest --replace --name x c.aci
	actool patch-manifest --replace --manifest m c.aci
	actool validate c.aci
	# As long as it may be, in several members.
	{ printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/m","z":"'
		head -c 3000000 /dev/zero | tr '\0' z; echo '"}'; } > big
	actool patch-manifest --manifest big a.aci big.aci
	cmp big <(actool cat-manifest big.aci | head -c -1)
	actool patch-manifest --replace --name example.com/n big.aci
	actool validate big.aci
}

@test "a bad edit is told as one, not as an image that cannot be read" {
	run -1 actool patch-manifest --annotation=x a.aci b.aci
	[ "$output" = "actool: patch-manifest: a.aci: --annotation: no '=' in 'x'; it is NAME=VALUE" ]
	run -1 actool patch-manifest --manifest=none a.aci b.aci
	[ "$output" = "actool: patch-manifest: a.aci: no file 'none'" ]
	head -c 100 a.aci >short.aci
	run -1 actool patch-manifest --label a=b short.aci b.aci
	[[ $output == "actool: patch-manifest: Unable to read short.aci: "* ]]
	[ ! -e b.aci ]
}

@test "--print-id and --verify" {
	run -0 --separate-stderr actool patch-manifest --print-id --name example.com/b a.aci b.aci
	[ "$output" = "$(actool id b.aci)" ]
	run -0 --separate-stderr actool patch-manifest --print-id --replace b.aci
	[ "$output" = "$(actool id b.aci)" ]
	actool patch-manifest --verify --name example.com/c b.aci c.aci
	# What could be cut out and is no valid image.
	tar -C l -cf no.aci manifest rootfs manifest
	actool patch-manifest --name example.com/c no.aci d.aci
	run -1 actool patch-manifest --verify --name example.com/c no.aci e.aci
	[[ $output == *"duplicate file entry in archive: manifest"* ]]
	[ ! -e e.aci ]
	gzip -c no.aci > no.gz.aci
	run -1 actool patch-manifest --name example.com/c no.gz.aci e.aci
	[[ $output == *"duplicate file entry"* ]]
}

@test "Debian's actool, acbuild and acfetch read what was patched" {
	[ -x $oracle ] || skip "no actool of Debian's"
	$oracle build l theirs.aci
	actool patch-manifest --replace --label version=2 --ports w,protocol=tcp,port=80 theirs.aci
	actool patch-manifest --replace --label version=2 --ports w,protocol=tcp,port=80 a.aci
	for f in a theirs; do
		$oracle validate $f.aci
		[ "$($oracle cat-manifest $f.aci | jq -r '.labels[2].value')" = 2 ]
		$oracle patch-manifest --name example.com/z $f.aci $f.z.aci
		[ "$(get $f.z.aci .name)" = '"example.com/z"' ]
		acbuild --modify $f.aci --no-history annotation add authors me
		[ "$(get $f.aci '.annotations[0].value')" = '"me"' ]
		acfetch --dir store --insecure-options=image pull $f.aci > /dev/null
	done
}

@test "an encrypted image is to be decrypted first" {
	echo secret > passphrase
	actool encrypt --passphrase-fd 3 a.aci enc.aci 3< passphrase
	run -1 actool patch-manifest --replace --name example.com/b enc.aci
	[[ $output == *"'actool decrypt' it first"* ]]
	[ "$(actool cat-manifest --passphrase-fd 3 enc.aci 3< passphrase)" = "$(actool cat-manifest a.aci)" ]
}

@test "what the original did with these options, ours does" {
	[ -x $oracle ] || skip "no actool of Debian's"
	local opts
	jq -c 'del(.app.mountPoints)|del(."x-unknown")' l/manifest > m && mv m l/manifest
	actool build --overwrite l a.aci
	while read -r opts; do
		# shellcheck disable=SC2086 # options
		$oracle patch-manifest --overwrite $opts a.aci theirs.aci
		# shellcheck disable=SC2086
		actool patch-manifest --overwrite $opts a.aci ours.aci
		# The original has the members of isolators in any order.
		[ "$(actool cat-manifest ours.aci | jq -cS .)" = "$(actool cat-manifest theirs.aci | jq -cS .)" ] ||
			{ echo "$opts" && actool cat-manifest ours.aci && actool cat-manifest theirs.aci && false; }
	done <<-'LIST'
	--name example.com/b
	--exec /a
	--user u --group g
	--supplementary-groups 1,2,3
	--mounts work,path=/opt,readOnly=true:work2,path=/tmp
	--ports query,protocol=tcp,port=8080,count=1:q2,protocol=udp,port=1,count=3,socketActivated=true
	--isolators resource/cpu,request=50m,limit=100m:resource/memory,limit=1G
	--isolators os/linux/no-new-privileges,true:os/linux/oom-score-adj,5
	--capability CAP_SYS_ADMIN,CAP_NET_ADMIN
	--revoke-capability CAP_SYS_CHROOT,CAP_MKNOD
	--seccomp-mode remove,errno=EPERM --seccomp-set a,b
	LIST
}

@test "cat-manifest: images, layouts, manifests, pods, standard input" {
	local f
	run -0 actool cat-manifest a.aci
	actool cat-manifest --pretty-print a.aci > pretty
	[ "$(sed -n 2p pretty)" = '    "acKind": "ImageManifest",' ]
	jq -S . pretty | cmp - <(actool cat-manifest a.aci | jq -S .)
	cmp <(actool cat-manifest l/manifest) <(cat l/manifest; echo)
	cmp <(actool cat-manifest l) <(cat l/manifest; echo)
	cmp <(actool cat-manifest - < l/manifest) <(cat l/manifest; echo)
	# shellcheck disable=SC2002 # a pipe is what is tested
	cmp <(cat l/manifest | actool cat-manifest -) <(cat l/manifest; echo)
	# shellcheck disable=SC2002
	cmp <(cat a.aci | actool cat-manifest -) <(actool cat-manifest a.aci)
	# The raw bytes, whatever they are.
	cp l/manifest m
	tar -C l -cf raw.aci rootfs manifest
	cmp <(actool cat-manifest raw.aci) <(cat m; echo)
	cat > pod <<-JSON
	{"acVersion":"0.8.11","acKind":"PodManifest","apps":[{"name":"a","image":{"id":"sha512-$(head -c 64 /dev/zero | xxd -p -c 128)"}}]}
	JSON
	run -0 actool cat-manifest pod
	run -0 actool cat-manifest --pretty-print pod
	[[ $output == *'    "acKind": "PodManifest"'* ]]
	mkdir p && cp pod p/pod
	run -1 actool cat-manifest p
	[[ $output == *"no image manifest found in layout"* ]]
}

@test "cat-manifest: what is not valid is printed all the same" {
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11",\n "name":"Bad Name"}' > l/manifest
	tar -C l -cf bad.aci manifest rootfs
	run -1 --separate-stderr actool cat-manifest bad.aci
	[ "$output" = "$(cat l/manifest)" ]
	[[ $stderr == *"cat-manifest: Unable to read bad.aci: "*ACIdentifier* ]]
	run -1 --separate-stderr actool cat-manifest l/manifest
	[[ $output == *"Bad Name"* ]]
	printf '{x' > l/manifest
	tar -C l -cf bad.aci manifest rootfs
	run -1 --separate-stderr actool cat-manifest --pretty-print bad.aci
	[ "$output" = '{x' ]
	# No manifest at all.
	tar -C l -cf none.aci rootfs
	run -1 actool cat-manifest none.aci
	[[ $output == *"no image manifest found in layout"* ]]
	run -1 actool cat-manifest nothing.aci
	[[ $output == *"nothing.aci"* ]]
	echo text > text
	run -1 actool cat-manifest text
	run -1 actool cat-manifest /dev/null
	# More than a manifest may have.
	{ echo '{"a":"'; head -c 9000000 /dev/zero | tr '\0' a; echo '"}'; } > large
	run -1 --separate-stderr actool cat-manifest large
	[ -z "$output" ]
	run -1 --separate-stderr bash -c 'actool cat-manifest - < large'
	run -1 --separate-stderr bash -c '(printf "{"; yes) | actool cat-manifest -'
}

@test "what an overlay takes for its own is no fault of an archive" {
	needs_root
	mkdir -p w/rootfs
	mknod w/rootfs/gone c 0 0
	echo '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/w"}' > w/manifest
	actool build w w.aci
	run -0 actool patch-manifest --verify --print-id --name example.com/v w.aci v.aci
	id=${lines[-1]}
	run -0 actool id v.aci
	[ "$output" = "$id" ]
	actool extract v.aci out
	[ "$(stat -c %t:%T:%F out/rootfs/gone)" = "0:0:character special file" ]
}
