#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh [FOLDER]: puts Debian's own node 18 and named into FOLDER/root (default build/real),
# unpacked and not installed, so that another node or a running name server on this machine is left
# alone. Rules: everything comes from the distribution's packages; what is already there is not
# fetched again; FOLDER/root appears whole or not at all.
set -eu

folder=${1:-${BUILD:-build}/real}
root=$folder/root
[ -d "$root" ] && exit 0

say() {
	echo "setup.sh: $*" >&2
}

# Another repository may offer a newer "nodejs": Debian's own has the version of the library that it
# is built with.
version_of() {
	apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'
}

if [ -z "$(version_of libnode108)" ]; then
	say "the package lists know no libnode108 (Debian 12); run apt-get update"
	exit 1
fi
node_version=$(version_of libnode108)

packages="nodejs=$node_version libnode108=$node_version
	node-acorn node-busboy node-cjs-module-lexer node-undici bind9 bind9-libs"

mkdir -p "$folder"
# apt fetches as its own user where that one may write.
fetched=$(mktemp -d)
chmod 755 "$fetched"
trap 'rm -rf "$fetched" "$root.new"' EXIT
rm -rf "$root.new"
mkdir "$root.new"
chown _apt "$fetched" 2>/dev/null || true
# shellcheck disable=SC2086 # a list of packages
(cd "$fetched" && apt-get -qq download $packages)
for package in "$fetched"/*.deb; do
	dpkg -x "$package" "$root.new"
done

for program in usr/bin/node usr/sbin/named; do
	missing=$(LD_LIBRARY_PATH=$root.new/usr/lib/$(uname -m)-linux-gnu ldd "$root.new/$program" |
		sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p')
	if [ -n "$missing" ]; then
		say "$program needs libraries that are not installed: $(echo "$missing" |
			tr "\n" " ")"
		exit 1
	fi
done
mv "$root.new" "$root"
