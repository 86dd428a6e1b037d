#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [node|official|named|uvloop]...: runs unmodified programs under load, without and with the
# preload, and holds the trace against what program and load generator counted, and the program's
# output and exit status against what they are without the preload. Everything stays on 127.0.0.1;
# nothing but BUILD/real is written to. Rules: a check is one line ("ok" or "not ok"), relations are
# exact wherever the program can know the number, the tracer runs with its defaults. The last line
# is "N passed, N failed"; the exit status says the same.
set -u

cd "$(dirname "$0")/../.." || exit 1
source=$PWD/tests/real
build=$(realpath -m "${BUILD:-build}")
root=$build/real/root
work=$build/real/run
official=$build/node/20/bin/node
libraries=$root/usr/lib/$(uname -m)-linux-gnu
load_seconds=2
passed=0
failed=0
running=""

stop_running() {
	[ -z "$running" ] || kill -KILL "$running" 2>/dev/null
}
trap stop_running EXIT

# ---- Checks --------------------------------------------------------------------------------------

check() { # name, then a command
	local name=$1
	shift
	if "$@"; then
		echo "ok - $program: $name"
		passed=$((passed + 1))
	else
		echo "not ok - $program: $name"
		failed=$((failed + 1))
	fi
}

check_equal() { # name, got, wanted
	check "$1: $2" [ "$2" = "$3" ]
	[ "$2" = "$3" ] || echo "#   wanted $3"
}

check_between() { # name, low, got, high
	check "$1: $2 <= $3 <= $4" [ "$2" -le "$3" -a "$3" -le "$4" ]
}

# The number after NAME in a file of "name value" lines; 0 where there is none.
value_of() { # name, file
	awk -v name="$1" '$1 == name { value = $2 } END { print value == "" ? 0 : value }' "$2"
}

# What is the same in every run: numbers (times, ports, counts) and the run's folder are masked, and
# threads may print in any order. named says that its scanning ended in some of its ends, with and
# without the preload.
masked() {
	sed "/automatic interface scanning terminated/d; s/[0-9][0-9]*/N/g
		s,/$program\.[a-z]*,/RUN,g" "$1" | sort
}

same_output() { # stream
	diff <(masked "$work/$program.bare/$1") <(masked "$work/$program.traced/$1") >&2
}

# ---- Running a program ---------------------------------------------------------------------------

run_node() {
	exec "$source/node.sh" "$root" "$@" "$source/http_server.js"
}

# node as nodejs.org builds it, with libuv inside.
run_official() {
	exec env "$@" "$official" "$source/http_server.js"
}

run_named() {
	sed "s,@PORT@,$(cat "$here/port"),; s,@FOLDER@,$here," "$source/named.conf.in" \
		>"$here/named.conf"
	cp "$source/example.test.zone" "$here"
	exec env LD_LIBRARY_PATH="$libraries" "$@" "$root/usr/sbin/named" -g -n 2 \
		-c "$here/named.conf"
}

run_uvloop() {
	exec env "$@" /usr/bin/python3 "$source/echo_server.py"
}

# named can't be asked for any free port: one that is free for UDP and TCP now is taken.
find_port() {
	/usr/bin/python3 -c '
import socket
tcp = socket.socket()
udp = socket.socket(type=socket.SOCK_DGRAM)
tcp.bind(("127.0.0.1", 0))
udp.bind(tcp.getsockname())
print(tcp.getsockname()[1])'
}

is_ready() {
	case $program in
	named) grep -qs " running$" "$here/stderr" ;;
	*) grep -qs "^port " "$here/stdout" ;;
	esac
}

wait_for() { # seconds, then a command
	local tenths=$(($1 * 10))
	shift
	until "$@"; do
		[ $((tenths -= 1)) -ge 0 ] || return 1
		sleep 0.1
	done
}

is_gone() {
	! kill -0 "$running" 2>/dev/null
}

# Runs $program once: start, load, stop. What it said and counted goes into $here.
run_once() { # bare or traced, then environment
	here=$work/$program.$1
	shift
	rm -rf "$here"
	mkdir -p "$here"
	[ "$program" != named ] || find_port >"$here/port"
	("run_$program" "$@") >"$here/stdout" 2>"$here/stderr" </dev/null &
	running=$!
	if wait_for 10 is_ready; then
		[ "$program" = named ] || value_of port "$here/stdout" >"$here/port"
		"load_$program" "$(cat "$here/port")"
	fi
	kill -TERM "$running"
	wait_for 10 is_gone || kill -KILL "$running"
	wait "$running"
	echo $? >"$here/status"
	running=""
}

