#!/usr/bin/env bats
# make install and uninstall, as packagers use them.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	TOP=$BATS_TEST_DIRNAME/../..
	B=$(dirname "$BINDIR")
}

mk() { env -u BINDIR -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$TOP" --no-print-directory B="${B#"$(realpath "$TOP")/"}" "$@"; }

@test "all files are there, executable or not, and uninstall removes them" {
	mk install DESTDIR="$PWD/root" PREFIX=/usr >out
	! grep -q '  CC\|  LD' out || false
	for p in acbuild actool acfetch acconvert acrun; do
		[ "$(stat -c %a "root/usr/bin/$p")" = 755 ]
		for f in man/man1/$p.1 bash-completion/completions/$p zsh/site-functions/_$p fish/vendor_completions.d/$p.fish; do
			[ "$(stat -c %a "root/usr/share/$f")" = 644 ]
			[ -s "root/usr/share/$f" ]
		done
		cmp "root/usr/bin/$p" "$BINDIR/$p"
		"root/usr/bin/$p" --help >/dev/null
	done
	[ -s root/usr/share/man/man5/acutils-config.5 ]
	[ "$(grep -v '^#' root/usr/lib/sysusers.d/acutils.conf)" = $'g acutils -\ng acutils-admin -' ]
	[ "$(find root -type f | wc -l)" = 27 ]
	[ "$(readlink root/usr/bin/acbuild-script)" = acbuild ]
	! grep -rqF "$PWD" root/usr/share || false
	mk uninstall DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
	[ -z "$(find root ! -type d)" ]
}

@test "directories of one's own, with spaces, and no completions" {
	mk install DESTDIR="$PWD/the root" PREFIX=/opt/x MANDIR=/opt/man COMPLETIONS= >/dev/null
	[ -x "the root/opt/x/bin/actool" ]
	[ -f "the root/opt/man/man1/actool.1" ]
	[ ! -e "the root/opt/x/share" ]
	mk uninstall DESTDIR="$PWD/the root" PREFIX=/opt/x MANDIR=/opt/man >/dev/null
	[ -z "$(find "the root" ! -type d)" ]
}

@test "the umask does not matter" {
	umask 077
	mk install DESTDIR="$PWD/out" PREFIX=/usr >/dev/null
	[ "$(stat -c %a out/usr/bin/actool out/usr/share/man/man1/actool.1 | tr '\n' ' ')" = "755 644 " ]
	[ "$(stat -c %a out/usr/bin out/usr/share/fish/vendor_completions.d | tr '\n' ' ')" = "755 755 " ]
}
