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
# begin DIR: a build in DIR/work.
begin() {
	mkdir -p "$1/work"
	acbuild --work-path "$1/work" --no-history begin
	acbuild --work-path "$1/work" --no-history set-name example.com/fat
	acbuild --work-path "$1/work" --no-history set-exec /bin/true
}

# copy: neither flushes; what is left to write is written between.  The two take
# turns at being first.
copy_theirs() {
	warm "$rootfs"
	once "$1-theirs" cp -a "$rootfs" "$2/cp$3"
}
copy_ours() {
	warm "$rootfs"
	once "$1-ours" acbuild --work-path "$2/work" --no-history copy "$rootfs" "/copy$3"
}
copy_pair() {
	if [ $(($3 % 2)) -eq 0 ]; then
		copy_ours "$@"
		copy_theirs "$@"
	else
		copy_theirs "$@"
		copy_ours "$@"
	fi
}
copy_rows() {
	row "$1-ours" "acbuild copy$2"
	row "$1-theirs" "cp -a$2"
	ratio "copy$2" "$1-ours" "$1-theirs" "$3"
	cpu_ratio "copy$2, processor time" "$1-ours" "$1-theirs" 'nothing asked'
}

# On the disk removed is all at the end, for ext4 looks long for inodes that were
# not in use some minutes ago.
begin "$W"
for i in $(seq $((rounds + rounds % 2))); do
	copy_pair copy "$W" "$i"
done
rm -rf "$W"/cp[0-9]* "$W/work/.acbuild/currentaci/rootfs"/copy*
copy_rows copy '' 'asked: at least 0.77'

# In memory, where no disk disturbs, when there is room for two copies.
shm=/dev/shm
if [ "$(df -Pm "$shm" | awk 'NR == 2 { print $4 }')" -gt $((3 * ${MEGABYTES:-700})) ]; then
	shm=$(mktemp -d "$shm/ac-bench-XXXXXX")
	trap 'rm -rf "$shm"; cleanup' EXIT
	begin "$shm"
	for i in $(seq $((rounds + rounds % 2))); do
		copy_pair shm "$shm" "$i"
		rm -rf "$shm"/cp[0-9]* "$shm/work/.acbuild/currentaci/rootfs"/copy*
	done
	rm -rf "$shm"
	copy_rows shm ', in memory' 'nothing asked'
else
	echo "  copy, in memory: not measured, no room in $shm"
fi

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
