#!/usr/bin/env bats
# acbuild script: the language, the build it is done on, what it leaves.
# shellcheck disable=SC2154,SC2012 # what run sets; names of ours
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	mkdir in
	echo f > in/f
	touch -d 2001-01-01 in/f in
}
# Nothing of a build lies about.
nothing_left() { [ -z "$(ls -A "$TMPDIR")" ] && [ ! -e .acbuild ]; }

@test "a script for the original, by its first line and by the command" {
	cat > build.acb <<- 'END'
		#!/usr/bin/env acbuild-script

		# Start the build with an empty ACI
		begin
		set-name example.com/apache

		# As the original's examples have it: a prefix of a name
		dep add quay.io/coreos/alpine-sh
		Port add http tcp 80   # by any case
		mount add html /var/www/localhost/htdocs
		copy in/f \
		    /etc/f
		set-exec -- /bin/sh -c "chmod 755 / && /usr/sbin/httpd -D FOREGROUND"
		write --overwrite script.aci
	END
	chmod +x build.acb
	run -0 --separate-stderr ./build.acb
	id=$output
	[ -z "$stderr" ]
	run -0 --separate-stderr acbuild script build.acb
	[ "$output" = "$id" ]
	nothing_left
	# What the same commands do one by one, with the same history.
	acbuild begin
	acbuild set-name example.com/apache
	acbuild dep add quay.io/coreos/alpine-sh
	acbuild port add http tcp 80
	acbuild mount add html /var/www/localhost/htdocs
	acbuild copy in/f /etc/f
	acbuild set-exec -- /bin/sh -c "chmod 755 / && /usr/sbin/httpd -D FOREGROUND"
	[ "$(acbuild write steps.aci)" = "$id" ]
	cmp script.aci steps.aci
	actool validate script.aci
	[ "$(actool cat-manifest script.aci | jq -r '.annotations[5].value')" = 'acbuild set-exec "/bin/sh" "-c" "chmod 755 / && /usr/sbin/httpd -D FOREGROUND"' ]
}

@test "words: quotes, escapes, comments, lines that go on" {
	cat > s <<- 'END'
		  	begin
		set-exec /bin/a 'b c' "d e" f\ g 'h"i' "j'k" l'm n'o '' "a\"b" 'c\'d' x#y
		environment add A 'one \
		   two'
		# a comment that \
		environment add NOT this
		set-name example.com/a
		cat-manifest
	END
	printf 'set-user u' >> s
	run -0 --separate-stderr acbuild script s
	[ "$(jq -c .app.exec <<< "$output")" = '["/bin/a","b c","d e","f g","h\"i","j'"'"'k","lm no","","a\"b","c'"'"'d","x"]' ]
	[ "$(jq -r .app.environment[0].value <<< "$output")" = "one  two" ]
	[ "$(jq '.app.environment | length' <<< "$output")" = 1 ]
	sed 's/$/\r/' s > dos
	sed -i 's/cat-manifest/write dos.aci/' dos
	acbuild script dos
	actool validate dos.aci
	# The options of a command end where what it is to run begins.
	run -0 --separate-stderr acbuild script - <<< $'begin\nset-exec /bin/ls --all\ncat-manifest'
	[ "$(jq -c .app.exec <<< "$output")" = '["/bin/ls","--all"]' ]
}

@test "what is no script: said with its line, and nothing of it is done" {
	while IFS='|' read -r text line message; do
		printf 'begin\nset-name example.com/a\nwrite a.aci\n%b' "$text" > s
		run -1 --separate-stderr acbuild script s
		[ "$stderr" = "acbuild: script: s:$line: $message" ]
		[ ! -e a.aci ]
	done <<- 'END'
		set-user 'u|4|unterminated single quote block
		set-user "u\n\n|4|unterminated double quote block
		\nset-user u\\|5|ended with an escape
		set-user \\\n'x|4|unterminated single quote block
		end|4|calling end is unnecessary in a script, cleanup is done automatically
		END\n|4|calling end is unnecessary in a script, cleanup is done automatically
		a\0b|4|there is a NUL byte: this is no script
	END
	run -1 acbuild script nosuch
	[[ $output == "acbuild: script: open nosuch: no such file or directory" ]]
	run -1 acbuild script
	run -1 acbuild script s s
	run -1 acbuild --modify x.aci script s
	[[ $output == *"can't use --modify flags with script" ]]
	head -c 17M /dev/zero | tr '\0' '\n' > s
	run -1 acbuild script s
	nothing_left
}

