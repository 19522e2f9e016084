# Stores as the program before this one made them.

# layout_1 STORE [LAYER]...: of all layers, or these, the lists without extended
# attributes, and the number.
layout_1() {
	local store=$1 list
	shift
	[ $# -ne 0 ] || set -- "$store"/layers/*
	for list; do
		list=$store/layers/${list##*/}/files
		[ ! -e "$list" ] || sed -i '/^x /d; s/^\(= [0-9]* [0-9]*\) [0-9]*$/\1/' "$list"
	done
	echo 1 >"$store/version"
}

# Of layout 1, or not all the way in this one: the layers with such lists.
layers_of_1() {
	local list
	for list in "$1"/layers/*/files; do
		[[ $(tail -n1 "$list") =~ ^=\ [0-9]+\ [0-9]+\ [0-9]+$ ]] || echo "$list"
	done
}
