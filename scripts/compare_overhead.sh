#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# compare_overhead.sh [options] [SECONDS]: what tracing costs an echo server on libuv at full load.
# Two servers, one with the preload, are alive at once on one core; tests/bench/echo_load.c on
# another core drives them in turn.
# Rules: bytes and events are counted from the trace itself, requests by the server and by the load,
# never estimated; a limit that is passed is said under Validation and makes the exit status 1. Bad
# usage: 2.
set -u

cd "$(dirname "$0")/.." || exit 1
. tests/bench/measure.sh
build=$(realpath -m "${BUILD:-build}")

# The limits, and what is measured. A mode is a comparison of its own:
#   pinned  the server and its helper on one core        free  the helper may use both cores
#   null    the null writer: hooks and drain, no files   off   preloaded, recording switched off
#   thread  a thread of the program drains (no limit on its overhead: it is there to be known)
#   control neither has the preload: what the method itself shows where there is nothing
#   floor   four clock reads and two frames, nothing recorded (tests/bench/preload/floor.c): no
#           tracer can do less
seconds=10
modes="pinned free null off"
connections=50
bytes=21
window_ms=75
max_overhead=3
max_request_bytes=20
max_event_bytes=4
max_lost=0
json=
names="modes connections bytes window_ms max_overhead max_request_bytes max_event_bytes max_lost"

usage() {
	cat <<END
Usage: scripts/compare_overhead.sh [options] [SECONDS]
Compares an echo server with and without the preload, for SECONDS (10) in each mode.

  --modes="MODE ..."         of pinned, free, null, off, thread, control, floor ("$modes")
  --connections=N            to each server ($connections)
  --bytes=N                  of a message ($bytes)
  --window-ms=N              how long a server is driven at a time ($window_ms)
  --max-overhead=PERCENT     by the lower end of the 95 % interval ($max_overhead)
  --max-request-bytes=BYTES  of trace for a request ($max_request_bytes)
  --max-event-bytes=BYTES    of trace for an event ($max_event_bytes)
  --max-lost=EVENTS          not recorded ($max_lost)
  --json                     one JSON object instead of the report
END
}

bad_usage() {
	echo "compare_overhead.sh: $*" >&2
	echo "Try 'scripts/compare_overhead.sh --help'." >&2
	exit 2
}

parse_option() { # --name=value
	local name=${1%%=*}
	name=${name#--}
	name=${name//-/_}
	case " $names " in
	*" $name "*) [[ $1 == *=?* ]] || bad_usage "$1: needs a value" ;;
	*) bad_usage "$1: no such option" ;;
	esac
	[ "$name" = modes ] || [[ ${1#*=} =~ ^[0-9]+(\.[0-9]+)?$ ]] || bad_usage "$1: is no number"
	printf -v "$name" '%s' "${1#*=}"
}

for argument in "$@"; do
	case $argument in
	--help)
		usage
		exit 0
		;;
	--json) json=yes ;;
	--*) parse_option "$argument" ;;
	*)
		[[ $argument =~ ^[0-9]+(\.[0-9]+)?$ ]] ||
			bad_usage "$argument: is no number of seconds"
		seconds=$argument
		;;
	esac
done
for mode in $modes; do
	[[ " pinned free null off thread control floor " == *" $mode "* ]] ||
		bad_usage "$mode: no such mode"
done

die() {
	echo "compare_overhead.sh: $*" >&2
	exit 1
}

# ---- Where it runs -------------------------------------------------------------------------------

# The first two cores that we may use: one for the servers, one for the load.
find_cores() {
	local list
	list=$(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' |
		awk -F- '{ for (i = $1; i <= $NF; i++) print i }')
	server_core=$(echo "$list" | sed -n 1p)
	load_core=$(echo "$list" | sed -n 2p)
	[ -n "$load_core" ] || die "needs two cores: one for the servers, one for the load"
}

work=$(mktemp -d)
running=
stop_all() {
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$running" ] || kill -KILL $running 2>/dev/null
	rm -rf "$work"
}
trap stop_all EXIT

start_server() { # name, then environment; sets server_pid and server_port
	local name=$1
	shift
	: >"$work/$name" # what an earlier server said must not be read
	env "$@" taskset -c "$server_core" "$build/bench/echo_server" >"$work/$name" </dev/null &
	server_pid=$!
	running="$running $server_pid"
	for _ in {1..100}; do
		server_port=$(value_of port "$work/$name")
		[ -z "$server_port" ] || return 0
		sleep 0.05
	done
	die "the echo server does not start"
}

