# SPDX-License-Identifier: Apache-2.0
# azjit: `make help` lists what there is to make. Every path can be overridden; a packager's CFLAGS and
# LDFLAGS survive; V=1 shows whole commands; SAN=1 builds with the address and undefined sanitizers.

VERSION := 0.1.0
O       ?= build$(if $(SAN),-san)
CC      ?= cc
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
MULTIARCH  ?= $(shell $(CC) -print-multiarch 2>/dev/null)
SECUREDIR  ?= $(if $(wildcard /usr/lib64/security),/usr/lib64/security,/lib/$(if $(MULTIARCH),$(MULTIARCH)/)security)
UNITDIR    ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
TMPFILESDIR ?= /usr/lib/tmpfiles.d
INSTALL ?= install

ifneq ($(V),1)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

# From the directory of azjit to that of azjit-direct: the same under every PREFIX, and in a staged tree.
libexec := $(shell realpath -ms --relative-to='$(BINDIR)' '$(LIBEXECDIR)')
CFLAGS ?= -O2 -g
ours := -std=gnu11 -D_GNU_SOURCE -Iinclude -DAZJIT_VERSION='"$(VERSION)"' -DAZJIT_LIBEXEC='"$(libexec)"' \
	-DAZJIT_SBINDIR='"$(SBINDIR)"' \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wundef \
	-Wvla -Wwrite-strings -Wno-unused-parameter -fno-common -fno-strict-aliasing $(if $(WERROR),-Werror)
# Which of the hardening flags this compiler takes is asked once per build directory.
probe := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
$(O)/flags.mk: Makefile
	@mkdir -p $(O)
	@{ printf 'hard :='; for f in $(probe); do \
	  if $(CC) -Werror $$f -O2 -c -o /dev/null -x c /dev/null 2>/dev/null; then printf ' %s' "$$f"; fi; done; echo; } >$@
ifeq ($(filter help clean format uninstall install-deps,$(MAKECMDGOALS)),)
-include $(O)/flags.mk
endif
comma := ,
san := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
link := -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(san) $(LDFLAGS)

pc = $(shell pkg-config $(1) $(2) 2>/dev/null)
libs_base   := $(call pc,--libs,libsystemd)
libs_azure  := $(call pc,--libs,libcurl jansson libcrypto)
libs_ledger := $(call pc,--libs,sqlite3 libcrypto)
libs_engine := $(call pc,--libs,libconfig)
libs_all    := $(libs_engine) $(libs_azure) $(libs_ledger) $(libs_base)

