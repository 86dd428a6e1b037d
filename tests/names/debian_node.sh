#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# debian_node.sh FOLDER: makes FOLDER/bin/node Debian 12's own build of node, whose V8 is a
# stripped library, beside whatever node is installed. Rules: as root, on Debian 12; what is there
# is not fetched again; FOLDER appears whole or not at all. Status 3: it cannot be had here.
# Debian's node reads parts of itself from /usr/share/nodejs: it runs where that lies over
# /usr/share for it alone.
set -eu

folder=$1
packages="node-acorn node-busboy node-cjs-module-lexer node-undici node-xtend libc-ares2
	libnghttp2-14"

[ ! -d "$folder" ] || exit 0
# shellcheck source=/dev/null
[ "$(id -u)" = 0 ] && . /etc/os-release && [ "$ID$VERSION_ID" = debian12 ] || exit 3
mkdir -p "$folder.new/packages" "$folder.new/bin"
# The newest of Debian itself: another repository may have a newer one.
version=$(apt-cache madison nodejs | sed -n 's/^[^|]*| *\([^ ]*+dfsg-[^ ]*deb12[^ ]*\) .*/\1/p' |
	head -n 1)
(
	cd "$folder.new/packages"
	# shellcheck disable=SC2086 # a list
	apt-get download -qq "nodejs=$version" "libnode108=$version" $packages 2>/dev/null
	for package in *.deb; do dpkg-deb -x "$package" ..; done
) || {
	rm -rf "$folder.new"
	echo "debian_node.sh: Debian's node $version could not be fetched" >&2
	exit 1
}
rm -r "$folder.new/packages"
cat >"$folder.new/bin/node" <<'END'
#!/bin/sh
# shellcheck disable=SC2016 # the inner shell's
exec unshare -m sh -c '
	mount -t overlay -o "lowerdir=$0/usr/share:/usr/share" overlay /usr/share &&
	LD_LIBRARY_PATH=$0/usr/lib/$(uname -m)-linux-gnu exec "$0/usr/bin/node" "$@"
' "$(realpath "$(dirname "$0")/..")" "$@"
END
chmod +x "$folder.new/bin/node"
mv "$folder.new" "$folder"