# ---- Loads ---------------------------------------------------------------------------------------

load_node() { # port
	wrk -t1 -c20 -d"$load_seconds" "http://127.0.0.1:$1/" >"$here/load.root"
	wrk -t1 -c20 -d"$load_seconds" "http://127.0.0.1:$1/file" >"$here/load.file"
}

load_official() { # port
	load_node "$1"
}

load_named() { # port
	printf 'host-%d.example.test A\n' {0..49} >"$here/queries"
	dnsperf -s 127.0.0.1 -p "$1" -d "$here/queries" -n 3000 -l 10 -c 4 >"$here/load"
}

load_uvloop() { # port
	"$build/bench/echo_load" --connections=20 --seconds="$load_seconds" "$1" >"$here/load"
}

# ---- What must hold ------------------------------------------------------------------------------

check_node() {
	local requests files connections root_requests file_requests
	root_requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$here/load.root")
	file_requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$here/load.file")
	requests=$(value_of requests "$here/stdout")
	files=$(value_of files "$here/stdout")
	connections=$(value_of connections "$here/stdout")
	# wrk leaves one request a connection under way when its time is over.
	check_between "requests, wrk's and the server's count" \
		"$((root_requests + file_requests))" "$requests" \
		"$((root_requests + file_requests + 40))"
	check_between "files, wrk's and the server's count" "$file_requests" "$files" \
		"$((file_requests + 20))"
	check_equal "connection callbacks = connections" "$(count polls.connection)" "$connections"
	# A request is one read, and so is the end of each connection.
	check_equal "read callbacks = requests + connections" "$(count polls.read)" \
		$((requests + connections))
	local kind
	for kind in fs_open fs_fstat fs_read fs_close; do
		check_equal "$kind callbacks = files" "$(count polls.$kind)" "$files"
		check_equal "$kind submits = files" "$(count submits.$kind)" "$files"
	done
	# process.exit() is called in a timer's callback.
	check_equal "polls left open by exit()" "$(count open_kinds)" timer
	check_javascript
}

check_official() {
	check "the report says how it is seen" grep -q "inside the program (patched)" "$here/report"
	check_node
}

# node with this preload, and more arguments.
traced_node() { # NAME=VALUE..., then arguments
	if [ "$program" = official ]; then
		local variables=()
		while [[ ${1-} == [A-Z]*=* ]]; do
			variables+=("$1")
			shift
		done
		env "${variables[@]}" "$official" "$@"
	else
		"$source/node.sh" "$root" "$@"
	fi
}

# Functions of JavaScript by name, without a flag. They say themselves in which line each begins;
# the calls are in the next.
check_javascript() {
	local folder=$work/javascript said report lines at
	local computes='blocked_cpu: renderPage .* computing in countPrimes busy\.js'
	rm -rf "$folder"
	mkdir -p "$folder"
	said=$(cd "$folder" && traced_node "LD_PRELOAD=$build/libtrace.so" \
		"UVTRACE_PATH=$folder/trace.bin" "$source/busy.js")
	read -ra lines <<<"$said"
	report=$("$build/analyze_trace" "$folder" 2>&1 | tr -s ' \n' ' ')
	check_equal "functions that said where they are" "${#lines[@]}" 3
	at=$(sed -n "s/.*$computes:\([0-9]*\).*/\1/p" <<<"$report")
	check_between "the line in the function that computed" "$((lines[0] + 1))" "$at" \
		"$((lines[1] - 1))"
	check "so are those that called it" contains "$report" \
		" renderPage busy.js:$((lines[1] + 1)) everyMoment busy.js:$((lines[2] + 1)) "
}

contains() { # text, part
	[[ "$1" == *"$2"* ]]
}

check_named() {
	local completed
	completed=$(sed -n 's/^ *Queries completed: *\([0-9]*\) .*/\1/p' "$here/load")
	check_equal "queries lost" \
		"$(sed -n 's/^ *Queries lost: *\([0-9]*\) .*/\1/p' "$here/load")" 0
	check_between "queries completed" 1 "$completed" 150000
	check_equal "udp_send callbacks = answers" "$(count polls.udp_send)" "$completed"
	check_equal "udp_send submits = answers" "$(count submits.udp_send)" "$completed"
	# After the last waiting message libuv calls once more, without one.
	check_between "udp_recv callbacks: queries and empty ones" "$completed" \
		"$(count polls.udp_recv)" $((2 * completed))
	check_equal "polls left open" "$(count open_kinds)" none
}

