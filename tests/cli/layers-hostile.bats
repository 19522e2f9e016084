#!/usr/bin/env bats
# Images whose layers do odd things to each other: each program that unpacks
# them makes the same tree, umoci's where that has one, or refuses them.
# shellcheck disable=SC2154 # run sets $stderr

load helper
load pull
load layout
load rawtar
load tree

setup() {
	store_setup
	export TMPDIR=$PWD/tmp
	mkdir tmp
	echo kept >secret
}

teardown() { if [ -n "${BAD_PID-}" ]; then stop "$BAD_PID"; fi; }

# images: of the table on standard input, NAME|EXPECTED|ENTRY,ENTRY>ENTRY...,
# (as of `entry`, a layer behind each >) the layouts in/NAME, and in script how a
# registry has them.  The table stays in the file table.
images() {
	local name expected layers layer digest blob list files
	export TAR_MODE=0000755
	mkdir in
	# Users get no devices: then there is nothing in the way of others.
	if [ "$EUID" -eq 0 ]; then cat; else grep -vE '(null|loop) '; fi >table
	(
		trap - DEBUG # by which bats looks at each command: much slower
		while IFS='|' read -r name expected layers; do
			files=()
			IFS='>' read -ra list <<<"$layers"
			for layer in "${list[@]}"; do
				IFS=, read -ra entries <<<"$layer"
				raw "layer${#files[@]}" "${entries[@]}"
				files+=("layer${#files[@]}")
			done
			layout "in/$name" "${files[@]}"
			digest=$(jq -r '.manifests[0].digest' "in/$name/index.json")
			echo "GET /v2/$name/manifests/latest"
			echo "header Content-Type: application/vnd.oci.image.manifest.v1+json"
			echo "file in/$name/blobs/sha256/${digest#*:}"
			for blob in "in/$name"/blobs/sha256/*; do
				echo "GET /v2/$name/blobs/sha256:${blob##*/}"
				echo "file $blob"
			done
		done
	) <table >script
	bad script
}

by_pull() {
	local id
	id=$(timeout 60 acfetch --insecure-options=image,http pull "docker://$A/$1") &&
		timeout 60 acfetch image render --rootfs-only "$id" "pull/$1"
}

by_convert() {
	timeout 60 acconvert to-aci "in/$1" "$1.aci" && timeout 60 actool extract --rootfs-only "$1.aci" "convert/$1"
}

# What is below is unpacked where the command looks at it.
by_build() {
	mkdir "build-$1"
	timeout 60 acbuild --work-path "build-$1" begin --build-mode=oci "./in/$1" &&
		timeout 60 acbuild --work-path "build-$1" copy secret /zz
}

by_umoci() { [ "$EUID" -ne 0 ] || umoci raw unpack --image "in/$1:x" "umoci/$1"; }

# The trees of A are those of B.  Times are the archive's in ours alone.
same() { same_trees "$1" "$2" 's/^\([0-9a-f]* [0-9]* [0-9]*\) [0-9.-]*/\1/'; }

# refused NAME TEXT;TEXT... BY: by a message that has one of these texts, and
# nothing for a terminal.
refused() {
	run -1 --separate-stderr "$3" "$1"
	local text texts
	IFS=';' read -ra texts <<<"$2"
	for text in "${texts[@]}"; do
		if [[ $stderr == *"$text"* ]]; then
			[[ $stderr != *[$'\e\a']* ]]
			return
		fi
	done
	echo "$1, $3: $stderr"
	return 1
}

