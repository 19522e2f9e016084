# acutils: App Container images and pods.  `make help` lists the targets.
# Settings may go in config.mk (untracked).  V=1 shows the commands.

MAKEFLAGS += -r --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
-include config.mk

VERSION    ?= 0.1.0
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/acutils
MANDIR     ?= $(PREFIX)/share/man
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
# The programs print their own completions.  Where they cannot run (another
# machine's), COMPLETIONS= leaves these out.
COMPLETIONS ?= bash zsh fish
ifeq ($(origin CC),default)
CC         := cc
endif
AR         := ar
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

# Of all programs.
MAN5         := fetch/acutils-config.5
# What a user types, and the folder it lives in.
PROGRAMS     := acbuild actool acfetch acconvert acrun
DIR_acbuild  := acbuild
DIR_actool   := actool
DIR_acfetch  := fetch
DIR_acconvert := convert
DIR_acrun    := run
DIRS         := $(foreach p,$(PROGRAMS),$(DIR_$p))

# Each program links only what it uses: start-up is part of the speed.
TREE_LIBS      := -lcrypto -lisal -ldeflate -lzstd -lbz2 -llzma -ljansson -lxxhash
LIBS_acbuild   := $(TREE_LIBS)
LIBS_actool    := $(TREE_LIBS) -lgpgme -lsodium
LIBS_acfetch   := $(TREE_LIBS) -lgpgme -lcurl -lmicrohttpd -lsodium
LIBS_acconvert := $(TREE_LIBS)
LIBS_acrun     := -ljansson
LIBS_tests     := $(TREE_LIBS) -larchive -lgpgme -lcurl -lsodium

# CFLAGS and friends are the user's.  What the code needs is in AC_*.
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wvla -Wundef \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 \
	-Wimplicit-fallthrough -Wconversion -Wno-sign-conversion \
	-Wnull-dereference -Wdouble-promotion
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE \
	-fno-common -fcf-protection=full -fstrict-flex-arrays=3
ifneq ($(SAN),)
VARIANT  := -san
AC_CPPFLAGS += -DAC_SANITIZED
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifneq ($(COV),)
VARIANT  := -cov
SANFLAGS := --coverage
override CFLAGS := -O0 -g
AC_CPPFLAGS += -DAC_COVERAGE_DIR='"$(CURDIR)"'
else
AC_CPPFLAGS += -D_FORTIFY_SOURCE=2
endif
WERROR   ?= 1
B        ?= build$(VARIANT)

# Some of these depend on the compiler's age or the machine: ask, each alone.
has       = $(shell $(CC) -Werror $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && echo $(1))
HARDEN   := $(foreach f,$(HARDEN),$(call has,$(f)))

AC_CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DAC_VERSION='"$(VERSION)"' $(shell $(PKG_CONFIG) --cflags libxml-2.0 2>/dev/null)
AC_CFLAGS   := -std=c17 $(WARN) $(if $(filter-out 0,$(WERROR)),-Werror) $(HARDEN) $(SANFLAGS)
AC_LDFLAGS  := -pie -Wl,-z,relro,-z,now,--as-needed -pthread $(SANFLAGS)

ifeq ($(V),)
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
endif

all: $(PROGRAMS:%=$B/bin/%) $B/bin/acbuild-script completions ## build the programs into build/bin
include run/build.mk

# Two tools that run while building: the system calls of the machine built for,
# from libseccomp, and the filters that are known beforehand, from our own code.
HOSTCC      ?= $(CC)
AC_MACHINE  := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
GEN_SRC     := common/sys/sysfilter.c common/sys/sysfilter_policy.c \
	$(patsubst %,common/base/%.c,alloc buf err log str)
AC_CPPFLAGS += -I$B
GENERATED   := $(patsubst %,$B/common/sys/%.inc,syscalls confine_net confine_local)
$B/gen-syscalls: run/gen/syscalls.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) -std=c17 -O1 -o $@ $< -lseccomp
$B/common/sys/syscalls.inc: $B/gen-syscalls
	@mkdir -p $(@D)
	$(Q)$< $(AC_MACHINE) > $@.tmp && mv $@.tmp $@
$B/gen-filter: run/gen/filter.c $(GEN_SRC) run/sandbox/filter.h common/sys/sysfilter.h \
	common/sys/sysfilter_policy.h $B/common/sys/syscalls.inc
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) -std=c17 -O1 -D_GNU_SOURCE -I. -I$B -o $@ run/gen/filter.c $(GEN_SRC)
$B/common/sys/confine_%.inc: $B/gen-filter
	$(Q)$< $* $(if $(SAN),ptrace) > $@.tmp && mv $@.tmp $@
