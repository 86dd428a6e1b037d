#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# bundle.sh WASM OUT FZSTD: makes the page, one file, from the template beside this script and the
# folder of the fzstd package (its licence goes in with it; where the folder is missing, the page
# goes without). The modules of js/ are joined in the order of their needs, without their imports
# and `export` words: so names are unique over all modules, which is checked. What C and JavaScript
# agree on comes from contract.def, for both threads.
set -eu

here=$(dirname "$0")
wasm=$1 out=$2 fzstd=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

modules='format dom draw/colors state load/remote draw/view draw/theme draw/canvas draw/frame
draw/layout draw/range draw/strokes draw/hit draw/scripts draw/phases draw/draw_over
draw/draw_lanes draw/draw_axis draw/draw_charts draw/strip draw/timeline briefs control/jobs
control/transactions control/actions panels/pieces panels/tables panels/csv panels/distribution
panels/panel_runs panels/panel_report panels/panel_findings panels/panel_tables panels/stalls
panels/panel_transaction panels/panel_selection panels/panel_signatures panels/panel_iterations
panels/flame panels/panel_profile panels/stall_graph panels/measures panels/panels control/link
control/go_to control/send control/keys panels/tip control/pointer control/controls load/files app'

# plain FILE ...: without imports, which may have several lines, and exports.
plain() {
	awk '/^import / { skips = 1 } !skips { sub(/^export /, ""); print } /;$/ { skips = 0 }' "$@"
}

awk -f "$here/contract.awk" "$here/contract.def" >"$scratch/contract.js"
plain "$scratch/contract.js" >"$scratch/SCRIPT"
for module in $modules; do
	plain "$here/js/$module.js" >>"$scratch/SCRIPT"
done
{
	if [ -f "$fzstd/umd/index.js" ]; then
		printf '/* fzstd\n%s\n*/\n' "$(cat "$fzstd/LICENSE")"
		cat "$fzstd/umd/index.js"
		echo
	fi
	plain "$scratch/contract.js"
	cat "$here/js/load/segments.js" "$here/js/load/inflate.js" "$here/js/load/worker.js"
} >"$scratch/WORKER"

# names FILE: those that its modules define.
names() {
	sed -nE 's/^(async )?(function|class|const|let) ([A-Za-z_]+).*/\3/p' "$1"
}

for script in SCRIPT WORKER; do
	twice=$(names "$scratch/$script" | sort | uniq -d)
	if [ -n "$twice" ]; then
		echo "bundle.sh: more than one module has the name:" $twice >&2
		exit 1
	fi
done
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
