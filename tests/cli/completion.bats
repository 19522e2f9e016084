#!/usr/bin/env bats
# Completion of every program in bash, zsh and fish.
# shellcheck disable=SC2154,SC2153,SC2034,SC2086 # run sets $stderr; COMP_ is bash's; words are split

load helper
load aci

programs='acbuild actool acfetch acconvert acrun'

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
}

# complete_bash WORD...: what bash offers for the last one.
complete_bash() {
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	# shellcheck disable=SC1090 # what is tested
	source <("$1" completion bash)
	"_$1"
	[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sort
}

# complete_fish LINE: what fish offers, without the descriptions.
complete_fish() {
	HOME=$PWD fish --no-config -c "${1%% *} completion fish | source; complete -C '$1'" | cut -f1 | sort
}

# complete_zsh LINE: the screen after a tab, on one line.
complete_zsh() {
	"${1%% *}" completion zsh >"_${1%% *}"
	cat >driver.zsh <<-'END'
	zmodload zsh/zpty
	zpty z zsh -f -i
	zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source ./_${2%% *}; COLUMNS=200 LISTMAX=0; bindkey '^I' list-choices; zle -N over; over() { echo ALL''DONE }; bindkey '^X' over; echo REA''DY"
	zpty -r z x '*READY*'
	zpty -w -n z "$2"$'\t\x18'
	zpty -r z x '*ALLDONE*'
	print -r -- "$x"
	zpty -d z
	END
	zsh -f driver.zsh -- "$1" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' | tr '\r\n' '  '
}

# Every command of a program: "image list".
commands() {
	local sub
	echo "${*:2}"
	"$@" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | while read -r sub; do
		commands "$@" "$sub"
	done
}

@test "the scripts are well formed" {
	for p in $programs; do
		"$p" completion bash | bash -n
		"$p" completion zsh | zsh -n
		"$p" completion fish | fish --no-execute
	done
	for p in $programs; do
		run ! "$p" completion
		[[ $output == *"bash, zsh or fish"* ]]
		run ! "$p" completion tcsh
		run ! "$p" completion bash zsh
		run -0 "$p" completion --help
		[[ $output == "Usage: $p completion bash|zsh|fish" ]]
	done
}

@test "bash: every command and option of every program" {
	local p path o sub
	for p in $programs; do
		# shellcheck disable=SC1090
		source <("$p" completion bash)
		while read -r path; do
			# shellcheck disable=SC2206 # words
			COMP_WORDS=("$p" $path --) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			"_$p"
			offered=" ${COMPREPLY[*]%=} "
			while read -r o; do
				[[ $offered == *" --$o "* ]] || { echo "$p $path: no --$o" && false; }
			done < <("$p" $path --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p')
			COMP_WORDS[COMP_CWORD]=
			"_$p"
			offered=" ${COMPREPLY[*]} "
			while read -r sub; do
				[[ $offered == *" $sub "* ]] || { echo "$p $path: no $sub" && false; }
			done < <("$p" $path --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
		done < <(commands "$p")
	done
}

@test "bash: commands, options, values" {
	[ "$(complete_bash actool val)" = validate ]
	[ "$(complete_bash actool --debug ver)" = "verify
version" ]
	[ "$(complete_bash actool build --comp)" = --compression= ]
	[ "$(complete_bash actool build --overw)" = --overwrite ]
	[ "$(complete_bash actool build -overw)" = "" ]
	[ "$(complete_bash actool build --compression '')" = "bzip2
gzip
none
xz" ]
	[ "$(complete_bash actool build -compression g)" = gzip ]
	# In one word, and as bash cuts it.
	[ "$(complete_bash actool build --compression=g)" = --compression=gzip ]
	[ "$(complete_bash actool build --compression = g)" = gzip ]
	[ "$(complete_bash actool build --compression =)" = "bzip2
gzip
none
xz" ]
	[ "$(complete_bash actool build --overwrite = f)" = false ]
	[ "$(complete_bash acfetch --insecure-options image,t)" = image,tls ]
	[ "$(complete_bash acfetch --insecure-options = image,t)" = image,tls ]
	[ "$(complete_bash acfetch image ls --order d)" = desc ]
	[ "$(complete_bash acfetch --dir x image l)" = list ]
	[ "$(complete_bash acfetch --dir=x image l)" = list ]
	[ "$(complete_bash acfetch --dir = x image l)" = list ]
	[ "$(complete_bash actool help va)" = validate ]
	[ "$(complete_bash actool completion z)" = zsh ]
	[ "$(complete_bash actool nosuch '')" = "" ]
}

@test "bash: files and directories where the operands are such" {
	mkdir -p dir 'a dir'
	touch a.aci b.txt 'c d.aci'
	[ "$(complete_bash actool build '')" = "a dir
dir" ]
	[ "$(complete_bash actool build dir '')" = "a dir
a.aci
c d.aci
dir" ]
	[ "$(complete_bash actool build dir a.aci '')" = "" ]
	[ "$(complete_bash actool validate x b)" = b.txt ]
	[ "$(complete_bash actool validate -- --)" = "" ]
	[ "$(complete_bash actool id a.aci c)" = "c d.aci" ]
	[ "$(complete_bash actool verify --key b)" = b.txt ]
	[ "$(complete_bash actool verify --key = b)" = b.txt ]
	[ "$(complete_bash acfetch --dir d)" = dir ]
	[ "$(complete_bash actool build --level '')" = "" ]
}

@test "images of the store" {
	make_aci app.aci example.com/app 1.0
	acfetch --insecure-options=image pull ./app.aci 2>/dev/null
	name=$(acfetch image list --no-legend --fields=name)
	[[ $name == example.com/app:1.0* ]]
	for c in "acrun run" "acfetch pull" "acfetch image rm"; do
		[ "$(complete_bash $c exam)" = "$name" ]
	done
	[ "$(complete_bash acrun run example.com/app : 1)" = "${name#example.com/app:}" ]
	[ "$(complete_bash acrun run example.com/app :)" = "${name#example.com/app:}" ]
	[[ $(complete_bash acrun run '') == *app.aci* ]]
	[[ $(complete_fish "acrun run exam") == "$name" ]]
	[[ $(complete_zsh "acfetch image rm ") == *"$name"*app.aci* ]]
	# Without a store, and without acfetch, there is nothing and no noise.
	run -0 --separate-stderr env ACUTILS_DIR=/nonexistent bash -c \
		'. <(acrun completion bash); COMP_WORDS=(acrun run ex) COMP_CWORD=2; _acrun; echo "${COMPREPLY[*]}"'
	[ -z "$output$stderr" ]
}

@test "fish" {
	: >x.aci
	mkdir dir
	for p in $programs; do
		while read -r path; do
			offered=$(complete_fish "$p $path --")
			while read -r o; do
				grep -qx -e "--$o=\?" <<<"$offered" || { echo "$p $path: no --$o" && false; }
			done < <("$p" $path --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p')
		done < <(commands "$p" | head -4)
	done
	[ "$(complete_fish "actool val")" = validate ]
	[ "$(complete_fish "actool build --compression ")" = "bzip2
gzip
none
xz" ]
	[ "$(complete_fish "actool build --compression=g")" = --compression=gzip ]
	[ "$(complete_fish "actool build ")" = dir/ ]
	[[ $(complete_fish "actool build dir ") == *x.aci* ]]
	[ "$(complete_fish "acfetch --dir d image list --order a")" = asc ]
	[ "$(complete_fish "acfetch --insecure-options=image,t")" = --insecure-options=image,tls ]
	[ "$(complete_fish "actool completion z")" = zsh ]
}

@test "zsh" {
	: >x.aci
	mkdir dir
	run -0 complete_zsh "actool "
	[[ $output == *"build "*" -- make an image of a layout"*completion*validate* ]]
	run -0 complete_zsh "actool build --"
	[[ $output == *"--compression "*"--level "*"--overwrite "* ]]
	run -0 complete_zsh "actool build --compression="
	[[ $output == *bzip2*gzip*none*xz* ]]
	run -0 complete_zsh "actool build "
	[[ $output == *dir* && $output != *x.aci* ]]
	run -0 complete_zsh "actool build dir "
	[[ $output == *x.aci* ]]
	run -0 complete_zsh "acfetch image ls --sort "
	[[ $output == *id*importtime*kind*name*size* ]]
	run -0 complete_zsh "acfetch --dir dir image list --order "
	[[ $output == *asc*desc* ]]
	# Each option of each command is in the script.
	for p in $programs; do
		script=$("$p" completion zsh)
		while read -r path; do
			while read -r o; do
				grep -qF -e "--${o}[" -e "--$o=" <<<"$script" || { echo "$p $path: no --$o" && false; }
			done < <("$p" $path --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p')
		done < <(commands "$p")
	done
}