# All of the table.  EXPECTED is = for a tree, ~TEXT where acconvert alone refuses
# it, TEXT where all do.
all_as_expected() {
	local name expected _
	mkdir pull convert umoci
	while IFS='|' read -r name expected _; do
		echo "$name" >&2
		case $expected in
		'=')
			by_pull "$name"
			by_convert "$name"
			by_umoci "$name"
			;;
		'~'*)
			by_pull "$name"
			by_umoci "$name"
			refused "$name" "${expected#?}" by_convert
			;;
		*)
			refused "$name" "$expected" by_pull
			refused "$name" "$expected" by_convert
			refused "$name" "$expected" by_build
			;;
		esac
	done 5<table <&5 3>&-
	[ "$EUID" -ne 0 ] || same umoci pull
	while IFS='|' read -r name expected _; do
		case $expected in '~'*) rm -r "pull/$name" ;; esac
	done <table
	same pull convert
	# Nothing went astray.
	[ "$(cat secret)" = kept ]
	[ -z "$(ls -A tmp)" ]
	[ -z "$(find pull convert -name '.*')" ]
	[ -z "$(ls -A store/ingest)" ]
	acfetch image verify --no-repair >/dev/null
}

@test "links below, and what is written through them" {
	images <<'END'
plain|=|dir a,file a/x one,dir b,file b/y>dir a,file a/x two,file a/z
dir-to-link|=|dir a,file a/x one,dir b>link a b>file a/x two
turned|=|dir d,dir e,link a d>link a e>file a/x
to-etc|=|link a /etc>file a/passwd
up|=|link a ../../../..>file a/tmp/escaped
chain|=|dir t,link b t,link a b>file a/x
four|=|dir x,link l x>link m l>link n m>file n/f deep
later|=|dir a,file a/f>link a b>dir b,file b/g>file a/h
gone|=|dir b,link a b>file .wh.a>file a/x
gone-too|=|dir b,file b/y,link a b>file .wh.a,file a/x
replaced|=|dir b,file b/y,link a b>dir a,file a/x
and-back|=|dir a,file a/x one,dir b,file b/y>link a b>dir a
parent-gone|=|dir t,dir d,link d/l ../t>file .wh.d,file d/l/x
then-gone|~layers write through the link 'c', and later ones replace it|dir a,link c a>file c/x>file c
same-layer|is a symbolic link in the same tree;is not a directory in the same layer|dir a>link a /tmp,file a/x
loop|is a link in a loop;links that lead in a circle|link a b,link b a>file a/x
self|is a link in a loop;links that lead in a circle|link a a>file a/x
to-file|no directory below;is not a directory|file f data,link a f>file a/x
below-file|no directory below;is not a directory|file f data>file f/x
below-null|no directory below;is not a directory|null f>file f/x
below-fifo|no directory below;is not a directory|fifo f>file f/x
END
	all_as_expected
}

@test "removals, of all odd kinds" {
	images <<'END'
content|=|file f>file .wh.f content
empty|=|file f>empty .wh.f
link|=|file f>link .wh.f x
hard|=|file f,file g>hard .wh.f g
fifo|=|file f>fifo .wh.f
null|=|file f>null .wh.f
twice|=|file f>file .wh.f,file .wh.f
newline|=|file a\nb x>file .wh.a\nb
none|=|file f>file .wh.nope,file f2
within-gone|=|dir a,file a/f>file .wh.a,file a/.wh.f
same-first|=|file f one>file .wh.f,file f two
same-last|=|file f one>file f two,file .wh.f
dir-first|=|dir d,file d/f>file .wh.d,dir d,file d/g
dir-last|=|dir d,file d/f>dir d,file d/g,file .wh.d
by-link|=|dir b,file b/y,link a b>file a/.wh.y
by-outer-link|=|link a /etc>file a/.wh.passwd
by-dots|=|link a ../..>file a/.wh.secret
by-new-link|=|dir a,dir a/b,file a/b/f>file a/b/.wh.f,link a /tmp
aufs|=|file f>file .wh..wh.aufs x
directory|is a directory; names that begin;it is a directory|file f>dir .wh.f
below|a parent is a removed file;below a name that begins;'.wh.|file f>file .wh.f/x
no-name|it names no file;marks no file|file f>file .wh.
dot|it names no file;marks no file|file f>file .wh..
dots|it names no file;marks no file|file f>file .wh...
opaque|=|dir a,dir a/b,file a/b/f,file a/g>dir a,file a/.wh..wh..opq,dir a/b,file a/b/h
opaque-last|=|dir a,file a/g,dir a/s,file a/s/t>dir a,file a/new,file a/.wh..wh..opq
opaque-twice|=|dir d,file d/f>file d/.wh..wh..opq,file d/.wh..wh..opq
opaque-dir|=|dir a,file a/f>dir a/.wh..wh..opq
opaque-link|=|dir a,file a/f>link a/.wh..wh..opq x
opaque-root|=|dir a,file a/g,file top>file .wh..wh..opq,file new
opaque-none|=|file f>file no/where/.wh..wh..opq
opaque-by-link|=|dir t,file t/o,link d t>file d/.wh..wh..opq,file d/n
opaque-by-root|=|dir d,file d/f,link a />file a/.wh..wh..opq
opaque-file|~is not a directory|file a>file a/.wh..wh..opq
END
	all_as_expected
}

