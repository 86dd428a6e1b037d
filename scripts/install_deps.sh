#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing of the Debian packages that uvtrace needs.
# For `build` on x86-64 it also fetches the sources of Zydis, the decoder of instructions, into
# build/deps/zydis: Debian has no static library of it. Without them libtrace.so is built all the
# same, and cannot patch a libuv in a program.
# For `test` it fetches the sources of libuv into build/deps/libuv, to be compiled as no
# distribution does.
# Usage: install_deps.sh [GROUP ...]   groups: build (default), viewer, test, browser, firefox,
#        real, libuv, trixie, arm64, scenarios, bench, fuzz, valgrind
# Rules: silent and fast when everything is there; installs only what is missing, and only as root;
# anybody else is told the line to type. Where there is no dpkg it names what is needed and leaves
# the rest to the compiler.
set -eu

packages_of() {
	case $1 in
	build)
		echo gcc make libc6-dev libuv1-dev libdw-dev libjansson-dev zlib1g-dev libzstd-dev \
			libprotobuf-c-dev protobuf-c-compiler
		[ "$(uname -m)" != x86_64 ] || echo libzycore-dev
		;;
	viewer) echo clang lld wasi-libc libclang-rt-dev-wasm32 libc++-dev-wasm32 ;;
	test) echo libcriterion-dev btrfs-progs libjemalloc2 python3-uvloop ;;
	# Node may come from elsewhere, and then brings npm.
	browser)
		echo chromium zstd
		command -v node >/dev/null || echo nodejs
		command -v npm >/dev/null || echo npm
		;;
	firefox) echo firefox-esr ;;
	real | libuv | trixie | arm64 | scenarios)
		sed '/^#/d' "$(dirname "$0")/../tests/$1/packages.txt" | tr '\n' ' '
		;;
	bench) echo linux-perf valgrind ;;
	fuzz) echo clang libclang-rt-dev ;;
	valgrind) echo valgrind ;;
	*)
		echo "install_deps.sh: $1: no such group" \
			"(build, viewer, test, browser, firefox, real, libuv, trixie, arm64," \
			"scenarios, bench, fuzz, valgrind)" >&2
		return 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build
wanted=
for group; do
	packages=$(packages_of "$group")
	wanted="$wanted $packages"
done

if ! command -v dpkg-query >/dev/null; then
	echo "install_deps.sh: this is no Debian;" \
		"uvtrace needs what these packages hold:$wanted" >&2
	exit 0
fi

missing=
for package in $wanted; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
		missing="$missing $package"
done

install_missing() {
	if [ "$(id -u)" != 0 ]; then
		echo "install_deps.sh: packages are missing;" \
			"as root, type: apt-get install$missing" >&2
		exit 1
	fi
	echo "installing:$missing"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of words
	if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } \
		>"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		echo "install_deps.sh: apt-get could not install$missing" >&2
		exit 1
	fi
}

# fetch_sources NAME WITHOUT PACKAGE [VERSION]: into build/deps/NAME; WITHOUT says what is not there
# else. One release of Debian for all: what is decoded and what is tested shall not depend on the
# machine.
fetch_sources() {
	name=$1 without=$2
	shift 2
	[ ! -d "$deps/$name" ] || return 0
	echo "fetching the sources of $*"
	if "$here/debian_source.sh" "$deps/$name.apt" bookworm "$@"; then
		rm -rf "$deps/$name.new"
		mkdir "$deps/$name.new"
		tar -xf "$deps/$name.apt"/*.orig.tar.gz -C "$deps/$name.new" --strip-components=1
		mv "$deps/$name.new" "$deps/$name"
	else
		echo "install_deps.sh: the build goes on without $name: $without" >&2
	fi
}

[ -z "$missing" ] || install_missing
here=$(cd "$(dirname "$0")" && pwd)
deps=$here/../build/deps
case " $wanted " in
*libzycore-dev*) fetch_sources zydis 'callbacks of programs with libuv inside will not be seen' \
	zydis 4.0.0-1 ;;
esac
case " $wanted " in
*libcriterion-dev*) fetch_sources libuv 'programs with an unusual libuv inside are not tested' \
	libuv1 ;;
esac
