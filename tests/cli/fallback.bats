#!/usr/bin/env bats
# Without openat2(2), the checked walk does the same: the suites of the modules
# that live by it, on such a kernel and behind such a filter.

load helper

: "${TOOLDIR:?run with: make check}"

@test "with openat2 the kernel resolves" {
	run -0 "$TOOLDIR/test_sys_at"
	[[ $output == *'# way: openat2'* ]]
}

@test "without openat2 (ENOSYS) the walk resolves, and the suites pass" {
	run -0 "$TOOLDIR/no_openat2" "$TOOLDIR/test_sys_at"
	[[ $output == *'# way: walk'* ]]
	for t in test_sys_treewr test_sys_treewr_hostile test_sys_tree; do
		run -0 "$TOOLDIR/no_openat2" "$TOOLDIR/$t"
	done
}

@test "behind a filter (EPERM) the suites pass" {
	export NO_OPENAT2=eperm
	run -0 "$TOOLDIR/no_openat2" "$TOOLDIR/test_sys_at"
	[[ $output == *'# way: walk'* ]]
	run -0 "$TOOLDIR/no_openat2" "$TOOLDIR/test_sys_treewr"
}