@test "hard links across layers" {
	images <<'END'
plain|=|file f data>hard h f
absolute|=|file f data>hard h /f
to-link|=|file f data,link s f>hard h s
to-outer-link|=|link s /etc/passwd>hard h s
to-null|=|null n>hard m n>hard k m
set-user-id|=|suid s>hard t s
chain|=|file a one>hard b a>hard c b>file .wh.a>hard d c
one-changed|=|file a one,hard b a>file a two>hard c b
removed-last|=|file f data>hard h f,file .wh.f
by-link|=|dir d,file d/f data,link s d>hard s/h d/f
by-link-here|=|dir d,link s d>file s/f x,hard s/h s/f
through-link|~in no layer below it|dir d,file d/f data,link s d>hard h s/f
outside|'..' in the target of a hard link|file f>hard h ../../etc/passwd
to-dir|is a directory;leads to the directory|dir d>hard h d
to-itself|to itself|file f>hard f f
to-nothing|no such file;in no layer below|file f>hard h g
to-gone|no such file;in no layer below|file f>file .wh.f>hard h f
END
	all_as_expected
}

@test "roots, names, modes" {
	images <<'END'
root-mode|=|dir a>dir . 0000700
dots|=|dir a>file ./a/./b
root-link|the root is not a directory|dir a>link . /tmp
root-slash|the root is not a directory|dir a>link / /tmp
root-file|the root is not a directory|dir a>file .
root-hard|the root is not a directory|dir a,file f>hard . f
root-null|the root is not a directory|dir a>null .
outside|'..' in the name|dir a>file ../x
outside-too|'..' in the name|dir a>file a/../../x
absolute|absolute name|dir a>file /b
file-twice|in the tree already;in the same layer twice|file f one,file f two
link-twice|in the tree already;in the same layer twice|link f one,link f two
file-and-dir|in the same tree;in the same layer twice|file f,dir f
file-to-dir|=|file a>dir a,file a/x
dir-to-file|=|dir a,file a/x>file a
null-to-dir|=|null n>dir n,file n/x
null-to-link|=|null n>link n x
link-to-null|=|link n /dev/null>null n
newline|=|file a\nb x,dir n\nd,file n\nd/e,link l\nk t\nt
bytes|=|file \xff\xfe x,link \xf0l \xc3
terminal|=|file \e[31mred x,dir \e]0;t\a
terminal-twice|in the tree already;in the same layer twice|file \e[31mred x,file \e[31mred y
long|=|long path 255,long linkpath 4000
long-name|too long|long path 256
long-path|too long|long path 5000
long-link|too long|long linkpath 4096
longer-link|linkpath|long linkpath 100000
no-longer-suid|=|suid s>file s
now-suid|=|file s>suid s
dir-of-suid|=|dir d,suid d/s>dir d 0000711
setgid|=|dir d 0001777>file d/f>dir d 0002755
nodes|=|null n,loop b,fifo p
END
	all_as_expected
}
