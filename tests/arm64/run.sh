#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: what `make check-arm64` runs: library and fixtures, built for aarch64 by a cross compiler,
# under qemu-user with Debian's libuv for arm64; the whole-program tests hold what the library wrote
# against what the fixtures counted. Readers and tests are this machine's. Rules: nothing is
# installed and no binary format is registered, so the fixtures' rings are drained by a thread.
# Where emulator or compiler is missing, that is said, with status 0.
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
for fixture in tests/fixtures/kinds/*.c tests/fixtures/process/*.c; do
	name=${fixture##*/}
	# Built in two forms, for tests of what is no libuv.
	[ "$name" != imitation.c ] || continue
	set -- "$@" "$folder/fixtures/${name%.c}"
done
# The programs name their dynamic linker themselves: told of a prefix (-L),
# the emulator would take "/" for that folder.
libraries=$root/usr/lib/aarch64-linux-gnu
linker=$root/lib/ld-linux-aarch64.so.1
linking=-Wl,--disable-new-dtags,-rpath,$root/lib:$libraries,--dynamic-linker=$linker
CPPFLAGS=-isystem$root/usr/include LDFLAGS="-L$libraries $linking" \
	make --no-print-directory -s BUILD="$folder" CC=aarch64-linux-gnu-gcc "$@"
# The tests look for everything beside themselves.
cp "$build/e2e_tests" "$build/analyze_trace" "$build/trace_to_jsonl" "$folder"

# Not: the name of the main thread, which is the emulator's, waits of one item for another, which it
# stretches, and a second preload, which that test would have this machine's loader load.
not='main_thread_has_the_pid|queue_wait_of_each_item|other_preload_sees_writes'
not="$not|clock_of_another_preload"
HARNESS_EMULATOR=qemu-aarch64 "$folder/e2e_tests" --jobs 2 --filter="@(polls|workers)/!($not)"

# npm's node for this machine has libuv inside. The emulator's own threads are hidden from the
# library (one_task.c), and what the program writes below / goes below the emulator's prefix.
tests/node/setup.sh "$build/node" 22-arm64
aarch64-linux-gnu-gcc -shared -fPIC -D_GNU_SOURCE -o "$folder/one_task.so" tests/arm64/one_task.c \
	-ldl
rm -rf "$folder/node" "$root$folder/node"
mkdir -p "$folder/node"
said=$(qemu-aarch64 -L "$root" -E LD_PRELOAD="$folder/one_task.so:$folder/libtrace.so" \
	-E UVTRACE_DRAIN=thread \
	-E UVTRACE_PATH="$folder/node/trace.bin" "$build/node/22-arm64/bin/node" -e "
		let left = 100, ticks = 0;
		for (let i = 0; i < 100; i++)
			require('fs').stat('/', () => { if (--left === 0) console.log('stats'); });
		const timer = setInterval(() => { if (++ticks === 5) clearInterval(timer); }, 10);")
events=$("$build/trace_to_jsonl" "$root$folder/node")
count() { # kind
	echo "$events" | grep '"event":"PollStart"' | grep -c "\"kind\":\"$1\""
}
echo "node 22 for aarch64: said '$said'," \
	"$(count fs_stat) fs_stat and $(count timer) timer callbacks of 100 and 5"
[ "$said" = stats ] && [ "$(count fs_stat)" = 100 ] && [ "$(count timer)" = 5 ]
