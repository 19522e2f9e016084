# acrun is static: it starts in half the time, and nothing of the host's
# library path reaches it.
ifeq ($(SANFLAGS),)
LDFLAGS_acrun := -static-pie
endif
