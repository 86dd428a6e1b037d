#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# debian_source.sh FOLDER RELEASE PACKAGE [VERSION]: downloads a source package of a Debian release
# into FOLDER; without VERSION its newest there.
# Rules: apt fetches and verifies, from the mirror that this machine is set up with, but with lists
# and a cache of its own in FOLDER, so the system's are left alone. Exit 1: it could not be had;
# standard error says why.
set -eu

release=$2 package=$3 version=${4:+=$4}
mkdir -p "$1/lists/partial" "$1/archives/partial"
folder=$(realpath "$1")

fail() {
	echo "debian_source.sh: $*" >&2
	exit 1
}

# The mirrors that packages of Debian come from here; the release is put in the place of this
# machine's.
write_sources_list() {
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(LABEL) $(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
		sort -u |
		while read -r label uri codename; do
			case $label:$codename in
			Debian-Security:*) suite=$release-security ;;
			Debian:*-*) continue ;; # updates, backports
			Debian:*) suite=$release ;;
			*) continue ;;
			esac
			echo "deb-src [signed-by=$keyring] $uri $suite main"
		done
}

apt_apart() {
	apt-get -q -o Dir::Etc::sourcelist="$folder/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder" \
		-o APT::Sandbox::User=root "$@"
}

command -v apt-get >/dev/null || fail "this is no Debian"
write_sources_list >"$folder/sources.list"
[ -s "$folder/sources.list" ] || fail "no mirror of Debian is set up on this machine"
apt_apart update >"$folder/log" 2>&1 ||
	fail "the lists of sources could not be fetched: $(tail -n 1 "$folder/log")"
cd "$folder"
apt_apart --download-only source "$package$version" >>"$folder/log" 2>&1 ||
	fail "the source package $package$version could not be fetched: $(tail -n 1 "$folder/log")"
