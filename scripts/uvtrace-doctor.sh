# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# uvtrace doctor: what is there, line by line, and a program that is recorded as a test.
# scripts/uvtrace reads this file when it is asked to, and has what both need: find_library,
# find_tool, resolve, check_program, die.
# Rules: a line says ok, warn or FAIL; the exit status is 1 where one says FAIL.
# shellcheck disable=SC2154 # $me, $here and $program_file are scripts/uvtrace's

doctor_status=0

# tell VERDICT SUBJECT WORDS: one line of what was found; "FAIL" is what the exit status goes by.
tell() {
	[ "$1" != FAIL ] || doctor_status=1
	printf '%-4s  %-10s  ' "$1" "$2"
	shift 2
	printf '%s\n' "$*"
}

free_bytes() {
	df -Pk "$1" 2>/dev/null | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'
}

megabytes() {
	echo "$((${1:-0} / 1048576)) MiB"
}

doctor_library() {
	helper=$(dirname "$library")/uvtrace-drain
	if ! [ -x "$helper" ]; then
		tell FAIL library "$library, but its helper $helper is not there"
	else
		tell ok library "$library, helper $("$helper" --version 2>&1)"
	fi
}

doctor_clock() {
	source=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null)
	case $(uname -m)-$source in
	aarch64-* | *-tsc) tell ok clock "the CPU's counter, which the kernel trusts" ;;
	*) tell warn clock "the kernel's (source ${source:-unknown}): each event costs more time" ;;
	esac
}

doctor_ring() {
	free=$(free_bytes /dev/shm)
	if ! [ -d /dev/shm ] || ! [ -w /dev/shm ]; then
		tell warn "ring" \
			"/dev/shm cannot be written to: rings will lie in the trace's folder"
	elif [ "${free:-0}" -lt 16777216 ]; then
		tell warn "ring" \
			"/dev/shm has $(megabytes "$free") left: rings are small, and may overflow"
	else
		tell ok "ring" "/dev/shm, $(megabytes "$free") free"
	fi
}

# doctor_memory: what rings get here, by the memory limit and UVTRACE_RING_TOTAL.
doctor_memory() {
	if ! rings=$("$(find_tool trace_ctl)" rings 2>&1); then
		tell warn memory "the rings' memory is not known: $rings"
		return
	fi
	case $rings in
	*' KiB for all'* | [1-7]' MiB for all'*)
		tell warn memory "$rings: busy workers may lose events"
		;;
	*) tell ok memory "$rings" ;;
	esac
}

doctor_disk() {
	folder=$(dirname "${UVTRACE_PATH:-uvtrace.data/trace.bin}")
	while ! [ -d "$folder" ]; do
		folder=$(dirname "$folder")
	done
	folder=$(readlink -f "$folder")
	free=$(free_bytes "$folder")
	if ! [ -w "$folder" ]; then
		tell FAIL disk "$folder cannot be written to by user $(id -un):" \
			"give another --path or UVTRACE_PATH"
	elif [ "${free:-0}" -lt 268435456 ]; then
		tell warn disk \
			"$folder has $(megabytes "$free") left; a trace may take up to 256 MiB"
	else
		tell ok disk "$folder, $(megabytes "$free") free"
	fi
}

# doctor_inside: of a libuv that is linked into the program; `inside` is what trace_ctl says of it.
doctor_inside() {
	state=$(echo "$inside" | head -n 1)
	only_waits="$program_file: tier libc, only waits can be seen"
	case ${UVTRACE_PATCH:-1}:$state in
	1:patched:*)
		tell ok program \
			"$program_file: tier full (patched): ${state#patched: }"
		echo "$inside" | sed -n 's/^refused: //p' | while read -r refused; do
			tell warn program "$refused"
		done
		echo "$inside" | sed -n 's/^not noted: //p' | while read -r missing; do
			tell ok program "every callback is seen, but not the $missing"
		done
		;;
	0:*) tell warn program "$only_waits: UVTRACE_PATCH=0 leaves the libuv in it alone" ;;
	*) tell warn program "$only_waits: ${state#unseen: }" ;;
	esac
}

# doctor_program NAME: sets program_file, and libuv_folder where it is linked to a shared libuv.
doctor_program() {
	if ! refusal=$({
		program=$(resolve "$1") || die 127 "$1: no such program"
		check_program "$program" 0
	} 2>&1); then
		tell FAIL program "${refusal#"$me: "}"
		return
	fi
	check_program "$(resolve "$1")" 0
	inside=$("$(find_tool trace_ctl)" program "$program_file" 2>/dev/null)
	case $inside in
	patched:* | unseen:*)
		doctor_inside
		return
		;;
	esac
	libuv=$(LD_PRELOAD='' LD_TRACE_LOADED_OBJECTS=1 "$program_file" </dev/null 2>/dev/null |
		sed -n 's/.*libuv\.so[^ ]* => \([^ ]*\) .*/\1/p')
	if [ -n "$libuv" ]; then
		libuv_folder=$(dirname "$libuv")
		tell ok program \
			"$program_file: tier full, everything can be seen; its libuv is $libuv"
	elif grep -qa UV_THREADPOOL_SIZE "$program_file"; then
		tell warn program "$program_file: tier libc, only waits can be seen:" \
			"libuv is linked into it, without names to find it by"
	else
		tell warn program "$program_file: no libuv is linked to it;" \
			"it will be seen once it is loaded (plugin, module), else nothing"
	fi
}

# doctor_test: records a program with two callbacks and reads them back.
doctor_test() {
	for selftest in "$here/../build/examples/completing_task" \
		"$here/../lib/uvtrace/completing_task"; do
		[ ! -x "$selftest" ] || break
	done
	if ! traces=$(mktemp -d); then
		tell FAIL self-test \
			"there is no folder for it: set TMPDIR to one that can be written to"
		return
	fi
	said=$(env -u UVTRACE_ENABLED -u UVTRACE_WRITER \
		${libuv_folder:+LD_LIBRARY_PATH="$libuv_folder"} \
		UVTRACE_PATH="$traces/trace.bin" LD_PRELOAD="$library" "$selftest" 2>&1)
	events=$("$(find_tool trace_to_jsonl)" "$traces" 2>&1)
	ends=$(echo "$events" | grep '"event":"PollEnd"' | grep -c '"callback":"compute')
	if [ "$ends" = 2 ]; then
		libuv=$(echo "$events" |
			sed -n 's/.*"event":"TraceStart".*"libuv":"\([^"]*\)".*/\1/p')
		tell ok self-test "2 of 2 callbacks were recorded and read back, with libuv $libuv"
	else
		tell FAIL self-test \
			"$selftest was not recorded: $(printf '%s\n%s' "$said" "$events" |
			head -n 3)"
	fi
	rm -rf "$traces"
}

# doctor_run [PROGRAM]
doctor_run() {
	library=$(find_library) || die 2 "libtrace.so is not there; type make first"
	libuv_folder=
	doctor_library
	doctor_clock
	doctor_ring
	doctor_memory
	doctor_disk
	[ $# = 0 ] || doctor_program "$1"
	doctor_test
	exit "$doctor_status"
}
