# SPDX-License-Identifier: Apache-2.0
#
# Builds everything into build/. `make help` lists the targets; V=1 shows whole commands.
# Rules: sources are found by wildcards, objects mirror the source tree under build/obj, headers are
# tracked by the compiler (-MMD). What runs inside a traced program (preload/) and what runs on the
# desk (analyzer/) are separate archives; libtrace.so is linked to libc alone.

BUILD ?= build
PREFIX ?= /usr/local
CC ?= gcc
CXX ?= g++
AR ?= ar

OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow
CWARN := $(WARN) -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS += -Ipreload -Ianalyzer -D_GNU_SOURCE
# Where the units live: the object tree of one BUILD. SANITIZE=address,undefined makes a tree for
# check-asan.
SANITIZE ?=
SANFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined)
ALL_CFLAGS = $(OPT) -std=gnu11 $(CWARN) $(SANFLAGS) $(CFLAGS)
# The readers' hot loops cross files: gcc looks through them when it links a tool (a tenth less
# time; fat objects, because the tests link the plain code).
LTO := $(if $(SANITIZE)$(findstring clang,$(shell $(CC) --version 2>/dev/null)),, \
	-flto=auto -ffat-lto-objects)
PRELOAD_CFLAGS := -fPIC -fvisibility=hidden -fno-semantic-interposition -ftls-model=initial-exec
ALL_LDFLAGS = $(SANFLAGS) -Wl,--as-needed $(LDFLAGS)
ANALYZER_LIBS := -ldw -lelf -ljansson -lprotobuf-c -lz -lzstd -lpthread -lm

comma := ,
Q := $(if $(V),,@)
say = $(if $(V),,@printf '%-5s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))';)
obj = $(addprefix $(BUILD)/obj/,$(addsuffix .o,$(basename $(1))))

# ---- What there is -------------------------------------------------------------------------------

# The folders of preload/ and analyzer/, and who may include whom: docs/architecture.md,
# held by scripts/check_layers.sh.
sources = $(foreach folder,$(1),$(wildcard $(folder)/*.c $(folder)/*.S))

PRELOAD_MAINS := preload/drain/uvtrace_drain.c preload/ctl/trace_ctl.c
PRELOAD_SRC := $(filter-out $(PRELOAD_MAINS) preload/ctl/%,$(call sources,preload preload/*))
DRAIN_SRC := $(filter-out $(PRELOAD_MAINS),$(call sources,$(addprefix preload/, \
	format files ring observe runtimes segment watch drain)))
# What units may be linked with: no constructor, and nothing that interposes a function of libc or
# libuv.
UNIT_PRELOAD_SRC := $(filter-out preload/libtrace.c preload/libuv/% \
	preload/hooks/hooks_% preload/hooks/describe.c,$(PRELOAD_SRC)) \
	$(addprefix preload/libuv/,static_plan.c static_names.c static_marks.c libuv_functions.c)

# Of the preload, what readers need too.
SHARED_SRC := $(call sources,preload/format) preload/ring/ring_check.c \
	$(addprefix preload/files/,boot_id.c regular_file.c proc_file.c)

ANALYZER_MAINS := $(wildcard analyzer/*.c)
ANALYZER_SRC := $(call sources, \
	$(addprefix analyzer/,* */native timeline/pool findings/detect report/text report/json \
		report/formats report/formats/exports))

PROTOS := $(BUILD)/gen/pprof.pb-c $(BUILD)/gen/perfetto.pb-c
LIBTRACE := $(BUILD)/libtrace.so
DRAIN := $(BUILD)/uvtrace-drain
CTL := $(BUILD)/trace_ctl
TOOLS := $(patsubst analyzer/%.c,$(BUILD)/%,$(ANALYZER_MAINS))
EXAMPLES := $(patsubst docs/examples/%.c,$(BUILD)/examples/%,$(wildcard docs/examples/*.c))
# Programs lie in folders by subject, and are built into one: no two have the same name.
FIXTURES := $(addprefix $(BUILD)/fixtures/,$(basename $(notdir \
	$(filter-out tests/fixtures/preload/% %/imitation.c, \
	$(wildcard tests/fixtures/*/*.c)))))