@test "the first command that fails is the last, with its line and its code" {
	while IFS='|' read -r rc text message; do
		printf 'begin\n\n%s\nwrite a.aci' "$text" > s
		run -"$rc" --separate-stderr acbuild script s
		echo "$stderr"
		[ "${stderr_lines[0]}" = "acbuild: s:3: $message" ]
		[ ! -e a.aci ]
		nothing_left
	done <<- 'END'
		2|label rm nosuch|label remove: element to be removed does not exist in this ACI: 'nosuch'
		3|nosuch|unknown command "nosuch" for "acbuild"
		3|write --nosuch|unknown flag: --nosuch
		1|set-user|set-user: incorrect number of arguments; usage: acbuild set-user USER
		1|begin|begin: build already in progress in this working dir
		1|--no-history end|end: calling end is unnecessary in a script, cleanup is done automatically
		1|write a.aci|write: can't write ACI, name was never set; use "acbuild set-name"
	END
	printf 'begin\ncopy /bin/busybox /bin/sh\nrun /bin/sh -c "exit 7"' > s
	run -7 --separate-stderr acbuild script s
	[ "$stderr" = "acbuild: s:3: run: the command ended with exit code 7" ]
	nothing_left
	run -1 acbuild script - <<< 'set-user u'
	[ "$output" = 'acbuild: standard input:1: set-user: no build in progress in this working dir - try "acbuild begin"' ]
}