rooms := base azure ledger engine
src   = $(wildcard $(1)/*.c)
objs  = $(patsubst %.c,$(O)/%.o,$(call src,$(1)))
archives := $(foreach r,engine azure ledger base,$(O)/lib$(r).a)

programs := $(O)/azjit $(O)/azjit-direct $(O)/azjitd $(O)/azjit-relay
module   := $(O)/pam_azjit.so
unit     := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))

all: $(programs) $(module)

$(O)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ours) $(hard) -fPIE $(san) $(CFLAGS) -MMD -MP -c -o $@ $<

# The module's objects are position-independent and see nothing but their own room and the wire.
$(O)/pam/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ours) $(hard) -fPIC -fvisibility=hidden $(san) $(CFLAGS) -MMD -MP -c -o $@ $<

# The roles are in it (.incbin), which no compiler tells as a dependency.
$(O)/client/direct/doctor_role.o: $(wildcard conf/roles/*.json)

define archive
$(O)/lib$(1).a: $$(call objs,client/$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach r,$(rooms),$(eval $(call archive,$(r))))

ld = $(call say,LD,$@)
define program
	$(ld)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pie $(link) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1)
endef

# The caller's side: what a login runs through loads no HTTP and no TLS library (tests/unit holds it).
$(O)/azjit: $(call objs,client/cmd) $(filter $(O)/client/relay/copy%,$(call objs,client/relay)) $(archives)
	$(call program,$(libs_all))
# What speaks to Azure as the caller; azjit executes it. The words and the printing are azjit's.
of_cmd := $(patsubst %,$(O)/client/cmd/%.o,administer caller command report report_ask)
$(O)/azjit-direct: $(call objs,client/direct) $(of_cmd) $(archives)
	$(call program,$(libs_all))
$(O)/azjitd: $(call objs,client/broker) $(archives)
	$(call program,$(libs_all))
$(O)/azjit-relay: $(call objs,client/relay) $(O)/libbase.a
	$(call program,$(libs_base))
$(module): $(patsubst %.c,$(O)/pam/%.o,$(call src,pam_module) client/base/wire.c) pam_module/module.map
	$(ld)
	$(Q)$(CC) $(CFLAGS) -shared $(link) $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,--version-script=pam_module/module.map -o $@ $(filter %.o,$^) -lpam

$(O)/azsim: $(call objs,tests/azsim)
	$(call program,-lmicrohttpd -ljansson -lcrypto -lz)

# A test may bring its own version of what a lower room does: the first definition, the test's, counts.
$(O)/unit/%: $(O)/tests/unit/%.o $(archives)
	$(call program,-Wl$(comma)-z$(comma)muldefs $(libs_all) -lcmocka)
# The relay's own parts are under test without its main.
$(O)/unit/test_relay_%: $(O)/tests/unit/test_relay_%.o $(filter-out %/main.o,$(call objs,client/relay)) $(O)/libbase.a
	$(call program,$(libs_base) -lcmocka)
# And the broker's.
$(O)/tests/unit/test_broker_%.o: CPPFLAGS += -iquote client/broker
$(O)/unit/test_broker_%: $(O)/tests/unit/test_broker_%.o $(filter-out %/main.o,$(call objs,client/broker)) $(archives)
	$(call program,-Wl$(comma)-z$(comma)muldefs $(libs_all) -lcmocka)

# And azjit-direct's.
$(O)/unit/test_direct_%: $(O)/tests/unit/test_direct_%.o $(filter-out %/main.o,$(call objs,client/direct)) $(of_cmd) $(archives)
	$(call program,-Wl$(comma)-z$(comma)muldefs $(libs_all) -lcmocka)

test-programs: $(O)/azsim $(unit)

# --- what people type ---------------------------------------------------------------------------------
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install-deps: ## what building and testing need, from the distribution's packages
	@packaging/install-deps test

demo: ## the main job, end to end, in network namespaces (root)
	@packaging/install-deps test
	@$(MAKE) --no-print-directory all test-programs
	@tests/lab/demo

check: ## every test (root, network namespaces)
	@packaging/install-deps test
	@$(MAKE) --no-print-directory all test-programs
	@O=$(O) tests/run all

check-unit: $(unit) ## the tests that need neither root nor a network
	@O=$(O) tests/run unit

check-san: all test-programs ## all but the timings under the sanitizers (SAN=1; root, network namespaces)
	@$(MAKE) --no-print-directory SAN= O=build build/pam_azjit.so
	@O=$(O) tests/run san

lint: ## style, banned calls, include directions, static analysis
	@tests/lint/run

format: ## lay out every C file
	@clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

fuzz: ## every fuzz target for FUZZ_SECONDS (30) each
	@O=$(O) tests/fuzz/run

bench: all test-programs ## the promises of docs/design.md, measured
	@O=$(O) tests/bench/run

clean: ## forget what was built
	rm -rf build build-*

inst = $(Q)$(INSTALL) -D -m $(1) $(2) $(DESTDIR)$(3)
at   = sed -e 's,@BINDIR@,$(BINDIR),g; s,@SBINDIR@,$(SBINDIR),g; s,@LIBEXECDIR@,$(LIBEXECDIR),g; s,@DATADIR@,$(DATADIR),g'
units := azjitd.service azjitd.socket azjit-relay.service azjit-guard.service
install: all ## into DESTDIR, under PREFIX
	$(call inst,755,$(O)/azjit,$(BINDIR)/azjit)
	$(call inst,755,$(O)/azjitd,$(SBINDIR)/azjitd)
	$(call inst,755,$(O)/azjit-relay,$(LIBEXECDIR)/azjit-relay)
	$(call inst,755,$(O)/azjit-direct,$(LIBEXECDIR)/azjit-direct)
	$(call inst,644,$(module),$(SECUREDIR)/pam_azjit.so)
	$(call inst,644,conf/nftables/azjit-guard.nft,$(DATADIR)/azjit/azjit-guard.nft)
	$(call inst,644,conf/azjit.conf,$(DATADIR)/azjit/azjit.conf)
	@test -e $(DESTDIR)$(SYSCONFDIR)/azjit/azjit.conf || $(INSTALL) -D -m 644 conf/azjit.conf $(DESTDIR)$(SYSCONFDIR)/azjit/azjit.conf
	$(Q)for u in $(units); do $(INSTALL) -d $(DESTDIR)$(UNITDIR) && $(at) conf/systemd/$$u >$(DESTDIR)$(UNITDIR)/$$u && chmod 644 $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	$(call inst,644,conf/sysusers.d/azjit.conf,$(SYSUSERSDIR)/azjit.conf)
	$(call inst,644,conf/tmpfiles.d/azjit.conf,$(TMPFILESDIR)/azjit.conf)
	$(Q)for d in pam.d roles ssh sshd; do for f in conf/$$d/*; do [ ! -f $$f ] || $(INSTALL) -D -m 644 $$f $(DESTDIR)$(DATADIR)/azjit/$$d/$${f##*/} || exit 1; done; done
	$(Q)for m in packaging/man/*.[1-8]; do [ ! -f $$m ] || $(INSTALL) -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done
	$(Q)for f in packaging/completions/*; do [ ! -f $$f ] || $(INSTALL) -D -m 644 $$f $(DESTDIR)$(DATADIR)/bash-completion/completions/$${f##*/} || exit 1; done

uninstall: ## what install put there; the configuration and the ledger stay
	rm -f $(DESTDIR)$(BINDIR)/azjit $(DESTDIR)$(SBINDIR)/azjitd $(DESTDIR)$(LIBEXECDIR)/azjit-relay $(DESTDIR)$(LIBEXECDIR)/azjit-direct
	rm -f $(DESTDIR)$(SECUREDIR)/pam_azjit.so $(DESTDIR)$(SYSUSERSDIR)/azjit.conf $(DESTDIR)$(TMPFILESDIR)/azjit.conf
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(units)) $(DESTDIR)$(DATADIR)/bash-completion/completions/azjit
	rm -f $(foreach m,$(notdir $(wildcard packaging/man/*.[1-8])),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(m))
	rm -rf $(DESTDIR)$(DATADIR)/azjit

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all help install-deps test-programs demo check check-unit check-san lint format fuzz bench clean install uninstall
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
