# Archives that no tar writes, entry by entry.

# bytes N: N zero bytes.
bytes() { head -c "$1" /dev/zero; }

# field TEXT SIZE: padded with zero bytes.
field() {
	local LC_ALL=C
	printf '%s' "$1"
	[ "$2" -gt 1024 ] && bytes $(($2 - ${#1})) && return
	printf '%b' "${ZEROS:0:$((2 * ($2 - ${#1})))}"
}
printf -v ZEROS '%1024s' ''
ZEROS=${ZEROS// /'\0'}

# The sum of the bytes of TEXT and of eight spaces.
sum_of() {
	local LC_ALL=C sum=256 i c
	trap - DEBUG # by which bats looks at each command: much slower
	for ((i = 0; i < ${#1}; i++)); do
		printf -v c '%d' "'${1:i:1}"
		((sum += c & 255))
	done
	echo "$sum"
}

# header TYPE NAME [LINK [SIZE [MAJOR MINOR]]]: one block.
header() {
	local LC_ALL=C sum size time major minor
	local mode=${TAR_MODE-0000644} uid=${TAR_UID-0000000}
	printf -v size '%011o' "${4:-0}"
	printf -v time '%011o' "${TAR_MTIME:-0}"
	printf -v major '%07o' "${5:-0}"
	printf -v minor '%07o' "${6:-0}"
	sum=$(sum_of "${2:0:100}$mode${uid}0000000$size$time$1${3-}ustar00$major$minor")
	field "${2:0:100}" 100
	printf '%s\0%s\0%s\0%s\0%s\0%06o\0 %s' "$mode" "$uid" 0000000 "$size" "$time" "$sum" "$1"
	field "${3-}" 100
	printf 'ustar\00000'
	field '' 64
	printf '%s\0%s\0' "$major" "$minor"
	field '' 167
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

# entry SPEC...: each "TYPE NAME[ LINK]", or a word that stands for one.  Of a
# directory LINK is its mode, of a file what is in it.  Both may have \n and \xNN.
entry() {
	local e type name link
	for e; do
		read -r type name link <<<"$e"
		printf -v name '%b' "$name"
		printf -v link '%b' "$link"
		case $type in
		manifest) file manifest '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/x"}' ;;
		rootfs) header 5 rootfs ;;
		rootfs700) TAR_MODE=0000700 header 5 rootfs ;;
		dir) TAR_MODE=${link:-${TAR_MODE-0000644}} header 5 "$name" ;;
		file) file "$name" "${link:-hello}" ;;
		empty) file "$name" '' ;;
		suid) TAR_MODE=0004755 file "$name" "${link:-hello}" ;;
		long)
			pax "$name" "$(printf "%0${link}d" 0)"
			[ "$name" != linkpath ] || header 2 long x
			[ "$name" != path ] || header 0 x
			;;
		link) header 2 "$name" "$link" ;;
		hard) header 1 "$name" "$link" ;;
		null) header 3 "$name" '' 0 1 3 ;;
		loop) header 4 "$name" '' 0 7 0 ;;
		fifo) header 6 "$name" ;;
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
