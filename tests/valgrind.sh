#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# valgrind.sh BUILD: memcheck over the tools, on good traces and bad ones, and over fixtures that
# are traced.
# Rules: what cannot be read gives status 1, which is no error here; what valgrind finds is, leaks
# included.
set -u

source=$(readlink -f "$(dirname "$0")") || exit 1
build=$(readlink -f "$1") || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0
count=0

# check NAME COMMAND...: in a folder of its own.
check() {
	name=$1
	shift
	count=$((count + 1))
	mkdir "$folder/$count"
	(cd "$folder/$count" && valgrind --quiet --trace-children=no --error-exitcode=99 \
		--leak-check=full \
		--errors-for-leak-kinds=definite --log-file=report "$@" >output 2>errors </dev/null)
	status=$?
	if [ $status -gt 1 ] || [ -s "$folder/$count/report" ]; then
		failures=$((failures + 1))
		echo "FAIL: $name (status $status)"
		head -40 "$folder/$count/report"
	fi
}

# check_traced MODE FIXTURE...: the program must do as ever, and its trace be whole.
check_traced() {
	mode=$1
	shift
	program=$build/fixtures/$1
	check "$*, $mode" env LD_PRELOAD="$build/libtrace.so" UVTRACE_DRAIN="$mode" "$program"
	"$build/trace_to_jsonl" "$folder/$count/uvtrace.data" "$folder/lines" 2>"$folder/problems"
	if ! grep -q '"PollStart"' "$folder/lines" || [ -s "$folder/problems" ]; then
		failures=$((failures + 1))
		echo "FAIL: $*, $mode: its trace"
		head -5 "$folder/problems"
	fi
}

for trace in "$source"/golden/*.bin "$source"/golden/*.bin.gz "$source"/golden/*.bin.zst \
	"$source"/fuzz/corpus/*; do
	check "analyze_trace $trace" "$build/analyze_trace" "$trace"
	check "analyze_trace --json $trace" "$build/analyze_trace" --json "$trace"
	check "trace_to_jsonl $trace" "$build/trace_to_jsonl" "$trace"
done
for fixture in timers work nested threads fs_all; do
	check_traced process $fixture
	check_traced thread $fixture
done

echo "memcheck: $count runs, $failures failed"
[ $failures = 0 ]
