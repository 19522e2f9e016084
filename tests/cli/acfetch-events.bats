#!/usr/bin/env bats
# acfetch pull --events, and what people see instead.
# shellcheck disable=SC2154,SC2153 # run sets $stderr, start_nginx $PORT

load helper
load pull

setup() { store_setup; }

teardown() {
	[ -z "${BAD_PID-}" ] || stop "$BAD_PID"
	[ -z "${NGINX_PID-}" ] || stop "$NGINX_PID"
}

# watched ARGS...: a pull whose events are in the file events.
watched() { pull --insecure-options=image,http --events=9 "$@" 9>events; }

# Each line is an object of its own that says what, when and of which image.
well_formed() {
	[ -s events ]
	jq -e -n 'reduce inputs as $e (true; . and ($e | type == "object" and (.event | type == "string")
		and (.time | test("^[0-9]{4}-[0-9-]+T[0-9:]+(\\.[0-9]+)?Z$")) and (.image | type == "string")))' events
	[ "$(jq -c . events | wc -l)" = "$(wc -l <events)" ]
	[ "$(tail -c1 events | od -An -c | tr -d ' ')" = '\n' ]
}

# The events, each once, where it first came.
kinds() { jq -r .event events | awk '!seen[$0]++' | tr '\n' ' '; }

@test "from a file" {
	make_aci app.aci example.com/app 1.0
	run -0 --separate-stderr watched --full ./app.aci
	[ "$output" = "$ID" ]
	well_formed
	[ "$(kinds)" = "resolve download unpack done " ]
	[ "$(jq -c 'select(.event == "resolve") | [.image, .kind, .reference]' events)" = '["./app.aci","file","./app.aci"]' ]
	size=$(stat -c %s app.aci)
	[ "$(jq -c 'select(.event == "download") | [.from, .bytes]' events | sed 1q)" = '["./app.aci",0]' ]
	[ "$(jq -c 'select(.event == "download") | [.from, .bytes, .total]' events | tail -n 1)" = "[\"./app.aci\",$size,$size]" ]
	[ "$(jq -c 'select(.event == "done") | [.reference, .id, .fetched]' events)" = "[\"./app.aci\",\"$ID\",true]" ]
	run -0 watched "${ID:0:30}"
	[ "$(kinds)" = "resolve cached done " ]
	[ "$(jq -r 'select(.event == "cached") | .id' events)" = "$ID" ]
}

@test "a name, its signature, its dependencies" {
	start_nginx
	mkdir -p www/i/localhost
	echo "<meta name=ac-discovery content=\"localhost https://localhost:$PORT/i/{name}.{ext}?secret=1\">" >www/index.html
	make_key gnupg signer
	trust gnupg localhost
	make_aci www/i/localhost/base.aci localhost/base 1
	make_aci www/i/localhost/app.aci localhost/app 1 '"dependencies":[{"imageName":"localhost/base"}]'
	sign gnupg www/i/localhost/base.aci
	sign gnupg www/i/localhost/app.aci
	drop_key gnupg
	run -0 --separate-stderr pull --events=9 --ca-file=ca.pem --port="$PORT" localhost/app:1 9>events
	well_formed
	[ "$(kinds)" = "resolve discover signature download unpack done " ]
	[ "$(jq -r 'select(.event == "resolve") | .reference' events | tr '\n' ' ')" = "localhost/app:1 localhost/base " ]
	[ "$(jq -r 'select(.event == "signature") | .from' events | sed 1q)" = "https://localhost:$PORT/i/localhost/app.aci.asc" ]
	# All of it is about what was asked for, and holds no queries.
	[ "$(jq -r .image events | sort -u)" = localhost/app:1 ]
	run ! grep -q secret events
	[ "$(jq -s 'map(select(.event == "download")) | last | .bytes == .total' events)" = true ]
}

