#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check.sh: what `make check-libuv` runs: libuv's own test suite, of the version that is installed,
# against Debian's library and against three that are built from Debian's source; the project's
# whole-program tests against these; several copies in one process; and the suite with libuv inside
# it, of this version, of Debian 13's, and of the sources in the folder LIBUV_SOURCE (a clone of
# libuv's repository at a version that no Debian has). With words: only the libraries named (debian
# built symbolic clang exported hidden exported_clang hidden_clang).
set -eu

cd "$(dirname "$0")/../.."
build=${BUILD:-build}
version=$(dpkg-query -W -f '${source:Version}' libuv1)
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
folder=$(realpath -m "$build/libuv/$version")

tests/libuv/setup.sh "$folder" "$release" "$version"
inside='exported hidden exported_clang hidden_clang'
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- debian built symbolic clang $inside
statics=
for library; do
	shift
	case " $inside " in
	*" $library "*)
		statics="$statics $library"
		continue
		;;
	esac
	case $library in
	debian) set -- "$@" "debian=/usr/lib/$(uname -m)-linux-gnu" ;;
	built) set -- "$@" "built=$folder/build" ;;
	*) set -- "$@" "$library=$folder/$library" ;;
	esac
done
status=0
[ $# = 0 ] || tests/libuv/run.sh "$folder" "$folder/run" "$@" || status=1

# check_inside RELEASE VERSION: the suite of that version, with libuv inside it.
check_inside() {
	suite=$(realpath -m "$build/libuv/$2")
	tests/libuv/setup.sh "$suite" "$1" "$2" static
	set --
	for library in $statics; do
		set -- "$@" "$library=$suite/$library"
	done
	tests/libuv/run.sh "$suite" "$suite/run" "$@" || status=1
}

newer=1.50.0-2
source=
if [ -n "${LIBUV_SOURCE:-}" ]; then
	name=$(sed -n 's/^AC_INIT(\[libuv\], \[\([0-9.]*\)\].*/\1/p' "$LIBUV_SOURCE/configure.ac")
	source="none ${name:?no libuv in LIBUV_SOURCE}"
	mkdir -p "$build/libuv/$name"
	[ -d "$build/libuv/$name/source" ] || cp -r "$LIBUV_SOURCE" "$build/libuv/$name/source"
fi
for wanted in "$release $version" "trixie $newer" ${source:+"$source"}; do
	[ -n "$statics" ] || break
	echo "== libuv ${wanted#* } inside the program"
	# shellcheck disable=SC2086 # release and version
	check_inside $wanted
done

# Where libuv's own calls cannot be seen, when the work of fs and dns requests ended is not in the
# trace.
for library in built symbolic clang; do
	filter='@(polls|workers)/*'
	[ "$library" != symbolic ] || filter='@(polls|workers)/!(fs_all|lookups)'
	echo "== the whole-program tests with libuv $version, $library"
	LD_LIBRARY_PATH=$folder/$library "$(realpath "$build")/e2e_tests" --jobs 2 \
		--filter="$filter" || status=1
done

here=$(realpath "$build")
# What cannot be seen there is said, and only there.
for library in built symbolic; do
	rm -rf "$folder/unseen"
	mkdir "$folder/unseen"
	(cd "$folder/unseen" && LD_LIBRARY_PATH=$folder/$library LD_PRELOAD=$here/libtrace.so \
		"$here/fixtures/fs_all") >/dev/null
	said=no
	"$build/analyze_trace" "$folder/unseen/uvtrace.data" |
		tr -s ' \n' ' ' >"$folder/unseen/report"
	! grep -q 'ended the work of files and names cannot be seen' "$folder/unseen/report" ||
		said=yes
	case $library,$said,$(grep -c 'Ran nothing: ' "$folder/unseen/report") in
	built,no,* | symbolic,yes,0) echo "ok - $library: what cannot be seen is said" ;;
	*)
		echo "not ok - $library: what cannot be seen is said"
		status=1
		;;
	esac
done

echo "== several copies of libuv in one process"
tests/libuv/copies/run.sh "$folder" "$folder/copies" || status=1
exit $status
