#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [PART]...: measures what tracing costs and prints one line a figure, with its
# target. Rules: every figure is a difference or a ratio of runs made here, side by side; a figure
# that misses its target is shown as it is ("MISSED") and does not make the run fail:
# docs/performance.md says what it means.
set -u

cd "$(dirname "$0")/../.." || exit 1
. tests/bench/measure.sh
build=$(realpath -m "${BUILD:-build}")
benches=$build/bench
library=$build/libtrace.so
work=$(mktemp -d)
running=
sustained_seconds=10
reader_events=530000000 # at least 1 GB
core=$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')
finish() {
	[ -z "$running" ] || kill -KILL "$running" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

line() { # what, figure, unit, then what it must be: "<= N", ">= N" or nothing
	local target=
	if [ $# -gt 3 ]; then
		target="target $4"
		awk "BEGIN { exit !($2 $4) }" || target="$target  MISSED"
	fi
	printf '%-58s %10s %-9s %s\n' "$1" "$2" "$3" "$target"
}

traced=(env "LD_PRELOAD=$library" "UVTRACE_PATH=$work/trace/trace.bin" UVTRACE_TOTAL_SIZE=64G)

sum_up_trace() {
	wait_sealed "$work/trace"
	"$build/analyze_trace" --json "$work/trace" >"$work/summary"
}

# ---- The hooks -----------------------------------------------------------------------------------

hook() { # bare, recording or off; name
	value_of "$2" "$work/hooks.$1"
}

added() { # recording or off; name; digits
	calculate "$(hook "$1" "$2") - $(hook bare "$2")" "$3"
}

# The three by turns, best of each: a machine that changes its speed changes it for all. Nothing is
# pinned: at this rate the helper needs a core of its own, or a full ring would be measured.
measure_hooks() {
	local name event_ns
	for _ in 1 2 3; do
		"$benches/bench_hooks" >>"$work/all.bare"
		"${traced[@]}" "$benches/bench_hooks" >>"$work/all.recording"
		"${traced[@]}" UVTRACE_ENABLED=0 "$benches/bench_hooks" >>"$work/all.off"
	done
	for name in bare recording off; do
		awk '!($1 in best) || $2 < best[$1] { best[$1] = $2 }
			END { for (name in best) print name, best[name] }' \
			"$work/all.$name" >"$work/hooks.$name"
	done
	sum_up_trace
	event_ns=$(calculate "$(added recording callback 2) / 2" 2)
	line "one bare clock read" "$(hook bare clock)" ns
	line "a callback, bare / recording" "$(hook bare callback) / $(hook recording callback)" ns
	line "an event in the hooks, over the bare callback" "$event_ns" ns
	line "  in clock reads" "$(calculate "$event_ns / $(hook bare clock)" 2)" x "<= 1.1"
	line "  events lost meanwhile" "$(field lost_events "$work/summary")" "" "<= 0"
	line "a callback, switched off, over the bare one" "$(added off callback 2)" ns "<= 2"
	for name in mark span; do
		line "uvtrace_$name (bare $(hook bare $name) ns, switched off $(hook off $name))" \
			"$(hook recording $name)" ns
	done
	for name in timer_start write fs_stat; do
		line "uv_$name, added (bare $(hook bare $name) ns, off +$(added off $name 1))" \
			"$(added recording $name 1)" ns
	done
}

# ---- The highest rate without a loss -------------------------------------------------------------

lost_at() { # callbacks a second; prints events lost
	rm -rf "$work/trace"
	"${traced[@]}" "$benches/bench_sustained" "$1" "$sustained_seconds" >"$work/sustained"
	sum_up_trace
	field lost_events "$work/summary"
}

measure_sustained() {
	local rate lost=1 reached=0
	for rate in 0 32e6 16e6 8e6 4e6 2.5e6 1e6; do
		lost=$(lost_at "$rate")
		[ "$lost" != 0 ] || break
	done
	[ "$lost" != 0 ] || reached=$(calculate \
		"$(field events "$work/summary") / $sustained_seconds / 1000000" 1)
	line "sustained for $sustained_seconds s without a loss, default ring" "$reached" "M ev/s" \
		">= 5"
}

# ---- Small things --------------------------------------------------------------------------------

start_command() { # name, command of a server that says "port N"
	local name=$1
	shift
	: >"$work/$name"
	"$@" >"$work/$name" </dev/null &
	running=$!
	until grep -q '^port' "$work/$name"; do
		kill -0 "$running" 2>/dev/null || exit 1 # it has said why
		sleep 0.05
	done
}

start_server() { # name, then the command before the server
	start_command "$@" "$benches/echo_server"
}

stop_server() {
	kill -TERM "$running"
	wait "$running"
	running=
}

switches() { # pids: how often their threads gave a core away of themselves
	local pid
	for pid; do
		cat "/proc/$pid/task/"*/status
	done | awk '/^voluntary/ { sum += $2 } END { print sum }'
}

measure_idle() {
	local helper before
	start_server idle "${traced[@]}"
	helper=$(find_helper "$running")
	sleep 3 # what the start leaves behind, and the helper's last look
	# shellcheck disable=SC2086 # no helper in thread mode
	before=$(switches "$running" $helper)
	sleep 5
	# shellcheck disable=SC2086
	line "wake-ups of an idle process and its helper" \
		"$(calculate "($(switches "$running" $helper) - $before) / 5" 1)" "a second" "<= 0"
	stop_server
}

measure_process() {
	"$benches/bench_process" "$library" "$work/trace/trace.bin" >"$work/process" || exit 1
	line "added to a process that lives $(value_of bare_ms "$work/process") ms" \
		"$(value_of added_ms "$work/process")" ms "<= 1"
}

memory_kib() { # pids: what is theirs, shared pages by their share
	local pid
	for pid; do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Pss:/ { sum += $2 } END { print sum }'
}

measure_memory() {
	local bare helper program
	start_server bare env
	bare=$(memory_kib "$running")
	stop_server
	start_server memory "${traced[@]}"
	sleep 1
	helper=$(find_helper "$running")
	program=$(memory_kib "$running")
	line "memory added to the program (one quiet loop, default ring)" $((program - bare)) KiB
	[ -z "$helper" ] || line "memory of the helper" "$(memory_kib "$helper")" KiB
	stop_server
	for program in 1 16 256; do
		measure_rings "$program"
	done
}

rings_kib() {
	du -ck /dev/shm/uvtrace."$running".* | awk '/total/ { print $1 }'
}

# The ring file, with its header: while all write as fast as they can,
# and when they have been quiet for some seconds.
measure_rings() { # workers
	local busy
	: >"$work/rings"
	"${traced[@]}" "$benches/many_loops" "$1" >"$work/rings" &
	running=$!
	until grep -q busy "$work/rings"; do sleep 0.05; done
	busy=$(rings_kib)
	until grep -q quiet "$work/rings"; do sleep 0.05; done
	sleep 5
	line "ring memory of $1 workers, busy / quiet" "$busy / $(rings_kib)" KiB
	kill -KILL "$running"
	wait "$running" 2>/dev/null
	running=
	rm -rf "$work/trace"
}

# ---- The drain's encoder and the readers ---------------------------------------------------------

# From a ring with the events that a server at full load had recorded.
encode_recorded() { # name, the server's command
	rm -rf "$work/trace"
	start_command encode "${@:2}"
	"$benches/echo_load" --seconds=2 "$(value_of port "$work/encode")" >/dev/null
	stop_server
	wait_sealed "$work/trace"
	printf '%s, ' "$1"
	"$benches/bench_encode" "$work/trace"
}

node_echo='require("net").createServer(s => s.pipe(s)).listen(0, "127.0.0.1", function () {
	console.log("port " + this.address().port) })'

