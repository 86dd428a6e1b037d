#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--root=ROOT] FOLDER WORK NAME=LIBRARY_FOLDER...: libuv's own test suite (FOLDER is
# setup.sh's) with and without the preload, against each library named; a LIBRARY_FOLDER that holds
# uv_run_tests_a has libuv inside its suite. Every line of the results must be the same, every trace
# that was written must be readable and say which library it saw, and nothing may be left behind.
# ROOT is another system's folder, in which the programs run then.
#
# Rules: runs go one after another, each in a namespace and a folder of its own. A test whose
# results differ is run five times more by itself, with and without: only if it fails a different
# number of times it counts as different, and it is always named. One line a check, "ok" or "not
# ok"; the last line is "N passed, N failed".
set -u

cd "$(dirname "$0")/../.." || exit 1
build=$(realpath -m "${BUILD:-build}")
root=()
case $1 in
--root=*)
	root=("$1")
	shift
	;;
esac
mkdir -p "$2"
suite=$(realpath "$1")
work=$(realpath "$2")
shift 2
passed=0
failed=0
again=5

check() { # name, then a command
	local name=$1
	shift
	if "$@"; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name"
		failed=$((failed + 1))
	fi
}

# run FOLDER LIBRARY MODE [TEST]: the suite, or one test of it,
# with MODE "bare" or how the rings are drained.
run() {
	local folder=$1 library=$2 mode=$3 preload=() program
	[ "$mode" = bare ] ||
		preload=(LD_PRELOAD="$build/libtrace.so" UVTRACE_DRAIN="$mode"
			UVTRACE_PATH="$folder/traces/trace.bin")
	rm -rf "$folder"
	mkdir -p "$folder"
	cp -r "$suite/source/test" "$folder"
	program=$library/uv_run_tests_a
	[ -e "$program" ] || program=$suite/build/uv_run_tests
	tests/libuv/run_apart.sh "${root[@]}" "$folder" env UV_RUN_AS_ROOT=1 \
		LD_LIBRARY_PATH="$library" "${preload[@]}" \
		"$program" "${@:4}" >"$folder/out" 2>"$folder/err"
}

results() { # folder
	grep -E '^(1\.\.|ok |not ok )' "$1/out"
}

# failures LIBRARY MODE TEST: how often it fails, alone.
failures() {
	local count=0
	for ((i = 0; i < again; i++)); do
		run "$work/again" "$1" "$2" "$3" || count=$((count + 1))
	done
	echo $count
}

# same_results BARE TRACED LIBRARY MODE
same_results() {
	local different=0 bare traced
	[ "$(results "$1" | head -n 1)" = "$(results "$2" | head -n 1)" ] || return 1
	[ "$(results "$1" | wc -l)" = "$(results "$2" | wc -l)" ] || return 1
	for test in $(diff <(results "$1") <(results "$2") |
		sed -n 's/^[<>].*ok [0-9]* - \([a-z0-9_]*\).*/\1/p' | sort -u); do
		bare=$(failures "$3" bare "$test") traced=$(failures "$3" "$4" "$test")
		echo "# $test: differed; alone it fails $bare of $again times without," \
			"$traced with the preload"
		[ "$bare" = "$traced" ] || different=1
	done
	return $different
}

check_traces() { # folder, library, mode
	local rings=("$1"/rings/*) seen=$2/libuv.so.1
	[ ! -e "$2/uv_run_tests_a" ] || seen=$2/uv_run_tests_a
	[ -e "${rings[0]}" ] && mv "${rings[@]}" "$1/traces"
	python3 tests/libuv/check_traces.py "$build" "$1/traces" "$seen" "$3" "$1/left" \
		"$(results "$1" | grep -c ok)"
}

for library; do
	name=${library%%=*}
	library=${library#*=}
	run "$work/$name.bare" "$library" bare
	passes=$(results "$work/$name.bare" | grep -c '^ok ')
	all=$(results "$work/$name.bare" | grep -c ok)
	check "$name: the suite runs: $passes of $all pass without the preload" \
		[ "$passes" -gt 300 ]
	for mode in process thread; do
		folder=$work/$name.$mode
		run "$folder" "$library" "$mode"
		check "$name, $mode: the same results, line by line" \
			same_results "$work/$name.bare" "$folder" "$library" "$mode"
		check "$name, $mode: nothing said that is not said without" \
			diff "$work/$name.bare/err" "$folder/err"
		check_traces "$folder" "$library" "$mode"
		check "$name, $mode: every trace can be read, nothing is left behind" [ $? = 0 ]
	done
done
rm -rf "$work/again"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
