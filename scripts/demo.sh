#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh [BUILD]: traces an ordinary libuv program with a planted slow callback (docs/examples/telemetry_demo.c)
# and prints the analysis that names it. Everything it makes lies in BUILD/demo.
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
