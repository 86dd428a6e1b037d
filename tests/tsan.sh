#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tsan.sh BUILD: the fixtures with a library that was built with the thread sanitizer (BUILD/tsan),
# drained by a thread of theirs and with rings that are soon full; then the readers, which use all
# cores, built alike.
# Rules: only our own code is instrumented, so what libuv and the fixtures do among themselves is
# not looked at. The library comes before the sanitizer's: a wait that the sanitizer intercepts
# first would hide our synchronization.
set -u

build=$(readlink -f "$1") || exit 1
sanitizer=$(readlink -f "$(${CC:-gcc} -print-file-name=libtsan.so)")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0
count=0

# The sanitizer needs addresses that it knows; not every container lets it ask for them.
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'

fixtures='timers
watchers
async_wakeups
early_sends
poll_fds
signals
streams tcp
streams pipe
udp
children
fs_all
fs_watch
lookups
work
cancel
saturated
nested
threads
null_callbacks
slow
walk_close
many_handles
leave longjmp
leave thread_exit
api
no_loop
flood 200000
end return 0'

# check NAME COMMAND...: in a folder of its own.
check() {
	name=$1
	shift
	count=$((count + 1))
	mkdir "$folder/$count"
	(cd "$folder/$count" && TSAN_OPTIONS="log_path=$folder/$count/report exitcode=66" timeout \
		120 "$@" \
		>output 2>errors </dev/null)
	status=$?
	if [ $status != 0 ] || [ -n "$(find "$folder/$count" -name 'report.*')" ]; then
		failures=$((failures + 1))
		echo "FAIL: $name (status $status)"
		cat "$folder/$count"/report.* "$folder/$count/errors" 2>/dev/null | head -60
	fi
}

IFS='
'
for fixture in $fixtures; do
	IFS=' '
	# shellcheck disable=SC2086 # lists of words
	check "$fixture" env LD_PRELOAD="$build/tsan/libtrace.so $sanitizer" UVTRACE_DRAIN=thread \
		UVTRACE_RING_SIZE=16K \
		$fixed "$build"/fixtures/$fixture
done

"$build/bench/generate_trace" --events=1000000 --workers=6 "$folder/trace" >/dev/null || exit 1
# shellcheck disable=SC2086
for options in '' '--json' '--from=100ms --to=1s' '--worker=2'; do
	check "analyze_trace $options" $fixed "$build/tsan/analyze_trace" $options "$folder/trace"
done
# shellcheck disable=SC2086
check trace_to_jsonl $fixed "$build/tsan/trace_to_jsonl" "$folder/trace" /dev/null

echo "thread sanitizer: $count runs, $failures failed"
[ $failures = 0 ]
