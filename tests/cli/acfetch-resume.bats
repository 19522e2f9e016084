#!/usr/bin/env bats
# acfetch pull and what an earlier one left: nothing is fetched twice, whoever
# was killed, and whatever the bytes on the disk have become.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull
load signer

# A signed image of some 1.5 MB at $URL of an nginx that gives 700 kB of it and
# then almost nothing, but to who asks for a part; mine.log has what was asked.
slow_site() {
	make_big www/big.aci
	start_nginx 'limit_rate_after 700k; limit_rate $rate; access_log mine.log mine;' \
		'map $http_range $rate { "" 1k; default 0; }
		log_format mine escape=none "$uri $status range=$http_range if=$http_if_range sent=$body_bytes_sent";'
	sign "$KEY" www/big.aci
	trust "$KEY" localhost
	URL=https://localhost:$PORT/big.aci
	SIZE=$(stat -c %s www/big.aci)
}

# make_big FILE: an image that does not compress; $ID is its id.
make_big() {
	mkdir -p big/rootfs "$(dirname "$1")"
	head -c 1500000 /dev/urandom >big/rootfs/random
	printf '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/big"}' >big/manifest
	tar -C big --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf big.tar manifest rootfs
	ID=sha512-$(sha512sum <big.tar | cut -d' ' -f1)
	gzip -n <big.tar >"$1"
}

# start ARGS: a pull in the background, its number in $!.
start() {
	env --default-signal=INT acfetch --local-config="$PWD/etc" "$@" >out 2>err 3>&- 8<&- &
	PIDS=("$!")
}

# The site gives all it has at once, from now on.
hurry() {
	sed -i 's/"" 1k/"" 0/' nginx.conf
	stop "$NGINX_PID"
	nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/nginx.err" 3>&- &
	NGINX_PID=$!
	wait_for 10 listening "$PORT"
	clear_log mine.log
}

# Begin to pull $URL and end it by SIGNAL when 512 KiB are in the store.
break_off() {
	start --ca-file=ca.pem pull "$URL"
	wait_for 20 partial_has 524288
	kill "-$1" "${PIDS[0]}"
	wait "${PIDS[0]}" 2>/dev/null || code=$?
	PIDS=()
}