# Debian's own node, which has libuv as a shared library, as make check-real puts it there.
measure_encode() {
	local root=$build/real/root
	encode_recorded "echo server" "${traced[@]}" "$benches/echo_server"
	if [ -d "$root" ]; then
		encode_recorded node tests/real/node.sh "$root" "${traced[@]:1}" -e "$node_echo"
	else
		echo "node, encode: not measured, tests/real/setup.sh puts it into the build folder"
	fi
}

# Runs a reader and sets its CPU and wall time (seconds) and the most memory that it had,
# as they were last seen.
run_reader() { # command
	local start=$EPOCHREALTIME peak now ticks=0
	"$@" >/dev/null &
	running=$!
	while peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$running/status" \
		2>/dev/null) && [ -n "$peak" ]; do
		peak_kib=$peak
		now=$(cut -d' ' -f14,15 "/proc/$running/stat" 2>/dev/null) && [ -n "$now" ] &&
			ticks=$now
		sleep 0.02
	done
	wait "$running" || line "$1 failed with status" $? "" "<= 0"
	running=
	wall_seconds=$(calculate "$EPOCHREALTIME - $start" 3)
	cpu_seconds=$(calculate "(${ticks/ / + }) / $(getconf CLK_TCK)" 3)
}

per_second() { # events, seconds of CPU time: others share the machine
	calculate "$1 / $2 / 1000000" 0
}

# Needs a little more than 1 GB of disk in the build folder for the time that it takes.
measure_readers() {
	local trace=$benches/large.trace events one_core
	rm -rf "$trace"
	"$benches/generate_trace" --events=$reader_events --workers=4 "$trace" >"$work/generated"
	events=$(field events "$work/generated")
	"$benches/bench_decode" "$trace"
	"$benches/bench_transactions"
	run_reader taskset -c "$core" "$build/analyze_trace" "$trace"
	one_core=$wall_seconds
	line "analyze_trace, $(calculate "$(bytes_in "$trace") / 1e9" 2) GB of trace" \
		"$(per_second "$events" "$cpu_seconds")" "M ev/s" ">= 100"
	line "  its memory" "$(calculate "$peak_kib / 1024" 1)" MiB "<= 64"
	run_reader "$build/analyze_trace" "$trace"
	line "  on all $(nproc) cores, times as fast as on one" \
		"$(calculate "$one_core / $wall_seconds" 2)" x
	run_reader taskset -c "$core" "$build/trace_to_jsonl" "$trace"
	line "trace_to_jsonl" "$(calculate "$events / $cpu_seconds / 1000000" 1)" "M ev/s"
	line "  its memory" "$(calculate "$peak_kib / 1024" 1)" MiB
	rm -rf "$trace"
}

parts="hooks sustained idle process memory encode readers"
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $parts
for part in "$@"; do
	if [[ " $parts " != *" $part "* ]]; then
		echo "usage: run.sh [$(echo "$parts" | tr ' ' '|')]..." >&2
		exit 2
	fi
done
for part in "$@"; do
	rm -rf "$work/trace"
	"measure_$part"
done
