#!/bin/sh
# validate, build and patch an image of 700 MB, against the first actool
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}
theirs=${THEIRS:-/usr/bin/actool}
[ -x "$theirs" ] || { echo "bench: no $theirs; install appc-spec" >&2; exit 1; }

layout=$W/layout
corpus "$layout/rootfs" "${MEGABYTES:-700}"
cat >"$layout/manifest" <<JSON
{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/fat","app":{"exec":["/bin/true"],"user":"0","group":"0"}}
JSON

for _ in $(seq "$rounds"); do
	for how in ours ours1 theirs; do
		rm -f "$W/$how.aci"
		warm "$layout"
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
		warm "$W/$f.aci"
		once "validate-ours-$f" actool validate "$W/$f.aci"
		warm "$W/$f.aci"
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
	warm "$W/ours.aci"
	once patch-ours actool patch-manifest --name example.com/other "$W/ours.aci" "$W/out.aci"
	rm -f "$W/out.aci"
	warm "$W/theirs.aci"
	once patch-foreign actool patch-manifest --name example.com/other "$W/theirs.aci" "$W/out.aci"
	rm -f "$W/out.aci"
	warm "$W/ours.aci"
	once patch-theirs "$theirs" patch-manifest --name example.com/other "$W/ours.aci" "$W/out.aci"
done
row patch-ours 'actool patch-manifest (our image)'
row patch-foreign 'actool patch-manifest (the other'"'"'s image)'
row patch-theirs 'first actool patch-manifest (our image)'
ratio 'patch our image' patch-ours patch-theirs 'asked: at least 20'
ratio 'patch another' patch-foreign patch-theirs 'nothing asked'
