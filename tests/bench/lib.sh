# Shell functions of the benchmarks: sourced by run and by each bench-*.sh.
# shellcheck shell=sh

: "${BINDIR:?run with: make bench}" "${TOOLDIR:?}"
export LC_ALL=C
unset SSL_CERT_DIR SSL_CERT_FILE # each certificate costs
PATH=$BINDIR:$PATH

# once LABEL COMMAND...: one run of it, its figures added to LABEL's.
once() {
	label=$1
	shift
	"$TOOLDIR/measure" "$W/$label.figures" "$@" 2>"$W/$label.err" || {
		echo "bench: $label: exit $? of: $*" >&2
		cat "$W/$label.err" >&2
		exit 1
	}
}

# figure LABEL COLUMN: the median of a column (1 wall ms, 2 cpu ms, 3 KiB).
figure() {
	cut -d' ' -f"$2" "$W/$1.figures" | sort -n |
		awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# row LABEL TEXT: what it took.
row() {
	awk -v t="$2" -v w="$(figure "$1" 1)" -v c="$(figure "$1" 2)" -v m="$(figure "$1" 3)" \
		-v n="$(wc -l <"$W/$1.figures")" \
		'BEGIN { printf "  %-46s wall %9.1f ms  cpu %9.1f ms  peak %6.1f MiB  n=%d\n", t, w, c, m / 1024, n }'
}

# middle TEXT GOAL: of a list of numbers, the median and the range.
middle() {
	sort -n | awk -v t="$1" -v g="$2" '{ v[NR] = $1 } END {
		m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
		printf "  => %s: %.2f [%.2f-%.2f] (%s)\n", t, m, v[1], v[NR], g }'
}

# ratio TEXT OURS THEIRS GOAL: wall of theirs over ours, pair by pair: the
# median pair and the range.  GOAL is words for what was asked.
ratio() {
	paste -d' ' "$W/$2.figures" "$W/$3.figures" | awk '{ print $5 / $1 }' | middle "$1" "$4"
}

# cpu_ratio TEXT OURS THEIRS GOAL: the same of processor time, which a busy
# machine disturbs less.
cpu_ratio() {
	paste -d' ' "$W/$2.figures" "$W/$3.figures" | awk '{ print $6 / $2 }' | middle "$1" "$4"
}

# corpus DIR [MEGABYTES [BUT]]: a root file system, made of what Debian's packages
# have put below /usr here: 700 MB (or MEGABYTES) in some 20,000 files, but for
# those whose names match BUT.
corpus() {
	bench=$(dirname "$0")
	mb=${2:-700}
	mkdir -p "$1"
	{
		sh "$bench/make-image" --list $((mb * 3 / 4))
		sh "$bench/make-image" --list 1000000 | grep '^usr/share/' | head -n $((mb * 23))
	} | grep -Ev -e "${3:-^$}" | sort -u >"$W/list"
	tar -C / --no-recursion -cf - -T "$W/list" | tar -C "$1" -xf -
	rm "$W/list"
}

# warm FILE...: all there is to read in memory, nothing left to write, and what
# memory will be filled was in use before: the host of a virtual machine may give
# it at first touch, which takes four times as long as filling it, and take back
# what was free for a moment.  The same before each run.
warm() {
	sync
	find "$@" -type f -exec cat {} + >/dev/null
	# Two gigabytes twice, but no more than half of what there is.
	mb=$(awk '/^MemAvailable:/ { m = int($2 / 4096); print m < 2000 ? m : 2000 }' /proc/meminfo)
	dd if=/dev/zero of=/dev/null bs="${mb}M" count=1 2>/dev/null &
	dd if=/dev/zero of=/dev/null bs="${mb}M" count=1 2>/dev/null || true
	wait $! || true
}
size() { stat -c %s "$1"; }

# smaller TEXT OURS THEIRS GOAL: the size of ours to theirs.
smaller() {
	awk -v t="$1" -v o="$(size "$2")" -v p="$(size "$3")" -v g="$4" \
		'BEGIN { printf "  => %s: %.3f (%.1f to %.1f MB; %s)\n", t, o / p, o / 1e6, p / 1e6, g }'
}

# Processes started for the measurement, ended with it.
pids=
cleanup() {
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$W"
}
W=$(mktemp -d "${TMPDIR:-/tmp}/ac-bench-XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT TERM
