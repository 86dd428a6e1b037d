#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh FOLDER WORK: several copies of libuv in one process. FOLDER is setup.sh's. Plugins with a
# shared libuv of their own (under another name), and with libuv inside and exported, are loaded by
# a host that has no libuv and by one that has the system's. Every program must say the same with
# and without the preload, which is where the dynamic linker took each function from; and each
# callback that it counted must be in the trace.
set -u

cd "$(dirname "$0")/../../.." || exit 1
build=$(realpath -m "${BUILD:-build}")
suite=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
source=tests/libuv/copies
passed=0
failed=0

result() { # ok or not ok, name
	echo "$1 - copies: $2"
	if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Names have the same length: only bytes in the library's string table change.
sed 's/libuv\.so\.1/libux.so.1/' "$suite/build/libuv.so.1" >"$work/libux.so.1"
cflags=(-O1 -g -fPIC -D_GNU_SOURCE -I"$suite/source/include")
gcc "${cflags[@]}" -shared -o "$work/own.so" "$source/plugin.c" "$work/libux.so.1" \
	-Wl,-rpath,"$work" &&
	gcc "${cflags[@]}" -shared -o "$work/inside.so" "$source/plugin.c" -Wl,--whole-archive \
	"$suite/static/libuv_a.a" \
		-Wl,--no-whole-archive -lpthread -ldl &&
	gcc "${cflags[@]}" -shared -o "$work/system.so" "$source/plugin.c" -luv &&
	gcc -O1 -g -o "$work/host" "$source/host.c" -ldl &&
	gcc -O1 -g -DWITH_UV -o "$work/host_uv" "$source/host.c" -luv -ldl || exit 1

sum() {
	awk '{ sum += $1 } END { print sum + 0 }'
}

# count KIND: finished polls of that kind.
count() {
	grep '"event":"PollEnd"' "$work/events" | grep -c "\"kind\":\"$1\""
}

for host in host host_uv; do
	for plugins in own inside system "own inside" "inside own" "own inside system" \
		"system own inside"; do
		name="$host with $plugins"
		# shellcheck disable=SC2086 # a list of names
		set -- $(printf " $work/%s.so" $plugins)
		rm -rf "$work/traces"
		"$work/$host" "$@" >"$work/bare" 2>&1
		LD_PRELOAD=$build/libtrace.so UVTRACE_PATH=$work/traces/trace.bin "$work/$host" \
			"$@" >"$work/traced" 2>&1
		if diff "$work/bare" "$work/traced"; then
			result ok "$name: every call goes where it goes without the preload"
		else
			result "not ok" "$name: every call goes where it goes without the preload"
		fi
		"$build/trace_to_jsonl" "$work/traces" "$work/events"
		timers=$(sed -n 's/.*, \([0-9]*\) timers.*/\1/p; $s/^host: \([0-9]*\) timers/\1/p' \
			"$work/bare" | sum)
		items=$(sed -n 's/.* \([0-9]*\) items.*/\1/p' "$work/bare" | sum)
		seen="$(count timer) $(count work) $(count after_work)"
		if [ "$seen" = "$timers $items $items" ]; then
			result ok "$name: $timers timers and $items items are in the trace"
		else
			result "not ok" \
				"$name: $timers timers and $items items; in the trace $seen"
		fi
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
