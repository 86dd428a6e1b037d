# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts that measure have in common; sourced by them.

calculate() { # awk expression, digits
	awk "BEGIN { printf \"%.${2}f\", $1 }"
}

value_of() { # name, file of "name value" lines
	awk -v name="$1" '$1 == name { print $2 }' "$2"
}

field() { # name, file of JSON: the first number of that name
	grep -o "\"$1\": *[-0-9.]*" "$2" | sed -n '1s/.*: *//p'
}

bytes_in() { # folder
	find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'
}

# The helper of a program: the process of that name which has the program's ring in its memory.
find_helper() { # pid of the program
	local process
	for process in /proc/[0-9]*; do
		[ "$(cat "$process/comm" 2>/dev/null)" = uvtrace-drain ] || continue
		grep -qs "/uvtrace\.$1\." "$process/maps" && echo "${process#/proc/}" && return
	done
}

# Waits until the helper has sealed what the program left.
wait_sealed() { # folder
	for _ in {1..200}; do
		[ -n "$(find "$1" -name '*.open' 2>/dev/null)" ] || return 0
		sleep 0.05
	done
	return 1
}