stop_server() { # pid
	kill -TERM "$1"
	wait "$1" || die "the echo server ended with status $?"
	running=${running/ $1/}
}

is_at_most() { # a, b
	awk "BEGIN { exit !($1 <= $2) }"
}

cpu_ns() { # pids
	local pid total=0
	for pid; do
		total=$((total + $(cut -d' ' -f1 "/proc/$pid/task/"*/schedstat | paste -sd+)))
	done
	echo "$total"
}

# ---- One comparison ------------------------------------------------------------------------------

environment_of() { # mode
	case $1 in
	control) return ;;
	floor) echo "LD_PRELOAD=$build/bench/floor.so" && return ;;
	esac
	echo "LD_PRELOAD=$build/libtrace.so"
	echo "UVTRACE_PATH=$work/trace/trace.bin"
	echo "UVTRACE_TOTAL_SIZE=64G" # every byte is counted
	case $1 in
	null) echo UVTRACE_WRITER=null ;;
	off) echo UVTRACE_ENABLED=0 ;;
	thread) echo UVTRACE_DRAIN=thread ;;
	esac
}

# Sets bare_ns and traced_ns (CPU time of the servers, the helper included) and busy_percent of one
# core.
measure() { # mode
	local bare bare_port traced helper environment
	rm -rf "$work/trace"
	mapfile -t environment < <(environment_of "$1")
	start_server bare
	bare=$server_pid bare_port=$server_port
	start_server traced "${environment[@]}"
	traced=$server_pid
	helper=$(find_helper "$traced")
	[ "$1" != free ] || taskset -apc "$server_core,$load_core" "${helper:-$traced}" \
		>"$work/taskset"
	start_us=${EPOCHREALTIME/./}
	bare_ns=$(cpu_ns "$bare")
	# shellcheck disable=SC2086 # no helper in some modes
	traced_ns=$(cpu_ns "$traced" $helper)
	taskset -c "$load_core" "$build/bench/echo_load" --connections="$connections" \
		--bytes="$bytes" --seconds="$seconds" \
		--window-ms="$window_ms" "$bare_port" "$server_port" >"$work/load" ||
		die "the load failed"
	bare_ns=$(($(cpu_ns "$bare") - bare_ns))
	# shellcheck disable=SC2086
	traced_ns=$(($(cpu_ns "$traced" $helper) - traced_ns))
	elapsed_us=$((${EPOCHREALTIME/./} - start_us))
	busy_percent=$(calculate "($bare_ns + $traced_ns) / 10 / $elapsed_us" 1)
	stop_server "$bare"
	stop_server "$traced"
	wait_sealed "$work/trace" || die "the trace is not sealed"
}

load() { # name of a number that the load printed
	field "$1" "$work/load"
}

# Counts what measure left: requests by the server and the load, events and bytes in the trace.
count_up() { # mode
	reads=$(value_of reads "$work/traced")
	traced_requests=$(($(load traced_requests) + $(load traced_warmup_requests)))
	bare_requests=$(($(load baseline_requests) + $(load baseline_warmup_requests)))
	bare_cpu_us=$(calculate "$bare_ns / 1000 / $bare_requests" 3)
	traced_cpu_us=$(calculate "$traced_ns / 1000 / $traced_requests" 3)
	trace_bytes=0 events=0 lost=0 missing=0 trace_reads=0
	is_recorded "$1" || return 0
	trace_bytes=$(bytes_in "$work/trace")
	"$build/analyze_trace" --json "$work/trace" >"$work/summary" ||
		die "analyze_trace can't read the trace"
	events=$(field events "$work/summary")
	lost=$(field lost_events "$work/summary")
	missing=$(field missing_events "$work/summary")
	trace_reads=$(count_callbacks read)
}

is_recorded() { # mode
	[[ " null off control floor " != *" $1 "* ]]
}

# Callbacks of a kind, summed over the functions: the rows of the list "callbacks" alone.
count_callbacks() { # kind
	sed 's/[{,}]/\n/g' "$work/summary" | awk -F'[": ]+' -v kind="$1" '
		$2 == "callbacks" && !seen++ { listed = 1 }
		$2 == "long_polls" { listed = 0 }
		$2 == "kind" { wanted = listed && $3 == kind }
		$2 == "count" && wanted { sum += $3; wanted = 0 }
		END { printf "%d", sum }'
}

# ---- What is said about it -----------------------------------------------------------------------

