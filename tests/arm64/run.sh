#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: what `make check-arm64` runs: library and fixtures, built for aarch64 by a cross compiler, under qemu-user
# with Debian's libuv for arm64; the whole-program tests hold what the library wrote against what the fixtures
# counted. Readers and tests are this machine's. Rules: nothing is installed and no binary format is registered, so
# the fixtures' rings are drained by a thread. Where emulator or compiler is missing, that is said, with status 0.
set -eu

cd "$(dirname "$0")/../.."
for tool in qemu-aarch64 aarch64-linux-gnu-gcc; do
	if ! command -v "$tool" >/dev/null; then
		echo "check-arm64: skipped: there is no $tool"
		exit 0
	fi
done
build=$(realpath -m "${BUILD:-build}")
folder=$build/arm64
root=$folder/root

tests/arm64/setup.sh "$folder"
set -- "$folder/libtrace.so" "$folder/uvtrace-drain"
for fixture in tests/fixtures/*.c; do
	name=${fixture##*/}
	case $name in fixture.c | fault_*) continue ;; esac
	set -- "$@" "$folder/fixtures/${name%.c}"
done
CPPFLAGS=-isystem$root/usr/include LDFLAGS=-L$root/usr/lib/aarch64-linux-gnu \
	make --no-print-directory -s BUILD="$folder" CC=aarch64-linux-gnu-gcc "$@"
# The tests look for everything beside themselves.
cp "$build/e2e_tests" "$build/analyze_trace" "$build/trace_to_jsonl" "$folder"

# Not: the name of the main thread, which is the emulator's, waits of one item for another, which it stretches, and a
# second preload, which that test would have this machine's loader load.
HARNESS_EMULATOR=qemu-aarch64 QEMU_LD_PREFIX=$root exec "$folder/e2e_tests" --jobs 2 \
	--filter='@(polls|workers)/!(main_thread_has_the_pid|queue_wait_of_each_item|other_preload_sees_writes)'