check_uvloop() {
	local messages connections ends
	messages=$(value_of messages "$here/stdout")
	connections=$(value_of connections "$here/stdout")
	ends=$(value_of ends "$here/stdout")
	check_equal "messages, the load's and the server's count" "$messages" \
		"$(sed -n 's/.*"server_requests":\([0-9]*\).*/\1/p' "$here/load")"
	check_equal "connection callbacks = connections" "$(count polls.connection)" "$connections"
	check_equal "read callbacks = messages + ends" "$(count polls.read)" $((messages + ends))
	check_equal "polls left open" "$(count open_kinds)" none
}

count() { # name, as count_trace.py says
	value_of "$1" "$here/counts"
}

summary() { # name of a number in analyze_trace's summary
	sed -n "s/^[[:space:]]*\"$1\": *\([0-9]*\).*/\1/p" "$here/summary.json" | head -n 1
}

read_trace() {
	"$build/trace_to_jsonl" "$here/trace" 2>"$here/jsonl.problems" |
		/usr/bin/python3 -B "$source/count_trace.py" >"$here/counts"
	"$build/analyze_trace" --json "$here/trace" >"$here/summary.json" 2>"$here/summary.problems"
	"$build/analyze_trace" "$here/trace" >"$here/report" 2>"$here/report.problems"
	echo $? >"$here/report.status"
}

check_trace() {
	check_equal "polls end in the order they began, stray ends" "$(count stray_ends)" 0
	check_equal "parks and unparks take turns, errors" "$(count park_errors)" 0
	check "parks are there: $(count parks)" [ "$(count parks)" -gt 0 ]
	check_equal "lines out of order" "$(count disorder)" 0
	check_equal "unreadable lines" "$(count unreadable)" 0
	check_equal "Lost lines" "$(count lost)" 0
	check_equal "lost events" "$(summary lost_events)" 0
	check_equal "missing events" "$(summary missing_events)" 0
	check_equal "status of analyze_trace" "$(cat "$here/report.status")" 0
	check "the report is there" [ -s "$here/report" ]
	check "no tool has a problem" [ ! -s "$here/report.problems" \
		-a ! -s "$here/summary.problems" -a ! -s "$here/jsonl.problems" ]
}

check_transparent() {
	check_equal "exit status" "$(cat "$work/$program.traced/status")" \
		"$(cat "$work/$program.bare/status")"
	check_equal "exit status without the preload" "$(cat "$work/$program.bare/status")" 0
	check "standard output is what it is without the preload" same_output stdout
	check "standard error is what it is without the preload" same_output stderr
}

is_sealed() {
	[ -e "$here/trace" ] && [ -z "$(find "$here/trace" -name '*.open')" ]
}

self_test() {
	local said
	said=$(/usr/bin/python3 -B "$source/test_count_trace.py" 2>&1) && return
	echo "$said" >&2
	return 1
}

check_program() {
	run_once bare
	run_once traced "LD_PRELOAD=$build/libtrace.so" \
		"UVTRACE_PATH=$work/$program.traced/trace/trace.bin"
	check "the trace is sealed" wait_for 5 is_sealed
	read_trace
	check_transparent
	"check_$program"
	check_trace
}

need() {
	local needed
	for needed in wrk dnsperf unshare /usr/bin/python3; do
		command -v "$needed" >/dev/null && continue
		echo "run.sh: $needed is missing: run scripts/install_deps.sh real" >&2
		exit 1
	done
	MAKEFLAGS='' make --silent all "${BUILD:-build}/bench/echo_load" || exit 1
	"$source/setup.sh" "$build/real" || exit 1
	"$source/../node/setup.sh" "$build/node" 20 || exit 1
	mkdir -p "$work"
}

[ $# -gt 0 ] || set -- node official named uvloop
for program in "$@"; do
	case $program in
	node | official | named | uvloop) ;;
	*)
		echo "usage: run.sh [node|official|named|uvloop]..." >&2
		exit 2
		;;
	esac
done
need
program=checks
check "each count of a trace can fail" self_test
for program in "$@"; do
	check_program
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