title_of() { # mode
	case $1 in
	free) echo "helper on both cores" ;;
	null) echo "null writer" ;;
	off) echo "recording switched off" ;;
	thread) echo "a thread drains" ;;
	control) echo "no preload" ;;
	floor) echo "what no tracer can go below" ;;
	esac
}

heading() { # text, mode
	local title
	title=$(title_of "$2")
	say "=== $1${title:+: $title} ==="
}

say() {
	[ -n "$json" ] || echo "$*"
}

limit() { # what, value, most
	if is_at_most "$2" "$3"; then
		say "ok: $1: $2 (limit $3)"
	else
		say "TOO MUCH: $1: $2 (limit $3)"
		passed=false
	fi
}

same() { # what, value, wanted
	if [ "$2" = "$3" ]; then
		say "ok: $1: $2"
	else
		say "WRONG: $1: $2, not $3"
		passed=false
	fi
}

speed() { # baseline or traced
	echo "$(load "$1_requests_per_second") req/s, p50=$(load "$1_p50_us")µs," \
		"p99=$(load "$1_p99_us")µs"
}

percent() { # name of a number that the load printed
	echo "$(calculate "$(load "$1")" 2)%"
}

report_comparison() { # mode
	heading Comparison "$1"
	say "Baseline:   $(speed baseline)"
	say "Telemetry:  $(speed traced)"
	say "Overhead:   $(percent overhead_percent)" \
		"(95% interval $(percent overhead_low) to $(percent overhead_high))"
}

report_efficiency() { # mode
	heading "Trace Efficiency" "$1"
	say "Trace bytes/request:    $bytes_per_request"
	say "Bytes/trace event:      $bytes_per_event"
	say "Client requests/sec:    $(load traced_requests_per_second)"
}

report_validation() { # mode
	heading Validation "$1"
	say "CPU time of a request: ${bare_cpu_us}µs bare," \
		"${traced_cpu_us}µs traced with its helper; servers' core busy: $busy_percent%"
	is_at_most 80 "$busy_percent" ||
		say "NOISY: others had the servers' core; ask again when the machine is quiet"
	[ "$1" = thread ] || limit "overhead, lower end of the interval, in percent" \
		"$(load overhead_low)" "$max_overhead"
	same "requests, the server's count and the load's" "$reads" "$traced_requests"
	is_recorded "$1" || return 0
	# The end of each connection is a read as well.
	same "requests found in the trace" "$trace_reads" $((reads + connections))
	limit "bytes of trace for a request" "$bytes_per_request" "$max_request_bytes"
	limit "bytes of trace for an event" "$bytes_per_event" "$max_event_bytes"
	limit "events lost" $((lost + missing)) "$max_lost"
}

describe_json() { # mode
	printf '{"mode":"%s",%s,' "$1" "$(tr -d '{}\n' <"$work/load")"
	printf '"core_busy_percent":%s,' "$busy_percent"
	printf '"baseline_cpu_us_per_request":%s,"traced_cpu_us_per_request":%s,' "$bare_cpu_us" \
		"$traced_cpu_us"
	if is_recorded "$1"; then
		printf '"trace_bytes":%s,"events":%s,"lost_events":%s,"missing_events":%s,' \
			"$trace_bytes" "$events" "$lost" "$missing"
		printf '"bytes_per_request":%s,"bytes_per_event":%s,' "$bytes_per_request" \
			"$bytes_per_event"
	fi
	printf '"passed":%s}' "$passed"
}

compare() { # mode
	passed=true
	measure "$1"
	count_up "$1"
	bytes_per_request=$(calculate "$reads ? $trace_bytes / $reads : 0" 2)
	bytes_per_event=$(calculate "$events ? $trace_bytes / $events : 0" 2)
	report_comparison "$1"
	! is_recorded "$1" || report_efficiency "$1"
	report_validation "$1"
	described=${described:+$described,}$(describe_json "$1")
	[ "$passed" = true ] || all_passed=false
}

for needed in libtrace.so analyze_trace bench/echo_server bench/echo_load bench/floor.so; do
	[ -e "$build/$needed" ] || make --no-print-directory BUILD="$build" all benches >&2 ||
		die "can't build $build/$needed"
done
find_cores
described=
all_passed=true
for mode in $modes; do
	compare "$mode"
done
[ -z "$json" ] || echo "{\"seconds\":$seconds,\"comparisons\":[$described],\"passed\":$all_passed}"
[ "$all_passed" = true ]
