#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [PART ...]: are the names of scripts' functions the true ones? Each part, NAME_truth.py, is of one language:
# it runs programs whose stacks are known, looks at them LOOKS times each (default 200; 1000 for the figures of
# docs/runtime-names.md), and takes the programs to run from a variable: PYTHONS="python3.9 python3.13".
# Exit 0: no look told a wrong name. Ends nothing but what it started.
set -u

build=$1
shift
here=$(dirname "$0")
[ $# -gt 0 ] || set -- "$here"/*_truth.py
export LOOKS="${LOOKS:-200}"
status=0
for part; do
	case $part in
	*/*) ;;
	*) part=$here/${part}_truth.py ;;
	esac
	echo "== $(basename "$part" _truth.py)"
	"$part" "$build" || status=1
done
exit $status