@test "layers side by side" {
	make_oci 300000
	registry <<-END
	GET /v2/app/blobs/$LAYER
	times 1
	status 503
	GET /v2/app/blobs/$LAYER
	ranges
	file layer.tar.gz
	slow 20000 50
	END
	run -0 --separate-stderr watched "docker://$A/app"
	well_formed
	[ "$(kinds)" = "resolve download retry unpack done " ]
	[ "$(jq -r 'select(.event == "download") | .from' events | sort -u)" = "$LAYER" ]
	[ "$(jq -c 'select(.event == "retry") | [.from, .reason, .pause_ms >= 500]' events)" = "[\"http://$A/v2/app/blobs/$LAYER\",\"status 503\",true]" ]
	# Not more than five a second, and never backwards.
	jq -e -n '[inputs | select(.event == "download")] as $d | [range(1; $d | length - 1) as $i |
		($d[$i].bytes >= $d[$i - 1].bytes)] | all' events
	gaps=$(jq -r 'select(.event == "download") | .time' events | head -n -1 | while read -r t; do date -d "$t" +%s%N; done |
		awk 'NR > 1 && $1 - last < 190000000 { n++ } { last = $1 } END { print n + 0 }')
	[ "$gaps" = 0 ]
	run -0 watched --no-store "docker://$A/app"
	[ "$(kinds)" = "resolve cached done " ]
	[ "$(jq -r 'select(.event == "done") | .fetched' events)" = false ]
	rm store/images/*
	run -0 watched "docker://$A/app"
	[ "$(jq -r 'select(.event == "cached") | .from' events)" = "$LAYER" ]
}

@test "many layers: no line in another" {
	local i id ids='' layers=''
	mkdir l
	for i in {1..12}; do
		head -c 200000 /dev/urandom >l/f
		tar -C l -cf l.tar f
		gzip -n -1 <l.tar >"l$i"
		ids+=${ids:+,}"\"sha256:$(sha256sum <l.tar | cut -d' ' -f1)\""
		id=sha256:$(sha256sum <"l$i" | cut -d' ' -f1)
		layers+=${layers:+,}"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"$id\",\"size\":$(stat -c %s "l$i")}"
		printf 'GET /v2/app/blobs/%s\nfile l%s\n' "$id" "$i" >>rules
	done
	echo "{\"architecture\":\"$(go_arch)\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$ids]}}" >config.json
	CONFIG=sha256:$(sha256sum <config.json | cut -d' ' -f1)
	echo "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"$CONFIG\",\"size\":$(stat -c %s config.json)},\"layers\":[$layers]}" >manifest.json
	cp l1 layer.tar.gz
	LAYER=none registry <rules
	run -0 --separate-stderr watched "docker://$A/app"
	well_formed
	[ "$(jq -r 'select(.event == "unpack") | .from' events | sort -u | wc -l)" = 12 ]
}

@test "an error, and an interruption, is the last event" {
	run -1 --separate-stderr watched ./nothing.aci
	well_formed
	[ "$(kinds)" = "resolve download error " ]
	[[ $(jq -r 'select(.event == "error") | .reason' events) == *"nothing.aci"*"No such file"* ]]
	make_oci
	registry <<-END
	GET /v2/app/blobs/$LAYER
	file layer.tar.gz
	slow 1000 100
	END
	env --default-signal=INT acfetch --local-config=etc --insecure-options=image,http \
		pull --events=9 "docker://$A/app" 9>events 2>/dev/null 3>&- &
	pid=$!
	wait_for 20 grep -q '"download"' events
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" = 130 ]
	well_formed
	[ "$(jq -r .reason <<<"$(tail -n 1 events)")" = interrupted ]
}

@test "nobody who listens" {
	make_aci app.aci example.com/app 1.0
	mkfifo fifo
	# A reader that opens it, and goes.
	sh -c ': <fifo' 3>&- &
	exec 8>fifo
	wait $!
	run -0 --separate-stderr pull --insecure-options=image --events=8 --full ./app.aci
	exec 8>&-
	[ "$output" = "$ID" ]
	[ "$(grep -c "no more events are written" <<<"$stderr")" = 1 ]
}

@test "descriptors that are none, or standard output" {
	make_aci app.aci example.com/app 1.0
	for n in 0 1 77 -1 x '' 99999999999999999999; do
		run -2 --separate-stderr pull --insecure-options=image --events="$n" ./app.aci
		[[ $stderr == *"bad value '$n' for option --events"* ]]
	done
	[ ! -e store ]
}

@test "on standard error, among the messages" {
	make_aci app.aci example.com/app 1.0
	run -0 --separate-stderr pull --insecure-options=image --events=2 --json ./app.aci
	[ "$(jq -r '.[0].id' <<<"$output")" = "$ID" ]
	grep '^{' <<<"$stderr" >events
	well_formed
	[ "$(kinds)" = "resolve download unpack done " ]
	[ "$(grep -v '^{' <<<"$stderr")" = "acfetch: warning: image signature verification has been disabled" ]
}

@test "a terminal sees a bar, a log nothing of what is quick" {
	make_oci 100000
	registry <<-END
	GET /v2/app/blobs/$LAYER
	file layer.tar.gz
	slow 5000 60
	END
	run -0 --separate-stderr pull --insecure-options=image,http "docker://$A/app"
	[ "$stderr" = "acfetch: warning: image signature verification has been disabled" ]
	rm -rf store
	cat >cmd <<-END
	stty cols 100
	TERM=xterm exec acfetch --local-config=$PWD/etc --insecure-options=image,http pull docker://$A/app
	END
	script -qec 'sh ./cmd' /dev/null </dev/null >screen
	grep -q 'docker://127.*: \[=*> *\] 0\.[0-9] of 0\.1 MB ([0-9]*%), [0-9.]* MB/s' screen
	# Wiped at the end, and no line of it is longer than the terminal.
	grep -q $'\r\033\\[K' screen
	[ "$(tr '\r' '\n' <screen | grep 'MB/s' | sed 's/\x1b\[K//' | awk '{ if (length($0) > 99) n++ } END { print n + 0 }')" = 0 ]
	rm -rf store
	sed -i 's/cols 100/cols 40/' cmd
	script -qec 'sh ./cmd' /dev/null </dev/null >screen
	[ "$(tr '\r' '\n' <screen | grep 'docker:' | sed 's/\x1b\[K//' | awk '{ if (length($0) > 39) n++ } END { print n + 0 }')" = 0 ]
	rm -rf store
	sed -i 's/xterm/dumb/' cmd
	script -qec 'sh ./cmd' /dev/null </dev/null >screen
	run ! grep -q MB/s screen
}