$B/common/sys/sysfilter.o $B/common/sys/confine_filter.o: $(GENERATED)

# One archive, one program a folder, no list of files to keep.
COMMON_SRC := $(sort $(wildcard common/*/*.c))
COMMON_OBJ := $(COMMON_SRC:%.c=$B/%.o)
$B/libcommon.a: $(COMMON_OBJ) $B/files
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

PROGRAM_SRC := $(sort $(foreach d,$(DIRS),$(wildcard $d/*.c $d/*/*.c)))
define program
$1_OBJ := $$(patsubst %.c,$B/%.o,$$(filter-out $$(NOT_$1),$$(sort $$(wildcard $(DIR_$1)/*.c $(DIR_$1)/*/*.c))))
$B/bin/$1: $$($1_OBJ) $$(EXTRA_$1) $B/libcommon.a $B/files
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(AC_LDFLAGS) $$(LDFLAGS_$1) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(LIBS_$1) $$(LDLIBS)
OBJS += $$($1_OBJ)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$p)))

# What the first line of a script names.
$B/bin/acbuild-script: $B/bin/acbuild
	$(Q)ln -sf acbuild $@

completions: $(foreach s,$(COMPLETIONS),$(PROGRAMS:%=$B/completion/%.$s))
define completions_for
$(PROGRAMS:%=$B/completion/%.$1): $B/completion/%.$1: $B/bin/%
	@mkdir -p $$(@D)
	$$(Q)$$< completion $1 > $$@
