#!/bin/sh
# validate, build and patch an image of 700 MB, against the first actool
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}
theirs=${THEIRS:-/usr/bin/actool}
[ -x "$theirs" ] || { echo "bench: no $theirs; install appc-spec" >&2; exit 1; }

# What Debian's packages have put below /usr here: 690 MB of files.
layout=$W/layout
mkdir -p "$layout/rootfs"
sh "$(dirname "$0")/make-image" --list "${MEGABYTES:-700}" >"$W/list"
tar -C / --no-recursion -cf - -T "$W/list" | tar -C "$layout/rootfs" -xf -
cat >"$layout/manifest" <<JSON
{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/fat","app":{"exec":["/bin/true"],"user":"0","group":"0"}}
JSON

# All there is to read in memory, nothing left to write: the same before each.
settle() {
	sync
	find "$@" -type f -exec cat {} + >/dev/null
}
size() { stat -c %s "$1"; }
# smaller TEXT OURS THEIRS GOAL: the size of ours to theirs.
smaller() {
	awk -v t="$1" -v o="$(size "$2")" -v p="$(size "$3")" -v g="$4" \
		'BEGIN { printf "  => %s: %.3f (%.1f to %.1f MB; %s)\n", t, o / p, o / 1e6, p / 1e6, g }'
}

for _ in $(seq "$rounds"); do
	for how in ours ours1 theirs; do
		rm -f "$W/$how.aci"
		settle "$layout"
		case $how in
		ours) once build-ours actool build "$layout" "$W/ours.aci" ;;
		ours1) once build-ours1 actool build --level 1 "$layout" "$W/ours1.aci" ;;
		theirs) once build-theirs "$theirs" build "$layout" "$W/theirs.aci" ;;
		esac
	done
done
row build-ours 'actool build'
row build-ours1 'actool build --level 1'
row build-theirs 'first actool build'
ratio 'build' build-ours build-theirs 'asked: at least 5'
smaller 'size of that' "$W/ours.aci" "$W/theirs.aci" 'asked: at most 1.02'
ratio 'build, level 1' build-ours1 build-theirs 'asked: at least 15'
smaller 'size of that' "$W/ours1.aci" "$W/theirs.aci" 'nothing asked'

for _ in $(seq "$rounds"); do
	for f in theirs ours; do
		settle "$W/$f.aci"
		once "validate-ours-$f" actool validate "$W/$f.aci"
		settle "$W/$f.aci"
		once "validate-theirs-$f" "$theirs" validate "$W/$f.aci"
	done
done
for f in theirs ours; do
	row "validate-ours-$f" "actool validate ($f)"
	row "validate-theirs-$f" "first actool validate ($f)"
	ratio "validate, gzip of $f" "validate-ours-$f" "validate-theirs-$f" 'asked: at least 3'
done

for _ in $(seq "$rounds"); do
	rm -f "$W/out.aci"
	settle "$W/ours.aci"
	once patch-ours actool patch-manifest --name example.com/other "$W/ours.aci" "$W/out.aci"
	rm -f "$W/out.aci"
	settle "$W/theirs.aci"
	once patch-foreign actool patch-manifest --name example.com/other "$W/theirs.aci" "$W/out.aci"
	rm -f "$W/out.aci"
	settle "$W/ours.aci"
	once patch-theirs "$theirs" patch-manifest --name example.com/other "$W/ours.aci" "$W/out.aci"
done
row patch-ours 'actool patch-manifest (our image)'
row patch-foreign 'actool patch-manifest (the other'"'"'s image)'
row patch-theirs 'first actool patch-manifest (our image)'
ratio 'patch our image' patch-ours patch-theirs 'asked: at least 20'
ratio 'patch another' patch-foreign patch-theirs 'nothing asked'