@test "paths are the caller's, the build is elsewhere" {
	# The directory the script is called from can be copied whole.
	printf 'begin ../in\nset-name example.com/a\ncopy . /all\nwrite ../out.aci\n' > in/s
	(cd in && acbuild script s)
	tar tf out.aci | grep -qx rootfs/all/f
	[ "$(ls -A in)" = $'f\ns' ] || ls -A in
	mkdir work
	printf 'begin\nset-name example.com/a\nreplace-manifest no\n' > s
	run -1 acbuild --work-path work script s
	[ -z "$(ls -A work)" ]
	run -1 acbuild --work-path nosuch script s
	nothing_left
	# A build of the user's is another one, also when a line names it.
	acbuild begin
	printf 'begin\nset-name example.com/a\n--work-path . set-name example.com/b\n--work-path=. cat-manifest' > s
	run -0 acbuild script s
	[ "$(jq -r .name <<< "$output")" = example.com/b ]
	[ "$(acbuild cat-manifest | jq -r .name)" = example.com/b ]
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "the options of script are those of its commands, and scripts call scripts" {
	printf 'begin\nscript two\ncat-manifest\n' > one
	printf 'set-name example.com/a\nset-user u' > two
	run -0 --separate-stderr acbuild --no-history script one
	[ "$output" = '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a","labels":[{"name":"arch","value":"'"$(uname -m | sed 's/x86_64/amd64/; s/aarch64/aarch64/')"'"},{"name":"os","value":"linux"}],"app":{"exec":null,"user":"u","group":"0"}}' ]
	run -0 --separate-stderr acbuild --debug script one
	[[ $stderr == *"Running script from one"*"one:2: debug: Running script from two"*"Script has been completed"* ]]
	printf 'set-nobody' > two
	run -3 --separate-stderr acbuild script one
	[[ $stderr == 'acbuild: one:2: two:1: unknown command "set-nobody"'* ]]
	echo 'script loop' > loop
	run -1 --separate-stderr acbuild script loop
	[[ $stderr == *"too many scripts within scripts" ]]
	nothing_left
}

@test "a line may change an image that is there" {
	printf 'begin\nset-name example.com/a\nwrite a.aci\n--modify a.aci copy in/f /f\n--modify=a.aci set-name example.com/b\ncat-manifest' > s
	run -0 --separate-stderr acbuild --no-history script s
	[ "$(jq -r .name <<< "${lines[1]}")" = example.com/a ]
	[ "$(actool cat-manifest a.aci | jq -r .name)" = example.com/b ]
	[ "$(tar xOf a.aci rootfs/f)" = f ]
	[ -z "$(find . -name '.acbuild*')" ]
	nothing_left
	# What a killed one left beside the image goes with the next.
	mkdir .acbuild-modify-123456
	acbuild --modify a.aci copy in/f /g
	[ ! -e .acbuild-modify-123456 ]
}

@test "to look at the build between its lines changes nothing" {
	cat > s <<-'END'
		begin
		set-name example.com/a
		annotation add own one
		dependency list
		path-whitelist list
		label add x y
		dependency add example.com/b
		dependency list
		annotation remove own
		set-exec /bin/a
		cat-manifest
		write a.aci
	END
	run -0 --separate-stderr acbuild script s
	[[ $output == *'example.com/b'* ]]
	# The same by single commands.
	grep -v ^write s | while read -r line; do
		# shellcheck disable=SC2086 # words
		acbuild $line
	done > single
	[ "$(tail -n 1 single | jq -S .)" = "$(grep '^{' <<<"$output" | jq -S .)" ]
	[ "$(actool cat-manifest a.aci | jq -r '.annotations[].value' | tail -n 1)" = 'acbuild set-exec "/bin/a"' ]
	acbuild write b.aci
	cmp a.aci b.aci
}

@test "twice, elsewhere and later: one id" {
	mkdir one two
	cp -a in one
	cp -a in two
	printf 'begin\nset-name example.com/a\ncopy in/f /a/b/f\ncopy-to-dir in /opt\nwrite a.aci\n' > s
	id=$(cd one && umask 022 && acbuild script ../s)
	sleep 1.1
	[ "$(cd two && umask 077 && acbuild --work-path . script ../s)" = "$id" ]
	cmp one/a.aci two/a.aci
}

@test "told to end it cleans up, and what was killed goes with the next" {
	mkfifo value
	printf 'begin\nisolator add resource/memory value\nset-user u' > s
	for sig in INT TERM HUP KILL; do
		# Not a job in the background: that ignores SIGINT; and nohup ignores SIGHUP.
		setsid env --default-signal=INT,TERM,HUP acbuild script s & pid=$!
		exec 8> value
		kill -$sig $pid
		exec 8>&-
		rc=0
		wait $pid || rc=$?
		[ "$rc" -eq $((128 + $(kill -l $sig))) ]
		[ "$sig" = KILL ] || nothing_left
	done
	[ "$(ls "$TMPDIR" | wc -l)" -eq 1 ]
	# One that is in use, another's, and what only looks like it stay.
	mkdir "$TMPDIR/acbuild-script-inuse1" "$TMPDIR/acbuild-script-other" "$TMPDIR/acbuild-script-666666"
	ln -s /tmp "$TMPDIR/acbuild-script-777777"
	mkdir "$TMPDIR/acbuild-script-uid123"
	[ "$(id -u)" -ne 0 ] || chown nobody "$TMPDIR/acbuild-script-uid123"
	exec 9< "$TMPDIR/acbuild-script-inuse1"
	flock 9
	acbuild script - <<< begin
	exec 9<&-
	run ls "$TMPDIR"
	[[ $output == *inuse1* && $output == *other* && $output == *777777* && $output != *666666* ]]
	[ "$(id -u)" -ne 0 ] || [[ $output == *uid123* ]]
	[ "$(wc -l <<< "$output")" -eq $((3 + ($(id -u) == 0))) ]
}

@test "what run writes does not tell when: one id, by the newest file or SOURCE_DATE_EPOCH" {
	needs_root
	cp /bin/busybox in/busybox
	touch -d 2002-02-02 in/busybox
	echo late > in/late
	touch -d 2003-03-03 in/late
	cat > s <<- 'END'
		begin
		set-name example.com/a
		copy in/busybox /bin/busybox
		run /bin/busybox touch /made /bin
		run -- /bin/busybox sh -c "/bin/busybox mkdir -p /d && echo x > '/d/a b'"
		copy in/f /f
		write --overwrite a.aci
	END
	run -0 --separate-stderr acbuild script s
	id=$output
	[ -z "$stderr" ]
	sleep 1.1
	[ "$(acbuild script s)" = "$id" ]
	nothing_left
	TZ=UTC tar tvf a.aci > list
	[ "$(sed -n 's/.* \(200[0-9-]*\) .* rootfs/\1 /p' list | sort)" = "$(printf '%s\n' '2001-01-01 /f' '2002-02-02 ' '2002-02-02 /bin' '2002-02-02 /bin/busybox' '2002-02-02 /d' '2002-02-02 /d/a b' '2002-02-02 /made' | sed 's/ /  /; s/  / /' | sort)" ] || { cat list; false; }
	# A newer file that is copied later keeps its time.
	sed 's/in.f /in\/late /' s > t
	acbuild script t
	TZ=UTC tar tvf a.aci | grep -q '2003-03-03 .* rootfs/f$'
	TZ=UTC tar tvf a.aci | grep -q '2003-03-03 .* rootfs/made$'
	id=$(SOURCE_DATE_EPOCH=1000000000 acbuild script s)
	[ "$(SOURCE_DATE_EPOCH=1000000000 acbuild script s)" = "$id" ]
	TZ=UTC tar tvf a.aci | grep -q '2001-09-09 .* rootfs/made$'
}
