#!/bin/sh
# acbuild: write, copy, edit and --modify, a rootfs of 700 MB
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}
theirs=${THEIRS:-/usr/bin/actool}
[ -x "$theirs" ] || { echo "bench: no $theirs; install appc-spec" >&2; exit 1; }

layout=$W/layout
rootfs=$layout/rootfs
corpus "$rootfs" "${MEGABYTES:-700}"
cat >"$layout/manifest" <<JSON
{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/fat","app":{"exec":["/bin/true"],"user":"0","group":"0"}}
JSON
echo "  $(find "$rootfs" -type f | wc -l) files, $(du -sm "$rootfs" | cut -f1) MB"
# acbuild without notes of the commands, in a directory of its own.
build() { acbuild --work-path "$W/work" --no-history "$@"; }
begin() {
	mkdir -p "$W/work"
	build begin
	build set-name example.com/fat
	build set-exec /bin/true
}

# copy: neither flushes; what is left to write is written between.  Removed is
# all at the end, for ext4 is slow to use inodes again.
begin
i=0
while [ "$i" -lt "$rounds" ]; do
	i=$((i + 1))
	warm "$rootfs"
	once copy-theirs cp -a "$rootfs" "$W/cp$i"
	warm "$rootfs"
	once copy-ours acbuild --work-path "$W/work" --no-history copy "$rootfs" "/copy$i"
done
rm -rf "$W"/cp[0-9]* "$W/work/.acbuild/currentaci/rootfs"/copy*
row copy-ours 'acbuild copy'
row copy-theirs 'cp -a'
ratio 'copy' copy-ours copy-theirs 'asked: at least 0.77'
cpu_ratio 'copy, processor time' copy-ours copy-theirs 'nothing asked'

# An edit: the whole process.
i=0
while [ "$i" -lt $((rounds * 20)) ]; do
	i=$((i + 1))
	once edit acbuild --work-path "$W/work" --no-history label add x "$i"
done
row edit 'acbuild label add (asked: wall under 3 ms)'

# write: against tar and gzip, and the first actool's build.
build copy-to-dir "$rootfs/usr" /
for _ in $(seq "$rounds"); do
	for how in ours ours1 gzip theirs; do
		rm -f "$W/$how.aci"
		warm "$rootfs" "$W/work/.acbuild/currentaci/rootfs"
		case $how in
		ours) once write-ours acbuild --work-path "$W/work" write "$W/ours.aci" ;;
		ours1) once write-ours1 acbuild --work-path "$W/work" write --level 1 "$W/ours1.aci" ;;
		gzip) once write-gzip sh -c "tar -C '$layout' -cf - manifest rootfs | gzip -6 >'$W/gzip.aci'" ;;
		theirs) once write-theirs "$theirs" build "$layout" "$W/theirs.aci" ;;
		esac
	done
done
row write-ours 'acbuild write'
row write-ours1 'acbuild write --level 1'
row write-gzip 'tar | gzip -6'
row write-theirs 'first actool build'
ratio 'write to tar | gzip -6' write-ours write-gzip 'asked: at least 4'
smaller 'size of that' "$W/ours.aci" "$W/gzip.aci" 'asked: at most 1.02'
ratio 'write --level 1 to tar | gzip -6' write-ours1 write-gzip 'asked: at least 15'
smaller 'size of that' "$W/ours1.aci" "$W/gzip.aci" 'nothing asked'
ratio 'write to the first actool build' write-ours write-theirs 'nothing asked'
cpu_ratio 'write to tar | gzip -6, processor time' write-ours write-gzip 'nothing asked'
cpu_ratio 'write --level 1 to it, processor time' write-ours1 write-gzip 'nothing asked'

# --modify: the first acbuild unpacks and compresses again; the first actool's
# patch-manifest, which only compresses again, stands for it.
for _ in $(seq "$rounds"); do
	rm -f "$W/out.aci"
	warm "$W/ours.aci"
	once modify-theirs "$theirs" patch-manifest --name example.com/other "$W/ours.aci" "$W/out.aci"
	rm -f "$W/out.aci"
	warm "$W/ours.aci"
	once modify-ours acbuild --modify "$W/ours.aci" set-name example.com/other
done
row modify-ours 'acbuild --modify set-name'
row modify-theirs 'first actool patch-manifest'
ratio '--modify' modify-ours modify-theirs 'asked: at least 20'
