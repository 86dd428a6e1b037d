#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh [BUILD]: traces an ordinary libuv program with a planted slow callback
# (docs/examples/telemetry_demo.c) and prints the analysis that names it. Everything it makes lies
# in BUILD/demo.
set -eu

build=${1:-build}
folder=$build/demo
rm -rf "$folder"
mkdir -p "$folder"

echo "\$ scripts/uvtrace --path=$folder/trace.bin -- $build/examples/telemetry_demo"
"$(dirname "$0")/uvtrace" --path="$folder/trace.bin" -- "$build/examples/telemetry_demo"
echo
echo "\$ $build/analyze_trace $folder"
"$build/analyze_trace" "$folder"

if [ -f "$build/trace_viewer.html" ]; then
	"$build/analyze_trace" --html "$folder/demo.html" "$folder"
	root=$(cd "$build" && pwd)
	echo
	echo "See it in a browser: open file://$root/trace_viewer.html and drop $root/demo on it;"
	echo "or open file://$root/demo/demo.html, the same page with the trace inside."
fi
