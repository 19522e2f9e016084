# Archives that no tar writes, entry by entry.

# bytes N: N zero bytes.
bytes() { head -c "$1" /dev/zero; }

# field TEXT SIZE: padded with zero bytes.
field() {
	printf '%s' "$1"
	bytes $(($2 - ${#1}))
}

# header TYPE NAME [LINK [SIZE [MAJOR MINOR]]]: one block.
header() {
	local sum f
	f=$(mktemp "$BATS_TEST_TMPDIR/header.XXXXXX")
	{
		field "$2" 100
		printf '%s\0' "${TAR_MODE-0000644}" "${TAR_UID-0000000}" 0000000
		printf '%011o\0%011o\0%s%s' "${4:-0}" "${TAR_MTIME:-0}" '        ' "$1"
		field "${3-}" 100
		printf 'ustar\00000'
		bytes 64
		printf '%07o\0%07o\0' "${5:-0}" "${6:-0}"
		bytes 167
	} >"$f"
	sum=$(od -An -v -tu1 "$f" | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }')
	printf '%06o\0 ' "$sum" | dd of="$f" bs=1 seek=148 conv=notrunc status=none
	cat "$f"
	rm "$f"
}

# file NAME TEXT [TYPE]
file() {
	header "${3:-0}" "$1" '' "${#2}"
	field "$2" $(((${#2} + 511) / 512 * 512))
}

# pax KEY VALUE: for the entry that follows.
pax() {
	local record=" $1=$2"$'\n' n
	n=$((${#record} + 1))
	while [ "$((${#record} + ${#n}))" -gt "$n" ]; do
		n=$((n + 1))
	done
	file pax "$n$record" x
}

# xattr NAME VALUE: for the entry that follows.
xattr() { pax "SCHILY.xattr.$1" "$2"; }

# entry SPEC...: each "TYPE NAME[ LINK]", or a word that stands for one.
entry() {
	local e type name link
	for e; do
		read -r type name link <<<"$e"
		case $type in
		manifest) file manifest '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/x"}' ;;
		rootfs) header 5 rootfs ;;
		rootfs700) TAR_MODE=0000700 header 5 rootfs ;;
		dir) header 5 "$name" ;;
		file) file "$name" hello ;;
		link) header 2 "$name" "$link" ;;
		hard) header 1 "$name" "$link" ;;
		null) header 3 "$name" '' 0 1 3 ;;
		white) header 3 "$name" '' 0 0 0 ;;
		bigdev) header 3 "$name" '' 0 4096 0 ;;
		biguid) TAR_UID=$'\x80\x01\x01\x01\x01\x01\x01' header 0 "$name" ;;
		socket) header s "$name" ;;
		overlay) xattr trusted.overlay.opaque y && header 5 "$name" ;;
		user) xattr user.note y && header 5 "$name" ;;
		huge) header 0 "$name" '' $((1 << 32)) ;;
		esac
	done
}

# raw FILE SPEC...: the archive of these entries.
raw() {
	local f=$1
	shift
	{
		entry "$@"
		bytes 1024
	} >"$f"
}
