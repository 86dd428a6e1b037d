#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# node.sh ROOT [NAME=VALUE]... ARGUMENT...: Debian's node as setup.sh unpacked it into ROOT, with
# these variables. It looks for its own modules in /usr/share/nodejs: they are laid over /usr/share
# for this one process; where namespaces are forbidden a link is made (and stays).
set -u

root=$(realpath "$1")
shift
variables=()
while [[ ${1-} == [A-Z]*=* ]]; do
	variables+=("$1")
	shift
done
command=(env LD_LIBRARY_PATH="$root/usr/lib/$(uname -m)-linux-gnu" "${variables[@]}" \
	"$root/usr/bin/node" "$@")
apart=(unshare --mount)
[ "$(id -u)" = 0 ] || apart+=(--map-root-user)
if [ -e /usr/share/nodejs/undici ]; then
	exec "${command[@]}"
elif "${apart[@]}" true 2>/dev/null; then
	# shellcheck disable=SC2016 # expanded by the inner shell
	exec "${apart[@]}" sh -c 'mount -t overlay overlay -o lowerdir="$1:/usr/share" /usr/share &&
		shift && exec "$@"' sh "$root/usr/share" "${command[@]}"
fi
ln -sn "$root/usr/share/nodejs" /usr/share/nodejs
exec "${command[@]}"