endef
$(foreach s,$(COMPLETIONS),$(eval $(call completions_for,$s)))

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT     := $(UNIT_SRC:tests/unit/%.c=$B/tests/%)
$(UNIT): $B/tests/%: $B/tests/unit/%.o $B/tests/unit/tap.o $B/libcommon.a
# Modules of the programs that have tests of their own.
$B/tests/test_acbuild_words $B/tests/fuzz_script: $B/acbuild/words.o
$B/tests/test_actool_tally: $B/actool/tally.o $B/actool/filecap.o
$B/tests/test_fetch_text: $B/fetch/range.o $B/fetch/reponame.o $B/fetch/version.o
$B/tests/test_fetch_sigv4: $B/fetch/sigv4.o
CREDENTIALS := fetch/cmd fetch/credentials fetch/credentials_read fetch/dockerauth fetch/sigv4
$B/tests/test_fetch_credentials $B/tests/fuzz_config: $(CREDENTIALS:%=$B/%.o)
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SRC_script := acbuild/words.c
FUZZ_SRC_config := $(CREDENTIALS:%=%.c)
FUZZ     := $(FUZZ_SRC:tests/fuzz/%.c=$B/tests/%)
$(FUZZ): $B/tests/%: $B/tests/fuzz/%.o $B/tests/fuzz/driver.o $B/libcommon.a
# Small programs that the tests use: one source file each.
TOOL_SRC := $(sort $(wildcard tests/fault/*.c tests/bench/*.c tests/data/*.c))
TOOLS    := $(foreach s,$(TOOL_SRC),$B/tests/$(basename $(notdir $s)))
define tool
$B/tests/$(basename $(notdir $1)): $B/$(1:.c=.o) $B/libcommon.a
endef
$(foreach s,$(TOOL_SRC),$(eval $(call tool,$s)))
# The two of the comparison with the original actool.
DIFFER_SRC := $(sort $(wildcard tests/differ/*.c))
DIFFER     := $B/tests/generate $B/tests/compare
$B/tests/compare: $(patsubst %,$B/tests/differ/%.o,compare oracle listed) $B/libcommon.a
$B/tests/generate: $(patsubst %.c,$B/%.o,$(filter-out $(patsubst %,tests/differ/%.c,compare oracle listed),$(DIFFER_SRC))) $B/libcommon.a
$(UNIT) $(FUZZ) $(TOOLS) $(DIFFER):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(AC_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_tests) $(LDLIBS)

OBJS += $(COMMON_OBJ) $(patsubst %.c,$B/%.o,$(wildcard tests/unit/*.c tests/fuzz/*.c) $(TOOL_SRC) $(DIFFER_SRC))
-include $(OBJS:.o=.d)

# A change of flags rebuilds, and a file added or removed relinks: both
# live in files that are rewritten only when their content changes.
FLAGS := $(CC) $(AC_CPPFLAGS) $(CPPFLAGS) $(AC_CFLAGS) $(CFLAGS)
$B/flags: KEEP = $(FLAGS)
$B/files: KEEP = $(sort $(OBJS))
$B/flags $B/files: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(KEEP))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(KEEP))' > $@

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(FLAGS) -MMD -MP -c -o $@ $<

deps: ## install what is missing to build, test and lint (apt, dnf, apk)
	$(Q)sh tests/deps all
quickstart: ## install, build, and do the main job on a real image
	$(Q)sh tests/deps quickstart
	$(Q)$(MAKE) all
	$(Q)BINDIR='$(abspath $B)/bin' sh tests/quickstart

check: check-deps check-unit check-fuzz check-differ check-cli ## run every test
check-deps:
	$(Q)sh tests/deps check
check-unit: $(UNIT)
	$(Q)prove --exec '' $(UNIT)
check-fuzz: $(FUZZ)
	$(Q)set -e; for f in $(FUZZ); do n=$${f##*/fuzz_}; \
		$$f tests/fuzz/corpus/$$n/*; done
# The same files each time: what differs from the original actool is listed.
differ_run = KEEP='$B/differ' BINDIR='$(abspath $(or $2,$B)/bin)' TOOLDIR='$(abspath $B)/tests' \
	tests/differ/run $1
check-differ: $B/bin/actool $(DIFFER)
	$(Q)$(call differ_run,manifests 1 1500)
	$(Q)$(call differ_run,archives 1 300)
differ: $(DIFFER) ## compare actool with the original: make differ [N=100000] [M=5000] [SEED=1]
	$(Q)$(MAKE) SAN=address,undefined build-san/bin/actool
	$(Q)$(call differ_run,manifests $(or $(SEED),1) $(or $(N),100000),build-san)
	$(Q)$(call differ_run,archives $(or $(SEED),1) $(or $(M),5000),build-san)
# The same everywhere: the caller may be a make with options, a desktop, or a job that sets nothing.
clean_env = env -i PATH="$$PATH" HOME="$${HOME:-/root}" TMPDIR="$${TMPDIR:-/tmp}" SHELL=/bin/sh TERM=xterm LC_ALL=C \
	$$(env | grep -E '^(AC_TEST_[A-Z_]+|[A-Z]+SAN_OPTIONS|LLVM_PROFILE_FILE)=[^ ]*$$')
check-cli: all $(TOOLS) $(UNIT)
	$(Q)$(clean_env) BINDIR='$(abspath $B)/bin' TOOLDIR='$(abspath $B)/tests' \
		bats $(BATS_FLAGS) $(or $(T),tests/cli)
crash: ## kill acfetch at random moments: make crash [N=20000] [SEED=1]
	$(Q)AC_TEST_KILLS=$(or $(N),20000) AC_TEST_SEED=$(SEED) $(MAKE) check-cli T=tests/cli/store-crash.bats \
		BATS_FLAGS=--show-output-of-passing-tests
faults: ## each system call fails, and the power goes out at each (minutes)
	$(Q)for t in fault power layout; do AC_TEST_EVERY=1 $(MAKE) check-cli T=tests/cli/store-$$t.bats || exit; done
bench: all $(TOOLS) ## measure against the peers; prints ratios
	$(Q)BINDIR='$(abspath $B)/bin' TOOLDIR='$(abspath $B)/tests' sh tests/bench/run $(T)

fuzz: $(GENERATED) ## fuzz one format: make fuzz T=tar [FUZZ_TIME=60]
	@mkdir -p build-fuzz/$T
	clang $(AC_CPPFLAGS) -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined \
		-o build-fuzz/fuzz_$T tests/fuzz/fuzz_$T.c $(FUZZ_SRC_$T) $(COMMON_SRC) $(LIBS_tests)
	build-fuzz/fuzz_$T -max_total_time=$(or $(FUZZ_TIME),60) build-fuzz/$T tests/fuzz/corpus/$T

HEADERS  := $(sort $(wildcard common/*/*.h) $(foreach d,$(DIRS),$(wildcard $d/*.h $d/*/*.h)))
C_FILES  := $(HEADERS) $(COMMON_SRC) $(PROGRAM_SRC) $(wildcard tests/*/*.[ch])
SH_FILES := .ci/run tests/deps tests/quickstart $(wildcard tests/lint/* tests/bench/*.sh tests/bench/run tests/bench/make-image tests/differ/run tests/data/make-* tests/cli/*.bash tests/cli/*.bats)
lint: lint-format lint-headers lint-layers lint-words lint-size lint-shell lint-man lint-tidy ## every static check
lint-format:
	$(Q)clang-format --dry-run -Werror $(C_FILES)
lint-headers: $(HEADERS:%=$B/%.ok)
$B/%.h.ok: %.h $B/flags
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $< | $(FLAGS) -Wno-pedantic -x c -fsyntax-only - && touch $@
lint-layers:
	$(Q)sh tests/lint/check-layers
lint-words:
	$(Q)sh tests/lint/check-words
lint-size:
	$(Q)sh tests/lint/check-size $(COMMON_SRC) $(PROGRAM_SRC)
lint-shell:
	$(Q)shellcheck -x $(SH_FILES)
lint-man:
	$(Q)mandoc -Tlint -W warning $(foreach p,$(PROGRAMS),$(DIR_$p)/$p.1) $(MAN5)
# A file is looked at again only when it or a header changed.
TIDY := $(patsubst %.c,$B/tidy/%.ok,$(COMMON_SRC) $(PROGRAM_SRC))
lint-tidy: $(TIDY)
$B/tidy/%.ok: %.c .clang-tidy $(HEADERS) $(GENERATED)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- $(AC_CPPFLAGS) -std=c17 2>$@.log || { cat $@.log; exit 1; }
	@touch $@
format: ## clang-format the sources in place
	clang-format -i $(C_FILES)

coverage: ## line coverage of make check (gcovr)
	$(MAKE) COV=1 check
	gcovr --root . --exclude tests build-cov

# $(call completion,SHELL,DIR,BEFORE,BEHIND): one file a program.
completion = $(if $(filter $1,$(COMPLETIONS)),$(INSTALL) -d '$(DESTDIR)$2' $(foreach p,$(PROGRAMS), \
	&& $(INSTALL) -m 644 $B/completion/$p.$1 '$(DESTDIR)$2/$3$p$4'))
install: all ## install programs, man pages, completions (DESTDIR, PREFIX)
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5'
	$(INSTALL) -m 755 $(PROGRAMS:%=$B/bin/%) '$(DESTDIR)$(BINDIR)'
	ln -sf acbuild '$(DESTDIR)$(BINDIR)/acbuild-script'
	$(INSTALL) -m 644 $(foreach p,$(PROGRAMS),$(DIR_$p)/$p.1) '$(DESTDIR)$(MANDIR)/man1'
	$(INSTALL) -m 644 $(MAN5) '$(DESTDIR)$(MANDIR)/man5'
	$(INSTALL) -d '$(DESTDIR)$(SYSUSERSDIR)'
	$(INSTALL) -m 644 fetch/acutils.sysusers '$(DESTDIR)$(SYSUSERSDIR)/acutils.conf'
	$(call completion,bash,$(BASHDIR))
	$(call completion,zsh,$(ZSHDIR),_)
	$(call completion,fish,$(FISHDIR),,.fish)
uninstall: ## remove what install put there
	rm -f $(PROGRAMS:%='$(DESTDIR)$(BINDIR)'/%) '$(DESTDIR)$(BINDIR)/acbuild-script' $(PROGRAMS:%='$(DESTDIR)$(MANDIR)'/man1/%.1) \
		$(patsubst %,'$(DESTDIR)$(MANDIR)'/man5/%,$(notdir $(MAN5))) '$(DESTDIR)$(SYSUSERSDIR)/acutils.conf' \
		$(PROGRAMS:%='$(DESTDIR)$(BASHDIR)'/%) $(PROGRAMS:%='$(DESTDIR)$(ZSHDIR)'/_%) \
		$(PROGRAMS:%='$(DESTDIR)$(FISHDIR)'/%.fish)
clean: ## remove everything built
	rm -rf build build-san build-cov build-fuzz

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo '  variables: CC=clang SAN=address,undefined COV=1 V=1 B=DIR T=tests/cli/x.bats'

FORCE:
.PHONY: all completions deps quickstart check check-deps check-unit check-fuzz check-differ check-cli differ crash faults bench \
	fuzz lint lint-format lint-headers lint-layers lint-words lint-size \
	lint-shell lint-man lint-tidy format coverage install uninstall clean help FORCE
