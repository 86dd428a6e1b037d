#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# bundle.sh WASM OUT FZSTD: makes the page, one file, from the template beside this script and the folder of the fzstd
# package (its licence goes in with it; where the folder is missing, the page goes without). The modules of js/ are joined in
# the order of their needs, without their import lines and `export` words: so an import is one line, and names are
# unique over all modules.
set -eu

here=$(dirname "$0")
wasm=$1 out=$2 fzstd=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

modules='format dom colors state remote view actions pieces measures panels input controls files app'
for module in $modules; do
	sed -e '/^import .* from .*;$/d' -e 's/^export //' "$here/js/$module.js"
done >"$scratch/SCRIPT"
{
	if [ -f "$fzstd/umd/index.js" ]; then
		printf '/* fzstd\n%s\n*/\n' "$(cat "$fzstd/LICENSE")"
		cat "$fzstd/umd/index.js"
		echo
	fi
	cat "$here/js/segments.js" "$here/js/inflate.js" "$here/js/worker.js"
} >"$scratch/WORKER"
cp "$here/style.css" "$scratch/STYLE"
base64 "$wasm" >"$scratch/WASM"

awk -v folder="$scratch" '
/^@[A-Z]+@$/ {
	file = folder "/" substr($0, 2, length($0) - 2)
	while ((getline line <file) > 0)
		print line
	close(file)
	next
}
{ print }' "$here/template.html" >"$out.new"
mv "$out.new" "$out"
