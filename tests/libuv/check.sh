#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check.sh: what `make check-libuv` runs: libuv's own test suite, of the version that is installed, against Debian's
# library and against three that are built from Debian's source. With words: only the libraries named (debian built
# symbolic clang).
set -eu

cd "$(dirname "$0")/../.."
build=${BUILD:-build}
version=$(dpkg-query -W -f '${source:Version}' libuv1)
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
folder=$(realpath -m "$build/libuv/$version")

tests/libuv/setup.sh "$folder" "$release" "$version"
[ $# -gt 0 ] || set -- debian built symbolic clang
for library; do
	shift
	case $library in
	debian) set -- "$@" "debian=/usr/lib/$(uname -m)-linux-gnu" ;;
	built) set -- "$@" "built=$folder/build" ;;
	*) set -- "$@" "$library=$folder/$library" ;;
	esac
done
exec tests/libuv/run.sh "$folder" "$folder/run" "$@"