@test "kill -9 in the middle: only the rest is asked for" {
	slow_site
	break_off KILL
	[ "$code" = 137 ]
	have=$(stat -c %s store/partial/url-*/blob)
	etag=$(curl -sI --cacert ca.pem "$URL" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
	clear_log mine.log
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
	# What was written and had no checksum yet may come once more.
	wait_for 30 grep -q "^/big.aci " mine.log
	line=$(grep "^/big.aci " mine.log)
	from=${line#*range=bytes=} from=${from%%-*}
	[ "$from" -ge 524288 ]
	[ "$from" -le "$have" ]
	[ "$line" = "/big.aci 206 range=bytes=$from- if=$etag sent=$((SIZE - from))" ]
	blobs_ok
	ingest_empty
	[ "$(stat -c %a store/blobs/sha256/*)" = 444 ]
}

@test "Ctrl-C: not one byte is asked for twice" {
	slow_site
	break_off INT
	[ "$code" = 130 ]
	grep -q "interrupted; what came so far is kept" err
	store_empty
	have=$(stat -c %s store/partial/url-*/blob)
	clear_log mine.log
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
	wait_for 30 grep -q "^/big.aci 206 range=bytes=$have- .* sent=$((SIZE - have))$" mine.log
	ingest_empty
}

@test "signatures are verified while the image comes, and not longer" {
	local gpg
	slow_site
	start --ca-file=ca.pem pull "$URL"
	wait_for 20 pgrep -P "${PIDS[0]}" -x gpg
	gpg=$(pgrep -P "${PIDS[0]}" -x gpg)
	wait_for 20 partial_has 524288
	kill -INT "${PIDS[0]}"
	wait "${PIDS[0]}" 2>/dev/null || code=$?
	PIDS=()
	[ "$code" = 130 ]
	[ ! -e "/proc/$gpg" ]
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
	[[ $stderr == *"signature verified"* ]]
}

@test "another image in the middle, signed or not: all of that one is verified" {
	slow_site
	cp www/big.aci.asc first.asc
	break_off INT
	make_big www/big.aci
	cp first.asc www/big.aci.asc
	hurry
	run -1 --separate-stderr pull --ca-file=ca.pem "$URL"
	[[ $stderr == *"does not match the content"* ]]
	store_empty
	rm www/big.aci.asc
	sign "$KEY" www/big.aci
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
}

@test "bytes that the disk has changed are fetched again, and no more than they" {
	slow_site
	break_off TERM
	have=$(stat -c %s store/partial/url-*/blob)
	printf x | dd of="$(echo store/partial/url-*/blob)" bs=1 seek=400000 conv=notrunc status=none
	clear_log mine.log
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
	wait_for 30 grep -q "^/big.aci 206" mine.log
	from=$(sed -n 's/.*range=bytes=\([0-9]*\)-.*/\1/p' mine.log)
	[ "$from" -gt 200000 ]
	[ "$from" -lt 400000 ]
	blobs_ok
}

@test "a state that is cut, empty, foreign or gone" {
	slow_site
	break_off TERM
	hurry
	cp -a store/partial partial
	cut_off() { head -c "$1"; }
	nothing() { :; }
	for how in 'cut_off 100' 'cut_off -1' nothing 'sed s/partial/other/' 'sed /validator/d' 'sed s/total.*/total-x/'; do
		rm -rf store
		mkdir -m 700 store
		cp -a partial store/partial
		$how <partial/*/state >"$(echo store/partial/*/state)"
		run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
		[ "$output" = "$ID" ]
		blobs_ok
		ingest_empty
	done
}

@test "another image is there by now: it is fetched from its beginning" {
	slow_site
	break_off TERM
	make_big www/big.aci
	touch -d '2 hours ago' www/big.aci # nginx's ETag is of this and the size
	sign "$KEY" www/big.aci
	hurry
	run -0 --separate-stderr pull --ca-file=ca.pem --full "$URL"
	[ "$output" = "$ID" ]
	wait_for 30 grep -q "^/big.aci 200 range=bytes=[0-9]*- .*sent=$(stat -c %s www/big.aci)$" mine.log
	blobs_ok
	ingest_empty
}

# half RULES: a badserver with RULES first; image at /x.aci, signed by nobody,
# of which the store has a part, with a wrong byte in it if $WRONG.
half() {
	make_big x.aci
	cp x.aci first.aci
	if [ -n "${WRONG-}" ]; then
		head -c 8 /dev/zero | dd of=first.aci bs=1 seek=300000 conv=notrunc status=none
	fi
	{
		printf 'GET /x.aci\ntimes 1\nheader ETag: "1"\nfile first.aci\ncut 700000\n'
		cat
	} >script
	bad script
	URL=http://$A/x.aci
	run -1 --separate-stderr insecure --retries=0 "$URL"
	[[ $stderr == *"the connection broke after 700000 of "* ]]
	partial_has 700000
}

@test "a server that knows no ranges" {
	half <<-'END'
	GET /x.aci
	header ETag: "1"
	file x.aci
	END
	run -0 --separate-stderr insecure --full "$URL"
	[ "$output" = "$ID" ]
	blobs_ok
	ingest_empty
}

@test "a server that answers 416, or with another part" {
	for answer in 'status 416' $'status 206\nheader Content-Range: bytes 5-9/10\nbody 56789'; do
		rm -rf store
		half <<-END
		GET /x.aci
		need Range:
		$answer
		GET /x.aci
		header ETag: "1"
		file x.aci
		END
		run -0 --separate-stderr insecure --full "$URL"
		[ "$output" = "$ID" ]
		[ "$(grep -c /x.aci log)" = 3 ]
		grep -q "/x.aci range=bytes=700000- " log
		blobs_ok
		ingest_empty
		stop "$BAD_PID"
	done
}

@test "bytes that were wrong from the start: one fresh download" {
	WRONG=1 half <<-'END'
	GET /x.aci
	header ETag: "1"
	ranges
	file x.aci
	END
	run -0 --separate-stderr insecure --full "$URL"
	[ "$output" = "$ID" ]
	[[ $stderr == *"'$URL': what an earlier pull left is of no use ("*"; fetching all of it"* ]]
	[ "$(grep -c /x.aci log)" = 3 ]
	blobs_ok
	ingest_empty
}

@test "what nothing tells apart from another content is not kept" {
	make_big x.aci
	for header in 'X-None: 1' 'ETag: W/"1"' "Last-Modified: $(date -u -R -d now | sed 's/+0000/GMT/')"; do
		printf 'GET /x.aci\nheader %s\nheader Date: %s\nfile x.aci\ncut 700000\n' "$header" \
			"$(date -u -R | sed 's/+0000/GMT/')" >script
		bad script
		run -1 insecure --retries=0 "http://$A/x.aci"
		partial_empty
		stop "$BAD_PID"
	done
	# What has not changed for an hour is told by its time.
	printf 'GET /x.aci\nheader Last-Modified: %s\nheader Date: %s\nranges\nfile x.aci\ncut 700000\n' \
		"$(date -u -R -d '1 hour ago' | sed 's/+0000/GMT/')" "$(date -u -R | sed 's/+0000/GMT/')" >script
	bad script
	run -1 insecure --retries=0 "http://$A/x.aci"
	run -1 insecure --retries=0 "http://$A/x.aci"
	run -0 --separate-stderr insecure --retries=0 --full "http://$A/x.aci"
	[ "$output" = "$ID" ]
	grep -q "range=bytes=1400000-" log
}

@test "within one run an image is resumed too" {
	make_big x.aci
	printf 'GET /x.aci\nheader ETag: "1"\nranges\nfile x.aci\ncut 700000\n' >script
	bad script
	run -0 --separate-stderr insecure --full "http://$A/x.aci"
	[ "$output" = "$ID" ]
	grep -q "range=bytes=1400000-" log
}

@test "two processes and one URL: one fetches, the other waits and finds it" {
	make_big x.aci
	printf 'GET /x.aci\nheader ETag: "1"\nranges\nfile x.aci\nslow 200000 50\n' >script
	bad script
	pids=()
	for i in 1 2 3; do
		insecure --full "http://$A/x.aci" >"out$i" 2>"err$i" 3>&- &
		pids+=("$!")
	done
	for i in 1 2 3; do
		wait "${pids[i - 1]}"
		[ "$(cat "out$i")" = "$ID" ]
	done
	[ "$(grep -c /x.aci log)" = 1 ]
	ingest_empty
}

@test "who waits says so once, can be stopped, and goes on when the other is gone" {
	make_big x.aci
	printf 'GET /x.aci\nfile x.aci\n' >script
	bad script
	run -1 insecure "http://$A/y.aci"
	dir=store/partial/url-$(printf %s "http://$A/x.aci" | sha256sum | cut -d' ' -f1)
	mkdir -p "$dir"
	exec 8<"$dir"
	flock 8
	start --insecure-options=image,http pull --full "http://$A/x.aci"
	wait_for 20 grep -q "another process is fetching 'http://$A/x.aci'; waiting for it" err
	kill -INT "${PIDS[0]}"
	code=0
	wait "${PIDS[0]}" || code=$?
	[ "$code" = 130 ]
	: >err
	start --insecure-options=image,http pull --full "http://$A/x.aci"
	wait_for 20 grep -q "waiting for it" err
	exec 8<&-
	wait "${PIDS[0]}"
	PIDS=()
	[ "$(cat out)" = "$ID" ]
	[ "$(grep -c waiting err)" = 1 ]
	ingest_empty
}

@test "registry: a layer goes on where the last process stopped" {
	make_oci 1500000
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	file layer.tar.gz
	cut 700000
	END
	run -1 --separate-stderr insecure --retries=0 "docker://$A/app"
	run -0 --separate-stderr insecure --retries=0 "docker://$A/app"
	grep -q "blobs/$LAYER range=bytes=700000- " log
	blobs_ok
	ingest_empty
	[ "$(stat -c %a "store/blobs/sha256/${LAYER#sha256:}")" = 444 ]
}

@test "registry: a layer that is all here is not asked for" {
	make_oci 1500000
	mkdir two
	head -c 300000 /dev/urandom >two/second
	tar -C two -cf two.tar .
	gzip -n <two.tar >two.tar.gz
	second=sha256:$(sha256sum <two.tar.gz | cut -d' ' -f1)
	jq -c --arg d "sha256:$(sha256sum <two.tar | cut -d' ' -f1)" '.rootfs.diff_ids += [$d]' config.json >c2
	mv c2 config.json
	CONFIG=sha256:$(sha256sum <config.json | cut -d' ' -f1)
	make_manifest
	jq -c --arg d "$second" --argjson s "$(stat -c %s two.tar.gz)" \
		'.layers += [{mediaType: .layers[0].mediaType, digest: $d, size: $s}]' manifest.json >m2
	mv m2 manifest.json
	registry <<-END
	GET /v2/app/blobs/$second
	times 1
	hang
	GET /v2/app/blobs/$second
	file two.tar.gz
	END
	start --insecure-options=image,http pull "docker://$A/app"
	whole=$(stat -c %s layer.tar.gz)
	layer_is_here() { [ "$(stat -c %s "store/partial/sha256-${LAYER#sha256:}/blob")" = "$whole" ]; }
	wait_for 20 layer_is_here
	kill -9 "${PIDS[0]}"
	wait "${PIDS[0]}" 2>/dev/null || :
	PIDS=()
	: >log
	run -0 --separate-stderr insecure "docker://$A/app"
	! grep -q "blobs/$LAYER" log || false
	blobs_ok
	ingest_empty
}

@test "registry: wrong bytes of an earlier run, and a registry without ranges" {
	make_oci 1500000
	size=$(stat -c %s layer.tar.gz)
	head -c "$size" /dev/urandom >wrong
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	file layer.tar.gz
	cut 700000
	GET /v2/app/blobs/$LAYER
	need Range
	status 416
	GET /v2/app/blobs/$LAYER
	file layer.tar.gz
	END
	run -1 insecure --retries=0 "docker://$A/app"
	run -0 --separate-stderr insecure "docker://$A/app"
	blobs_ok
	stop "$BAD_PID"
	rm -rf store
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	file layer.tar.gz
	cut 700000
	END
	run -1 insecure --retries=0 "docker://$A/app"
	# The same bytes with another name: the state fits, the digest does not.
	other=$(printf x | sha256sum | cut -d' ' -f1)
	mv "store/partial/sha256-${LAYER#sha256:}" "store/partial/sha256-$other"
	make_oci 1500000
	stop "$BAD_PID"
	mv "store/partial/sha256-$other" "store/partial/sha256-${LAYER#sha256:}"
	registry </dev/null
	run -0 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"layer 1 of "*"what an earlier pull left is of no use ("* ]]
	blobs_ok
	ingest_empty
}

@test "registry: two processes do not fetch a layer twice" {
	make_oci 1500000
	registry <<-END
	GET /v2/app/blobs/$LAYER
	ranges
	file layer.tar.gz
	slow 200000 50
	END
	pids=()
	for i in 1 2 3; do
		insecure "docker://$A/app" >"out$i" 2>"err$i" 3>&- &
		pids+=("$!")
	done
	for i in 1 2 3; do
		wait "${pids[i - 1]}"
	done
	[ "$(grep -c "blobs/$LAYER" log)" = 1 ]
	cmp out1 out2
	blobs_ok
	ingest_empty
}

# copies N: the image of make_oci, with its layer N times.
copies() {
	jq -c --argjson n "$1" '.rootfs.diff_ids |= [range($n) as $i | .[0]]' config.json >c2
	mv c2 config.json
	# shellcheck disable=SC2034 # for registry
	CONFIG=sha256:$(sha256sum <config.json | cut -d' ' -f1)
	make_manifest
	jq -c --argjson n "$1" '.layers |= [range($n) as $i | .[0]]' manifest.json >m2
	mv m2 manifest.json
}

@test "a layer that is three times in an image is fetched once" {
	make_oci
	copies 3
	registry </dev/null
	run -0 --separate-stderr insecure "docker://$A/app"
	[ "$(grep -c "blobs/$LAYER" log)" = 1 ]
	[ "$(find store/layers -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
	blobs_ok
	ingest_empty
	# Of another image, of which the store has the first three.
	stop "$BAD_PID"
	copies 4
	registry </dev/null
	run -0 --separate-stderr insecure "docker://$A/app"
	run ! grep "blobs/$LAYER" log
	run -0 acfetch image verify --no-repair
	# The store's own is damaged.
	stop "$BAD_PID"
	blob=store/blobs/sha256/${LAYER#*:}
	chmod u+w "$blob"
	printf x | dd of="$blob" bs=1 conv=notrunc status=none
	copies 5
	registry </dev/null
	run -0 --separate-stderr insecure "docker://$A/app"
	[[ $stderr == *"the store's blob is of no use"*"fetching it"* ]]
	[ "$(grep -c "blobs/$LAYER" log)" = 1 ]
	ingest_empty
}

@test "what nobody goes on with for a week is removed" {
	half <<-'END'
	GET /x.aci
	header ETag: "1"
	ranges
	file x.aci
	END
	d=$(echo store/partial/url-*)
	cp -a "$d" store/partial/url-old
	find store/partial/url-old -exec touch -h -d '8 days ago' {} +
	run -0 --separate-stderr acfetch image gc
	[ ! -e store/partial/url-old ]
	[ -e "$d/blob" ]
	cp -a "$d" store/partial/url-old
	find store/partial/url-old -exec touch -h -d '8 days ago' {} +
	exec 8<store/partial/url-old
	flock 8
	make_aci app.aci example.com/app 1.0
	insecure app.aci
	[ -e store/partial/url-old ] # somebody holds it
	exec 8<&-
	insecure app.aci
	[ ! -e store/partial/url-old ]
	for i in $(seq 40); do
		cp -a "$d" "store/partial/url-$i"
		find "store/partial/url-$i" -exec touch -h -d '1 day ago' {} +
	done
	insecure app.aci
	[ "$(find store/partial -mindepth 1 -maxdepth 1 | wc -l)" = 32 ]
	[ -e "$d/blob" ]
}
