#!/usr/bin/env bats
# Configuration: which files count, how credentials are sent, acfetch config.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull

setup() {
	store_setup
	mkdir -p etc/auth.d etc/paths.d etc/stage1.d etc/net.d user/auth.d
}

teardown() {
	local pid
	for pid in ${SERVER_PID-} ${BAD_PID-}; do
		stop "$pid"
	done
}

af() { acfetch --system-config=/nonexistent --local-config="$PWD/etc" "$@"; }

# auth FILE DOMAIN CREDENTIALS [TYPE]
auth() { echo "{\"rktKind\":\"auth\",\"rktVersion\":\"v1\",\"domains\":[\"$2\"],\"type\":\"${4-basic}\",\"credentials\":$3}" >"$1"; }
registry_auth() { echo "{\"rktKind\":\"dockerAuth\",\"rktVersion\":\"v1\",\"registries\":[\"$2\"],\"credentials\":$3}" >"$1"; }

# The server that computes signatures, at https://localhost:$PORT; requests are
# in the file log.
sign_server() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out ca.pem 2>/dev/null
	mkdir -p www
	python3 "$BATS_TEST_DIRNAME/signserver.py" ca.pem key.pem www log port 3>&- &
	SERVER_PID=$!
	wait_for 20 test -s port
	PORT=$(cat port)
}

aws_auth() {
	auth etc/auth.d/s3.json "localhost:$PORT" \
		'{"accessKeyID":"AKIDEXAMPLE","secretAccessKey":"s3cret/KEY+","awsRegion":"eu-test-1"}' aws
}

# get URL: the image, whatever its signature.
get() { af --ca-file=ca.pem --insecure-options=image pull --full --no-store "$@"; }

@test "nothing: empty paths and stage1, as the original" {
	run -0 --separate-stderr af config
	[ -z "$stderr" ]
	[ "$(jq -c '[.stage0[] | .rktKind]' <<<"$output")" = '["paths","stage1","limits"]' ]
	[ "$(jq -c '[.stage0[0].data, .stage0[0]["stage1-images"], .stage0[1].name, .net]' <<<"$output")" = '["","","",[]]' ]
	run -0 af config --pretty-print=false
	[ "${#lines[@]}" = 1 ]
	run -2 af config --pretty-print=maybe
}