# One of them again with libuv linked into it, its functions exported and not.
FIXTURES_LINKED := $(addprefix $(BUILD)/fixtures/,slow_exported slow_hidden fault_end_hidden)
# All of them once more with libuv linked into them: its functions exported, as node has it,
# and not.
FIXTURES_EXPORTED := $(FIXTURES:$(BUILD)/%=$(BUILD)/exported/%)
FIXTURES_HIDDEN := $(FIXTURES:$(BUILD)/%=$(BUILD)/hidden/%)
FIXTURES_IMITATING := $(addprefix $(BUILD)/fixtures/imitation_,all some)
# A C++ compiler is not required: the tests that need one of these say that they skip.
BENCHES_SO := $(patsubst tests/bench/preload/%.c,$(BUILD)/bench/%.so, \
	$(wildcard tests/bench/preload/*.c))
FIXTURES_SO := $(patsubst tests/fixtures/preload/%.c,$(BUILD)/fixtures/%.so, \
	$(wildcard tests/fixtures/preload/*.c))
FIXTURES_CC := $(if $(shell command -v $(CXX)), \
	$(addprefix $(BUILD)/fixtures/,$(basename $(notdir $(wildcard tests/fixtures/*/*.cc)))))
SCENARIOS := $(addprefix $(BUILD)/scenarios/,$(basename $(notdir \
	$(wildcard tests/scenarios/*/*.c))))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
# The tool of check-names; it measures the stop and sees the memory that is read.
NAMES_TOOL := $(BUILD)/names/sample_names
# Tells each transaction of a trace, for tests.
TRANSACTIONS_TOOL := $(BUILD)/transactions/tell_transactions
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
UNIT_SRC := $(wildcard tests/unit/*.c tests/unit/*/*.c)
E2E_SRC := $(wildcard tests/e2e/*.c)
FAULT_SRC := $(wildcard tests/faults/*.c)

# The decoder of x86-64 instructions: four files of Zydis, which scripts/install_deps.sh fetches.
# Without them a libuv inside a program cannot be patched, and everything else works.
ZYDIS := build/deps/zydis
# What it is built for, which need not be this machine.
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
ZYDIS_SRC := $(strip $(if $(filter x86_64,$(MACHINE)), \
	$(if $(wildcard /usr/include/Zycore/Types.h), \
	$(wildcard $(addprefix $(ZYDIS)/src/,Decoder.c DecoderData.c SharedData.c Zydis.c)))))
ZYDIS_OBJ := $(ZYDIS_SRC:$(ZYDIS)/src/%.c=$(BUILD)/obj/zydis/%.o)
ZYDIS_FLAGS := $(if $(ZYDIS_SRC),-DUVTRACE_HAVE_ZYDIS -isystem $(ZYDIS)/include \
	$(addprefix -D,ZYDIS_MINIMAL_MODE ZYDIS_DISABLE_FORMATTER ZYDIS_DISABLE_ENCODER \
	ZYDIS_DISABLE_KNC ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD))

ANALYZER_LIB := $(BUILD)/libuvtrace_analyzer.a
UNIT_LIB := $(BUILD)/libuvtrace_unit.a

PRODUCT := $(LIBTRACE) $(DRAIN) $(CTL) $(TOOLS)

# The page needs what makes WebAssembly; without it everything else is built all the same.
WASM_CC ?= clang
VIEWER := $(BUILD)/trace_viewer.html
WASM_RESOURCES := $(shell $(WASM_CC) -print-resource-dir 2>/dev/null)
VIEWER_TOOLS := $(strip $(and $(shell command -v $(WASM_CC)),$(shell command -v wasm-ld), \
	$(wildcard /usr/lib/wasm32-wasi/libc.a), \
	$(wildcard $(WASM_RESOURCES)/lib/wasi/libclang_rt.builtins-wasm32.a)))
# C++ names are put right by what clang has for them, where it is installed.
WASM_CXXABI := $(shell $(WASM_CC) --target=wasm32-wasi -print-file-name=libc++abi.a 2>/dev/null)
VIEWER_CXXABI := $(if $(wildcard $(WASM_CXXABI)),-Wl$(comma)-u$(comma)__cxa_demangle -lc++abi)
# Its C: the analyzer without what needs libraries or the program's files (*/native/, report/text,
# report/formats, jsonl); viewer/wasm/stand_ins/ stands in.
VIEWER_SRC := $(SHARED_SRC) $(call sources,\
	$(addprefix analyzer/,base trace timeline timeline/pool transactions symbols findings \
		findings/detect report report/json viewer/wasm \
		viewer/wasm/jobs viewer/wasm/sums viewer/wasm/stand_ins))
VIEWER_PAGE := $(addprefix analyzer/viewer/, \
	bundle.sh contract.def contract.awk template.html style.css) \
	$(wildcard analyzer/viewer/js/*.js analyzer/viewer/js/*/*.js)

.PHONY: all help tests demo run-demo check run-check check-unit check-e2e check-faults check-real \
	check-node check-names check-static check-libuv check-trixie check-arm64 check-scenarios \
	check-generated \
	check-asan bench fuzz run-fuzz fuzz-names run-fuzz-names \
	install format docs lint clean viewer viewer-skipped check-viewer check-exports \
	check-firefox
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

all: $(PRODUCT) $(EXAMPLES) viewer

help:
	@printf '%s\n' \
	'make             the library, the helper, the tools and the examples, into build/' \
	'make demo        installs what is missing, builds, traces a program, prints the analysis' \
	'make check       installs what is missing, builds, runs the tests and lint' \
	'make check-static  the whole-program tests with libuv linked into the programs' \
	'make check-faults  injects faults; N=1000 kills program and helper so often (default 50)' \
	'make check-exports  what --format=otlp, perfetto, pprof write, read by others'\'' code' \
	'make check-firefox  the tests of the page in Firefox (make check: in Chromium)' \
	'make check-real  traces unmodified real programs under load (tests/real/run.sh)' \
	'make check-node  official builds of node: every callback that they count is in the trace' \
	'make check-names  names of JavaScript and Python functions, against what programs say' \
	'make check-libuv  libuv'\''s own test suite with and without the preload (30 minutes)' \
	'make check-trixie  the same, and the whole-program tests, in Debian 13 (root)' \
	'make check-arm64  builds for aarch64 and runs the fixtures under qemu-user' \
	'make check-scenarios  programs with one planted cause: does the first finding name it?' \
	'make check-generated  the same with PROGRAMS=300 programs written at random from SEED=1' \
	'make check-asan  the unit tests under the address and undefined behaviour sanitizers' \
	'make bench       builds the benchmarks and prints their figures' \
	'make fuzz        runs each fuzzer for FUZZ_SECONDS=60 (needs clang)' \
	'make fuzz-names  those of names in memory alone, RUNS=1000000 times a version' \
	'make check-tsan  the library in the fixtures, and the readers, under ThreadSanitizer' \
	'make check-valgrind  the tools, on good and bad traces, and traced fixtures: memcheck' \
	'make check-loop  unit, e2e and fault tests N=50 times; names each test that failed' \
	'make check-mutations  breaks the product in aimed ways: does a test fail each time?' \
	'make install     into PREFIX=$(PREFIX) (DESTDIR is honoured)' \
	'make format      clang-format over all C files' \
	'make lint        checks who may include whom, and the shape of the sources' \
	'make clean       removes build/'

# ---- Objects -------------------------------------------------------------------------------------

$(BUILD)/obj/preload/%.o: preload/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(PRELOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/preload/patch/insn_x86_64.o: PRELOAD_CFLAGS += $(ZYDIS_FLAGS)

$(BUILD)/obj/zydis/%.o: $(ZYDIS)/src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -O2 $(PRELOAD_CFLAGS) $(ZYDIS_FLAGS) -I$(ZYDIS)/src -c -o $@ $<

$(BUILD)/obj/analyzer/%.o: analyzer/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LTO) -MMD -MP -c -o $@ $<

$(BUILD)/obj/preload/%.o: preload/%.S
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) $(CPPFLAGS) $(PRELOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(CPPFLAGS) $(OPT) $(WARN) $(SANFLAGS) $(CXXFLAGS) -MMD -MP \
		-c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- The product ---------------------------------------------------------------------------------

LIBTRACE_MAP := $(BUILD)/libtrace.map
LIBTRACE_LDFLAGS := -shared -Wl,-z,nodelete -Wl,-z,now -Wl,--no-undefined -Wl,-Bsymbolic-functions \
	-Wl,--version-script=$(LIBTRACE_MAP)

$(LIBTRACE_MAP): preload/libuv/libtrace.map.in preload/libuv/functions.def
	@mkdir -p $(@D)
	$(call say,MAP,$@)$(CC) -E -P -x c -o $@ $<

$(LIBTRACE): $(call obj,$(PRELOAD_SRC)) $(ZYDIS_OBJ) $(LIBTRACE_MAP)
	$(if $(ZYDIS_SRC)$(filter-out x86_64,$(MACHINE)),,@printf '%s%s\n' \
		'libtrace.so is built without Zydis: callbacks of programs with libuv inside ' \
		'cannot be seen (scripts/install_deps.sh fetches it)')
	$(call say,LINK,$@)$(CC) $(SANFLAGS) $(LDFLAGS) $(LIBTRACE_LDFLAGS) -o $@ $(filter %.o,$^)

# Static, so that it starts quickly and needs nothing of the root that the program has.
$(BUILD)/uvtrace-drain: $(call obj,preload/drain/uvtrace_drain.c $(DRAIN_SRC))
	$(call say,LINK,$@)$(CC) $(if $(SANITIZE),,-static) $(ALL_LDFLAGS) -o $@ $^

$(BUILD)/trace_ctl: $(call obj,$(call sources,preload/ctl)) $(UNIT_LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^

$(ANALYZER_LIB): $(call obj,$(ANALYZER_SRC) $(SHARED_SRC) preload/ring/clock.c) $(PROTOS:=.o)
$(UNIT_LIB): $(call obj,$(UNIT_PRELOAD_SRC)) $(ZYDIS_OBJ)
# Made anew: ar would keep objects that are no longer in a list, which the Makefile has.
$(ANALYZER_LIB) $(UNIT_LIB): Makefile
	@mkdir -p $(@D); rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $(filter %.o,$^)

$(TOOLS): $(BUILD)/%: $(BUILD)/obj/analyzer/%.o $(ANALYZER_LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) $(OPT) $(LTO) -o $@ $^ $(ANALYZER_LIBS)

# The messages of the formats that are made with protobuf.
$(BUILD)/gen/%.pb-c.c: analyzer/report/formats/exports/%.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$@)protoc-c --c_out=$(@D) -I$(<D) $<
$(PROTOS:=.o): %.o: %.c
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -w -c -o $@ $<
PROTO_USERS := $(addprefix $(BUILD)/obj/,$(addprefix analyzer/report/formats/exports/, \
	pprof_parts.o format_perfetto.o perfetto_packets.o) tests/e2e/test_profile.o)
$(PROTO_USERS): $(PROTOS:=.c)
$(PROTO_USERS): ALL_CFLAGS += -isystem $(BUILD)/gen

# ---- The viewer ----------------------------------------------------------------------------------

viewer: $(if $(VIEWER_TOOLS),$(VIEWER),viewer-skipped)

viewer-skipped:
	@echo 'trace_viewer.html is not built: scripts/install_deps.sh viewer installs the tools'

$(BUILD)/viewer.wasm: $(VIEWER_SRC) $(wildcard analyzer/*/*.h analyzer/*/*/*.h \
		analyzer/*/*.def analyzer/*/*/*.def preload/*/*.h preload/*/*.def \
		analyzer/viewer/wasm/include/*.h analyzer/viewer/wasm/include/sys/*.h)
	@mkdir -p $(@D)
	$(call say,WASM,$@)$(WASM_CC) --target=wasm32-wasi -mexec-model=reactor -O3 -std=gnu11 \
		$(WARN) -Wno-constant-conversion $(CPPFLAGS) \
		-Ianalyzer/viewer/wasm/include -Ianalyzer/viewer/wasm \
		-Wl,--gc-sections -Wl,--strip-all -Wl,--max-memory=4294967296 \
		-Wl,-z,stack-size=1048576 -o $@ $(VIEWER_SRC) -lm $(VIEWER_CXXABI)

# What the page inflates zstd with comes from npm. Where that cannot be had, browsers that know zstd
# do without; where it can be had later, the page is made anew (not-there: .SECONDARY would leave it
# as it is).
VIEWER_NPM := $(BUILD)/viewer-npm
.PHONY: not-there

$(VIEWER_NPM)/.installed: analyzer/viewer/package.json analyzer/viewer/package-lock.json \
		$(if $(wildcard $(VIEWER_NPM)/.installed),,not-there)
	@mkdir -p $(@D)
	$(call say,NPM,$(@D))cp $(filter %.json,$^) analyzer/viewer/.npmrc $(@D) && \
		npm ci --prefix $(@D) --silent --ignore-scripts --fetch-retries=1 && \
		touch $@ || \
		echo 'trace_viewer.html will not inflate .zst itself: npm could not install fzstd'

$(VIEWER): $(BUILD)/viewer.wasm $(VIEWER_PAGE) \
		$(if $(shell command -v npm),$(VIEWER_NPM)/.installed)
	$(call say,PAGE,$@)analyzer/viewer/bundle.sh $< $@ $(VIEWER_NPM)/node_modules/fzstd

# ---- Examples, fixtures, tests -------------------------------------------------------------------

# The object of a fixture, whichever folder its source lies in: once make knows the name ($*).
.SECONDEXPANSION:
FIXTURE_OBJ = $(call obj,$(wildcard tests/fixtures/*/$*.c tests/fixtures/*/$*.cc) \
	tests/fixtures/fixture.c)

$(EXAMPLES): $(BUILD)/examples/%: $(BUILD)/obj/docs/examples/%.o
$(FIXTURES): $(BUILD)/fixtures/%: $$(FIXTURE_OBJ)
$(EXAMPLES) $(FIXTURES):
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ -luv -lpthread

$(BUILD)/fixtures/slow_exported $(BUILD)/fixtures/slow_hidden: \
		$(call obj,tests/fixtures/process/slow.c)
$(BUILD)/fixtures/fault_end_hidden: $(call obj,tests/fixtures/faults/fault_end.c)
$(FIXTURES_LINKED): $(call obj,tests/fixtures/fixture.c)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) $(if $(filter %_exported,$@),-rdynamic) -o $@ $^ \
		-l:libuv_a.a -lpthread -ldl

$(FIXTURES_EXPORTED): $(BUILD)/exported/fixtures/%: $$(FIXTURE_OBJ)
$(FIXTURES_HIDDEN): $(BUILD)/hidden/fixtures/%: $$(FIXTURE_OBJ)
$(FIXTURES_EXPORTED) $(FIXTURES_HIDDEN):
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) $(if $(findstring /exported/,$@),-rdynamic) -o $@ \
		$^ -l:libuv_a.a -lpthread -ldl

# Programs that export functions under libuv's names which are not libuv's.
$(FIXTURES_IMITATING): tests/fixtures/process/imitation.c tests/fixtures/process/own_code.h \
		preload/libuv/functions.def
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -rdynamic $(ALL_LDFLAGS) \
		$(if $(findstring some,$@),-DIMITATION_SOME) -o $@ $<
include tests/fixtures/odd.mk
# Preloads that are not ours.
$(FIXTURES_SO): $(BUILD)/fixtures/%.so: tests/fixtures/preload/%.c
$(BENCHES_SO): $(BUILD)/bench/%.so: tests/bench/preload/%.c
$(FIXTURES_SO) $(BENCHES_SO):
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fPIC -shared $(ALL_LDFLAGS) -o $@ $< \
		-ldl

$(FIXTURES_CC): $(BUILD)/fixtures/%: $$(FIXTURE_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(ALL_LDFLAGS) -o $@ $^ -luv -lpthread

$(SCENARIOS): $(BUILD)/scenarios/%: $$(call obj,$$(wildcard tests/scenarios/*/$$*.c))
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -rdynamic -o $@ $^ -luv -lpthread

$(BENCHES): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(UNIT_LIB) $(ANALYZER_LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ -luv $(ANALYZER_LIBS)

$(NAMES_TOOL): $(call obj,tests/names/sample_names.c) $(UNIT_LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=ptrace -Wl,--wrap=stall_probe_read \
		-o $@ $^

$(TRANSACTIONS_TOOL): $(call obj,tests/transactions/tell_transactions.c) $(ANALYZER_LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZER_LIBS)

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(ANALYZER_LIB) $(UNIT_LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(ANALYZER_LIBS)

# They see which words are read.
$(addprefix $(BUILD)/fuzz/,fuzz_names_v8 fuzz_names_cpython): ALL_LDFLAGS += \
	$(foreach name,read u64 u32,-Wl$(comma)--wrap=remote_$(name))

$(BUILD)/unit_tests: $(call obj,$(UNIT_SRC)) $(ANALYZER_LIB) $(UNIT_LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -fno-lto -o $@ $^ -lcriterion $(ANALYZER_LIBS)

$(BUILD)/e2e_tests: $(call obj,$(E2E_SRC)) $(BUILD)/gen/pprof.pb-c.o
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcriterion -ljansson -lprotobuf-c \
		-lpthread

$(BUILD)/fault_tests: $(call obj,$(FAULT_SRC) $(wildcard tests/e2e/harness*.c))
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcriterion -ljansson -lpthread

# Everything that check runs, without running it.
tests: all $(FIXTURES) $(FIXTURES_LINKED) $(FIXTURES_IMITATING) $(FIXTURES_ODD) $(FIXTURES_SO) \
		$(FIXTURES_CC) $(TRANSACTIONS_TOOL) \
		$(addprefix $(BUILD)/,exported/fixtures/own_text \
		hidden/fixtures/own_text exported/fixtures/control exported/fixtures/flood \
		unit_tests e2e_tests fault_tests)

# Targets that somebody types on a fresh machine install what is missing first; the rest of make
# sees it only when it starts again.
demo:
	@scripts/install_deps.sh build viewer
	@$(MAKE) --no-print-directory run-demo

check:
	@scripts/install_deps.sh build viewer test browser
	@$(MAKE) --no-print-directory tests
	@$(MAKE) --no-print-directory -j1 --keep-going run-check

# One suite after the other: they kill, fill and measure, and each uses the machine as it needs.
run-check: lint check-unit check-e2e check-static check-faults check-names check-viewer \
	check-exports

CRITERION_FLAGS ?= --jobs 2

check-unit: $(BUILD)/unit_tests
	$(Q)$(BUILD)/unit_tests $(CRITERION_FLAGS)

check-e2e: tests
	$(Q)$(BUILD)/e2e_tests $(CRITERION_FLAGS)

# The same with libuv inside the programs: nothing may be missing there.
check-static: tests $(FIXTURES_EXPORTED) $(FIXTURES_HIDDEN)
	$(Q)HARNESS_FIXTURES=exported/fixtures $(BUILD)/e2e_tests $(CRITERION_FLAGS)
	$(Q)HARNESS_FIXTURES=hidden/fixtures $(BUILD)/e2e_tests $(CRITERION_FLAGS)

check-faults: tests
	$(Q)FAULT_KILLS=$(N) $(BUILD)/fault_tests $(CRITERION_FLAGS)

# The page in a real browser; its packages go into the build folder.
VIEWER_TEST := $(BUILD)/viewer-test
# One file after the other: each has a browser of its own.
VIEWER_RUN := BUILD=$(BUILD) node --test --test-concurrency=1 --test-reporter=spec \
	$(wildcard tests/viewer/test_*.js)

$(VIEWER_TEST)/.installed: tests/viewer/package.json tests/viewer/package-lock.json
	@mkdir -p $(@D)
	$(call say,NPM,$(@D))cp $^ tests/viewer/.npmrc $(@D) && \
		npm ci --prefix $(@D) --silent --ignore-scripts && touch $@

check-viewer: tests $(BUILD)/bench/generate_trace $(VIEWER_TEST)/.installed
	$(Q)$(VIEWER_RUN)

# What the formats for other tools write, read by those tools' own code.
EXPORTS_TEST := $(BUILD)/exports-test

$(EXPORTS_TEST)/.installed: tests/exports/package.json tests/exports/package-lock.json
	@mkdir -p $(@D)
	$(call say,NPM,$(@D))cp $^ tests/exports/.npmrc $(@D) && \
		npm ci --prefix $(@D) --silent --ignore-scripts && touch $@

check-exports: tests $(BUILD)/bench/generate_trace $(EXPORTS_TEST)/.installed
	$(Q)BUILD=$(BUILD) node --test --test-concurrency=2 --test-reporter=spec \
		$(wildcard tests/exports/test_*.js)

check-firefox: tests $(BUILD)/bench/generate_trace $(VIEWER_TEST)/.installed
	@scripts/install_deps.sh build viewer browser firefox
	$(Q)BROWSER=firefox $(VIEWER_RUN)

# Debian's node, which uses a shared libuv, is fetched if it can be. SCENARIOS_ARGS: as run.py has
# them, e.g. "--runs 3 --hogs 2", or names.
check-scenarios: all $(SCENARIOS)
	@scripts/install_deps.sh build scenarios
	@tests/real/setup.sh $(BUILD)/real || :
	$(Q)tests/scenarios/test_score.py
	$(Q)tests/scenarios/promises.py $(BUILD)
	$(Q)tests/scenarios/run.py $(BUILD) $(SCENARIOS_ARGS)

# Programs that are written at random, each with one cause or none.
check-generated: all
	$(Q)tests/scenarios/generate.py --programs $(or $(PROGRAMS),300) --seed $(or $(SEED),1) \
		$(BUILD)

# Official builds of node, which have libuv inside; VERSIONS=20 runs one of them.
check-node: all
	@scripts/install_deps.sh build browser real
	$(Q)tests/node/run.py $(BUILD) $(VERSIONS)

# Names of functions of JavaScript and Python against what the programs say of themselves; NAMES=v8
# runs one part, LOOKS=1000 looks longer.
check-names: all $(NAMES_TOOL)
	@scripts/install_deps.sh build browser real
	$(Q)tests/names/run.py $(BUILD) $(NAMES)

check-real: all $(TRANSACTIONS_TOOL)
	@scripts/install_deps.sh build real
	$(Q)tests/real/run.sh
	$(Q)tests/real/transactions.py $(BUILD)

check-libuv: tests
	@scripts/install_deps.sh build test libuv
	$(Q)tests/libuv/check.sh

check-arm64: tests
	@scripts/install_deps.sh build test arm64
	$(Q)tests/arm64/run.sh

check-trixie: tests
	@scripts/install_deps.sh build test libuv trixie
	$(Q)tests/trixie/run.sh

check-asan:
	@LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0 \
		$(MAKE) --no-print-directory \
		BUILD=$(BUILD)/asan SANITIZE=address,undefined OPT='-O1 -g' check-unit

.PHONY: check-tsan run-tsan check-valgrind check-loop check-mutations

# The test framework does not run under this sanitizer: programs of their own do.
check-tsan: tests $(BUILD)/bench/generate_trace
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SANITIZE=thread OPT='-O1 -g' run-tsan
	$(Q)tests/tsan.sh $(BUILD)

run-tsan: $(LIBTRACE) $(TOOLS)

check-valgrind: tests
	@scripts/install_deps.sh valgrind
	$(Q)tests/valgrind.sh $(BUILD)

check-loop: tests
	$(Q)CRITERION_FLAGS='$(CRITERION_FLAGS)' tests/loop.sh $(BUILD) $(or $(N),50)

# In a copy of the sources below build/, at a low priority.
check-mutations:
	$(Q)tests/mutations/run.py $(BUILD) '$(MUTATION)'

.PHONY: benches
benches: $(BENCHES) $(BENCHES_SO)

bench: all benches
	$(Q)tests/bench/run.sh

# libFuzzer comes with clang only, so the fuzzers have an object tree of their own. What they find
# new is kept in build/fuzzing/corpus, what fails as build/fuzzing/crash-*.
FUZZ_SECONDS ?= 60

fuzz:
	@scripts/install_deps.sh build fuzz
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzzing CC=clang OPT='-O1 -g' \
		SANITIZE=fuzzer-no-link,address,undefined run-fuzz

# First every seed as it is; then what comes of them, cut to where many thousands are tried a
# second. A folder is several files, and has seeds of its own.
FUZZ_PROGRAMS := $(BUILD)/programs/exported $(BUILD)/programs/hidden

$(FUZZ_PROGRAMS): tests/fixtures/process/own_text.c tests/fixtures/fixture.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) -O1 $(if $(findstring exported,$@),-s -rdynamic) \
		-o $@ $^ -l:libuv_a.a -lpthread -ldl

# What samples of three versions of node and of each CPython here have read.
FUZZ_NAMES := $(BUILD)/../names/recordings

$(FUZZ_NAMES):
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/.. CC=gcc OPT='-O2 -g' SANITIZE= \
		$(BUILD)/../names/sample_names
	$(Q)tests/names/record.py $(BUILD)/.. $@

run-fuzz: $(FUZZERS) $(FUZZ_PROGRAMS) $(FUZZ_NAMES)
	$(Q)for fuzzer in $(filter-out %_names_v8 %_names_cpython,$(FUZZERS)); do \
		corpus=$(BUILD)/corpus/$${fuzzer##*/}; seeds="tests/golden tests/fuzz/corpus"; \
		max=2800; mkdir -p $$corpus; \
		case $$fuzzer in \
			*folder) seeds="$$seeds tests/fuzz/folders"; max=16384;; \
			*program) seeds=$(BUILD)/programs; max=200000;; \
			*names_python) seeds=; max=400;; \
			*source_map) seeds=tests/fuzz/maps;; \
		esac; \
		$$fuzzer -runs=0 -max_len=1000000 -artifact_prefix=$(BUILD)/ $(FUZZ_ARGS) $$corpus \
		$$seeds && \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -max_len=$$max -len_control=0 \
		-print_final_stats=1 \
			-artifact_prefix=$(BUILD)/ $(FUZZ_ARGS) $$corpus $$seeds || exit 1; done
	$(Q)$(call fuzz_names,-max_total_time=$(FUZZ_SECONDS))

# $(1): how long each of the recordings' folders is tried.
fuzz_names = for names in $(FUZZ_NAMES)/*/*; do \
		version=$${names\#\#*/}; runtime=$${names%/*}; runtime=$${runtime\#\#*/}; \
		corpus=$(BUILD)/corpus/$$runtime.$$version; mkdir -p $$corpus; \
		echo "== $$runtime $$version"; \
		FUZZ_NAMES=$$names $(BUILD)/fuzz/fuzz_names_$$runtime $(1) \
			-max_len=45 -len_control=0 -detect_leaks=0 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/ $(FUZZ_ARGS) $$corpus || exit 1; done

# Only the readers of other programs' memory, without sanitizers, RUNS times for each version: some
# thousand times a second.
RUNS ?= 1000000

fuzz-names:
	@scripts/install_deps.sh build fuzz
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzzing-names CC=clang \
		OPT='-O2 -g -fno-sanitize-coverage=trace-cmp' SANITIZE=fuzzer-no-link \
		run-fuzz-names

run-fuzz-names: $(BUILD)/fuzz/fuzz_names_v8 $(BUILD)/fuzz/fuzz_names_cpython $(FUZZ_NAMES)
	$(Q)$(call fuzz_names,-runs=$(RUNS))

run-demo: all
	$(Q)scripts/demo.sh $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/uvtrace \
		$(DESTDIR)$(PREFIX)/include
	install -m 755 $(LIBTRACE) $(DRAIN) $(BUILD)/examples/completing_task \
		$(DESTDIR)$(PREFIX)/lib/uvtrace
	install -m 644 scripts/uvtrace-doctor.sh $(DESTDIR)$(PREFIX)/lib/uvtrace
	install -m 755 scripts/uvtrace $(CTL) $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 preload/uvtrace.h $(DESTDIR)$(PREFIX)/include
	install -m 644 preload/program/config.def $(DESTDIR)$(PREFIX)/lib/uvtrace/options.def
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(wildcard docs/*.1)
	$(if $(VIEWER_TOOLS),install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/uvtrace $(VIEWER))

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

# docs/findings.md, in part made from the tables of the findings.
FINDINGS_DOC := $(BUILD)/findings_doc

$(FINDINGS_DOC): scripts/findings_doc.c $(ANALYZER_LIB) \
		$(wildcard analyzer/findings/*.def analyzer/findings/*/*.def)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Ianalyzer -o $@ $< $(ANALYZER_LIB) \
		$(ANALYZER_LIBS)

docs: $(FINDINGS_DOC)
	$(Q)$(FINDINGS_DOC) <docs/findings.md >$(BUILD)/findings.md && \
		cp $(BUILD)/findings.md docs/findings.md

lint: $(FINDINGS_DOC)
	$(Q)scripts/check_layers.sh && scripts/check_sources.sh
	$(Q)$(FINDINGS_DOC) <docs/findings.md | cmp - docs/findings.md || \
		{ echo "docs/findings.md is not that of the tables: make docs" >&2; exit 1; }

clean:
	rm -rf $(BUILD)
