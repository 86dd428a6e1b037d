#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: what `make check-trixie` runs: this build, made on the system that it is made on, in a
# folder with Debian 13: libuv's own test suite of that release (tests/libuv/run.sh), then the
# project's whole-program tests. Rules: as tests/libuv/run.sh. Anybody but root gets a word and
# status 0, for only root can make the folder.
set -eu

cd "$(dirname "$0")/../.."
if [ "$(id -u)" != 0 ]; then
	echo "check-trixie: skipped: only root can make a folder with another Debian"
	exit 0
fi
build=$(realpath -m "${BUILD:-build}")
folder=$build/trixie
root=$folder/root
status=0

tests/trixie/setup.sh "$root"
version=$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${source:Version}' libuv1t64)
tests/libuv/setup.sh "$folder/$version" trixie "$version"
echo "== libuv $version, its own suite"
tests/libuv/run.sh --root="$root" "$folder/$version" "$folder/run" \
	"trixie=/usr/lib/$(uname -m)-linux-gnu" || status=1
echo "== the whole-program tests with libuv $version"
mkdir -p "$folder/e2e"
tests/libuv/run_apart.sh --root="$root" "$folder/e2e" "$build/e2e_tests" --jobs 2 || status=1
if [ -s "$folder/e2e/left" ]; then
	sed 's/^/# left behind: /' "$folder/e2e/left"
	status=1
fi
exit $status
