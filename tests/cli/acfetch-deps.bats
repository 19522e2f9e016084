#!/usr/bin/env bats
# acfetch pull: what an image stands on.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup() {
	store_setup
	start_nginx
	mkdir -p www/i/localhost
	echo "<meta name=ac-discovery content=\"localhost https://localhost:$PORT/i/{name}-{version}.{ext}\">" >www/index.html
}

teardown() { stop "$NGINX_PID"; }

# image NAME VERSION [DEPENDENCY...]: on the site; a DEPENDENCY is JSON without
# the braces.  $ID is its id.
image() {
	local deps='' d name=$1 version=$2
	for d in "${@:3}"; do
		deps+=${deps:+,}"{$d}"
	done
	make_aci "www/i/localhost/$name-$version.aci" "localhost/$name" "$version" ${deps:+"\"dependencies\":[$deps]"}
}

# on NAME [VERSION [MORE]]: a dependency.
on() { printf '"imageName":"localhost/%s","labels":[{"name":"version","value":"%s"}]%s' "$1" "${2:-1}" "${3:+,$3}"; }

get() { pull --insecure-options=image --ca-file=ca.pem --port="$PORT" "$@"; }

# The images that were asked for, in their order.
asked() {
	settle_log
	sed -n 's|.*GET /i/localhost/\(.*\)-.*\.aci HTTP.*|\1|p' access.log | tr '\n' ' '
}

id_of() { echo "sha512-$(gzip -dc "www/i/localhost/$1.aci" | sha512sum | cut -d' ' -f1)"; }

images() { find store/images -name '*.json' | wc -l; }

@test "breadth first, each once" {
	image top 1 "$(on left)" "$(on right)"
	image left 1 "$(on deep)" "$(on base)"
	image right 1 "$(on base)" "$(on deep)"
	image deep 1 "$(on base)"
	image base 1
	for policy in new update; do
		clear_log access.log
		run -0 get --pull-policy=$policy localhost/top:1
		[ "$(asked)" = "top left right deep base " ]
	done
	[ "$(images)" = 5 ]
	# Nothing is asked for that is here, and never means never.
	clear_log access.log
	run -0 get localhost/top:1
	run -0 pull --store-only localhost/top:1
	settle_log
	[ ! -s access.log ]
	# Several images: what they share is asked for once.
	run -0 get --pull-policy=update localhost/left:1 localhost/right:1
	[ "$(asked)" = "left deep base right " ]
	rm store/images/"$ID".json
	run -1 --separate-stderr pull --store-only localhost/top:1
	[[ $stderr == *"dependency 'localhost/base' of 'localhost/top:1 -> localhost/left:1': it is not in the store"* ]]
}

@test "a cycle is named" {
	image a 1 "$(on b)"
	image b 1 "$(on c)"
	image c 1 "$(on b)"
	run -1 --separate-stderr get localhost/a:1
	[[ $stderr == *"the images depend on each other: localhost/b:1 -> localhost/c:1 -> localhost/b:1" ]]
	[ "$(asked)" = "a b c " ]
	image self 1 "$(on self)"
	run -1 --separate-stderr get --pull-policy=update www/i/localhost/self-1.aci
	[[ $stderr == *"depend on each other: localhost/self:1 -> localhost/self:1" ]]
	# Not on the way of the first visit: two that came from the top need each
	# other.
	image top 1 "$(on left)" "$(on right)"
	image left 1 "$(on right)"
	image right 1 "$(on left)"
	run -1 --separate-stderr get localhost/top:1
	[[ $stderr == *"depend on each other: localhost/right:1 -> localhost/left:1 -> localhost/right:1" ||
		$stderr == *"depend on each other: localhost/left:1 -> localhost/right:1 -> localhost/left:1" ]]
}

