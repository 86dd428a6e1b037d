#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run_apart.sh [--root=ROOT] FOLDER COMMAND...: runs a command in FOLDER with a network, processes
# and a /dev/shm of its own, so that nothing outside can disturb it or be disturbed; in ROOT,
# another system's folder, where one is given. A second after its end, what the tracer left behind
# is written to FOLDER/left, a line each: processes and ring files; these are copied to
# FOLDER/rings. The exit status is the command's. Needs root, or a kernel that lets anybody make
# namespaces.
set -u

if [ "${1:-}" != --inside ]; then
	apart='unshare --mount --net --ipc --pid --fork --kill-child --mount-proc'
	[ "$(id -u)" = 0 ] || apart="$apart --map-root-user"
	exec $apart sh "$0" --inside "$@"
fi
shift
root=
case $1 in
--root=*)
	root=${1#--root=}
	shift
	;;
esac
folder=$(realpath "$1")
checkout=$(realpath "$(dirname "$0")/../..")
shift

bind() {
	mkdir -p "$root$1"
	mount --rbind "$1" "$root$1" || exit 125
}

PATH=$PATH:/usr/sbin:/sbin
ip link set lo up || exit 125
if [ -n "$root" ]; then
	for shared in /proc /sys /dev "$checkout" "$(realpath -m "${BUILD:-build}")" "$folder"; do
		bind "$shared"
	done
fi
mount -t tmpfs tmpfs "$root/dev/shm" || exit 125

cd "$folder" || exit 125
if [ -n "$root" ]; then
	# shellcheck disable=SC2016 # of the inner shell
	chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
else
	"$@"
fi
status=$?

sleep 1
mkdir -p rings
{
	# A process that has ended, and nobody has asked after, is none.
	for process in /proc/[0-9]*; do
		! grep -qs '^Name:.*uvtrace' "$process/status" ||
			grep -qs '^State:.*Z' "$process/status" ||
			echo "process ${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline")"
	done
	for ring in "$root"/dev/shm/uvtrace.*; do
		[ ! -e "$ring" ] || { echo "ring file ${ring##*/}" &&
			cp --sparse=always "$ring" rings; }
	done
} >left
exit $status
