#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh ROOT: makes the folder ROOT a Debian 13 (trixie) with what the whole-program tests need,
# libuv above all.
# Rules: as root; from the mirror that this machine is set up with; ROOT appears whole or not at
# all, and is not made again.
set -eu

root=$1
[ ! -d "$root" ] || exit 0
mkdir -p "$(dirname "$root")"
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian //p' | head -n 1)
if [ -z "$mirror" ]; then
	echo "setup.sh: no mirror of Debian is set up on this machine" >&2
	exit 1
fi
packages=gcc,libc6-dev,libcriterion3,libdw1t64,libjansson4,libprotobuf-c1,libuv1t64,procps
rm -rf "$root.new"
if ! PATH=$PATH:/usr/sbin debootstrap --variant=minbase \
	--include="$packages" trixie "$root.new" "$mirror" >"$root.log" 2>&1; then
	echo "setup.sh: debootstrap could not make it; see $root.log" >&2
	exit 1
fi
mv "$root.new" "$root"