@test "what counts, and the file it comes from" {
	auth etc/auth.d/a.json a.example '{"user":"u","password":"hush-1"}'
	auth etc/auth.d/b.json b.example '{"token":"hush-2"}' oauth
	auth etc/auth.d/c.json c.example '{"accessKeyID":"AKID","secretAccessKey":"hush-3","awsSessionToken":"hush-4"}' aws
	registry_auth etc/auth.d/r.json r.example/team '{"user":"v","password":"hush-5"}'
	echo '{"rktKind":"headers","rktVersion":"v1","domains":["a.example"],"headers":{"Private-Token":"hush-6"}}' >etc/auth.d/h.json
	auth user/auth.d/x.json A.example '{"user":"w","password":"hush-7"}'
	echo '{"rktKind":"paths","rktVersion":"v1","data":"/srv/a","stage1-images":"/srv/s"}' >etc/paths.d/p.json
	mkdir user/paths.d
	echo '{"rktKind":"paths","rktVersion":"v1","data":"/srv/b"}' >user/paths.d/p.json
	echo '{"rktKind":"stage1","rktVersion":"v1","name":"example.com/s","version":"1","location":"/srv/s.aci"}' >etc/stage1.d/s.json
	echo '{"cniVersion":"1.0.0","name":"b","type":"bridge"}' >etc/net.d/20-b.conf
	echo '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"bridge"}]}' >etc/net.d/10-a.conflist
	touch etc/net.d/README etc/net.d/.30-c.conf
	run -0 --separate-stderr af config --user-config=user
	# What no program uses is told.
	diff -u - <(echo "$stderr") <<-END
	acfetch: warning: '$PWD/etc/paths.d/p.json': acrun has no stage1 but its own; stage1-images is not used
	acfetch: warning: '$PWD/etc/stage1.d/s.json': acrun has no stage1 but its own; stage1 is not used
	acfetch: warning: net.d: acrun has no networks but --net=none and --net=host; those of the configuration are not used
	END
	[[ $output != *hush* ]]
	diff -u - <(jq -r '.stage0[] | [.rktKind, (.domains // .registries // [])[0], .type, .file] | join(" ")' <<<"$output") <<-END
	auth A.example basic user/auth.d/x.json
	auth b.example oauth $PWD/etc/auth.d/b.json
	auth c.example aws $PWD/etc/auth.d/c.json
	dockerAuth r.example/team  $PWD/etc/auth.d/r.json
	headers a.example  $PWD/etc/auth.d/h.json
	paths   
	stage1   
	limits   
	END
	[ "$(jq -c '[.stage0[] | .credentials.user // .credentials.accessKeyID // empty]' <<<"$output")" = '["w","AKID","v"]' ]
	[ "$(jq -c '.stage0[5] | del(.rktKind, .rktVersion)' <<<"$output")" = \
		"{\"data\":\"/srv/b\",\"stage1-images\":\"/srv/s\",\"files\":{\"data\":\"user/paths.d/p.json\",\"stage1-images\":\"$PWD/etc/paths.d/p.json\"}}" ]
	[ "$(jq -c '.stage0[6] | [.name, .version, .location]' <<<"$output")" = '["example.com/s","1","/srv/s.aci"]' ]
	[ "$(jq -c '[.net[].name]' <<<"$output")" = '["a","b"]' ]
	[ "$(jq -c '[.net[].file]' <<<"$output")" = "[\"$PWD/etc/net.d/10-a.conflist\",\"$PWD/etc/net.d/20-b.conf\"]" ]
	run -0 --separate-stderr af config --user-config=user --show-secrets
	for i in 2 3 4 5 6 7; do
		[[ $output == *\"hush-$i\"* ]]
	done
	[[ $output != *hush-1* ]]
}

@test "limits: what holds, whoever says it" {
	mkdir -p etc/limits.d user/limits.d
	echo '{"rktKind":"limits","rktVersion":"v1","unpacked":"128G","depth":50}' >etc/limits.d/l.json
	echo '{"rktKind":"limits","rktVersion":"v1","depth":60,"ratio":"1K","size":1}' >user/limits.d/l.json
	run -0 --separate-stderr af config --user-config=user
	[ "$stderr" = "acfetch: warning: user/limits.d/l.json:1:63: size: there is no such member; it is not used" ]
	[ "$(jq -c '.stage0[-1] | del(.rktKind, .rktVersion)' <<<"$output")" = \
		"{\"unpacked\":137438953472,\"entries\":10000000,\"implied\":16,\"ratio\":1024,\"depth\":60,\"xattrs\":1048576,\"names\":67108864,\"layers\":4096,\"files\":{\"unpacked\":\"$PWD/etc/limits.d/l.json\",\"ratio\":\"user/limits.d/l.json\",\"depth\":\"user/limits.d/l.json\"}}" ]
	cp etc/limits.d/l.json etc/limits.d/m.json
	run -1 --separate-stderr af config
	[ "$stderr" = "acfetch: $PWD/etc/limits.d/m.json:1:39: unpacked: 'unpacked' is given twice in this directory, in '$PWD/etc/limits.d/l.json' too; one of the two must go" ]
}

@test "a mistake: file, line, column, member" {
	while IFS='|' read -r file text says; do
		rm -rf etc
		mkdir -p "etc/${file%/*}"
		printf '%b\n' "$text" >"etc/$file"
		run -1 --separate-stderr af config
		[ -z "$output" ]
		[ "$stderr" = "acfetch: $PWD/etc/$file:$says" ] || { echo "want: $says"; echo "have: $stderr"; false; }
	done <<'END'
auth.d/x.json|{"rktKind":"auth",\n "rktVersion":"v2"}|2:2: rktVersion: expected 'v1', found 'v2'
auth.d/x.json|{"rktKind":"auth","rktVersion":"v1","type":"basic",\n"credentials":{"user":"u"}}|2:1: credentials.password: is missing; expected a string
auth.d/x.json|{"rktKind":"dockerAuth","rktVersion":"v1","credentials":{"user":"u","password":"p"},\n  "registries":[7]}|2:17: registries[0]: expected a string, found a number
auth.d/x.json|{"rktKind":"headers","rktVersion":"v1","domains":["h"],\n"headers":{"Host":"x"}}|2:12: headers.Host: this header is made by each request itself
auth.d/x.json|{"rktKind":"paths","rktVersion":"v1"}|1:2: rktKind: expected 'auth', 'dockerAuth', 'headers' in 'auth.d', found 'paths'
paths.d/x.json|{"rktKind":"paths","rktVersion":"v1","data":"a"}|1:38: data: expected an absolute path, found 'a'
stage1.d/x.json|{"rktKind":"stage1","rktVersion":"v1","name":"a"}|1:1: version: is missing; name and version go together
stage1.d/x.json|{"rktKind":"stage1","rktVersion":"v1",\n"location":"ftp://x"}|2:1: location: expected an absolute path, or a file, docker, http or https URL, found 'ftp://x'
limits.d/x.json|{"rktKind":"limits","rktVersion":"v1",\n"unpacked":0}|2:1: unpacked: expected a number above 0, which K, M, G or T may follow, found '0'
limits.d/x.json|{"rktKind":"limits","rktVersion":"v1","depth":10,\n"entries":"many"}|2:1: entries: expected a number above 0, which K, M, G or T may follow, found 'many'
limits.d/x.json|{"rktKind":"limits","rktVersion":"v1","names":\n ["1M"]}|1:39: names: expected a number or a text such as '128G', found an array
limits.d/x.json|{"rktKind":"paths","rktVersion":"v1"}|1:2: rktKind: expected 'limits' in 'limits.d', found 'paths'
net.d/x.conf|{"name":"a",}|1:13: invalid character '}' where a key is expected; is there a comma too many?
net.d/x.conf|[]|1:1: expected an object, found an array
net.d/x.conf|\n{"type":"bridge"}|2:1: name: is missing; expected a string
net.d/x.conf|{"name":"a",\n"type":7}|2:1: type: expected a string, found a number
net.d/x.conf|{"name":"a","plugins":[]}|1:1: type: is missing; expected a string
net.d/x.conflist|{"name":"a",\n"plugins":[]}|2:1: plugins: is missing or empty; expected an array of plugins
paths.d/x.json|{"rktKind":"paths",}|1:20: invalid character '}' where a key is expected; is there a comma too many?
END
}

@test "twice in one directory: both files are named" {
	auth etc/auth.d/a.json h '{"user":"u","password":"p"}'
	auth etc/auth.d/b.json H '{"token":"t"}' oauth
	run -1 --separate-stderr af config
	[ "$stderr" = "acfetch: $PWD/etc/auth.d/b.json:1:48: domains[0]: what 'H' wants is given twice in this directory, in '$PWD/etc/auth.d/a.json' too; one of the two must go" ]
	# In two directories the later one counts.
	mv etc/auth.d/b.json user/auth.d/
	run -0 af config --user-config=user
	[ "$(jq -r '.stage0[0].type' <<<"$output")" = oauth ]
	# By another name of the same place, too.
	auth etc/auth.d/a.json h:443 '{"user":"u","password":"p"}'
	registry_auth etc/auth.d/d.json docker.io '{"user":"a","password":"p"}'
	registry_auth etc/auth.d/e.json docker.io/team '{"user":"b","password":"p"}'
	registry_auth user/auth.d/d.json registry-1.docker.io '{"user":"c","password":"p"}'
	run -0 af config --user-config=user
	[ "$(jq -c '[.stage0[] | select(.domains or .registries) | [.type // .credentials.user, (.domains // .registries)[0]]]' <<<"$output")" = \
		'[["oauth","H"],["c","registry-1.docker.io"],["b","docker.io/team"]]' ]
}

@test "links, what is not known, what others may read or we may not" {
	auth etc/auth.d/a.json h '{"user":"u","password":"p","uesr":"x"}'
	ln -s a.json etc/auth.d/.b.json
	mv etc/auth.d/a.json etc/auth.d/..real
	ln -s ..real etc/auth.d/a.json
	ln -s /etc/hostname etc/auth.d/c.json
	mkfifo etc/auth.d/d.json
	chmod 644 etc/auth.d/..real
	run -0 --separate-stderr af config
	[ "$(jq -r '.stage0[0].file' <<<"$output")" = "$PWD/etc/auth.d/a.json" ]
	[[ $stderr == *"warning: $PWD/etc/auth.d/a.json:1:"*": credentials.uesr: there is no such member; it is not used"* ]]
	[[ $stderr == *"warning: '$PWD/etc/auth.d/c.json' is a link that leads out of the directory or nowhere; it is not used"* ]]
	[[ $stderr == *"warning: '$PWD/etc/auth.d/d.json' is not a regular file; it is not used"* ]]
	[[ $stderr != *"everybody"* ]]
	run -0 --separate-stderr af config --debug
	[[ $stderr == *"'$PWD/etc/auth.d/a.json' can be read by everybody"* ]]
	chmod 000 etc/auth.d/..real
	chmod o+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || :
	run -0 --separate-stderr as_nobody "$BINDIR/acfetch" --system-config=/nonexistent --local-config="$PWD/etc" config
	[ "$(jq '.stage0 | length' <<<"$output")" = 3 ]
}

@test "a user's own directory, and the store of every program" {
	mkdir -p config/acutils/paths.d
	echo "{\"rktKind\":\"paths\",\"rktVersion\":\"v1\",\"data\":\"$PWD/there\"}" >config/acutils/paths.d/p.json
	chmod -R o+rX . "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || :
	user() { as_nobody env -u ACUTILS_DIR HOME=/nonexistent XDG_CONFIG_HOME="$PWD/config" "$@"; }
	id=sha512-0000000000000000
	run -1 --separate-stderr user acfetch image cat-manifest "$id"
	[[ $stderr == *"there is no store in '$PWD/there'"* ]]
	[[ $(user acfetch config | jq -r '.stage0[0].data') == "$PWD/there" ]]
	[ "$(user acfetch --user-config= config | jq -r '.stage0[0].data')" = "" ]
	mkdir there
	chmod 777 there
	rm -rf config/acutils/paths.d/p.json
	echo '{' >config/acutils/paths.d/p.json
	for command in "acfetch image list" "acrun list" "acconvert to-aci store:$id out.aci" \
		"acbuild --work-path=$PWD/there begin $id" "acfetch push $id docker://localhost/x"; do
		# shellcheck disable=SC2086 # a command line
		run --separate-stderr user $command
		[ "$status" -ne 0 ]
		[[ $stderr == *"$PWD/config/acutils/paths.d/p.json:2:1: "* ]] || { echo "$command: $stderr"; false; }
	done
	# What says more is stronger, and then the file is not even read.
	run -0 user env ACUTILS_DIR="$PWD/there" acrun list
	run -0 user acrun --dir="$PWD/there" list
	# acrun has the options, too.
	run -0 user acrun --user-config= list
	echo '{' >etc/paths.d/p.json
	run -254 --separate-stderr user acrun --user-config= --local-config=etc list
	[[ $stderr == *" etc/paths.d/p.json:2:1: "* ]]
}

@test "what is pulled goes where paths.d says, and acrun finds it there" {
	echo "{\"rktKind\":\"paths\",\"rktVersion\":\"v1\",\"data\":\"$PWD/data\"}" >etc/paths.d/p.json
	make_aci a.aci example.com/a 1
	unset ACUTILS_DIR
	run -0 --separate-stderr af --insecure-options=image pull --full ./a.aci
	[ "$output" = "$ID" ]
	[ -f "data/images/$ID.json" ]
	run -0 af image list --no-legend --full
	[[ $output == *"$ID"* ]]
	# It is found: what it lacks is an app.
	run -254 --separate-stderr acrun --system-config=/nonexistent --local-config="$PWD/etc" run --pull-policy=never example.com/a:1
	[[ $stderr == *"image \"example.com/a\" has an empty"* ]]
	[[ $(af config | jq -r '.stage0[0].data') == "$PWD/data" ]]
}

@test "a directory that is not there costs one call" {
	needs strace
	env -u ACUTILS_DIR XDG_CONFIG_HOME=/nonexistent strace -f -e trace=%file -o trace \
		acrun --debug list >/dev/null 2>&1 || :
	grep -q paths.d trace || { cat trace; false; }
	[ "$(grep -c '/usr/lib/acutils' trace)" = 1 ]
	[ "$(grep -c '/etc/acutils' trace)" = 1 ]
}

@test "rkt's own directories, when asked" {
	unshare -rm true || skip "no mount namespaces"
	mkdir -p over/rkt/auth.d over/rkt/paths.d over/rkt/trustedkeys/root.d
	auth over/rkt/auth.d/a.json a.example '{"user":"of-rkt","password":"p"}'
	auth over/rkt/auth.d/b.json b.example '{"user":"of-rkt","password":"p"}'
	echo '{"rktKind":"paths","rktVersion":"v1","data":"/var/lib/rkt"}' >over/rkt/paths.d/p.json
	auth etc/auth.d/b.json b.example '{"user":"ours","password":"p"}'
	with_rkt() {
		# shellcheck disable=SC2016 # for that shell
		unshare -rm sh -c 'mount -t overlay -o "lowerdir=$0:/etc" over /etc && exec "$@"' "$PWD/over" "$@"
	}
	run -0 --separate-stderr with_rkt acfetch --system-config=/nonexistent --local-config="$PWD/etc" config
	[ "$(jq -c '[.stage0[].credentials.user // empty]' <<<"$output")" = '["ours"]' ]
	run -0 --separate-stderr with_rkt acfetch --rkt-config --system-config=/nonexistent --local-config="$PWD/etc" config
	[ "$(jq -c '[.stage0[].credentials.user // empty]' <<<"$output")" = '["of-rkt","ours"]' ]
	[ "$(jq -r '.stage0[-3].data' <<<"$output")" = "" ]
	[[ $stderr == *"'/etc/rkt/paths.d/p.json' is about rkt's own store and images; it is not used"* ]]
	# Its keys too.
	make_key gnupg signer
	fpr=$(GNUPGHOME=gnupg gpg --list-keys --with-colons | awk -F: '$1 == "fpr" { print tolower($10); exit }')
	GNUPGHOME=gnupg gpg --armor --export >"over/rkt/trustedkeys/root.d/$fpr"
	run -0 --separate-stderr with_rkt acfetch --rkt-config --system-config=/nonexistent --local-config="$PWD/etc" trust list
	drop_key gnupg
	[[ $output == *"$fpr"* ]]
}

@test "AWS: each request is signed, on the way and when it breaks, and for its host alone" {
	sign_server
	aws_auth
	make_aci "www/an app.aci" example.com/a 1
	base=https://localhost:$PORT
	run -0 --separate-stderr get "$base/s3/an%20app.aci"
	[ "$output" = "$ID" ]
	grep -q '^GET /s3/an%20app.aci signed auth=AWS4-HMAC-SHA256 X-Amz-Date=' log
	run -0 get "$base/moved/an%20app.aci"
	[ "$(grep -c '^GET /\(moved\|s3\)/an%20app.aci signed' log)" = 3 ]
	run -0 get "$base/cut/an%20app.aci"
	grep -q '^GET /cut/an%20app.aci signed .* Range=bytes=[1-9][0-9]*-$' log
	run -0 get "$base/away/an%20app.aci"
	grep -q '^GET /open/an%20app.aci unsigned auth=none$' log
	! grep -q ' \(wrong\|incomplete\|payload\) ' log || false
	# A wrong key.
	sed -i 's/KEY+/KEY-/' etc/auth.d/s3.json
	run -1 --separate-stderr get "$base/s3/an%20app.aci"
	[[ $stderr == *"status 403"* ]]
	grep -q '^GET /s3/an%20app.aci wrong' log
}

@test "headers go to their host alone, by https" {
	sign_server
	make_aci www/a.aci example.com/a 1
	echo "{\"rktKind\":\"headers\",\"rktVersion\":\"v1\",\"domains\":[\"localhost:$PORT\"],\"headers\":{\"Private-Token\":\"hush\"}}" >etc/auth.d/h.json
	run -0 --separate-stderr get --debug "https://localhost:$PORT/away/a.aci"
	[[ $stderr != *hush* ]]
	grep -q '^GET /away/a.aci unsigned auth=none Private-Token=hush$' log
	grep -q '^GET /open/a.aci unsigned auth=none$' log
}

# What Docker knows, for the registry $A of badserver, which wants BASIC.
registry_wants() {
	make_oci 1000
	cat >script <<-END
	GET /v2/team/app/*
	need Authorization: Basic $1
	header Content-Type: application/vnd.oci.image.manifest.v1+json
	file manifest.json
	GET /v2/*
	status 401
	header WWW-Authenticate: Basic realm="x"
	END
	bad script
}
ask() { af --insecure-options=image --timeout=5 pull --no-store "docker://$A/team/app"; }
pair() { printf %s "$1" | base64; }

# Was Basic CREDENTIALS sent?
sent() { grep -q "auth=Basic $(pair "$1")\$" log; }

@test "registries: ours, then Docker's files, the longest fit of the first that knows" {
	registry_wants "$(pair u:right)"
	run -1 --separate-stderr ask
	[[ $stderr == *"wants a user and a password"* ]]
	echo "{\"auths\":{\"https://$A/v1/\":{\"auth\":\"$(pair u:host)\"},\"$A/team\":{\"auth\":\"$(pair u:team)\"},\"$A/tea\":{\"auth\":\"$(pair u:tea)\"}}}" >docker-config/config.json
	run -1 ask
	sent u:team
	mkdir -p config/containers
	echo "{\"auths\":{\"$A\":{\"auth\":\"$(pair u:user)\"}}}" >config/containers/auth.json
	run -1 ask
	sent u:user
	mkdir -p run/containers
	echo "{\"auths\":{\"$A\":{\"auth\":\"$(pair u:run)\"}}}" >run/containers/auth.json
	XDG_RUNTIME_DIR=$PWD/run run -1 ask
	sent u:run
	echo "{\"auths\":{\"$A\":{\"auth\":\"$(pair u:file)\"}}}" >file.json
	REGISTRY_AUTH_FILE=$PWD/file.json XDG_RUNTIME_DIR=$PWD/run run -1 ask
	sent u:file
	registry_auth etc/auth.d/r.json "$A" '{"user":"u","password":"ours"}'
	REGISTRY_AUTH_FILE=$PWD/file.json run -1 ask
	sent u:ours
	registry_auth user/auth.d/r.json "$A/team/app" '{"user":"u","password":"longest"}'
	run -1 --separate-stderr af --user-config=user --insecure-options=image pull --no-store "docker://$A/team/app"
	sent u:longest
	run -0 af config
	[[ $(jq -r '.stage0[] | select(.rktKind == "dockerAuth").file' <<<"$output") == *"$PWD/etc/auth.d/r.json"*"$PWD/docker-config/config.json"* ]]
	# A mistake in such a file.
	echo '{"auths":[]}' >file.json
	rm etc/auth.d/r.json
	REGISTRY_AUTH_FILE=$PWD/file.json run -1 --separate-stderr ask
	[[ $stderr == *"$PWD/file.json:1:2: auths: expected an object, found an array"* ]]
	# Who asks no registry does not read it.
	REGISTRY_AUTH_FILE=$PWD/file.json run -1 --separate-stderr af pull ./nothing.aci
	[[ $stderr != *file.json* ]]
}

# helper NAME SCRIPT: the program docker-credential-NAME.
helper() {
	mkdir -p bin
	printf '#!/bin/sh\n%s\n' "$2" >"bin/docker-credential-$1"
	chmod 755 "bin/docker-credential-$1"
}

@test "helpers are asked, in time, and tell nobody else" {
	registry_wants "$(pair me:hush)"
	PATH=$PWD/bin:$PATH
	echo "{\"credHelpers\":{\"$A\":\"test\"},\"credsStore\":\"store\"}" >docker-config/config.json
	helper store 'echo asked >>store.log; exit 1'
	# It gets the host, and answers.
	helper test 'echo "$*" >args; cat >stdin; echo noise >&2; echo "{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"hush\"}"'
	run -1 --separate-stderr ask
	[[ $stderr != *hush* && $stderr != *noise* ]]
	[ "$(cat args) $(cat stdin)" = "get $A" ]
	sent me:hush
	[ ! -e store.log ]
	# It knows nothing: the store of all is asked, which fails; nobody is named.
	helper test 'cat >/dev/null; echo "credentials not found in native keychain"; exit 1'
	run -1 --separate-stderr ask
	[[ $stderr == *"warning: no credentials for registry '$A': 'docker-credential-store get' ended with status 1"* ]]
	[[ $stderr == *"wants a user and a password"* ]]
	[ "$(cat store.log)" = asked ]
	# It fails.
	helper test 'echo hush; echo hush >&2; exit 3'
	run -1 --separate-stderr ask
	[[ $stderr == *"credentials for registry '$A': 'docker-credential-test get' ended with status 3; "* && $stderr != *hush* ]]
	# It answers something else, or too much.
	for answer in 'echo "{\"Username\":\"me\",\"Secret\":hush"' 'echo "[\"hush\"]"' 'yes hush'; do
		helper test "$answer"
		run -1 --separate-stderr ask
		[[ $stderr == *"docker-credential-test"* && $stderr != *hush* ]]
	done
	# It hangs.
	helper test 'mkfifo wait.$$; read -r x <wait.$$'
	run -1 --separate-stderr af --insecure-options=image --timeout=1 pull "docker://$A/team/app"
	[[ $stderr == *"'docker-credential-test' does not answer in time"* ]]
	# It is not there.
	rm bin/docker-credential-test
	run -1 --separate-stderr ask
	[[ $stderr == *"docker-credential-test"*"is it installed?"* ]]
	# Its name is no path.
	echo "{\"credHelpers\":{\"$A\":\"../test\"}}" >docker-config/config.json
	run -1 --separate-stderr ask
	[[ $stderr == *"credHelpers.$A: expected NAME"* ]]
}

@test "an identity token buys the token of a registry" {
	sign_server
	make_oci 1000
	mkdir www/v2
	cp manifest.json www/v2/latest
	cp config.json "www/v2/${CONFIG/:/-}"
	cp layer.tar.gz "www/v2/${LAYER/:/-}"
	echo "{\"auths\":{\"localhost:$PORT\":{\"identitytoken\":\"it/+= &x\"}}}" >docker-config/config.json
	echo "{\"rktKind\":\"headers\",\"rktVersion\":\"v1\",\"domains\":[\"localhost:$PORT\"],\"headers\":{\"Private-Token\":\"hush\"}}" >etc/auth.d/h.json
	run -0 --separate-stderr get "docker://localhost:$PORT/app"
	[ "$(grep -c '^POST /token good auth=none Private-Token=hush$' log)" = 1 ]
	[ "$(grep -c '^GET /v2/.* taken auth=Bearer Private-Token=hush$' log)" = 3 ]
	[[ $(af config | jq -c '.stage0[0].credentials') == '{"identityToken":"<hidden>"}' ]]
	# It has ended.
	sed -i 's/it\//no/' docker-config/config.json
	run -1 --separate-stderr get "docker://localhost:$PORT/app"
	[[ $stderr == *"gives no token for 'app' (status 400); the identity token may have ended: log in anew"* ]]
}

@test "who has read a secret leaves no core file" {
	# More than a pipe holds: it waits until all is read.
	registry_auth etc/auth.d/r.json "$(printf 'host%d","' {1..1500})localhost" '{"user":"u","password":"hush"}'
	mkfifo out
	af config >out &
	pid=$!
	exec 4<out
	read -r -N 1 -u 4 _
	run -0 awk '/^Max core file size/ { print $5 }' "/proc/$pid/limits"
	soft=$output
	exec 4<&-
	wait "$pid" || :
	[ "$soft" -le 1 ]
}
