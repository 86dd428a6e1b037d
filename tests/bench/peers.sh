#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# peers.sh: what other tracers cost on the loop of idle handles (idle_loop.c) that uvtrace is
# measured on: LTTng-UST, uftrace and bpftrace, as Debian packages them. Each records the start and
# the end of every callback. Rules: a peer that is not installed or may not run here is named and
# passed over; nothing is installed, nothing but a temporary folder is written, what is started is
# stopped. The best of the rounds is taken, for everybody.
set -u

cd "$(dirname "$0")/../.." || exit 1
. tests/bench/measure.sh
build=$(realpath -m "${BUILD:-build}")
sources=$PWD/tests/bench
work=$(mktemp -d)
session=
core=$(taskset -pc $$ | sed 's/.*: //; s/.*[,-]//')
finish() {
	[ -z "$session" ] || kill "$session" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

# Runs a program on one core and sets best_ns and callbacks (the warm-up round counts:
# tracers record it too).
run_loop() { # callbacks a round, rounds, then the command before and with the program
	local per_round=$1 rounds=$2
	shift 2
	taskset -c "$core" "$@" "$per_round" "$rounds" >"$work/out" 2>"$work/err" || return 1
	best_ns=$(sed -n 's/.*best_ns \([0-9.]*\).*/\1/p' "$work/out")
	callbacks=$((per_round * (rounds + 1)))
	[ -n "$best_ns" ]
}

row() { # name, bytes ("-": none), what the program must
	local bytes_per_event=-
	[ "$2" = - ] || bytes_per_event=$(calculate "$2 / ($callbacks * 2)" 1)
	printf '%-22s %12s %12s %14s   %s\n' "$1" "$best_ns" \
		"$(calculate "($best_ns - $bare_ns) / 2" 1)" "$bytes_per_event" "$3"
}

passed_over() { # name, why
	printf '%-22s %s\n' "$1" "not measured: $2"
}

compile() { # name, flags
	local name=$1
	shift
	${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -I"$sources" "$sources/idle_loop.c" \
		-o "$work/$name" "$@" -luv
}

measure_uvtrace() {
	[ -e "$build/libtrace.so" ] ||
		{ passed_over uvtrace "$build/libtrace.so is missing" && return; }
	run_loop 20000 200 env "LD_PRELOAD=$build/libtrace.so" \
		"UVTRACE_PATH=$work/uvtrace/trace.bin" UVTRACE_TOTAL_SIZE=4G "$work/bare"
	wait_sealed "$work/uvtrace"
	row uvtrace "$(bytes_in "$work/uvtrace")" nothing
}

measure_uftrace() {
	command -v uftrace >/dev/null ||
		{ passed_over uftrace "apt-get install uftrace" && return; }
	compile idle_loop.pg -pg
	run_loop 20000 50 uftrace record --no-libcall -d "$work/uftrace" "$work/idle_loop.pg" ||
		{ passed_over uftrace "$(tail -n 1 "$work/err")" && return; }
	row "$(uftrace --version | cut -d' ' -f1-2)" "$(bytes_in "$work/uftrace")" "be recompiled"
}

measure_lttng() {
	if ! command -v lttng-sessiond >/dev/null ||
		! compile idle_loop.lttng -DIDLE_LOOP_PROBES='"peers/lttng_probes.h"' -llttng-ust \
		2>"$work/err"; then
		passed_over LTTng-UST "apt-get install lttng-tools liblttng-ust-dev"
		return
	fi
	export LTTNG_HOME=$work/lttng
	mkdir "$LTTNG_HOME"
	lttng-sessiond >"$work/session" 2>&1 &
	session=$!
	sleep 1
	{
		lttng create peers --output="$work/lttng/trace"
		lttng enable-channel --userspace --subbuf-size=4M --num-subbuf=8 channel
		lttng enable-event --userspace --channel=channel 'uvloop:*'
		lttng start
	} >"$work/session" 2>&1
	run_loop 20000 100 "$work/idle_loop.lttng"
	lttng destroy >"$work/session" 2>&1
	row "LTTng-UST $(lttng --version | sed 's/.*) \([0-9.]*\).*/\1/')" \
		"$(bytes_in "$work/lttng/trace")" "be changed, recompiled"
	kill "$session"
	session=
}

measure_bpftrace() {
	command -v bpftrace >/dev/null ||
		{ passed_over bpftrace "apt-get install bpftrace" && return; }
	local program="
		uprobe:$work/bare:on_idle { @starts = count(); }
		uretprobe:$work/bare:on_idle { @ends = count(); }"
	bpftrace -e "$program" -c "$work/bare 5000 10" >"$work/out" 2>"$work/err"
	best_ns=$(sed -n 's/.*best_ns \([0-9.]*\).*/\1/p' "$work/out")
	grep -q '^@starts: [1-9]' "$work/out" ||
		{ passed_over bpftrace "$(tail -n 1 "$work/err")" && return; }
	row "$(bpftrace --version | sed 's/ v/ /')" - "be run by root"
}

compile bare || exit 1
run_loop 20000 200 "$work/bare" || exit 1
bare_ns=$best_ns
printf '%-22s %12s %12s %14s   %s\n' tracer "ns/callback" "ns/event" "bytes/event" \
	"the program must"
printf '%-22s %12s\n' none "$bare_ns"
measure_uvtrace
measure_uftrace
measure_lttng
measure_bpftrace
