#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh FOLDER: makes FOLDER/root, where programs for aarch64 find their libraries: Debian's
# libuv for arm64, of the release of this machine, shared and static, and the C library of the cross
# compiler. Rules: as tests/libuv/setup.sh.
set -eu

folder=$1
[ ! -d "$folder/root" ] || exit 0
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
folder=$(realpath "$folder")
log=$folder/setup.log
: >"$log"

fail() {
	echo "setup.sh: $*; see $log" >&2
	tail -n 5 "$log" >&2
	exit 1
}

# apt with its state in FOLDER/apt, for the other kind of machine.
apt_apart() {
	apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
		-o Dir::State::status=/dev/null \
		-o Dir::Etc::sourcelist="$folder/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt" \
		-o APT::Sandbox::User=root "$@"
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format \
	"deb [arch=arm64 signed-by=$keyring] "'$(REPO_URI) $(RELEASE) main #$(LABEL)' \
	'Created-By: Packages' | sed -n 's/ #Debian.*//p' | sort -u >"$folder/apt/sources.list"
[ -s "$folder/apt/sources.list" ] || fail "no mirror of Debian is set up on this machine"
apt_apart update >>"$log" 2>&1 || fail "the lists of packages could not be fetched"
(cd "$folder/apt" && apt_apart download libuv1 libuv1-dev >>"$log" 2>&1) ||
	fail "libuv1 for arm64 could not be fetched"
rm -rf "$folder/root.new"
mkdir "$folder/root.new"
for package in "$folder"/apt/*.deb; do
	dpkg -x "$package" "$folder/root.new" >>"$log" 2>&1 || fail "libuv1 could not be unpacked"
done
cp -r /usr/aarch64-linux-gnu/lib "$folder/root.new/lib"
mv "$folder/root.new" "$folder/root"
