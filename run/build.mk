# acrun is static: it starts in half the time, and nothing of the host's
# library path reaches it.
ifeq ($(SANFLAGS),)
LDFLAGS_acrun := -static-pie $(call has,-Wno-unused-command-line-argument)
endif

# The pod's init is a program of its own, linked with nothing, and carried in
# acrun as bytes (run/init/init.h says why).  It is never sanitized or covered:
# there is no library in it to do so.
INIT_SRC    := $(sort $(wildcard run/init/*.c))
INIT_OBJ    := $(INIT_SRC:%.c=$B/%.o)
INIT_CFLAGS  = $(filter-out $(SANFLAGS) $(HARDEN),$(AC_CFLAGS)) -O2 -fPIE \
	-ffreestanding -fno-builtin -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables $(call has,-fno-tree-loop-distribute-patterns)
NOT_acrun   := $(INIT_SRC) $(wildcard run/gen/*.c)

$(INIT_OBJ): $B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -I. -D_GNU_SOURCE $(INIT_CFLAGS) -MMD -MP -c -o $@ $<
-include $(INIT_OBJ:.o=.d)

# Position-independent without a relocation to process: checked, as nobody
# would process it.
$B/run/acinit: $(INIT_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static-pie -Wl,-z,noexecstack,-z,separate-code,--build-id=none,-s,--gc-sections -o $@ $^
	$(Q)! readelf -rW $@ | grep R_ || { rm -f $@; exit 1; }

$B/run/sandbox/default_filter.inc: $B/gen-filter
	$(Q)mkdir -p $(@D) && $< app > $@.tmp && mv $@.tmp $@
$B/run/sandbox/filter_default.o: $B/run/sandbox/default_filter.inc
$B/run/sandbox/init_blob.o: run/sandbox/init_blob.c $B/run/acinit $B/flags
	$(call say,CC,$<)
	$(Q)$(FLAGS) -DAC_INIT_FILE='"$B/run/acinit"' -MMD -MP -c -o $@ $<

# What the tests run inside pods: static, it has to work in any image.
check-cli: $B/tests/probe
$B/tests/probe: tests/probe/probe.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -static -o $@ $<

$B/tests/test_run_filter: $B/run/sandbox/filter_default.o
$B/tests/test_run_text: $(patsubst %,$B/run/%.o,duration env) $B/run/sandbox/caps.o
$B/tidy/run/sandbox/filter_default.ok: $B/run/sandbox/default_filter.inc