@test "an imageID is insisted on, before the image counts" {
	image base 1
	right=$ID
	image top 1 "$(on base 1 "\"imageID\":\"$right\"")"
	run -0 get localhost/top:1
	[ "$(images)" = 2 ]
	# The same id: nothing is asked, whatever the policy.
	clear_log access.log
	run -0 get --pull-policy=update localhost/top:1
	[ "$(asked)" = "top " ]
	rm -rf store
	wrong=sha512-$(printf '0%.0s' {1..128})
	image top 2 "$(on base 1 "\"imageID\":\"$wrong\"")"
	run -1 --separate-stderr get localhost/top:2
	[[ $stderr == *"dependency 'localhost/base' of 'localhost/top:2': the dependency must be image '$wrong', what came is '$right'"* ]]
	[ "$(images)" = 1 ]
	ingest_empty
	[ -z "$(find store/blobs -name "$(sha512sum <www/i/localhost/base-1.aci | cut -d' ' -f1)")" ]
	# Another one of the name in the store does not serve, and is not looked at
	# twice: the right one is fetched.
	run -0 get localhost/base:1
	image base 1 "$(on other)"
	image other 1
	image top 3 "$(on base 1 "\"imageID\":\"$(id_of base-1)\"")"
	run -0 get localhost/top:3
	[ "$(images)" = 5 ]
	# The right id, but not of this name.
	image odd 1
	run -0 get localhost/odd:1
	image top 4 "$(on base 1 "\"imageID\":\"$(id_of odd-1)\"")"
	run -1 --separate-stderr get localhost/top:4
	[[ $stderr == *"named 'localhost/odd', 'localhost/base' was asked for"* ]]
}

@test "an imageID that is cut, as the original printed them" {
	image base 1
	cut=${ID:0:71}
	image top 1 "$(on base 1 "\"imageID\":\"$cut\"")"
	run -0 get localhost/top:1
	[ "$(images)" = 2 ]
	run -0 acfetch image render localhost/top:1 out
	run -0 --separate-stderr acfetch image tree localhost/top:1
	[[ $output != *"not in the store"* ]]
	# It is insisted on, too.
	image top 2 "$(on base 1 "\"imageID\":\"${cut:0:70}x\"")"
	run -1 get localhost/top:2
	image top 3 "$(on base 1 "\"imageID\":\"sha512-$(printf '0%.0s' {1..64})\"")"
	run -1 --separate-stderr get localhost/top:3
	[[ $stderr == *"the dependency must be image 'sha512-0000"* ]]
}

@test "a size is insisted on, before the image is read" {
	image base 1
	size=$(stat -c %s www/i/localhost/base-1.aci)
	image top 1 "$(on base 1 "\"size\":$size")"
	run -0 get localhost/top:1
	rm -rf store
	image top 2 "$(on base 1 "\"size\":$((size + 1))")"
	run -1 --separate-stderr get localhost/top:2
	[[ $stderr == *"dependency 'localhost/base' of 'localhost/top:2'"*"the server has $size bytes, where $((size + 1)) were expected"* ]]
	[ "$(images)" = 1 ]
	# In the store, too.
	run -0 get localhost/base:1
	run -1 --separate-stderr pull --store-only localhost/top:2
	[[ $stderr == *"dependency 'localhost/base'"*"not in the store"* ]]
}

@test "name and labels of what came, without verification too" {
	image base 1
	mv www/i/localhost/base-1.aci www/i/localhost/other-1.aci
	image base 2
	mv www/i/localhost/base-2.aci www/i/localhost/base-1.aci
	image top 1 "$(on base)"
	run -1 --separate-stderr get localhost/top:1
	[[ $stderr == *"dependency 'localhost/base'"*'requested value for label "version": "1" differs'* ]]
	image top 2 "$(on other)"
	run -1 --separate-stderr get localhost/top:2
	[[ $stderr == *"dependency 'localhost/other'"*"named 'localhost/base', 'localhost/other' was asked for"* ]]
	[ "$(images)" = 2 ]
}

@test "os and arch of a dependency are this machine's, if it does not say" {
	echo "<meta name=ac-discovery content=\"localhost https://localhost:$PORT/i/{name}-{version}-{os}-{arch}.{ext}\">" >www/index.html
	image base 1
	mv www/i/localhost/base-1.aci "www/i/localhost/base-1-linux-$(appc_arch).aci"
	image top 1 "$(on base)"
	mv www/i/localhost/top-1.aci "www/i/localhost/top-1-linux-$(appc_arch).aci"
	run -0 get localhost/top:1
	[ "$(images)" = 2 ]
}

@test "dependencies without end" {
	for ((i = 1; i < 70; i++)); do
		image n$i 1 "$(on n$((i + 1)))"
	done
	image n70 1
	run -1 --separate-stderr get localhost/n1:1
	[[ $stderr == *"dependencies are more than 64 deep"* ]]
	[ "$(images)" -le 66 ]
}

@test "an image that names the same twice, and many" {
	deps=()
	for ((i = 1; i <= 30; i++)); do
		image m$i 1
		deps+=("$(on m$i)" "$(on m$i)")
	done
	image top 1 "${deps[@]}"
	run -0 get localhost/top:1
	[ "$(images)" = 31 ]
	settle_log
	[ "$(grep -c 'GET /i/.*\.aci ' access.log)" = 31 ]
}
