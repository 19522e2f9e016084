#!/bin/sh
# start of a static /bin/true, fully isolated
set -eu
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-60}

mkdir -p "$W/rootfs/bin" "$W/image"
cat >"$W/true.c" <<'C'
int main(void)
{
	return 0;
}
C
cc -O2 -static -o "$W/rootfs/bin/true" "$W/true.c"
mkdir -p "$W/rootfs/proc" "$W/rootfs/dev" "$W/rootfs/sys" "$W/rootfs/tmp"

# Ours: a pod of one app from the store.
store=$W/store
(
	cd "$W/image"
	acbuild begin "$W/rootfs" >/dev/null
	acbuild set-name bench.local/true
	acbuild set-exec /bin/true
	acbuild write true.aci >/dev/null
	acbuild end
)
id=$(acfetch --dir "$store" --insecure-options=image pull --full "$W/image/true.aci" | tail -n 1)

# Theirs: the same tree as an OCI bundle with the runtimes' own default.
mkdir -p "$W/bundle"
cp -a "$W/rootfs" "$W/bundle/rootfs"
(cd "$W/bundle" && runc spec && jq '.process.args = ["/bin/true"] | .process.terminal = false
	| .process.rlimits = []' config.json >c && mv c config.json)

# Debian's crun refuses a hybrid hierarchy that has a controller: it runs from a
# shell that sees none, in a mount namespace of its own.
mkfifo "$W/in" "$W/out"
# shellcheck disable=SC2016 # for that shell
unshare -m sh -c '
	umount /sys/fs/cgroup/unified 2>/dev/null
	while read -r id; do
		"$1/measure" "$2/crun.figures" crun run -b "$2/bundle" "$id" 2>"$2/crun.err"
		echo $?
	done' - "$TOOLDIR" "$W" <"$W/in" >"$W/out" &
exec 3>"$W/in" 4<"$W/out"

crun_once() {
	echo "$1" >&3
	read -r code <&4
	[ "$code" -eq 0 ] || { cat "$W/crun.err" >&2 && exit 1; }
}

for i in $(seq "$rounds"); do
	once acrun acrun --dir "$store" run "$id"
	once bwrap bwrap --unshare-all --bind "$W/rootfs" / --proc /proc --dev /dev /bin/true
	crun_once "bench-crun-$$-$i"
	once runc runc run -b "$W/bundle" "bench-runc-$$-$i"
	[ $((i % 10)) -ne 0 ] || acrun --dir "$store" gc --grace-period=0s >/dev/null 2>&1
done
exec 3>&- 4<&-
row acrun 'acrun run'
row bwrap 'bwrap --unshare-all'
row crun 'crun run'
row runc 'runc run'
ratio 'acrun against crun' acrun crun 'asked: more than 1'
ratio 'acrun against bwrap' acrun bwrap 'asked: at least 0.625, that is 1.6 times its time'
ratio 'acrun against runc' acrun runc 'no figure asked'
