# Whole trees as text, for comparing them with diff.

# tree_list DIR: everything about every file but the size of directories and
# the numbers of inodes, of which it says which names share one.
tree_list() (
	cd "$1" || exit
	find . -print0 | sort -z |
		xargs -0 stat --printf '%f %u %g %.9Y %s %t:%T %i %N\n' |
		awk '{ if ($1 ~ /^4/) $5 = $7 = "-"
			else if ($7 in first) $7 = first[$7]
			else $7 = first[$7] = NR
			print }'
	find . -type f -print0 | sort -z | xargs -0r sha256sum -z | tr '\0' '\n'
	find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex -- |
		grep -v '^security.selinux='
)

# same_trees A B: no difference but those that the filter (a sed script) drops.
same_trees() {
	diff <(tree_list "$1" | sed "${3-}") <(tree_list "$2" | sed "${3-}")
}
