#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# loop.sh BUILD N: runs the unit tests, the whole-program tests and the fault tests N times over and
# names every test that did not always pass, and how often. What a run with failures said is kept in
# BUILD/loop.
# Rules: a test that failed once is a failure; Ctrl-C ends the loop and still tells what was found.
set -u

build=$1
rounds=$2
log=$build/loop
mkdir -p "$log" || exit 1
rm -f "$log"/*.out "$log"/*.tap
: >"$log/failed"

# run_suite NAME ROUND: a run's failures, one line a test, go into `failed`.
run_suite() {
	out=$log/$1.$2.out
	tap=$log/$1.tap
	rm -f "$tap"
	# shellcheck disable=SC2086 # a list of words
	if "$build/$1" ${CRITERION_FLAGS-} --tap="$tap" >"$out" 2>&1 && grep -q '^1\.\.' "$tap"; \
		then
		rm -f "$out"
		return
	fi
	sed -n 's/^not ok - \([^ ]*\).*/\1/p' "$tap" >"$log/names" 2>/dev/null
	[ -s "$log/names" ] || echo "$1 (did not end)" >"$log/names"
	cat "$log/names" >>"$log/failed"
	echo "round $2: $(tr '\n' ' ' <"$log/names")($out)"
}

tell() {
	if [ ! -s "$log/failed" ]; then
		echo "$done_rounds of $rounds rounds, no failure"
		exit 0
	fi
	echo "failures in $done_rounds of $rounds rounds:"
	sort "$log/failed" | uniq -c | sort -rn
	exit 1
}

done_rounds=0
trap 'trap "" INT TERM; tell' INT TERM
while [ "$done_rounds" -lt "$rounds" ]; do
	run_suite unit_tests $((done_rounds + 1))
	run_suite e2e_tests $((done_rounds + 1))
	run_suite fault_tests $((done_rounds + 1))
	done_rounds=$((done_rounds + 1))
done
tell
