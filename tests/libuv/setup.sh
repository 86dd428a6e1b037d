#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh FOLDER RELEASE VERSION: fetches the source package libuv1 VERSION of a Debian release
# into FOLDER/source and builds library and test suite into FOLDER/build, and the library once more,
# as distributions other than Debian do, into FOLDER/symbolic (-Wl,-Bsymbolic-functions) and
# FOLDER/clang, and into FOLDER/static, to be put into a plugin. Rules: what is already there is not
# made again.
set -eu

folder=$1 release=$2 version=$3 what=${4:-shared}
mkdir -p "$folder"
folder=$(realpath "$folder")
log=$folder/setup.log
jobs=$(nproc 2>/dev/null || echo 2)
: >"$log"

fail() {
	echo "setup.sh: $*; see $log" >&2
	tail -n 5 "$log" >&2
	exit 1
}

fetch() {
	"$(dirname "$0")/../../scripts/debian_source.sh" "$folder/apt" "$release" libuv1 \
		"$version" 2>>"$log" ||
		fail "the source package libuv1 $version could not be fetched"
	rm -rf "$folder/source.new"
	dpkg-source --no-check -x "$folder"/apt/libuv1_*.dsc "$folder/source.new" >>"$log" 2>&1 ||
		fail "the source package could not be unpacked"
	mv "$folder/source.new" "$folder/source"
}

# build NAME TARGET OPTION...: one cmake build in FOLDER/NAME.
build() {
	name=$1 target=$2
	shift 2
	[ ! -e "$folder/$name/done" ] || return 0
	rm -rf "${folder:?}/$name"
	{
		cmake -S "$folder/source" -B "$folder/$name" -DCMAKE_BUILD_TYPE=Release "$@" &&
			cmake --build "$folder/$name" -j "$jobs" --target "$target"
	} >>"$log" 2>&1 || fail "$name could not be built"
	touch "$folder/$name/done"
}

[ -d "$folder/source" ] || fetch
# Sockets in the folder that the suite runs in, not in /tmp: runs must not meet.
sed -i 's,"/tmp/uv-test,"uv-test,' "$folder/source/test/task.h"
if [ "$what" = static ]; then
	for compiler in gcc clang; do
		suffix=
		[ "$compiler" = gcc ] || suffix=_$compiler
		build "exported$suffix" uv_run_tests_a -DCMAKE_C_COMPILER=$compiler \
			-DCMAKE_EXE_LINKER_FLAGS=-rdynamic
		build "hidden$suffix" uv_run_tests_a -DCMAKE_C_COMPILER=$compiler
	done
	exit
fi
build build uv_run_tests # and the library
build symbolic uv -DCMAKE_SHARED_LINKER_FLAGS=-Wl,-Bsymbolic-functions
build clang uv -DCMAKE_C_COMPILER=clang
build static uv_a -DCMAKE_POSITION_INDEPENDENT_CODE=ON
