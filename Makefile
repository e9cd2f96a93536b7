# What people type.  Meson and Ninja do the work in $(BUILD).
#
#   make            build
#   make demo       build, make an image without any registry, run a program in it as an ordinary user
#   make check      build, run all tests
#   make bench      measure against peers, in one run
#   make install    PREFIX=/usr/local DESTDIR=
#   make lint       clang-format, clang-tidy, cppcheck, shellcheck
#   make fuzz       run every fuzz target for FUZZ_SECONDS
#   make check-asan the unit tests and fuzz corpora under the address and undefined behaviour sanitizers
#   make check-valgrind  the same under valgrind
#   make docs/options.md  the table of options, after they have changed
#   make deps       install the Debian packages that all this needs (as root)

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
SHELL := /bin/bash

# Debian 12 names.
BUILD_PACKAGES := gcc meson ninja-build pkg-config libfuse3-dev libsquashfs-dev libarchive-dev libzstd-dev libisal-dev \
	libdeflate-dev libjansson-dev libssl-dev libseccomp-dev libcap-dev libcmocka-dev
TEST_PACKAGES := bats skopeo umoci squashfs-tools busybox-static fuse3 uidmap attr acl jq util-linux procps psmisc file \
	bash-completion zsh fish mandoc python3 strace zstd xz-utils bzip2 e2fsprogs fuse2fs \
	fuse-overlayfs
DEMO_PACKAGES := busybox-static
BENCH_PACKAGES := bubblewrap squashfuse squashfs-tools umoci skopeo python3-numpy python3-scipy
LINT_PACKAGES := valgrind clang clang-format clang-tidy cppcheck shellcheck libclang-rt-14-dev

.PHONY: docs/options.md all build demo check check-asan check-valgrind bench install lint format fuzz deps deps-build deps-test deps-demo deps-bench deps-lint clean

all: build

# Installs what is missing when root; tells what is missing otherwise.
define need_packages
	@missing=; for p in $(1); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		if ! command -v apt-get >/dev/null; then echo "not a Debian system: these packages are needed:$$missing" >&2; \
		elif [ $$(id -u) = 0 ]; then \
			{ apt-get update -qq || true; } && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		else echo "missing packages, install them as root:  apt-get install$$missing" >&2; exit 1; fi; fi
endef

deps: deps-build deps-test deps-demo deps-bench deps-lint
deps-build: ; $(call need_packages,$(BUILD_PACKAGES))
deps-test: ; $(call need_packages,$(TEST_PACKAGES))
deps-demo: ; $(call need_packages,$(DEMO_PACKAGES))
deps-bench: ; $(call need_packages,$(BENCH_PACKAGES))
deps-lint: ; $(call need_packages,$(LINT_PACKAGES))

$(BUILD)/build.ninja: | deps-build
	meson setup $(BUILD) --prefix=$(PREFIX)

build: deps-build $(BUILD)/build.ninja
	@ninja -C $(BUILD)

demo: deps-build deps-demo build
	@tests/setup.sh
	@tools/demo.sh $(BUILD)

check: deps-build deps-test build
	@tests/setup.sh
	@tests/run.sh $(BUILD)

check-asan: deps-build deps-test
	@[ -e $(BUILD)-asan/build.ninja ] || meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(BUILD)-asan
	@meson test -C $(BUILD)-asan --print-errorlogs

check-valgrind: deps-build deps-test deps-lint build
	@meson test -C $(BUILD) --print-errorlogs --timeout-multiplier 10 \
		--wrap='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'

bench: deps-build deps-bench build
	@tests/setup.sh
	@tests/bench/run.sh $(BUILD)

install: build
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

format: deps-lint
	clang-format -i $$(git ls-files '*.[ch]')

lint: deps-build deps-lint build
	@tools/lint.sh $(BUILD)

fuzz: deps-build deps-lint
	@tools/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

docs/options.md: build
	@$(BUILD)/src/cmd/apptainer __options >$@.new && mv $@.new $@

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz demo
